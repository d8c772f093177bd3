//! The real connector against its sandbox, over HTTP.

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
use crate::http::token::RefreshToken;
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
    HttpContext::new(options, Arc::new(Memory::default()), Halt::never()).unwrap()
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
        match connector.poll_submission(id).await.unwrap() {
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

#[tokio::test]
async fn a_feed_lists_what_is_good_and_names_what_is_not() {
    let (running, connector) = start().await;
    let untitled = Listing {
        title: None,
        ..listing("UNTITLED")
    };
    let changes = [create(listing("GOOD")), create(untitled)];
    let outcomes = push(&*connector, &changes, false).await;
    let id = submission(&outcomes);
    assert!(
        find(&*connector, "GOOD").await.is_none(),
        "accepted is not applied"
    );
    let done = settled(&*connector, &id).await;
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].key.as_str(), "UNTITLED");
    let Outcome::Rejected(issues) = &done[0].outcome else {
        panic!("{done:?}")
    };
    assert_eq!(issues[0].code, "amazon:90220");
    assert_eq!(issues[0].field.as_deref(), Some("title"));
    let live = find(&*connector, "GOOD").await.unwrap();
    assert_eq!(live.price, Some(euro("19.99")));
    assert_eq!(live.quantity, Some(7));
    assert!(live.live);
    let created = running.with(|sandbox| sandbox.state().created);
    assert_eq!(created, BTreeMap::from([("GOOD".to_owned(), 1)]));
}

#[tokio::test]
async fn content_is_updated_without_touching_price_and_stock() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let update = ListingChange {
        listing_ref: Some("A".into()),
        parent_ref: None,
        listing: Listing {
            title: Some("A better hat".into()),
            price: Some(euro("1")),
            quantity: Some(1),
            ..listing("A")
        },
    };
    let outcomes = push(&*connector, &[update], false).await;
    assert!(
        settled(&*connector, &submission(&outcomes))
            .await
            .is_empty()
    );
    let live = find(&*connector, "A").await.unwrap();
    assert_eq!(live.title.as_deref(), Some("A better hat"));
    assert_eq!((live.price, live.quantity), (Some(euro("19.99")), Some(7)));
}

#[tokio::test]
async fn a_variant_is_live_under_its_parent() {
    let (_running, connector) = start().await;
    let parent = Listing {
        kind: ItemKind::Parent,
        gtin: None,
        price: None,
        quantity: None,
        ..listing("P")
    };
    let variant = Listing {
        kind: ItemKind::Variant,
        parent_sku: Some("P".into()),
        options: vec![("Size".into(), "M".into())],
        ..listing("P-M")
    };
    list(&*connector, vec![parent, variant]).await;
    let live = find(&*connector, "P-M").await.unwrap();
    assert_eq!(live.parent_ref, Some("P".into()));
    assert_eq!(find(&*connector, "P").await.unwrap().price, None);
}

#[tokio::test]
async fn stock_and_prices_go_directly_and_are_read_back() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let outcomes = push_stock(&*connector, &[stock("A", 0)], Route::Direct).await;
    assert!(matches!(
        outcomes[0].outcome,
        Outcome::Accepted {
            submission: None,
            ..
        }
    ));
    becomes(&*connector, "A", |live| live.unwrap().quantity == Some(0)).await;
    for compare_at in [Some(euro("29.90")), None] {
        let change = PriceChange {
            sku: "A".into(),
            listing_ref: "A".into(),
            price: euro("24.5"),
            compare_at,
        };
        let batch = Batch {
            items: &[change],
            route: Route::Direct,
            key: &key(),
            dry_run: false,
        };
        connector.push_prices(batch).await.unwrap();
        becomes(&*connector, "A", |live| {
            let live = live.unwrap();
            live.price == Some(euro("24.5")) && live.compare_at == compare_at
        })
        .await;
    }
}

