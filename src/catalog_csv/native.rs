//! skucast's own catalog layout: one row per sku, any columns beside the standard ones.

use std::sync::OnceLock;

use crate::domain::Result;
use crate::domain::catalog::{
    Column, Held, Item, ItemKind, Locator, Qualifier, ScanSummary, Scanned,
};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::rows::{Bits, HashedMap, Rows, exact_hash};

use super::header::Header;
use super::numbers::DecimalSeparator;
use super::records::{Next, Record, Shape};
use super::source::Source;
use super::table::{CellKind, Origin, Row, Table, cell_kind, native_column, sku_fault};

#[derive(Debug)]
pub(super) struct Native {
    pub table: Table,
    pub sku: usize,
    pub parent_sku: Option<usize>,
    /// Hashes of every sku that a `parent_sku` cell names: such a row is a parent, wherever it stands. Known once
    /// all rows were read.
    pub parents: OnceLock<HashedMap<()>>,
}

/// Whether the header, with its mapped names, is a native one.
pub(super) fn recognises(names: &[String]) -> bool {
    names
        .iter()
        .any(|name| is_plain(&native_column(name), "sku"))
}

fn is_plain(column: &Column, name: &str) -> bool {
    column.name == name && column.qualifier == Qualifier::None
}

impl Native {
    pub fn open(
        source: Source,
        header: Header,
        mapped: &[Option<String>],
        decimal: DecimalSeparator,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let columns: Vec<Column> = header
            .names_with(mapped)
            .iter()
            .map(|name| native_column(name))
            .collect();
        let place = |name: &str| columns.iter().position(|column| is_plain(column, name));
        let Some(sku) = place("sku") else {
            return Err(header.not_recognised(&source, "catalog", "sku"));
        };
        let parent_sku = place("parent_sku");
        for ours in ["title", "price", "quantity"] {
            if !columns.iter().any(|column| column.name == ours) {
                header
                    .not_used(&source, ours)
                    .into_iter()
                    .for_each(&mut *issue);
            }
        }
        let numbers: Vec<usize> = (0..columns.len())
            .filter(|&position| {
                matches!(
                    cell_kind(&columns[position].name),
                    Some(CellKind::Number(_))
                )
            })
            .collect();
        let columns = columns.into_iter().map(|column| (column, None)).collect();
        Ok(Self {
            table: Table::new(source, header, columns, &numbers, decimal, issue)?,
            sku,
            parent_sku,
            parents: OnceLock::new(),
        })
    }

    fn parents(&self) -> Result<&HashedMap<()>> {
        if let Some(parents) = self.parents.get() {
            return Ok(parents);
        }
        let found = self.find_parents()?;
        Ok(self.parents.get_or_init(|| found))
    }

    fn find_parents(&self) -> Result<HashedMap<()>> {
        let mut parents = HashedMap::default();
        let Some(parent_sku) = self.parent_sku else {
            return Ok(parents);
        };
        let mut records = self.table.records();
        let mut record = Record::default();
        loop {
            match records.next(&mut record)? {
                Next::End => return Ok(parents),
                Next::UnclosedQuote { .. } => {}
                Next::Record(_) => {
                    let parent = record.cell(parent_sku);
                    if !parent.is_empty() && parent != record.cell(self.sku) {
                        parents.insert(exact_hash(parent), ());
                    }
                }
            }
        }
    }

    pub fn scan(&self, emit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        let parents = self.parents()?;
        self.table.scan(emit, |shape, record, issue| {
            self.item(parents, shape, record, issue)
                .map_or(Row::Unreadable, Row::Item)
        })
    }

    /// Shows the marked rows alone.
    pub fn scan_rows(
        &self,
        rows: &Rows,
        marked: &Bits,
        emit: &mut dyn FnMut(Scanned),
    ) -> Result<()> {
        if marked.count() == 0 {
            return Ok(());
        }
        let parents = self.parents()?;
        self.table
            .scan_rows(rows, marked, emit, |shape, record, issue| {
                self.item(parents, shape, record, issue)
            })
    }

    /// The item that begins at a place which a scan gave.
    pub fn read(&self, at: Locator) -> Result<Option<Item>> {
        let parents = self.parents()?;
        let mut record = Record::default();
        Ok(
            match self
                .table
                .records_at(at.offset, at.line)
                .next(&mut record)?
            {
                Next::Record(shape) => self.item(parents, shape, &record, &mut |_| {}),
                _ => None,
            },
        )
    }

