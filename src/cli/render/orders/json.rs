//! `orders list --json`, `orders show --json` and `orders export --format json`.

use jiff::Timestamp;
use serde::Serialize;

use super::super::text::amount;
use crate::cli::documents::VERSION;
use crate::domain::ids::{ChannelName, ChannelOrderId, LineId, Sku};
use crate::domain::ledger::LedgerOrder;
use crate::domain::order::{Charge, FulfilledBy, OrderLine, OrderStatus, Shipment};

#[derive(Debug, Serialize)]
pub struct OrdersDocument<'a> {
    version: u32,
    orders: Vec<OrderView<'a>>,
}

#[derive(Debug, Serialize)]
struct OrderView<'a> {
    channel: &'a ChannelName,
    channel_order_id: &'a ChannelOrderId,
    number: Option<&'a str>,
    status: OrderStatus,
    channel_status: &'a str,
    placed_at: Timestamp,
    updated_at: Timestamp,
    shipped_at: Option<Timestamp>,
    first_seen: Timestamp,
    currency: Option<&'static str>,
    /// In `currency`, like every amount that has no currency of its own beside it.
    total: Option<String>,
    lines: Vec<LineView<'a>>,
    charges: Vec<ChargeView<'a>>,
    shipments: Vec<ShipmentView<'a>>,
}

#[derive(Debug, Serialize)]
struct LineView<'a> {
    line_id: &'a LineId,
    sku: Option<&'a Sku>,
    title: Option<&'a str>,
    quantity: u64,
    canceled: u64,
    shipped: u64,
    currency: Option<&'static str>,
    unit_price: Option<String>,
    tax_included: bool,
    fulfilled_by: FulfilledBy,
    charges: Vec<ChargeView<'a>>,
}

#[derive(Debug, Serialize)]
struct ChargeView<'a> {
    kind: &'static str,
    label: &'a str,
    currency: &'static str,
    amount: String,
}

#[derive(Debug, Serialize)]
struct ShipmentView<'a> {
    parcel: u32,
    carrier: &'a str,
    tracking: &'a str,
    shipped_at: Timestamp,
    lines: Vec<ShippedLine<'a>>,
}

#[derive(Debug, Serialize)]
struct ShippedLine<'a> {
    line_id: &'a LineId,
    quantity: u64,
}

pub fn document(orders: &[LedgerOrder]) -> OrdersDocument<'_> {
    OrdersDocument {
        version: VERSION,
        orders: orders.iter().map(order).collect(),
    }
}

fn order(entry: &LedgerOrder) -> OrderView<'_> {
    let order = &entry.order;
    OrderView {
        channel: &entry.channel,
        channel_order_id: &order.channel_order_id,
        number: order.number.as_deref(),
        status: order.status,
        channel_status: &order.channel_status,
        placed_at: order.placed_at,
        updated_at: order.updated_at,
        shipped_at: order.shipped_at,
        first_seen: entry.first_seen,
        currency: super::csv::currency(entry),
        total: order.total.as_ref().map(amount),
        lines: order.lines.iter().map(line).collect(),
        charges: order.charges.iter().map(charge).collect(),
        shipments: entry.shipments.iter().map(shipment).collect(),
    }
}

fn line(line: &OrderLine) -> LineView<'_> {
    LineView {
        line_id: &line.line_id,
        sku: line.sku.as_ref(),
        title: line.title.as_deref(),
        quantity: line.quantity,
        canceled: line.canceled,
        shipped: line.shipped,
        currency: line.unit_price.map(|price| price.currency.code()),
        unit_price: line.unit_price.as_ref().map(amount),
        tax_included: line.tax_included,
        fulfilled_by: line.fulfilled_by,
        charges: line.charges.iter().map(charge).collect(),
    }
}

fn charge(charge: &Charge) -> ChargeView<'_> {
    ChargeView {
        kind: charge.kind.as_str(),
        label: &charge.label,
        currency: charge.amount.currency.code(),
        amount: amount(&charge.amount),
    }
}

fn shipment(shipment: &Shipment) -> ShipmentView<'_> {
    ShipmentView {
        parcel: shipment.parcel,
        carrier: &shipment.carrier,
        tracking: &shipment.tracking,
        shipped_at: shipment.shipped_at,
        lines: shipment
            .lines
            .iter()
            .map(|(line_id, quantity)| ShippedLine {
                line_id,
                quantity: *quantity,
            })
            .collect(),
    }
}
