//! The shop's orders as ours. Pure.
//!
//! All amounts of a line are without tax, with the tax beside them, whatever the shop's price entry says.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Meta, gmt, lenient, text_of_number};
use super::entities;
use crate::domain::ids::{ChannelOrderId, LineId, Sku};
use crate::domain::money::{self, Money};
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, Shipment, UnreadableOrder,
};

/// What is asked for: the fields of a buyer's name, address, mail and remark stay in the shop.
pub const FIELDS: &str = "id,number,status,currency,date_created_gmt,date_modified_gmt,date_completed_gmt,total,line_items,shipping_lines,fee_lines,tax_lines,coupon_lines,refunds,meta_data";

/// Of an unreadable order only these keys are kept; a line's own meta data may hold a buyer's words.
const KEPT: &[&str] = &[
    "id",
    "number",
    "status",
    "currency",
    "date_created_gmt",
    "date_modified_gmt",
    "date_completed_gmt",
    "total",
    "line_items",
    "product_id",
    "variation_id",
    "sku",
    "quantity",
    "subtotal",
    "subtotal_tax",
    "total_tax",
    "shipping_lines",
    "method_id",
    "fee_lines",
    "tax_lines",
    "rate_code",
    "tax_total",
    "shipping_tax_total",
    "coupon_lines",
    "code",
    "refunds",
];

/// Meta data of one parcel: `315:2,316:1`, the lines and quantities that left in it.
pub const PARCEL: &str = "_skucast_parcel_";

/// Decimals that a unit price keeps when a line's total does not divide evenly.
const UNIT_PRICE_DECIMALS: u32 = 6;

#[derive(Debug, Deserialize)]
struct WooOrder {
    id: u64,
    #[serde(default, deserialize_with = "text_of_number")]
    number: String,
    status: String,
    currency: String,
    date_created_gmt: String,
    #[serde(default, deserialize_with = "lenient")]
    date_modified_gmt: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    date_completed_gmt: Option<String>,
    #[serde(deserialize_with = "text_of_number")]
    total: String,
    line_items: Vec<LineItem>,
    #[serde(default)]
    shipping_lines: Vec<SideLine>,
    #[serde(default)]
    fee_lines: Vec<SideLine>,
    #[serde(default)]
    tax_lines: Vec<TaxLine>,
    #[serde(default)]
    coupon_lines: Vec<CouponLine>,
    #[serde(default)]
    refunds: Vec<Refund>,
    #[serde(default, deserialize_with = "lenient")]
    meta_data: Vec<Meta>,
}

#[derive(Debug, Deserialize)]
struct LineItem {
    id: u64,
    #[serde(default, deserialize_with = "lenient")]
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    sku: String,
    #[serde(deserialize_with = "text_of_number")]
    quantity: String,
    #[serde(deserialize_with = "text_of_number")]
    subtotal: String,
    #[serde(deserialize_with = "text_of_number")]
    total: String,
    #[serde(default, deserialize_with = "text_of_number")]
    total_tax: String,
}

/// Shipping (`method_title`) or a fee (`name`).
#[derive(Debug, Deserialize)]
struct SideLine {
    #[serde(default, alias = "method_title", deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "text_of_number")]
    total: String,
    #[serde(default, deserialize_with = "text_of_number")]
    total_tax: String,
}

#[derive(Debug, Deserialize)]
struct TaxLine {
    #[serde(default, deserialize_with = "lenient")]
    label: String,
}

#[derive(Debug, Deserialize)]
struct CouponLine {
    #[serde(default, deserialize_with = "lenient")]
    code: String,
}

#[derive(Debug, Deserialize)]
struct Refund {
    #[serde(deserialize_with = "text_of_number")]
    total: String,
}

/// What one element of the shop's list is.
#[derive(Debug)]
pub enum Read {
    Order(Box<Order>),
    Unreadable(UnreadableOrder),
    /// A cart that was never placed.
    NoOrder,
}

