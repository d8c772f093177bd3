//! Shopify's product export, with the column names of before and since 2024.
//!
//! Lines with the same handle that follow each other are one product; cells of the product stand on its first
//! line only, and lines without sku, price and option value only add an image. A product with one variant is a
//! single item; with several, a parent whose sku is the handle (`handle:parent` when a variant has that sku)
//! and its variants. A variant without a sku gets the key `handle/value1/value2`, its option values as they are
//! written, or just the handle when it has no options.

mod block;
mod roles;

use crate::domain::Result;
use crate::domain::catalog::{Item, Locator, ScanSummary, Scanned};
use crate::domain::issue::Issue;

use super::header::Header;
use super::numbers::DecimalSeparator;
use super::skus::HashedMap;
use super::source::Source;
use super::table::Table;

pub(super) use roles::recognises;

use block::{Block, Blocks, Tally};
use roles::Roles;

#[derive(Debug)]
pub(super) struct Shopify {
    pub table: Table,
    roles: Roles,
    /// Handles with lines in several places, and the first line of the first place.
    split: HashedMap<u64>,
}

impl Shopify {
    pub fn open(
        source: Source,
        header: Header,
        mapped: &[Option<String>],
        decimal: DecimalSeparator,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let mut roles = Roles::of(&source, &header, mapped)?;
        let mut split = HashedMap::default();
        let mut first_lines = HashedMap::default();
        let mut blocks = Blocks::new(super::records::Records::new(
            &source,
            header.rows_offset,
            header.rows_line,
            header.delimiter,
            Some(header.names.len()),
        ));
        while let Some(block) = blocks.next(&roles)? {
            blocks.damages.clear();
            if let Some(line) = first_lines.insert(block.key(&roles), block.line()) {
                split.entry(block.key(&roles)).or_insert(line);
            }
            for name in block.option_names(&roles) {
                roles.add_option(&name);
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
            split,
        })
    }

    pub fn scan(&self, emit: &mut dyn FnMut(Scanned)) -> Result<ScanSummary> {
        let mut summary = ScanSummary::default();
        let mut tally = Tally::default();
        let mut blocks = Blocks::new(self.table.records());
        loop {
            let block = blocks.next(&self.roles)?;
            for damage in blocks.damages.drain(..) {
                summary.rows += 1;
                summary.unreadable += 1;
                emit(Scanned::Issue(damage.issue(&self.table, &self.roles)));
            }
            let Some(block) = block else { break };
            summary.rows += block.lines.len() as u64;
            let at = block.locator();
            let items = self.items(&block, &mut tally, &mut |issue| emit(Scanned::Issue(issue)));
            for (part, item) in items.into_iter().enumerate() {
                match item {
                    Some(item) => emit(Scanned::Item(
                        item,
                        Locator {
                            part: part as u32,
                            ..at
                        },
                    )),
                    None => summary.unreadable += 1,
                }
            }
        }
        for issue in tally.issues(&self.table) {
            emit(Scanned::Issue(issue));
        }
        Ok(summary)
    }

    pub fn read(&self, at: Locator) -> Result<Option<Item>> {
        let mut blocks = Blocks::new(self.table.records_at(at.offset, at.line));
        let Some(block) = blocks.next(&self.roles)? else {
            return Ok(None);
        };
        let mut items = self.items(&block, &mut Tally::default(), &mut |_| {});
        let part = at.part as usize;
        Ok(if part < items.len() {
            items.swap_remove(part)
        } else {
            None
        })
    }

    /// The items of a product: the parent, when there is one, before its variants; `None` for a variant whose sku
    /// cannot be used.
    fn items(
        &self,
        block: &Block,
        tally: &mut Tally,
        report: &mut dyn FnMut(Issue),
    ) -> Vec<Option<Item>> {
        let first_line = self.split.get(&block.key(&self.roles)).copied();
        block.items(&self.table, &self.roles, first_line, tally, report)
    }
}
