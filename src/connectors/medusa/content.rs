//! What a product of the shop says and offers, in the words in which a catalog states it. Pure.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::api::{Amount, Level, Physical, Product, Variant};
use super::convert::{ENDED, LONE_OPTION, Shop};
use super::place::Place;
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{ChannelListing, Listing, Measure, OptionAxis};
use crate::domain::measure;
use crate::domain::money::Money;

/// Whether a product is something on its own or groups variants; then its own sku.
pub fn family(product: &Product) -> Option<&str> {
    let own = product.external_id.trim();
    let sold_as = |sku: &str| {
        product
            .variants
            .iter()
            .any(|variant| variant.sku.trim() == sku)
    };
    if let [only] = product.variants.as_slice() {
        let nothing_to_choose = product
            .options
            .iter()
            .all(|option| option.title.starts_with(LONE_OPTION));
        if own.is_empty() || own == only.sku.trim() || nothing_to_choose {
            return None;
        }
    }
    // Products of others have no key of ours: their address is the only name that is theirs alone.
    match own.is_empty() || sold_as(own) {
        true => Some(&product.handle),
        false => Some(own),
    }
}

/// The listings of a product, its parent first. What has no sku cannot be told apart and is left out.
pub fn listings(
    product: &Product,
    shop: &Shop,
    categories: &HashMap<String, String>,
) -> Vec<ChannelListing> {
    let parent_sku = family(product).map(Sku::new);
    let mut listings = Vec::with_capacity(product.variants.len() + 1);
    let on_sale = is_on_sale(product, shop);
    let place = Place::product(&product.id);
    if let Some(sku) = &parent_sku {
        let content = parent_content(product, sku, shop, categories);
        listings.push(ChannelListing {
            sku: sku.clone(),
            listing_ref: place.listing_ref(),
            parent_ref: None,
            live: on_sale,
            title: text(&product.title),
            price: None,
            compare_at: None,
            quantity: None,
            issues: Vec::new(),
            content: Some(Box::new(content)),
        });
    }
    for variant in &product.variants {
        let sku = variant.sku.trim();
        if sku.is_empty() {
            continue;
        }
        let sku = Sku::new(sku);
        let content = match &parent_sku {
            Some(parent) => variant_content(variant, &sku, parent, shop),
            None => lone_content(product, variant, &sku, shop, categories),
        };
        listings.push(ChannelListing {
            sku,
            listing_ref: Place::variant(&product.id, &variant.id).listing_ref(),
            parent_ref: parent_sku.as_ref().map(|_| place.listing_ref()),
            live: on_sale && !is_ended(variant),
            title: text(&product.title),
            price: price(variant, shop),
            compare_at: None,
            quantity: offered(variant, shop),
            issues: Vec::new(),
            content: Some(Box::new(content)),
        });
    }
    listings
}

/// A listing as it would be read back after it was sent.
pub fn kept(listing: &Listing) -> Listing {
    let is_variant = listing.kind == ItemKind::Variant;
    let of_product = |text: &Option<String>| text.clone().filter(|_| !is_variant);
    let known = |stated: &Option<Measure>, factor: fn(&str) -> Option<Decimal>| {
        stated
            .clone()
            .filter(|stated| factor(&stated.unit).is_some())
    };
    let mut attributes = listing.attributes.clone();
    if is_variant {
        attributes.remove("subtitle");
    }
    Listing {
        parent_sku: listing.parent_sku.clone(),
        title: of_product(&listing.title),
        description: of_product(&listing.description),
        brand: of_product(&listing.brand),
        category: of_product(&listing.category),
        condition: of_product(&listing.condition),
        images: if is_variant {
            Vec::new()
        } else {
            listing.images.clone()
        },
        tags: if is_variant {
            Vec::new()
        } else {
            listing.tags.clone()
        },
        gtin: listing
            .gtin
            .clone()
            .filter(|_| listing.kind != ItemKind::Parent),
        mpn: listing.mpn.clone(),
        weight: known(&listing.weight, measure::grams),
        length: known(&listing.length, measure::millimeters),
        width: known(&listing.width, measure::millimeters),
        height: known(&listing.height, measure::millimeters),
        country_of_origin: listing
            .country_of_origin
            .as_ref()
            .map(|code| code.to_uppercase()),
        options: if is_variant {
            listing.options.clone()
        } else {
            Vec::new()
        },
        axes: listing.axes.clone(),
        attributes,
        ..Listing::blank(listing.sku.clone(), listing.kind)
    }
}

/// Visible to buyers of this channel.
pub fn is_on_sale(product: &Product, shop: &Shop) -> bool {
    let in_channel = product
        .sales_channels
        .iter()
        .any(|channel| channel.id == shop.sales_channel);
    product.status == "published" && in_channel
}

pub fn is_ended(variant: &Variant) -> bool {
    variant.metadata.contains_key(ENDED)
}

