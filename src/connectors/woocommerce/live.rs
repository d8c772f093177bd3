//! Reading what is live: pages of products, each followed by the variations of its variable products.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::api::{Api, Product};
use super::categories::Categories;
use super::content;
use super::convert::{self, Place, Units, same_sku};
use super::entities;
use crate::domain::connector::Page;
use crate::domain::ids::{PageToken, Sku};
use crate::domain::listing::ChannelListing;
use crate::domain::{Error, Result};

/// Only what is needed to look up an offer: descriptions make up most of a product's document.
const FIELDS: &str = "id,parent_id,type,name,status,sku,price,regular_price,sale_price,on_sale,manage_stock,stock_quantity";
/// What is read beside them where contents are wanted.
const CONTENT_FIELDS: &str = "description,global_unique_id,weight,dimensions,categories,tags,brands,images,image,attributes,meta_data";
/// Longest list of skus in one address: servers commonly take 8 kB, and a character may need nine bytes there.
const LONGEST_QUERY: usize = 700;
/// The most that the shop gives.
const PER_PAGE: &str = "100";

/// A place in the walk over products and their variations.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// Page of products that is read next, from 1.
    page: u64,
    /// Highest product id seen: pages are sorted by id, so a page that does not go beyond it is a repeat.
    last: u64,
    /// Whether the list of products has been read to its end.
    done: bool,
    /// Variable products whose variations are still to be read, with their skus.
    parents: Vec<(u64, String)>,
    /// Page of the first one's variations, and the highest variation id seen.
    variations: (u64, u64),
}

impl Position {
    const START: Self = Self {
        page: 1,
        last: 0,
        done: false,
        parents: Vec::new(),
        variations: (1, 0),
    };

    fn parse(token: Option<&PageToken>) -> Result<Self> {
        let Some(token) = token else {
            return Ok(Self::START);
        };
        serde_json::from_str(token.as_str())
            .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))
    }

    fn token(&self) -> Result<Option<PageToken>> {
        if self.done && self.parents.is_empty() {
            return Ok(None);
        }
        let text = serde_json::to_string(self)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        Ok(Some(text.into()))
    }
}

/// One page, which is one call, and one for categories that were not met before.
pub async fn fetch(
    api: &Api,
    units: &Units,
    categories: &Categories,
    token: Option<&PageToken>,
) -> Result<Page<ChannelListing>> {
    let mut position = Position::parse(token)?;
    let items = match position.parents.first().cloned() {
        Some((parent, sku)) => variations(api, units, &mut position, parent, &sku).await?,
        None => products(api, units, categories, &mut position).await?,
    };
    Ok(Page {
        items,
        next: position.token()?,
    })
}

async fn products(
    api: &Api,
    units: &Units,
    categories: &Categories,
    position: &mut Position,
) -> Result<Vec<ChannelListing>> {
    let page = position.page.to_string();
    let fields = format!("{FIELDS},{CONTENT_FIELDS}");
    let query = [
        ("status", "any"),
        ("context", "edit"),
        ("orderby", "id"),
        ("order", "asc"),
        ("per_page", PER_PAGE),
        ("page", &page),
        ("_fields", &fields),
    ];
    let listed = api
        .list::<Product>("listProducts", "products", &query)
        .await?;
    let before = (position.page > 1).then_some(position.last);
    let last = last_of(&listed.items, before, "products")?;
    position.done = last.is_none() || is_last(listed.total_pages, position.page, &listed.items);
    position.last = last.unwrap_or(position.last);
    position.page += 1;
    position.parents = listed
        .items
        .iter()
        .filter(|product| product.is_variable())
        .map(|product| (product.id, product.sku.clone()))
        .collect();
    let ids: Vec<u64> = listed
        .items
        .iter()
        .flat_map(|product| &product.categories)
        .map(|category| category.id)
        .collect();
    let paths = categories.paths(api, &ids).await?;
    Ok(listed
        .items
        .iter()
        .filter_map(|product| {
            let place = Place {
                product: product.id,
                variation: None,
            };
            let mut listing = convert::channel_listing(product, place, units, None)?;
            let content = content::read(product, &listing.sku, None, units, &paths);
            listing.content = Some(Box::new(content));
            Some(listing)
        })
        .collect())
}

async fn variations(
    api: &Api,
    units: &Units,
    position: &mut Position,
    parent: u64,
    parent_sku: &str,
) -> Result<Vec<ChannelListing>> {
    let (page, last) = position.variations;
    let page_text = page.to_string();
    let fields = format!("{FIELDS},{CONTENT_FIELDS}");
    let query = [
        ("status", "any"),
        ("context", "edit"),
        ("orderby", "id"),
        ("order", "asc"),
        ("per_page", PER_PAGE),
        ("page", &page_text),
        ("_fields", &fields),
    ];
    let path = format!("products/{parent}/variations");
    let listed = api.list::<Product>("listVariations", &path, &query).await?;
    let before = (page > 1).then_some(last);
    match last_of(&listed.items, before, "variations")? {
        Some(last) if !is_last(listed.total_pages, page, &listed.items) => {
            position.variations = (page + 1, last);
        }
        _ => {
            position.variations = (1, 0);
            position.parents.remove(0);
        }
    }
    let parent_sku_text = entities::decode(parent_sku.trim());
    let known_parent = (!parent_sku_text.is_empty()).then(|| Sku::new(parent_sku_text));
    let none = HashMap::new();
    Ok(listed
        .items
        .iter()
        .filter_map(|variation| {
            let place = Place {
                product: parent,
                variation: Some(variation.id),
            };
            let mut listing = convert::channel_listing(variation, place, units, Some(parent_sku))?;
            let parent = known_parent.as_ref();
            let content = content::read(variation, &listing.sku, parent, units, &none);
            listing.content = Some(Box::new(content));
            Some(listing)
        })
        .collect())
}

