//! The real connector against its sandbox, over HTTP.

mod listings;
mod orders;
mod trouble;

use crate::domain::change::Action;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use iso_currency::Currency;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::FACTORY;
use super::account::Account;
use super::api::{Api, SellingPartner};
use super::sandbox::{AmazonSandbox, Timing};
use crate::config::settings::{Settings, Value as Setting};
use crate::connectors::Environment;
use crate::domain::capability::Endpoint;
use crate::domain::catalog::ItemKind;
use crate::domain::change::{Batch, EndChange, ListingChange, PriceChange, Route, StockChange};
use crate::domain::connector::{Connector, ItemOutcome, Outcome, Submission, Watermark};
use crate::domain::ids::{ChannelName, IdempotencyKey, ListingRef, SubmissionId};
use crate::domain::ledger::QuotaMemory;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::money::Money;
use crate::domain::order::{FulfilledBy, OrderStatus, Shipment};
use crate::domain::{ErrorKind, Result};
use crate::halt::Halt;
use crate::http::token::TokenSource;
use crate::http::{HttpContext, HttpOptions};
use crate::sandbox::{Profile, Purchase, PurchaseLine, Running, ServeOptions, serve};

pub fn account() -> Account {
    Account {
        seller_id: "A2SELLER".into(),
        marketplace_id: "A1PA6795UKMFR9".into(),
        store: "amazon.de".into(),
        currency: Currency::EUR,
        language: "de_DE".into(),
        tax_included: true,
        product_type: "PRODUCT".into(),
        condition: "new".into(),
        fulfillment_channel: "DEFAULT".into(),
    }
}

/// A complete listing.
pub fn listing(sku: &str) -> Listing {
    Listing {
        sku: sku.into(),
        parent_sku: None,
        kind: ItemKind::Single,
        title: Some(format!("Hat {sku}")),
        description: Some("Keeps the sun off.".into()),
        brand: Some("Example".into()),
        gtin: Some("4006381333931".into()),
        mpn: None,
        category: Some("HAT".into()),
        condition: None,
        url: None,
        images: vec!["https://example.com/hat.jpg".into()],
        weight: None,
        length: None,
        width: None,
        height: None,
        country_of_origin: None,
        tags: Vec::new(),
        options: Vec::new(),
        axes: Vec::new(),
        attributes: BTreeMap::new(),
        price: Some(Money::new("19.99".parse().unwrap(), Currency::EUR)),
        compare_at: None,
        quantity: Some(7),
    }
}

#[derive(Debug, Default)]
struct Memory(Mutex<HashMap<(ChannelName, Endpoint), Timestamp>>);

#[async_trait]
impl QuotaMemory for Memory {
    async fn full_at(
        &self,
        channel: &ChannelName,
        endpoint: Endpoint,
    ) -> Result<Option<Timestamp>> {
        let key = (channel.clone(), endpoint);
        Ok(self.0.lock().unwrap().get(&key).copied())
    }

    async fn set_full_at(
        &self,
        channel: &ChannelName,
        endpoint: Endpoint,
        at: Timestamp,
    ) -> Result<()> {
        let key = (channel.clone(), endpoint);
        self.0.lock().unwrap().insert(key, at);
        Ok(())
    }
}

fn context() -> HttpContext {
    let options = HttpOptions {
        timeout: Duration::from_secs(10),
        attempts: 3,
        first_backoff: Duration::from_millis(1),
        longest_backoff: Duration::from_millis(5),
    };
    HttpContext::new(options, Arc::new(Memory::default()), Halt::never())
}

