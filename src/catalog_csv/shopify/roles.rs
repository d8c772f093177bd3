//! What each column of a Shopify export means.

use crate::domain::catalog::Column;
use crate::domain::{Error, Result};

use super::super::header::Header;
use super::super::source::Source;
use super::super::table::{CellKind, cell_kind, native_column};

/// A column whose text goes into one cell.
#[derive(Debug)]
pub(super) struct Copied {
    pub from: usize,
    pub to: usize,
    /// Stands on the product's first line only and holds for all its variants.
    pub of_product: bool,
}

/// Where the columns of the file are, and the native columns they become.
#[derive(Debug)]
pub(super) struct Roles {
    pub handle: usize,
    pub title: Option<usize>,
    pub sku: Option<usize>,
    pub price: Option<usize>,
    pub tracker: Option<usize>,
    pub quantity: Option<usize>,
    pub option_names: [Option<usize>; 3],
    pub option_values: [Option<usize>; 3],
    pub image: Option<usize>,
    pub image_position: Option<usize>,
    pub variant_image: Option<usize>,
    /// skucast's own columns in a file that it wrote: the parent of a product with one variant, and all pictures of a
    /// line where Shopify's rule would give others.
    pub parent_sku: Option<usize>,
    pub images: Option<usize>,
    pub copied: Vec<Copied>,
    /// Number columns of the file.
    pub numbers: Vec<usize>,
    pub columns: Vec<(Column, Option<&'static str>)>,
    /// The header in the file of each native column.
    pub headers: Vec<String>,
}

/// Cells that [`Roles::of`] puts first, in this order.
pub(super) const SKU: usize = 0;
pub(super) const PARENT_SKU: usize = 1;
pub(super) const IMAGES: usize = 2;

/// Headers in lower case, the native name, and whether the cell belongs to the whole product.
const COPIED: &[(&str, &str, bool)] = &[
    ("title", "title", true),
    ("body (html)", "description", true),
    ("description", "description", true),
    ("vendor", "brand", true),
    ("product category", "category", true),
    ("type", "type", true),
    ("tags", "tags", true),
    ("published", "published", true),
    ("published on online store", "published", true),
    ("status", "status", true),
    ("variant barcode", "gtin", false),
    ("barcode", "gtin", false),
    ("barcodes", "gtin", false),
    ("variant price", "price", false),
    ("price", "price", false),
    ("variant compare at price", "compare_at_price", false),
    ("compare-at price", "compare_at_price", false),
    ("cost per item", "cost", false),
    ("variant inventory qty", "quantity", false),
    ("inventory quantity", "quantity", false),
    ("variant grams", "weight", false),
    ("weight value (grams)", "weight", false),
    ("google shopping / mpn", "mpn", true),
    (
        "google shopping / manufacturer part number (mpn)",
        "mpn",
        true,
    ),
    ("google shopping / condition", "condition", true),
    ("google shopping / gender", "attr:gender", true),
    ("google shopping / age group", "attr:age_group", true),
    (
        "google shopping / google product category",
        "google_product_category",
        true,
    ),
];

/// Whether a header is Shopify's: `URL handle`, or `Handle` and `Title` beside columns of its variants.
pub(in crate::catalog_csv) fn recognises(names: &[String]) -> bool {
    let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let has = |name: &str| lower.iter().any(|header| header == name);
    let of_variants =
        |header: &String| header.starts_with("variant ") || header.starts_with("option1 ");
    has("title")
        && (has("url handle") || (has("handle") && (lower.iter().any(of_variants) || !has("sku"))))
}

impl Roles {
    pub fn of(source: &Source, header: &Header, mapped: &[Option<String>]) -> Result<Self> {
        let lower: Vec<String> = header
            .names
            .iter()
            .map(|name| name.to_lowercase())
            .collect();
        let find = |names: &[&str]| {
            lower
                .iter()
                .position(|header| names.contains(&header.as_str()))
        };
        let mapped_to = |ours: &str| {
            mapped
                .iter()
                .position(|mapped| mapped.as_deref() == Some(ours))
        };
        let Some(handle) = find(&["handle", "url handle"]) else {
            return Err(Error::config(format!(
                "{} has no column `Handle` or `URL handle`",
                source.name
            ))
            .hint("a Shopify product export has one; is `format` right?"));
        };
        let option = |number: usize, what: &str| find(&[format!("option{number} {what}").as_str()]);
        let mut roles = Self {
            handle,
            title: mapped_to("title").or_else(|| find(&["title"])),
            sku: mapped_to("sku").or_else(|| find(&["variant sku", "sku"])),
            price: mapped_to("price").or_else(|| find(&["variant price", "price"])),
            tracker: find(&["variant inventory tracker", "inventory tracker"]),
            quantity: mapped_to("quantity")
                .or_else(|| find(&["variant inventory qty", "inventory quantity"])),
            option_names: [1, 2, 3].map(|number| option(number, "name")),
            option_values: [1, 2, 3].map(|number| option(number, "value")),
            image: find(&["image src", "product image url"]),
            image_position: find(&["image position"]),
            variant_image: find(&["variant image", "variant image url"]),
            parent_sku: find(&["parent_sku"]),
            images: find(&["images"]),
            copied: Vec::new(),
            numbers: Vec::new(),
            columns: Vec::new(),
            headers: Vec::new(),
        };
        let header_of = |position: Option<usize>| {
            position.map_or(String::new(), |place| header.names[place].clone())
        };
        roles.add("sku", header_of(roles.sku));
        roles.add("parent_sku", header.names[handle].clone());
        roles.add("images", header_of(roles.image));
        let special = [
            roles.sku,
            Some(handle),
            roles.image,
            roles.image_position,
            roles.variant_image,
            roles.parent_sku,
            roles.images,
        ];
        // Mapped columns come first: of two columns for one name the first counts.
        let order = (0..lower.len())
            .filter(|&position| mapped[position].is_some())
            .chain((0..lower.len()).filter(|&position| mapped[position].is_none()));
        for position in order {
            let name = &header.names[position];
            let is_option = roles.option_names.contains(&Some(position))
                || roles.option_values.contains(&Some(position));
            if name.is_empty() || is_option || special.contains(&Some(position)) {
                continue;
            }
            let (ours, of_product) = match &mapped[position] {
                Some(ours) => (ours.clone(), cell_kind(ours).is_none()),
                None => meaning(name, &lower[position]),
            };
            let taken = roles
                .columns
                .iter()
                .any(|(column, _)| *column == native_column(&ours));
            let to = roles.add(if taken { name } else { &ours }, name.clone());
            if lower[position].contains("gram") && roles.columns[to].0.name == "weight" {
                roles.columns[to].1 = Some("g");
            }
            if matches!(
                cell_kind(&roles.columns[to].0.name),
                Some(CellKind::Number(_))
            ) {
                roles.numbers.push(position);
            }
            roles.copied.push(Copied {
                from: position,
                to,
                of_product,
            });
        }
        Ok(roles)
    }

