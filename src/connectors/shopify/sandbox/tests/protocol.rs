//! Tokens, the vendor's errors, costs and the bucket.

use serde_json::{Value, json};

use super::super::ShopifySandbox;
use super::{Client, body};
use crate::sandbox::Sandbox;

const PATH: &str = "/admin/api/2026-07/graphql.json";

#[test]
fn only_a_fresh_token_in_its_own_header_opens() {
    let mut client = Client::new();
    let query = json!({"query": "{ shop { name } }"}).to_string();
    assert_eq!(client.send("POST", PATH, &[], query.as_bytes()).status, 200);
    let bearer = [
        ("authorization", "Bearer x"),
        ("x-shopify-access-token", ""),
    ];
    assert_eq!(
        client.send("POST", PATH, &bearer, query.as_bytes()).status,
        401
    );
    client.wait(24 * 3_600_000 + 1);
    assert_eq!(client.send("POST", PATH, &[], query.as_bytes()).status, 401);
    let form = b"grant_type=client_credentials&client_id=x&client_secret=y";
    let refused = client.send("POST", "/admin/oauth/access_token", &[], form);
    assert_eq!(refused.status, 400);
}

#[test]
fn versions_are_answered_by_name() {
    let mut client = Client::new();
    let query = json!({"query": "{ shop { name } }"}).to_string();
    let answer = client.send(
        "POST",
        "/admin/api/2026-10/graphql.json",
        &[],
        query.as_bytes(),
    );
    assert!(
        answer
            .headers
            .contains(&("x-shopify-api-version".into(), "2026-10".into()))
    );
    let old = client.send(
        "POST",
        "/admin/api/2019-04/graphql.json",
        &[],
        query.as_bytes(),
    );
    assert_eq!(old.status, 404);
}

#[test]
fn requests_are_held_against_the_schema() {
    let mut client = Client::new();
    let cases = [
        ("{ shop { nme } }", json!({}), "undefinedField"),
        (
            "{ products(first: 1, skus: 1) { nodes { id } } }",
            json!({}),
            "argumentNotAccepted",
        ),
        ("{ product { id } }", json!({}), "missingRequiredArguments"),
        (
            "mutation { productDelete(input: {}) { deletedProductId } }",
            json!({}),
            "missingRequiredInputObjectAttribute",
        ),
        (
            "query Q($a: Int) { shop { name } }",
            json!({}),
            "variableNotUsed",
        ),
        ("{ shop }", json!({}), "selectionMismatch"),
        (
            "query P($id: ID!) { product(id: $id) { id } }",
            json!({"id": "42"}),
            "INVALID_VARIABLE",
        ),
        (
            "mutation V($v: [ProductVariantsBulkInput!]!) {
               productVariantsBulkUpdate(productId: \"gid://shopify/Product/1\", variants: $v) {
                 userErrors { field } } }",
            json!({"v": [{"price": "abc"}]}),
            "INVALID_VARIABLE",
        ),
        (
            "mutation I($i: InventorySetQuantitiesInput!) {
               inventorySetQuantities(input: $i) @idempotent(key: \"k\") { userErrors { code } } }",
            json!({"i": {"name": "available", "reason": "correction",
                         "ignoreCompareQuantity": true, "quantities": []}}),
            "INVALID_VARIABLE",
        ),
        (
            "{ products(first: 251) { nodes { id } } }",
            json!({}),
            "BAD_REQUEST",
        ),
        ("{ products { nodes { id } } }", json!({}), "BAD_REQUEST"),
    ];
    for (query, variables, code) in cases {
        let answer = client.ask(query, variables);
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], code,
            "{query}: {answer:#}"
        );
    }
}

fn cost(answer: &Value) -> (u64, u64) {
    let cost = &answer["extensions"]["cost"];
    let points = |name: &str| cost[name].as_u64().unwrap();
    (points("requestedQueryCost"), points("actualQueryCost"))
}

