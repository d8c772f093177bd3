//! The native layout: a row per sku, parents before their variants.

use super::{Offer, Row, beside, length, weight};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Family, Listing};

const OPTIONS: usize = 100;
const ATTRIBUTES: usize = 200;

/// Columns of every file: by them a catalog is known.
pub(super) const ALWAYS: &[(usize, &str)] = &[(0, "sku"), (2, "title")];

pub(super) fn rows(family: &Family) -> Vec<Row> {
    let parent = family
        .parent
        .as_ref()
        .and_then(|parent| parent.content.as_deref());
    let mut rows = Vec::with_capacity(family.members.len() + 1);
    if let Some(parent) = parent {
        rows.push(content(parent, None));
    }
    for member in &family.members {
        let blank = Listing::blank(member.sku.clone(), ItemKind::Single);
        let own = beside(member.content.as_deref().unwrap_or(&blank), parent);
        let mut row = content(&own, family.key.as_ref());
        let offer = Offer::of(member);
        row.put(4, "price", offer.price);
        row.put(5, "currency", offer.currency);
        row.put(6, "compare_at_price", offer.compare_at);
        row.put(7, "quantity", offer.quantity);
        rows.push(row);
    }
    rows
}

fn content(listing: &Listing, parent_sku: Option<&Sku>) -> Row {
    let mut row = Row::default();
    row.put(0, "sku", listing.sku.as_str());
    row.put(1, "parent_sku", parent_sku.map_or("", Sku::as_str));
    for (rank, name, text) in [
        (2, "title", &listing.title),
        (3, "description", &listing.description),
        (8, "brand", &listing.brand),
        (9, "gtin", &listing.gtin),
        (10, "mpn", &listing.mpn),
        (11, "category", &listing.category),
        (12, "condition", &listing.condition),
        (14, "url", &listing.url),
        (19, "country_of_origin", &listing.country_of_origin),
    ] {
        row.put(rank, name, text.as_deref().unwrap_or_default());
    }
    row.put(13, "images", listing.images.join("|"));
    row.put(
        15,
        "weight",
        listing.weight.as_ref().map(weight).unwrap_or_default(),
    );
    for (rank, name, side) in [
        (16, "length", &listing.length),
        (17, "width", &listing.width),
        (18, "height", &listing.height),
    ] {
        row.put(rank, name, side.as_ref().map(length).unwrap_or_default());
    }
    row.put(20, "tags", listing.tags.join("|"));
    for (name, value) in &listing.options {
        row.put(OPTIONS, format!("option:{name}"), value);
    }
    for (name, value) in &listing.attributes {
        row.put(ATTRIBUTES, format!("attr:{name}"), value);
    }
    row
}
