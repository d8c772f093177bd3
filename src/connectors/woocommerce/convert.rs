//! Listings as the shop's documents, and back. Pure.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::api::{Image, Product};
use super::entities;
use crate::domain::catalog::ItemKind;
use crate::domain::change::{PriceChange, StockChange};
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing, Measure};
use crate::domain::measure::{grams, millimeters};
use crate::domain::money::Money;

/// Remembers which addresses the shop's copies of the pictures came from, in their order.
pub const IMAGE_SOURCES: &str = "_skucast_image_sources";
/// No web address holds this character unescaped (RFC 3986).
pub const SOURCE_SEPARATOR: &str = "|";

/// Brand, MPN, condition and country of origin: fields that the shop has not.
pub const SHOWN_AS_ATTRIBUTE: [&str; 4] = ["Brand", "MPN", "Condition", "Country of origin"];

/// Where a listing lives: `22` is a product, `22/31` the variation 31 of product 22.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub product: u64,
    pub variation: Option<u64>,
}

impl Place {
    pub fn parse(listing_ref: &ListingRef) -> Option<Self> {
        let text = listing_ref.as_str();
        Some(match text.split_once('/') {
            Some((product, variation)) => Self {
                product: product.parse().ok()?,
                variation: Some(variation.parse().ok()?),
            },
            None => Self {
                product: text.parse().ok()?,
                variation: None,
            },
        })
    }

    /// The id that a batch names.
    pub fn id(self) -> u64 {
        self.variation.unwrap_or(self.product)
    }

    pub fn listing_ref(self) -> ListingRef {
        ListingRef::new(match self.variation {
            Some(variation) => format!("{}/{variation}", self.product),
            None => self.product.to_string(),
        })
    }
}

/// What the shop's own settings say about its documents.
#[derive(Clone, Copy, Debug)]
pub struct Units {
    pub currency: iso_currency::Currency,
    pub weight_unit: &'static str,
    /// Grams per unit of a weight.
    pub grams: Decimal,
    pub dimension_unit: &'static str,
    /// Millimeters per unit of a length.
    pub millimeters: Decimal,
}

fn converted(
    measure: &Measure,
    factor: fn(&str) -> Option<Decimal>,
    target: Decimal,
) -> Option<String> {
    let value = measure.value.checked_mul(factor(&measure.unit)?)? / target;
    Some(value.round_dp(6).normalize().to_string())
}

/// A listing's content. Price, stock, sku and pictures are apart: not every write carries them.
pub fn content(listing: &Listing, units: &Units) -> Map<String, Value> {
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    // A listing that was ended comes back with its next update.
    put("status", json!("publish"));
    // A variation has no name of its own: the shop builds it from the parent's.
    if listing.kind != ItemKind::Variant
        && let Some(title) = &listing.title
    {
        put("name", json!(title));
    }
    if let Some(description) = &listing.description {
        put("description", json!(description));
    }
    if let Some(gtin) = &listing.gtin {
        put("global_unique_id", json!(gtin));
    }
    let weight = listing.weight.as_ref();
    if let Some(weight) = weight.and_then(|weight| converted(weight, grams, units.grams)) {
        put("weight", json!(weight));
    }
    let dimensions: Map<_, _> = [
        ("length", &listing.length),
        ("width", &listing.width),
        ("height", &listing.height),
    ]
    .into_iter()
    .filter_map(|(name, measure)| {
        let text = converted(measure.as_ref()?, millimeters, units.millimeters)?;
        Some((name.to_owned(), json!(text)))
    })
    .collect();
    if !dimensions.is_empty() {
        put("dimensions", Value::Object(dimensions));
    }
    let attributes = match listing.kind {
        ItemKind::Variant => chosen_options(listing),
        ItemKind::Single | ItemKind::Parent => attributes(listing),
    };
    if !attributes.is_empty() {
        put("attributes", Value::Array(attributes));
    }
    if listing.kind != ItemKind::Variant && !listing.tags.is_empty() {
        let tags: Vec<_> = listing
            .tags
            .iter()
            .map(|tag| json!({ "name": tag }))
            .collect();
        put("tags", Value::Array(tags));
    }
    document
}

