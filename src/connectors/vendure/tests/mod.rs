//! The connector against its emulated server, where the shared suite does not look.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::connectors::test_kit;
use crate::domain::change::Action;
use crate::domain::order::{Order, OrderStatus};
use crate::sandbox::{Profile, Purchase, PurchaseLine, Running, ServeOptions, serve};
use fixtures::{parent, single, variant};

struct World {
    running: Running,
    connector: Box<dyn Connector>,
}

impl World {
    async fn open() -> Self {
        let sandbox = FACTORY.sandbox.unwrap()();
        let running = serve(sandbox, ServeOptions::default()).await.unwrap();
        let connector = test_kit::connect(&FACTORY, &running.settings);
        Self { running, connector }
    }

    async fn push(
        &self,
        listings: Vec<Listing>,
        parent_ref: Option<&ListingRef>,
    ) -> Vec<ItemOutcome> {
        let changes: Vec<_> = listings
            .into_iter()
            .map(|listing| ListingChange {
                action: Action::Create,
                listing_ref: None,
                parent_ref: parent_ref.cloned(),
                listing,
            })
            .collect();
        let batch = test_kit::batch(&changes);
        self.connector.push_listings(batch).await.unwrap()
    }

    async fn create(&self, listings: Vec<Listing>, parent_ref: Option<&ListingRef>) {
        for item in self.push(listings, parent_ref).await {
            assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}");
        }
    }

    async fn find(&self, sku: &str) -> ChannelListing {
        let mut found = self.connector.find_listings(&[sku.into()]).await.unwrap();
        found.remove(0)
    }

    fn buy(&self, sku: &str, quantity: u64, now: Timestamp) -> String {
        let lines = vec![PurchaseLine {
            sku: sku.to_owned(),
            quantity,
        }];
        let purchase = Purchase { lines, buyer: None };
        self.running
            .with(|shop| shop.buy(&purchase, now))
            .unwrap()
            .order_id
    }

    /// Every page since then.
    async fn orders(&self, since: Timestamp) -> Vec<Order> {
        let since = Watermark {
            at: since,
            cursor: None,
        };
        let (mut orders, mut token) = (Vec::new(), None);
        loop {
            let page = self
                .connector
                .fetch_orders(&since, token.as_ref())
                .await
                .unwrap();
            assert!(page.unreadable.is_empty());
            orders.extend(page.orders);
            match page.next {
                Some(next) => token = Some(next),
                None => return orders,
            }
        }
    }

    async fn send(&self, shipment: &Shipment) -> Outcome {
        let mut sent = self
            .connector
            .confirm_shipments(std::slice::from_ref(shipment))
            .await
            .unwrap();
        sent.remove(0).outcome
    }
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn an_order_counts_from_when_it_was_placed_and_not_from_its_last_change() {
    let world = World::open().await;
    world.create(vec![single("A")], None).await;
    // The cart was filled well before: the buyer took time to pay.
    let now = Timestamp::now();
    let order = world.buy("A", 1, now);
    let orders = world.orders(now - minutes(1)).await;
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].channel_order_id.as_str(), order);
    assert!(orders[0].updated_at >= orders[0].placed_at);
}

#[tokio::test]
async fn a_parcel_that_was_sent_by_hand_is_noticed() {
    let world = World::open().await;
    world.create(vec![single("A")], None).await;
    let before = Timestamp::now() - minutes(120);
    let order = world.buy("A", 2, before);
    let line = world.orders(before).await[0].lines[0].line_id.clone();
    let since = Timestamp::now() - minutes(5);
    assert!(
        world.orders(since).await.is_empty(),
        "nothing has happened since"
    );
    let parcel = Shipment {
        channel_order_id: order.as_str().into(),
        lines: vec![(line, 2)],
        carrier: "DHL".into(),
        tracking: "T1".into(),
        shipped_at: Timestamp::now(),
        completes_order: true,
        parcel: 1,
    };
    assert!(matches!(world.send(&parcel).await, Outcome::Applied { .. }));
    let orders = world.orders(since).await;
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].status, OrderStatus::Shipped);
    // Once: both walks see an order that is new.
    assert_eq!(world.orders(before - minutes(1)).await.len(), 1);
}

