//! Reads the stock file: how many pieces of each sku are where.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::Result;
use crate::domain::fingerprint::Fingerprinter;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::stock::{StockBook, StockLevel};

use super::ReadOptions;
use super::header::Header;
use super::records::{Next, Record, Shape};
use super::source::Source;
use super::table::{Origin, Table, native_column, sku_fault};

/// Reads the native stock file: `sku`, `quantity`, and optionally `location` and `as_of` (RFC 3339).
///
/// A sku with an error in any of its rows gets no level at all: a sum over some of its locations would be a
/// wrong number, and "not stated" leaves the channels as they are. A blank quantity states nothing.
/// `default_as_of` is the moment that rows without `as_of` speak of. `Err` means that the file as a whole
/// cannot be trusted.
pub fn read_stock(
    options: &ReadOptions,
    default_as_of: Timestamp,
    issue: &mut dyn FnMut(Issue),
) -> Result<StockBook> {
    let mut source = Source::open(&options.path, options.encoding.as_deref(), options.known)?;
    std::mem::take(&mut source.issues)
        .into_iter()
        .for_each(&mut *issue);
    let header = Header::read(&source, options.delimiter, issue)?;
    let mapped = header.mapped(&source, &options.columns)?;
    let names: Vec<String> = header
        .names_with(&mapped)
        .iter()
        .map(|name| name.to_lowercase())
        .collect();
    let place = |name: &str| names.iter().position(|header| header == name);
    let (Some(sku), Some(quantity)) = (place("sku"), place("quantity")) else {
        let missing = if place("sku").is_none() {
            "sku"
        } else {
            "quantity"
        };
        return Err(header.not_recognised(&source, "stock", missing));
    };
    let columns = vec![(native_column("quantity"), None)];
    let reader = StockReader {
        sku,
        quantity,
        location: place("location"),
        as_of: place("as_of"),
        default_as_of,
        table: Table::new(source, header, columns, &[quantity], options.decimal, issue)?,
    };
    reader.read(issue)
}

struct StockReader {
    table: Table,
    sku: usize,
    quantity: usize,
    location: Option<usize>,
    as_of: Option<usize>,
    default_as_of: Timestamp,
}

impl StockReader {
    fn read(&self, issue: &mut dyn FnMut(Issue)) -> Result<StockBook> {
        let mut book = StockBook::default();
        let mut locations: HashMap<String, Arc<str>> = HashMap::new();
        let mut untrusted: HashSet<Sku> = HashSet::new();
        let mut records = self.table.records();
        let mut record = Record::default();
        loop {
            let shape = match records.next(&mut record)? {
                Next::End => break,
                Next::UnclosedQuote { line, text } => {
                    issue(self.table.unclosed(line, &text));
                    continue;
                }
                Next::Record(shape) => shape,
            };
            let text = record.cell(self.sku);
            if shape == Shape::Long || (shape == Shape::Short && record.len() <= self.sku) {
                issue(self.table.ragged(shape, &record));
                continue;
            }
            if let Some(fault) = sku_fault(text) {
                issue(self.at(fault, &record, self.sku));
                continue;
            }
            let sku = Sku::new(text);
            let Some(level) = self.level(&sku, shape, &record, &mut locations, issue) else {
                untrusted.insert(sku);
                continue;
            };
            let Some(level) = level else { continue };
            let levels = book.levels.entry(sku.clone()).or_default();
            if levels.iter().any(|other| other.location == level.location) {
                let where_ = level
                    .location
                    .as_deref()
                    .map_or(String::new(), |name| format!(" at {name}"));
                issue(
                    self.at(
                        Issue::error("duplicate_stock", format!("the stock of {sku}{where_} is stated twice"))
                            .hint("keep one row per sku and location; until then this sku's stock is left as it is"),
                        &record,
                        self.sku,
                    )
                    .sku(&sku),
                );
                untrusted.insert(sku);
                continue;
            }
            levels.push(level);
        }
        book.levels.retain(|sku, _| !untrusted.contains(sku));
        let mut print = Fingerprinter::default();
        print
            .text(&String::from(self.table.source.text))
            .text(&format!("{:?}", (self.sku, self.quantity, self.location)))
            .text(&self.table.reading());
        book.text = print.finish();
        Ok(book)
    }

