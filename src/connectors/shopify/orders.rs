//! Shopify's orders in our words. Pure.
//!
//! Amounts are those in the shop's own currency, whatever the buyer paid in. No field of the buyer is asked for.

use std::collections::HashMap;

use iso_currency::Currency;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::place::number;
use super::wire::Connection;
use crate::domain::ids::{ChannelOrderId, LineId, Sku};
use crate::domain::money::{self, Money};
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, UnreadableOrder,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireOrder {
    id: String,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    currency_code: String,
    taxes_included: bool,
    #[serde(default)]
    discount_codes: Vec<String>,
    display_financial_status: Option<String>,
    display_fulfillment_status: String,
    total_price_set: Bag,
    total_refunded_set: Bag,
    #[serde(default)]
    fulfillments: Vec<Fulfillment>,
    pub shipping_lines: Connection<ShippingLine>,
    pub line_items: Connection<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bag {
    shop_money: Amount,
}

#[derive(Debug, Deserialize)]
struct Amount {
    amount: Decimal,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fulfillment {
    created_at: Timestamp,
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingLine {
    title: String,
    discounted_price_set: Bag,
    #[serde(default)]
    tax_lines: Vec<TaxLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaxLine {
    title: String,
    price_set: Bag,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub id: String,
    sku: Option<String>,
    title: String,
    quantity: u64,
    /// Without what was refunded or taken out of the order.
    current_quantity: u64,
    unfulfilled_quantity: u64,
    original_unit_price_set: Bag,
    #[serde(default)]
    discount_allocations: Vec<Allocation>,
    #[serde(default)]
    tax_lines: Vec<TaxLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allocation {
    allocated_amount_set: Bag,
}

/// What left and what came back: asked for where pieces were taken out of an order.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Movements {
    pub cancelled_at: Option<Timestamp>,
    pub fulfillments: Vec<Parcel>,
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parcel {
    status: String,
    #[serde(default)]
    pub tracking_info: Vec<Tracking>,
    pub fulfillment_line_items: Connection<Moved>,
}

impl Parcel {
    /// It left, and nobody took that back.
    pub fn is_valid(&self) -> bool {
        !matches!(self.status.as_str(), "CANCELLED" | "ERROR" | "FAILURE")
    }
}

#[derive(Debug, Deserialize)]
pub struct Tracking {
    pub number: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    refund_line_items: Connection<Moved>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    pub quantity: Option<u64>,
    restock_type: Option<String>,
    pub line_item: Named,
}

#[derive(Debug, Deserialize)]
pub struct Named {
    pub id: String,
}

impl Movements {
    fn shipped(&self, line: &str) -> u64 {
        let parcels = self.fulfillments.iter().filter(|parcel| parcel.is_valid());
        let moved = parcels.flat_map(|parcel| &parcel.fulfillment_line_items.nodes);
        moved
            .filter(|moved| moved.line_item.id == line)
            .filter_map(|moved| moved.quantity)
            .sum()
    }

    /// Pieces that were refunded after they had left.
    fn returned(&self, line: &str) -> u64 {
        let moved = self
            .refunds
            .iter()
            .flat_map(|refund| &refund.refund_line_items.nodes);
        moved
            .filter(|moved| moved.line_item.id == line)
            .filter(|moved| moved.restock_type.as_deref() == Some("RETURN"))
            .filter_map(|moved| moved.quantity)
            .sum()
    }
}

impl WireOrder {
    pub fn read(raw: &Value) -> Result<Self, UnreadableOrder> {
        Self::deserialize(raw).map_err(|error| unreadable(raw, error.to_string()))
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether what became of its pieces can only be known from its movements.
    pub fn needs_movements(&self) -> bool {
        let is_reduced = |line: &Line| line.current_quantity < line.quantity;
        self.cancelled_at.is_none() && self.line_items.nodes.iter().any(is_reduced)
    }

    pub fn normalize(self, raw: &Value, movements: &Movements) -> Result<Order, UnreadableOrder> {
        self.order(movements)
            .map_err(|reason| unreadable(raw, reason))
    }

    fn order(self, movements: &Movements) -> Result<Order, String> {
        let currency = currency(&self.currency_code)?;
        let status = self.status();
        let payment = self.display_financial_status.as_deref().unwrap_or("UNPAID");
        let channel_status = match self.cancelled_at {
            Some(_) => format!("CANCELLED {payment}"),
            None => format!("{payment} {}", self.display_fulfillment_status),
        };
        let money = |bag: &Bag| Money::new(bag.shop_money.amount, currency);
        let shipped_at = self
            .fulfillments
            .iter()
            .filter(|own| own.status == "SUCCESS")
            .map(|own| own.created_at)
            .max();
        let coupon = match self.discount_codes.as_slice() {
            [code] => code.as_str(),
            _ => "discount",
        };
        let taxes_included = self.taxes_included;
        let mut sum = Decimal::ZERO;
        let mut lines = Vec::with_capacity(self.line_items.nodes.len());
        for line in &self.line_items.nodes {
            let mut own = Charges::default();
            for allocation in &line.discount_allocations {
                let amount = money(&allocation.allocated_amount_set);
                own.add(ChargeKind::Discount, coupon, negative(amount));
            }
            sum += line.original_unit_price_set.shop_money.amount * Decimal::from(line.quantity)
                + own.sum();
            sum += own.add_taxes(ChargeKind::Tax, &line.tax_lines, currency, taxes_included);
            let (shipped, canceled) = moved(line, status, movements);
            lines.push(OrderLine {
                line_id: LineId::new(line_number(&line.id)?),
                sku: line
                    .sku
                    .as_deref()
                    .filter(|sku| !sku.is_empty())
                    .map(Sku::new),
                title: Some(line.title.clone()),
                quantity: line.quantity,
                canceled,
                shipped,
                unit_price: Some(money(&line.original_unit_price_set)),
                tax_included: taxes_included,
                fulfilled_by: FulfilledBy::Seller,
                charges: own.0,
            });
        }
        let mut charges = Charges::default();
        for line in &self.shipping_lines.nodes {
            let price = money(&line.discounted_price_set);
            charges.add(ChargeKind::Shipping, &line.title, price);
            sum += price.amount;
            let kind = ChargeKind::ShippingTax;
            sum += charges.add_taxes(kind, &line.tax_lines, currency, taxes_included);
        }
        let total = money(&self.total_price_set);
        // Tips, duties and edits of the order; taxes are rounded for each line.
        let difference = Money::new(total.amount - sum, currency);
        if difference.amount.abs() > Decimal::new(1, 2) * Decimal::from(lines.len() + 1) {
            charges.add(ChargeKind::Other, "not itemized by the shop", difference);
        }
        // The total of a refunded order stays, so this does not add up to it.
        let refunded = negative(money(&self.total_refunded_set));
        charges.add(ChargeKind::Refund, "refund", refunded);
        Ok(Order {
            channel_order_id: ChannelOrderId::new(line_number(&self.id)?),
            number: Some(self.name),
            status,
            channel_status,
            placed_at: self.created_at,
            updated_at: self.updated_at,
            shipped_at: shipped_at.filter(|_| status == OrderStatus::Shipped),
            total: Some(total),
            lines,
            charges: charges.0,
        })
    }

    fn status(&self) -> OrderStatus {
        if self.cancelled_at.is_some() {
            return OrderStatus::Canceled;
        }
        let payment = self.display_financial_status.as_deref().unwrap_or_default();
        match (payment, self.display_fulfillment_status.as_str()) {
            ("REFUNDED", _) => OrderStatus::Refunded,
            (_, "FULFILLED") => OrderStatus::Shipped,
            (_, "PARTIALLY_FULFILLED") => OrderStatus::PartiallyShipped,
            // Held by the seller or an app, or to be sent at a later date.
            (_, "ON_HOLD" | "SCHEDULED") => OrderStatus::Pending,
            ("PAID" | "AUTHORIZED" | "PARTIALLY_REFUNDED", _) => OrderStatus::Open,
            // PENDING, PARTIALLY_PAID, EXPIRED, VOIDED: the shop keeps the goods for the buyer until it is canceled.
            _ => OrderStatus::Pending,
        }
    }
}

/// Pieces of a line that left, and pieces that will not.
fn moved(line: &Line, status: OrderStatus, movements: &Movements) -> (u64, u64) {
    if status.is_void() {
        return (0, line.quantity);
    }
    let removed = line.quantity.saturating_sub(line.current_quantity);
    if removed == 0 {
        let shipped = line.quantity.saturating_sub(line.unfulfilled_quantity);
        return (shipped, 0);
    }
    let shipped = movements.shipped(&line.id).min(line.quantity);
    let before_shipping = removed.saturating_sub(movements.returned(&line.id));
    (shipped, before_shipping.min(line.quantity - shipped))
}

fn currency(code: &str) -> Result<Currency, String> {
    money::currency(code).ok_or_else(|| format!("`{code}` is no currency"))
}

fn line_number(gid: &str) -> Result<String, String> {
    let number = number(gid).ok_or_else(|| format!("`{gid}` is no id"))?;
    Ok(number.to_string())
}

fn negative(money: Money) -> Money {
    Money::new(-money.amount.abs(), money.currency)
}

/// Nothing of a buyer was asked for, so that the whole can be kept.
pub fn unreadable(raw: &Value, reason: String) -> UnreadableOrder {
    let id = raw["id"].as_str().and_then(number);
    UnreadableOrder {
        channel_order_id: ChannelOrderId::new(id.map_or(String::new(), |id| id.to_string())),
        reason,
        raw: raw.to_string(),
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

    /// Adds taxes, and tells what they add to the buyer's total.
    fn add_taxes(
        &mut self,
        kind: ChargeKind,
        taxes: &[TaxLine],
        currency: Currency,
        included: bool,
    ) -> Decimal {
        let mut sum = Decimal::ZERO;
        for tax in taxes {
            let amount = tax.price_set.shop_money.amount;
            self.add(kind, &tax.title, Money::new(amount, currency));
            sum += amount;
        }
        if included { Decimal::ZERO } else { sum }
    }

    fn sum(&self) -> Decimal {
        self.0.iter().map(|charge| charge.amount.amount).sum()
    }
}

/// Lines by their ids, for the quantities that a shipment names.
pub fn shipped_by_line<'a>(parcels: impl Iterator<Item = &'a Parcel>) -> HashMap<u64, u64> {
    let mut shipped = HashMap::new();
    for moved in parcels.flat_map(|parcel| &parcel.fulfillment_line_items.nodes) {
        if let (Some(line), Some(quantity)) = (number(&moved.line_item.id), moved.quantity) {
            *shipped.entry(line).or_default() += quantity;
        }
    }
    shipped
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
