//! The connector against its emulated channel, where the shared suite does not look.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::connectors::test_kit;
use crate::domain::ErrorKind;
use crate::domain::change::Action;
use crate::domain::connector::Outcome;
use crate::domain::ids::ListingRef;
use crate::domain::money::Money;
use crate::domain::order::OrderStatus;
use crate::sandbox::{Purchase, PurchaseLine, Running, ServeOptions, serve};
use fixtures::{euros, parent, single, variant};

struct World {
    running: Running,
    connector: Box<dyn Connector>,
}

fn connect(running: &Running, location: Option<&str>) -> Box<dyn Connector> {
    let mut told = running.settings.clone();
    if let Some(location) = location {
        told["stock_location"] = json!(location);
    }
    test_kit::connect(&FACTORY, &told)
}

fn api(running: &Running) -> Api {
    let text = |key: &str| running.settings[key].as_str().unwrap().to_owned();
    let dialect = MedusaDialect {
        key: text("api_key").into(),
    };
    Api::new(
        &text("url").parse().unwrap(),
        dialect,
        &test_kit::environment(),
    )
    .unwrap()
}

fn change(action: Action, listing: Listing) -> ListingChange {
    ListingChange {
        action,
        listing_ref: None,
        parent_ref: None,
        listing,
    }
}

impl World {
    async fn open() -> Self {
        let sandbox = FACTORY.sandbox.unwrap()();
        let running = serve(sandbox, ServeOptions::default()).await.unwrap();
        let connector = connect(&running, None);
        Self { running, connector }
    }

    async fn push(&self, changes: &[ListingChange]) -> Vec<ItemOutcome> {
        let batch = test_kit::batch(changes);
        self.connector.push_listings(batch).await.unwrap()
    }

    async fn create(&self, listings: Vec<Listing>) {
        let changes: Vec<_> = listings
            .into_iter()
            .map(|one| change(Action::Create, one))
            .collect();
        for item in self.push(&changes).await {
            assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}");
        }
    }

    async fn find(&self, sku: &str) -> ChannelListing {
        self.connector
            .find_listings(&[sku.into()])
            .await
            .unwrap()
            .remove(0)
    }

    async fn stock(&self, sku: &str, quantity: u64, confirmed: Option<u64>) -> Outcome {
        let items = [StockChange {
            sku: sku.into(),
            listing_ref: self.find(sku).await.listing_ref,
            quantity,
            confirmed,
        }];
        let batch = test_kit::batch(&items);
        self.connector
            .push_stock(batch)
            .await
            .unwrap()
            .remove(0)
            .outcome
    }

    async fn end(&self, skus: &[&str]) {
        let mut items = Vec::new();
        for sku in skus {
            items.push(EndChange {
                sku: (*sku).into(),
                listing_ref: self.find(sku).await.listing_ref,
            });
        }
        let batch = test_kit::batch(&items);
        for item in self.connector.end_listings(batch).await.unwrap() {
            assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}");
        }
    }

    fn buy(&self, sku: &str, quantity: u64) -> String {
        let lines = vec![PurchaseLine {
            sku: sku.to_owned(),
            quantity,
        }];
        let purchase = Purchase { lines, buyer: None };
        self.running
            .with(|shop| shop.buy(&purchase, Timestamp::now()))
            .unwrap()
            .order_id
    }

    fn content(&self, sku: &str) -> Value {
        self.running
            .with(|shop| shop.state().listings[sku].content.clone())
    }

    /// As another program would.
    async fn post(&self, path: &str, body: Value) -> Value {
        let text = |key: &str| self.running.settings[key].as_str().unwrap().to_owned();
        let client = reqwest::Client::new();
        let request = client
            .post(format!("{}/admin/{path}", text("url")))
            .basic_auth(text("api_key"), Some(""))
            .json(&body);
        request
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap()
            .json()
            .await
            .unwrap()
    }
}

fn family() -> Vec<Listing> {
    vec![
        parent("TEE", &["S", "M"]),
        variant("TEE-S", "TEE", "S"),
        variant("TEE-M", "TEE", "M"),
    ]
}

#[tokio::test]
async fn a_family_takes_one_call_for_itself_and_one_for_its_stock() {
    let world = World::open().await;
    world.create(family()).await;
    let requests = world.running.requests();
    assert_eq!(requests["POST /products/batch"], 1);
    assert_eq!(requests["POST /inventory-items/location-levels/batch"], 1);
    let live = world.find("TEE-M").await;
    assert_eq!(
        (live.price, live.quantity, live.live),
        (Some(euros("9.5")), Some(12), true)
    );
}

