//! Products and variants: made, found, changed, published, deleted.

use serde_json::{Value, json};

use super::{Client, PRODUCT_SET, codes, single};
use crate::sandbox::{Fault, Faults, Profile, Sandbox};

/// Two sizes of one shirt.
fn shirt() -> Value {
    json!({
        "title": "T-shirt",
        "handle": "t-shirt",
        "status": "ACTIVE",
        "productOptions": [{"name": "Size", "position": 1, "values": [{"name": "M"}, {"name": "L"}]}],
        "files": [{"originalSource": "https://example.com/a.jpg", "alt": "front", "contentType": "IMAGE"}],
        "variants": [
            {"optionValues": [{"optionName": "Size", "name": "M"}], "sku": "TS-M", "price": "19.99"},
            {"optionValues": [{"optionName": "Size", "name": "L"}], "sku": "TS-L", "price": "21.00"},
        ],
    })
}

#[test]
fn product_set_creates_once_and_then_replaces_lists() {
    let mut client = Client::new();
    let sent = json!({"identifier": {"handle": "t-shirt"}, "input": shirt()});
    let made = client.product_set(sent.clone());
    assert_eq!(made["userErrors"], json!([]));
    let again = client.product_set(sent);
    assert_eq!(made["product"]["id"], again["product"]["id"]);
    assert_eq!(
        made["product"]["variants"]["nodes"][0]["id"],
        again["product"]["variants"]["nodes"][0]["id"],
        "variants are known by their options"
    );
    let mut fewer = shirt();
    fewer["variants"].as_array_mut().unwrap().pop();
    fewer["files"] = json!([]);
    let fewer = client.product_set(json!({"identifier": {"handle": "t-shirt"}, "input": fewer}));
    let nodes = fewer["product"]["variants"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(fewer["product"]["media"]["nodes"], json!([]));
    let unchanged = client.product_set(json!({
        "identifier": {"id": made["product"]["id"]},
        "input": {"title": "Shirt"},
    }));
    assert_eq!(unchanged["product"]["title"], "Shirt");
    assert_eq!(unchanged["product"]["variants"]["nodes"][0]["sku"], "TS-M");
    let state = client.sandbox.state();
    assert_eq!(state.created["TS-M"], 1);
    assert!(!state.listings.contains_key("TS-L"));
}

#[test]
fn mistakes_are_named_by_code_and_field() {
    let mut client = Client::new();
    client.product_set(json!({"input": shirt()}));
    let change = |change: &dyn Fn(&mut Value)| {
        let mut input = shirt();
        input["handle"] = json!("another");
        change(&mut input);
        json!({"input": input})
    };
    let cases: Vec<(Value, &str)> = vec![
        (
            change(&|input| input["handle"] = json!("t-shirt")),
            "HANDLE_NOT_UNIQUE",
        ),
        (
            change(&|input| drop(input.as_object_mut().unwrap().remove("productOptions"))),
            "PRODUCT_OPTIONS_INPUT_MISSING",
        ),
        (
            change(&|input| drop(input.as_object_mut().unwrap().remove("variants"))),
            "VARIANTS_INPUT_MISSING",
        ),
        (
            change(&|input| input["productOptions"][0]["values"] = json!([])),
            "OPTION_VALUES_MISSING",
        ),
        (
            change(&|input| input["variants"][1]["optionValues"][0]["name"] = json!("XL")),
            "OPTION_VALUE_DOES_NOT_EXIST",
        ),
        (
            change(&|input| {
                input["variants"][1]["optionValues"][0]["optionName"] = json!("Colour")
            }),
            "OPTION_DOES_NOT_EXIST",
        ),
        (
            change(&|input| input["variants"][1]["optionValues"][0]["name"] = json!("M")),
            "INVALID_VARIANT",
        ),
        (
            change(&|input| input["variants"][0]["price"] = json!("-1")),
            "INVALID_VARIANT",
        ),
        (
            change(&|input| {
                let option = |name: &str| json!({"name": name, "values": [{"name": "x"}]});
                input["productOptions"] = ["a", "b", "c", "d"].map(option).into();
            }),
            "OPTIONS_OVER_LIMIT",
        ),
        (
            json!({"identifier": {"id": "gid://shopify/Product/5"}, "input": {"title": "x"}}),
            "NOT_FOUND",
        ),
        (
            json!({"identifier": {"handle": "other"}, "input": shirt()}),
            "INPUT_MISMATCH",
        ),
        (
            json!({"identifier": {"handle": "other"}, "input": {"title": "x"}}),
            "MISSING_FIELD_REQUIRED",
        ),
        (
            json!({"identifier": {"customId": {"namespace": "s", "key": "sku", "value": "1"}},
                   "input": shirt()}),
            "NOT_FOUND",
        ),
    ];
    for (variables, code) in cases {
        let payload = client.product_set(variables);
        assert!(codes(&payload).contains(&code), "{code}: {payload:#}");
        assert!(payload["product"].is_null(), "{code}");
    }
    let count = client.data("{ productsCount { count } }", json!({}));
    assert_eq!(
        count["productsCount"]["count"], 1,
        "a refused product is not there"
    );
}

#[test]
fn a_custom_id_finds_its_product() {
    let mut client = Client::new();
    let defined = client.payload(
        "mutation D($d: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $d) {
           createdDefinition { id type { name } } userErrors { field message code }
         } }",
        json!({"d": {
            "name": "Key", "namespace": "$app", "key": "product_key", "type": "id", "ownerType": "PRODUCT",
        }}),
    );
    assert_eq!(defined["createdDefinition"]["type"]["name"], "id");
    let by_key = json!({"customId": {"namespace": "$app", "key": "product_key", "value": "P-1"}});
    let made = client.product_set(json!({"identifier": by_key, "input": shirt()}));
    assert_eq!(made["userErrors"], json!([]));
    let found = client.data(
        "query P($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { id
           metafield(namespace: \"$app\", key: \"product_key\") { value type }
         } }",
        json!({"i": by_key}),
    );
    assert_eq!(found["productByIdentifier"]["id"], made["product"]["id"]);
    assert_eq!(found["productByIdentifier"]["metafield"]["value"], "P-1");
    let mut input = shirt();
    input["metafields"] = json!([
        {"namespace": "$app", "key": "product_key", "type": "id", "value": "P-2"},
    ]);
    let payload = client.product_set(json!({"identifier": by_key, "input": input}));
    assert_eq!(codes(&payload), ["METAFIELD_MISMATCH"]);
}

