//! Prices: one call for the variants of one product.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bulk;
use super::convert::other_currency;
use super::descriptor::LONGEST_LIST;
use super::documents;
use super::place::{Place, gid};
use super::products::foreign;
use super::push::Answered;
use super::shop::{Facts, Shop, product_gid};
use super::wire::{Complaints, UserError};
use crate::domain::Result;
use crate::domain::change::{Batch, PriceChange, Route};
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::http::Replay;

const AT_ONCE: usize = 4;

/// The changes of one call, in the order of its list.
pub struct Sheet {
    pub skus: Vec<Sku>,
    pub variables: Value,
}

pub async fn push(shop: &Shop, batch: Batch<'_, PriceChange>) -> Result<Vec<ItemOutcome>> {
    let facts = shop.facts().await?;
    for change in batch.items {
        shop.remember(&change.sku, &change.listing_ref);
    }
    let (sheets, settled) = sheets(facts, batch.items);
    let mut answered = Answered::new(settled);
    if batch.route == Route::Bulk {
        bulk::submit_prices(shop, &sheets, &mut answered).await;
        return answered.finish();
    }
    let under_way: Vec<_> = sheets
        .iter()
        .map(|sheet| async move { (sheet, send(shop, sheet).await) })
        .collect();
    let mut under_way = stream::iter(under_way).buffer_unordered(AT_ONCE);
    while let Some((sheet, outcome)) = under_way.next().await {
        answered.add(sheet.skus.iter(), outcome);
    }
    answered.finish()
}

/// Changes by product, no list longer than Shopify takes.
fn sheets(facts: &Facts, items: &[PriceChange]) -> (Vec<Sheet>, Vec<ItemOutcome>) {
    let mut settled = Vec::new();
    let mut by_product: BTreeMap<u64, Vec<(Sku, Value)>> = BTreeMap::new();
    for change in items {
        let place = Place::parse(&change.listing_ref);
        let Some((product, ids)) = place.and_then(|place| Some((place.product, place.variant?)))
        else {
            settled.push(foreign(&change.sku, change.listing_ref.as_str()));
            continue;
        };
        let compare_at = change.compare_at.map(|money| facts.amount(money));
        let (Some(price), Some(compare_at)) = (
            facts.amount(change.price),
            compare_at.map_or(Some(None), |own| own.map(Some)),
        ) else {
            let issue = other_currency(facts).sku(&change.sku);
            settled.push(ItemOutcome {
                key: change.sku.clone(),
                outcome: Outcome::Rejected(vec![issue]),
            });
            continue;
        };
        let id = gid("ProductVariant", ids.variant);
        let variant = json!({"id": id, "price": price, "compareAtPrice": compare_at});
        let rows = by_product.entry(product).or_default();
        rows.push((change.sku.clone(), variant));
    }
    let sheets = by_product.into_iter().flat_map(|(product, mut rows)| {
        let mut sheets = Vec::new();
        while !rows.is_empty() {
            let behind = rows.split_off(rows.len().min(LONGEST_LIST));
            let (skus, variants): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let variables = json!({"productId": product_gid(product), "variants": variants});
            sheets.push(Sheet { skus, variables });
            rows = behind;
        }
        sheets
    });
    (sheets.collect(), settled)
}

async fn send(shop: &Shop, sheet: &Sheet) -> Result<Vec<ItemOutcome>> {
    let data: Data = shop
        .api
        .mutate(&documents::SET_PRICES, Replay::Safe, &sheet.variables)
        .await?;
    Ok(outcomes(
        sheet.skus.iter(),
        &data.product_variants_bulk_update.user_errors,
    ))
}

/// What a call answers, at once or as a line of a bulk operation's result.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    pub product_variants_bulk_update: Complaints,
}

/// Rows that are not named were done: partial updates are allowed.
pub fn outcomes<'s>(skus: impl Iterator<Item = &'s Sku>, errors: &[UserError]) -> Vec<ItemOutcome> {
    let outcome = |index: usize, sku: &Sku| {
        let own = errors.iter().find(|error| {
            error
                .index_in("variants")
                .is_none_or(|named| named == index)
        });
        match own.map(UserError::outcome) {
            None => Outcome::applied(),
            Some(Outcome::Rejected(issues)) => {
                Outcome::Rejected(issues.into_iter().map(|issue| issue.sku(sku)).collect())
            }
            Some(Outcome::Failed(error)) => {
                Outcome::Failed(error.again().with("sku", sku.as_str()))
            }
            Some(other) => other,
        }
    };
    (0..)
        .zip(skus)
        .map(|(index, sku)| ItemOutcome {
            key: sku.clone(),
            outcome: outcome(index, sku),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::fixtures::{euros, facts};
    use crate::domain::money::Money;

    fn change(number: u64, listing_ref: String) -> PriceChange {
        PriceChange {
            sku: format!("S{number}").into(),
            listing_ref: listing_ref.into(),
            price: euros("9.50"),
            compare_at: None,
        }
    }

    #[test]
    fn a_call_holds_one_product_and_no_more_than_a_list_may() {
        let mut changes: Vec<_> = (0..251).map(|n| change(n, format!("7/{n}/9"))).collect();
        changes.push(change(900, "8/1/1".into()));
        changes.push(change(901, "nonsense".into()));
        let dollars = Money {
            currency: iso_currency::Currency::USD,
            ..euros("1")
        };
        changes.push(PriceChange {
            compare_at: Some(dollars),
            ..change(902, "8/2/2".into())
        });
        let (sheets, settled) = sheets(&facts(), &changes);
        let sizes: Vec<_> = sheets.iter().map(|sheet| sheet.skus.len()).collect();
        assert_eq!(sizes, [250, 1, 1]);
        assert_eq!(settled.len(), 2);
        let first = &sheets[0].variables["variants"][0];
        assert_eq!(first["price"], "9.50");
        assert!(
            first["compareAtPrice"].is_null(),
            "the old price is taken away"
        );
    }

    #[test]
    fn errors_are_given_to_the_rows_that_they_name() {
        let skus = ["A".into(), "B".into()];
        let error = |field: &[&str]| UserError {
            field: Some(field.iter().map(|part| part.to_string()).collect()),
            message: "No.".into(),
            code: Some("INVALID_VALUE".into()),
        };
        let one = outcomes(skus.iter(), &[error(&["variants", "1", "price"])]);
        assert!(matches!(one[0].outcome, Outcome::Applied { .. }));
        assert!(
            matches!(&one[1].outcome, Outcome::Rejected(issues) if issues[0].field.as_deref() == Some("price"))
        );
        let both = outcomes(skus.iter(), &[error(&["productId"])]);
        assert!(
            both.iter()
                .all(|one| matches!(one.outcome, Outcome::Rejected(_)))
        );
    }
}
