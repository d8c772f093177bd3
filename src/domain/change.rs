//! One difference between what a channel should show and what it last confirmed.

use serde::{Deserialize, Serialize};

use super::ids::{IdempotencyKey, ListingRef, Sku};
use super::listing::{Facets, Listing};
use super::money::Money;

/// Changes leave in this order: what protects the seller first, what can wait last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Stock that goes to zero.
    Zero,
    Stock,
    Price,
    /// Content of listings, and listings that are new.
    Listing,
    End,
}

impl Lane {
    pub const ALL: [Self; 5] = [
        Self::Zero,
        Self::Stock,
        Self::Price,
        Self::Listing,
        Self::End,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Stock => "stock",
            Self::Price => "price",
            Self::Listing => "listing",
            Self::End => "end",
        }
    }

    /// Whether an open change of `other` touches the same part of a listing as one of `self`.
    pub fn shares_facet_with(self, other: Self) -> bool {
        let stock = |lane| matches!(lane, Self::Zero | Self::Stock);
        self == other || (stock(self) && stock(other))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Set stock or price of a listing that is there.
    Set,
    Create,
    Update,
    End,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Create => "create",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// One planned change: a value that can be shown, saved, compared and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub sku: Sku,
    pub lane: Lane,
    pub action: Action,
    /// What the channel last confirmed, of the parts that change.
    pub before: Facets,
    /// What it should show.
    pub after: Facets,
}

/// Absolute number of pieces that may be sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChange {
    pub sku: Sku,
    pub listing_ref: ListingRef,
    pub quantity: u64,
    /// What the channel last confirmed, if that is known: for channels that compare before they set.
    pub confirmed: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    pub sku: Sku,
    pub listing_ref: ListingRef,
    pub price: Money,
    /// The struck-through price; `None` removes it.
    pub compare_at: Option<Money>,
}

#[derive(Clone, Debug)]
pub struct ListingChange {
    /// [`Action::Create`] sends everything, price and stock as well; [`Action::Update`] the content alone.
    pub action: Action,
    /// Of an update, the listing. Of a creation, the listing that was ended before and comes back, if the
    /// channel still keeps it.
    pub listing_ref: Option<ListingRef>,
    /// The parent's listing, for a variant on a channel that keeps variants under parents.
    pub parent_ref: Option<ListingRef>,
    pub listing: Listing,
}

impl ListingChange {
    pub fn is_create(&self) -> bool {
        self.action == Action::Create
    }
}

/// Takes a listing off the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndChange {
    pub sku: Sku,
    pub listing_ref: ListingRef,
}

/// How a batch travels, where a channel has both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// Calls that are answered at once, for the urgent and the few.
    Direct,
    /// One submission for many, answered later.
    Bulk,
}

/// Changes of one lane that travel together.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    pub items: &'a [T],
    pub route: Route,
    pub key: &'a IdempotencyKey,
    /// Asks the channel to validate and change nothing (only where the connector declares it).
    pub dry_run: bool,
}

/// A change that belongs to one sku.
pub trait Keyed {
    fn sku(&self) -> &Sku;
}

macro_rules! keyed {
    ($($change:ty => $($path:ident).+),* $(,)?) => {$(
        impl Keyed for $change {
            fn sku(&self) -> &Sku {
                &self.$($path).+
            }
        }
    )*};
}

keyed! {
    StockChange => sku,
    PriceChange => sku,
    ListingChange => listing.sku,
    EndChange => sku,
}
