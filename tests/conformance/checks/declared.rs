//! What is declared works, what is not declared says so, and nothing else is between.

use jiff::Timestamp;
use skucast::domain::capability::{Batching, Routes};
use skucast::domain::catalog::ItemKind;
use skucast::domain::change::{
    Batch, EndChange, Lane, ListingChange, PriceChange, Route, StockChange,
};
use skucast::domain::connector::{Connector, Outcome, Watermark};
use skucast::domain::ids::{ChannelOrderId, IdempotencyKey, ListingRef, Sku};
use skucast::domain::money::{self, Money};
use skucast::domain::order::Shipment;
use skucast::domain::{Error, ErrorKind, Retry};

use super::{Need, checks};
use crate::goods::{Good, singles};
use crate::subject::Subject;
use crate::world::World;

checks! {
    descriptor_is_consistent: [],
    undeclared_is_unsupported: [],
    declared_capability_is_implemented: [Need::Declared("listing_read")],
    one_outcome_per_item_in_any_order: [Need::Declared("stock_push"), Need::Declared("listing_read")],
    full_batch_is_taken: [Need::Declared("stock_push")],
    dry_run_changes_nothing: [Need::Declared("listing_create")],
    channel_side_dry_run_finds_what_would_be_refused: [Need::Sandbox, Need::Declared("listing_dry_run")],
}

async fn descriptor_is_consistent(subject: Subject) {
    let (capability, limits) = (subject.capability(), subject.limits());
    let sizes = |routes: Routes| [routes.direct, routes.bulk].into_iter().flatten();
    for (declared, lane) in [
        (capability.stock_push, Lane::Stock),
        (capability.price_push, Lane::Price),
        (
            capability.listing_create || capability.listing_update,
            Lane::Listing,
        ),
        (capability.listing_end, Lane::End),
    ] {
        let routes = limits.routes(lane);
        let ways: Vec<_> = sizes(routes).collect();
        assert_eq!(
            declared,
            !ways.is_empty(),
            "the routes of lane {}",
            lane.as_str()
        );
        assert!(
            ways.iter().all(|way| way.size > 0 && way.concurrency > 0),
            "{lane:?}"
        );
    }
    assert!(!capability.listing_read || limits.find_batch > 0);
    assert!(!capability.shipments_confirm || limits.shipment_batch > 0);
    assert!(capability.shipments_confirm || !capability.shipments_partial);
    let names: Vec<_> = capability.rows().iter().map(|row| row.0).collect();
    for note in subject.factory.descriptor.notes {
        assert!(
            names.contains(&note.capability),
            "a note about `{}`",
            note.capability
        );
        assert!(!note.text.is_empty() && !note.source.is_empty());
    }
    for quota in limits.quotas {
        assert!(
            !quota.source.is_empty() && quota.permits > 0 && quota.burst > 0,
            "{quota:?}"
        );
    }
}

fn unsupported<T: std::fmt::Debug>(what: &str, answer: Result<T, Error>) {
    match answer {
        Err(error) if error.kind == ErrorKind::Unsupported => {}
        other => panic!("{what} is not declared, and answers {other:?}"),
    }
}

fn supported<T>(what: &str, answer: Result<T, Error>) -> T {
    answer.unwrap_or_else(|error| panic!("{what} is declared, and answers {error:?}"))
}

fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), money::currency("EUR").unwrap())
}

/// What the app would send to create this one.
pub async fn creation(world: &World, good: &Good) -> ListingChange {
    world.offer(std::slice::from_ref(good));
    let shelf = world.shelf().await.unwrap();
    let mut items = Vec::new();
    shelf
        .catalog
        .scan(&mut |scanned| {
            if let skucast::domain::catalog::Scanned::Item(item, _) = scanned {
                items.push(item);
            }
        })
        .unwrap();
    let channel = world.channel(&Default::default());
    let listing = channel
        .policy
        .listing(&items[0], &[], &mut Vec::new())
        .unwrap();
    assert_eq!(listing.kind, ItemKind::Single);
    ListingChange {
        action: skucast::domain::change::Action::Create,
        listing_ref: None,
        parent_ref: None,
        listing: skucast::domain::listing::Listing {
            price: Some(euros(&good.price)),
            quantity: good.quantity,
            ..listing
        },
    }
}

