//! WooCommerce, the shop plugin of WordPress, by its REST API v3.
//!
//! The shop answers each row of a batch at once. Products name their variations, so parents come first.
//! Facts are those of the vendor's documentation and of WooCommerce 10.0.2.

mod api;
mod audit;
mod categories;
mod content;
mod convert;
mod entities;
#[cfg(test)]
mod fixtures;
mod live;
mod oauth;
mod orders;
mod pull;
mod push;
mod sandbox;
mod shipments;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, json};

use self::api::{Api, Authentication, WooDialect};
use self::categories::Categories;
use self::convert::{Place, Units};
use self::push::{Push, Row, Target};
use super::{Environment, Factory};
use crate::config::settings::Settings;
use crate::domain::capability::{
    Batching, Capability, Descriptor, Grouping, Limits, Note, Routes, Setting, SettingKind,
    Variants,
};
use crate::domain::catalog::ItemKind;
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, StockChange};
use crate::domain::connector::{
    Account, Connector, ItemOutcome, OrderPage, Outcome, Page, Watermark,
};
use crate::domain::ids::{ChannelOrderId, ListingRef, PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result, measure, money};

pub static FACTORY: Factory = Factory {
    descriptor: &DESCRIPTOR,
    build,
    sandbox: Some(|| Box::new(sandbox::WooCommerceSandbox::default())),
};

/// The shop's own choices, its default first.
const WEIGHT_UNITS: &[&str] = &["kg", "g", "lbs", "oz"];
const DIMENSION_UNITS: &[&str] = &["cm", "m", "mm", "in", "yd"];

static DESCRIPTOR: Descriptor = Descriptor {
    kind: "woocommerce",
    display_name: "WooCommerce",
    docs_url: "https://woocommerce.github.io/woocommerce-rest-api-docs/",
    portal_url: "https://YOUR-SHOP/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys",
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
        stock: under_one_parent(100, 2),
        price: under_one_parent(100, 2),
        // The shop fetches every new picture while the call waits, so 100 would outlast a host's patience;
        // and two calls at once may create one sku twice in versions before 9.3.
        listing: under_one_parent(25, 1),
        end: under_one_parent(100, 1),
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
        // The look-up table by which skus are found (wc_product_meta_lookup) keeps no more.
        sku_length: Some(100),
    },
    settings: &[
        Setting {
            key: "url",
            help: "The shop's own address, as in Settings > General",
            kind: SettingKind::Url,
            required: true,
            default: None,
            example: "https://shop.example.com",
        },
        Setting {
            key: "consumer_key",
            help: "From WooCommerce > Settings > Advanced > REST API, permission Read/Write",
            kind: SettingKind::Secret,
            required: true,
            default: None,
            example: "env:WOO_CONSUMER_KEY",
        },
        Setting {
            key: "consumer_secret",
            help: "Shown once, together with the key",
            kind: SettingKind::Secret,
            required: true,
            default: None,
            example: "env:WOO_CONSUMER_SECRET",
        },
        Setting {
            key: "currency",
            help: "The shop's currency: its products do not name it",
            kind: SettingKind::Text,
            required: true,
            default: None,
            example: "EUR",
        },
        Setting {
            key: "auth",
            help: "How the key travels over HTTPS; `query` for hosts that strip the Authorization header",
            kind: SettingKind::Choice(&["basic", "query"]),
            required: false,
            default: Some("basic"),
            example: "basic",
        },
        Setting {
            key: "weight_unit",
            help: "As in WooCommerce > Settings > Products",
            kind: SettingKind::Choice(WEIGHT_UNITS),
            required: false,
            default: Some("kg"),
            example: "kg",
        },
        Setting {
            key: "dimension_unit",
            help: "As in WooCommerce > Settings > Products",
            kind: SettingKind::Choice(DIMENSION_UNITS),
            required: false,
            default: Some("cm"),
            example: "cm",
        },
    ],
    notes: &[
        Note {
            capability: "listing_end",
            text: "an ended listing becomes a draft: in the trash it would keep its sku and could not be found by it",
            source: "https://github.com/woocommerce/woocommerce/issues/62616",
        },
        Note {
            capability: "shipments_partial",
            text: "WooCommerce knows no parcels: a partial shipment is a note to the buyer and meta data, and the order stays Processing",
            source: "https://woocommerce.github.io/woocommerce-rest-api-docs/#order-notes",
        },
    ],
};

