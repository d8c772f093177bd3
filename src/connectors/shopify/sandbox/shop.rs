//! Everything that one shop holds, with the indexes that keep look-ups fast.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bulk::BulkOperations;
use super::idempotency::Answers;
use super::metafields::Definition;
use super::orders::Orders;
use super::product::{Media, Product, Variant};
use super::text;
use super::uploads::Uploads;

/// Prices, and everything that buyers pay, are in this currency.
pub const CURRENCY: &str = "EUR";
pub const DOMAIN: &str = "skucast-sandbox.myshopify.com";

/// A place where stock is kept. The first one is the default.
pub struct Location {
    pub id: u64,
    pub name: &'static str,
    pub city: &'static str,
    pub fulfills_online_orders: bool,
}

pub const LOCATIONS: &[Location] = &[
    Location {
        id: 70_000_001,
        name: "Warehouse",
        city: "Sampleton",
        fulfills_online_orders: true,
    },
    Location {
        id: 70_000_002,
        name: "Retail store",
        city: "Exampleville",
        fulfills_online_orders: true,
    },
];

pub fn location(id: u64) -> Option<&'static Location> {
    LOCATIONS.iter().find(|location| location.id == id)
}

/// Where products can be published; buyers see the first one.
pub const PUBLICATIONS: &[(u64, &str)] = &[
    (80_000_001, "Online Store"),
    (80_000_002, "Point of Sale"),
    (80_000_003, "Shop"),
];
pub const ONLINE_STORE: u64 = PUBLICATIONS[0].0;

pub fn publication(id: u64) -> Option<&'static str> {
    PUBLICATIONS
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Shop {
    last_id: u64,
    products: BTreeMap<u64, Product>,
    variants: BTreeMap<u64, Variant>,
    pub media: BTreeMap<u64, Media>,
    pub definitions: Vec<Definition>,
    pub orders: Orders,
    pub uploads: Uploads,
    pub bulk: BulkOperations,
    pub answers: Answers,
    /// Finished operations on products, by id: their answers.
    pub operations: BTreeMap<u64, Value>,
    pub jobs: BTreeSet<u64>,
    /// How many variants were ever created per sku.
    pub created: BTreeMap<String, u64>,
    #[serde(skip)]
    indexes: Indexes,
}

/// Built from the rest.
#[derive(Clone, Debug, Default)]
struct Indexes {
    by_sku: HashMap<String, BTreeSet<u64>>,
    by_handle: HashMap<String, u64>,
    by_item: HashMap<u64, u64>,
    /// Metafields of type `id`: namespace, key, value.
    by_custom_id: HashMap<(String, String, String), u64>,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            last_id: 100_000_000,
            products: BTreeMap::new(),
            variants: BTreeMap::new(),
            media: BTreeMap::new(),
            definitions: Vec::new(),
            orders: Orders::default(),
            uploads: Uploads::default(),
            bulk: BulkOperations::default(),
            answers: Answers::default(),
            operations: BTreeMap::new(),
            jobs: BTreeSet::new(),
            created: BTreeMap::new(),
            indexes: Indexes::default(),
        }
    }
}

impl Shop {
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// After the shop was read from a file.
    pub fn build_indexes(&mut self) {
        self.indexes = Indexes::default();
        for product in self.products.values() {
            enter_product(&mut self.indexes, product);
        }
        for variant in self.variants.values() {
            enter_variant(&mut self.indexes, variant);
        }
    }