/// The highest id of a page; `None` of an empty one. A page that does not go beyond the last one would be
/// read for ever: caches in front of a shop do that.
fn last_of(items: &[Product], before: Option<u64>, what: &'static str) -> Result<Option<u64>> {
    let last = items.iter().map(|product| product.id).max();
    match last {
        Some(last) if before.is_some_and(|before| last <= before) => Err(Error::unexpected(
            "the shop repeats a page of its list instead of giving the next one",
        )
        .with("list", what)
        .hint("a cache in front of the shop may ignore the query: exclude /wp-json/ from it")),
        last => Ok(last),
    }
}

/// Whether the list ends with this page. Plugins may hide products, so a short page alone says nothing.
fn is_last(total_pages: Option<u64>, page: u64, items: &[Product]) -> bool {
    match total_pages {
        Some(total) => page >= total,
        None => items.len().to_string() != PER_PAGE,
    }
}

/// The listings of these skus, exactly.
pub async fn find(api: &Api, units: &Units, skus: &[Sku]) -> Result<Vec<ChannelListing>> {
    let queries = queries(skus);
    let mut found: HashMap<&Sku, ChannelListing> = HashMap::new();
    for asked in &queries {
        let query = [
            ("sku", asked.as_str()),
            ("status", "any"),
            ("context", "edit"),
            ("per_page", PER_PAGE),
            ("_fields", FIELDS),
        ];
        let listed = api
            .list::<Product>("findProducts", "products", &query)
            .await?;
        for product in &listed.items {
            let place = match product.parent_id {
                parent if parent > 0 && product.kind == "variation" => Place {
                    product: parent,
                    variation: Some(product.id),
                },
                _ => Place {
                    product: product.id,
                    variation: None,
                },
            };
            let stored = entities::decode(product.sku.trim());
            let Some(sku) = skus.iter().find(|sku| same_sku(sku.as_str(), &stored)) else {
                continue;
            };
            let Some(mut listing) = convert::channel_listing(product, place, units, None) else {
                continue;
            };
            listing.sku = sku.clone();
            // A variation without a sku of its own reads its parent's: the parent is the one that has it.
            let parent_is_known = found
                .get(sku)
                .is_some_and(|known| known.parent_ref.is_none());
            if !parent_is_known {
                found.insert(sku, listing);
            }
        }
    }
    Ok(skus.iter().filter_map(|sku| found.remove(sku)).collect())
}

/// The filter is a list with commas. A sku that holds one is asked for alone: the shop then tries the whole text
/// as well.
fn queries(skus: &[Sku]) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    let mut joined = String::new();
    for sku in skus.iter().map(Sku::as_str) {
        if sku.trim().is_empty() {
            continue;
        }
        if sku.contains(',') {
            queries.push(sku.to_owned());
            continue;
        }
        if !joined.is_empty() {
            if joined.len() + sku.len() > LONGEST_QUERY {
                queries.push(std::mem::take(&mut joined));
            } else {
                joined.push(',');
            }
        }
        joined.push_str(sku);
    }
    if !joined.is_empty() {
        queries.push(joined);
    }
    queries
}

/// The products or variations of these ids, with their pictures.
pub async fn with_pictures(
    api: &Api,
    parent: Option<u64>,
    ids: &[u64],
) -> Result<HashMap<u64, Product>> {
    let (endpoint, path, fields) = match parent {
        None => ("listProducts", "products".to_owned(), "id,images,meta_data"),
        Some(parent) => (
            "listVariations",
            format!("products/{parent}/variations"),
            "id,image,meta_data",
        ),
    };
    let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
    let include = ids.join(",");
    let query = [
        ("include", include.as_str()),
        ("status", "any"),
        ("context", "edit"),
        ("per_page", PER_PAGE),
        ("_fields", fields),
    ];
    let listed = api.list::<Product>(endpoint, &path, &query).await?;
    Ok(listed
        .items
        .into_iter()
        .map(|product| (product.id, product))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_are_joined_up_to_a_length() {
        let skus = ["A", "B,1", "", "C"].map(Sku::from);
        assert_eq!(queries(&skus), ["B,1", "A,C"]);
        let long: Vec<Sku> = (0..50).map(|n| format!("{n:0>100}").into()).collect();
        let queries = queries(&long);
        assert!(queries.iter().all(|query| query.len() <= LONGEST_QUERY + 1));
        assert_eq!(queries.join(",").split(',').count(), 50);
    }
}
