//! What a listing says about the product, as Amazon's attributes. Pure.
//!
//! Shapes: guides "Submit Listings data" and listings-items-api-use-case-guide; the attributes of one product
//! type are only known to its schema, which a listing can always reach through `attr:NAME`.

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

use super::account::Account;
use crate::domain::catalog::ItemKind;
use crate::domain::listing::{Listing, Measure};

/// Between the bullet points of one cell.
pub const BETWEEN_BULLETS: &str = " | ";

/// Main picture and eight others.
pub const MOST_IMAGES: usize = 9;

/// An offer on something that Amazon's catalog already holds.
pub const SUGGESTED_ASIN: &str = "merchant_suggested_asin";

/// Price and stock, which travel apart from content and never as the seller's own attribute.
pub const OFFER: &[&str] = &[
    "fulfillment_availability",
    "list_price",
    "purchasable_offer",
];

/// Attributes in words of a language, which Amazon wants named. Anything else can be written as JSON.
const LOCALIZED: &[&str] = &[
    "brand",
    "bullet_point",
    "care_instructions",
    "color",
    "fabric_type",
    "flavor",
    "generic_keyword",
    "included_components",
    "item_name",
    "item_type_name",
    "manufacturer",
    "material",
    "model_name",
    "pattern",
    "product_description",
    "scent",
    "size",
    "special_feature",
    "style",
];

/// Texts that may look like numbers.
const TEXTUAL: &[&str] = &[
    "country_of_origin",
    "merchant_shipping_group",
    "merchant_suggested_asin",
    "model_number",
    "part_number",
];

/// Our word, Amazon's word.
pub const CONDITIONS: &[(&str, &str)] = &[
    ("new", "new_new"),
    ("refurbished", "refurbished_refurbished"),
    ("used", "used_good"),
];

/// models/listingsItems_2021-08-01.json, `conditionType`.
pub const AMAZON_CONDITIONS: &[&str] = &[
    "new_new",
    "new_open_box",
    "new_oem",
    "refurbished_refurbished",
    "used_like_new",
    "used_very_good",
    "used_good",
    "used_acceptable",
    "collectible_like_new",
    "collectible_very_good",
    "collectible_good",
    "collectible_acceptable",
    "club_club",
];

/// Amazon's name of a unit, for weights and lengths.
pub fn unit(text: &str) -> Option<&'static str> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "kg" | "kilograms" => "kilograms",
        "g" | "grams" => "grams",
        "lb" | "lbs" | "pounds" => "pounds",
        "oz" | "ounces" => "ounces",
        "cm" | "centimeters" => "centimeters",
        "mm" | "millimeters" => "millimeters",
        "m" | "meters" => "meters",
        "in" | "inches" => "inches",
        _ => return None,
    })
}

/// The inverse of [`unit`].
pub fn unit_of(theirs: &str) -> Option<&'static str> {
    Some(match theirs {
        "kilograms" => "kg",
        "grams" => "g",
        "pounds" => "lb",
        "ounces" => "oz",
        "centimeters" => "cm",
        "millimeters" => "mm",
        "meters" => "m",
        "inches" => "in",
        _ => return None,
    })
}

/// Whether a text, sent as an attribute of the seller's own, becomes a value like that of `entry`.
pub fn text_kept(account: &Account, name: &str, text: &str, entry: &Value) -> bool {
    let mut writer = Writer {
        account,
        attributes: Map::new(),
    };
    writer.custom(name, text);
    let made = writer.attributes.get(name).and_then(Value::as_array);
    made.is_some_and(|made| made.len() == 1 && made[0]["value"] == entry["value"])
}

/// `Shoe size` as an attribute's name: `shoe_size`. `None` for names that no attribute can have.
pub fn attribute_name(axis: &str) -> Option<String> {
    let name = axis.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let fits = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    fits.then_some(name)
}

pub fn condition<'a>(account: &'a Account, listing: &'a Listing) -> &'a str {
    let stated = listing.condition.as_deref().unwrap_or(&account.condition);
    CONDITIONS
        .iter()
        .find(|(ours, _)| *ours == stated)
        .map_or(stated, |(_, theirs)| theirs)
}

pub fn is_offer_only(listing: &Listing) -> bool {
    listing.category.is_none() && listing.attributes.contains_key(SUGGESTED_ASIN)
}

/// A number that prints as the decimal it stands for, or `None` when no JSON number of ours can.
pub fn number(decimal: Decimal) -> Option<Value> {
    let decimal = decimal.normalize();
    if let Ok(whole) = i64::try_from(decimal)
        && decimal.is_integer()
    {
        return Some(whole.into());
    }
    let number = Number::from_f64(decimal.to_string().parse().ok()?)?;
    let printed: Decimal = number.to_string().parse().ok()?;
    (printed == decimal).then_some(Value::Number(number))
}

/// Builds the values of attributes for one account.
struct Writer<'a> {
    account: &'a Account,
    attributes: Map<String, Value>,
}

