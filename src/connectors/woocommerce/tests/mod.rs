//! The connector against its sandbox, over HTTP.

mod listings;
mod orders;

use crate::domain::change::Action;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::connectors::test_kit;
use crate::domain::change::Route;
use crate::domain::ids::IdempotencyKey;
use crate::domain::order::Order;
use crate::sandbox::{Purchase, PurchaseLine, Running, ServeOptions, serve};

struct Shop {
    running: Running,
    connector: Box<dyn Connector>,
}

fn connect(running: &Running, key: Option<&str>) -> Box<dyn Connector> {
    let mut told = running.settings.clone();
    if let Some(key) = key {
        told["consumer_key"] = json!(key);
    }
    test_kit::connect(&FACTORY, &told)
}

impl Shop {
    async fn open() -> Self {
        let sandbox = FACTORY.sandbox.unwrap()();
        let running = serve(sandbox, ServeOptions::default()).await.unwrap();
        let connector = connect(&running, None);
        Self { running, connector }
    }

    async fn push(&self, changes: &[ListingChange]) -> Vec<Outcome> {
        let batch = Batch {
            items: changes,
            route: Route::Direct,
            key: &IdempotencyKey::new("k"),
            dry_run: false,
        };
        ordered(
            self.connector.push_listings(batch).await.unwrap(),
            changes.iter().map(|change| &change.listing.sku),
        )
    }

    async fn create(&self, listing: Listing) -> ListingRef {
        let change = ListingChange {
            action: Action::Create,
            listing_ref: None,
            parent_ref: None,
            listing,
        };
        created(self.push(&[change]).await.remove(0))
    }

    async fn prices(&self, changes: &[PriceChange]) -> Vec<Outcome> {
        let batch = Batch {
            items: changes,
            route: Route::Direct,
            key: &IdempotencyKey::new("k"),
            dry_run: false,
        };
        ordered(
            self.connector.push_prices(batch).await.unwrap(),
            changes.iter().map(|change| &change.sku),
        )
    }

    async fn stock(&self, changes: &[StockChange]) -> Result<Vec<Outcome>> {
        let batch = Batch {
            items: changes,
            route: Route::Direct,
            key: &IdempotencyKey::new("k"),
            dry_run: false,
        };
        let outcomes = self.connector.push_stock(batch).await?;
        Ok(ordered(outcomes, changes.iter().map(|change| &change.sku)))
    }

    async fn end(&self, changes: &[EndChange]) -> Vec<Outcome> {
        let batch = Batch {
            items: changes,
            route: Route::Direct,
            key: &IdempotencyKey::new("k"),
            dry_run: false,
        };
        ordered(
            self.connector.end_listings(batch).await.unwrap(),
            changes.iter().map(|change| &change.sku),
        )
    }

    async fn find(&self, skus: &[&str]) -> Vec<ChannelListing> {
        let skus: Vec<Sku> = skus.iter().map(Sku::new).collect();
        self.connector.find_listings(&skus).await.unwrap()
    }

    /// Every page, with how many there were.
    async fn listings(&self) -> Result<(Vec<ChannelListing>, usize)> {
        let (mut all, mut pages, mut token) = (Vec::new(), 0, None);
        loop {
            let page = self.connector.fetch_listings(token.as_ref()).await?;
            all.extend(page.items);
            pages += 1;
            assert!(page.next.is_none() || page.next != token);
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok((all, pages)),
            }
        }
    }

    async fn orders(&self, since: Timestamp) -> (Vec<Order>, Option<Watermark>) {
        let since = Watermark {
            at: since,
            cursor: None,
        };
        let (mut all, mut token) = (Vec::new(), None);
        loop {
            let page = self
                .connector
                .fetch_orders(&since, token.as_ref())
                .await
                .unwrap();
            assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
            all.extend(page.orders);
            match page.next {
                Some(next) => token = Some(next),
                None => return (all, page.watermark),
            }
        }
    }

    fn buy(&self, sku: &str, quantity: u64) -> String {
        let purchase = Purchase {
            lines: vec![PurchaseLine {
                sku: sku.to_owned(),
                quantity,
            }],
            buyer: None,
        };
        let now = Timestamp::now();
        let receipt = self.running.with(|shop| shop.buy(&purchase, now)).unwrap();
        receipt.order_id
    }

    fn content(&self, sku: &str) -> Value {
        self.running.with(|shop| shop.state()).listings[sku]
            .content
            .clone()
    }

    fn quantity(&self, sku: &str) -> Option<i64> {
        self.running.with(|shop| shop.state()).listings[sku].quantity
    }
}

fn ordered<'a>(
    outcomes: Vec<ItemOutcome>,
    skus: impl ExactSizeIterator<Item = &'a Sku>,
) -> Vec<Outcome> {
    assert_eq!(outcomes.len(), skus.len(), "one outcome per item");
    let mut by_sku: BTreeMap<Sku, Outcome> = outcomes
        .into_iter()
        .map(|item| (item.key, item.outcome))
        .collect();
    skus.map(|sku| by_sku.remove(sku).unwrap()).collect()
}

fn create(listing: Listing, parent: Option<&ListingRef>) -> ListingChange {
    ListingChange {
        action: Action::Create,
        listing_ref: None,
        parent_ref: parent.cloned(),
        listing,
    }
}

fn created(outcome: Outcome) -> ListingRef {
    match outcome {
        Outcome::Applied {
            listing_ref: Some(listing_ref),
            issues,
        } if issues.is_empty() => listing_ref,
        other => panic!("{other:?}"),
    }
}

fn is_applied(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Applied { issues, .. } if issues.is_empty())
}

fn rejected(outcome: &Outcome) -> &Issue {
    match outcome {
        Outcome::Rejected(issues) => &issues[0],
        other => panic!("{other:?}"),
    }
}
