//! Orders, shipments and what they reserve.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::connector::Watermark;
use crate::domain::ids::ChannelOrderId;
use crate::domain::ledger::{Ledger, LedgerOrder, OrderFilter, Upserted};
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, Shipment, UnreadableOrder,
};

use super::{day, euro, shop, sku};

fn charge(kind: ChargeKind, label: &str, amount: &str) -> Charge {
    Charge {
        kind,
        label: label.to_owned(),
        amount: euro(amount),
    }
}

fn line(id: &str, quantity: u64) -> OrderLine {
    OrderLine {
        line_id: id.into(),
        sku: Some(sku(&format!("SKU-{id}"))),
        title: Some("Ü \"shirt\"".to_owned()),
        quantity,
        canceled: 0,
        shipped: 0,
        unit_price: Some(euro("9.99")),
        tax_included: true,
        fulfilled_by: FulfilledBy::Seller,
        charges: vec![
            charge(ChargeKind::Tax, "VAT 19%", "3.190412"),
            charge(ChargeKind::Discount, "SUMMER", "-1"),
        ],
    }
}

/// Two lines, three pieces of each, placed on the first and changed on the given day.
fn order(id: &str, updated: u8, status: OrderStatus) -> Order {
    Order {
        channel_order_id: id.into(),
        number: Some(format!("#{id}")),
        status,
        channel_status: "processing".to_owned(),
        placed_at: day(1),
        updated_at: day(updated),
        shipped_at: None,
        total: Some(euro("63.94")),
        lines: vec![line("1", 3), line("2", 3)],
        charges: vec![charge(ChargeKind::Shipping, "DHL", "4")],
    }
}

fn parcel(number: u32, lines: &[(&str, u64)], shipped: u8) -> Shipment {
    Shipment {
        channel_order_id: "1".into(),
        lines: lines
            .iter()
            .map(|(id, pieces)| ((*id).into(), *pieces))
            .collect(),
        carrier: "DHL".to_owned(),
        tracking: format!("T{number}"),
        shipped_at: day(shipped),
        completes_order: false,
        parcel: number,
    }
}

async fn record(ledger: &Arc<dyn Ledger>, orders: &[Order], at: Timestamp) -> Upserted {
    ledger
        .record_orders(&shop(), orders, &[], None, at)
        .await
        .unwrap()
}

async fn find(ledger: &Arc<dyn Ledger>, id: &str) -> LedgerOrder {
    let filter = OrderFilter {
        id: Some(id.into()),
        ..OrderFilter::default()
    };
    let mut found = ledger.orders(&filter).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn upserted(new: u64, updated: u64, unchanged: u64) -> Upserted {
    Upserted {
        new,
        updated,
        unchanged,
    }
}

pub async fn orders_are_read_as_recorded(ledger: Arc<dyn Ledger>) {
    let full = order("1", 2, OrderStatus::Open);
    let mut bare = order("2", 2, OrderStatus::Pending);
    bare.number = None;
    bare.total = None;
    bare.charges.clear();
    bare.lines[0].sku = None;
    bare.lines[0].title = None;
    bare.lines[0].unit_price = None;
    bare.lines[0].charges.clear();
    bare.lines[1].fulfilled_by = FulfilledBy::Channel;
    let counts = record(&ledger, &[full.clone(), bare.clone()], day(3)).await;
    assert_eq!(counts, upserted(2, 0, 0));
    for expected in [full, bare] {
        let found = find(&ledger, expected.channel_order_id.as_str()).await;
        assert_eq!(found.order, expected);
        assert_eq!((found.channel, found.first_seen), (shop(), day(3)));
        assert!(found.shipments.is_empty());
    }
}

pub async fn pulling_twice_changes_nothing(ledger: Arc<dyn Ledger>) {
    let mut precise = order("1", 2, OrderStatus::Open);
    precise.updated_at += SignedDuration::from_nanos(789);
    precise.total = Some(euro("63.9400000001"));
    let orders = [precise, order("2", 2, OrderStatus::Shipped)];
    assert_eq!(record(&ledger, &orders, day(3)).await, upserted(2, 0, 0));
    let before = ledger.orders(&OrderFilter::default()).await.unwrap();
    assert_eq!(record(&ledger, &orders, day(4)).await, upserted(0, 0, 2));
    assert_eq!(
        ledger.orders(&OrderFilter::default()).await.unwrap(),
        before
    );
    // The same id on another channel is another order.
    let elsewhere = ledger
        .record_orders(&"other".into(), &orders, &[], None, day(4))
        .await
        .unwrap();
    assert_eq!(elsewhere, upserted(2, 0, 0));
}

pub async fn an_older_order_never_overwrites_a_newer_one(ledger: Arc<dyn Ledger>) {
    let newer = order("1", 5, OrderStatus::Canceled);
    record(&ledger, std::slice::from_ref(&newer), day(5)).await;
    let counts = record(&ledger, &[order("1", 4, OrderStatus::Open)], day(6)).await;
    assert_eq!(counts, upserted(0, 0, 1));
    assert_eq!(find(&ledger, "1").await.order, newer);
}

pub async fn an_update_replaces_lines_and_charges(ledger: Arc<dyn Ledger>) {
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(2)).await;
    let mut changed = order("1", 3, OrderStatus::Open);
    changed.lines.remove(0);
    changed.lines[0].canceled = 1;
    changed.lines[0].charges.truncate(1);
    changed.charges = vec![charge(ChargeKind::Fee, "cash on delivery", "2.5")];
    let counts = record(&ledger, std::slice::from_ref(&changed), day(4)).await;
    assert_eq!(counts, upserted(0, 1, 0));
    let found = find(&ledger, "1").await;
    assert_eq!(found.order, changed);
    assert_eq!(found.first_seen, day(2));
}

