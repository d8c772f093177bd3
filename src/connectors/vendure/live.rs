//! Reading what is live: pages of products with their variants, and look-ups by sku.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, FacetValue, List, Product, Variant};
use super::shop::Shop;
use super::{convert, documents, labels};
use crate::domain::connector::Page;
use crate::domain::ids::{PageToken, Sku};
use crate::domain::issue::Issue;
use crate::domain::listing::ChannelListing;
use crate::domain::{Error, Result};

/// Products of one page. The server looks each product's variants up by itself, so more would not be faster.
const PER_PAGE: u64 = 100;

/// A place in the list of products, which is sorted by id.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    skip: u64,
    /// The first product of the page before: a page that begins with it again is a repeat.
    began_with: Option<String>,
}

#[derive(Deserialize)]
struct Products {
    products: List<Product>,
}

/// One page, which is one call.
pub async fn fetch(
    api: &Api,
    shop: &Shop,
    token: Option<&PageToken>,
) -> Result<Page<ChannelListing>> {
    let position: Position = match token {
        None => Position::default(),
        Some(token) => serde_json::from_str(token.as_str())
            .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))?,
    };
    let variables = json!({"skip": position.skip, "take": PER_PAGE});
    let answer: Products = api
        .query("products", documents::PRODUCTS, variables)
        .await?;
    let products = answer.products;
    let first = products.items.first().map(|product| product.id.clone());
    if first.is_some() && first == position.began_with {
        return Err(Error::unexpected(
            "the shop repeats a page of its list instead of giving the next one",
        )
        .with("list", "products")
        .hint("a cache in front of the shop may answer for it: exclude the Admin API from it"));
    }
    let read = position.skip + products.items.len() as u64;
    let next = if products.items.is_empty() || read >= products.total_items {
        None
    } else {
        let next = Position {
            skip: read,
            began_with: first,
        };
        let text = serde_json::to_string(&next)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        Some(PageToken::new(text))
    };
    let mut items = Vec::new();
    for product in &products.items {
        items.extend(convert::parent(product));
        items.extend(
            product
                .variants
                .iter()
                .filter_map(|variant| convert::sold(product, variant, shop)),
        );
    }
    Ok(Page { items, next })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    product_variants: List<Variant>,
    products: List<Product>,
    facet_values: List<FacetValue>,
}

/// The listings of these skus, exactly.
pub async fn find(api: &Api, shop: &Shop, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
    let answer: Found = api
        .query("find", documents::FIND, json!({"skus": skus}))
        .await?;
    let marks: Vec<String> = answer
        .facet_values
        .whole()?
        .into_iter()
        .filter(|value| value.facet.name == labels::PARENT_SKU)
        .map(|value| value.id)
        .collect();
    let mut parents = answer.products.whole()?;
    if !marks.is_empty() {
        let variables = json!({"values": marks});
        let marked: Products = api
            .query("markedProducts", documents::MARKED_PRODUCTS, variables)
            .await?;
        parents.extend(marked.products.whole()?);
    }
    let variants = answer.product_variants.whole()?;
    let sold = variants.iter().filter_map(|variant| {
        let product = variant.product.as_ref()?;
        convert::sold(product, variant, shop)
    });
    let grouped = parents.iter().filter_map(convert::parent);
    // Without their pictures contents are not whole, and here only offers are asked for.
    let offers = sold.chain(grouped).map(|listing| ChannelListing {
        content: None,
        ..listing
    });
    Ok(one_each(skus, offers))
}

/// The server takes one sku as often as it is told. What is for sale goes first, then the oldest.
fn one_each(skus: &[Sku], found: impl Iterator<Item = ChannelListing>) -> Vec<ChannelListing> {
    let mut by_sku: HashMap<Sku, ChannelListing> = HashMap::new();
    for mut listing in found {
        match by_sku.get_mut(&listing.sku) {
            None => {
                by_sku.insert(listing.sku.clone(), listing);
            }
            Some(known) if known.listing_ref == listing.listing_ref => {}
            Some(known) => {
                if listing.live && !known.live {
                    std::mem::swap(known, &mut listing);
                }
                let other = &listing.listing_ref;
                known.issues.push(
                    Issue::warning("sku_twice", format!("the shop has this sku twice; the other is `{other}`"))
                        .sku(&known.sku)
                        .field("sku")
                        .hint("change the sku of one of the two in the shop: only one of them is kept up to date"),
                );
            }
        }
    }
    skus.iter().filter_map(|sku| by_sku.remove(sku)).collect()
}
