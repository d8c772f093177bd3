//! The whole contract between skucast and one kind of channel.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::capability::{Descriptor, TextLimits};
use super::change::{Batch, EndChange, Lane, ListingChange, PriceChange, StockChange};
use super::ids::{ChannelOrderId, ListingRef, PageToken, Sku, SubmissionId};
use super::issue::Issue;
use super::listing::{ChannelListing, Listing};
use super::order::{Order, Shipment, UnreadableOrder};
use super::{Error, Result};

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` on the last page.
    pub next: Option<PageToken>,
}

/// How far the orders of a channel have been read. Kept by the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// Everything that the channel changed before this moment has been seen.
    pub at: Timestamp,
    /// The channel's own place in its list of events, where it keeps one.
    pub cursor: Option<String>,
}

#[derive(Debug)]
pub struct OrderPage {
    pub orders: Vec<Order>,
    pub unreadable: Vec<UnreadableOrder>,
    pub next: Option<PageToken>,
    /// Where the next pull starts, if the channel says so on this page.
    pub watermark: Option<Watermark>,
}

/// What became of one item of a push.
#[derive(Debug)]
pub enum Outcome {
    /// Done, perhaps with warnings.
    Applied {
        listing_ref: Option<ListingRef>,
        issues: Vec<Issue>,
    },
    /// Taken for later. With a submission it is polled, without one the live listing is read until it shows.
    Accepted {
        submission: Option<SubmissionId>,
        /// Where in the submission it stands, for a channel that answers by place and not by sku.
        part: Option<u32>,
        listing_ref: Option<ListingRef>,
    },
    /// The seller must change data first.
    Rejected(Vec<Issue>),
    /// Certainly not applied; the error says whether a repeat may help. With
    /// [`ErrorKind::Conflict`](super::ErrorKind::Conflict) what is live is not what was last confirmed: it is
    /// read, orders are pulled, and the change is planned anew.
    Failed(Error),
    /// Sent without a proper answer: looked up before it is sent again.
    Unknown(Error),
}

impl Outcome {
    pub fn applied() -> Self {
        Self::Applied {
            listing_ref: None,
            issues: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub struct ItemOutcome<K = Sku> {
    pub key: K,
    pub outcome: Outcome,
}

/// One item of a submission that is being asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub sku: Sku,
    pub lane: Lane,
    /// As [`Outcome::Accepted`] named it.
    pub part: Option<u32>,
}

/// A submission, asked about.
#[derive(Debug)]
pub enum Submission {
    Pending,
    /// Outcomes by sku. A sku of the submission that is not named was applied without complaint.
    Done(Vec<ItemOutcome>),
    /// The channel gave up on the whole; some of it may have been applied.
    Broken(Error),
}

/// Who we are on the channel, from the cheapest call that proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    /// When the credential stops working, if the channel tells.
    pub credential_expires: Option<Timestamp>,
}

/// A channel of one kind.
///
/// Contract:
/// - `Err` from a push means that **nothing of the batch was applied**. When the request may have arrived,
///   its items are [`Outcome::Unknown`] instead; trouble of single items is data, never `Err`.
/// - A push answers one outcome per item, in any order, and never gets more items than the declared
///   [`Limits`](super::capability::Limits) allow for that lane and route.
/// - Quantities and prices are absolute, so that a repeat is harmless.
/// - [`audit`](Connector::audit) is pure.
/// - A connector never sleeps, retries, loops over pages, logs a body, reads the clock or the environment, or
///   touches the ledger: all that is done once, around it.
/// - What is not declared in [`Capability`](super::capability::Capability) answers
///   [`ErrorKind::Unsupported`](super::ErrorKind::Unsupported), as the default bodies do.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    fn descriptor(&self) -> &'static Descriptor;

    /// The limits of texts, where they depend on the settings; otherwise those of the descriptor.
    fn text_limits(&self) -> TextLimits {
        self.descriptor().limits.texts()
    }

    /// Proves the credential with the cheapest call that a sync would make too.
    async fn check(&self) -> Result<Account>;

    /// Lists what the channel would refuse or change, as far as it is known without asking.
    /// Fields: `title`, `description`, `images`, `gtin`, … or `attr:NAME`.
    fn audit(&self, listing: &Listing) -> Vec<Issue> {
        let _ = listing;
        Vec::new()
    }

    /// A listing's content as this channel keeps it: what reading it back would give. Pure. What it has no place for is
    /// left away, so that it makes no difference between what is live and what should be.
    fn kept(&self, listing: &Listing) -> Listing {
        listing.clone()
    }

    /// One page of everything that is live, parents included, with their contents. Requires `listing_read`.
    async fn fetch_listings(&self, page: Option<&PageToken>) -> Result<Page<ChannelListing>> {
        let _ = page;
        Err(Error::unsupported("fetch_listings"))
    }

    /// The listings of these skus; one that does not exist is left out. Requires `listing_read`.
    async fn find_listings(&self, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
        let _ = skus;
        Err(Error::unsupported("find_listings"))
    }

    /// Creates listings, or updates their content. Requires `listing_create` and `listing_update`;
    /// with `dry_run`, `listing_dry_run`.
    async fn push_listings(&self, batch: Batch<'_, ListingChange>) -> Result<Vec<ItemOutcome>> {
        let _ = batch;
        Err(Error::unsupported("push_listings"))
    }

    /// Requires `stock_push`.
    async fn push_stock(&self, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
        let _ = batch;
        Err(Error::unsupported("push_stock"))
    }

    /// Requires `price_push`.
    async fn push_prices(&self, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
        let _ = batch;
        Err(Error::unsupported("push_prices"))
    }

    /// Requires `listing_end`. Ending what is already gone is `Applied`.
    async fn end_listings(&self, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
        let _ = batch;
        Err(Error::unsupported("end_listings"))
    }

    /// Asks about a submission; `items` are those that it is to answer for, in the order in which they were
    /// sent. Requires `submissions`.
    async fn poll_submission(&self, id: &SubmissionId, items: &[Submitted]) -> Result<Submission> {
        let _ = (id, items);
        Err(Error::unsupported("poll_submission"))
    }

    /// One page of the orders that the channel changed at or after `since`, oldest change first where the
    /// channel can sort so. Requires `orders_pull`.
    async fn fetch_orders(&self, since: &Watermark, page: Option<&PageToken>) -> Result<OrderPage> {
        let _ = (since, page);
        Err(Error::unsupported("fetch_orders"))
    }

    /// Tells the channel that parcels have left. Requires `shipments_confirm`.
    async fn confirm_shipments(
        &self,
        shipments: &[Shipment],
    ) -> Result<Vec<ItemOutcome<ChannelOrderId>>> {
        let _ = shipments;
        Err(Error::unsupported("confirm_shipments"))
    }
}