pub async fn an_order_twice_in_one_call_counts_once(ledger: Arc<dyn Ledger>) {
    let newest = order("1", 4, OrderStatus::Open);
    let page_ends = [
        order("1", 2, OrderStatus::Pending),
        newest.clone(),
        order("1", 3, OrderStatus::Open),
    ];
    assert_eq!(record(&ledger, &page_ends, day(5)).await, upserted(1, 0, 0));
    assert_eq!(find(&ledger, "1").await.order, newest);
}

pub async fn the_watermark_never_goes_back(ledger: Arc<dyn Ledger>) {
    let mark = |at, cursor: &str| Watermark {
        at: day(at),
        cursor: Some(cursor.to_owned()),
    };
    for (given, kept) in [
        (mark(5, "a"), mark(5, "a")),
        (mark(4, "b"), mark(5, "a")),
        (mark(5, "c"), mark(5, "c")),
        (mark(6, "d"), mark(6, "d")),
    ] {
        ledger
            .record_orders(&shop(), &[], &[], Some(&given), day(9))
            .await
            .unwrap();
        let mut state = ledger.channel(&shop()).await.unwrap();
        assert_eq!(state.watermark.as_ref(), Some(&kept));
        state.watermark = Some(mark(1, "z"));
        ledger.set_channel(&shop(), &state).await.unwrap();
        let state = ledger.channel(&shop()).await.unwrap();
        assert_eq!(state.watermark.as_ref(), Some(&kept));
    }
}

pub async fn orders_are_filtered_and_newest_first(ledger: Arc<dyn Ledger>) {
    let placed = |id, placed, status| Order {
        placed_at: day(placed),
        ..order(id, 9, status)
    };
    let orders = [
        placed("1", 1, OrderStatus::Open),
        placed("2", 3, OrderStatus::Shipped),
        placed("3", 2, OrderStatus::Open),
    ];
    record(&ledger, &orders, day(9)).await;
    ledger
        .record_orders(
            &"other".into(),
            &[placed("4", 4, OrderStatus::Open)],
            &[],
            None,
            day(9),
        )
        .await
        .unwrap();
    let ids = async |filter: OrderFilter| -> Vec<String> {
        let orders = ledger.orders(&filter).await.unwrap();
        let id = |found: &LedgerOrder| found.order.channel_order_id.to_string();
        orders.iter().map(id).collect()
    };
    let all = OrderFilter::default();
    assert_eq!(ids(all.clone()).await, ["4", "2", "3", "1"]);
    let of_shop = OrderFilter {
        channels: vec![shop()],
        ..all.clone()
    };
    assert_eq!(ids(of_shop).await, ["2", "3", "1"]);
    let open_since = OrderFilter {
        status: Some(OrderStatus::Open),
        since: Some(day(2)),
        ..all.clone()
    };
    assert_eq!(ids(open_since).await, ["4", "3"]);
    let unknown = OrderFilter {
        id: Some("5".into()),
        ..all
    };
    assert!(ids(unknown).await.is_empty());
}

