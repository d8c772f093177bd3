//! Getting even with a channel before anything is planned or sent: what is live at first contact, and what
//! became of sends that were never answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::live::LiveListings;
use super::plan::Known;
use super::{Channel, Progress};
use crate::domain::change::{Action, Change};
use crate::domain::ids::{ChannelName, ListingRef, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::{Ledger, ListingRecord, Pending, Rejection, Settled, Settlement};
use crate::domain::listing::{ChannelListing, Facets};
use crate::domain::{Error, Result};

/// What the ledger knows of a channel; at first contact also what is live there.
///
/// With `record` the first reading is kept in the ledger; a plan alone writes nothing.
pub async fn known(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    progress: &dyn Progress,
    record: bool,
    now: Timestamp,
) -> Result<Known> {
    let state = ledger.channel(&channel.name).await?;
    let mut known = Known::from_ledger(ledger.as_ref(), &channel.name).await?;
    if state.first_contact.is_none() && channel.connector.descriptor().capability.listing_read {
        progress.begin(&channel.name, "reading live listings", 0);
        let read = read_live(channel, progress, now).await;
        progress.end(&channel.name);
        let live = read?;
        if !record {
            known.unrecorded = live.into_iter().collect();
        } else {
            ledger.record_listings(&channel.name, &live).await?;
            let state = crate::domain::ledger::ChannelState {
                first_contact: Some(now),
                ..state
            };
            ledger.set_channel(&channel.name, &state).await?;
        }
    }
    Ok(known)
}

impl Known {
    /// What the ledger alone knows of a channel, without the records of its listings.
    pub async fn from_ledger(ledger: &dyn Ledger, channel: &ChannelName) -> Result<Self> {
        let mut pending: HashMap<Sku, Vec<Pending>> = HashMap::new();
        for waiting in ledger.pending(channel).await? {
            pending
                .entry(waiting.change.sku.clone())
                .or_default()
                .push(waiting);
        }
        let rejections = ledger.rejections(channel).await?;
        let by_lane = |rejection: Rejection| ((rejection.sku.clone(), rejection.lane), rejection);
        let open = ledger.open_intents(channel).await?;
        Ok(Self {
            records: HashMap::new(),
            unrecorded: HashMap::new(),
            pending,
            rejections: rejections.into_iter().map(by_lane).collect(),
            in_doubt: open.into_iter().map(|intent| intent.change.sku).collect(),
            moved: HashSet::new(),
        })
    }
}

/// Reads everything that is live.
async fn read_live(
    channel: &Channel,
    progress: &dyn Progress,
    now: Timestamp,
) -> Result<Vec<(Sku, ListingRecord)>> {
    let mut seen: Vec<(Sku, ListingRecord)> = Vec::new();
    LiveListings::read(channel, progress)
        .await?
        .visit(&mut |family| {
            let listings = family.parent.iter().chain(&family.members);
            seen.extend(listings.map(|live| {
                let record = observed_whole(channel, live, None, now);
                (live.sku.clone(), record)
            }));
            Ok(())
        })?;
    Ok(seen)
}

/// A record of what is live. What was sent as content cannot be told from it: only `before` knows that.
pub(crate) fn observed(
    listing: &ChannelListing,
    before: Option<&ListingRecord>,
    now: Timestamp,
) -> ListingRecord {
    let known = before.map(|record| record.confirmed).unwrap_or_default();
    ListingRecord {
        listing_ref: listing.listing_ref.clone(),
        live: listing.live,
        managed: before.is_some_and(|record| record.managed),
        confirmed: Facets {
            price: listing.price,
            compare_at: listing.compare_at,
            // Some channels do not tell the number; then what was last confirmed still stands.
            quantity: listing.quantity.or(known.quantity),
            content: known.content,
        },
        shown: before.and_then(|record| record.shown),
        at: now,
    }
}

/// The same with the content that is live, of a listing that was read with its family.
pub(crate) fn observed_whole(
    channel: &Channel,
    listing: &ChannelListing,
    before: Option<&ListingRecord>,
    now: Timestamp,
) -> ListingRecord {
    let content = listing.content.as_deref();
    ListingRecord {
        shown: content.map(|content| channel.connector.kept(content).shown_fingerprint()),
        ..observed(listing, before, now)
    }
}

/// Looks listings up in portions that the channel allows.
pub(crate) async fn find(channel: &Channel, skus: &[Sku]) -> Result<HashMap<Sku, ChannelListing>> {
    let mut found = HashMap::new();
    for portion in skus.chunks(channel.connector.descriptor().limits.find_batch.max(1)) {
        for listing in channel.connector.find_listings(portion).await? {
            found.insert(listing.sku.clone(), listing);
        }
    }
    Ok(found)
}

/// Whether a live listing shows what a change wanted, as far as it can be seen.
pub(crate) fn shows(listing: &ChannelListing, change: &Change) -> bool {
    if change.action == Action::End {
        return !listing.live;
    }
    let quantity = match (change.after.quantity, listing.quantity) {
        (Some(wanted), Some(live)) => wanted == live,
        _ => true,
    };
    let price = match (change.after.price, listing.price) {
        (Some(wanted), Some(live)) => wanted == live,
        (Some(_), None) => change.action == Action::Create,
        (None, _) => true,
    };
    let live = change.action != Action::Create || listing.live;
    quantity && price && live
}

/// The record of a listing that is gone: not ours to update any more, but it may be created again.
pub(crate) fn vanished(before: &ListingRecord, now: Timestamp) -> ListingRecord {
    ListingRecord {
        listing_ref: ListingRef::new(""),
        live: false,
        confirmed: Facets::default(),
        shown: None,
        at: now,
        ..before.clone()
    }
}

/// What a look-up found of a change that was sent.
pub(crate) enum Found {
    /// The listing shows it.
    Shown,
    /// The listing is there and shows something else.
    Different,
    /// There is no such listing.
    Missing,
}

/// Settles a change by what is live: the record becomes what the channel shows.
pub(crate) fn settle_by_sight(
    change: &Change,
    intent: i64,
    live: Option<&ChannelListing>,
    before: Option<&ListingRecord>,
    now: Timestamp,
) -> (Found, Settlement) {
    let mut settlement = Settlement {
        intent,
        sku: change.sku.clone(),
        lane: change.lane,
        settled: Settled::Observed,
        issues: Vec::new(),
        record: None,
        pending: None,
        resolves_pending: false,
        rejection: None,
    };
    let Some(listing) = live else {
        if let Some(before) = before {
            settlement.record = Some(vanished(before, now));
        }
        let found = if change.action == Action::End {
            Found::Shown
        } else {
            Found::Missing
        };
        return (found, settlement);
    };
    let mut record = ListingRecord {
        managed: true,
        ..observed(listing, before, now)
    };
    let found = if shows(listing, change) {
        Found::Shown
    } else {
        Found::Different
    };
    record.confirmed.content = match (&found, change.action) {
        // A listing appears whole or not at all.
        (Found::Shown, Action::Create) => change.after.content,
        // Whether an update of content arrived cannot be seen: it is sent again.
        (_, Action::Update) => None,
        _ => record.confirmed.content,
    };
    if matches!(change.action, Action::Create | Action::Update) {
        record.shown = None;
    }
    settlement.record = Some(record);
    (found, settlement)
}

/// Looks up everything that was sent without an answer, before anything else is sent.
///
/// Returns the issues that a person should know of.
pub async fn resolve_doubts(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    now: Timestamp,
) -> Result<Vec<Issue>> {
    let open = ledger.open_intents(&channel.name).await?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    if !channel.connector.descriptor().capability.listing_read {
        let (unseen, repeatable): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|intent| intent.change.action == Action::Create);
        let settlements: Vec<_> = repeatable
            .iter()
            .map(|intent| {
                let (_, settlement) = settle_by_sight(&intent.change, intent.id, None, None, now);
                Settlement {
                    settled: Settled::Failed,
                    record: None,
                    ..settlement
                }
            })
            .collect();
        ledger.settle(&channel.name, now, &settlements).await?;
        return Ok(unseen
            .iter()
            .map(|intent| unseen_create(channel, &intent.change.sku))
            .collect());
    }
    let skus: Vec<Sku> = open
        .iter()
        .map(|intent| intent.change.sku.clone())
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let records = ledger.listings_of(&channel.name, &skus).await?;
    let live = find(channel, &skus).await?;
    let settlements: Vec<_> = open
        .iter()
        .map(|intent| {
            let sku = &intent.change.sku;
            settle_by_sight(
                &intent.change,
                intent.id,
                live.get(sku),
                records.get(sku),
                now,
            )
            .1
        })
        .collect();
    ledger.settle(&channel.name, now, &settlements).await?;
    Ok(Vec::new())
}

fn unseen_create(channel: &Channel, sku: &Sku) -> Issue {
    Issue::error(
        "create_in_doubt",
        "this listing was sent, no answer came, and this channel cannot be asked",
    )
    .channel(&channel.name)
    .sku(sku)
    .hint("look on the channel whether the listing is there before you send it again")
}

/// A failure of one item, in words.
pub(crate) fn failed(channel: &Channel, sku: &Sku, error: &Error) -> Issue {
    let issue = Issue::error("not_sent", error.to_string())
        .channel(&channel.name)
        .sku(sku);
    match error.hints.first() {
        Some(hint) => issue.hint(hint),
        None => issue.hint("the next run tries again"),
    }
}
