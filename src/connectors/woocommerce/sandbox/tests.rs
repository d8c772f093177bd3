//! The emulated shop's own behaviour, request by request.

use std::collections::BTreeMap;

use super::*;
use crate::sandbox::Profile;

struct Client {
    shop: WooCommerceSandbox,
    faults: Faults,
    sent: u64,
}

impl Client {
    fn new() -> Self {
        Self {
            shop: WooCommerceSandbox::default(),
            faults: Faults::new(Profile::default(), 1),
            sent: 0,
        }
    }

    fn request(&mut self, method: &str, path: &str, body: Option<Value>) -> Request {
        self.sent += 1;
        let now = Timestamp::now();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut query: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        for (key, value) in [
            ("oauth_consumer_key", auth::KEY.to_owned()),
            ("oauth_timestamp", now.as_second().to_string()),
            ("oauth_nonce", format!("nonce-{}", self.sent)),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
        ] {
            query.push((key.to_owned(), value));
        }
        let mut request = Request {
            method: method.to_owned(),
            path: format!("{NAMESPACE}/{path}"),
            raw_query: String::new(),
            query,
            headers: BTreeMap::new(),
            body: Vec::new(),
            base_url: "http://127.0.0.1:1".to_owned(),
            now,
        };
        if let Some(body) = body {
            request
                .headers
                .insert("content-type".into(), "application/json".into());
            request.body = body.to_string().into_bytes();
        }
        auth::sign_for_test(&mut request);
        request
    }

    fn answer(&mut self, request: &Request) -> (u16, Value) {
        let response = self.shop.respond(request, &mut self.faults);
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status, body)
    }

    fn call(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, path, Some(body));
        self.answer(&request)
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        let request = self.request("GET", path, None);
        self.answer(&request)
    }

    fn create(&mut self, body: Value) -> u64 {
        let (status, product) = self.call("POST", "products", body);
        assert_eq!(status, 201, "{product}");
        product["id"].as_u64().unwrap()
    }
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[test]
fn a_nonce_works_once_and_a_signature_for_its_request_only() {
    let mut client = Client::new();
    let request = client.request("GET", "products", None);
    assert_eq!(client.answer(&request).0, 200);
    let again = client.answer(&request);
    assert_eq!(code(&again), (401, "woocommerce_rest_authentication_error"));
    let mut changed = client.request("GET", "products", None);
    changed.query.push(("page".into(), "2".into()));
    assert_eq!(client.answer(&changed).0, 401);
    let mut late = client.request("GET", "products", None);
    late.now += jiff::SignedDuration::from_mins(16);
    assert_eq!(client.answer(&late).1["message"], "Invalid timestamp.");
    let mut bare = client.request("POST", "products", Some(json!({})));
    bare.query.clear();
    bare.headers
        .insert("authorization".into(), "Basic Y2s6Y3M=".into());
    let refused = client.answer(&bare);
    assert_eq!(code(&refused), (401, "woocommerce_rest_cannot_create"));
}

#[test]
fn a_single_call_is_checked_and_a_batch_is_not() {
    let mut client = Client::new();
    for body in [
        json!({"regular_price": 19.99}),
        json!({"stock_quantity": 2.7}),
        json!({"status": "live"}),
        json!({"manage_stock": "maybe"}),
    ] {
        let answer = client.call("POST", "products", body);
        assert_eq!(code(&answer), (400, "rest_invalid_param"));
    }
    let rows = json!({"create": [
        {"name": "A", "regular_price": 19.99, "status": "live", "manage_stock": true, "stock_quantity": "five"},
        {"name": "B", "type": "nope", "manage_stock": "maybe", "stock_quantity": 3},
    ]});
    let (status, answer) = client.call("POST", "products/batch", rows);
    assert_eq!(status, 200);
    let first = &answer["create"][0];
    assert_eq!(
        (
            &first["regular_price"],
            &first["status"],
            &first["stock_quantity"]
        ),
        (&json!("19.99"), &json!("draft"), &json!(0))
    );
    let second = &answer["create"][1];
    assert_eq!(
        (
            &second["type"],
            &second["manage_stock"],
            &second["stock_quantity"]
        ),
        (&json!("simple"), &json!(false), &Value::Null)
    );
}