    /// `None`, with an issue, when the row's sku cannot be known.
    fn item(
        &self,
        parents: &HashedMap<()>,
        shape: Shape,
        record: &Record,
        report: &mut dyn FnMut(Issue),
    ) -> Option<Item> {
        let text = record.cell(self.sku);
        let ragged = (shape != Shape::Whole).then(|| self.table.ragged(shape, record));
        if let Some(issue) = &ragged
            && (shape == Shape::Long || record.len() <= self.sku)
        {
            report(issue.clone());
            return None;
        }
        let header = |position: usize| {
            self.table
                .header
                .names
                .get(position)
                .map_or("", String::as_str)
        };
        if let Some(issue) = sku_fault(text) {
            report(issue.field("sku").at(
                &self.table.source.name,
                record.line,
                Some(header(self.sku)),
                Some(text),
            ));
            return None;
        }
        let sku = Sku::new(text);
        let mut cells: Vec<String> = (0..self.table.columns.list().len())
            .map(|position| record.cell(position).to_owned())
            .collect();
        let origin = |position: usize| Origin {
            header: header(position),
            line: record.line,
        };
        let mut held = self.table.check(&sku, &mut cells, origin, report);
        if let Some(issue) = ragged {
            report(issue.sku(&sku));
            held = Held::ALL;
        }
        if record.stray_quote {
            report(self.table.stray(record).sku(&sku));
            held.content = true;
        }
        let parent_sku = self.parent_sku.map_or("", |position| record.cell(position));
        let kind = if parents.contains_key(&exact_hash(text)) {
            ItemKind::Parent
        } else if parent_sku.is_empty() || parent_sku == text {
            ItemKind::Single
        } else {
            ItemKind::Variant
        };
        if parent_sku == text || (kind == ItemKind::Parent && !parent_sku.is_empty()) {
            held.content = true;
            let message = if parent_sku == text {
                "the row names itself as its parent"
            } else {
                "a parent cannot be a variant of another one"
            };
            report(
                Issue::error("parent_sku_wrong", message)
                    .hint("leave `parent_sku` blank on the parent's own row")
                    .sku(&sku)
                    .field("parent_sku")
                    .at(
                        &self.table.source.name,
                        record.line,
                        self.parent_sku.map(header),
                        Some(parent_sku),
                    ),
            );
        }
        Some(Item {
            parent_sku: (kind == ItemKind::Variant).then(|| Sku::new(parent_sku)),
            sku,
            kind,
            held,
            file: self.table.source.name.clone(),
            line: record.line,
            columns: self.table.columns.clone(),
            cells,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, open_with, scan};
    use super::*;

    fn held(price: bool, stock: bool, content: bool) -> Held {
        Held {
            price,
            stock,
            content,
        }
    }

    #[test]
    fn good_rows_go_on_and_an_error_holds_back_what_it_must() {
        let seen = scan(
            &open(
                b"SKU ; Title;Price;quantity;gtin;weight;shelf\n\
                A;a;12.50;3;4006381333931;2 kg;7\n\
                B;b;Nill;3;;;\n\
                C;c;1;2.5;;;\n\
                D;d;1;-4;4.00638E+12;;\n\
                ;e;1;1;;;\n\
                F;f;1;1;;\n\
                G;g;1;1;;;;extra\n\
                H;\"h;1;1;;;\n\
                #REF!;i;1;1;;;\n\
                J;j;1.234,56 EUR;1;;;\n",
            )
            .unwrap(),
        );
        assert_eq!(
            seen.codes(),
            [
                "3 number_placeholder",
                "4 quantity_fraction",
                "5 quantity_negative",
                "5 gtin_scientific",
                "6 sku_missing",
                "7 row_too_short",
                "8 row_too_long",
                "9 unclosed_quote",
                "10 sku_spreadsheet_error",
                "11 number_not_plain"
            ]
        );
        let issue = &seen.issues[0];
        let source = issue.source.as_ref().unwrap();
        assert_eq!(
            (source.column.as_deref(), source.value.as_deref()),
            (Some("Price"), Some("Nill"))
        );
        assert_eq!(issue.sku.as_ref().unwrap().as_str(), "B");
        assert!(seen.issues.iter().all(|issue| issue.hint.is_some()));
        let held_of = |sku| seen.item(sku).held;
        assert_eq!(held_of("A"), Held::default());
        assert_eq!(held_of("B"), held(true, false, false));
        assert_eq!(held_of("C"), held(false, true, false));
        assert_eq!(held_of("D"), held(false, false, true));
        assert_eq!(held_of("F"), Held::ALL);
        assert_eq!(held_of("J"), held(true, false, false));
        assert_eq!(seen.value("B", "price"), None);
        assert_eq!(seen.value("D", "quantity"), Some("0"));
        assert_eq!(seen.value("D", "gtin"), None);
        assert_eq!(seen.value("A", "shelf"), Some("7"));
        assert_eq!((seen.summary.rows, seen.summary.unreadable), (10, 4));
    }

    #[test]
    fn parents_are_told_by_their_variants_wherever_they_stand() {
        let seen = scan(&open(b"sku,parent_sku,title\nV,P,\nP,,p\nS,,s\nX,X,x\n").unwrap());
        assert_eq!(
            seen.rows(),
            ["V Variant P", "P Parent", "S Single", "X Single"]
        );
        assert_eq!(seen.codes(), ["5 parent_sku_wrong"]);
    }

    #[test]
    fn the_decimal_comma_of_a_file_is_found_and_said_once() {
        let seen = scan(
            &open(
                b"sku;price;price@amazon-de;weight\nA;12,50;13,5;0,250 kg\nB;7;8;2\nC;1,234;9;3\n",
            )
            .unwrap(),
        );
        assert_eq!(
            seen.codes(),
            ["2 decimal_comma_detected", "4 number_ambiguous"]
        );
        assert_eq!(seen.value("A", "price"), Some("12.50"));
        assert_eq!(seen.value("A", "weight"), Some("0.25 kg"));
        let item = seen.item("A");
        let position = item
            .columns
            .find("price", Qualifier::Channel("amazon-de".into()))
            .unwrap();
        assert_eq!(item.cell(position), Some("13.5"));
        let mixed = scan(&open(b"sku;price\nA;12,50\nB;7.50\n").unwrap());
        assert_eq!(mixed.codes(), ["2 number_separator"]);
    }

    #[test]
    fn with_a_stated_separator_the_currency_beside_a_price_counts() {
        let comma = |text: &str| {
            scan(
                &open_with(text.as_bytes(), |options| {
                    options.decimal = DecimalSeparator::Comma
                })
                .unwrap(),
            )
        };
        let seen = comma("sku;price\nA;1.234,56 EUR\nB;SEK 2.000,00\nC;5\n");
        assert!(seen.issues.is_empty(), "{:?}", seen.codes());
        assert_eq!(
            (seen.value("A", "price"), seen.value("A", "currency")),
            (Some("1234.56"), Some("EUR"))
        );
        assert_eq!(seen.value("B", "currency"), Some("SEK"));
        assert_eq!(seen.value("C", "currency"), None);
        let seen = comma("sku;price;currency\nA;5 EUR;SEK\nB;5 EUR;eur\nC;5;EURO\n");
        assert_eq!(seen.codes(), ["2 currency_mismatch", "4 currency_unknown"]);
        assert_eq!(seen.value("B", "currency"), Some("EUR"));
        assert!(seen.item("C").held.price);
    }

    #[test]
    fn a_column_that_may_be_meant_is_named_and_not_used() {
        let seen = scan(&open(b"sku,final_price,qty,colour\nA,5,1,red\n").unwrap());
        assert_eq!(seen.codes(), ["1 column_not_used", "1 column_not_used"]);
        assert!(
            seen.issues[0]
                .hint
                .as_deref()
                .unwrap()
                .contains("price = \"final_price\"")
        );
        assert_eq!(seen.value("A", "price"), None);
    }

    #[test]
    fn foreign_headers_are_mapped() {
        let catalog = open_with(b"SKU Code,sku,MRP\nA,x,5\n", |options| {
            options.columns = [("sku", "SKU Code"), ("price", "MRP")]
                .map(|(ours, header)| (ours.to_owned(), header.to_owned()))
                .into();
        });
        let seen = scan(&catalog.unwrap());
        assert_eq!(seen.value("A", "price"), Some("5"));
        assert_eq!(seen.value("A", "sku (not mapped)"), Some("x"));
    }
}
