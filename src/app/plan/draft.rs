//! One channel's plan while it is made: each item against what the channel last confirmed.

use std::collections::HashSet;

use super::compare::{Findings, Kin, Side};
use super::pile::{Pack, Pile};
use super::skus::Skus;
use super::{ChannelPlan, Planned};
use crate::domain::Result;
use crate::domain::change::{Action, Change, Lane};
use crate::domain::guard::Tally;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::listing::Facets;
use crate::domain::rows::{Bits, HashedSet, exact_hash, folded_hash};
use crate::policy::Absent;

/// Issues kept per channel; the rest is counted.
const MOST_ISSUES: usize = 10_000;

/// A channel's plan while it is made.
#[derive(Default)]
pub(super) struct Draft {
    /// Skus that the catalog states and this channel's selection takes, by their numbers.
    selected: Bits,
    /// Of those, the ones that are to be changed.
    changed: Bits,
    kin: Kin,
    changes: Pile,
    blocked: HashSet<Sku>,
    waiting: HashSet<Sku>,
    /// New listings for which no stock is stated.
    without_stock: u64,
    issues: Vec<Issue>,
    issues_left_out: u64,
    /// Folded hashes of skus that there is anything to say about.
    troubled: HashedSet,
    newly_managed: Vec<Sku>,
    /// Skus that are changed because they are not in the catalog, or not selected.
    absent: Vec<Sku>,
}

/// A channel's plan before the guard judges it, and what is remembered of how it came about.
pub(super) struct Drafted {
    pub plan: ChannelPlan,
    pub tally: Tally,
    /// Numbers of skus that this channel sells, and of those that are to be changed.
    pub selected: Bits,
    pub changed: Bits,
    /// Folded hashes of skus that are not settled although nothing is to do: something is to wait for or to say.
    pub open: HashedSet,
    /// Skus that are to be changed because they are not in the catalog.
    pub absent: Vec<Sku>,
}

impl Draft {
    fn report(&mut self, issue: Issue) {
        if let Some(sku) = &issue.sku {
            let hash = folded_hash(sku.as_str(), &mut String::new());
            self.troubled.insert(hash);
        }
        if self.issues.len() < MOST_ISSUES {
            self.issues.push(issue);
        } else {
            self.issues_left_out += 1;
        }
    }

