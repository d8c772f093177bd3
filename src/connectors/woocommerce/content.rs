//! What a product of the shop says, in the words in which a catalog states it: the inverse of
//! [`convert::content`](super::convert::content). Pure.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::api::{Attribute, Image, Product};
use super::convert::{self, IMAGE_SOURCES, SHOWN_AS_ATTRIBUTE, SOURCE_SEPARATOR, Units};
use super::entities;
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Listing, Measure, OptionAxis};

/// The category that the shop gives to products without one. Its address stays the same in every language.
const NO_CATEGORY: &str = "uncategorized";
/// Between the values of an attribute, as the shop's own CSV export and its database have it.
const VALUES: &str = " | ";

/// `parent_sku` is `None` of what is no variation, and of a variation whose parent has no sku: to a catalog, which
/// knows things by their skus, that one stands alone.
pub fn read(
    product: &Product,
    sku: &Sku,
    parent_sku: Option<&Sku>,
    units: &Units,
    categories: &HashMap<u64, String>,
) -> Listing {
    let is_variation = product.kind == "variation" || parent_sku.is_some();
    let kind = match parent_sku {
        Some(_) => ItemKind::Variant,
        None if product.is_variable() => ItemKind::Parent,
        None => ItemKind::Single,
    };
    let mut listing = Listing {
        parent_sku: parent_sku.cloned(),
        // The shop makes a variation's name of its parent's.
        title: text(entities::decode(&product.name)).filter(|_| kind != ItemKind::Variant),
        description: text(product.description.clone()),
        gtin: text(product.global_unique_id.clone()),
        brand: product
            .brands
            .first()
            .and_then(|brand| text(entities::decode(&brand.name))),
        category: category(product, categories),
        images: images(product, is_variation),
        weight: measure(&product.weight, units.weight_unit),
        length: measure(&product.dimensions.length, units.dimension_unit),
        width: measure(&product.dimensions.width, units.dimension_unit),
        height: measure(&product.dimensions.height, units.dimension_unit),
        tags: product
            .tags
            .iter()
            .filter_map(|tag| text(entities::decode(&tag.name)))
            .collect(),
        ..Listing::blank(sku.clone(), kind)
    };
    for attribute in &product.attributes {
        match is_variation {
            true => listing.options.extend(choice(attribute)),
            false => take_over(&mut listing, attribute),
        }
    }
    listing
}

/// What the shop keeps of a listing.
pub fn kept(listing: &Listing, units: &Units) -> Listing {
    let document = convert::content(listing, units);
    // Our own document: what a product is read from.
    let mut product: Product = serde_json::from_value(Value::Object(document)).unwrap_or_default();
    if listing.kind == ItemKind::Parent {
        product.kind = "variable".to_owned();
    }
    let parent = listing.parent_sku.as_ref();
    let read = read(&product, &listing.sku, parent, units, &HashMap::new());
    let is_variant = listing.kind == ItemKind::Variant;
    let pictures = if is_variant { 1 } else { usize::MAX };
    Listing {
        // A mark for `and` is kept as `&amp;`, which means the same.
        description: read.description.map(|text| text.replace("&amp;", "&")),
        category: listing.category.clone().filter(|_| !is_variant),
        images: listing.images.iter().take(pictures).cloned().collect(),
        axes: listing.axes.clone(),
        ..read
    }
}

