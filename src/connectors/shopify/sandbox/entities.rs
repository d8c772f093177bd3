//! Fields of the objects that have global ids, by type.

use serde_json::{Value, json};

use super::auth::SCOPES;
use super::gid::{Gid, gid, level_gid};
use super::objects::{Arguments, Refused, World};
use super::page::{Asked, Row, connection};
use super::product_view::{item, level, media, product, variant};
use super::shop::{self, CURRENCY, DOMAIN, LOCATIONS, PUBLICATIONS, Shop};
use super::{fulfillment_view, order_view, refunds};

/// A field's value; `None` for a field that the type does not have.
pub type Told = Result<Option<Value>, Refused>;

pub fn field(world: &World<'_>, gid: &Gid, name: &str, arguments: &Arguments) -> Told {
    let shop = world.shop();
    let shop: &Shop = &shop;
    let id = gid.id;
    match gid.kind.as_str() {
        "Product" => product(world, shop, id, name, arguments),
        "ProductVariant" => variant(world, shop, id, name, arguments),
        "InventoryItem" => item(shop, id, name, arguments),
        "InventoryLevel" => level(shop, gid, name, arguments),
        "MediaImage" => Ok(media(shop, id, world.now, name)),
        "Location" => Ok(location(shop, id, name, arguments)),
        "Publication" => Ok(publication(id, name)),
        "Shop" => Ok(shop_field(world, name)),
        "AppInstallation" => Ok(installation(name)),
        "Order" => order_view::order(shop, id, name, arguments),
        "LineItem" => Ok(order_view::line_item(shop, id, name, arguments)),
        "FulfillmentOrder" => fulfillment_view::fulfillment_order(shop, id, name, arguments),
        "FulfillmentOrderLineItem" => Ok(fulfillment_view::fulfillment_order_line(shop, id, name)),
        "Fulfillment" => fulfillment_view::fulfillment(shop, id, name, arguments),
        "Refund" => refunds::refund(shop, id, name, arguments),
        "BulkOperation" => Ok(shop.bulk.field(id, world.base_url, name)),
        _ => Ok(None),
    }
}

/// Whether there is such an object.
pub fn exists(shop: &Shop, gid: &Gid) -> bool {
    let id = gid.id;
    match gid.kind.as_str() {
        "Product" => shop.product(id).is_some(),
        "ProductVariant" => shop.variant(id).is_some(),
        "InventoryItem" => shop.by_item(id).is_some(),
        "InventoryLevel" => gid
            .item
            .and_then(|item| shop.by_item(item))
            .is_some_and(|variant| variant.item.levels.contains_key(&id)),
        "MediaImage" => shop.media.contains_key(&id),
        "Location" => shop::location(id).is_some(),
        "Publication" => shop::publication(id).is_some(),
        "Shop" | "AppInstallation" => id == 1,
        "Order" => shop.orders.get(id).is_some(),
        "LineItem" => shop.orders.of_line(id).is_some(),
        "FulfillmentOrder" => shop.orders.of_fulfillment_order(id).is_some(),
        "FulfillmentOrderLineItem" => shop.orders.of_fulfillment_line(id).is_some(),
        "Fulfillment" => shop.orders.of_fulfillment(id).is_some(),
        "Refund" => shop.orders.of_refund(id).is_some(),
        "BulkOperation" => shop.bulk.contains(id),
        _ => false,
    }
}

/// A reference to an object, or null when there is none.
pub fn reference(shop: &Shop, text: Option<&Value>) -> Value {
    let known = text
        .and_then(Value::as_str)
        .and_then(Gid::parse)
        .filter(|gid| exists(shop, gid));
    match known {
        Some(_) => text.cloned().unwrap_or_default(),
        None => Value::Null,
    }
}

/// A connection that holds all of a short list.
pub fn short_list(arguments: &Arguments, documents: Vec<Value>) -> Result<Option<Value>, Refused> {
    let asked = Asked::new(arguments).map_err(Refused::bad_request)?;
    let rows = (0..documents.len() as u64).map(Row::by_id).collect();
    let node = |row: &Row| {
        // Rows are numbered by their places.
        usize::try_from(row.id)
            .ok()
            .and_then(|at| documents.get(at).cloned())
            .unwrap_or_default()
    };
    Ok(Some(connection(rows, &asked, false, node)))
}

fn location(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Option<Value> {
    let location = shop::location(id)?;
    Some(match name {
        "id" => json!(gid("Location", id)),
        "legacyResourceId" => json!(id.to_string()),
        "name" => json!(location.name),
        "isActive" | "shipsInventory" | "hasActiveInventory" => json!(true),
        "fulfillsOnlineOrders" => json!(location.fulfills_online_orders),
        "address" => json!({
            "address1": "1 Example Street",
            "address2": null,
            "city": location.city,
            "country": "Germany",
            "countryCode": "DE",
            "province": null,
            "provinceCode": null,
            "zip": "00000",
            "phone": null,
        }),
        "inventoryLevel" => {
            let item = Gid::number(arguments.get("inventoryItemId"), "InventoryItem");
            let stocked = item
                .and_then(|item| shop.by_item(item))
                .filter(|variant| variant.item.levels.contains_key(&id));
            stocked.map_or(Value::Null, |variant| json!(level_gid(id, variant.item.id)))
        }
        _ => return None,
    })
}

fn publication(id: u64, name: &str) -> Option<Value> {
    let title = shop::publication(id)?;
    Some(match name {
        "id" => json!(gid("Publication", id)),
        "name" => json!(title),
        "autoPublish" => json!(false),
        "supportsFuturePublishing" => json!(id == shop::ONLINE_STORE),
        "catalog" => json!({
            "__typename": "AppCatalog",
            "id": gid("AppCatalog", id),
            "title": title,
            "status": "ACTIVE",
        }),
        _ => return None,
    })
}

fn shop_field(world: &World<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "id" => json!(gid("Shop", 1)),
        "name" => json!("skucast sandbox"),
        "email" => json!("seller@example.com"),
        "myshopifyDomain" => json!(DOMAIN),
        "currencyCode" => json!(CURRENCY),
        "ianaTimezone" => json!("Etc/UTC"),
        "timezoneOffset" => json!("+0000"),
        "weightUnit" => json!("KILOGRAMS"),
        "unitSystem" => json!("METRIC_SYSTEM"),
        "taxesIncluded" => json!(true),
        "url" => json!(world.base_url),
        "primaryDomain" => {
            json!({"id": gid("Domain", 1), "host": DOMAIN, "url": world.base_url})
        }
        "plan" => json!({
            "publicDisplayName": world.plan_name(),
            "partnerDevelopment": false,
            "shopifyPlus": world.plan_name() == "Shopify Plus",
        }),
        _ => return None,
    })
}

fn installation(name: &str) -> Option<Value> {
    Some(match name {
        "id" => json!(gid("AppInstallation", 1)),
        "accessScopes" => SCOPES
            .iter()
            .map(|scope| json!({"handle": scope, "description": scope.replace('_', " ")}))
            .collect(),
        _ => return None,
    })
}

pub fn locations(arguments: &Arguments) -> Told {
    let all = LOCATIONS
        .iter()
        .map(|location| json!(gid("Location", location.id)));
    short_list(arguments, all.collect())
}

pub fn publications(arguments: &Arguments) -> Told {
    let all = PUBLICATIONS
        .iter()
        .map(|(id, _)| json!(gid("Publication", *id)));
    short_list(arguments, all.collect())
}
