//! Listings as the shop's inputs, and what is live as listings. Pure.

use serde_json::{Map, Value, json};

use super::api::{Price, Product, StockLevel, Variant};
use super::place::Place;
use super::shop::Shop;
use super::{content, labels};
use crate::domain::catalog::ItemKind;
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::listing::{ChannelListing, Listing};
use crate::domain::money::Money;

/// The texts of a product, and that it is to be seen: a listing that was ended comes back with its next update.
pub fn product(listing: &Listing, shop: &Shop, facet_values: &[String]) -> Map<String, Value> {
    let mut texts = Map::from_iter([("languageCode".to_owned(), json!(shop.language))]);
    if let Some(title) = &listing.title {
        texts.insert("name".to_owned(), json!(title));
    }
    if let Some(description) = &listing.description {
        texts.insert("description".to_owned(), json!(description));
    }
    Map::from_iter([
        ("enabled".to_owned(), json!(true)),
        ("facetValueIds".to_owned(), json!(facet_values)),
        ("translations".to_owned(), json!([texts])),
    ])
}

/// The same for a product that is new: the database wants all texts. A slug that is taken gets a number.
pub fn new_product(listing: &Listing, shop: &Shop, facet_values: &[String]) -> Map<String, Value> {
    let title = name(listing);
    let slug = [title, listing.sku.as_str()]
        .map(labels::code)
        .into_iter()
        .find(|slug| !slug.is_empty())
        .unwrap_or_else(|| "product".to_owned());
    let mut input = product(listing, shop, facet_values);
    input["translations"] = json!([{
        "languageCode": shop.language,
        "name": title,
        "slug": slug,
        "description": listing.description.as_deref().unwrap_or_default(),
    }]);
    input
}

/// What a product or variant is called; a variant has a name of its own.
pub fn name(listing: &Listing) -> &str {
    match &listing.title {
        Some(title) => title,
        None => listing.sku.as_str(),
    }
}

/// The texts of what is sold, and that it is for sale.
pub fn variant(listing: &Listing, shop: &Shop, options: &[String]) -> Map<String, Value> {
    let mut input = Map::from_iter([("enabled".to_owned(), json!(true))]);
    if let Some(title) = &listing.title {
        let texts = json!([{"languageCode": shop.language, "name": title}]);
        input.insert("translations".to_owned(), texts);
    }
    if !options.is_empty() {
        input.insert("optionIds".to_owned(), json!(options));
    }
    input
}

/// The same for a variant that is new, with its price and stock.
pub fn new_variant(
    listing: &Listing,
    shop: &Shop,
    product: &str,
    options: &[String],
) -> Result<Map<String, Value>, Box<Issue>> {
    let mut input = variant(listing, shop, options);
    input["translations"] = json!([{"languageCode": shop.language, "name": name(listing)}]);
    input.insert("productId".to_owned(), json!(product));
    input.insert("sku".to_owned(), json!(listing.sku.as_str()));
    if let Some(category) = &shop.tax_category {
        input.insert("taxCategoryId".to_owned(), json!(category));
    }
    if let Some(price) = listing.price {
        input.extend(self::price(price, shop)?);
    }
    if let Some(quantity) = listing.quantity {
        input.extend(stock(quantity, 0, shop));
    }
    Ok(input)
}

/// Only the channel's own currency: beside `prices`, the server leaves a new variant's own price at 0.
pub fn price(price: Money, shop: &Shop) -> Result<Map<String, Value>, Box<Issue>> {
    match shop.minor(price) {
        Some(minor) => Ok(Map::from_iter([("price".to_owned(), json!(minor))])),
        None => Err(Issue::error(
            "price_currency",
            format!(
                "the price {price} cannot be set: this channel of the shop sells in {}",
                shop.currency.code()
            ),
        )
        .field("price")
        .hint("convert prices with `currency` and `rate` of this channel, or name another channel of the shop with `channel_token`")
        .into()),
    }
}

/// Stock of which `quantity` may be sold. A shop sells what is on hand, less what is allocated to orders, less a
/// threshold; the last is switched off, for the seller's own buffer is taken off already.
pub fn stock(quantity: u64, allocated: i64, shop: &Shop) -> Map<String, Value> {
    let on_hand = i64::try_from(quantity)
        .unwrap_or(i64::MAX)
        .saturating_add(allocated.max(0))
        .min(i64::from(i32::MAX));
    Map::from_iter([
        ("trackInventory".to_owned(), json!("TRUE")),
        ("outOfStockThreshold".to_owned(), json!(0)),
        ("useGlobalOutOfStockThreshold".to_owned(), json!(false)),
        (
            "stockLevels".to_owned(),
            json!([{"stockLocationId": shop.location, "stockOnHand": on_hand}]),
        ),
    ])
}

