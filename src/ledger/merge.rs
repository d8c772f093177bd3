//! What becomes of an order when the channel speaks of it again, or when we ship it ourselves. Pure.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::ids::LineId;
use crate::domain::money::Money;
use crate::domain::order::{Charge, Order, OrderStatus, Shipment};

use super::rows::{fitting_micros, kept_time};

/// The order as the ledger keeps it: times to the microsecond, money to the millionth. The error says what does
/// not fit into a row.
pub fn as_kept(order: &Order) -> Result<Order, String> {
    let mut kept = order.clone();
    kept.placed_at = kept_time(kept.placed_at);
    kept.updated_at = kept_time(kept.updated_at);
    kept.shipped_at = kept.shipped_at.map(kept_time);
    if let Some(total) = &mut kept.total {
        keep_money(total)?;
    }
    keep_charges(&mut kept.charges)?;
    for line in &mut kept.lines {
        for quantity in [line.quantity, line.canceled, line.shipped] {
            i64::try_from(quantity)
                .map_err(|_| format!("{quantity} pieces are more than anybody can sell"))?;
        }
        if let Some(price) = &mut line.unit_price {
            keep_money(price)?;
        }
        keep_charges(&mut line.charges)?;
    }
    Ok(kept)
}

fn keep_charges(charges: &mut [Charge]) -> Result<(), String> {
    charges
        .iter_mut()
        .try_for_each(|charge| keep_money(&mut charge.amount))
}

fn keep_money(money: &mut Money) -> Result<(), String> {
    let micros = fitting_micros(*money)
        .ok_or_else(|| format!("the amount {} is too large to be money", money.amount))?;
    *money = Money::from_micros(micros, money.currency);
    Ok(())
}

/// The order after `incoming` was pulled; `None` when that changes nothing or is older than what is known.
/// `shipments` are the parcels that we told the channel of.
pub fn merge(stored: Option<&Order>, incoming: Order, shipments: &[Shipment]) -> Option<Order> {
    if stored.is_some_and(|stored| incoming.updated_at < stored.updated_at) {
        return None;
    }
    let mut merged = incoming;
    count_shipments(&mut merged, shipments);
    merged.shipped_at = shipped_at(stored, &merged, shipments);
    (stored != Some(&merged)).then_some(merged)
}

/// Channels report late what we shipped ourselves: our own parcels are counted whatever they say, unless nothing
/// is sold any more. Parcels that the channel knows of and those that we know of may be the same ones, so that the
/// larger number holds and not the sum.
pub fn count_shipments(order: &mut Order, shipments: &[Shipment]) {
    if shipments.is_empty() || order.status.is_void() {
        return;
    }
    let mut ours: HashMap<&LineId, u64> = HashMap::new();
    for (line, quantity) in shipments.iter().flat_map(|shipment| &shipment.lines) {
        let sum = ours.entry(line).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    for line in &mut order.lines {
        let shipped = ours.get(&line.line_id).copied().unwrap_or(0);
        line.shipped = line.shipped.max(shipped.min(line.quantity));
    }
    if matches!(
        order.status,
        OrderStatus::Pending | OrderStatus::Open | OrderStatus::PartiallyShipped
    ) {
        order.status = if completes(order, shipments) {
            OrderStatus::Shipped
        } else {
            OrderStatus::PartiallyShipped
        };
    }
}

fn completes(order: &Order, shipments: &[Shipment]) -> bool {
    shipments.iter().any(|shipment| shipment.completes_order)
        || order
            .lines
            .iter()
            .all(|line| line.shipped.saturating_add(line.canceled) >= line.quantity)
}

/// When the last of it left, as the channel tells, as our parcels tell, or else when it was first seen shipped.
/// Of two answers the later holds: a stock figure from in between may not know the parcel, and believing that it
/// does would sell the same piece twice.
pub fn shipped_at(
    stored: Option<&Order>,
    order: &Order,
    shipments: &[Shipment],
) -> Option<Timestamp> {
    let has_left =
        |status: OrderStatus| matches!(status, OrderStatus::Shipped | OrderStatus::Refunded);
    let parcels = shipments
        .iter()
        .map(|shipment| kept_time(shipment.shipped_at))
        .max();
    let known = stored
        .filter(|stored| has_left(stored.status))
        .and_then(|stored| stored.shipped_at);
    match order.status {
        OrderStatus::Canceled | OrderStatus::Failed => order.shipped_at,
        _ if order.shipped_at.is_some() => order.shipped_at.max(parcels),
        OrderStatus::Shipped | OrderStatus::Refunded if known.is_some() => known.max(parcels),
        OrderStatus::Shipped if shipments.is_empty() || !completes(order, shipments) => {
            Some(order.updated_at).max(parcels)
        }
        _ => parcels,
    }
}
