//! Rows of the catalog against what one channel last confirmed. Batches of rows do not look at each other, so that
//! threads may share them.

use jiff::Timestamp;

use super::pile::Pack;
use super::{Known, Planned};
use crate::app::audit::{audit, placed};
use crate::app::desired::{Desired, desire_in_place_of};
use crate::app::shelf::Shelf;
use crate::app::{Channel, Scope};
use crate::domain::capability::Variants;
use crate::domain::catalog::{Item, ItemKind, Locator};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::ids::Sku;
use crate::domain::issue::{Issue, Severity};
use crate::domain::ledger::{ListingRecord, Pending};
use crate::domain::listing::{Facets, Listing, OptionAxis};
use crate::domain::rows::{HashedSet, exact_hash};
use crate::policy::Selection;

/// An item that is to be planned.
pub(super) struct Row {
    item: Item,
    /// Of a parent, what its variants differ in.
    axes: Vec<OptionAxis>,
    at: Locator,
    /// See [`super::skus::Skus`].
    number: usize,
    hash: u64,
    parent_hash: Option<u64>,
}

impl Row {
    pub fn new(item: Item, axes: Vec<OptionAxis>, at: Locator, number: usize) -> Self {
        Self {
            hash: exact_hash(item.sku.as_str()),
            parent_hash: item
                .parent_sku
                .as_ref()
                .map(|parent| exact_hash(parent.as_str())),
            item,
            axes,
            at,
            number,
        }
    }
}

/// What the rows of one channel are compared with.
pub(super) struct Side<'a> {
    pub channel: &'a Channel,
    pub known: &'a Known,
    pub shelf: &'a Shelf,
    pub scope: &'a Scope,
    pub now: Timestamp,
}

/// What the variants of one channel tell about their parents, by hashes of the parents' skus. Parents are planned when
/// all of it is known.
#[derive(Debug, Default)]
pub(super) struct Kin {
    /// Parents with a variant that this channel's selection takes.
    pub parents: HashedSet,
    /// Parents with a variant that is live or is to be created.
    pub growing: HashedSet,
}

/// What a batch of rows came to on one channel.
#[derive(Default)]
pub(super) struct Findings {
    /// Numbers of skus that this channel's selection takes, and of those that are to be changed.
    pub selected: Vec<usize>,
    pub changed: Vec<usize>,
    /// As in [`Kin`].
    pub parents: Vec<u64>,
    pub growing: Vec<u64>,
    pub changes: Pack,
    pub blocked: Vec<Sku>,
    pub waiting: Vec<Sku>,
    /// New listings for which no stock is stated.
    pub without_stock: u64,
    pub issues: Vec<Issue>,
    pub newly_managed: Vec<Sku>,
}

impl Side<'_> {
    /// Compares some rows in their order.
    pub fn compare(&self, rows: &[Row], kin: &Kin) -> Findings {
        let mut comparison = Comparison {
            side: self,
            kin,
            found: Findings {
                selected: Vec::with_capacity(rows.len()),
                ..Findings::default()
            },
            changes: Vec::new(),
            used: None,
        };
        rows.iter().for_each(|row| comparison.meet(row));
        comparison.found
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
    pub fn expected(&self, sku: &Sku, confirmed: Facets) -> Facets {
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
}

struct Comparison<'a> {
    side: &'a Side<'a>,
    kin: &'a Kin,
    found: Findings,
    /// Of the row that is looked at.
    changes: Vec<Change>,
    /// What the last row should show, for the room that it takes.
    used: Option<Listing>,
}

