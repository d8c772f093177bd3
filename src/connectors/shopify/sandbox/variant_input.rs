//! The fields of a variant that productSet and the bulk mutations of variants share.

use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::metafields;
use super::product::{Item, Variant};
use super::shop::Shop;

/// Longest sku and longest barcode.
const LONGEST: usize = 255;

/// What is wrong with a variant: the field and the message.
pub type Wrong = (&'static str, String);

/// A price as it is sent: a text or a number.
pub fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => Decimal::from_str(text).ok(),
        Value::Number(number) => Decimal::from_str(&number.to_string()).ok(),
        _ => None,
    }
}

/// A variant that is not in the shop yet.
pub fn new(shop: &mut Shop, product: u64, now: Timestamp) -> Variant {
    Variant {
        id: shop.next_id(),
        product,
        item: Item {
            id: shop.next_id(),
            tracked: false,
            requires_shipping: true,
            cost: None,
            country_of_origin: None,
            province_of_origin: None,
            harmonized_system_code: None,
            weight: None,
            levels: Default::default(),
        },
        sku: String::new(),
        barcode: None,
        price: Decimal::ZERO,
        compare_at: None,
        values: Vec::new(),
        policy: "DENY".to_owned(),
        taxable: true,
        media: None,
        metafields: Vec::new(),
        unpublished: Default::default(),
        created: now,
        updated: now,
    }
}

/// Writes the fields that are stated; a stated null empties.
pub fn write(
    shop: &mut Shop,
    variant: &mut Variant,
    sent: &Value,
    now: Timestamp,
) -> Result<(), Wrong> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(price) = sent.get("price") {
        let price = decimal(price).unwrap_or_default();
        if price < Decimal::ZERO {
            let message = "Price must be greater than or equal to 0";
            return Err(("price", message.to_owned()));
        }
        variant.price = price.round_dp(2);
    }
    if let Some(price) = sent.get("compareAtPrice") {
        variant.compare_at = decimal(price).map(|price| price.round_dp(2));
        if variant
            .compare_at
            .is_some_and(|price| price < Decimal::ZERO)
        {
            let message = "Compare at price must be greater than or equal to 0";
            return Err(("compareAtPrice", message.to_owned()));
        }
    }
    let item = sent.get("inventoryItem").filter(|item| item.is_object());
    let sku = sent
        .get("sku")
        .or_else(|| item.and_then(|item| item.get("sku")));
    if let Some(sku) = sku {
        variant.sku = text(sku).unwrap_or_default();
        if variant.sku.chars().count() > LONGEST {
            return Err((
                "sku",
                format!("Sku is too long (maximum is {LONGEST} characters)"),
            ));
        }
    }
    if let Some(barcode) = sent.get("barcode") {
        variant.barcode = text(barcode).filter(|barcode| !barcode.is_empty());
        if variant
            .barcode
            .as_ref()
            .is_some_and(|code| code.chars().count() > LONGEST)
        {
            let message = format!("Barcode is too long (maximum is {LONGEST} characters)");
            return Err(("barcode", message));
        }
    }
    if let Some(policy) = sent.get("inventoryPolicy").and_then(text) {
        variant.policy = policy;
    }
    if let Some(taxable) = sent.get("taxable").and_then(Value::as_bool) {
        variant.taxable = taxable;
    }
    if let Some(item) = item {
        write_item(&mut variant.item, item)?;
    }
    if let Some(sent) = sent.get("metafields").and_then(Value::as_array) {
        for one in sent {
            let metafield = metafields::read(shop, "PRODUCTVARIANT", one, &variant.metafields, now)
                .map_err(|message| ("metafields", message))?;
            metafields::put(&mut variant.metafields, metafield);
        }
    }
    Ok(())
}

fn write_item(item: &mut Item, sent: &Value) -> Result<(), Wrong> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(tracked) = sent.get("tracked").and_then(Value::as_bool) {
        item.tracked = tracked;
    }
    if let Some(ships) = sent.get("requiresShipping").and_then(Value::as_bool) {
        item.requires_shipping = ships;
    }
    if let Some(cost) = sent.get("cost") {
        item.cost = decimal(cost);
        if item.cost.is_some_and(|cost| cost < Decimal::ZERO) {
            return Err((
                "inventoryItem",
                "Cost must be greater than or equal to 0".to_owned(),
            ));
        }
    }
    if let Some(country) = sent.get("countryCodeOfOrigin") {
        item.country_of_origin = text(country);
    }
    if let Some(province) = sent.get("provinceCodeOfOrigin") {
        item.province_of_origin = text(province);
    }
    if let Some(code) = sent.get("harmonizedSystemCode") {
        let code = text(code).filter(|code| !code.is_empty());
        let fits = |code: &String| {
            let digits = code.chars().filter(char::is_ascii_digit).count();
            (6..=13).contains(&digits) && code.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        if code.as_ref().is_some_and(|code| !fits(code)) {
            let message = "Harmonized system code must be a number between 6 and 13 digits";
            return Err(("inventoryItem", message.to_owned()));
        }
        item.harmonized_system_code = code;
    }
    if let Some(weight) = sent.get("measurement").and_then(|sent| sent.get("weight")) {
        let value = weight.get("value").cloned();
        let unit = weight.get("unit").and_then(text);
        item.weight = value.zip(unit);
        let negative = |(value, _): &(Value, String)| value.as_f64().is_some_and(|v| v < 0.0);
        if item.weight.as_ref().is_some_and(negative) {
            let message = "Weight must be greater than or equal to 0";
            return Err(("inventoryItem", message.to_owned()));
        }
    }
    Ok(())
}
