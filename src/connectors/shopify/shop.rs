//! One shop: its settings, and what has to be known of it before anything is sent.

use std::collections::HashMap;
use std::sync::Mutex;

use iso_currency::Currency;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::api::{AdminApi, Api, Credential};
use super::descriptor::ONLINE_STORE;
use super::documents;
use super::place::{Place, gid, number};
use super::wire::{Complaints, Connection};
use crate::config::settings::Settings;
use crate::connectors::Environment;
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::money::{self, Money};
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;
use crate::http::token::TokenSource;

/// Without these something that a sync does is refused, or silently shows less.
pub const SCOPES: &[&str] = &[
    "read_products",
    "write_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_publications",
    "write_publications",
    "read_orders",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
];

/// Keys of our metafields, in the namespace that is reserved for the app.
pub const NAMESPACE: &str = "$app";
pub const SKU_KEY: &str = "sku";
pub const PICTURES_KEY: &str = "pictures";

#[derive(Debug)]
pub struct Shop {
    pub api: Api,
    location: Option<String>,
    publications: Vec<String>,
    facts: OnceCell<Facts>,
    /// Whether the definition of the metafield `sku` is there.
    defined: OnceCell<()>,
    /// What this run has written or read, by sku: the search finds it only some seconds later.
    known: Mutex<HashMap<Sku, ListingRef>>,
}

/// What does not change while a run lasts.
#[derive(Debug)]
pub struct Facts {
    pub currency: Currency,
    /// Global id of the location whose stock is counted.
    pub location: String,
    /// Global ids of the publications. Never empty: the first one decides what counts as live.
    pub publications: Vec<String>,
}

impl Facts {
    pub fn publication(&self) -> &str {
        self.publications.first().map_or("", String::as_str)
    }

    /// As `publishablePublish` takes them.
    pub fn publication_inputs(&self) -> Value {
        self.publications
            .iter()
            .map(|id| json!({"publicationId": id}))
            .collect()
    }

    /// An amount as the shop takes it; `None` in another currency than the shop's.
    pub fn amount(&self, money: Money) -> Option<String> {
        (money.currency == self.currency).then(|| money.amount.to_string())
    }
}

/// The shop as `check` sees it.
#[derive(Debug)]
pub struct Identity {
    pub name: String,
    pub domain: String,
    pub currency: Currency,
    pub scopes: Vec<String>,
}

impl Identity {
    pub fn missing_scopes(&self) -> Vec<&'static str> {
        // The right to write is the right to read as well.
        let has = |scope: &str| {
            let writing = scope.replacen("read_", "write_", 1);
            self.scopes
                .iter()
                .any(|own| own == scope || *own == writing)
        };
        SCOPES.iter().copied().filter(|scope| !has(scope)).collect()
    }
}

/// The shop's address. `my-shop` and `my-shop.myshopify.com` are the same; a full address reaches an emulation.
fn address(text: &str) -> Result<Url> {
    let text = text.trim().trim_end_matches('/');
    let wrong = |message: String| {
        Error::config(message)
            .hint("write the address that ends in .myshopify.com, as in Settings > Domains")
    };
    let full = match text {
        text if text.contains("://") => text.to_owned(),
        text if !text.contains('.') => format!("https://{text}.myshopify.com"),
        text if text.ends_with(".myshopify.com") => format!("https://{text}"),
        text => {
            return Err(wrong(format!(
                "`shop = \"{text}\"` is an address for buyers"
            )));
        }
    };
    let url = Url::parse(&full)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| wrong(format!("`shop = \"{text}\"` is no address")))
}

fn credential(settings: &Settings, environment: &Environment, shop: &Url) -> Result<Credential> {
    let id = settings.optional_text("client_id");
    let token = settings.secret("access_token").ok();
    match (token, id, settings.secret("client_secret").ok()) {
        (Some(token), None, None) => Ok(Credential::Token(token.clone())),
        (None, Some(id), Some(secret)) => {
            let url = shop.join("/admin/oauth/access_token").map_err(|error| {
                Error::config("`shop` cannot be extended by a path").caused_by(error)
            })?;
            let client = &environment.http.client;
            let source =
                TokenSource::client_credentials(client, url, id.to_owned(), secret.clone());
            Ok(Credential::App(Box::new(source)))
        }
        (Some(_), ..) => Err(Error::config(
            "`access_token` stands beside `client_id` or `client_secret`",
        )
        .hint("keep the pair of your app, or the token, but not both")),
        (None, ..) => Err(Error::config("no credential is stated, or half of one")
            .hint("set `client_id` and `client_secret` of your app, or `access_token`")),
    }
}

