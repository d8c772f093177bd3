//! Listings as the shop's documents. Pure.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::api::{Price, Product, Variant, number};
use super::terms::Terms;
use crate::domain::catalog::ItemKind;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::listing::{Listing, Measure};
use crate::domain::measure;
use crate::domain::money::Money;

/// The option and its value of a product that stands alone: the shop wants one of every product.
pub const LONE_OPTION: &str = "Default";
/// Meta data of a variant that is off sale while its siblings stay: the shop's variants have no status.
pub const ENDED: &str = "skucast_ended";
/// Attributes for which the shop has fields. `subtitle` belongs to products alone.
pub const FIELDS: [&str; 4] = ["subtitle", "material", "hs_code", "mid_code"];
/// Between the levels of a category.
pub const LEVELS: char = '>';
/// Longest part of a handle that comes from the title.
const TITLE_IN_HANDLE: usize = 60;

/// What the settings say of the shop.
#[derive(Clone, Debug)]
pub struct Shop {
    pub currency: iso_currency::Currency,
    pub sales_channel: String,
    pub stock_location: String,
    pub units: Units,
}

/// The shop's numbers have no units: these are meant.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    pub weight: &'static str,
    pub dimension: &'static str,
}

fn converted(
    stated: Option<&Measure>,
    factor: fn(&str) -> Option<Decimal>,
    unit: &str,
) -> Option<Value> {
    let stated = stated?;
    let value = stated.value.checked_mul(factor(&stated.unit)?)? / factor(unit)?;
    Some(number(value.round_dp(6)))
}

/// What a product says; price, stock and variants are apart. For a product that stands alone, or a parent.
pub fn product_content(listing: &Listing, shop: &Shop, terms: &Terms) -> Map<String, Value> {
    // A listing that was ended comes back with its next update.
    let mut document = Map::from_iter([("status".to_owned(), json!("published"))]);
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(key.to_owned(), value);
        }
    };
    put("title", listing.title.as_ref().map(|title| json!(title)));
    put(
        "description",
        listing.description.as_ref().map(|text| json!(text)),
    );
    if let Some(first) = listing.images.first() {
        let images: Vec<_> = listing
            .images
            .iter()
            .map(|url| json!({ "url": url }))
            .collect();
        put("images", Some(Value::Array(images)));
        put("thumbnail", Some(json!(first)));
    }
    let category = listing
        .category
        .as_deref()
        .and_then(|path| terms.category(path));
    put("categories", category.map(|id| json!([{ "id": id }])));
    if !listing.tags.is_empty() {
        let ids = listing.tags.iter().filter_map(|tag| terms.tag(tag));
        put("tags", Some(ids.map(|id| json!({ "id": id })).collect()));
    }
    put(
        "subtitle",
        listing.attributes.get("subtitle").map(|text| json!(text)),
    );
    document.extend(facts(listing));
    if listing.kind == ItemKind::Parent {
        document.extend(physical(listing, &shop.units));
    }
    document
}

/// What is sold says; price and stock are apart. For a variant, or a product that stands alone.
pub fn variant_content(listing: &Listing, units: &Units) -> Map<String, Value> {
    let mut document = Map::from_iter([("title".to_owned(), json!(variant_title(listing)))]);
    if let Some(gtin) = &listing.gtin {
        let field = match gtin.len() {
            8 | 13 => "ean",
            12 => "upc",
            _ => "barcode",
        };
        document.insert(field.to_owned(), json!(gtin));
    }
    document.extend(physical(listing, units));
    if listing.kind == ItemKind::Variant {
        document.insert("options".to_owned(), options(listing));
        document.extend(facts(listing));
    }
    document
}

/// The shop names a variant by its choices.
fn variant_title(listing: &Listing) -> String {
    match listing.options.as_slice() {
        [] => LONE_OPTION.to_owned(),
        options => {
            let values: Vec<_> = options.iter().map(|(_, value)| value.as_str()).collect();
            values.join(" / ")
        }
    }
}

