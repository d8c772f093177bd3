//! Amazon's orders in our words. Pure.
//!
//! Source: models/orders_2026-01-01.json. Marketplace fees are not in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::account::Account;
use super::live::read_money;
use super::wire::WireMoney;
use crate::domain::ids::{ChannelOrderId, LineId, Sku};
use crate::domain::money::Money;
use crate::domain::order::{
    Charge, ChargeKind, FulfilledBy, Order, OrderLine, OrderStatus, UnreadableOrder,
};

/// What is asked for. Buyer and recipient are not: they need roles that selling does not.
pub const INCLUDED: &str = "PROCEEDS,FULFILLMENT,PACKAGES,CANCELLATION";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder {
    order_id: String,
    created_time: Timestamp,
    last_updated_time: Timestamp,
    #[serde(default)]
    proceeds: Proceeds,
    fulfillment: Fulfillment,
    order_items: Vec<WireLine>,
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proceeds {
    grand_total: Option<WireMoney>,
    /// Of a line.
    proceeds_total: Option<WireMoney>,
    #[serde(default)]
    breakdowns: Vec<Breakdown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Breakdown {
    #[serde(rename = "type")]
    kind: String,
    subtotal: WireMoney,
    #[serde(default)]
    detailed_breakdowns: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    subtype: Option<String>,
    value: Option<WireMoney>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fulfillment {
    fulfillment_status: String,
    fulfilled_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLine {
    order_item_id: String,
    quantity_ordered: u64,
    product: Product,
    #[serde(default)]
    proceeds: Proceeds,
    #[serde(default)]
    fulfillment: LineFulfillment,
    #[serde(default)]
    cancellation: Cancellation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    title: Option<String>,
    seller_sku: Option<String>,
    #[serde(default)]
    price: Price,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    unit_price: Option<WireMoney>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineFulfillment {
    quantity_fulfilled: Option<u64>,
    quantity_unfulfilled: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    cancellation_execution: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    ship_time: Option<Timestamp>,
    package_status: Option<PackageStatus>,
}

#[derive(Deserialize)]
struct PackageStatus {
    status: String,
}

/// Reads one order of a page.
pub fn read(account: &Account, raw: &Value) -> Result<Order, UnreadableOrder> {
    WireOrder::deserialize(raw)
        .map_err(|error| error.to_string())
        .and_then(|wire| normalize(account, wire))
        .map_err(|reason| UnreadableOrder {
            channel_order_id: ChannelOrderId::new(raw["orderId"].as_str().unwrap_or_default()),
            reason,
            raw: blanked(raw).to_string(),
        })
}

/// `UNFULFILLABLE` only occurs where Amazon ships what was not bought on its site: nothing leaves our shelf.
fn status(word: &str) -> Option<OrderStatus> {
    Some(match word {
        "PENDING_AVAILABILITY" | "PENDING" => OrderStatus::Pending,
        "UNSHIPPED" => OrderStatus::Open,
        "PARTIALLY_SHIPPED" => OrderStatus::PartiallyShipped,
        "SHIPPED" => OrderStatus::Shipped,
        "CANCELLED" | "UNFULFILLABLE" => OrderStatus::Canceled,
        _ => return None,
    })
}

fn normalize(account: &Account, wire: WireOrder) -> Result<Order, String> {
    let word = wire.fulfillment.fulfillment_status;
    let status = status(&word).ok_or_else(|| format!("the status `{word}` is not documented"))?;
    let fulfilled_by = match wire.fulfillment.fulfilled_by.as_deref() {
        Some("AMAZON") => FulfilledBy::Channel,
        _ => FulfilledBy::Seller,
    };
    let mut on_lines = BTreeMap::new();
    let mut lines = Vec::with_capacity(wire.order_items.len());
    for item in wire.order_items {
        for breakdown in &item.proceeds.breakdowns {
            let amount = money(&breakdown.subtotal)?.amount;
            *on_lines.entry(breakdown.kind.clone()).or_default() += amount;
        }
        lines.push(line(account, status, fulfilled_by, item)?);
    }
    Ok(Order {
        channel_order_id: ChannelOrderId::from(wire.order_id),
        number: None,
        status,
        channel_status: word,
        placed_at: wire.created_time,
        updated_at: wire.last_updated_time,
        shipped_at: wire
            .packages
            .iter()
            .filter(|package| {
                package
                    .package_status
                    .as_ref()
                    .is_none_or(|status| status.status != "CANCELLED")
            })
            .filter_map(|package| package.ship_time)
            .max(),
        total: wire.proceeds.grand_total.as_ref().map(money).transpose()?,
        charges: order_charges(&wire.proceeds.breakdowns, &on_lines)?,
        lines,
    })
}

fn line(
    account: &Account,
    status: OrderStatus,
    fulfilled_by: FulfilledBy,
    item: WireLine,
) -> Result<OrderLine, String> {
    let quantity = item.quantity_ordered;
    let stated = item.fulfillment.quantity_fulfilled;
    let shipped = match stated {
        Some(shipped) => shipped.min(quantity),
        None if status == OrderStatus::Shipped => quantity,
        None => 0,
    };
    let left = quantity - shipped;
    let canceled =
        if status == OrderStatus::Canceled || item.cancellation.cancellation_execution.is_some() {
            left
        } else {
            // What is neither sent nor still to be sent was canceled.
            match (stated, item.fulfillment.quantity_unfulfilled) {
                (Some(_), Some(open)) => left.saturating_sub(open),
                _ => 0,
            }
        };
    let unit_price = match &item.product.price.unit_price {
        Some(price) => Some(money(price)?),
        None => unit_price_of(&item.proceeds, quantity)?,
    };
    Ok(OrderLine {
        line_id: LineId::from(item.order_item_id),
        sku: item.product.seller_sku.map(Sku::from),
        title: item.product.title,
        quantity,
        canceled,
        shipped,
        unit_price,
        tax_included: tax_included(account, &item.proceeds)?,
        fulfilled_by,
        charges: line_charges(&item.proceeds.breakdowns)?,
    })
}

/// The line's goods by its pieces, where that comes out even.
fn unit_price_of(proceeds: &Proceeds, quantity: u64) -> Result<Option<Money>, String> {
    let Some(goods) = proceeds.breakdowns.iter().find(|one| one.kind == "ITEM") else {
        return Ok(None);
    };
    let goods = money(&goods.subtotal)?;
    let pieces = Decimal::from(quantity);
    Ok(goods
        .amount
        .checked_div(pieces)
        .filter(|piece| piece.checked_mul(pieces) == Some(goods.amount))
        .map(|piece| Money::new(piece, goods.currency)))
}

/// Amazon does not say whether prices hold the tax, but its sums do; without sums the marketplace's custom counts.
fn tax_included(account: &Account, proceeds: &Proceeds) -> Result<bool, String> {
    let Some(total) = &proceeds.proceeds_total else {
        return Ok(account.tax_included);
    };
    let total = money(total)?.amount;
    let (mut all, mut tax) = (Decimal::ZERO, Decimal::ZERO);
    for breakdown in &proceeds.breakdowns {
        let amount = signed(&breakdown.kind, money(&breakdown.subtotal)?.amount);
        all += amount;
        if breakdown.kind == "TAX" {
            tax += amount;
        }
    }
    Ok(match tax.is_zero() {
        false if all == total => false,
        false if all - tax == total => true,
        _ => account.tax_included,
    })
}

/// A discount lowers the total, whichever sign it comes with.
fn signed(kind: &str, amount: Decimal) -> Decimal {
    match kind {
        "DISCOUNT" => -amount.abs(),
        _ => amount,
    }
}

fn charge_kind(kind: &str) -> ChargeKind {
    match kind {
        "TAX" => ChargeKind::Tax,
        "SHIPPING" => ChargeKind::Shipping,
        "DISCOUNT" => ChargeKind::Discount,
        "COD_FEE" => ChargeKind::Fee,
        // GIFT_WRAP, DELIVERY_TIP, OTHER, and what Amazon adds one day.
        _ => ChargeKind::Other,
    }
}

fn charge(kind: &str, amount: Money) -> Charge {
    Charge {
        kind: charge_kind(kind),
        label: kind.to_owned(),
        amount: Money::new(signed(kind, amount.amount), amount.currency),
    }
}

fn line_charges(breakdowns: &[Breakdown]) -> Result<Vec<Charge>, String> {
    let mut charges = Vec::new();
    // `ITEM` is the goods themselves.
    for breakdown in breakdowns.iter().filter(|one| one.kind != "ITEM") {
        let mut rest = money(&breakdown.subtotal)?;
        if breakdown.kind == "TAX" {
            for detail in &breakdown.detailed_breakdowns {
                let Some(value) = &detail.value else { continue };
                let subtype = detail.subtype.as_deref().unwrap_or("OTHER");
                let value = money(value)?;
                rest.amount -= value.amount;
                charges.push(Charge {
                    kind: match subtype {
                        "SHIPPING" => ChargeKind::ShippingTax,
                        _ => ChargeKind::Tax,
                    },
                    label: format!("TAX {subtype}"),
                    amount: value,
                });
            }
        }
        charges.push(charge(&breakdown.kind, rest));
    }
    charges.retain(|charge| !charge.amount.amount.is_zero());
    Ok(charges)
}

/// Most of the order's sums are those of its lines. Only what the lines do not have belongs to the order.
fn order_charges(
    breakdowns: &[Breakdown],
    on_lines: &BTreeMap<String, Decimal>,
) -> Result<Vec<Charge>, String> {
    let mut charges = Vec::new();
    for breakdown in breakdowns.iter().filter(|one| one.kind != "ITEM") {
        let mut amount = money(&breakdown.subtotal)?;
        let on_lines = on_lines.get(&breakdown.kind).copied().unwrap_or_default();
        amount.amount = match &*breakdown.kind {
            "DISCOUNT" => amount.amount.abs() - on_lines.abs(),
            _ => amount.amount - on_lines,
        };
        if !amount.amount.is_zero() {
            charges.push(charge(&breakdown.kind, amount));
        }
    }
    Ok(charges)
}

fn money(wire: &WireMoney) -> Result<Money, String> {
    read_money(wire).ok_or_else(|| format!("`{} {}` is no amount", wire.amount, wire.currency_code))
}

/// Parts of an order that say who the buyer is.
const PERSONAL: &[&str] = &[
    "buyer",
    "recipient",
    "payment",
    "tax",
    "packing",
    "customization",
    "deliveryAddress",
];

/// The order without anything personal, whatever shape the rest has.
fn blanked(raw: &Value) -> Value {
    match raw {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match PERSONAL.contains(&&**key) {
                true => (key.clone(), "(removed)".into()),
                false => (key.clone(), blanked(value)),
            })
            .collect(),
        Value::Array(list) => list.iter().map(blanked).collect(),
        other => other.clone(),
    }
}

/// Amazon's code of a carrier and its name. Codes: the `CarrierCode` values of order fulfillment; a carrier
/// that is not among them is `Other` with its name (models/ordersV0.json, `PackageDetail`).
pub fn carrier_code(carrier: &str) -> &'static str {
    const CODES: &[&str] = &[
        "Australia Post",
        "Bpost",
        "Canada Post",
        "Chronopost",
        "Correos",
        "DHL",
        "DPD",
        "Deutsche Post",
        "FedEx",
        "GLS",
        "Hermes",
        "InPost",
        "La Poste",
        "OnTrac",
        "Parcelforce",
        "Poste Italiane",
        "PostNL",
        "Royal Mail",
        "SEUR",
        "TNT",
        "UPS",
        "USPS",
    ];
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = plain(carrier);
    CODES
        .iter()
        .find(|code| plain(code) == wanted)
        .copied()
        .unwrap_or("Other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::amazon::tests::account;
    use serde_json::json;

    fn euro(amount: &str) -> Value {
        json!({"amount": amount, "currencyCode": "EUR"})
    }

    fn wire() -> Value {
        json!({
            "orderId": "302-1", "createdTime": "2026-11-01T10:00:00Z", "lastUpdatedTime": "2026-11-02T10:00:00Z",
            "salesChannel": {"channelName": "AMAZON"},
            "buyer": {"buyerName": "Erika Mustermann"},
            "proceeds": {"grandTotal": euro("43.99"), "breakdowns": [
                {"type": "ITEM", "subtotal": euro("40.00")},
                {"type": "SHIPPING", "subtotal": euro("4.99")},
                {"type": "DISCOUNT", "subtotal": euro("-3.00")},
                {"type": "TAX", "subtotal": euro("7.18")},
                {"type": "DELIVERY_TIP", "status": "FINALIZED", "subtotal": euro("2.00")}]},
            "fulfillment": {"fulfillmentStatus": "PARTIALLY_SHIPPED", "fulfilledBy": "MERCHANT"},
            "orderItems": [{
                "orderItemId": "1", "quantityOrdered": 4,
                "product": {"sellerSku": "A", "title": "Hat", "price": {"unitPrice": euro("10.00")}},
                "proceeds": {"proceedsTotal": euro("41.99"), "breakdowns": [
                    {"type": "ITEM", "subtotal": euro("40.00")},
                    {"type": "SHIPPING", "subtotal": euro("4.99")},
                    {"type": "DISCOUNT", "subtotal": euro("-3.00")},
                    {"type": "TAX", "subtotal": euro("7.18"), "detailedBreakdowns": [
                        {"subtype": "ITEM", "value": euro("6.38")},
                        {"subtype": "SHIPPING", "value": euro("0.80")}]}]},
                "fulfillment": {"quantityFulfilled": 1, "quantityUnfulfilled": 2}
            }],
            "packages": [
                {"packageReferenceId": "1", "shipTime": "2026-11-02T09:00:00Z", "packageStatus": {"status": "SHIPPED"}},
                {"packageReferenceId": "2", "shipTime": "2026-11-05T09:00:00Z", "packageStatus": {"status": "CANCELLED"}}]
        })
    }

    fn charges(charges: &[Charge]) -> Vec<(ChargeKind, String)> {
        charges
            .iter()
            .map(|charge| (charge.kind, charge.amount.to_plain()))
            .collect()
    }

    #[test]
    fn money_is_counted_once() {
        let order = read(&account(), &wire()).unwrap();
        assert_eq!(
            charges(&order.lines[0].charges),
            [
                (ChargeKind::Shipping, "4.99".into()),
                (ChargeKind::Discount, "-3.00".into()),
                (ChargeKind::Tax, "6.38".into()),
                (ChargeKind::ShippingTax, "0.80".into()),
            ]
        );
        assert_eq!(
            charges(&order.charges),
            [(ChargeKind::Other, "2.00".into())]
        );
        assert!(order.lines[0].tax_included);
        assert_eq!(order.total.unwrap().to_plain(), "43.99");
    }

    #[test]
    fn sums_of_the_order_alone_stay_with_the_order() {
        let mut wire = wire();
        wire["orderItems"][0]["proceeds"] = json!({});
        let order = read(&account(), &wire).unwrap();
        assert_eq!(order.lines[0].charges, []);
        assert_eq!(charges(&order.charges).len(), 4);
        assert!(charges(&order.charges).contains(&(ChargeKind::Discount, "-3.00".into())));
    }

    #[test]
    fn tax_that_adds_up_is_not_in_the_price() {
        let mut wire = wire();
        wire["orderItems"][0]["proceeds"] = json!({"proceedsTotal": euro("11.00"), "breakdowns": [
            {"type": "ITEM", "subtotal": euro("10.00")}, {"type": "TAX", "subtotal": euro("1.00")}]});
        assert!(!read(&account(), &wire).unwrap().lines[0].tax_included);
    }

    #[test]
    fn pieces_are_shipped_open_or_canceled() {
        let order = read(&account(), &wire()).unwrap();
        let line = &order.lines[0];
        assert_eq!((line.quantity, line.shipped, line.canceled), (4, 1, 1));
        let shipped_at = order.shipped_at.unwrap().to_string();
        assert_eq!(shipped_at, "2026-11-02T09:00:00Z");
        let mut wire = wire();
        wire["fulfillment"]["fulfillmentStatus"] = json!("CANCELLED");
        let order = read(&account(), &wire).unwrap();
        assert_eq!(order.status, OrderStatus::Canceled);
        assert_eq!(order.lines[0].canceled, 3);
    }

    #[test]
    fn a_pending_order_may_lack_almost_everything() {
        let wire = json!({
            "orderId": "302-2", "createdTime": "2026-11-01T10:00:00Z", "lastUpdatedTime": "2026-11-01T10:00:00Z",
            "salesChannel": {"channelName": "AMAZON"},
            "fulfillment": {"fulfillmentStatus": "PENDING", "fulfilledBy": "AMAZON"},
            "orderItems": [{"orderItemId": "1", "quantityOrdered": 1, "product": {"sellerSku": "A"}}]
        });
        let order = read(&account(), &wire).unwrap();
        assert_eq!(order.status, OrderStatus::Pending);
        assert_eq!(order.total, None);
        assert_eq!(order.lines[0].unit_price, None);
        assert_eq!(order.lines[0].canceled, 0);
        assert_eq!(order.lines[0].fulfilled_by, FulfilledBy::Channel);
    }

    #[test]
    fn an_order_that_cannot_be_read_is_kept_without_the_buyer() {
        let mut wire = wire();
        wire["fulfillment"]["fulfillmentStatus"] = json!("LOST_IN_SPACE");
        let unreadable = read(&account(), &wire).unwrap_err();
        assert_eq!(unreadable.channel_order_id.as_str(), "302-1");
        assert!(unreadable.reason.contains("LOST_IN_SPACE"));
        assert!(unreadable.raw.contains("orderItems"));
        assert!(!unreadable.raw.contains("Mustermann"));
    }

    #[test]
    fn a_carrier_is_known_however_it_is_spelled() {
        assert_eq!(carrier_code("fedex"), "FedEx");
        assert_eq!(carrier_code("Deutsche-Post"), "Deutsche Post");
        assert_eq!(carrier_code("Bike courier"), "Other");
    }
}
