//! WooCommerce's product export, in the language of the shop.
//!
//! How it is read where the export leaves a choice:
//! - A sale price is the price, and the regular price is the compare-at price. A sale with dates is not applied
//!   (said once): the file cannot tell whether it is on, and too low a price costs more than too high a one.
//! - A blank `Stock` and `parent` are not stated; `In stock?` 0 beside them is a quantity of 0.
//! - A product without SKU is known by `id:NN`, as the export itself refers to it (said once).
//! - Types other than simple, variable and variation are not goods of their own and are left out (said once).

mod cells;
mod roles;

use std::collections::{BTreeMap, HashMap};

use crate::domain::Result;
use crate::domain::catalog::{Held, Item, ItemKind, Locator, ScanSummary, Scanned};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;

use super::header::Header;
use super::numbers::DecimalSeparator;
use super::records::{Next, Record, Records, Shape};
use super::source::Source;
use super::table::{Origin, Row, Table, sku_fault};

pub(super) use roles::recognises;

use cells::{line_breaks, list, unguarded};
use roles::{Attribute, Cell, Roles};

#[derive(Debug)]
pub(super) struct WooCommerce {
    pub table: Table,
    roles: Roles,
    /// Skus of the variable products, by their ids: a variation may name its parent as `id:NN`.
    parents_by_id: HashMap<u64, Sku>,
}

/// What a row is to the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ProductType {
    Simple,
    Variable,
    Variation,
    /// `grouped`, `external`, and what plugins add.
    Other(String),
}

/// What is said once per file.
#[derive(Debug, Default)]
struct Tally {
    keys_made: u64,
    first_key: Option<(u64, String)>,
    dated_sales: u64,
    first_dated: Option<u64>,
    left_out: BTreeMap<String, u64>,
    first_left_out: Option<u64>,
}

impl WooCommerce {
    pub fn open(
        source: Source,
        header: Header,
        mapped: &[Option<String>],
        decimal: DecimalSeparator,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let mut roles = Roles::of(&source, &header, mapped)?;
        let mut parents_by_id = HashMap::new();
        let mut records = Records::new(
            &source,
            header.rows_offset,
            header.rows_line,
            header.delimiter,
            Some(header.names.len()),
        );
        let mut record = Record::default();
        loop {
            match records.next(&mut record)? {
                Next::End => break,
                Next::UnclosedQuote { .. } | Next::Record(Shape::Long) => continue,
                Next::Record(_) => {}
            }
            let product_type = product_type(&roles, &record);
            if let Some(id) = roles
                .id
                .and_then(|position| record.cell(position).parse().ok())
                && product_type == ProductType::Variable
                && let Some((sku, _)) = sku_of(&roles, &record)
            {
                parents_by_id.insert(id, Sku::new(sku));
            }
            for attribute in roles.attributes.clone() {
                let name = unguarded(record.cell(attribute.name));
                if !name.is_empty() && !record.cell(attribute.values).is_empty() {
                    roles.add_attribute(name, product_type == ProductType::Variation);
                }
            }
        }
        let table = Table::new(
            source,
            header,
            roles.columns.clone(),
            &roles.numbers,
            decimal,
            issue,
        )?;
        Ok(Self {
            table,
            roles,
            parents_by_id,
        })
    }

    pub fn scan(&self, emit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        let mut tally = Tally::default();
        let summary = self.table.scan(emit, |shape, record, issue| {
            self.item(shape, record, &mut tally, issue)
        })?;
        for issue in tally.issues(&self.table) {
            emit(Scanned::Issue(issue));
        }
        Ok(summary)
    }

    pub fn read(&self, at: Locator) -> Result<Option<Item>> {
        let mut record = Record::default();
        Ok(
            match self
                .table
                .records_at(at.offset, at.line)
                .next(&mut record)?
            {
                Next::Record(shape) => {
                    match self.item(shape, &record, &mut Tally::default(), &mut |_| {}) {
                        Row::Item(item) => Some(item),
                        Row::LeftOut | Row::Unreadable => None,
                    }
                }
                _ => None,
            },
        )
    }

