//! Orders: what a pull does to the ledger, our own parcels, and what is asked about orders.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::domain::Error;
use crate::domain::ErrorKind;
use crate::domain::connector::Watermark;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::ids::{ChannelName, ChannelOrderId};
use crate::domain::ledger::{LedgerOrder, OrderFilter, Upserted};
use crate::domain::order::{Order, Shipment, UnreadableOrder};
use crate::domain::stock::SoldLine;

use super::fault::Fault;
use super::listings::move_watermark;
use super::merge::{as_kept, count_shipments, merge, shipped_at};
use super::order_rows::{self, StoredOrder};
use super::rows::{get, id, json, micros, optional_time, quantity, time, to_json, word};
use super::runs::reserve_ids;

/// An order on its way into the ledger.
struct Incoming {
    /// `None` while it is new.
    stored: Option<StoredOrder>,
    /// `None` while nothing changes.
    merged: Option<Order>,
}

impl Incoming {
    fn merge(&mut self, order: Order) {
        let (known, shipments) = match &self.stored {
            Some(stored) => (Some(&stored.order), stored.shipments.as_slice()),
            None => (None, [].as_slice()),
        };
        // The same order may come twice in one call: at the end of one page and at the start of the next.
        let known = self.merged.as_ref().or(known);
        if let Some(merged) = merge(known, order, shipments) {
            self.merged = Some(merged);
        }
    }
}

pub async fn record_orders(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    orders: &[Order],
    unreadable: &[UnreadableOrder],
    watermark: Option<&Watermark>,
    at: Timestamp,
) -> Result<Upserted, Fault> {
    let mut unreadable = unreadable.to_vec();
    let mut readable = Vec::with_capacity(orders.len());
    for order in orders {
        match as_kept(order) {
            Ok(kept) => readable.push(kept),
            Err(reason) => unreadable.push(UnreadableOrder {
                channel_order_id: order.channel_order_id.clone(),
                reason,
                raw: to_json(order)?,
            }),
        }
    }
    let ids: Vec<ChannelOrderId> = readable
        .iter()
        .map(|order| order.channel_order_id.clone())
        .collect();
    let upserted = upsert(connection, channel, readable, at).await?;
    forget_unreadable(connection, channel, &ids).await?;
    keep_unreadable(connection, channel, &unreadable).await?;
    if let Some(watermark) = watermark {
        move_watermark(connection, channel, watermark).await?;
    }
    Ok(upserted)
}

async fn upsert(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    orders: Vec<Order>,
    at: Timestamp,
) -> Result<Upserted, Fault> {
    if orders.is_empty() {
        return Ok(Upserted::default());
    }
    let ids = orders.iter().map(|order| &order.channel_order_id);
    let stored = order_rows::load_named(connection, channel, ids).await?;
    let mut stored: HashMap<ChannelOrderId, StoredOrder> = stored
        .into_iter()
        .map(|stored| (stored.order.channel_order_id.clone(), stored))
        .collect();
    let mut incoming: BTreeMap<ChannelOrderId, Incoming> = BTreeMap::new();
    for order in orders {
        incoming
            .entry(order.channel_order_id.clone())
            .or_insert_with_key(|id| Incoming {
                stored: stored.remove(id),
                merged: None,
            })
            .merge(order);
    }

    let mut upserted = Upserted::default();
    let mut new = Vec::new();
    let mut updated = Vec::new();
    for Incoming { stored, merged } in incoming.into_values() {
        match (stored, merged) {
            (None, Some(order)) => new.push(order),
            (Some(stored), Some(order)) => updated.push((stored.id, order)),
            (_, None) => upserted.unchanged += 1,
        }
    }
    upserted.new = new.len() as u64;
    upserted.updated = updated.len() as u64;
    let first = reserve_ids(connection, "last_order", new.len()).await?;
    order_rows::clear(connection, &updated).await?;
    let rows: Vec<(i64, Order)> = (first..).zip(new).chain(updated).collect();
    order_rows::write(connection, channel, &rows, at).await?;
    Ok(upserted)
}

