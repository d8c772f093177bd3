//! Shopify's product CSV: the lines of one product follow each other, and cells of the product stand on the first.
//!
//! A parent that says something else than its first variant gets a line of its own before it; so the file reads back
//! exactly, in columns that Shopify has.

use std::borrow::Cow;

use super::{Offer, Row, beside, length, plain, weight};
use crate::domain::catalog::ItemKind;
use crate::domain::listing::{ChannelListing, Family, Listing};
use crate::domain::measure;

/// Shopify has three.
const OPTIONS: usize = 3;
const OPTION_RANK: usize = 10;
const IMAGE_RANK: usize = 40;
/// Native columns, which Shopify leaves alone.
const OWN: usize = 100;
const OWN_OPTIONS: usize = 200;
const OWN_ATTRIBUTES: usize = 300;

/// Columns without which Shopify takes no file.
pub(super) const ALWAYS: &[(usize, &str)] = &[
    (0, "Handle"),
    (1, "Title"),
    (2, "Body (HTML)"),
    (3, "Vendor"),
    (10, "Option1 Name"),
    (11, "Option1 Value"),
    (20, "Variant SKU"),
    (27, "Variant Price"),
    (41, "Image Src"),
];

pub(super) fn rows(family: &Family) -> Vec<Row> {
    let contents: Vec<Cow<'_, Listing>> = family.members.iter().map(content).collect();
    let Some(first) = contents.first() else {
        return Vec::new();
    };
    let (handle, product) = match &family.key {
        None => (first.sku.as_str(), Listing::clone(first)),
        Some(key) => {
            let parent = family.parent.as_ref();
            let stated = parent.and_then(|parent| parent.content.as_deref().cloned());
            (key.as_str(), stated.unwrap_or_else(|| common(&contents)))
        }
    };
    let stands_alone = family.key.is_none();
    let names = option_names(&contents);
    let mut head = product_cells(&product, &names, stands_alone);
    if !stands_alone && contents.len() == 1 {
        head.put(OWN, "parent_sku", handle);
    }
    let own: Vec<Listing> = contents
        .iter()
        .map(|content| beside(content, (!stands_alone).then_some(&product)))
        .collect();
    // On one line with the first variant only what both say, and nothing that a variant has of its own.
    let is_shared = stands_alone || (says_nothing(&own[0]) && !has_own_cells(&product));
    let mut rows = Vec::new();
    if !is_shared {
        own_cells(&mut head, &product);
        rows.push(std::mem::take(&mut head));
    }
    for (position, (member, own)) in family.members.iter().zip(&own).enumerate() {
        let mut row = if position == 0 {
            std::mem::take(&mut head)
        } else {
            Row::default()
        };
        variant_cells(&mut row, member, own, &names);
        if !stands_alone {
            overriding_cells(&mut row, own);
            pictures(&mut row, own, &product);
        }
        rows.push(row);
    }
    for (position, image) in product.images.iter().enumerate() {
        if position == rows.len() {
            rows.push(Row::default());
        }
        rows[position].put(IMAGE_RANK + 1, "Image Src", image);
        rows[position].put(IMAGE_RANK + 2, "Image Position", (position + 1).to_string());
    }
    for row in &mut rows {
        row.put(0, "Handle", handle);
    }
    rows
}

fn content(listing: &ChannelListing) -> Cow<'_, Listing> {
    match listing.content.as_deref() {
        Some(content) => Cow::Borrowed(content),
        None => Cow::Owned(Listing::blank(listing.sku.clone(), ItemKind::Single)),
    }
}