#[test]
fn a_batch_has_its_order_its_size_and_its_rows() {
    let mut client = Client::new();
    let id = client.create(json!({"name": "A", "sku": "A"}));
    let rows = json!({
        "delete": [id, 999],
        "create": [{"sku": "a"}],
        "update": [{"id": id, "sku": "B"}, {"name": "nobody"}],
    });
    let (_, answer) = client.call("POST", "products/batch", rows);
    assert_eq!(answer["create"][0]["id"], 0);
    assert_eq!(answer["create"][0]["error"]["code"], "product_invalid_sku");
    assert_eq!(answer["create"][0]["error"]["data"]["resource_id"], id);
    assert_eq!(answer["update"][0]["sku"], "B");
    assert_eq!(answer["update"][1]["id"], Value::Null);
    assert_eq!(answer["delete"][1]["error"]["data"]["status"], 404);
    assert_eq!(client.get(&format!("products/{id}")).0, 404, "for good");
    let many: Vec<Value> = (0..101).map(|_| json!({})).collect();
    let answer = client.call("POST", "products/batch", json!({"create": many}));
    assert_eq!(
        code(&answer),
        (413, "woocommerce_rest_request_entity_too_large")
    );
    assert_eq!(
        client.call("POST", "products/batch", json!({})),
        (200, json!([]))
    );
}

#[test]
fn the_trash_keeps_its_sku() {
    let mut client = Client::new();
    let id = client.create(json!({"sku": "A", "global_unique_id": "4006381333931"}));
    let path = format!("products/{id}");
    let (status, answer) = client.call("DELETE", &path, json!({}));
    assert_eq!((status, &answer["status"]), (200, &json!("publish")));
    assert_eq!(client.get(&path).1["status"], "trash");
    assert_eq!(client.get("products?sku=A").1, json!([]));
    let answer = client.call("POST", "products", json!({"sku": "a"}));
    assert_eq!(code(&answer), (400, "woocommerce_rest_product_not_created"));
    client.create(json!({"sku": "B", "global_unique_id": "4006381333931"}));
    let again = client.call("DELETE", &path, json!({}));
    assert_eq!(code(&again), (410, "woocommerce_rest_already_trashed"));
}

#[test]
fn stock_without_management_is_dropped() {
    let mut client = Client::new();
    let id = client.create(json!({"sku": "A", "stock_quantity": 5, "regular_price": "2,50"}));
    let path = format!("products/{id}");
    let product = client.get(&path).1;
    assert_eq!(product["stock_quantity"], Value::Null);
    assert_eq!(product["regular_price"], "250", "a comma is dropped");
    let managed = json!({"manage_stock": true, "stock_quantity": "7"});
    assert_eq!(client.call("PUT", &path, managed).1["stock_quantity"], 7);
    client.call("PUT", &path, json!({"manage_stock": false}));
    let again = client.call("PUT", &path, json!({"manage_stock": true})).1;
    assert_eq!(again["stock_quantity"], Value::Null);
    assert_eq!(again["stock_status"], "outofstock");
}

#[test]
fn a_sale_that_saves_nothing_is_emptied() {
    let mut client = Client::new();
    let id = client.create(json!({"regular_price": "10", "sale_price": "10"}));
    let path = format!("products/{id}");
    assert_eq!(client.get(&path).1["sale_price"], "");
    let sale = client.call("PUT", &path, json!({"sale_price": "8"})).1;
    assert_eq!(
        (&sale["price"], &sale["on_sale"]),
        (&json!("8"), &json!(true))
    );
    let cheaper = client.call("PUT", &path, json!({"regular_price": "7"})).1;
    assert_eq!(
        (&cheaper["price"], &cheaper["sale_price"]),
        (&json!("7"), &json!(""))
    );
}

#[test]
fn stock_moves_with_the_status_of_the_order() {
    let mut client = Client::new();
    let product = client.create(
        json!({"sku": "A", "regular_price": "4", "manage_stock": true, "stock_quantity": 10}),
    );
    let line = json!({"line_items": [{"sku": "A", "quantity": 3}]});
    let (status, order) = client.call("POST", "orders", line);
    assert_eq!((status, &order["total"]), (201, &json!("12.00")));
    let path = format!("orders/{}", order["id"]);
    let mut left = |status: &str| {
        client.call("PUT", &path, json!({"status": status}));
        client.get(&format!("products/{product}")).1["stock_quantity"].clone()
    };
    for (status, stock) in [
        ("failed", 10),
        ("on-hold", 7),
        ("processing", 7),
        ("completed", 7),
        ("refunded", 7),
        ("cancelled", 10),
        ("processing", 7),
        ("pending", 10),
    ] {
        assert_eq!(left(status), stock, "{status}");
    }
}

