//! What a product says, in the words in which a catalog states it: the inverse of [`convert`](super::convert) and
//! [`labels`](super::labels). Pure.

use super::api::{Product, Variant};
use super::{addresses, convert, labels};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Listing, OptionAxis};

/// Between several values of one facet.
const VALUES: &str = " | ";

/// What the shop keeps of a listing: weights and codes have no place in it, and only the name, the pictures and the
/// options of a variant are its own.
pub fn kept(listing: &Listing) -> Listing {
    let blank = Listing {
        parent_sku: listing.parent_sku.clone(),
        title: Some(convert::name(listing).to_owned()),
        images: addresses::wanted(listing),
        ..Listing::blank(listing.sku.clone(), listing.kind)
    };
    if listing.kind == ItemKind::Variant {
        let chosen = convert::choices(listing).into_iter();
        return Listing {
            options: chosen
                .map(|(axis, value)| (axis.to_owned(), value.to_owned()))
                .collect(),
            ..blank
        };
    }
    let mut kept = Listing {
        description: listing.description.clone(),
        axes: listing.axes.clone(),
        ..blank
    };
    for (facet, value) in labels::wanted(listing) {
        take_over(&mut kept, &facet, &value);
    }
    kept
}

/// A product that groups variants.
pub fn of_parent(product: &Product, sku: &Sku) -> Listing {
    let axes = product.option_groups.iter().map(|group| OptionAxis {
        name: group.name.clone(),
        values: group
            .options
            .iter()
            .map(|option| option.name.clone())
            .collect(),
    });
    Listing {
        axes: axes.collect(),
        ..of_product(product, Listing::blank(sku.clone(), ItemKind::Parent))
    }
}

/// What is sold: the product itself, or a variant of it.
pub fn of_sold(product: &Product, variant: &Variant, sku: &Sku) -> Listing {
    if convert::is_single(product) {
        return of_product(product, Listing::blank(sku.clone(), ItemKind::Single));
    }
    let options = variant.options.iter();
    Listing {
        parent_sku: Some(Sku::new(labels::parent_sku(product))),
        title: text(&variant.name),
        images: addresses::shown(&variant.assets, variant.featured_asset.as_ref()),
        options: options
            .map(|option| (option.group.name.clone(), option.name.clone()))
            .collect(),
        ..Listing::blank(sku.clone(), ItemKind::Variant)
    }
}

fn of_product(product: &Product, blank: Listing) -> Listing {
    let mut listing = Listing {
        title: text(&product.name),
        description: text(&product.description),
        images: addresses::shown(&product.assets, product.featured_asset.as_ref()),
        ..blank
    };
    for value in &product.facet_values {
        take_over(&mut listing, &value.facet.name, &value.name);
    }
    listing
}

fn take_over(listing: &mut Listing, facet: &str, value: &str) {
    let field = match facet {
        labels::PARENT_SKU => return,
        labels::TAG => return listing.tags.push(value.to_owned()),
        labels::BRAND => &mut listing.brand,
        labels::CATEGORY => &mut listing.category,
        labels::CONDITION => &mut listing.condition,
        labels::COUNTRY => &mut listing.country_of_origin,
        name => {
            let attribute = listing.attributes.entry(name.to_owned()).or_default();
            if !attribute.is_empty() {
                attribute.push_str(VALUES);
            }
            attribute.push_str(value);
            return;
        }
    };
    *field = Some(value.to_owned());
}

fn text(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures;
    use super::*;

    fn product(listing: &Listing, groups: serde_json::Value) -> Product {
        let labels: Vec<_> = labels::wanted(listing)
            .into_iter()
            .map(|(facet, value)| json!({"id": "1", "name": value, "facet": {"id": "2", "name": facet}}))
            .collect();
        serde_json::from_value(
            json!({"id": "5", "enabled": true, "name": listing.title, "slug": "a-slug",
            "description": listing.description, "facetValues": labels, "optionGroups": groups,
            "assets": assets(listing)}),
        )
        .unwrap()
    }

    fn assets(listing: &Listing) -> Vec<serde_json::Value> {
        let marks = addresses::wanted(listing).into_iter().enumerate();
        marks
            .map(
                |(id, mark)| json!({"id": id.to_string(), "source": "", "tags": [{"value": mark}]}),
            )
            .collect()
    }

    fn variant(name: &str, options: serde_json::Value) -> Variant {
        serde_json::from_value(json!({"id": "7", "sku": "A", "name": name, "enabled": true,
            "trackInventory": "TRUE", "outOfStockThreshold": 0, "useGlobalOutOfStockThreshold": false,
            "prices": [], "stockLevels": [], "options": options}))
        .unwrap()
    }

    #[test]
    fn what_is_sent_reads_back_as_it_is_kept() {
        let mut mug = fixtures::single("MUG-1");
        mug.gtin = Some("4006381333931".into());
        mug.images = ["b.jpg", "a.jpg", &"x".repeat(300)]
            .map(|end| format!("https://img.example/{end}"))
            .into();
        mug.images.push("no-address.jpg".into());
        mug.category = Some("Home > Mugs".into());
        let live = of_sold(
            &product(&mug, json!([])),
            &variant("Mug", json!([])),
            &mug.sku,
        );
        assert_eq!(
            live.shown_fingerprint(),
            kept(&mug).shown_fingerprint(),
            "{live:#?}"
        );
        assert_ne!(kept(&mug).shown_fingerprint(), mug.shown_fingerprint());
    }

    #[test]
    fn a_family_reads_back_by_the_mark_of_its_parent() {
        let parent = fixtures::parent("TEE", &["S"]);
        let groups = json!([{"id": "3", "name": "Size", "options": [{"id": "4", "name": "S"}]}]);
        let product = product(&parent, groups);
        let live = of_parent(&product, &parent.sku);
        assert_eq!(
            live.shown_fingerprint(),
            kept(&parent).shown_fingerprint(),
            "{live:#?}"
        );
        let small = fixtures::variant("TEE-S", "TEE", "S");
        let options = json!([{"name": "S", "group": {"id": "3", "name": "Size"}}]);
        let name = small.title.clone().unwrap();
        let live = of_sold(&product, &variant(&name, options), &small.sku);
        assert_eq!(
            live.shown_fingerprint(),
            kept(&small).shown_fingerprint(),
            "{live:#?}"
        );
    }
}
