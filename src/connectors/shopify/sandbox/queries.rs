//! The root of queries.

use serde_json::{Value, json};

use super::entities::{self, Told, reference};
use super::gid::{Gid, gid};
use super::metafields;
use super::objects::{Arguments, Refused, World};
use super::page::{Asked, Row, connection};
use super::product::{Product, Variant};
use super::product_view::count;
use super::search::{Search, Term};
use super::shop::Shop;
use super::{bulk, orders};
use crate::sandbox::Fault;

pub fn field(world: &World<'_>, name: &str, arguments: &Arguments) -> Told {
    let by_id = |name: &str| Ok(Some(reference(&world.shop(), arguments.get(name))));
    match name {
        "shop" => Ok(Some(json!(gid("Shop", 1)))),
        "currentAppInstallation" => Ok(Some(json!(gid("AppInstallation", 1)))),
        "locations" => entities::locations(arguments),
        "publications" => entities::publications(arguments),
        "location" | "product" | "productVariant" | "inventoryItem" | "inventoryLevel"
        | "order" | "fulfillmentOrder" | "fulfillment" | "bulkOperation" => {
            let stated = arguments
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let kind = Gid::parse(stated).map(|gid| gid.kind);
            match kind.is_some_and(|kind| kind.eq_ignore_ascii_case(name)) {
                true => by_id("id"),
                false => Ok(Some(Value::Null)),
            }
        }
        "node" => by_id("id"),
        "nodes" => {
            let ids = arguments.get("ids").and_then(Value::as_array);
            let shop = world.shop();
            let all = ids.into_iter().flatten();
            Ok(Some(all.map(|id| reference(&shop, Some(id))).collect()))
        }
        "productByIdentifier" => by_identifier(world, arguments),
        "productOperation" => {
            let id = arguments
                .get("id")
                .and_then(Value::as_str)
                .and_then(Gid::parse);
            let shop = world.shop();
            let known = id.and_then(|id| shop.operations.get(&id.id).cloned());
            Ok(Some(known.unwrap_or_default()))
        }
        "job" => {
            let id = Gid::number(arguments.get("id"), "Job");
            let known = id.filter(|id| world.shop().jobs.contains(id));
            Ok(Some(known.map_or(
                Value::Null,
                |id| json!({"id": gid("Job", id), "done": true}),
            )))
        }
        "metafieldDefinitions" => metafields::definitions(&world.shop(), arguments),
        "products" | "productsCount" => listed(world, name, arguments, PRODUCT_FIELDS, products),
        "productVariants" | "productVariantsCount" => {
            listed(world, name, arguments, VARIANT_FIELDS, variants)
        }
        "orders" | "ordersCount" => listed(world, name, arguments, orders::FIELDS, orders::rows),
        "bulkOperations" => listed(world, name, arguments, bulk::FIELDS, bulk::rows),
        _ => Ok(None),
    }
}

