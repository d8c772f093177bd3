//! Catalogs of any size, from real rows and a seed.
//!
//! The rows of `examples/catalog.csv`, or of every catalog in the folder that SKUCAST_DATA names, are repeated under
//! skus, GTINs, prices and quantities of their own. Families stay families. The same seed gives the same file.

use std::io::Write;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;
use skucast::catalog_csv::{CsvCatalog, ReadOptions};
use skucast::domain::catalog::{Catalog, Item, ItemKind, Qualifier, Scanned};

use crate::Result;

/// What the copies differ in.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Skus that can be sold; parents come on top.
    pub skus: u64,
    pub seed: u64,
    /// One row in so many has another price, quantity or title than without this; 0 for none.
    pub changed_one_in: u64,
    /// The file begins with this product and ends with the one before it.
    pub first_product: u64,
}

impl Shape {
    pub fn of(skus: u64) -> Self {
        Self {
            skus,
            seed: 1,
            changed_one_in: 0,
            first_product: 0,
        }
    }
}

/// One generated sku, for those who need no file.
#[derive(Clone, Debug)]
pub struct Figure {
    pub sku: String,
    /// Of a variant.
    pub parent: Option<String>,
    pub price: Decimal,
    pub quantity: u64,
}

/// A row of the source: one cell per column of [`Source::columns`].
#[derive(Clone, Debug)]
struct Row {
    kind: ItemKind,
    cells: Vec<String>,
}

/// Real rows to multiply.
pub struct Source {
    columns: Vec<String>,
    /// Parents stand before their variants.
    products: Vec<Vec<Row>>,
}

const SKU: usize = 0;
const PARENT: usize = 1;
const TITLE: usize = 2;
const GTIN: usize = 3;
const PRICE: usize = 4;
const COMPARE_AT: usize = 5;
const QUANTITY: usize = 6;
const OWN_COLUMNS: [&str; 7] = [
    "sku",
    "parent_sku",
    "title",
    "gtin",
    "price",
    "compare_at_price",
    "quantity",
];

impl Source {
    pub fn open() -> Result<Self> {
        let mut source = Self {
            columns: OWN_COLUMNS.map(str::to_owned).to_vec(),
            products: Vec::new(),
        };
        for file in files()? {
            // A folder of real data holds other files too.
            let options = ReadOptions {
                path: file,
                ..ReadOptions::default()
            };
            if let Ok(catalog) = CsvCatalog::open(&options) {
                source.read(&catalog)?;
            }
        }
        source
            .products
            .retain(|product| product.iter().any(is_sold));
        if source.products.is_empty() {
            return Err("no catalog to multiply: name a folder with one as SKUCAST_DATA".into());
        }
        Ok(source)
    }

    fn read(&mut self, catalog: &CsvCatalog) -> Result<()> {
        let columns: Vec<usize> = catalog
            .columns()
            .list()
            .iter()
            .map(|column| {
                let name = match &column.qualifier {
                    Qualifier::None => column.name.clone(),
                    Qualifier::Channel(channel) => format!("{}@{channel}", column.name),
                    Qualifier::Locale(locale) => format!("{}#{locale}", column.name),
                };
                self.columns
                    .iter()
                    .position(|known| *known == name)
                    .unwrap_or_else(|| {
                        self.columns.push(name);
                        self.columns.len() - 1
                    })
            })
            .collect();
        let mut places = std::collections::HashMap::new();
        catalog.scan(&mut |scanned| {
            if let Scanned::Item(item, _) = scanned
                && !item.held.any()
                && (item.kind == ItemKind::Parent || item.value("price").is_some())
            {
                let product = item.parent_sku.clone().unwrap_or_else(|| item.sku.clone());
                let place = *places.entry(product).or_insert_with(|| {
                    self.products.push(Vec::new());
                    self.products.len() - 1
                });
                self.products[place].push(row(&item, &columns));
            }
        })?;
        for product in &mut self.products {
            product.sort_by_key(|row| row.kind != ItemKind::Parent);
        }
        Ok(())
    }

    /// Writes a catalog, and answers how many rows it has.
    pub fn write(&self, path: &Path, shape: Shape) -> Result<u64> {
        let mut out = csv::Writer::from_path(path)?;
        out.write_record(&self.columns)?;
        let mut rows = 0;
        self.generate(shape, |row| {
            rows += 1;
            let missing = self.columns.len() - row.len();
            out.write_record(
                row.iter()
                    .map(String::as_str)
                    .chain(std::iter::repeat_n("", missing)),
            )?;
            Ok(())
        })?;
        out.into_inner()
            .map_err(|error| error.to_string())?
            .flush()?;
        Ok(rows)
    }