pub async fn an_unreadable_order_is_kept_until_it_can_be_read(ledger: Arc<dyn Ledger>) {
    let unreadable = |id: &str, raw: &str| UnreadableOrder {
        channel_order_id: id.into(),
        reason: "no currency".to_owned(),
        raw: raw.to_owned(),
    };
    let broken = [
        unreadable("", "{\"a\":1}"),
        unreadable("", "{\"b\":1}"),
        unreadable("1", "{\"id\":1}"),
    ];
    for _ in 0..2 {
        let mark = Watermark {
            at: day(2),
            cursor: None,
        };
        ledger
            .record_orders(&shop(), &[], &broken, Some(&mark), day(2))
            .await
            .unwrap();
        let kept = ledger.unreadable_orders(&shop()).await.unwrap();
        assert_eq!(kept.len(), 3);
        assert!(broken.iter().all(|order| kept.contains(order)));
    }
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(3)).await;
    let kept = ledger.unreadable_orders(&shop()).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(
        kept.iter()
            .all(|order| order.channel_order_id.as_str().is_empty())
    );
}

pub async fn an_order_that_does_not_fit_is_kept_raw(ledger: Arc<dyn Ledger>) {
    let mut absurd = order("1", 2, OrderStatus::Open);
    absurd.lines[0].unit_price = Some(euro("79228162514264337593543950335"));
    let counts = record(&ledger, &[absurd, order("2", 2, OrderStatus::Open)], day(3)).await;
    assert_eq!(counts, upserted(1, 0, 0));
    let kept = ledger.unreadable_orders(&shop()).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].channel_order_id, ChannelOrderId::new("1"));
    assert!(kept[0].reason.contains("too large"), "{}", kept[0].reason);
    assert!(kept[0].raw.contains("79228162514264337593543950335"));
}

pub async fn a_shipped_order_without_a_date_left_when_first_seen_shipped(ledger: Arc<dyn Ledger>) {
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(2)).await;
    assert_eq!(find(&ledger, "1").await.order.shipped_at, None);
    for updated in [4, 6] {
        record(
            &ledger,
            &[order("1", updated, OrderStatus::Shipped)],
            day(7),
        )
        .await;
        assert_eq!(find(&ledger, "1").await.order.shipped_at, Some(day(4)));
    }
    let told = Order {
        shipped_at: Some(day(3)),
        ..order("1", 8, OrderStatus::Shipped)
    };
    record(&ledger, &[told], day(8)).await;
    assert_eq!(find(&ledger, "1").await.order.shipped_at, Some(day(3)));
}

