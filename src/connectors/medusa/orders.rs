//! The shop's orders as ours. Pure.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::api::Amount;
use crate::domain::ids::{ChannelOrderId, LineId, Sku};
use crate::domain::money::{self, Money};
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, UnreadableOrder,
};

/// What is asked for: a buyer's name, address and mail stay in the shop. `raw_` amounts come as texts, and those that
/// the shop adds up only when its `total` is asked for too.
pub const FIELDS: &str = "id,display_id,status,currency_code,created_at,updated_at,canceled_at,total,raw_total,\
items.id,items.title,items.variant_sku,items.variant_title,items.product_title,items.requires_shipping,\
items.is_tax_inclusive,items.raw_unit_price,items.raw_total,items.raw_tax_total,\
items.tax_lines.description,items.tax_lines.code,items.adjustments.code,\
items.detail.raw_quantity,items.detail.raw_fulfilled_quantity,items.detail.raw_shipped_quantity,\
shipping_methods.name,shipping_methods.raw_total,shipping_methods.raw_tax_total,\
fulfillments.shipped_at,fulfillments.canceled_at,\
payment_collections.status,payment_collections.raw_captured_amount,payment_collections.raw_refunded_amount";

/// Of an unreadable order only these keys are kept.
const KEPT: &[&str] = &[
    "id",
    "display_id",
    "status",
    "currency_code",
    "created_at",
    "updated_at",
    "canceled_at",
    "raw_total",
    "value",
    "items",
    "variant_sku",
    "requires_shipping",
    "is_tax_inclusive",
    "raw_unit_price",
    "raw_tax_total",
    "detail",
    "raw_quantity",
    "raw_fulfilled_quantity",
    "raw_shipped_quantity",
    "shipping_methods",
    "fulfillments",
    "shipped_at",
    "payment_collections",
    "raw_captured_amount",
    "raw_refunded_amount",
];

/// Taxes are not rounded by the shop; less than this per line is no difference.
const ROUNDING: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

