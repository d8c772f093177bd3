//! Walks along a file beside the rows that are remembered of it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::Result;
use crate::domain::rows::{
    Bits, HashedMap, HashedSet, NEW, RowPrint, Rows, exact_hash, folded_hash,
};

use super::native::Native;
use super::records::{Next, Record, Shape};
use super::table::sku_fault;

/// So many remembered rows are looked through before all of them are indexed: a few that were taken out.
pub(super) const NEAR: usize = 16;

/// A part of the file, and the remembered rows that should stand there.
pub(super) struct Stretch {
    pub rows: Range<usize>,
    pub start: u64,
    /// Where a row begins that belongs to the next stretch; `None` at the end of the file.
    pub end: Option<u64>,
}

/// What came of a stretch.
pub(super) enum Walked<'a> {
    Done(Box<Walk<'a>>),
    /// A row cannot be read, or is larger than anything that is remembered.
    Unreadable,
    /// A row has to be looked for among all, or the next stretch does not begin with a row.
    Lost,
}

/// The rows of a stretch beside those that were remembered.
pub(super) struct Walk<'a> {
    /// Not yet with what stands for the text.
    pub rows: Rows,
    /// As in [`Compared`](crate::domain::rows::Compared).
    pub origins: Vec<u32>,
    /// Remembered rows that are there in other words.
    pub changed: Vec<usize>,
    pub search: Search<'a>,
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
    fn append(&mut self, next: &Self) -> bool {
        self.origins.extend_from_slice(&next.origins);
        self.changed.extend_from_slice(&next.changed);
        self.search.used = self.search.used.or(&next.search.used);
        self.rows.append(&next.rows)
    }
}

/// Where the next row should stand among those that were remembered.
pub(super) struct Search<'a> {
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
    pub clashes: HashedSet,
    pub is_reordered: bool,
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

    /// Those that are there no more.
    pub fn left(&self) -> Vec<usize> {
        (0..self.before.len())
            .filter(|row| !self.used.get(*row))
            .collect()
    }
}

fn index(rows: &Rows) -> HashedMap<u32> {
    let mut index = HashedMap::with_capacity_and_hasher(rows.len(), Default::default());
    for (row, print) in (0_u32..).zip(&rows.prints) {
        index.entry(print.folded).or_insert(row);
    }
    index
}

impl Native {
    /// A thread for each stretch.
    pub(super) fn walk_together<'a>(
        &self,
        before: &'a Rows,
        stretches: Vec<Stretch>,
    ) -> Result<Walked<'a>> {
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
        let mut walked = walked.into_iter();
        let mut whole = walked.next().unwrap_or(Ok(Walked::Lost))?;
        for next in walked {
            let Walked::Done(walk) = &mut whole else {
                break;
            };
            // What came before ended where this one began: it did not begin in the middle of a row.
            match next? {
                Walked::Done(next) if walk.append(&next) => {}
                Walked::Done(_) => return Ok(Walked::Unreadable),
                broken => return Ok(broken),
            }
        }
        Ok(whole)
    }

    /// One stretch of the file. With others beside it, it gives up as soon as one of them is lost.
    pub(super) fn walk<'a>(
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
}
