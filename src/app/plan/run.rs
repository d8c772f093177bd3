//! A plan from beginning to end: what has to be looked at, what the ledger knows of it, what differs, and what the
//! next plan may pass over.

use std::sync::Arc;

use futures::future::try_join_all;
use jiff::Timestamp;

use super::crew::for_all;
use super::draft::Drafted;
use super::look::{Beside, Look, Remembered, policy_print};
use super::memo::{ChannelMemo, Memo, MemoFile};
use super::scan::{Found, RowsToScan, scan};
use super::{Known, Plan};
use crate::app::shelf::Shelf;
use crate::app::{Channel, Scope};
use crate::domain::Result;
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::Ledger;
use crate::domain::rows::{Bits, Compared, HashedSet, Rows, exact_hash, folded_hash};

/// Listings that were written since the last plan; when there are more, everything is compared.
const MOST_TOUCHED: usize = 1_000_000;

/// Where a plan takes from what it compares with.
pub struct Ground<'a> {
    pub ledger: &'a dyn Ledger,
    /// What the last plan found settled; `None` looks at everything, and remembers nothing.
    pub memo: Option<&'a MemoFile>,
}

/// Compares what the seller states with what the ledger knows, and fills in what it knows of the listings that had
/// to be looked at. `Err` means that the catalog as a whole cannot be trusted.
pub async fn plan(
    channels: &[Arc<Channel>],
    known: &mut [Known],
    ground: &Ground<'_>,
    shelf: &Shelf,
    scope: &Scope,
    now: Timestamp,
) -> Result<Plan> {
    // A part of the catalog settles nothing, and what a first contact reads without recording it is forgotten again.
    let is_whole = scope.is_whole() && known.iter().all(|known| known.unrecorded.is_empty());
    let Some(file) = ground.memo.filter(|_| is_whole) else {
        load(channels, known, ground.ledger, None).await?;
        let found = scan(channels, known, shelf, scope, now, RowsToScan::All)?;
        return judged(found, channels, known, ground.ledger, true).await;
    };
    if let Some(settled) = all_settled(channels, known, file, ground.ledger, shelf).await? {
        let (nothing, none, nobody) = (Rows::default(), Bits::default(), Beside::default());
        let rows = RowsToScan::Marked(&nothing, &none, &nobody);
        let mut found = scan(channels, known, shelf, scope, now, rows)?;
        found.plan.summary.rows = settled.rows;
        found.plan.passed_over = settled.rows;
        for (drafted, selected) in found.drafted.iter_mut().zip(settled.selected) {
            drafted.plan.unchanged = selected;
        }
        return judged(found, channels, known, ground.ledger, false).await;
    }
    let mut before = file.load();
    let since = before.as_ref().map(|memo| memo.touched);
    let touched = ground.ledger.touched_since(since, MOST_TOUCHED).await?;
    let rows = match &mut before {
        Some(memo) => std::mem::take(&mut memo.rows),
        None => Rows::default(),
    };
    let (reading, text) = (rows.reading, rows.text);
    let Some(mut compared) = shelf.catalog.compare(rows)? else {
        load(channels, known, ground.ledger, None).await?;
        let found = scan(channels, known, shelf, scope, now, RowsToScan::All)?;
        let mut plan = judged(found, channels, known, ground.ledger, true).await?;
        // The next plan looks at everything again, whatever was written before this one.
        plan.compared_up_to = Some(touched.latest);
        return Ok(plan);
    };
    let remembered = match (before, touched.listings) {
        (Some(memo), Some(touched)) if reading == compared.rows.reading => Some(Remembered {
            channels: memo.channels,
            stock: memo.stock,
            touched,
        }),
        _ => None,
    };
    let look = Look::new(&mut compared, remembered.as_ref(), channels, known, shelf)?;
    let (rows, skus) = match &look.marked {
        Some(marked) => (
            RowsToScan::Marked(&compared.rows, marked, &look.beside),
            Some(look.skus.as_slice()),
        ),
        None => (RowsToScan::All, None),
    };
    load(channels, known, ground.ledger, skus).await?;
    let mut found = scan(channels, known, shelf, scope, now, rows)?;
    let after = remember(
        channels,
        known,
        shelf,
        (&compared, &look),
        &found,
        remembered.as_ref(),
    );
    let is_news = text != compared.rows.text
        || since != Some(touched.latest)
        || remembered
            .is_none_or(|before| before.channels != after || before.stock != shelf.stock.text);
    if let Some(marked) = &look.marked {
        pass_over(&mut found, channels, &after, marked);
        found.plan.passed_over = (marked.len() - marked.count()) as u64;
        found.plan.summary.rows = compared.rows.len() as u64;
    }
    if is_news && found.plan.summary.unreadable == 0 {
        file.save(&Memo {
            rows: compared.rows,
            stock: shelf.stock.text,
            touched: touched.latest,
            channels: after,
        });
        found.plan.compared_up_to = Some(touched.latest);
    }
    judged(found, channels, known, ground.ledger, look.marked.is_none()).await
}

