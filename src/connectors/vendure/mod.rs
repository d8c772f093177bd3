//! Vendure, the open commerce server, by its Admin API (GraphQL).
//!
//! Products hold variants, and only these have a sku, a price and stock. Facts are those of Vendure 3.7.3, as it answers.

mod addresses;
mod api;
mod assets;
mod audit;
mod content;
mod convert;
mod documents;
#[cfg(test)]
mod fixtures;
mod labels;
mod live;
mod options;
mod orders;
mod picture_file;
mod pictures;
#[cfg(test)]
mod pictures_tests;
mod place;
mod pull;
mod push;
mod sandbox;
mod session;
mod shipments;
mod shop;
mod stock;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use serde_json::json;

use self::api::{Api, VendureDialect};
use self::pictures::Pictures;
use self::place::Place;
use self::push::{ListCall, Written};
use self::session::{Credential, Session};
use self::shop::{Choice, Known};
use super::{Environment, Factory};
use crate::config::settings::Settings;
use crate::domain::capability::{
    Batching, Capability, Descriptor, Limits, Note, Routes, Setting, SettingKind, Variants,
};
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, StockChange};
use crate::domain::connector::{
    Account, Connector, ItemOutcome, OrderPage, Outcome, Page, Watermark,
};
use crate::domain::ids::{ChannelOrderId, ListingRef, PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result};

pub static FACTORY: Factory = Factory {
    descriptor: &DESCRIPTOR,
    build,
    sandbox: Some(|| Box::new(sandbox::VendureSandbox::default())),
};

static DESCRIPTOR: Descriptor = Descriptor {
    kind: "vendure",
    display_name: "Vendure",
    docs_url: "https://docs.vendure.io/reference/graphql-api/admin/mutations",
    portal_url: "https://YOUR-SHOP/dashboard",
    capability: Capability {
        listing_read: true,
        listing_create: true,
        listing_update: true,
        listing_end: true,
        stock_push: true,
        price_push: true,
        orders_pull: true,
        shipments_confirm: true,
        shipments_partial: true,
        ..Capability::NONE
    },
    limits: Limits {
        variants: Variants::ParentFirst,
        // The length of a list is not limited, but the body is (100 kB) and each list is one transaction.
        stock: Routes::direct(Batching::items(100, 2)),
        price: Routes::direct(Batching::items(100, 2)),
        // Two calls at once could make one facet twice.
        listing: Routes::direct(Batching::items(50, 1)),
        end: Routes::direct(Batching::items(100, 1)),
        find_batch: 100,
        shipment_batch: 10,
        order_lookback: Duration::from_secs(10 * 60),
        submissions_at_once: None,
        submission_deadline: Duration::ZERO,
        sight_deadline: Duration::ZERO,
        quotas: &[],
        // Of the columns that Vendure makes in MySQL and PostgreSQL.
        title_length: Some(255),
        description_length: None,
        images: None,
        sku_length: Some(255),
    },
    settings: &[
        Setting {
            key: "url",
            help: "The server's address; where the Admin API has another path than /admin-api, with that path",
            kind: SettingKind::Url,
            required: true,
            default: None,
            example: "https://shop.example.com",
        },
        Setting {
            key: "username",
            help: "An administrator's e-mail address; leave it out to use an API key",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "skucast@example.com",
        },
        Setting {
            key: "secret",
            help: "The administrator's password; without `username`, an API key (Vendure 3.6 and later)",
            kind: SettingKind::Secret,
            required: true,
            default: None,
            example: "env:VENDURE_SECRET",
        },
        Setting {
            key: "channel_token",
            help: "Which channel of the shop, from Settings > Channels; leave it out for the default channel",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "b2c-channel",
        },
        Setting {
            key: "stock_location",
            help: "Name or id of the stock location to sell from; needed when the channel has several",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "Berlin",
        },
        Setting {
            key: "tax_category",
            help: "Name or id of the tax category of new products; without it the shop's default",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "Standard Tax",
        },
        Setting {
            key: "language",
            help: "In which texts are written; without it the channel's default language",
            kind: SettingKind::Text,
            required: false,
            default: None,
            example: "en",
        },
    ],
    notes: &[
        Note {
            capability: "listing_end",
            text: "an ended listing is disabled and keeps its page in the dashboard; deleting is left to people",
            source: "https://docs.vendure.io/reference/graphql-api/admin/input-types#updateproductinput",
        },
        Note {
            capability: "listing_create",
            text: "the Admin API takes pictures as files: skucast fetches them from their addresses and uploads each once; a listing whose picture cannot be had goes without it, with a warning",
            source: "https://docs.vendure.io/reference/graphql-api/admin/mutations#createassets",
        },
        Note {
            capability: "price_push",
            text: "prices are those of the channel's default currency; Vendure has no struck-through price",
            source: "https://docs.vendure.io/guides/core-concepts/money",
        },
    ],
};

