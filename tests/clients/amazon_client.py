"""A widely used Python client of Amazon's Selling Partner API against the sandbox."""

import io
import json
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from sp_api.api import FeedsV20210630, ListingsItemsV20210801, OrdersV0, OrdersV20260101, Sellers
from sp_api.auth import AccessTokenClient
from sp_api.auth.exceptions import AuthorizationError
from sp_api.base import SellingApiException

from steps import SANDBOX, control, run, until

SETTINGS = SANDBOX["settings"]
SELLER = SETTINGS["seller_id"]
MARKET = SETTINGS["marketplace_id"]

# The client knows Amazon's own addresses only, and only by https.
AccessTokenClient.scheme, AccessTokenClient.host = "http://", SANDBOX["url"].removeprefix("http://")
STORE = SimpleNamespace(endpoint=SETTINGS["endpoint"], marketplace_id=MARKET, region="eu-west-1")


def connect(client, token=SETTINGS["refresh_token"]):
    credentials = {"refresh_token": token, "lwa_app_id": SETTINGS["client_id"],
                   "lwa_client_secret": SETTINGS["client_secret"]}
    return client(STORE, credentials=credentials, refresh_token=token)


listings = connect(ListingsItemsV20210801)
feeds = connect(FeedsV20210630)
orders = connect(OrdersV20260101)


def offer(price, quantity):
    schedule = [{"schedule": [{"value_with_tax": price}]}]
    return {
        "purchasable_offer": [{"marketplace_id": MARKET, "currency": "EUR", "our_price": schedule}],
        "fulfillment_availability": [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}],
    }


def attributes(title, price, quantity):
    return {
        "item_name": [{"value": title, "language_tag": "de_DE", "marketplace_id": MARKET}],
        "condition_type": [{"value": "new_new", "marketplace_id": MARKET}],
        "supplier_declared_has_product_identifier_exemption": [{"value": True, "marketplace_id": MARKET}],
        **offer(price, quantity),
    }


def put(sku, body, **more):
    return listings.put_listings_item(SELLER, sku, marketplaceIds=[MARKET], body=body, **more).payload


def read(sku):
    parts = ["summaries", "attributes", "offers", "fulfillmentAvailability"]
    return listings.get_listings_item(SELLER, sku, marketplaceIds=[MARKET], includedData=parts).payload


def fails(code, action):
    try:
        action()
    except SellingApiException as error:
        assert error.code == code, (error.code, code)
        return error
    raise AssertionError(f"the answer should have been {code}")


def tokens():
    "a token is granted for the right refresh token and for no other"
    assert listings.auth.access_token.startswith("Atza|")
    try:
        connect(Sellers, "Atzr|wrong").get_marketplace_participation()
    except AuthorizationError as error:
        assert error.error_code == "invalid_grant", error.error_code
    else:
        raise AssertionError("a wrong refresh token was taken")
    stores = connect(Sellers).get_marketplace_participation().payload
    assert any(one["marketplace"]["id"] == MARKET for one in stores), stores


