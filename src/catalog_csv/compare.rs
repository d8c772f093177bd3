//! Finds the rows of a native catalog that are not as they were remembered. The others are hashed where they stand,
//! and not taken apart.

use crate::domain::Result;
use crate::domain::catalog::CatalogPrint;
use crate::domain::fingerprint::{Fingerprint, Fingerprinter};
use crate::domain::ids::Sku;
use crate::domain::rows::{
    Bits, Compared, Gone, HashedMap, HashedSet, NEW, RowPrint, Rows, exact_hash, folded_hash,
};

use super::native::Native;
use super::records::{Next, Record, Shape};
use super::table::sku_fault;

/// So many remembered rows are looked through before all of them are indexed: a few that were taken out.
const NEAR: usize = 16;

impl Native {
    /// `None` when a row cannot be read, or is larger than anything that is remembered.
    pub fn compare(&self, before: Rows) -> Result<Option<Compared>> {
        let CatalogPrint { text, reading } = self.print();
        let before = match before.reading == reading {
            true => before,
            false => Rows::default(),
        };
        if before.text == text && !before.is_empty() {
            self.know_parents(&before);
            return Ok(Some(Compared {
                rows: before,
                origins: None,
                gone: Vec::new(),
                left: Vec::new(),
                clashing: Vec::new(),
                reordered: HashedSet::default(),
            }));
        }
        let Some(compared) = self.compare_rows(&before, text, reading)? else {
            return Ok(None);
        };
        self.know_parents(&compared.rows);
        Ok(Some(compared))
    }

    fn compare_rows(
        &self,
        before: &Rows,
        text: Fingerprint,
        reading: Fingerprint,
    ) -> Result<Option<Compared>> {
        let mut search = Search::new(before);
        let mut rows = Rows {
            text,
            reading,
            prints: Vec::with_capacity(before.len()),
            skus: String::with_capacity(before.skus.len()),
        };
        let mut origins: Vec<u32> = Vec::with_capacity(before.len());
        let mut changed = Vec::new();
        let mut records = self.table.records().with_digests();
        let mut record = Record::default();
        loop {
            if let Some(expected) = search.expected()
                && records.pass(&before.prints[expected])?
            {
                search.take(expected);
                origins.push(expected as u32);
                if !rows.push(before.prints[expected], before.sku(expected)) {
                    return Ok(None);
                }
                continue;
            }
            let (start, line) = (records.offset, records.line);
            let shape = match records.next(&mut record)? {
                Next::End => break,
                Next::UnclosedQuote { .. } => return Ok(None),
                Next::Record(shape) => shape,
            };
            let sku = record.cell(self.sku);
            let is_unreadable = shape == Shape::Long
                || (shape == Shape::Short && record.len() <= self.sku)
                || sku_fault(sku).is_some();
            if is_unreadable {
                return Ok(None);
            }
            let Some(print) = records.print(&record, start, line)? else {
                return Ok(None);
            };
            let parent = self.parent_sku.map_or("", |position| record.cell(position));
            let is_variant = !parent.is_empty() && parent != sku;
            let mut print = RowPrint {
                folded: folded_hash(sku, &mut search.buffer),
                family: exact_hash(if is_variant { parent } else { sku }),
                is_variant,
                ..print
            };
            let mut origin = NEW;
            if let Some(known) = search.find(sku, print.folded) {
                let remembered = &before.prints[known];
                if (remembered.digest, remembered.span) == (print.digest, print.span) {
                    origin = known as u32;
                    print.stock = remembered.stock;
                } else {
                    changed.push(known);
                }
            }
            origins.push(origin);
            if !rows.push(print, sku) {
                return Ok(None);
            }
        }
        if self.table.source.was_written() {
            return Ok(None);
        }
        let gone = search.left();
        let clashes = std::mem::take(&mut search.clashes);
        Ok(Some(Compared {
            left: gone.iter().map(|row| Sku::new(before.sku(*row))).collect(),
            gone: changed
                .iter()
                .chain(&gone)
                .map(|row| &before.prints[*row])
                .map(|print| Gone {
                    family: print.family,
                    is_variant: print.is_variant,
                })
                .collect(),
            clashing: match clashes.is_empty() {
                true => Vec::new(),
                false => (0_u32..)
                    .zip(&rows.prints)
                    .filter(|(_, print)| clashes.contains(&print.folded))
                    .map(|(row, _)| row)
                    .collect(),
            },
            reordered: match search.is_reordered {
                true => reordered(&rows, &origins),
                false => HashedSet::default(),
            },
            origins: Some(origins),
            rows,
        }))
    }