#[tokio::test]
async fn many_stock_changes_go_as_one_feed_and_ends_remove() {
    let (_running, connector) = start().await;
    list(&*connector, vec![listing("A"), listing("B")]).await;
    let changes = [stock("A", 1), stock("B", 2)];
    let outcomes = push_stock(&*connector, &changes, Route::Bulk).await;
    assert!(
        settled(&*connector, &submission(&outcomes))
            .await
            .is_empty()
    );
    assert_eq!(find(&*connector, "B").await.unwrap().quantity, Some(2));
    let ends = ["A", "GONE"].map(|sku| EndChange {
        sku: sku.into(),
        listing_ref: ListingRef::new(sku),
    });
    for (items, route) in [(&ends[..1], Route::Direct), (&ends[1..], Route::Bulk)] {
        let batch = Batch {
            items,
            route,
            key: &key(),
            dry_run: false,
        };
        connector.end_listings(batch).await.unwrap();
    }
    becomes(&*connector, "A", |live| live.is_none()).await;
}

#[tokio::test]
async fn a_preview_tells_and_changes_nothing() {
    let (running, connector) = start().await;
    let unnumbered = Listing {
        gtin: None,
        ..listing("BAD")
    };
    let outcomes = push(
        &*connector,
        &[create(listing("GOOD")), create(unnumbered)],
        true,
    )
    .await;
    assert!(matches!(&outcomes[0].outcome, Outcome::Applied { .. }));
    let Outcome::Rejected(issues) = &outcomes[1].outcome else {
        panic!("{outcomes:?}")
    };
    assert_eq!(issues[0].field.as_deref(), Some("gtin"));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(running.with(|sandbox| sandbox.state().listings.is_empty()));
}

#[tokio::test]
async fn skus_with_any_character_are_one_sku() {
    let (running, connector) = start().await;
    let skus = ["A/B C", "50%+1", "ü#1?x=2&y", "a,b"];
    list(&*connector, skus.map(listing).to_vec()).await;
    for sku in skus {
        push_stock(&*connector, &[stock(sku, 3)], Route::Direct).await;
        becomes(&*connector, sku, |live| live.unwrap().quantity == Some(3)).await;
    }
    let created = running.with(|sandbox| sandbox.state().created);
    assert_eq!(created.len(), skus.len(), "{created:?}");
}

#[tokio::test]
async fn every_listing_is_read_page_by_page() {
    let (_running, connector) = start().await;
    let listings = (0..45).map(|n| listing(&format!("S{n:02}"))).collect();
    list(&*connector, listings).await;
    let (mut skus, mut page) = (Vec::new(), None);
    loop {
        let read = connector.fetch_listings(page.as_ref()).await.unwrap();
        skus.extend(read.items.into_iter().map(|one| one.sku.to_string()));
        match read.next {
            Some(next) => page = Some(next),
            None => break,
        }
    }
    assert_eq!(skus.len(), 45);
    assert_eq!(skus.iter().collect::<BTreeSet<_>>().len(), 45);
}

#[tokio::test]
async fn a_list_that_repeats_its_page_repeats_its_token() {
    let (running, connector) = start().await;
    running.set_faults(Profile {
        repeated_page: 1.0,
        ..Profile::default()
    });
    let first = connector.fetch_listings(None).await.unwrap().next.unwrap();
    let second = connector.fetch_listings(Some(&first)).await.unwrap();
    assert_eq!(second.next, Some(first));
    let since = since();
    let first = connector.fetch_orders(&since, None).await.unwrap().next;
    assert!(first.is_some());
    let second = connector.fetch_orders(&since, first.as_ref()).await;
    assert_eq!(second.unwrap().next, first);
}