def listing():
    "a listing is validated without a trace, put, and live a moment later"
    body = {"productType": "HAT", "requirements": "LISTING", "attributes": attributes("Hut", 19.99, 5)}
    preview = put("HAT-1", body, mode="VALIDATION_PREVIEW")
    assert (preview["status"], preview["issues"]) == ("VALID", []), preview
    fails(404, lambda: read("HAT-1"))
    answer = put("HAT-1", body)
    assert (answer["sku"], answer["status"], answer["issues"]) == ("HAT-1", "ACCEPTED", []), answer

    def live():
        try:
            return read("HAT-1")
        except SellingApiException as error:
            assert error.code == 404
            return None

    item = until(live, bool)
    assert item["summaries"][0]["itemName"] == "Hut", item
    assert item["summaries"][0]["productType"] == "HAT"
    assert item["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 5}]
    price = item["offers"][0]["price"]
    assert (float(price["amount"]), price.get("currency") or price.get("currencyCode")) == (19.99, "EUR"), price


def incomplete():
    "a listing without what it needs is invalid and names it; a sku nobody has is not found"
    answer = put("HAT-2", {"productType": "HAT", "requirements": "LISTING", "attributes": {
        "item_name": [{"value": "Hut", "marketplace_id": MARKET}]}})
    assert answer["status"] == "INVALID", answer
    named = {name for issue in answer["issues"] for name in issue["attributeNames"]}
    assert {"condition_type", "purchasable_offer"} <= named, named
    fails(404, lambda: read("HAT-2"))


def patch():
    "a patch changes what it names and nothing else"
    patches = [{"op": "merge", "path": f"/attributes/{name}", "value": value}
               for name, value in offer(17.5, 2).items()]
    answer = listings.patch_listings_item(SELLER, "HAT-1", marketplaceIds=[MARKET],
                                          body={"productType": "HAT", "patches": patches}).payload
    assert answer["status"] == "ACCEPTED", answer
    item = until(lambda: read("HAT-1"), lambda item: item["fulfillmentAvailability"][0]["quantity"] == 2)
    assert item["fulfillmentAvailability"][0]["quantity"] == 2, item
    assert float(item["offers"][0]["price"]["amount"]) == 17.5, item
    assert item["attributes"]["item_name"][0]["value"] == "Hut", item


def feed():
    "a feed is uploaded, processed and reported message by message"
    messages = [
        {"messageId": 1, "sku": "CAP-1", "operationType": "UPDATE", "productType": "HAT", "requirements": "LISTING",
         "attributes": attributes("Kappe", 9.5, 7)},
        {"messageId": 2, "sku": "CAP-2", "operationType": "UPDATE", "productType": "HAT", "requirements": "LISTING",
         "attributes": {"item_name": [{"value": "Kappe", "marketplace_id": MARKET}]}},
    ]
    header = {"sellerId": SELLER, "version": "2.0", "issueLocale": "en_US"}
    document = io.BytesIO(json.dumps({"header": header, "messages": messages}).encode())
    _, created = feeds.submit_feed("JSON_LISTINGS_FEED", document, "application/json; charset=UTF-8",
                                   marketplaceIds=[MARKET])
    feed_id = created.payload["feedId"]
    state = until(lambda: feeds.get_feed(feed_id).payload,
                  lambda state: state["processingStatus"] not in ("IN_QUEUE", "IN_PROGRESS"))
    assert state["processingStatus"] == "DONE", state
    assert state["feedType"] == "JSON_LISTINGS_FEED", state
    report = json.loads(feeds.get_feed_document(state["resultFeedDocumentId"]))
    summary = report["summary"]
    assert (summary["messagesProcessed"], summary["messagesAccepted"], summary["messagesInvalid"]) == (2, 1, 1), summary
    assert {issue["messageId"] for issue in report["issues"]} == {2}, report["issues"]
    assert read("CAP-1")["fulfillmentAvailability"][0]["quantity"] == 7
    fails(404, lambda: read("CAP-2"))
    known = feeds.get_feeds(feedTypes="JSON_LISTINGS_FEED").payload["feeds"]
    assert [one["feedId"] for one in known] == [feed_id], known


def search():
    "listings are found by sku and page by page"
    found = listings.search_listings_items(SELLER, marketplaceIds=[MARKET], identifiers=["CAP-1", "CAP-9"],
                                           identifiersType="SKU", includedData=["summaries"]).payload
    assert [one["sku"] for one in found["items"]] == ["CAP-1"], found
    first = listings.search_listings_items(SELLER, marketplaceIds=[MARKET], pageSize=1)
    assert first.payload["numberOfResults"] == 2, first.payload
    token = first.next_token
    second = listings.search_listings_items(SELLER, marketplaceIds=[MARKET], pageSize=1, pageToken=token)
    assert {first.payload["items"][0]["sku"], second.payload["items"][0]["sku"]} == {"CAP-1", "HAT-1"}
    assert second.next_token is None, second.payload


def order():
    "a buyer's order is found, and shipped parcel by parcel"
    bought = control("orders", {"lines": [{"sku": "CAP-1", "quantity": 3}]})
    since = (datetime.now(timezone.utc) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = orders.search_orders(lastUpdatedAfter=since, marketplaceIds=[MARKET],
                                  includedData=["PROCEEDS", "FULFILLMENT"]).payload
    [found] = answer["orders"]
    assert found["orderId"] == bought["order_id"]
    assert found["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    [line] = found["orderItems"]
    assert (line["product"]["sellerSku"], line["quantityOrdered"]) == ("CAP-1", 3), line
    total = found["proceeds"]["grandTotal"]
    assert (float(total["amount"]), total["currencyCode"]) == (28.5, "EUR"), total

    shipping = connect(OrdersV0)
    for reference, quantity, status in [("1", 1, "PARTIALLY_SHIPPED"), ("2", 2, "SHIPPED")]:
        shipping.confirm_shipment(found["orderId"], marketplaceId=MARKET, packageDetail={
            "packageReferenceId": reference, "carrierCode": "DHL", "trackingNumber": f"0034{reference}",
            "shipDate": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "orderItems": [{"orderItemId": line["orderItemId"], "quantity": quantity}]})
        one = orders.get_order(found["orderId"], includedData=["FULFILLMENT", "PACKAGES"]).payload
        assert one["order"]["fulfillment"]["fulfillmentStatus"] == status, one
    assert [one["trackingNumber"] for one in one["order"]["packages"]] == ["00341", "00342"], one
    fails(400, lambda: shipping.confirm_shipment(found["orderId"], marketplaceId=MARKET, packageDetail={
        "packageReferenceId": "3", "carrierCode": "DHL", "trackingNumber": "1", "shipDate": since,
        "orderItems": [{"orderItemId": line["orderItemId"], "quantity": 1}]}))


def deletion():
    "a deleted listing is gone"
    listings.delete_listings_item(SELLER, "HAT-1", marketplaceIds=[MARKET])

    def gone():
        try:
            read("HAT-1")
        except SellingApiException as error:
            return error.code == 404
        return False

    assert until(gone, bool)


run(tokens, listing, incomplete, patch, feed, search, order, deletion)
