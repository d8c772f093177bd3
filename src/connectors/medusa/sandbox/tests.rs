//! What a running server does that its documentation does not say. Each was seen on Medusa 2.21.2.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::sandbox::{Profile, PurchaseLine};

struct Client {
    shop: MedusaSandbox,
    faults: Faults,
}

impl Client {
    fn new() -> Self {
        Self {
            shop: MedusaSandbox::default(),
            faults: Faults::new(Profile::default(), 1),
        }
    }

    fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query = query.split('&').filter_map(|pair| pair.split_once('='));
        let key = BASE64_STANDARD.encode(format!("{}:", wire::KEY));
        let request = Request {
            method: method.to_owned(),
            path: format!("/admin/{path}"),
            raw_query: String::new(),
            query: query
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            headers: BTreeMap::from([("authorization".to_owned(), format!("Basic {key}"))]),
            body: body.to_vec(),
            base_url: "http://127.0.0.1:1".to_owned(),
            now: Timestamp::now(),
        };
        self.shop.respond(&request, &mut self.faults)
    }

    fn get(&mut self, path: &str) -> Value {
        let response = self.send("GET", path, b"");
        assert_eq!(
            response.status,
            200,
            "{}",
            String::from_utf8_lossy(&response.body)
        );
        serde_json::from_slice(&response.body).unwrap()
    }

    fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        let response = self.send("POST", path, body.to_string().as_bytes());
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap_or_default(),
        )
    }

    fn refused(&mut self, path: &str, body: Value) -> (u16, String) {
        let (status, body) = self.post(path, body);
        (
            status,
            body["message"].as_str().unwrap_or_default().to_owned(),
        )
    }

    fn create(&mut self, products: &[Value]) -> Value {
        let (status, answer) = self.post("products/batch", json!({ "create": products }));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn stock(&mut self, sku: &str) -> (i64, i64) {
        let item = self.get(&format!("inventory-items?sku[]={sku}"));
        let level = &item["inventory_items"][0]["location_levels"][0];
        let number = |name: &str| level[name].as_i64().unwrap();
        (number("stocked_quantity"), number("reserved_quantity"))
    }

    /// A product of one size with so many pieces.
    fn stocked(&mut self, sku: &str, quantity: u64) {
        let answer = self.create(&[tee(sku, &["S"])]);
        let item = &answer["created"][0]["variants"][0]["inventory_items"][0]["inventory_item_id"];
        let level = json!({"inventory_item_id": item, "location_id": STOCK_LOCATION, "stocked_quantity": quantity});
        let (status, _) = self.post(
            "inventory-items/location-levels/batch",
            json!({ "create": [level] }),
        );
        assert_eq!(status, 200);
    }

    fn buy(&mut self, sku: &str, quantity: u64) -> Result<String, String> {
        let lines = vec![PurchaseLine {
            sku: sku.to_owned(),
            quantity,
        }];
        let purchase = Purchase { lines, buyer: None };
        self.shop
            .buy(&purchase, Timestamp::now())
            .map(|receipt| receipt.order_id)
    }
}

fn tee(name: &str, sizes: &[&str]) -> Value {
    let variants: Vec<_> = sizes
        .iter()
        .map(|size| {
            json!({
                "title": size, "sku": format!("{name}-{size}"), "options": {"Size": size},
                "prices": [{"currency_code": "eur", "amount": 19.99}, {"currency_code": "usd", "amount": 21}],
            })
        })
        .collect();
    json!({
        "title": name, "handle": name.to_lowercase(), "external_id": name, "status": "published",
        "sales_channels": [{"id": SALES_CHANNEL}],
        "options": [{"title": "Size", "values": sizes}],
        "variants": variants,
    })
}

#[test]
fn a_batch_is_carried_out_whole_or_not_at_all_and_answers_in_its_own_order() {
    let mut client = Client::new();
    let answer = client.create(&[tee("A", &["S"]), tee("B", &["S"])]);
    assert_eq!(answer["created"][0]["external_id"], "B");
    let mut clash = tee("D", &["S"]);
    clash["variants"][0]["sku"] = json!("A-S");
    assert_eq!(
        client.refused(
            "products/batch",
            json!({"create": [tee("C", &["S"]), clash]})
        ),
        (
            400,
            "Product variant with sku: A-S, already exists.".to_owned()
        )
    );
    assert_eq!(client.get("products")["count"], 2);
    let twin =
        json!({"title": "Twin", "handle": "a", "options": [{"title": "Size", "values": ["S"]}]});
    assert_eq!(
        client.refused("products/batch", json!({ "create": [twin] })),
        (400, "Product with handle: a, already exists.".to_owned())
    );
    assert_eq!(
        client
            .refused(
                "products/batch",
                json!({"update": [{"id": "prod_x", "title": "T"}]})
            )
            .0,
        404
    );
}

