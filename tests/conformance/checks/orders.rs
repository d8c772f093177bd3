//! Orders are never lost and never doubled, and what they reserve is not sold twice.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use skucast::app::ship::{Parcel, Shipped, ship};
use skucast::domain::ids::ChannelOrderId;
use skucast::domain::issue::Source;
use skucast::domain::ledger::{Ledger, OrderFilter};
use skucast::domain::order::{FulfilledBy, OrderStatus};
use skucast::sandbox::Profile;

use super::{Need, checks};
use crate::frail::{Breaks, Frail};
use crate::goods::{Good, singles};
use crate::subject::Subject;
use crate::watched::Call;
use crate::world::World;

checks! {
    orders_are_read_to_the_last_page: [Need::Sandbox, Need::Declared("orders_pull")],
    orders_pulled_twice_are_one_order: [Need::Sandbox, Need::Declared("orders_pull")],
    crash_before_watermark_loses_nothing: [Need::Sandbox, Need::Declared("orders_pull")],
    repeated_order_page_is_an_error: [Need::Sandbox, Need::Declared("orders_pull")],
    order_sums: [Need::Sandbox, Need::Declared("orders_pull")],
    sold_stock_is_reserved_and_canceled_stock_released: [Need::Sandbox, Need::Declared("orders_pull"), Need::Declared("stock_push")],
    shipment_confirmed_is_visible: [Need::Sandbox, Need::Declared("shipments_confirm")],
    partial_shipment_leaves_the_rest_open: [Need::Sandbox, Need::Declared("shipments_partial")],
    whole_shipment_only_where_declared: [Need::Sandbox, Need::Declared("shipments_confirm"), Need::NotDeclared("shipments_partial")],
}

/// More than a page of any channel, and within what it lets us read in a minute.
const MANY: usize = 110;

fn buy_many(world: &World, sku: &str) {
    for _ in 0..MANY {
        world.buy(&[(sku, 1)]);
    }
}

async fn plenty(subject: Subject) -> World {
    World::stocked(
        subject,
        &[Good::new(1).quantity(500), Good::new(2).quantity(500)],
    )
    .await
}

async fn orders_are_read_to_the_last_page(subject: Subject) {
    let world = plenty(subject).await;
    buy_many(&world, "SKU-0001");
    let run = world.sync_with(|order, _| order.push = false).await;
    assert!(run.error.is_none(), "{run:#?}");
    let pages = world
        .connector
        .calls()
        .iter()
        .filter(|call| **call == Call::Orders)
        .count();
    assert!(pages > 1, "{MANY} orders came on {pages} page");
    assert_eq!(run.orders.new, MANY as u64);
    assert_eq!(world.orders().await.len(), MANY);
}

async fn orders_pulled_twice_are_one_order(subject: Subject) {
    let world = plenty(subject).await;
    let mut placed = vec![
        world.buy(&[("SKU-0001", 2)]),
        world.buy(&[("SKU-0001", 1), ("SKU-0002", 3)]),
    ];
    assert_eq!(world.sync().await.orders.new, 2);
    let again = world.sync().await;
    assert_eq!(
        (again.orders.new, again.orders.updated),
        (0, 0),
        "the same orders count as news"
    );
    placed.push(world.buy(&[("SKU-0002", 1)]));
    assert_eq!(world.sync().await.orders.new, 1);
    let mut known: Vec<String> = world
        .orders()
        .await
        .iter()
        .map(|order| order.channel_order_id.to_string())
        .collect();
    known.sort();
    placed.sort();
    assert_eq!(known, placed);
    let orders = world.orders().await;
    let second = orders
        .iter()
        .find(|order| order.lines.len() == 2)
        .expect("an order of two lines");
    let mut lines: Vec<_> = second
        .lines
        .iter()
        .map(|line| (line.sku.as_ref().map(|sku| sku.as_str()), line.quantity))
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [(Some("SKU-0001"), 1), (Some("SKU-0002"), 3)]);
    assert_eq!(second.status, OrderStatus::Open);
    assert!(
        second
            .lines
            .iter()
            .all(|line| line.fulfilled_by == FulfilledBy::Seller)
    );
}

