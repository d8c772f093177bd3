//! Taking listings off sale, without deleting them: orders, pictures and addresses stay.
//!
//! A product becomes a draft. A variant has no status of its own: it gets no stock and a mark in its meta data, and
//! with the last of its siblings the product becomes a draft.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::api::{Api, Product, Variant};
use super::content::{is_ended, shelf};
use super::convert::{ENDED, Shop};
use super::place::{Place, foreign};
use super::stock::{self, Write};
use super::{live, refusals};
use crate::domain::change::EndChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::{Error, Result};
use crate::http::Replay;

/// A variant that goes while others of its product stay.
struct Leaving<'a> {
    sku: &'a Sku,
    product: &'a Product,
    variant: &'a Variant,
}

pub async fn push(api: &Api, shop: &Shop, changes: &[EndChange]) -> Result<Vec<ItemOutcome>> {
    let mut outcomes: HashMap<&Sku, Outcome> = HashMap::new();
    let mut places = Vec::new();
    for change in changes {
        match Place::parse(&change.listing_ref) {
            Some(place) => places.push((&change.sku, place)),
            None => {
                let issue = foreign(&change.listing_ref);
                outcomes.insert(&change.sku, Outcome::Rejected(vec![issue]));
            }
        }
    }
    let ids: HashSet<&String> = places.iter().map(|(_, place)| &place.product).collect();
    let products = live::products(api, ids.into_iter().cloned().collect()).await?;
    let mut drafts: BTreeMap<&str, Vec<&Sku>> = BTreeMap::new();
    let mut leaving = Vec::new();
    for (sku, place) in &places {
        // What is gone has ended.
        outcomes.insert(sku, Outcome::applied());
        let Some(product) = products.get(&place.product) else {
            continue;
        };
        match &place.variant {
            Some(id) if product.variants.len() > 1 => {
                let variant = product.variants.iter().find(|variant| variant.id == *id);
                leaving.extend(variant.map(|variant| Leaving {
                    sku,
                    product,
                    variant,
                }));
            }
            _ => drafts.entry(&product.id).or_default().push(sku),
        }
    }
    let ids: HashSet<&str> = leaving.iter().map(|one| one.variant.id.as_str()).collect();
    for one in &leaving {
        let stays = |variant: &Variant| !ids.contains(variant.id.as_str()) && !is_ended(variant);
        if !one.product.variants.iter().any(stays) {
            drafts.entry(&one.product.id).or_default().push(one.sku);
        }
    }
    let sent = draft(api, &products, &drafts).await;
    if let Err(error) = sent {
        if !error.in_doubt {
            return Err(error);
        }
        // Ending again is harmless, and it is looked up first.
        let unknown = |change: &EndChange| ItemOutcome {
            key: change.sku.clone(),
            outcome: Outcome::Unknown(error.again()),
        };
        return Ok(changes.iter().map(unknown).collect());
    }
    for (sku, outcome) in mark(api, shop, &leaving).await {
        outcomes.insert(sku, outcome);
    }
    Ok(outcomes
        .into_iter()
        .map(|(sku, outcome)| ItemOutcome {
            key: sku.clone(),
            outcome,
        })
        .collect())
}

async fn draft(
    api: &Api,
    products: &HashMap<String, Product>,
    drafts: &BTreeMap<&str, Vec<&Sku>>,
) -> Result<()> {
    let on_sale = |id: &&&str| {
        products
            .get(**id)
            .is_some_and(|product| product.status != "draft")
    };
    let updates: Vec<Value> = drafts
        .keys()
        .filter(on_sale)
        .map(|id| json!({"id": id, "status": "draft"}))
        .collect();
    if updates.is_empty() {
        return Ok(());
    }
    let body = json!({ "update": updates });
    api.post(
        "batchProducts",
        Replay::Safe,
        "products/batch",
        &[("fields", "id")],
        &body,
    )
    .await
    .map(drop)
}

/// Marks variants product by product, then empties their shelves.
async fn mark<'a>(api: &Api, shop: &Shop, leaving: &[Leaving<'a>]) -> HashMap<&'a Sku, Outcome> {
    let mut outcomes = HashMap::new();
    let mut by_product: BTreeMap<&str, Vec<&Leaving<'a>>> = BTreeMap::new();
    for one in leaving {
        by_product.entry(&one.product.id).or_default().push(one);
    }
    let mut writes = Vec::new();
    for (product, variants) in by_product {
        let updates: Vec<_> = variants
            .iter()
            .map(|one| {
                json!({
                    "id": one.variant.id,
                    "metadata": { ENDED: "true" },
                    "allow_backorder": false,
                    "manage_inventory": true,
                })
            })
            .collect();
        let path = format!("products/{product}/variants/batch");
        let body = json!({ "update": updates });
        let sent = api
            .post(
                "batchVariants",
                Replay::Safe,
                &path,
                &[("fields", "id")],
                &body,
            )
            .await;
        for one in variants {
            match &sent {
                Ok(_) => {
                    if let Some((item, level)) = shelf(one.variant, &shop.stock_location) {
                        writes.push(Write::new(one.sku, item, level, 0));
                    }
                }
                Err(error) => {
                    outcomes.insert(one.sku, refusals::outcome(one.sku, error));
                }
            }
        }
    }
    match stock::write(api, shop, &writes).await {
        Ok(written) => {
            let skus: HashMap<&str, &'a Sku> = leaving
                .iter()
                .map(|one| (one.sku.as_str(), one.sku))
                .collect();
            for item in written {
                if let Some(sku) = skus.get(item.key.as_str()) {
                    outcomes.insert(sku, item.outcome);
                }
            }
        }
        Err(error) => {
            for one in leaving
                .iter()
                .filter(|one| writes.iter().any(|write| write.sku == *one.sku))
            {
                outcomes.insert(one.sku, halfway(&error));
            }
        }
    }
    outcomes
}

/// The mark is there and the shelf is not empty.
fn halfway(error: &Error) -> Outcome {
    Outcome::Unknown(error.again().in_doubt())
}
