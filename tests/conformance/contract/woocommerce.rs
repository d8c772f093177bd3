//! WooCommerce publishes no description of its API: this one was derived from its own item schemas.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Value, json};
use skucast::sandbox::Exchange;

use super::api::Api;
use super::{Amendment, Contract, amend, read};

pub const CONTRACT: Contract = Contract {
    kind: "woocommerce",
    amendments: AMENDMENTS,
    check,
    proof: ("", ""),
};

const AMENDMENTS: &[Amendment] = &[
    Amendment {
        schema: "/components/schemas/*/properties",
        with: r#"{"_links": {}}"#,
        reason: "WordPress adds links to every item of every route; item schemas do not name them",
    },
    Amendment {
        schema: "/components/schemas/product/properties/stock_quantity",
        with: r#"{"type": ["number", "null"]}"#,
        reason: "products whose stock is not counted answer null, as the documentation's example does",
    },
    Amendment {
        schema: "/components/schemas/product/properties/type",
        with: r#"{"enum": ["simple", "grouped", "external", "variable", "variation"]}"#,
        reason: "a search by sku finds variations too, and tells them by this type",
    },
    Amendment {
        schema: "/components/schemas/product/properties/attributes/items/properties",
        with: r#"{"slug": {"type": "string"}}"#,
        reason: "answers name an attribute's slug beside its name; the schema lists what can be written",
    },
    Amendment {
        schema: "/components/schemas/product/properties/external_url",
        with: r#"{"format": "uri-reference"}"#,
        reason: "empty for every product that is not sold elsewhere, as in the documentation's example",
    },
    Amendment {
        schema: "/components/schemas/shop_order/properties/shipping/properties",
        with: r#"{"phone": {"type": "string"}}"#,
        reason: "addresses for shipping have had a phone since 5.6; the item schema was not updated",
    },
];

/// Parameters of WordPress itself and of the signature: OAuth 1.0a, <https://oauth.net/core/1.0a/>.
const FREE: [&str; 3] = ["oauth_", "consumer_", "_fields"];

fn check(specs: &Path, amendments: &[&Amendment], seen: &[Exchange]) -> Vec<(String, String)> {
    let mut document = read(&specs.join("openapi-wc-v3.derived.json"));
    amend(&mut document, amendments);
    tell_failed_items(&mut document);
    let mut api = Api::new(Some(is_date));
    api.add(&document, "/wp-json/wc/v3");
    seen.iter()
        .flat_map(|exchange| api.check(exchange, &FREE))
        .collect()
}

/// WordPress writes and takes dates of the shop's own zone without an offset.
fn is_date(text: &str) -> bool {
    text.parse::<DateTime>().is_ok() || text.parse::<Timestamp>().is_ok()
}

/// An item of a batch is the item or its error. Said so that a complaint is about one of them.
fn tell_failed_items(document: &mut Value) {
    let schemas = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut);
    for (name, schema) in schemas.expect("the description has schemas") {
        if name.starts_with("batch_item_") {
            let either = schema["anyOf"].take();
            *schema = json!({
                "if": {"required": ["error"]},
                "then": either[1],
                "else": either[0],
            });
        }
    }
}
