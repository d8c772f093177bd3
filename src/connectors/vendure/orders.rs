//! The shop's orders as ours. Pure.
//!
//! A shop whose prices are with tax counts with them, and one whose prices are without adds tax to sums: each order is
//! told the way in which its figures add up.

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::shop::Shop;
use crate::domain::ids::{ChannelOrderId, LineId, Sku};
use crate::domain::money::{self, Money};
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, UnreadableOrder,
};

/// What became of one document.
#[derive(Debug)]
pub enum Read {
    Order(Box<Order>),
    Unreadable(UnreadableOrder),
    /// A cart, or a draft that nobody has confirmed.
    NotPlaced,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    id: String,
    code: String,
    state: String,
    updated_at: Timestamp,
    order_placed_at: Option<Timestamp>,
    currency_code: String,
    total_with_tax: i64,
    lines: Vec<WireLine>,
    surcharges: Vec<Surcharge>,
    shipping_lines: Vec<ShippingLine>,
    payments: Option<Vec<Payment>>,
    fulfillments: Option<Vec<Fulfillment>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLine {
    id: String,
    quantity: u64,
    order_placed_quantity: u64,
    unit_price: i64,
    unit_price_with_tax: i64,
    line_price: i64,
    line_price_with_tax: i64,
    prorated_line_price: i64,
    prorated_line_price_with_tax: i64,
    discounts: Vec<Described>,
    tax_lines: Vec<Described>,
    product_variant: ProductVariant,
}

#[derive(Debug, Deserialize)]
struct Described {
    description: String,
}

#[derive(Debug, Deserialize)]
struct ProductVariant {
    sku: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Surcharge {
    description: String,
    price: i64,
    price_with_tax: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippingLine {
    shipping_method: Option<Method>,
    discounted_price: i64,
    discounted_price_with_tax: i64,
}

#[derive(Debug, Deserialize)]
struct Method {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Payment {
    amount: i64,
    state: String,
    refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
struct Refund {
    total: i64,
    state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fulfillment {
    pub id: String,
    pub state: String,
    #[serde(default)]
    pub method: String,
    #[serde(default)]
    pub tracking_code: Option<String>,
    #[serde(default)]
    pub updated_at: Option<Timestamp>,
    pub lines: Vec<FulfilledLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilledLine {
    pub order_line_id: String,
    pub quantity: u64,
}

impl Fulfillment {
    fn has_left(&self) -> bool {
        !matches!(self.state.as_str(), "Created" | "Pending" | "Cancelled")
    }
}

/// When an order was last changed or placed, even if the rest cannot be read: placing it is no change to the shop.
pub fn changed(document: &Value) -> Option<Timestamp> {
    let date = |key: &str| document[key].as_str()?.parse().ok();
    date("updatedAt").max(date("orderPlacedAt"))
}

/// Buyers' names, addresses and mails are not asked for, so a document that cannot be read is kept as it is.
pub fn read(document: Value, shop: &Shop) -> Read {
    let id = document["id"].as_str().unwrap_or_default().to_owned();
    let normalized = WireOrder::deserialize(&document)
        .map_err(|error| error.to_string())
        .and_then(|order| order.normalize(shop));
    match normalized {
        Ok(Some(order)) => Read::Order(Box::new(order)),
        Ok(None) => Read::NotPlaced,
        Err(reason) => Read::Unreadable(UnreadableOrder {
            channel_order_id: ChannelOrderId::new(id),
            reason,
            raw: document.to_string(),
        }),
    }
}

impl WireOrder {
    fn normalize(self, shop: &Shop) -> Result<Option<Order>, String> {
        let Some(placed_at) = self.order_placed_at else {
            return Ok(None);
        };
        let currency = money::currency(&self.currency_code)
            .ok_or_else(|| format!("`{}` is no currency", self.currency_code))?;
        let money = |minor: i64| Money::new(shop.amount(minor), currency);
        let gross = shop.prices_include_tax;
        let counted = |net: i64, with_tax: i64| money(if gross { with_tax } else { net });
        let fulfillments = self.fulfillments.unwrap_or_default();
        let mut shipped: HashMap<&str, u64> = HashMap::new();
        for line in fulfillments
            .iter()
            .filter(|one| one.has_left())
            .flat_map(|one| &one.lines)
        {
            *shipped.entry(&line.order_line_id).or_default() += line.quantity;
        }
        let payments = self.payments.unwrap_or_default();
        let refunds = || {
            let all = payments.iter().flat_map(|payment| &payment.refunds);
            all.filter(|refund| refund.state != "Failed")
                .map(|refund| refund.total.abs())
        };
        let settled = payments.iter().filter(|payment| payment.state == "Settled");
        let paid: i64 = settled.map(|payment| payment.amount).sum();
        let is_refunded = paid > 0 && refunds().sum::<i64>() >= paid;
        let status = match status(&self.state, &self.lines, &shipped) {
            OrderStatus::Open | OrderStatus::Pending if is_refunded => OrderStatus::Refunded,
            status => status,
        };
        let mut sum = Decimal::ZERO;
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let mut own = Charges::default();
            let full = counted(line.line_price, line.line_price_with_tax);
            let paid = counted(line.prorated_line_price, line.prorated_line_price_with_tax);
            let discount = single(line.discounts.iter(), "discount");
            own.add(
                ChargeKind::Discount,
                &discount,
                Money::new(paid.amount - full.amount, currency),
            );
            let tax = money(line.prorated_line_price_with_tax - line.prorated_line_price);
            own.add(ChargeKind::Tax, &single(line.tax_lines.iter(), "tax"), tax);
            let quantity = line.quantity.max(line.order_placed_quantity);
            let left = shipped
                .get(line.id.as_str())
                .copied()
                .unwrap_or(0)
                .min(quantity);
            let unit_price = counted(line.unit_price, line.unit_price_with_tax);
            sum += unit_price.amount * Decimal::from(quantity) + own.sum(gross);
            lines.push(OrderLine {
                line_id: LineId::new(&line.id),
                sku: (!line.product_variant.sku.is_empty())
                    .then(|| Sku::new(&line.product_variant.sku)),
                title: Some(line.product_variant.name.clone()).filter(|name| !name.is_empty()),
                quantity,
                // What came back after it was sent is not open, and was not canceled before.
                canceled: if status.is_void() {
                    quantity
                } else {
                    (quantity - line.quantity).min(quantity - left)
                },
                shipped: left,
                unit_price: Some(unit_price),
                tax_included: gross,
                fulfilled_by: FulfilledBy::Seller,
                charges: own.0,
            });
        }
        let mut charges = Charges::default();
        for line in &self.shipping_lines {
            let label = line
                .shipping_method
                .as_ref()
                .map_or("shipping", |method| &method.name);
            let (net, with_tax) = (line.discounted_price, line.discounted_price_with_tax);
            charges.add(ChargeKind::Shipping, label, counted(net, with_tax));
            charges.add(
                ChargeKind::ShippingTax,
                "shipping tax",
                money(with_tax - net),
            );
        }
        for line in &self.surcharges {
            charges.add(
                ChargeKind::Fee,
                &line.description,
                counted(line.price, line.price_with_tax),
            );
            charges.add(
                ChargeKind::Tax,
                "tax",
                money(line.price_with_tax - line.price),
            );
        }
        sum += charges.sum(gross);
        let total = money(self.total_with_tax);
        let canceled = lines.iter().any(|line| line.canceled > 0);
        let label = if canceled { "canceled" } else { "rounding" };
        charges.add(
            ChargeKind::Other,
            label,
            Money::new(total.amount - sum, currency),
        );
        // The total of a refunded order stays, so these do not add up to it.
        for refund in refunds() {
            charges.add(ChargeKind::Refund, "refund", money(-refund));
        }
        let left = fulfillments
            .iter()
            .filter(|one| one.has_left())
            .filter_map(|one| one.updated_at);
        let dates = fulfillments.iter().filter_map(|one| one.updated_at);
        Ok(Some(Order {
            channel_order_id: ChannelOrderId::new(self.id),
            number: Some(self.code),
            status,
            channel_status: self.state,
            placed_at,
            // Placing it, and its parcels, do not move the shop's own date.
            updated_at: dates.fold(self.updated_at.max(placed_at), Timestamp::max),
            shipped_at: left.max().filter(|_| status == OrderStatus::Shipped),
            total: Some(total),
            lines,
            charges: charges.0,
        }))
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

    /// What they add to the sum; tax is in the prices already where these are with tax.
    fn sum(&self, gross: bool) -> Decimal {
        self.0
            .iter()
            .filter(|charge| {
                !gross || !matches!(charge.kind, ChargeKind::Tax | ChargeKind::ShippingTax)
            })
            .map(|charge| charge.amount.amount)
            .sum()
    }
}

/// The only description there is, or the general word where it would be a guess.
fn single<'a>(mut all: impl Iterator<Item = &'a Described>, otherwise: &str) -> String {
    match (all.next(), all.next()) {
        (Some(one), None) if !one.description.is_empty() => one.description.clone(),
        _ => otherwise.to_owned(),
    }
}

/// A partly fulfilled order whose rest was canceled stays `PartiallyShipped` in the shop, so quantities decide.
fn status(state: &str, lines: &[WireLine], shipped: &HashMap<&str, u64>) -> OrderStatus {
    let left = |line: &WireLine| shipped.get(line.id.as_str()).copied().unwrap_or(0);
    match state {
        "Cancelled" => OrderStatus::Canceled,
        "ArrangingPayment" | "ArrangingAdditionalPayment" | "Modifying" => OrderStatus::Pending,
        _ if lines.iter().all(|line| left(line) >= line.quantity) && !shipped.is_empty() => {
            OrderStatus::Shipped
        }
        "Shipped" | "Delivered" => OrderStatus::Shipped,
        _ if !shipped.is_empty() => OrderStatus::PartiallyShipped,
        _ => OrderStatus::Open,
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