impl Writer<'_> {
    fn set(&mut self, name: &str, value: Value) {
        self.attributes.insert(name.to_owned(), value);
    }

    fn plain(&self, value: impl Into<Value>) -> Value {
        json!({"value": value.into(), "marketplace_id": self.account.marketplace_id})
    }

    fn localized(&self, text: &str) -> Value {
        json!({
            "value": text,
            "language_tag": self.account.language,
            "marketplace_id": self.account.marketplace_id,
        })
    }

    fn localize(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            let value = self.localized(text);
            self.set(name, json!([value]));
        }
    }

    fn image(&mut self, name: &str, url: &str) {
        let image = json!({
            "media_location": url,
            "marketplace_id": self.account.marketplace_id,
        });
        self.set(name, json!([image]));
    }

    /// An attribute of the seller's own. Text that is a JSON list goes as it is.
    fn custom(&mut self, name: &str, text: &str) {
        if let Ok(Value::Array(list)) = serde_json::from_str(text)
            && list.iter().all(Value::is_object)
        {
            return self.set(name, Value::Array(list));
        }
        let value = match name {
            "variation_theme" => json!([{"name": text}]),
            "bullet_point" => text
                .split('|')
                .map(str::trim)
                .filter(|bullet| !bullet.is_empty())
                .map(|bullet| self.localized(bullet))
                .collect(),
            name if LOCALIZED.contains(&name) => json!([self.localized(text)]),
            name if TEXTUAL.contains(&name) => json!([self.plain(text)]),
            _ => json!([self.plain(typed(text))]),
        };
        self.set(name, value);
    }
}

/// `true`, `12` and `0.5` as what they are; `007` and everything else as text.
fn typed(text: &str) -> Value {
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    text.parse::<Decimal>()
        .ok()
        .filter(|decimal| decimal.to_string() == text)
        .and_then(number)
        .unwrap_or_else(|| text.into())
}

fn measure(measure: &Measure) -> Option<Value> {
    Some(json!({"value": number(measure.value)?, "unit": unit(&measure.unit)?}))
}

/// Everything but price and stock.
pub fn content(account: &Account, listing: &Listing) -> Map<String, Value> {
    let mut writer = Writer {
        account,
        attributes: Map::new(),
    };
    if listing.kind != ItemKind::Parent {
        let condition = writer.plain(condition(account, listing));
        writer.set("condition_type", json!([condition]));
    }
    if !is_offer_only(listing) {
        product(&mut writer, listing);
        variation(&mut writer, listing);
    }
    for (name, text) in &listing.attributes {
        if !OFFER.contains(&&**name) {
            writer.custom(name, text);
        }
    }
    writer.attributes
}

fn product(writer: &mut Writer<'_>, listing: &Listing) {
    writer.localize("item_name", listing.title.as_deref());
    writer.localize("brand", listing.brand.as_deref());
    writer.localize("product_description", listing.description.as_deref());
    if let Some(gtin) = &listing.gtin {
        let kind = match gtin.len() {
            12 => "upc",
            14 => "gtin",
            _ => "ean",
        };
        let identifier = json!({
            "type": kind,
            "value": gtin,
            "marketplace_id": writer.account.marketplace_id,
        });
        writer.set(
            "externally_assigned_product_identifier",
            json!([identifier]),
        );
    }
    if let Some(mpn) = &listing.mpn {
        let value = writer.plain(mpn.as_str());
        writer.set("part_number", json!([value]));
    }
    if let Some(country) = &listing.country_of_origin {
        let value = writer.plain(country.as_str());
        writer.set("country_of_origin", json!([value]));
    }
    for (index, url) in listing.images.iter().take(MOST_IMAGES).enumerate() {
        match index {
            0 => writer.image("main_product_image_locator", url),
            _ => writer.image(&format!("other_product_image_locator_{index}"), url),
        }
    }
    let marketplace = &writer.account.marketplace_id;
    if let Some(Value::Object(mut weight)) = listing.weight.as_ref().and_then(measure) {
        weight.insert("marketplace_id".into(), json!(marketplace));
        writer.set("item_package_weight", json!([weight]));
    }
    let side = |side: &Option<Measure>| side.as_ref().and_then(measure);
    if let (Some(length), Some(width), Some(height)) = (
        side(&listing.length),
        side(&listing.width),
        side(&listing.height),
    ) {
        let dimensions = json!([{
            "length": length, "width": width, "height": height, "marketplace_id": marketplace,
        }]);
        writer.set("item_package_dimensions", dimensions);
    }
}

/// Whether the parent changed is not known here, so the relationship goes with every update: a variant that
/// stays under its old parent would be worse than Amazon's extra time for it.
fn variation(writer: &mut Writer<'_>, listing: &Listing) {
    let axes: Vec<&str> = match listing.kind {
        ItemKind::Single => return,
        ItemKind::Parent => listing.axes.iter().map(|axis| &*axis.name).collect(),
        ItemKind::Variant => listing.options.iter().map(|(name, _)| &**name).collect(),
    };
    let level = match listing.kind {
        ItemKind::Parent => "parent",
        _ => "child",
    };
    let level = writer.plain(level);
    writer.set("parentage_level", json!([level]));
    let names: Option<Vec<_>> = axes.iter().map(|axis| attribute_name(axis)).collect();
    if let Some(names) = names
        && !names.is_empty()
    {
        let theme = names.join("/").to_ascii_uppercase();
        writer.set("variation_theme", json!([{"name": theme}]));
    }
    let mut relationship = json!({
        "child_relationship_type": "variation",
        "marketplace_id": writer.account.marketplace_id,
    });
    if let (ItemKind::Variant, Some(parent)) = (listing.kind, &listing.parent_sku) {
        relationship["parent_sku"] = json!(parent);
    }
    writer.set("child_parent_sku_relationship", json!([relationship]));
    for (axis, choice) in &listing.options {
        if let Some(name) = attribute_name(axis) {
            writer.localize(&name, Some(choice));
        }
    }
}
