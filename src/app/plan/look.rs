//! Which rows of the catalog have to be looked at: all that may differ from what the last plan found settled.

use std::collections::HashSet;
use std::sync::Arc;

use super::Known;
use super::crew::find_in_rows;
use super::memo::ChannelMemo;
use crate::app::Channel;
use crate::app::shelf::Shelf;
use crate::domain::Result;
use crate::domain::catalog::Scanned;
use crate::domain::fingerprint::{Fingerprint, Fingerprinter};
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::rows::{Bits, Compared, HashedSet, exact_hash, folded_hash};

/// Above this share of the rows, looking at all of them is no more work.
const MOST: usize = 2;

/// What is left of the last plan once it is known what has changed since.
pub(super) struct Remembered {
    pub channels: Vec<ChannelMemo>,
    pub stock: Fingerprint,
    /// Listings that were written in the ledger since.
    pub touched: Vec<(ChannelName, Sku)>,
}

/// What a plan has to look at.
pub(super) struct Look {
    /// Rows that are not as they were; with whatever they speak for, when a channel takes no part in this plan.
    pub moved: Bits,
    /// Rows to be looked at; `None` means all.
    pub marked: Option<Bits>,
    /// Variants that stay as they are while their parent is looked at.
    pub beside: Beside,
    /// Skus whose records are needed: of marked rows, of their parents, and of what may be absent.
    pub skus: Vec<Sku>,
}

/// Settled rows that are read for what they tell of their parents, and not planned.
#[derive(Default)]
pub(super) struct Beside {
    pub rows: Bits,
    /// Hashes of their skus.
    pub hashes: HashedSet,
    /// Of those, the ones that each channel sells, in the order of the channels.
    pub sold: Vec<HashedSet>,
}

/// Stands for everything beside rows and ledger that a channel's plan depends on.
pub(super) fn policy_print(channel: &Channel) -> Fingerprint {
    let mut print = Fingerprinter::default();
    print
        .text(channel.connector.descriptor().kind)
        .text(&String::from(channel.settings))
        .text(&String::from(channel.policy.fingerprint));
    print.finish()
}

impl Look {
    /// Brings the rows' stock up to date, and finds those that have to be looked at. Without `remembered` all have.
    pub fn new(
        compared: &mut Compared,
        remembered: Option<&Remembered>,
        channels: &[Arc<Channel>],
        known: &[Known],
        shelf: &Shelf,
    ) -> Result<Self> {
        let stock = remembered.map(|remembered| remembered.stock);
        let mut moved = Bits::new(compared.rows.len());
        for row in changed_stock(compared, stock, shelf) {
            moved.set(row);
        }
        let everything = |moved| Self {
            moved,
            marked: None,
            beside: Beside::default(),
            skus: Vec::new(),
        };
        let Some(remembered) = remembered else {
            return Ok(everything(moved));
        };
        for row in 0..compared.rows.len() {
            if compared.origin(row).is_none() {
                moved.set(row);
            }
        }
        for row in &compared.clashing {
            moved.set(*row as usize);
        }
        let mut marked = moved.clone();
        let takes_part =
            |memo: &ChannelMemo| channels.iter().any(|channel| channel.name == memo.channel);
        if !remembered.channels.iter().all(takes_part) {
            Families::of_what_is_gone(compared).close(compared, &mut moved);
        }
        let mut memos = Vec::new();
        for channel in channels {
            let policy = policy_print(channel);
            let found = remembered
                .channels
                .iter()
                .find(|memo| memo.channel == channel.name && memo.policy == policy);
            match found {
                Some(memo) => memos.push(memo),
                None => return Ok(everything(moved)),
            }
        }
        let mut skus: HashSet<Sku> = compared.left.iter().cloned().collect();
        skus.extend(memos.iter().flat_map(|memo| &memo.absent).cloned());
        let wanted = wanted(remembered, known, shelf);
        let mut buffer = String::new();
        let hashes: HashedSet = wanted
            .iter()
            .map(|sku| folded_hash(sku.as_str(), &mut buffer))
            .collect();
        skus.extend(wanted);
        let open = find_in_rows(compared.rows.len(), |row| {
            let is_settled = compared
                .origin(row)
                .is_some_and(|origin| memos.iter().all(|memo| memo.settled.get(origin)));
            let is_open = !is_settled || hashes.contains(&compared.rows.prints[row].folded);
            is_open.then_some(row)
        });
        open.into_iter().for_each(|row| marked.set(row));
        let mut families = Families::of_what_is_gone(compared);
        families.close(compared, &mut marked);
        if marked.count() > compared.rows.len() / MOST {
            return Ok(everything(moved));
        }
        skus.extend(marked.ones().map(|row| Sku::new(compared.rows.sku(row))));
        skus.extend(parents_without_row(compared, &marked, shelf)?);
        // The ledger keeps them in this order.
        let mut skus: Vec<Sku> = skus.into_iter().collect();
        skus.sort_unstable();
        Ok(Self {
            moved,
            beside: beside(compared, &marked, &families, &memos),
            marked: Some(marked),
            skus,
        })
    }
}

