//! Keys on plain HTTP: one-legged OAuth 1.0a, where Basic and query keys count as no key.

use std::collections::{BTreeMap, HashSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::wire::{Call, WpError, WpResult};

/// Invented: the emulated shop opens no other door.
pub const KEY: &str = "ck_sandbox0000000000000000000000000000000000";
pub const SECRET: &str = "cs_sandbox0000000000000000000000000000000000";
/// A second key that may only read.
pub const READ_ONLY_KEY: &str = "ck_readonly000000000000000000000000000000000";

/// A signature may be so old, or so far ahead.
const WINDOW_SECONDS: i64 = 15 * 60;

const PARAMETERS: [&str; 5] = [
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
];

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Nonces that were used, with their time. They need not survive the process: the window is short.
#[derive(Debug, Default)]
pub struct Nonces(HashSet<(i64, String)>);

/// Lets the call pass, or answers as the shop does.
pub fn authorize(call: &Call<'_>, nonces: &mut Nonces) -> WpResult<()> {
    let parameters = signed_parameters(call);
    let missing: Vec<_> = PARAMETERS
        .into_iter()
        .filter(|name| parameters.get(*name).is_none_or(String::is_empty))
        .collect();
    if missing.len() == PARAMETERS.len() {
        return Err(no_key(call));
    }
    if !missing.is_empty() {
        return Err(WpError::new(
            401,
            "woocommerce_rest_authentication_missing_parameter",
            format!("Missing OAuth parameters {}", missing.join(", ")),
        ));
    }
    let refuse = |message: &str| {
        Err(WpError::new(
            401,
            "woocommerce_rest_authentication_error",
            message,
        ))
    };
    let key = parameters["oauth_consumer_key"].as_str();
    if key != KEY && key != READ_ONLY_KEY {
        return refuse("Consumer key is invalid.");
    }
    let method = parameters["oauth_signature_method"].as_str();
    if method != "HMAC-SHA1" && method != "HMAC-SHA256" {
        return refuse("Invalid signature - signature method is invalid.");
    }
    let given = parameters["oauth_signature"].replace(' ', "+");
    if signature(call, &parameters, method) != percent_decode_str(&given).decode_utf8_lossy() {
        return refuse("Invalid signature - provided signature does not match.");
    }
    let now = call.now.as_second();
    let timestamp: i64 = parameters["oauth_timestamp"].parse().unwrap_or(0);
    if (now - timestamp).abs() > WINDOW_SECONDS {
        return refuse("Invalid timestamp.");
    }
    nonces
        .0
        .retain(|(used_at, _)| (now - used_at).abs() <= WINDOW_SECONDS);
    if !nonces
        .0
        .insert((timestamp, parameters["oauth_nonce"].clone()))
    {
        return refuse("Invalid nonce - nonce has already been used.");
    }
    if key == READ_ONLY_KEY && call.method != "GET" {
        return refuse("The API key provided does not have write permissions.");
    }
    Ok(())
}

fn no_key(call: &Call<'_>) -> WpError {
    let code = match call.method.as_str() {
        "GET" => "woocommerce_rest_cannot_view",
        "POST" if call.request.path.ends_with("/batch") => "woocommerce_rest_cannot_batch",
        "POST" => "woocommerce_rest_cannot_create",
        "DELETE" => "woocommerce_rest_cannot_delete",
        _ => "woocommerce_rest_cannot_edit",
    };
    WpError::new(401, code, "Sorry, you are not allowed to do that.")
}

/// The parameters of query, form and `Authorization: OAuth`, with lists numbered as PHP numbers them.
fn signed_parameters(call: &Call<'_>) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, value) in &call.request.query {
        match key.strip_suffix("[]") {
            Some(name) => {
                let count = counts.entry(name).or_default();
                parameters.insert(format!("{name}[{count}]"), value.clone());
                *count += 1;
            }
            None => {
                parameters.insert(key.clone(), value.clone());
            }
        }
    }
    let is_form = call
        .request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        for (key, value) in &call.body {
            let text = value.as_str().unwrap_or_default();
            parameters.insert(key.clone(), text.to_owned());
        }
    }
    let header = call.request.header("authorization").unwrap_or_default();
    if let Some(list) = header.strip_prefix("OAuth ") {
        for pair in list.split(',') {
            if let Some((key, value)) = pair.trim().split_once('=') {
                let value = percent_decode_str(value.trim_matches('"'));
                parameters.insert(key.to_owned(), value.decode_utf8_lossy().into_owned());
            }
        }
        parameters.remove("realm");
    }
    parameters
}

fn signature(call: &Call<'_>, parameters: &BTreeMap<String, String>, method: &str) -> String {
    let pairs: Vec<_> = parameters
        .iter()
        .filter(|(key, _)| *key != "oauth_signature")
        .map(|(key, value)| escape(&format!("{}={}", escape(key), escape(value))))
        .collect();
    let path = percent_decode_str(&call.request.path).decode_utf8_lossy();
    let address = format!("{}{path}", call.request.base_url);
    // The method on the wire counts, whatever overrides it.
    let base = format!(
        "{}&{}&{}",
        call.request.method,
        escape(&address),
        pairs.join("%26")
    );
    let key = format!("{SECRET}&");
    match method {
        "HMAC-SHA1" => keyed::<Hmac<sha1::Sha1>>(&key, &base),
        _ => keyed::<Hmac<sha2::Sha256>>(&key, &base),
    }
}

fn keyed<M: Mac + KeyInit>(key: &str, base: &str) -> String {
    // HMAC takes a key of any length (RFC 2104); no signature equals the empty text.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key.as_bytes()) else {
        return String::new();
    };
    mac.update(base.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Signs a request that a test makes by hand.
#[cfg(test)]
pub fn sign_for_test(request: &mut crate::sandbox::Request) {
    let signature = match Call::parse(request) {
        Ok(call) => signature(&call, &signed_parameters(&call), "HMAC-SHA256"),
        Err(error) => panic!("{error:?}"),
    };
    request
        .query
        .push(("oauth_signature".to_owned(), signature));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_signature_is_made() {
        let base = "GET&http%3A%2F%2Fwww.example.com%2Fwp-json%2Fwc%2Fv3%2Forders&oauth_consumer_key%3Dabc123%26oauth_signature_method%3DHMAC-SHA1";
        assert_eq!(
            keyed::<Hmac<sha1::Sha1>>("cs_secret&", base),
            "CDJ6tfoSNhTmB2G5fah6oMlzagA="
        );
    }
}