fn options(listing: &Listing) -> Value {
    let options = listing.options.iter();
    Value::Object(
        options
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect(),
    )
}

fn physical(listing: &Listing, units: &Units) -> Map<String, Value> {
    let length = |stated: &Option<Measure>| {
        converted(stated.as_ref(), measure::millimeters, units.dimension)
    };
    let fields = [
        (
            "weight",
            converted(listing.weight.as_ref(), measure::grams, units.weight),
        ),
        ("length", length(&listing.length)),
        ("width", length(&listing.width)),
        ("height", length(&listing.height)),
        // As the shop's own list of countries writes it.
        (
            "origin_country",
            listing
                .country_of_origin
                .as_ref()
                .map(|code| json!(code.to_lowercase())),
        ),
    ];
    let stated = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    stated.collect()
}

/// Fields and meta data. What the shop keeps beside them stays: it merges meta data.
fn facts(listing: &Listing) -> Map<String, Value> {
    let mut document = Map::new();
    let mut metadata = Map::new();
    for (name, value) in &listing.attributes {
        if name == "subtitle" {
            continue;
        }
        let part = match FIELDS.contains(&name.as_str()) {
            true => &mut document,
            false => &mut metadata,
        };
        part.insert(name.clone(), json!(value));
    }
    let is_variant = listing.kind == ItemKind::Variant;
    for (name, value) in [
        ("brand", listing.brand.as_ref().filter(|_| !is_variant)),
        (
            "condition",
            listing.condition.as_ref().filter(|_| !is_variant),
        ),
        ("mpn", listing.mpn.as_ref()),
    ] {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), json!(value));
        }
    }
    if !metadata.is_empty() {
        document.insert("metadata".to_owned(), Value::Object(metadata));
    }
    document
}

/// A product that is new, with the variants that come with it. `listing` is what stands alone, or the parent.
pub fn new_product(
    listing: &Listing,
    variants: &[&Listing],
    shop: &Shop,
    terms: &Terms,
) -> Map<String, Value> {
    let mut document = product_content(listing, shop, terms);
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    // The shop's key for what another system knows the product by.
    put("external_id", json!(listing.sku.as_str()));
    put("handle", json!(handle(listing)));
    put("sales_channels", json!([{ "id": shop.sales_channel }]));
    if let Some(profile) = terms.shipping_profile() {
        put("shipping_profile_id", json!(profile));
    }
    let (options, sold) = match listing.kind {
        ItemKind::Parent => (axes(listing, variants), variants.to_vec()),
        _ => (
            json!([{ "title": LONE_OPTION, "values": [LONE_OPTION] }]),
            vec![listing],
        ),
    };
    put("options", options);
    let sold: Vec<_> = sold
        .into_iter()
        .map(|variant| Value::Object(new_variant(variant, shop)))
        .collect();
    if !sold.is_empty() {
        put("variants", Value::Array(sold));
    }
    document
}

/// The parent's axes, and whatever else its variants choose from.
fn axes(parent: &Listing, variants: &[&Listing]) -> Value {
    let mut axes = parent.axes.clone();
    for (name, value) in variants.iter().flat_map(|variant| &variant.options) {
        if let Some(axis) = axes.iter_mut().find(|axis| axis.name == *name)
            && !axis.values.contains(value)
        {
            axis.values.push(value.clone());
        }
    }
    axes.iter()
        .map(|axis| {
            // Without ranks the shop shows the values in any order.
            let ranks: Map<_, _> = (0..)
                .zip(&axis.values)
                .map(|(rank, value): (u32, _)| (value.clone(), json!(rank)))
                .collect();
            json!({ "title": axis.name, "values": axis.values, "ranks": ranks })
        })
        .collect()
}

pub fn new_variant(listing: &Listing, shop: &Shop) -> Map<String, Value> {
    let mut document = variant_content(listing, &shop.units);
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    put("sku", json!(listing.sku.as_str()));
    // A quantity that nobody stated is not 0.
    put("manage_inventory", json!(listing.quantity.is_some()));
    put("prices", prices(&[], listing.price));
    if listing.kind != ItemKind::Variant {
        put("options", json!({ LONE_OPTION: LONE_OPTION }));
    }
    document
}

