//! Writes what is live as a catalog that reads back as the same listings.
//!
//! Two passes: the first one learns which columns have a value somewhere, the second one writes. Texts are exact but
//! for blanks at their ends, which the reader takes for none.

mod native;
mod shopify;

use std::collections::{HashMap, HashSet};
use std::io::Write;

use crate::domain::ids::Sku;
use crate::domain::listing::{ChannelListing, Family, Listing, Measure};
use crate::domain::measure;
use crate::domain::{Error, Result};

use super::table::sku_fault;

/// The layout of a catalog that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFormat {
    /// One row per sku; see docs/catalog.md.
    Native,
    /// Shopify's product CSV. What it has no column for stands in columns with native names.
    Shopify,
}

/// One row: cells by column, without blank ones.
#[derive(Debug, Default)]
struct Row(Vec<(Column, String)>);

/// A column and its place: columns stand by rank, and by their first appearance within a rank.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Column {
    rank: usize,
    name: String,
}

impl Row {
    fn put(&mut self, rank: usize, name: impl Into<String>, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            let name = name.into();
            self.0.push((Column { rank, name }, text));
        }
    }
}

/// The first pass: which columns the catalog needs.
#[derive(Debug)]
pub struct CatalogSurvey {
    format: WriteFormat,
    columns: Vec<Column>,
    known: HashSet<Column>,
}

impl CatalogSurvey {
    pub fn new(format: WriteFormat) -> Self {
        let mut survey = Self {
            format,
            columns: Vec::new(),
            known: HashSet::new(),
        };
        let always = match format {
            WriteFormat::Native => native::ALWAYS,
            WriteFormat::Shopify => shopify::ALWAYS,
        };
        for (rank, name) in always {
            survey.need(Column {
                rank: *rank,
                name: (*name).to_owned(),
            });
        }
        survey
    }

    /// Why no catalog can hold a listing of this sku.
    pub fn refuses(sku: &Sku) -> Option<&'static str> {
        let text = sku.as_str();
        if text.trim() != text {
            return Some("its sku begins or ends with a blank");
        }
        sku_fault(text).map(
            |_| "its sku has a line break, is too long, or looks like what spreadsheets destroy",
        )
    }

    /// Takes note of the columns that a family needs.
    pub fn meet(&mut self, family: &Family) {
        for row in rows(self.format, family) {
            for (column, _) in row.0 {
                self.need(column);
            }
        }
    }

    fn need(&mut self, column: Column) {
        if !self.known.contains(&column) {
            self.known.insert(column.clone());
            self.columns.push(column);
        }
    }

    /// Settles the columns and writes the header. `out` is buffered.
    pub fn begin<W: Write>(mut self, out: W) -> Result<CatalogWriter<W>> {
        self.columns.sort_by_key(|column| column.rank);
        let mut out = csv::Writer::from_writer(out);
        out.write_record(self.columns.iter().map(|column| &column.name))
            .map_err(unwritten)?;
        Ok(CatalogWriter {
            format: self.format,
            width: self.columns.len(),
            places: self.columns.into_iter().zip(0..).collect(),
            rows: 0,
            out,
        })
    }
}

/// The second pass: every family that was met, once more.
#[derive(Debug)]
pub struct CatalogWriter<W: Write> {
    format: WriteFormat,
    width: usize,
    places: HashMap<Column, usize>,
    rows: u64,
    out: csv::Writer<W>,
}

impl<W: Write> CatalogWriter<W> {
    pub fn write(&mut self, family: &Family) -> Result<()> {
        for row in rows(self.format, family) {
            let mut cells = vec![""; self.width];
            for (column, text) in &row.0 {
                let place = self.places.get(column).ok_or_else(|| {
                    Error::unexpected("a listing changed while the catalog was written")
                        .with("column", &*column.name)
                })?;
                cells[*place] = text;
            }
            self.out.write_record(cells).map_err(unwritten)?;
            self.rows += 1;
        }
        Ok(())
    }

    /// How many rows were written, without the header.
    pub fn finish(mut self) -> Result<u64> {
        self.out.flush().map_err(|error| unwritten(error.into()))?;
        Ok(self.rows)
    }
}

fn rows(format: WriteFormat, family: &Family) -> Vec<Row> {
    match format {
        WriteFormat::Native => native::rows(family),
        WriteFormat::Shopify => shopify::rows(family),
    }
}

fn unwritten(error: csv::Error) -> Error {
    Error::config("the catalog cannot be written")
        .caused_by(std::io::Error::from(error))
        .hint("what was written so far is not complete")
}

/// Amounts and stock as cells: price, currency, struck-through price, pieces.
struct Offer {
    price: String,
    currency: String,
    compare_at: String,
    quantity: String,
}

impl Offer {
    fn of(listing: &ChannelListing) -> Self {
        let amount = |money: &crate::domain::money::Money| plain(money.amount);
        Self {
            price: listing.price.as_ref().map(amount).unwrap_or_default(),
            currency: listing
                .price
                .map(|price| price.currency.code().to_owned())
                .unwrap_or_default(),
            compare_at: listing
                .compare_at
                .as_ref()
                .filter(|_| listing.price.is_some())
                .map(amount)
                .unwrap_or_default(),
            quantity: listing
                .quantity
                .map(|quantity| quantity.to_string())
                .unwrap_or_default(),
        }
    }
}

/// A number that reads one way only: with three decimals, `1.250` could be meant as thousands.
fn plain(number: rust_decimal::Decimal) -> String {
    let number = number.normalize();
    match number.scale() {
        0 => number.to_string(),
        1 => format!("{number:.2}"),
        3 => format!("{number:.4}"),
        _ => number.to_string(),
    }
}

/// Units as the reader knows them; any other one that has a meaning becomes grams or millimeters.
fn weight(own: &Measure) -> String {
    written(own, &["mg", "g", "kg", "lb", "oz"], measure::in_grams)
}

fn length(own: &Measure) -> String {
    written(own, &["mm", "cm", "m", "in", "ft"], measure::in_millimeters)
}

fn written(own: &Measure, units: &[&str], convert: fn(&Measure) -> Option<Measure>) -> String {
    let unit = own.unit.trim().to_ascii_lowercase();
    if units.contains(&unit.as_str()) {
        return format!("{} {unit}", own.value.normalize());
    }
    match convert(own) {
        Some(converted) => format!("{} {}", converted.value.normalize(), converted.unit),
        None => String::new(),
    }
}

/// The content of a listing, blank where it says the same as `parent`, from which the reader fills blanks.
fn beside(content: &Listing, parent: Option<&Listing>) -> Listing {
    let mut own = content.clone();
    let Some(parent) = parent else { return own };
    macro_rules! blank_where_equal {
        ($($field:ident),*) => {$(
            if own.$field == parent.$field {
                own.$field = Default::default();
            }
        )*};
    }
    blank_where_equal!(
        title,
        description,
        brand,
        category,
        condition,
        url,
        images,
        weight,
        length,
        width,
        height,
        country_of_origin,
        tags
    );
    own.attributes
        .retain(|name, value| parent.attributes.get(name) != Some(value));
    own
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
