//! Tests of [`orders`](super).

use serde_json::json;

use super::*;
use crate::connectors::woocommerce::fixtures::euros;

fn document() -> Value {
    json!({
        "id": 41, "number": "2026-41", "status": "processing", "currency": "EUR",
        "date_created_gmt": "2026-11-20T10:00:00", "date_modified_gmt": "2026-11-20T10:00:05",
        "date_completed_gmt": null, "total": "36.08",
        "line_items": [
            {"id": 7, "name": "Mug &#8211; Blue", "sku": "MUG-B", "product_id": 5, "variation_id": 6, "quantity": 3,
             "subtotal": "28.50", "total": "25.65", "total_tax": "4.87", "price": 8.549999999999999,
             "meta_data": [{"key": "Engraving", "value": "for Erika"}]}
        ],
        "shipping_lines": [{"method_title": "Flat rate", "total": "4.67", "total_tax": "0.89"}],
        "fee_lines": [], "tax_lines": [{"label": "VAT 19%"}],
        "coupon_lines": [{"code": "welcome10", "discount": "2.85"}],
        "refunds": [{"id": 50, "reason": "late", "total": "-5.00"}],
        "meta_data": [],
        "billing": {"first_name": "Erika", "email": "erika@example.com"},
        "customer_note": "ring twice"
    })
}

fn order(document: Value) -> Order {
    match read(document) {
        Read::Order(order) => *order,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_and_charges_add_up_to_the_total() {
    let order = order(document());
    assert_eq!(order.channel_order_id.as_str(), "41");
    assert_eq!(order.number.as_deref(), Some("2026-41"));
    assert_eq!(order.status, OrderStatus::Open);
    let line = &order.lines[0];
    assert_eq!(line.sku.as_ref().unwrap().as_str(), "MUG-B");
    assert_eq!(line.title.as_deref(), Some("Mug – Blue"));
    assert_eq!(line.unit_price, Some(euros("9.5")));
    let kinds: Vec<_> = line
        .charges
        .iter()
        .map(|charge| (charge.kind, charge.label.as_str(), charge.amount))
        .collect();
    assert_eq!(
        kinds,
        [
            (ChargeKind::Discount, "welcome10", euros("-2.85")),
            (ChargeKind::Tax, "VAT 19%", euros("4.87")),
        ]
    );
    let order_kinds: Vec<_> = order
        .charges
        .iter()
        .map(|charge| (charge.kind, charge.amount))
        .collect();
    assert_eq!(
        order_kinds,
        [
            (ChargeKind::Shipping, euros("4.67")),
            (ChargeKind::ShippingTax, euros("0.89")),
            (ChargeKind::Refund, euros("-5.00")),
        ]
    );
}

#[test]
fn what_the_shop_does_not_itemize_is_shown() {
    let mut gift_card = document();
    gift_card["total"] = json!("26.08");
    let order = order(gift_card);
    let other: Vec<_> = order
        .charges
        .iter()
        .filter(|charge| charge.kind == ChargeKind::Other)
        .map(|charge| charge.amount)
        .collect();
    assert_eq!(other, [euros("-10.00")]);
}

#[test]
fn an_uneven_unit_price_is_rounded_far_behind_the_cent() {
    let mut uneven = document();
    uneven["line_items"][0]["subtotal"] = json!("10.00");
    let price = order(uneven).lines[0].unit_price.unwrap();
    assert_eq!(price, euros("3.333333"));
}

#[test]
fn every_status_has_its_meaning() {
    for (word, meaning) in [
        ("pending", OrderStatus::Pending),
        ("on-hold", OrderStatus::Pending),
        ("processing", OrderStatus::Open),
        ("completed", OrderStatus::Shipped),
        ("cancelled", OrderStatus::Canceled),
        ("refunded", OrderStatus::Refunded),
        ("failed", OrderStatus::Failed),
        ("trash", OrderStatus::Canceled),
        ("awaiting-pickup", OrderStatus::Open),
    ] {
        let mut changed = document();
        changed["status"] = json!(word);
        let order = order(changed);
        assert_eq!(order.status, meaning, "{word}");
        assert_eq!(order.channel_status, word);
        let line = &order.lines[0];
        assert_eq!(line.canceled == 3, meaning.is_void(), "{word}");
        assert_eq!(line.shipped == 3, meaning == OrderStatus::Shipped, "{word}");
    }
    let mut cart = document();
    cart["status"] = json!("checkout-draft");
    assert!(matches!(read(cart), Read::NoOrder));
}

#[test]
fn a_shipped_order_in_the_trash_stays_shipped() {
    let mut old = document();
    old["status"] = json!("trash");
    old["date_completed_gmt"] = json!("2026-11-21T08:00:00");
    let order = order(old);
    assert_eq!(order.status, OrderStatus::Shipped);
    assert_eq!(order.shipped_at, gmt("2026-11-21T08:00:00"));
}

#[test]
fn parcels_are_remembered_on_the_order() {
    let shipment = Shipment {
        channel_order_id: "41".into(),
        lines: vec![("7".into(), 2)],
        carrier: "DHL".to_owned(),
        tracking: "JD1".to_owned(),
        shipped_at: Timestamp::UNIX_EPOCH,
        completes_order: false,
        parcel: 1,
    };
    let (key, value) = parcel(&shipment);
    let mut shipped = document();
    shipped["meta_data"] = json!([{"id": 1, "key": key, "value": value}]);
    let order = order(shipped);
    assert_eq!(order.status, OrderStatus::PartiallyShipped);
    assert_eq!(order.lines[0].shipped, 2);
}

#[test]
fn a_deleted_product_leaves_a_line_without_sku() {
    let mut deleted = document();
    deleted["line_items"][0]["sku"] = Value::Null;
    deleted["line_items"][0]["product_id"] = json!(0);
    assert_eq!(order(deleted).lines[0].sku, None);
}

#[test]
fn an_unreadable_order_is_kept_without_the_buyer() {
    for (field, value) in [
        ("total", json!("a lot")),
        ("date_created_gmt", json!(null)),
        ("currency", json!("EURO")),
        (
            "line_items",
            json!([{"id": 7, "quantity": 0.5, "subtotal": "1", "total": "1",
            "meta_data": [{"key": "Engraving", "value": "for Erika"}]}]),
        ),
    ] {
        let mut broken = document();
        broken[field] = value;
        let Read::Unreadable(kept) = read(broken) else {
            panic!("{field} was read");
        };
        assert_eq!(kept.channel_order_id.as_str(), "41");
        assert!(!kept.raw.contains("Erika"), "{}", kept.raw);
        assert!(!kept.raw.contains("twice"), "{}", kept.raw);
        assert!(kept.raw.contains("MUG-B") || field == "line_items");
    }
}
