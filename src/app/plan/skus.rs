//! The skus of a catalog that is read, each with its place and a number that stands for it.

use std::collections::hash_map::Entry;

use crate::domain::catalog::{ItemKind, Locator};
use crate::domain::ids::Sku;
use crate::domain::rows::{Bits, HashedMap, exact_hash};

/// By the hash of the sku: of a million skus, two are taken for the same one in thirty million files.
#[derive(Debug, Default)]
pub(super) struct Skus {
    stated: HashedMap<Met>,
    /// Parents that are no rows: their numbers alone.
    unstated: HashedMap<u32>,
    /// Numbers of rows that are parents.
    parents: Bits,
}

/// A [`Locator`] without the room between its fields: there are as many as rows.
#[derive(Debug)]
struct Met {
    offset: u64,
    line: u64,
    part: u32,
    number: u32,
}

impl Skus {
    /// Takes note of a row, and gives its sku a number; `None` when another row has the same.
    pub fn meet(&mut self, sku: &Sku, kind: ItemKind, at: Locator) -> Option<usize> {
        let number = self.stated.len();
        match self.stated.entry(exact_hash(sku.as_str())) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(free) => free.insert(Met {
                offset: at.offset,
                line: at.line,
                part: at.part,
                number: number as u32,
            }),
        };
        if kind == ItemKind::Parent {
            self.parents.grow_to_set(number);
        }
        Some(number)
    }

    /// Gives a number to a parent that has no row, when all rows were met.
    pub fn meet_unstated(&mut self, parent: &Sku) -> usize {
        let number = self.stated.len() + self.unstated.len();
        self.unstated
            .insert(exact_hash(parent.as_str()), number as u32);
        number
    }

    /// Where its row stands.
    pub fn at(&self, sku: &Sku) -> Option<Locator> {
        let met = self.stated.get(&exact_hash(sku.as_str()))?;
        Some(Locator {
            offset: met.offset,
            line: met.line,
            part: met.part,
        })
    }

    pub fn is_stated(&self, sku: &Sku) -> bool {
        self.stated.contains_key(&exact_hash(sku.as_str()))
    }

    pub fn number(&self, sku: &Sku) -> Option<usize> {
        self.number_of_hash(exact_hash(sku.as_str()))
    }

    pub fn number_of_hash(&self, hash: u64) -> Option<usize> {
        let number = match self.stated.get(&hash) {
            Some(met) => met.number,
            None => *self.unstated.get(&hash)?,
        };
        Some(number as usize)
    }

    /// Whether it has a row, which does not say that it is a parent.
    pub fn is_stated_for_itself(&self, sku: &Sku) -> bool {
        let met = self.stated.get(&exact_hash(sku.as_str()));
        met.is_some_and(|met| !self.parents.has(met.number as usize))
    }
}