impl Shop {
    pub fn new(settings: &Settings, environment: &Environment) -> Result<Self> {
        let address = address(settings.text("shop")?)?;
        let dialect = AdminApi {
            credential: credential(settings, environment, &address)?,
        };
        let publications = match settings.list("publications") {
            [] => vec![ONLINE_STORE.to_owned()],
            list => list.to_vec(),
        };
        Ok(Self {
            api: Api::new(&address, dialect, environment)?,
            location: settings.optional_text("location").map(str::to_owned),
            publications,
            facts: OnceCell::new(),
            defined: OnceCell::new(),
            known: Mutex::default(),
        })
    }

    pub async fn identity(&self) -> Result<Identity> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            shop: Named,
            current_app_installation: Installation,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named {
            name: String,
            myshopify_domain: String,
            currency_code: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Installation {
            access_scopes: Vec<Scope>,
        }
        #[derive(Deserialize)]
        struct Scope {
            handle: String,
        }
        let data: Data = self.api.query(&documents::SHOP, &json!({})).await?;
        let code = data.shop.currency_code;
        Ok(Identity {
            currency: money::currency(&code).ok_or_else(|| {
                Error::unexpected(format!("the shop's currency `{code}` is not known"))
            })?,
            name: data.shop.name,
            domain: data.shop.myshopify_domain,
            scopes: data
                .current_app_installation
                .access_scopes
                .into_iter()
                .map(|scope| scope.handle)
                .collect(),
        })
    }

    /// Asked for once.
    pub async fn facts(&self) -> Result<&Facts> {
        self.facts
            .get_or_try_init(|| async {
                Ok(Facts {
                    currency: self.identity().await?.currency,
                    location: self.find_location().await?,
                    publications: self.find_publications().await?,
                })
            })
            .await
    }

