//! Amazon's Swagger 2.0 models, and the JSON Schemas of its listings feed and of the feed's report.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;
use skucast::sandbox::Exchange;

use super::api::{Api, compile, errors};
use super::{Amendment, Contract, read};
use crate::world::is_token;

pub const CONTRACT: Contract = Contract {
    kind: "amazon",
    amendments: &[],
    check,
    proof: ("", ""),
};

const MODELS: [&str; 4] = [
    "listingsItems_2021-08-01.json",
    "feeds_2021-06-30.json",
    "orders_2026-01-01.json",
    "ordersV0.json",
];
const FEED: &str = "schemas/feeds/listings-feed-schema-v2.json";
const REPORT: &str = "schemas/feeds/listings-feed-processing-report-schema-v2.json";
const DOCUMENTS: &str = "/feeds/2021-06-30/documents";

fn check(specs: &Path, _: &[&Amendment], seen: &[Exchange]) -> Vec<(String, String)> {
    let mut api = Api::new(None);
    for model in MODELS {
        api.add(&read(&specs.join("models").join(model)), "");
    }
    let feed = compile(&read(&specs.join(FEED)), None);
    let report = compile(&read(&specs.join(REPORT)), None);
    // Documents travel by addresses that earlier answers named.
    let mut uploads: HashSet<String> = HashSet::new();
    let mut wrong = Vec::new();
    for exchange in seen {
        let request = &exchange.request;
        if request.path.starts_with(DOCUMENTS) {
            let answer: Value = serde_json::from_slice(&exchange.response.body).unwrap_or_default();
            if let Some(url) = answer["url"].as_str() {
                uploads.insert(without_query(url).to_owned());
            }
        }
        let address = format!("{}{}", request.base_url, request.path);
        if uploads.contains(&address) {
            wrong.extend(match request.method.as_str() {
                "PUT" => document("the uploaded feed", &feed, &request.body),
                _ if exchange.response.status == 200 => {
                    document("the feed's report", &report, &exchange.response.body)
                }
                _ => Vec::new(),
            });
        } else if !is_token(exchange) {
            // Of the token service there is no model.
            wrong.extend(api.check(exchange, &[]));
        }
    }
    wrong
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn document(what: &str, validator: &Validator, bytes: &[u8]) -> Vec<(String, String)> {
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let read = flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain);
        if let Err(error) = read {
            return vec![(what.to_owned(), format!("is damaged: {error}"))];
        }
    } else {
        plain.extend_from_slice(bytes);
    }
    match serde_json::from_slice(&plain) {
        Ok(value) => errors(validator, &value)
            .into_iter()
            .map(|error| (what.to_owned(), error))
            .collect(),
        Err(error) => vec![(what.to_owned(), format!("is not JSON: {error}"))],
    }
}
