//! Our listing in Shopify's words. Pure.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::shop::Facts;
use crate::domain::issue::Issue;
use crate::domain::listing::{Listing, Measure};

/// What Shopify calls the options of a product that has none.
pub const NO_OPTION: (&str, &str) = ("Title", "Default Title");

/// The product's option names and a variant's values for them.
pub type Options = Vec<(String, String)>;

pub fn options(listing: &Listing) -> Options {
    if listing.options.is_empty() {
        vec![(NO_OPTION.0.to_owned(), NO_OPTION.1.to_owned())]
    } else {
        listing.options.clone()
    }
}

/// As `ProductVariantSetInput.optionValues` takes them.
pub fn option_values(options: &[(String, String)]) -> Value {
    options
        .iter()
        .map(|(name, value)| json!({"optionName": name, "name": value}))
        .collect()
}

/// A cell that says yes or no.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A category of Shopify's own taxonomy: `gid://shopify/TaxonomyCategory/aa-1-2`, or `aa-1-2`.
pub fn taxonomy(category: &str) -> Option<String> {
    const PREFIX: &str = "gid://shopify/TaxonomyCategory/";
    let id = category.strip_prefix(PREFIX).unwrap_or(category);
    let (vertical, rest) = id.split_once('-')?;
    let is_id = vertical.len() == 2
        && vertical.bytes().all(|b| b.is_ascii_lowercase())
        && rest
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    is_id.then(|| format!("{PREFIX}{id}"))
}

/// What belongs to the product as a whole. What is not stated is left out, and stays as it is.
pub fn product_fields(listing: &Listing) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, text: Option<&str>| {
        if let Some(text) = text {
            fields.insert(key.to_owned(), json!(text));
        }
    };
    let attribute = |name: &str| listing.attributes.get(name).map(String::as_str);
    put("title", listing.title.as_deref());
    put("descriptionHtml", listing.description.as_deref());
    put("vendor", listing.brand.as_deref());
    put("handle", attribute("handle"));
    put("templateSuffix", attribute("template_suffix"));
    let category = listing.category.as_deref();
    let of_taxonomy = category.and_then(taxonomy);
    put("category", of_taxonomy.as_deref());
    let own_type = category.filter(|_| of_taxonomy.is_none());
    put("productType", attribute("product_type").or(own_type));
    if !listing.tags.is_empty() {
        fields.insert("tags".to_owned(), json!(listing.tags));
    }
    let mut seo = Map::new();
    for (key, name) in [("title", "seo_title"), ("description", "seo_description")] {
        if let Some(text) = attribute(name) {
            seo.insert(key.to_owned(), json!(text));
        }
    }
    if !seo.is_empty() {
        fields.insert("seo".to_owned(), Value::Object(seo));
    }
    fields
}

/// What belongs to one variant, but its options, price and stock.
pub fn variant_fields(listing: &Listing) -> Map<String, Value> {
    let mut fields = Map::from_iter([("sku".to_owned(), json!(listing.sku.as_str()))]);
    let attribute = |name: &str| listing.attributes.get(name).map(String::as_str);
    if let Some(gtin) = &listing.gtin {
        fields.insert("barcode".to_owned(), json!(gtin));
    }
    if let Some(taxable) = attribute("taxable").and_then(flag) {
        fields.insert("taxable".to_owned(), json!(taxable));
    }
    let mut item = Map::new();
    if let Some(weight) = listing.weight.as_ref().and_then(weight) {
        item.insert("measurement".to_owned(), json!({"weight": weight}));
    }
    if let Some(country) = &listing.country_of_origin {
        item.insert("countryCodeOfOrigin".to_owned(), json!(country));
    }
    if let Some(code) = attribute("hs_code") {
        item.insert("harmonizedSystemCode".to_owned(), json!(code));
    }
    if let Some(shipped) = attribute("requires_shipping").and_then(flag) {
        item.insert("requiresShipping".to_owned(), json!(shipped));
    }
    if !item.is_empty() {
        fields.insert("inventoryItem".to_owned(), Value::Object(item));
    }
    fields
}

/// Adds price and stock, which only a creation carries. The stock is counted once it is stated.
pub fn add_offer(
    fields: &mut Map<String, Value>,
    listing: &Listing,
    facts: &Facts,
    is_stocked: bool,
) -> Result<(), Box<Issue>> {
    for (key, money) in [
        ("price", listing.price),
        ("compareAtPrice", listing.compare_at),
    ] {
        if let Some(money) = money {
            let amount = facts
                .amount(money)
                .ok_or_else(|| Box::new(other_currency(facts)))?;
            fields.insert(key.to_owned(), json!(amount));
        }
    }
    let Some(quantity) = listing.quantity else {
        return Ok(());
    };
    let item = fields.entry("inventoryItem").or_insert_with(|| json!({}));
    item["tracked"] = json!(true);
    if is_stocked {
        let level =
            json!({"locationId": facts.location, "name": "available", "quantity": quantity});
        fields.insert("inventoryQuantities".to_owned(), json!([level]));
    }
    Ok(())
}