async fn forget_unreadable(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    readable: &[ChannelOrderId],
) -> Result<(), Fault> {
    sqlx::query(
        "DELETE FROM unreadable_orders WHERE channel = $1 \
         AND channel_order_id IN (SELECT value FROM json_each($2)) AND channel_order_id <> ''",
    )
    .bind(channel.as_str())
    .bind(json(readable)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn keep_unreadable(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    unreadable: &[UnreadableOrder],
) -> Result<(), Fault> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let rows = json(unreadable.iter().map(|order| {
        let id = &order.channel_order_id;
        let content = id.as_str().is_empty().then(|| {
            let mut print = Fingerprinter::default();
            String::from(print.text(&order.raw).finish())
        });
        (id, content.unwrap_or_default(), &order.reason, &order.raw)
    }))?;
    sqlx::query(
        "INSERT INTO unreadable_orders (channel, channel_order_id, content, reason, raw) \
         SELECT $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3 \
         FROM jsonb_each($1) WHERE true \
         ON CONFLICT (channel, channel_order_id, content) \
         DO UPDATE SET reason = excluded.reason, raw = excluded.raw",
    )
    .bind(rows)
    .bind(channel.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn unreadable_orders(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<Vec<UnreadableOrder>, Fault> {
    sqlx::query(
        "SELECT channel_order_id, reason, raw FROM unreadable_orders WHERE channel = $1 \
         ORDER BY channel_order_id, content",
    )
    .bind(channel.as_str())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(UnreadableOrder {
            channel_order_id: id(row, 0)?,
            reason: get(row, 1)?,
            raw: get(row, 2)?,
        })
    })
    .collect()
}

/// By the time of placing, then by channel and id.
pub async fn orders(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Vec<LedgerOrder>, Fault> {
    let stored = order_rows::load_filtered(connection, filter).await?;
    Ok(stored
        .into_iter()
        .map(|stored| LedgerOrder {
            channel: stored.channel,
            order: stored.order,
            first_seen: stored.first_seen,
            shipments: stored.shipments,
        })
        .collect())
}

/// Oldest order first. Leaves out orders of which nothing leaves the shelf, and lines that name no sku: they reserve nothing.
pub async fn sold_lines(
    connection: &mut SqliteConnection,
    oldest: Timestamp,
) -> Result<Vec<SoldLine>, Fault> {
    sqlx::query(
        "SELECT orders.channel, orders.channel_order_id, line.sku, line.quantity, line.canceled, \
         line.shipped, orders.status, line.fulfilled_by, orders.placed_at, orders.shipped_at \
         FROM orders JOIN order_lines AS line ON line.order_id = orders.id \
         WHERE orders.known_after > $1 AND line.sku IS NOT NULL \
         ORDER BY orders.placed_at, orders.id, line.position",
    )
    // Rounded down: a line of this very microsecond is rather told once too often.
    .bind(micros(oldest).saturating_sub(1))
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(SoldLine {
            channel: id(row, 0)?,
            channel_order_id: id(row, 1)?,
            sku: id(row, 2)?,
            quantity: quantity(row, 3)?,
            canceled: quantity(row, 4)?,
            shipped: quantity(row, 5)?,
            status: word(row, 6)?,
            fulfilled_by: word(row, 7)?,
            placed_at: time(row, 8)?,
            shipped_at: optional_time(row, 9)?,
        })
    })
    .collect()
}

/// A parcel that is recorded again replaces itself.
pub async fn record_shipments(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    shipments: &[Shipment],
) -> Result<(), Fault> {
    let ids = shipments.iter().map(|shipment| &shipment.channel_order_id);
    let mut stored: BTreeMap<ChannelOrderId, StoredOrder> =
        order_rows::load_named(connection, channel, ids)
            .await?
            .into_iter()
            .map(|stored| (stored.order.channel_order_id.clone(), stored))
            .collect();
    for shipment in shipments {
        let Some(order) = stored.get_mut(&shipment.channel_order_id) else {
            let id = shipment.channel_order_id.as_str();
            return Err(Fault::Told(
                Error::new(
                    ErrorKind::NotFound,
                    format!("order `{id}` is not in the ledger"),
                )
                .with("channel", channel.as_str())
                .hint("run `skucast pull` first"),
            ));
        };
        order
            .shipments
            .retain(|other| other.parcel != shipment.parcel);
        order.shipments.push(shipment.clone());
    }
    let mut changed = Vec::new();
    for stored in stored.values_mut() {
        let mut order = stored.order.clone();
        count_shipments(&mut order, &stored.shipments);
        order.shipped_at = shipped_at(Some(&stored.order), &order, &stored.shipments);
        if order != stored.order {
            changed.push((stored.id, order));
        }
    }
    let stored: Vec<StoredOrder> = stored.into_values().collect();
    order_rows::write_shipments(connection, &stored).await?;
    order_rows::clear(connection, &changed).await?;
    // The orders exist, so that the time of first sight is not used.
    order_rows::write(connection, channel, &changed, Timestamp::UNIX_EPOCH).await
}