fn chosen_options(listing: &Listing) -> Vec<Value> {
    listing
        .options
        .iter()
        .map(|(name, option)| json!({ "name": name, "option": option }))
        .collect()
}

/// Axes first, because their order is the order in which the shop asks the buyer.
fn attributes(listing: &Listing) -> Vec<Value> {
    let mut names: Vec<String> = Vec::new();
    let mut attributes: Vec<Value> = Vec::new();
    let mut add = |name: &str, options: &[&str], variation: bool| {
        // The shop tells attributes apart without regard to case.
        let key = name.to_lowercase();
        if !names.contains(&key) {
            attributes.push(json!({
                "name": name,
                "position": names.len(),
                "visible": true,
                "variation": variation,
                "options": options,
            }));
            names.push(key);
        }
    };
    if listing.kind == ItemKind::Parent {
        for axis in &listing.axes {
            let values: Vec<_> = axis.values.iter().map(String::as_str).collect();
            add(&axis.name, &values, true);
        }
    }
    for (name, value) in &listing.attributes {
        add(name, &[value], false);
    }
    // What WooCommerce has no field for before version 9.6 (brand) or at all is shown as an attribute.
    let values = [
        &listing.brand,
        &listing.mpn,
        &listing.condition,
        &listing.country_of_origin,
    ];
    for (name, value) in SHOWN_AS_ATTRIBUTE.into_iter().zip(values) {
        if let Some(value) = value {
            add(name, &[value], false);
        }
    }
    attributes
}

/// Everything that only a new listing gets beside its content.
pub fn creation(listing: &Listing) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("sku".to_owned(), json!(listing.sku.as_str()));
    match listing.kind {
        ItemKind::Parent => {
            document.insert("type".to_owned(), json!("variable"));
            return document;
        }
        ItemKind::Single => {
            document.insert("type".to_owned(), json!("simple"));
        }
        ItemKind::Variant => {}
    }
    if let Some(price) = listing.price {
        document.extend(prices(price, listing.compare_at));
    }
    if let Some(quantity) = listing.quantity {
        document.extend(stock(quantity));
    }
    document
}

fn prices(price: Money, compare_at: Option<Money>) -> Map<String, Value> {
    let (regular, sale) = match compare_at {
        Some(compare_at) if compare_at.amount > price.amount => {
            (compare_at.to_plain(), price.to_plain())
        }
        _ => (price.to_plain(), String::new()),
    };
    Map::from_iter([
        ("regular_price".to_owned(), json!(regular)),
        ("sale_price".to_owned(), json!(sale)),
    ])
}

/// A quantity without `manage_stock` is dropped by the shop.
fn stock(quantity: u64) -> Map<String, Value> {
    Map::from_iter([
        ("manage_stock".to_owned(), json!(true)),
        ("stock_quantity".to_owned(), json!(quantity)),
    ])
}

pub fn price_change(change: &PriceChange) -> Map<String, Value> {
    prices(change.price, change.compare_at)
}

pub fn stock_change(change: &StockChange) -> Map<String, Value> {
    stock(change.quantity)
}

/// The pictures of a document: what the shop has already is named by its id, for every `src` that is sent is
/// fetched and stored again. `None` leaves the pictures as they are.
pub fn images(listing: &Listing, live: Option<&Product>) -> Option<Map<String, Value>> {
    let variant = listing.kind == ItemKind::Variant;
    let wanted = match (variant, listing.images.as_slice()) {
        (_, []) => return None,
        (true, [first, ..]) => std::slice::from_ref(first),
        (false, all) => all,
    };
    let stored: Vec<&Image> = match live {
        Some(product) if variant => product.image.iter().collect(),
        Some(product) => product.images.iter().collect(),
        None => Vec::new(),
    };
    let sources: Vec<&str> = live
        .into_iter()
        .flat_map(|product| &product.meta_data)
        .filter(|meta| meta.key == IMAGE_SOURCES)
        .filter_map(|meta| meta.value.as_str())
        .flat_map(|text| text.split(SOURCE_SEPARATOR))
        .collect();
    // Someone who adds or removes a picture in the shop breaks the pairing.
    let paired = sources.len() == stored.len();
    if paired && sources == wanted {
        return None;
    }
    let known = |source: &str| {
        let by_memory = sources
            .iter()
            .position(|known| paired && *known == source)
            .map(|position| stored[position].id);
        let by_address = || {
            stored
                .iter()
                .find(|image| image.src == source)
                .map(|image| image.id)
        };
        by_memory.or_else(by_address)
    };
    let mut pictures: Vec<Value> = wanted
        .iter()
        .map(|source| match known(source) {
            Some(id) => json!({ "id": id }),
            None => json!({ "src": source }),
        })
        .collect();
    let mut document = Map::new();
    if variant {
        document.insert("image".to_owned(), pictures.swap_remove(0));
    } else {
        document.insert("images".to_owned(), Value::Array(pictures));
    }
    let memory = json!([{ "key": IMAGE_SOURCES, "value": wanted.join(SOURCE_SEPARATOR) }]);
    document.insert("meta_data".to_owned(), memory);
    Some(document)
}

