//! Orders as a list, as one sheet, as CSV and as JSON. Buyers' data is not part of an order here.

mod csv;
mod json;

use std::collections::BTreeMap;

use comfy_table::Cell;
use rust_decimal::Decimal;

use super::text::{
    Paint, Tone, cells, clean, counted, indented, moment, money, number, relative, short, table,
};
use crate::domain::ledger::LedgerOrder;
use crate::domain::money::Money;
use crate::domain::order::{Charge, FulfilledBy, OrderStatus};
use jiff::Timestamp;

pub use csv::{COLUMNS, csv};
pub use json::{OrdersDocument, document};

fn status_tone(status: OrderStatus) -> Tone {
    match status {
        OrderStatus::Open | OrderStatus::PartiallyShipped => Tone::Strong,
        OrderStatus::Pending => Tone::Warning,
        OrderStatus::Shipped => Tone::Good,
        OrderStatus::Canceled | OrderStatus::Refunded | OrderStatus::Failed => Tone::Faint,
    }
}

/// One line per order, in the order given.
pub fn list(orders: &[LedgerOrder], now: Timestamp, paint: Paint) -> String {
    if orders.is_empty() {
        return "No orders.\n".to_owned();
    }
    let rows = orders.iter().map(|entry| {
        let order = &entry.order;
        let pieces: u64 = order.lines.iter().map(|line| line.quantity).sum();
        let total = order.total.as_ref().map_or_else(|| "-".to_owned(), money);
        vec![
            Cell::new(clean(entry.channel.as_str())),
            Cell::new(clean(order.channel_order_id.as_str())),
            paint.cell(status_tone(order.status), order.status.as_str()),
            Cell::new(relative(order.placed_at, now)),
            Cell::new(number(pieces)),
            Cell::new(total),
            Cell::new(what(entry)),
        ]
    });
    let header = [
        "channel", "order", "status", "placed", "pieces", "total", "skus",
    ];
    let mut out = table(paint, &header, rows.collect(), &[4, 5]);
    out.push_str(&format!(
        "\n{}\n",
        counted(orders.len() as u64, "order", "orders")
    ));
    out
}

/// The first skus of an order.
fn what(entry: &LedgerOrder) -> String {
    const SHOWN: usize = 3;
    let lines = &entry.order.lines;
    let mut parts: Vec<String> = lines
        .iter()
        .take(SHOWN)
        .map(|line| {
            line.sku
                .as_ref()
                .map_or_else(|| "(unknown)".to_owned(), |sku| short(sku.as_str(), 24))
        })
        .collect();
    if lines.len() > SHOWN {
        parts.push(format!("+{}", lines.len() - SHOWN));
    }
    parts.join(", ")
}

/// Everything that the ledger knows of one order.
pub fn show(entry: &LedgerOrder, now: Timestamp, paint: Paint) -> String {
    let order = &entry.order;
    let title = format!(
        "Order {} on {}",
        clean(order.channel_order_id.as_str()),
        clean(entry.channel.as_str())
    );
    let mut out = format!("{}\n", paint.text(Tone::Strong, &title));
    let dated = |at: Timestamp| format!("{} ({})", moment(at), relative(at, now));
    let mut facts = vec![
        (
            "status",
            format!(
                "{} (channel: {})",
                order.status.as_str(),
                clean(&order.channel_status)
            ),
        ),
        ("placed", dated(order.placed_at)),
        ("updated", dated(order.updated_at)),
        ("first seen", dated(entry.first_seen)),
    ];
    if let Some(number) = &order.number {
        facts.insert(0, ("number", clean(number).into_owned()));
    }
    if let Some(at) = order.shipped_at {
        facts.push(("shipped", dated(at)));
    }
    let rows = facts
        .into_iter()
        .map(|(label, text)| vec![paint.cell(Tone::Faint, label), Cell::new(text)]);
    out.push_str(&indented(&table(paint, &[], rows.collect(), &[]), 2));
    out.push_str(&section("Lines", lines(entry, paint), paint));
    out.push_str(&section("Charges", charges(entry, paint), paint));
    out.push_str(&section("Parcels", parcels(entry, paint), paint));
    out.push_str(&section("Sums", sums(entry, paint), paint));
    out
}

