//! Reading what is live.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::api::{Api, LISTING_FIELDS, Product, Products, Variants, any_of};
use super::content;
use super::convert::Shop;
use super::terms::Book;
use crate::domain::connector::Page;
use crate::domain::ids::{PageToken, Sku};
use crate::domain::listing::ChannelListing;
use crate::domain::{Error, Result};

const PER_PAGE: usize = 100;
/// Most products or variants of one look-up.
const MOST: usize = 200;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    offset: u64,
    /// How many products there were at the page before.
    count: u64,
    /// The last id of the page before; empty when it is read again.
    last: String,
}

/// One page of all products, those of other sales channels too: skus are unique in the whole shop.
///
/// Sorted by id, which grows with the time of creation: what is new comes at the end. When products are deleted
/// meanwhile, the others move up; then so many are read again.
pub async fn fetch(
    api: &Api,
    shop: &Shop,
    book: &Book,
    token: Option<&PageToken>,
) -> Result<Page<ChannelListing>> {
    let position: Position = match token {
        None => Position::default(),
        Some(token) => serde_json::from_str(token.as_str())
            .map_err(|_| Error::unexpected("a page token is not ours"))?,
    };
    let (limit, offset) = (PER_PAGE.to_string(), position.offset.to_string());
    let query = [
        ("fields", LISTING_FIELDS),
        ("order", "id"),
        ("limit", &limit),
        ("offset", &offset),
    ];
    let page: Products = api.get("listProducts", "products", &query).await?.json()?;
    let last = page.products.last().map(|product| product.id.as_str());
    if last.is_some_and(|last| last <= position.last.as_str()) {
        return Err(Error::unexpected(
            "the shop repeats a page of its products instead of giving the next one",
        )
        .hint("a cache in front of the shop may ignore the query: exclude /admin/ from it"));
    }
    let read = page.products.len();
    let deleted = position.count.saturating_sub(page.count);
    let next = match deleted {
        0 if read < PER_PAGE => None,
        0 => Some(Position {
            offset: position.offset + read as u64,
            count: page.count,
            last: last.unwrap_or_default().to_owned(),
        }),
        deleted => Some(Position {
            offset: position.offset.saturating_sub(deleted),
            count: page.count,
            last: String::new(),
        }),
    };
    let next = next.as_ref().map(token_of).transpose()?;
    let categories = book.paths(api, &page.products).await?;
    let listings = page
        .products
        .iter()
        .flat_map(|product| content::listings(product, shop, &categories));
    Ok(Page {
        items: listings.collect(),
        next,
    })
}

fn token_of(position: &Position) -> Result<PageToken> {
    let text = serde_json::to_string(position)
        .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
    Ok(text.into())
}

/// The listings of these skus. A sku may be a variant's or, of a parent, the key of its product.
pub async fn find(
    api: &Api,
    shop: &Shop,
    book: &Book,
    skus: &[Sku],
) -> Result<Vec<ChannelListing>> {
    let wanted: HashSet<&str> = skus
        .iter()
        .map(Sku::as_str)
        .filter(|sku| !sku.is_empty())
        .collect();
    let names: Vec<&str> = wanted.iter().copied().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let limit = MOST.to_string();
    let mut query = any_of("sku[]", &names);
    query.extend([("fields", "id,sku,product_id"), ("limit", &limit)]);
    let variants: Variants = api
        .get("listVariants", "product-variants", &query)
        .await?
        .json()?;
    let ids: BTreeSet<String> = variants
        .variants
        .iter()
        .map(|variant| variant.product_id.clone())
        .collect();
    let mut products = products(api, ids.into_iter().collect()).await?;
    let sold: HashSet<&str> = variants
        .variants
        .iter()
        .map(|variant| variant.sku.trim())
        .collect();
    let parents: Vec<&str> = names
        .iter()
        .copied()
        .filter(|sku| !sold.contains(sku))
        .collect();
    for key in ["external_id[]", "handle[]"] {
        if parents.is_empty() {
            break;
        }
        let mut query = any_of(key, &parents);
        query.extend([("fields", LISTING_FIELDS), ("limit", &limit)]);
        let found: Products = api.get("listProducts", "products", &query).await?.json()?;
        products.extend(
            found
                .products
                .into_iter()
                .map(|product| (product.id.clone(), product)),
        );
    }
    let products: Vec<Product> = products.into_values().collect();
    let categories = book.paths(api, &products).await?;
    let listings = products
        .iter()
        .flat_map(|product| content::listings(product, shop, &categories));
    Ok(listings
        .filter(|listing| wanted.contains(listing.sku.as_str()))
        .collect())
}

/// Products by their ids; one that does not exist is left out.
pub async fn products(api: &Api, ids: Vec<String>) -> Result<HashMap<String, Product>> {
    let limit = MOST.to_string();
    let mut found = HashMap::with_capacity(ids.len());
    for portion in ids.chunks(MOST) {
        let names: Vec<&str> = portion.iter().map(String::as_str).collect();
        let mut query = any_of("id[]", &names);
        query.extend([("fields", LISTING_FIELDS), ("limit", &limit)]);
        let page: Products = api.get("listProducts", "products", &query).await?.json()?;
        found.extend(
            page.products
                .into_iter()
                .map(|product| (product.id.clone(), product)),
        );
    }
    Ok(found)
}