    async fn find_location(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Data {
            locations: Connection<Location>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Location {
            id: String,
            name: String,
            is_active: bool,
        }
        let mut all: Vec<Location> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let data: Data = self
                .api
                .query(&documents::LOCATIONS, &json!({"after": after}))
                .await?;
            let page = data.locations;
            let next = next_cursor(&page, after.as_deref())?;
            all.extend(page.nodes.into_iter().filter(|one| one.is_active));
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let names = || {
            let names: Vec<_> = all.iter().map(|one| format!("`{}`", one.name)).collect();
            format!("active locations: {}", names.join(", "))
        };
        match (&self.location, all.as_slice()) {
            (None, [only]) => Ok(only.id.clone()),
            (None, []) => Err(Error::config("the shop has no active location")
                .hint("make one in Settings > Locations, or grant the scope read_locations")),
            (None, _) => Err(
                Error::config("the shop has several locations, and `location` does not say which one is sold from")
                    .hint(names()),
            ),
            (Some(wanted), _) => {
                let is_wanted = |one: &&Location| {
                    one.name == *wanted || one.id == *wanted || number(&one.id) == wanted.parse().ok()
                };
                all.iter().find(is_wanted).map(|one| one.id.clone()).ok_or_else(|| {
                    Error::config(format!("`location = \"{wanted}\"` is no active location of the shop"))
                        .hint(names())
                })
            }
        }
    }

    async fn find_publications(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Data {
            publications: Connection<Publication>,
        }
        #[derive(Deserialize)]
        struct Publication {
            id: String,
            name: String,
            catalog: Option<Catalog>,
        }
        #[derive(Deserialize)]
        struct Catalog {
            title: String,
        }
        let mut all: Vec<Publication> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let data: Data = self
                .api
                .query(&documents::PUBLICATIONS, &json!({"after": after}))
                .await?;
            let page = data.publications;
            let next = next_cursor(&page, after.as_deref())?;
            all.extend(page.nodes);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let find = |wanted: &String| {
            let is_wanted = |one: &&Publication| {
                one.name == *wanted || one.catalog.as_ref().is_some_and(|own| own.title == *wanted)
            };
            let found = all.iter().find(is_wanted).map(|one| one.id.clone());
            found.ok_or_else(|| {
                let names: Vec<_> = all.iter().map(|one| format!("`{}`", one.name)).collect();
                Error::config(format!("the shop has no sales channel `{wanted}`")).hint(format!(
                    "set `publications` to some of: {}",
                    names.join(", ")
                ))
            })
        };
        self.publications.iter().map(find).collect()
    }

    /// Makes the definition by which products are told apart by sku, unless it is there.
    pub async fn define_sku(&self) -> Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            metafield_definition_create: Complaints,
        }
        let definition = json!({"definition": {
            "name": "Product sku",
            "description": "The key of a product with variants in the seller's own catalog",
            "namespace": NAMESPACE,
            "key": SKU_KEY,
            "type": "id",
            "ownerType": "PRODUCT",
        }});
        let define = || async {
            let sent = self
                .api
                .mutate::<Data>(&documents::DEFINE_SKU, Replay::Safe, &definition)
                .await;
            // No listing was sent yet, so nothing of one is in doubt.
            let data = sent.map_err(|mut error| {
                error.in_doubt = false;
                error
            })?;
            let errors = data.metafield_definition_create.user_errors;
            match errors.first() {
                Some(error) if error.code.as_deref() != Some("TAKEN") => Err(Error::new(
                    ErrorKind::Unexpected,
                    format!(
                        "the shop refuses the metafield by which products are known: {}",
                        error.message
                    ),
                )
                .with("code", error.code.clone().unwrap_or_default())),
                _ => Ok(()),
            }
        };
        self.defined.get_or_try_init(define).await.copied()
    }

    /// Remembers where a sku is.
    pub fn remember(&self, sku: &Sku, listing_ref: &ListingRef) {
        let mut known = self
            .known
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        known.insert(sku.clone(), listing_ref.clone());
    }

    /// Where a sku was when this run last met it.
    pub fn recall(&self, sku: &Sku) -> Option<Place> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        known.get(sku).and_then(Place::parse)
    }
}

/// The cursor of the next page. One that leads back to this page would be read for ever.
pub fn next_cursor<T>(page: &Connection<T>, after: Option<&str>) -> Result<Option<String>> {
    match page.page_info.next() {
        Some(next) if Some(next) == after => Err(repeated()),
        next => Ok(next.map(str::to_owned)),
    }
}

pub fn repeated() -> Error {
    Error::unexpected("the shop repeats a page of a list instead of giving the next one")
        .hint("try again later; Shopify's status page may know more")
}

/// `gid://shopify/Product/…` of a place.
pub fn product_gid(product: u64) -> String {
    gid("Product", product)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shops_address_is_its_own_one() {
        let host = |text: &str| address(text).map(|url| url.to_string()).ok();
        let mine = Some("https://my-shop.myshopify.com/".to_owned());
        assert_eq!(host("my-shop"), mine);
        assert_eq!(host(" my-shop.myshopify.com/ "), mine);
        assert_eq!(
            host("http://127.0.0.1:4000"),
            Some("http://127.0.0.1:4000/".into())
        );
        assert_eq!(host("shop.example.com"), None);
        assert_eq!(host("ftp://my-shop.myshopify.com"), None);
        let error = address("shop.example.com").unwrap_err();
        assert!(error.hints[0].contains(".myshopify.com"));
    }

    #[test]
    fn a_scope_to_write_is_one_to_read() {
        let identity = |scopes: &[&str]| Identity {
            name: String::new(),
            domain: String::new(),
            currency: Currency::EUR,
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
        };
        assert_eq!(identity(SCOPES).missing_scopes(), [""; 0]);
        let some = [
            "write_products",
            "write_inventory",
            "read_locations",
            "write_publications",
            "read_orders",
        ];
        assert_eq!(
            identity(&some).missing_scopes(),
            [
                "read_merchant_managed_fulfillment_orders",
                "write_merchant_managed_fulfillment_orders"
            ]
        );
    }
}
