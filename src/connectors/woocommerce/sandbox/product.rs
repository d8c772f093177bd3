//! A product or variation as the shop keeps it, and how fields are written to it.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::text;
use super::wire::{WpError, WpResult, moment, not_one_of};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    pub id: u64,
    /// 0 but for variations.
    pub parent_id: u64,
    /// `simple`, `variable`, `grouped`, `external` or `variation`.
    pub kind: String,
    pub name: String,
    pub status: String,
    pub description: String,
    pub short_description: String,
    pub sku: String,
    pub gtin: String,
    pub regular_price: String,
    pub sale_price: String,
    pub sale_from: Option<Timestamp>,
    pub sale_to: Option<Timestamp>,
    pub manage_stock: bool,
    pub stock_quantity: Option<i64>,
    pub stock_status: String,
    pub backorders: String,
    pub weight: String,
    pub length: String,
    pub width: String,
    pub height: String,
    pub categories: Vec<u64>,
    pub tags: Vec<u64>,
    pub brands: Vec<u64>,
    /// Ids of media.
    pub images: Vec<u64>,
    pub attributes: Vec<Attribute>,
    pub meta: Vec<Meta>,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Fields that are kept as they are sent.
    pub other: Map<String, Value>,
}

/// Of a product with its options, or a variation's choice as the only one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub position: i64,
    pub visible: bool,
    pub variation: bool,
    pub options: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meta {
    pub id: u64,
    pub key: String,
    pub value: Value,
}

/// Fields that mean nothing to the emulation and are handed back, with their defaults.
pub fn other_defaults() -> Vec<(&'static str, Value)> {
    vec![
        ("featured", json!(false)),
        ("catalog_visibility", json!("visible")),
        ("virtual", json!(false)),
        ("downloadable", json!(false)),
        ("downloads", json!([])),
        ("download_limit", json!(-1)),
        ("download_expiry", json!(-1)),
        ("external_url", json!("")),
        ("button_text", json!("")),
        ("tax_status", json!("taxable")),
        ("tax_class", json!("")),
        ("low_stock_amount", Value::Null),
        ("sold_individually", json!(false)),
        ("shipping_class", json!("")),
        ("reviews_allowed", json!(true)),
        ("post_password", json!("")),
        ("upsell_ids", json!([])),
        ("cross_sell_ids", json!([])),
        ("purchase_note", json!("")),
        ("default_attributes", json!([])),
        ("grouped_products", json!([])),
        ("menu_order", json!(0)),
    ]
}

const TYPES: &[&str] = &["simple", "grouped", "external", "variable"];
const STATUSES: &[&str] = &[
    "draft",
    "pending",
    "private",
    "publish",
    "future",
    "auto-draft",
    "trash",
];
const VARIATION_STATUSES: &[&str] = &["draft", "pending", "private", "publish"];
const STOCK_STATUSES: &[&str] = &["instock", "outofstock", "onbackorder"];
const BACKORDERS: &[&str] = &["no", "notify", "yes"];
const STRINGS: &[&str] = &[
    "name",
    "slug",
    "description",
    "short_description",
    "sku",
    "global_unique_id",
    "regular_price",
    "sale_price",
    "weight",
    "tax_class",
    "purchase_note",
    "button_text",
    "shipping_class",
];
const BOOLEANS: &[&str] = &[
    "manage_stock",
    "featured",
    "virtual",
    "downloadable",
    "sold_individually",
    "reviews_allowed",
];
const INTEGERS: &[&str] = &[
    "stock_quantity",
    "inventory_delta",
    "menu_order",
    "parent_id",
];
const ARRAYS: &[&str] = &[
    "images",
    "categories",
    "tags",
    "brands",
    "attributes",
    "meta_data",
];

/// What a single call is checked for, and a batch's rows are not.
pub fn validate(fields: &Map<String, Value>, variation: bool) -> WpResult<()> {
    let wrong_type = |name: &str, kind: &str| {
        WpError::parameter(
            name,
            "rest_invalid_type",
            format!("{name} is not of type {kind}."),
        )
    };
    for (name, value) in fields {
        let name = name.as_str();
        let fits = if STRINGS.contains(&name) {
            (value.is_string(), "string")
        } else if BOOLEANS.contains(&name) {
            (truth(value).is_some(), "boolean")
        } else if INTEGERS.contains(&name) {
            (value.is_null() || whole(value).is_some(), "integer")
        } else if ARRAYS.contains(&name) {
            (value.is_array(), "array")
        } else if matches!(name, "dimensions" | "image") {
            (value.is_object() || value == &json!([]), "object")
        } else {
            (true, "")
        };
        if let (false, kind) = fits {
            return Err(wrong_type(name, kind));
        }
    }
    let statuses = if variation {
        VARIATION_STATUSES
    } else {
        STATUSES
    };
    for (name, allowed) in [
        ("type", TYPES),
        ("status", statuses),
        ("stock_status", STOCK_STATUSES),
        ("backorders", BACKORDERS),
    ] {
        if let Some(value) = fields.get(name)
            && value.as_str().is_none_or(|text| !allowed.contains(&text))
        {
            return Err(not_one_of(name, allowed));
        }
    }
    Ok(())
}

