//! Splits UTF-8 text into records, with the place of each in the seller's file.
//!
//! The `csv` crate is the measure of how cells are read (a test compares the two on well-formed input), but
//! it cannot do what a seller's file needs: the physical line of every record, and a way on after a quote that
//! was opened and never closed, which would otherwise swallow the rest of the file.

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use crate::domain::rows::{RowPrint, digest};
use crate::domain::{Error, Result};

use super::source::{Source, Window};

/// No record is longer than this; a longer one is a quote that was never closed.
const LONGEST_RECORD: usize = 4 << 20;

/// One record; reused for the next one.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: String,
    cells: Vec<Range<usize>>,
    /// Where its first line begins in the text.
    pub offset: u64,
    /// Its first physical line.
    pub line: u64,
    /// A quoted cell went on behind its closing quote: `"28" wheel"`.
    pub stray_quote: bool,
    /// Of its bytes, when that is asked for.
    digest: [u64; 2],
}

impl Record {
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// The cell without outer blanks; empty when the record is too short.
    pub fn cell(&self, position: usize) -> &str {
        self.cells
            .get(position)
            .map_or("", |range| self.text[range.clone()].trim())
    }

    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|position| self.cell(position))
    }

    fn is_blank(&self) -> bool {
        self.cells().all(str::is_empty)
    }
}

/// How a record's number of cells compares with the header's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Short,
    Long,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Record(Shape),
    /// The record that starts there has a quote without an end. Reading goes on in the following line.
    UnclosedQuote {
        line: u64,
        /// The beginning of that line.
        text: String,
    },
    End,
}

/// Reads records one after the other. Blank lines, and lines of nothing but empty cells, are skipped.
#[derive(Debug)]
pub(super) struct Records<'a> {
    source: &'a Source,
    reader: BufReader<Window<'a>>,
    delimiter: u8,
    /// Cells per record; `None` accepts any number.
    width: Option<usize>,
    /// Where the next line begins.
    pub offset: u64,
    pub line: u64,
    raw: Vec<u8>,
    /// Whether the bytes of each record are hashed.
    digests: bool,
}

impl<'a> Records<'a> {
    pub fn new(
        source: &'a Source,
        offset: u64,
        line: u64,
        delimiter: u8,
        width: Option<usize>,
    ) -> Self {
        Self {
            source,
            reader: source.reader(offset),
            delimiter,
            width,
            offset,
            line,
            raw: Vec::new(),
            digests: false,
        }
    }

    /// Reads records so that they can be remembered and passed over.
    pub fn with_digests(self) -> Self {
        Self {
            digests: true,
            ..self
        }
    }

    /// Passes over the next record when it is, byte for byte, the remembered one.
    pub fn pass(&mut self, print: &RowPrint) -> Result<bool> {
        let span = print.span as usize;
        let after = self.offset + u64::from(print.span);
        if span == 0 || after > self.source.end {
            return Ok(false);
        }
        let source = self.source;
        // The last row of a file may have had no line end: what stands there now may go on.
        let is_it = |bytes: &[u8]| {
            (bytes.last() == Some(&b'\n') || after == source.end) && print.is_of(bytes)
        };
        let failed = |error| source.failed(error);
        let buffered = self.reader.fill_buf().map_err(failed)?;
        let is_same = if let Some(bytes) = buffered.get(..span) {
            let is_same = is_it(bytes);
            if is_same {
                self.reader.consume(span);
            }
            is_same
        } else {
            let mut bytes = std::mem::take(&mut self.raw);
            bytes.resize(span, 0);
            self.reader.read_exact(&mut bytes).map_err(failed)?;
            let is_same = is_it(&bytes);
            if !is_same {
                self.reader = source.reader(self.offset);
            }
            self.raw = bytes;
            is_same
        };
        if is_same {
            self.offset = after;
            self.line += u64::from(print.lines);
        }
        Ok(is_same)
    }

    /// What is remembered of a record that was read from `start` on, in line `line`: its bytes, not yet its sku.
    /// `None` when it is longer than anything that is remembered.
    pub fn print(&self, record: &Record, start: u64, line: u64) -> Result<Option<RowPrint>> {
        let (Ok(span), Ok(lines)) = (
            u32::try_from(self.offset - start),
            u32::try_from(self.line - line),
        ) else {
            return Ok(None);
        };
        let digest = if record.offset == start {
            record.digest
        } else {
            // Blank lines stand before it.
            let mut bytes = vec![0; span as usize];
            self.source
                .reader(start)
                .read_exact(&mut bytes)
                .map_err(|error| self.source.failed(error))?;
            digest(&bytes)
        };
        Ok(Some(RowPrint {
            digest,
            span,
            lines,
            ..RowPrint::default()
        }))
    }