/// What may still be sold from the channel's location; 0 when it holds none.
pub fn free(levels: &[StockLevel], shop: &Shop) -> i64 {
    level(levels, shop).map_or(0, |level| level.stock_on_hand - level.stock_allocated)
}

/// Of what is on hand: sold and not yet sent.
pub fn allocated(levels: &[StockLevel], shop: &Shop) -> i64 {
    level(levels, shop).map_or(0, |level| level.stock_allocated)
}

fn level<'a>(levels: &'a [StockLevel], shop: &Shop) -> Option<&'a StockLevel> {
    levels
        .iter()
        .find(|level| level.stock_location_id == shop.location)
}

/// What the shop offers of a variant; `None` when it does not count.
pub fn offered(variant: &Variant, shop: &Shop) -> Option<u64> {
    let counts = match variant.track_inventory.as_str() {
        "TRUE" => true,
        "FALSE" => false,
        _ => shop.tracks_inventory,
    };
    let threshold = if variant.use_global_out_of_stock_threshold {
        shop.out_of_stock_threshold
    } else {
        variant.out_of_stock_threshold
    };
    let offered = free(&variant.stock_levels, shop).saturating_sub(threshold);
    counts.then(|| u64::try_from(offered).unwrap_or(0))
}

fn live_price(prices: &[Price], shop: &Shop) -> Option<Money> {
    prices
        .iter()
        .find(|price| price.currency_code == shop.currency.code())
        .map(|price| shop.money(price.price))
}

/// A product with options groups variants; one without is sold as its only variant.
pub fn is_single(product: &Product) -> bool {
    product.option_groups.is_empty()
}

/// What is sold, as it is live. `None` without a sku.
pub fn sold(product: &Product, variant: &Variant, shop: &Shop) -> Option<ChannelListing> {
    if variant.sku.is_empty() {
        return None;
    }
    let (product_id, variant_id) = (product.id.clone(), variant.id.clone());
    let place = if is_single(product) {
        Place::Single {
            product: product_id,
            variant: variant_id,
        }
    } else {
        Place::Variant {
            product: product_id,
            variant: variant_id,
        }
    };
    let parent_ref =
        matches!(place, Place::Variant { .. }).then(|| parent_place(product).listing_ref());
    let sku = Sku::new(&variant.sku);
    Some(ChannelListing {
        content: Some(Box::new(content::of_sold(product, variant, &sku))),
        sku,
        listing_ref: place.listing_ref(),
        parent_ref,
        live: product.enabled && variant.enabled,
        title: Some(variant.name.clone()).filter(|name| !name.is_empty()),
        price: live_price(&variant.prices, shop),
        compare_at: None,
        quantity: offered(variant, shop),
        issues: Vec::new(),
    })
}

/// A product that groups variants, as it is live. `None` for one that is sold itself.
pub fn parent(product: &Product) -> Option<ChannelListing> {
    let is_marked = product
        .facet_values
        .iter()
        .any(|value| value.facet.name == labels::PARENT_SKU);
    if is_single(product) && !is_marked {
        return None;
    }
    let sku = Sku::new(labels::parent_sku(product));
    Some(ChannelListing {
        content: Some(Box::new(content::of_parent(product, &sku))),
        sku,
        listing_ref: parent_place(product).listing_ref(),
        parent_ref: None,
        live: product.enabled,
        title: Some(product.name.clone()).filter(|name| !name.is_empty()),
        price: None,
        compare_at: None,
        quantity: None,
        issues: Vec::new(),
    })
}

fn parent_place(product: &Product) -> Place {
    Place::Parent {
        product: product.id.clone(),
    }
}

/// What a variant chooses, axis and value, without blanks around them.
pub fn choices(listing: &Listing) -> Vec<(&str, &str)> {
    match listing.kind {
        ItemKind::Variant => listing
            .options
            .iter()
            .map(|(axis, value)| (axis.trim(), value.trim()))
            .filter(|(axis, value)| !axis.is_empty() && !value.is_empty())
            .collect(),
        ItemKind::Single | ItemKind::Parent => Vec::new(),
    }
}
