//! Buyers: orders are placed and cancelled.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::orders::{
    FulfillmentOrder, FulfillmentOrderLine, Line, Order, Shipping, Transaction, move_stock,
};
use super::product::Variant;
use super::shop::{LOCATIONS, Shop};
use crate::sandbox::{Purchase, Receipt, ReceiptLine};

/// The flat rate, tax included.
const SHIPPING: Decimal = Decimal::from_parts(490, 0, 0, false, 2);
/// What the payment provider keeps: a share and a fixed amount.
pub const FEE_RATE: Decimal = Decimal::from_parts(14, 0, 0, false, 3);
pub const FEE_FLAT: Decimal = Decimal::from_parts(25, 0, 0, false, 2);
pub const GATEWAY: &str = "shopify_payments";
/// Every so many orders come with a code.
const DISCOUNTED: u64 = 3;

/// A buyer buys. Only what is live can be ordered, whether there is enough of it or not.
pub fn buy(shop: &mut Shop, purchase: &Purchase, now: Timestamp) -> Result<Receipt, String> {
    let mut wanted = Vec::new();
    let mut receipt = Vec::new();
    for line in &purchase.lines {
        let variant = shop
            .by_sku(&line.sku)
            .find(|variant| variant.sku == line.sku)
            .ok_or_else(|| format!("there is no variant with the sku {}", line.sku))?;
        let product = shop.product(variant.product);
        if !product.is_some_and(|product| shop.is_shown(product, variant, now)) {
            return Err(format!("{} is not for sale", line.sku));
        }
        let quantity = i64::try_from(line.quantity).unwrap_or(i64::MAX);
        let in_stock = variant.item.tracked.then(|| variant.available());
        receipt.push(ReceiptLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            in_stock,
            oversold: in_stock.is_some_and(|stock| stock < quantity),
        });
        wanted.push((variant.id, quantity));
    }
    let id = shop.next_id();
    let number = shop.orders.next_number();
    let discount = number
        .is_multiple_of(DISCOUNTED)
        .then(|| ("WELCOME10".to_owned(), 10));
    let mut order = Order {
        id,
        number,
        created: now,
        updated: now,
        cancelled: None,
        note: None,
        buyer: buyer(purchase.buyer.as_ref()),
        lines: Vec::new(),
        shipping: Shipping {
            id: shop.next_id(),
            title: "Standard".to_owned(),
            price: SHIPPING,
            refunded: Decimal::ZERO,
        },
        discount,
        transactions: Vec::new(),
        refunds: Vec::new(),
        fulfillment_orders: Vec::new(),
        fulfillments: Vec::new(),
    };
    for (variant, quantity) in wanted {
        let Some(variant) = shop.variant(variant).cloned() else {
            continue;
        };
        let location = location_of(&variant, quantity);
        let percent = order.discount.as_ref().map_or(0, |(_, percent)| *percent);
        let line = line(shop, &variant, quantity, percent);
        assign(shop, &mut order, location, &line, now);
        move_stock(shop, variant.id, location, -quantity, quantity, now);
        order.lines.push(line);
    }
    let total = order.total();
    order.transactions.push(Transaction {
        id: shop.next_id(),
        kind: "SALE".to_owned(),
        amount: total,
        gateway: GATEWAY.to_owned(),
        parent: None,
        fee: Some((total * FEE_RATE).round_dp(2) + FEE_FLAT),
        at: now,
    });
    let order_id = id.to_string();
    shop.orders.keep(order);
    Ok(Receipt {
        order_id,
        lines: receipt,
    })
}

/// The place that has enough, else the one that has most.
fn location_of(variant: &Variant, quantity: i64) -> u64 {
    let levels = &variant.item.levels;
    let enough = levels.iter().find(|(_, level)| level.available >= quantity);
    enough
        .or_else(|| levels.iter().max_by_key(|(_, level)| level.available))
        .map_or(LOCATIONS[0].id, |(location, _)| *location)
}

fn line(shop: &mut Shop, variant: &Variant, quantity: i64, percent: u32) -> Line {
    let product = shop.product(variant.product);
    let is_default = product.is_some_and(|product| product.has_only_default_variant());
    let title = product.map(|product| product.title.clone());
    let vendor = product.map(|product| product.vendor.clone());
    let total = variant.price * Decimal::from(quantity);
    Line {
        id: shop.next_id(),
        product: variant.product,
        variant: variant.id,
        title: title.unwrap_or_default(),
        variant_title: (!is_default).then(|| variant.title()),
        sku: variant.sku.clone(),
        vendor: vendor.unwrap_or_default(),
        quantity,
        removed: 0,
        unit: variant.price,
        discount: (total * Decimal::from(percent) / Decimal::ONE_HUNDRED).round_dp(2),
        taxable: variant.taxable,
        requires_shipping: variant.item.requires_shipping,
    }
}

/// Puts a line on the fulfillment order of its location.
fn assign(shop: &mut Shop, order: &mut Order, location: u64, line: &Line, now: Timestamp) {
    let place = order
        .fulfillment_orders
        .iter()
        .position(|one| one.location == location);
    let place = place.unwrap_or_else(|| {
        order.fulfillment_orders.push(FulfillmentOrder {
            id: shop.next_id(),
            location,
            status: "OPEN".to_owned(),
            lines: Vec::new(),
            created: now,
            updated: now,
        });
        order.fulfillment_orders.len() - 1
    });
    order.fulfillment_orders[place]
        .lines
        .push(FulfillmentOrderLine {
            id: shop.next_id(),
            line: line.id,
            total: line.quantity,
            remaining: line.quantity,
        });
}

/// Nobody, unless the caller names somebody: the names say so, and the mail goes to a domain for examples.
fn buyer(stated: Option<&Value>) -> Map<String, Value> {
    let nobody = json!({
        "firstName": "Fictional",
        "lastName": "Buyer",
        "company": null,
        "address1": "1 Example Street",
        "address2": null,
        "city": "Sampleton",
        "province": null,
        "provinceCode": null,
        "zip": "00000",
        "country": "Germany",
        "countryCodeV2": "DE",
        "phone": null,
        "email": "fictional.buyer@example.com",
    });
    let mut buyer = nobody.as_object().cloned().unwrap_or_default();
    if let Some(stated) = stated.and_then(Value::as_object) {
        buyer.extend(stated.clone());
    }
    buyer
}
