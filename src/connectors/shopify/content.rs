//! A live product in the words of a catalog: what was sent reads back the same, as far as Shopify keeps it. Pure.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::convert::{self, NO_OPTION};
use super::wire::{Album, Product, Variant};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::listing::{Listing, Measure, OptionAxis};

/// A product with variants.
pub fn of_product(product: &Product, sku: &Sku) -> Listing {
    let axes = product.options.iter().map(|option| OptionAxis {
        name: option.name.clone(),
        values: option
            .option_values
            .iter()
            .map(|value| value.name.clone())
            .collect(),
    });
    Listing {
        axes: axes.collect(),
        images: pictures(product),
        ..whole(product, sku, ItemKind::Parent)
    }
}

/// A variant, or what is sold as it is (without a parent).
pub fn of_variant(
    product: &Product,
    variant: &Variant,
    sku: &Sku,
    parent: Option<&Sku>,
) -> Listing {
    let kind = match parent {
        Some(_) => ItemKind::Variant,
        None => ItemKind::Single,
    };
    // What belongs to the product as a whole is its parent's.
    let mut listing = match kind {
        ItemKind::Variant => Listing::blank(sku.clone(), kind),
        _ => whole(product, sku, kind),
    };
    listing.parent_sku = parent.cloned();
    listing.gtin = stated(variant.barcode.as_deref());
    let options = variant.selected_options.iter();
    listing.options = options
        .filter(|option| (option.name.as_str(), option.value.as_str()) != NO_OPTION)
        .map(|option| (option.name.clone(), option.value.clone()))
        .collect();
    listing.images = match kind {
        ItemKind::Variant => own_picture(product, variant).into_iter().collect(),
        _ => pictures(product),
    };
    let item = &variant.inventory_item;
    listing.country_of_origin = stated(item.country_code_of_origin.as_deref());
    let weight = item
        .measurement
        .as_ref()
        .and_then(|one| one.weight.as_ref());
    listing.weight = weight.and_then(|weight| {
        // A number of JSON as it is written; large and small ones come with an exponent.
        let text = weight.value.to_string();
        let value: Decimal = text
            .parse()
            .or_else(|_| Decimal::from_scientific(&text))
            .ok()?;
        (!value.is_zero()).then_some(Measure {
            value: value.normalize(),
            unit: convert::unit(&weight.unit)?.to_owned(),
        })
    });
    let mut attribute = |name: &str, text: Option<&str>| {
        if let Some(text) = stated(text) {
            listing.attributes.insert(name.to_owned(), text);
        }
    };
    attribute("hs_code", item.harmonized_system_code.as_deref());
    // What is so of nearly everything that is sold is not stated.
    let exception = |flag: Option<bool>| (flag == Some(false)).then_some("false");
    attribute("taxable", exception(variant.taxable));
    attribute("requires_shipping", exception(item.requires_shipping));
    listing
}

/// What Shopify keeps of a listing: the product's own content at the parent, the variant's at the variant.
pub fn kept(listing: &Listing) -> Listing {
    let of_product = listing.kind != ItemKind::Variant;
    let of_variant = listing.kind != ItemKind::Parent;
    let mut kept = Listing::blank(listing.sku.clone(), listing.kind);
    kept.parent_sku.clone_from(&listing.parent_sku);
    let attribute = |name: &str| listing.attributes.get(name);
    let mut attributes: Vec<(&str, String)> = Vec::new();
    if of_product {
        kept.title.clone_from(&listing.title);
        kept.description.clone_from(&listing.description);
        kept.brand.clone_from(&listing.brand);
        kept.tags.clone_from(&listing.tags);
        kept.axes.clone_from(&listing.axes);
        kept.images.clone_from(&listing.images);
        let own_type = attribute("product_type").cloned();
        match listing.category.as_deref().and_then(convert::taxonomy) {
            Some(category) => {
                kept.category = Some(category);
                attributes.extend(own_type.map(|own| ("product_type", own)));
            }
            None => kept.category = own_type.or_else(|| listing.category.clone()),
        }
        for name in ["seo_title", "seo_description", "template_suffix"] {
            attributes.extend(attribute(name).map(|text| (name, text.clone())));
        }
    }
    if of_variant {
        kept.gtin.clone_from(&listing.gtin);
        kept.options.clone_from(&listing.options);
        kept.country_of_origin
            .clone_from(&listing.country_of_origin);
        let is_kept = |weight: &&Measure| convert::knows_unit(weight) && !weight.value.is_zero();
        kept.weight = listing.weight.as_ref().filter(is_kept).cloned();
        attributes.extend(attribute("hs_code").map(|code| ("hs_code", code.clone())));
        for name in ["taxable", "requires_shipping"] {
            if attribute(name).and_then(|text| convert::flag(text)) == Some(false) {
                attributes.push((name, "false".to_owned()));
            }
        }
    }
    if !of_product {
        kept.images = listing.images.iter().take(1).cloned().collect();
    }
    let attributes = attributes.into_iter().filter(|(_, text)| !text.is_empty());
    kept.attributes = attributes
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    kept
}