/// A catalog of which nothing has to be looked at.
struct AllSettled {
    rows: u64,
    /// Of each channel.
    selected: Vec<u64>,
}

/// Whether everything was settled and nothing has moved since, which can be told without looking at any row.
async fn all_settled(
    channels: &[Arc<Channel>],
    known: &[Known],
    file: &MemoFile,
    ledger: &dyn Ledger,
    shelf: &Shelf,
) -> Result<Option<AllSettled>> {
    let is_open = shelf.sold.skus().next().is_some()
        || known.iter().any(|known| known.open_skus().next().is_some());
    let Some(head) = file.load_head().filter(|_| !is_open) else {
        return Ok(None);
    };
    let is_same_file = shelf.catalog.print().is_some_and(|print| {
        (print.text, print.reading) == (head.text, head.reading) && shelf.stock.text == head.stock
    });
    let selected = channels.iter().map(|channel| {
        let found = head
            .channels
            .iter()
            .find(|found| found.channel == channel.name)?;
        let is_settled = found.is_settled && found.policy == policy_print(channel);
        is_settled.then_some(found.selected)
    });
    let Some(selected) = selected.collect::<Option<_>>().filter(|_| is_same_file) else {
        return Ok(None);
    };
    let touched = ledger.touched_since(Some(head.touched), 0).await?;
    let is_untouched = touched.listings.is_some_and(|listings| listings.is_empty());
    Ok(is_untouched.then_some(AllSettled {
        rows: head.rows,
        selected,
    }))
}

/// Fills in what the ledger knows of these skus; of all, without any named.
async fn load(
    channels: &[Arc<Channel>],
    known: &mut [Known],
    ledger: &dyn Ledger,
    skus: Option<&[Sku]>,
) -> Result<()> {
    try_join_all(
        channels
            .iter()
            .zip(known)
            .map(|(channel, known)| known.load(ledger, &channel.name, skus)),
    )
    .await?;
    Ok(())
}

/// Lets the guard judge. It needs to know how many listings there are, if there is anything to judge.
async fn judged(
    found: Found,
    channels: &[Arc<Channel>],
    known: &[Known],
    ledger: &dyn Ledger,
    knows_all: bool,
) -> Result<Plan> {
    let mut plan = found.plan;
    for ((drafted, channel), known) in found.drafted.into_iter().zip(channels).zip(known) {
        let mut of_channel = drafted.plan;
        let live = match knows_all {
            true => known.live(),
            false if of_channel.changes.is_empty() => 0,
            false => ledger.standing(&channel.name).await?.live_managed,
        };
        of_channel.stop = drafted.tally.judge(&channel.guard, live);
        plan.channels.push(of_channel);
    }
    Ok(plan)
}

/// Counts what was settled before and still is.
fn pass_over(found: &mut Found, channels: &[Arc<Channel>], memos: &[ChannelMemo], marked: &Bits) {
    for (drafted, channel) in found.drafted.iter_mut().zip(channels) {
        let Some(memo) = memos.iter().find(|memo| memo.channel == channel.name) else {
            continue;
        };
        let passed = (0..marked.len()).filter(|row| !marked.get(*row) && memo.selected.get(*row));
        drafted.plan.unchanged += passed.count() as u64;
    }
}