    fn item(
        &self,
        shape: Shape,
        record: &Record,
        tally: &mut Tally,
        report: &mut dyn FnMut(Issue),
    ) -> Row {
        if shape == Shape::Long
            || (shape == Shape::Short && self.roles.sku.is_none_or(|sku| record.len() <= sku))
        {
            report(self.table.ragged(shape, record));
            return Row::Unreadable;
        }
        let product_type = product_type(&self.roles, record);
        if let ProductType::Other(name) = product_type {
            *tally.left_out.entry(name).or_default() += 1;
            tally.first_left_out.get_or_insert(record.line);
            return Row::LeftOut;
        }
        let Some((key, made)) = sku_of(&self.roles, record) else {
            let fault = Issue::error("sku_missing", "the row has neither a SKU nor an ID")
                .hint("give the product a SKU in WooCommerce, or export it with its ID");
            report(self.at(fault, record, self.roles.sku));
            return Row::Unreadable;
        };
        if let Some(fault) = sku_fault(&key) {
            report(self.at(fault, record, self.roles.sku));
            return Row::Unreadable;
        }
        let sku = Sku::new(&key);
        if made {
            tally.keys_made += 1;
            tally
                .first_key
                .get_or_insert_with(|| (record.line, key.clone()));
        }
        let mut held = Held::default();
        let mut parent_sku = None;
        let kind = match product_type {
            ProductType::Variable => ItemKind::Parent,
            ProductType::Variation => {
                match self.parent_of(record) {
                    Ok(parent) => parent_sku = Some(parent),
                    Err(issue) => {
                        held.content = true;
                        report(self.at(
                            issue.sku(&sku).field("parent_sku"),
                            record,
                            self.roles.parent,
                        ));
                    }
                }
                ItemKind::Variant
            }
            ProductType::Simple | ProductType::Other(_) => ItemKind::Single,
        };
        let mut cells = self.texts(record, kind);
        cells[Cell::Sku as usize] = key;
        cells[Cell::ParentSku as usize] = parent_sku.as_ref().map_or(String::new(), Sku::to_string);
        let sale = (kind != ItemKind::Parent).then(|| self.put_prices(record, &mut cells, tally));
        let origin = |position: usize| Origin {
            header: if position == Cell::Price as usize && sale != Some(true) {
                &self.roles.headers[Cell::CompareAtPrice as usize]
            } else {
                self.roles.headers.get(position).map_or("", String::as_str)
            },
            line: record.line,
        };
        let found = self.table.check(&sku, &mut cells, origin, report);
        held.price |= found.price;
        held.stock |= found.stock;
        held.content |= found.content;
        if shape == Shape::Short {
            report(self.table.ragged(shape, record).sku(&sku));
            held = Held::ALL;
        }
        if record.stray_quote {
            report(self.table.stray(record).sku(&sku));
            held.content = true;
        }
        Row::Item(Item {
            sku,
            parent_sku,
            kind,
            held,
            file: self.table.source.name.clone(),
            line: record.line,
            columns: self.table.columns.clone(),
            cells,
        })
    }

    fn parent_of(&self, record: &Record) -> Result<Sku, Box<Issue>> {
        let text = self
            .roles
            .parent
            .map_or("", |position| unguarded(record.cell(position)));
        if text.is_empty() {
            let issue = Issue::error("parent_missing", "the variation does not name its parent")
                .hint("put the parent's SKU, or id: and its ID, into the parent column");
            return Err(Box::new(issue));
        }
        let Some(id) = text.strip_prefix("id:") else {
            return Ok(Sku::new(text));
        };
        id.trim()
            .parse()
            .ok()
            .and_then(|id: u64| self.parents_by_id.get(&id).cloned())
            .ok_or_else(|| {
                Box::new(
                    Issue::error(
                        "parent_unknown",
                        format!("no variable product in this file has the ID {id}"),
                    )
                    .hint("export the parent product together with its variations"),
                )
            })
    }

