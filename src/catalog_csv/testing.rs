//! What the tests of all formats share.

use super::*;
use crate::domain::catalog::Catalog;

pub(super) fn open(bytes: &[u8]) -> Result<CsvCatalog> {
    open_with(bytes, |_| {})
}

pub(super) fn open_with(bytes: &[u8], change: impl FnOnce(&mut ReadOptions)) -> Result<CsvCatalog> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut options = ReadOptions {
        path: file.path().to_owned(),
        ..ReadOptions::default()
    };
    change(&mut options);
    CsvCatalog::open(&options)
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub items: Vec<(Item, Locator)>,
    pub issues: Vec<Issue>,
    pub summary: ScanSummary,
}

pub(super) fn scan(catalog: &CsvCatalog) -> Seen {
    let mut seen = Seen::default();
    seen.summary = catalog
        .scan(&mut |scanned| match scanned {
            Scanned::Item(item, at) => seen.items.push((item, at)),
            Scanned::Issue(issue) => seen.issues.push(issue),
        })
        .unwrap();
    seen
}

impl Seen {
    /// `line code` of every issue.
    pub fn codes(&self) -> Vec<String> {
        let line = |issue: &Issue| issue.source.as_ref().map_or(0, |source| source.line);
        self.issues
            .iter()
            .map(|issue| format!("{} {}", line(issue), issue.code))
            .collect()
    }

    /// `sku kind` or `sku kind parent` of every item.
    pub fn rows(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|(item, _)| match &item.parent_sku {
                Some(parent) => format!("{} {:?} {parent}", item.sku, item.kind),
                None => format!("{} {:?}", item.sku, item.kind),
            })
            .collect()
    }

    pub fn item(&self, sku: &str) -> &Item {
        &self
            .items
            .iter()
            .find(|(item, _)| item.sku.as_str() == sku)
            .unwrap()
            .0
    }

    pub fn value(&self, sku: &str, column: &str) -> Option<&str> {
        self.item(sku).value(column)
    }
}