fn route(routes: Routes) -> Route {
    if routes.direct.is_some() {
        Route::Direct
    } else {
        Route::Bulk
    }
}

fn batch<'a, T>(items: &'a [T], routes: Routes, key: &'a IdempotencyKey) -> Batch<'a, T> {
    Batch {
        items,
        route: route(routes),
        key,
        dry_run: false,
    }
}

async fn undeclared_is_unsupported(subject: Subject) {
    let world = World::new(subject).await;
    let create = creation(&world, &Good::new(1)).await;
    let connector = world.connector.inner();
    let (capability, key) = (subject.capability(), IdempotencyKey::new("k"));
    let sku = Sku::new("SKU-0001");
    let listing_ref = ListingRef::new("SKU-0001");
    let direct = Routes::direct(Batching::items(1, 1));
    if !capability.listing_read {
        unsupported("fetch_listings", connector.fetch_listings(None).await);
        unsupported(
            "find_listings",
            connector.find_listings(std::slice::from_ref(&sku)).await,
        );
    }
    if !capability.listing_create {
        unsupported(
            "push_listings",
            connector
                .push_listings(batch(std::slice::from_ref(&create), direct, &key))
                .await,
        );
    }
    if !capability.listing_dry_run {
        let dry = Batch {
            dry_run: true,
            ..batch(
                std::slice::from_ref(&create),
                subject.limits().listing,
                &key,
            )
        };
        unsupported("a dry run", connector.push_listings(dry).await);
    }
    if !capability.stock_push {
        let items = [StockChange {
            sku: sku.clone(),
            listing_ref: listing_ref.clone(),
            quantity: 1,
            confirmed: None,
        }];
        unsupported(
            "push_stock",
            connector.push_stock(batch(&items, direct, &key)).await,
        );
    }
    if !capability.price_push {
        let items = [PriceChange {
            sku: sku.clone(),
            listing_ref: listing_ref.clone(),
            price: euros("5"),
            compare_at: None,
        }];
        unsupported(
            "push_prices",
            connector.push_prices(batch(&items, direct, &key)).await,
        );
    }
    if !capability.listing_end {
        let items = [EndChange {
            sku: sku.clone(),
            listing_ref,
        }];
        unsupported(
            "end_listings",
            connector.end_listings(batch(&items, direct, &key)).await,
        );
    }
    if !capability.submissions {
        unsupported(
            "poll_submission",
            connector.poll_submission(&"1".into(), &[]).await,
        );
    }
    if !capability.orders_pull {
        let since = Watermark {
            at: Timestamp::now(),
            cursor: None,
        };
        unsupported("fetch_orders", connector.fetch_orders(&since, None).await);
    }
    if !capability.shipments_confirm {
        let shipment = Shipment {
            channel_order_id: ChannelOrderId::new("1"),
            lines: vec![("1".into(), 1)],
            carrier: "DHL".into(),
            tracking: "1".into(),
            shipped_at: Timestamp::now(),
            completes_order: true,
            parcel: 1,
        };
        unsupported(
            "confirm_shipments",
            connector.confirm_shipments(&[shipment]).await,
        );
    }
}

