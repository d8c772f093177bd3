//! The whole storage contract: what each channel last confirmed, what was sent, what was ordered.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Result;
use super::capability::Endpoint;
use super::change::{Change, Lane};
use super::connector::Watermark;
use super::fingerprint::Fingerprint;
use super::ids::{
    ChannelName, ChannelOrderId, IdempotencyKey, ListingRef, RunId, Sku, SubmissionId,
};
use super::issue::Issue;
use super::listing::Facets;
use super::order::{Order, OrderStatus, Shipment, UnreadableOrder};
use super::stock::SoldLine;

/// What a channel last confirmed of one sku.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingRecord {
    /// Empty once the channel has lost the listing: read it through [`Self::reference`].
    pub listing_ref: ListingRef,
    /// `false` once ended, or when the channel shows it as not for sale.
    pub live: bool,
    /// The catalog has held this sku, so that leaving the catalog means something. Foreign listings are left alone.
    pub managed: bool,
    pub confirmed: Facets,
    /// [`Listing::shown_fingerprint`](super::listing::Listing::shown_fingerprint) of what the channel
    /// [keeps](super::connector::Connector::kept) of the content that was live when it was last read; `None` once
    /// other content was sent.
    pub shown: Option<Fingerprint>,
    pub at: Timestamp,
}

impl ListingRecord {
    /// What the channel calls the listing; `None` when it has it no more, so that it can only be created anew.
    /// An ended listing keeps its reference, and comes back under it.
    pub fn reference(&self) -> Option<ListingRef> {
        (!self.listing_ref.as_str().is_empty()).then(|| self.listing_ref.clone())
    }
}

/// A change that the channel took for later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub change: Change,
    pub intent: IntentId,
    /// `None`: confirmed by reading the live listing.
    pub submission: Option<SubmissionId>,
    /// Its place in the submission.
    pub part: Option<u32>,
    pub listing_ref: Option<ListingRef>,
    pub since: Timestamp,
    pub deadline: Timestamp,
    /// A later write went past this one, so that its arrival may undo the later write.
    pub superseded: bool,
}

/// Row of the journal; counts up.
pub type IntentId = i64;

/// A change about to be sent. Written before the send, settled after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    pub id: IntentId,
    pub change: Change,
    pub key: IdempotencyKey,
    pub at: Timestamp,
}

/// How an intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    Applied,
    Accepted,
    Rejected,
    Failed,
    /// Sent without an answer, then read back: the live listing is recorded instead.
    Observed,
    /// The channel said yes, but the live listing does not show it.
    Ignored,
    /// Still not known: stays open and is looked up again before anything else.
    InDoubt,
}

impl Settled {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Observed => "observed",
            Self::Ignored => "ignored",
            Self::InDoubt => "in_doubt",
        }
    }
}

/// One intent's end, and what it does to the ledger. All of it is recorded in one transaction.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub intent: IntentId,
    pub sku: Sku,
    pub lane: Lane,
    pub settled: Settled,
    pub issues: Vec<Issue>,
    /// Replaces the record; `None` leaves it as it is.
    pub record: Option<ListingRecord>,
    /// Now waits for the channel.
    pub pending: Option<Pending>,
    /// No longer waits.
    pub resolves_pending: bool,
    /// The channel refused exactly this; it is not sent again until it changes.
    pub rejection: Option<Rejection>,
}

/// A refusal that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub sku: Sku,
    pub lane: Lane,
    pub after: Facets,
    pub issues: Vec<Issue>,
    pub at: Timestamp,
}

/// What is known of a channel as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// When its live listings were first read and matched.
    pub first_contact: Option<Timestamp>,
    pub last_push: Option<Timestamp>,
    pub last_pull: Option<Timestamp>,
    pub last_failure: Option<(Timestamp, String)>,
    pub credential_expires: Option<Timestamp>,
    /// Whether what is known comes from an emulated channel. Said at first contact, for good.
    pub rehearsal: Option<bool>,
    pub watermark: Option<Watermark>,
}

/// What of a channel is counted, so that nobody has to read it all to know how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Listings that the channel last confirmed as live.
    pub live: u64,
    /// Those of them that are ours.
    pub live_managed: u64,
    /// Intents that are not settled, or in doubt.
    pub in_doubt: u64,
    pub unreadable_orders: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upserted {
    pub new: u64,
    pub updated: u64,
    pub unchanged: u64,
}

impl Upserted {
    pub fn add(&mut self, other: Self) {
        self.new += other.new;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }
}

#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub channels: Vec<ChannelName>,
    pub status: Option<OrderStatus>,
    pub since: Option<Timestamp>,
    pub id: Option<ChannelOrderId>,
}

/// An order with the channel it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOrder {
    pub channel: ChannelName,
    pub order: Order,
    pub first_seen: Timestamp,
    pub shipments: Vec<Shipment>,
}

/// Held until dropped.
pub trait Lock: Send + Sync + fmt::Debug {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    pub id: RunId,
    pub command: String,
    pub started: Timestamp,
    pub finished: Option<Timestamp>,
    /// Exit code and counts as the summary printed them.
    pub summary: Option<serde_json::Value>,
}