fn text(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// A measure of 0 is how the shop says that there is none.
fn measure(text: &str, unit: &str) -> Option<Measure> {
    let value: Decimal = text.trim().parse().ok()?;
    (!value.is_zero()).then(|| Measure {
        value,
        unit: unit.to_owned(),
    })
}

/// A catalog has one category: the most exact one.
fn category(product: &Product, paths: &HashMap<u64, String>) -> Option<String> {
    let mut best: Option<&String> = None;
    let stated = product
        .categories
        .iter()
        .filter(|category| category.slug != NO_CATEGORY);
    for path in stated.filter_map(|category| paths.get(&category.id)) {
        let depth = |path: &str| path.matches('>').count();
        if best.is_none_or(|best| depth(path) > depth(best)) {
            best = Some(path);
        }
    }
    best.cloned()
}

/// Where the pictures came from, as far as that is remembered; otherwise where the shop keeps them.
fn images(product: &Product, is_variation: bool) -> Vec<String> {
    let stored: Vec<&Image> = match is_variation {
        true => product.image.iter().collect(),
        false => product.images.iter().collect(),
    };
    let memory = product
        .meta_data
        .iter()
        .find(|meta| meta.key == IMAGE_SOURCES)
        .and_then(|meta| meta.value.as_str());
    let sources: Vec<&str> = memory
        .map(|memory| memory.split(SOURCE_SEPARATOR).collect())
        .unwrap_or_default();
    if sources.len() == stored.len() {
        return sources.into_iter().map(str::to_owned).collect();
    }
    stored
        .into_iter()
        .map(|image| image.src.clone())
        .filter(|src| !src.is_empty())
        .collect()
}

/// A variation's choice; without a value it stands for any.
fn choice(attribute: &Attribute) -> Option<(String, String)> {
    let name = text(entities::decode(&attribute.name))?;
    Some((name, text(entities::decode(&attribute.option))?))
}

fn take_over(listing: &mut Listing, attribute: &Attribute) {
    let Some(name) = text(entities::decode(&attribute.name)) else {
        return;
    };
    let values: Vec<String> = attribute
        .options
        .iter()
        .filter_map(|option| text(entities::decode(option)))
        .collect();
    if values.is_empty() {
        return;
    }
    if attribute.variation && listing.kind == ItemKind::Parent {
        listing.axes.push(OptionAxis { name, values });
        return;
    }
    let value = values.join(VALUES);
    let fields = [
        &mut listing.brand,
        &mut listing.mpn,
        &mut listing.condition,
        &mut listing.country_of_origin,
    ];
    match SHOWN_AS_ATTRIBUTE.iter().position(|known| *known == name) {
        Some(place) => *fields[place] = Some(value),
        None => {
            listing.attributes.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{parent, single, units};
    use super::*;

    /// What the shop makes of a document that it is sent.
    fn stored(mut document: Value) -> Product {
        for image in document["images"].as_array_mut().into_iter().flatten() {
            image["id"] = json!(1);
        }
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn content_goes_there_and_back() {
        let mut mug = single("MUG-1");
        mug.title = Some("Tom & Jerry's mug".into());
        mug.mpn = Some("M-1".into());
        mug.condition = Some("new".into());
        mug.country_of_origin = Some("DE".into());
        mug.tags = vec!["gift".into(), "blue".into()];
        mug.length = measure("8", "cm");
        mug.gtin = Some("4006381333931".into());
        mug.attributes = [("Material".to_owned(), "clay".to_owned())].into();
        mug.images = ["a", "b"]
            .map(|n| format!("https://img.example/{n}.jpg"))
            .into();
        let mut document = convert::content(&mug, &units());
        document.extend(convert::images(&mug, None).unwrap());
        document.extend(convert::creation(&mug));
        let read = read(
            &stored(Value::Object(document)),
            &mug.sku,
            None,
            &units(),
            &HashMap::new(),
        );
        assert_eq!(
            read.shown_fingerprint(),
            mug.shown_fingerprint(),
            "{read:#?}"
        );
    }

    #[test]
    fn a_parent_has_axes_and_a_variation_its_choices() {
        let shirt = parent("SHIRT", &["M", "L"]);
        let mut document = convert::content(&shirt, &units());
        document.extend(convert::creation(&shirt));
        let sku = Sku::new("SHIRT");
        let product = stored(Value::Object(document));
        let live = read(&product, &sku, None, &units(), &HashMap::new());
        assert_eq!(live.kind, ItemKind::Parent);
        assert_eq!(live.axes, shirt.axes);
        let variation = stored(json!({
            "type": "variation", "name": "SHIRT - M", "image": {"id": 1, "src": "https://shop.example/m.jpg"},
            "attributes": [{"name": "Size", "option": "M"}, {"name": "Color", "option": ""}],
        }));
        let live = read(
            &variation,
            &"SHIRT-M".into(),
            Some(&sku),
            &units(),
            &HashMap::new(),
        );
        assert_eq!((live.kind, live.parent_sku), (ItemKind::Variant, Some(sku)));
        assert_eq!(live.title, None, "the shop made it");
        assert_eq!(live.options, [("Size".to_owned(), "M".to_owned())]);
        assert_eq!(live.images, ["https://shop.example/m.jpg"]);
        let orphan = read(
            &variation,
            &"SHIRT-M".into(),
            None,
            &units(),
            &HashMap::new(),
        );
        assert_eq!(
            (orphan.kind, orphan.title.as_deref()),
            (ItemKind::Single, Some("SHIRT - M"))
        );
    }

    #[test]
    fn the_most_exact_category_counts_and_the_shops_default_is_none() {
        let product = stored(json!({"categories": [
            {"id": 1, "slug": "uncategorized"}, {"id": 2, "slug": "home"}, {"id": 3, "slug": "mugs"}]}));
        let paths = [(1, "Allgemein"), (2, "Home"), (3, "Home > Mugs")]
            .map(|(id, path)| (id, path.to_owned()))
            .into();
        assert_eq!(category(&product, &paths).as_deref(), Some("Home > Mugs"));
        let product = stored(json!({"categories": [{"id": 1, "slug": "uncategorized"}]}));
        assert_eq!(category(&product, &paths), None);
    }
}
