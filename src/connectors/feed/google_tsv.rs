//! Google's product feed as tab separated text: a header, then one line per product, nothing quoted.

use std::io::{BufRead, Read};

use super::format::{Codec, GOOGLE, Head, Row, Rows, from_cell, to_cell};

#[derive(Debug)]
pub struct GoogleTsv;

/// A line longer than this is no line of a feed: all columns at their limits stay below, in bytes.
const LONGEST_LINE: u64 = 4 << 20;

impl Codec for GoogleTsv {
    fn head(&self, _head: &Head, out: &mut String) {
        let names: Vec<_> = GOOGLE.columns.iter().map(|column| column.name).collect();
        out.push_str(&names.join("\t"));
        out.push('\n');
    }

    fn row(&self, row: &Row, out: &mut String) {
        for (position, (column, values)) in GOOGLE.columns.iter().zip(&row.cells).enumerate() {
            if position > 0 {
                out.push('\t');
            }
            out.push_str(&to_cell(column, values));
        }
        out.push('\n');
    }

    fn tail(&self) -> &'static str {
        ""
    }

    fn open(&self, mut input: Box<dyn BufRead>) -> Result<(Head, Box<dyn Rows>), String> {
        let header = read_line(&mut *input)?.unwrap_or_default();
        let mut expected = String::new();
        self.head(&Head::default(), &mut expected);
        if header != expected.trim_end() {
            return Err("its first line does not hold the columns that skucast writes".to_owned());
        }
        Ok((Head::default(), Box::new(Lines(input))))
    }

    fn resume(&self, input: Box<dyn BufRead>) -> Box<dyn Rows> {
        Box::new(Lines(input))
    }
}

struct Lines(Box<dyn BufRead>);

impl Rows for Lines {
    fn next(&mut self) -> Result<Option<Row>, String> {
        let Some(line) = read_line(&mut *self.0)? else {
            return Ok(None);
        };
        let cells: Vec<&str> = line.split('\t').collect();
        if cells.len() != GOOGLE.columns.len() {
            return Err(format!(
                "it has {} cells instead of {}",
                cells.len(),
                GOOGLE.columns.len()
            ));
        }
        let cells = GOOGLE
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| from_cell(column, cell))
            .collect();
        Ok(Some(Row { cells }))
    }
}

/// The next line without its end; `None` at the end of the file.
fn read_line(input: &mut dyn BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    let length = input
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("it cannot be read: {error}"))?;
    if length == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err("its line has no end: the file was cut short".to_owned());
    }
    String::from_utf8(line)
        .map(Some)
        .map_err(|_| "it is not UTF-8".to_owned())
}