    pub fn print(&self) -> CatalogPrint {
        let mut reading = Fingerprinter::default();
        reading
            .text("native")
            .text(&format!("{:?}", (self.sku, self.parent_sku)))
            .text(&self.table.reading());
        CatalogPrint {
            text: self.table.source.text,
            reading: reading.finish(),
        }
    }

    /// The rows tell which skus are parents, so that the file need not be read again for it.
    fn know_parents(&self, rows: &Rows) {
        let mut parents = HashedMap::default();
        let mut last = None;
        for print in rows.prints.iter().filter(|print| print.is_variant) {
            // Variants mostly stand together.
            if last != Some(print.family) {
                parents.insert(print.family, ());
                last = Some(print.family);
            }
        }
        // Whoever knew them before knew the same.
        let _ = self.parents.set(parents);
    }
}

/// Where the next row should stand among those that were remembered.
struct Search<'a> {
    before: &'a Rows,
    cursor: usize,
    used: Bits,
    /// First row of each folded sku, once it was needed.
    index: Option<HashedMap<u32>>,
    /// Folded skus that more than one row may have.
    clashes: HashedSet,
    is_reordered: bool,
    buffer: String,
}

impl<'a> Search<'a> {
    fn new(before: &'a Rows) -> Self {
        Self {
            before,
            cursor: 0,
            used: Bits::new(before.len()),
            index: None,
            clashes: HashedSet::default(),
            is_reordered: false,
            buffer: String::new(),
        }
    }

    /// The remembered row that stands next, unless it was met before.
    fn expected(&self) -> Option<usize> {
        (self.cursor < self.before.len() && !self.used.get(self.cursor)).then_some(self.cursor)
    }

    fn take(&mut self, row: usize) {
        self.used.set(row);
        self.is_reordered |= row < self.cursor;
        self.cursor = row + 1;
    }

    /// The remembered row of a sku, which is taken.
    fn find(&mut self, sku: &str, folded: u64) -> Option<usize> {
        let is_it = |row: usize| {
            self.before.prints[row].folded == folded
                && self.before.sku(row) == sku
                && !self.used.get(row)
        };
        let near = self.cursor..self.before.len().min(self.cursor + NEAR);
        let found = near.into_iter().find(|row| is_it(*row)).or_else(|| {
            let before = self.before;
            let index = self.index.get_or_insert_with(|| index(before));
            let row = *index.get(&folded)? as usize;
            if is_it(row) {
                return Some(row);
            }
            self.clashes.insert(folded);
            None
        });
        if let Some(row) = found {
            self.take(row);
        }
        found
    }

    fn left(&self) -> Vec<usize> {
        (0..self.before.len())
            .filter(|row| !self.used.get(*row))
            .collect()
    }
}

/// Families whose variants stand in another order than they did.
fn reordered(rows: &Rows, origins: &[u32]) -> HashedSet {
    let mut last: HashedMap<u32> = HashedMap::default();
    let mut reordered = HashedSet::default();
    for (print, origin) in rows.prints.iter().zip(origins) {
        if print.is_variant && *origin != NEW {
            let last = last.entry(print.family).or_insert(*origin);
            if *origin < *last {
                reordered.insert(print.family);
            }
            *last = *origin;
        }
    }
    reordered
}