/// Reads one order; one that cannot be understood is kept without the buyer's data.
pub fn read(document: Value) -> Read {
    let status = document.get("status").and_then(Value::as_str);
    if matches!(status, Some("checkout-draft" | "auto-draft")) {
        return Read::NoOrder;
    }
    let parsed = WooOrder::deserialize(&document).map_err(|error| error.to_string());
    match parsed.and_then(|order| order.normalize()) {
        Ok(order) => Read::Order(Box::new(order)),
        Err(reason) => {
            let id = document.get("id").map(Value::to_string).unwrap_or_default();
            let mut kept = document;
            blank(&mut kept);
            Read::Unreadable(UnreadableOrder {
                channel_order_id: ChannelOrderId::new(id.trim_matches('"')),
                reason,
                raw: kept.to_string(),
            })
        }
    }
}

/// The moment of the last change, of an order that need not be readable.
pub fn modified(document: &Value) -> Option<Timestamp> {
    document
        .get("date_modified_gmt")
        .and_then(Value::as_str)
        .and_then(gmt)
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| KEPT.contains(&key.as_str()));
            fields.values_mut().for_each(blank);
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

impl WooOrder {
    fn normalize(self) -> Result<Order, String> {
        let currency = money::currency(&self.currency)
            .ok_or_else(|| format!("`{}` is no currency", self.currency))?;
        let money = |text: &str| match text.trim() {
            "" => Ok(Money::new(Decimal::ZERO, currency)),
            text => Decimal::from_str(text)
                .map(|amount| Money::new(amount, currency))
                .map_err(|_| format!("`{text}` is no amount of money")),
        };
        let date = |text: &str| gmt(text).ok_or_else(|| format!("`{text}` is no date"));
        let placed_at = date(&self.date_created_gmt)?;
        let updated_at = match &self.date_modified_gmt {
            Some(text) => date(text)?,
            None => placed_at,
        };
        let completed_at = self.date_completed_gmt.as_deref().and_then(gmt);
        let shipped = shipped_quantities(&self.meta_data);
        let status = status(&self.status, completed_at.is_some(), !shipped.is_empty());
        let tax_label = single(self.tax_lines.iter().map(|line| line.label.as_str()), "tax");
        let coupon = single(
            self.coupon_lines.iter().map(|line| line.code.as_str()),
            "discount",
        );
        let mut charges = Charges::default();
        let mut lines = Vec::with_capacity(self.line_items.len());
        let mut sum = Decimal::ZERO;
        for item in &self.line_items {
            let quantity = whole(&item.quantity)?;
            let (subtotal, total) = (money(&item.subtotal)?, money(&item.total)?);
            let mut own = Charges::default();
            let discount = Money::new(total.amount - subtotal.amount, currency);
            own.add(ChargeKind::Discount, &coupon, discount);
            own.add(ChargeKind::Tax, &tax_label, money(&item.total_tax)?);
            sum += subtotal.amount + own.sum();
            let unit_price = (quantity > 0).then(|| {
                let price = subtotal.amount / Decimal::from(quantity);
                Money::new(price.round_dp(UNIT_PRICE_DECIMALS).normalize(), currency)
            });
            let sku = entities::decode(item.sku.trim());
            let title = entities::decode(&item.name);
            lines.push(OrderLine {
                line_id: LineId::new(item.id.to_string()),
                sku: (!sku.is_empty()).then(|| Sku::new(sku)),
                title: (!title.is_empty()).then_some(title),
                quantity,
                canceled: if status.is_void() { quantity } else { 0 },
                shipped: match status {
                    OrderStatus::Shipped => quantity,
                    _ => shipped.get(&item.id).copied().unwrap_or(0).min(quantity),
                },
                unit_price,
                tax_included: false,
                fulfilled_by: FulfilledBy::Seller,
                charges: own.0,
            });
        }
        for line in &self.shipping_lines {
            charges.add(
                ChargeKind::Shipping,
                &line.label("shipping"),
                money(&line.total)?,
            );
            charges.add(ChargeKind::ShippingTax, &tax_label, money(&line.total_tax)?);
        }
        for line in &self.fee_lines {
            charges.add(ChargeKind::Fee, &line.label("fee"), money(&line.total)?);
            charges.add(ChargeKind::Tax, &tax_label, money(&line.total_tax)?);
        }
        sum += charges.sum();
        let total = money(&self.total)?;
        // Plugins take gift cards and deposits off the total alone; rounding of taxes stays below a cent a line.
        let difference = Money::new(total.amount - sum, currency);
        if difference.amount.abs() > Decimal::new(1, 2) * Decimal::from(lines.len() + 1) {
            charges.add(ChargeKind::Other, "not itemized by the shop", difference);
        }
        // The total of a refunded order stays, so these do not add up to it.
        for refund in &self.refunds {
            let paid_back = Money::new(-money(&refund.total)?.amount.abs(), currency);
            charges.add(ChargeKind::Refund, "refund", paid_back);
        }
        let id = self.id.to_string();
        Ok(Order {
            number: (!self.number.is_empty() && self.number != id).then_some(self.number),
            channel_order_id: ChannelOrderId::new(id),
            status,
            channel_status: self.status,
            placed_at,
            updated_at,
            shipped_at: completed_at.filter(|_| status == OrderStatus::Shipped),
            total: Some(total),
            lines,
            charges: charges.0,
        })
    }
}

