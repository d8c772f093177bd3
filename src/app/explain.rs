//! Why one sku is shown as it is on each channel: every step, with its number and where it came from.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Channel;
use super::audit::audit;
use super::desired::desire;
use super::family::{Families, inherit};
use super::plan::Known;
use super::shelf::Shelf;
use crate::domain::catalog::{Held, Item, ItemKind, Scanned};
use crate::domain::change::Change;
use crate::domain::ids::{ChannelName, ListingRef, Sku};
use crate::domain::issue::{Issue, Source};
use crate::domain::listing::OptionAxis;
use crate::domain::money::Money;
use crate::domain::{Error, Result};
use crate::policy::{Absent, Selection, Step, Trace};

/// See `explain` in the JSON contract (docs/json.md).
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub sku: Sku,
    /// Where the catalog states it.
    pub source: Option<Source>,
    pub channels: Vec<ChannelExplanation>,
}

#[derive(Debug, Serialize)]
pub struct ChannelExplanation {
    pub channel: ChannelName,
    pub kind: &'static str,
    pub included: bool,
    pub why_not: Option<String>,
    pub price: Computed<Option<Money>>,
    pub stock: Computed<Option<u64>>,
    pub title: Option<String>,
    pub category: Option<String>,
    pub confirmed: Option<Confirmed>,
    pub pending: Vec<Change>,
    pub issues: Vec<Issue>,
}

#[derive(Debug, Default, Serialize)]
pub struct Computed<T> {
    pub steps: Vec<Step>,
    pub result: T,
}

/// What the channel last confirmed.
#[derive(Debug, Serialize)]
pub struct Confirmed {
    pub listing_ref: ListingRef,
    pub live: bool,
    pub price: Option<Money>,
    pub stock: Option<u64>,
    pub at: Timestamp,
}

/// An item as planning sees it.
struct Found {
    item: Item,
    axes: Vec<OptionAxis>,
}

/// Explains a sku on every channel. `Err` when neither the catalog nor any channel knows it.
pub fn explain(
    channels: &[Arc<Channel>],
    known: &[Known],
    shelf: &Shelf,
    sku: &Sku,
) -> Result<Explanation> {
    let found = find(shelf, sku)?;
    if found.is_none() && known.iter().all(|known| !known.records.contains_key(sku)) {
        return Err(Error::config(format!(
            "no row of the catalog has the sku `{sku}`, and no channel shows it"
        ))
        .hint("skus are compared exactly: letter case and blanks count"));
    }
    let source = found.as_ref().map(|found| Source {
        file: found.item.file.clone(),
        line: found.item.line,
        column: None,
        value: None,
    });
    let channels = channels
        .iter()
        .zip(known)
        .map(|(channel, known)| explain_channel(channel, known, shelf, found.as_ref(), sku))
        .collect();
    Ok(Explanation {
        sku: sku.clone(),
        source,
        channels,
    })
}