fn connect_with(running: &Running, changed: &[(&'static str, &str)]) -> Box<dyn Connector> {
    let mut settings = Settings::default();
    for setting in FACTORY.descriptor.settings {
        let stated = changed.iter().find(|(key, _)| *key == setting.key);
        let text = match stated {
            Some((_, text)) => Some(*text),
            None => running.settings.get(setting.key).and_then(Value::as_str),
        };
        let Some(text) = text else { continue };
        let value = match setting.kind {
            crate::domain::capability::SettingKind::Secret => Setting::Secret(text.into()),
            _ => Setting::Text(text.into()),
        };
        settings.insert(setting.key, value);
    }
    let environment = Environment {
        channel: "amazon-de".into(),
        http: context(),
    };
    (FACTORY.build)(&settings, &environment).unwrap()
}

/// A sandbox in a hurry, and the connector that talks to it.
async fn start() -> (Running, Box<dyn Connector>) {
    let timing = Timing {
        publish: SignedDuration::from_millis(40),
        queue: SignedDuration::from_millis(20),
        process: SignedDuration::from_millis(40),
    };
    let sandbox = Box::new(AmazonSandbox::with_timing(timing));
    let running = serve(sandbox, ServeOptions::default()).await.unwrap();
    let connector = connect_with(&running, &[]);
    (running, connector)
}

fn key() -> IdempotencyKey {
    "key".into()
}

fn create(listing: Listing) -> ListingChange {
    ListingChange {
        action: Action::Create,
        listing_ref: None,
        parent_ref: None,
        listing,
    }
}

async fn push(
    connector: &dyn Connector,
    changes: &[ListingChange],
    dry_run: bool,
) -> Vec<ItemOutcome> {
    let batch = Batch {
        items: changes,
        route: Route::Bulk,
        key: &key(),
        dry_run,
    };
    connector.push_listings(batch).await.unwrap()
}

fn submission(outcomes: &[ItemOutcome]) -> SubmissionId {
    let ids: BTreeSet<_> = outcomes
        .iter()
        .map(|one| match &one.outcome {
            Outcome::Accepted {
                submission: Some(id),
                ..
            } => id.clone(),
            other => panic!("{} is {other:?}", one.key),
        })
        .collect();
    assert_eq!(ids.len(), 1, "one feed for all");
    ids.into_iter().next().unwrap()
}

async fn settled(connector: &dyn Connector, id: &SubmissionId) -> Vec<ItemOutcome> {
    for _ in 0..100 {
        match connector.poll_submission(id, &[]).await.unwrap() {
            Submission::Pending => tokio::time::sleep(Duration::from_millis(20)).await,
            Submission::Done(outcomes) => return outcomes,
            Submission::Broken(error) => panic!("{error}"),
        }
    }
    panic!("the feed is never done")
}

/// Lists these and waits until they are live.
async fn list(connector: &dyn Connector, listings: Vec<Listing>) {
    let changes: Vec<_> = listings.into_iter().map(create).collect();
    let outcomes = push(connector, &changes, false).await;
    let done = settled(connector, &submission(&outcomes)).await;
    assert!(done.is_empty(), "{done:?}");
}

async fn find(connector: &dyn Connector, sku: &str) -> Option<ChannelListing> {
    let mut found = connector.find_listings(&[sku.into()]).await.unwrap();
    assert!(found.len() <= 1);
    found.pop()
}

/// Reads the listing until it is as wanted.
async fn becomes(
    connector: &dyn Connector,
    sku: &str,
    wanted: impl Fn(Option<&ChannelListing>) -> bool,
) {
    for _ in 0..20 {
        if wanted(find(connector, sku).await.as_ref()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("`{sku}` never becomes what it should")
}

fn stock(sku: &str, quantity: u64) -> StockChange {
    StockChange {
        sku: sku.into(),
        listing_ref: ListingRef::new(sku),
        quantity,
        confirmed: None,
    }
}

async fn push_stock(
    connector: &dyn Connector,
    changes: &[StockChange],
    route: Route,
) -> Vec<ItemOutcome> {
    let batch = Batch {
        items: changes,
        route,
        key: &key(),
        dry_run: false,
    };
    connector.push_stock(batch).await.unwrap()
}

fn buy(running: &Running, sku: &str, quantity: u64) -> String {
    let purchase = Purchase {
        lines: vec![PurchaseLine {
            sku: sku.into(),
            quantity,
        }],
        buyer: None,
    };
    running
        .with(|sandbox| sandbox.buy(&purchase, Timestamp::now()))
        .unwrap()
        .order_id
}

fn since() -> Watermark {
    Watermark {
        at: Timestamp::now() - SignedDuration::from_hours(1),
        cursor: None,
    }
}

fn euro(text: &str) -> Money {
    Money::new(text.parse().unwrap(), Currency::EUR)
}