#[test]
fn handles_are_made_from_titles_and_stay_apart() {
    let mut client = Client::new();
    let handles: Vec<_> = ["A", "B"]
        .iter()
        .map(|sku| {
            let mut input = single(sku, "1", 1);
            input["title"] = json!("Red  Lamp!");
            let made = client.product_set(json!({"input": input}));
            made["product"]["handle"].clone()
        })
        .collect();
    assert_eq!(handles, [json!("red-lamp"), json!("red-lamp-1")]);
}

#[test]
fn buyers_see_what_is_active_and_published() {
    let mut client = Client::new();
    let made = client.product_set(json!({"input": single("A", "5.00", 3)}));
    let live = |client: &Client| client.sandbox.state().listings["A"].live;
    assert!(!live(&client));
    let id = made["product"]["id"].clone();
    client.publish(&id);
    assert!(live(&client));
    let drafted = client.payload(
        "mutation U($p: ProductUpdateInput!) { productUpdate(product: $p) {
           product { status } userErrors { field message } } }",
        json!({"p": {"id": id, "status": "DRAFT"}}),
    );
    assert_eq!(drafted["product"]["status"], "DRAFT");
    assert!(!live(&client));
    let deleted = client.payload(
        "mutation D($i: ProductDeleteInput!) { productDelete(input: $i) {
           deletedProductId userErrors { field message } } }",
        json!({"i": {"id": id}}),
    );
    assert_eq!(deleted["deletedProductId"], id);
    assert!(client.sandbox.state().listings.is_empty());
}