#[tokio::test]
async fn the_only_channel_of_a_server_is_not_taken_for_another() {
    let world = World::open().await;
    let mut settings = world.running.settings.clone();
    settings.insert("channel_token".to_owned(), json!("b2c"));
    let elsewhere = test_kit::connect(&FACTORY, &settings);
    let error = elsewhere.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ConfigInvalid);
    assert!(error.hints[0].contains("channel_token"));
    settings["channel_token"] = json!("sandbox-channel");
    test_kit::connect(&FACTORY, &settings)
        .check()
        .await
        .unwrap();
}

#[tokio::test]
async fn many_attributes_fit_the_servers_bodies() {
    let world = World::open().await;
    let listing = |number: usize| {
        let mut listing = single(&format!("A{number}"));
        listing.attributes = (0..20)
            .map(|attribute| {
                let value =
                    format!("value {number} of the attribute {attribute}, with some more words");
                (format!("Attribute {attribute}"), value)
            })
            .collect();
        listing
    };
    world.create((0..50).map(listing).collect(), None).await;
    let live = world.connector.fetch_listings(None).await.unwrap().items;
    assert_eq!(live.len(), 50);
    for listing in live {
        assert_eq!(listing.content.unwrap().attributes.len(), 20);
    }
}

#[tokio::test]
async fn many_options_fit_the_servers_bodies() {
    let world = World::open().await;
    let sizes: Vec<String> = (0..50)
        .map(|size| format!("Size {size} of a long row of sizes, in words"))
        .collect();
    let sizes: Vec<&str> = sizes.iter().map(String::as_str).collect();
    let names: Vec<String> = (0..20).map(|tee| format!("TEE{tee}")).collect();
    let parents = names.iter().map(|name| parent(name, &sizes)).collect();
    world.create(parents, None).await;
    let mut changes = Vec::new();
    for name in &names {
        let parent_ref = world.find(name).await.listing_ref;
        for (number, size) in sizes.iter().enumerate() {
            changes.push(ListingChange {
                action: Action::Create,
                listing_ref: None,
                parent_ref: Some(parent_ref.clone()),
                listing: variant(&format!("{name}-{number}"), name, size),
            });
        }
    }
    let batch = test_kit::batch(&changes);
    for item in world.connector.push_listings(batch).await.unwrap() {
        assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}");
    }
}

#[tokio::test]
async fn one_bad_price_is_found_by_halves() {
    let world = World::open().await;
    world
        .create(
            (0..50)
                .map(|number| single(&format!("A{number}")))
                .collect(),
            None,
        )
        .await;
    let mut items = Vec::new();
    for number in 0..50 {
        let sku = format!("A{number}");
        items.push(PriceChange {
            listing_ref: match number {
                7 => ListingRef::new("1=999999"),
                _ => world.find(&sku).await.listing_ref,
            },
            sku: sku.as_str().into(),
            price: fixtures::euros("8.25"),
            compare_at: None,
        });
    }
    let batch = test_kit::batch(&items);
    for item in world.connector.push_prices(batch).await.unwrap() {
        match item.key.as_str() {
            "A7" => assert!(
                matches!(&item.outcome, Outcome::Failed(error) if error.kind == ErrorKind::NotFound)
            ),
            _ => assert!(matches!(item.outcome, Outcome::Applied { .. }), "{item:?}"),
        }
    }
    let calls = world.running.requests()["mutation updateProductVariants"];
    assert!(calls <= 13, "{calls} calls");
}

