//! What all formats share once their columns have native names: the checks on cells.

use std::sync::Arc;

use crate::domain::catalog::{
    Column, Columns, Held, Item, Locator, Qualifier, STANDARD_COLUMNS, ScanSummary, Scanned,
};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::money::currency;
use crate::domain::rows::{Bits, Rows};
use crate::domain::{Error, Result};

use super::digits::decimal_evidence;
use super::gtin::{is_scientific, read_gtin};
use super::header::Header;
use super::numbers::{DecimalSeparator, Notation, NumberKind, is_plain, read_number};
use super::records::{Next, Record, Records, Shape};
use super::source::Source;

/// Rows that are looked at to learn the decimal separator.
const SAMPLE: usize = 200;

const LONGEST_SKU: usize = 255;

/// What a cell must be, by its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    Currency,
    Number(NumberKind),
    Gtin,
}

pub(super) fn cell_kind(name: &str) -> Option<CellKind> {
    Some(match name {
        "currency" => CellKind::Currency,
        "price" | "compare_at_price" | "cost" => CellKind::Number(NumberKind::Money),
        "quantity" => CellKind::Number(NumberKind::Quantity),
        "weight" => CellKind::Number(NumberKind::Weight),
        "length" | "width" | "height" => CellKind::Number(NumberKind::Length),
        "gtin" => CellKind::Gtin,
        _ => return None,
    })
}

/// A column under its native name: standard names in any letter case, everything else as it is.
pub(super) fn native_column(header: &str) -> Column {
    let mut column = Column::parse(header);
    let lower = column.name.to_lowercase();
    if STANDARD_COLUMNS.contains(&lower.as_str()) {
        column.name = lower;
    } else if let Some((prefix @ ("option" | "attr"), _)) = lower.split_once(':') {
        let name = column.name[prefix.len() + 1..].trim();
        column.name = format!("{prefix}:{name}");
    }
    column
}

/// The place of a cell in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub header: &'a str,
    pub line: u64,
}

/// An open file, its header, and the native columns that its rows are turned into.
#[derive(Debug)]
pub(super) struct Table {
    pub source: Source,
    pub header: Header,
    pub columns: Arc<Columns>,
    /// Columns with a check, currency and price first because other checks depend on them.
    checked: Vec<(usize, CellKind)>,
    /// The unit that a header states for its whole column.
    units: Vec<Option<&'static str>>,
    notation: Notation,
}

/// What one record is.
pub enum Row {
    Item(Item),
    /// Readable, but nothing that is sold as it is.
    LeftOut,
    Unreadable,
}

impl Table {
    /// `columns` come in the order of an item's cells; `numbers` are the number columns of the file itself.
    pub fn new(
        source: Source,
        header: Header,
        mut columns: Vec<(Column, Option<&'static str>)>,
        numbers: &[usize],
        decimal: DecimalSeparator,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let notation = settle_notation(&source, &header, numbers, decimal, issue)?;
        let is_currency =
            |column: &Column| column.name == "currency" && column.qualifier == Qualifier::None;
        if notation.stated && !columns.iter().any(|(column, _)| is_currency(column)) {
            // Holds the code that is written beside a price.
            columns.push((native_column("currency"), None));
        }
        let units = columns.iter().map(|(_, unit)| *unit).collect();
        let columns = Arc::new(Columns::new(
            columns.into_iter().map(|(column, _)| column).collect(),
        ));
        let mut checked: Vec<(usize, CellKind)> = columns
            .list()
            .iter()
            .enumerate()
            // A column that is there twice counts once.
            .filter(|(position, column)| {
                columns.find(&column.name, column.qualifier.clone()) == Some(*position)
            })
            .filter_map(|(position, column)| Some((position, cell_kind(&column.name)?)))
            .collect();
        checked.sort_by_key(|&(position, kind)| {
            let column = &columns.list()[position];
            (
                kind != CellKind::Currency,
                column.name != "price" || column.qualifier != Qualifier::None,
            )
        });
        Ok(Self {
            source,
            header,
            columns,
            checked,
            units,
            notation,
        })
    }

    /// Reads the file's rows from the first one.
    pub fn records(&self) -> Records<'_> {
        self.records_at(self.header.rows_offset, self.header.rows_line)
    }

