//! skucast's own catalog layout: one row per sku, any columns beside the standard ones.

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::Result;
use crate::domain::catalog::{
    Column, Held, Item, ItemKind, Locator, Qualifier, ScanSummary, Scanned,
};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;

use super::header::Header;
use super::numbers::DecimalSeparator;
use super::records::{Next, Record, Shape};
use super::skus::HashedMap;
use super::source::Source;
use super::table::{CellKind, Origin, Table, cell_kind, native_column, sku_fault};

#[derive(Debug)]
pub(super) struct Native {
    pub table: Table,
    sku: usize,
    parent_sku: Option<usize>,
    /// Hashes of every sku that a `parent_sku` cell names: such a row is a parent, wherever it stands.
    parents: HashedMap<()>,
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
        let numbers: Vec<usize> = (0..columns.len())
            .filter(|&position| {
                matches!(
                    cell_kind(&columns[position].name),
                    Some(CellKind::Number(_))
                )
            })
            .collect();
        let columns = columns.into_iter().map(|column| (column, None)).collect();
        let mut native = Self {
            table: Table::new(source, header, columns, &numbers, decimal, issue)?,
            sku,
            parent_sku,
            parents: HashedMap::default(),
        };
        native.find_parents()?;
        Ok(native)
    }

    fn find_parents(&mut self) -> Result<()> {
        let Some(parent_sku) = self.parent_sku else {
            return Ok(());
        };
        let mut records = self.table.records();
        let mut record = Record::default();
        loop {
            match records.next(&mut record)? {
                Next::End => return Ok(()),
                Next::UnclosedQuote { .. } => {}
                Next::Record(_) => {
                    let parent = record.cell(parent_sku);
                    if !parent.is_empty() && parent != record.cell(self.sku) {
                        self.parents.insert(xxh3_64(parent.as_bytes()), ());
                    }
                }
            }
        }
    }

    pub fn scan(&self, emit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        let mut summary = ScanSummary::default();
        let mut records = self.table.records();
        let mut record = Record::default();
        loop {
            let shape = match records.next(&mut record)? {
                Next::End => return Ok(summary),
                Next::UnclosedQuote { line, text } => {
                    summary.rows += 1;
                    summary.unreadable += 1;
                    emit(Scanned::Issue(self.table.unclosed(line, &text)));
                    continue;
                }
                Next::Record(shape) => shape,
            };
            summary.rows += 1;
            let at = Locator {
                offset: record.offset,
                line: record.line,
                part: 0,
            };
            match self.item(shape, &record, &mut |issue| emit(Scanned::Issue(issue))) {
                Some(item) => emit(Scanned::Item(item, at)),
                None => summary.unreadable += 1,
            }
        }
    }

    /// The item that begins at a place which a scan gave.
    pub fn read(&self, at: Locator) -> Result<Option<Item>> {
        let mut record = Record::default();
        Ok(
            match self
                .table
                .records_at(at.offset, at.line)
                .next(&mut record)?
            {
                Next::Record(shape) => self.item(shape, &record, &mut |_| {}),
                _ => None,
            },
        )
    }

    /// `None`, with an issue, when the row's sku cannot be known.
    fn item(&self, shape: Shape, record: &Record, report: &mut dyn FnMut(Issue)) -> Option<Item> {
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
        let kind = if self.parents.contains_key(&xxh3_64(text.as_bytes())) {
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