/// A boolean as WordPress takes it.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number, also as text.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What PHP makes of a value where a number is wanted: its leading digits, else 0.
fn coerced(value: &Value) -> i64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or(0.0).trunc() as i64,
        Value::Bool(flag) => i64::from(*flag),
        Value::String(text) => {
            let text = text.trim();
            let end = text
                .char_indices()
                .find(|(at, c)| !(c.is_ascii_digit() || (*at == 0 && *c == '-')))
                .map_or(text.len(), |(at, _)| at);
            text[..end].parse().unwrap_or(0)
        }
        _ => 0,
    }
}

/// What PHP makes of a value where a text is wanted.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "1".to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

impl Product {
    pub fn new(id: u64, parent_id: u64, now: Timestamp) -> Self {
        let kind = if parent_id > 0 { "variation" } else { "simple" };
        Self {
            id,
            parent_id,
            kind: kind.to_owned(),
            name: String::new(),
            status: "publish".to_owned(),
            description: String::new(),
            short_description: String::new(),
            sku: String::new(),
            gtin: String::new(),
            regular_price: String::new(),
            sale_price: String::new(),
            sale_from: None,
            sale_to: None,
            manage_stock: false,
            stock_quantity: None,
            stock_status: "instock".to_owned(),
            backorders: "no".to_owned(),
            weight: String::new(),
            length: String::new(),
            width: String::new(),
            height: String::new(),
            categories: Vec::new(),
            tags: Vec::new(),
            brands: Vec::new(),
            images: Vec::new(),
            attributes: Vec::new(),
            meta: Vec::new(),
            created: now,
            modified: now,
            other: Map::new(),
        }
    }

    pub fn is_variation(&self) -> bool {
        self.parent_id > 0
    }

    pub fn is_variable(&self) -> bool {
        self.kind == "variable"
    }

    /// Writes what needs nothing but the product itself. Terms, pictures, attributes, sku and meta data are
    /// the catalog's to check.
    pub fn write(&mut self, fields: &Map<String, Value>) {
        let text = |name: &str| fields.get(name).map(text_of);
        if let Some(kind) = text("type")
            && !self.is_variation()
        {
            let known = TYPES.contains(&kind.as_str());
            self.kind = if known { kind } else { "simple".to_owned() };
        }
        if let Some(status) = text("status") {
            // What a batch lets through becomes a draft.
            let known = STATUSES.contains(&status.as_str());
            self.status = if known { status } else { "draft".to_owned() };
        }
        if let Some(name) = text("name")
            && !self.is_variation()
        {
            self.name = text::name(&name);
        }
        if let Some(description) = text("description") {
            self.description = text::rich(&description);
        }
        if let Some(description) = text("short_description") {
            self.short_description = text::rich(&description);
        }
        let created = text("date_created_gmt").or_else(|| text("date_created"));
        if let Some(created) = created.and_then(|text| moment(&text)) {
            self.created = created;
        }
        if let Some(weight) = text("weight") {
            self.weight = text::decimal(&weight);
        }
        if let Some(Value::Object(dimensions)) = fields.get("dimensions") {
            for (name, field) in [
                ("length", &mut self.length),
                ("width", &mut self.width),
                ("height", &mut self.height),
            ] {
                if let Some(value) = dimensions.get(name) {
                    *field = text::decimal(&text_of(value));
                }
            }
        }
        for (name, _) in other_defaults() {
            if let Some(value) = fields.get(name) {
                self.other.insert(name.to_owned(), value.clone());
            }
        }
        self.write_prices(fields);
        self.write_stock(fields);
    }

