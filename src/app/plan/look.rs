//! Which rows of the catalog have to be looked at: all that may differ from what the last plan found settled.

use std::collections::HashSet;
use std::sync::Arc;

use super::Known;
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
    /// Rows that are not as they were, with their families.
    pub moved: Bits,
    /// Rows to be looked at; `None` means all.
    pub marked: Option<Bits>,
    /// Skus whose records are needed: of marked rows, of their parents, and of what may be absent.
    pub skus: Vec<Sku>,
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
        let mut families: HashedSet = compared.gone.iter().map(|(_, family)| *family).collect();
        // A parent names the options of its variants in their order.
        families.extend(&compared.reordered);
        families.extend(compared.left.iter().map(|sku| exact_hash(sku.as_str())));
        close(compared, &mut moved, &mut families);

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
        let mut marked = moved.clone();
        for row in 0..compared.rows.len() {
            let is_settled = compared
                .origin(row)
                .is_some_and(|origin| memos.iter().all(|memo| memo.settled.get(origin)));
            if !is_settled || hashes.contains(&compared.rows.prints[row].folded) {
                marked.set(row);
            }
        }
        close(compared, &mut marked, &mut families);
        if marked.count() > compared.rows.len() / MOST {
            return Ok(everything(moved));
        }
        for row in 0..compared.rows.len() {
            if marked.get(row) {
                skus.insert(Sku::new(compared.rows.sku(row)));
            }
        }
        skus.extend(parents_without_row(compared, &marked, shelf)?);
        Ok(Self {
            moved,
            marked: Some(marked),
            skus: skus.into_iter().collect(),
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

/// Marks the whole family of every marked row: parents and variants speak for each other.
fn close(compared: &Compared, marked: &mut Bits, families: &mut HashedSet) {
    let rows = &compared.rows;
    let mut checked = Bits::new(rows.len());
    loop {
        for (row, print) in rows.prints.iter().enumerate() {
            if marked.get(row) && !checked.get(row) {
                checked.set(row);
                families.insert(print.family);
                if print.is_variant {
                    // By mistake it may be named as a parent as well.
                    families.insert(exact_hash(rows.sku(row)));
                }
            }
        }
        let mut grown = false;
        for (row, print) in rows.prints.iter().enumerate() {
            if !marked.get(row)
                && (families.contains(&print.family)
                    || (print.is_variant && families.contains(&exact_hash(rows.sku(row)))))
            {
                marked.set(row);
                grown = true;
            }
        }
        if !grown {
            return;
        }
    }
}

/// Parents of marked variants that only their variants name.
fn parents_without_row(compared: &Compared, marked: &Bits, shelf: &Shelf) -> Result<Vec<Sku>> {
    let rows = &compared.rows;
    let of_marked = || (0..rows.len()).filter(|row| marked.get(*row));
    let met: HashedSet = of_marked().map(|row| exact_hash(rows.sku(row))).collect();
    let mut orphans = Bits::new(rows.len());
    // All of them: one that is a parent itself, by mistake, names none.
    for row in of_marked() {
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
