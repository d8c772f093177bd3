//! Parcels: fulfillments are created, their tracking is corrected, they are cancelled.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::gid::{Gid, gid};
use super::objects::{Arguments, World};
use super::orders::{Fulfillment, FulfillmentLine, Order, Tracking, move_stock};
use super::shop::Shop;
use super::user_error::{UserError, documents};
use crate::sandbox::Fault;

fn answer(fulfillment: Option<u64>, errors: &[UserError]) -> Value {
    json!({
        "fulfillment": fulfillment.map(|id| gid("Fulfillment", id)),
        "userErrors": documents(errors),
    })
}

/// Pieces to take from a line of a fulfillment order: its id, the order's line, how many.
type Taken = (u64, u64, i64);

/// `fulfillmentCreate`. It is not idempotent: sent twice, it ships twice, as long as pieces remain.
pub fn create(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let input = arguments.get("fulfillment").cloned().unwrap_or_default();
    let (mut order, taken) = match read(shop, &input) {
        Ok(read) => read,
        Err(error) => return answer(None, &[error]),
    };
    if world.faults().strikes(Fault::PartialBatch, true) {
        let message = "Something went wrong, please try again.";
        return answer(None, &[UserError::plain("fulfillment", message)]);
    }
    let mut lines = Vec::new();
    let mut moves = Vec::new();
    let mut from = Vec::new();
    let mut location = 0;
    for fulfillment_order in &mut order.fulfillment_orders {
        let Some(pieces) = taken.get(&fulfillment_order.id) else {
            continue;
        };
        from.push(fulfillment_order.id);
        location = fulfillment_order.location;
        for (from_line, line, quantity) in pieces {
            for one in fulfillment_order
                .lines
                .iter_mut()
                .filter(|one| one.id == *from_line)
            {
                one.remaining -= quantity;
            }
            lines.push(FulfillmentLine {
                id: shop.next_id(),
                line: *line,
                quantity: *quantity,
                from: *from_line,
            });
            moves.push((*line, *quantity));
        }
        let is_done = fulfillment_order
            .lines
            .iter()
            .all(|line| line.remaining == 0);
        let status = if is_done { "CLOSED" } else { "IN_PROGRESS" };
        fulfillment_order.status = status.to_owned();
        fulfillment_order.updated = world.now;
    }
    let id = shop.next_id();
    order.fulfillments.push(Fulfillment {
        id,
        number: order.fulfillments.len() as u64 + 1,
        status: "SUCCESS".to_owned(),
        fulfillment_orders: from,
        location,
        lines,
        tracking: tracking(&input["trackingInfo"]),
        created: world.now,
        updated: world.now,
    });
    order.updated = world.now;
    for (line, quantity) in moves {
        if let Some(line) = order.line(line) {
            // What is shipped is no more on hand: it was not available before.
            move_stock(shop, line.variant, location, 0, -quantity, world.now);
        }
    }
    shop.orders.keep(order);
    answer(Some(id), &[])
}

/// What is to be shipped, by fulfillment order. All of it belongs to one order and one location.
fn read(shop: &Shop, input: &Value) -> Result<(Order, BTreeMap<u64, Vec<Taken>>), UserError> {
    let mut order: Option<Order> = None;
    let mut location = None;
    let mut taken: BTreeMap<u64, Vec<Taken>> = BTreeMap::new();
    let field = "fulfillment";
    let sent = input["lineItemsByFulfillmentOrder"].as_array();
    for one in sent.into_iter().flatten() {
        let id = Gid::number(one.get("fulfillmentOrderId"), "FulfillmentOrder");
        let known = id.and_then(|id| shop.orders.of_fulfillment_order(id));
        let Some((owner, fulfillment_order)) = known else {
            return Err(UserError::plain(field, "Fulfillment order does not exist."));
        };
        if !matches!(fulfillment_order.status.as_str(), "OPEN" | "IN_PROGRESS") {
            let message = format!(
                "Fulfillment order {} has an unfulfillable status= {}.",
                fulfillment_order.id,
                fulfillment_order.status.to_lowercase()
            );
            return Err(UserError::plain(field, message));
        }
        if order.get_or_insert_with(|| owner.clone()).id != owner.id {
            return Err(UserError::plain(
                field,
                "All fulfillment orders must belong to one order.",
            ));
        }
        if *location.get_or_insert(fulfillment_order.location) != fulfillment_order.location {
            let message = "All fulfillment orders must be assigned to the same location.";
            return Err(UserError::plain(field, message));
        }
        let lines = one["fulfillmentOrderLineItems"]
            .as_array()
            .filter(|list| !list.is_empty());
        let wanted: Vec<(u64, i64)> = match lines {
            // Without lines, all that remains.
            None => {
                let open = fulfillment_order
                    .lines
                    .iter()
                    .filter(|line| line.remaining > 0);
                open.map(|line| (line.id, line.remaining)).collect()
            }
            Some(lines) => lines
                .iter()
                .map(|line| {
                    let id = Gid::number(line.get("id"), "FulfillmentOrderLineItem");
                    (
                        id.unwrap_or_default(),
                        line["quantity"].as_i64().unwrap_or_default(),
                    )
                })
                .collect(),
        };
        let pieces = taken.entry(fulfillment_order.id).or_default();
        for (id, quantity) in wanted {
            let line = fulfillment_order.lines.iter().find(|line| line.id == id);
            let Some(line) = line else {
                return Err(UserError::plain(
                    field,
                    "Fulfillment order line item does not exist.",
                ));
            };
            let before: i64 = pieces
                .iter()
                .filter(|(from, ..)| *from == id)
                .map(|(.., n)| n)
                .sum();
            if quantity < 1 || before + quantity > line.remaining {
                let message = "Invalid fulfillment order line item quantity requested.";
                return Err(UserError::plain(field, message));
            }
            pieces.push((id, line.line, quantity));
        }
    }
    match order {
        Some(order) => Ok((order, taken)),
        None => Err(UserError::plain(
            field,
            "At least one fulfillment order is needed.",
        )),
    }
}

