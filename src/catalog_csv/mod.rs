//! Reads and writes the seller's files: the native catalog and stock file, and the product exports of Shopify and
//! WooCommerce. Whatever the format, items come out under the native column names, so that policy, templates and
//! channel columns work the same for all.
//!
//! Nothing is guessed silently. What can be read in two ways is an issue that names file, line, column and value,
//! and holds back only what depends on it; a file that cannot be trusted as a whole is an `Err`.

mod affixes;
mod compare;
mod digits;
mod gtin;
mod header;
mod native;
mod numbers;
mod records;
mod shopify;
mod skus;
mod source;
mod stock;
mod survey;
mod table;
#[cfg(test)]
mod testing;
mod walk;
mod woocommerce;
mod woocommerce_labels;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

pub use numbers::DecimalSeparator;
pub use stock::read_stock;
pub use write::{CatalogSurvey, CatalogWriter, WriteFormat};

use crate::domain::catalog::{
    Catalog, CatalogPrint, Columns, Held, Item, Locator, ScanSummary, Scanned,
};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::issue::Issue;
use crate::domain::rows::{Bits, Compared, Rows};
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
    /// Stands for a text that was opened before without a fault ([`CatalogPrint::text`]), and is not judged again.
    pub known: Option<Fingerprint>,
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
        let mut source = Source::open(&options.path, options.encoding.as_deref(), options.known)?;
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
        let mut emit = |scanned| told_apart(&mut met, scanned, visit);
        match &self.layout {
            Layout::Native(native) => native.scan(&mut emit),
            Layout::Shopify(shopify) => shopify.scan(&mut emit),
            Layout::WooCommerce(woocommerce) => woocommerce.scan(&mut emit),
        }
    }

    fn print(&self) -> Option<CatalogPrint> {
        match &self.layout {
            Layout::Native(native) => Some(native.print()),
            Layout::Shopify(_) | Layout::WooCommerce(_) => None,
        }
    }

    fn compare(&self, before: Rows) -> Result<Option<Compared>> {
        match &self.layout {
            Layout::Native(native) => native.compare(before),
            Layout::Shopify(_) | Layout::WooCommerce(_) => Ok(None),
        }
    }

    fn scan_rows(&self, rows: &Rows, marked: &Bits, visit: &mut dyn FnMut(Scanned)) -> Result<()> {
        for issue in &self.issues {
            visit(Scanned::Issue(issue.clone()));
        }
        let mut met = MetSkus::default();
        let mut emit = |scanned| told_apart(&mut met, scanned, visit);
        match &self.layout {
            Layout::Native(native) => native.scan_rows(rows, marked, &mut emit),
            Layout::Shopify(_) | Layout::WooCommerce(_) => Err(Error::unexpected(
                "a file that is not remembered row by row was read by rows",
            )),
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

/// Passes on what a scan meets, and says where a sku is there twice.
fn told_apart(met: &mut MetSkus, scanned: Scanned, visit: &mut dyn FnMut(Scanned)) {
    let Scanned::Item(mut item, at) = scanned else {
        return visit(scanned);
    };
    if let Some(issue) = compare(met, &item) {
        if issue.is_error() {
            item.held = Held::ALL;
        }
        visit(Scanned::Issue(issue));
    }
    visit(Scanned::Item(item, at));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{open, open_with, scan};
    use super::*;

    #[test]
    fn the_format_is_seen_from_the_header_or_stated() {
        let format = |text: &str| open(text.as_bytes()).unwrap().format();
        assert_eq!(format("SKU,price,handle\nA,1,x\n"), Format::Native);
        assert_eq!(format("Handle,Title,Variant SKU\na,A,S\n"), Format::Shopify);
        assert_eq!(
            format("Title,URL handle,SKU,Price\nA,a,S,1\n"),
            Format::Shopify
        );
        assert_eq!(
            format("ID,Type,SKU,Name,Published,Regular price\n1,simple,A,a,1,2\n"),
            Format::WooCommerce
        );
        assert_eq!(
            format("ID,Tür,SKU,İsim,Yayımlanmış,Normal fiyat\n1,simple,A,a,1,2\n"),
            Format::WooCommerce
        );
        let stated = open_with(
            "Handle,Title,SKU,Variant Price\na,A,S,1\n".as_bytes(),
            |options| {
                options.format = Format::Native;
            },
        );
        assert_eq!(stated.unwrap().format(), Format::Native);
    }

    #[test]
    fn a_file_that_cannot_be_trusted_is_an_error() {
        let message = |text: &str| match open(text.as_bytes()) {
            Ok(catalog) => catalog.scan(&mut |_| {}).unwrap_err().message,
            Err(error) => error.message,
        };
        assert!(message("").contains("empty"));
        assert!(message("\n\n").contains("no header"));
        assert!(message("sku,price\n").contains("no rows"));
        assert!(message("sku,price\nA,1\nB").contains("cut short"));
        assert!(message("name,price\nA,1\n").contains("no column `sku`"));
        let missing = ReadOptions {
            path: "no-such-file.csv".into(),
            ..ReadOptions::default()
        };
        assert!(
            CsvCatalog::open(&missing)
                .unwrap_err()
                .message
                .contains("does not exist")
        );
    }

    #[test]
    fn a_replaced_file_does_not_change_an_open_catalog() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.csv");
        std::fs::write(&path, "sku,title\nA,old\n").unwrap();
        let catalog = CsvCatalog::open(&ReadOptions {
            path: path.clone(),
            ..ReadOptions::default()
        })
        .unwrap();
        std::fs::write(folder.path().join("new"), "sku,title\nB,new\n").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(scan(&catalog).rows(), ["A Single"]);
    }

    #[test]
    fn same_skus_are_held_back_and_similar_ones_are_said() {
        let scanned = scan(&open(b"sku,title\nA,1\nB,2\nA,3\na,4\n").unwrap());
        assert_eq!(
            scanned.codes(),
            ["4 duplicate_sku", "5 sku_differs_in_case"]
        );
        assert_eq!(scanned.items[2].0.held, Held::ALL);
        assert!(!scanned.items[3].0.held.any());
        assert!(
            scanned.issues[0].message.contains("line 2")
                && scanned.issues[0].message.contains("line 4")
        );
    }

    #[test]
    fn every_item_can_be_read_again() {
        for text in [
            "sku,parent_sku,price\nP,,\nV,P,\"1,5\"\n\nS,,3\n",
            "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\na,A,Size,M,,1,i\na,,,L,,2,\nb,B,,,S,3,\n",
            "ID,Type,SKU,Name,Published,Parent,Regular price\n1,variable,P,p,1,,\n2,variation,V,,1,id:1,3\n",
        ] {
            let catalog = open(text.as_bytes()).unwrap();
            let scanned = scan(&catalog);
            assert!(scanned.items.len() > 1);
            for (item, at) in &scanned.items {
                let again = catalog.read(*at).unwrap();
                assert_eq!(
                    (&again.sku, again.kind, &again.cells),
                    (&item.sku, item.kind, &item.cells)
                );
                assert_eq!(
                    (&again.parent_sku, again.line),
                    (&item.parent_sku, item.line)
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whatever the bytes, the reader comes to an end, and either refuses the file or accounts for each row.
        #[test]
        fn any_bytes_are_refused_or_accounted_for(
            header in prop::sample::select(vec![
                "sku,title,price,quantity,gtin,weight,parent_sku\n",
                "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n",
                "ID;Type;SKU;Name;Published;Parent;Regular price;Stock\n",
                "",
            ]),
            body in prop::collection::vec(
                prop_oneof![
                    6 => prop::sample::select(b"aAB1.,;\"\n\r\t -'#".to_vec()),
                    1 => any::<u8>(),
                ],
                0..120,
            ),
        ) {
            let bytes = [header.as_bytes(), &body].concat();
            let Ok(catalog) = open(&bytes) else { return Ok(()) };
            let mut items = 0;
            let mut unreadable = 0;
            let result = catalog.scan(&mut |scanned| match scanned {
                Scanned::Item(..) => items += 1,
                Scanned::Issue(issue) => unreadable += u64::from(issue.is_error()),
            });
            if let Ok(summary) = result {
                prop_assert!(summary.rows > 0);
                prop_assert!(items > 0 || unreadable > 0 || catalog.format() == Format::WooCommerce);
                prop_assert!(summary.unreadable <= unreadable);
            }
        }
    }
}