    /// `None` after an error; `Some(None)` when the row states no quantity.
    fn level(
        &self,
        sku: &Sku,
        shape: Shape,
        record: &Record,
        locations: &mut HashMap<String, Arc<str>>,
        issue: &mut dyn FnMut(Issue),
    ) -> Option<Option<StockLevel>> {
        if shape == Shape::Short {
            issue(self.table.ragged(shape, record).sku(sku));
            return None;
        }
        if record.stray_quote {
            issue(self.table.stray(record).sku(sku));
            return None;
        }
        let mut cells = vec![String::new(); self.table.columns.list().len()];
        cells[0] = record.cell(self.quantity).to_owned();
        if cells[0].is_empty() {
            return Some(None);
        }
        let origin = |_| Origin {
            header: &self.table.header.names[self.quantity],
            line: record.line,
        };
        if self.table.check(sku, &mut cells, origin, issue).any() {
            return None;
        }
        // A checked quantity is a whole number below the limit.
        let quantity: u64 = cells[0].parse().ok()?;
        let as_of = match self.as_of.map(|position| (position, record.cell(position))) {
            Some((position, text)) if !text.is_empty() => match text.parse::<Timestamp>() {
                Ok(as_of) => as_of,
                Err(_) => {
                    let fault = Issue::error(
                        "as_of_unreadable",
                        "the moment is not a time with its offset",
                    )
                    .hint("write it as 2026-11-21T09:15:00Z or 2026-11-21T10:15:00+01:00");
                    issue(self.at(fault, record, position).sku(sku));
                    return None;
                }
            },
            _ => self.default_as_of,
        };
        let location = self
            .location
            .map(|position| record.cell(position))
            .filter(|name| !name.is_empty())
            .map(|name| match locations.get(name) {
                Some(known) => known.clone(),
                None => {
                    let known: Arc<str> = Arc::from(name);
                    locations.insert(name.to_owned(), known.clone());
                    known
                }
            });
        Some(Some(StockLevel {
            location,
            quantity,
            as_of,
        }))
    }

    fn at(&self, issue: Issue, record: &Record, position: usize) -> Issue {
        issue.at(
            &self.table.source.name,
            record.line,
            Some(&self.table.header.names[position]),
            Some(record.cell(position)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Result<StockBook>, Vec<String>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let options = ReadOptions {
            path: file.path().to_owned(),
            ..ReadOptions::default()
        };
        let mut codes = Vec::new();
        let book = read_stock(&options, Timestamp::UNIX_EPOCH, &mut |issue| {
            codes.push(format!(
                "{}:{}",
                issue.source.map_or(0, |source| source.line),
                issue.code
            ));
        });
        (book, codes)
    }

    fn total(book: &StockBook, sku: &str) -> Option<u64> {
        book.levels
            .get(sku)
            .map(|levels| levels.iter().map(|level| level.quantity).sum())
    }

    #[test]
    fn levels_are_kept_per_location_with_their_moment() {
        let (book, codes) = read(
            "SKU,Location,Quantity,as_of\nA,Berlin,5,2026-01-02T03:04:05Z\nA,Oslo,2.0,\nB,,0,\nC,Oslo,,\n",
        );
        let book = book.unwrap();
        assert!(codes.is_empty(), "{codes:?}");
        assert_eq!(total(&book, "A"), Some(7));
        assert_eq!(total(&book, "B"), Some(0));
        assert_eq!(total(&book, "C"), None, "blank is not zero");
        assert_eq!(
            book.levels["A"][0].as_of.to_string(),
            "2026-01-02T03:04:05Z"
        );
        assert_eq!(book.levels["A"][1].as_of, Timestamp::UNIX_EPOCH);
        assert_eq!(book.levels["B"][0].location, None);
    }

    #[test]
    fn a_sku_with_an_error_states_nothing() {
        let (book, codes) = read(
            "sku,location,quantity,as_of\nA,x,1,\nA,y,Nill,\nB,x,1,\nB,x,2,\nC,x,1,yesterday\nD,x,-2,\n,x,1,\nE,x\nF,x,3,\n",
        );
        let book = book.unwrap();
        assert_eq!(
            codes,
            [
                "3:number_placeholder",
                "5:duplicate_stock",
                "6:as_of_unreadable",
                "7:quantity_negative",
                "8:sku_missing",
                "9:row_too_short"
            ]
        );
        assert_eq!(book.levels.len(), 2);
        assert_eq!((total(&book, "D"), total(&book, "F")), (Some(0), Some(3)));
    }

    #[test]
    fn a_file_that_cannot_be_trusted_is_refused() {
        assert!(read("").0.is_err());
        assert!(read("sku,quantity\n").0.is_err());
        assert!(
            read("sku,quantity\nA,1\nB")
                .0
                .unwrap_err()
                .message
                .contains("cut short")
        );
        let error = read("sku,stock\nA,1\n").0.unwrap_err();
        assert!(
            error.hints[1].contains("[stock.columns]\nsku = \"sku\"\nquantity = \"stock\""),
            "{:?}",
            error.hints
        );
    }
}
