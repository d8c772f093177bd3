//! Orders as rows: a head, its lines, its charges, its parcels. Read and written many at a time.

use std::collections::HashMap;

use futures::TryStreamExt;
use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::ids::{ChannelName, ChannelOrderId};
use crate::domain::ledger::OrderFilter;
use crate::domain::order::{Charge, Order, OrderLine, Shipment};

use super::fault::Fault;
use super::rows::{
    ManyRows, count, get, id, json, micros, money, optional_id, optional_time, quantity, time,
    to_json, word,
};

/// An order with what the ledger knows beside it.
#[derive(Debug)]
pub struct StoredOrder {
    pub id: i64,
    pub channel: ChannelName,
    pub first_seen: Timestamp,
    pub order: Order,
    /// By parcel.
    pub shipments: Vec<Shipment>,
}

/// Position of a charge that belongs to the order as a whole.
const WHOLE_ORDER: i64 = -1;

macro_rules! select_heads {
    ($condition:literal) => {
        concat!(
            "SELECT id, channel, channel_order_id, number, status, channel_status, placed_at, \
             updated_at, shipped_at, total, total_currency, first_seen FROM orders WHERE ",
            $condition
        )
    };
}

fn head(row: &SqliteRow) -> Result<StoredOrder, Fault> {
    Ok(StoredOrder {
        id: get(row, 0)?,
        channel: id(row, 1)?,
        first_seen: time(row, 11)?,
        order: Order {
            channel_order_id: id(row, 2)?,
            number: get(row, 3)?,
            status: word(row, 4)?,
            channel_status: get(row, 5)?,
            placed_at: time(row, 6)?,
            updated_at: time(row, 7)?,
            shipped_at: optional_time(row, 8)?,
            total: money(row, 9)?,
            lines: Vec::new(),
            charges: Vec::new(),
        },
        shipments: Vec::new(),
    })
}

/// The orders of these ids that exist.
pub async fn load_named<'a>(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    ids: impl Iterator<Item = &'a ChannelOrderId>,
) -> Result<Vec<StoredOrder>, Fault> {
    let rows = sqlx::query(select_heads!(
        "channel = $1 AND channel_order_id IN (SELECT value FROM json_each($2))"
    ))
    .bind(channel.as_str())
    .bind(json(ids)?)
    .fetch_all(&mut *connection)
    .await?;
    let heads = rows.iter().map(head).collect::<Result<_, _>>()?;
    fill(connection, heads).await
}

/// Newest first.
pub async fn load_filtered(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Vec<StoredOrder>, Fault> {
    let channels = match filter.channels.as_slice() {
        [] => None,
        channels => Some(to_json(&channels)?),
    };
    let mut heads = Vec::new();
    {
        let mut rows = sqlx::query(select_heads!(
            "($1 IS NULL OR channel IN (SELECT value FROM json_each($1))) \
             AND ($2 IS NULL OR status = $2) AND ($3 IS NULL OR placed_at >= $3) \
             AND ($4 IS NULL OR channel_order_id = $4) \
             ORDER BY placed_at DESC, channel, channel_order_id"
        ))
        .bind(channels)
        .bind(filter.status.map(|status| status.as_str()))
        .bind(filter.since.map(micros))
        .bind(filter.id.as_ref().map(ChannelOrderId::as_str))
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            heads.push(head(&row)?);
        }
    }
    fill(connection, heads).await
}

