//! Products, variants and their inventory, as the shop keeps them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The name of the only option of a product without options, and of its value.
pub const DEFAULT_OPTION: &str = "Title";
pub const DEFAULT_VALUE: &str = "Default Title";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    pub id: u64,
    pub title: String,
    pub handle: String,
    /// ACTIVE, DRAFT, ARCHIVED or UNLISTED.
    pub status: String,
    pub vendor: String,
    pub product_type: String,
    pub description_html: String,
    pub template_suffix: Option<String>,
    pub tags: Vec<String>,
    /// A node of the vendor's taxonomy, as the last part of its id: `sg-4-17-2-17`.
    pub category: Option<String>,
    pub seo_title: Option<String>,
    pub seo_description: Option<String>,
    pub options: Vec<ProductOption>,
    /// In order.
    pub variants: Vec<u64>,
    pub media: Vec<u64>,
    pub metafields: Vec<Metafield>,
    /// Where it is published, and since when.
    pub publications: BTreeMap<u64, Timestamp>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductOption {
    pub id: u64,
    pub name: String,
    pub values: Vec<OptionValue>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OptionValue {
    pub id: u64,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    pub id: u64,
    pub product: u64,
    pub item: Item,
    pub sku: String,
    pub barcode: Option<String>,
    pub price: Decimal,
    pub compare_at: Option<Decimal>,
    /// The value of each of the product's options, in their order.
    pub values: Vec<String>,
    /// DENY or CONTINUE: whether it sells when there is none left.
    pub policy: String,
    pub taxable: bool,
    pub media: Option<u64>,
    pub metafields: Vec<Metafield>,
    /// Publications on which it is not shown, although its product is.
    #[serde(default)]
    pub unpublished: BTreeSet<u64>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// The inventory item of a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    pub id: u64,
    pub tracked: bool,
    pub requires_shipping: bool,
    pub cost: Option<Decimal>,
    pub country_of_origin: Option<String>,
    pub province_of_origin: Option<String>,
    pub harmonized_system_code: Option<String>,
    /// Value and unit.
    pub weight: Option<(Value, String)>,
    /// By location.
    pub levels: BTreeMap<u64, Level>,
}

/// Pieces of one item at one location. On hand is what is available and what is committed to orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Level {
    pub available: i64,
    pub committed: i64,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Level {
    pub fn new(available: i64, now: Timestamp) -> Self {
        Self {
            available,
            committed: 0,
            created: now,
            updated: now,
        }
    }

    pub fn on_hand(&self) -> i64 {
        self.available + self.committed
    }

    /// A quantity by its name; names of states that nothing here is ever in are 0.
    pub fn quantity(&self, name: &str) -> Option<i64> {
        match name {
            "available" => Some(self.available),
            "on_hand" => Some(self.on_hand()),
            "committed" => Some(self.committed),
            "incoming" | "reserved" | "damaged" | "quality_control" | "safety_stock" => Some(0),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metafield {
    pub id: u64,
    pub namespace: String,
    pub key: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub value: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// A picture, kept by the vendor under an address of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Media {
    pub id: u64,
    pub alt: String,
    /// Where it was taken from.
    pub source: String,
    pub url: String,
    pub created: Timestamp,
}

/// So long a picture is being processed.
const PROCESSING: SignedDuration = SignedDuration::from_millis(200);

impl Media {
    pub fn is_ready(&self, now: Timestamp) -> bool {
        now.duration_since(self.created) >= PROCESSING
    }
}

impl Product {
    pub fn has_only_default_variant(&self) -> bool {
        matches!(self.options.as_slice(), [option]
            if option.name == DEFAULT_OPTION
                && option.values.len() == 1
                && option.values[0].name == DEFAULT_VALUE)
    }
}

impl Variant {
    pub fn title(&self) -> String {
        self.values.join(" / ")
    }

    /// What is on offer at all locations.
    pub fn available(&self) -> i64 {
        self.item.levels.values().map(|level| level.available).sum()
    }

    pub fn is_for_sale(&self) -> bool {
        !self.item.tracked || self.policy == "CONTINUE" || self.available() > 0
    }
}

pub fn find<'a>(metafields: &'a [Metafield], namespace: &str, key: &str) -> Option<&'a Metafield> {
    metafields
        .iter()
        .find(|one| one.namespace == namespace && one.key == key)
}