    /// All cells but sku, parent and prices.
    fn texts(&self, record: &Record, kind: ItemKind) -> Vec<String> {
        let roles = &self.roles;
        let text =
            |position: Option<usize>| position.map_or("", |place| unguarded(record.cell(place)));
        let mut cells = vec![String::new(); self.table.columns.list().len()];
        for &(from, to) in &roles.copied {
            cells[to] = unguarded(record.cell(from)).to_owned();
        }
        let mut put = |cell: Cell, text: String| {
            let slot = &mut cells[cell as usize];
            // A column that the seller mapped to the same name has filled it already.
            if slot.is_empty() {
                *slot = text;
            }
        };
        put(Cell::Description, line_breaks(text(roles.description)));
        put(
            Cell::ShortDescription,
            line_breaks(text(roles.short_description)),
        );
        put(Cell::Images, list(text(roles.images)).join("|"));
        put(Cell::Tags, list(text(roles.tags)).join(", "));
        let categories = list(text(roles.categories));
        put(
            Cell::Category,
            categories.first().cloned().unwrap_or_default(),
        );
        put(Cell::Categories, categories.join("|"));
        put(
            Cell::Brand,
            list(text(roles.brands))
                .into_iter()
                .next()
                .unwrap_or_default(),
        );
        if kind != ItemKind::Parent {
            let stock = text(roles.stock);
            let not_stated = stock.is_empty() || stock.eq_ignore_ascii_case("parent");
            let quantity = match (not_stated, text(roles.in_stock)) {
                (false, _) => stock,
                (true, "0") => "0",
                (true, _) => "",
            };
            put(Cell::Quantity, quantity.to_owned());
        }
        for Attribute { name, values } in &roles.attributes {
            let name = unguarded(record.cell(*name));
            let values = list(unguarded(record.cell(*values)));
            if let Some(position) = roles.attribute_cell(name, kind == ItemKind::Variant)
                && !values.is_empty()
            {
                cells[position] = values.join("|");
            }
        }
        cells
    }

    /// Whether the price is the sale price.
    fn put_prices(&self, record: &Record, cells: &mut [String], tally: &mut Tally) -> bool {
        let text =
            |position: Option<usize>| position.map_or("", |place| unguarded(record.cell(place)));
        if !cells[Cell::Price as usize].is_empty() {
            // The seller mapped a column to the price.
            return false;
        }
        let (regular, mut sale) = (text(self.roles.regular_price), text(self.roles.sale_price));
        let dated = [self.roles.sale_starts, self.roles.sale_ends]
            .into_iter()
            .any(|position| !text(position).is_empty());
        if !sale.is_empty() && dated {
            tally.dated_sales += 1;
            tally.first_dated.get_or_insert(record.line);
            sale = "";
        }
        let on_sale = !sale.is_empty();
        let (price, compare_at) = if on_sale {
            (sale, regular)
        } else {
            (regular, "")
        };
        cells[Cell::Price as usize] = price.to_owned();
        cells[Cell::CompareAtPrice as usize] = compare_at.to_owned();
        on_sale
    }

    fn at(&self, issue: Issue, record: &Record, position: Option<usize>) -> Issue {
        issue.at(
            &self.table.source.name,
            record.line,
            position.map(|position| self.table.header.names[position].as_str()),
            position.map(|position| record.cell(position)),
        )
    }
}

impl Tally {
    fn issues(&self, table: &Table) -> Vec<Issue> {
        let mut issues = Vec::new();
        if let Some((line, key)) = &self.first_key {
            issues.push(table.row_issue(
                Issue::note(
                    "sku_from_id",
                    format!("{} products have no SKU and are known by their ID, such as {key}", self.keys_made),
                )
                .hint("give them a SKU in WooCommerce; an ID changes when a product is imported anew"),
                *line,
            ));
        }
        if let Some(line) = self.first_dated {
            issues.push(table.row_issue(
                Issue::warning(
                    "sale_dates_not_applied",
                    format!("{} sale prices have dates; the regular price is used for them", self.dated_sales),
                )
                .hint("clear the dates to use a sale price now, or state the price in a column of its own"),
                line,
            ));
        }
        if let Some(line) = self.first_left_out {
            let types: Vec<String> = self
                .left_out
                .iter()
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            issues.push(table.row_issue(
                Issue::note(
                    "type_left_out",
                    format!(
                        "products that are not goods of their own are left out: {}",
                        types.join(", ")
                    ),
                ),
                line,
            ));
        }
        issues
    }
}

fn product_type(roles: &Roles, record: &Record) -> ProductType {
    let text = roles
        .product_type
        .map_or("", |position| record.cell(position))
        .to_lowercase();
    let mut other = None;
    for word in text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
    {
        match word {
            "simple" => return ProductType::Simple,
            "variable" => return ProductType::Variable,
            "variation" => return ProductType::Variation,
            "downloadable" | "virtual" => {}
            _ => other = Some(word.to_owned()),
        }
    }
    other.map_or(ProductType::Simple, ProductType::Other)
}

