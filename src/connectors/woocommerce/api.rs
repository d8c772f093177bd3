//! The shop's wire: addresses, documents, signatures, and what its errors mean.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::oauth;
use crate::connectors::Environment;
use crate::domain::capability::Endpoint;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::rest::Rest;
use crate::http::{ChannelHttp, Dialect, Replay, Reply, Signing, kind_of, redirected};

/// Context of an error that names the listing or category which stands in the way.
pub const RESOURCE: &str = "resource";

/// How the key travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// HTTPS: `Authorization: Basic`.
    Basic,
    /// HTTPS, for hosts that strip the `Authorization` header.
    Query,
    /// Plain HTTP: only a signature travels.
    OAuth,
}

/// The consumer key and its secret.
#[derive(Debug)]
pub struct WooDialect {
    pub key: SecretString,
    pub secret: SecretString,
    pub authentication: Authentication,
}

#[async_trait]
impl Dialect for WooDialect {
    async fn sign(&self, mut request: Request, signing: &Signing) -> Result<Request> {
        let (key, secret) = (self.key.expose_secret(), self.secret.expose_secret());
        match self.authentication {
            Authentication::Basic => {
                let pair = BASE64_STANDARD.encode(format!("{key}:{secret}"));
                let mut value =
                    HeaderValue::from_str(&format!("Basic {pair}")).map_err(|error| {
                        Error::unexpected("the key fits no header").caused_by(error)
                    })?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            Authentication::Query => {
                request
                    .url_mut()
                    .query_pairs_mut()
                    .append_pair("consumer_key", key)
                    .append_pair("consumer_secret", secret);
            }
            Authentication::OAuth => {
                let method = request.method().clone();
                let moment = oauth::Moment {
                    now: signing.now,
                    nonce: &signing.nonce,
                };
                oauth::sign(method.as_str(), request.url_mut(), key, secret, moment);
            }
        }
        Ok(request)
    }

    fn classify(&self, reply: &Reply) -> Error {
        let status = reply.status;
        if status.is_redirection() {
            return redirected(&reply.headers, "without /wp-json/…");
        }
        let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
        let code = refusal.code.as_str();
        let message = match (refusal.message.is_empty(), code.is_empty()) {
            (false, _) => refusal.text(),
            (true, false) => format!("the shop refused the request: {code}"),
            (true, true) => "the shop answered an error without a reason".to_owned(),
        };
        let mut error = Error::new(kind_of(status), message);
        if !code.is_empty() {
            error = error.with("code", code);
        }
        if let Some(id) = refusal.resource_id() {
            error = error.with(RESOURCE, id.to_string());
        }
        match status {
            // A read-only key is told apart from a wrong one by its message alone.
            StatusCode::UNAUTHORIZED if refusal.message.contains("write permissions") => {
                error.kind = ErrorKind::Forbidden;
                error.hint("the key may only read: make one with the permission Read/Write in WooCommerce > Settings > Advanced > REST API")
            }
            StatusCode::UNAUTHORIZED => {
                let error = error.hint("check `consumer_key` and `consumer_secret` of this channel: WooCommerce > Settings > Advanced > REST API, permission Read/Write");
                match self.authentication {
                    Authentication::Basic => error
                        .hint("if the key is right, the host may strip the Authorization header: set `auth = \"query\"`"),
                    Authentication::Query => error,
                    Authentication::OAuth => error
                        .hint("on plain HTTP `url` must be written exactly as in Settings > General, and the clocks must agree within 15 minutes"),
                }
            }
            StatusCode::FORBIDDEN => error.hint("the key's user needs the role Shop manager and the key the permission Read/Write; a firewall in front of the shop answers 403 too"),
            StatusCode::NOT_FOUND if code.is_empty() || code == "rest_no_route" => error
                .hint("check `url`: it is the shop's own address, without /wp-json")
                .hint("WooCommerce must be active, and Settings > Permalinks must not be Plain"),
            _ => error,
        }
    }
}

/// An error body of WordPress, alone or inside a batch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    /// An object; an integer for refunds.
    pub data: Value,
}

impl Refusal {
    /// The row's own status inside a batch.
    pub fn status(&self) -> Option<u64> {
        self.data.get("status").and_then(Value::as_u64)
    }

    /// The listing or term that stands in the way.
    pub fn resource_id(&self) -> Option<u64> {
        self.data
            .get("resource_id")
            .and_then(Value::as_u64)
            .filter(|id| *id > 0)
    }

