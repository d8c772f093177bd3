//! One channel's plan while it is made: each item against what the channel last confirmed.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Changes, ChannelPlan, Known, Planned};
use crate::app::audit::{audit, placed};
use crate::app::desired::{Desired, desire};
use crate::app::shelf::Shelf;
use crate::app::{Channel, Scope};
use crate::domain::capability::Variants;
use crate::domain::catalog::{Item, ItemKind, Locator};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::guard::Tally;
use crate::domain::ids::Sku;
use crate::domain::issue::{Issue, Severity};
use crate::domain::ledger::{ListingRecord, Pending};
use crate::domain::listing::{Facets, OptionAxis};
use crate::domain::rows::{HashedSet, exact_hash, folded_hash};
use crate::policy::{Absent, Selection};

/// Issues kept per channel; the rest is counted.
const MOST_ISSUES: usize = 10_000;

/// A channel's plan while it is made.
pub(super) struct Draft<'a> {
    channel: &'a Channel,
    known: &'a Known,
    /// Hashes of skus that the catalog states and this channel's selection takes.
    selected: HashedSet,
    /// Parents with a variant that this channel's selection takes.
    parents: HashSet<Sku>,
    /// Parents with a variant that is live or is to be created.
    growing: HashSet<Sku>,
    now: Timestamp,
    changes: Changes,
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
    /// Hashes of skus that this channel sells.
    pub selected: HashedSet,
    /// Folded hashes of skus that are not settled: something is to do, to wait for or to say.
    pub open: HashedSet,
    /// Skus that are to be changed because they are not in the catalog.
    pub absent: Vec<Sku>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(channel: &'a Channel, known: &'a Known, now: Timestamp) -> Self {
        Self {
            channel,
            known,
            selected: HashedSet::default(),
            parents: HashSet::new(),
            growing: HashSet::new(),
            now,
            changes: Changes::default(),
            blocked: HashSet::new(),
            waiting: HashSet::new(),
            without_stock: 0,
            issues: Vec::new(),
            issues_left_out: 0,
            troubled: HashedSet::default(),
            newly_managed: Vec::new(),
            absent: Vec::new(),
        }
    }

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

    pub(super) fn meet(
        &mut self,
        item: &Item,
        axes: &[OptionAxis],
        at: Locator,
        shelf: &Shelf,
        scope: &Scope,
    ) {
        let limits = &self.channel.connector.descriptor().limits;
        if item.kind == ItemKind::Parent && limits.variants == Variants::Flat {
            return;
        }
        // A parent is not chosen for itself: it goes where its variants go.
        if item.kind == ItemKind::Parent {
            if !self.parents.contains(&item.sku) {
                return;
            }
        } else {
            match self.channel.policy.selects(item) {
                Selection::Taken => {}
                Selection::Left(_) => return,
                Selection::Unclear(issue) => {
                    self.selected.insert(exact_hash(item.sku.as_str()));
                    self.parents.extend(item.parent_sku.clone());
                    self.blocked.insert(item.sku.clone());
                    self.report(*issue);
                    return;
                }
            }
        }
        self.selected.insert(exact_hash(item.sku.as_str()));
        self.parents.extend(item.parent_sku.clone());
        let mut issues = Vec::new();
        let desired = desire(self.channel, item, axes, shelf, &mut issues);
        issues.into_iter().for_each(|issue| self.report(issue));
        let record = self.known.records.get(&item.sku);
        if record.is_some_and(|record| !record.managed) {
            self.newly_managed.push(item.sku.clone());
        }
        if self.known.in_doubt.contains(&item.sku) {
            self.waiting.insert(item.sku.clone());
            return;
        }
        let mut changes = Vec::new();
        match record {
            Some(record) if record.live => {
                self.growing.extend(item.parent_sku.clone());
                self.compare(item, &desired, record, &mut changes);
            }
            record => self.create(item, &desired, record, &mut changes),
        }
        changes.retain(|change: &Change| scope.has_lane(change.lane));
        for change in changes {
            if let Some(rejection) = self.known.rejections.get(&(item.sku.clone(), change.lane))
                && rejection.after == change.after
            {
                self.blocked.insert(item.sku.clone());
                for issue in rejection.issues.clone() {
                    self.report(issue);
                }
                continue;
            }
            self.changes.push(&Planned {
                change,
                at: Some(at),
                kind: item.kind,
                parent: item.parent_sku.clone(),
                listing_ref: record.and_then(ListingRecord::reference),
            });
        }
    }

    /// A variant that needs no plan is live here, or there would be something to do.
    pub(super) fn has_settled_variant(&mut self, parent: &Sku) {
        self.parents.insert(parent.clone());
        self.growing.insert(parent.clone());
    }

    /// A sku that is not live here: new, or ended before and wanted again.
    fn create(
        &mut self,
        item: &Item,
        desired: &Desired,
        record: Option<&ListingRecord>,
        changes: &mut Vec<Change>,
    ) {
        let sku = &item.sku;
        if self.in_flight(sku, Lane::Listing).is_some() {
            self.waiting.insert(sku.clone());
            return;
        }
        let capability = self.channel.connector.descriptor().capability;
        let sells = item.kind != ItemKind::Parent;
        if !capability.listing_create && record.is_none() {
            self.blocked.insert(sku.clone());
            self.report(
                Issue::warning(
                    "not_on_channel",
                    "this sku is not listed here, and this channel cannot create it",
                )
                .channel(&self.channel.name)
                .sku(sku)
                .hint("list it on the channel by hand; the next run takes it over"),
            );
            return;
        }
        // Audited although it is held back, so that one look shows everything that is wrong.
        let passes = self.passes_audit(item, desired);
        if desired.held.any() || !passes {
            self.blocked.insert(sku.clone());
            return;
        }
        if !sells && !self.growing.contains(sku) {
            // None of its variants can be created yet: an empty parent would be an empty page in the shop.
            self.blocked.insert(sku.clone());
            return;
        }
        if sells && desired.facets.price.is_none() {
            self.blocked.insert(sku.clone());
            self.report(
                Issue::error(
                    "no_price",
                    "no price is stated, so that no listing is created",
                )
                .channel(&self.channel.name)
                .sku(sku)
                .field("price")
                .at(&item.file, item.line, Some("price"), None),
            );
            return;
        }
        self.growing.extend(item.parent_sku.clone());
        if sells && desired.facets.quantity.is_none() {
            self.without_stock += 1;
        }
        changes.push(Change {
            sku: sku.clone(),
            lane: Lane::Listing,
            action: Action::Create,
            before: Facets::default(),
            after: desired.facets,
        });
    }

    fn compare(
        &mut self,
        item: &Item,
        desired: &Desired,
        record: &ListingRecord,
        changes: &mut Vec<Change>,
    ) {
        let sku = &item.sku;
        let capability = self.channel.connector.descriptor().capability;
        let known = self.expected(sku, record.confirmed);
        let set = |lane, before, after| Change {
            sku: sku.clone(),
            lane,
            action: Action::Set,
            before,
            after,
        };
        if desired.held.any() {
            self.blocked.insert(sku.clone());
        }
        if let Some(quantity) = desired.facets.quantity
            && known.quantity != Some(quantity)
            && capability.stock_push
        {
            let lane = if quantity == 0 {
                Lane::Zero
            } else {
                Lane::Stock
            };
            changes.push(set(
                lane,
                Facets {
                    quantity: record.confirmed.quantity,
                    ..Facets::default()
                },
                Facets {
                    quantity: Some(quantity),
                    ..Facets::default()
                },
            ));
        }
        if let Some(price) = desired.facets.price
            && (known.price != Some(price) || known.compare_at != desired.facets.compare_at)
            && capability.price_push
        {
            let (before, after) = (record.confirmed, desired.facets);
            changes.push(set(
                Lane::Price,
                Facets {
                    price: before.price,
                    compare_at: before.compare_at,
                    ..Facets::default()
                },
                Facets {
                    price: Some(price),
                    compare_at: after.compare_at,
                    ..Facets::default()
                },
            ));
        }
        let content = desired.facets.content.filter(|_| !desired.held.content);
        if content.is_some()
            && known.content != content
            && !self.shows(desired, record)
            && capability.listing_update
            && self.passes_audit(item, desired)
        {
            changes.push(Change {
                sku: sku.clone(),
                lane: Lane::Listing,
                action: Action::Update,
                before: Facets {
                    content: record.confirmed.content,
                    ..Facets::default()
                },
                after: Facets {
                    content,
                    ..Facets::default()
                },
            });
        }
    }

    /// Whether the channel shows this content already, whoever put it there.
    fn shows(&self, desired: &Desired, record: &ListingRecord) -> bool {
        let (Some(listing), Some(shown)) = (&desired.listing, record.shown) else {
            return false;
        };
        self.in_flight(&listing.sku, Lane::Listing).is_none()
            && self.channel.connector.kept(listing).shown_fingerprint() == shown
    }

    /// Asks the connector what the channel would refuse; an error holds the listing back.
    fn passes_audit(&mut self, item: &Item, desired: &Desired) -> bool {
        let Some(listing) = &desired.listing else {
            return false;
        };
        let mut passes = true;
        for cut in &desired.cuts {
            let message = format!(
                "{} is cut from {} to {} to fit this channel",
                cut.field, cut.from, cut.to
            );
            self.report(placed(
                Issue::note("shortened", message).field(cut.field),
                self.channel,
                item,
            ));
        }
        for issue in audit(self.channel, item, listing) {
            passes &= issue.severity != Severity::Error;
            self.report(issue);
        }
        if !passes {
            self.blocked.insert(item.sku.clone());
        }
        passes
    }

    /// The newest change of this lane's facet that the channel has accepted and not yet carried out.
    fn in_flight(&self, sku: &Sku, lane: Lane) -> Option<&Pending> {
        let pending = self.known.pending.get(sku)?;
        pending
            .iter()
            .filter(|pending| {
                pending.change.lane.shares_facet_with(lane)
                    && !pending.superseded
                    && pending.deadline > self.now
            })
            .max_by_key(|pending| pending.since)
    }

    /// What will be confirmed once everything in flight has landed.
    fn expected(&self, sku: &Sku, confirmed: Facets) -> Facets {
        let mut expected = confirmed;
        if let Some(pending) = self.in_flight(sku, Lane::Stock) {
            expected.quantity = pending.change.after.quantity;
        }
        if let Some(pending) = self.in_flight(sku, Lane::Price) {
            expected.price = pending.change.after.price;
            expected.compare_at = pending.change.after.compare_at;
        }
        if let Some(pending) = self.in_flight(sku, Lane::Listing) {
            expected.content = pending.change.after.content;
        }
        expected
    }

    fn selects(&self, sku: &Sku) -> bool {
        self.selected.contains(&exact_hash(sku.as_str()))
    }

    /// Drops what was planned for skus that turned out to be parents.
    pub(super) fn forget(&mut self, skus: &HashSet<Sku>) {
        self.changes.forget(|sku| skus.contains(sku));
        self.blocked.retain(|sku| !skus.contains(sku));
        let is_forgotten = |issue: &Issue| issue.sku.as_ref().is_some_and(|sku| skus.contains(sku));
        self.issues.retain(|issue| !is_forgotten(issue));
    }

    /// Drops what was planned for skus that several rows claim.
    pub(super) fn leave_out(&mut self, doubles: &HashSet<Sku>) {
        self.changes.forget(|sku| doubles.contains(sku));
        for sku in doubles {
            if self.selects(sku) {
                self.blocked.insert(sku.clone());
            }
        }
    }

    /// Ours, live here, and no longer stated or selected.
    pub(super) fn meet_absent(&mut self, scope: &Scope) {
        let capability = self.channel.connector.descriptor().capability;
        let mut changes = Vec::new();
        for (sku, record) in &self.known.records {
            let absent = record.managed && record.live && !self.selects(sku);
            if !absent || !scope.has_sku(sku.as_str()) || self.known.in_doubt.contains(sku) {
                continue;
            }
            let for_sale = record.confirmed.price.is_some() || record.confirmed.quantity.is_some();
            let known = self.expected(sku, record.confirmed);
            let change = match self.channel.policy.absent {
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
            changes.push((change, record.listing_ref.clone()));
        }
        for (change, listing_ref) in changes {
            if scope.has_lane(change.lane) {
                self.absent.push(change.sku.clone());
                self.changes
                    .push(&Planned::of_no_row(change, Some(listing_ref)));
            }
        }
    }

    /// Says why absent listings are left alone.
    pub(super) fn warn_absence(&mut self, unreadable: u64, is_stated: impl Fn(&Sku) -> bool) {
        let absent = self
            .known
            .records
            .iter()
            .filter(|(sku, record)| record.managed && record.live && !is_stated(sku));
        let count = absent.count();
        if count > 0 && self.channel.policy.absent != Absent::Keep {
            let message = format!(
                "{count} listings are not in the catalog, but {unreadable} of its rows cannot be read and may be theirs"
            );
            self.report(
                Issue::warning("absence_uncertain", message)
                    .channel(&self.channel.name)
                    .hint(
                        "nothing is zeroed or ended for being absent until every row can be read",
                    ),
            );
        }
    }

    pub(super) fn finish(mut self) -> Drafted {
        if self.without_stock > 0 {
            let message = format!("{} new listings have no stock stated", self.without_stock);
            self.report(
                Issue::warning("no_stock_stated", message)
                    .channel(&self.channel.name)
                    .field("quantity")
                    .hint("this channel will not count their stock, or will not sell them: add a `quantity` column or a stock file"),
            );
        }
        self.changes.sort();
        let mut tally = Tally::default();
        // New and changed content is not guarded.
        self.changes
            .of_lanes(&[Lane::Zero, Lane::Price, Lane::End])
            .for_each(|planned| tally.count(&planned.change));
        let changed: HashedSet = self.changes.skus().map(exact_hash).collect();
        let is_changed = |sku: &Sku| changed.contains(&exact_hash(sku.as_str()));
        let held = || self.blocked.iter().filter(|sku| !is_changed(sku));
        let others: HashSet<&Sku> = held()
            .chain(&self.waiting)
            .filter(|sku| self.selects(sku) && !is_changed(sku))
            .collect();
        let changed_here = changed.intersection(&self.selected).count();
        let unchanged = (self.selected.len() - changed_here - others.len()) as u64;
        let (blocked, waiting) = (held().count() as u64, self.waiting.len() as u64);
        let mut open = std::mem::take(&mut self.troubled);
        let mut buffer = String::new();
        let named = self
            .blocked
            .iter()
            .chain(&self.waiting)
            .chain(&self.newly_managed);
        open.extend(
            self.changes
                .skus()
                .chain(named.map(Sku::as_str))
                .map(|sku| folded_hash(sku, &mut buffer)),
        );
        Drafted {
            absent: self.absent,
            open,
            selected: self.selected,
            tally,
            plan: ChannelPlan {
                stop: None,
                unchanged,
                blocked,
                waiting,
                issues: self.issues,
                issues_left_out: self.issues_left_out,
                newly_managed: self.newly_managed,
                changes: self.changes,
            },
        }
    }
}
