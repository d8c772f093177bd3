//! What a connector declares about its channel, as data: planning, help, documentation and tests read it.

use std::time::Duration;

use super::change::Lane;

/// Static facts of one kind of channel.
#[derive(Debug)]
pub struct Descriptor {
    /// Folder name, `kind` in channels.toml, key in the ledger.
    pub kind: &'static str,
    pub display_name: &'static str,
    pub docs_url: &'static str,
    /// Where a person creates the credential.
    pub portal_url: &'static str,
    pub capability: Capability,
    pub limits: Limits,
    pub settings: &'static [Setting],
    /// The matrix's footnotes: why something cannot be done, or only in part.
    pub notes: &'static [Note],
}

/// What the channel can do. A literal starts from [`Capability::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Live listings can be listed and looked up by sku.
    pub listing_read: bool,
    pub listing_create: bool,
    pub listing_update: bool,
    pub listing_end: bool,
    /// The channel validates a listing without changing anything.
    pub listing_dry_run: bool,
    pub stock_push: bool,
    pub price_push: bool,
    /// Some answers come later and have to be asked for.
    pub submissions: bool,
    pub orders_pull: bool,
    pub shipments_confirm: bool,
    /// A shipment may name some of an order's lines or quantities.
    pub shipments_partial: bool,
}

impl Capability {
    pub const NONE: Self = Self {
        listing_read: false,
        listing_create: false,
        listing_update: false,
        listing_end: false,
        listing_dry_run: false,
        stock_push: false,
        price_push: false,
        submissions: false,
        orders_pull: false,
        shipments_confirm: false,
        shipments_partial: false,
    };

    /// Name, meaning and value of each, in the order of the matrix.
    pub fn rows(&self) -> [(&'static str, &'static str, bool); 11] {
        [
            ("listing_read", "read live listings", self.listing_read),
            ("listing_create", "create listings", self.listing_create),
            ("listing_update", "update content", self.listing_update),
            ("listing_end", "end listings", self.listing_end),
            (
                "listing_dry_run",
                "validate on the channel",
                self.listing_dry_run,
            ),
            ("stock_push", "set stock", self.stock_push),
            ("price_push", "set prices", self.price_push),
            ("submissions", "answers later", self.submissions),
            ("orders_pull", "pull orders", self.orders_pull),
            (
                "shipments_confirm",
                "confirm shipments",
                self.shipments_confirm,
            ),
            (
                "shipments_partial",
                "partial shipments",
                self.shipments_partial,
            ),
        ]
    }
}

/// How variants and their parents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variants {
    /// Each variant is a listing of its own that names its group; parents are not sent.
    Flat,
    /// The parent must be live before its variants are created under its `listing_ref`.
    ParentFirst,
    /// Parents and variants go in one list, parents before their variants.
    InOrder,
    /// A parent and its variants are one product, and a call writes the product: what changes of it comes
    /// together, the parent first. A variant comes without its parent only when the parent is live.
    Together,
}

/// What may share a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Any items; the size counts items.
    Items,
    /// Variants of one parent, or items that have none; the size counts items.
    OneParent,
    /// Whole products: what changes of one is never cut. The size counts products.
    Products,
}

/// How many go into one push call, and how many calls may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    pub size: usize,
    pub concurrency: usize,
    pub grouping: Grouping,
}

impl Batching {
    pub const fn items(size: usize, concurrency: usize) -> Self {
        Self {
            size,
            concurrency,
            grouping: Grouping::Items,
        }
    }

    pub const fn grouped(self, grouping: Grouping) -> Self {
        Self { grouping, ..self }
    }
}

/// The routes that one lane has. At least one is `Some` when the lane's capability is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routes {
    pub direct: Option<Batching>,
    pub bulk: Option<Batching>,
    /// With both routes: up to so many changes of one lane go directly, and any more go in bulk.
    pub direct_up_to: usize,
    /// Bulk takes new products alone. What is live goes directly, however much it is.
    pub bulk_creates_only: bool,
}

impl Routes {
    pub const NONE: Self = Self {
        direct: None,
        bulk: None,
        direct_up_to: 0,
        bulk_creates_only: false,
    };

    pub const fn direct(batching: Batching) -> Self {
        Self {
            direct: Some(batching),
            bulk: None,
            direct_up_to: usize::MAX,
            bulk_creates_only: false,
        }
    }

    pub const fn bulk(batching: Batching) -> Self {
        Self {
            direct: None,
            bulk: Some(batching),
            direct_up_to: 0,
            bulk_creates_only: false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub variants: Variants,
    /// Zero and stock.
    pub stock: Routes,
    pub price: Routes,
    pub listing: Routes,
    pub end: Routes,
    /// Most skus of one look-up.
    pub find_batch: usize,
    pub shipment_batch: usize,
    /// Orders are read again from so long before the watermark: channels publish late.
    pub order_lookback: Duration,
    /// Most submissions that the channel works on at a time; one more waits for one to end.
    pub submissions_at_once: Option<usize>,
    /// How long a submission may take before it is reported and given up.
    pub submission_deadline: Duration,
    /// The same for a change that was accepted on its own, and has to show in the live listing.
    pub sight_deadline: Duration,
    pub quotas: &'static [Quota],
    /// Longest title in characters, where the channel has one for all its categories.
    pub title_length: Option<usize>,
    pub description_length: Option<usize>,
    /// Most pictures of one listing.
    pub images: Option<usize>,
    pub sku_length: Option<usize>,
}

impl Limits {
    pub fn routes(&self, lane: Lane) -> Routes {
        match lane {
            Lane::Zero | Lane::Stock => self.stock,
            Lane::Price => self.price,
            Lane::Listing => self.listing,
            Lane::End => self.end,
        }
    }
}

/// How long texts may be and how many pictures there may be; `None` where the channel has no one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextLimits {
    /// In characters, as all of these lengths.
    pub title: Option<usize>,
    pub description: Option<usize>,
    pub images: Option<usize>,
    pub sku: Option<usize>,
}

impl Limits {
    pub fn texts(&self) -> TextLimits {
        TextLimits {
            title: self.title_length,
            description: self.description_length,
            images: self.images,
            sku: self.sku_length,
        }
    }
}

/// Names one throttled operation of a channel: `searchOrders`.
pub type Endpoint = &'static str;

/// A token bucket that the channel keeps: `permits` per `per`, at most `burst` at once. Where calls have a price,
/// permits are its points.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub endpoint: Endpoint,
    pub permits: u32,
    pub per: Duration,
    pub burst: u32,
    /// Which page or specification says so.
    pub source: &'static str,
}

/// What may stand in `[channels.X.settings]`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub key: &'static str,
    pub help: &'static str,
    pub kind: SettingKind,
    pub required: bool,
    /// Text of the value that holds when the key is absent, for help and documentation.
    pub default: Option<&'static str>,
    pub example: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    /// `env:NAME`, `file:PATH` or `cmd:PROGRAM ARGS`; anything else is the secret itself.
    Secret,
    Url,
    /// Relative to the configuration file.
    Path,
    Flag,
    Choice(&'static [&'static str]),
    List,
}

#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// A name of [`Capability::rows`].
    pub capability: &'static str,
    pub text: &'static str,
    pub source: &'static str,
}