#[tokio::test]
async fn orders_are_read_to_the_last_page() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let bought: BTreeSet<_> = (0..130).map(|_| buy(&running, "A", 1)).collect();
    assert_eq!(bought.len(), 130);
    let since = since();
    let first = connector.fetch_orders(&since, None).await.unwrap();
    assert_eq!(first.orders.len(), 100);
    let second = connector.fetch_orders(&since, first.next.as_ref()).await;
    let second = second.unwrap();
    assert!(second.next.is_none());
    assert!(second.watermark.unwrap().at > since.at);
    let read: BTreeSet<_> = first
        .orders
        .iter()
        .chain(&second.orders)
        .map(|order| order.channel_order_id.to_string())
        .collect();
    assert_eq!(read, bought);
    let order = &first.orders[0];
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.total, Some(euro("19.99")));
    let line = &order.lines[0];
    assert_eq!(line.sku, Some("A".into()));
    assert_eq!(line.fulfilled_by, FulfilledBy::Seller);
    assert!(line.charges.is_empty() && order.charges.is_empty());
    assert!(running.with(|sandbox| sandbox.state().listings["A"].quantity) == Some(0));
}

#[tokio::test]
async fn a_canceled_order_gives_its_stock_back() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let id = buy(&running, "A", 3);
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(4));
    running
        .with(|sandbox| sandbox.cancel(&id, Timestamp::now()))
        .unwrap();
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(7));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::Canceled);
    assert_eq!(page.orders[0].lines[0].canceled, 3);
}

#[tokio::test]
async fn parcels_are_confirmed_and_no_more_than_was_ordered() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    let id = buy(&running, "A", 3);
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    let line = page.orders[0].lines[0].line_id.clone();
    let shipment = |quantity, parcel, carrier: &str| Shipment {
        channel_order_id: id.as_str().into(),
        lines: vec![(line.clone(), quantity)],
        carrier: carrier.into(),
        tracking: format!("T{parcel}"),
        shipped_at: Timestamp::now(),
        completes_order: false,
        parcel,
    };
    let confirm = async |shipment| {
        let mut outcomes = connector.confirm_shipments(&[shipment]).await.unwrap();
        outcomes.pop().unwrap().outcome
    };
    let applied = |outcome| matches!(outcome, Outcome::Applied { .. });
    assert!(applied(confirm(shipment(1, 1, "dhl")).await));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::PartiallyShipped);
    assert_eq!(page.orders[0].lines[0].shipped, 1);
    let Outcome::Rejected(issues) = confirm(shipment(3, 2, "DHL")).await else {
        panic!("more than is left was confirmed")
    };
    assert!(issues[0].message.contains("left to ship"), "{issues:?}");
    assert!(applied(confirm(shipment(2, 2, "Bike courier")).await));
    let page = connector.fetch_orders(&since(), None).await.unwrap();
    assert_eq!(page.orders[0].status, OrderStatus::Shipped);
    assert!(page.orders[0].shipped_at.is_some());
    let shipments = running.with(|sandbox| sandbox.state().shipments);
    assert_eq!(shipments[0]["carrier"], "DHL");
    assert_eq!(shipments[1]["carrier"], "Bike courier");
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let (running, connector) = start().await;
    let account = connector.check().await.unwrap();
    assert_eq!(account.name, "A2SKUCASTSANDBOX on amazon.de");
    running.with(|sandbox| {
        let mut saved = sandbox.save();
        saved["tokens"] = json!({});
        sandbox.restore(saved).unwrap();
    });
    connector.check().await.unwrap();
    assert_eq!(running.requests()["POST /auth/o2/token"], 2);
}

#[tokio::test]
async fn wrong_credentials_are_told_in_words() {
    let (running, _connector) = start().await;
    for (setting, said) in [
        ("refresh_token", "invalid_grant"),
        ("client_secret", "invalid_client"),
    ] {
        let error = connect_with(&running, &[(setting, "wrong")])
            .check()
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
        assert!(error.message.contains(said), "{error}");
        assert!(!error.hints.is_empty());
    }
    let stranger = connect_with(&running, &[("seller_id", "ASOMEONEELSE")]);
    let error = stranger.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hints.iter().any(|hint| hint.contains("seller_id")));
}

