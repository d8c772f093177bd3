//! Fields of the query root.

use serde_json::{Map, Value, json};

use super::lists::{self, Row};
use super::store::{CHANNEL_TOKEN, CURRENCY, Id, Store};
use super::view;
use crate::sandbox::graphql::Refused;

type Arguments = Map<String, Value>;

/// With `repeats`, lists give their first page again and again.
pub fn field(
    store: &Store,
    name: &str,
    arguments: &Arguments,
    repeats: bool,
) -> Result<Value, Refused> {
    let options = arguments.get("options");
    let one = |key: &str| arguments.get(key).and_then(Value::as_str);
    let single = |type_name: &str| {
        let found = one("id").and_then(|id| id.parse().ok());
        found
            .and_then(|id: Id| view::object(store, type_name, id))
            .map_or(Value::Null, Value::Object)
    };
    let list = |rows: Vec<Row>, repeats: bool| {
        let (ids, total) = lists::page(rows, options, repeats)?;
        let items: Vec<_> = ids.iter().map(|id| json!(id.to_string())).collect();
        Ok(json!({"items": items, "totalItems": total}))
    };
    Ok(match name {
        "me" => json!({"id": "1", "identifier": super::USERNAME, "channels": []}),
        "activeChannel" => channel(),
        "channels" => json!({"items": [channel()], "totalItems": 1}),
        "globalSettings" => json!({"id": "1", "trackInventory": true, "outOfStockThreshold": 0,
            "serverConfig": {"moneyStrategyPrecision": 2}}),
        "stockLocations" | "taxCategories" => json!({"items": ["1"], "totalItems": 1}),
        "fulfillmentHandlers" => {
            json!([{"code": super::orders::HANDLER, "description": "Manually enter fulfillment details",
            "args": [argument("method"), argument("trackingCode")]}])
        }
        "assets" => list(assets(store, options), false)?,
        "facets" => list(rows(store, "Facet", store.facets.keys()), false)?,
        "facetValues" => list(rows(store, "FacetValue", store.facet_values.keys()), false)?,
        "products" => list(products(store), repeats)?,
        "product" => match one("slug") {
            Some(slug) => store
                .products
                .iter()
                .find(|(_, product)| product.slug == slug)
                .map_or(Value::Null, |(id, _)| json!(id.to_string())),
            None => single("Product"),
        },
        "productVariants" => list(variants(store, one("productId"), options), repeats)?,
        "productVariant" => single("ProductVariant"),
        "orders" => list(rows(store, "Order", store.orders.keys()), repeats)?,
        "order" => single("Order"),
        _ => Value::Null,
    })
}

fn channel() -> Value {
    json!({"id": "1", "code": "__default_channel__", "token": CHANNEL_TOKEN, "defaultLanguageCode": "en",
        "availableLanguageCodes": ["en"], "defaultCurrencyCode": CURRENCY, "availableCurrencyCodes": [CURRENCY],
        "trackInventory": true, "outOfStockThreshold": 0, "pricesIncludeTax": true,
        "defaultTaxZone": {"id": "1", "name": "Europe"}})
}

fn argument(name: &str) -> Value {
    json!({"name": name, "type": "string", "list": false, "required": false})
}

fn rows<'a>(store: &Store, type_name: &str, ids: impl Iterator<Item = &'a Id>) -> Vec<Row> {
    ids.filter_map(|id| {
        Some(Row {
            id: *id,
            fields: view::object(store, type_name, *id)?,
            connected: Vec::new(),
        })
    })
    .collect()
}

/// Tags are no filter but an option of their own: all of them, or any.
fn assets(store: &Store, options: Option<&Value>) -> Vec<Row> {
    let empty = Value::Null;
    let options = options.unwrap_or(&empty);
    let wanted: Vec<&str> = options["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let any = options["tagsOperator"] == "OR";
    let fits = |tags: &[String]| {
        let mut has = wanted.iter().map(|tag| tags.iter().any(|own| own == tag));
        wanted.is_empty()
            || if any {
                has.any(|has| has)
            } else {
                has.all(|has| has)
            }
    };
    let found = store.assets.iter().filter(|(_, asset)| fits(&asset.tags));
    rows(store, "Asset", found.map(|(id, _)| id))
}

fn products(store: &Store) -> Vec<Row> {
    let mut all = rows(store, "Product", store.products.keys());
    for row in &mut all {
        let Some(product) = store.products.get(&row.id) else {
            continue;
        };
        let labels = product
            .facet_values
            .iter()
            .map(|id| json!(id.to_string()))
            .collect();
        let skus = product
            .variants
            .iter()
            .filter_map(|id| store.variants.get(id))
            .map(|variant| json!(variant.sku))
            .collect();
        row.connected = vec![("facetValueId", labels), ("sku", skus)];
    }
    all
}

/// Look-ups by id and by sku are what a shop is asked most.
fn variants(store: &Store, product: Option<&str>, options: Option<&Value>) -> Vec<Row> {
    let filter = options.map_or(&Value::Null, |options| &options["filter"]);
    let texts = |list: &Value| -> Option<Vec<String>> {
        let texts = list.as_array()?.iter().filter_map(Value::as_str);
        Some(texts.map(str::to_owned).collect())
    };
    let mut ids: Vec<Id> = if let Some(skus) = texts(&filter["sku"]["in"]) {
        let of = skus.iter().filter_map(|sku| store.by_sku.get(sku));
        of.flatten().copied().collect()
    } else if let Some(ids) = texts(&filter["id"]["in"]) {
        ids.iter().filter_map(|id| id.parse().ok()).collect()
    } else {
        store.variants.keys().copied().collect()
    };
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| {
        store.variants.get(id).is_some_and(|variant| {
            let fits = product.is_none_or(|product| variant.product.to_string() == product);
            fits && !variant.deleted
        })
    });
    rows(store, "ProductVariant", ids.iter())
}
