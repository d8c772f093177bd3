//! Medusa 2, the headless commerce server, by its Admin REST API.
//!
//! A product and its variants are written in one call, and every call is carried out whole or not at all. Facts are
//! those of the vendor's documentation and of a running Medusa 2.21.2.

mod api;
mod audit;
mod content;
mod convert;
mod ends;
#[cfg(test)]
mod fixtures;
mod live;
mod options;
mod orders;
mod place;
mod prices;
mod pull;
mod push;
mod refusals;
mod sandbox;
mod shipments;
mod stock;
mod terms;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::OnceCell;

use self::api::{Api, Id, MedusaDialect};
use self::convert::{Shop, Units};
use self::terms::Book;
use super::{Environment, Factory};
use crate::config::settings::Settings;
use crate::domain::capability::{
    Batching, Capability, Descriptor, Grouping, Limits, Note, Routes, Setting, SettingKind,
    Variants,
};
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, StockChange};
use crate::domain::connector::{Account, Connector, ItemOutcome, OrderPage, Page, Watermark};
use crate::domain::ids::{ChannelOrderId, PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::order::Shipment;
use crate::domain::{Error, Result, money};

pub static FACTORY: Factory = Factory {
    descriptor: &DESCRIPTOR,
    build,
    sandbox: Some(|| Box::new(sandbox::MedusaSandbox::default())),
};

const WEIGHTS: &[&str] = &["g", "kg", "oz", "lb"];
const DIMENSIONS: &[&str] = &["mm", "cm", "m", "in"];

static DESCRIPTOR: Descriptor = Descriptor {
    kind: "medusa",
    display_name: "Medusa",
    docs_url: "https://docs.medusajs.com/api/admin",
    portal_url: "https://YOUR-MEDUSA-SERVER/app/settings/secret-api-keys",
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
        variants: Variants::Together,
        // The server is one process that works on one call at a time: more at once only wait for each other.
        stock: Routes::direct(Batching::items(100, 1)),
        // A call a product; so few a batch, so that stock does not wait long behind them.
        price: Routes::direct(Batching::items(20, 1).grouped(Grouping::Products)),
        // Fifty products of usual size are well below the 2 MB that a batch call may have.
        listing: Routes::direct(Batching::items(50, 1).grouped(Grouping::Products)),
        end: Routes::direct(Batching::items(50, 1).grouped(Grouping::Products)),
        // As many as fit an address of usual length.
        find_batch: 50,
        shipment_batch: 10,
        order_lookback: Duration::from_secs(10 * 60),
        submissions_at_once: None,
        submission_deadline: Duration::ZERO,
        sight_deadline: Duration::ZERO,
        quotas: &[],
        title_length: None,
        description_length: None,
        images: None,
        sku_length: None,
    },
    settings: &[
        Setting {
            key: "url",
            help: "The address of the Medusa server, not of the storefront",
            kind: SettingKind::Url,
            required: true,
            default: None,
            example: "https://medusa.example.com",
        },
        Setting {
            key: "api_key",
            help: "From Medusa Admin > Settings > Secret API Keys; shown once",
            kind: SettingKind::Secret,
            required: true,
            default: None,
            example: "env:MEDUSA_API_KEY",
        },
        Setting {
            key: "currency",
            help: "The currency in which prices are set",
            kind: SettingKind::Text,
            required: true,
            default: None,
            example: "EUR",
        },
        Setting {
            key: "sales_channel",
            help: "Id of the sales channel on which products are sold, from Settings > Sales Channels",
            kind: SettingKind::Text,
            required: true,
            default: None,
            example: "sc_01ABCDEFGHJKMNPQRSTVWXYZ00",
        },
        Setting {
            key: "stock_location",
            help: "Id of the location whose stock is set, from Settings > Locations; connected to the sales channel",
            kind: SettingKind::Text,
            required: true,
            default: None,
            example: "sloc_01ABCDEFGHJKMNPQRSTVWXYZ00",
        },
        Setting {
            key: "weight_unit",
            help: "The unit that the shop's weights are meant in",
            kind: SettingKind::Choice(WEIGHTS),
            required: false,
            default: Some("g"),
            example: "g",
        },
        Setting {
            key: "dimension_unit",
            help: "The unit that the shop's lengths are meant in",
            kind: SettingKind::Choice(DIMENSIONS),
            required: false,
            default: Some("mm"),
            example: "mm",
        },
    ],
    notes: &[
        Note {
            capability: "listing_end",
            text: "an ended product becomes a draft; an ended variant of a product that stays has no stock and a mark",
            source: "https://docs.medusajs.com/api/admin#products_postproductsbatch",
        },
        Note {
            capability: "shipments_partial",
            text: "Medusa 2.21 sends a part of a line's pieces only while as many more are in stock; whole lines always",
            source: "https://docs.medusajs.com/api/admin#orders_postordersidfulfillments",
        },
    ],
};