#[tokio::test]
async fn a_stuck_feed_is_pending_until_it_moves() {
    let (running, connector) = start().await;
    let stuck = Profile {
        stuck_submission: 1.0,
        ..Profile::default()
    };
    running.set_faults(stuck);
    let outcomes = push(&*connector, &[create(listing("A"))], false).await;
    let id = submission(&outcomes);
    tokio::time::sleep(Duration::from_millis(80)).await;
    let answer = connector.poll_submission(&id).await.unwrap();
    assert!(matches!(answer, Submission::Pending), "{answer:?}");
    running.set_faults(Profile::default());
    assert!(settled(&*connector, &id).await.is_empty());
}

#[tokio::test]
async fn trouble_of_amazons_own_may_be_repeated_and_a_refusal_may_not() {
    let (running, connector) = start().await;
    running.set_faults(Profile {
        partial_batch: 1.0,
        refused_skus: vec!["NEVER".into()],
        ..Profile::default()
    });
    let changes = [create(listing("LATER")), create(listing("NEVER"))];
    let outcomes = push(&*connector, &changes, false).await;
    let done = settled(&*connector, &submission(&outcomes)).await;
    for one in &done {
        match (one.key.as_str(), &one.outcome) {
            ("LATER", Outcome::Failed(error)) => assert!(error.is_temporary()),
            ("NEVER", Outcome::Rejected(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(done.len(), 2);
}

#[tokio::test]
async fn a_write_that_is_ignored_is_answered_like_any_other() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    running.set_faults(Profile {
        ignored: 1.0,
        ..Profile::default()
    });
    let outcomes = push_stock(&*connector, &[stock("A", 1)], Route::Direct).await;
    assert!(matches!(outcomes[0].outcome, Outcome::Accepted { .. }));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(find(&*connector, "A").await.unwrap().quantity, Some(7));
}

#[tokio::test]
async fn a_feed_whose_answer_is_lost_is_in_doubt_and_not_sent_again() {
    let (running, _connector) = start().await;
    let environment = Environment {
        channel: "amazon-de".into(),
        http: context(),
    };
    let setting = |key: &str| running.settings[key].as_str().unwrap().to_owned();
    let token = RefreshToken::new(
        &environment.http.client,
        setting("token_url").parse().unwrap(),
        setting("client_id"),
        setting("client_secret").into(),
        setting("refresh_token").into(),
    );
    let api = Api::new(&environment, SellingPartner::new(token), &running.url);
    let document = api.upload(b"{}".to_vec()).await.unwrap();
    running.set_faults(Profile {
        lost_answer: 1.0,
        most: 1,
        ..Profile::default()
    });
    let error = api.create_feed(&account(), &document).await.unwrap_err();
    assert!(error.in_doubt, "{error}");
    assert!(matches!(super::failed(error), Outcome::Unknown(_)));
    assert_eq!(running.requests()["POST /feeds/2021-06-30/feeds"], 1);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let (running, connector) = start().await;
    list(&*connector, vec![listing("A")]).await;
    buy(&running, "A", 2);
    let saved = running.with(|sandbox| sandbox.save());
    let mut again = AmazonSandbox::default();
    crate::sandbox::Sandbox::restore(&mut again, saved.clone()).unwrap();
    assert_eq!(crate::sandbox::Sandbox::save(&again), saved);
    let state = crate::sandbox::Sandbox::state(&again);
    assert_eq!(state.listings["A"].quantity, Some(5));
    assert_eq!(state.orders.len(), 1);
    assert!(saved["buckets"]["createFeed"].is_object());
}

#[tokio::test]
async fn a_caller_without_a_token_or_quota_is_refused_in_amazons_words() {
    let (running, connector) = start().await;
    let url = format!("{}/orders/2026-01-01/orders/1", running.url);
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["errors"][0]["code"], "Unauthorized");
    connector.check().await.unwrap();
    let saved = running.with(|sandbox| sandbox.save());
    let token = saved["tokens"].as_object().unwrap().keys().next().unwrap();
    let client = reqwest::Client::new();
    let mut statuses = BTreeSet::new();
    for _ in 0..32 {
        let request = client.get(&url).header("x-amz-access-token", token);
        statuses.insert(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, BTreeSet::from([404, 429]));
}
