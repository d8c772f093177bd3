//! Orders as Vendure 3.7.3 answers them.

use serde_json::json;

use super::super::shop::Shop;
use super::super::shop::tests::shop;
use super::*;

/// Three shirts at 20.99 without tax, and shipping for 5.00.
fn document() -> Value {
    json!({
        "id": "1", "code": "MDPFNSBZTQK78STX", "state": "PaymentSettled",
        "createdAt": "2026-11-21T19:29:52.000Z", "updatedAt": "2026-11-21T19:29:52.000Z",
        "orderPlacedAt": "2026-11-21T19:29:52.509Z", "currencyCode": "USD", "totalWithTax": 7993,
        "lines": [{"id": "4", "quantity": 3, "orderPlacedQuantity": 3, "unitPrice": 2099, "unitPriceWithTax": 2498,
            "linePrice": 6297, "linePriceWithTax": 7493, "proratedLinePrice": 6297, "proratedLinePriceWithTax": 7493,
            "discounts": [], "taxLines": [{"description": "DE 19"}], "productVariant": {"sku": "TEE-S", "name": "Tee S"}}],
        "surcharges": [], "shippingLines": [{"shippingMethod": {"name": "Standard"}, "discountedPrice": 500,
            "discountedPriceWithTax": 500}],
        "payments": [{"amount": 7993, "state": "Settled", "refunds": []}], "fulfillments": [],
    })
}

fn net_shop() -> Shop {
    Shop {
        prices_include_tax: false,
        ..shop()
    }
}

fn order(document: Value) -> Order {
    match read(document, &net_shop()) {
        Read::Order(order) => *order,
        other => panic!("{other:?}"),
    }
}

fn told(charges: &[Charge]) -> Vec<(ChargeKind, &str, String)> {
    charges
        .iter()
        .map(|charge| (charge.kind, charge.label.as_str(), charge.amount.to_plain()))
        .collect()
}

#[test]
fn an_order_adds_up_as_the_shop_counts() {
    let order = order(document());
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.number.as_deref(), Some("MDPFNSBZTQK78STX"));
    assert_eq!(order.total.unwrap().to_plain(), "79.93");
    let line = &order.lines[0];
    assert_eq!((line.quantity, line.shipped, line.canceled), (3, 0, 0));
    assert_eq!(line.unit_price.unwrap().to_plain(), "20.99");
    assert!(!line.tax_included);
    assert_eq!(
        told(&line.charges),
        [(ChargeKind::Tax, "DE 19", "11.96".to_owned())]
    );
    assert_eq!(
        told(&order.charges),
        [(ChargeKind::Shipping, "Standard", "5.00".to_owned())]
    );
}

#[test]
fn prices_with_tax_hold_it_already() {
    let mut document = document();
    document["totalWithTax"] = json!(7994);
    document["lines"][0]["linePriceWithTax"] = json!(7494);
    document["lines"][0]["proratedLinePriceWithTax"] = json!(7494);
    let Read::Order(order) = read(document, &shop()) else {
        panic!("an order");
    };
    assert_eq!(order.lines[0].unit_price.unwrap().to_plain(), "24.98");
    assert!(order.lines[0].tax_included);
    assert_eq!(
        told(&order.charges),
        [(ChargeKind::Shipping, "Standard", "5.00".to_owned())]
    );
}

#[test]
fn a_discount_is_told_with_its_line() {
    let mut document = document();
    let line = &mut document["lines"][0];
    line["proratedLinePrice"] = json!(5667);
    line["proratedLinePriceWithTax"] = json!(6744);
    line["discounts"] = json!([{"description": "10 % off"}]);
    document["totalWithTax"] = json!(7244);
    let order = order(document);
    assert_eq!(
        told(&order.lines[0].charges),
        [
            (ChargeKind::Discount, "10 % off", "-6.30".to_owned()),
            (ChargeKind::Tax, "DE 19", "10.77".to_owned()),
        ]
    );
    assert_eq!(order.charges.len(), 1, "{:?}", order.charges);
}

