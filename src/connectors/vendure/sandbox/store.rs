//! What the emulated server keeps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub type Id = u64;

pub const CURRENCY: &str = "EUR";
pub const LOCATION: Id = 1;
pub const CHANNEL_TOKEN: &str = "sandbox-channel";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Store {
    last_id: Id,
    pub facets: BTreeMap<Id, Facet>,
    pub facet_values: BTreeMap<Id, FacetValue>,
    pub groups: BTreeMap<Id, OptionGroup>,
    pub options: BTreeMap<Id, ProductOption>,
    #[serde(default)]
    pub assets: BTreeMap<Id, Asset>,
    /// A server to which nobody has added a place for files.
    #[serde(default)]
    pub has_no_storage: bool,
    pub products: BTreeMap<Id, Product>,
    pub variants: BTreeMap<Id, Variant>,
    /// Variants by sku: the server does not keep skus apart.
    pub by_sku: BTreeMap<String, BTreeSet<Id>>,
    pub orders: BTreeMap<Id, Order>,
    /// How often a sku was created.
    pub created: BTreeMap<String, u64>,
    pub sessions: BTreeSet<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facet {
    pub name: String,
    pub code: String,
    pub is_private: bool,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FacetValue {
    pub facet: Id,
    pub name: String,
    pub code: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OptionGroup {
    pub name: String,
    pub code: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductOption {
    pub group: Id,
    pub name: String,
    pub code: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asset {
    pub name: String,
    pub mime_type: String,
    pub size: usize,
    pub tags: Vec<String>,
    pub at: Timestamp,
}

/// What a product or variant shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gallery {
    pub assets: Vec<Id>,
    pub featured: Option<Id>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    pub name: String,
    pub slug: String,
    pub description: String,
    pub enabled: bool,
    pub facet_values: Vec<Id>,
    pub groups: Vec<Id>,
    pub variants: Vec<Id>,
    #[serde(default)]
    pub gallery: Gallery,
    pub created: Timestamp,
    pub updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    pub product: Id,
    pub sku: String,
    pub name: String,
    pub enabled: bool,
    /// Minor units.
    pub price: i64,
    pub track_inventory: String,
    pub out_of_stock_threshold: i64,
    pub use_global_threshold: bool,
    pub on_hand: i64,
    pub allocated: i64,
    pub options: Vec<Id>,
    #[serde(default)]
    pub gallery: Gallery,
    /// Deleted ones stay, for their orders.
    pub deleted: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Variant {
    /// What the shop offers; the channel's own threshold is 0 and it counts its stock.
    pub fn offered(&self) -> Option<i64> {
        let threshold = if self.use_global_threshold {
            0
        } else {
            self.out_of_stock_threshold
        };
        (self.track_inventory != "FALSE").then_some(self.on_hand - self.allocated - threshold)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub code: String,
    pub state: String,
    /// `None` of a cart.
    pub placed: Option<Timestamp>,
    /// Of what is in it.
    pub updated: Timestamp,
    /// The last entry of its history.
    pub happened: Timestamp,
    pub buyer: serde_json::Value,
    pub lines: BTreeMap<Id, OrderLine>,
    pub fulfillments: BTreeMap<Id, Fulfillment>,
    pub shipping: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderLine {
    pub variant: Id,
    pub unit_price: i64,
    pub placed: i64,
    /// Of what was allocated: canceled.
    #[serde(default)]
    pub released: i64,
    /// Of what was sent: came back.
    #[serde(default)]
    pub returned: i64,
    pub quantity: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fulfillment {
    pub method: String,
    pub tracking: String,
    pub state: String,
    pub lines: Vec<(Id, i64)>,
    pub at: Timestamp,
}

impl Order {
    /// Pieces of a line in fulfillments that were not canceled.
    pub fn fulfilled(&self, line: Id) -> i64 {
        let parcels = self
            .fulfillments
            .values()
            .filter(|one| one.state != "Cancelled");
        let lines = parcels.flat_map(|one| &one.lines);
        lines
            .filter(|(id, _)| *id == line)
            .map(|(_, quantity)| quantity)
            .sum()
    }
}

impl Store {
    pub fn next_id(&mut self) -> Id {
        self.last_id += 1;
        self.last_id
    }

    /// A slug that no other product has: `a`, `a-2`, `a-3`.
    pub fn free_slug(&self, wanted: &str) -> String {
        let taken = |slug: &str| self.products.values().any(|product| product.slug == slug);
        if !taken(wanted) {
            return wanted.to_owned();
        }
        (2..)
            .map(|number| format!("{wanted}-{number}"))
            .find(|slug| !taken(slug))
            .unwrap_or_default()
    }

    pub fn add_variant(&mut self, id: Id, variant: Variant) {
        self.by_sku
            .entry(variant.sku.clone())
            .or_default()
            .insert(id);
        *self.created.entry(variant.sku.clone()).or_default() += 1;
        if let Some(product) = self.products.get_mut(&variant.product) {
            product.variants.push(id);
        }
        self.variants.insert(id, variant);
    }

    /// The variant that a buyer means.
    pub fn variant_of(&self, sku: &str) -> Option<(Id, &Variant)> {
        let ids = self.by_sku.get(sku)?;
        let mut live = ids
            .iter()
            .filter_map(|id| Some((*id, self.variants.get(id)?)));
        live.find(|(_, variant)| !variant.deleted)
    }

    pub fn is_live(&self, variant: &Variant) -> bool {
        variant.enabled
            && self
                .products
                .get(&variant.product)
                .is_some_and(|product| product.enabled)
    }
}