    /// The message, with what is wrong about each parameter.
    pub fn text(&self) -> String {
        let details: Vec<_> = self
            .data
            .get("params")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(_, reason)| reason.as_str())
            .collect();
        if details.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.message, details.join(" "))
        }
    }
}

/// `1234`, `"1234"` and `12.5` as text: plugins change the types of numbers.
pub fn text_of_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

/// `[]` where an object, and `null` where a text was promised, become the default.
pub fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// A product or a variation, as far as it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Product {
    pub id: u64,
    #[serde(deserialize_with = "lenient")]
    pub parent_id: u64,
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: String,
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    #[serde(deserialize_with = "lenient")]
    pub status: String,
    #[serde(deserialize_with = "lenient")]
    pub sku: String,
    #[serde(deserialize_with = "text_of_number")]
    pub price: String,
    #[serde(deserialize_with = "text_of_number")]
    pub regular_price: String,
    #[serde(deserialize_with = "text_of_number")]
    pub sale_price: String,
    #[serde(deserialize_with = "lenient")]
    pub on_sale: bool,
    /// `true`, `false`, or `"parent"` for a variation that shares its parent's stock.
    pub manage_stock: Value,
    pub stock_quantity: Value,
    #[serde(deserialize_with = "lenient")]
    pub images: Vec<Image>,
    /// A variation has one picture.
    #[serde(deserialize_with = "lenient")]
    pub image: Option<Image>,
    #[serde(deserialize_with = "lenient")]
    pub meta_data: Vec<Meta>,
    #[serde(deserialize_with = "lenient")]
    pub description: String,
    #[serde(deserialize_with = "text_of_number")]
    pub global_unique_id: String,
    #[serde(deserialize_with = "text_of_number")]
    pub weight: String,
    #[serde(deserialize_with = "lenient")]
    pub dimensions: Dimensions,
    #[serde(deserialize_with = "lenient")]
    pub categories: Vec<NamedTerm>,
    #[serde(deserialize_with = "lenient")]
    pub tags: Vec<NamedTerm>,
    /// Since WooCommerce 9.6.
    #[serde(deserialize_with = "lenient")]
    pub brands: Vec<NamedTerm>,
    #[serde(deserialize_with = "lenient")]
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Dimensions {
    #[serde(deserialize_with = "text_of_number")]
    pub length: String,
    #[serde(deserialize_with = "text_of_number")]
    pub width: String,
    #[serde(deserialize_with = "text_of_number")]
    pub height: String,
}

/// A category, tag or brand of a product.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NamedTerm {
    pub id: u64,
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    #[serde(deserialize_with = "lenient")]
    pub slug: String,
}

/// Of a product with its `options`, of a variation with the `option` that it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attribute {
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    #[serde(deserialize_with = "lenient")]
    pub variation: bool,
    #[serde(deserialize_with = "lenient")]
    pub options: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub option: String,
}