pub async fn our_own_parcels_are_counted_when_the_channel_reports_them_late(
    ledger: Arc<dyn Ledger>,
) {
    let shipped = async || -> (OrderStatus, Vec<u64>, Option<Timestamp>) {
        let order = find(&ledger, "1").await.order;
        let pieces = order.lines.iter().map(|line| line.shipped).collect();
        (order.status, pieces, order.shipped_at)
    };
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(2)).await;
    let first = parcel(1, &[("1", 2)], 3);
    for _ in 0..2 {
        ledger
            .record_shipments(&shop(), std::slice::from_ref(&first))
            .await
            .unwrap();
        let partly = (OrderStatus::PartiallyShipped, vec![2, 0], Some(day(3)));
        assert_eq!(shipped().await, partly);
    }
    // The channel has not noticed yet, then knows of one piece, then is up to date.
    record(&ledger, &[order("1", 4, OrderStatus::Open)], day(4)).await;
    assert_eq!(shipped().await.1, [2, 0]);
    let mut late = order("1", 5, OrderStatus::Open);
    late.lines[0].shipped = 1;
    record(&ledger, std::slice::from_ref(&late), day(5)).await;
    assert_eq!(shipped().await.1, [2, 0]);
    let again = record(&ledger, &[late], day(5)).await;
    assert_eq!(again, upserted(0, 0, 1));

    let second = parcel(2, &[("1", 1), ("2", 3)], 6);
    ledger
        .record_shipments(&shop(), std::slice::from_ref(&second))
        .await
        .unwrap();
    let all = (OrderStatus::Shipped, vec![3, 3], Some(day(6)));
    assert_eq!(shipped().await, all);
    record(
        &ledger,
        &[order("1", 7, OrderStatus::PartiallyShipped)],
        day(7),
    )
    .await;
    assert_eq!(shipped().await, all);
    assert_eq!(find(&ledger, "1").await.shipments, [first, second]);
}

pub async fn a_canceled_order_follows_the_channel(ledger: Arc<dyn Ledger>) {
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(2)).await;
    ledger
        .record_shipments(&shop(), &[parcel(1, &[("1", 2)], 3)])
        .await
        .unwrap();
    let canceled = order("1", 4, OrderStatus::Canceled);
    record(&ledger, std::slice::from_ref(&canceled), day(4)).await;
    let found = find(&ledger, "1").await;
    assert_eq!(found.order, canceled);
    assert_eq!(found.shipments.len(), 1);
}

pub async fn a_shipment_of_an_unknown_order_is_refused(ledger: Arc<dyn Ledger>) {
    record(&ledger, &[order("1", 2, OrderStatus::Open)], day(2)).await;
    let unknown = Shipment {
        channel_order_id: "7".into(),
        ..parcel(1, &[("1", 1)], 3)
    };
    let error = ledger
        .record_shipments(&shop(), &[parcel(1, &[("1", 2)], 3), unknown])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("order `7`"), "{error}");
    assert!(find(&ledger, "1").await.shipments.is_empty());
}

pub async fn sold_lines_are_those_that_a_stock_figure_may_not_know(ledger: Arc<dyn Ledger>) {
    let shipped_on = |id, shipped| Order {
        shipped_at: Some(day(shipped)),
        ..order(id, 9, OrderStatus::Shipped)
    };
    let mut nameless = order("nameless", 2, OrderStatus::Open);
    nameless.lines[0].sku = None;
    let orders = [
        order("open", 2, OrderStatus::Open),
        order("pending", 2, OrderStatus::Pending),
        order("partly", 2, OrderStatus::PartiallyShipped),
        shipped_on("shipped before", 4),
        shipped_on("shipped since", 6),
        order("canceled", 8, OrderStatus::Canceled),
        order("failed", 8, OrderStatus::Failed),
        order("refunded", 8, OrderStatus::Refunded),
        Order {
            placed_at: day(7),
            ..order("refunded since", 8, OrderStatus::Refunded)
        },
        nameless,
    ];
    record(&ledger, &orders, day(9)).await;
    let sold = ledger.sold_lines(day(5)).await.unwrap();
    let mut lines: Vec<(&str, &str)> = sold
        .iter()
        .map(|line| (line.channel_order_id.as_str(), line.sku.as_str()))
        .collect();
    lines.sort_unstable();
    let mut expected = vec![("nameless", "SKU-2")];
    for id in [
        "open",
        "pending",
        "partly",
        "shipped since",
        "refunded since",
    ] {
        expected.extend([(id, "SKU-1"), (id, "SKU-2")]);
    }
    expected.sort_unstable();
    assert_eq!(lines, expected);

    let since = sold
        .iter()
        .find(|line| line.channel_order_id.as_str() == "shipped since")
        .unwrap();
    assert_eq!((since.status, since.quantity), (OrderStatus::Shipped, 3));
    assert_eq!((since.placed_at, since.shipped_at), (day(1), Some(day(6))));
    assert_eq!(since.channel, shop());
}