pub fn other_currency(facts: &Facts) -> Issue {
    let code = facts.currency.code();
    Issue::error(
        "currency_differs",
        format!("the shop sells in {code}, and this price is in another currency"),
    )
    .field("price")
    .hint(format!(
        "set `currency = \"{code}\"` and `rate` in this channel's [price]"
    ))
}

/// A weight in a unit that Shopify has; `None` in one that nobody knows.
fn weight(measure: &Measure) -> Option<Value> {
    let (factor, unit) = match measure.unit.trim().to_ascii_lowercase().as_str() {
        "g" | "gram" | "grams" => (Decimal::ONE, "GRAMS"),
        "kg" | "kilogram" | "kilograms" => (Decimal::ONE, "KILOGRAMS"),
        "oz" | "ounce" | "ounces" => (Decimal::ONE, "OUNCES"),
        "lb" | "lbs" | "pound" | "pounds" => (Decimal::ONE, "POUNDS"),
        "mg" => (Decimal::new(1, 3), "GRAMS"),
        "t" => (Decimal::from(1000), "KILOGRAMS"),
        _ => return None,
    };
    let value = measure.value.checked_mul(factor)?.to_f64()?;
    Some(json!({"value": value, "unit": unit}))
}

/// Whether a weight's unit is known here.
pub fn knows_unit(measure: &Measure) -> bool {
    weight(measure).is_some()
}

/// The unit of a weight of Shopify's, as catalogs write it.
pub fn unit(word: &str) -> Option<&'static str> {
    Some(match word {
        "GRAMS" => "g",
        "KILOGRAMS" => "kg",
        "OUNCES" => "oz",
        "POUNDS" => "lb",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::{euros, facts, single, variant};

    #[test]
    fn a_listing_in_shopifys_words() {
        let mut mug = single("MUG-1");
        mug.category = Some("Mugs".into());
        mug.gtin = Some("4006381333931".into());
        mug.attributes = [
            ("seo_title", "A mug"),
            ("hs_code", "6912"),
            ("taxable", "no"),
            ("color", "red"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            Value::Object(product_fields(&mug)),
            json!({"title": "Mug MUG-1", "descriptionHtml": "Holds coffee & tea", "vendor": "Potters",
                "productType": "Mugs", "seo": {"title": "A mug"}})
        );
        let mut fields = variant_fields(&mug);
        add_offer(&mut fields, &mug, &facts(), true).unwrap();
        assert_eq!(
            Value::Object(fields),
            json!({"sku": "MUG-1", "barcode": "4006381333931", "taxable": false,
                "inventoryItem": {"measurement": {"weight": {"value": 350.0, "unit": "GRAMS"}},
                    "harmonizedSystemCode": "6912", "tracked": true},
                "price": "9.50",
                "inventoryQuantities": [{"locationId": "gid://shopify/Location/1", "name": "available", "quantity": 12}]})
        );
    }

    #[test]
    fn a_stock_that_is_not_stated_is_not_counted() {
        let mut mug = single("MUG-1");
        mug.quantity = None;
        let mut fields = variant_fields(&mug);
        add_offer(&mut fields, &mug, &facts(), true).unwrap();
        assert!(!fields.contains_key("inventoryQuantities"));
        assert!(fields["inventoryItem"].get("tracked").is_none());
    }

    #[test]
    fn a_price_in_another_currency_is_refused() {
        let mut mug = single("MUG-1");
        mug.price = Some(crate::domain::money::Money {
            currency: iso_currency::Currency::USD,
            ..euros("1")
        });
        let issue = add_offer(&mut Map::new(), &mug, &facts(), true).unwrap_err();
        assert_eq!(issue.code, "currency_differs");
    }

    #[test]
    fn categories_of_the_taxonomy_are_told_from_others() {
        let full = "gid://shopify/TaxonomyCategory/aa-1-2-30";
        assert_eq!(taxonomy("aa-1-2-30").as_deref(), Some(full));
        assert_eq!(taxonomy(full).as_deref(), Some(full));
        for other in ["Mugs", "t-shirts", "aa", "aa-", "aa-1-x", "a-1"] {
            assert_eq!(taxonomy(other), None, "{other}");
        }
    }

    #[test]
    fn options_and_units() {
        assert_eq!(
            option_values(&options(&variant("TEE-S", "TEE", "S"))),
            json!([{"optionName": "Size", "name": "S"}])
        );
        assert_eq!(
            option_values(&options(&single("MUG-1"))),
            json!([{"optionName": "Title", "name": "Default Title"}])
        );
        let measure = |value: i64, unit: &str| Measure {
            value: value.into(),
            unit: unit.into(),
        };
        assert_eq!(
            weight(&measure(500, "mg")),
            Some(json!({"value": 0.5, "unit": "GRAMS"}))
        );
        assert_eq!(weight(&measure(1, "stone")), None);
    }
}
