//! Orders, parcels, cancellations and refunds.

use serde_json::{Value, json};

use super::Client;
use crate::sandbox::Sandbox;

const FULFILLMENT_ORDERS: &str = "
    query F($id: ID!) { order(id: $id) {
      displayFulfillmentStatus updatedAt
      fulfillmentOrders(first: 50) { nodes {
        id status supportedActions { action } assignedLocation { location { id } }
        lineItems(first: 100) { nodes { id totalQuantity remainingQuantity lineItem { id sku } } }
      } }
    } }";

fn fulfillment_orders(client: &mut Client, order: &str) -> Value {
    let data = client.data(FULFILLMENT_ORDERS, json!({"id": order}));
    data["order"]["fulfillmentOrders"]["nodes"].clone()
}

/// Ships pieces of an order's first line; the fulfillment's id.
pub fn ship(client: &mut Client, order: &str, pieces: i64) -> Value {
    let payload = try_ship(client, order, pieces);
    assert_eq!(payload["userErrors"], json!([]));
    payload["fulfillment"]["id"].clone()
}

fn try_ship(client: &mut Client, order: &str, pieces: i64) -> Value {
    let open = fulfillment_orders(client, order);
    let line = &open[0]["lineItems"]["nodes"][0];
    client.payload(
        "mutation S($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
           fulfillment { id status trackingInfo { number company url } }
           userErrors { field message }
         } }",
        json!({"f": {
            "lineItemsByFulfillmentOrder": [{
                "fulfillmentOrderId": open[0]["id"],
                "fulfillmentOrderLineItems": [{"id": line["id"], "quantity": pieces}],
            }],
            "trackingInfo": {"company": "DHL", "number": "00340"},
            "notifyCustomer": false,
        }}),
    )
}

const REFUND: &str = "
    mutation R($input: RefundInput!) {
      refundCreate(input: $input) @idempotent(key: \"refund-1\") {
        refund { id totalRefundedSet { shopMoney { amount currencyCode } } }
        userErrors { field message }
      }
    }";

/// Gives one piece of the first line back, with 5.00 of money.
pub fn refund(client: &mut Client, order: &str) -> Value {
    let data = client.data(
        "query L($id: ID!) { order(id: $id) { lineItems(first: 1) { nodes { id } } } }",
        json!({"id": order}),
    );
    let payload = client.payload(
        REFUND,
        json!({"input": {
            "orderId": order,
            "refundLineItems": [{
                "lineItemId": data["order"]["lineItems"]["nodes"][0]["id"],
                "quantity": 1,
                "restockType": "CANCEL",
            }],
            "transactions": [{
                "orderId": order, "kind": "REFUND", "gateway": "shopify_payments", "amount": "5.00",
            }],
        }}),
    );
    assert_eq!(payload["userErrors"], json!([]));
    payload
}

fn order(client: &mut Client, id: &str) -> Value {
    let data = client.data(
        "query O($id: ID!) { order(id: $id) {
           name updatedAt cancelledAt cancelReason displayFinancialStatus displayFulfillmentStatus
           currentTotalPriceSet { shopMoney { amount currencyCode } }
           currentTotalTaxSet { shopMoney { amount } }
           totalRefundedSet { shopMoney { amount } }
           lineItems(first: 5) { nodes { quantity currentQuantity } }
           transactions { kind amountSet { shopMoney { amount } } fees { amount { amount } type } }
         } }",
        json!({"id": id}),
    );
    data["order"].clone()
}

#[test]
fn orders_are_numbered_and_add_up() {
    let mut client = Client::new();
    client.offer("A", "19.99", 9);
    let first = client.buy("A", 2);
    let order = order(&mut client, &first);
    assert_eq!(order["name"], "#1001");
    assert_eq!(order["displayFinancialStatus"], "PAID");
    assert_eq!(
        order["currentTotalPriceSet"]["shopMoney"]["amount"],
        "44.88"
    );
    assert_eq!(order["currentTotalTaxSet"]["shopMoney"]["amount"], "7.16");
    let paid = &order["transactions"][0];
    assert_eq!(paid["amountSet"]["shopMoney"]["amount"], "44.88");
    assert_eq!(paid["fees"][0]["amount"]["amount"], "0.88");
}

