//! What is missing, double or wrong in a store.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::Serialize;

use crate::catalog::{Catalog, Product};

/// A product as the store shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub title: String,
    pub description: String,
    pub variants: Vec<ShownVariant>,
}

#[derive(Clone, Debug)]
pub struct ShownVariant {
    pub sku: String,
    /// In the catalog's currency.
    pub price: Option<Decimal>,
    /// At the store's own location.
    pub quantity: Option<i64>,
}

/// Counts products, but for variants, prices and stock, which are counted by variant. All zero is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub missing: usize,
    /// There more than once.
    pub doubled: usize,
    /// Nobody's, or another product's.
    pub strange: usize,
    pub titles: usize,
    pub descriptions: usize,
    pub variants: usize,
    pub prices: usize,
    pub stock: usize,
}

impl Verdict {
    /// A buyer sees every copy of a doubled product, so that each has to be right.
    pub fn of(catalog: &Catalog, shown: &[Shown]) -> Self {
        let mut verdict = Self::default();
        let mut by_sku: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (at, product) in shown.iter().enumerate() {
            for variant in &product.variants {
                by_sku.entry(&variant.sku).or_default().insert(at);
            }
        }
        let mut claimed = BTreeSet::new();
        for product in &catalog.products {
            let copies: BTreeSet<usize> = product
                .variants
                .iter()
                .filter_map(|variant| by_sku.get(variant.sku.as_str()))
                .flatten()
                .copied()
                .collect();
            verdict.missing += usize::from(copies.is_empty());
            verdict.doubled += usize::from(copies.len() > 1);
            verdict.compare(
                product,
                &copies.iter().map(|at| &shown[*at]).collect::<Vec<_>>(),
            );
            claimed.extend(copies);
        }
        verdict.strange = shown.len() - claimed.len();
        verdict
    }

    fn compare(&mut self, product: &Product, copies: &[&Shown]) {
        let differs =
            |wrong: &dyn Fn(&Shown) -> bool| usize::from(copies.iter().any(|copy| wrong(copy)));
        self.titles += differs(&|copy| copy.title != product.title);
        self.descriptions += differs(&|copy| copy.description != product.description);
        for variant in &product.variants {
            let found: Vec<&ShownVariant> = copies
                .iter()
                .flat_map(|copy| {
                    copy.variants
                        .iter()
                        .filter(|shown| shown.sku == variant.sku)
                })
                .collect();
            let wrong = |test: &dyn Fn(&ShownVariant) -> bool| {
                usize::from(found.iter().any(|shown| test(shown)))
            };
            self.variants += usize::from(!copies.is_empty() && found.is_empty());
            self.prices += wrong(&|shown| shown.price != Some(variant.price));
            self.stock += wrong(&|shown| shown.quantity != Some(variant.quantity.into()));
        }
    }

    /// `yes`, or what is not.
    pub fn text(&self) -> String {
        let counts = [
            (self.missing, "products missing"),
            (self.doubled, "products twice or more"),
            (self.strange, "products of nobody"),
            (self.titles, "titles wrong"),
            (self.descriptions, "descriptions wrong"),
            (self.variants, "variants missing"),
            (self.prices, "prices wrong"),
            (self.stock, "stocks wrong"),
        ];
        let wrong: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match wrong.is_empty() {
            true => "yes".to_owned(),
            false => wrong.join(", "),
        }
    }
}
