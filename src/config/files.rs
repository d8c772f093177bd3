//! `[catalog]` and `[stock]`: which files to read, and how they are written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use iso_currency::Currency;
use toml::Spanned;

use super::parse::{Section, suggest};
use super::report::Problems;
use crate::domain::money::currency;
use crate::domain::stock::CountsOrders;

const FORMATS: [&str; 4] = ["auto", "native", "shopify", "woocommerce"];
const DELIMITERS: [&str; 4] = [",", ";", "\t", "|"];
const DECIMALS: [&str; 3] = ["auto", "point", "comma"];
const STOCK_COLUMNS: [&str; 4] = ["sku", "location", "quantity", "as_of"];

/// One CSV file. What is `None` is found out from the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Whole; the file need not exist yet.
    pub file: PathBuf,
    /// `auto`, `native`, `shopify` or `woocommerce`.
    pub format: Option<String>,
    /// A label of the WHATWG Encoding Standard that is known to exist.
    pub encoding: Option<String>,
    /// One of `,`, `;`, tab and `|`.
    pub delimiter: Option<String>,
    /// `auto`, `point` or `comma`.
    pub decimal: Option<String>,
    /// Our column to the header in the file.
    pub columns: BTreeMap<String, String>,
}

/// `[catalog]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogConfig {
    pub options: FileOptions,
    /// For rows without a currency of their own.
    pub currency: Option<Currency>,
}

/// `[stock]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StockConfig {
    /// `None` when the catalog's own quantities are all there is.
    pub options: Option<FileOptions>,
    pub counts_orders: CountsOrders,
}

pub(super) fn read_catalog(
    mut section: Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<CatalogConfig> {
    let format = section.word("format", &FORMATS, problems);
    let decimal = section.word("decimal", &DECIMALS, problems);
    let currency = section
        .read::<String>("currency", problems)
        .and_then(|code| known_currency("currency", &code, problems));
    if section.span_of("file").is_none() {
        problems
            .add(section.span.clone(), "[catalog] names no file")
            .hint("write `file = \"catalog.csv\"` below [catalog]");
    }
    let options = read_file(&mut section, folder, problems);
    section.finish(problems);
    Some(CatalogConfig {
        options: FileOptions {
            format,
            decimal,
            ..options?
        },
        currency,
    })
}

pub(super) fn read_stock(
    mut section: Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> StockConfig {
    let counts_orders = section
        .read::<CountsOrders>("counts_orders", problems)
        .map(Spanned::into_inner)
        .unwrap_or_default();
    if section.span_of("file").is_none() {
        for key in ["encoding", "delimiter", "columns"] {
            if let Some(span) = section.span_of(key) {
                problems
                    .add(span, format!("[stock] has `{key}` and names no file"))
                    .hint("write `file = \"stock.csv\"` below [stock]");
            }
        }
    }
    let columns = section.clone().section("columns", &mut Problems::default());
    for (name, span) in columns.iter().flat_map(Section::keys) {
        if !STOCK_COLUMNS.contains(&name) {
            let finding = problems.add(span, format!("a stock file has no column `{name}`"));
            suggest(finding, name, &STOCK_COLUMNS);
        }
    }
    let options = read_file(&mut section, folder, problems);
    section.finish(problems);
    StockConfig {
        options,
        counts_orders,
    }
}

/// What both kinds of file share. `None` without a file.
fn read_file(
    section: &mut Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<FileOptions> {
    let file = section.read::<String>("file", problems);
    let encoding = section
        .read::<String>("encoding", problems)
        .filter(|label| label.get_ref() != "auto");
    if let Some(label) = &encoding
        && Encoding::for_label(label.get_ref().as_bytes()).is_none()
    {
        problems
            .add(
                label.span(),
                format!("`encoding` cannot be \"{}\"", label.get_ref()),
            )
            .hint("name an encoding such as \"utf-8\", \"utf-16le\" or \"windows-1252\"");
    }
    let delimiter = section.word("delimiter", &DELIMITERS, problems);
    let columns = section
        .section("columns", problems)
        .map(|mut columns| columns.map(problems))
        .unwrap_or_default();
    let file = file?;
    if file.get_ref().trim().is_empty() {
        problems.add(file.span(), "`file` is empty");
    }
    Some(FileOptions {
        file: folder.join(file.get_ref()),
        format: None,
        encoding: encoding.map(Spanned::into_inner),
        delimiter,
        decimal: None,
        columns,
    })
}

/// The currency of a code, or a problem.
pub(super) fn known_currency(
    key: &str,
    code: &Spanned<String>,
    problems: &mut Problems,
) -> Option<Currency> {
    let found = currency(code.get_ref());
    if found.is_none() {
        problems
            .add(
                code.span(),
                format!("`{key}` cannot be \"{}\"", code.get_ref()),
            )
            .hint("write an ISO 4217 code such as \"EUR\"");
    }
    found
}