fn explain_channel(
    channel: &Channel,
    known: &Known,
    shelf: &Shelf,
    found: Option<&Found>,
    sku: &Sku,
) -> ChannelExplanation {
    let confirmed = known.records.get(sku).map(|record| Confirmed {
        listing_ref: record.listing_ref.clone(),
        live: record.live,
        price: record.confirmed.price,
        stock: record.confirmed.quantity,
        at: record.at,
    });
    let pending = known
        .pending
        .get(sku)
        .into_iter()
        .flatten()
        .map(|pending| pending.change.clone())
        .collect();
    let mut explanation = ChannelExplanation {
        channel: channel.name.clone(),
        kind: channel.connector.descriptor().kind,
        included: false,
        why_not: None,
        price: Computed::default(),
        stock: Computed::default(),
        title: None,
        category: None,
        confirmed,
        pending,
        issues: Vec::new(),
    };
    let Some(found) = found else {
        explanation.why_not = Some(format!(
            "not in the catalog; {}",
            absence(channel.policy.absent)
        ));
        return explanation;
    };
    let item = &found.item;
    match channel.policy.selects(item) {
        Selection::Left(reason) if item.kind != ItemKind::Parent => {
            explanation.why_not = Some(format!("{reason}; {}", absence(channel.policy.absent)));
            return explanation;
        }
        Selection::Unclear(issue) if item.kind != ItemKind::Parent => {
            explanation.why_not = Some(format!(
                "{}; a listing that is live is kept as it is",
                issue.message
            ));
            explanation.issues.push(*issue);
            return explanation;
        }
        _ => {}
    }
    explanation.included = true;
    if item.kind != ItemKind::Parent {
        explain_price(channel, item, &mut explanation);
        let mut trace = Trace::on();
        let available = channel
            .policy
            .available(item, &shelf.on_hand(item), &mut trace);
        explanation.stock = Computed {
            steps: trace.into_steps(),
            result: available,
        };
    }
    let mut issues = Vec::new();
    let desired = desire(channel, item, &found.axes, shelf, &mut issues);
    if let Some(listing) = &desired.listing {
        explanation.title.clone_from(&listing.title);
        explanation.category.clone_from(&listing.category);
        issues.extend(audit(channel, item, listing));
    }
    for lane in crate::domain::change::Lane::ALL {
        if let Some(rejection) = known.rejections.get(&(sku.clone(), lane)) {
            issues.extend(rejection.issues.clone());
        }
    }
    if desired.held.any() {
        let what = held_words(desired.held);
        explanation.why_not = Some(format!("{what} held back by errors in this row"));
    }
    explanation.issues = issues;
    explanation
}

fn explain_price(channel: &Channel, item: &Item, explanation: &mut ChannelExplanation) {
    let mut trace = Trace::on();
    let result = channel.policy.price(item, &mut trace).ok().flatten();
    explanation.price = Computed {
        steps: trace.into_steps(),
        result: result.map(|price| price.price),
    };
}

fn absence(absent: Absent) -> &'static str {
    match absent {
        Absent::Zero => "a listing that is live goes to stock 0",
        Absent::End => "a listing that is live is ended",
        Absent::Keep => "a listing that is live is kept as it is",
    }
}

/// Finds one item and everything that it takes from its family.
fn find(shelf: &Shelf, sku: &Sku) -> Result<Option<Found>> {
    let mut families = Families::default();
    let mut row: Option<Item> = None;
    let mut first_variant: Option<Item> = None;
    shelf.catalog.scan(&mut |scanned| {
        let Scanned::Item(item, at) = scanned else {
            return;
        };
        if item.parent_sku.as_ref() == Some(sku) {
            families.add_variant(sku, &item, at);
            first_variant.get_or_insert_with(|| item.clone());
        }
        if item.sku == *sku && row.is_none() {
            row = Some(item);
        }
    })?;
    let axes = families
        .get(sku)
        .map(|family| family.axes.clone())
        .unwrap_or_default();
    let is_parent = families.contains(sku);
    let Some(mut item) = row.or(first_variant) else {
        return Ok(None);
    };
    if is_parent {
        item = super::family::as_parent(item, sku);
    }
    if let Some(parent_sku) = item.parent_sku.clone() {
        let mut parent = None;
        shelf.catalog.scan(&mut |scanned| {
            if let Scanned::Item(item, _) = scanned
                && item.sku == parent_sku
                && parent.is_none()
            {
                parent = Some(item);
            }
        })?;
        if let Some(parent) = parent {
            inherit(&mut item, &parent);
        }
    }
    Ok(Some(Found { item, axes }))
}

/// What a held row keeps back, in words.
fn held_words(held: Held) -> &'static str {
    match (held.price, held.stock, held.content) {
        (true, true, true) => "the whole row",
        (true, _, _) => "price",
        (_, true, _) => "stock",
        _ => "content",
    }
}