async fn crash_before_watermark_loses_nothing(subject: Subject) {
    let world = plenty(subject).await;
    // The first pull of all is behind us: from here on the watermark counts.
    world.sync_well().await;
    let before = world
        .ledger
        .channel(&world.channel_name)
        .await
        .unwrap()
        .watermark;
    buy_many(&world, "SKU-0002");
    let broken = world
        .sync_with(|order, work| {
            order.push = false;
            work.ledger = Frail::new(world.ledger.clone(), Breaks::AtSecondPage);
        })
        .await;
    assert!(broken.error.is_some(), "the ledger did not break");
    let after = world
        .ledger
        .channel(&world.channel_name)
        .await
        .unwrap()
        .watermark;
    assert_eq!(after, before, "the watermark went ahead of the orders");
    let run = world.sync_with(|order, _| order.push = false).await;
    assert!(run.error.is_none(), "{run:#?}");
    assert_eq!(world.orders().await.len(), MANY);
}

async fn repeated_order_page_is_an_error(subject: Subject) {
    let world = plenty(subject).await;
    buy_many(&world, "SKU-0001");
    world.set_faults(Profile {
        repeated_page: 1.0,
        ..Profile::default()
    });
    let run = world.sync_with(|order, _| order.push = false).await;
    let error = run
        .error
        .expect("a list without an end is an error")
        .to_string();
    assert!(error.contains("repeats"), "{error}");
    world.set_faults(Profile::default());
    let run = world.sync_with(|order, _| order.push = false).await;
    assert!(run.error.is_none(), "{run:#?}");
    assert_eq!(world.orders().await.len(), MANY);
}

/// What the buyer paid is the sum of what is told.
async fn order_sums(subject: Subject) {
    let world = plenty(subject).await;
    world.buy(&[("SKU-0001", 2), ("SKU-0002", 1)]);
    world.sync_well().await;
    let orders = world.orders().await;
    let order = &orders[0];
    let total = order.total.expect("the total is told");
    assert!(total.amount > Decimal::ZERO);
    let mut sum = Decimal::ZERO;
    for line in &order.lines {
        let price = line.unit_price.expect("a line has a price");
        assert_eq!(price.currency, total.currency);
        let good = Good::new(
            if line
                .sku
                .as_ref()
                .is_some_and(|sku| sku.as_str() == "SKU-0001")
            {
                1
            } else {
                2
            },
        );
        if line.tax_included {
            assert_eq!(price.to_plain(), good.price, "the price of {:?}", line.sku);
        }
        sum += price.amount * Decimal::from(line.quantity);
        for charge in &line.charges {
            let included =
                line.tax_included && charge.kind == skucast::domain::order::ChargeKind::Tax;
            sum += if included {
                Decimal::ZERO
            } else {
                charge.amount.amount
            };
        }
    }
    let tax_included = order.lines.iter().all(|line| line.tax_included);
    for charge in &order.charges {
        use skucast::domain::order::ChargeKind::{ShippingTax, Tax};
        let included = tax_included && matches!(charge.kind, Tax | ShippingTax);
        sum += if included {
            Decimal::ZERO
        } else {
            charge.amount.amount
        };
    }
    assert_eq!(sum, total.amount, "{order:#?}");
}

async fn sold_stock_is_reserved_and_canceled_stock_released(subject: Subject) {
    let goods = singles(2);
    let world = World::stocked(subject, &goods).await;
    let order = world.buy(&[("SKU-0001", 2)]);
    world.converge().await;
    assert_eq!(
        world.shown().await["SKU-0001"].quantity,
        Some(3),
        "5 less 2 sold"
    );
    world
        .running()
        .with(|sandbox| sandbox.cancel(&order, Timestamp::now()))
        .unwrap();
    world.converge().await;
    assert_eq!(
        world.shown().await["SKU-0001"].quantity,
        Some(5),
        "what was canceled is for sale again"
    );
    assert_eq!(world.orders().await[0].status, OrderStatus::Canceled);
    // The last pieces: sold out here means zero, not below.
    world.buy(&[("SKU-0002", 5)]);
    world.converge().await;
    assert_eq!(world.shown().await["SKU-0002"].quantity, Some(0));
    world.nothing_to_do().await;
}

