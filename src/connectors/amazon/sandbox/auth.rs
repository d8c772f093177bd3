//! Login with Amazon: one app, one refresh token, access tokens that last an hour.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::denied;
use crate::sandbox::{Request, Response};

pub const CLIENT_ID: &str = "amzn1.application-oa2-client.sandbox";
pub const CLIENT_SECRET: &str = "amzn1.oa2-cs.v1.sandbox";
pub const REFRESH_TOKEN: &str = "Atzr|sandbox";

const LIFETIME_SECONDS: i64 = 3600;

/// Access tokens with their ends.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tokens(BTreeMap<String, Timestamp>);

impl Tokens {
    pub fn grant(&mut self, request: &Request) -> Response {
        let form = form(request);
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let refuse = |status, code: &str, description: &str| {
            let body = json!({"error": code, "error_description": description});
            Response::json(status, &body)
        };
        if field("client_id") != CLIENT_ID || field("client_secret") != CLIENT_SECRET {
            return refuse(401, "invalid_client", "Client authentication failed");
        }
        if field("grant_type") != "refresh_token" {
            return refuse(
                400,
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server",
            );
        }
        if field("refresh_token") != REFRESH_TOKEN {
            // Wording: amzn/selling-partner-api-models issue 921.
            return refuse(
                400,
                "invalid_grant",
                "The request has an invalid grant parameter : refresh_token",
            );
        }
        let token = format!("Atza|{}", uuid::Uuid::now_v7().simple());
        self.0.retain(|_, until| *until > request.now);
        let until = request.now + SignedDuration::from_secs(LIFETIME_SECONDS);
        self.0.insert(token.clone(), until);
        Response::json(
            200,
            &json!({
                "access_token": token,
                "refresh_token": REFRESH_TOKEN,
                "token_type": "bearer",
                "expires_in": LIFETIME_SECONDS,
            }),
        )
    }

    pub fn check(&self, request: &Request) -> Result<(), Response> {
        let Some(token) = request.header("x-amz-access-token") else {
            return Err(denied("Access token is missing in the request header."));
        };
        match self.0.get(token) {
            Some(until) if *until > request.now => Ok(()),
            Some(_) => Err(denied("The access token you provided has expired.")),
            None => Err(denied(
                "The access token you provided is revoked, malformed or invalid.",
            )),
        }
    }
}

/// The fields of a form, or of the JSON that some of Amazon's own clients send instead.
fn form(request: &Request) -> BTreeMap<String, String> {
    if let Ok(fields) = serde_json::from_slice(&request.body) {
        return fields;
    }
    let text = String::from_utf8_lossy(&request.body);
    Url::parse(&format!("form:?{text}"))
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default()
}
