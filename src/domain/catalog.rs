//! The seller's catalog as rows of named cells, and the contract for reading it without holding it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Result;
use super::fingerprint::Fingerprint;
use super::ids::Sku;
use super::issue::Issue;
use super::rows::{Bits, Compared, Rows};

/// Narrows a column to one channel (`title@amazon-de`) or one locale (`title#de`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    None,
    Channel(String),
    Locale(String),
}

/// One column: its base name (`title`, `option:Size`, `attr:material`, or any name of the seller's own).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    pub name: String,
    pub qualifier: Qualifier,
}

impl Column {
    /// Splits `title@amazon-de` and `title#de`. A suffix that is not a plain word stays part of the name.
    pub fn parse(header: &str) -> Self {
        let header = header.trim();
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        for (mark, make) in [
            ('@', Qualifier::Channel as fn(String) -> Qualifier),
            ('#', Qualifier::Locale),
        ] {
            if let Some((name, suffix)) = header.rsplit_once(mark)
                && !name.trim().is_empty()
                && is_word(suffix)
            {
                return Self {
                    name: name.trim().to_owned(),
                    qualifier: make(suffix.to_owned()),
                };
            }
        }
        Self {
            name: header.to_owned(),
            qualifier: Qualifier::None,
        }
    }
}

/// The columns of one catalog file, shared by all its items.
#[derive(Debug, Default)]
pub struct Columns {
    list: Vec<Column>,
    /// By name, each with the places of its columns.
    index: HashMap<String, Vec<(Qualifier, usize)>>,
}

impl Columns {
    /// Of two columns with the same name and qualifier the first one counts.
    pub fn new(list: Vec<Column>) -> Self {
        let mut index: HashMap<String, Vec<(Qualifier, usize)>> = HashMap::new();
        for (position, column) in list.iter().enumerate() {
            let places = index.entry(column.name.clone()).or_default();
            places.push((column.qualifier.clone(), position));
        }
        Self { list, index }
    }

    pub fn list(&self) -> &[Column] {
        &self.list
    }

    pub fn find(&self, name: &str, qualifier: Qualifier) -> Option<usize> {
        let mut places = self.index.get(name)?.iter();
        places
            .find(|(known, _)| *known == qualifier)
            .map(|(_, position)| *position)
    }
}

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// Sold as it is.
    Single,
    /// Only groups its variants: has content, but no price and no stock of its own.
    Parent,
    /// Sold under its parent.
    Variant,
}

/// What an error in a row's cells holds back. What is not held goes on: a bad price must not keep stock from
/// going to zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub price: bool,
    pub stock: bool,
    pub content: bool,
}

impl Held {
    pub const ALL: Self = Self {
        price: true,
        stock: true,
        content: true,
    };

    pub fn any(self) -> bool {
        self.price || self.stock || self.content
    }
}

/// One row of the catalog. Number cells are normalised by the reader: `12.5`, never `12,50 EUR`.
#[derive(Clone, Debug)]
pub struct Item {
    pub sku: Sku,
    pub parent_sku: Option<Sku>,
    pub kind: ItemKind,
    pub held: Held,
    pub file: Arc<str>,
    pub line: u64,
    pub columns: Arc<Columns>,
    /// One cell per column, in their order; an empty text means "not stated".
    pub cells: Vec<String>,
}

impl Item {
    /// The cell at a position that [`Columns::find`] gave; `None` when blank.
    pub fn cell(&self, position: usize) -> Option<&str> {
        self.cells
            .get(position)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// The unqualified cell of that name; `None` when there is no such column or it is blank.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.columns
            .find(name, Qualifier::None)
            .and_then(|position| self.cell(position))
    }
}

/// Where an item can be read again in the same, unchanged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locator {
    pub offset: u64,
    pub line: u64,
    /// Which item of the rows that start there, where several rows make one product.
    pub part: u32,
}

/// What a scan meets, in file order.
#[derive(Debug)]
pub enum Scanned {
    Item(Item, Locator),
    Issue(Issue),
}

/// What a scan has seen once it reached the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanSummary {
    /// Data rows, readable or not.
    pub rows: u64,
    /// Rows whose sku is unknown: while there are any, an absent sku cannot be told from an unreadable one.
    pub unreadable: u64,
}

/// Stands for a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogPrint {
    pub text: Fingerprint,
    /// Of everything beside the text that says how it is read.
    pub reading: Fingerprint,
}

/// A catalog that can be streamed, and read again at a place.
pub trait Catalog: Send + Sync {
    /// Streams every item and issue in file order. `Err` means that the file as a whole cannot be trusted
    /// (missing, empty, cut short, unknown header): nothing may be written from it.
    fn scan(&self, visit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary>;

    /// What tells whether the file is still the one that it was; `None` when files of this kind are not remembered.
    fn print(&self) -> Option<CatalogPrint>;

    /// Finds what is not as it was remembered; nothing was when `before` is empty. `None` when files of this kind are
    /// not remembered row by row, or when a row cannot be read, which a scan then reports.
    fn compare(&self, before: Rows) -> Result<Option<Compared>>;

    /// Streams the marked ones of the rows that [`Self::compare`] gave, in file order, with the issues that a scan
    /// has about them and about the file.
    fn scan_rows(&self, rows: &Rows, marked: &Bits, visit: &mut dyn FnMut(Scanned)) -> Result<()>;

    /// Reads one item again. Fails when the file no longer holds it there.
    fn read(&self, at: Locator) -> Result<Item>;

    /// The columns of the items, known after opening.
    fn columns(&self) -> &Arc<Columns>;
}

/// The columns that have a meaning of their own in the native catalog, beside `option:NAME` and `attr:NAME`.
pub const STANDARD_COLUMNS: &[&str] = &[
    "sku",
    "parent_sku",
    "title",
    "description",
    "price",
    "currency",
    "compare_at_price",
    "cost",
    "quantity",
    "brand",
    "gtin",
    "mpn",
    "category",
    "condition",
    "images",
    "weight",
    "length",
    "width",
    "height",
    "country_of_origin",
    "tags",
    "url",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_name_and_qualifier_and_the_first_one_counts() {
        let headers = ["title", "title#de", "price", "title", "title@shop"];
        let columns = Columns::new(headers.map(Column::parse).to_vec());
        let find = |name: &str, qualifier| columns.find(name, qualifier);
        assert_eq!(find("title", Qualifier::None), Some(0));
        assert_eq!(find("title", Qualifier::Locale("de".into())), Some(1));
        assert_eq!(find("title", Qualifier::Channel("shop".into())), Some(4));
        assert_eq!(find("title", Qualifier::Channel("de".into())), None);
        assert_eq!(find("brand", Qualifier::None), None);
    }

    #[test]
    fn a_qualifier_is_a_word_after_a_mark() {
        let column = |name: &str, qualifier| Column {
            name: name.into(),
            qualifier,
        };
        assert_eq!(
            Column::parse("title@amazon-de"),
            column("title", Qualifier::Channel("amazon-de".into()))
        );
        assert_eq!(
            Column::parse("title#de"),
            column("title", Qualifier::Locale("de".into()))
        );
        assert_eq!(Column::parse("SKU #"), column("SKU #", Qualifier::None));
        assert_eq!(Column::parse("#"), column("#", Qualifier::None));
    }
}
