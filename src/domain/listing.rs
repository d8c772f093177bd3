//! A product as one channel shows it, or should show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalog::ItemKind;
use super::fingerprint::{Fingerprint, Fingerprinter};
use super::ids::{ListingRef, Sku};
use super::issue::Issue;
use super::measure;
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

/// What one item is on one channel: as it should be, after this channel's policy, or as it is live. `None` and empty
/// mean "not stated".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Set on creation only: an update of content never carries price or stock, and content that is live has none.
    pub price: Option<Money>,
    pub compare_at: Option<Money>,
    pub quantity: Option<u64>,
}

impl Listing {
    /// Whether its page would have no title. A variant is shown on its parent's.
    pub fn is_untitled(&self) -> bool {
        let is_blank = |title: &String| title.trim().is_empty();
        self.kind != ItemKind::Variant && self.title.as_ref().is_none_or(is_blank)
    }

    /// A listing that states nothing beside what it is.
    pub fn blank(sku: Sku, kind: ItemKind) -> Self {
        Self {
            sku,
            parent_sku: None,
            kind,
            title: None,
            description: None,
            brand: None,
            gtin: None,
            mpn: None,
            category: None,
            condition: None,
            url: None,
            images: Vec::new(),
            weight: None,
            length: None,
            width: None,
            height: None,
            country_of_origin: None,
            tags: Vec::new(),
            options: Vec::new(),
            axes: Vec::new(),
            attributes: BTreeMap::new(),
            price: None,
            compare_at: None,
            quantity: None,
        }
    }

