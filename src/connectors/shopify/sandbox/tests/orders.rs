//! Orders, parcels, cancellations and refunds.

use serde_json::{Value, json};

use super::{Client, codes};
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
