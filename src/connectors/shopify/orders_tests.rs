use super::*;
use serde_json::json;

fn set(amount: &str) -> Value {
    json!({"shopMoney": {"amount": amount}})
}

fn line(id: u64, quantity: u64, current: u64, unfulfilled: u64) -> Value {
    json!({"id": format!("gid://shopify/LineItem/{id}"), "sku": "MUG-1", "title": "Mug", "quantity": quantity,
        "currentQuantity": current, "unfulfilledQuantity": unfulfilled, "originalUnitPriceSet": set("10.00"),
        "discountAllocations": [{"allocatedAmountSet": set("2.00")}],
        "taxLines": [{"title": "VAT", "priceSet": set("3.42")}]})
}

/// Two mugs of 10.00 less 2.00, 19% tax on top, shipping 5.00 with 0.95.
fn order(lines: Value) -> Value {
    json!({"id": "gid://shopify/Order/1001", "name": "#1001", "createdAt": "2026-11-01T10:00:00Z",
        "updatedAt": "2026-11-02T10:00:00Z", "cancelledAt": null, "currencyCode": "EUR", "taxesIncluded": false,
        "discountCodes": ["AUTUMN"], "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED",
        "totalPriceSet": set("27.37"), "totalRefundedSet": set("0.0"), "fulfillments": [],
        "shippingLines": {"pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": [{"title": "Post",
            "discountedPriceSet": set("5.00"), "taxLines": [{"title": "VAT", "priceSet": set("0.95")}]}]},
        "lineItems": {"pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": lines}})
}

fn read(raw: &Value, movements: Value) -> Order {
    let movements = serde_json::from_value(movements).unwrap();
    WireOrder::read(raw)
        .unwrap()
        .normalize(raw, &movements)
        .unwrap()
}

#[test]
fn an_order_adds_up_to_what_the_buyer_paid() {
    let order = read(&order(json!([line(7, 2, 2, 2)])), json!({}));
    assert_eq!(order.channel_order_id.as_str(), "1001");
    assert_eq!(order.number.as_deref(), Some("#1001"));
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.channel_status, "PAID UNFULFILLED");
    let line = &order.lines[0];
    assert_eq!(
        (line.line_id.as_str(), line.quantity, line.shipped),
        ("7", 2, 0)
    );
    let charges: Vec<_> = line
        .charges
        .iter()
        .chain(&order.charges)
        .map(|charge| {
            (
                charge.kind,
                charge.label.as_str(),
                charge.amount.amount.to_string(),
            )
        })
        .collect();
    assert_eq!(
        charges,
        [
            (ChargeKind::Discount, "AUTUMN", "-2.00".to_owned()),
            (ChargeKind::Tax, "VAT", "3.42".to_owned()),
            (ChargeKind::Shipping, "Post", "5.00".to_owned()),
            (ChargeKind::ShippingTax, "VAT", "0.95".to_owned()),
        ]
    );
}

#[test]
fn taxes_that_are_in_the_prices_do_not_add_to_them() {
    let mut raw = order(json!([line(7, 2, 2, 2)]));
    raw["taxesIncluded"] = json!(true);
    raw["totalPriceSet"] = set("23.00");
    let order = read(&raw, json!({}));
    assert!(order.lines[0].tax_included);
    assert!(
        !order
            .charges
            .iter()
            .any(|charge| charge.kind == ChargeKind::Other)
    );
    raw["totalPriceSet"] = set("28.00");
    let order = self::read(&raw, json!({}));
    let rest = order
        .charges
        .iter()
        .find(|charge| charge.kind == ChargeKind::Other);
    assert_eq!(rest.unwrap().amount.amount.to_string(), "5.00", "a tip");
}

#[test]
fn what_was_taken_out_is_told_from_what_came_back() {
    let raw = order(json!([line(7, 3, 2, 1)]));
    assert!(WireOrder::read(&raw).unwrap().needs_movements());
    assert!(
        !WireOrder::read(&order(json!([line(7, 3, 3, 1)])))
            .unwrap()
            .needs_movements()
    );
    let moved = |kind: &str, shipped: u64| {
        json!({"fulfillments": [{"status": "SUCCESS", "fulfillmentLineItems": {"nodes":
                [{"quantity": shipped, "lineItem": {"id": "gid://shopify/LineItem/7"}}]}},
            {"status": "CANCELLED", "fulfillmentLineItems": {"nodes":
                [{"quantity": 3, "lineItem": {"id": "gid://shopify/LineItem/7"}}]}}],
            "refunds": [{"refundLineItems": {"nodes":
                [{"quantity": 1, "restockType": kind, "lineItem": {"id": "gid://shopify/LineItem/7"}}]}}]})
    };
    let pieces = |movements| {
        let order = read(&raw, movements);
        (order.lines[0].shipped, order.lines[0].canceled)
    };
    // Of three, two left and one of them came back: one is still to be sent.
    assert_eq!(pieces(moved("RETURN", 2)), (2, 0));
    assert_eq!(pieces(moved("CANCEL", 2)), (2, 1));
    assert_eq!(pieces(moved("NO_RESTOCK", 3)), (3, 0));
    assert_eq!(pieces(json!({})), (0, 1));
}

#[test]
fn statuses_in_our_words() {
    let status = |payment: &str, fulfillment: &str| {
        let mut raw = order(json!([line(7, 2, 2, 2)]));
        raw["displayFinancialStatus"] = json!(payment);
        raw["displayFulfillmentStatus"] = json!(fulfillment);
        read(&raw, json!({})).status
    };
    assert_eq!(status("PAID", "FULFILLED"), OrderStatus::Shipped);
    assert_eq!(status("AUTHORIZED", "UNFULFILLED"), OrderStatus::Open);
    assert_eq!(
        status("PAID", "PARTIALLY_FULFILLED"),
        OrderStatus::PartiallyShipped
    );
    assert_eq!(status("PENDING", "UNFULFILLED"), OrderStatus::Pending);
    assert_eq!(status("PAID", "ON_HOLD"), OrderStatus::Pending);
    assert_eq!(status("VOIDED", "UNFULFILLED"), OrderStatus::Pending);
    assert_eq!(status("REFUNDED", "UNFULFILLED"), OrderStatus::Refunded);
    let mut raw = order(json!([line(7, 2, 0, 0)]));
    raw["cancelledAt"] = json!("2026-11-02T10:00:00Z");
    let canceled = read(&raw, json!({}));
    assert_eq!(canceled.status, OrderStatus::Canceled);
    assert_eq!(canceled.lines[0].canceled, 2);
}

#[test]
fn an_order_that_cannot_be_read_is_kept() {
    let mut raw = order(json!([line(7, 2, 2, 2)]));
    raw["currencyCode"] = json!("???");
    let wire = WireOrder::read(&raw).unwrap();
    let kept = wire.normalize(&raw, &Movements::default()).unwrap_err();
    assert_eq!(kept.channel_order_id.as_str(), "1001");
    raw["lineItems"] = json!(null);
    assert!(WireOrder::read(&raw).is_err());
}