    fn write_prices(&mut self, fields: &Map<String, Value>) {
        if let Some(value) = fields.get("regular_price") {
            self.regular_price = text::decimal(&text_of(value));
        }
        if let Some(value) = fields.get("sale_price") {
            self.sale_price = text::decimal(&text_of(value));
        }
        for (name, field) in [
            ("date_on_sale_from", &mut self.sale_from),
            ("date_on_sale_to", &mut self.sale_to),
        ] {
            let gmt = format!("{name}_gmt");
            if let Some(value) = fields.get(&gmt).or_else(|| fields.get(name)) {
                // A date that cannot be read is dropped.
                *field = moment(&text_of(value));
            }
        }
        if self.is_variable() || self.kind == "grouped" {
            self.regular_price.clear();
            self.sale_price.clear();
        }
        // A sale that saves nothing is emptied, now or when the regular price falls below it.
        let regular = text::number(&self.regular_price).unwrap_or_default();
        if text::number(&self.sale_price).is_none_or(|sale| sale >= regular) {
            self.sale_price.clear();
        }
    }

    fn write_stock(&mut self, fields: &Map<String, Value>) {
        if let Some(value) = fields.get("backorders").and_then(Value::as_str) {
            self.backorders = value.to_owned();
        }
        if let Some(value) = fields.get("stock_status").and_then(Value::as_str) {
            self.stock_status = value.to_owned();
        }
        if let Some(value) = fields.get("manage_stock") {
            self.manage_stock = truth(value).unwrap_or(false);
        }
        if self.manage_stock {
            if let Some(value) = fields.get("stock_quantity") {
                self.stock_quantity = Some(coerced(value));
            } else if let Some(delta) = fields.get("inventory_delta") {
                let stock = self.stock_quantity.unwrap_or(0);
                self.stock_quantity = Some(stock + coerced(delta));
            }
        }
        self.settle_stock();
    }

    /// Managed stock computes its status; without management there is no quantity.
    pub fn settle_stock(&mut self) {
        if !self.manage_stock {
            self.stock_quantity = None;
            return;
        }
        let status = match (
            self.stock_quantity.unwrap_or(0) > 0,
            self.backorders.as_str(),
        ) {
            (true, _) => "instock",
            (false, "no") => "outofstock",
            (false, _) => "onbackorder",
        };
        self.stock_status = status.to_owned();
    }

    pub fn on_sale(&self, now: Timestamp) -> bool {
        let regular = text::number(&self.regular_price).unwrap_or_default();
        text::number(&self.sale_price).is_some_and(|sale| sale < regular)
            && self.sale_from.is_none_or(|from| from <= now)
            && self.sale_to.is_none_or(|to| now <= to)
    }

    /// The price in force, as it is stored.
    pub fn price(&self, now: Timestamp) -> &str {
        match self.on_sale(now) {
            true => &self.sale_price,
            false => &self.regular_price,
        }
    }

    pub fn amount(&self, now: Timestamp) -> Option<Decimal> {
        text::number(self.price(now))
    }

    /// One key once, the last one wins; values become texts; `null` removes. The new ids come from `next`.
    pub fn write_meta(meta: &mut Vec<Meta>, sent: &Value, mut next: impl FnMut() -> u64) {
        for entry in sent.as_array().into_iter().flatten() {
            let Some(key) = entry.get("key").and_then(Value::as_str) else {
                continue;
            };
            meta.retain(|meta| meta.key != key);
            let value = match entry.get("value") {
                None | Some(Value::Null) => continue,
                Some(value @ (Value::Array(_) | Value::Object(_))) => value.clone(),
                Some(value) => json!(text_of(value)),
            };
            meta.push(Meta {
                id: next(),
                key: key.to_owned(),
                value,
            });
        }
    }
}

impl Attribute {
    /// The form of a product's attribute.
    pub fn of_product(sent: &Value) -> Option<Self> {
        let options = match sent.get("options") {
            Some(Value::Array(options)) => options.iter().map(text_of).collect(),
            Some(Value::String(text)) => {
                text.split('|').map(|part| part.trim().to_owned()).collect()
            }
            _ => Vec::new(),
        };
        Some(Self {
            name: sent
                .get("name")
                .map(text_of)
                .filter(|name| !name.is_empty())?,
            position: sent.get("position").map(coerced).unwrap_or(0),
            visible: sent.get("visible").and_then(truth).unwrap_or(false),
            variation: sent.get("variation").and_then(truth).unwrap_or(false),
            options,
        })
    }

    /// The form of a variation's choice; an attribute that the parent lacks is dropped.
    pub fn of_variation(sent: &Value, parent: &[Self]) -> Option<Self> {
        let name = sent.get("name").map(text_of)?;
        let known = parent
            .iter()
            .find(|known| known.variation && known.name.to_lowercase() == name.to_lowercase())?;
        Some(Self {
            options: vec![sent.get("option").map(text_of)?],
            ..known.clone()
        })
    }
}
