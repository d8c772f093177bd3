//! The threads that plan. One reads the catalog, the others compare what it has read; where there is only one, it does
//! both.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

use super::compare::{Findings, Kin, Row, Side};
use super::draft::Draft;
use crate::domain::ids::Sku;

/// Rows that are compared at once: a few hundred fit a core's own memory. Tests have few rows, and share them all the
/// same.
const BATCH: usize = if cfg!(test) { 3 } else { 256 };
/// Fewer rows are not worth a thread.
const FEW: usize = if cfg!(test) { 1 } else { 10_000 };

/// One channel's draft, which takes over what was found in the order of the rows, whoever is ready first.
struct InOrder<'d> {
    draft: &'d mut Draft,
    next: usize,
    early: BTreeMap<usize, Findings>,
}

impl InOrder<'_> {
    fn take(&mut self, number: usize, found: Findings) {
        self.early.insert(number, found);
        while let Some(found) = self.early.remove(&self.next) {
            self.draft.take(found);
            self.next += 1;
        }
    }
}

/// Some rows on one channel.
struct Task {
    rows: Arc<Vec<Row>>,
    /// Of the batch.
    number: usize,
    channel: usize,
}

struct Bench<'b> {
    sides: &'b [Side<'b>],
    /// In the order of the channels, as everything here.
    kin: &'b [Kin],
    drafts: Vec<Mutex<InOrder<'b>>>,
}

impl Bench<'_> {
    fn work(&self, task: &Task) {
        let found = self.sides[task.channel].compare(&task.rows, &self.kin[task.channel]);
        locked(&self.drafts[task.channel]).take(task.number, found);
    }
}

/// What a panic of another thread left behind is not used: that panic goes on when the threads are joined.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes rows in the order of the file, and has them compared for every channel.
pub(super) struct Batches<'scope, 'env> {
    bench: &'env Bench<'env>,
    rows: Vec<Row>,
    sent: usize,
    /// Those that may still be looked at. Memory goes back fastest where it came from, so that this thread frees them.
    kept: VecDeque<Arc<Vec<Row>>>,
    scope: &'scope Scope<'scope, 'env>,
    tasks: SyncSender<Task>,
    waiting: &'env Mutex<Receiver<Task>>,
    /// Threads that work beside this one, and that could.
    helpers: usize,
    most_helpers: usize,
}

impl Batches<'_, '_> {
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
        if self.rows.len() >= BATCH {
            if self.helpers == 0 {
                self.call_helper();
            }
            self.send();
        }
    }

    /// See [`Draft::has_settled_variant`].
    pub fn has_settled_variant(&self, channel: usize, parent: &Sku) {
        let mut in_order = locked(&self.bench.drafts[channel]);
        in_order.draft.has_settled_variant(parent);
    }

    fn send(&mut self) {
        let rows = Arc::new(std::mem::take(&mut self.rows));
        for channel in 0..self.bench.sides.len() {
            let task = Task {
                rows: rows.clone(),
                number: self.sent,
                channel,
            };
            if self.helpers == 0 {
                self.bench.work(&task);
                continue;
            }
            // As long as enough is waiting, whoever reads helps to plan.
            if let Err(TrySendError::Full(task) | TrySendError::Disconnected(task)) =
                self.tasks.try_send(task)
            {
                self.call_helper();
                self.bench.work(&task);
            }
        }
        self.sent += 1;
        self.kept.push_back(rows);
        let is_done = |rows: &Arc<Vec<Row>>| Arc::strong_count(rows) == 1;
        while self.kept.front().is_some_and(is_done) {
            self.kept.pop_front();
        }
    }

    fn call_helper(&mut self) {
        if self.helpers >= self.most_helpers {
            return;
        }
        self.helpers += 1;
        let (bench, waiting) = (self.bench, self.waiting);
        self.scope.spawn(move || {
            let next = || locked(waiting).recv();
            while let Ok(task) = next() {
                bench.work(&task);
            }
        });
    }
}

/// Compares all rows that `read` pushes. The drafts hold what came of it when this returns.
pub(super) fn compare_all<T>(
    sides: &[Side<'_>],
    kin: &[Kin],
    drafts: &mut [Draft],
    read: impl FnOnce(&mut Batches<'_, '_>) -> T,
) -> T {
    // Two batches ahead nobody waits for the reader.
    let (tasks, waiting) = sync_channel(2 * sides.len());
    let waiting = Mutex::new(waiting);
    let in_order = |draft| {
        Mutex::new(InOrder {
            draft,
            next: 0,
            early: BTreeMap::new(),
        })
    };
    let bench = Bench {
        sides,
        kin,
        drafts: drafts.iter_mut().map(in_order).collect(),
    };
    std::thread::scope(|scope| {
        let mut batches = Batches {
            bench: &bench,
            rows: Vec::new(),
            sent: 0,
            kept: VecDeque::new(),
            scope,
            tasks,
            waiting: &waiting,
            helpers: 0,
            most_helpers: cores() - 1,
        };
        let done = read(&mut batches);
        batches.send();
        done
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does something with all of them, on several threads when `rows` says that there is enough to do.
pub(super) fn for_all<T: Send, R: Send>(
    all: Vec<T>,
    rows: usize,
    work_on: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = match rows {
        0..FEW => 1,
        _ => cores().min(all.len()),
    };
    let results: Vec<Mutex<Option<R>>> = all.iter().map(|_| Mutex::new(None)).collect();
    let waiting = Mutex::new(all.into_iter().zip(&results));
    let work = || {
        let next = || locked(&waiting).next();
        while let Some((one, result)) = next() {
            *locked(result) = Some(work_on(one));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let results = results.into_iter();
    results
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// Looks at so many rows, on several threads when there are many, and gives what was found of each in their order.
pub(super) fn find_in_rows<R: Send>(
    rows: usize,
    find: impl Fn(usize) -> Option<R> + Sync,
) -> Vec<R> {
    let part = rows.div_ceil(cores()).max(1);
    let parts = (0..rows).step_by(part);
    let parts = parts.map(|start| start..rows.min(start + part));
    let found = for_all(parts.collect(), rows, |part: Range<usize>| {
        part.filter_map(&find).collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::issue::Issue;

    #[test]
    fn what_is_ready_first_waits_for_what_comes_first() {
        let mut draft = Draft::default();
        let mut in_order = InOrder {
            draft: &mut draft,
            next: 0,
            early: BTreeMap::new(),
        };
        for number in [2, 0, 3, 1] {
            let found = Findings {
                issues: vec![Issue::note("met", number.to_string())],
                ..Findings::default()
            };
            in_order.take(number, found);
        }
        assert!(in_order.early.is_empty());
        let messages: Vec<&str> = draft.issues().map(|issue| &*issue.message).collect();
        assert_eq!(messages, ["0", "1", "2", "3"]);
    }
}
