//! One-legged OAuth 1.0a, which WooCommerce asks for on plain HTTP: the secret signs and never travels.
//!
//! The signature covers method, address and every query parameter, but not the body.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use sha2::Sha256;

/// RFC 5849, section 3.6: all but unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// What makes one signature different from every other.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub now: Timestamp,
    /// The shop accepts a nonce once.
    pub nonce: &'a str,
}

/// Adds the `oauth_*` parameters and their HMAC-SHA256 signature to the address.
pub fn sign(method: &str, url: &mut Url, key: &str, secret: &str, moment: Moment<'_>) {
    let timestamp = moment.now.as_second().to_string();
    url.query_pairs_mut()
        .append_pair("oauth_consumer_key", key)
        .append_pair("oauth_nonce", moment.nonce)
        .append_pair("oauth_signature_method", "HMAC-SHA256")
        .append_pair("oauth_timestamp", &timestamp);
    let signature = signature(&base_string(method, url), secret);
    url.query_pairs_mut()
        .append_pair("oauth_signature", &signature);
}

/// The text that is signed: RFC 5849, section 3.4.1.
fn base_string(method: &str, url: &Url) -> String {
    let mut parameters: Vec<_> = url
        .query_pairs()
        .map(|(key, value)| (escape(&key), escape(&value)))
        .collect();
    parameters.sort();
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut address = url.clone();
    address.set_query(None);
    address.set_fragment(None);
    format!(
        "{}&{}&{}",
        method.to_ascii_uppercase(),
        escape(address.as_str()),
        escape(&parameters.join("&"))
    )
}

fn signature(base: &str, secret: &str) -> String {
    // The second half of the key is the token's secret, and there is no token.
    let key = format!("{secret}&");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .expect("HMAC takes a key of any length (RFC 2104)");
    mac.update(base.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_worked_example_has_its_base_string_and_signature() {
        let mut url: Url = "http://shop.example.com/wp-json/wc/v3/orders?per_page=100&modified_after=2026-01-01T00:00:00"
            .parse()
            .unwrap();
        url.query_pairs_mut()
            .append_pair("oauth_consumer_key", "ck_test")
            .append_pair("oauth_nonce", NONCE)
            .append_pair("oauth_signature_method", "HMAC-SHA256")
            .append_pair("oauth_timestamp", "1700000000");
        let base = base_string("get", &url);
        assert_eq!(
            base,
            "GET&http%3A%2F%2Fshop.example.com%2Fwp-json%2Fwc%2Fv3%2Forders&modified_after%3D2026-01-01T00%253A00%253A00%26oauth_consumer_key%3Dck_test%26oauth_nonce%3D0123456789abcdef0123456789abcdef%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1700000000%26per_page%3D100"
        );
        assert_eq!(
            signature(&base, "cs_test"),
            "1UmtrFr6bELS3lsrbkIwyzoMDnjj7yMjjeJKKe/oJFg="
        );
    }

    #[test]
    fn the_documented_base_string_is_built_from_a_bare_address() {
        let url: Url = "http://www.example.com/wp-json/wc/v3/orders?oauth_consumer_key=abc123&oauth_signature_method=HMAC-SHA1"
            .parse()
            .unwrap();
        assert_eq!(
            base_string("GET", &url),
            "GET&http%3A%2F%2Fwww.example.com%2Fwp-json%2Fwc%2Fv3%2Forders&oauth_consumer_key%3Dabc123%26oauth_signature_method%3DHMAC-SHA1"
        );
    }

    #[test]
    fn signing_adds_all_parameters_and_keeps_the_port() {
        let mut url: Url = "http://127.0.0.1:8080/wp-json/wc/v3/products?sku=A%2FB%20C,D%2BE"
            .parse()
            .unwrap();
        let moment = Moment {
            now: Timestamp::from_second(1_700_000_000).unwrap(),
            nonce: NONCE,
        };
        let base_before = base_string("GET", &url);
        assert!(base_before.starts_with("GET&http%3A%2F%2F127.0.0.1%3A8080%2Fwp-json"));
        assert!(base_before.ends_with("&sku%3DA%252FB%2520C%252CD%252BE"));
        sign("GET", &mut url, "ck_test", "cs_test", moment);
        let names: Vec<_> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        assert_eq!(
            names,
            [
                "sku",
                "oauth_consumer_key",
                "oauth_nonce",
                "oauth_signature_method",
                "oauth_timestamp",
                "oauth_signature"
            ]
        );
        assert!(!url.as_str().contains("cs_test"));
    }
}
