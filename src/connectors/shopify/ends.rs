//! Taking listings off sale so that they can come back: a product becomes a draft, and one variant of several is
//! unpublished. Nothing is deleted.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::json;

use super::documents;
use super::place::Place;
use super::products::foreign;
use super::push::{Answered, first_error, shelf, unpublish};
use super::shop::{Facts, Shop};
use super::wire::{Complaints, Product};
use crate::domain::Result;
use crate::domain::change::{Batch, EndChange};
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::http::Replay;

const AT_ONCE: usize = 4;

/// What ends of one product.
#[derive(Default)]
struct Ending<'a> {
    skus: Vec<&'a Sku>,
    /// The parent is among them.
    whole: bool,
    variants: Vec<u64>,
}

pub async fn push(shop: &Shop, batch: Batch<'_, EndChange>) -> Result<Vec<ItemOutcome>> {
    let facts = shop.facts().await?;
    let mut settled = Vec::new();
    let mut by_product: BTreeMap<u64, Ending<'_>> = BTreeMap::new();
    for change in batch.items {
        shop.remember(&change.sku, &change.listing_ref);
        let Some(place) = Place::parse(&change.listing_ref) else {
            settled.push(foreign(&change.sku, change.listing_ref.as_str()));
            continue;
        };
        let ending = by_product.entry(place.product).or_default();
        ending.skus.push(&change.sku);
        match place.variant {
            None => ending.whole = true,
            Some(ids) => ending.variants.push(ids.variant),
        }
    }
    let mut answered = Answered::new(settled);
    let endings = by_product.iter().map(|(product, ending)| async move {
        let ended = end(shop, facts, *product, ending).await;
        let outcomes = ended.map(|()| {
            let skus = ending.skus.iter();
            skus.map(|sku| ItemOutcome {
                key: (*sku).clone(),
                outcome: Outcome::applied(),
            })
            .collect()
        });
        (ending, outcomes)
    });
    let under_way: Vec<_> = endings.collect();
    let mut under_way = stream::iter(under_way).buffer_unordered(AT_ONCE);
    while let Some((ending, outcomes)) = under_way.next().await {
        answered.add(ending.skus.iter().copied(), outcomes);
    }
    answered.finish()
}

/// Ends what there is: what is gone has ended.
async fn end(shop: &Shop, facts: &Facts, id: u64, ending: &Ending<'_>) -> Result<()> {
    let Some(product) = shelf(shop, facts, id).await? else {
        return Ok(());
    };
    if !product.is_single() {
        // Also where the whole product goes: one variant may come back alone.
        for variant in published(&product).filter(|one| ending.variants.contains(one)) {
            unpublish(shop, facts, variant).await?;
        }
    }
    if is_over(&product, ending) && product.is_active() {
        draft(shop, &product).await?;
    }
    Ok(())
}

fn published(product: &Product) -> impl Iterator<Item = u64> {
    let variants = product.variants.nodes.iter();
    variants
        .filter(|variant| variant.published_on_publication)
        .filter_map(|variant| variant.number())
}

/// Nothing of the product is left to sell.
fn is_over(product: &Product, ending: &Ending<'_>) -> bool {
    let is_there = |variant: &u64| {
        let mut numbers = product.variants.nodes.iter().filter_map(|one| one.number());
        numbers.any(|number| number == *variant)
    };
    ending.whole
        || (ending.variants.iter().any(is_there)
            && published(product).all(|variant| ending.variants.contains(&variant)))
}

async fn draft(shop: &Shop, product: &Product) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_update: Complaints,
    }
    let variables = json!({"product": {"id": product.id, "status": "DRAFT"}});
    let data: Data = shop
        .api
        .mutate(&documents::PRODUCT_STATUS, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.product_update.user_errors,
        "the product cannot be made a draft",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(published: &[(u64, bool)]) -> Product {
        let nodes: Vec<_> = published
            .iter()
            .map(|(id, published)| {
                json!({"id": format!("gid://shopify/ProductVariant/{id}"), "publishedOnPublication": published})
            })
            .collect();
        serde_json::from_value(json!({"status": "ACTIVE", "variants": {"nodes": nodes}})).unwrap()
    }

    fn ending(whole: bool, variants: &[u64]) -> Ending<'static> {
        Ending {
            skus: Vec::new(),
            whole,
            variants: variants.to_vec(),
        }
    }

    #[test]
    fn a_product_is_over_with_its_last_variant() {
        let tee = product(&[(1, true), (2, true), (3, false)]);
        assert!(!is_over(&tee, &ending(false, &[1])));
        assert!(is_over(&tee, &ending(false, &[1, 2])));
        assert!(is_over(&tee, &ending(true, &[])));
        // A variant that was deleted says nothing about the others.
        assert!(!is_over(&product(&[(3, false)]), &ending(false, &[9])));
    }
}