pub fn price(variant: &Variant, shop: &Shop) -> Option<Money> {
    let price = variant
        .prices
        .iter()
        .find(|price| price.is_plain(shop.currency))?;
    Some(Money::new(price.amount.0.normalize(), shop.currency))
}

/// What a variant's stock location holds of it; `None` where the shop does not count it, or makes it of parts.
pub fn shelf<'a>(variant: &'a Variant, location: &str) -> Option<(&'a str, Option<&'a Level>)> {
    let [part] = variant.inventory_items.as_slice() else {
        return None;
    };
    if !variant.manage_inventory || part.required_quantity.0 != Decimal::ONE {
        return None;
    }
    let levels = part.inventory.iter().flat_map(|item| &item.location_levels);
    let level = levels
        .into_iter()
        .find(|level| level.location_id == location);
    Some((&part.inventory_item_id, level))
}

/// Pieces that may still be sold: what is there less what is promised to buyers already.
pub fn available(level: Option<&Level>) -> u64 {
    level.map_or(0, |level| {
        let free = level.stocked_quantity.0 - level.reserved_quantity.0;
        u64::try_from(free.floor()).unwrap_or(0)
    })
}

fn offered(variant: &Variant, shop: &Shop) -> Option<u64> {
    shelf(variant, &shop.stock_location).map(|(_, level)| available(level))
}