fn index(rows: &Rows) -> HashedMap<u32> {
    let mut index = HashedMap::with_capacity_and_hasher(rows.len(), Default::default());
    for (row, print) in (0_u32..).zip(&rows.prints) {
        index.entry(print.folded).or_insert(row);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::super::testing::open;
    use super::super::{CsvCatalog, ReadOptions};
    use super::*;
    use crate::domain::catalog::{Catalog, Scanned};

    fn remember(text: &str) -> Rows {
        let compared = open(text.as_bytes()).unwrap().compare(Rows::default());
        compared.unwrap().unwrap().rows
    }

    /// `sku` of every row that is new or changed; `-sku` of those that left; marks of clashes and a new order.
    fn differences(before: &str, after: &str) -> String {
        let catalog = open(after.as_bytes()).unwrap();
        let compared = catalog.compare(remember(before)).unwrap().unwrap();
        assert_eq!(compared.rows, remember(after), "from {before:?}");
        let mut seen: Vec<String> = (0..compared.rows.len())
            .filter(|row| compared.origin(*row).is_none())
            .map(|row| compared.rows.sku(row).to_owned())
            .collect();
        seen.extend(compared.left.iter().map(|sku| format!("-{sku}")));
        seen.extend(
            compared
                .clashing
                .iter()
                .map(|row| format!("={}", compared.rows.sku(*row as usize))),
        );
        if !compared.reordered.is_empty() {
            seen.push(format!("{} reordered", compared.reordered.len()));
        }
        seen.join(" ")
    }

    #[test]
    fn only_rows_that_differ_are_new() {
        let before = "sku,title\nA,a\nB,\"b\nb\"\nC,c\n";
        assert_eq!(differences(before, before), "");
        for (after, expected) in [
            ("sku,title\nA,a\nB,\"b\nB\"\nC,c\n", "B"),
            ("sku,title\nA,a\nC,c\n", "-B"),
            ("sku,title\nX,x\nA,a\nB,\"b\nb\"\nC,c\n", "X"),
            ("sku,title\nA,a\n\nB,\"b\nb\"\nC,c\n", "B"),
            ("sku,title\nC,c\nA,a\nB,\"b\nb\"\n", ""),
            ("sku,title\nA,a\nB,\"b\nb\"\nC,c\nA,2\n", "A =A =A"),
            ("sku,title\nA,a\nB,\"b\nb\"\nC,c\nb,2\n", "b =B =b"),
            ("sku,title\nA,a\nB,\"b\nb\"\nC,c", "C"),
        ] {
            assert_eq!(differences(before, after), expected, "{after:?}");
        }
        assert_eq!(differences("sku,title\nA,1", "sku,title\nA,12\n"), "A");
        assert_eq!(differences("sku,title\nA,1\n", "sku,name\nA,1\n"), "A");
    }

    #[test]
    fn a_family_is_reordered_when_its_variants_are() {
        let text = |skus: &[&str]| {
            let row = |sku: &&str| format!("{sku},{}\n", &sku[..sku.len() - 1]);
            format!(
                "sku,parent_sku\n{}",
                skus.iter().map(row).collect::<String>()
            )
        };
        let before = text(&["A1", "A2", "B1", "A3", "B2"]);
        for (skus, expected) in [
            (&["B1", "B2", "A1", "A2", "A3"], ""),
            (&["B1", "B2", "A1", "A3", "A2"], "1 reordered"),
            (&["B2", "A3", "B1", "A2", "A1"], "2 reordered"),
        ] {
            assert_eq!(differences(&before, &text(skus)), expected, "{skus:?}");
        }
    }

    #[test]
    fn what_is_written_while_it_is_read_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.csv");
        std::fs::write(&path, "sku,title\nA,1\n").unwrap();
        let options = ReadOptions {
            path: path.clone(),
            ..ReadOptions::default()
        };
        let catalog = CsvCatalog::open(&options).unwrap();
        std::fs::write(&path, "sku,title\nA,2\n").unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(later).unwrap();
        assert!(catalog.compare(Rows::default()).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_read_is_not_remembered() {
        for text in [
            "sku,title\nA,1\n,2\n",
            "sku,title\nA,1,2\n",
            "sku,title\nA,\"1\nB,2\n",
        ] {
            let catalog = open(text.as_bytes()).unwrap();
            assert!(
                catalog.compare(Rows::default()).unwrap().is_none(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn marked_rows_are_read_as_a_scan_reads_them() {
        let text = "sku,parent_sku,title,price\nP,,p,\n\nV,P,\"v\nv\",5\nS,,s,x\nS,,s,2\n";
        let catalog = open(text.as_bytes()).unwrap();
        let rows = catalog.compare(Rows::default()).unwrap().unwrap().rows;
        let shown = |scanned: Scanned| match scanned {
            Scanned::Item(item, at) => format!("{item:?} {at:?}"),
            Scanned::Issue(issue) => format!("{issue:?}"),
        };
        let mut whole = Vec::new();
        catalog
            .scan(&mut |scanned| whole.push(shown(scanned)))
            .unwrap();
        let mut all = Bits::new(rows.len());
        (0..rows.len()).for_each(|row| all.set(row));
        let mut marked = Vec::new();
        catalog
            .scan_rows(&rows, &all, &mut |scanned| marked.push(shown(scanned)))
            .unwrap();
        assert_eq!(marked, whole);
        let mut one = Bits::new(rows.len());
        one.set(1);
        let mut marked = Vec::new();
        catalog
            .scan_rows(&rows, &one, &mut |scanned| marked.push(shown(scanned)))
            .unwrap();
        assert_eq!(marked, whole[1..2]);
    }
}
