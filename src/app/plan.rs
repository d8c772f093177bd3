//! The difference between what the seller states and what each channel last confirmed.
//!
//! The catalog is streamed once. Of every item only its key and its place in the file are kept, and of every
//! change its values; the content of a listing is read again when it is sent.

use std::collections::{HashMap, HashSet};

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::audit;
use super::desired::{Desired, desire};
use super::family::{Families, as_parent, inherit};
use super::shelf::Shelf;
use super::{Channel, Scope};
use crate::domain::capability::Variants;
use crate::domain::catalog::{Held, Item, ItemKind, Locator, ScanSummary, Scanned};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::guard::{Stop, Tally};
use crate::domain::ids::{ListingRef, Sku};
use crate::domain::issue::{Issue, Severity};
use crate::domain::ledger::{ListingRecord, Pending, Rejection};
use crate::domain::listing::Facets;
use crate::domain::{Error, Result};
use crate::policy::Absent;

/// Issues kept per channel; the rest is counted.
const MOST_ISSUES: usize = 10_000;

/// What is known of one channel before planning.
#[derive(Debug, Default)]
pub struct Known {
    pub records: HashMap<Sku, ListingRecord>,
    pub pending: HashMap<Sku, Vec<Pending>>,
    pub rejections: HashMap<(Sku, Lane), Rejection>,
    /// Sent without an answer and not yet looked up: nothing is planned for them.
    pub in_doubt: HashSet<Sku>,
}

/// A change and what is needed to send it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub change: Change,
    /// Where the item stands in the catalog; `None` when it left.
    pub at: Option<Locator>,
    pub kind: ItemKind,
    pub parent: Option<Sku>,
    pub listing_ref: Option<ListingRef>,
}

/// The plan of one channel.
#[derive(Debug)]
pub struct ChannelPlan {
    pub changes: Vec<Planned>,
    pub unchanged: u64,
    /// Rows that have something to change but are held back: by their own errors, or because the channel
    /// refused exactly this before.
    pub blocked: u64,
    /// On their way: accepted by the channel, or in doubt.
    pub waiting: u64,
    pub stop: Option<Stop>,
    pub issues: Vec<Issue>,
    pub issues_left_out: u64,
    /// Skus of the catalog that are live here and were not yet known to be ours.
    pub newly_managed: Vec<Sku>,
}

/// Everything that one scan found.
#[derive(Debug)]
pub struct Plan {
    pub summary: ScanSummary,
    /// In the order of the channels given.
    pub channels: Vec<ChannelPlan>,
    /// Of the catalog itself, whatever the channel.
    pub issues: Vec<Issue>,
    pub(crate) families: Families,
}

/// Counts by what a seller thinks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub zero: u64,
    pub stock: u64,
    pub price: u64,
    pub create: u64,
    pub update: u64,
    pub end: u64,
}

impl Counts {
    pub fn add(&mut self, change: &Change) {
        let count = match (change.lane, change.action) {
            (Lane::Zero, _) => &mut self.zero,
            (Lane::Stock, _) => &mut self.stock,
            (Lane::Price, _) => &mut self.price,
            (Lane::Listing, Action::Create) => &mut self.create,
            (Lane::Listing, _) => &mut self.update,
            (Lane::End, _) => &mut self.end,
        };
        *count += 1;
    }

    pub fn total(&self) -> u64 {
        self.zero + self.stock + self.price + self.create + self.update + self.end
    }
}

impl ChannelPlan {
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.changes
            .iter()
            .for_each(|planned| counts.add(&planned.change));
        counts
    }

    /// What `--approve` must be given to let this plan pass its guard once: it changes with the plan.
    pub fn approval(&self, channel: &Channel) -> String {
        let mut hash = Sha256::new();
        digest_changes(&mut hash, channel, self);
        let hash = hash.finalize();
        format!(
            "{}-{:02x}{:02x}{:02x}{:02x}",
            channel.name, hash[0], hash[1], hash[2], hash[3]
        )
    }
}