/// Where the Admin API is unless the server was told otherwise (`apiOptions.adminApiPath`).
const ADMIN_API: &str = "admin-api";

fn build(settings: &Settings, environment: &Environment) -> Result<Box<dyn Connector>> {
    let mut url = settings.url("url")?;
    if url.path().trim_matches('/').is_empty() {
        url.set_path(ADMIN_API);
    }
    let language = settings.optional_text("language").map(str::to_owned);
    if let Some(language) = &language {
        url.query_pairs_mut().append_pair("languageCode", language);
    }
    let secret = settings.secret("secret")?.clone();
    let credential = match settings.optional_text("username") {
        None => Credential::ApiKey(secret),
        Some(username) => Credential::Administrator(Box::new(Session::new(
            &environment.http.client,
            url.clone(),
            username.to_owned(),
            secret,
        ))),
    };
    let channel = match settings.optional_text("channel_token") {
        None => None,
        Some(token) => Some(HeaderValue::from_str(token).map_err(|_| {
            Error::config("`channel_token` holds characters that no header may have")
        })?),
    };
    let choice = Choice {
        stock_location: settings.optional_text("stock_location").map(str::to_owned),
        tax_category: settings.optional_text("tax_category").map(str::to_owned),
        language,
        channel_token: settings.optional_text("channel_token").map(str::to_owned),
    };
    Ok(Box::new(Vendure {
        api: Api::new(
            url,
            VendureDialect {
                credential,
                channel,
            },
            environment,
        ),
        shop: Known::new(choice),
        pictures: Pictures::new(&environment.http),
    }))
}

#[derive(Debug)]
struct Vendure {
    api: Api,
    shop: Known,
    pictures: Pictures,
}

/// The variant that a price or stock change is for.
fn sold_variant(listing_ref: &ListingRef) -> Result<String, Box<Issue>> {
    match Place::parse(listing_ref)?.variant() {
        Some(variant) => Ok(variant.to_owned()),
        None => Err(Issue::error(
            "not_sold",
            "this groups variants and has neither a price nor stock",
        )
        .into()),
    }
}

fn item(sku: &Sku, outcome: Outcome) -> ItemOutcome {
    ItemOutcome {
        key: sku.clone(),
        outcome,
    }
}

#[async_trait]
impl Connector for Vendure {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn check(&self) -> Result<Account> {
        let shop = self.shop.ask(&self.api).await?;
        Ok(Account {
            name: format!("{} ({})", self.api.host(), shop.channel),
            credential_expires: None,
        })
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        audit::audit(listing)
    }

