//! Orders and shipments.

use super::super::fixtures::{euros, single};
use super::*;
use crate::domain::order::{ChargeKind, OrderStatus};

#[tokio::test]
async fn orders_are_pulled_canceled_and_paged() {
    let shop = Shop::open().await;
    shop.create(single("MUG-1")).await;
    let (none, watermark) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert!(none.is_empty() && watermark.is_none());

    let id = shop.buy("MUG-1", 2);
    assert_eq!(shop.quantity("MUG-1"), Some(10));
    let (orders, watermark) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders.len(), 1);
    let order = &orders[0];
    assert_eq!(order.channel_order_id.as_str(), id);
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.channel_status, "processing");
    assert_eq!(order.total, Some(euros("23.90")));
    assert_eq!(order.lines[0].sku.as_ref().unwrap().as_str(), "MUG-1");
    assert_eq!(order.lines[0].quantity, 2);
    assert_eq!(order.lines[0].unit_price, Some(euros("9.5")));
    assert_eq!(order.charges.len(), 1);
    assert_eq!(order.charges[0].kind, ChargeKind::Shipping);

    let now = Timestamp::now();
    shop.running.with(|shop| shop.cancel(&id, now)).unwrap();
    assert_eq!(shop.quantity("MUG-1"), Some(12));
    let (orders, _) = shop.orders(watermark.unwrap().at).await;
    assert_eq!(orders[0].status, OrderStatus::Canceled);
    assert_eq!(orders[0].lines[0].canceled, 2);

    for _ in 0..120 {
        shop.buy("MUG-1", 1);
    }
    assert_eq!(shop.quantity("MUG-1"), Some(-108), "the shop oversells");
    let (orders, watermark) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders.len(), 121);
    let newest = orders.iter().map(|order| order.updated_at).max();
    assert!(Some(watermark.unwrap().at) <= newest);
    let (later, _) = shop
        .orders(Timestamp::now() + jiff::SignedDuration::from_secs(60))
        .await;
    assert!(later.is_empty());
}

#[tokio::test]
async fn shipments_are_told_once() {
    let shop = Shop::open().await;
    shop.create(single("MUG-1")).await;
    let id = shop.buy("MUG-1", 2);
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    let line = orders[0].lines[0].line_id.clone();
    let mut shipment = Shipment {
        channel_order_id: ChannelOrderId::new(&id),
        lines: vec![(line, 1)],
        carrier: "DHL".to_owned(),
        tracking: "JD0001".to_owned(),
        shipped_at: Timestamp::now(),
        completes_order: false,
        parcel: 1,
    };
    let confirm = async |shipment: &Shipment| {
        let shipments = std::slice::from_ref(shipment);
        let mut outcomes = shop.connector.confirm_shipments(shipments).await.unwrap();
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0).outcome
    };
    assert!(is_applied(&confirm(&shipment).await));
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].status, OrderStatus::PartiallyShipped);
    assert_eq!(orders[0].lines[0].shipped, 1);

    shipment.parcel = 2;
    shipment.tracking = "JD0002".to_owned();
    shipment.completes_order = true;
    assert!(is_applied(&confirm(&shipment).await));
    assert!(
        is_applied(&confirm(&shipment).await),
        "a repeat is harmless"
    );
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].status, OrderStatus::Shipped);
    assert!(orders[0].shipped_at.is_some());
    let state = shop.running.with(|shop| shop.state());
    let notes = state.shipments[0]["notes"].as_array().unwrap();
    let told = [
        "Shipped with DHL JD0001",
        "Parcel 2 shipped with DHL JD0002",
    ];
    assert_eq!(notes, &told, "each parcel is told once");

    let canceled = shop.buy("MUG-1", 1);
    let now = Timestamp::now();
    shop.running
        .with(|shop| shop.cancel(&canceled, now))
        .unwrap();
    for id in [canceled.as_str(), "9999", "x"] {
        shipment.channel_order_id = ChannelOrderId::new(id);
        assert!(
            matches!(confirm(&shipment).await, Outcome::Rejected(_)),
            "{id}"
        );
    }
}
