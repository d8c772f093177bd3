//! Orders for a spreadsheet: one row per line.

use std::borrow::Cow;

use super::super::text::amount;
use super::by_currency;
use crate::domain::ledger::LedgerOrder;
use crate::domain::money::Money;
use crate::domain::order::{Charge, ChargeKind, FulfilledBy, OrderLine};

/// The columns. New ones are only ever added at the end.
///
/// One row is one line of an order; an order without lines has one row with blank `line_…` cells. What
/// describes the order stands in each of its rows; its *amounts* (`order_…`) stand in its first row alone, so
/// that a column can be summed up. Amounts are in `currency`, signed as they add up to the buyer's total.
/// Times are RFC 3339 in UTC.
pub const COLUMNS: [&str; 33] = [
    "channel",
    "channel_order_id",
    "number",
    "status",
    "channel_status",
    "placed_at",
    "updated_at",
    "shipped_at",
    "currency",
    "line_id",
    "sku",
    "title",
    "quantity",
    "canceled",
    "shipped",
    "fulfilled_by",
    "unit_price",
    "tax_included",
    "line_tax",
    "line_shipping",
    "line_shipping_tax",
    "line_discount",
    "line_fee",
    "line_refund",
    "line_other",
    "order_tax",
    "order_shipping",
    "order_shipping_tax",
    "order_discount",
    "order_fee",
    "order_refund",
    "order_other",
    "order_total",
];

/// The whole file, with its header.
pub fn csv(orders: &[LedgerOrder]) -> String {
    let mut out = String::new();
    record(&mut out, COLUMNS.map(str::to_owned).iter());
    for entry in orders {
        let currency = currency(entry);
        if entry.order.lines.is_empty() {
            let blank = vec![String::new(); LINE_CELLS];
            row(&mut out, entry, currency, blank, true);
        }
        for (position, line) in entry.order.lines.iter().enumerate() {
            row(
                &mut out,
                entry,
                currency,
                line_cells(line, currency),
                position == 0,
            );
        }
    }
    out
}

/// Cells from `line_id` to `line_other`.
const LINE_CELLS: usize = 16;

/// The currency of an order: of its total, else of whatever it states first.
pub(super) fn currency(entry: &LedgerOrder) -> Option<&'static str> {
    let order = &entry.order;
    let of_lines = order.lines.iter().find_map(|line| line.unit_price);
    let of_charges = order.charges.first().map(|charge| charge.amount);
    order
        .total
        .or(of_lines)
        .or(of_charges)
        .map(|money| money.currency.code())
}

fn row(
    out: &mut String,
    entry: &LedgerOrder,
    currency: Option<&'static str>,
    line: Vec<String>,
    is_first: bool,
) {
    let order = &entry.order;
    let mut cells = vec![
        entry.channel.to_string(),
        order.channel_order_id.to_string(),
        order.number.clone().unwrap_or_default(),
        order.status.as_str().to_owned(),
        order.channel_status.clone(),
        order.placed_at.to_string(),
        order.updated_at.to_string(),
        order
            .shipped_at
            .map(|at| at.to_string())
            .unwrap_or_default(),
        currency.unwrap_or_default().to_owned(),
    ];
    cells.extend(line);
    if is_first {
        cells.extend(charge_cells(&order.charges, currency));
        cells.push(stated(order.total, currency));
    } else {
        cells.extend(vec![String::new(); ChargeKind::ALL.len() + 1]);
    }
    record(out, cells.iter());
}

fn line_cells(line: &OrderLine, currency: Option<&'static str>) -> Vec<String> {
    let fulfilled_by = match line.fulfilled_by {
        FulfilledBy::Seller => "seller",
        FulfilledBy::Channel => "channel",
    };
    let sku = line.sku.as_ref().map(|sku| sku.to_string());
    let mut cells = vec![
        line.line_id.to_string(),
        sku.unwrap_or_default(),
        line.title.clone().unwrap_or_default(),
        line.quantity.to_string(),
        line.canceled.to_string(),
        line.shipped.to_string(),
        fulfilled_by.to_owned(),
        stated(line.unit_price, currency),
        line.tax_included.to_string(),
    ];
    cells.extend(charge_cells(&line.charges, currency));
    cells
}

/// One cell per kind of charge, in the order of the columns; blank when there is none of it.
fn charge_cells(charges: &[Charge], currency: Option<&'static str>) -> Vec<String> {
    let sum = |kind| {
        let of_kind = charges.iter().filter(|charge| charge.kind == kind);
        let sums = by_currency(of_kind.map(|charge| charge.amount));
        let texts: Vec<String> = sums
            .into_iter()
            .map(|sum| stated(Some(sum), currency))
            .collect();
        texts.join(" / ")
    };
    ChargeKind::ALL.map(sum).to_vec()
}

/// An amount beside the row's currency; one in another currency names its own.
fn stated(money: Option<Money>, currency: Option<&'static str>) -> String {
    match money {
        None => String::new(),
        Some(money) if Some(money.currency.code()) == currency => amount(&money),
        Some(money) => format!("{} {}", amount(&money), money.currency.code()),
    }
}

/// RFC 4180, with every cell made safe for spreadsheets.
fn record<'a>(out: &mut String, cells: impl Iterator<Item = &'a String>) {
    for (position, cell) in cells.enumerate() {
        if position > 0 {
            out.push(',');
        }
        let cell = safe(cell);
        if cell.contains(['"', ',', '\n', '\r', ';', '\t']) || cell.starts_with(' ') {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// A cell that a spreadsheet would run as a formula gets an apostrophe before it. A plain number stays a number.
/// Covers the full-width signs too, which some spreadsheets read like the narrow ones.
pub(super) fn safe(cell: &str) -> Cow<'_, str> {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if runs && !is_plain_number(cell) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// `-3.50`: an optional minus, digits, and perhaps a point and digits.
fn is_plain_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}
