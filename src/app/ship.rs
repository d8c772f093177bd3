//! Tells channels that parcels have left.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Channel;
use super::contact::failed;
use crate::domain::connector::Outcome;
use crate::domain::ids::{ChannelName, ChannelOrderId, LineId, Sku};
use crate::domain::issue::{Issue, Source};
use crate::domain::ledger::{Ledger, LedgerOrder, OrderFilter};
use crate::domain::order::{FulfilledBy, OrderStatus, Shipment};
use crate::domain::{Error, Result};

/// One row of the seller's list of parcels.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub order: String,
    /// Needed only when two channels use the same order id.
    pub channel: Option<ChannelName>,
    pub carrier: String,
    pub tracking: String,
    /// Without a sku the parcel holds all that is left of the order.
    pub sku: Option<Sku>,
    pub quantity: Option<u64>,
    pub shipped_at: Option<Timestamp>,
    pub source: Source,
}

#[derive(Debug, Default, Serialize)]
pub struct Shipped {
    pub confirmed: u64,
    /// The ledger has this parcel already.
    pub known: u64,
    pub failed: u64,
    pub issues: Vec<Issue>,
}

/// Confirms parcels, each once: a list that is given again confirms only what is new.
pub async fn ship(
    channels: &[Arc<Channel>],
    ledger: &Arc<dyn Ledger>,
    parcels: Vec<Parcel>,
    now: Timestamp,
) -> Result<Shipped> {
    let mut shipped = Shipped::default();
    let mut ready: BTreeMap<ChannelName, Vec<(Shipment, Source)>> = BTreeMap::new();
    // Rows with one order and one tracking number are one parcel.
    let mut grouped: BTreeMap<(String, String), Vec<Parcel>> = BTreeMap::new();
    for parcel in parcels {
        grouped
            .entry((parcel.order.clone(), parcel.tracking.clone()))
            .or_default()
            .push(parcel);
    }
    let mut numbers: HashMap<ChannelOrderId, u32> = HashMap::new();
    for ((order_id, _), rows) in grouped {
        let source = rows[0].source.clone();
        let orders = ledger
            .orders(&OrderFilter {
                id: Some(ChannelOrderId::new(&order_id)),
                ..OrderFilter::default()
            })
            .await?;
        match prepare(orders, &rows, &mut numbers, now) {
            Ok(Some((channel, shipment))) => {
                ready.entry(channel).or_default().push((shipment, source))
            }
            Ok(None) => shipped.known += 1,
            Err(issue) => {
                shipped.failed += 1;
                shipped.issues.push(Issue {
                    source: Some(source),
                    ..*issue
                });
            }
        }
    }
    for (name, shipments) in ready {
        match channels.iter().find(|channel| channel.name == name) {
            Some(channel) => confirm(channel, ledger, shipments, &mut shipped).await?,
            None => {
                shipped.failed += shipments.len() as u64;
                let message = format!(
                    "the orders of `{name}` cannot be shipped: the channel is not configured"
                );
                shipped
                    .issues
                    .push(Issue::error("unknown_channel", message).channel(&name));
            }
        }
    }
    Ok(shipped)
}

