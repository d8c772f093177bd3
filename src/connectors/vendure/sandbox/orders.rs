//! Orders: bought, sent in parcels, canceled. Stock is allocated when an order is placed, and leaves with its parcels.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::store::{Fulfillment, Id, Order, OrderLine, Store};
use super::view;
use crate::sandbox::{Purchase, Receipt, ReceiptLine};

pub const HANDLER: &str = "manual-fulfillment";
/// Standard shipping, in minor units.
const SHIPPING: i64 = 500;
/// How long before it is paid a cart has its last change. To the server, that an order is placed is none.
const PAYING: SignedDuration = SignedDuration::from_mins(20);

fn refusal(type_name: &str, code: &str, message: &str) -> Value {
    json!({"__typename": type_name, "errorCode": code, "message": message})
}

fn lines_of(input: &Value) -> Vec<(Id, i64)> {
    let lines = input["lines"].as_array().into_iter().flatten();
    lines
        .map(|line| {
            let id = line["orderLineId"].as_str().and_then(|id| id.parse().ok());
            (
                id.unwrap_or_default(),
                line["quantity"].as_i64().unwrap_or_default(),
            )
        })
        .filter(|(_, quantity)| *quantity > 0)
        .collect()
}

/// `addFulfillmentToOrder`: the order is that of the lines.
pub fn fulfill(store: &mut Store, input: &Value, now: Timestamp) -> Value {
    let lines = lines_of(input);
    let handler = &input["handler"];
    if lines.is_empty() {
        return refusal(
            "EmptyOrderLineSelectionError",
            "EMPTY_ORDER_LINE_SELECTION_ERROR",
            "At least one OrderLine must be specified",
        );
    }
    if handler["code"] != HANDLER {
        return refusal(
            "InvalidFulfillmentHandlerError",
            "INVALID_FULFILLMENT_HANDLER_ERROR",
            "The specified FulfillmentHandler code is not valid",
        );
    }
    let parcel_id = store.next_id();
    let owner = store
        .orders
        .values_mut()
        .find(|order| order.lines.contains_key(&lines[0].0));
    let Some(order) = owner else {
        return refusal(
            "EmptyOrderLineSelectionError",
            "EMPTY_ORDER_LINE_SELECTION_ERROR",
            "At least one OrderLine must be specified",
        );
    };
    let too_many = lines.iter().any(|(id, quantity)| {
        order
            .lines
            .get(id)
            .is_none_or(|line| order.fulfilled(*id) + quantity > line.quantity)
    });
    if too_many {
        return refusal(
            "ItemsAlreadyFulfilledError",
            "ITEMS_ALREADY_FULFILLED_ERROR",
            "One or more OrderItems are already part of a Fulfillment",
        );
    }
    let short = lines.iter().any(|(id, quantity)| {
        let variant = order
            .lines
            .get(id)
            .and_then(|line| store.variants.get(&line.variant));
        variant.is_some_and(|variant| {
            variant.track_inventory != "FALSE" && variant.on_hand < *quantity
        })
    });
    if short {
        return refusal(
            "InsufficientStockOnHandError",
            "INSUFFICIENT_STOCK_ON_HAND_ERROR",
            "Cannot create a Fulfillment as there is insufficient stockOnHand",
        );
    }
    for (id, quantity) in &lines {
        if let Some(line) = order.lines.get(id)
            && let Some(variant) = store.variants.get_mut(&line.variant)
        {
            variant.on_hand -= quantity;
            variant.allocated -= quantity;
        }
    }
    let argument = |name: &str| {
        let arguments = handler["arguments"].as_array().into_iter().flatten();
        let own = arguments
            .filter(|one| one["name"] == name)
            .find_map(|one| one["value"].as_str());
        own.unwrap_or_default().to_owned()
    };
    let parcel = Fulfillment {
        method: argument("method"),
        tracking: argument("trackingCode"),
        state: "Pending".to_owned(),
        lines,
        at: now,
    };
    order.fulfillments.insert(parcel_id, parcel);
    // Its own date stays, here and in every other change of state.
    order.happened = now;
    view::fulfillment(order, parcel_id).unwrap_or_default()
}

/// `transitionFulfillmentToState`; `None` when there is no such fulfillment.
pub fn transition(store: &mut Store, id: &str, state: &str, now: Timestamp) -> Option<Value> {
    let id: Id = id.parse().ok()?;
    let order = store
        .orders
        .values_mut()
        .find(|order| order.fulfillments.contains_key(&id))?;
    let next = view::fulfillment(order, id)?["nextStates"].clone();
    let parcel = order.fulfillments.get_mut(&id)?;
    if !next.as_array()?.contains(&json!(state)) {
        let reason = format!(
            "Cannot transition Fulfillment from \"{}\" to \"{state}\"",
            parcel.state
        );
        let code = "FULFILLMENT_STATE_TRANSITION_ERROR";
        // The server does not put this message into words.
        let mut told = refusal(
            "FulfillmentStateTransitionError",
            code,
            &format!("errorResult.{code}"),
        );
        told["transitionError"] = json!(reason);
        told["fromState"] = json!(parcel.state);
        told["toState"] = json!(state);
        return Some(told);
    }
    parcel.state = state.to_owned();
    parcel.at = now;
    let left = |order: &Order, line: Id| -> i64 {
        let parcels = order.fulfillments.values();
        let gone = parcels.filter(|one| matches!(one.state.as_str(), "Shipped" | "Delivered"));
        gone.flat_map(|one| &one.lines)
            .filter(|(id, _)| *id == line)
            .map(|(_, quantity)| quantity)
            .sum()
    };
    let all = order
        .lines
        .iter()
        .all(|(id, line)| left(order, *id) >= line.quantity);
    let some = order.lines.keys().any(|id| left(order, *id) > 0);
    order.state = match (all, some) {
        (true, _) => "Shipped",
        (false, true) => "PartiallyShipped",
        (false, false) => "PaymentSettled",
    }
    .to_owned();
    order.happened = now;
    view::fulfillment(order, id)
}

