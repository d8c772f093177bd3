//! A product as one channel shows it, or should show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalog::ItemKind;
use super::fingerprint::{Fingerprint, Fingerprinter};
use super::ids::{ListingRef, Sku};
use super::money::Money;

/// What tells variants apart: `Size` with the values that occur, in catalog order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionAxis {
    pub name: String,
    pub values: Vec<String>,
}

/// A measure with its unit as the catalog states it: `0.5 kg`, `12 cm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    pub value: rust_decimal::Decimal,
    pub unit: String,
}

/// The desired listing: one item after this channel's policy. `None` and empty mean "not stated".
#[derive(Clone, Debug)]
pub struct Listing {
    pub sku: Sku,
    pub parent_sku: Option<Sku>,
    pub kind: ItemKind,
    pub title: Option<String>,
    pub description: Option<String>,
    pub brand: Option<String>,
    /// 8, 12, 13 or 14 digits with a right check digit.
    pub gtin: Option<String>,
    pub mpn: Option<String>,
    /// The channel's category after the category map.
    pub category: Option<String>,
    /// `new`, `refurbished`, `used`, or the channel's own word.
    pub condition: Option<String>,
    /// The product's page in the seller's own shop.
    pub url: Option<String>,
    pub images: Vec<String>,
    pub weight: Option<Measure>,
    pub length: Option<Measure>,
    pub width: Option<Measure>,
    pub height: Option<Measure>,
    /// ISO 3166-1 alpha-2.
    pub country_of_origin: Option<String>,
    pub tags: Vec<String>,
    /// A variant's own choice per axis: `("Size", "M")`.
    pub options: Vec<(String, String)>,
    /// A parent's axes, gathered from its variants.
    pub axes: Vec<OptionAxis>,
    /// The channel's own attributes, after the attribute map.
    pub attributes: BTreeMap<String, String>,
    /// Set on creation only: an update of content never carries price or stock.
    pub price: Option<Money>,
    pub compare_at: Option<Money>,
    pub quantity: Option<u64>,
}

impl Listing {
    /// Stands for everything but price and stock.
    pub fn content_fingerprint(&self) -> Fingerprint {
        let mut print = Fingerprinter::default();
        print.text(match self.kind {
            ItemKind::Single => "single",
            ItemKind::Parent => "parent",
            ItemKind::Variant => "variant",
        });
        for text in [
            self.parent_sku.as_ref().map(Sku::as_str),
            self.title.as_deref(),
            self.description.as_deref(),
            self.brand.as_deref(),
            self.gtin.as_deref(),
            self.mpn.as_deref(),
            self.category.as_deref(),
            self.condition.as_deref(),
            self.url.as_deref(),
            self.country_of_origin.as_deref(),
        ] {
            print.optional(text);
        }
        for measure in [&self.weight, &self.length, &self.width, &self.height] {
            let text = measure
                .as_ref()
                .map(|measure| format!("{} {}", measure.value.normalize(), measure.unit));
            print.optional(text.as_deref());
        }
        for list in [&self.images, &self.tags] {
            print.text("list");
            list.iter().for_each(|text| {
                print.text(text);
            });
        }
        for (name, value) in &self.options {
            print.text("option").text(name).text(value);
        }
        for axis in &self.axes {
            print.text("axis").text(&axis.name);
            axis.values.iter().for_each(|value| {
                print.text(value);
            });
        }
        for (name, value) in &self.attributes {
            print.text("attribute").text(name).text(value);
        }
        print.finish()
    }
}

/// The parts of a listing that change apart from each other. `None` means "not known" or "not stated".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_at: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Fingerprint>,
}

/// A listing as it is live on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelListing {
    pub sku: Sku,
    pub listing_ref: ListingRef,
    pub parent_ref: Option<ListingRef>,
    /// `false` when it exists but cannot be bought or seen (draft, trash, ended).
    pub live: bool,
    pub title: Option<String>,
    pub price: Option<Money>,
    pub compare_at: Option<Money>,
    /// `None` when the channel does not count this listing's stock. Below zero is shown as 0.
    pub quantity: Option<u64>,
    /// Complaints that the channel shows on the listing.
    pub issues: Vec<super::issue::Issue>,
}