#[test]
fn what_changed_since_is_found_by_a_quoted_time() {
    let mut client = Client::new();
    client.offer("A", "1.00", 9);
    let first = client.buy("A", 1);
    client.wait(60_000);
    client.buy("A", 1);
    let query = "query O($q: String!) { orders(first: 10, sortKey: UPDATED_AT, query: $q) {
        nodes { id name } } }";
    let names = |client: &mut Client, text: &str| {
        let answer = client.ask(query, json!({"q": text}));
        let nodes = answer["data"]["orders"]["nodes"]
            .as_array()
            .unwrap()
            .clone();
        let names: Vec<_> = nodes.iter().map(|node| node["name"].to_string()).collect();
        (
            names.join(" "),
            answer["extensions"].get("search").is_some(),
        )
    };
    let since = "updated_at:>='2026-11-01T12:01:00Z'";
    assert_eq!(names(&mut client, since), ("\"#1002\"".into(), false));
    let unquoted = "updated_at:>=2026-11-01T12:01:00Z";
    assert_eq!(
        names(&mut client, unquoted),
        ("\"#1001\" \"#1002\"".into(), true)
    );
    client.wait(60_000);
    ship(&mut client, &first, 1);
    assert_eq!(
        names(&mut client, since),
        ("\"#1002\" \"#1001\"".into(), false)
    );
}

#[test]
fn no_more_is_shipped_than_remains() {
    let mut client = Client::new();
    client.offer("A", "1.00", 9);
    let order_id = client.buy("A", 3);
    let parcel = ship(&mut client, &order_id, 2);
    assert_eq!(
        order(&mut client, &order_id)["displayFulfillmentStatus"],
        "PARTIALLY_FULFILLED"
    );
    let refused = try_ship(&mut client, &order_id, 2);
    assert!(refused["fulfillment"].is_null());
    ship(&mut client, &order_id, 1);
    assert_eq!(
        order(&mut client, &order_id)["displayFulfillmentStatus"],
        "FULFILLED"
    );
    let open = fulfillment_orders(&mut client, &order_id);
    assert_eq!(open[0]["status"], "CLOSED");
    let changed = client.payload(
        "mutation T($id: ID!, $t: FulfillmentTrackingInput!) {
           fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $t) {
             fulfillment { trackingInfo { number company url } } userErrors { message } } }",
        json!({"id": parcel, "t": {"company": "UPS", "numbers": ["1Z"], "urls": ["https://example.com/1Z"]}}),
    );
    assert_eq!(changed["fulfillment"]["trackingInfo"][0]["number"], "1Z");
    let cancelled = client.payload(
        "mutation C($id: ID!) { fulfillmentCancel(id: $id) { fulfillment { status } userErrors { message } } }",
        json!({"id": parcel}),
    );
    assert_eq!(cancelled["fulfillment"]["status"], "CANCELLED");
    assert_eq!(
        order(&mut client, &order_id)["displayFulfillmentStatus"],
        "PARTIALLY_FULFILLED"
    );
}

#[test]
fn a_cancelled_order_gives_back_stock_and_money() {
    let mut client = Client::new();
    client.offer("A", "10.00", 5);
    let id = client.buy("A", 2);
    client.wait(2000);
    let mutation =
        "mutation C($id: ID!) { orderCancel(orderId: $id, reason: CUSTOMER, restock: true,
        notifyCustomer: false, refundMethod: {originalPaymentMethodsRefund: true}) {
          job { id done } orderCancelUserErrors { field message code } } }";
    let payload = client.payload(mutation, json!({"id": id}));
    let job = client.data(
        "query J($id: ID!) { job(id: $id) { done } }",
        json!({"id": payload["job"]["id"]}),
    );
    assert_eq!(job["job"]["done"], true);
    let cancelled = order(&mut client, &id);
    assert_eq!(cancelled["cancelReason"], "CUSTOMER");
    assert_eq!(cancelled["displayFinancialStatus"], "REFUNDED");
    assert_eq!(
        cancelled["currentTotalPriceSet"]["shopMoney"]["amount"],
        "0.0"
    );
    assert_eq!(cancelled["lineItems"]["nodes"][0]["currentQuantity"], 0);
    assert_eq!(cancelled["updatedAt"], "2026-11-01T12:00:02Z");
    assert_eq!(client.sandbox.state().listings["A"].quantity, Some(5));
    let again = client.payload(mutation, json!({"id": id}));
    assert_eq!(again["orderCancelUserErrors"][0]["code"], "INVALID");
}

#[test]
fn a_refund_with_its_key_is_paid_once() {
    let mut client = Client::new();
    client.offer("A", "10.00", 5);
    let id = client.buy("A", 2);
    let first = refund(&mut client, &id);
    let second = refund(&mut client, &id);
    assert_eq!(first, second);
    let order = order(&mut client, &id);
    assert_eq!(order["totalRefundedSet"]["shopMoney"]["amount"], "5.0");
    assert_eq!(order["displayFinancialStatus"], "PARTIALLY_REFUNDED");
    assert_eq!(order["lineItems"]["nodes"][0]["currentQuantity"], 1);
    assert_eq!(client.sandbox.state().listings["A"].quantity, Some(4));
}