    pub fn product(&self, id: u64) -> Option<&Product> {
        self.products.get(&id)
    }

    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }

    pub fn variant(&self, id: u64) -> Option<&Variant> {
        self.variants.get(&id)
    }

    pub fn variants(&self) -> impl Iterator<Item = &Variant> {
        self.variants.values()
    }

    pub fn variants_of<'a>(&'a self, product: &'a Product) -> impl Iterator<Item = &'a Variant> {
        product
            .variants
            .iter()
            .filter_map(|id| self.variants.get(id))
    }

    /// Letter case does not count here, as in the vendor's search.
    pub fn by_sku(&self, sku: &str) -> impl Iterator<Item = &Variant> {
        let ids = self.indexes.by_sku.get(&sku.to_lowercase());
        ids.into_iter()
            .flatten()
            .filter_map(|id| self.variants.get(id))
    }

    pub fn by_handle(&self, handle: &str) -> Option<u64> {
        self.indexes.by_handle.get(handle).copied()
    }

    pub fn by_item(&self, item: u64) -> Option<&Variant> {
        self.variants.get(self.indexes.by_item.get(&item)?)
    }

    pub fn by_custom_id(&self, namespace: &str, key: &str, value: &str) -> Option<u64> {
        let custom_id = (namespace.to_owned(), key.to_owned(), value.to_owned());
        self.indexes.by_custom_id.get(&custom_id).copied()
    }

    /// Replaces a product or adds it.
    pub fn keep_product(&mut self, product: Product) {
        if let Some(before) = self.products.get(&product.id) {
            leave_product(&mut self.indexes, before);
        }
        enter_product(&mut self.indexes, &product);
        self.products.insert(product.id, product);
    }

    /// Replaces a variant or adds it.
    pub fn keep_variant(&mut self, variant: Variant) {
        match self.variants.get(&variant.id) {
            Some(before) => leave_variant(&mut self.indexes, before),
            None if !variant.sku.is_empty() => {
                *self.created.entry(variant.sku.clone()).or_default() += 1;
            }
            None => {}
        }
        enter_variant(&mut self.indexes, &variant);
        self.variants.insert(variant.id, variant);
    }

    pub fn remove_variant(&mut self, id: u64) {
        if let Some(variant) = self.variants.remove(&id) {
            leave_variant(&mut self.indexes, &variant);
        }
    }

    pub fn remove_product(&mut self, id: u64) {
        let Some(product) = self.products.remove(&id) else {
            return;
        };
        leave_product(&mut self.indexes, &product);
        for variant in product.variants {
            self.remove_variant(variant);
        }
        for media in product.media {
            self.media.remove(&media);
        }
    }

    /// Changes the stock of an item; both the variant and its product count as updated.
    pub fn with_variant(&mut self, id: u64, now: Timestamp, change: impl FnOnce(&mut Variant)) {
        let Some(mut variant) = self.variants.get(&id).cloned() else {
            return;
        };
        change(&mut variant);
        variant.updated = now;
        if let Some(product) = self.products.get_mut(&variant.product) {
            product.updated = now;
        }
        self.keep_variant(variant);
    }

    /// Undoes what changed since `before`, but keeps what was promised: ids, uploads, operations, kept answers.
    pub fn take_back(&mut self, before: Self) {
        let now = std::mem::replace(self, before);
        self.last_id = now.last_id;
        self.uploads = now.uploads;
        self.bulk = now.bulk;
        self.answers = now.answers;
        self.operations = now.operations;
        self.jobs = now.jobs;
    }

    /// Can be bought now: active, and published where buyers look.
    pub fn is_live(&self, product: &Product, now: Timestamp) -> bool {
        matches!(product.status.as_str(), "ACTIVE" | "UNLISTED")
            && product
                .publications
                .get(&ONLINE_STORE)
                .is_some_and(|since| *since <= now)
    }

    /// The variant can be bought now: its product can, and it is not unpublished by itself.
    pub fn is_shown(&self, product: &Product, variant: &Variant, now: Timestamp) -> bool {
        self.is_live(product, now) && !variant.unpublished.contains(&ONLINE_STORE)
    }
}

fn custom_ids(product: &Product) -> impl Iterator<Item = (String, String, String)> {
    product
        .metafields
        .iter()
        .filter(|metafield| metafield.kind == "id")
        .map(|one| (one.namespace.clone(), one.key.clone(), one.value.clone()))
}

fn enter_product(indexes: &mut Indexes, product: &Product) {
    indexes.by_handle.insert(product.handle.clone(), product.id);
    for custom_id in custom_ids(product) {
        indexes.by_custom_id.insert(custom_id, product.id);
    }
}

fn leave_product(indexes: &mut Indexes, product: &Product) {
    indexes.by_handle.remove(&product.handle);
    for custom_id in custom_ids(product) {
        indexes.by_custom_id.remove(&custom_id);
    }
}

fn enter_variant(indexes: &mut Indexes, variant: &Variant) {
    let owners = indexes
        .by_sku
        .entry(variant.sku.to_lowercase())
        .or_default();
    owners.insert(variant.id);
    indexes.by_item.insert(variant.item.id, variant.id);
}

fn leave_variant(indexes: &mut Indexes, variant: &Variant) {
    let sku = variant.sku.to_lowercase();
    if let Some(owners) = indexes.by_sku.get_mut(&sku) {
        owners.remove(&variant.id);
        if owners.is_empty() {
            indexes.by_sku.remove(&sku);
        }
    }
    indexes.by_item.remove(&variant.item.id);
}

/// An amount in the shop's currency.
pub fn money(amount: Decimal) -> Value {
    json!({"amount": text::amount(amount), "currencyCode": CURRENCY})
}

/// The same amount for the shop and for the buyer, who pay in one currency.
pub fn money_bag(amount: Decimal) -> Value {
    json!({"shopMoney": money(amount), "presentmentMoney": money(amount)})
}