/// Rows of a list that fit a search, and the type of their nodes.
type Rows = fn(&Shop, &Search, sort_key: &str) -> (Vec<Row>, &'static str);

/// A searchable list, or how many are on it.
fn listed(
    world: &World<'_>,
    name: &str,
    arguments: &Arguments,
    fields: &[&str],
    rows: Rows,
) -> Told {
    let query = arguments
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (search, warnings) = Search::parse(query, fields);
    if !warnings.is_empty() {
        let warnings = warnings.iter().map(|warning| warning.document()).collect();
        world.note_search(name, query, warnings);
    }
    let sort_key = arguments
        .get("sortKey")
        .and_then(Value::as_str)
        .unwrap_or("ID");
    let shop = world.shop();
    let (rows, kind) = rows(&shop, &search, sort_key);
    if name.ends_with("Count") {
        return Ok(Some(count(rows.len())));
    }
    let mut asked = Asked::new(arguments).map_err(Refused::bad_request)?;
    let repeats = world.faults().strikes(Fault::RepeatedPage, false);
    if repeats {
        asked = asked.repeated();
    }
    let node = |row: &Row| json!(gid(kind, row.id));
    Ok(Some(connection(rows, &asked, repeats, node)))
}

const PRODUCT_FIELDS: &[&str] = &[
    "id",
    "handle",
    "title",
    "vendor",
    "product_type",
    "status",
    "tag",
    "sku",
    "barcode",
    "created_at",
    "updated_at",
];

fn products(shop: &Shop, search: &Search, sort_key: &str) -> (Vec<Row>, &'static str) {
    let row = |product: &Product| match sort_key {
        "UPDATED_AT" => Row::by_rank(product.updated.as_microsecond(), product.id),
        "CREATED_AT" => Row::by_rank(product.created.as_microsecond(), product.id),
        "TITLE" => by_text(&product.title, product.id),
        "VENDOR" => by_text(&product.vendor, product.id),
        "PRODUCT_TYPE" => by_text(&product.product_type, product.id),
        _ => Row::by_id(product.id),
    };
    let fits = |product: &&Product| search.matches(&|term| product_matches(shop, product, term));
    let rows = match candidates(shop, search) {
        Some(ids) => {
            let known = ids.into_iter().filter_map(|id| shop.product(id));
            known.filter(fits).map(row).collect()
        }
        None => shop.products().filter(fits).map(row).collect(),
    };
    (rows, "Product")
}

fn by_text(text: &str, id: u64) -> Row {
    Row {
        rank: 0,
        text: text.to_lowercase(),
        id,
    }
}

/// The few products that can fit at all, when the search names them.
fn candidates(shop: &Shop, search: &Search) -> Option<Vec<u64>> {
    let mut ids: Vec<u64> = if let Some(handles) = search.exact("handle") {
        handles
            .iter()
            .filter_map(|handle| shop.by_handle(handle))
            .collect()
    } else if let Some(skus) = search.exact("sku") {
        let owners = skus.iter().flat_map(|sku| shop.by_sku(sku));
        owners.map(|variant| variant.product).collect()
    } else {
        let ids = search.exact("id")?;
        ids.iter().filter_map(|id| number(id)).collect()
    };
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// A number, or the number of a global id.
fn number(text: &str) -> Option<u64> {
    text.rsplit('/').next().and_then(|id| id.parse().ok())
}

fn product_matches(shop: &Shop, product: &Product, term: &Term) -> bool {
    let variants = || shop.variants_of(product);
    match term.field.as_str() {
        "id" => term.matches_number(product.id),
        "handle" => term.matches_text(&product.handle),
        "title" => contains(&product.title, term),
        "vendor" => term.matches_text(&product.vendor),
        "product_type" => term.matches_text(&product.product_type),
        "status" => term
            .value
            .split(',')
            .any(|one| one.eq_ignore_ascii_case(&product.status)),
        "tag" => product.tags.iter().any(|tag| term.matches_text(tag)),
        "sku" => variants().any(|variant| term.matches_text(&variant.sku)),
        "barcode" => variants().any(|variant| has_barcode(variant, term)),
        "created_at" => term.matches_time(product.created),
        "updated_at" => term.matches_time(product.updated),
        _ => {
            contains(&product.title, term)
                || contains(&product.vendor, term)
                || variants().any(|variant| contains(&variant.sku, term))
        }
    }
}

fn contains(text: &str, term: &Term) -> bool {
    term.matches_text(text) || text.to_lowercase().contains(&term.value.to_lowercase())
}

fn has_barcode(variant: &Variant, term: &Term) -> bool {
    variant
        .barcode
        .as_ref()
        .is_some_and(|barcode| term.matches_text(barcode))
}

const VARIANT_FIELDS: &[&str] = &[
    "id",
    "product_id",
    "product_ids",
    "product_status",
    "sku",
    "barcode",
    "title",
    "vendor",
    "updated_at",
    "inventory_quantity",
];

fn variants(shop: &Shop, search: &Search, sort_key: &str) -> (Vec<Row>, &'static str) {
    let row = |variant: &Variant| match sort_key {
        "SKU" => by_text(&variant.sku, variant.id),
        "INVENTORY_QUANTITY" => Row::by_rank(variant.available(), variant.id),
        _ => Row::by_id(variant.id),
    };
    let fits = |variant: &&Variant| search.matches(&|term| variant_matches(shop, variant, term));
    let mut rows: Vec<Row> = if let Some(skus) = search.exact("sku") {
        let owners = skus.iter().flat_map(|sku| shop.by_sku(sku));
        owners.filter(fits).map(row).collect()
    } else if let Some(products) = search.exact("product_id") {
        let known = products.iter().filter_map(|id| shop.product(number(id)?));
        let variants = known.flat_map(|product| shop.variants_of(product));
        variants.filter(fits).map(row).collect()
    } else if let Some(ids) = search.exact("id") {
        let known = ids.iter().filter_map(|id| shop.variant(number(id)?));
        known.filter(fits).map(row).collect()
    } else {
        shop.variants().filter(fits).map(row).collect()
    };
    rows.sort_unstable();
    rows.dedup();
    (rows, "ProductVariant")
}

fn variant_matches(shop: &Shop, variant: &Variant, term: &Term) -> bool {
    let product = shop.product(variant.product);
    match term.field.as_str() {
        "id" => term.matches_number(variant.id),
        "product_id" => term.matches_number(variant.product),
        "product_ids" => term
            .value
            .split(',')
            .filter_map(number)
            .any(|id| id == variant.product),
        "product_status" => product.is_some_and(|product| term.matches_text(&product.status)),
        "sku" => term.matches_text(&variant.sku),
        "barcode" => has_barcode(variant, term),
        "title" => contains(&variant.title(), term),
        "vendor" => product.is_some_and(|product| term.matches_text(&product.vendor)),
        "updated_at" => term.matches_time(variant.updated),
        "inventory_quantity" => match (term.comparator, term.value.parse::<i64>()) {
            (comparator, Ok(value)) => comparator.holds(variant.available().cmp(&value)),
            _ => false,
        },
        _ => contains(&variant.sku, term) || contains(&variant.title(), term),
    }
}

fn by_identifier(world: &World<'_>, arguments: &Arguments) -> Told {
    let shop = world.shop();
    let identifier = arguments.get("identifier").cloned().unwrap_or_default();
    if let Some(id) = identifier.get("id").filter(|id| !id.is_null()) {
        return Ok(Some(reference(&shop, Some(id))));
    }
    let known = if let Some(handle) = identifier["handle"].as_str() {
        shop.by_handle(handle)
    } else {
        let custom = &identifier["customId"];
        let namespace = metafields::namespace(custom.get("namespace").filter(|ns| !ns.is_null()));
        let key = custom["key"].as_str().unwrap_or_default();
        let defined = metafields::definition(&shop, "PRODUCT", &namespace, key);
        if defined.is_none_or(|one| one.kind != metafields::ID_TYPE) {
            let message = "Metafield definition of type 'id' is required when using custom ids.";
            return Err(Refused::new(message, "NOT_FOUND"));
        }
        shop.by_custom_id(
            &namespace,
            key,
            custom["value"].as_str().unwrap_or_default(),
        )
    };
    Ok(Some(
        known.map_or(Value::Null, |id| json!(gid("Product", id))),
    ))
}