    /// What is sold, in the order of the file.
    pub fn figures(&self, shape: Shape) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        self.generate(shape, |cells| {
            if !cells[PRICE].is_empty() {
                figures.push(Figure {
                    sku: cells[SKU].clone(),
                    parent: Some(cells[PARENT].clone()).filter(|sku| !sku.is_empty()),
                    price: cells[PRICE].parse()?,
                    quantity: cells[QUANTITY].parse()?,
                });
            }
            Ok(())
        })?;
        Ok(figures)
    }

    /// Products are numbered through; each draws its numbers from a seed of its own, so that it is the same wherever
    /// in the file it stands.
    fn generate(&self, shape: Shape, mut take: impl FnMut(&[String]) -> Result<()>) -> Result<()> {
        let spans = self.spans(shape.skus);
        let products = spans.len() as u64;
        for place in 0..products {
            let number = (place + shape.first_product) % products;
            let (first_sku, most) = spans[number as usize];
            let product = &self.products[(number % self.products.len() as u64) as usize];
            let mut random =
                StdRng::seed_from_u64(shape.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let mut serial = first_sku;
            for row in product {
                let sold = is_sold(row);
                if sold && serial - first_sku == most {
                    break;
                }
                let mut cells = row.cells.clone();
                vary(&mut cells, number, &mut random);
                if sold {
                    cells[GTIN] = gtin(serial);
                    let pick = serial / shape.changed_one_in.max(1);
                    if shape.changed_one_in > 0 && serial % shape.changed_one_in == 0 {
                        change(&mut cells, pick)?;
                    }
                    serial += 1;
                }
                take(&cells)?;
            }
        }
        Ok(())
    }

    /// Of each product the number of its first sku, and how many it has.
    fn spans(&self, skus: u64) -> Vec<(u64, u64)> {
        let mut spans = Vec::new();
        let mut first = 0;
        for product in self.products.iter().cycle() {
            if first >= skus {
                break;
            }
            let sold = product.iter().filter(|row| is_sold(row)).count() as u64;
            spans.push((first, sold.min(skus - first)));
            first += sold;
        }
        spans
    }
}

fn is_sold(row: &Row) -> bool {
    row.kind != ItemKind::Parent
}

fn row(item: &Item, columns: &[usize]) -> Row {
    let width = columns
        .iter()
        .max()
        .map_or(0, |last| last + 1)
        .max(OWN_COLUMNS.len());
    let mut cells = vec![String::new(); width];
    for (from, to) in columns.iter().enumerate() {
        cells[*to] = item.cell(from).unwrap_or_default().to_owned();
    }
    // Other formats tell the family otherwise than by a column of that name.
    cells[SKU] = item.sku.as_str().to_owned();
    cells[PARENT] = item
        .parent_sku
        .as_ref()
        .map_or(String::new(), |sku| sku.as_str().to_owned());
    Row {
        kind: item.kind,
        cells,
    }
}

/// Makes a copy a product of its own.
fn vary(cells: &mut [String], product: u64, random: &mut StdRng) {
    for column in [SKU, PARENT] {
        if !cells[column].is_empty() {
            cells[column] = format!("{}-{product:07}", cells[column]);
        }
    }
    let more = Decimal::new(random.random_range(0..4000), 2);
    for column in [PRICE, COMPARE_AT] {
        if let Ok(amount) = cells[column].parse::<Decimal>() {
            cells[column] = (amount + more).to_string();
        }
    }
    if !cells[PRICE].is_empty() {
        cells[QUANTITY] = random.random_range(0..200).to_string();
    }
}

/// What happens to a row from one day to the next: another price, another stock, another title.
fn change(cells: &mut [String], pick: u64) -> Result<()> {
    match pick % 3 {
        0 => cells[PRICE] = (cells[PRICE].parse::<Decimal>()? + Decimal::ONE).to_string(),
        1 => cells[QUANTITY] = (cells[QUANTITY].parse::<u64>()? + 1).to_string(),
        _ => cells[TITLE].push_str(", new"),
    }
    Ok(())
}

/// 13 digits from the range that shops use among themselves, with the check digit of GS1.
fn gtin(serial: u64) -> String {
    let body = format!("29{serial:010}");
    let sum: u32 = body
        .bytes()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 1 { 3 } else { 1 })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn files() -> Result<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("SKUCAST_DATA") else {
        return Ok(vec![
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/catalog.csv"),
        ]);
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