#[test]
fn skus_are_searched_by_quotes_and_or() {
    let mut client = Client::new();
    for sku in ["A", "it's \"B\"", "c OR d", "e:f"] {
        client.offer(sku, "1.00", 1);
    }
    let mut search = |query: &str| -> Vec<String> {
        let data = client.data(
            "query V($q: String!) { productVariants(first: 250, query: $q) { nodes { sku } } }",
            json!({"q": query}),
        );
        let nodes = data["productVariants"]["nodes"].as_array().unwrap();
        nodes
            .iter()
            .map(|node| node["sku"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(search("sku:'a'"), ["A"]);
    assert_eq!(search("sku:A OR sku:\"c OR d\""), ["A", "c OR d"]);
    assert_eq!(search("sku:'it\\'s \"B\"'"), ["it's \"B\""]);
    assert_eq!(search("sku:e\\:f"), ["e:f"]);
    assert_eq!(search("sku:'e:f' AND NOT sku:A"), ["e:f"]);
    assert_eq!(search("-sku:A sku:*").len(), 3);
    assert_eq!(search("sku:'none'").len(), 0);
    assert_eq!(search("id:>1").len(), 4);
}

#[test]
fn pages_come_to_an_end_and_repeat_only_by_order() {
    let mut client = Client::new();
    for number in 0..7 {
        client.offer(&format!("S{number}"), "1.00", 1);
    }
    let query = "query V($after: String) { productVariants(first: 3, after: $after) {
        pageInfo { hasNextPage endCursor } nodes { sku } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = client.data(query, json!({"after": after}))["productVariants"].clone();
        seen.extend(
            page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["sku"].to_string()),
        );
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 7);
    client.faults = Faults::new(
        Profile {
            repeated_page: 1.0,
            ..Profile::default()
        },
        1,
    );
    let first = client.data(query, json!({}))["productVariants"]["pageInfo"].clone();
    let second = client.data(query, json!({"after": first["endCursor"]}));
    assert_eq!(second["productVariants"]["pageInfo"], first);
}

#[test]
fn variants_are_updated_one_by_one_when_asked() {
    let mut client = Client::new();
    let made = client.product_set(json!({"input": shirt()}));
    let nodes = made["product"]["variants"]["nodes"].clone();
    let mutation = "mutation V($p: ID!, $v: [ProductVariantsBulkInput!]!, $partial: Boolean) {
        productVariantsBulkUpdate(productId: $p, variants: $v, allowPartialUpdates: $partial) {
          productVariants { id price } userErrors { field message code } } }";
    let variants = json!([
        {"id": nodes[0]["id"], "price": "-3"},
        {"id": nodes[1]["id"], "price": "30"},
    ]);
    let mut update = |partial: bool| {
        client.payload(
            mutation,
            json!({"p": made["product"]["id"], "v": variants, "partial": partial}),
        )
    };
    let none = update(false);
    assert_eq!(
        none["userErrors"][0]["field"],
        json!(["variants", "0", "price"])
    );
    assert!(none["productVariants"].is_null());
    let one = update(true);
    assert_eq!(codes(&one), ["GREATER_THAN_OR_EQUAL_TO"]);
    assert_eq!(one["productVariants"][0]["price"], "30.00");
    let state = client.sandbox.state();
    assert_eq!(
        state.listings["TS-M"].price.unwrap().to_string(),
        "19.99 EUR"
    );
    assert_eq!(
        state.listings["TS-L"].price.unwrap().to_string(),
        "30.00 EUR"
    );
}

#[test]
fn what_is_not_synchronous_is_asked_for_later() {
    let mut client = Client::new();
    let payload = client.product_set(json!({"input": shirt(), "sync": false}));
    assert!(payload["product"].is_null());
    let id = payload["productSetOperation"]["id"].clone();
    let done = client.data(
        "query O($id: ID!) { productOperation(id: $id) { status product { handle }
           ... on ProductSetOperation { userErrors { code } } } }",
        json!({"id": id}),
    );
    assert_eq!(done["productOperation"]["status"], "COMPLETE");
    assert_eq!(done["productOperation"]["product"]["handle"], "t-shirt");
}

#[test]
fn pictures_are_hosted_by_the_vendor_once_they_are_processed() {
    let mut client = Client::new();
    let made = client.product_set(json!({"input": shirt()}));
    let query = "query M($id: ID!) { product(id: $id) { media(first: 5) { nodes {
        id alt status mediaContentType ... on MediaImage { image { url } originalSource { url } } } } } }";
    let media = |client: &mut Client| {
        let data = client.data(query, json!({"id": made["product"]["id"]}));
        data["product"]["media"]["nodes"][0].clone()
    };
    assert_eq!(media(&mut client)["status"], "PROCESSING");
    client.wait(500);
    let ready = media(&mut client);
    let url = ready["image"]["url"].as_str().unwrap();
    assert!(url.starts_with("https://cdn.shopify.com/"), "{url}");
    let mut same = shirt();
    same["files"] = json!([{"originalSource": url}]);
    let again = client.payload(
        PRODUCT_SET,
        json!({"identifier": {"handle": "t-shirt"}, "input": same}),
    );
    assert_eq!(again["product"]["media"]["nodes"][0]["id"], ready["id"]);
}

#[test]
fn faults_refuse_or_ignore() {
    let mut client = Client::new();
    client.faults = Faults::new(
        Profile {
            refused_skus: vec!["A".to_owned()],
            ..Profile::default()
        },
        1,
    );
    let refused = client.product_set(json!({"input": single("A", "1.00", 1)}));
    assert_eq!(codes(&refused), ["INVALID_VARIANT"]);
    client.faults = Faults::new(
        Profile {
            ignored: 1.0,
            ..Profile::default()
        },
        1,
    );
    assert!(client.faults.strikes(Fault::Ignored, true));
    let ignored = client.product_set(json!({"input": single("A", "1.00", 1)}));
    assert_eq!(ignored["userErrors"], json!([]));
    assert!(client.sandbox.state().listings.is_empty());
}

#[test]
fn a_saved_shop_is_found_again() {
    let mut client = Client::new();
    client.offer("A", "1.00", 4);
    client.buy("A", 1);
    let saved = client.sandbox.save();
    let mut other = Client::new();
    other.sandbox.restore(saved.clone()).unwrap();
    assert_eq!(other.sandbox.save(), saved);
    assert_eq!(other.sandbox.state().listings["A"].quantity, Some(3));
    other.buy("A", 1);
    assert_eq!(other.sandbox.state().listings["A"].quantity, Some(2));
}
