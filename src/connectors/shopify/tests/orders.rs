//! Orders, and the parcels that are told.

use super::super::fixtures::single;
use super::*;
use crate::domain::ids::LineId;
use crate::domain::order::OrderStatus;

fn parcel(order: &Order, quantity: u64, tracking: &str) -> Shipment {
    Shipment {
        channel_order_id: order.channel_order_id.clone(),
        lines: vec![(LineId::new(order.lines[0].line_id.as_str()), quantity)],
        carrier: "UPS".into(),
        tracking: tracking.into(),
        shipped_at: Timestamp::now(),
        completes_order: false,
        parcel: 1,
    }
}

async fn confirm(shop: &Shop, shipment: Shipment) -> Outcome {
    let mut outcomes = shop.connector.confirm_shipments(&[shipment]).await.unwrap();
    outcomes.remove(0).outcome
}

#[tokio::test]
async fn an_order_is_pulled_and_shipped_in_two_parcels() {
    let shop = Shop::open().await;
    shop.create(single("MUG-1")).await;
    shop.buy("MUG-1", 3);
    let (orders, watermark) = shop.orders(Timestamp::UNIX_EPOCH).await;
    let [order] = orders.as_slice() else {
        panic!("{orders:?}");
    };
    assert_eq!(order.lines[0].sku, Some("MUG-1".into()));
    assert_eq!((order.lines[0].quantity, order.lines[0].shipped), (3, 0));
    assert_eq!(watermark.unwrap().at, order.updated_at);

    assert!(is_applied(&confirm(&shop, parcel(order, 2, "1Z1")).await));
    assert!(
        is_applied(&confirm(&shop, parcel(order, 2, "1Z1")).await),
        "a repeat"
    );
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].status, OrderStatus::PartiallyShipped);
    assert_eq!(orders[0].lines[0].shipped, 2, "told once");
    assert_eq!(
        rejected(&confirm(&shop, parcel(order, 2, "1Z2")).await).code,
        "quantity_not_open"
    );
    assert!(is_applied(&confirm(&shop, parcel(order, 1, "1Z2")).await));
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].status, OrderStatus::Shipped);
    assert!(orders[0].shipped_at.is_some());
}

#[tokio::test]
async fn a_canceled_order_is_told_as_one_and_not_shipped() {
    let shop = Shop::open().await;
    shop.create(single("MUG-1")).await;
    let id = shop.buy("MUG-1", 1);
    let now = Timestamp::now();
    shop.running.with(|shop| shop.cancel(&id, now)).unwrap();
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders[0].status, OrderStatus::Canceled);
    assert_eq!(orders[0].lines[0].canceled, 1);
    let outcome = confirm(&shop, parcel(&orders[0], 1, "1Z")).await;
    assert_eq!(rejected(&outcome).code, "order_not_open");
}

#[tokio::test]
async fn every_page_of_orders_is_read() {
    let shop = Shop::open().await;
    let mut mug = single("MUG-1");
    mug.quantity = Some(100);
    shop.create(mug).await;
    for _ in 0..20 {
        shop.buy("MUG-1", 1);
    }
    let (orders, _) = shop.orders(Timestamp::UNIX_EPOCH).await;
    assert_eq!(orders.len(), 20);
}
