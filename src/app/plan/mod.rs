//! The difference between what the seller states and what each channel last confirmed.
//!
//! The catalog is streamed once. Of every item only its key and its place in the file are kept, and of every
//! change its values, in a file when there are many; the content of a listing is read again when it is sent.

mod changes;
mod compare;
mod crew;
mod draft;
mod look;
mod memo;
mod packed;
mod pile;
mod review;
mod run;
mod scan;
mod scratch;
mod skus;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::family::Families;
use super::shelf::Shelf;
use super::{Channel, Scope};
use crate::domain::Result;
use crate::domain::catalog::{ItemKind, Locator, ScanSummary};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::guard::Stop;
use crate::domain::ids::{ChannelName, ListingRef, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::{Ledger, ListingRecord, Pending, Rejection, TouchId};

pub use changes::Changes;
pub use memo::MemoFile;
pub use review::{keep_reviewed, lost_rows, require_rows, rows_token};
pub use run::{Ground, plan};
pub(crate) use scan::reread;

/// What is known of one channel before planning.
#[derive(Debug, Default)]
pub struct Known {
    /// Filled in by [`Self::load`], as far as they are needed.
    pub records: HashMap<Sku, ListingRecord>,
    /// Read from the channel, and not recorded in the ledger.
    pub unrecorded: HashMap<Sku, ListingRecord>,
    pub pending: HashMap<Sku, Vec<Pending>>,
    pub rejections: HashMap<(Sku, Lane), Rejection>,
    /// Sent without an answer and not yet looked up: nothing is planned for them.
    pub in_doubt: HashSet<Sku>,
    /// Their figures moved between an earlier plan of this run and its push.
    pub moved: HashSet<Sku>,
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

impl Planned {
    /// A change of what no row of the catalog states.
    pub(crate) fn of_no_row(change: Change, listing_ref: Option<ListingRef>) -> Self {
        Self {
            change,
            at: None,
            kind: ItemKind::Single,
            parent: None,
            listing_ref,
        }
    }
}

/// The plan of one channel.
#[derive(Debug)]
pub struct ChannelPlan {
    pub changes: Changes,
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
    /// Which listings were written before this write of the ledger, no later plan asks for.
    pub compared_up_to: Option<TouchId>,
    /// Rows that were settled, and not looked at again.
    pub passed_over: u64,
}

impl Known {
    /// Asks the ledger for the records of these skus; for all, without any named.
    pub async fn load(
        &mut self,
        ledger: &dyn Ledger,
        channel: &ChannelName,
        skus: Option<&[Sku]>,
    ) -> Result<()> {
        self.records = match skus {
            Some(skus) => ledger.listings_of(channel, skus).await?,
            None => ledger.listings(channel).await?,
        };
        for (sku, record) in &self.unrecorded {
            let record = || record.clone();
            self.records.entry(sku.clone()).or_insert_with(record);
        }
        Ok(())
    }

    /// Skus that wait for the channel, or that it refused.
    fn open_skus(&self) -> impl Iterator<Item = &Sku> {
        let refused = self.rejections.keys().map(|(sku, _)| sku);
        self.pending.keys().chain(&self.in_doubt).chain(refused)
    }

    /// How many of the records are live and ours.
    fn live(&self) -> u64 {
        let live = |record: &&ListingRecord| record.live && record.managed;
        self.records.values().filter(live).count() as u64
    }
}

/// Plans every channel as if nothing were known of it, and asks nobody.
pub fn plan_from_nothing(
    channels: &[Arc<Channel>],
    shelf: &Shelf,
    scope: &Scope,
    now: Timestamp,
) -> Result<Plan> {
    let nothing: Vec<Known> = channels.iter().map(|_| Known::default()).collect();
    let found = scan::scan(channels, &nothing, shelf, scope, now, scan::RowsToScan::All)?;
    let mut plan = found.plan;
    plan.channels = found.drafted.into_iter().map(|one| one.plan).collect();
    Ok(plan)
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
    pub fn add(&mut self, lane: Lane, action: Action) {
        let count = match (lane, action) {
            (Lane::Zero, _) => &mut self.zero,
            (Lane::Stock, _) => &mut self.stock,
            (Lane::Price, _) => &mut self.price,
            (Lane::Listing, Action::Create) => &mut self.create,
            (Lane::Listing, _) => &mut self.update,
            (Lane::End, _) => &mut self.end,
        };
        *count += 1;
    }

    pub fn of_lane(&self, lane: Lane) -> u64 {
        match lane {
            Lane::Zero => self.zero,
            Lane::Stock => self.stock,
            Lane::Price => self.price,
            Lane::Listing => self.create + self.update,
            Lane::End => self.end,
        }
    }

    pub fn total(&self) -> u64 {
        self.zero + self.stock + self.price + self.create + self.update + self.end
    }
}

impl ChannelPlan {
    pub fn counts(&self) -> Counts {
        self.changes.counts()
    }

    /// What `--approve` must be given to let this plan pass its guard once: it changes with the plan.
    pub fn approval(&self, channel: &Channel) -> Result<String> {
        let mut hash = Sha256::new();
        digest_changes(&mut hash, channel, self)?;
        let hash = hash.finalize();
        Ok(format!(
            "{}-{:02x}{:02x}{:02x}{:02x}",
            channel.name, hash[0], hash[1], hash[2], hash[3]
        ))
    }
}

fn digest_changes(hash: &mut Sha256, channel: &Channel, plan: &ChannelPlan) -> Result<()> {
    hash.update(channel.name.as_str().as_bytes());
    plan.changes.digest(hash)
}

impl Plan {
    /// Names the plan by its content.
    pub fn id(&self, channels: &[Arc<Channel>]) -> Result<String> {
        let mut hash = Sha256::new();
        for (channel, plan) in channels.iter().zip(&self.channels) {
            digest_changes(&mut hash, channel, plan)?;
        }
        let hash = hash.finalize();
        let bytes = hash.iter().take(8);
        Ok(bytes.map(|byte| format!("{byte:02x}")).collect())
    }
}