    /// `Err` when the file cannot be read, or ends in the middle of a record.
    pub fn next(&mut self, record: &mut Record) -> Result<Next> {
        loop {
            record.offset = self.offset;
            record.line = self.line;
            self.raw.clear();
            if !self.read_line()? {
                return Ok(Next::End);
            }
            let first_line = self.raw.len();
            let mut buffer = std::mem::take(&mut record.text).into_bytes();
            buffer.clear();
            record.cells.clear();
            record.stray_quote = false;
            let mut multiline = false;
            if self.raw.contains(&b'"') {
                let mut splitter = Splitter::new(self.delimiter, buffer, &mut record.cells);
                splitter.feed(&self.raw);
                while splitter.quoted && !splitter.stray && self.raw.len() < LONGEST_RECORD {
                    let before = self.raw.len();
                    if !self.read_line()? {
                        break;
                    }
                    multiline = true;
                    splitter.feed(&self.raw[before..]);
                }
                let broken = splitter.quoted || (multiline && splitter.stray);
                record.stray_quote = splitter.stray;
                buffer = splitter.buffer;
                if broken || (multiline && self.holds_whole_rows(record.cells.len(), first_line)) {
                    let text = String::from_utf8_lossy(&self.raw[..first_line])
                        .trim_end()
                        .to_owned();
                    self.resume_after(record, first_line)?;
                    return Ok(Next::UnclosedQuote {
                        line: record.line,
                        text,
                    });
                }
                if self.digests {
                    record.digest = digest(&self.raw);
                }
            } else {
                if self.digests {
                    record.digest = digest(&self.raw);
                }
                std::mem::swap(&mut buffer, &mut self.raw);
                split_plain(&buffer, self.delimiter, &mut record.cells);
            }
            record.text = String::from_utf8(buffer).map_err(|_| self.changed())?;
            if record.is_blank() {
                continue;
            }
            return self.shape(record);
        }
    }

    /// Goes on at another place, where a record begins.
    pub fn move_to(&mut self, offset: u64, line: u64) {
        let ahead = offset
            .checked_sub(self.offset)
            .and_then(|ahead| usize::try_from(ahead).ok())
            .filter(|ahead| *ahead <= self.reader.buffer().len());
        match ahead {
            Some(ahead) => self.reader.consume(ahead),
            None => self.reader = self.source.reader(offset),
        }
        self.offset = offset;
        self.line = line;
    }

    fn shape(&self, record: &mut Record) -> Result<Next> {
        let Some(width) = self.width else {
            return Ok(Next::Record(Shape::Whole));
        };
        if record.len() > width && (width..record.len()).all(|extra| record.cell(extra).is_empty())
        {
            record.cells.truncate(width);
        }
        Ok(match record.len().cmp(&width) {
            std::cmp::Ordering::Equal => Next::Record(Shape::Whole),
            std::cmp::Ordering::Greater => Next::Record(Shape::Long),
            std::cmp::Ordering::Less if self.ends_without_line_end()? => {
                return Err(self.cut_short(record.line));
            }
            std::cmp::Ordering::Less => Next::Record(Shape::Short),
        })
    }

    /// Appends one physical line to `raw`; `false` at the end of the file.
    fn read_line(&mut self) -> Result<bool> {
        let read = self
            .reader
            .read_until(b'\n', &mut self.raw)
            .map_err(|error| self.source.failed(error))?;
        self.offset += read as u64;
        self.line += u64::from(read > 0);
        Ok(read > 0)
    }

    /// Whether a record of several lines, with a wrong number of cells, has swallowed a row: a line behind its
    /// first that is complete by itself.
    fn holds_whole_rows(&self, cells: usize, first_line: usize) -> bool {
        let Some(width) = self.width.filter(|&width| width > 1 && width != cells) else {
            return false;
        };
        self.raw[first_line..]
            .split_inclusive(|&byte| byte == b'\n')
            .any(|line| {
                let mut cells = Vec::new();
                let mut splitter = Splitter::new(self.delimiter, Vec::new(), &mut cells);
                splitter.feed(line);
                !splitter.quoted && !splitter.stray && cells.len() == width
            })
    }

    fn resume_after(&mut self, record: &Record, first_line: usize) -> Result<()> {
        self.offset = record.offset + first_line as u64;
        self.line = record.line + 1;
        if self.offset >= self.source.end && self.ends_without_line_end()? {
            return Err(self.cut_short(record.line));
        }
        self.reader = self.source.reader(self.offset);
        Ok(())
    }