/// What all variants say, for a channel that keeps no parents; and a title, without which there is no product.
fn common(contents: &[Cow<'_, Listing>]) -> Listing {
    let Some(first) = contents.first() else {
        return Listing::blank("".into(), ItemKind::Parent);
    };
    let mut common = Listing {
        kind: ItemKind::Parent,
        gtin: None,
        mpn: None,
        options: Vec::new(),
        ..Listing::clone(first)
    };
    for other in contents {
        macro_rules! blank_where_different {
            ($($field:ident),*) => {$(
                if common.$field != other.$field {
                    common.$field = Default::default();
                }
            )*};
        }
        blank_where_different!(
            description,
            brand,
            category,
            condition,
            url,
            images,
            weight,
            length,
            width,
            height,
            country_of_origin,
            tags
        );
        common
            .attributes
            .retain(|name, value| other.attributes.get(name) == Some(value));
    }
    common
}

/// In the order in which the variants have them.
fn option_names<'a>(contents: &'a [Cow<'_, Listing>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in contents.iter().flat_map(|content| &content.options) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

/// Whether nothing is left that a line would have to say beside its product.
fn says_nothing(own: &Listing) -> bool {
    let variant = Listing {
        title: own.title.clone(),
        description: own.description.clone(),
        brand: own.brand.clone(),
        category: own.category.clone(),
        condition: own.condition.clone(),
        url: own.url.clone(),
        length: own.length.clone(),
        width: own.width.clone(),
        height: own.height.clone(),
        country_of_origin: own.country_of_origin.clone(),
        tags: own.tags.clone(),
        attributes: own.attributes.clone(),
        ..Listing::blank(own.sku.clone(), own.kind)
    };
    variant == Listing::blank(own.sku.clone(), own.kind)
}

/// Whether a parent has what on its first variant's line would be the variant's.
fn has_own_cells(parent: &Listing) -> bool {
    parent.gtin.is_some() || parent.mpn.is_some() || parent.weight.is_some()
}

fn product_cells(product: &Listing, names: &[&str], stands_alone: bool) -> Row {
    let mut row = Row::default();
    overriding_cells(&mut row, product);
    row.put(7, "Published", "true");
    row.put(8, "Status", "active");
    for (number, name) in (1..=OPTIONS).zip(names) {
        let rank = OPTION_RANK + 2 * (number - 1);
        row.put(rank, format!("Option{number} Name"), *name);
    }
    if stands_alone && names.is_empty() {
        row.put(OPTION_RANK, "Option1 Name", "Title");
        row.put(OPTION_RANK + 1, "Option1 Value", "Default Title");
    }
    row
}

/// Cells that hold for a whole product, unless a line says otherwise.
fn overriding_cells(row: &mut Row, listing: &Listing) {
    for (rank, name, text) in [
        (1, "Title", &listing.title),
        (2, "Body (HTML)", &listing.description),
        (3, "Vendor", &listing.brand),
        (4, "Product Category", &listing.category),
        (OWN + 1, "condition", &listing.condition),
        (OWN + 2, "url", &listing.url),
        (OWN + 3, "country_of_origin", &listing.country_of_origin),
    ] {
        row.put(rank, name, text.as_deref().unwrap_or_default());
    }
    row.put(6, "Tags", listing.tags.join(", "));
    for (rank, name, side) in [
        (OWN + 4, "length", &listing.length),
        (OWN + 5, "width", &listing.width),
        (OWN + 6, "height", &listing.height),
    ] {
        row.put(rank, name, side.as_ref().map(length).unwrap_or_default());
    }
    for (name, value) in &listing.attributes {
        row.put(OWN_ATTRIBUTES, format!("attr:{name}"), value);
    }
}

/// Cells that only mean the line they stand on.
fn own_cells(row: &mut Row, listing: &Listing) {
    row.put(
        30,
        "Variant Barcode",
        listing.gtin.as_deref().unwrap_or_default(),
    );
    row.put(OWN + 7, "mpn", listing.mpn.as_deref().unwrap_or_default());
    if let Some(own) = &listing.weight {
        let grams = measure::in_grams(own).filter(|grams| !grams.value.is_zero());
        match grams {
            Some(grams) => row.put(21, "Variant Grams", plain(grams.value)),
            // Too light for a column of grams.
            None => row.put(21, "Variant Grams", weight(own)),
        }
    }
}

fn variant_cells(row: &mut Row, member: &ChannelListing, own: &Listing, names: &[&str]) {
    for (name, value) in &own.options {
        match names.iter().position(|known| known == name) {
            Some(place) if place < OPTIONS => {
                let rank = OPTION_RANK + 2 * place + 1;
                row.put(rank, format!("Option{} Value", place + 1), value);
            }
            _ => row.put(OWN_OPTIONS, format!("option:{name}"), value),
        }
    }
    let sku = member.sku.as_str();
    // One apostrophe at the front marks text, and is not part of the sku.
    let mark = if sku.starts_with('\'') { "'" } else { "" };
    row.put(20, "Variant SKU", format!("{mark}{sku}"));
    own_cells(row, own);
    let offer = Offer::of(member);
    if !offer.quantity.is_empty() {
        row.put(22, "Variant Inventory Tracker", "shopify");
        row.put(23, "Variant Inventory Qty", offer.quantity);
    }
    row.put(24, "Variant Inventory Policy", "deny");
    row.put(25, "Variant Fulfillment Service", "manual");
    row.put(27, "Variant Price", offer.price);
    row.put(28, "Variant Compare At Price", offer.compare_at);
    row.put(29, "Variant Requires Shipping", "true");
    row.put(OWN + 8, "currency", offer.currency);
}

/// A variant shows its own picture and then those of its product; where it shows others, all are named.
fn pictures(row: &mut Row, own: &Listing, product: &Listing) {
    let Some(first) = own.images.first() else {
        return;
    };
    row.put(IMAGE_RANK + 3, "Variant Image", first);
    let others = product.images.iter().filter(|image| *image != first);
    if !std::iter::once(first).chain(others).eq(&own.images) {
        row.put(OWN + 9, "images", own.images.join("|"));
    }
}