/// Adds lines, charges and shipments.
async fn fill(
    connection: &mut SqliteConnection,
    mut orders: Vec<StoredOrder>,
) -> Result<Vec<StoredOrder>, Fault> {
    if orders.is_empty() {
        return Ok(orders);
    }
    let ids = json(orders.iter().map(|stored| stored.id))?;
    let places: HashMap<i64, usize> = orders
        .iter()
        .enumerate()
        .map(|(place, stored)| (stored.id, place))
        .collect();
    let missing = || Fault::damaged("a row belongs to no order");
    let place = |row: &SqliteRow| -> Result<usize, Fault> {
        places.get(&get(row, 0)?).copied().ok_or_else(missing)
    };

    let mut rows = sqlx::query(
        "SELECT order_id, line_id, sku, title, quantity, canceled, shipped, unit_price, \
         unit_price_currency, tax_included, fulfilled_by FROM order_lines \
         WHERE order_id IN (SELECT value FROM json_each($1)) ORDER BY order_id, position",
    )
    .bind(&ids)
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        orders[place(&row)?].order.lines.push(OrderLine {
            line_id: id(&row, 1)?,
            sku: optional_id(&row, 2)?,
            title: get(&row, 3)?,
            quantity: quantity(&row, 4)?,
            canceled: quantity(&row, 5)?,
            shipped: quantity(&row, 6)?,
            unit_price: money(&row, 7)?,
            tax_included: get(&row, 9)?,
            fulfilled_by: word(&row, 10)?,
            charges: Vec::new(),
        });
    }
    drop(rows);

    let mut rows = sqlx::query(
        "SELECT order_id, line, kind, label, amount, currency FROM charges \
         WHERE order_id IN (SELECT value FROM json_each($1)) ORDER BY order_id, line, position",
    )
    .bind(&ids)
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let order = &mut orders[place(&row)?].order;
        let charge = Charge {
            kind: word(&row, 2)?,
            label: get(&row, 3)?,
            amount: money(&row, 4)?.ok_or_else(missing)?,
        };
        match usize::try_from(get::<i64>(&row, 1)?) {
            Ok(line) => {
                let line = order.lines.get_mut(line).ok_or_else(missing)?;
                line.charges.push(charge);
            }
            Err(_) => order.charges.push(charge),
        }
    }
    drop(rows);

    let mut rows = sqlx::query(
        "SELECT shipment.order_id, parcel, carrier, tracking, shipped_at, completes_order, \
         line.line_id, line.quantity FROM shipments AS shipment \
         LEFT JOIN shipment_lines AS line USING (order_id, parcel) \
         WHERE shipment.order_id IN (SELECT value FROM json_each($1)) \
         ORDER BY shipment.order_id, parcel, line.position",
    )
    .bind(&ids)
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        let stored = &mut orders[place(&row)?];
        let parcel: u32 = get(&row, 1)?;
        if stored.shipments.last().map(|last| last.parcel) != Some(parcel) {
            stored.shipments.push(Shipment {
                channel_order_id: stored.order.channel_order_id.clone(),
                lines: Vec::new(),
                carrier: get(&row, 2)?,
                tracking: get(&row, 3)?,
                shipped_at: time(&row, 4)?,
                completes_order: get(&row, 5)?,
                parcel,
            });
        }
        if let (Some(line), Some(shipment)) = (optional_id(&row, 6)?, stored.shipments.last_mut()) {
            shipment.lines.push((line, quantity(&row, 7)?));
        }
    }
    drop(rows);
    Ok(orders)
}

