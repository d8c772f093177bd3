//! Fulfillment orders and fulfillments as the API shows them.

use serde_json::{Value, json};

use super::entities::{Told, short_list};
use super::gid::gid;
use super::objects::Arguments;
use super::shop::{self, Shop};
use super::text::moment;

pub fn fulfillment_order(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some((order, one)) = shop.orders.of_fulfillment_order(id) else {
        return Ok(Some(Value::Null));
    };
    Ok(Some(match name {
        "id" => json!(gid("FulfillmentOrder", id)),
        "status" => json!(one.status),
        "requestStatus" => json!("UNSUBMITTED"),
        "order" | "orderId" => json!(gid("Order", order.id)),
        "orderName" => json!(order.name()),
        "createdAt" => json!(moment(one.created)),
        "updatedAt" => json!(moment(one.updated)),
        "assignedLocation" => json!({
            "name": shop::location(one.location).map(|location| location.name),
            "countryCode": "DE",
            "location": gid("Location", one.location),
        }),
        "supportedActions" => {
            let actions: &[&str] = match one.status.as_str() {
                "OPEN" => &[
                    "CREATE_FULFILLMENT",
                    "REPORT_PROGRESS",
                    "MOVE",
                    "HOLD",
                    "SPLIT",
                ],
                "IN_PROGRESS" => &["CREATE_FULFILLMENT", "REPORT_PROGRESS", "MARK_AS_OPEN"],
                _ => &[],
            };
            actions
                .iter()
                .map(|action| json!({"action": action, "externalUrl": null}))
                .collect()
        }
        "lineItems" => {
            let lines = one.lines.iter();
            let all = lines.map(|line| json!(gid("FulfillmentOrderLineItem", line.id)));
            return short_list(arguments, all.collect());
        }
        "fulfillments" => {
            let made = order
                .fulfillments
                .iter()
                .filter(|made| made.fulfillment_orders.contains(&id))
                .map(|made| json!(gid("Fulfillment", made.id)));
            return short_list(arguments, made.collect());
        }
        _ => return Ok(None),
    }))
}

pub fn fulfillment_order_line(shop: &Shop, id: u64, name: &str) -> Option<Value> {
    let Some((order, _, one)) = shop.orders.of_fulfillment_line(id) else {
        return Some(Value::Null);
    };
    let line = order.line(one.line)?;
    let variant = shop.variant(line.variant);
    Some(match name {
        "id" => json!(gid("FulfillmentOrderLineItem", id)),
        "lineItem" => json!(gid("LineItem", line.id)),
        "sku" => match line.sku.as_str() {
            "" => Value::Null,
            sku => json!(sku),
        },
        "productTitle" => json!(line.title),
        "variantTitle" => json!(line.variant_title),
        "totalQuantity" => json!(one.total),
        "remainingQuantity" => json!(one.remaining),
        "requiresShipping" => json!(line.requires_shipping),
        "inventoryItemId" => json!(variant.map(|variant| gid("InventoryItem", variant.item.id))),
        "variant" => json!(variant.map(|variant| gid("ProductVariant", variant.id))),
        _ => return None,
    })
}

pub fn fulfillment(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some((order, one)) = shop.orders.of_fulfillment(id) else {
        return Ok(Some(Value::Null));
    };
    let display = match one.status.as_str() {
        "CANCELLED" => "CANCELED",
        _ => "FULFILLED",
    };
    Ok(Some(match name {
        "id" => json!(gid("Fulfillment", id)),
        "legacyResourceId" => json!(id.to_string()),
        "name" => json!(format!("{}-F{}", order.name(), one.number)),
        "status" => json!(one.status),
        "displayStatus" => json!(display),
        "createdAt" => json!(moment(one.created)),
        "updatedAt" => json!(moment(one.updated)),
        "totalQuantity" => json!(one.lines.iter().map(|line| line.quantity).sum::<i64>()),
        "requiresShipping" => json!(true),
        "location" => json!(gid("Location", one.location)),
        "order" => json!(gid("Order", order.id)),
        "trackingInfo" => {
            let most = arguments
                .get("first")
                .and_then(Value::as_u64)
                .unwrap_or(u64::MAX);
            let all = one.tracking.iter().map(|tracking| {
                json!({
                    "company": tracking.company,
                    "number": tracking.number,
                    "url": tracking.url,
                })
            });
            all.take(usize::try_from(most).unwrap_or(usize::MAX))
                .collect()
        }
        "fulfillmentLineItems" => {
            let lines = one.lines.iter().map(|line| {
                json!({
                    "id": gid("FulfillmentLineItem", line.id),
                    "lineItem": gid("LineItem", line.line),
                    "quantity": line.quantity,
                })
            });
            return short_list(arguments, lines.collect());
        }
        "fulfillmentOrders" => {
            let ids = one.fulfillment_orders.iter();
            let all = ids.map(|id| json!(gid("FulfillmentOrder", *id)));
            return short_list(arguments, all.collect());
        }
        _ => return Ok(None),
    }))
}
