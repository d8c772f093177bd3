//! The emulated shop as a client sees it.

mod bulk;
mod every_field;
mod orders;
mod products;
mod protocol;
mod stock;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{ShopifySandbox, auth};
use crate::sandbox::{Faults, Profile, Purchase, PurchaseLine, Request, Response, Sandbox};

/// A client of one shop, with a clock of its own.
pub struct Client {
    pub sandbox: ShopifySandbox,
    pub faults: Faults,
    pub now: Timestamp,
    token: String,
}

impl Client {
    pub fn new() -> Self {
        Self::of(ShopifySandbox::default())
    }

    pub fn of(sandbox: ShopifySandbox) -> Self {
        let mut client = Self {
            sandbox,
            faults: Faults::new(Profile::default(), 1),
            now: "2026-11-01T12:00:00Z".parse().unwrap(),
            token: String::new(),
        };
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            auth::CLIENT_ID,
            auth::CLIENT_SECRET
        );
        let answer = client.send("POST", "/admin/oauth/access_token", &[], form.as_bytes());
        assert_eq!(answer.status, 200);
        client.token = body(&answer)["access_token"].as_str().unwrap().to_owned();
        client
    }

    pub fn wait(&mut self, milliseconds: i64) {
        self.now += SignedDuration::from_millis(milliseconds);
    }

    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let request = self.request(method, path, headers, body);
        self.sandbox.respond(&request, &mut self.faults)
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Request {
        let mut all = BTreeMap::from([("x-shopify-access-token".to_owned(), self.token.clone())]);
        all.extend(
            headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            raw_query: String::new(),
            query: Vec::new(),
            headers: all,
            body: body.to_vec(),
            base_url: "http://127.0.0.1:1234".to_owned(),
            now: self.now,
        }
    }

    /// A whole GraphQL answer.
    pub fn ask(&mut self, query: &str, variables: Value) -> Value {
        let sent = json!({"query": query, "variables": variables}).to_string();
        let path = "/admin/api/2026-07/graphql.json";
        let answer = self.send("POST", path, &[], sent.as_bytes());
        assert_eq!(answer.status, 200);
        body(&answer)
    }

    /// The `data` of an answer without errors.
    pub fn data(&mut self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables);
        assert!(answer.get("errors").is_none(), "{query}: {answer:#}");
        answer["data"].clone()
    }

    /// The payload of a mutation that only has this one.
    pub fn payload(&mut self, mutation: &str, variables: Value) -> Value {
        let data = self.data(mutation, variables);
        data.as_object().unwrap().values().next().unwrap().clone()
    }

    pub fn product_set(&mut self, variables: Value) -> Value {
        self.payload(PRODUCT_SET, variables)
    }

    /// A product with one variant, on sale.
    pub fn offer(&mut self, sku: &str, price: &str, quantity: i64) -> Value {
        let product = self.product_set(json!({"input": single(sku, price, quantity)}));
        assert_eq!(product["userErrors"], json!([]), "{product:#}");
        let product = product["product"].clone();
        self.publish(&product["id"]);
        product
    }

    pub fn publish(&mut self, product: &Value) {
        let publications = self.data(
            "{ publications(first: 10) { nodes { id name } } }",
            json!({}),
        );
        let store = &publications["publications"]["nodes"][0];
        assert_eq!(store["name"], "Online Store");
        let published = self.payload(
            "mutation P($id: ID!, $input: [PublicationInput!]!) {
               publishablePublish(id: $id, input: $input) { userErrors { field message } }
             }",
            json!({"id": product, "input": [{"publicationId": store["id"]}]}),
        );
        assert_eq!(published["userErrors"], json!([]));
    }

    pub fn buy(&mut self, sku: &str, quantity: u64) -> String {
        let lines = vec![PurchaseLine {
            sku: sku.to_owned(),
            quantity,
        }];
        let purchase = Purchase { lines, buyer: None };
        let receipt = self.sandbox.buy(&purchase, self.now).unwrap();
        format!("gid://shopify/Order/{}", receipt.order_id)
    }

    pub fn warehouse(&mut self) -> String {
        let found = self.data("{ locations(first: 5) { nodes { id name } } }", json!({}));
        let warehouse = &found["locations"]["nodes"][0];
        assert_eq!(warehouse["name"], "Warehouse");
        warehouse["id"].as_str().unwrap().to_owned()
    }
}

pub const PRODUCT_SET: &str = "
    mutation Set($identifier: ProductSetIdentifiers, $input: ProductSetInput!, $sync: Boolean) {
      productSet(identifier: $identifier, input: $input, synchronous: $sync) {
        product {
          id handle status title
          options { name optionValues { name } }
          media(first: 10) { nodes { id alt } }
          variants(first: 250) {
            pageInfo { hasNextPage endCursor }
            nodes { id sku price title inventoryQuantity inventoryItem { id tracked } }
          }
        }
        productSetOperation { id status }
        userErrors { field message code }
      }
    }";

pub fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// A product without options, as productSet takes it.
pub fn single(sku: &str, price: &str, quantity: i64) -> Value {
    json!({
        "title": format!("Product {sku}"),
        "productOptions": [{"name": "Title", "values": [{"name": "Default Title"}]}],
        "variants": [{
            "optionValues": [{"optionName": "Title", "name": "Default Title"}],
            "sku": sku,
            "price": price,
            "inventoryItem": {"tracked": true},
            "inventoryQuantities": [{
                "locationId": "gid://shopify/Location/70000001",
                "name": "available",
                "quantity": quantity,
            }],
        }],
    })
}

pub fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .filter_map(|error| error["code"].as_str())
        .collect()
}