impl Comparison<'_> {
    fn meet(&mut self, row: &Row) {
        let item = &row.item;
        let limits = &self.side.channel.connector.descriptor().limits;
        if item.kind == ItemKind::Parent && limits.variants == Variants::Flat {
            return;
        }
        // A parent is not chosen for itself: it goes where its variants go.
        if item.kind == ItemKind::Parent {
            if !self.kin.parents.contains(&row.hash) {
                return;
            }
        } else {
            match self.side.channel.policy.selects(item) {
                Selection::Taken => {}
                Selection::Left(_) => return,
                Selection::Unclear(issue) => {
                    self.select(row);
                    self.block(&item.sku);
                    self.report(*issue);
                    return;
                }
            }
        }
        self.select(row);
        let used = self.used.take();
        let desired = desire_in_place_of(
            used.unwrap_or_else(|| Listing::blank(item.sku.clone(), item.kind)),
            self.side.channel,
            item,
            &row.axes,
            self.side.shelf,
            &mut self.found.issues,
        );
        let record = self.side.known.records.get(&item.sku);
        if record.is_some_and(|record| !record.managed) {
            self.found.newly_managed.push(item.sku.clone());
        }
        if self.side.known.in_doubt.contains(&item.sku) {
            self.found.waiting.push(item.sku.clone());
            return;
        }
        match record {
            Some(record) if record.live => {
                self.found.growing.extend(row.parent_hash);
                self.compare(item, &desired, record);
            }
            record => self.create(row, &desired, record),
        }
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|change: &Change| self.side.scope.has_lane(change.lane));
        for change in changes.drain(..) {
            if let Some(rejection) = self
                .side
                .known
                .rejections
                .get(&(item.sku.clone(), change.lane))
                && rejection.after == change.after
            {
                self.block(&item.sku);
                for issue in rejection.issues.clone() {
                    self.report(issue);
                }
                continue;
            }
            self.found.changed.push(row.number);
            self.found.changes.push(&Planned {
                change,
                at: Some(row.at),
                kind: item.kind,
                parent: item.parent_sku.clone(),
                listing_ref: record.and_then(ListingRecord::reference),
            });
        }
        self.changes = changes;
        self.used = desired.listing;
    }

    fn select(&mut self, row: &Row) {
        self.found.selected.push(row.number);
        self.found.parents.extend(row.parent_hash);
    }

    fn block(&mut self, sku: &Sku) {
        self.found.blocked.push(sku.clone());
    }

    fn report(&mut self, issue: Issue) {
        self.found.issues.push(issue);
    }

    /// A sku that is not live here: new, or ended before and wanted again.
    fn create(&mut self, row: &Row, desired: &Desired, record: Option<&ListingRecord>) {
        let item = &row.item;
        let sku = &item.sku;
        if self.side.in_flight(sku, Lane::Listing).is_some() {
            self.found.waiting.push(sku.clone());
            return;
        }
        let capability = self.side.channel.connector.descriptor().capability;
        let sells = item.kind != ItemKind::Parent;
        if !capability.listing_create && record.is_none() {
            self.block(sku);
            self.report(
                Issue::warning(
                    "not_on_channel",
                    "this sku is not listed here, and this channel cannot create it",
                )
                .channel(&self.side.channel.name)
                .sku(sku)
                .hint("list it on the channel by hand; the next run takes it over"),
            );
            return;
        }
        // Audited although it is held back, so that one look shows everything that is wrong.
        let passes = self.passes_audit(item, desired);
        if desired.held.any() || !passes {
            self.block(sku);
            return;
        }
        if !sells && !self.kin.growing.contains(&row.hash) {
            // None of its variants can be created yet: an empty parent would be an empty page in the shop.
            self.block(sku);
            return;
        }
        if sells && desired.facets.price.is_none() {
            self.block(sku);
            self.report(
                Issue::error(
                    "no_price",
                    "no price is stated, so that no listing is created",
                )
                .channel(&self.side.channel.name)
                .sku(sku)
                .field("price")
                .at(&item.file, item.line, Some("price"), None),
            );
            return;
        }
        self.found.growing.extend(row.parent_hash);
        if sells && desired.facets.quantity.is_none() {
            self.found.without_stock += 1;
        }
        self.changes.push(Change {
            sku: sku.clone(),
            lane: Lane::Listing,
            action: Action::Create,
            before: Facets::default(),
            after: desired.facets,
        });
    }

    fn compare(&mut self, item: &Item, desired: &Desired, record: &ListingRecord) {
        let sku = &item.sku;
        let capability = self.side.channel.connector.descriptor().capability;
        let known = self.side.expected(sku, record.confirmed);
        let set = |lane, before, after| Change {
            sku: sku.clone(),
            lane,
            action: Action::Set,
            before,
            after,
        };
        if desired.held.any() {
            self.block(sku);
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
            self.changes.push(set(
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
            self.changes.push(set(
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
            self.changes.push(Change {
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
        self.side.in_flight(&listing.sku, Lane::Listing).is_none()
            && self
                .side
                .channel
                .connector
                .kept(listing)
                .shown_fingerprint()
                == shown
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
                self.side.channel,
                item,
            ));
        }
        for issue in audit(self.side.channel, item, listing) {
            passes &= issue.severity != Severity::Error;
            self.report(issue);
        }
        if !passes {
            self.block(&item.sku);
        }
        passes
    }
}
