//! The emulated server's own answers, as the real one gives them.

use serde_json::{Value, json};

use super::*;
use crate::sandbox::Profile;

fn ask_with(
    sandbox: &mut VendureSandbox,
    header: (&str, &str),
    query: &str,
    variables: Value,
) -> (u16, Value) {
    let request = Request {
        method: "POST".to_owned(),
        path: PATH.to_owned(),
        raw_query: String::new(),
        query: Vec::new(),
        headers: [(header.0.to_owned(), header.1.to_owned())].into(),
        body: json!({"query": query, "variables": variables})
            .to_string()
            .into_bytes(),
        base_url: "http://127.0.0.1:1".to_owned(),
        now: "2026-11-21T10:00:00Z".parse().unwrap(),
    };
    let response = sandbox.respond(&request, &mut Faults::new(Profile::default(), 1));
    (
        response.status,
        serde_json::from_slice(&response.body).unwrap(),
    )
}

fn ask(sandbox: &mut VendureSandbox, query: &str, variables: Value) -> Value {
    let (status, answer) = ask_with(sandbox, ("vendure-api-key", API_KEY), query, variables);
    assert_eq!(status, 200, "{answer}");
    answer
}

const CREATE: &str = "mutation($i: CreateProductInput!) { createProduct(input: $i) { id slug } }";
const VARIANTS: &str =
    "mutation($i: [CreateProductVariantInput!]!) { createProductVariants(input: $i) {
    id sku prices { currencyCode price } stockLevels { stockOnHand stockAllocated } } }";

fn product(sandbox: &mut VendureSandbox, name: &str) -> String {
    let texts = json!([{"languageCode": "en", "name": name, "slug": "mug", "description": ""}]);
    let answer = ask(sandbox, CREATE, json!({"i": {"translations": texts}}));
    answer["data"]["createProduct"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn variant(product: &str, sku: &str) -> Value {
    json!({"productId": product, "sku": sku, "price": 950, "trackInventory": "TRUE",
        "translations": [{"languageCode": "en", "name": sku}],
        "stockLevels": [{"stockLocationId": "1", "stockOnHand": 5}]})
}

#[test]
fn errors_come_with_status_200_and_a_code() {
    let mut sandbox = VendureSandbox::default();
    let (status, answer) = ask_with(
        &mut sandbox,
        ("authorization", "Bearer x"),
        "{ activeChannel { id } }",
        json!({}),
    );
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (200, &json!("FORBIDDEN"))
    );
    let (status, answer) = ask_with(
        &mut sandbox,
        ("vendure-api-key", API_KEY),
        "{ products { nope } }",
        json!({}),
    );
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (400, &json!("GRAPHQL_VALIDATION_FAILED"))
    );
}

#[test]
fn a_taken_slug_gets_a_number_and_a_missing_text_is_the_databases_complaint() {
    let mut sandbox = VendureSandbox::default();
    product(&mut sandbox, "Mug");
    let texts = json!([{"languageCode": "en", "name": "Mug", "slug": "mug", "description": ""}]);
    let answer = ask(&mut sandbox, CREATE, json!({"i": {"translations": texts}}));
    assert_eq!(answer["data"]["createProduct"]["slug"], "mug-2");
    let texts = json!([{"languageCode": "en", "name": "Mug", "slug": "mug"}]);
    let answer = ask(&mut sandbox, CREATE, json!({"i": {"translations": texts}}));
    assert_eq!(
        answer["errors"][0]["message"],
        "NOT NULL constraint failed: product_translation.description"
    );
    assert!(answer["errors"][0]["extensions"].is_null());
}

#[test]
fn a_list_is_one_transaction_and_a_sku_may_be_there_twice() {
    let mut sandbox = VendureSandbox::default();
    let (one, two) = (product(&mut sandbox, "One"), product(&mut sandbox, "Two"));
    let both = json!({"i": [variant(&one, "A"), variant("99", "B")]});
    let answer = ask(&mut sandbox, VARIANTS, both);
    assert_eq!(
        answer["errors"][0]["extensions"]["code"],
        "ENTITY_NOT_FOUND"
    );
    assert!(sandbox.store.variants.is_empty());
    let answer = ask(
        &mut sandbox,
        VARIANTS,
        json!({"i": [variant(&one, "A"), variant(&two, "A")]}),
    );
    assert_eq!(answer["data"]["createProductVariants"][1]["sku"], "A");
    let second = ask(&mut sandbox, VARIANTS, json!({"i": [variant(&one, "C")]}));
    let message = second["errors"][0]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "A ProductVariant with the selected options already exists: A"
    );
}

