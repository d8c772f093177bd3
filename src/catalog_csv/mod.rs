//! Reads the seller's files: the native catalog and stock file, and the product exports of Shopify and
//! WooCommerce. Whatever the format, items come out under the native column names, so that policy, templates and
//! channel columns work the same for all.
//!
//! Nothing is guessed silently. What can be read in two ways is an issue that names file, line, column and value,
//! and holds back only what depends on it; a file that cannot be trusted as a whole is an `Err`.

mod gtin;
mod header;
mod native;
mod numbers;
mod records;
mod shopify;
mod skus;
mod source;
mod stock;
mod table;
mod woocommerce;
mod woocommerce_labels;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

pub use numbers::DecimalSeparator;
pub use stock::read_stock;

use crate::domain::catalog::{Catalog, Columns, Held, Item, Locator, ScanSummary, Scanned};
use crate::domain::issue::Issue;
use crate::domain::{Error, Result};

use header::Header;
use native::Native;
use shopify::Shopify;
use skus::{Met, MetSkus};
use source::Source;
use table::Table;
use woocommerce::WooCommerce;

/// The layout of a catalog file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Seen from the header.
    #[default]
    Auto,
    Native,
    Shopify,
    WooCommerce,
}

/// What the configuration says about a file. What it does not say is found out, and said where it is not certain.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub path: PathBuf,
    pub format: Format,
    /// A name of the WHATWG encoding standard, such as `windows-1252` or `shift_jis`.
    pub encoding: Option<String>,
    pub delimiter: Option<u8>,
    pub decimal: DecimalSeparator,
    /// Our column name to the header in the file: `sku = "SKU Code"`.
    pub columns: BTreeMap<String, String>,
}

/// A catalog in a CSV file that is held open: a file that is replaced meanwhile does not change it.
#[derive(Debug)]
pub struct CsvCatalog {
    layout: Layout,
    /// What opening the file had to say; every scan repeats it.
    issues: Vec<Issue>,
}

#[derive(Debug)]
enum Layout {
    Native(Native),
    Shopify(Shopify),
    WooCommerce(WooCommerce),
}

impl CsvCatalog {
    /// Opens a catalog and settles encoding, delimiter, format and decimal separator. `Err` when there is no file,
    /// no row, no known header, or bytes in an unknown encoding.
    pub fn open(options: &ReadOptions) -> Result<Self> {
        let mut source = Source::open(&options.path, options.encoding.as_deref())?;
        let mut issues = std::mem::take(&mut source.issues);
        let mut report = |issue| issues.push(issue);
        let header = Header::read(&source, options.delimiter, &mut report)?;
        let mapped = header.mapped(&source, &options.columns)?;
        let layout = match options.format {
            Format::Auto if shopify::recognises(&header.names) => Format::Shopify,
            Format::Auto if woocommerce::recognises(&header.names) => Format::WooCommerce,
            Format::Auto if native::recognises(&header.names_with(&mapped)) => Format::Native,
            Format::Auto => return Err(header.not_recognised(&source, "catalog", "sku")),
            stated => stated,
        };
        let layout = match layout {
            Format::Shopify => Layout::Shopify(Shopify::open(
                source,
                header,
                &mapped,
                options.decimal,
                &mut report,
            )?),
            Format::WooCommerce => Layout::WooCommerce(WooCommerce::open(
                source,
                header,
                &mapped,
                options.decimal,
                &mut report,
            )?),
            Format::Native | Format::Auto => Layout::Native(Native::open(
                source,
                header,
                &mapped,
                options.decimal,
                &mut report,
            )?),
        };
        Ok(Self { layout, issues })
    }

    /// The format that was stated or recognised; never [`Format::Auto`].
    pub fn format(&self) -> Format {
        match self.layout {
            Layout::Native(_) => Format::Native,
            Layout::Shopify(_) => Format::Shopify,
            Layout::WooCommerce(_) => Format::WooCommerce,
        }
    }

    fn table(&self) -> &Table {
        match &self.layout {
            Layout::Native(native) => &native.table,
            Layout::Shopify(shopify) => &shopify.table,
            Layout::WooCommerce(woocommerce) => &woocommerce.table,
        }
    }
}

impl Catalog for CsvCatalog {
    fn scan(&self, visit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        for issue in &self.issues {
            visit(Scanned::Issue(issue.clone()));
        }
        let mut met = MetSkus::default();
        let mut emit = |scanned| match scanned {
            Scanned::Item(mut item, at) => {
                if let Some(issue) = compare(&mut met, &item) {
                    if issue.is_error() {
                        item.held = Held::ALL;
                    }
                    visit(Scanned::Issue(issue));
                }
                visit(Scanned::Item(item, at));
            }
            issue => visit(issue),
        };
        match &self.layout {
            Layout::Native(native) => native.scan(&mut emit),
            Layout::Shopify(shopify) => shopify.scan(&mut emit),
            Layout::WooCommerce(woocommerce) => woocommerce.scan(&mut emit),
        }
    }

    /// Knows the row alone: a sku that another row has too is not held back here, but by the scan.
    fn read(&self, at: Locator) -> Result<Item> {
        let item = match &self.layout {
            Layout::Native(native) => native.read(at),
            Layout::Shopify(shopify) => shopify.read(at),
            Layout::WooCommerce(woocommerce) => woocommerce.read(at),
        }?;
        item.ok_or_else(|| {
            Error::config(format!(
                "{} no longer holds the row it held",
                self.table().source.name
            ))
            .with("line", at.line.to_string())
            .hint("the file was changed during the run; run again")
        })
    }

    fn columns(&self) -> &Arc<Columns> {
        &self.table().columns
    }
}

/// The issue of a sku that an earlier line has as well, in the same or in other letters.
fn compare(met: &mut MetSkus, item: &Item) -> Option<Issue> {
    let sku = &item.sku;
    let issue = match met.meet(sku.as_str(), item.line) {
        Met::First => return None,
        Met::Again { line } => Issue::error(
            "duplicate_sku",
            format!("{sku} is in line {line} and again in line {}", item.line),
        )
        .hint("keep one row per sku; until then neither row is sent"),
        Met::InOtherCase { line } => Issue::warning(
            "sku_differs_in_case",
            format!("{sku} differs only in letter case from the sku in line {line}"),
        )
        .hint(
            "some channels take the two for one; rename one of them if they are different things",
        ),
    };
    Some(
        issue
            .sku(sku)
            .field("sku")
            .at(&item.file, item.line, None, Some(sku.as_str())),
    )
}
