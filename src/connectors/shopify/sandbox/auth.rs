//! Access tokens by client credentials, and what they may do.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandbox::{Request, Response};

pub const CLIENT_ID: &str = "sandbox00000000000000000000client";
/// Invented, and printed with the settings.
pub const CLIENT_SECRET: &str = "shpss_sandbox000000000000000000secret";
/// A token is good for so long.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

pub const SCOPES: &[&str] = &[
    "read_products",
    "write_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
    "write_orders",
    "read_all_orders",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
    "read_publications",
    "write_publications",
];

/// Tokens that were handed out, and when they end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens(BTreeMap<String, Timestamp>);

impl Tokens {
    /// `POST /admin/oauth/access_token`, as a form or as JSON.
    pub fn grant(&mut self, request: &Request) -> Response {
        let field = |name: &str| -> Option<String> {
            if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
                return body[name].as_str().map(str::to_owned);
            }
            let body = String::from_utf8_lossy(&request.body).replace('+', " ");
            body.split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| {
                    percent_encoding::percent_decode_str(value)
                        .decode_utf8_lossy()
                        .into_owned()
                })
        };
        if field("grant_type").as_deref() != Some("client_credentials") {
            return refusal("unsupported_grant_type", "the grant type is not supported");
        }
        let known = field("client_id").as_deref() == Some(CLIENT_ID)
            && field("client_secret").as_deref() == Some(CLIENT_SECRET);
        if !known {
            return refusal("application_cannot_be_found", "the client is not known");
        }
        let token = format!("shpat_{}", uuid::Uuid::now_v7().simple());
        self.0.retain(|_, until| *until > request.now);
        self.0.insert(token.clone(), request.now + LIFETIME);
        let body = json!({
            "access_token": token,
            "scope": SCOPES.join(","),
            "expires_in": LIFETIME.as_secs() - 1,
        });
        Response::json(200, &body)
    }

    /// Only `X-Shopify-Access-Token` counts.
    pub fn check(&self, request: &Request) -> Result<(), Response> {
        let known = request
            .header("x-shopify-access-token")
            .and_then(|token| self.0.get(token))
            .is_some_and(|until| *until > request.now);
        if known {
            return Ok(());
        }
        let message =
            "[API] Invalid API key or access token (unrecognized login or wrong password)";
        Err(Response::json(401, &json!({"errors": message})))
    }
}

fn refusal(error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    Response::json(400, &body)
}

/// `GET /admin/oauth/access_scopes.json`.
pub fn scopes() -> Response {
    let scopes: Vec<_> = SCOPES
        .iter()
        .map(|scope| json!({"handle": scope}))
        .collect();
    Response::json(200, &json!({"access_scopes": scopes}))
}