/// The sku of a row and whether it is made from the ID; `None` when the row has neither.
fn sku_of(roles: &Roles, record: &Record) -> Option<(String, bool)> {
    let sku = roles
        .sku
        .map_or("", |position| unguarded(record.cell(position)));
    if !sku.is_empty() {
        return Some((sku.to_owned(), false));
    }
    let id: u64 = roles
        .id
        .and_then(|position| record.cell(position).parse().ok())?;
    Some((format!("id:{id}"), true))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, scan};

    #[test]
    fn variations_find_their_parents_and_options() {
        let seen = scan(
            &open(
                b"\xEF\xBB\xBFID,Type,SKU,Name,Published,Description,In stock?,Stock,Weight (lbs),Sale price,Regular price,Categories,Images,Parent,Attribute 1 name,Attribute 1 value(s)\n\
                7,variation,V1,,1,,1,4,,8,10,,,id:9,Color,Red\n\
                8,variation,,,1,,0,parent,,,10,,,P,Color,Blue\n\
                9,variable,P,Shirt,'-1,a\\nb,1,,.5,,,\"Tops > Tees\\, new, Sale\",\"a.jpg, b.jpg\",,Color,\"Red, Blue\"\n\
                10,\"simple, downloadable, virtual\",S,Song,1,,1,,,,3,,,,Genre,Folk\n\
                11,grouped,G,Set,1,,1,,,,,,,,,\n\
                12,variation,V3,,1,,1,,,,10,,,id:99,Color,Red\n\
                ,simple,,Nothing,1,,1,,,,3,,,,,\n",
            )
            .unwrap(),
        );
        assert_eq!(
            seen.rows(),
            [
                "V1 Variant P",
                "id:8 Variant P",
                "P Parent",
                "S Single",
                "V3 Variant"
            ]
        );
        assert_eq!(
            seen.codes(),
            [
                "7 parent_unknown",
                "8 sku_missing",
                "3 sku_from_id",
                "6 type_left_out"
            ]
        );
        assert_eq!(
            (
                seen.value("V1", "price"),
                seen.value("V1", "compare_at_price")
            ),
            (Some("8"), Some("10"))
        );
        assert_eq!(
            (
                seen.value("V1", "quantity"),
                seen.value("V1", "option:Color")
            ),
            (Some("4"), Some("Red"))
        );
        assert_eq!(
            seen.value("id:8", "quantity"),
            Some("0"),
            "it says that it is not in stock"
        );
        assert_eq!(seen.value("S", "quantity"), None);
        assert_eq!(
            (seen.value("P", "published"), seen.value("P", "description")),
            (Some("-1"), Some("a\nb"))
        );
        assert_eq!(
            (seen.value("P", "category"), seen.value("P", "categories")),
            (Some("Tops > Tees, new"), Some("Tops > Tees, new|Sale"))
        );
        assert_eq!(
            (seen.value("P", "weight"), seen.value("P", "images")),
            (Some("0.5 lb"), Some("a.jpg|b.jpg"))
        );
        assert_eq!(
            (seen.value("P", "attr:Color"), seen.value("S", "attr:Genre")),
            (Some("Red|Blue"), Some("Folk"))
        );
        assert!(seen.item("V3").held.content && !seen.item("V3").held.stock);
        assert_eq!((seen.summary.rows, seen.summary.unreadable), (7, 1));
    }

    #[test]
    fn translated_headers_and_decimal_commas() {
        let seen = scan(
            &open(
                "ID;Typ;Artikelnummer;Name;Veröffentlicht;Lager;Gewicht (kg);Angebotspreis;Regulärer Preis;\"Datum, an dem Angebotspreis endet\"\n\
                 1;simple;A;a;1;5;,5;18,50;20,00;\n2;simple;B;b;1;5;;18,50;20,00;2026-12-24\n3;simple;C;c;1;5;;x;20,00;\n"
                    .as_bytes(),
            )
            .unwrap(),
        );
        assert_eq!(
            seen.codes(),
            [
                "2 decimal_comma_detected",
                "4 number_unreadable",
                "3 sale_dates_not_applied"
            ]
        );
        assert_eq!(
            (seen.value("A", "price"), seen.value("A", "weight")),
            (Some("18.50"), Some("0.5 kg"))
        );
        assert_eq!(
            (
                seen.value("B", "price"),
                seen.value("B", "compare_at_price")
            ),
            (Some("20.00"), None)
        );
        let source = seen.issues[1].source.as_ref().unwrap();
        assert_eq!(source.column.as_deref(), Some("Angebotspreis"));
        assert!(seen.item("C").held.price);
    }
}