    /// Whether the reader stands at the end of a file whose last line has no line end.
    fn ends_without_line_end(&self) -> Result<bool> {
        if self.offset < self.source.end {
            return Ok(false);
        }
        let mut last = Vec::new();
        self.source
            .reader(self.source.end - 1)
            .read_until(b'\n', &mut last)
            .map_err(|error| self.source.failed(error))?;
        Ok(last != b"\n")
    }

    fn cut_short(&self, line: u64) -> Error {
        Error::config(format!(
            "{} seems to be cut short: its last row is incomplete and has no line end",
            self.source.name
        ))
        .with("line", line.to_string())
        .hint("export or download the file again; nothing is written from half a file")
    }

    pub fn changed(&self) -> Error {
        Error::config(format!(
            "{} was changed while it was read",
            self.source.name
        ))
        .hint(
            "write the new file beside the old one and rename it, or run again when it is complete",
        )
    }
}

/// Cells of a line without any quote.
fn split_plain(line: &[u8], delimiter: u8, cells: &mut Vec<Range<usize>>) {
    let end = line.len() - line_end(line);
    let mut start = 0;
    for (position, &byte) in line[..end].iter().enumerate() {
        if byte == delimiter {
            cells.push(start..position);
            start = position + 1;
        }
    }
    cells.push(start..end);
}

fn line_end(line: &[u8]) -> usize {
    match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

/// Cells of a record with quotes, line by line: RFC 4180, and blanks around a quoted cell.
struct Splitter<'a> {
    delimiter: u8,
    buffer: Vec<u8>,
    cells: &'a mut Vec<Range<usize>>,
    /// The last line ended inside quotes.
    quoted: bool,
    stray: bool,
    cell_start: usize,
}

impl<'a> Splitter<'a> {
    fn new(delimiter: u8, buffer: Vec<u8>, cells: &'a mut Vec<Range<usize>>) -> Self {
        Self {
            delimiter,
            buffer,
            cells,
            quoted: false,
            stray: false,
            cell_start: 0,
        }
    }

    fn feed(&mut self, line: &[u8]) {
        let end = line.len() - line_end(line);
        let mut at = 0;
        loop {
            let opening = at;
            if !self.quoted {
                self.cell_start = self.buffer.len();
                let content = self.skip_blanks(line, at, end);
                if line[..end].get(content) == Some(&b'"') {
                    at = content + 1;
                    self.quoted = true;
                } else {
                    at = self.copy_until_delimiter(line, at, end);
                }
            }
            if self.quoted {
                let Some(closing) = self.copy_quoted(line, at) else {
                    return;
                };
                self.quoted = false;
                at = self.skip_blanks(line, closing + 1, end);
                if at < end && line[at] != self.delimiter {
                    // What was meant is unknown: show the cell as it stands in the file.
                    self.stray = true;
                    self.buffer.truncate(self.cell_start);
                    at = self.copy_until_delimiter(line, opening, end);
                }
            }
            self.cells.push(self.cell_start..self.buffer.len());
            if at >= end {
                return;
            }
            at += 1;
        }
    }

    fn skip_blanks(&self, line: &[u8], mut at: usize, end: usize) -> usize {
        while at < end && matches!(line[at], b' ' | b'\t') && line[at] != self.delimiter {
            at += 1;
        }
        at
    }

    fn copy_until_delimiter(&mut self, line: &[u8], from: usize, end: usize) -> usize {
        let length = line[from..end]
            .iter()
            .take_while(|&&byte| byte != self.delimiter)
            .count();
        self.buffer.extend_from_slice(&line[from..from + length]);
        from + length
    }