/// What the next plan may pass over, of each channel.
fn remember(
    channels: &[Arc<Channel>],
    known: &[Known],
    shelf: &Shelf,
    (compared, look): (&Compared, &Look),
    found: &Found,
    before: Option<&Remembered>,
) -> Vec<ChannelMemo> {
    let mut open = found.open.clone();
    let mut buffer = String::new();
    open.extend(
        shelf
            .sold
            .skus()
            .map(|sku| folded_hash(sku.as_str(), &mut buffer)),
    );
    let lone_families: HashedSet = found
        .without_row
        .iter()
        .map(|sku| exact_hash(sku.as_str()))
        .collect();
    let memo_of = |name: &ChannelName| {
        let before = before?;
        before.channels.iter().find(|memo| memo.channel == *name)
    };
    let numbers = numbers(compared, look, found);
    let all = channels.iter().zip(known).zip(&found.drafted).collect();
    let rows = compared.rows.len();
    let mut memos = for_all(all, rows, |((channel, known), drafted)| {
        let mut buffer = String::new();
        let mut fold = |sku: &Sku| folded_hash(sku.as_str(), &mut buffer);
        let mut mine = open.clone();
        mine.extend(&drafted.open);
        let is_changed = |number| drafted.changed.has(number);
        let changed_rows = compared.rows.prints.iter().zip(&numbers);
        mine.extend(
            changed_rows
                .filter(|(_, number)| is_changed(**number))
                .map(|(print, _)| print.folded),
        );
        let changed_parents = found.without_row.iter();
        let without_row = changed_parents
            .filter(|sku| found.skus.number(sku).is_some_and(is_changed))
            .chain(&drafted.absent)
            .chain(known.open_skus());
        mine.extend(without_row.map(&mut fold));
        let mut memo = look_back(
            compared,
            (look, &numbers),
            drafted,
            &mine,
            memo_of(&channel.name),
            &lone_families,
        );
        memo.channel = channel.name.clone();
        memo.policy = policy_print(channel);
        let lost = known.open_skus().filter(|sku| !found.skus.is_stated(sku));
        memo.absent.extend(lost.cloned());
        // No row tells when they leave.
        memo.absent.extend(found.without_row.iter().cloned());
        memo.absent.sort();
        memo.absent.dedup();
        memo
    });
    let others = before.into_iter().flat_map(|before| {
        let is_other = |memo: &&ChannelMemo| channels.iter().all(|one| one.name != memo.channel);
        let others = before.channels.iter().filter(is_other);
        others.map(|memo| carry_over(compared, look, before, memo))
    });
    memos.extend(others);
    memos
}

/// Of each row that was looked at, the number of its sku; of the others one that there is not.
fn numbers(compared: &Compared, look: &Look, found: &Found) -> Vec<usize> {
    let rows = &compared.rows;
    let number_of = |row| {
        let was_passed = look.marked.as_ref().is_some_and(|marked| !marked.get(row));
        let hash = (!was_passed).then(|| exact_hash(rows.sku(row)))?;
        found.skus.number_of_hash(hash)
    };
    let all = 0..rows.len();
    all.map(|row| number_of(row).unwrap_or(usize::MAX))
        .collect()
}

/// One channel's rows: those that were looked at as they were found, the others as they were.
fn look_back(
    compared: &Compared,
    (look, numbers): (&Look, &[usize]),
    drafted: &Drafted,
    open: &HashedSet,
    before: Option<&ChannelMemo>,
    lone_families: &HashedSet,
) -> ChannelMemo {
    let rows = &compared.rows;
    let mut settled = Bits::new(rows.len());
    let mut selected = Bits::new(rows.len());
    for (row, print) in rows.prints.iter().enumerate() {
        let was_passed = look.marked.as_ref().is_some_and(|marked| !marked.get(row));
        let (is_settled, is_selected) = if was_passed {
            let origin = compared.origin(row);
            origin
                .zip(before)
                .map_or((false, false), |(origin, before)| {
                    (before.settled.get(origin), before.selected.get(origin))
                })
        } else {
            let is_lone = print.is_variant && lone_families.contains(&print.family);
            (
                !is_lone && !open.contains(&print.folded),
                drafted.selected.has(numbers[row]),
            )
        };
        if is_settled {
            settled.set(row);
        }
        if is_selected {
            selected.set(row);
        }
    }
    ChannelMemo {
        channel: ChannelName::new(""),
        policy: Default::default(),
        settled,
        selected,
        absent: drafted.absent.clone(),
    }
}

/// What still holds of a channel that took no part.
fn carry_over(
    compared: &Compared,
    look: &Look,
    before: &Remembered,
    memo: &ChannelMemo,
) -> ChannelMemo {
    let rows = &compared.rows;
    let mut buffer = String::new();
    let written: Vec<&Sku> = before
        .touched
        .iter()
        .filter(|(channel, _)| *channel == memo.channel)
        .map(|(_, sku)| sku)
        .collect();
    let hashes: HashedSet = written
        .iter()
        .map(|sku| folded_hash(sku.as_str(), &mut buffer))
        .collect();
    let mut settled = Bits::new(rows.len());
    let mut selected = Bits::new(rows.len());
    for (row, print) in rows.prints.iter().enumerate() {
        let Some(origin) = compared.origin(row).filter(|_| !look.moved.get(row)) else {
            continue;
        };
        if memo.settled.get(origin) && !hashes.contains(&print.folded) {
            settled.set(row);
        }
        if memo.selected.get(origin) {
            selected.set(row);
        }
    }
    let mut absent = memo.absent.clone();
    absent.extend(compared.left.iter().cloned());
    absent.extend(written.into_iter().cloned());
    absent.sort();
    absent.dedup();
    ChannelMemo {
        channel: memo.channel.clone(),
        policy: memo.policy,
        settled,
        selected,
        absent,
    }
}