#[test]
fn facet_values_of_one_list_all_go_to_the_facet_of_the_first() {
    let mut sandbox = VendureSandbox::default();
    let facet = |sandbox: &mut VendureSandbox, name: &str| {
        let texts = json!([{"languageCode": "en", "name": name}]);
        let query = "mutation($i: CreateFacetInput!) { createFacet(input: $i) { id } }";
        let answer = ask(
            sandbox,
            query,
            json!({"i": {"code": name, "isPrivate": false, "translations": texts}}),
        );
        answer["data"]["createFacet"]["id"].clone()
    };
    let (brand, tag) = (facet(&mut sandbox, "Brand"), facet(&mut sandbox, "Tag"));
    let value = |facet: &Value, name: &str| json!({"facetId": facet, "code": name, "translations": [{"languageCode": "en", "name": name}]});
    let query = "mutation($i: [CreateFacetValueInput!]!) { createFacetValues(input: $i) { name facet { name } } }";
    let answer = ask(
        &mut sandbox,
        query,
        json!({"i": [value(&brand, "Acme"), value(&tag, "new")]}),
    );
    assert_eq!(
        answer["data"]["createFacetValues"][1],
        json!({"name": "new", "facet": {"name": "Brand"}})
    );
}

#[test]
fn variants_that_are_updated_come_back_in_the_order_of_their_ids() {
    let mut sandbox = VendureSandbox::default();
    let (one, two) = (product(&mut sandbox, "One"), product(&mut sandbox, "Two"));
    let made = ask(
        &mut sandbox,
        VARIANTS,
        json!({"i": [variant(&one, "A"), variant(&two, "B")]}),
    );
    let id = |at: usize| made["data"]["createProductVariants"][at]["id"].clone();
    let query =
        "mutation($i: [UpdateProductVariantInput!]!) { updateProductVariants(input: $i) { sku } }";
    let answer = ask(
        &mut sandbox,
        query,
        json!({"i": [{"id": id(1), "price": 1}, {"id": id(0), "price": 2}]}),
    );
    assert_eq!(
        answer["data"]["updateProductVariants"],
        json!([{"sku": "A"}, {"sku": "B"}])
    );
}

#[test]
fn beside_a_list_of_prices_a_new_variants_own_price_is_0() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    let mut input = variant(&one, "A");
    input["prices"] = json!([{"currencyCode": "EUR", "price": 950}]);
    let answer = ask(&mut sandbox, VARIANTS, json!({"i": [input]}));
    assert_eq!(
        answer["data"]["createProductVariants"][0]["prices"][0]["price"],
        0
    );
}

#[test]
fn an_order_allocates_and_its_parcel_takes_both_away() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    ask(&mut sandbox, VARIANTS, json!({"i": [variant(&one, "A")]}));
    let purchase = serde_json::from_value(json!({"lines": [{"sku": "A", "quantity": 2}]})).unwrap();
    let order = sandbox
        .buy(&purchase, Timestamp::UNIX_EPOCH)
        .unwrap()
        .order_id;
    let stock = |sandbox: &VendureSandbox| {
        let (_, variant) = sandbox.store.variant_of("A").unwrap();
        (variant.on_hand, variant.allocated)
    };
    assert_eq!(stock(&sandbox), (5, 2));
    let answer = ask(
        &mut sandbox,
        "query($id: ID!) { order(id: $id) { lines { id } totalWithTax } }",
        json!({"id": order}),
    );
    assert_eq!(answer["data"]["order"]["totalWithTax"], 2 * 950 + 500);
    let line = answer["data"]["order"]["lines"][0]["id"].clone();
    let fulfill = |quantity: u64| {
        json!({"i": {"lines": [{"orderLineId": line, "quantity": quantity}],
            "handler": {"code": "manual-fulfillment", "arguments": [{"name": "method", "value": "DHL"}]}}})
    };
    let query = "mutation($i: FulfillOrderInput!) { addFulfillmentToOrder(input: $i) {
        ... on Fulfillment { id state } ... on ErrorResult { errorCode } } }";
    let answer = ask(&mut sandbox, query, fulfill(2));
    assert_eq!(answer["data"]["addFulfillmentToOrder"]["state"], "Pending");
    assert_eq!(stock(&sandbox), (3, 0));
    let answer = ask(&mut sandbox, query, fulfill(1));
    assert_eq!(
        answer["data"]["addFulfillmentToOrder"]["errorCode"],
        "ITEMS_ALREADY_FULFILLED_ERROR"
    );
}