/// Calls everything once, without the app around it.
async fn declared_capability_is_implemented(subject: Subject) {
    let world = World::stocked(subject, &singles(1)).await;
    let connector = world.connector.clone();
    let connector: &dyn Connector = connector.as_ref();
    let (capability, limits, key) = (
        subject.capability(),
        subject.limits(),
        IdempotencyKey::new("k"),
    );
    supported("check", connector.check().await);
    let page = supported("fetch_listings", connector.fetch_listings(None).await);
    assert_eq!(page.items.len(), 1);
    let sku = Sku::new("SKU-0001");
    let absent = Sku::new("NOT-THERE");
    let skus = [sku.clone(), absent];
    let asked = &skus[..limits.find_batch.min(2)];
    let found = supported("find_listings", connector.find_listings(asked).await);
    let names: Vec<_> = found.iter().map(|listing| listing.sku.as_str()).collect();
    assert_eq!(names, ["SKU-0001"], "what does not exist is left out");
    let listing_ref = found[0].listing_ref.clone();
    assert_eq!(
        page.items[0].listing_ref, listing_ref,
        "a list and a look-up agree"
    );
    if capability.stock_push {
        let items = [StockChange {
            sku: sku.clone(),
            listing_ref: listing_ref.clone(),
            quantity: 0,
            confirmed: None,
        }];
        taken(supported(
            "push_stock",
            connector
                .push_stock(batch(&items, limits.stock, &key))
                .await,
        ));
    }
    if capability.price_push {
        let items = [PriceChange {
            sku: sku.clone(),
            listing_ref: listing_ref.clone(),
            price: euros("77.70"),
            compare_at: None,
        }];
        taken(supported(
            "push_prices",
            connector
                .push_prices(batch(&items, limits.price, &key))
                .await,
        ));
    }
    eventually(&world, |world| {
        Box::pin(async {
            let shown = &world.shown().await["SKU-0001"];
            shown.quantity == Some(0) && shown.price == Some(euros("77.70"))
        })
    })
    .await;
    if capability.listing_end {
        let items = [EndChange {
            sku: sku.clone(),
            listing_ref: listing_ref.clone(),
        }];
        taken(supported(
            "end_listings",
            connector
                .end_listings(batch(&items, limits.end, &key))
                .await,
        ));
        eventually(&world, |world| {
            Box::pin(async {
                world
                    .shown()
                    .await
                    .get("SKU-0001")
                    .is_none_or(|shown| !shown.live)
            })
        })
        .await;
        taken(supported(
            "ending what has ended",
            connector
                .end_listings(batch(&items, limits.end, &key))
                .await,
        ));
    }
}

fn taken(outcomes: Vec<skucast::domain::connector::ItemOutcome>) {
    for one in outcomes {
        assert!(
            matches!(
                one.outcome,
                Outcome::Applied { .. } | Outcome::Accepted { .. }
            ),
            "{} was not taken: {:?}",
            one.key,
            one.outcome
        );
    }
}

type Waiting<'w> = std::pin::Pin<Box<dyn Future<Output = bool> + 'w>>;

