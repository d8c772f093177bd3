//! Money and pieces that are given back.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::entities::{Told, short_list};
use super::gid::{Gid, gid};
use super::objects::{Arguments, World};
use super::order_view::{shipping as shipping_line, transaction};
use super::orders::{Order, Refund, RefundLine, Transaction, move_stock, tax_in};
use super::shop::{self, Shop, money_bag};
use super::text::moment;
use super::user_error::{UserError, documents};
use super::variant_input::decimal;

/// `refundCreate`: pieces, shipping and money are told each for itself; money moves only by transactions.
pub fn create(world: &World<'_>, arguments: &Arguments) -> Value {
    let mut shop = world.shop();
    let shop: &mut Shop = &mut shop;
    let input = arguments.get("input").cloned().unwrap_or_default();
    let refused = |order: Option<u64>, error: UserError| {
        json!({
            "order": order.map(|id| gid("Order", id)),
            "refund": null,
            "userErrors": documents(&[error]),
        })
    };
    let known = Gid::number(input.get("orderId"), "Order");
    let Some(mut order) = known.and_then(|id| shop.orders.get(id).cloned()) else {
        return refused(None, UserError::plain("orderId", "Order does not exist"));
    };
    let id = order.id;
    let mut lines = Vec::new();
    for (index, one) in input["refundLineItems"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        match read_line(shop, &order, &lines, one) {
            Ok(line) => lines.push(line),
            Err((field, message)) => {
                let field = format!("refundLineItems.{index}.{field}");
                return refused(Some(id), UserError::plain(&field, message));
            }
        }
    }
    let shipping = match &input["shipping"] {
        sent if sent["fullRefund"] == json!(true) => order.current_shipping(),
        sent => decimal(&sent["amount"]).unwrap_or_default(),
    };
    if shipping > order.current_shipping() {
        let message = "Refund shipping amount is too high";
        return refused(Some(id), UserError::plain("shipping", message));
    }
    let sent = input["transactions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let money: Decimal = sent.iter().filter_map(|one| decimal(&one["amount"])).sum();
    let too_much =
        input["allowOverRefunding"] != json!(true) && money > order.received() - order.refunded();
    if too_much {
        let message = "Refund amount is more than what is left to refund";
        return refused(Some(id), UserError::plain("transactions", message));
    }
    let mut transactions = Vec::new();
    for one in &sent {
        let transaction = Transaction {
            id: shop.next_id(),
            kind: "REFUND".to_owned(),
            amount: decimal(&one["amount"]).unwrap_or_default(),
            gateway: one["gateway"].as_str().unwrap_or_default().to_owned(),
            parent: Gid::number(one.get("parentId"), "OrderTransaction"),
            fee: None,
            at: world.now,
        };
        transactions.push(transaction.id);
        order.transactions.push(transaction);
    }
    let mut moves = Vec::new();
    for line in &lines {
        take_off(&mut order, line, &mut moves);
    }
    order.shipping.refunded += shipping;
    let refund = shop.next_id();
    order.refunds.push(Refund {
        id: refund,
        note: input["note"].as_str().map(str::to_owned),
        lines,
        shipping,
        transactions,
        at: world.now,
    });
    order.updated = world.now;
    shop.orders.keep(order);
    for (variant, location, available, committed) in moves {
        move_stock(shop, variant, location, available, committed, world.now);
    }
    json!({
        "order": gid("Order", id),
        "refund": gid("Refund", refund),
        "userErrors": [],
    })
}

fn read_line(
    shop: &mut Shop,
    order: &Order,
    before: &[RefundLine],
    sent: &Value,
) -> Result<RefundLine, (&'static str, &'static str)> {
    let id = Gid::number(sent.get("lineItemId"), "LineItem");
    let line = id.and_then(|id| order.line(id));
    let line = line.ok_or(("lineItemId", "Line item does not exist on the order"))?;
    let quantity = sent["quantity"].as_i64().unwrap_or_default();
    let taken = before
        .iter()
        .filter(|one| one.line == line.id)
        .map(|one| one.quantity);
    if quantity < 1 || quantity > line.current() - taken.sum::<i64>() {
        return Err((
            "quantity",
            "Quantity cannot refund more items than were purchased",
        ));
    }
    let restock = sent["restockType"].as_str().unwrap_or("NO_RESTOCK");
    let stated = Gid::number(sent.get("locationId"), "Location");
    let location = stated.filter(|id| shop::location(*id).is_some());
    if restock == "RETURN" && location.is_none() {
        return Err(("locationId", "A location is needed to restock"));
    }
    if restock == "CANCEL" && order.unfulfilled(line.id) < quantity {
        return Err((
            "restockType",
            "Only pieces that are not shipped can be cancelled",
        ));
    }
    Ok(RefundLine {
        id: shop.next_id(),
        line: line.id,
        quantity,
        restock: restock.to_owned(),
        location,
        subtotal: line.value_of(quantity),
    })
}

/// A move of stock: variant, location, available, committed.
type Move = (u64, u64, i64, i64);

/// Takes pieces off an order. What is not shipped needs no shipping any more; what comes back goes on offer.
fn take_off(order: &mut Order, refunded: &RefundLine, moves: &mut Vec<Move>) {
    let Some(line) = order.lines.iter_mut().find(|line| line.id == refunded.line) else {
        return;
    };
    line.removed += refunded.quantity;
    let variant = line.variant;
    let mut left = refunded.quantity;
    for fulfillment_order in &mut order.fulfillment_orders {
        let location = fulfillment_order.location;
        let lines = &mut fulfillment_order.lines;
        for one in lines.iter_mut().filter(|one| one.line == refunded.line) {
            let pieces = left.min(one.remaining);
            one.remaining -= pieces;
            left -= pieces;
            let restocked = refunded.restock != "NO_RESTOCK";
            moves.push((
                variant,
                location,
                if restocked { pieces } else { 0 },
                -pieces,
            ));
        }
        let is_open = matches!(fulfillment_order.status.as_str(), "OPEN" | "IN_PROGRESS");
        if is_open && fulfillment_order.lines.iter().all(|one| one.remaining == 0) {
            fulfillment_order.status = "CLOSED".to_owned();
        }
    }
    if let Some(location) = refunded
        .location
        .filter(|_| refunded.restock == "RETURN" && left > 0)
    {
        moves.push((variant, location, left, 0));
    }
}

/// A field of a refund.
pub fn refund(shop: &Shop, id: u64, name: &str, arguments: &Arguments) -> Told {
    let Some((order, refund)) = shop.orders.of_refund(id) else {
        return Ok(Some(Value::Null));
    };
    Ok(Some(match name {
        "id" => json!(gid("Refund", id)),
        "legacyResourceId" => json!(id.to_string()),
        "createdAt" | "updatedAt" => json!(moment(refund.at)),
        "note" => json!(refund.note),
        "order" => json!(gid("Order", order.id)),
        "totalRefundedSet" => {
            let paid = order
                .transactions
                .iter()
                .filter(|one| refund.transactions.contains(&one.id));
            money_bag(paid.map(|one| one.amount).sum())
        }
        "refundLineItems" => {
            let lines = refund
                .lines
                .iter()
                .filter_map(|line| refund_line(order, line));
            return short_list(arguments, lines.collect());
        }
        "transactions" => {
            let paid = order
                .transactions
                .iter()
                .filter(|one| refund.transactions.contains(&one.id));
            return short_list(arguments, paid.map(|one| transaction(order, one)).collect());
        }
        "refundShippingLines" => {
            let line = (!refund.shipping.is_zero()).then(|| {
                let tax = tax_in(refund.shipping);
                json!({
                    "id": gid("RefundShippingLine", refund.id),
                    "shippingLine": shipping_line(order),
                    "subtotalAmountSet": money_bag(refund.shipping),
                    "taxAmountSet": money_bag(tax),
                })
            });
            return short_list(arguments, line.into_iter().collect());
        }
        _ => return Ok(None),
    }))
}

fn refund_line(order: &Order, line: &RefundLine) -> Option<Value> {
    let sold = order.line(line.line)?;
    Some(json!({
        "id": gid("RefundLineItem", line.id),
        "lineItem": gid("LineItem", line.line),
        "location": line.location.map(|id| gid("Location", id)),
        "quantity": line.quantity,
        "restockType": line.restock,
        "restocked": line.restock != "NO_RESTOCK",
        "priceSet": money_bag(sold.unit),
        "subtotalSet": money_bag(line.subtotal),
        "totalTaxSet": money_bag(sold.tax_on(line.subtotal)),
    }))
}