fn digest_changes(hash: &mut Sha256, channel: &Channel, plan: &ChannelPlan) {
    hash.update(channel.name.as_str().as_bytes());
    for planned in &plan.changes {
        // A change is plain data without maps: its JSON is one and the same on every machine.
        hash.update(serde_json::to_vec(&planned.change).unwrap_or_default());
        hash.update(b"\n");
    }
}

impl Plan {
    /// Names the plan by its content.
    pub fn id(&self, channels: &[Arc<Channel>]) -> String {
        let mut hash = Sha256::new();
        for (channel, plan) in channels.iter().zip(&self.channels) {
            digest_changes(&mut hash, channel, plan);
        }
        hash.finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.channels
            .iter()
            .all(|channel| channel.changes.is_empty())
    }
}

/// Scans the catalog and plans every channel. `Err` means that the catalog as a whole cannot be trusted.
pub fn plan(
    channels: &[Arc<Channel>],
    known: &[Known],
    shelf: &Shelf,
    scope: &Scope,
    now: Timestamp,
) -> Result<Plan> {
    let mut planner = Planner {
        shelf,
        scope,
        seen: HashMap::new(),
        twice: HashSet::new(),
        families: Families::default(),
        deferred: Vec::new(),
        parent_row: None,
        issues: Vec::new(),
        channels: channels
            .iter()
            .zip(known)
            .map(|(channel, known)| Draft::new(channel, known, now))
            .collect(),
    };
    let mut failure = None;
    let summary = shelf.catalog.scan(&mut |scanned| match scanned {
        _ if failure.is_some() => {}
        Scanned::Issue(issue) => planner.issues.push(issue),
        Scanned::Item(item, at) => {
            if let Err(error) = planner.meet(item, at) {
                failure = Some(error);
            }
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    planner.finish(summary)
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

/// What is remembered of a sku that was met.
struct Met {
    at: Locator,
    kind: ItemKind,
}

struct Planner<'a> {
    shelf: &'a Shelf,
    scope: &'a Scope,
    seen: HashMap<Sku, Met>,
    /// Skus of several rows: which one is right is the seller's to say.
    twice: HashSet<Sku>,
    families: Families,
    /// Variants that came before their parent.
    deferred: Vec<(Locator, Sku)>,
    /// The parent of the last variants, which usually is the next one's too.
    parent_row: Option<Item>,
    issues: Vec<Issue>,
    channels: Vec<Draft<'a>>,
}

impl Planner<'_> {
    fn meet(&mut self, item: Item, at: Locator) -> Result<()> {
        if self.seen.contains_key(&item.sku) {
            self.twice.insert(item.sku);
            return Ok(());
        }
        self.seen.insert(
            item.sku.clone(),
            Met {
                at,
                kind: item.kind,
            },
        );
        if item.kind == ItemKind::Parent {
            // Planned at the end, when all its variants are known.
            self.parent_row = Some(item);
            return Ok(());
        }
        let Some(parent) = item.parent_sku.clone() else {
            self.draft(&item, at);
            return Ok(());
        };
        self.families.add_variant(&parent, &item, at);
        match self.seen.get(&parent) {
            Some(met) => self.draft_variant(item, at, met.at),
            None => {
                self.deferred.push((at, parent));
                Ok(())
            }
        }
    }

    fn draft_variant(&mut self, mut item: Item, at: Locator, parent_at: Locator) -> Result<()> {
        let parent_sku = item.parent_sku.as_ref();
        if self.parent_row.as_ref().map(|row| &row.sku) != parent_sku {
            self.parent_row = Some(self.shelf.catalog.read(parent_at)?);
        }
        if let Some(parent) = &self.parent_row {
            inherit(&mut item, parent);
        }
        self.draft(&item, at);
        Ok(())
    }

    fn draft(&mut self, item: &Item, at: Locator) {
        if self.scope.has_sku(item.sku.as_str()) {
            let axes = self
                .families
                .get(&item.sku)
                .map(|family| family.axes.clone())
                .unwrap_or_default();
            for channel in &mut self.channels {
                channel.meet(item, &axes, at, self.shelf, self.scope);
            }
        }
    }

    fn finish(mut self, summary: ScanSummary) -> Result<Plan> {
        for (at, parent) in std::mem::take(&mut self.deferred) {
            let item = self.shelf.catalog.read(at)?;
            match self.seen.get(&parent).map(|met| met.at) {
                Some(parent_at) => self.draft_variant(item, at, parent_at)?,
                None => self.draft(&item, at),
            }
        }
        self.draft_parents()?;
        self.report_lone_parents();
        self.hold_back_doubles();
        let absence_is_certain = summary.unreadable == 0;
        let mut channels = Vec::new();
        for mut channel in self.channels {
            channel.leave_out(&self.twice);
            if absence_is_certain {
                channel.meet_absent(self.scope);
            } else {
                channel.warn_absence(summary.unreadable, &self.seen);
            }
            channels.push(channel.finish());
        }
        Ok(Plan {
            summary,
            channels,
            issues: self.issues,
            families: self.families,
        })
    }

    /// Parents last: their axes come from their variants. A row that was taken for a single item before its
    /// first variant came is planned again as the parent that it is.
    fn draft_parents(&mut self) -> Result<()> {
        let mut parents: Vec<Sku> = self.families.iter().map(|(sku, _)| sku.clone()).collect();
        parents.sort();
        let mut without_row: Vec<Sku> = Vec::new();
        for sku in parents {
            let own = self.seen.get(&sku).map(|met| (met.at, met.kind));
            let Some(family) = self.families.get_mut(&sku) else {
                continue;
            };
            let at = match own {
                Some((at, kind)) => {
                    family.row = Some(at);
                    if kind != ItemKind::Parent {
                        let was_single = HashSet::from([sku.clone()]);
                        self.channels
                            .iter_mut()
                            .for_each(|channel| channel.forget(&was_single));
                    }
                    at
                }
                None => {
                    without_row.push(sku.clone());
                    family.first_variant
                }
            };
            let parent = as_parent(self.shelf.catalog.read(at)?, &sku);
            self.draft(&parent, at);
        }
        if let Some(first) = without_row.first() {
            self.issues.push(
                Issue::note(
                    "parent_without_row",
                    format!("{} parents have no row of their own, `{first}` for one", without_row.len()),
                )
                .field("parent_sku")
                .hint("each takes its content from its first variant; add a row with that sku to state it yourself"),
            );
        }
        Ok(())
    }

    fn report_lone_parents(&mut self) {
        let mut lone: Vec<&Sku> = self
            .seen
            .iter()
            .filter(|(sku, met)| met.kind == ItemKind::Parent && !self.families.contains(sku))
            .map(|(sku, _)| sku)
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

/// A channel's plan while it is made.
struct Draft<'a> {
    channel: &'a Channel,
    known: &'a Known,
    /// Skus that the catalog states and this channel's selection takes.
    selected: HashSet<Sku>,
    /// Parents with a variant that this channel's selection takes.
    parents: HashSet<Sku>,
    now: Timestamp,
    changes: Vec<Planned>,
    unchanged: HashSet<Sku>,
    blocked: HashSet<Sku>,
    waiting: HashSet<Sku>,
    /// New listings for which no stock is stated.
    without_stock: u64,
    issues: Vec<Issue>,
    issues_left_out: u64,
    newly_managed: Vec<Sku>,
}

impl<'a> Draft<'a> {
    fn new(channel: &'a Channel, known: &'a Known, now: Timestamp) -> Self {
        Self {
            channel,
            known,
            selected: HashSet::new(),
            parents: HashSet::new(),
            now,
            changes: Vec::new(),
            unchanged: HashSet::new(),
            blocked: HashSet::new(),
            waiting: HashSet::new(),
            without_stock: 0,
            issues: Vec::new(),
            issues_left_out: 0,
            newly_managed: Vec::new(),
        }
    }

    fn report(&mut self, issue: Issue) {
        if self.issues.len() < MOST_ISSUES {
            self.issues.push(issue);
        } else {
            self.issues_left_out += 1;
        }
    }

    fn meet(
        &mut self,
        item: &Item,
        axes: &[crate::domain::listing::OptionAxis],
        at: Locator,
        shelf: &Shelf,
        scope: &Scope,
    ) {
        let limits = &self.channel.connector.descriptor().limits;
        if item.kind == ItemKind::Parent && limits.variants == Variants::Flat {
            return;
        }
        // A parent is not chosen for itself: it goes where its variants go.
        let selected = match item.kind {
            ItemKind::Parent => self.parents.contains(&item.sku),
            _ => self.channel.policy.selects(item).is_ok(),
        };
        if !selected {
            return;
        }
        self.selected.insert(item.sku.clone());
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
            Some(record) if record.live => self.compare(item, &desired, record, &mut changes),
            record => self.create(item, &desired, record, &mut changes),
        }
        changes.retain(|change: &Change| scope.has_lane(change.lane));
        if changes.is_empty() {
            if !self.blocked.contains(&item.sku) && !self.waiting.contains(&item.sku) {
                self.unchanged.insert(item.sku.clone());
            }
            return;
        }
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
            self.changes.push(Planned {
                change,
                at: Some(at),
                kind: item.kind,
                parent: item.parent_sku.clone(),
                listing_ref: record.map(|record| record.listing_ref.clone()),
            });
        }
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
        if desired.held.any() || desired.listing.is_none() {
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
        if !self.passes_audit(item, desired) {
            return;
        }
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

    /// Drops what was planned for skus that turned out to be parents.
    fn forget(&mut self, skus: &HashSet<Sku>) {
        self.changes
            .retain(|planned| !skus.contains(&planned.change.sku));
        for sku in skus {
            self.unchanged.remove(sku);
            self.blocked.remove(sku);
            self.issues
                .retain(|issue| issue.sku.as_ref() != Some(sku) || issue.channel.is_none());
        }
    }

    /// Drops what was planned for skus that several rows claim.
    fn leave_out(&mut self, doubles: &HashSet<Sku>) {
        self.changes
            .retain(|planned| !doubles.contains(&planned.change.sku));
        for sku in doubles {
            self.unchanged.remove(sku);
            if self.selected.contains(sku) {
                self.blocked.insert(sku.clone());
            }
        }
    }

    /// Ours, live here, and no longer stated or selected.
    fn meet_absent(&mut self, scope: &Scope) {
        let capability = self.channel.connector.descriptor().capability;
        let mut changes = Vec::new();
        for (sku, record) in &self.known.records {
            let absent = record.managed && record.live && !self.selected.contains(sku);
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
                self.changes.push(Planned {
                    change,
                    at: None,
                    kind: ItemKind::Single,
                    parent: None,
                    listing_ref: Some(listing_ref),
                });
            }
        }
    }

    fn warn_absence(&mut self, unreadable: u64, seen: &HashMap<Sku, Met>) {
        let absent = self
            .known
            .records
            .iter()
            .filter(|(sku, record)| record.managed && record.live && !seen.contains_key(*sku));
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

    fn finish(mut self) -> ChannelPlan {
        if self.without_stock > 0 {
            let message = format!("{} new listings have no stock stated", self.without_stock);
            self.report(
                Issue::warning("no_stock_stated", message)
                    .channel(&self.channel.name)
                    .field("quantity")
                    .hint("this channel will not count their stock, or will not sell them: add a `quantity` column or a stock file"),
            );
        }
        self.changes.sort_by(|a, b| {
            (a.change.lane, &a.parent, &a.change.sku).cmp(&(
                b.change.lane,
                &b.parent,
                &b.change.sku,
            ))
        });
        let mut tally = Tally::default();
        self.changes
            .iter()
            .for_each(|planned| tally.count(&planned.change));
        let live = self
            .known
            .records
            .values()
            .filter(|record| record.live && record.managed)
            .count() as u64;
        let changed: HashSet<&Sku> = self
            .changes
            .iter()
            .map(|planned| &planned.change.sku)
            .collect();
        ChannelPlan {
            stop: tally.judge(&self.channel.guard, live),
            unchanged: self.unchanged.len() as u64,
            blocked: self
                .blocked
                .iter()
                .filter(|sku| !changed.contains(sku))
                .count() as u64,
            waiting: self.waiting.len() as u64,
            issues: self.issues,
            issues_left_out: self.issues_left_out,
            newly_managed: self.newly_managed,
            changes: self.changes,
        }
    }
}

/// An audit's issue, with the row that it is about.
pub(crate) fn placed(issue: Issue, channel: &Channel, item: &Item) -> Issue {
    let column = issue.field.clone();
    let value = column
        .as_deref()
        .and_then(|name| item.value(name))
        .map(str::to_owned);
    issue.channel(&channel.name).sku(&item.sku).at(
        &item.file,
        item.line,
        column.as_deref(),
        value.as_deref(),
    )
}

/// Refuses rows of a reviewed plan that planning now no longer yields, and drops what was not reviewed.
pub fn keep_reviewed(plan: &mut ChannelPlan, reviewed: &[Change], channel: &Channel) {
    let reviewed_set: HashSet<String> = reviewed.iter().map(key).collect();
    plan.changes
        .retain(|planned| reviewed_set.contains(&key(&planned.change)));
    let still: HashSet<String> = plan
        .changes
        .iter()
        .map(|planned| key(&planned.change))
        .collect();
    for change in reviewed
        .iter()
        .filter(|change| !still.contains(&key(change)))
    {
        plan.issues.push(
            Issue::error("plan_row_moved", format!("the {} change of the reviewed plan no longer fits", change.lane.as_str()))
                .channel(&channel.name)
                .sku(&change.sku)
                .hint("the catalog, the stock, the orders or the channel changed since: plan again and review"),
        );
    }
}

fn key(change: &Change) -> String {
    serde_json::to_string(change).unwrap_or_default()
}

/// A catalog that lost more rows than allowed since the last run that wrote.
pub fn lost_rows(
    before: Option<u64>,
    now: u64,
    limit: rust_decimal::Decimal,
    min_rows: u64,
) -> Option<Stop> {
    let before = before.filter(|before| *before >= min_rows)?;
    let lost = before.saturating_sub(now);
    let percent = (rust_decimal::Decimal::from(lost) * rust_decimal::Decimal::ONE_HUNDRED
        / rust_decimal::Decimal::from(before))
    .round_dp(1);
    (percent > limit).then_some(Stop {
        rule: "rows_lost",
        percent,
        limit,
        sku: None,
    })
}

/// What `--approve` must be given to let a shrunken catalog pass once.
pub fn rows_token(rows: u64) -> String {
    format!("rows-{rows}")
}

/// Fails unless the catalog holds at least one usable row.
pub fn require_rows(summary: ScanSummary) -> Result<()> {
    if summary.rows == 0 || summary.rows == summary.unreadable {
        return Err(Error::config("the catalog holds no row that can be used")
            .hint("nothing was changed on any channel; run `skucast check` to see what is wrong with the file"));
    }
    Ok(())
}

/// What a held row keeps back, in words.
pub fn held_words(held: Held) -> &'static str {
    match (held.price, held.stock, held.content) {
        (true, true, true) => "the whole row",
        (true, _, _) => "price",
        (_, true, _) => "stock",
        _ => "content",
    }
}
