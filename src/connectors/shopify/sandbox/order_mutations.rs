//! Orders that are cancelled, by the seller or by the buyer.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::gid::{Gid, gid};
use super::objects::{Arguments, World};
use super::orders::{Order, Refund, RefundLine, Transaction, move_stock};
use super::shop::Shop;
use super::user_error::{UserError, documents};

/// Longest note for the staff.
const LONGEST_NOTE: usize = 255;

/// `orderCancel`: in a job, which is done by the time it is asked for.
pub fn cancel(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let refused = |field: &str, message: &str, code: &'static str| {
        let errors = documents(&[UserError::new(field, message, code)]);
        json!({"job": null, "orderCancelUserErrors": errors, "userErrors": errors})
    };
    let known = Gid::number(arguments.get("orderId"), "Order");
    let Some(order) = known.and_then(|id| shop.orders.get(id)) else {
        return refused("orderId", "Order does not exist", "NOT_FOUND");
    };
    let id = order.id;
    if order.cancelled.is_some() {
        return refused("orderId", "Order has already been canceled", "INVALID");
    }
    if order.fulfilled_pieces() > 0 {
        return refused(
            "orderId",
            "Cannot cancel an order with fulfillments",
            "INVALID",
        );
    }
    let note = arguments.get("staffNote").and_then(Value::as_str);
    if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return refused("staffNote", "Staff note is too long", "INVALID");
    }
    let reason = arguments
        .get("reason")
        .and_then(Value::as_str)
        .unwrap_or("OTHER");
    let restock = arguments.get("restock") == Some(&json!(true));
    let method = arguments.get("refundMethod").cloned().unwrap_or_default();
    let pays = arguments.get("refund") == Some(&json!(true))
        || method["originalPaymentMethodsRefund"] == json!(true);
    call_off(shop, id, reason, restock, pays, world.now);
    let job = shop.next_id();
    shop.jobs.insert(job);
    json!({
        "job": {"id": gid("Job", job), "done": false},
        "orderCancelUserErrors": [],
        "userErrors": [],
    })
}

/// Cancels all that is not shipped: the pieces go back on offer or are lost, and the money goes back.
pub fn call_off(shop: &mut Shop, id: u64, reason: &str, restock: bool, pays: bool, now: Timestamp) {
    let Some(mut order) = shop.orders.get(id).cloned() else {
        return;
    };
    let kind = if restock { "CANCEL" } else { "NO_RESTOCK" };
    let mut lines = Vec::new();
    let mut moves = Vec::new();
    let open: Vec<(u64, u64, i64)> = order
        .fulfillment_orders
        .iter()
        .flat_map(|one| {
            one.lines
                .iter()
                .map(|line| (one.location, line.line, line.remaining))
        })
        .filter(|(_, _, remaining)| *remaining > 0)
        .collect();
    for (location, line, pieces) in open {
        let Some(sold) = order.lines.iter_mut().find(|one| one.id == line) else {
            continue;
        };
        lines.push(RefundLine {
            id: shop.next_id(),
            line,
            quantity: pieces,
            restock: kind.to_owned(),
            location: restock.then_some(location),
            subtotal: sold.value_of(pieces),
        });
        sold.removed += pieces;
        moves.push((sold.variant, location, pieces));
    }
    for fulfillment_order in &mut order.fulfillment_orders {
        if fulfillment_order
            .lines
            .iter()
            .any(|line| line.remaining > 0)
        {
            fulfillment_order.status = "CANCELLED".to_owned();
            fulfillment_order.updated = now;
        }
        for line in &mut fulfillment_order.lines {
            line.remaining = 0;
        }
    }
    // What was shipped stays sold, and so does its shipping.
    let is_whole = order.fulfilled_pieces() == 0;
    let pieces: Decimal = lines.iter().map(|line| line.subtotal).sum();
    let shipping = match pays && is_whole {
        true => order.current_shipping(),
        false => Decimal::ZERO,
    };
    let transactions = match pays {
        true => give_back(shop, &mut order, pieces + shipping, now),
        false => Vec::new(),
    };
    order.shipping.refunded += shipping;
    order.refunds.push(Refund {
        id: shop.next_id(),
        note: None,
        lines,
        shipping,
        transactions,
        at: now,
    });
    order.cancelled = Some((now, reason.to_owned()));
    order.updated = now;
    shop.orders.keep(order);
    for (variant, location, pieces) in moves {
        let available = if restock { pieces } else { 0 };
        move_stock(shop, variant, location, available, -pieces, now);
    }
}

/// Gives money back, but no more than is left of what was paid.
fn give_back(shop: &mut Shop, order: &mut Order, amount: Decimal, now: Timestamp) -> Vec<u64> {
    let amount = amount.min(order.received() - order.refunded());
    let sale = order
        .transactions
        .iter()
        .find(|one| one.kind == "SALE")
        .cloned();
    let Some(sale) = sale.filter(|_| amount > Decimal::ZERO) else {
        return Vec::new();
    };
    let id = shop.next_id();
    order.transactions.push(Transaction {
        id,
        kind: "REFUND".to_owned(),
        amount,
        gateway: sale.gateway,
        parent: Some(sale.id),
        fee: None,
        at: now,
    });
    vec![id]
}

/// The buyer cancels.
pub fn cancel_by_buyer(shop: &mut Shop, order_id: &str, now: Timestamp) -> Result<(), String> {
    let id = Gid::parse(order_id)
        .map(|gid| gid.id)
        .or_else(|| order_id.parse().ok());
    let order = id
        .and_then(|id| shop.orders.get(id))
        .ok_or_else(|| format!("there is no order {order_id}"))?;
    if order.cancelled.is_some() {
        return Err(format!("order {order_id} is cancelled already"));
    }
    let id = order.id;
    call_off(shop, id, "CUSTOMER", true, true, now);
    Ok(())
}
