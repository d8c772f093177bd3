//! Finds the rows of a native catalog that are not as they were remembered. The others are hashed where they stand,
//! and not taken apart.

use std::io::Read;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memchr_iter;

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

    /// A thread for each stretch.
    fn walk_together<'a>(&self, before: &'a Rows, stretches: Vec<Stretch>) -> Result<Walked<'a>> {
        let is_lost = AtomicBool::new(false);
        let walk = |stretch: &Stretch| self.walk(before, stretch, Some(&is_lost));
        let walked: Vec<Result<Walked<'a>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = stretches[1..]
                .iter()
                .map(|stretch| scope.spawn(move || walk(stretch)))
                .collect();
            let first = walk(&stretches[0]);
            let others = threads.into_iter().map(|thread| {
                let walked = thread.join();
                walked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            std::iter::once(first).chain(others).collect()
        });
        let mut whole: Option<Box<Walk<'a>>> = None;
        for walked in walked {
            let next = match walked? {
                Walked::Done(next) => next,
                // A stretch may have begun in the middle of a row: only the whole tells.
                Walked::Unreadable | Walked::Lost => return Ok(Walked::Lost),
            };
            whole = match whole {
                None => Some(next),
                Some(mut whole) => {
                    if !whole.append(*next) {
                        return Ok(Walked::Unreadable);
                    }
                    Some(whole)
                }
            };
        }
        Ok(whole.map_or(Walked::Lost, Walked::Done))
    }

    /// One stretch of the file. With others beside it, it gives up as soon as one of them is lost.
    fn walk<'a>(
        &self,
        before: &'a Rows,
        stretch: &Stretch,
        is_lost: Option<&AtomicBool>,
    ) -> Result<Walked<'a>> {
        let lost = || {
            if let Some(is_lost) = is_lost {
                is_lost.store(true, Ordering::Relaxed);
            }
            Ok(Walked::Lost)
        };
        let mut walk = Walk::new(before, stretch, is_lost.is_none());
        // Lines count from the first one of the stretch: only how many a row has is of interest.
        let mut records = self.table.records_at(stretch.start, 0).with_digests();
        let mut record = Record::default();
        loop {
            match stretch.end {
                Some(end) if records.offset == end => break,
                Some(end) if records.offset > end => return lost(),
                _ => {}
            }
            if is_lost.is_some_and(|is_lost| is_lost.load(Ordering::Relaxed)) {
                return Ok(Walked::Lost);
            }
            if let Some(expected) = walk.search.expected()
                && records.pass(&before.prints[expected])?
            {
                walk.search.take(expected);
                let sku = before.sku(expected);
                if !walk.push(before.prints[expected], sku, expected as u32) {
                    return Ok(Walked::Unreadable);
                }
                continue;
            }
            let (start, line) = (records.offset, records.line);
            let shape = match records.next(&mut record)? {
                Next::End => break,
                Next::UnclosedQuote { .. } => return Ok(Walked::Unreadable),
                Next::Record(shape) => shape,
            };
            let sku = record.cell(self.sku);
            let is_unreadable = shape == Shape::Long
                || (shape == Shape::Short && record.len() <= self.sku)
                || sku_fault(sku).is_some();
            if is_unreadable {
                return Ok(Walked::Unreadable);
            }
            let Some(print) = records.print(&record, start, line)? else {
                return Ok(Walked::Unreadable);
            };
            let parent = self.parent_sku.map_or("", |position| record.cell(position));
            let is_variant = !parent.is_empty() && parent != sku;
            let mut print = RowPrint {
                folded: folded_hash(sku, &mut walk.search.buffer),
                family: exact_hash(if is_variant { parent } else { sku }),
                is_variant,
                ..print
            };
            let mut origin = NEW;
            if let Some(known) = walk.search.find(sku, print.folded) {
                let remembered = &before.prints[known];
                if (remembered.digest, remembered.span) == (print.digest, print.span) {
                    origin = known as u32;
                    print.stock = remembered.stock;
                } else {
                    walk.changed.push(known);
                }
            } else if walk.search.is_lost {
                return lost();
            }
            if !walk.push(print, sku, origin) {
                return Ok(Walked::Unreadable);
            }
        }
        match stretch.end {
            Some(end) if records.offset != end => lost(),
            _ => Ok(Walked::Done(Box::new(walk))),
        }
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

/// A part of the file, and the remembered rows that should stand there.
struct Stretch {
    rows: Range<usize>,
    start: u64,
    /// Where a row begins that belongs to the next stretch; `None` at the end of the file.
    end: Option<u64>,
}

/// What came of a stretch.
enum Walked<'a> {
    Done(Box<Walk<'a>>),
    /// A row cannot be read, or is larger than anything that is remembered.
    Unreadable,
    /// A row has to be looked for among all, or the next stretch does not begin with a row.
    Lost,
}

/// The rows of a stretch beside those that were remembered.
struct Walk<'a> {
    /// Not yet with what stands for the text.
    rows: Rows,
    origins: Vec<u32>,
    /// Remembered rows that are there in other words.
    changed: Vec<usize>,
    search: Search<'a>,
}

impl<'a> Walk<'a> {
    fn new(before: &'a Rows, stretch: &Stretch, is_whole: bool) -> Self {
        // The first of several is where the others are put.
        let rows = match stretch.rows.start {
            0 => before.len(),
            _ => stretch.rows.len(),
        };
        Self {
            rows: Rows {
                prints: Vec::with_capacity(rows),
                skus: String::with_capacity(before.skus.len() / before.len().max(1) * rows),
                ..Rows::default()
            },
            origins: Vec::with_capacity(rows),
            changed: Vec::new(),
            search: Search::new(before, stretch.rows.clone(), is_whole),
        }
    }

    /// `false` when there is no room for more.
    fn push(&mut self, print: RowPrint, sku: &str, origin: u32) -> bool {
        self.origins.push(origin);
        self.rows.push(print, sku)
    }

    /// Takes over the next stretch; `false` when there is no room for it.
    fn append(&mut self, next: Self) -> bool {
        self.origins.extend(next.origins);
        self.changed.extend(next.changed);
        self.search.used = self.search.used.or(&next.search.used);
        self.rows.append(&next.rows)
    }
}

/// Where the next row should stand among those that were remembered.
struct Search<'a> {
    before: &'a Rows,
    /// Those that may be met.
    rows: Range<usize>,
    /// Whether these are all.
    is_whole: bool,
    /// One was to be looked for among all, and these are not.
    is_lost: bool,
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
    fn new(before: &'a Rows, rows: Range<usize>, is_whole: bool) -> Self {
        Self {
            before,
            cursor: rows.start,
            rows,
            is_whole,
            is_lost: false,
            used: Bits::new(before.len()),
            index: None,
            clashes: HashedSet::default(),
            is_reordered: false,
            buffer: String::new(),
        }
    }

    /// The remembered row that stands next, unless it was met before.
    fn expected(&self) -> Option<usize> {
        (self.cursor < self.rows.end && !self.used.get(self.cursor)).then_some(self.cursor)
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
        let mut near = self.cursor..self.rows.end.min(self.cursor + NEAR);
        let found = near.find(|row| is_it(*row)).or_else(|| {
            if !self.is_whole {
                self.is_lost = true;
                return None;
            }
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
    use proptest::prelude::*;

    use super::super::testing::open;
    use super::super::{CsvCatalog, Layout, ReadOptions};
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