#[test]
fn what_was_canceled_and_what_was_sent_is_told_by_quantities() {
    let mut document = document();
    document["state"] = json!("PartiallyShipped");
    document["lines"][0]["quantity"] = json!(2);
    document["fulfillments"] = json!([
        {"id": "1", "state": "Shipped", "updatedAt": "2026-11-22T08:00:00.000Z", "lines": [{"orderLineId": "4", "quantity": 1}]},
        {"id": "2", "state": "Pending", "updatedAt": "2026-11-22T09:00:00.000Z", "lines": [{"orderLineId": "4", "quantity": 1}]},
    ]);
    let partly = order(document.clone());
    assert_eq!(partly.status, OrderStatus::PartiallyShipped);
    assert_eq!(
        (
            partly.lines[0].quantity,
            partly.lines[0].canceled,
            partly.lines[0].shipped
        ),
        (3, 1, 1)
    );
    // The shop still calls it partly shipped.
    document["fulfillments"][1]["state"] = json!("Delivered");
    let whole = order(document);
    assert_eq!(whole.status, OrderStatus::Shipped);
    assert_eq!(
        whole.shipped_at,
        Some("2026-11-22T09:00:00Z".parse().unwrap())
    );
}

#[test]
fn states_tell_what_is_to_be_done() {
    let status = |state: &str| {
        let mut document = document();
        document["state"] = json!(state);
        order(document).status
    };
    assert_eq!(status("PaymentAuthorized"), OrderStatus::Open);
    assert_eq!(status("Modifying"), OrderStatus::Pending);
    assert_eq!(status("Cancelled"), OrderStatus::Canceled);
    assert_eq!(status("Delivered"), OrderStatus::Shipped);
    // What a shop invented between payment and shipment.
    assert_eq!(status("Packing"), OrderStatus::Open);
}

#[test]
fn a_cart_is_no_order_and_nonsense_is_kept() {
    let mut cart = document();
    cart["orderPlacedAt"] = Value::Null;
    assert!(matches!(read(cart, &shop()), Read::NotPlaced));
    let mut broken = document();
    broken["lines"][0]["quantity"] = json!("many");
    let Read::Unreadable(kept) = read(broken, &shop()) else {
        panic!("it cannot be read");
    };
    assert_eq!(kept.channel_order_id.as_str(), "1");
    assert!(kept.raw.contains("TEE-S"));
}

#[test]
fn a_refund_is_told_beside_the_total() {
    let mut document = document();
    let refunds = json!([{"total": 2000, "state": "Settled"}, {"total": 7993, "state": "Failed"}]);
    document["payments"][0]["refunds"] = refunds;
    let order = order(document);
    let refunds: Vec<_> = order
        .charges
        .iter()
        .filter(|charge| charge.kind == ChargeKind::Refund)
        .collect();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].amount.to_plain(), "-20.00");
    assert_eq!(order.status, OrderStatus::Open);
}

#[test]
fn what_was_paid_back_is_not_sent() {
    let mut document = document();
    document["payments"][0]["refunds"] = json!([{"total": 7993, "state": "Pending"}]);
    assert_eq!(order(document.clone()).status, OrderStatus::Refunded);
    document["state"] = json!("Shipped");
    assert_eq!(order(document).status, OrderStatus::Shipped);
}

#[test]
fn what_came_back_was_sent_and_not_canceled() {
    let mut document = document();
    document["state"] = json!("PartiallyShipped");
    document["lines"][0]["quantity"] = json!(1);
    document["fulfillments"] = json!([
        {"id": "1", "state": "Shipped", "updatedAt": "2026-11-22T08:00:00.000Z", "lines": [{"orderLineId": "4", "quantity": 2}]},
    ]);
    let order = order(document);
    let line = &order.lines[0];
    // Of two that were sent one came back, and the third was never sent.
    assert_eq!((line.quantity, line.shipped, line.canceled), (3, 2, 1));
    assert_eq!(order.status, OrderStatus::Shipped);
    assert_eq!(order.updated_at, "2026-11-22T08:00:00Z".parse().unwrap());
}
