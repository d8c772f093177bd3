//! Variants and their parents: who belongs to whom, and what a variant takes over from its parent.

use std::collections::HashMap;

use crate::domain::catalog::{Columns, Item, ItemKind, Locator};
use crate::domain::ids::Sku;
use crate::domain::listing::OptionAxis;

/// Columns that only mean the row they stand in.
const OWN: [&str; 9] = [
    "sku",
    "parent_sku",
    "price",
    "compare_at_price",
    "cost",
    "quantity",
    "gtin",
    "mpn",
    "buffer",
];

/// One parent and what its variants tell about it.
#[derive(Debug)]
pub(crate) struct Family {
    pub axes: Vec<OptionAxis>,
    /// The parent's own row; without one its first variant speaks for it.
    pub row: Option<Locator>,
    pub first_variant: Locator,
}

#[derive(Debug, Default)]
pub(crate) struct Families(HashMap<Sku, Family>);

impl Families {
    /// Takes note of a variant and its options.
    pub fn add_variant(&mut self, parent: &Sku, variant: &Item, at: Locator) {
        let family = self.0.entry(parent.clone()).or_insert_with(|| Family {
            axes: Vec::new(),
            row: None,
            first_variant: at,
        });
        for (position, column) in variant.columns.list().iter().enumerate() {
            let Some(name) = column.name.strip_prefix("option:") else {
                continue;
            };
            let Some(value) = variant.cell(position) else {
                continue;
            };
            let axis = match family.axes.iter_mut().find(|axis| axis.name == name) {
                Some(axis) => axis,
                None => {
                    family.axes.push(OptionAxis {
                        name: name.to_owned(),
                        values: Vec::new(),
                    });
                    let last = family.axes.len() - 1;
                    &mut family.axes[last]
                }
            };
            if axis.values.iter().all(|known| known != value) {
                axis.values.push(value.to_owned());
            }
        }
    }

    pub fn get(&self, parent: &Sku) -> Option<&Family> {
        self.0.get(parent)
    }

    pub fn get_mut(&mut self, parent: &Sku) -> Option<&mut Family> {
        self.0.get_mut(parent)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Sku, &Family)> {
        self.0.iter()
    }

    pub fn contains(&self, sku: &Sku) -> bool {
        self.0.contains_key(sku)
    }
}

/// Positions of the columns that a variant takes over from its parent.
pub(crate) fn inherited(columns: &Columns) -> Vec<usize> {
    let is_inherited = |name: &str| !OWN.contains(&name) && !name.starts_with("option:");
    let columns = columns.list().iter().enumerate();
    columns
        .filter(|(_, column)| is_inherited(&column.name))
        .map(|(position, _)| position)
        .collect()
}

/// Fills a variant's blank cells from its parent.
pub(crate) fn inherit(variant: &mut Item, parent: &Item) {
    inherit_columns(variant, parent, &inherited(&variant.columns));
}

/// [`inherit`] for many rows of the same columns, given what [`inherited`] says of them.
pub(crate) fn inherit_columns(variant: &mut Item, parent: &Item, positions: &[usize]) {
    for position in positions {
        if let (Some(cell), Some(inherited)) = (
            variant.cells.get_mut(*position),
            parent.cells.get(*position),
        ) && cell.is_empty()
        {
            cell.clone_from(inherited);
        }
    }
    variant.held.content |= parent.held.content;
}

/// A row as the parent of its family: nothing that is sold, only what groups.
pub(crate) fn as_parent(mut row: Item, sku: &Sku) -> Item {
    let is_own_row = row.sku == *sku;
    row.kind = ItemKind::Parent;
    row.sku = sku.clone();
    row.parent_sku = None;
    row.held.price = false;
    row.held.stock = false;
    for (position, column) in row.columns.clone().list().iter().enumerate() {
        let own = OWN.contains(&column.name.as_str())
            && !(is_own_row && matches!(column.name.as_str(), "gtin" | "mpn"));
        if (own || column.name.starts_with("option:"))
            && let Some(cell) = row.cells.get_mut(position)
        {
            cell.clear();
        }
    }
    row
}
