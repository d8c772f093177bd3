//! Prices.
//!
//! One call a product: the call for many products would take the variants that it names for all that there are, and
//! delete the others. Prices in other currencies, for quantities and for groups of buyers are read first and sent
//! along, because the shop forgets those that it is not told again.

use serde_json::{Value, json};

use super::api::Api;
use super::content;
use super::convert::{self, Shop};
use super::place::{Place, foreign};
use super::refusals;
use super::stock::{gone, variants};
use crate::domain::Result;
use crate::domain::change::PriceChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::money::Money;
use crate::http::Replay;

/// A price tells its rules only when `price_rules` are asked for.
const FIELDS: &str = "id,prices.id,prices.amount,prices.currency_code,prices.min_quantity,prices.max_quantity,\
prices.price_rules.attribute,prices.price_rules.operator,prices.price_rules.value";

/// What of one product changes.
#[derive(Default)]
struct Sheet<'a> {
    product: String,
    changes: Vec<&'a PriceChange>,
    documents: Vec<Value>,
}

pub async fn push(api: &Api, shop: &Shop, changes: &[PriceChange]) -> Result<Vec<ItemOutcome>> {
    let mut outcomes = Vec::with_capacity(changes.len());
    let mut settle = |change: &PriceChange, outcome| {
        outcomes.push(ItemOutcome {
            key: change.sku.clone(),
            outcome,
        });
    };
    let mut wanted = Vec::new();
    for change in changes {
        match Place::parse(&change.listing_ref).map(|place| (place.product, place.variant)) {
            Some((product, Some(variant))) => wanted.push((change, product, variant)),
            _ => settle(
                change,
                Outcome::Rejected(vec![foreign(&change.listing_ref)]),
            ),
        }
    }
    let ids: Vec<&str> = wanted
        .iter()
        .map(|(_, _, variant)| variant.as_str())
        .collect();
    let live = variants(api, FIELDS, &ids).await?;
    let mut sheets: Vec<Sheet> = Vec::new();
    for (change, product, variant) in &wanted {
        let Some(live) = live.get(variant) else {
            settle(change, Outcome::Failed(gone(&change.sku)));
            continue;
        };
        let price = Money::new(
            change.price.rounded().amount.normalize(),
            change.price.currency,
        );
        if content::price(live, shop) == Some(price) {
            settle(change, Outcome::applied());
            continue;
        }
        let document = json!({"id": variant, "prices": convert::prices(&live.prices, Some(price))});
        let sheet = match sheets
            .iter_mut()
            .position(|sheet| sheet.product == *product)
        {
            Some(known) => &mut sheets[known],
            None => {
                sheets.push(Sheet {
                    product: product.clone(),
                    ..Sheet::default()
                });
                let last = sheets.len() - 1;
                &mut sheets[last]
            }
        };
        sheet.changes.push(change);
        sheet.documents.push(document);
    }
    let mut sheets = sheets.into_iter();
    while let Some(sheet) = sheets.next() {
        let path = format!("products/{}/variants/batch", sheet.product);
        let body = json!({ "update": sheet.documents });
        let sent = api
            .post(
                "batchVariants",
                Replay::Safe,
                &path,
                &[("fields", "id")],
                &body,
            )
            .await;
        let Err(error) = sent else {
            sheet
                .changes
                .iter()
                .for_each(|change| settle(change, Outcome::applied()));
            continue;
        };
        for change in &sheet.changes {
            settle(change, refusals::outcome(&change.sku, &error));
        }
        if error.is_temporary() {
            // The shop is down or slow: the others would fare no better.
            let mut unsent = error;
            unsent.in_doubt = false;
            for change in sheets.by_ref().flat_map(|sheet| sheet.changes) {
                settle(change, Outcome::Failed(unsent.again()));
            }
        }
    }
    Ok(outcomes)
}