#[test]
fn everything_survives_a_restart() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    ask(&mut sandbox, VARIANTS, json!({"i": [variant(&one, "A")]}));
    let mut again = VendureSandbox::default();
    again.restore(sandbox.save()).unwrap();
    assert_eq!(again.state().listings["A"].quantity, Some(5));
    assert!(again.restore(json!("nonsense")).is_err());
}

#[test]
fn of_a_line_that_was_sent_in_part_a_canceled_piece_comes_back_twice() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    ask(&mut sandbox, VARIANTS, json!({"i": [variant(&one, "A")]}));
    let purchase = serde_json::from_value(json!({"lines": [{"sku": "A", "quantity": 3}]})).unwrap();
    let order = sandbox
        .buy(&purchase, Timestamp::UNIX_EPOCH)
        .unwrap()
        .order_id;
    let line = ask(
        &mut sandbox,
        "query($id: ID!) { order(id: $id) { lines { id } } }",
        json!({ "id": order }),
    )["data"]["order"]["lines"][0]["id"]
        .clone();
    let fulfill = json!({"i": {"lines": [{"orderLineId": line, "quantity": 2}],
        "handler": {"code": "manual-fulfillment", "arguments": []}}});
    let query =
        "mutation($i: FulfillOrderInput!) { addFulfillmentToOrder(input: $i) { __typename } }";
    ask(&mut sandbox, query, fulfill);
    let cancel = json!({"i": {"orderId": order, "lines": [{"orderLineId": line, "quantity": 1}]}});
    let query = "mutation($i: CancelOrderInput!) { cancelOrder(input: $i) { __typename } }";
    ask(&mut sandbox, query, cancel);
    let (_, variant) = sandbox.store.variant_of("A").unwrap();
    // Two of five have left, so three should be there.
    assert_eq!((variant.on_hand, variant.allocated), (4, 0));
}

#[test]
fn a_cart_is_listed_with_the_orders_and_a_key_is_nobody() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    ask(&mut sandbox, VARIANTS, json!({"i": [variant(&one, "A")]}));
    let purchase = serde_json::from_value(json!({"lines": [{"sku": "A", "quantity": 1}]})).unwrap();
    sandbox.buy(&purchase, Timestamp::UNIX_EPOCH).unwrap();
    let all = ask(
        &mut sandbox,
        "{ orders { totalItems items { active } } }",
        json!({}),
    );
    assert_eq!(all["data"]["orders"]["totalItems"], 2);
    assert_eq!(all["data"]["orders"]["items"][0]["active"], true);
    assert_eq!(sandbox.state().orders.len(), 1);
    let me = ask(&mut sandbox, "{ me { id } }", json!({}));
    assert_eq!(me["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

#[test]
fn prices_are_rounded_to_minor_units_and_may_be_negative() {
    let mut sandbox = VendureSandbox::default();
    let one = product(&mut sandbox, "One");
    let two = product(&mut sandbox, "Two");
    let priced = |product: &str, sku: &str, price: Value| {
        let mut input = variant(product, sku);
        input["price"] = price;
        input
    };
    let inputs = json!({"i": [priced(&one, "A", json!(10.5)), priced(&two, "B", json!(-3))]});
    let made = ask(&mut sandbox, VARIANTS, inputs);
    let price = |at: usize| &made["data"]["createProductVariants"][at]["prices"][0]["price"];
    assert_eq!((price(0), price(1)), (&json!(11), &json!(-3)));
}