/// Writes what the stock file says beside each row, and gives the rows for which that is not what it was.
fn changed_stock(
    compared: &mut Compared,
    before: Option<Fingerprint>,
    shelf: &Shelf,
) -> Vec<usize> {
    let is_same_file = before == Some(shelf.stock.text);
    let mut changed = Vec::new();
    for row in 0..compared.rows.len() {
        let is_new = compared.origin(row).is_none();
        if is_same_file && !is_new {
            continue;
        }
        let stock = shelf.stock.hash(compared.rows.sku(row));
        if compared.rows.prints[row].stock != stock {
            compared.rows.prints[row].stock = stock;
            changed.push(row);
        }
    }
    changed
}

/// Skus that a plan looks at whatever was settled: something is sold, on its way, refused, or was written since.
fn wanted(remembered: &Remembered, known: &[Known], shelf: &Shelf) -> HashSet<Sku> {
    let mut wanted: HashSet<Sku> = shelf.sold.skus().cloned().collect();
    wanted.extend(remembered.touched.iter().map(|(_, sku)| sku.clone()));
    for known in known {
        wanted.extend(known.open_skus().cloned());
    }
    wanted
}

/// Families of rows that are looked at: parents and variants speak for each other.
#[derive(Default)]
struct Families {
    /// Their parents are not what they were, so that their variants may not be either.
    whole: HashedSet,
    /// Some of their variants are not what they were, which only their parents take notice of.
    some: HashedSet,
}

impl Families {
    fn of_what_is_gone(compared: &Compared) -> Self {
        let mut families = Self::default();
        for gone in &compared.gone {
            match gone.is_variant {
                true => families.some.insert(gone.family),
                false => families.whole.insert(gone.family),
            };
        }
        let left = compared.left.iter();
        families
            .whole
            .extend(left.map(|sku| exact_hash(sku.as_str())));
        // A parent names the options of its variants in their order.
        families.some.extend(&compared.reordered);
        families
    }

    /// Marks whatever marked rows speak for.
    fn close(&mut self, compared: &Compared, marked: &mut Bits) {
        let rows = &compared.rows;
        let mut checked = Bits::new(rows.len());
        // The family whose parent a row is; by mistake a variant may be one as well.
        let own = |row: usize| match rows.prints[row].is_variant {
            true => exact_hash(rows.sku(row)),
            false => rows.prints[row].family,
        };
        loop {
            for row in marked.ones() {
                if !checked.get(row) {
                    checked.set(row);
                    self.whole.insert(own(row));
                    if rows.prints[row].is_variant {
                        self.some.insert(rows.prints[row].family);
                    }
                }
            }
            let found = find_in_rows(rows.len(), |row| {
                if marked.get(row) {
                    return None;
                }
                let (own, family) = (own(row), rows.prints[row].family);
                if self.whole.contains(&family) || self.whole.contains(&own) {
                    return Some((row, true));
                }
                self.some.contains(&own).then_some((row, false))
            });
            if found.is_empty() {
                return;
            }
            for (row, is_of_whole) in found {
                marked.set(row);
                if is_of_whole {
                    continue;
                }
                // As a parent it is as it was.
                checked.set(row);
                if rows.prints[row].is_variant {
                    self.some.insert(rows.prints[row].family);
                }
            }
        }
    }
}

/// The other variants of families that are looked at. What settled them still holds.
fn beside(
    compared: &Compared,
    marked: &Bits,
    families: &Families,
    memos: &[&ChannelMemo],
) -> Beside {
    let mut beside = Beside {
        rows: Bits::new(compared.rows.len()),
        hashes: HashedSet::default(),
        sold: vec![HashedSet::default(); memos.len()],
    };
    let rows = &compared.rows;
    let found = find_in_rows(rows.len(), |row| {
        let print = &rows.prints[row];
        let is_beside =
            print.is_variant && !marked.get(row) && families.some.contains(&print.family);
        is_beside.then_some(row)
    });
    for row in found {
        // Whatever has no origin is marked.
        let Some(origin) = compared.origin(row) else {
            continue;
        };
        let hash = exact_hash(rows.sku(row));
        beside.rows.set(row);
        beside.hashes.insert(hash);
        for (memo, sold) in memos.iter().zip(&mut beside.sold) {
            if memo.selected.get(origin) {
                sold.insert(hash);
            }
        }
    }
    beside
}

/// Parents of marked variants that only their variants name.
fn parents_without_row(compared: &Compared, marked: &Bits, shelf: &Shelf) -> Result<Vec<Sku>> {
    let rows = &compared.rows;
    let met: HashedSet = marked.ones().map(|row| exact_hash(rows.sku(row))).collect();
    let mut orphans = Bits::new(rows.len());
    // All of them: one that is a parent itself, by mistake, names none.
    for row in marked.ones() {
        let print = &rows.prints[row];
        if print.is_variant && !met.contains(&print.family) {
            orphans.set(row);
        }
    }
    let mut parents = Vec::new();
    if orphans.count() > 0 {
        shelf.catalog.scan_rows(rows, &orphans, &mut |scanned| {
            if let Scanned::Item(item, _) = scanned {
                parents.extend(item.parent_sku);
            }
        })?;
    }
    Ok(parents)
}