fn build(settings: &Settings, environment: &Environment) -> Result<Box<dyn Connector>> {
    let url = settings.url("url")?;
    let code = settings.text("currency")?;
    let currency = money::currency(code).ok_or_else(|| {
        Error::config(format!("`currency = \"{code}\"` is no currency"))
            .hint("write its code of three letters: `EUR`")
    })?;
    let unit = |key, units: &'static [&'static str]| {
        let text = settings.optional_text(key).unwrap_or(units[0]);
        let known = units.iter().copied().find(|unit| *unit == text);
        known.ok_or_else(|| Error::config(format!("`{key} = \"{text}\"` is no unit")))
    };
    let shop = Shop {
        currency,
        sales_channel: id(settings, "sales_channel", "sc_")?,
        stock_location: id(settings, "stock_location", "sloc_")?,
        units: Units {
            weight: unit("weight_unit", WEIGHTS)?,
            dimension: unit("dimension_unit", DIMENSIONS)?,
        },
    };
    let dialect = MedusaDialect {
        key: settings.secret("api_key")?.clone(),
    };
    Ok(Box::new(Medusa {
        api: Api::new(&url, dialect, environment)?,
        shop,
        book: Book::default(),
        offered: OnceCell::new(),
    }))
}

/// An id, which ends up in addresses. People take a name for it easily.
fn id(settings: &Settings, key: &'static str, prefix: &str) -> Result<String> {
    let text = settings.text(key)?;
    let is_id =
        text.starts_with(prefix) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_id {
        true => Ok(text.to_owned()),
        false => Err(Error::config(format!("`{key} = \"{text}\"` is no id")).hint(format!(
            "it begins with `{prefix}` and stands in the address of its page in Medusa Admin > Settings"
        ))),
    }
}

#[derive(Debug)]
struct Medusa {
    api: Api,
    shop: Shop,
    book: Book,
    /// Set once the store was seen to offer the currency.
    offered: OnceCell<()>,
}

impl Medusa {
    /// The shop takes prices in any currency, and sells nothing in those that its store does not offer.
    async fn prove_currency(&self) -> Result<()> {
        let prove = || async {
            let query = [("fields", "id,supported_currencies.currency_code")];
            let answer = self.api.get("listStores", "stores", &query).await?;
            let stores = answer.json::<Stores>()?.stores.into_iter();
            let offered: Vec<String> = stores
                .flat_map(|store| store.supported_currencies)
                .map(|currency| currency.currency_code.to_uppercase())
                .collect();
            let code = self.shop.currency.code();
            match offered.iter().any(|offered| offered == code) {
                true => Ok(()),
                false => Err(Error::config(format!("the store does not sell in {code}")).hint(format!(
                    "it has {}: change `currency`, or add one in Medusa Admin > Settings > Store",
                    offered.join(", ")
                ))),
            }
        };
        self.offered.get_or_try_init(prove).await.copied()
    }
}

#[derive(Deserialize)]
struct Stores {
    stores: Vec<Store>,
}

#[derive(Deserialize)]
struct Store {
    #[serde(default)]
    supported_currencies: Vec<Supported>,
}

#[derive(Deserialize)]
struct Supported {
    currency_code: String,
}

#[derive(Deserialize)]
struct LocationAnswer {
    stock_location: Location,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    name: String,
    #[serde(default)]
    sales_channels: Vec<Id>,
}

#[async_trait]
impl Connector for Medusa {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    /// Also proves that the stock location serves the sales channel, and that the store offers the currency: otherwise
    /// the shop sells nothing of it.
    async fn check(&self) -> Result<Account> {
        let path = format!("stock-locations/{}", self.shop.stock_location);
        let query = [("fields", "id,name,sales_channels.id")];
        let answer = self.api.get("getStockLocation", &path, &query).await;
        let unknown = |error: Error| match error.kind {
            crate::domain::ErrorKind::NotFound => {
                error.hint("check `stock_location`: Medusa Admin > Settings > Locations & Shipping")
            }
            _ => error,
        };
        let location = answer
            .map_err(unknown)?
            .json::<LocationAnswer>()?
            .stock_location;
        let serves = |channel: &Id| channel.id == self.shop.sales_channel;
        if !location.sales_channels.iter().any(serves) {
            return Err(Error::config(format!(
                "the stock location `{}` is not connected to the sales channel `{}`",
                location.name, self.shop.sales_channel
            ))
            .hint("connect them in Medusa Admin > Settings > Locations & Shipping, or check `sales_channel`"));
        }
        self.prove_currency().await?;
        Ok(Account {
            name: self.api.host().to_owned(),
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
        live::fetch(&self.api, &self.shop, &self.book, page).await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        live::find(&self.api, &self.shop, &self.book, skus).await
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        if batch.dry_run {
            return Err(Error::unsupported("dry_run"));
        }
        if batch
            .items
            .iter()
            .any(|change| change.listing.price.is_some())
        {
            self.prove_currency().await?;
        }
        let listings: Vec<&Listing> = batch.items.iter().map(|change| &change.listing).collect();
        let terms = self.book.prepare(&self.api, &listings).await?;
        push::push(&self.api, &self.shop, &terms, batch.items).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        stock::push(&self.api, &self.shop, batch.items).await
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        self.prove_currency().await?;
        prices::push(&self.api, &self.shop, batch.items).await
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        ends::push(&self.api, &self.shop, batch.items).await
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        pull::fetch(&self.api, &self.shop.sales_channel, since, page).await
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let mut outcomes = Vec::with_capacity(shipments.len());
        for shipment in shipments {
            let confirmed = shipments::confirm(&self.api, shipment).await;
            outcomes.push(ItemOutcome {
                key: shipment.channel_order_id.clone(),
                outcome: confirmed.unwrap_or_else(shipments::failed),
            });
        }
        Ok(outcomes)
    }
}
