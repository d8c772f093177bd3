//! Meta's catalog file as CSV: commas, double quotes where needed, UTF-8 without a mark, LF.

use std::io::BufRead;

use super::format::{Codec, Head, META, Row, Rows, from_cell, to_cell};

#[derive(Debug)]
pub struct MetaCsv;

impl Codec for MetaCsv {
    fn head(&self, _head: &Head, out: &mut String) {
        let names: Vec<_> = META.columns.iter().map(|column| column.name).collect();
        out.push_str(&names.join(","));
        out.push('\n');
    }

    fn row(&self, row: &Row, out: &mut String) {
        for (position, (column, values)) in META.columns.iter().zip(&row.cells).enumerate() {
            if position > 0 {
                out.push(',');
            }
            push_cell(&to_cell(column, values), out);
        }
        out.push('\n');
    }

    fn tail(&self) -> &'static str {
        ""
    }

    fn open(&self, input: Box<dyn BufRead>) -> Result<(Head, Box<dyn Rows>), String> {
        let mut records = Records::new(input);
        let header = records.next_record()?;
        let expected = META.columns.iter().map(|column| column.name);
        if !header.is_some_and(|header| header.iter().eq(expected)) {
            return Err("its first line does not hold the columns that skucast writes".to_owned());
        }
        Ok((Head::default(), Box::new(records)))
    }

    fn resume(&self, input: Box<dyn BufRead>) -> Box<dyn Rows> {
        Box::new(Records::new(input))
    }
}

/// Quotes a cell that holds a separator, a quote or a line break, or begins or ends with a blank.
fn push_cell(cell: &str, out: &mut String) {
    if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

struct Records {
    reader: csv::Reader<Box<dyn BufRead>>,
    record: csv::StringRecord,
}

impl Records {
    fn new(input: Box<dyn BufRead>) -> Self {
        Self {
            reader: csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(input),
            record: csv::StringRecord::new(),
        }
    }

    fn next_record(&mut self) -> Result<Option<&csv::StringRecord>, String> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => Ok(Some(&self.record)),
            Ok(false) => Ok(None),
            Err(error) => Err(format!("it cannot be read: {error}")),
        }
    }
}

impl Rows for Records {
    fn next(&mut self) -> Result<Option<Row>, String> {
        let Some(record) = self.next_record()? else {
            return Ok(None);
        };
        if record.len() != META.columns.len() {
            return Err(format!(
                "it has {} cells instead of {}",
                record.len(),
                META.columns.len()
            ));
        }
        let cells = META
            .columns
            .iter()
            .zip(record)
            .map(|(column, cell)| from_cell(column, cell))
            .collect();
        Ok(Some(Row { cells }))
    }
}
