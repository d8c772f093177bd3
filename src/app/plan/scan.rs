//! One pass over the catalog for all channels: who is there, who belongs to whom, and what stands there twice.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::compare::{Kin, Row, Side};
use super::crew::{Batches, compare_all, for_all};
use super::draft::{Draft, Drafted};
use super::look::Beside;
use super::skus::Skus;
use super::{Known, Plan, Planned};
use crate::app::family::{Families, as_parent, inherit, inherit_columns, inherited};
use crate::app::shelf::Shelf;
use crate::app::{Channel, Scope};
use crate::domain::catalog::{Item, ItemKind, Locator, ScanSummary, Scanned};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::rows::{Bits, HashedSet, Rows, exact_hash, folded_hash};
use crate::domain::{Error, Result};

/// Which rows of the catalog are read.
#[derive(Clone, Copy)]
pub(super) enum RowsToScan<'a> {
    All,
    /// Those that are marked, and those beside them.
    Marked(&'a Rows, &'a Bits, &'a Beside),
}

/// What a scan found; the guard has not judged it yet.
pub(super) struct Found {
    /// Without its channels.
    pub plan: Plan,
    /// In the order of the channels given.
    pub drafted: Vec<Drafted>,
    /// Folded hashes of skus that the catalog has issues about.
    pub open: HashedSet,
    /// Parents that have no row of their own.
    pub without_row: Vec<Sku>,
    /// Those that were read.
    pub skus: Skus,
}

/// Scans the catalog and plans every channel. `Err` means that the catalog as a whole cannot be trusted.
pub(super) fn scan(
    channels: &[Arc<Channel>],
    known: &[Known],
    shelf: &Shelf,
    scope: &Scope,
    now: Timestamp,
    rows: RowsToScan<'_>,
) -> Result<Found> {
    let sides: Vec<Side<'_>> = channels
        .iter()
        .zip(known)
        .map(|(channel, known)| Side {
            channel,
            known,
            shelf,
            scope,
            now,
        })
        .collect();
    let mut drafts: Vec<Draft> = sides.iter().map(|_| Draft::default()).collect();
    let mut planner = Planner {
        beside: match rows {
            RowsToScan::All => None,
            RowsToScan::Marked(_, _, beside) => Some(beside),
        },
        shelf,
        scope,
        inherited: inherited(shelf.catalog.columns()),
        skus: Skus::default(),
        twice: HashSet::new(),
        families: Families::default(),
        deferred: Vec::new(),
        parent_row: None,
        parents: Vec::new(),
        without_row: Vec::new(),
        issues: Vec::new(),
    };
    let nothing: Vec<Kin> = sides.iter().map(|_| Kin::default()).collect();
    let summary = compare_all(&sides, &nothing, &mut drafts, |batches| {
        let summary = planner.read(rows, batches)?;
        planner.draft_deferred(batches)?;
        Ok::<_, Error>(summary)
    })?;
    let parents = planner.sorted_parents(&mut drafts)?;
    let kin: Vec<Kin> = drafts.iter_mut().map(Draft::take_kin).collect();
    compare_all(&sides, &kin, &mut drafts, |batches| {
        planner.draft_parents(parents, batches)
    })?;
    planner.finish(drafts, &sides, summary)
}

/// Reads an item again, with all that it takes over from its parent, as it was when it was planned.
pub(crate) fn reread(
    shelf: &Shelf,
    families: &Families,
    planned: &Planned,
    at: Locator,
) -> Result<Item> {
    let row = shelf.catalog.read(at)?;
    if planned.kind == ItemKind::Parent {
        return Ok(as_parent(row, &planned.change.sku));
    }
    let mut item = row;
    if let Some(family) = item
        .parent_sku
        .as_ref()
        .and_then(|parent| families.get(parent))
        && let Some(parent_row) = family.row
    {
        inherit(&mut item, &shelf.catalog.read(parent_row)?);
    }
    Ok(item)
}