/// Names one write of listings; later writes have higher numbers.
pub type TouchId = i64;

/// The listings that were written since a certain write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The last write of all.
    pub latest: TouchId,
    /// `None` when they are too many, or when this ledger does not know the write that was asked about.
    pub listings: Option<Vec<(ChannelName, Sku)>>,
}

/// Storage of one seller's ledger. Every method that writes is one transaction: all of it, or nothing.
#[async_trait]
pub trait Ledger: fmt::Debug + Send + Sync {
    async fn begin_run(&self, command: &str, at: Timestamp) -> Result<RunId>;
    async fn finish_run(
        &self,
        run: &RunId,
        at: Timestamp,
        summary: &serde_json::Value,
    ) -> Result<()>;
    /// Newest first.
    async fn runs(&self, most: u32) -> Result<Vec<RunRecord>>;
    /// The right to pull and push; `None` when another run holds it.
    async fn lock(&self) -> Result<Option<Box<dyn Lock>>>;

    /// Rows of the catalog at the last run that wrote, to see a file that lost rows.
    async fn catalog_rows(&self) -> Result<Option<u64>>;
    async fn set_catalog_rows(&self, rows: u64) -> Result<()>;

    async fn channel(&self, channel: &ChannelName) -> Result<ChannelState>;
    async fn set_channel(&self, channel: &ChannelName, state: &ChannelState) -> Result<()>;

    async fn standing(&self, channel: &ChannelName) -> Result<Standing>;

    async fn listings(&self, channel: &ChannelName) -> Result<HashMap<Sku, ListingRecord>>;
    /// Those of these skus that the channel has.
    async fn listings_of(
        &self,
        channel: &ChannelName,
        skus: &[Sku],
    ) -> Result<HashMap<Sku, ListingRecord>>;
    /// Which listings of all channels were written after `since`. More than `most` are not named.
    async fn touched_since(&self, since: Option<TouchId>, most: usize) -> Result<Touched>;
    /// Nobody will ask for what was written before this.
    async fn forget_touched(&self, before: TouchId) -> Result<()>;
    async fn record_listings(
        &self,
        channel: &ChannelName,
        records: &[(Sku, ListingRecord)],
    ) -> Result<()>;

    /// Durable when it returns: after a crash these are found by [`Ledger::open_intents`].
    async fn record_intents(
        &self,
        run: &RunId,
        channel: &ChannelName,
        changes: &[(Change, IdempotencyKey)],
        at: Timestamp,
    ) -> Result<Vec<IntentId>>;
    async fn settle(
        &self,
        channel: &ChannelName,
        at: Timestamp,
        settlements: &[Settlement],
    ) -> Result<()>;
    /// Sent, or about to be, by a run that did not live to settle them; and those still in doubt.
    async fn open_intents(&self, channel: &ChannelName) -> Result<Vec<Intent>>;

    async fn pending(&self, channel: &ChannelName) -> Result<Vec<Pending>>;
    /// Remembers that a later write went past what is pending for these skus and this lane's facet.
    async fn supersede(&self, channel: &ChannelName, lane: Lane, skus: &[Sku]) -> Result<()>;
    async fn rejections(&self, channel: &ChannelName) -> Result<Vec<Rejection>>;

    /// Inserts and updates by `(channel, channel_order_id)` and moves the watermark, together.
    async fn record_orders(
        &self,
        channel: &ChannelName,
        orders: &[Order],
        unreadable: &[UnreadableOrder],
        watermark: Option<&Watermark>,
        at: Timestamp,
    ) -> Result<Upserted>;
    /// Newest first.
    async fn orders(&self, filter: &OrderFilter) -> Result<Vec<LedgerOrder>>;
    /// Lines that a stock figure as of `oldest` may not know: unshipped ones, and those placed or shipped later.
    async fn sold_lines(&self, oldest: Timestamp) -> Result<Vec<SoldLine>>;
    async fn unreadable_orders(&self, channel: &ChannelName) -> Result<Vec<UnreadableOrder>>;
    /// Confirmed by the channel: recorded with the order, its lines counted as shipped.
    async fn record_shipments(&self, channel: &ChannelName, shipments: &[Shipment]) -> Result<()>;
}

/// Where the throttle's memory outlives the process: a channel refills its buckets while nothing runs.
#[async_trait]
pub trait QuotaMemory: fmt::Debug + Send + Sync {
    /// The moment at which the endpoint's bucket is full again.
    async fn full_at(&self, channel: &ChannelName, endpoint: Endpoint)
    -> Result<Option<Timestamp>>;
    async fn set_full_at(
        &self,
        channel: &ChannelName,
        endpoint: Endpoint,
        at: Timestamp,
    ) -> Result<()>;
}

/// The deadline of a submission made now.
pub fn deadline(since: Timestamp, patience: Duration) -> Timestamp {
    since.checked_add(patience).unwrap_or(Timestamp::MAX)
}