#[derive(Debug, Deserialize)]
struct ShopOrder {
    id: String,
    display_id: Option<u64>,
    status: String,
    currency_code: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    canceled_at: Option<Timestamp>,
    raw_total: Amount,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    shipping_methods: Vec<ShippingMethod>,
    #[serde(default)]
    fulfillments: Vec<Fulfillment>,
    #[serde(default)]
    payment_collections: Vec<Payment>,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    variant_sku: Option<String>,
    #[serde(default)]
    variant_title: Option<String>,
    #[serde(default = "yes")]
    requires_shipping: bool,
    #[serde(default)]
    is_tax_inclusive: bool,
    raw_unit_price: Amount,
    raw_total: Amount,
    raw_tax_total: Amount,
    #[serde(default)]
    tax_lines: Vec<TaxLine>,
    #[serde(default)]
    adjustments: Vec<Adjustment>,
    detail: Detail,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
struct Detail {
    raw_quantity: Amount,
    #[serde(default)]
    raw_fulfilled_quantity: Amount,
    #[serde(default)]
    raw_shipped_quantity: Amount,
}

#[derive(Debug, Deserialize)]
struct TaxLine {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Adjustment {
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ShippingMethod {
    #[serde(default)]
    name: Option<String>,
    raw_total: Amount,
    raw_tax_total: Amount,
}

#[derive(Debug, Deserialize)]
struct Fulfillment {
    shipped_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Payment {
    status: String,
    #[serde(default)]
    raw_captured_amount: Option<Amount>,
    #[serde(default)]
    raw_refunded_amount: Option<Amount>,
}

/// What one element of the shop's list is.
#[derive(Debug)]
pub enum Read {
    Order(Box<Order>),
    Unreadable(UnreadableOrder),
    /// A draft that nobody has placed yet.
    NoOrder,
}

/// Reads one order; one that cannot be understood is kept without the buyer's data.
pub fn read(document: Value) -> Read {
    if document.get("status").and_then(Value::as_str) == Some("draft") {
        return Read::NoOrder;
    }
    let parsed = ShopOrder::deserialize(&document).map_err(|error| error.to_string());
    match parsed.and_then(ShopOrder::normalize) {
        Ok(order) => Read::Order(Box::new(order)),
        Err(reason) => {
            let id = document
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let channel_order_id = ChannelOrderId::new(id);
            let mut kept = document;
            blank(&mut kept);
            Read::Unreadable(UnreadableOrder {
                channel_order_id,
                reason,
                raw: kept.to_string(),
            })
        }
    }
}

/// The moment of the last change, of an order or payment that need not be readable.
pub fn changed(document: &Value) -> Option<Timestamp> {
    document.get("updated_at")?.as_str()?.parse().ok()
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

fn whole(amount: Amount) -> Result<u64, String> {
    let wrong = || format!("`{}` is no whole number of pieces", amount.0);
    match amount.0.fract().is_zero() {
        true => u64::try_from(amount.0).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

impl Item {
    /// Pieces that have left. What is not shipped, a download, has left when it is fulfilled.
    fn shipped(&self) -> Result<u64, String> {
        whole(match self.requires_shipping {
            true => self.detail.raw_shipped_quantity,
            false => self.detail.raw_fulfilled_quantity,
        })
    }

    fn tax_label(&self) -> String {
        let line = self.tax_lines.first();
        let named = line.and_then(|line| line.description.clone().or(line.code.clone()));
        named.unwrap_or_else(|| "tax".to_owned())
    }

    fn discount_label(&self) -> String {
        let code = self
            .adjustments
            .iter()
            .find_map(|adjustment| adjustment.code.clone());
        code.unwrap_or_else(|| "discount".to_owned())
    }
}

impl ShopOrder {
    fn normalize(self) -> Result<Order, String> {
        let currency = money::currency(&self.currency_code)
            .ok_or_else(|| format!("`{}` is no currency", self.currency_code))?;
        let money = |amount: Decimal| Money::new(amount.normalize(), currency);
        let status = self.status()?;
        let mut sum = Decimal::ZERO;
        let mut lines = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let quantity = whole(item.detail.raw_quantity)?;
            let goods = item.raw_unit_price.0 * Decimal::from(quantity);
            let tax = item.raw_tax_total.0;
            let added = if item.is_tax_inclusive {
                Decimal::ZERO
            } else {
                tax
            };
            let mut charges = Charges::default();
            charges.add(
                ChargeKind::Discount,
                item.discount_label(),
                money(item.raw_total.0 - goods - added),
            );
            charges.add(ChargeKind::Tax, item.tax_label(), money(tax));
            sum += item.raw_total.0;
            let sku = item
                .variant_sku
                .as_deref()
                .map(str::trim)
                .filter(|sku| !sku.is_empty());
            lines.push(OrderLine {
                line_id: LineId::new(&item.id),
                sku: sku.map(Sku::new),
                title: title(item),
                quantity,
                canceled: if status.is_void() { quantity } else { 0 },
                shipped: item.shipped()?.min(quantity),
                unit_price: Some(money(item.raw_unit_price.0)),
                tax_included: item.is_tax_inclusive,
                fulfilled_by: FulfilledBy::Seller,
                charges: charges.0,
            });
        }
        let tax_included = !lines.is_empty() && lines.iter().all(|line| line.tax_included);
        let mut charges = Charges::default();
        for method in &self.shipping_methods {
            let (total, tax) = (method.raw_total.0, method.raw_tax_total.0);
            // As the lines count: with the tax in it, or beside it.
            let amount = if tax_included { total } else { total - tax };
            let label = method.name.clone().unwrap_or_else(|| "shipping".to_owned());
            charges.add(ChargeKind::Shipping, label, money(amount));
            charges.add(ChargeKind::ShippingTax, "tax".to_owned(), money(tax));
            sum += total;
        }
        let total = self.raw_total.0;
        let refunded: Decimal = self
            .payment_collections
            .iter()
            .filter_map(|payment| payment.raw_refunded_amount)
            .map(|amount| amount.0)
            .sum();
        charges.add(ChargeKind::Refund, "refund".to_owned(), money(-refunded));
        // Some refunds lower the total, others do not; gift cards and credits do.
        let difference = total - sum;
        let rounding = ROUNDING * Decimal::from(lines.len() as u64 + 1);
        if difference.abs() > rounding && (difference + refunded).abs() > rounding {
            charges.add(
                ChargeKind::Other,
                "not itemized by the shop".to_owned(),
                money(difference),
            );
        }
        let sent = self
            .fulfillments
            .iter()
            .filter(|parcel| parcel.canceled_at.is_none());
        let shipped_at = sent.filter_map(|parcel| parcel.shipped_at).max();
        Ok(Order {
            number: self.display_id.map(|number| number.to_string()),
            channel_order_id: ChannelOrderId::new(&self.id),
            status,
            channel_status: self.status,
            placed_at: self.created_at,
            updated_at: self.updated_at,
            shipped_at: shipped_at.filter(|_| status == OrderStatus::Shipped),
            total: Some(money(total)),
            lines,
            charges: charges.0,
        })
    }

    /// The shop's own statuses of fulfillment and payment depend on which fields were asked for, so pieces and
    /// payments are counted.
    fn status(&self) -> Result<OrderStatus, String> {
        let (mut ordered, mut shipped) = (0, 0);
        for item in &self.items {
            let quantity = whole(item.detail.raw_quantity)?;
            ordered += quantity;
            shipped += item.shipped()?.min(quantity);
        }
        if self.status == "canceled" || self.canceled_at.is_some() {
            return Ok(OrderStatus::Canceled);
        }
        let done = matches!(self.status.as_str(), "completed" | "archived");
        if done || (ordered > 0 && shipped >= ordered) {
            return Ok(OrderStatus::Shipped);
        }
        if shipped > 0 {
            return Ok(OrderStatus::PartiallyShipped);
        }
        let sum = |amount: fn(&Payment) -> Option<Amount>| -> Decimal {
            self.payment_collections
                .iter()
                .filter_map(amount)
                .map(|amount| amount.0)
                .sum()
        };
        let captured = sum(|payment| payment.raw_captured_amount);
        let refunded = sum(|payment| payment.raw_refunded_amount);
        if captured > Decimal::ZERO && refunded >= captured {
            return Ok(OrderStatus::Refunded);
        }
        let unpaid = |payment: &Payment| {
            matches!(
                payment.status.as_str(),
                "not_paid" | "awaiting" | "requires_action" | "failed" | "canceled"
            )
        };
        let payments = &self.payment_collections;
        let nothing_paid = payments.iter().all(unpaid) && self.raw_total.0 > Decimal::ZERO;
        Ok(match self.status == "requires_action" || nothing_paid {
            true => OrderStatus::Pending,
            false => OrderStatus::Open,
        })
    }
}

fn title(item: &Item) -> Option<String> {
    let title = item.title.clone().filter(|title| !title.is_empty())?;
    Some(match item.variant_title.as_deref() {
        None | Some("" | super::convert::LONE_OPTION) => title,
        Some(variant) => format!("{title} ({variant})"),
    })
}

#[derive(Default)]
struct Charges(Vec<Charge>);

impl Charges {
    /// Zero is no charge.
    fn add(&mut self, kind: ChargeKind, label: String, amount: Money) {
        if !amount.amount.is_zero() {
            self.0.push(Charge {
                kind,
                label,
                amount,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An order of the real shop's, shortened.
    fn document() -> Value {
        json!({
            "id": "order_01", "display_id": 6, "status": "pending", "currency_code": "eur",
            "created_at": "2026-11-22T01:21:32.599Z", "updated_at": "2026-11-22T01:21:32.599Z", "canceled_at": null,
            "raw_total": {"value": "53.5262", "precision": 20},
            "items": [{
                "id": "ordli_01", "title": "Tee", "variant_sku": "TEE-S", "variant_title": "S",
                "requires_shipping": true, "is_tax_inclusive": false,
                "raw_unit_price": {"value": "19.99"}, "raw_total": {"value": "47.5762"},
                "raw_tax_total": {"value": "7.5962"},
                "tax_lines": [{"description": "MwSt", "code": "de19"}], "adjustments": [],
                "detail": {"raw_quantity": {"value": "2"}, "raw_fulfilled_quantity": {"value": "0"},
                           "raw_shipped_quantity": {"value": "0"}},
            }],
            "shipping_methods": [{"name": "Standard", "raw_total": {"value": "5.95"}, "raw_tax_total": {"value": "0.95"}}],
            "fulfillments": [],
            "payment_collections": [{"status": "authorized", "raw_captured_amount": {"value": "0"},
                                     "raw_refunded_amount": {"value": "0"}}],
            "email": "ann@example.com",
        })
    }

    fn order(change: impl FnOnce(&mut Value)) -> Order {
        let mut document = document();
        change(&mut document);
        match read(document) {
            Read::Order(order) => *order,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_order_adds_up() {
        let order = order(|_| {});
        assert_eq!(order.status, OrderStatus::Open);
        assert_eq!(order.number.as_deref(), Some("6"));
        let line = &order.lines[0];
        assert_eq!(line.title.as_deref(), Some("Tee (S)"));
        let of_lines: Decimal = line.charges.iter().map(|charge| charge.amount.amount).sum();
        let of_order: Decimal = order
            .charges
            .iter()
            .map(|charge| charge.amount.amount)
            .sum();
        let goods = line.unit_price.unwrap().amount * Decimal::from(line.quantity);
        assert_eq!(goods + of_lines + of_order, order.total.unwrap().amount);
        assert_eq!(line.charges[0].label, "MwSt");
    }

    #[test]
    fn prices_with_tax_keep_it() {
        let order = order(|order| {
            order["items"][0]["is_tax_inclusive"] = json!(true);
            order["items"][0]["raw_total"] = json!({"value": "35.98"});
            order["items"][0]["raw_tax_total"] = json!({"value": "5.74"});
            order["raw_total"] = json!({"value": "41.93"});
        });
        let line = &order.lines[0];
        assert!(line.tax_included);
        let amount = |kind| {
            line.charges
                .iter()
                .find(|charge| charge.kind == kind)
                .map(|charge| charge.amount.to_plain())
        };
        assert_eq!(amount(ChargeKind::Discount).as_deref(), Some("-4.00"));
        assert_eq!(amount(ChargeKind::Tax).as_deref(), Some("5.74"));
        let shipping: Vec<_> = order
            .charges
            .iter()
            .map(|charge| charge.amount.to_plain())
            .collect();
        assert_eq!(shipping, ["5.95", "0.95"]);
    }

    #[test]
    fn pieces_and_payments_make_the_status() {
        let status = |change: fn(&mut Value)| order(change).status;
        assert_eq!(
            status(
                |order| order["items"][0]["detail"]["raw_shipped_quantity"] = json!({"value": "1"})
            ),
            OrderStatus::PartiallyShipped
        );
        assert_eq!(
            status(
                |order| order["items"][0]["detail"]["raw_shipped_quantity"] = json!({"value": "2"})
            ),
            OrderStatus::Shipped
        );
        assert_eq!(
            status(|order| order["status"] = json!("canceled")),
            OrderStatus::Canceled
        );
        assert_eq!(
            status(|order| order["payment_collections"][0]["status"] = json!("awaiting")),
            OrderStatus::Pending
        );
        assert_eq!(
            status(|order| order["payment_collections"][0]["status"] = json!("canceled")),
            OrderStatus::Pending
        );
        assert_eq!(
            status(|order| order["payment_collections"] = json!([])),
            OrderStatus::Pending
        );
        assert_eq!(
            status(|order| {
                order["payment_collections"][0]["raw_captured_amount"] =
                    json!({"value": "53.5262"});
                order["payment_collections"][0]["raw_refunded_amount"] =
                    json!({"value": "53.5262"});
            }),
            OrderStatus::Refunded
        );
    }

    #[test]
    fn a_refund_explains_a_lower_total_and_a_credit_does_not() {
        let other = |order: &Order| {
            order
                .charges
                .iter()
                .any(|charge| charge.kind == ChargeKind::Other)
        };
        let refunded = order(|order| {
            order["raw_total"] = json!({"value": "52.0262"});
            order["payment_collections"][0]["raw_refunded_amount"] = json!({"value": "1.5"});
        });
        assert!(!other(&refunded));
        assert!(
            refunded
                .charges
                .iter()
                .any(|charge| charge.kind == ChargeKind::Refund)
        );
        assert!(other(&order(
            |order| order["raw_total"] = json!({"value": "43.5262"})
        )));
    }

    #[test]
    fn an_unreadable_order_is_kept_without_the_buyer() {
        let mut document = document();
        document["items"][0]["detail"]["raw_quantity"] = json!({"value": "1.5"});
        let Read::Unreadable(order) = read(document) else {
            panic!("half a piece was read");
        };
        assert_eq!(order.channel_order_id.as_str(), "order_01");
        assert!(order.reason.contains("1.5"));
        assert!(order.raw.contains("TEE-S") && !order.raw.contains("ann@"));
    }
}