/// Removes lines and charges of orders that are about to be written again.
pub async fn clear(
    connection: &mut SqliteConnection,
    orders: &[(i64, Order)],
) -> Result<(), Fault> {
    if orders.is_empty() {
        return Ok(());
    }
    let ids = json(orders.iter().map(|(id, _)| id))?;
    for statement in [
        "DELETE FROM charges WHERE order_id IN (SELECT value FROM json_each($1))",
        "DELETE FROM order_lines WHERE order_id IN (SELECT value FROM json_each($1))",
    ] {
        sqlx::query(statement)
            .bind(&ids)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Writes heads, lines and charges under the given ids. A head that exists keeps its `first_seen`.
pub async fn write(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    orders: &[(i64, Order)],
    first_seen: Timestamp,
) -> Result<(), Fault> {
    write_heads(connection, channel, orders, first_seen).await?;
    write_lines(connection, orders).await?;
    write_charges(connection, orders).await
}

async fn write_heads(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    orders: &[(i64, Order)],
    first_seen: Timestamp,
) -> Result<(), Fault> {
    ManyRows {
        head: "INSERT INTO orders (id, channel, channel_order_id, number, status, channel_status, \
               placed_at, updated_at, shipped_at, total, total_currency, first_seen)",
        width: 12,
        tail: " ON CONFLICT (id) DO UPDATE SET number = excluded.number, status = excluded.status, \
               channel_status = excluded.channel_status, placed_at = excluded.placed_at, \
               updated_at = excluded.updated_at, shipped_at = excluded.shipped_at, \
               total = excluded.total, total_currency = excluded.total_currency",
    }
    .with(orders, |(id, order), values| {
        values.put(*id)?.id(channel)?.id(&order.channel_order_id)?;
        values
            .optional_text(order.number.as_deref())?
            .word(order.status.as_str())?;
        values.text(&order.channel_status)?;
        values
            .put(micros(order.placed_at))?
            .put(micros(order.updated_at))?;
        values
            .put(order.shipped_at.map(micros))?
            .money(order.total)?;
        values.put(micros(first_seen))?;
        Ok(())
    })
    .execute(&mut *connection)
    .await?;
    Ok(())
}

async fn write_lines(
    connection: &mut SqliteConnection,
    orders: &[(i64, Order)],
) -> Result<(), Fault> {
    let lines = orders
        .iter()
        .flat_map(|(id, order)| (0i64..).zip(&order.lines).map(move |line| (id, line)));
    ManyRows {
        head: "INSERT INTO order_lines (order_id, position, line_id, sku, title, quantity, \
               canceled, shipped, unit_price, unit_price_currency, tax_included, fulfilled_by)",
        width: 12,
        tail: "",
    }
    .with(lines, |(id, (position, line)), values| {
        values
            .put(*id)?
            .put(position)?
            .id(&line.line_id)?
            .optional_id(line.sku.as_ref())?;
        values
            .optional_text(line.title.as_deref())?
            .put(count(line.quantity))?;
        values
            .put(count(line.canceled))?
            .put(count(line.shipped))?
            .money(line.unit_price)?;
        values
            .put(line.tax_included)?
            .word(line.fulfilled_by.as_str())?;
        Ok(())
    })
    .execute(&mut *connection)
    .await?;
    Ok(())
}

async fn write_charges(
    connection: &mut SqliteConnection,
    orders: &[(i64, Order)],
) -> Result<(), Fault> {
    let mut rows = Vec::new();
    for (id, order) in orders {
        let of_lines = (0i64..).zip(order.lines.iter().map(|line| &line.charges));
        for (line, charges) in of_lines.chain([(WHOLE_ORDER, &order.charges)]) {
            for (position, charge) in (0i64..).zip(charges) {
                rows.push((*id, line, position, charge));
            }
        }
    }
    ManyRows {
        head: "INSERT INTO charges (order_id, line, position, kind, label, amount, currency)",
        width: 7,
        tail: "",
    }
    .with(rows, |(id, line, position, charge), values| {
        values
            .put(id)?
            .put(line)?
            .put(position)?
            .word(charge.kind.as_str())?;
        values.text(&charge.label)?.money(Some(charge.amount))?;
        Ok(())
    })
    .execute(&mut *connection)
    .await?;
    Ok(())
}

const PARCELS: ManyRows = ManyRows {
    head: "INSERT INTO shipments (order_id, parcel, carrier, tracking, shipped_at, \
           completes_order)",
    width: 6,
    tail: "",
};

const PARCEL_LINES: ManyRows = ManyRows {
    head: "INSERT INTO shipment_lines (order_id, parcel, position, line_id, quantity)",
    width: 5,
    tail: "",
};

/// Writes all parcels of these orders anew.
pub async fn write_shipments(
    connection: &mut SqliteConnection,
    orders: &[StoredOrder],
) -> Result<(), Fault> {
    let ids = json(orders.iter().map(|stored| stored.id))?;
    for statement in [
        "DELETE FROM shipment_lines WHERE order_id IN (SELECT value FROM json_each($1))",
        "DELETE FROM shipments WHERE order_id IN (SELECT value FROM json_each($1))",
    ] {
        sqlx::query(statement)
            .bind(&ids)
            .execute(&mut *connection)
            .await?;
    }
    let parcels: Vec<(i64, &Shipment)> = orders
        .iter()
        .flat_map(|stored| stored.shipments.iter().map(|parcel| (stored.id, parcel)))
        .collect();
    PARCELS
        .with(&parcels, |(id, shipment), values| {
            values.put(*id)?.put(shipment.parcel)?;
            values.text(&shipment.carrier)?;
            values.text(&shipment.tracking)?;
            values.put(micros(shipment.shipped_at))?;
            values.put(shipment.completes_order)?;
            Ok(())
        })
        .execute(&mut *connection)
        .await?;
    let lines = parcels.iter().flat_map(|(id, shipment)| {
        let lines = (0i64..).zip(&shipment.lines);
        lines.map(move |line| (*id, shipment.parcel, line))
    });
    PARCEL_LINES
        .with(
            lines,
            |(id, parcel, (position, (line, quantity))), values| {
                values.put(id)?.put(parcel)?.put(position)?;
                values.id(line)?.put(count(*quantity))?;
                Ok(())
            },
        )
        .execute(connection)
        .await?;
    Ok(())
}
