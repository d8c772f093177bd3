//! Stock: quantities that are set, and items that are stocked at a location for the first time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::gid::{Gid, gid, level_gid};
use super::objects::{Arguments, World};
use super::product::Level;
use super::shop::{self, Shop};
use super::text::moment;
use super::user_error::{UserError, documents};
use crate::sandbox::Fault;

/// <https://shopify.dev/docs/apps/build/orders-fulfillment/inventory-management-apps/manage-quantities-states>
const REASONS: &[&str] = &[
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_canceled",
    "movement_created",
    "movement_received",
    "movement_updated",
    "other",
    "promotion",
    "quality_control",
    "received",
    "reservation_created",
    "reservation_deleted",
    "reservation_updated",
    "restock",
    "safety_stock",
    "shrinkage",
];
const MOST_PIECES: i64 = 1_000_000_000;

struct Entry {
    variant: u64,
    item: u64,
    location: u64,
    available: i64,
    delta: i64,
}

/// `inventorySetQuantities`: all entries or none, and every faulty one is named.
pub fn set_quantities(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let input = arguments.get("input").cloned().unwrap_or_default();
    let name = input["name"].as_str().unwrap_or_default();
    let mut errors = Vec::new();
    if !matches!(name, "available" | "on_hand") {
        let message = "The quantity name must be either 'available' or 'on_hand'.";
        errors.push(UserError::new("input.name", message, "INVALID_NAME"));
    }
    let reason = input["reason"].as_str().unwrap_or_default();
    if !REASONS.contains(&reason) {
        let message = "The specified reason is invalid.";
        errors.push(UserError::new("input.reason", message, "INVALID_REASON"));
    }
    let document = input["referenceDocumentUri"].as_str();
    if document.is_some_and(|uri| !is_document(uri)) {
        let message = "The specified reference document is invalid.";
        let field = "input.referenceDocumentUri";
        errors.push(UserError::new(field, message, "INVALID_REFERENCE_DOCUMENT"));
    }
    let sent = input["quantities"].as_array().cloned().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for (index, one) in sent.iter().enumerate() {
        match read(shop, one, name, &mut seen) {
            Ok(entry) => {
                let sku = shop
                    .variant(entry.variant)
                    .map(|variant| variant.sku.clone());
                let refused = sku.is_some_and(|sku| world.faults().refuses(&sku));
                if refused {
                    let field = format!("input.quantities.{index}.inventoryItemId");
                    let message = "The specified inventory item is not allowed to be adjusted.";
                    errors.push(UserError::new(
                        &field,
                        message,
                        "NON_MUTABLE_INVENTORY_ITEM",
                    ));
                }
                entries.push(entry);
            }
            Err((field, message, code)) => {
                let field = format!("input.quantities.{index}.{field}");
                errors.push(UserError::new(&field, message, code));
            }
        }
    }
    if errors.is_empty() && world.faults().strikes(Fault::PartialBatch, true) {
        // The temporary error that this mutation knows.
        let message = "This request is currently in progress, please try again.";
        errors.push(UserError::new(
            "",
            message,
            "IDEMPOTENCY_CONCURRENT_REQUEST",
        ));
    }
    if !errors.is_empty() {
        return json!({"inventoryAdjustmentGroup": null, "userErrors": documents(&errors)});
    }
    let mut changes = Vec::new();
    for entry in &entries {
        if entry.delta == 0 {
            continue;
        }
        shop.with_variant(entry.variant, world.now, |variant| {
            if let Some(level) = variant.item.levels.get_mut(&entry.location) {
                level.available = entry.available;
                level.updated = world.now;
            }
        });
        for name in ["available", "on_hand"] {
            let level = shop
                .variant(entry.variant)
                .and_then(|variant| variant.item.levels.get(&entry.location));
            changes.push(json!({
                "name": name,
                "delta": entry.delta,
                "quantityAfterChange": level.and_then(|level| level.quantity(name)),
                "item": gid("InventoryItem", entry.item),
                "location": gid("Location", entry.location),
                "ledgerDocumentUri": null,
            }));
        }
    }
    // Without a change there is no adjustment.
    let group = (!changes.is_empty()).then(|| {
        json!({
            "id": gid("InventoryAdjustmentGroup", shop.next_id()),
            "createdAt": moment(world.now),
            "reason": reason,
            "referenceDocumentUri": document,
            "changes": changes,
        })
    });
    json!({"inventoryAdjustmentGroup": group, "userErrors": []})
}

