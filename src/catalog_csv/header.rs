//! Finds the header line, its delimiter and what the columns mean.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::domain::issue::Issue;
use crate::domain::{Error, Result};

use super::records::{Next, Record, Records};
use super::source::Source;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The header of a file and where its rows begin.
#[derive(Debug)]
pub(super) struct Header {
    /// As in the file, without outer blanks.
    pub names: Vec<String>,
    pub delimiter: u8,
    pub line: u64,
    pub rows_offset: u64,
    pub rows_line: u64,
}

impl Header {
    /// Reads the first line that is neither blank nor a comment (`#INFO,…`) nor a spreadsheet's `sep=;`.
    pub fn read(source: &Source, stated: Option<u8>, issue: &mut dyn FnMut(Issue)) -> Result<Self> {
        let mut offset = source.start;
        let mut line = 1;
        let mut delimiter = stated;
        let mut comments = 0_u64;
        loop {
            let mut raw = Vec::new();
            let read = source
                .reader(offset)
                .read_until(b'\n', &mut raw)
                .map_err(|error| source.failed(error))?;
            if read == 0 {
                return Err(Error::config(format!("{} has no header line", source.name))
                    .hint("the first line must name the columns, `sku` among them"));
            }
            let text = String::from_utf8_lossy(&raw);
            let text = text.trim();
            if let Some(named) = text.strip_prefix("sep=").filter(|rest| rest.len() == 1) {
                delimiter = delimiter.or(named.bytes().next());
            } else if is_comment(text) {
                comments += 1;
                if text.starts_with('"') {
                    // A quoted comment may hold line breaks.
                    let found = delimiter.unwrap_or_else(|| detect_delimiter(&raw));
                    let mut records = Records::new(source, offset, line, found, None);
                    records.next(&mut Record::default())?;
                    (offset, line) = (records.offset, records.line);
                    continue;
                }
            } else if !text.is_empty() {
                let delimiter = delimiter.unwrap_or_else(|| detect_delimiter(&raw));
                if comments > 0 {
                    issue(
                        Issue::note(
                            "comment_lines_skipped",
                            format!("{comments} comment lines before the header were skipped"),
                        )
                        .at(&source.name, line, None, None),
                    );
                }
                return Self::at(source, offset, line, delimiter, issue);
            }
            offset += read as u64;
            line += 1;
        }
    }

    fn at(
        source: &Source,
        offset: u64,
        line: u64,
        delimiter: u8,
        issue: &mut dyn FnMut(Issue),
    ) -> Result<Self> {
        let mut records = Records::new(source, offset, line, delimiter, None);
        let mut record = Record::default();
        if !matches!(records.next(&mut record)?, Next::Record(_)) {
            return Err(
                Error::config(format!("the header of {} cannot be read", source.name))
                    .with("line", line.to_string())
                    .hint("a quote in it is not closed, or it holds no names"),
            );
        }
        let names: Vec<String> = record.cells().map(str::to_owned).collect();
        for (position, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..position].contains(name) {
                issue(
                    Issue::warning(
                        "column_twice",
                        format!(
                            "the column `{name}` is there more than once; the first one counts"
                        ),
                    )
                    .hint("rename or remove the other one")
                    .at(&source.name, record.line, Some(name), None),
                );
            }
        }
        Ok(Self {
            names,
            delimiter,
            line: record.line,
            rows_offset: records.offset,
            rows_line: records.line,
        })
    }

    /// Position of a header, letter case aside when it is not there exactly.
    pub fn find(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        self.names
            .iter()
            .position(|header| header == name)
            .or_else(|| {
                let wanted = name.to_lowercase();
                self.names
                    .iter()
                    .position(|header| header.to_lowercase() == wanted)
            })
    }

    /// For each column of the file the name of ours that `[catalog.columns]` gives it.
    pub fn mapped(
        &self,
        source: &Source,
        columns: &BTreeMap<String, String>,
    ) -> Result<Vec<Option<String>>> {
        let mut mapped = vec![None; self.names.len()];
        for (ours, header) in columns {
            let position = self.find(header).ok_or_else(|| {
                Error::config(format!("{} has no column `{header}`", source.name))
                    .with("setting", format!("columns.{ours}"))
                    .hint(format!("its columns are: {}", self.listed()))
            })?;
            if let Some(other) = mapped[position].replace(ours.trim().to_owned()) {
                return Err(Error::config(format!(
                    "the column `{header}` is stated for both `{other}` and `{ours}`"
                )));
            }
        }
        Ok(mapped)
    }

    /// The headers with mapped ones under our name. Another column that bears a mapped name loses it.
    pub fn names_with(&self, mapped: &[Option<String>]) -> Vec<String> {
        let taken = |name: &str| {
            let name = name.to_lowercase();
            mapped
                .iter()
                .flatten()
                .any(|ours| ours.to_lowercase() == name)
        };
        self.names
            .iter()
            .zip(mapped)
            .map(|(name, mapped)| match mapped {
                Some(ours) => ours.clone(),
                None if taken(name) => format!("{name} (not mapped)"),
                None => name.clone(),
            })
            .collect()
    }

    /// The error for a header in which nothing tells the sku apart.
    pub fn not_recognised(&self, source: &Source, section: &str, missing: &str) -> Error {
        let mut lines = vec![format!("[{section}.columns]")];
        for (ours, _) in LOOKALIKES {
            let found = self.lookalike(ours);
            match found {
                Some(header) => lines.push(format!("{ours} = {}", quoted(header))),
                None if *ours == missing => {
                    lines.push(format!("{ours} = \"the header of that column\""))
                }
                None => {}
            }
        }
        Error::config(format!("{} has no column `{missing}`", source.name))
            .with("line", self.line.to_string())
            .hint(format!("its columns are: {}", self.listed()))
            .hint(format!("say what they mean:\n{}", lines.join("\n")))
    }

    /// The header that most looks like one of our columns.
    fn lookalike(&self, ours: &str) -> Option<&String> {
        let (_, words) = LOOKALIKES.iter().find(|(name, _)| *name == ours)?;
        words.iter().find_map(|word| {
            self.names.iter().find(|header| {
                let header = header.to_lowercase();
                if word.len() < 4 {
                    header
                        .split(|c: char| !c.is_alphanumeric())
                        .any(|part| part == *word)
                } else {
                    header.contains(word)
                }
            })
        })
    }

    /// What to say when the file has none of our columns of that name, but one that may be meant.
    pub fn not_used(&self, source: &Source, ours: &str) -> Option<Issue> {
        let header = self.lookalike(ours)?;
        Some(
            Issue::note(
                "column_not_used",
                format!(
                    "there is no column `{ours}`; `{header}` may be meant, but is not read as it"
                ),
            )
            .hint(format!(
                "if it is: [catalog.columns] {ours} = {}",
                quoted(header)
            ))
            .at(&source.name, self.line, Some(header), None),
        )
    }

    fn listed(&self) -> String {
        let names: Vec<&str> = self
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        names.join(", ")
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}