/// Finds the order and what of it this parcel holds. `None` when the parcel is in the ledger already.
fn prepare(
    orders: Vec<LedgerOrder>,
    rows: &[Parcel],
    numbers: &mut HashMap<ChannelOrderId, u32>,
    now: Timestamp,
) -> Result<Option<(ChannelName, Shipment)>, Box<Issue>> {
    let first = &rows[0];
    let problem = |code: &str, message: String, hint: &str| {
        Box::new(Issue::error(code, message).hint(hint).field("order"))
    };
    let mut orders: Vec<_> = orders
        .into_iter()
        .filter(|order| {
            first
                .channel
                .as_ref()
                .is_none_or(|name| *name == order.channel)
        })
        .collect();
    if orders.len() > 1 {
        let message = format!("order {} exists on several channels", first.order);
        return Err(problem(
            "order_ambiguous",
            message,
            "add a `channel` column",
        ));
    }
    let Some(entry) = orders.pop() else {
        let message = format!("order {} is not in the ledger", first.order);
        return Err(problem(
            "order_unknown",
            message,
            "pull first, and check the id and the channel",
        ));
    };
    if entry
        .shipments
        .iter()
        .any(|known| known.tracking == first.tracking)
    {
        return Ok(None);
    }
    let order = &entry.order;
    if order.status.is_void() || order.status == OrderStatus::Pending {
        let message = format!(
            "order {} is {} and must not be shipped",
            first.order,
            order.status.as_str()
        );
        return Err(problem(
            "order_not_open",
            message,
            "leave it out of the list",
        ));
    }
    let mut left: Vec<(LineId, Option<Sku>, u64)> = order
        .lines
        .iter()
        .filter(|line| line.fulfilled_by == FulfilledBy::Seller)
        .map(|line| {
            (
                line.line_id.clone(),
                line.sku.clone(),
                line.quantity.saturating_sub(line.canceled + line.shipped),
            )
        })
        .filter(|(_, _, quantity)| *quantity > 0)
        .collect();
    let mut lines: Vec<(LineId, u64)> = Vec::new();
    for row in rows {
        match &row.sku {
            None if row.quantity.is_some() => {
                let message = "a quantity needs the sku that it counts".to_owned();
                return Err(problem(
                    "quantity_without_sku",
                    message,
                    "add the sku, or leave the quantity away to ship all that is left",
                ));
            }
            None => {
                lines.extend(
                    left.iter_mut()
                        .filter(|line| line.2 > 0)
                        .map(|line| (line.0.clone(), std::mem::take(&mut line.2))),
                );
            }
            Some(sku) => {
                let Some(line) = left
                    .iter_mut()
                    .find(|line| line.1.as_ref() == Some(sku) && line.2 > 0)
                else {
                    let message =
                        format!("order {} has nothing of `{sku}` left to ship", first.order);
                    return Err(problem(
                        "nothing_to_ship",
                        message,
                        "check the sku and what was shipped before",
                    ));
                };
                let quantity = row.quantity.unwrap_or(line.2);
                if quantity == 0 || quantity > line.2 {
                    let message = format!(
                        "order {} has {} of `{sku}` left to ship, not {quantity}",
                        first.order, line.2
                    );
                    return Err(problem("too_many_to_ship", message, "correct the quantity"));
                }
                line.2 -= quantity;
                lines.push((line.0.clone(), quantity));
            }
        }
    }
    if lines.is_empty() {
        let message = format!("nothing of order {} is left to ship", first.order);
        return Err(problem(
            "nothing_to_ship",
            message,
            "leave it out of the list",
        ));
    }
    let number = numbers
        .entry(order.channel_order_id.clone())
        .or_insert(entry.shipments.len() as u32);
    *number += 1;
    let shipment = Shipment {
        channel_order_id: order.channel_order_id.clone(),
        lines,
        carrier: first.carrier.clone(),
        tracking: first.tracking.clone(),
        shipped_at: first.shipped_at.unwrap_or(now),
        completes_order: left.iter().all(|line| line.2 == 0),
        parcel: *number,
    };
    Ok(Some((entry.channel, shipment)))
}

async fn confirm(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    shipments: Vec<(Shipment, Source)>,
    shipped: &mut Shipped,
) -> Result<()> {
    let descriptor = channel.connector.descriptor();
    let size = descriptor.limits.shipment_batch.max(1);
    for portion in shipments.chunks(size) {
        let batch: Vec<Shipment> = portion
            .iter()
            .map(|(shipment, _)| shipment.clone())
            .collect();
        let outcomes = match channel.connector.confirm_shipments(&batch).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                for (shipment, source) in portion {
                    shipped.failed += 1;
                    shipped.issues.push(trouble(
                        channel,
                        &shipment.channel_order_id,
                        &error,
                        source,
                    ));
                }
                continue;
            }
        };
        let mut recorded = Vec::new();
        let mut by_order: HashMap<ChannelOrderId, Vec<Outcome>> = HashMap::new();
        for outcome in outcomes {
            by_order
                .entry(outcome.key)
                .or_default()
                .push(outcome.outcome);
        }
        for (shipment, source) in portion {
            let outcomes = by_order.get_mut(&shipment.channel_order_id);
            let outcome = outcomes
                .filter(|left| !left.is_empty())
                .map(|left| left.remove(0));
            match outcome {
                Some(Outcome::Applied { .. } | Outcome::Accepted { .. }) => {
                    shipped.confirmed += 1;
                    recorded.push(shipment.clone());
                }
                Some(Outcome::Rejected(issues)) => {
                    shipped.failed += 1;
                    shipped.issues.extend(issues.into_iter().map(|issue| Issue {
                        source: Some(source.clone()),
                        ..issue.channel(&channel.name)
                    }));
                }
                Some(Outcome::Failed(error) | Outcome::Unknown(error)) => {
                    shipped.failed += 1;
                    shipped.issues.push(trouble(
                        channel,
                        &shipment.channel_order_id,
                        &error,
                        source,
                    ));
                }
                None => {
                    shipped.failed += 1;
                    let error =
                        Error::unexpected("the connector named no outcome for this shipment");
                    shipped.issues.push(trouble(
                        channel,
                        &shipment.channel_order_id,
                        &error,
                        source,
                    ));
                }
            }
        }
        ledger.record_shipments(&channel.name, &recorded).await?;
    }
    Ok(())
}

fn trouble(channel: &Channel, order: &ChannelOrderId, error: &Error, source: &Source) -> Issue {
    let issue = failed(channel, &Sku::new(""), error);
    Issue {
        sku: None,
        code: "shipment_not_confirmed".to_owned(),
        message: format!("order {order}: {}", issue.message),
        source: Some(source.clone()),
        hint: Some("give the same list again: what is confirmed is not sent twice".to_owned()),
        ..issue
    }
}