#[test]
fn costs_follow_the_published_measurement() {
    let mut client = Client::new();
    let query = "query V($id: ID!) { product(id: $id) { variants(first: 250) { nodes {
        inventoryItem { id tracked } } } } }";
    let answer = client.ask(query, json!({"id": "gid://shopify/Product/1"}));
    assert_eq!(cost(&answer), (25, 1));
    assert_eq!(
        cost(&client.ask("{ shop { name plan { shopifyPlus } } }", json!({}))),
        (2, 2)
    );
    let answer = client.ask(
        "mutation S($i: ProductSetInput!) { productSet(input: $i) { userErrors { code } } }",
        json!({"i": {
            "title": "x",
            "metafields": [{"key": "a"}],
            "files": [{"originalSource": "https://example.com/a"}],
        }}),
    );
    assert_eq!(cost(&answer).0, 13, "10 + 0.4 + 1.9, rounded up");
}

#[test]
fn the_bucket_lets_in_by_what_is_asked_and_charges_what_it_was() {
    let mut client = Client::of(ShopifySandbox::with_plan(100));
    let query = "query V($id: ID!) { product(id: $id) { variants(first: 250) { nodes {
        inventoryItem { id } } } } }";
    let variables = json!({"id": "gid://shopify/Product/1"});
    let answer = client.ask(query, variables.clone());
    let status = &answer["extensions"]["cost"]["throttleStatus"];
    assert_eq!(status["maximumAvailable"], 2000.0);
    assert_eq!(status["currentlyAvailable"], 1999);
    assert_eq!(status["restoreRate"], 100.0);
    let mut asked = 1;
    let refused = loop {
        let answer = client.ask(query, variables.clone());
        if answer.get("errors").is_some() {
            break answer;
        }
        asked += 1;
    };
    assert_eq!(asked, 1976, "each costs 1 and asks for 25");
    assert_eq!(refused["errors"][0]["message"], "Throttled");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "THROTTLED");
    assert_eq!(
        refused["extensions"]["cost"]["actualQueryCost"],
        Value::Null
    );
    client.wait(10);
    assert!(client.ask(query, variables).get("errors").is_none());
}

#[test]
fn one_request_may_not_cost_too_much() {
    let mut client = Client::new();
    let query = "{ orders(first: 250) { nodes { lineItems(first: 250) { nodes {
        variant { product { variants(first: 250) { nodes { id } } } } } } } } }";
    let answer = client.ask(query, json!({}));
    assert_eq!(
        answer["errors"][0]["extensions"]["code"],
        "MAX_COST_EXCEEDED"
    );
    assert_eq!(answer["errors"][0]["extensions"]["maxCost"], 1000);
    assert!(answer.get("extensions").is_none());
}

#[test]
fn operations_are_named_and_only_mutations_write() {
    let client = Client::new();
    let request = |query: &str| {
        let body = json!({"query": query}).to_string();
        client.request("POST", PATH, &[], body.as_bytes())
    };
    let read = request("query Q { orders(first: 1) { nodes { id } } }");
    let write = request(
        "mutation M { bulkOperationCancel(id: \"gid://shopify/BulkOperation/1\") { userErrors { field } } }",
    );
    assert_eq!(client.sandbox.operation(&read), "query orders");
    assert_eq!(
        client.sandbox.operation(&write),
        "mutation bulkOperationCancel"
    );
    assert!(!client.sandbox.writes(&read));
    assert!(client.sandbox.writes(&write));
    let token = client.request("POST", "/admin/oauth/access_token", &[], b"");
    assert!(!client.sandbox.writes(&token));
}

#[test]
fn injected_throttling_looks_like_the_vendors() {
    let client = Client::new();
    let answer = client.sandbox.throttled(2);
    assert!(client.sandbox.refuses_pace(&answer));
    let cost = body(&answer)["extensions"]["cost"].clone();
    let wait = cost["requestedQueryCost"].as_f64().unwrap()
        / cost["throttleStatus"]["restoreRate"].as_f64().unwrap();
    assert_eq!(wait, 2.0);
    let token = client.request("POST", "/admin/oauth/access_token", &[], b"");
    assert_eq!(client.sandbox.throttled_request(&token, 2).status, 429);
}
