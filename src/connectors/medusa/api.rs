//! The shop's wire: addresses, the key, documents, and what its errors mean.

use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::refusals;
use crate::connectors::Environment;
use crate::domain::capability::Endpoint;
use crate::domain::{Error, Result};
use crate::http::rest::Rest;
use crate::http::{ChannelHttp, Dialect, Replay, Reply, Signing, kind_of, redirected};

const CHECK_URL: &str = "check `url`: it is the address of the Medusa server, not of the storefront, without /admin and without /app";

/// A secret API key: the name of HTTP Basic, without a password.
#[derive(Debug)]
pub struct MedusaDialect {
    pub key: SecretString,
}

#[async_trait]
impl Dialect for MedusaDialect {
    async fn sign(&self, mut request: Request, _: &Signing) -> Result<Request> {
        let pair = BASE64_STANDARD.encode(format!("{}:", self.key.expose_secret()));
        let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
            .map_err(|error| Error::unexpected("the key fits no header").caused_by(error))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(request)
    }

    /// A page for people comes with a success status too: from a storefront, or from what stands before the server.
    fn is_success(&self, reply: &Reply) -> bool {
        reply.status.is_success() && reply.body.trim_ascii_start().starts_with(b"{")
    }

    fn classify(&self, reply: &Reply) -> Error {
        if reply.status.is_redirection() {
            return redirected(&reply.headers, "without /admin/…");
        }
        if reply.status.is_success() {
            return Error::config("what answers at `url` is not Medusa's Admin API")
                .hint(CHECK_URL)
                .in_doubt();
        }
        let refusal: Option<Refusal> = serde_json::from_slice(&reply.body).ok();
        let known = refusal.is_some();
        let refusal = refusal.unwrap_or_default();
        let message = match refusal.message.is_empty() {
            false => refusal.message,
            true => "the shop answered an error without a reason".to_owned(),
        };
        let mut error = Error::new(kind_of(reply.status), message);
        if !refusal.kind.is_empty() {
            error = error.with("type", refusal.kind);
        }
        match reply.status {
            StatusCode::UNAUTHORIZED => error.hint(
                "check `api_key` of this channel: Medusa Admin > Settings > Secret API Keys; a revoked key works no more",
            ),
            StatusCode::NOT_FOUND if !known => error.hint(CHECK_URL),
            StatusCode::PAYLOAD_TOO_LARGE => error.hint(
                "shorten the description: Medusa takes 2 MB in one call, unless its configuration says otherwise",
            ),
            _ => refusals::explain(error),
        }
    }
}

/// An error body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

/// A decimal: a number, or `{"value": "19.99"}` where the shop keeps the digits apart. The shop prints its numbers with
/// as few digits as mean the same double, and `Number` does so too: no digit is lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            Value::Object(mut digits) => match digits.remove("value") {
                Some(Value::String(text)) => text,
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        Decimal::from_str(&text)
            .or_else(|_| Decimal::from_scientific(&text))
            .map(Self)
            .map_err(|_| serde::de::Error::custom("not a decimal number"))
    }
}

/// The number that the shop reads as this decimal.
pub fn number(decimal: Decimal) -> Value {
    let text = decimal.normalize().to_string();
    // A decimal's text is always a JSON number.
    Number::from_str(&text).map_or(Value::Null, Value::Number)
}

/// `null` becomes the default.
fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Id {
    pub id: String,
}

/// A product, as far as it is read; see [`LISTING_FIELDS`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Product {
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    pub handle: String,
    #[serde(deserialize_with = "nullable")]
    pub external_id: String,
    pub status: String,
    #[serde(deserialize_with = "nullable")]
    pub title: String,
    #[serde(deserialize_with = "nullable")]
    pub subtitle: String,
    #[serde(deserialize_with = "nullable")]
    pub description: String,
    #[serde(deserialize_with = "nullable")]
    pub thumbnail: String,
    #[serde(deserialize_with = "nullable")]
    pub metadata: Map<String, Value>,
    #[serde(flatten)]
    pub physical: Physical,
    #[serde(deserialize_with = "nullable")]
    pub images: Vec<Image>,
    #[serde(deserialize_with = "nullable")]
    pub tags: Vec<Tag>,
    #[serde(deserialize_with = "nullable")]
    pub categories: Vec<Category>,
    #[serde(deserialize_with = "nullable")]
    pub sales_channels: Vec<Id>,
    #[serde(deserialize_with = "nullable")]
    pub options: Vec<ProductOption>,
    #[serde(deserialize_with = "nullable")]
    pub variants: Vec<Variant>,
}