/// All prices of a variant with this one in its place: the shop forgets those that it is not told again.
pub fn prices(live: &[Price], price: Option<Money>) -> Value {
    let is_same = |known: &&Price| price.is_some_and(|price| known.is_plain(price.currency));
    let before = live.iter().find(is_same);
    let kept = live.iter().filter(|known| !is_same(known)).map(|known| {
        let mut document = json!({
            "id": known.id,
            "currency_code": known.currency_code,
            "amount": number(known.amount.0),
        });
        for (key, limit) in [
            ("min_quantity", known.min_quantity),
            ("max_quantity", known.max_quantity),
        ] {
            if let Some(limit) = limit {
                document[key] = number(limit.0);
            }
        }
        if !known.rules.is_empty() {
            document["rules"] = Value::Object(known.rules.clone());
        }
        document
    });
    let own = price.map(|price| {
        let mut document = json!({
            "currency_code": price.currency.code().to_lowercase(),
            "amount": number(price.rounded().amount),
        });
        if let Some(before) = before {
            document["id"] = json!(before.id);
        }
        document
    });
    kept.chain(own).collect()
}

/// Leaves of an update only what differs from what is live, so that what is the same costs no call.
pub fn only_changes(document: &mut Map<String, Value>, live: &Variant) {
    document.retain(|key, wanted| {
        let text = |live: &str| *wanted == json!(live);
        let amount =
            |live: Option<super::api::Amount>| live.is_some_and(|live| *wanted == number(live.0));
        let physical = &live.physical;
        let same = match key.as_str() {
            "title" => text(&live.title),
            "ean" => text(&live.ean),
            "upc" => text(&live.upc),
            "barcode" => text(&live.barcode),
            "origin_country" => text(&physical.origin_country),
            "material" => text(&physical.material),
            "hs_code" => text(&physical.hs_code),
            "mid_code" => text(&physical.mid_code),
            "weight" => amount(physical.weight),
            "length" => amount(physical.length),
            "width" => amount(physical.width),
            "height" => amount(physical.height),
            "metadata" => wanted.as_object().is_some_and(|wanted| {
                wanted
                    .iter()
                    .all(|(key, value)| live.metadata.get(key) == Some(value))
            }),
            "options" => wanted.as_object().is_some_and(|wanted| {
                wanted.iter().all(|(name, value)| {
                    live.options.iter().any(|chosen| {
                        let title = chosen.option.as_ref().map(|option| option.title.as_str());
                        title == Some(name) && *value == json!(chosen.value)
                    })
                })
            }),
            _ => false,
        };
        !same
    });
}

/// Puts a product that is not for sale on this channel back on sale.
pub fn on_sale(product: &Product, shop: &Shop) -> Map<String, Value> {
    let mut document = Map::new();
    if product.status != "published" {
        document.insert("status".to_owned(), json!("published"));
    }
    if product
        .sales_channels
        .iter()
        .all(|channel| channel.id != shop.sales_channel)
    {
        // The shop forgets those that it is not told again.
        let mut channels: Vec<_> = product
            .sales_channels
            .iter()
            .map(|channel| json!({ "id": channel.id }))
            .collect();
        channels.push(json!({ "id": shop.sales_channel }));
        document.insert("sales_channels".to_owned(), Value::Array(channels));
    }
    document
}

