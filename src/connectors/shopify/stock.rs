//! Stock at the one location that is sold from.
//!
//! A call sets all of its quantities or none, so that one item that is refused holds back the others: those go again
//! without it. What is counted is compared with what was last confirmed, and a figure that moved (a sale, a correction
//! in the admin) is told and not overwritten. Only zero overwrites everything.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::documents;
use super::place::{Place, VariantIds, gid, number};
use super::products::foreign;
use super::push::{all, first_error};
use super::refusal;
use super::shop::{Facts, Shop, product_gid};
use super::wire::{Complaints, UserError};
use crate::domain::change::{Batch, StockChange};
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::IdempotencyKey;
use crate::domain::issue::Issue;
use crate::domain::{Error, Result};
use crate::http::Replay;

const AT_ONCE: usize = 4;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    inventory_set_quantities: Payload,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    inventory_adjustment_group: Option<Group>,
    #[serde(default)]
    user_errors: Vec<UserError>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    item: Option<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    tracked: bool,
}

/// A change whose listing is a variant.
type Entry<'a> = (&'a StockChange, u64, VariantIds);

pub async fn push(shop: &Shop, batch: Batch<'_, StockChange>) -> Result<Vec<ItemOutcome>> {
    let facts = shop.facts().await?;
    let mut outcomes = Vec::new();
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for change in batch.items {
        shop.remember(&change.sku, &change.listing_ref);
        let place = Place::parse(&change.listing_ref);
        match place.and_then(|place| Some((place.product, place.variant?))) {
            Some((product, ids)) => entries.push((change, product, ids)),
            None => outcomes.push(foreign(&change.sku, change.listing_ref.as_str())),
        }
    }
    if entries.is_empty() {
        return Ok(outcomes);
    }
    let skus = || entries.iter().map(|(change, ..)| &change.sku);
    let input = input(facts, &entries);
    let variables = json!({"key": key(batch.key, &input.to_string()), "input": input});
    let sent = shop
        .api
        .mutate::<Data>(&documents::SET_STOCK, Replay::Safe, &variables)
        .await;
    let answer = match sent {
        Ok(data) => data.inventory_set_quantities,
        Err(error) if error.in_doubt => {
            outcomes.extend(all(skus(), &error));
            return Ok(outcomes);
        }
        Err(error) if outcomes.is_empty() => return Err(error),
        Err(error) => {
            outcomes.extend(all(skus(), &error));
            return Ok(outcomes);
        }
    };
    match answer.inventory_adjustment_group {
        Some(group) if answer.user_errors.is_empty() => {
            let warnings = track(shop, &entries, &group).await;
            outcomes.extend(entries.iter().map(|(change, _, ids)| ItemOutcome {
                key: change.sku.clone(),
                outcome: Outcome::Applied {
                    listing_ref: None,
                    issues: warnings.get(&ids.item).cloned().into_iter().collect(),
                },
            }));
        }
        // Nothing to change is an answer without a group.
        None if answer.user_errors.is_empty() => {
            outcomes.extend(skus().map(|sku| ItemOutcome {
                key: sku.clone(),
                outcome: Outcome::applied(),
            }));
        }
        _ => outcomes.extend(refused(shop, facts, &entries, &answer.user_errors, batch.key).await),
    }
    Ok(outcomes)
}