/// Words in foreign headers, the most telling first. A short word has to stand alone.
const LOOKALIKES: &[(&str, &[&str])] = &[
    (
        "sku",
        &[
            "sku",
            "artikelnummer",
            "article number",
            "item number",
            "product code",
            "item code",
            "商品管理番号",
            "item_id",
            "product_id",
            "id",
            "code",
            "ref",
        ],
    ),
    (
        "title",
        &[
            "title",
            "product_name",
            "name",
            "bezeichnung",
            "商品名",
            "nom",
        ],
    ),
    (
        "price",
        &[
            "final_price",
            "selling price",
            "price",
            "preis",
            "precio",
            "prezzo",
            "prijs",
            "prix",
            "pris",
            "cena",
            "fiyat",
            "販売価格",
            "mrp",
        ],
    ),
    (
        "quantity",
        &[
            "quantity",
            "stock on hand",
            "stock",
            "qty",
            "bestand",
            "inventory",
            "在庫数",
        ],
    ),
];

fn is_comment(text: &str) -> bool {
    let text = text.strip_prefix('"').unwrap_or(text);
    // A column that is just called `#` is a running number, not a comment.
    text.strip_prefix('#')
        .and_then(|rest| rest.chars().next())
        .is_some_and(|next| !matches!(next, ',' | ';' | '\t' | '|' | '"'))
}

/// The delimiter that the line has most often outside quotes; a comma when it has none.
fn detect_delimiter(line: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for &byte in line {
        if byte == b'"' {
            quoted = !quoted;
        } else if !quoted
            && let Some(which) = DELIMITERS.iter().position(|&delimiter| delimiter == byte)
        {
            counts[which] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let which = counts.iter().position(|&count| count == most).unwrap_or(0);
    DELIMITERS[which]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> (Result<Header>, Vec<String>, Source) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let source = Source::open(file.path(), None, None).unwrap();
        let mut codes = Vec::new();
        let header = Header::read(&source, None, &mut |issue| codes.push(issue.code));
        (header, codes, source)
    }

    #[test]
    fn delimiters_are_counted_outside_quotes() {
        for (text, delimiter) in [
            ("sku,title\n", b','),
            ("sku;\"a,b,c\";price\n", b';'),
            ("sku\ttitle\n", b'\t'),
            ("sku|title\n", b'|'),
            ("sku\n", b','),
            ("sep=;\nsku,with;comma\n", b';'),
        ] {
            assert_eq!(header(text).0.unwrap().delimiter, delimiter, "{text}");
        }
    }

    #[test]
    fn comments_are_skipped_and_said() {
        let (found, codes, _) = header("#INFO,a\n\"# two\nlines\",b\n\n sku , title \nA,b\n");
        let found = found.unwrap();
        assert_eq!(found.names, ["sku", "title"]);
        assert_eq!((found.line, found.rows_line), (5, 6));
        assert_eq!(codes, ["comment_lines_skipped"]);
        assert_eq!(header("#,sku\n1,A\n").0.unwrap().names, ["#", "sku"]);
    }

    #[test]
    fn a_column_twice_is_a_warning_and_a_mapping_must_exist() {
        let (found, codes, source) = header("Art Nr,price,price\n");
        assert_eq!(codes, ["column_twice"]);
        let found = found.unwrap();
        let columns =
            |ours: &str, header: &str| BTreeMap::from([(ours.to_owned(), header.to_owned())]);
        let mapped = found.mapped(&source, &columns("sku", "art nr")).unwrap();
        assert_eq!(mapped[0].as_deref(), Some("sku"));
        let error = found
            .mapped(&source, &columns("sku", "number"))
            .unwrap_err();
        assert!(error.hints[0].contains("Art Nr, price"));
    }

    #[test]
    fn an_unknown_header_shows_the_lines_to_add() {
        let (found, _, source) = header("item_id,SKU Code,final_price,idea\n");
        let error = found.unwrap().not_recognised(&source, "catalog", "sku");
        assert!(
            error.hints[1]
                .contains("[catalog.columns]\nsku = \"SKU Code\"\nprice = \"final_price\""),
            "{:?}",
            error.hints
        );
        let (found, _, source) = header("a,b\n");
        let error = found.unwrap().not_recognised(&source, "catalog", "sku");
        assert!(error.hints[1].contains("sku = \"the header"));
    }
}