/// Numbers with the addresses at the same places. An address is made up for a company without one.
fn tracking(sent: &Value) -> Vec<Tracking> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |many: &str, one: &str| -> Vec<String> {
        match sent[many].as_array() {
            Some(values) => values.iter().filter_map(text).collect(),
            None => text(&sent[one]).into_iter().collect(),
        }
    };
    let company = text(&sent["company"]);
    let (numbers, urls) = (list("numbers", "number"), list("urls", "url"));
    (0..numbers.len().max(urls.len()))
        .map(|place| Tracking {
            company: company.clone(),
            number: numbers.get(place).cloned(),
            url: urls.get(place).cloned(),
        })
        .collect()
}

/// `fulfillmentTrackingInfoUpdate`.
pub fn update_tracking(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let id = Gid::number(arguments.get("fulfillmentId"), "Fulfillment");
    let known = id.and_then(|id| shop.orders.of_fulfillment(id));
    let Some((mut order, id)) = known.map(|(order, one)| (order.clone(), one.id)) else {
        let error = UserError::plain("fulfillmentId", "Fulfillment does not exist.");
        return answer(None, &[error]);
    };
    let sent = arguments
        .get("trackingInfoInput")
        .cloned()
        .unwrap_or_default();
    for one in order.fulfillments.iter_mut().filter(|one| one.id == id) {
        if one.status == "CANCELLED" {
            let error = UserError::plain("fulfillmentId", "Fulfillment is cancelled.");
            return answer(Some(id), &[error]);
        }
        one.tracking = tracking(&sent);
        one.updated = world.now;
    }
    order.updated = world.now;
    shop.orders.keep(order);
    answer(Some(id), &[])
}

/// `fulfillmentCancel`: the pieces are to be shipped again.
pub fn cancel(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let id = Gid::number(arguments.get("id"), "Fulfillment");
    let known = id.and_then(|id| shop.orders.of_fulfillment(id));
    let Some((mut order, one)) = known.map(|(order, one)| (order.clone(), one.clone())) else {
        return answer(
            None,
            &[UserError::plain("id", "Fulfillment does not exist.")],
        );
    };
    if one.status == "CANCELLED" {
        let error = UserError::plain("id", "Fulfillment is already cancelled.");
        return answer(Some(one.id), &[error]);
    }
    for line in &one.lines {
        for fulfillment_order in &mut order.fulfillment_orders {
            for from in fulfillment_order
                .lines
                .iter_mut()
                .filter(|from| from.id == line.from)
            {
                from.remaining += line.quantity;
                fulfillment_order.status = "OPEN".to_owned();
                fulfillment_order.updated = world.now;
            }
        }
        if let Some(sold) = order.line(line.line) {
            move_stock(
                shop,
                sold.variant,
                one.location,
                0,
                line.quantity,
                world.now,
            );
        }
    }
    for other in order
        .fulfillments
        .iter_mut()
        .filter(|other| other.id == one.id)
    {
        other.status = "CANCELLED".to_owned();
        other.updated = world.now;
    }
    order.updated = world.now;
    shop.orders.keep(order);
    answer(Some(one.id), &[])
}