#[test]
fn variants_that_an_update_leaves_out_are_deleted() {
    let mut client = Client::new();
    let answer = client.create(&[tee("A", &["S", "M"])]);
    let product = &answer["created"][0];
    let update = json!({"id": product["id"], "variants": [{"id": product["variants"][0]["id"]}]});
    assert_eq!(
        client
            .post("products/batch", json!({ "update": [update] }))
            .0,
        200
    );
    assert_eq!(client.get("product-variants")["count"], 1);
}

#[test]
fn prices_and_meta_data_are_replaced_and_merged() {
    let mut client = Client::new();
    let answer = client.create(&[tee("A", &["S"])]);
    let (product, variant) = (
        &answer["created"][0]["id"],
        &answer["created"][0]["variants"][0]["id"],
    );
    let path = format!("products/{}/variants/batch", product.as_str().unwrap());
    let update = |metadata: Value| {
        json!({"update": [{
            "id": variant, "prices": [{"currency_code": "eur", "amount": 5}], "metadata": metadata,
        }]})
    };
    client.post(&path, update(json!({"a": "1", "b": "2"})));
    let (_, answer) = client.post(&path, update(json!({"a": ""})));
    let live = &answer["updated"][0];
    assert_eq!(
        live["prices"].as_array().unwrap().len(),
        1,
        "dollars are forgotten"
    );
    assert_eq!(live["metadata"], json!({"b": "2"}));
    let text =
        json!({"update": [{"id": variant, "prices": [{"currency_code": "eur", "amount": "5"}]}]});
    assert!(
        client
            .refused(&path, text)
            .1
            .contains("amount' is required")
    );
    let unknown = json!({"update": [{"id": "variant_x"}]});
    assert_eq!(
        client.refused(&path, unknown).1,
        "Cannot update non-existing variants with ids: variant_x"
    );
}

#[test]
fn a_variant_chooses_what_its_product_knows() {
    let mut client = Client::new();
    let answer = client.create(&[tee("A", &["S"])]);
    let product = answer["created"][0].clone();
    let id = product["id"].as_str().unwrap();
    let path = format!("products/{id}/variants/batch");
    let create = |size: &str, sku: &str| json!({"create": [{"title": size, "sku": sku, "options": {"Size": size}, "prices": []}]});
    assert_eq!(
        client.refused(&path, create("XL", "A-XL")).1,
        "Option value XL does not exist for option Size"
    );
    assert_eq!(
        client.refused(&path, create("S", "A-S2")).1,
        "Variant (S) with provided options already exists."
    );
    let add = json!({"update": [{"product_option_id": product["options"][0]["id"], "add": [{"value": "XL"}]}]});
    assert_eq!(
        client.post(&format!("products/{id}/options/batch"), add).0,
        200
    );
    assert_eq!(client.post(&path, create("XL", "A-XL")).0, 200);
}

#[test]
fn a_level_is_made_once_and_changed_where_it_is() {
    let mut client = Client::new();
    client.stocked("A", 3);
    let item = client.get("inventory-items")["inventory_items"][0]["id"].clone();
    let rows = |location: &str| json!([{"inventory_item_id": item, "location_id": location, "stocked_quantity": 5}]);
    let path = "inventory-items/location-levels/batch";
    assert_eq!(
        client
            .refused(path, json!({"create": rows(STOCK_LOCATION)}))
            .0,
        400
    );
    assert_eq!(
        client.refused(path, json!({"update": rows("sloc_x")})).0,
        404
    );
    let (_, answer) = client.post(path, json!({"update": rows(STOCK_LOCATION)}));
    assert_eq!(
        answer["updated"][0]["available_quantity"], 3,
        "as it was before"
    );
    assert_eq!(client.stock("A-S"), (5, 0));
}