#[tokio::test]
async fn a_parcel_whose_mark_was_not_answered_is_sent_all_the_same() {
    let world = World::open().await;
    world.create(vec![single("A")], None).await;
    let now = Timestamp::now();
    let order = world.buy("A", 1, now);
    let parcel = Shipment {
        channel_order_id: order.as_str().into(),
        lines: vec![(
            world.orders(now - minutes(1)).await[0].lines[0]
                .line_id
                .clone(),
            1,
        )],
        carrier: "DHL".into(),
        tracking: "T1".into(),
        shipped_at: now,
        completes_order: true,
        parcel: 1,
    };
    let lose_one = || {
        world.running.set_faults(Profile {
            lost_answer: 1.0,
            most: 1,
            writes_only: true,
            ..Profile::default()
        });
    };
    lose_one();
    assert!(matches!(world.send(&parcel).await, Outcome::Unknown(_)));
    // The fulfillment is there; now the answer to its mark is lost, and the repeat refused.
    lose_one();
    assert!(matches!(world.send(&parcel).await, Outcome::Applied { .. }));
    assert_eq!(world.running.with(|shop| shop.state().shipments.len()), 1);
}

#[tokio::test]
async fn what_stands_elsewhere_in_the_shop_is_not_bent_to_the_catalog() {
    let world = World::open().await;
    world
        .create(vec![single("A"), parent("TEE", &["S", "M"])], None)
        .await;
    let tee = world.find("TEE").await.listing_ref;
    let variants = vec![variant("TEE-S", "TEE", "S"), variant("TEE-M", "TEE", "M")];
    world.create(variants, Some(&tee)).await;
    let alone = world.find("A").await.listing_ref;
    let small = world.find("TEE-S").await.listing_ref;
    let update = |listing: Listing, listing_ref: &ListingRef| ListingChange {
        action: Action::Update,
        listing_ref: Some(listing_ref.clone()),
        parent_ref: None,
        listing: Listing {
            price: None,
            quantity: None,
            ..listing
        },
    };
    let items = [
        update(variant("A", "TEE", "L"), &alone),
        update(single("TEE-S"), &small),
    ];
    let batch = test_kit::batch(&items);
    for item in world.connector.push_listings(batch).await.unwrap() {
        let Outcome::Rejected(issues) = &item.outcome else {
            panic!("{item:?}");
        };
        let code = match item.key.as_str() {
            "A" => "stands_alone",
            _ => "is_a_variant",
        };
        assert_eq!(issues[0].code, code);
    }
    assert_eq!(world.find("TEE").await.title.as_deref(), Some("Mug TEE"));
}

#[tokio::test]
async fn a_piece_that_the_shop_puts_back_twice_is_seen_and_taken_off() {
    let world = World::open().await;
    world.create(vec![single("A")], None).await;
    let now = Timestamp::now();
    let order = world.buy("A", 3, now);
    let line = world.orders(now - minutes(1)).await[0].lines[0]
        .line_id
        .clone();
    let parcel = Shipment {
        channel_order_id: order.as_str().into(),
        lines: vec![(line.clone(), 2)],
        carrier: "DHL".into(),
        tracking: "T1".into(),
        shipped_at: now,
        completes_order: false,
        parcel: 1,
    };
    assert!(matches!(world.send(&parcel).await, Outcome::Applied { .. }));
    assert_eq!(world.find("A").await.quantity, Some(9));
    world.running.with(|shop| shop.cancel(&order, now)).unwrap();
    // All three are offered again, and the two that were sent are not back yet.
    let shown = world.find("A").await;
    assert_eq!(shown.quantity, Some(12));
    let set = |confirmed| StockChange {
        sku: "A".into(),
        listing_ref: shown.listing_ref.clone(),
        quantity: 10,
        confirmed: Some(confirmed),
    };
    let mut outcomes = Vec::new();
    for change in [set(9), set(12)] {
        let items = [change];
        let batch = test_kit::batch(&items);
        outcomes.push(
            world
                .connector
                .push_stock(batch)
                .await
                .unwrap()
                .remove(0)
                .outcome,
        );
    }
    assert!(matches!(&outcomes[0], Outcome::Failed(error) if error.kind == ErrorKind::Conflict));
    assert!(matches!(outcomes[1], Outcome::Applied { .. }));
    assert_eq!(world.find("A").await.quantity, Some(10));
}
