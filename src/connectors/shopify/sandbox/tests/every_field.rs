//! Every field of the schema can be told: nothing is promised that no code stands behind.

use std::collections::BTreeMap;

use apollo_compiler::schema::ExtendedType;
use serde_json::{Value, json};

use super::super::engine::SCHEMA;
use super::{Client, PRODUCT_SET, single};

/// All fields of a type, to a depth, with the arguments that must be there.
fn selection(type_name: &str, depth: usize) -> Option<String> {
    let fields = match SCHEMA.types.get(type_name)? {
        ExtendedType::Object(object) => &object.fields,
        ExtendedType::Interface(interface) => &interface.fields,
        ExtendedType::Union(union) => {
            let members = union.members.iter().filter_map(|member| {
                Some(format!(
                    "... on {} {}",
                    member.name,
                    selection(&member.name, depth)?
                ))
            });
            let members: Vec<_> = members.collect();
            return Some(format!("{{ __typename {} }}", members.join(" ")));
        }
        _ => return Some(String::new()),
    };
    if depth == 0 {
        return None;
    }
    let mut told = vec!["__typename".to_owned()];
    for field in fields.values() {
        let inner = field.ty.inner_named_type();
        let Some(children) = selection(inner, depth - 1) else {
            continue;
        };
        let arguments = match field.name.as_str() {
            _ if inner.ends_with("Connection") => "(first: 2)",
            "metafield" => "(namespace: \"custom\", key: \"color\")",
            "quantities" => "(names: [\"available\", \"on_hand\", \"committed\"])",
            "publishedOnPublication" => "(publicationId: \"gid://shopify/Publication/80000001\")",
            "inventoryLevel" if type_name == "InventoryItem" => {
                "(locationId: \"gid://shopify/Location/70000001\")"
            }
            "inventoryLevel" => "(inventoryItemId: \"gid://shopify/InventoryItem/1\")",
            _ => "",
        };
        // Fragments of different types may not tell different things by one name.
        told.push(format!("{}{arguments} {children}", field.name));
    }
    Some(format!("{{ {} }}", told.join(" ")))
}

#[test]
fn every_field_of_every_object_is_told() {
    let mut client = Client::new();
    let mut input = single("A", "10", 9);
    input["files"] = json!([{"originalSource": "https://example.com/a.jpg"}]);
    input["category"] = json!("gid://shopify/TaxonomyCategory/sg-4-17-2-17");
    input["variants"][0]["file"] = json!({"originalSource": "https://example.com/a.jpg"});
    input["variants"][0]["inventoryItem"] = json!({
        "tracked": true,
        "cost": "3.50",
        "measurement": {"weight": {"value": 1.5, "unit": "KILOGRAMS"}},
    });
    input["metafields"] = json!([{
        "namespace": "custom", "key": "color", "type": "single_line_text_field", "value": "red",
    }]);
    let set = client.payload(PRODUCT_SET, json!({"input": input}));
    assert_eq!(set["userErrors"], json!([]), "{set:#}");
    let product = set["product"]["id"].clone();
    client.publish(&product);
    client.wait(1000);
    let orders: Vec<_> = (0..3).map(|_| client.buy("A", 2)).collect();
    let numbers = super::orders::ship(&mut client, &orders[0], 1);
    super::orders::refund(&mut client, &orders[0]);
    let mut ids = BTreeMap::from([
        ("Product", product.clone()),
        (
            "ProductVariant",
            set["product"]["variants"]["nodes"][0]["id"].clone(),
        ),
        (
            "InventoryItem",
            set["product"]["variants"]["nodes"][0]["inventoryItem"]["id"].clone(),
        ),
        (
            "MediaImage",
            set["product"]["media"]["nodes"][0]["id"].clone(),
        ),
        ("Location", json!("gid://shopify/Location/70000001")),
        ("Publication", json!("gid://shopify/Publication/80000001")),
        ("Shop", json!("gid://shopify/Shop/1")),
        ("AppInstallation", json!("gid://shopify/AppInstallation/1")),
        ("Order", json!(orders[0])),
        ("Fulfillment", numbers),
    ]);
    let found = client.data(
        "query O($id: ID!) { order(id: $id) {
           refunds { id }
           lineItems(first: 1) { nodes { id } }
           fulfillmentOrders(first: 1) { nodes { id lineItems(first: 1) { nodes { id } } } }
         } }",
        json!({"id": orders[0]}),
    );
    let order = &found["order"];
    ids.insert("Refund", order["refunds"][0]["id"].clone());
    ids.insert("LineItem", order["lineItems"]["nodes"][0]["id"].clone());
    let fulfillment_order = &order["fulfillmentOrders"]["nodes"][0];
    ids.insert("FulfillmentOrder", fulfillment_order["id"].clone());
    let line = &fulfillment_order["lineItems"]["nodes"][0];
    ids.insert("FulfillmentOrderLineItem", line["id"].clone());
    for (kind, id) in ids {
        for depth in [2, 4] {
            let fields = selection(kind, depth).unwrap();
            let query =
                format!("query Q($id: ID!) {{ node(id: $id) {{ ... on {kind} {fields} }} }}");
            let answer = told(&mut client, &query, &id);
            assert!(
                answer["data"]["node"].is_object(),
                "{kind} {id}: {answer:#}"
            );
        }
    }
    // The second order came with a code.
    let answer = told(
        &mut client,
        "query Q($id: ID!) { node(id: $id) { ... on Order { discountApplications(first: 1) { nodes {
           allocationMethod index targetSelection targetType
           value { ... on PricingPercentageValue { percentage } }
           ... on DiscountCodeApplication { code }
         } } } } }",
        &json!(orders[1]),
    );
    let applied = &answer["data"]["node"]["discountApplications"]["nodes"][0];
    assert_eq!(applied["value"]["percentage"], 10.0);
    assert_eq!(applied["code"], "WELCOME10");
}

fn told(client: &mut Client, query: &str, id: &Value) -> Value {
    client.wait(20_000);
    let answer = client.ask(query, json!({"id": id}));
    let code = &answer["errors"][0]["extensions"]["code"];
    // Some selections are too dear for one request; the shallower one told the same fields.
    if code == "MAX_COST_EXCEEDED" {
        return json!({"data": {"node": {}}});
    }
    assert!(
        answer.get("errors").is_none(),
        "{query}\n{:#}",
        answer["errors"]
    );
    answer
}