#[test]
fn an_order_reserves_and_a_parcel_takes() {
    let mut client = Client::new();
    client.stocked("A", 5);
    assert!(client.buy("A-S", 6).is_err(), "the shop does not oversell");
    let order = client.buy("A-S", 5).unwrap();
    assert_eq!(client.stock("A-S"), (5, 5));
    let line = client.get(&format!("orders/{order}"))["order"]["items"][0]["id"].clone();
    let path = format!("orders/{order}/fulfillments");
    let pieces = |quantity: u64| json!({"items": [{"id": line, "quantity": quantity}]});
    // The rest is held against a stock from which the first part is gone.
    assert!(
        client
            .refused(&path, pieces(2))
            .1
            .starts_with("Not enough stock available")
    );
    let (status, answer) = client.post(&path, pieces(5));
    assert_eq!(status, 200);
    assert_eq!(client.stock("A-S"), (0, 0));
    let parcel = answer["order"]["fulfillments"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{path}/{parcel}/shipments");
    let labels = json!([{"tracking_number": "T1", "tracking_url": "", "label_url": ""}]);
    let shipment = json!({"items": [{"id": line, "quantity": 5}], "labels": labels});
    assert_eq!(client.post(&path, shipment.clone()).0, 200);
    assert_eq!(
        client.refused(&path, shipment).1,
        "Shipment has already been created"
    );
    let canceled = client.refused(&format!("orders/{order}/cancel"), json!({}));
    assert!(canceled.1.contains("must be canceled"));
}

#[test]
fn a_payment_is_no_change_of_its_order() {
    let mut client = Client::new();
    client.stocked("A", 5);
    let order = client.buy("A-S", 1).unwrap();
    let before = client.get(&format!("orders/{order}"))["order"].clone();
    let payment = before["payment_collections"][0]["payments"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        client
            .post(&format!("payments/{payment}/capture"), json!({}))
            .0,
        200
    );
    let after = client.get(&format!("orders/{order}"))["order"].clone();
    assert_eq!(after["updated_at"], before["updated_at"]);
    assert_eq!(after["payment_collections"][0]["status"], "completed");
}

#[test]
fn sums_are_made_on_demand() {
    let mut client = Client::new();
    client.stocked("A", 5);
    client.buy("A-S", 1).unwrap();
    let lean = client.get("orders?fields=id,raw_total,items.raw_total");
    assert_eq!(lean["orders"][0]["raw_total"], Value::Null);
    let full = client.get("orders?fields=id,total,raw_total,items.raw_total");
    assert_eq!(full["orders"][0]["raw_total"]["value"], "29.7381");
    assert_eq!(
        full["orders"][0]["items"][0]["raw_total"]["value"],
        "23.7881"
    );
}

#[test]
fn a_lone_filter_is_taken_apart_at_its_commas() {
    let mut client = Client::new();
    let mut product = tee("A,B", &["S"]);
    product["handle"] = json!("a-b");
    client.create(&[product]);
    assert_eq!(client.get("product-variants?sku[]=A,B-S")["count"], 0);
    assert_eq!(
        client.get("product-variants?sku[]=A,B-S&sku[]=A,B-S")["count"],
        1
    );
}

#[test]
fn mistakes_are_answered_as_the_server_does() {
    let mut client = Client::new();
    assert_eq!(
        client.send("GET", "nope", b"").headers[0].1,
        "text/html; charset=utf-8"
    );
    assert_eq!(client.send("POST", "products/batch", b"{bad").status, 400);
    assert_eq!(
        client.send("POST", "products", &[b' '; 110 << 10]).status,
        413
    );
    assert_eq!(
        client
            .send("GET", "orders?updated_at[$gte]=yesterday", b"")
            .status,
        500
    );
    let unknown = client.refused("products", json!({"title": "T", "bogus": 1}));
    assert_eq!(
        unknown,
        (
            400,
            "Invalid request: Unrecognized fields: 'bogus'".to_owned()
        )
    );
    let mut shop = MedusaSandbox::default();
    let request = Request {
        method: "GET".to_owned(),
        path: "/admin/orders".to_owned(),
        raw_query: String::new(),
        query: Vec::new(),
        headers: BTreeMap::new(),
        body: Vec::new(),
        base_url: String::new(),
        now: Timestamp::now(),
    };
    let refused = shop.respond(&request, &mut client.faults);
    assert_eq!(
        (refused.status, refused.body.as_slice()),
        (401, br#"{"message":"Unauthorized"}"#.as_slice())
    );
}