#[tokio::test]
async fn stock_is_what_may_be_sold_beside_what_is_promised() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    world.buy("A", 2);
    assert_eq!(world.find("A").await.quantity, Some(10));
    assert!(matches!(
        world.stock("A", 20, Some(10)).await,
        Outcome::Applied { .. }
    ));
    assert_eq!(world.find("A").await.quantity, Some(20));
    // Sold since it was confirmed: only a zero is written without another look.
    world.buy("A", 3);
    let moved = world.stock("A", 30, Some(20)).await;
    assert!(matches!(moved, Outcome::Failed(error) if error.kind == ErrorKind::Conflict));
    assert_eq!(world.find("A").await.quantity, Some(17));
    assert!(matches!(
        world.stock("A", 0, Some(20)).await,
        Outcome::Applied { .. }
    ));
    assert_eq!(world.find("A").await.quantity, Some(0));
}

#[tokio::test]
async fn what_was_sold_without_limit_is_counted_once_a_quantity_is_stated() {
    let world = World::open().await;
    let mut unstated = single("A");
    unstated.quantity = None;
    world.create(vec![unstated]).await;
    assert_eq!(world.find("A").await.quantity, None);
    assert!(matches!(
        world.stock("A", 4, None).await,
        Outcome::Applied { .. }
    ));
    assert_eq!(world.find("A").await.quantity, Some(4));
}

#[tokio::test]
async fn a_price_leaves_those_in_other_currencies_and_of_regions() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    let live = world.find("A").await;
    let (product, variant) = live.listing_ref.as_str().split_once('/').unwrap();
    let prices = json!([{"currency_code": "eur", "amount": 9.5}, {"currency_code": "usd", "amount": 11},
               {"currency_code": "eur", "amount": 12, "rules": {"region_id": "reg_1"}}]);
    let body = json!({"update": [{"id": variant, "prices": prices}]});
    world
        .post(&format!("products/{product}/variants/batch"), body)
        .await;
    let items = [PriceChange {
        sku: "A".into(),
        listing_ref: live.listing_ref.clone(),
        price: euros("8.25"),
        compare_at: None,
    }];
    let batch = test_kit::batch(&items);
    world.connector.push_prices(batch).await.unwrap();
    let prices = world.content("A")["variants"][0]["prices"].clone();
    let amounts: Vec<_> = prices
        .as_array()
        .unwrap()
        .iter()
        .map(|price| &price["amount"])
        .collect();
    assert_eq!(amounts, [&json!(11), &json!(12), &json!(8.25)]);
    assert_eq!(prices[1]["rules"], json!({"region_id": "reg_1"}));
    assert_eq!(world.find("A").await.price, Some(euros("8.25")));
}

#[tokio::test]
async fn an_ended_variant_waits_beside_its_siblings_and_comes_back() {
    let world = World::open().await;
    world.create(family()).await;
    world.end(&["TEE-S"]).await;
    let ended = world.find("TEE-S").await;
    assert_eq!((ended.live, ended.quantity), (false, Some(0)));
    assert!(world.find("TEE-M").await.live);
    // With the last one the product goes as well.
    world.end(&["TEE-M"]).await;
    assert_eq!(world.content("TEE")["status"], "draft");
    let back = ListingChange {
        listing_ref: Some(ended.listing_ref),
        parent_ref: ended.parent_ref,
        ..change(Action::Create, variant("TEE-S", "TEE", "S"))
    };
    world.push(&[back]).await;
    let back = world.find("TEE-S").await;
    assert_eq!((back.live, back.quantity), (true, Some(12)));
    assert!(!world.find("TEE-M").await.live);
}

#[tokio::test]
async fn an_update_sends_only_what_differs() {
    let world = World::open().await;
    world.create(family()).await;
    let (tee, s) = (world.find("TEE").await, world.find("TEE-S").await);
    let mut renamed = parent("TEE", &["S", "M"]);
    renamed.title = Some("Shirt anew".into());
    let update = |listing: Listing, live: &ChannelListing| ListingChange {
        listing_ref: Some(live.listing_ref.clone()),
        parent_ref: live.parent_ref.clone(),
        ..change(
            Action::Update,
            Listing {
                price: None,
                quantity: None,
                ..listing
            },
        )
    };
    world
        .push(&[
            update(renamed, &tee),
            update(variant("TEE-S", "TEE", "S"), &s),
        ])
        .await;
    assert_eq!(world.content("TEE-S")["title"], "Shirt anew");
    assert!(
        !world
            .running
            .requests()
            .contains_key("POST /products/{id}/variants/batch")
    );
}