    /// Takes over from the parent what a variant does not state itself, as a catalog's variant does.
    pub fn inherit(&mut self, parent: &Self) {
        for (own, inherited) in [
            (&mut self.title, &parent.title),
            (&mut self.description, &parent.description),
            (&mut self.brand, &parent.brand),
            (&mut self.category, &parent.category),
            (&mut self.condition, &parent.condition),
            (&mut self.url, &parent.url),
            (&mut self.country_of_origin, &parent.country_of_origin),
        ] {
            if own.is_none() {
                own.clone_from(inherited);
            }
        }
        for (own, inherited) in [
            (&mut self.weight, &parent.weight),
            (&mut self.length, &parent.length),
            (&mut self.width, &parent.width),
            (&mut self.height, &parent.height),
        ] {
            if own.is_none() {
                own.clone_from(inherited);
            }
        }
        for (own, inherited) in [
            (&mut self.images, &parent.images),
            (&mut self.tags, &parent.tags),
        ] {
            if own.is_empty() {
                own.clone_from(inherited);
            }
        }
        for (name, value) in &parent.attributes {
            self.attributes
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
    }

    /// Stands for everything but price and stock.
    pub fn content_fingerprint(&self) -> Fingerprint {
        // Enough for most texts, so that the room does not grow while it is filled.
        let mut print = Fingerprinter::with_capacity(2048);
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
            match measure {
                Some(Measure { value, unit }) => {
                    print.written(format_args!("{} {unit}", value.normalize()))
                }
                None => print.optional(None),
            };
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

    /// Stands for the content as a buyer sees it. Coarser than [`Self::content_fingerprint`]: of what a channel keeps
    /// in its own way (units, blanks around a text, the order of tags, options and attributes) only the meaning
    /// counts, so that what is live can be compared with what a catalog states.
    pub fn shown_fingerprint(&self) -> Fingerprint {
        let text = |text: &Option<String>| text.as_deref().and_then(plain);
        let trimmed = |list: &[String]| -> Vec<String> {
            list.iter().filter_map(|text| plain(text)).collect()
        };
        let measure = |of: &Option<Measure>, base: fn(&Measure) -> Option<Measure>| {
            of.as_ref().map(|own| base(own).unwrap_or(own.clone()))
        };
        let mut tags = trimmed(&self.tags);
        tags.sort();
        tags.dedup();
        let mut options: Vec<_> = self
            .options
            .iter()
            .filter_map(|(name, value)| Some((plain(name)?, plain(value)?)))
            .collect();
        options.sort();
        let mut axes: Vec<_> = self
            .axes
            .iter()
            .filter_map(|axis| {
                let mut values = trimmed(&axis.values);
                values.sort();
                Some(OptionAxis {
                    name: plain(&axis.name)?,
                    values,
                })
            })
            .collect();
        axes.sort_by(|one, other| one.name.cmp(&other.name));
        let path = |text: &Option<String>| {
            let levels: Vec<_> = text.as_deref()?.split('>').map(str::trim).collect();
            plain(&levels.join(" > "))
        };
        Self {
            title: text(&self.title),
            description: text(&self.description),
            brand: text(&self.brand),
            gtin: text(&self.gtin),
            mpn: text(&self.mpn),
            category: path(&self.category),
            condition: text(&self.condition),
            url: text(&self.url),
            images: trimmed(&self.images),
            weight: measure(&self.weight, measure::in_grams),
            length: measure(&self.length, measure::in_millimeters),
            width: measure(&self.width, measure::in_millimeters),
            height: measure(&self.height, measure::in_millimeters),
            country_of_origin: text(&self.country_of_origin),
            tags,
            options,
            axes,
            attributes: self
                .attributes
                .iter()
                .filter_map(|(name, value)| Some((plain(name)?, plain(value)?)))
                .collect(),
            parent_sku: self.parent_sku.clone(),
            ..Self::blank(self.sku.clone(), self.kind)
        }
        .content_fingerprint()
    }
}

/// A text without blanks at its ends and with line breaks of one kind; `None` when nothing is left.
fn plain(text: &str) -> Option<String> {
    let text = text.trim().replace("\r\n", "\n");
    (!text.is_empty()).then_some(text)
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub issues: Vec<Issue>,
    /// What the listing says, without price and stock, in the words in which a catalog states it: what this channel
    /// was sent reads back the same, as far as it keeps it. `None` where only offers were asked for.
    pub content: Option<Box<Listing>>,
}

/// A parent with its variants, or one listing that stands alone, as they are live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// The parent's sku; `None` of a listing that stands alone.
    pub key: Option<Sku>,
    /// `None` when the channel keeps no parents, or does not show this one.
    pub parent: Option<ChannelListing>,
    pub members: Vec<ChannelListing>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant() -> Listing {
        Listing {
            parent_sku: Some("P".into()),
            title: Some("Tee".into()),
            weight: Some(Measure {
                value: "0.5".parse().unwrap(),
                unit: "kg".into(),
            }),
            tags: vec!["b".into(), "a".into()],
            options: vec![("Size".into(), "M".into()), ("Color".into(), "red".into())],
            ..Listing::blank("A".into(), ItemKind::Variant)
        }
    }

    #[test]
    fn a_channels_own_way_of_keeping_content_is_no_difference() {
        let stated = variant();
        let live = Listing {
            title: Some(" Tee\n".into()),
            weight: Some(Measure {
                value: "500.00".parse().unwrap(),
                unit: "g".into(),
            }),
            tags: vec!["a".into(), "b".into()],
            options: vec![("Color".into(), "red".into()), ("Size".into(), "M".into())],
            ..variant()
        };
        assert_eq!(stated.shown_fingerprint(), live.shown_fingerprint());
        assert_ne!(stated.content_fingerprint(), live.content_fingerprint());
    }

    #[test]
    fn every_difference_of_meaning_shows() {
        let stated = variant().shown_fingerprint();
        for other in [
            Listing {
                title: Some("Tees".into()),
                ..variant()
            },
            Listing {
                parent_sku: None,
                ..variant()
            },
            Listing {
                kind: ItemKind::Single,
                ..variant()
            },
            Listing {
                weight: None,
                ..variant()
            },
            Listing {
                tags: vec!["a".into()],
                ..variant()
            },
            Listing {
                options: vec![("Size".into(), "red".into()), ("Color".into(), "M".into())],
                ..variant()
            },
            Listing {
                attributes: [("material".to_owned(), "wool".to_owned())].into(),
                ..variant()
            },
        ] {
            assert_ne!(stated, other.shown_fingerprint(), "{other:?}");
        }
    }

    #[test]
    fn a_variant_takes_over_what_it_does_not_state() {
        let mut child = variant();
        child.inherit(&Listing {
            title: Some("All tees".into()),
            brand: Some("Acme".into()),
            gtin: Some("4006381333931".into()),
            tags: vec!["c".into()],
            images: vec!["https://img.example/1.jpg".into()],
            attributes: [("material".to_owned(), "wool".to_owned())].into(),
            ..Listing::blank("P".into(), ItemKind::Parent)
        });
        assert_eq!(child.title.as_deref(), Some("Tee"));
        assert_eq!(child.brand.as_deref(), Some("Acme"));
        assert_eq!(child.gtin, None);
        assert_eq!(child.tags, ["b", "a"]);
        assert_eq!(child.images.len(), 1);
        assert_eq!(child.attributes["material"], "wool");
    }
}
