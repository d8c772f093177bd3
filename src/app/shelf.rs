//! Everything that the seller states, in one place: the catalog, the stock, and what is already sold of it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::catalog::{Catalog, Item};
use crate::domain::ids::Sku;
use crate::domain::stock::{CountsOrders, SoldLine, StockBook};
use crate::policy::{OnHand, Reserved};

/// The seller's side of a plan.
pub struct Shelf {
    pub catalog: Arc<dyn Catalog>,
    pub stock: StockBook,
    /// The moment that the catalog's own `quantity` column speaks of.
    pub catalog_as_of: Timestamp,
    pub sold: Sold,
}

/// Open order lines by sku.
#[derive(Debug, Default)]
pub struct Sold {
    lines: HashMap<Sku, SoldOfSku>,
}

/// The lines of one sku.
#[derive(Debug)]
pub struct SoldOfSku {
    pub lines: Vec<SoldLine>,
    counts: CountsOrders,
}

impl Sold {
    pub fn new(lines: Vec<SoldLine>, counts: CountsOrders) -> Self {
        let mut by_sku: HashMap<Sku, SoldOfSku> = HashMap::new();
        for line in lines {
            by_sku
                .entry(line.sku.clone())
                .or_insert_with(|| SoldOfSku {
                    lines: Vec::new(),
                    counts,
                })
                .lines
                .push(line);
        }
        Self { lines: by_sku }
    }

    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.lines.keys()
    }

    pub fn of(&self, sku: &Sku) -> Option<&SoldOfSku> {
        self.lines.get(sku)
    }
}

impl Reserved for SoldOfSku {
    fn pieces(&self, as_of: Timestamp) -> u64 {
        self.lines
            .iter()
            .map(|line| line.reserved(as_of, self.counts))
            .sum()
    }
}

impl Shelf {
    /// What the seller has of an item. The stock file's word stands before the catalog's.
    pub fn on_hand(&self, item: &Item) -> OnHand<'_> {
        let levels = self
            .stock
            .levels
            .get(&item.sku)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let stated = item.value("quantity").and_then(|text| text.parse().ok());
        OnHand {
            levels,
            catalog: stated.map(|quantity| (quantity, self.catalog_as_of)),
            reserved: self.sold.of(&item.sku).map(|sold| sold as &dyn Reserved),
        }
    }

    /// The oldest moment that any stated stock speaks of.
    pub fn oldest_stock(stock: &StockBook, catalog_as_of: Timestamp) -> Timestamp {
        stock
            .oldest()
            .map_or(catalog_as_of, |oldest| oldest.min(catalog_as_of))
    }
}
