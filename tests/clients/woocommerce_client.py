"""WooCommerce's own Python client against the sandbox."""

from steps import SANDBOX, control, run
from woocommerce import API

SETTINGS = SANDBOX["settings"]


def connect(secret=SETTINGS["consumer_secret"]):
    return API(SETTINGS["url"], SETTINGS["consumer_key"], secret, version="wc/v3", timeout=10)


shop = connect()


def refused():
    "a wrong secret is refused with the vendor's code"
    answer = connect("cs_wrong").get("products")
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == "woocommerce_rest_authentication_error"


def product():
    "a product is created, read, changed; its text may hold anything"
    title = "Tasse “Grün” & Söhne, 50 % größer"
    answer = shop.post("products", {"name": title, "sku": "CUP 1 ä", "regular_price": "9.90",
                                    "manage_stock": True, "stock_quantity": 4})
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert (created["sku"], created["price"], created["stock_quantity"]) == ("CUP 1 ä", "9.90", 4)
    path = f"products/{created['id']}"
    assert shop.put(path, {"sale_price": "8.00"}).status_code == 200
    read = shop.get(path).json()
    assert (read["regular_price"], read["sale_price"], read["price"]) == ("9.90", "8.00", "8.00")
    assert read["name"].replace("&amp;", "&") == title, read["name"]
    found = shop.get("products", params={"sku": "CUP 1 ä"}).json()
    assert [one["id"] for one in found] == [created["id"]], found


def variations():
    "variations are created by batch under their parent"
    parent = shop.post("products", {
        "name": "Poster", "type": "variable", "sku": "POSTER",
        "attributes": [{"name": "Size", "variation": True, "options": ["A2", "A3"]}],
    }).json()
    path = f"products/{parent['id']}/variations"
    rows = [{"sku": f"POSTER-{size}", "regular_price": price, "manage_stock": True, "stock_quantity": 5,
             "attributes": [{"name": "Size", "option": size}]} for size, price in [("A2", "15.00"), ("A3", "11.00")]]
    made = shop.post(f"{path}/batch", {"create": rows}).json()["create"]
    assert [row["sku"] for row in made] == ["POSTER-A2", "POSTER-A3"], made
    assert shop.get(f"products/{parent['id']}").json()["price"] == "11.00", "a parent shows its lowest price"


def batch():
    "a batch creates, changes and deletes, and a bad row keeps to itself"
    made = shop.post("products/batch", {
        "create": [{"name": f"Pen {at}", "sku": f"PEN-{at}", "regular_price": "2.00"} for at in range(6)],
    }).json()["create"]
    ids = [row["id"] for row in made]
    answer = shop.post("products/batch", {
        "create": [{"name": "Twin", "sku": "PEN-1"}],
        "update": [{"id": ids[0], "regular_price": "2.50"}, {"id": 999999, "regular_price": "1"}],
        "delete": [ids[5]],
    }).json()
    assert answer["create"][0]["error"]["code"] == "product_invalid_sku", answer
    assert answer["update"][0]["regular_price"] == "2.50", answer
    assert "error" in answer["update"][1], answer
    assert answer["delete"][0]["id"] == ids[5], answer


def pages():
    "every product is on one page, and the headers tell how many there are"
    seen, page, pages_in_all = [], 1, 1
    while page <= pages_in_all:
        answer = shop.get("products", params={"per_page": 3, "page": page, "orderby": "id"})
        pages_in_all = int(answer.headers["X-WP-TotalPages"])
        seen += [one["id"] for one in answer.json()]
        page += 1
    total = int(answer.headers["X-WP-Total"])
    assert len(seen) == len(set(seen)) == total == 7, seen
    one_more = shop.get("products", params={"per_page": 101})
    assert one_more.status_code == 400 and one_more.json()["code"] == "rest_invalid_param", one_more.text


def orders():
    "a buyer's order is found and changed, and canceling it gives its stock back"
    bought = control("orders", {"lines": [{"sku": "POSTER-A2", "quantity": 2}]})
    answer = shop.get("orders", params={"status": "processing"})
    [order] = answer.json()
    assert str(order["id"]) == bought["order_id"]
    [line] = order["line_items"]
    assert (line["sku"], line["quantity"], line["total"]) == ("POSTER-A2", 2, "30.00"), line
    assert control("state")["listings"]["POSTER-A2"]["quantity"] == 3
    changed = shop.put(f"orders/{order['id']}", {"meta_data": [{"key": "_tracking_number", "value": "123"}]}).json()
    assert {"_tracking_number": "123"}.items() <= {one["key"]: one["value"] for one in changed["meta_data"]}.items()
    assert shop.put(f"orders/{order['id']}", {"status": "cancelled"}).json()["status"] == "cancelled"
    assert control("state")["listings"]["POSTER-A2"]["quantity"] == 5
    since = shop.get("orders", params={"modified_after": "2000-01-01T00:00:00", "dates_are_gmt": "true"}).json()
    assert [one["id"] for one in since] == [order["id"]]


run(refused, product, variations, batch, pages, orders)