/// `cancelOrder`, whole or some lines. What was not sent is free again.
pub fn cancel(store: &mut Store, input: &Value, now: Timestamp) -> Option<Value> {
    let id: Id = input["orderId"].as_str()?.parse().ok()?;
    let order = store.orders.get_mut(&id)?;
    let lines = match input["lines"].is_array() {
        true => lines_of(input),
        false => order
            .lines
            .iter()
            .map(|(id, line)| (*id, line.quantity))
            .collect(),
    };
    let too_many = |(id, quantity): &(Id, i64)| {
        order
            .lines
            .get(id)
            .is_none_or(|line| line.quantity < *quantity)
    };
    if lines.iter().any(too_many) {
        return Some(refusal(
            "QuantityTooGreatError",
            "QUANTITY_TOO_GREAT_ERROR",
            "The specified quantity is greater than the available OrderItems",
        ));
    }
    for (line_id, quantity) in lines {
        let sent = order.fulfilled(line_id);
        let Some(line) = order.lines.get_mut(&line_id) else {
            continue;
        };
        // The server takes a piece back from what is allocated, and from what was sent as well while any of that is out:
        // of a line that was sent in part, one canceled piece comes back twice.
        let released = quantity.min(line.placed - sent - line.released).max(0);
        let returned = quantity.min(sent - line.returned).max(0);
        line.released += released;
        line.returned += returned;
        line.quantity -= quantity;
        if let Some(variant) = store.variants.get_mut(&line.variant) {
            variant.allocated -= released;
            variant.on_hand += returned;
        }
    }
    if order.lines.values().all(|line| line.quantity == 0) {
        order.state = "Cancelled".to_owned();
    }
    order.updated = now;
    order.happened = now;
    Some(json!(id.to_string()))
}

/// A buyer's checkout in the shop, paid at once. It goes through although the stock does not suffice: whether that
/// happens is what a test wants to see.
pub fn buy(store: &mut Store, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
    let mut wanted = Vec::new();
    let mut receipt = Vec::new();
    for line in &purchase.lines {
        let (id, variant) = store
            .variant_of(&line.sku)
            .ok_or_else(|| format!("there is no variant with the sku {}", line.sku))?;
        if !store.is_live(variant) {
            return Err(format!("{} is not for sale", line.sku));
        }
        let quantity = i64::try_from(line.quantity).unwrap_or(i64::MAX);
        let in_stock = variant.offered();
        receipt.push(ReceiptLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            in_stock,
            oversold: in_stock.is_some_and(|stock| stock < quantity),
        });
        wanted.push((id, variant.price, quantity));
    }
    if store.orders.is_empty() {
        leave_a_cart(store, &wanted, now);
    }
    let mut order = Order {
        code: String::new(),
        state: "PaymentSettled".to_owned(),
        placed: Some(now),
        updated: now.saturating_sub(PAYING).unwrap_or(now),
        happened: now,
        buyer: purchase.buyer.clone().unwrap_or_else(fictional_buyer),
        lines: Default::default(),
        fulfillments: Default::default(),
        shipping: SHIPPING,
    };
    for (variant, unit_price, quantity) in wanted {
        let id = store.next_id();
        let line = OrderLine {
            variant,
            unit_price,
            placed: quantity,
            quantity,
            released: 0,
            returned: 0,
        };
        order.lines.insert(id, line);
        if let Some(variant) = store.variants.get_mut(&variant) {
            variant.allocated += quantity;
        }
    }
    let id = store.next_id();
    order.code = format!("SANDBOX{id:09}");
    store.orders.insert(id, order);
    Ok(Receipt {
        order_id: id.to_string(),
        lines: receipt,
    })
}

/// Another buyer's cart, which is never paid: lists of orders name it too.
fn leave_a_cart(store: &mut Store, wanted: &[(Id, i64, i64)], now: Timestamp) {
    let (id, line) = (store.next_id(), store.next_id());
    let lines = wanted.first().map(|(variant, unit_price, _)| {
        let own = OrderLine {
            variant: *variant,
            unit_price: *unit_price,
            placed: 0,
            quantity: 1,
            released: 0,
            returned: 0,
        };
        (line, own)
    });
    let cart = Order {
        code: format!("SANDBOX{id:09}"),
        state: "AddingItems".to_owned(),
        placed: None,
        updated: now,
        happened: now,
        buyer: Value::Null,
        lines: lines.into_iter().collect(),
        fulfillments: Default::default(),
        shipping: SHIPPING,
    };
    store.orders.insert(id, cart);
}

/// Nobody: the names say so, and the mail goes to a domain that is reserved for examples.
fn fictional_buyer() -> Value {
    json!({"firstName": "Fictional", "lastName": "Buyer", "fullName": "Fictional Buyer",
        "emailAddress": "fictional.buyer@example.com", "streetLine1": "1 Example Street", "city": "Sampleton",
        "postalCode": "00000", "countryCode": "DE"})
}
