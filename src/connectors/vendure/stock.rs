//! Stock: what may be sold, on top of what orders hold already.
//!
//! The shop is told what is on hand; what it offers is that less what is allocated to orders. So the allocated figure
//! is read first and put on top. An order that is placed between the reading and the writing raises the allocated
//! figure only, and is taken off what was written: nothing is sold twice. An order that was placed before the reading
//! and that the plan does not know would be given back to sale; so where the offer is not what was last confirmed, the
//! change is not sent but planned anew. Only a zero is always sent.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Api, List, StockLevel, Variant};
use super::shop::Shop;
use super::{convert, documents};
use crate::domain::change::StockChange;
use crate::domain::connector::Outcome;
use crate::domain::{Error, ErrorKind, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    product_variants: List<Variant>,
}

/// The variants of these ids, as far as they are there.
pub async fn read(api: &Api, ids: &[&str]) -> Result<HashMap<String, Variant>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let answer: Answer = api
        .query("stock", documents::STOCK, json!({"ids": ids}))
        .await?;
    Ok(answer
        .product_variants
        .whole()?
        .into_iter()
        .map(|variant| (variant.id.clone(), variant))
        .collect())
}

/// What to send for a change, or what becomes of it without sending.
pub fn input(
    change: &StockChange,
    live: Option<&Variant>,
    shop: &Shop,
) -> Result<Map<String, Value>, Outcome> {
    let Some(live) = live else {
        return Err(Outcome::Failed(gone()));
    };
    let offered = convert::offered(live, shop);
    if offered == Some(change.quantity) {
        return Err(Outcome::applied());
    }
    let moved = change.confirmed.is_some() && offered.is_some() && offered != change.confirmed;
    if moved && change.quantity > 0 {
        return Err(Outcome::Failed(
            Error::new(
                ErrorKind::Conflict,
                "the stock in the shop is not what it was when this was planned: an order came in, perhaps",
            )
            .with("sku", change.sku.as_str()),
        ));
    }
    let allocated = convert::allocated(&live.stock_levels, shop);
    let mut input = convert::stock(change.quantity, allocated, shop);
    input.insert("id".to_owned(), json!(live.id));
    Ok(input)
}

/// Looks at the shop's answer to a write. Less than was written has been sold meanwhile; more, because a parcel left
/// meanwhile, is looked at again.
pub fn outcome(change: &StockChange, answered: &[StockLevel], shop: &Shop) -> Outcome {
    let free = convert::free(answered, shop);
    if free > i64::try_from(change.quantity).unwrap_or(i64::MAX) {
        return Outcome::Unknown(
            Error::new(
                ErrorKind::Conflict,
                "the stock in the shop moved while it was written",
            )
            .with("sku", change.sku.as_str())
            .in_doubt(),
        );
    }
    Outcome::applied()
}

/// What a reference names is no longer there.
pub fn gone() -> Error {
    Error::new(ErrorKind::NotFound, "the product was deleted in the shop")
        .hint("run with `--refresh` to read what is live; it is then created again")
}

#[cfg(test)]
mod tests {
    use super::super::shop::tests::shop;
    use super::*;

    fn variant(on_hand: i64, allocated: i64) -> Variant {
        serde_json::from_value(json!({
            "id": "7", "sku": "A", "name": "A", "enabled": true, "trackInventory": "TRUE",
            "outOfStockThreshold": 0, "useGlobalOutOfStockThreshold": false, "prices": [],
            "stockLevels": [{"stockLocationId": "1", "stockOnHand": on_hand, "stockAllocated": allocated},
                {"stockLocationId": "2", "stockOnHand": 50, "stockAllocated": 0}],
        }))
        .unwrap()
    }

    fn change(quantity: u64, confirmed: Option<u64>) -> StockChange {
        StockChange {
            sku: "A".into(),
            listing_ref: "5=7".into(),
            quantity,
            confirmed,
        }
    }

    #[test]
    fn what_orders_hold_comes_on_top() {
        let sent = input(&change(9, Some(3)), Some(&variant(5, 2)), &shop()).unwrap();
        assert_eq!(
            sent["stockLevels"],
            json!([{"stockLocationId": "1", "stockOnHand": 11}])
        );
    }

    #[test]
    fn what_moved_is_planned_anew_but_a_zero_is_sent() {
        let moved = input(&change(9, Some(5)), Some(&variant(5, 2)), &shop()).unwrap_err();
        assert!(matches!(moved, Outcome::Failed(error) if error.kind == ErrorKind::Conflict));
        let zero = input(&change(0, Some(5)), Some(&variant(5, 2)), &shop()).unwrap();
        assert_eq!(zero["stockLevels"][0]["stockOnHand"], 2);
        assert!(input(&change(9, None), Some(&variant(5, 2)), &shop()).is_ok());
    }

    #[test]
    fn what_is_so_already_or_gone_is_not_sent() {
        let same = input(&change(3, Some(5)), Some(&variant(5, 2)), &shop()).unwrap_err();
        assert!(matches!(same, Outcome::Applied { .. }));
        let gone = input(&change(3, Some(5)), None, &shop()).unwrap_err();
        assert!(matches!(gone, Outcome::Failed(error) if error.kind == ErrorKind::NotFound));
    }

    #[test]
    fn a_threshold_and_untracked_stock_are_seen() {
        let mut live = variant(5, 1);
        live.out_of_stock_threshold = 3;
        assert_eq!(convert::offered(&live, &shop()), Some(1));
        live.use_global_out_of_stock_threshold = true;
        assert_eq!(convert::offered(&live, &shop()), Some(4));
        live.track_inventory = "FALSE".to_owned();
        assert_eq!(convert::offered(&live, &shop()), None);
        let all_shop = Shop {
            tracks_inventory: false,
            ..shop()
        };
        live.track_inventory = "INHERIT".to_owned();
        assert_eq!(convert::offered(&live, &all_shop), None);
    }

    #[test]
    fn more_than_was_written_is_looked_at_again() {
        let levels = |on_hand, allocated| variant(on_hand, allocated).stock_levels;
        let written = change(9, None);
        assert!(matches!(
            outcome(&written, &levels(9, 2), &shop()),
            Outcome::Applied { .. }
        ));
        assert!(matches!(
            outcome(&written, &levels(10, 0), &shop()),
            Outcome::Unknown(_)
        ));
    }
}