/// A batch call is for the variations of one product, or for products.
const fn under_one_parent(size: usize, concurrency: usize) -> Routes {
    Routes::direct(Batching::items(size, concurrency).grouped(Grouping::OneParent))
}

fn build(settings: &Settings, environment: &Environment) -> Result<Box<dyn Connector>> {
    let url = settings.url("url")?;
    let authentication = match (url.scheme(), settings.optional_text("auth")) {
        ("http", _) => Authentication::OAuth,
        (_, Some("query")) => Authentication::Query,
        _ => Authentication::Basic,
    };
    let code = settings.text("currency")?;
    let currency = money::currency(code).ok_or_else(|| {
        Error::config(format!("`currency = \"{code}\"` is no currency"))
            .hint("write its code of three letters: `EUR`")
    })?;
    let unit = |key, known: &[&'static str], factor: fn(&str) -> Option<rust_decimal::Decimal>| {
        let text = settings.optional_text(key).unwrap_or(known[0]);
        let name = known.iter().copied().find(|name| *name == text);
        name.zip(factor(text))
            .ok_or_else(|| Error::config(format!("`{key} = \"{text}\"` is no unit")))
    };
    let (weight_unit, grams) = unit("weight_unit", WEIGHT_UNITS, measure::grams)?;
    let (dimension_unit, millimeters) =
        unit("dimension_unit", DIMENSION_UNITS, measure::millimeters)?;
    let units = Units {
        currency,
        weight_unit,
        grams,
        dimension_unit,
        millimeters,
    };
    let dialect = WooDialect {
        key: settings.secret("consumer_key")?.clone(),
        secret: settings.secret("consumer_secret")?.clone(),
        authentication,
    };
    Ok(Box::new(WooCommerce {
        api: Api::new(&url, dialect, environment)?,
        units,
        categories: Categories::default(),
    }))
}

#[derive(Debug)]
struct WooCommerce {
    api: Api,
    units: Units,
    categories: Categories,
}

impl WooCommerce {
    /// The row of a listing's change, but for pictures.
    async fn row(&self, change: &ListingChange) -> Result<Result<Row, Issue>> {
        let listing = &change.listing;
        let place = match &change.listing_ref {
            Some(listing_ref) => match Place::parse(listing_ref) {
                Some(place) => Some(place),
                None => return Ok(Err(foreign(listing_ref))),
            },
            None => None,
        };
        let target = match (place, listing.kind) {
            (Some(place), _) => Target::of(place),
            (None, ItemKind::Variant) => match change.parent_ref.as_ref().and_then(Place::parse) {
                Some(parent) => Target::Variations(parent.product),
                None => {
                    return Ok(Err(Issue::error(
                        "parent_missing",
                        "the parent of this variant is not in the shop",
                    )
                    .field("parent_sku")
                    .hint("see why the parent was refused; the variant follows it")));
                }
            },
            (None, _) => Target::Products,
        };
        let mut document = convert::content(listing, &self.units);
        if change.is_create() {
            document.extend(convert::creation(listing));
        }
        if let Some(path) = &listing.category
            && target == Target::Products
        {
            match self.categories.id(&self.api, path).await {
                Ok(Some(id)) => {
                    document.insert("categories".to_owned(), json!([{ "id": id }]));
                }
                Ok(None) => {}
                Err(error) if error.kind == ErrorKind::Rejected => {
                    return Ok(Err(Issue::error(
                        "category_refused",
                        format!("the shop refuses the category `{path}`: {}", error.message),
                    )
                    .field("category")));
                }
                // No listing was sent yet, so nothing is in doubt.
                Err(mut error) => {
                    error.in_doubt = false;
                    return Err(error);
                }
            }
        }
        Ok(Ok(Row {
            sku: listing.sku.clone(),
            target,
            id: place.map(Place::id),
            document,
        }))
    }