impl Product {
    /// Has variations. Plugins add kinds of their own: `variable-subscription`.
    pub fn is_variable(&self) -> bool {
        self.kind.starts_with("variable")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Image {
    pub id: u64,
    #[serde(default)]
    pub src: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Meta {
    pub key: String,
    #[serde(default)]
    pub value: Value,
}

/// A category.
#[derive(Debug, Deserialize)]
pub struct Term {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub parent: u64,
}

#[derive(Debug, Deserialize)]
pub struct OrderNote {
    #[serde(default)]
    pub note: String,
}

/// One row of a batch's answer: the document as stored, or why not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BatchRow {
    pub error: Option<Refusal>,
    #[serde(flatten)]
    pub product: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct BatchAnswer {
    pub create: Vec<BatchRow>,
    pub update: Vec<BatchRow>,
}

/// A list's page, with how many pages the shop counts.
#[derive(Debug)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub total_pages: Option<u64>,
    /// The shop's clock.
    pub date: Option<Timestamp>,
}

/// The shop behind its address.
#[derive(Debug)]
pub struct Api {
    rest: Rest,
}

impl Api {
    /// `url` is the server's own address.
    pub fn new(url: &Url, dialect: WooDialect, environment: &Environment) -> Result<Self> {
        let (channel, http) = (&environment.channel, &environment.http);
        let http = ChannelHttp::new(channel, http, Arc::new(dialect), &[]);
        Ok(Self {
            rest: Rest::new(url, "wp-json/wc/v3/", http)?,
        })
    }

    pub fn host(&self) -> &str {
        self.rest.host()
    }

    pub async fn get(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply> {
        self.rest.get(endpoint, path, query).await
    }

    pub async fn list<T: serde::de::DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Listed<T>> {
        let reply = self.get(endpoint, path, query).await?;
        Ok(Listed {
            items: reply.json()?,
            total_pages: reply
                .header("x-wp-totalpages")
                .and_then(|text| text.parse().ok()),
            date: reply
                .header("date")
                .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
                .map(|date| date.timestamp()),
        })
    }

    pub async fn write(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Reply> {
        self.rest
            .write(endpoint, replay, method, path, &[], body)
            .await
    }
}

/// `2026-01-31T08:00:00` of a `_gmt` field, which carries no zone.
pub fn gmt(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    civil
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// The form that `modified_after` wants beside `dates_are_gmt`: with a zone the shop would shift it.
pub fn to_gmt(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(authentication: Authentication) -> WooDialect {
        WooDialect {
            key: "ck_test".into(),
            secret: "cs_test".into(),
            authentication,
        }
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            endpoint: "x",
            status: StatusCode::from_u16(status).unwrap(),
            headers: Default::default(),
            body: body.as_bytes().to_vec(),
        }
    }

    async fn signed(authentication: Authentication) -> Request {
        let request = Request::new(
            Method::GET,
            "https://shop.example.com/wp-json/wc/v3/orders"
                .parse()
                .unwrap(),
        );
        let signing = Signing {
            now: Timestamp::UNIX_EPOCH,
            nonce: "n".repeat(32),
            refresh: false,
        };
        dialect(authentication)
            .sign(request, &signing)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_key_travels_as_the_setting_says() {
        let basic = signed(Authentication::Basic).await;
        assert_eq!(basic.headers()[AUTHORIZATION], "Basic Y2tfdGVzdDpjc190ZXN0");
        assert_eq!(basic.url().query(), None);
        let query = signed(Authentication::Query).await;
        assert!(query.headers().get(AUTHORIZATION).is_none());
        assert_eq!(
            query.url().query(),
            Some("consumer_key=ck_test&consumer_secret=cs_test")
        );
        let oauth = signed(Authentication::OAuth).await;
        assert!(oauth.url().query().unwrap().contains("oauth_signature="));
        assert!(!oauth.url().as_str().contains("cs_test"));
    }

    #[test]
    fn a_read_only_key_is_forbidden_and_a_wrong_one_unauthorized() {
        let classify = |body: &str| dialect(Authentication::Basic).classify(&reply(401, body));
        let read_only = classify(
            r#"{"code":"woocommerce_rest_authentication_error","message":"The API key provided does not have write permissions.","data":{"status":401}}"#,
        );
        assert_eq!(read_only.kind, ErrorKind::Forbidden);
        let wrong = classify(
            r#"{"code":"woocommerce_rest_cannot_view","message":"Sorry.","data":{"status":401}}"#,
        );
        assert_eq!(wrong.kind, ErrorKind::Unauthorized);
        assert!(
            wrong
                .hints
                .iter()
                .any(|hint| hint.contains("consumer_secret"))
        );
    }

    #[test]
    fn an_invalid_parameter_is_named() {
        let error = dialect(Authentication::OAuth).classify(&reply(
            400,
            r#"{"code":"rest_invalid_param","message":"Invalid parameter(s): orderby","data":{"status":400,"params":{"orderby":"orderby is not one of date, id."}}}"#,
        ));
        assert_eq!(error.kind, ErrorKind::Rejected);
        assert!(error.message.contains("orderby is not one of"));
    }

    #[test]
    fn a_redirect_names_the_address_without_the_key() {
        let mut reply = reply(301, "");
        reply.headers.insert(
            reqwest::header::LOCATION,
            "https://www.example.com/wp-json/wc/v3/orders?consumer_secret=cs_test"
                .parse()
                .unwrap(),
        );
        let error = dialect(Authentication::Query).classify(&reply);
        assert_eq!(error.kind, ErrorKind::ConfigInvalid);
        assert!(
            error
                .to_string()
                .contains("https://www.example.com/wp-json")
        );
        assert!(!error.to_string().contains("cs_test"));
    }

    #[test]
    fn dates_carry_no_zone() {
        let at: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
        assert_eq!(gmt("2026-01-31T08:00:00"), Some(at));
        assert_eq!(to_gmt(at), "2026-01-31T08:00:00");
        assert_eq!(gmt("yesterday"), None);
    }
}
