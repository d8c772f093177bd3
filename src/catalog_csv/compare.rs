//! Finds the rows of a native catalog that are not as they were remembered. The others are hashed where they stand,
//! and not taken apart.

use std::io::Read;

use memchr::memchr_iter;

use crate::domain::Result;
use crate::domain::catalog::CatalogPrint;
use crate::domain::fingerprint::{Fingerprint, Fingerprinter};
use crate::domain::ids::Sku;
use crate::domain::rows::{Compared, Gone, HashedMap, HashedSet, NEW, Rows};

use super::native::Native;
use super::walk::{NEAR, Stretch, Walk, Walked};

/// Fewer rows are not worth a thread.
const FEW: usize = if cfg!(test) { 2 } else { 10_000 };
/// Bytes before and behind the place of a remembered row, in which it is looked for.
const AROUND: u64 = 1 << 16;

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
        let parts = match before.len() {
            0..FEW => 1,
            _ => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let Some(compared) = self.compare_rows(&before, text, reading, parts)? else {
            return Ok(None);
        };
        self.know_parents(&compared.rows);
        Ok(Some(compared))
    }

    /// Looks at the file in so many parts at a time, as long as remembered rows are met in their order.
    fn compare_rows(
        &self,
        before: &Rows,
        text: Fingerprint,
        reading: Fingerprint,
        parts: usize,
    ) -> Result<Option<Compared>> {
        let stretches = self.stretches(before, parts)?;
        let mut walked = match stretches.len() {
            1 => Walked::Lost,
            _ => self.walk_together(before, stretches)?,
        };
        if matches!(walked, Walked::Lost) {
            let whole = Stretch {
                rows: 0..before.len(),
                start: self.table.header.rows_offset,
                end: None,
            };
            walked = self.walk(before, &whole, None)?;
        }
        let Walked::Done(mut walk) = walked else {
            return Ok(None);
        };
        if self.table.source.was_written() {
            return Ok(None);
        }
        walk.rows.text = text;
        walk.rows.reading = reading;
        let Walk {
            rows,
            origins,
            changed,
            search,
        } = *walk;
        let gone = search.left();
        let clashes = search.clashes;
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

    /// Cuts the file where remembered rows stand, near to where they stood.
    fn stretches(&self, before: &Rows, parts: usize) -> Result<Vec<Stretch>> {
        let first = self.table.header.rows_offset;
        let mut stretches = Vec::new();
        let (mut row, mut start) = (0, first);
        let (mut passed, mut offset) = (0, first);
        for part in 1..parts {
            let at = before.len() * part / parts;
            let spans = before.prints[passed..at].iter();
            offset += spans.map(|print| u64::from(print.span)).sum::<u64>();
            passed = at;
            let Some((anchor, end)) = self.anchor(before, at, offset)? else {
                continue;
            };
            if anchor > row && end > start {
                stretches.push(Stretch {
                    rows: row..anchor,
                    start,
                    end: Some(end),
                });
                (row, start) = (anchor, end);
            }
        }
        stretches.push(Stretch {
            rows: row..before.len(),
            start,
            end: None,
        });
        Ok(stretches)
    }

    /// A remembered row from this one on, and where its bytes begin a line of the file, near to this place. That it is
    /// a row there is not sure: it may be a part of a longer text.
    fn anchor(&self, before: &Rows, row: usize, offset: u64) -> Result<Option<(usize, u64)>> {
        let source = &self.table.source;
        let start = self
            .table
            .header
            .rows_offset
            .max(offset.saturating_sub(AROUND));
        let end = source.end.min(offset.saturating_add(AROUND));
        let mut bytes = Vec::new();
        source
            .window(start, end.max(start))
            .read_to_end(&mut bytes)
            .map_err(|error| source.failed(error))?;
        let lines = || memchr_iter(b'\n', &bytes).map(|line_end| line_end + 1);
        for (print, row) in before.prints[row..].iter().zip(row..).take(NEAR) {
            let is_it = |line: &usize| {
                let bytes = bytes.get(*line..*line + print.span as usize);
                bytes.is_some_and(|bytes| bytes.ends_with(b"\n") && print.is_of(bytes))
            };
            if let Some(line) = lines().find(is_it) {
                return Ok(Some((row, start + line as u64)));
            }
        }
        Ok(None)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::open;
    use super::super::{CsvCatalog, Layout, ReadOptions};
    use super::*;
    use crate::domain::catalog::{Catalog, Scanned};
    use crate::domain::rows::Bits;

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

    fn native(catalog: &CsvCatalog) -> &Native {
        match &catalog.layout {
            Layout::Native(native) => native,
            _ => panic!("the file is of another format"),
        }
    }

    /// Everything that is told, with so many threads.
    fn compared_in(catalog: &CsvCatalog, before: &Rows, parts: usize) -> String {
        let native = native(catalog);
        let CatalogPrint { text, reading } = native.print();
        let compared = native.compare_rows(before, text, reading, parts).unwrap();
        let mut reordered: Vec<u64> = match &compared {
            Some(compared) => compared.reordered.iter().copied().collect(),
            None => Vec::new(),
        };
        reordered.sort_unstable();
        let others = compared.map(|compared| Compared {
            reordered: HashedSet::default(),
            ..compared
        });
        format!("{others:?} {reordered:?}")
    }

    /// What a seller does to a file, at some row.
    fn edits() -> impl Strategy<Value = Vec<(u8, prop::sample::Index)>> {
        prop::collection::vec((0..7_u8, any::<prop::sample::Index>()), 0..6)
    }

    proptest! {
        #[test]
        fn however_many_threads_look_they_find_the_same(
            rows in 1..40_usize,
            edits in edits(),
            parts in 2..5_usize,
        ) {
            let mut lines: Vec<String> = (0..rows)
                .map(|row| match row % 5 {
                    0 => format!("P{row},,\"two\nlines, and a row:\nS{},,x\"\n", row + 1),
                    1 => format!("S{row},,x\n"),
                    _ => format!("V{row},P{},x\n", row / 5 * 5),
                })
                .collect();
            let file = |lines: &[String]| format!("sku,parent_sku,title\n{}", lines.concat());
            let before = remember(&file(&lines));
            for (edit, at) in edits {
                let at = at.index(lines.len());
                match edit {
                    0 | 1 => lines[at] = lines[at].replace('x', "longer"),
                    2 => drop(lines.remove(at)),
                    3 => lines.insert(at, format!("N{},,x\n", lines.len())),
                    4 => lines.insert(at, "\n".to_owned()),
                    5 => lines.insert(at, lines[lines.len() / 2].to_lowercase()),
                    _ => lines.rotate_left(at),
                }
                if lines.is_empty() {
                    break;
                }
            }
            let catalog = open(file(&lines).as_bytes());
            // A file without rows is refused when it is opened.
            prop_assume!(catalog.is_ok());
            let catalog = catalog.unwrap();
            let alone = compared_in(&catalog, &before, 1);
            prop_assert_eq!(compared_in(&catalog, &before, parts), alone);
        }
    }

    #[test]
    fn edited_rows_do_not_part_the_threads() {
        let row = |row: usize, word: &str| format!("S{row},{word}\n");
        let file = |word_of: fn(usize) -> &'static str| {
            let rows: String = (0..40).map(|number| row(number, word_of(number))).collect();
            format!("sku,title\n{rows}")
        };
        let before = remember(&file(|_| "x"));
        let after = file(|row| if row % 3 == 0 { "longer" } else { "x" });
        let catalog = open(after.as_bytes()).unwrap();
        let native = native(&catalog);
        let stretches = native.stretches(&before, 4).unwrap();
        assert_eq!(stretches.len(), 4);
        let walked = native.walk_together(&before, stretches).unwrap();
        assert!(matches!(walked, Walked::Done(walk) if walk.changed.len() == 14));
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