fn section(title: &str, body: String, paint: Paint) -> String {
    if body.is_empty() {
        return body;
    }
    format!(
        "\n{}\n{}",
        paint.text(Tone::Strong, title),
        indented(&body, 2)
    )
}

fn lines(entry: &LedgerOrder, paint: Paint) -> String {
    let rows = entry.order.lines.iter().map(|line| {
        let mut state = Vec::new();
        if line.shipped > 0 {
            state.push(format!("{} shipped", number(line.shipped)));
        }
        if line.canceled > 0 {
            state.push(format!("{} canceled", number(line.canceled)));
        }
        if line.fulfilled_by == FulfilledBy::Channel {
            state.push("sent by the channel".to_owned());
        }
        let price = line.unit_price.as_ref().map_or_else(
            || "-".to_owned(),
            |price| {
                let tax = if line.tax_included {
                    "incl. tax"
                } else {
                    "plus tax"
                };
                format!("{} {tax}", money(price))
            },
        );
        let sku = line.sku.as_ref().map_or("(unknown)", |sku| sku.as_str());
        cells([
            short(line.line_id.as_str(), 40),
            short(sku, 40),
            short(line.title.as_deref().unwrap_or(""), 40),
            number(line.quantity),
            price,
            state.join(", "),
        ])
    });
    let header = ["line", "sku", "title", "pieces", "each", ""];
    table(paint, &header, rows.collect(), &[3, 4])
}

fn charges(entry: &LedgerOrder, paint: Paint) -> String {
    let rows: Vec<Vec<Cell>> = every_charge(entry)
        .map(|(of, charge)| {
            cells([
                of.map_or_else(
                    || "order".to_owned(),
                    |line| format!("line {}", short(line, 40)),
                ),
                charge.kind.as_str().to_owned(),
                short(&charge.label, 40),
                money(&charge.amount),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(paint, &["of", "kind", "label", "amount"], rows, &[3])
}

fn every_charge(entry: &LedgerOrder) -> impl Iterator<Item = (Option<&str>, &Charge)> {
    let of_order = entry.order.charges.iter().map(|charge| (None, charge));
    let of_lines = entry.order.lines.iter().flat_map(|line| {
        let of = Some(line.line_id.as_str());
        line.charges.iter().map(move |charge| (of, charge))
    });
    of_order.chain(of_lines)
}

fn parcels(entry: &LedgerOrder, paint: Paint) -> String {
    let rows: Vec<Vec<Cell>> = entry
        .shipments
        .iter()
        .map(|parcel| {
            let pieces: u64 = parcel.lines.iter().map(|(_, quantity)| quantity).sum();
            cells([
                parcel.parcel.to_string(),
                short(&parcel.carrier, 30),
                short(&parcel.tracking, 50),
                number(pieces),
                moment(parcel.shipped_at),
            ])
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["parcel", "carrier", "tracking", "pieces", "left at"];
    table(paint, &header, rows, &[3])
}

/// The goods, each kind of charge, and the total that the channel states.
fn sums(entry: &LedgerOrder, paint: Paint) -> String {
    let order = &entry.order;
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let goods = order.lines.iter().filter_map(|line| {
        let price = line.unit_price?;
        let amount = price.amount.checked_mul(Decimal::from(line.quantity))?;
        Some(Money::new(amount, price.currency))
    });
    for sum in by_currency(goods) {
        rows.push(cells(["goods".to_owned(), money(&sum)]));
    }
    for kind in crate::domain::order::ChargeKind::ALL {
        let of_kind = every_charge(entry)
            .filter(|(_, charge)| charge.kind == kind)
            .map(|(_, charge)| charge.amount);
        for sum in by_currency(of_kind) {
            rows.push(cells([kind.as_str().to_owned(), money(&sum)]));
        }
    }
    if let Some(total) = &order.total {
        rows.push(vec![
            paint.cell(Tone::Strong, "total, as the channel states it"),
            paint.cell(Tone::Strong, &money(total)),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    table(paint, &[], rows, &[1])
}

/// Sums per currency, by its code; nothing is converted.
fn by_currency(amounts: impl Iterator<Item = Money>) -> Vec<Money> {
    let mut sums: BTreeMap<&'static str, Money> = BTreeMap::new();
    for money in amounts {
        sums.entry(money.currency.code())
            .and_modify(|sum| sum.amount = sum.amount.saturating_add(money.amount))
            .or_insert(money);
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests;
