//! Quantities: set, compared, refused, kept by their keys.

use serde_json::{Value, json};

use super::{Client, codes};
use crate::sandbox::Sandbox;

const SET: &str = "
    mutation S($input: InventorySetQuantitiesInput!, $key: String!) {
      inventorySetQuantities(input: $input) @idempotent(key: $key) {
        inventoryAdjustmentGroup { id reason changes { name delta quantityAfterChange } }
        userErrors { field message code }
      }
    }";

fn item(product: &Value) -> Value {
    product["variants"]["nodes"][0]["inventoryItem"]["id"].clone()
}

fn entry(item: &Value, location: &str, quantity: i64, from: Value) -> Value {
    json!({
        "inventoryItemId": item,
        "locationId": location,
        "quantity": quantity,
        "changeFromQuantity": from,
    })
}

fn input(quantities: Vec<Value>) -> Value {
    json!({"name": "available", "reason": "correction", "quantities": quantities})
}

#[test]
fn a_key_counts_once() {
    let mut client = Client::new();
    let product = client.offer("A", "1.00", 5);
    let warehouse = client.warehouse();
    let sent = json!({
        "input": input(vec![entry(&item(&product), &warehouse, 8, json!(5))]), "key": "k1",
    });
    let first = client.payload(SET, sent.clone());
    assert_eq!(first["userErrors"], json!([]));
    client.buy("A", 1);
    let second = client.payload(SET, sent);
    assert_eq!(first, second, "the same answer");
    assert_eq!(
        client.sandbox.state().listings["A"].quantity,
        Some(7),
        "and nothing done"
    );
    let other = json!({
        "input": input(vec![entry(&item(&product), &warehouse, 1, Value::Null)]), "key": "k1",
    });
    let refused = client.payload(SET, other);
    assert_eq!(codes(&refused), ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]);
}

#[test]
fn all_entries_or_none_and_every_faulty_one_is_named() {
    let mut client = Client::new();
    let (a, b) = (client.offer("A", "1.00", 5), client.offer("B", "1.00", 5));
    let warehouse = client.warehouse();
    let quantities = vec![
        entry(&item(&a), &warehouse, 9, json!(5)),
        entry(&item(&b), &warehouse, 9, json!(4)),
        entry(&item(&b), "gid://shopify/Location/70000002", 9, Value::Null),
        entry(
            &json!("gid://shopify/InventoryItem/1"),
            &warehouse,
            9,
            Value::Null,
        ),
        entry(&item(&a), &warehouse, 2, Value::Null),
    ];
    let payload = client.payload(SET, json!({"input": input(quantities), "key": "k"}));
    assert_eq!(
        codes(&payload),
        [
            "CHANGE_FROM_QUANTITY_STALE",
            "ITEM_NOT_STOCKED_AT_LOCATION",
            "INVALID_INVENTORY_ITEM",
            "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
        ]
    );
    assert_eq!(payload["userErrors"][0]["field"][2], "1");
    assert_eq!(client.sandbox.state().listings["A"].quantity, Some(5));
}

#[test]
fn requests_without_key_or_comparison_are_refused_whole() {
    let mut client = Client::new();
    let product = client.offer("A", "1.00", 5);
    let warehouse = client.warehouse();
    let sent = json!({"input": input(vec![entry(&item(&product), &warehouse, 8, json!(5))])});
    let answer = client.ask(
        "mutation S($input: InventorySetQuantitiesInput!) {
           inventorySetQuantities(input: $input) { userErrors { code } } }",
        sent,
    );
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    let mut silent = entry(&item(&product), &warehouse, 8, Value::Null);
    silent.as_object_mut().unwrap().remove("changeFromQuantity");
    let answer = client.ask(SET, json!({"input": input(vec![silent]), "key": "k"}));
    assert_eq!(
        answer["errors"][0]["extensions"]["code"],
        "INVALID_FIELD_ARGUMENTS"
    );
    let many = vec![entry(&item(&product), &warehouse, 8, json!(5)); 251];
    let answer = client.ask(SET, json!({"input": input(many), "key": "k"}));
    assert_eq!(
        answer["errors"][0]["extensions"]["code"],
        "MAX_INPUT_SIZE_EXCEEDED"
    );
    assert_eq!(client.sandbox.state().listings["A"].quantity, Some(5));
}

#[test]
fn an_item_is_stocked_at_another_place_first() {
    let mut client = Client::new();
    let product = client.offer("A", "1.00", 5);
    let activate = "mutation A($item: ID!, $at: ID!) {
        inventoryActivate(inventoryItemId: $item, locationId: $at, available: 3) @idempotent(key: \"a\") {
          inventoryLevel { quantities(names: [\"available\", \"on_hand\"]) { name quantity } }
          userErrors { field message } } }";
    let sent = json!({"item": item(&product), "at": "gid://shopify/Location/70000002"});
    let payload = client.payload(activate, sent);
    assert_eq!(payload["inventoryLevel"]["quantities"][1]["quantity"], 3);
    assert_eq!(client.sandbox.state().listings["A"].quantity, Some(8));
}

#[test]
fn an_order_commits_what_was_available() {
    let mut client = Client::new();
    let product = client.offer("A", "1.00", 5);
    let order = client.buy("A", 2);
    let quantities = |client: &mut Client| -> Vec<i64> {
        let data = client.data(
            "query Q($id: ID!) { inventoryItem(id: $id) { inventoryLevels(first: 5) { nodes {
               quantities(names: [\"available\", \"on_hand\", \"committed\"]) { quantity } } } } }",
            json!({"id": item(&product)}),
        );
        let found = data["inventoryItem"]["inventoryLevels"]["nodes"][0]["quantities"].clone();
        let found = found.as_array().unwrap().clone();
        found
            .iter()
            .map(|one| one["quantity"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(quantities(&mut client), [3, 5, 2]);
    super::orders::ship(&mut client, &order, 1);
    assert_eq!(quantities(&mut client), [3, 4, 1]);
    client.sandbox.cancel(&order, client.now).unwrap();
    assert_eq!(quantities(&mut client), [4, 4, 0]);
}