type Fault3 = (&'static str, &'static str, &'static str);

/// One entry, or its faulty field, the message and the code.
fn read(
    shop: &Shop,
    sent: &Value,
    name: &str,
    seen: &mut BTreeSet<(u64, u64)>,
) -> Result<Entry, Fault3> {
    let no_item = (
        "inventoryItemId",
        "The specified inventory item could not be found.",
        "INVALID_INVENTORY_ITEM",
    );
    let item = Gid::number(sent.get("inventoryItemId"), "InventoryItem").ok_or(no_item)?;
    let variant = shop.by_item(item).ok_or(no_item)?;
    let location = Gid::number(sent.get("locationId"), "Location")
        .filter(|location| shop::location(*location).is_some())
        .ok_or((
            "locationId",
            "The specified location could not be found.",
            "INVALID_LOCATION",
        ))?;
    if !seen.insert((item, location)) {
        return Err((
            "inventoryItemId",
            "The combination of inventoryItemId and locationId must be unique.",
            "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
        ));
    }
    let level = variant.item.levels.get(&location).ok_or((
        "locationId",
        "The specified inventory item is not stocked at the location.",
        "ITEM_NOT_STOCKED_AT_LOCATION",
    ))?;
    let quantity = sent["quantity"].as_i64().unwrap_or_default();
    if quantity > MOST_PIECES {
        return Err((
            "quantity",
            "The total quantity can't be higher than 1,000,000,000.",
            "INVALID_QUANTITY_TOO_HIGH",
        ));
    }
    if quantity < -MOST_PIECES {
        return Err((
            "quantity",
            "The total quantity can't be lower than -1,000,000,000.",
            "INVALID_QUANTITY_TOO_LOW",
        ));
    }
    if name == "on_hand" && quantity < 0 {
        return Err((
            "quantity",
            "The quantity can't be negative.",
            "INVALID_QUANTITY_NEGATIVE",
        ));
    }
    let before = level.quantity(name).unwrap_or_default();
    if sent["changeFromQuantity"]
        .as_i64()
        .is_some_and(|expected| expected != before)
    {
        return Err((
            "changeFromQuantity",
            "The changeFromQuantity value does not match persisted value.",
            "CHANGE_FROM_QUANTITY_STALE",
        ));
    }
    let delta = quantity - before;
    Ok(Entry {
        variant: variant.id,
        item,
        location,
        available: level.available + delta,
        delta,
    })
}

/// A scheme and something behind it.
fn is_document(uri: &str) -> bool {
    match uri.strip_prefix("gid://") {
        Some(rest) => rest.split('/').filter(|part| !part.is_empty()).count() >= 3,
        None => uri
            .split_once("://")
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty()),
    }
}

/// `inventoryActivate`: nothing happens to an item that is stocked there already, and quantities are refused for it.
pub fn activate(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let refused = |field: &str, message: &str| {
        let error = UserError::plain(field, message);
        json!({"inventoryLevel": null, "userErrors": documents(&[error])})
    };
    let item = Gid::number(arguments.get("inventoryItemId"), "InventoryItem");
    let Some(variant) = item.and_then(|item| shop.by_item(item)) else {
        return refused(
            "inventoryItemId",
            "The product couldn't be stocked because it wasn't found.",
        );
    };
    let (variant, item, stocked) = (variant.id, variant.item.id, variant.item.levels.clone());
    let location = Gid::number(arguments.get("locationId"), "Location");
    let Some(location) = location.filter(|id| shop::location(*id).is_some()) else {
        return refused("locationId", "The location wasn't found.");
    };
    let stated = |name: &str| arguments.get(name).and_then(Value::as_i64);
    let quantity = stated("available").or(stated("onHand"));
    if stocked.contains_key(&location) {
        if stated("available").is_some() {
            let message = "Not allowed to set available quantity when the item is already active \
                           at the location.";
            return refused("available", message);
        }
    } else {
        shop.with_variant(variant, world.now, |variant| {
            let level = Level::new(quantity.unwrap_or(0), world.now);
            variant.item.levels.insert(location, level);
        });
    }
    json!({"inventoryLevel": level_gid(location, item), "userErrors": []})
}