fn parcel(order: &str, tracking: &str, sku: Option<&str>) -> Parcel {
    Parcel {
        order: order.to_owned(),
        channel: None,
        carrier: "DHL".to_owned(),
        tracking: tracking.to_owned(),
        sku: sku.map(Into::into),
        quantity: None,
        shipped_at: None,
        source: Source {
            file: "parcels.csv".into(),
            line: 2,
            column: None,
            value: None,
        },
    }
}

async fn send(world: &World, parcels: Vec<Parcel>) -> Shipped {
    let ledger: Arc<dyn Ledger> = world.ledger.clone();
    let channels = [world.channel(&Default::default())];
    ship(&channels, &ledger, parcels, Timestamp::now())
        .await
        .unwrap()
}

async fn status(world: &World, order: &str) -> OrderStatus {
    let filter = OrderFilter {
        id: Some(ChannelOrderId::new(order)),
        ..OrderFilter::default()
    };
    world.ledger.orders(&filter).await.unwrap()[0].order.status
}

async fn shipment_confirmed_is_visible(subject: Subject) {
    let world = plenty(subject).await;
    let order = world.buy(&[("SKU-0001", 2)]);
    world.sync_well().await;
    let sent = send(&world, vec![parcel(&order, "TRACK-1", None)]).await;
    assert_eq!((sent.confirmed, sent.failed), (1, 0), "{sent:#?}");
    let shipments = serde_json::to_string(&world.state().shipments).unwrap();
    assert!(
        shipments.contains("TRACK-1"),
        "the channel does not know the parcel: {shipments}"
    );
    let writes = world.writes();
    let again = send(&world, vec![parcel(&order, "TRACK-1", None)]).await;
    assert_eq!(
        (again.confirmed, again.known, again.failed),
        (0, 1, 0),
        "{again:#?}"
    );
    assert_eq!(
        world.writes(),
        writes,
        "the same parcel was confirmed again"
    );
    world.converge().await;
    assert_eq!(status(&world, &order).await, OrderStatus::Shipped);
}

async fn partial_shipment_leaves_the_rest_open(subject: Subject) {
    let world = plenty(subject).await;
    let order = world.buy(&[("SKU-0001", 1), ("SKU-0002", 1)]);
    world.sync_well().await;
    let first = send(&world, vec![parcel(&order, "TRACK-1", Some("SKU-0001"))]).await;
    assert_eq!((first.confirmed, first.failed), (1, 0), "{first:#?}");
    world.converge().await;
    let partly = status(&world, &order).await;
    assert!(
        matches!(partly, OrderStatus::Open | OrderStatus::PartiallyShipped),
        "{partly:?}"
    );
    let second = send(&world, vec![parcel(&order, "TRACK-2", None)]).await;
    assert_eq!((second.confirmed, second.failed), (1, 0), "{second:#?}");
    world.converge().await;
    assert_eq!(status(&world, &order).await, OrderStatus::Shipped);
    let shipments = serde_json::to_string(&world.state().shipments).unwrap();
    assert!(
        shipments.contains("TRACK-1") && shipments.contains("TRACK-2"),
        "{shipments}"
    );
}

async fn whole_shipment_only_where_declared(subject: Subject) {
    let world = plenty(subject).await;
    let order = world.buy(&[("SKU-0001", 1), ("SKU-0002", 1)]);
    world.sync_well().await;
    let first = send(&world, vec![parcel(&order, "TRACK-1", Some("SKU-0001"))]).await;
    assert_eq!((first.confirmed, first.failed), (0, 1), "{first:#?}");
}