/// Channels need a moment from accepting to showing.
pub async fn eventually(world: &World, holds: impl for<'w> Fn(&'w World) -> Waiting<'w>) {
    for _ in 0..100 {
        if holds(world).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the channel never showed it: {:#?}", world.shown().await);
}

/// Also when one of them is no longer there: that one alone is not applied.
async fn one_outcome_per_item_in_any_order(subject: Subject) {
    let world = World::stocked(subject, &singles(4)).await;
    let limits = subject.limits();
    let mut items = Vec::new();
    for number in (1..=4).rev() {
        let sku = Sku::new(Good::new(number).sku);
        let found = world
            .connector
            .find_listings(std::slice::from_ref(&sku))
            .await;
        items.push(StockChange {
            listing_ref: found.unwrap()[0].listing_ref.clone(),
            sku,
            quantity: 2,
            confirmed: None,
        });
    }
    // The channel's answer to a listing that somebody else has removed.
    let real = items[1].listing_ref.to_string();
    let digits_elsewhere = real.replace(|c: char| c.is_ascii_digit(), "9");
    items[1].listing_ref = ListingRef::new(digits_elsewhere);
    items[1].sku = Sku::new("SKU-9999");
    let way = limits.stock.direct.or(limits.stock.bulk).unwrap();
    let key = IdempotencyKey::new("k");
    let mut outcomes = Vec::new();
    // Where a call is carried out whole or not at all, the one that spoils it is named, and the others go again.
    for _ in 0..2 {
        let mut again = Vec::new();
        for part in items.chunks(way.size) {
            let answer = world
                .connector
                .push_stock(batch(part, limits.stock, &key))
                .await;
            let some = match answer {
                Ok(some) => some,
                // A batch of one may be refused as a whole.
                Err(error) => {
                    let spoils = part.len() == 1 && part[0].sku.as_str() == "SKU-9999";
                    assert!(spoils, "{error:?}");
                    continue;
                }
            };
            assert_eq!(some.len(), part.len(), "one outcome per item");
            for one in some {
                match &one.outcome {
                    Outcome::Failed(error) if matches!(error.retry, Retry::After(_)) => {
                        again.extend(part.iter().find(|item| item.sku == one.key).cloned());
                    }
                    _ => outcomes.push(one),
                }
            }
        }
        items = again;
    }
    for one in &outcomes {
        let there = one.key.as_str() != "SKU-9999";
        match &one.outcome {
            // "Later" is looked after, and found not to have come.
            Outcome::Accepted { .. } => {}
            Outcome::Applied { .. } => assert!(there, "{} is not there", one.key),
            other => assert!(!there, "{}: {other:?}", one.key),
        }
    }
    assert_eq!(
        outcomes
            .iter()
            .filter(|one| one.key.as_str() != "SKU-9999")
            .count(),
        3
    );
}

/// The largest batch that is declared, as far as a test can make so many.
async fn full_batch_is_taken(subject: Subject) {
    let size = |routes: Routes| {
        [routes.direct, routes.bulk]
            .iter()
            .flatten()
            .map(|way| way.size)
            .min()
            .unwrap_or(1)
    };
    let rows = size(subject.limits().stock).clamp(8, 120) as u32;
    let mut goods = singles(rows);
    let world = World::stocked(subject, &goods).await;
    world.shows(&goods).await;
    goods.iter_mut().for_each(|good| good.quantity = Some(9));
    world.offer(&goods);
    let run = world.sync_well().await;
    assert_eq!(run.counts.stock, u64::from(rows));
    world.shows(&goods).await;
}

async fn dry_run_changes_nothing(subject: Subject) {
    let mut goods = singles(3);
    let world = World::stocked(subject, &goods).await;
    goods[0].quantity = Some(0);
    goods[1].title += " anew";
    goods[2].price = "3.00".to_owned();
    goods.push(Good::new(4));
    world.offer(&goods);
    let (shown, writes) = (world.shown().await, world.connector.pushes().len());
    let records = |world: &World| {
        let (ledger, name) = (world.ledger.clone(), world.channel_name.clone());
        async move {
            skucast::domain::ledger::Ledger::listings(&*ledger, &name)
                .await
                .unwrap()
        }
    };
    let before = records(&world).await;
    let run = world
        .sync_with(|order, work| {
            order.pull = false;
            work.dry_run = true;
        })
        .await;
    assert!(
        run.counts.create + run.counts.zero + run.counts.price + run.counts.update >= 4,
        "{:?}",
        run.counts
    );
    assert_eq!(world.shown().await, shown, "a dry run changed the channel");
    assert_eq!(
        world.connector.pushes().len(),
        writes,
        "a dry run sent changes"
    );
    assert_eq!(
        records(&world).await,
        before,
        "a dry run changed the ledger"
    );
}

async fn channel_side_dry_run_finds_what_would_be_refused(subject: Subject) {
    let world = World::new(subject).await;
    world.offer(&singles(3));
    world.set_faults(skucast::sandbox::Profile {
        refused_skus: vec!["SKU-0002".to_owned()],
        ..Default::default()
    });
    let run = world.sync_with(|_, work| work.dry_run = true).await;
    assert_eq!(
        (run.report.applied, run.report.rejected),
        (2, 1),
        "{run:#?}"
    );
    assert!(
        world.state().listings.is_empty(),
        "a dry run created something"
    );
    assert!(
        world.state().created.is_empty(),
        "a dry run created something"
    );
}