/// What products and variants both have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Physical {
    pub weight: Option<Amount>,
    pub length: Option<Amount>,
    pub width: Option<Amount>,
    pub height: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    pub origin_country: String,
    #[serde(deserialize_with = "nullable")]
    pub material: String,
    #[serde(deserialize_with = "nullable")]
    pub hs_code: String,
    #[serde(deserialize_with = "nullable")]
    pub mid_code: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Image {
    pub url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tag {
    pub id: String,
    pub value: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Category {
    pub id: String,
    pub name: String,
    #[serde(deserialize_with = "nullable")]
    pub parent_category_id: String,
    /// Ids from the root to this one, with dots between them.
    #[serde(deserialize_with = "nullable")]
    pub mpath: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProductOption {
    pub id: String,
    pub title: String,
    #[serde(deserialize_with = "nullable")]
    pub values: Vec<OptionValue>,
}

/// A value, of a product's option or chosen by a variant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OptionValue {
    pub value: String,
    pub option: Option<OptionTitle>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OptionTitle {
    pub title: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Variant {
    pub id: String,
    #[serde(deserialize_with = "nullable")]
    pub product_id: String,
    #[serde(deserialize_with = "nullable")]
    pub title: String,
    #[serde(deserialize_with = "nullable")]
    pub sku: String,
    #[serde(deserialize_with = "nullable")]
    pub ean: String,
    #[serde(deserialize_with = "nullable")]
    pub upc: String,
    #[serde(deserialize_with = "nullable")]
    pub barcode: String,
    #[serde(flatten)]
    pub physical: Physical,
    pub manage_inventory: bool,
    #[serde(deserialize_with = "nullable")]
    pub metadata: Map<String, Value>,
    #[serde(deserialize_with = "nullable")]
    pub options: Vec<OptionValue>,
    #[serde(deserialize_with = "nullable")]
    pub prices: Vec<Price>,
    #[serde(deserialize_with = "nullable")]
    pub inventory_items: Vec<Part>,
}

/// One price of a variant. A plain one has neither quantities nor rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Price {
    pub id: String,
    pub currency_code: String,
    pub amount: Amount,
    pub min_quantity: Option<Amount>,
    pub max_quantity: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    pub rules: Map<String, Value>,
}

impl Price {
    /// Whether it is the price in this currency for everybody.
    pub fn is_plain(&self, currency: iso_currency::Currency) -> bool {
        self.currency_code.eq_ignore_ascii_case(currency.code())
            && self.min_quantity.is_none()
            && self.max_quantity.is_none()
            && self.rules.is_empty()
    }
}

/// An inventory item that a variant is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    pub inventory_item_id: String,
    pub required_quantity: Amount,
    pub inventory: Option<InventoryItem>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct InventoryItem {
    #[serde(deserialize_with = "nullable")]
    pub location_levels: Vec<Level>,
}

/// What one stock location holds of an inventory item.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Level {
    pub inventory_item_id: String,
    pub location_id: String,
    pub stocked_quantity: Amount,
    pub reserved_quantity: Amount,
}

/// Created and updated things of a batch. Their order is not that of the request.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct BatchAnswer<T> {
    #[serde(default = "Vec::new")]
    pub created: Vec<T>,
    #[serde(default = "Vec::new")]
    pub updated: Vec<T>,
}

#[derive(Debug, Deserialize)]
pub struct Products {
    pub products: Vec<Product>,
    #[serde(default)]
    pub count: u64,
}

#[derive(Debug, Deserialize)]
pub struct Variants {
    pub variants: Vec<Variant>,
}

/// The parts of a product that a listing is made of.
pub const LISTING_FIELDS: &str = "id,handle,external_id,status,title,subtitle,description,thumbnail,metadata,\
weight,length,width,height,origin_country,material,hs_code,mid_code,\
images.url,tags.id,tags.value,categories.id,categories.name,categories.mpath,sales_channels.id,\
options.id,options.title,options.values.value,\
variants.id,variants.title,variants.sku,variants.ean,variants.upc,variants.barcode,\
variants.weight,variants.length,variants.width,variants.height,variants.origin_country,\
variants.material,variants.hs_code,variants.mid_code,variants.manage_inventory,variants.metadata,\
variants.options.value,variants.options.option.title,\
variants.prices.id,variants.prices.amount,variants.prices.currency_code,\
variants.prices.min_quantity,variants.prices.max_quantity,\
variants.prices.price_rules.attribute,variants.prices.price_rules.operator,variants.prices.price_rules.value,\
variants.inventory_items.inventory_item_id,variants.inventory_items.required_quantity,\
variants.inventory_items.inventory.location_levels.location_id,\
variants.inventory_items.inventory.location_levels.stocked_quantity,\
variants.inventory_items.inventory.location_levels.reserved_quantity";

/// The shop behind its address.
#[derive(Debug)]
pub struct Api {
    rest: Rest,
}

impl Api {
    /// `url` is the server's own address.
    pub fn new(url: &Url, dialect: MedusaDialect, environment: &Environment) -> Result<Self> {
        let (channel, http) = (&environment.channel, &environment.http);
        let http = ChannelHttp::new(channel, http, Arc::new(dialect), &[]);
        Ok(Self {
            rest: Rest::new(url, "admin/", http)?,
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

    /// Writes. All of the shop's writes are POST, and its batches are carried out whole or not at all.
    pub async fn post(
        &self,
        endpoint: Endpoint,
        replay: Replay,
        path: &str,
        query: &[(&str, &str)],
        body: &Value,
    ) -> Result<Reply> {
        let post = Method::POST;
        self.rest
            .write(endpoint, replay, post, path, query, body)
            .await
    }
}

/// The shop's clock, to the second.
pub fn clock(reply: &Reply) -> Option<Timestamp> {
    let text = reply.header("date")?;
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp())
}

/// A list parameter's values. The shop takes a lone value apart at its commas, so that one comes twice.
pub fn any_of<'a>(name: &'a str, values: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut query: Vec<_> = values.iter().map(|value| (name, *value)).collect();
    if let [(_, only)] = query.as_slice()
        && only.contains(',')
    {
        query.push((name, *only));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    fn classify(status: u16, body: &str) -> Error {
        let dialect = MedusaDialect {
            key: "sk_test".into(),
        };
        dialect.classify(&Reply {
            endpoint: "x",
            status: StatusCode::from_u16(status).unwrap(),
            headers: Default::default(),
            body: body.as_bytes().to_vec(),
        })
    }

    #[tokio::test]
    async fn the_key_travels_as_a_name_without_a_password() {
        let dialect = MedusaDialect {
            key: "sk_test".into(),
        };
        let request = Request::new(
            reqwest::Method::GET,
            "https://shop.example.com/admin/products".parse().unwrap(),
        );
        let signing = Signing {
            now: Timestamp::UNIX_EPOCH,
            nonce: String::new(),
            refresh: false,
        };
        let signed = dialect.sign(request, &signing).await.unwrap();
        assert_eq!(signed.headers()[AUTHORIZATION], "Basic c2tfdGVzdDo=");
        assert!(signed.headers()[AUTHORIZATION].is_sensitive());
    }

    #[test]
    fn errors_are_told_apart() {
        let wrong_key = classify(401, r#"{"message":"Unauthorized"}"#);
        assert_eq!(wrong_key.kind, ErrorKind::Unauthorized);
        assert!(wrong_key.hints[0].contains("api_key"));
        let no_medusa = classify(404, "<!DOCTYPE html><pre>Cannot GET /admin/x</pre>");
        assert!(no_medusa.hints[0].contains("url"));
        let storefront = classify(200, "<!DOCTYPE html><title>Shop</title>");
        assert_eq!(storefront.kind, ErrorKind::ConfigInvalid);
        assert!(storefront.in_doubt && storefront.hints[0].contains("url"));
        assert_eq!(classify(308, "").kind, ErrorKind::ConfigInvalid);
        let gone = classify(
            404,
            r#"{"type":"not_found","message":"Unable to update the products with ids: prod_1"}"#,
        );
        assert_eq!(gone.kind, ErrorKind::NotFound);
        assert!(gone.hints.is_empty());
        assert!(gone.message.contains("prod_1"));
    }

    #[test]
    fn amounts_keep_their_digits() {
        for (text, meant) in [
            ("53.5262", "53.5262"),
            (r#"{"value":"0.1","precision":20}"#, "0.1"),
            (r#""12.50""#, "12.50"),
            ("12345678901.23", "12345678901.23"),
            ("1e-7", "0.0000001"),
        ] {
            let amount: Amount = serde_json::from_str(text).unwrap();
            assert_eq!(amount.0, meant.parse().unwrap(), "{text}");
        }
        assert!(serde_json::from_str::<Amount>("null").is_err());
        for text in ["19.99", "0.1", "12345678901.23", "-3", "0"] {
            assert_eq!(number(text.parse().unwrap()).to_string(), text);
        }
    }

    #[test]
    fn a_lone_value_with_a_comma_comes_twice() {
        assert_eq!(any_of("sku[]", &["A,B"]), [("sku[]", "A,B"); 2]);
        assert_eq!(any_of("sku[]", &["A"]).len(), 1);
        assert_eq!(any_of("sku[]", &["A,B", "C"]).len(), 2);
    }
}