fn text(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn product_content(
    product: &Product,
    sku: &Sku,
    kind: ItemKind,
    categories: &HashMap<String, String>,
) -> Listing {
    let mut listing = Listing {
        title: text(&product.title),
        description: text(&product.description),
        images: product
            .images
            .iter()
            .filter_map(|image| text(&image.url))
            .collect(),
        tags: product
            .tags
            .iter()
            .filter_map(|tag| text(&tag.value))
            .collect(),
        // A catalog has one category: the most exact one.
        category: product
            .categories
            .iter()
            .filter_map(|category| categories.get(&category.id))
            .max_by_key(|path| path.matches('>').count())
            .cloned(),
        ..Listing::blank(sku.clone(), kind)
    };
    take_metadata(&mut listing, &product.metadata);
    if let Some(subtitle) = text(&product.subtitle) {
        listing.attributes.insert("subtitle".to_owned(), subtitle);
    }
    listing
}

fn parent_content(
    product: &Product,
    sku: &Sku,
    shop: &Shop,
    categories: &HashMap<String, String>,
) -> Listing {
    let mut listing = product_content(product, sku, ItemKind::Parent, categories);
    take_physical(&mut listing, &product.physical, shop);
    listing.axes = product
        .options
        .iter()
        .map(|option| OptionAxis {
            name: option.title.clone(),
            values: option
                .values
                .iter()
                .map(|value| value.value.clone())
                .collect(),
        })
        .collect();
    listing
}

fn lone_content(
    product: &Product,
    variant: &Variant,
    sku: &Sku,
    shop: &Shop,
    categories: &HashMap<String, String>,
) -> Listing {
    let mut listing = product_content(product, sku, ItemKind::Single, categories);
    take_physical(&mut listing, &product.physical, shop);
    take_physical(&mut listing, &variant.physical, shop);
    listing.gtin = gtin(variant);
    listing
}

fn variant_content(variant: &Variant, sku: &Sku, parent: &Sku, shop: &Shop) -> Listing {
    let mut listing = Listing {
        parent_sku: Some(parent.clone()),
        gtin: gtin(variant),
        options: variant
            .options
            .iter()
            .filter_map(|chosen| {
                Some((chosen.option.as_ref()?.title.clone(), chosen.value.clone()))
            })
            .collect(),
        ..Listing::blank(sku.clone(), ItemKind::Variant)
    };
    take_metadata(&mut listing, &variant.metadata);
    take_physical(&mut listing, &variant.physical, shop);
    listing
}

fn gtin(variant: &Variant) -> Option<String> {
    let codes = [&variant.ean, &variant.upc, &variant.barcode];
    codes.into_iter().find_map(|code| text(code))
}

fn take_metadata(listing: &mut Listing, metadata: &Map<String, Value>) {
    for (name, value) in metadata.iter().filter(|(name, _)| *name != ENDED) {
        let value = match value {
            Value::String(value) => value.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            // Lists and objects are other programs' notes.
            _ => continue,
        };
        match name.as_str() {
            "brand" => listing.brand = Some(value),
            "mpn" => listing.mpn = Some(value),
            "condition" => listing.condition = Some(value),
            _ => drop(listing.attributes.insert(name.clone(), value)),
        }
    }
}

fn take_physical(listing: &mut Listing, physical: &Physical, shop: &Shop) {
    let measure = |amount: Option<Amount>, unit: &str| {
        let value = amount?.0;
        (!value.is_zero()).then(|| Measure {
            value,
            unit: unit.to_owned(),
        })
    };
    let (weight, dimension) = (shop.units.weight, shop.units.dimension);
    for (field, live) in [
        (&mut listing.weight, measure(physical.weight, weight)),
        (&mut listing.length, measure(physical.length, dimension)),
        (&mut listing.width, measure(physical.width, dimension)),
        (&mut listing.height, measure(physical.height, dimension)),
    ] {
        if live.is_some() {
            *field = live;
        }
    }
    if let Some(country) = text(&physical.origin_country) {
        listing.country_of_origin = Some(country.to_uppercase());
    }
    for (name, value) in [
        ("material", &physical.material),
        ("hs_code", &physical.hs_code),
        ("mid_code", &physical.mid_code),
    ] {
        if let Some(value) = text(value) {
            listing.attributes.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::convert::{new_product, new_variant};
    use super::super::fixtures::{euros, parent, shop, single, variant};
    use super::super::terms::Terms;
    use super::*;

    /// What the shop keeps of a product that it is sent.
    fn stored(mut document: Map<String, Value>) -> Product {
        document.insert("id".to_owned(), json!("prod_1"));
        let variants = document.get_mut("variants").and_then(Value::as_array_mut);
        for (number, variant) in (1..).zip(variants.into_iter().flatten()) {
            variant["id"] = json!(format!("variant_{number}"));
            let options = variant["options"].as_object().cloned().unwrap_or_default();
            let chosen = options
                .into_iter()
                .map(|(title, value)| json!({"value": value, "option": {"title": title}}));
            variant["options"] = chosen.collect();
        }
        for option in document["options"].as_array_mut().into_iter().flatten() {
            let values = option["values"].as_array().cloned().unwrap_or_default();
            option["values"] = values
                .into_iter()
                .map(|value| json!({ "value": value }))
                .collect();
        }
        serde_json::from_value(Value::Object(document)).unwrap()
    }

    #[test]
    fn content_goes_there_and_back() {
        let mut mug = single("MUG-1");
        mug.gtin = Some("4006381333931".into());
        mug.mpn = Some("M-1".into());
        mug.country_of_origin = Some("DE".into());
        mug.images = vec!["https://img.example/1.jpg".into()];
        mug.attributes = [
            ("material", "clay"),
            ("Glaze", "matt"),
            ("subtitle", "For tea"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let product = stored(new_product(&mug, &[], &shop(), &Terms::default()));
        let read = listings(&product, &shop(), &HashMap::new());
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].listing_ref.as_str(), "prod_1/variant_1");
        assert_eq!((read[0].live, read[0].price), (true, Some(euros("9.5"))));
        let content = read[0].content.as_ref().unwrap();
        assert_eq!(content.shown_fingerprint(), kept(&mug).shown_fingerprint());
    }

    #[test]
    fn a_family_is_its_parent_and_its_variants() {
        let (tee, s) = (parent("TEE", &["S"]), variant("TEE-S", "TEE", "S"));
        let mut product = stored(new_product(&tee, &[&s], &shop(), &Terms::default()));
        let read = listings(&product, &shop(), &HashMap::new());
        let skus: Vec<_> = read.iter().map(|listing| listing.sku.as_str()).collect();
        assert_eq!(skus, ["TEE", "TEE-S"]);
        assert_eq!(read[1].parent_ref.as_ref(), Some(&read[0].listing_ref));
        for (read, stated) in read.iter().zip([&tee, &s]) {
            let content = read.content.as_ref().unwrap();
            assert_eq!(
                content.shown_fingerprint(),
                kept(stated).shown_fingerprint(),
                "{content:?}"
            );
        }
        // One of another program's: its address stands for the parent's sku.
        product.external_id.clear();
        product.variants.push(Variant::default());
        assert_eq!(family(&product), Some("shirt-tee-tee"));
    }

    #[test]
    fn what_is_promised_is_not_offered() {
        let level = |stocked: &str, reserved: &str| Level {
            stocked_quantity: Amount(stocked.parse().unwrap()),
            reserved_quantity: Amount(reserved.parse().unwrap()),
            ..Level::default()
        };
        assert_eq!(available(Some(&level("9", "2"))), 7);
        assert_eq!(available(Some(&level("2.5", "0"))), 2);
        assert_eq!(available(Some(&level("1", "3"))), 0);
        assert_eq!(available(None), 0);
    }

    #[test]
    fn stock_that_is_not_counted_is_not_known() {
        let mut unstated = single("A");
        unstated.quantity = None;
        let variant: Variant = serde_json::from_value(json!({
            "manage_inventory": new_variant(&unstated, &shop())["manage_inventory"],
            "inventory_items": [{"inventory_item_id": "iitem_1", "required_quantity": 1}],
        }))
        .unwrap();
        assert_eq!(offered(&variant, &shop()), None);
        let kit: Variant = serde_json::from_value(json!({
            "manage_inventory": true,
            "inventory_items": [{"inventory_item_id": "iitem_1", "required_quantity": 2}],
        }))
        .unwrap();
        assert_eq!(offered(&kit, &shop()), None);
    }
}