struct Planner<'a> {
    beside: Option<&'a Beside>,
    shelf: &'a Shelf,
    scope: &'a Scope,
    skus: Skus,
    /// Skus of several rows: which one is right is the seller's to say.
    twice: HashSet<Sku>,
    families: Families,
    /// Columns that variants take over from their parents.
    inherited: Vec<usize>,
    /// Variants that came before their parent.
    deferred: Vec<((Locator, usize), Sku)>,
    /// The parent of the last variants, which usually is the next one's too.
    parent_row: Option<Item>,
    /// Rows that are parents.
    parents: Vec<Sku>,
    /// Parents that are no rows.
    without_row: Vec<Sku>,
    issues: Vec<Issue>,
}

impl Planner<'_> {
    fn read(&mut self, rows: RowsToScan<'_>, batches: &mut Batches<'_, '_>) -> Result<ScanSummary> {
        let shelf = self.shelf;
        let mut failure = None;
        let mut visit = |scanned| match scanned {
            _ if failure.is_some() => {}
            Scanned::Issue(issue) => self.issues.push(issue),
            Scanned::Item(item, at) => {
                if let Err(error) = self.meet(item, at, batches) {
                    failure = Some(error);
                }
            }
        };
        let summary = match rows {
            RowsToScan::All => shelf.catalog.scan(&mut visit)?,
            RowsToScan::Marked(rows, marked, beside) => {
                let read = marked.or(&beside.rows);
                shelf.catalog.scan_rows(rows, &read, &mut visit)?;
                ScanSummary {
                    rows: marked.count() as u64,
                    unreadable: 0,
                }
            }
        };
        match failure {
            Some(error) => Err(error),
            None => Ok(summary),
        }
    }

    fn meet(&mut self, item: Item, at: Locator, batches: &mut Batches<'_, '_>) -> Result<()> {
        let Some(number) = self.skus.meet(&item.sku, item.kind, at) else {
            self.twice.insert(item.sku);
            return Ok(());
        };
        if item.kind == ItemKind::Parent {
            self.parents.push(item.sku.clone());
            // Planned at the end, when all its variants are known.
            self.parent_row = Some(item);
            return Ok(());
        }
        let Some(parent) = item.parent_sku.clone() else {
            self.draft(item, at, number, batches);
            return Ok(());
        };
        self.families.add_variant(&parent, &item, at);
        if self.is_beside(&item.sku, &parent, batches) {
            return Ok(());
        }
        match self.skus.at(&parent) {
            Some(parent_at) => self.draft_variant(item, (at, number), parent_at, batches),
            None => {
                self.deferred.push(((at, number), parent));
                Ok(())
            }
        }
    }

    /// Whether a variant needs no plan. Then channels only learn that its parent has it.
    fn is_beside(&self, sku: &Sku, parent: &Sku, batches: &Batches<'_, '_>) -> bool {
        let hash = exact_hash(sku.as_str());
        let Some(beside) = self.beside.filter(|beside| beside.hashes.contains(&hash)) else {
            return false;
        };
        for (channel, sold) in beside.sold.iter().enumerate() {
            if sold.contains(&hash) {
                batches.has_settled_variant(channel, parent);
            }
        }
        true
    }

    fn draft_variant(
        &mut self,
        mut item: Item,
        (at, number): (Locator, usize),
        parent_at: Locator,
        batches: &mut Batches<'_, '_>,
    ) -> Result<()> {
        let parent_sku = item.parent_sku.as_ref();
        if self.parent_row.as_ref().map(|row| &row.sku) != parent_sku {
            self.parent_row = Some(self.shelf.catalog.read(parent_at)?);
        }
        if let Some(parent) = &self.parent_row {
            inherit_columns(&mut item, parent, &self.inherited);
        }
        self.draft(item, at, number, batches);
        Ok(())
    }

    fn draft(&self, item: Item, at: Locator, number: usize, batches: &mut Batches<'_, '_>) {
        if self.scope.has_sku(item.sku.as_str()) {
            let axes = self
                .families
                .get(&item.sku)
                .map(|family| family.axes.clone())
                .unwrap_or_default();
            batches.push(Row::new(item, axes, at, number));
        }
    }

    fn draft_deferred(&mut self, batches: &mut Batches<'_, '_>) -> Result<()> {
        for ((at, number), parent) in std::mem::take(&mut self.deferred) {
            let item = self.shelf.catalog.read(at)?;
            match self.skus.at(&parent) {
                Some(parent_at) => self.draft_variant(item, (at, number), parent_at, batches)?,
                None => self.draft(item, at, number, batches),
            }
        }
        Ok(())
    }

    fn finish(
        mut self,
        drafts: Vec<Draft>,
        sides: &[Side<'_>],
        summary: ScanSummary,
    ) -> Result<Found> {
        self.report_lone_parents();
        self.hold_back_doubles();
        let absence_is_certain = summary.unreadable == 0;
        let skus = &self.skus;
        let changes = drafts.iter().map(Draft::len).sum();
        let drafts = drafts.into_iter().zip(sides).collect();
        let drafted = for_all(drafts, changes, |(mut channel, side)| {
            channel.leave_out(&self.twice, skus)?;
            if absence_is_certain {
                channel.meet_absent(side, skus);
            } else {
                channel.warn_absence(side, summary.unreadable, |sku| skus.is_stated(sku));
            }
            channel.finish(side, skus)
        });
        let drafted = drafted.into_iter().collect::<Result<_>>()?;
        let mut buffer = String::new();
        Ok(Found {
            open: self
                .issues
                .iter()
                .filter_map(|issue| issue.sku.as_ref())
                .chain(&self.twice)
                .map(|sku| folded_hash(sku.as_str(), &mut buffer))
                .collect(),
            without_row: self.without_row,
            skus: self.skus,
            drafted,
            plan: Plan {
                summary,
                channels: Vec::new(),
                issues: self.issues,
                families: self.families,
                compared_up_to: None,
                passed_over: 0,
            },
        })
    }

    /// A row that was taken for a single item before its first variant came is planned again as the parent that it
    /// is.
    fn sorted_parents(&self, drafts: &mut [Draft]) -> Result<Vec<Sku>> {
        let mut parents: Vec<Sku> = self.families.iter().map(|(sku, _)| sku.clone()).collect();
        parents.sort();
        let is_single = |sku: &&Sku| self.skus.is_stated_for_itself(sku);
        let were_single: HashSet<Sku> = parents.iter().filter(is_single).cloned().collect();
        if !were_single.is_empty() {
            for draft in drafts {
                draft.forget(&were_single, &self.skus)?;
            }
        }
        Ok(parents)
    }

    /// Parents last: their axes come from their variants.
    fn draft_parents(&mut self, parents: Vec<Sku>, batches: &mut Batches<'_, '_>) -> Result<()> {
        for sku in parents {
            let own_row = self.skus.at(&sku);
            let Some(family) = self.families.get_mut(&sku) else {
                continue;
            };
            family.row = own_row;
            let at = own_row.unwrap_or(family.first_variant);
            let number = match self.skus.number(&sku) {
                Some(number) => number,
                None => {
                    self.without_row.push(sku.clone());
                    self.skus.meet_unstated(&sku)
                }
            };
            let parent = as_parent(self.shelf.catalog.read(at)?, &sku);
            self.draft(parent, at, number, batches);
        }
        if let Some(first) = self.without_row.first() {
            self.issues.push(
                Issue::note(
                    "parent_without_row",
                    format!("{} parents have no row of their own, `{first}` for one", self.without_row.len()),
                )
                .field("parent_sku")
                .hint("each takes its content from its first variant; add a row with that sku to state it yourself"),
            );
        }
        Ok(())
    }

    fn report_lone_parents(&mut self) {
        let mut lone: Vec<&Sku> = self
            .parents
            .iter()
            .filter(|sku| !self.families.contains(sku))
            .collect();
        lone.sort();
        if let Some(first) = lone.first() {
            let message = format!(
                "{} parents have no variants and are not listed, `{first}` for one",
                lone.len()
            );
            self.issues
                .push(Issue::note("parent_without_variants", message).sku(first));
        }
    }

    fn hold_back_doubles(&mut self) {
        for sku in &self.twice {
            let reported = self
                .issues
                .iter()
                .any(|issue| issue.sku.as_ref() == Some(sku) && issue.code == "duplicate_sku");
            if !reported {
                let message = format!("`{sku}` stands in the catalog more than once");
                self.issues
                    .push(Issue::error("duplicate_sku", message).sku(sku).field("sku"));
            }
        }
    }
}