    fn add(&mut self, name: &str, header: String) -> usize {
        self.columns.push((native_column(name), None));
        self.headers.push(header);
        self.columns.len() - 1
    }

    pub fn option_cell(&self, name: &str) -> Option<usize> {
        let name = format!("option:{name}");
        self.columns
            .iter()
            .position(|(column, _)| column.name == name)
    }

    pub fn add_option(&mut self, name: &str) {
        if self.option_cell(name).is_none() {
            // Options have names that the header does not know, so a mark in one is not a qualifier.
            self.columns.push((
                Column {
                    name: format!("option:{name}"),
                    qualifier: crate::domain::catalog::Qualifier::None,
                },
                None,
            ));
            self.headers.push(name.to_owned());
        }
    }
}

/// The native name of a column and whether it belongs to the whole product.
fn meaning(name: &str, lower: &str) -> (String, bool) {
    if let Some((_, ours, of_product)) = COPIED.iter().find(|(header, _, _)| *header == lower) {
        return ((*ours).to_owned(), *of_product);
    }
    if let Some((label, key)) = name.rsplit_once(" (")
        && key.starts_with("product.metafields.")
    {
        return (format!("attr:{}", label.trim()), true);
    }
    if lower.starts_with("attr:") {
        return (name.to_owned(), true);
    }
    if lower == "mpn" || lower.starts_with("option:") {
        return (name.to_owned(), false);
    }
    let of_variant =
        lower.starts_with("variant ") || lower.contains("price") || lower.contains("inventory");
    (name.to_owned(), !of_variant)
}