    /// Adds pictures to the rows. What is updated is asked for the pictures it has.
    async fn add_pictures(&self, rows: &mut [(Row, &Listing)]) -> Result<()> {
        let mut updated: HashMap<Target, Vec<u64>> = HashMap::new();
        for (row, listing) in rows.iter() {
            if let Some(id) = row.id
                && !listing.images.is_empty()
            {
                updated.entry(row.target).or_default().push(id);
            }
        }
        let mut live = HashMap::new();
        for (target, ids) in updated {
            let parent = match target {
                Target::Products => None,
                Target::Variations(parent) => Some(parent),
            };
            live.extend(live::with_pictures(&self.api, parent, &ids).await?);
        }
        for (row, listing) in rows {
            let known = row.id.and_then(|id| live.get(&id));
            row.document
                .extend(convert::images(listing, known).unwrap_or_default());
        }
        Ok(())
    }

    /// Sends one document per live listing.
    async fn push_documents<'a, T>(
        &self,
        items: &'a [T],
        document: impl Fn(&'a T) -> (&'a Sku, &'a ListingRef, Map<String, serde_json::Value>),
    ) -> Result<Vec<ItemOutcome>> {
        let mut push = Push::default();
        for item in items {
            let (sku, listing_ref, document) = document(item);
            match Place::parse(listing_ref) {
                Some(place) => push.add(Row {
                    sku: sku.clone(),
                    target: Target::of(place),
                    id: Some(place.id()),
                    document,
                }),
                None => push.settle(sku, Outcome::Rejected(vec![foreign(listing_ref)])),
            }
        }
        push.send(&self.api).await
    }
}

fn foreign(listing_ref: &ListingRef) -> Issue {
    Issue::error(
        "listing_ref_unreadable",
        format!("`{listing_ref}` is no listing of a WooCommerce shop"),
    )
    .hint("run with `--refresh` to read what is live")
}

#[async_trait]
impl Connector for WooCommerce {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    async fn check(&self) -> Result<Account> {
        let query = [("per_page", "1"), ("context", "edit"), ("_fields", "id")];
        self.api
            .list::<api::Product>("listProducts", "products", &query)
            .await?;
        Ok(Account {
            name: self.api.host().to_owned(),
            credential_expires: None,
        })
    }

    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        audit::audit(listing)
    }

    fn kept(&self, listing: &Listing) -> Listing {
        content::kept(listing, &self.units)
    }

    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        live::fetch(&self.api, &self.units, &self.categories, page).await
    }

    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        live::find(&self.api, &self.units, skus).await
    }

    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        if batch.dry_run {
            return Err(Error::unsupported("dry_run"));
        }
        let mut push = Push::default();
        let mut rows = Vec::with_capacity(batch.items.len());
        for change in batch.items {
            match self.row(change).await? {
                Ok(row) => rows.push((row, &change.listing)),
                Err(issue) => {
                    push.settle(&change.listing.sku, Outcome::Rejected(vec![issue]));
                }
            }
        }
        self.add_pictures(&mut rows).await?;
        for (row, _) in rows {
            push.add(row);
        }
        push.send(&self.api).await
    }

    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        self.push_documents(batch.items, |change| {
            let document = convert::stock_change(change);
            (&change.sku, &change.listing_ref, document)
        })
        .await
    }

    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        self.push_documents(batch.items, |change| {
            let document = convert::price_change(change);
            (&change.sku, &change.listing_ref, document)
        })
        .await
    }

    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        let outcomes = self
            .push_documents(batch.items, |change| {
                let draft = Map::from_iter([("status".to_owned(), json!("draft"))]);
                (&change.sku, &change.listing_ref, draft)
            })
            .await?;
        let ended = outcomes.into_iter().map(|item| match item.outcome {
            // What is gone has ended.
            Outcome::Failed(error) if error.kind == ErrorKind::NotFound => ItemOutcome {
                key: item.key,
                outcome: Outcome::applied(),
            },
            _ => item,
        });
        Ok(ended.collect())
    }

    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        pull::fetch(&self.api, since, page).await
    }

    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let mut outcomes = Vec::with_capacity(shipments.len());
        for shipment in shipments {
            let outcome = match shipments::confirm(&self.api, shipment).await {
                Ok(outcome) => outcome,
                Err(error) => shipments::failed(error),
            };
            outcomes.push(ItemOutcome {
                key: shipment.channel_order_id.clone(),
                outcome,
            });
        }
        Ok(outcomes)
    }
}