fn stated(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What belongs to the product as a whole.
fn whole(product: &Product, sku: &Sku, kind: ItemKind) -> Listing {
    let mut attributes = BTreeMap::new();
    let mut put = |name: &str, text: Option<&str>| {
        if let Some(text) = stated(text) {
            attributes.insert(name.to_owned(), text);
        }
    };
    put("seo_title", product.seo.title.as_deref());
    put("seo_description", product.seo.description.as_deref());
    put("template_suffix", product.template_suffix.as_deref());
    let own_type = stated(Some(&product.product_type));
    let category = match &product.category {
        Some(category) => {
            put("product_type", own_type.as_deref());
            Some(category.id.clone())
        }
        None => own_type,
    };
    Listing {
        title: stated(Some(&product.title)),
        description: stated(Some(&product.description_html)),
        brand: stated(Some(&product.vendor)),
        category,
        tags: product.tags.clone(),
        attributes,
        ..Listing::blank(sku.clone(), kind)
    }
}

/// The product's own pictures: the addresses that they came from, as long as none is gone, else Shopify's.
fn pictures(product: &Product) -> Vec<String> {
    let shown: Vec<&str> = product
        .media
        .nodes
        .iter()
        .filter_map(|media| media.url())
        .collect();
    match Album::read(product) {
        Some(album) if product.media.nodes.len() >= album.sources().len() => album.own,
        _ => shown.into_iter().map(str::to_owned).collect(),
    }
}

fn own_picture(product: &Product, variant: &Variant) -> Option<String> {
    let shown = variant.media.nodes.first()?;
    let remembered =
        Album::read(product).and_then(|album| album.of_variant(&Sku::new(variant.sku()?)).cloned());
    remembered.or_else(|| shown.url().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::{single, variant};
    use serde_json::json;

    #[test]
    fn what_was_sent_reads_back() {
        let product: Product = serde_json::from_value(json!({"title": "Mug", "descriptionHtml": "Holds tea",
            "vendor": "Potters", "productType": "Mugs", "tags": ["a"], "seo": {"title": "S", "description": null},
            "pictures": {"value": "{\"product\":[\"https://x.example/a.jpg\"],\"variants\":{}}"},
            "media": {"nodes": [{"id": "1", "mediaContentType": "IMAGE", "image": {"url": "https://cdn/1"}}]}}))
        .unwrap();
        let variant: Variant = serde_json::from_value(
            json!({"sku": "MUG-1", "barcode": "4006381333931", "taxable": false,
            "selectedOptions": [{"name": "Title", "value": "Default Title"}],
            "inventoryItem": {"requiresShipping": true, "countryCodeOfOrigin": "PT",
                "measurement": {"weight": {"value": 350.0, "unit": "GRAMS"}}}}),
        )
        .unwrap();
        let listing = of_variant(&product, &variant, &"MUG-1".into(), None);
        assert_eq!(
            listing,
            Listing {
                title: Some("Mug".into()),
                description: Some("Holds tea".into()),
                brand: Some("Potters".into()),
                gtin: Some("4006381333931".into()),
                category: Some("Mugs".into()),
                images: vec!["https://x.example/a.jpg".into()],
                weight: Some(Measure {
                    value: 350.into(),
                    unit: "g".into()
                }),
                country_of_origin: Some("PT".into()),
                tags: vec!["a".into()],
                attributes: [("seo_title", "S"), ("taxable", "false")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ..Listing::blank("MUG-1".into(), ItemKind::Single)
            }
        );
        assert_eq!(kept(&listing), listing, "all of it is kept");
    }

    #[test]
    fn what_shopify_has_no_place_for_makes_no_difference() {
        let mut tee = variant("TEE-S", "TEE", "S");
        tee.condition = Some("new".into());
        tee.images = vec!["a".into(), "b".into()];
        tee.attributes = [("color", "red"), ("taxable", "yes"), ("seo_title", "Tee")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let kept = kept(&tee);
        assert_eq!((kept.title.as_ref(), kept.condition.as_ref()), (None, None));
        assert_eq!(kept.images, ["a"]);
        assert!(kept.attributes.is_empty());
        assert_eq!(kept.options, tee.options);
        assert_eq!(super::kept(&kept), kept);
        let mut mug = single("MUG");
        mug.category = Some("aa-1-2".into());
        let kept = super::kept(&mug);
        assert_eq!(
            kept.category.as_deref(),
            Some("gid://shopify/TaxonomyCategory/aa-1-2")
        );
    }
}