impl SideLine {
    fn label(&self, otherwise: &str) -> String {
        match self.name.as_str() {
            "" => otherwise.to_owned(),
            name => entities::decode(name),
        }
    }
}

#[derive(Default)]
struct Charges(Vec<Charge>);

impl Charges {
    /// Zero is no charge.
    fn add(&mut self, kind: ChargeKind, label: &str, amount: Money) {
        if !amount.amount.is_zero() {
            self.0.push(Charge {
                kind,
                label: label.to_owned(),
                amount,
            });
        }
    }

    fn sum(&self) -> Decimal {
        self.0.iter().map(|charge| charge.amount.amount).sum()
    }
}

/// The only label there is, or the general word where it would be a guess.
fn single<'a>(mut labels: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    match (labels.next(), labels.next()) {
        (Some(label), None) if !label.is_empty() => label.to_owned(),
        _ => otherwise.to_owned(),
    }
}

fn whole(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no whole number of pieces");
    let number = Decimal::from_str(text.trim()).map_err(|_| wrong())?;
    if number.fract().is_zero() {
        u64::try_from(number).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

fn status(word: &str, completed: bool, partly_shipped: bool) -> OrderStatus {
    match word {
        "pending" | "on-hold" => OrderStatus::Pending,
        "completed" => OrderStatus::Shipped,
        "cancelled" => OrderStatus::Canceled,
        "refunded" => OrderStatus::Refunded,
        "failed" => OrderStatus::Failed,
        // Old orders are tidied away into the trash as well.
        "trash" if completed => OrderStatus::Shipped,
        "trash" => OrderStatus::Canceled,
        // `processing`, and what plugins invent between payment and shipment.
        _ if partly_shipped => OrderStatus::PartiallyShipped,
        _ => OrderStatus::Open,
    }
}

/// A parcel's note of what is in it.
pub fn parcel(shipment: &Shipment) -> (String, String) {
    let lines: Vec<_> = shipment
        .lines
        .iter()
        .map(|(line, quantity)| format!("{line}:{quantity}"))
        .collect();
    (format!("{PARCEL}{}", shipment.parcel), lines.join(","))
}

fn shipped_quantities(meta: &[Meta]) -> HashMap<u64, u64> {
    let mut shipped: HashMap<u64, u64> = HashMap::new();
    let parcels = meta
        .iter()
        .filter(|meta| meta.key.starts_with(PARCEL))
        .filter_map(|meta| meta.value.as_str());
    for pair in parcels.flat_map(|parcel| parcel.split(',')) {
        if let Some((line, quantity)) = pair.split_once(':')
            && let (Ok(line), Ok(quantity)) = (line.parse(), quantity.parse::<u64>())
        {
            *shipped.entry(line).or_default() += quantity;
        }
    }
    shipped
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