#[tokio::test]
async fn what_is_gone_is_told_by_item() {
    let world = World::open().await;
    world.create(vec![single("A"), single("B")]).await;
    let live = world.find("A").await.listing_ref;
    let gone = ListingRef::new("prod_gone/variant_gone");
    let update = |sku: &str, listing_ref: &ListingRef| ListingChange {
        listing_ref: Some(listing_ref.clone()),
        ..change(
            Action::Update,
            Listing {
                price: None,
                quantity: None,
                ..single(sku)
            },
        )
    };
    for item in world.push(&[update("A", &live), update("B", &gone)]).await {
        match item.key.as_str() {
            "A" => assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}"),
            _ => assert!(
                matches!(&item.outcome, Outcome::Failed(error) if error.kind == ErrorKind::NotFound),
                "{item:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_payment_shows_without_a_change_of_its_order() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    let order = world.buy("A", 1);
    let (payment, changed) = world.running.with(|shop| {
        let order = shop.state().orders.remove(0);
        let payment = order["payment_collections"][0]["payments"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        (
            payment,
            order["updated_at"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap(),
        )
    });
    // The shop's clock must have gone on, so that the order's own change is before.
    tokio::time::sleep(Duration::from_millis(5)).await;
    world
        .post(&format!("payments/{payment}/capture"), json!({}))
        .await;
    let since = Watermark {
        at: changed + Duration::from_millis(1),
        cursor: None,
    };
    let first = world.connector.fetch_orders(&since, None).await.unwrap();
    assert!(first.orders.is_empty() && first.watermark.is_none());
    let second = world
        .connector
        .fetch_orders(&since, first.next.as_ref())
        .await
        .unwrap();
    assert_eq!(second.orders[0].channel_order_id.as_str(), order);
    assert_eq!(second.orders[0].status, OrderStatus::Open);
    assert!(second.next.is_none() && second.watermark.is_some());
}

#[tokio::test]
async fn a_parcel_is_sent_once_and_a_part_of_a_sold_out_line_is_refused_in_words() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    let order = world.buy("A", 12);
    let since = Watermark {
        at: Timestamp::UNIX_EPOCH,
        cursor: None,
    };
    let line = world
        .connector
        .fetch_orders(&since, None)
        .await
        .unwrap()
        .orders[0]
        .lines[0]
        .line_id
        .clone();
    let shipment = |quantity: u64| Shipment {
        channel_order_id: order.as_str().into(),
        lines: vec![(line.clone(), quantity)],
        carrier: "DHL".into(),
        tracking: "T1".into(),
        shipped_at: Timestamp::now(),
        completes_order: quantity == 12,
        parcel: 1,
    };
    let part = world
        .connector
        .confirm_shipments(&[shipment(5)])
        .await
        .unwrap()
        .remove(0)
        .outcome;
    assert!(
        matches!(&part, Outcome::Rejected(issues) if issues[0].hint.as_ref().unwrap().contains("whole line"))
    );
    for _ in 0..2 {
        let sent = world
            .connector
            .confirm_shipments(&[shipment(12)])
            .await
            .unwrap()
            .remove(0)
            .outcome;
        assert!(matches!(sent, Outcome::Applied { .. }), "{sent:?}");
    }
    assert_eq!(
        world.running.requests()["POST /orders/{id}/fulfillments"],
        2
    );
    let shipments = world.running.with(|shop| shop.state().shipments);
    assert_eq!(shipments.len(), 1);
}

#[tokio::test]
async fn an_unknown_location_is_named() {
    let world = World::open().await;
    world.connector.check().await.unwrap();
    let elsewhere = connect(&world.running, Some("sloc_elsewhere"));
    let error = elsewhere.check().await.unwrap_err();
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("stock_location"))
    );
}

#[tokio::test]
async fn a_currency_that_the_store_does_not_offer_is_no_price_of_it() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    let mut settings = world.running.settings.clone();
    settings["currency"] = json!("CHF");
    let abroad = test_kit::connect(&FACTORY, &settings);
    let error = abroad.check().await.unwrap_err();
    assert!(error.hints[0].contains("EUR, USD"), "{error:?}");
    let items = [PriceChange {
        sku: "A".into(),
        listing_ref: world.find("A").await.listing_ref,
        price: Money::new(8.into(), iso_currency::Currency::CHF),
        compare_at: None,
    }];
    let batch = test_kit::batch(&items);
    let error = abroad.push_prices(batch).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn a_shelf_that_was_made_meanwhile_is_planned_anew() {
    let world = World::open().await;
    world.create(vec![single("A")]).await;
    let location = world.running.settings["stock_location"].as_str().unwrap();
    let shop = Shop {
        stock_location: location.to_owned(),
        ..fixtures::shop()
    };
    let fields = "id,inventory_items.inventory_item_id";
    let listing_ref = world.find("A").await.listing_ref;
    let (_, variant) = listing_ref.as_str().split_once('/').unwrap();
    let api = api(&world.running);
    let live = stock::variants(&api, fields, &[variant]).await.unwrap();
    let item = &live[variant].inventory_items[0].inventory_item_id;
    // As it was read before anybody put a piece there.
    let write = stock::Write::new(&"A".into(), item, None, 3);
    let written = stock::write(&api, &shop, &[write]).await.unwrap().remove(0);
    assert!(
        matches!(&written.outcome, Outcome::Failed(error) if error.kind == ErrorKind::Conflict),
        "{written:?}"
    );
    assert_eq!(world.find("A").await.quantity, Some(12));
}