    /// Copies up to the closing quote and gives its place; `None` when the line ends first.
    fn copy_quoted(&mut self, line: &[u8], mut at: usize) -> Option<usize> {
        loop {
            let Some(quote) = line[at..]
                .iter()
                .position(|&byte| byte == b'"')
                .map(|found| at + found)
            else {
                self.buffer.extend_from_slice(&line[at..]);
                return None;
            };
            self.buffer.extend_from_slice(&line[at..quote]);
            if line.get(quote + 1) != Some(&b'"') {
                return Some(quote);
            }
            self.buffer.push(b'"');
            at = quote + 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(bytes: &[u8]) -> Source {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Source::open(file.path(), None, None).unwrap()
    }

    /// Each record as `line: cells`, or what else was met.
    fn read(text: &str, width: usize) -> Vec<String> {
        let source = source(text.as_bytes());
        let mut records = Records::new(&source, source.start, 1, b',', Some(width));
        let mut record = Record::default();
        let mut seen = Vec::new();
        loop {
            match records.next(&mut record) {
                Ok(Next::Record(shape)) => {
                    let cells: Vec<_> = record.cells().collect();
                    let mark = match shape {
                        Shape::Whole if record.stray_quote => "stray ",
                        Shape::Whole => "",
                        Shape::Short => "short ",
                        Shape::Long => "long ",
                    };
                    seen.push(format!("{}: {mark}{}", record.line, cells.join("|")));
                }
                Ok(Next::UnclosedQuote { line, .. }) => seen.push(format!("{line}: unclosed")),
                Ok(Next::End) => return seen,
                Err(error) => {
                    seen.push(error.to_string().split(" seems").last().unwrap().to_owned());
                    return seen;
                }
            }
        }
    }

    #[test]
    fn lines_are_physical_and_blank_ones_are_skipped() {
        assert_eq!(
            read("a,b\r\n\r\n\n,\n c ,\"d\n\"\"e\"\"\" \r\nf,\"g,h\"", 2),
            ["1: a|b", "5: c|d\n\"e\"", "7: f|g,h"]
        );
    }

    #[test]
    fn an_unclosed_quote_costs_one_line() {
        assert_eq!(
            read("a,\"b\nc,d\ne,f\n", 2),
            ["1: unclosed", "2: c|d", "3: e|f"]
        );
        assert_eq!(
            read("a,\"b\nc,\"d\"\ne,f\n", 2),
            ["1: unclosed", "2: c|d", "3: e|f"]
        );
        assert_eq!(
            read("a,\"b,1\nc,2\",x\nd,e,f\n", 3),
            ["1: a|b,1\nc,2|x", "3: d|e|f"]
        );
        assert_eq!(
            read("a,\"b,1\nc,d,2\ne,\",3\n", 3),
            ["1: a|b,1\nc,d,2\ne,|3"],
            "quoting that is right is believed"
        );
        assert_eq!(
            read("a,\"b\nc,d,2\ne,2\"\n", 3),
            ["1: unclosed", "2: c|d|2", "3: short e|2\""],
            "a wrong number of cells around a complete row is not"
        );
    }

    #[test]
    fn quotes_inside_a_cell_of_one_line() {
        assert_eq!(read("a,28\" wheel\n", 2), ["1: a|28\" wheel"]);
        assert_eq!(read("a,\"28\" wheel\"\n", 2), ["1: stray a|\"28\" wheel\""]);
    }

    #[test]
    fn ragged_records_are_told_and_surplus_blanks_are_not() {
        assert_eq!(
            read("a,b,,\nc\nd,e,f\n", 2),
            ["1: a|b", "2: short c", "3: long d|e|f"]
        );
    }

    #[test]
    fn a_file_that_stops_in_a_row_is_cut_short() {
        let cut = " to be cut short: its last row is incomplete and has no line end (line 2)";
        assert_eq!(read("a,b\nc", 2), ["1: a|b", cut]);
        assert_eq!(read("a,b\nc,\"d", 2), ["1: a|b", cut]);
        assert_eq!(read("a,b\nc,d", 2), ["1: a|b", "2: c|d"]);
        assert_eq!(read("a,b\nc\n", 2), ["1: a|b", "2: short c"]);
    }

    #[test]
    fn a_record_can_be_read_again_at_its_place() {
        let source = source("a,1\r\n\n\"b\nx\",2\r\nc,3\n".as_bytes());
        let mut records = Records::new(&source, 0, 1, b',', Some(2));
        let mut record = Record::default();
        let mut places = Vec::new();
        while records.next(&mut record).unwrap() != Next::End {
            places.push((record.offset, record.line, record.cell(1).to_owned()));
        }
        assert_eq!(places.len(), 3);
        for (offset, line, value) in places {
            let mut again = Records::new(&source, offset, line, b',', Some(2));
            again.next(&mut record).unwrap();
            assert_eq!((record.line, record.cell(1)), (line, value.as_str()));
        }
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_the_same(
            rows in prop::collection::vec(prop::collection::vec("[a-zé \",;\n\r]{0,8}", 3), 1..8),
        ) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let source = source(&bytes);
            let mut records = Records::new(&source, 0, 1, b',', Some(3));
            let mut record = Record::default();
            let mut seen: Vec<Vec<String>> = Vec::new();
            while records.next(&mut record).unwrap() != Next::End {
                seen.push(record.cells().map(str::to_owned).collect());
            }
            let expected: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
                .filter(|row: &Vec<String>| row.iter().any(|cell| !cell.is_empty()))
                .collect();
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn any_text_comes_to_an_end(text in "[a\",\n\r ]{1,60}") {
            let lines = text.split(['\n', '\r']).count() + 1;
            prop_assert!(read(&text, 2).len() <= lines);
        }
    }
}