/// `InventorySetQuantitiesInput`
fn input(facts: &Facts, entries: &[Entry<'_>]) -> Value {
    let quantities = entries.iter().map(|(change, _, ids)| {
        let compared = change.confirmed.filter(|_| change.quantity > 0);
        json!({
            "inventoryItemId": gid("InventoryItem", ids.item),
            "locationId": facts.location,
            "quantity": change.quantity,
            "changeFromQuantity": compared,
        })
    });
    json!({"name": "available", "reason": "correction", "quantities": quantities.collect::<Value>()})
}

/// A key that stays the same for the same content of the same batch: with other content Shopify would refuse it.
fn key(batch: &IdempotencyKey, content: &str) -> String {
    let print = xxh3_128(format!("{batch}\n{content}").as_bytes());
    uuid::Uuid::from_u128(print).to_string()
}

/// Nothing was set. What is named has its own outcome; the others go again at once.
async fn refused(
    shop: &Shop,
    facts: &Facts,
    entries: &[Entry<'_>],
    errors: &[UserError],
    key: &IdempotencyKey,
) -> Vec<ItemOutcome> {
    let mut named: HashMap<usize, &UserError> = HashMap::new();
    for error in errors {
        match error.index_in("quantities") {
            Some(index) => {
                named.entry(index).or_insert(error);
            }
            // About the call as a whole: every entry hears it.
            None => {
                return entries
                    .iter()
                    .map(|(change, ..)| ItemOutcome {
                        key: change.sku.clone(),
                        outcome: error.outcome(),
                    })
                    .collect();
            }
        }
    }
    let settled = (0..).zip(entries).map(|(index, (change, _, ids))| {
        let error = named.get(&index).copied();
        async move {
            let outcome = match error {
                None => refusal::beside(),
                Some(error) if error.code.as_deref() == Some("ITEM_NOT_STOCKED_AT_LOCATION") => {
                    let item = ids.item;
                    match stock_at_location(shop, facts, item, change.quantity, key).await {
                        Ok(()) => Outcome::applied(),
                        Err(error) => refusal::of_call(&error),
                    }
                }
                Some(error) => error.outcome(),
            };
            ItemOutcome {
                key: change.sku.clone(),
                outcome,
            }
        }
    });
    let under_way: Vec<_> = settled.collect();
    stream::iter(under_way)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Stocks an item at the location for the first time, with this quantity.
pub async fn stock_at_location(
    shop: &Shop,
    facts: &Facts,
    item: u64,
    quantity: u64,
    batch: &IdempotencyKey,
) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        inventory_activate: Complaints,
    }
    let content = format!("{item} {} {quantity}", facts.location);
    let variables = json!({
        "item": gid("InventoryItem", item),
        "location": facts.location,
        "available": quantity,
        "key": key(batch, &content),
    });
    let data: Data = shop
        .api
        .mutate(&documents::STOCK_AT_LOCATION, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.inventory_activate.user_errors,
        "the item cannot be stocked at the location",
    )
}

/// Switches on the counting of items whose stock was set and does not count. Warnings by item where that fails.
async fn track(shop: &Shop, entries: &[Entry<'_>], group: &Group) -> HashMap<u64, Issue> {
    let uncounted = group.changes.iter().filter_map(|change| {
        let item = change.item.as_ref().filter(|item| !item.tracked)?;
        number(&item.id)
    });
    let mut by_product: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for item in uncounted {
        if let Some((_, product, ids)) = entries.iter().find(|(_, _, ids)| ids.item == item) {
            let variants = by_product.entry(*product).or_default();
            variants.insert(ids.variant, item);
        }
    }
    let mut warnings = HashMap::new();
    for (product, variants) in by_product {
        if let Err(error) = track_product(shop, product, variants.keys().copied()).await {
            let warning = Issue::warning(
                "stock_not_tracked",
                format!("the stock is set, but the shop does not count it: {error}"),
            )
            .field("quantity")
            .hint("switch on \"Track quantity\" in the admin: until then it is sold without end");
            warnings.extend(variants.into_values().map(|item| (item, warning.clone())));
        }
    }
    warnings
}

async fn track_product(
    shop: &Shop,
    product: u64,
    variants: impl Iterator<Item = u64>,
) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        product_variants_bulk_update: Complaints,
    }
    let variants: Vec<_> = variants
        .map(|variant| json!({"id": gid("ProductVariant", variant), "inventoryItem": {"tracked": true}}))
        .collect();
    let variables = json!({"productId": product_gid(product), "variants": variants});
    let data: Data = shop
        .api
        .mutate(&documents::SET_PRICES, Replay::Safe, &variables)
        .await?;
    first_error(
        &data.product_variants_bulk_update.user_errors,
        "the shop does not switch counting on",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::facts;

    #[test]
    fn zero_overwrites_and_the_rest_is_compared() {
        let change = |quantity, confirmed| StockChange {
            sku: "A".into(),
            listing_ref: "1/2/3".into(),
            quantity,
            confirmed,
        };
        let changes = [change(4, Some(7)), change(0, Some(7)), change(4, None)];
        let ids = VariantIds {
            variant: 2,
            item: 3,
        };
        let entries: Vec<Entry<'_>> = changes.iter().map(|one| (one, 1, ids)).collect();
        let input = input(&facts(), &entries);
        let from: Vec<_> = (0..3)
            .map(|index| input["quantities"][index]["changeFromQuantity"].clone())
            .collect();
        assert_eq!(from, [json!(7), Value::Null, Value::Null]);
        assert!(
            input["quantities"][1]
                .as_object()
                .unwrap()
                .contains_key("changeFromQuantity")
        );
    }

    #[test]
    fn the_same_call_has_the_same_key_and_another_one_another() {
        let batch = IdempotencyKey::new("b");
        assert_eq!(key(&batch, "x"), key(&batch, "x"));
        assert_ne!(key(&batch, "x"), key(&batch, "y"));
        assert_ne!(key(&batch, "x"), key(&IdempotencyKey::new("c"), "x"));
    }
}