    /// How many changes there are so far.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    #[cfg(test)]
    pub(super) fn issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter()
    }

    /// Takes over what the next rows came to.
    pub(super) fn take(&mut self, found: Findings) {
        found
            .selected
            .into_iter()
            .for_each(|number| self.selected.grow_to_set(number));
        found
            .changed
            .into_iter()
            .for_each(|number| self.changed.grow_to_set(number));
        self.kin.parents.extend(found.parents);
        self.kin.growing.extend(found.growing);
        self.changes.append(&found.changes);
        self.blocked.extend(found.blocked);
        self.waiting.extend(found.waiting);
        self.without_stock += found.without_stock;
        found
            .issues
            .into_iter()
            .for_each(|issue| self.report(issue));
        self.newly_managed.extend(found.newly_managed);
    }

    /// A variant that needs no plan is live here, or there would be something to do.
    pub(super) fn has_settled_variant(&mut self, parent: &Sku) {
        let hash = exact_hash(parent.as_str());
        self.kin.parents.insert(hash);
        self.kin.growing.insert(hash);
    }

    /// What is known of parents when all variants were met.
    pub(super) fn take_kin(&mut self) -> Kin {
        std::mem::take(&mut self.kin)
    }

    fn selects(&self, sku: &Sku, skus: &Skus) -> bool {
        let number = skus.number(sku);
        number.is_some_and(|number| self.selected.has(number))
    }

    fn forget_changes(&mut self, gone: &HashSet<Sku>, skus: &Skus) -> Result<()> {
        for number in gone.iter().filter_map(|sku| skus.number(sku)) {
            self.changed.clear(number);
        }
        self.changes.forget(|sku| gone.contains(sku))
    }

    /// Drops what was planned for skus that turned out to be parents.
    pub(super) fn forget(&mut self, parents: &HashSet<Sku>, skus: &Skus) -> Result<()> {
        self.forget_changes(parents, skus)?;
        self.blocked.retain(|sku| !parents.contains(sku));
        let is_forgotten =
            |issue: &Issue| issue.sku.as_ref().is_some_and(|sku| parents.contains(sku));
        self.issues.retain(|issue| !is_forgotten(issue));
        Ok(())
    }

    /// Drops what was planned for skus that several rows claim.
    pub(super) fn leave_out(&mut self, doubles: &HashSet<Sku>, skus: &Skus) -> Result<()> {
        if doubles.is_empty() {
            return Ok(());
        }
        self.forget_changes(doubles, skus)?;
        for sku in doubles {
            if self.selects(sku, skus) {
                self.blocked.insert(sku.clone());
            }
        }
        Ok(())
    }

    /// Ours, live here, and no longer stated or selected.
    pub(super) fn meet_absent(&mut self, side: &Side<'_>, skus: &Skus) {
        let capability = side.channel.connector.descriptor().capability;
        let mut changes = Pack::default();
        for (sku, record) in &side.known.records {
            let absent = record.managed && record.live && !self.selects(sku, skus);
            if !absent || !side.scope.has_sku(sku.as_str()) || side.known.in_doubt.contains(sku) {
                continue;
            }
            let for_sale = record.confirmed.price.is_some() || record.confirmed.quantity.is_some();
            let known = side.expected(sku, record.confirmed);
            let change = match side.channel.policy.absent {
                Absent::Zero if for_sale && known.quantity != Some(0) && capability.stock_push => {
                    Change {
                        sku: sku.clone(),
                        lane: Lane::Zero,
                        action: Action::Set,
                        before: Facets {
                            quantity: record.confirmed.quantity,
                            ..Facets::default()
                        },
                        after: Facets {
                            quantity: Some(0),
                            ..Facets::default()
                        },
                    }
                }
                Absent::End if capability.listing_end => Change {
                    sku: sku.clone(),
                    lane: Lane::End,
                    action: Action::End,
                    before: record.confirmed,
                    after: Facets::default(),
                },
                _ => continue,
            };
            if side.scope.has_lane(change.lane) {
                self.absent.push(change.sku.clone());
                let listing_ref = Some(record.listing_ref.clone());
                changes.push(&Planned::of_no_row(change, listing_ref));
            }
        }
        self.changes.append(&changes);
    }

    /// Says why absent listings are left alone.
    pub(super) fn warn_absence(
        &mut self,
        side: &Side<'_>,
        unreadable: u64,
        is_stated: impl Fn(&Sku) -> bool,
    ) {
        let absent = side
            .known
            .records
            .iter()
            .filter(|(sku, record)| record.managed && record.live && !is_stated(sku));
        let count = absent.count();
        if count > 0 && side.channel.policy.absent != Absent::Keep {
            let message = format!(
                "{count} listings are not in the catalog, but {unreadable} of its rows cannot be read and may be theirs"
            );
            self.report(
                Issue::warning("absence_uncertain", message)
                    .channel(&side.channel.name)
                    .hint(
                        "nothing is zeroed or ended for being absent until every row can be read",
                    ),
            );
        }
    }

    pub(super) fn finish(mut self, side: &Side<'_>, skus: &Skus) -> Result<Drafted> {
        if self.without_stock > 0 {
            let message = format!("{} new listings have no stock stated", self.without_stock);
            self.report(
                Issue::warning("no_stock_stated", message)
                    .channel(&side.channel.name)
                    .field("quantity")
                    .hint("this channel will not count their stock, or will not sell them: add a `quantity` column or a stock file"),
            );
        }
        let mut open = std::mem::take(&mut self.troubled);
        let mut buffer = String::new();
        let mut tally = Tally::default();
        let changes = std::mem::take(&mut self.changes).in_order(|change| {
            // New and changed content is not guarded.
            if matches!(change.lane(), Lane::Zero | Lane::Price | Lane::End) {
                tally.count(&change.planned().change);
            }
        })?;
        let is_changed = |sku: &Sku| {
            let number = skus.number(sku);
            number.is_some_and(|number| self.changed.has(number))
        };
        let held = || self.blocked.iter().filter(|sku| !is_changed(sku));
        let others: HashSet<&Sku> = held()
            .chain(&self.waiting)
            .filter(|sku| self.selects(sku, skus) && !is_changed(sku))
            .collect();
        let changed_here = self.selected.count_common(&self.changed);
        let unchanged = (self.selected.count() - changed_here - others.len()) as u64;
        let (blocked, waiting) = (held().count() as u64, self.waiting.len() as u64);
        let named = self
            .blocked
            .iter()
            .chain(&self.waiting)
            .chain(&self.newly_managed);
        open.extend(named.map(|sku| folded_hash(sku.as_str(), &mut buffer)));
        Ok(Drafted {
            absent: self.absent,
            open,
            selected: self.selected,
            changed: self.changed,
            tally,
            plan: ChannelPlan {
                stop: None,
                unchanged,
                blocked,
                waiting,
                issues: self.issues,
                issues_left_out: self.issues_left_out,
                newly_managed: self.newly_managed,
                changes,
            },
        })
    }
}