#[test]
fn lists_filter_and_page_as_the_shop_does() {
    let mut client = Client::new();
    for sku in ["A", "B", "C"] {
        client.create(json!({"sku": sku, "name": sku}));
    }
    for path in [
        "products?per_page=0",
        "products?per_page=101",
        "products?orderby=color",
        "products?status=draft,publish",
        "orders?status=wc-processing",
        "orders?modified_after=2026-01-01",
    ] {
        assert_eq!(
            code(&client.get(path)),
            (400, "rest_invalid_param"),
            "{path}"
        );
    }
    let (status, page) = client.get("products?per_page=2&page=2&orderby=id&order=asc&_fields=sku");
    assert_eq!((status, page), (200, json!([{"sku": "C"}])));
    assert_eq!(client.get("products?page=9").1, json!([]));
    assert_eq!(
        client.get("products?sku=b,C").1.as_array().unwrap().len(),
        2
    );
    assert_eq!(code(&client.get("coupons")), (404, "rest_no_route"));
    let wrong_method = client.call("PATCH", "products", json!({}));
    assert_eq!(code(&wrong_method), (404, "rest_no_route"));
}

#[test]
fn a_body_without_its_type_is_not_read() {
    let mut client = Client::new();
    let mut request = client.request("POST", "products", Some(json!({"name": "Mug"})));
    request.headers.clear();
    let (status, product) = client.answer(&request);
    assert_eq!((status, &product["name"]), (201, &json!("Product")));
}

#[test]
fn a_text_is_stored_and_shown_differently() {
    let mut client = Client::new();
    let id = client.create(json!({"name": "Tom & Jerry", "description": "é😀"}));
    let path = format!("products/{id}");
    assert_eq!(client.get(&path).1["description"], "<p>é😀</p>\n");
    let stored = client.get(&format!("{path}?context=edit")).1;
    assert_eq!(stored["description"], "é😀");
    assert_eq!(stored["name"], "Tom &amp; Jerry");
}

#[test]
fn refunds_fail_in_their_own_way() {
    let mut client = Client::new();
    client.create(json!({"sku": "A", "regular_price": "10"}));
    let line = json!({"status": "processing", "line_items": [{"sku": "A"}]});
    let id = client.call("POST", "orders", line).1["id"].clone();
    let path = format!("orders/{id}/refunds");
    for body in [
        json!({"amount": "1.00"}),
        json!({"amount": "11.00", "api_refund": false}),
    ] {
        let (status, answer) = client.call("POST", &path, body);
        assert_eq!((status, &answer["data"]), (500, &json!(400)));
    }
    let comma = json!({"amount": "1,50", "api_refund": false});
    let refund = client.call("POST", &path, comma).1;
    assert_eq!(refund["amount"], "150.00", "a comma is dropped");
    let one = format!("{path}/{}", refund["id"]);
    assert_eq!(client.call("DELETE", &one, json!({})).0, 200);
    assert_eq!(client.get(&one).0, 404, "gone without force");
    let whole = json!({"amount": "10.00", "api_refund": false});
    assert_eq!(client.call("POST", &path, whole).0, 201);
    let order = client.get(&format!("orders/{id}")).1;
    assert_eq!(order["status"], "refunded");
    assert_eq!(order["total"], "10.00", "the total stays");
    assert_eq!(order["refunds"][0]["total"], "-10.00");
    let notes = format!("orders/{id}/notes");
    let note = client.call("POST", &notes, json!({"note": "hello"})).1;
    let one = format!("{notes}/{}", note["id"]);
    assert_eq!(client.call("DELETE", &one, json!({})).0, 501);
    assert_eq!(client.call("DELETE", &one, json!({"force": true})).0, 200);
    assert_eq!(client.get(&notes).1, json!([]));
}