/// The product's name in addresses. The shop wants each once, and the same title may stand for several products.
fn handle(listing: &Listing) -> String {
    let sku = listing.sku.as_str();
    let title = slug(listing.title.as_deref().unwrap_or_default());
    let cut = title
        .char_indices()
        .nth(TITLE_IN_HANDLE)
        .map_or(title.len(), |(at, _)| at);
    let mut parts = vec![title[..cut].trim_end_matches('-').to_owned(), slug(sku)];
    if parts[1] != sku.to_ascii_lowercase() {
        // Other skus may look the same in an address.
        let mut print = Fingerprinter::default();
        let text = String::from(print.text(sku).finish());
        parts.push(text.chars().take(8).collect());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("-")
}

/// Lower-case letters and digits of ASCII, with single dashes for everything else.
pub fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{euros, parent, shop, single, variant};
    use super::*;

    #[test]
    fn a_product_that_stands_alone_is_one_variant() {
        let document = new_product(&single("MUG-1"), &[], &shop(), &Terms::default());
        assert_eq!(document["external_id"], "MUG-1");
        assert_eq!(document["handle"], "mug-mug-1-mug-1");
        let sold = &document["variants"][0];
        assert_eq!(sold["sku"], "MUG-1");
        assert_eq!(sold["weight"], json!(350));
        assert_eq!(sold["manage_inventory"], json!(true));
        assert_eq!(
            sold["prices"],
            json!([{"currency_code": "eur", "amount": 9.5}])
        );
    }

    #[test]
    fn a_family_is_one_product_with_its_choices_in_order() {
        let (tee, s, m) = (
            parent("TEE", &["S", "M"]),
            variant("TEE-S", "TEE", "S"),
            variant("TEE-M", "TEE", "M"),
        );
        let document = new_product(&tee, &[&s, &m], &shop(), &Terms::default());
        assert_eq!(
            document["options"],
            json!([{"title": "Size", "values": ["S", "M"], "ranks": {"S": 0, "M": 1}}])
        );
        assert_eq!(document["variants"][1]["options"], json!({"Size": "M"}));
        assert_eq!(document["variants"][1]["title"], "M");
        assert!(!document.contains_key("weight") || document["weight"].is_number());
    }

    #[test]
    fn a_price_takes_its_place_beside_those_that_stay() {
        let live: Vec<Price> = serde_json::from_value(json!([
            {"id": "price_1", "currency_code": "eur", "amount": 12.5},
            {"id": "price_2", "currency_code": "usd", "amount": 14},
            {"id": "price_3", "currency_code": "eur", "amount": 10, "min_quantity": 10},
            {"id": "price_4", "currency_code": "eur", "amount": 9, "rules": {"region_id": "reg_1"}},
        ]))
        .unwrap();
        assert_eq!(
            prices(&live, Some(euros("13.00"))),
            json!([
                {"id": "price_2", "currency_code": "usd", "amount": 14},
                {"id": "price_3", "currency_code": "eur", "amount": 10, "min_quantity": 10},
                {"id": "price_4", "currency_code": "eur", "amount": 9, "rules": {"region_id": "reg_1"}},
                {"currency_code": "eur", "amount": 13, "id": "price_1"},
            ])
        );
    }

    #[test]
    fn what_is_the_same_is_not_sent() {
        let mut s = variant("TEE-S", "TEE", "S");
        s.gtin = Some("4006381333931".into());
        let live: Variant = serde_json::from_value(json!({
            "id": "variant_1", "title": "S", "ean": "4006381333931", "weight": 350,
            "options": [{"value": "S", "option": {"title": "Size"}}],
        }))
        .unwrap();
        let mut document = variant_content(&s, &shop().units);
        only_changes(&mut document, &live);
        assert_eq!(document, Map::new());
        s.gtin = Some("40063813".into());
        let mut document = variant_content(&s, &shop().units);
        only_changes(&mut document, &live);
        assert_eq!(Value::Object(document), json!({"ean": "40063813"}));
    }

    #[test]
    fn handles_are_fit_for_addresses_and_differ() {
        let with = |sku: &str| handle(&single(sku));
        assert_eq!(slug("  Größe & Co. -- 5"), "gr-e-co-5");
        assert_ne!(with("A/B"), with("A B"));
        for sku in ["A/B", "袋-1", "Größe-Ü", "A.B"] {
            assert!(
                with(sku)
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            );
        }
    }
}