fn amount(text: &str) -> Option<Decimal> {
    Decimal::from_str(text.trim()).ok()
}

/// Complains where the shop's answer differs from what it was sent. Values are compared as decimals, because
/// prices come back as they were written: `1.5`, `.5`.
pub fn changed_by_store(sent: &Map<String, Value>, answer: &Product) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut differs = |field: &str, shop_field: &str, sent: &str, stored: String| {
        let shown = if stored.is_empty() {
            "nothing"
        } else {
            &stored
        };
        issues.push(
            Issue::warning(
                "woocommerce:changed_by_store",
                format!("the shop was sent {shop_field} {sent} and keeps {shown}"),
            )
            .field(field)
            .hint("a plugin or a rule of the shop changes this value; look at the product there"),
        );
    };
    for (shop_field, stored) in [
        ("regular_price", &answer.regular_price),
        ("sale_price", &answer.sale_price),
    ] {
        if let Some(text) = sent.get(shop_field).and_then(Value::as_str)
            && amount(text) != amount(stored)
        {
            differs("price", shop_field, text, stored.clone());
        }
    }
    if let Some(quantity) = sent.get("stock_quantity").and_then(Value::as_u64) {
        let stored = quantity_of(&answer.stock_quantity);
        if stored != Some(Decimal::from(quantity)) {
            let stored = stored.map(|stored| stored.to_string()).unwrap_or_default();
            differs("quantity", "stock_quantity", &quantity.to_string(), stored);
        }
    }
    issues
}

/// Plugins let quantities be fractions or texts.
fn quantity_of(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => amount(&number.to_string()),
        Value::String(text) => amount(text),
        _ => None,
    }
}

/// A product without its parent's sku for an own one, as it is live. `None` when it has no sku.
pub fn channel_listing(
    product: &Product,
    place: Place,
    units: &Units,
    parent_sku: Option<&str>,
) -> Option<ChannelListing> {
    let sku = entities::decode(product.sku.trim());
    // A variation without a sku of its own reads its parent's.
    let inherited = parent_sku.is_some_and(|parent| same_sku(&entities::decode(parent), &sku));
    if sku.is_empty() || inherited {
        return None;
    }
    let money = |text: &str| amount(text).map(|amount| Money::new(amount, units.currency));
    let regular = money(&product.regular_price);
    // A sale price of 0 reads back as nothing, so the price in force counts.
    let (price, compare_at) = match money(&product.price) {
        _ if product.is_variable() => (None, None),
        Some(price) if product.on_sale => (
            Some(price),
            regular.filter(|regular| regular.amount > price.amount),
        ),
        _ => (regular, None),
    };
    let quantity = match product.manage_stock {
        Value::Bool(true) => quantity_of(&product.stock_quantity)
            .map(|quantity| u64::try_from(quantity.floor()).unwrap_or(0)),
        _ => None,
    };
    Some(ChannelListing {
        sku: Sku::new(sku),
        listing_ref: place.listing_ref(),
        parent_ref: place.variation.map(|_| {
            Place {
                variation: None,
                ..place
            }
            .listing_ref()
        }),
        live: product.status == "publish",
        title: Some(entities::decode(&product.name)).filter(|title| !title.is_empty()),
        price,
        compare_at,
        quantity,
        issues: Vec::new(),
        content: None,
    })
}

/// The shop keeps skus unique without regard to case.
pub fn same_sku(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