    pub fn records_at(&self, offset: u64, line: u64) -> Records<'_> {
        Records::new(
            &self.source,
            offset,
            line,
            self.header.delimiter,
            Some(self.header.names.len()),
        )
    }

    /// Checks and normalises the cells of one item. A cell with an error becomes blank, and what depends on it is
    /// held back.
    pub fn check<'a>(
        &self,
        sku: &Sku,
        cells: &mut [String],
        origin: impl Fn(usize) -> Origin<'a>,
        report: &mut dyn FnMut(Issue),
    ) -> Held {
        let mut held = Held::default();
        for &(position, kind) in &self.checked {
            if cells[position].is_empty() {
                continue;
            }
            let Checked { text, issue } = match kind {
                CellKind::Currency => check_currency(&cells[position]),
                CellKind::Gtin => check_gtin(&cells[position]),
                CellKind::Number(kind) => self.check_number(position, kind, cells),
            };
            let raw = match text {
                Some(text) => std::mem::replace(&mut cells[position], text),
                None => continue,
            };
            let Some(issue) = issue else { continue };
            if issue.is_error() {
                hold(&mut held, kind);
            }
            let Origin { header, line } = origin(position);
            report(
                issue
                    .sku(sku)
                    .field(self.columns.list()[position].name.clone())
                    .at(&self.source.name, line, Some(header), Some(&raw)),
            );
        }
        held
    }

    fn check_number(&self, position: usize, kind: NumberKind, cells: &mut [String]) -> Checked {
        let text = &cells[position];
        if self.units[position].is_none() && is_plain(text, kind, self.notation) {
            return Checked::KEPT;
        }
        let currency_at = self.currency_beside(position);
        let row_currency = currency_at
            .filter(|_| kind == NumberKind::Money)
            .and_then(|place| currency(&cells[place]));
        let with_unit;
        let text = match self.units[position] {
            Some(unit) if text.ends_with(|c: char| c.is_ascii_digit()) => {
                with_unit = format!("{text} {unit}");
                &with_unit
            }
            _ => text,
        };
        let number = match read_number(text, kind, self.notation, row_currency) {
            Ok(number) => number,
            Err(fault) => {
                return Checked::refused(Issue::error(fault.code, fault.message).hint(fault.hint));
            }
        };
        if let Some(written) = number.currency {
            match (row_currency, currency_at) {
                (Some(stated), _) if stated == written => {}
                (None, Some(place)) if cells[place].is_empty() => {
                    let code = written.code().to_owned();
                    let text = number.text.into_owned();
                    cells[place] = code;
                    return Checked::read(text);
                }
                _ => {
                    let stated = row_currency.map_or("no currency", |currency| currency.code());
                    return Checked::refused(
                        Issue::error(
                            "currency_mismatch",
                            format!(
                                "the amount is in {}, but the row states {stated}",
                                written.code()
                            ),
                        )
                        .hint("correct the currency column, or the code beside the amount"),
                    );
                }
            }
        }
        if number.oversold {
            return Checked {
                text: Some(number.text.into_owned()),
                issue: Some(
                    Issue::warning(
                        "quantity_negative",
                        "the quantity is below zero and is read as 0",
                    )
                    .hint(
                        "more was sold than was there; nothing is offered until it is above zero",
                    ),
                ),
            };
        }
        match number.text {
            std::borrow::Cow::Borrowed(same) if same.len() == cells[position].len() => {
                Checked::KEPT
            }
            text => Checked::read(text.into_owned()),
        }
    }

    /// The currency column that speaks for an amount: of the same channel or locale, else of the whole row.
    fn currency_beside(&self, position: usize) -> Option<usize> {
        let qualifier = &self.columns.list()[position].qualifier;
        self.checked
            .iter()
            .take_while(|(_, kind)| *kind == CellKind::Currency)
            .map(|(place, _)| *place)
            .filter(|&place| {
                let own = &self.columns.list()[place].qualifier;
                own == qualifier || *own == Qualifier::None
            })
            .max_by_key(|&place| self.columns.list()[place].qualifier == *qualifier)
    }

    /// An issue about a whole row.
    pub fn row_issue(&self, issue: Issue, line: u64) -> Issue {
        issue.at(&self.source.name, line, None, None)
    }

    /// The issue for a record whose number of cells is wrong.
    pub fn ragged(&self, shape: Shape, record: &Record) -> Issue {
        let expected = self.header.names.len();
        let found = record.len();
        let (code, hint) = match shape {
            Shape::Long => (
                "row_too_long",
                "a cell with the delimiter in it must be quoted; until then the row is left out",
            ),
            _ => (
                "row_too_short",
                "cells are missing, so the others may stand under the wrong header; nothing of this row is sent",
            ),
        };
        let issue = Issue::error(
            code,
            format!("the row has {found} cells, the header {expected}"),
        )
        .hint(hint);
        self.row_issue(issue, record.line)
    }

    /// Shows every record, in a file whose records are items each on their own, and counts what cannot be read.
    pub fn scan(
        &self,
        emit: &mut dyn FnMut(Scanned),
        mut read: impl FnMut(Shape, &Record, &mut dyn FnMut(Issue)) -> Row,
    ) -> Result<ScanSummary> {
        let mut summary = ScanSummary::default();
        let mut records = self.records();
        let mut record = Record::default();
        loop {
            let shape = match records.next(&mut record)? {
                Next::End => return Ok(summary),
                Next::UnclosedQuote { line, text } => {
                    summary.rows += 1;
                    summary.unreadable += 1;
                    emit(Scanned::Issue(self.unclosed(line, &text)));
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
            match read(shape, &record, &mut |issue| emit(Scanned::Issue(issue))) {
                Row::Item(item) => emit(Scanned::Item(item, at)),
                Row::LeftOut => {}
                Row::Unreadable => summary.unreadable += 1,
            }
        }
    }

    /// Shows the marked ones of a file's rows. Fails when the file no longer holds them.
    pub fn scan_rows(
        &self,
        rows: &Rows,
        marked: &Bits,
        emit: &mut dyn FnMut(Scanned),
        mut read: impl FnMut(Shape, &Record, &mut dyn FnMut(Issue)) -> Option<Item>,
    ) -> Result<()> {
        let mut records = self.records();
        let mut record = Record::default();
        let (mut offset, mut line) = (records.offset, records.line);
        for (row, print) in rows.prints.iter().enumerate() {
            if marked.get(row) {
                records.move_to(offset, line);
                let Next::Record(shape) = records.next(&mut record)? else {
                    return Err(records.changed());
                };
                let at = Locator {
                    offset: record.offset,
                    line: record.line,
                    part: 0,
                };
                let item = read(shape, &record, &mut |issue| emit(Scanned::Issue(issue)))
                    .filter(|item| item.sku.as_str() == rows.sku(row))
                    .ok_or_else(|| records.changed())?;
                emit(Scanned::Item(item, at));
            }
            offset += u64::from(print.span);
            line += u64::from(print.lines);
        }
        Ok(())
    }

    /// Everything beside a row's bytes that says how it is read.
    pub fn reading(&self) -> String {
        format!(
            "{:?}",
            (
                &self.header.names,
                self.header.delimiter,
                self.columns.list(),
                &self.checked,
                &self.units,
                self.notation,
            )
        )
    }

    /// The issue for a quote that does not end, at the line where it begins.
    pub fn unclosed(&self, line: u64, text: &str) -> Issue {
        Issue::error("unclosed_quote", "a quote in this row is not closed")
            .hint("close the quote, and write a quote inside a quoted cell twice; reading went on in the next line")
            .at(&self.source.name, line, None, Some(text))
    }

    /// The issue for text behind a closing quote; it names the first cell that shows a quote.
    pub fn stray(&self, record: &Record) -> Issue {
        let position = record.cells().position(|cell| cell.contains('"'));
        let column = position.and_then(|position| self.header.names.get(position));
        Issue::error(
            "stray_quote",
            "a quoted cell goes on behind its closing quote",
        )
        .hint("write a quote inside a quoted cell twice: \"28\"\" wheel\"")
        .at(
            &self.source.name,
            record.line,
            column.map(String::as_str),
            position.map(|position| record.cell(position)),
        )
    }
}

/// What a check made of a cell.
struct Checked {
    /// The text that replaces the cell; `None` leaves it as it is.
    text: Option<String>,
    issue: Option<Issue>,
}

impl Checked {
    const KEPT: Self = Self {
        text: None,
        issue: None,
    };

    fn read(text: String) -> Self {
        Self {
            text: Some(text),
            issue: None,
        }
    }

    fn refused(issue: Issue) -> Self {
        Self {
            text: Some(String::new()),
            issue: Some(issue),
        }
    }
}

fn hold(held: &mut Held, kind: CellKind) {
    match kind {
        CellKind::Currency | CellKind::Number(NumberKind::Money) => held.price = true,
        CellKind::Number(NumberKind::Quantity) => held.stock = true,
        CellKind::Number(NumberKind::Weight | NumberKind::Length) | CellKind::Gtin => {
            held.content = true
        }
    }
}

fn check_currency(text: &str) -> Checked {
    match currency(text) {
        Some(known) if known.code() == text => Checked::KEPT,
        Some(known) => Checked::read(known.code().to_owned()),
        None => Checked::refused(
            Issue::error(
                "currency_unknown",
                format!("`{text}` is not an ISO 4217 currency"),
            )
            .hint("write its three letters, such as EUR, USD or SEK"),
        ),
    }
}

fn check_gtin(text: &str) -> Checked {
    match read_gtin(text) {
        Ok(digits) if digits == text => Checked::KEPT,
        Ok(digits) => Checked::read(digits),
        Err(fault) => Checked::refused(Issue::error(fault.code, fault.message).hint(fault.hint)),
    }
}

/// Why a text cannot be a sku: the code, what it is, and what to do.
pub(super) fn sku_fault(text: &str) -> Option<Issue> {
    let fault =
        |code: &str, message: &str, hint: &str| Some(Issue::error(code, message).hint(hint));
    if text.is_empty() {
        return fault(
            "sku_missing",
            "the row has no sku",
            "give the row a sku of its own; a row without one is left out",
        );
    }
    if matches!(
        text,
        "#REF!" | "#VALUE!" | "#N/A" | "#NAME?" | "#DIV/0!" | "#NUM!" | "#NULL!"
    ) {
        return fault(
            "sku_spreadsheet_error",
            "the sku is an error that the spreadsheet wrote",
            "repair the formula in the spreadsheet",
        );
    }
    if is_scientific(text) {
        return fault(
            "sku_scientific",
            "the spreadsheet destroyed this sku: its last digits are gone",
            "format the column as text and enter the sku again",
        );
    }
    if text.chars().any(char::is_control) {
        return fault(
            "sku_control_character",
            "the sku holds a line break, a tab or another control character",
            "write the sku on one line",
        );
    }
    if text.chars().count() > LONGEST_SKU {
        return fault(
            "sku_too_long",
            "the sku is longer than 255 characters",
            "is this the right column, and is every quote before it closed?",
        );
    }
    None
}

/// The notation that is stated, or that the first rows show; `Err` when there are no rows at all.
fn settle_notation(
    source: &Source,
    header: &Header,
    numbers: &[usize],
    decimal: DecimalSeparator,
    issue: &mut dyn FnMut(Issue),
) -> Result<Notation> {
    let mut records = Records::new(
        source,
        header.rows_offset,
        header.rows_line,
        header.delimiter,
        Some(header.names.len()),
    );
    let mut record = Record::default();
    let mut comma = None;
    let mut point = false;
    for row in 0..SAMPLE {
        match records.next(&mut record)? {
            Next::End if row == 0 => {
                return Err(
                    Error::config(format!("{} has a header but no rows", source.name))
                        .hint("export the file again; nothing is written from an empty file"),
                );
            }
            Next::End => break,
            Next::Record(Shape::Whole) => {}
            Next::Record(_) | Next::UnclosedQuote { .. } => continue,
        }
        for &position in numbers {
            match decimal_evidence(record.cell(position)) {
                Some(',') if comma.is_none() => {
                    comma = Some((record.line, position, record.cell(position).to_owned()));
                }
                Some('.') => point = true,
                _ => {}
            }
        }
    }
    Ok(match (decimal, comma) {
        (DecimalSeparator::Point, _) => Notation {
            decimal: '.',
            stated: true,
        },
        (DecimalSeparator::Comma, _) => Notation {
            decimal: ',',
            stated: true,
        },
        (DecimalSeparator::Auto, Some((line, position, value))) if !point => {
            issue(
                Issue::note(
                    "decimal_comma_detected",
                    "the file's numbers are read with a decimal comma",
                )
                .hint("state `decimal = \"comma\"` or `decimal = \"point\"` to settle it")
                .at(
                    &source.name,
                    line,
                    Some(&header.names[position]),
                    Some(&value),
                ),
            );
            Notation {
                decimal: ',',
                stated: false,
            }
        }
        (DecimalSeparator::Auto, _) => Notation {
            decimal: '.',
            stated: false,
        },
    })
}
