//! Changes as they are found, on their way into the order in which they leave: sorted in runs, which are merged.

use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::Planned;
use super::changes::{Changes, InOrder};
use super::packed::{Packed, copy, first_length, pack};
use super::scratch::{Piece, Reading, Scratch};
use crate::domain::Result;

/// Bytes of one run.
const RUN: usize = if cfg!(test) { 120 } else { 1 << 20 };

/// A few changes in any order.
#[derive(Debug, Default)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    count: usize,
}

impl Pack {
    pub fn push(&mut self, planned: &Planned) {
        pack(planned, &mut self.bytes);
        self.count += 1;
    }
}

/// All changes of a channel until there are no more.
#[derive(Debug, Default)]
pub(super) struct Pile {
    /// Not sorted yet.
    last: Vec<u8>,
    runs: Vec<Piece>,
    scratch: Scratch,
    count: usize,
}

impl Pile {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn append(&mut self, found: &Pack) {
        if self.last.len() + found.bytes.len() > RUN {
            self.end_run();
        }
        self.last.extend_from_slice(&found.bytes);
        self.count += found.count;
    }

    fn end_run(&mut self) {
        let bytes = std::mem::take(&mut self.last);
        let mut changes = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(length) = first_length(rest) {
            let change = Packed::of(&rest[..length]);
            changes.push((change.order().start(), change));
            rest = &rest[length..];
        }
        // Of two in one order the first stays the first.
        changes.sort_by(|(start, one), (other_start, other)| {
            let by_order = || one.order().cmp(&other.order());
            start.cmp(other_start).then_with(by_order)
        });
        let mut sorted = Vec::with_capacity(bytes.len());
        for (_, change) in changes {
            copy(change, &mut sorted);
        }
        if !sorted.is_empty() {
            self.runs.push(self.scratch.put(sorted));
        }
    }

    /// Drops the changes of some skus.
    pub fn forget(&mut self, is_gone: impl Fn(&str) -> bool) -> Result<()> {
        self.end_run();
        let runs = std::mem::take(&mut self.runs);
        self.scratch = Scratch::default();
        self.count = 0;
        for run in runs {
            let mut left = Vec::new();
            let mut reading = Reading::of(&run);
            while let Some(change) = reading.next_packed()? {
                if !is_gone(change.sku()) {
                    copy(change, &mut left);
                    self.count += 1;
                }
            }
            if !left.is_empty() {
                self.runs.push(self.scratch.put(left));
            }
        }
        Ok(())
    }

    /// All of them in the order in which they leave. Each is shown to `see`.
    pub fn in_order(mut self, mut see: impl FnMut(Packed<'_>)) -> Result<Changes> {
        self.end_run();
        let mut heads = BinaryHeap::new();
        for (number, run) in self.runs.iter().enumerate() {
            heads.extend(Head::first(number, run)?);
        }
        let mut changes = InOrder::default();
        while let Some(mut head) = heads.peek_mut() {
            let change = Packed::of(&head.change);
            see(change);
            changes.push(change);
            if !head.advance()? {
                PeekMut::pop(head);
            }
        }
        Ok(changes.finish())
    }
}

/// The next change of a run.
struct Head<'a> {
    start: [u8; 16],
    change: Vec<u8>,
    run: usize,
    reading: Reading<'a>,
}

impl<'a> Head<'a> {
    fn first(run: usize, piece: &'a Piece) -> Result<Option<Self>> {
        let mut head = Self {
            start: [0; 16],
            change: Vec::new(),
            run,
            reading: Reading::of(piece),
        };
        Ok(head.advance()?.then_some(head))
    }

    /// `false` when there is no more.
    fn advance(&mut self) -> Result<bool> {
        let Some(change) = self.reading.next_packed()? else {
            return Ok(false);
        };
        self.start = change.order().start();
        self.change.clear();
        copy(change, &mut self.change);
        Ok(true)
    }
}

impl Ord for Head<'_> {
    /// The first one is the greatest, because that is what a heap gives.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_order = || {
            let (one, other) = (Packed::of(&self.change), Packed::of(&other.change));
            one.order().cmp(&other.order())
        };
        let in_order = self.start.cmp(&other.start).then_with(by_order);
        in_order.then(self.run.cmp(&other.run)).reverse()
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head<'_> {}