    fn kept(&self, listing: &Listing) -> Listing {
        content::kept(listing)
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        live::fetch(&self.api, self.shop.get(&self.api).await?, page).await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        live::find(&self.api, self.shop.get(&self.api).await?, skus).await
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        if batch.dry_run {
            return Err(Error::unsupported("dry_run"));
        }
        let shop = self.shop.get(&self.api).await?;
        push::listings(&self.api, shop, &self.pictures, batch.items).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        let shop = self.shop.get(&self.api).await?;
        let variants: Vec<_> = batch
            .items
            .iter()
            .map(|change| sold_variant(&change.listing_ref))
            .collect();
        let ids: Vec<&str> = variants.iter().flatten().map(String::as_str).collect();
        let live = stock::read(&self.api, &ids).await?;
        let (mut outcomes, mut inputs) = (Vec::new(), Vec::new());
        for (at, (change, variant)) in batch.items.iter().zip(variants).enumerate() {
            let input = match &variant {
                Ok(variant) => stock::input(change, live.get(variant), shop),
                Err(issue) => Err(Outcome::Rejected(vec![(**issue).clone()])),
            };
            match input {
                Ok(input) => inputs.push((at, input)),
                Err(outcome) => outcomes.push(item(&change.sku, outcome)),
            }
        }
        for (at, answer) in ListCall::variants()
            .send::<Written>(&self.api, inputs)
            .await
        {
            let change = &batch.items[at];
            let outcome = match answer {
                Ok(written) => stock::outcome(change, &written.stock_levels, shop),
                Err(outcome) => outcome,
            };
            outcomes.push(item(&change.sku, outcome));
        }
        Ok(outcomes)
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        let shop = self.shop.get(&self.api).await?;
        let (mut outcomes, mut inputs) = (Vec::new(), Vec::new());
        for (at, change) in batch.items.iter().enumerate() {
            let input = sold_variant(&change.listing_ref).and_then(|variant| {
                let mut input = convert::price(change.price, shop)?;
                input.insert("id".to_owned(), json!(variant));
                Ok(input)
            });
            match input {
                Ok(input) => inputs.push((at, input)),
                Err(issue) => outcomes.push(item(&change.sku, Outcome::Rejected(vec![*issue]))),
            }
        }
        for (at, answer) in ListCall::variants()
            .send::<Written>(&self.api, inputs)
            .await
        {
            let outcome = answer.map_or_else(|outcome| outcome, |_| Outcome::applied());
            outcomes.push(item(&batch.items[at].sku, outcome));
        }
        Ok(outcomes)
    }

    /// A variant is disabled by itself; a product that is sold as its only variant as a whole, page and all.
    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        let (mut outcomes, mut products, mut variants) = (Vec::new(), Vec::new(), Vec::new());
        for (at, change) in batch.items.iter().enumerate() {
            let disable = |id: String| {
                let input = json!({"id": id, "enabled": false});
                (at, input.as_object().cloned().unwrap_or_default())
            };
            match Place::parse(&change.listing_ref) {
                Ok(Place::Variant { variant, .. }) => variants.push(disable(variant)),
                Ok(Place::Single { product, .. } | Place::Parent { product }) => {
                    products.push(disable(product));
                }
                Err(issue) => outcomes.push(item(&change.sku, Outcome::Rejected(vec![*issue]))),
            }
        }
        let mut answers = ListCall::products()
            .send::<Written>(&self.api, products)
            .await;
        answers.extend(ListCall::variants().send(&self.api, variants).await);
        for (at, answer) in answers {
            let outcome = match answer {
                Ok(_) => Outcome::applied(),
                // What is gone has ended.
                Err(Outcome::Failed(error)) if error.kind == ErrorKind::NotFound => {
                    Outcome::applied()
                }
                Err(outcome) => outcome,
            };
            outcomes.push(item(&batch.items[at].sku, outcome));
        }
        Ok(outcomes)
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        let shop = self.shop.get(&self.api).await?;
        pull::fetch(&self.api, shop, since, page).await
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let mut outcomes = Vec::with_capacity(shipments.len());
        for shipment in shipments {
            outcomes.push(ItemOutcome {
                key: shipment.channel_order_id.clone(),
                outcome: shipments::confirm(&self.api, shipment).await,
            });
        }
        Ok(outcomes)
    }
}
