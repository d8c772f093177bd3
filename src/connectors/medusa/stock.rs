//! Stock: what may still be sold, written as what is on hand.
//!
//! The shop offers what its stock location holds less what it has promised to buyers, and only the first of the two
//! can be written. So what is promised is read in the same push and added. What happens around the writing:
//!
//! - Sold before the reading, unknown to the plan: what is offered is not what was last confirmed. Nothing is
//!   written, and the change is planned anew with the order known. Zero is written all the same: it cannot oversell.
//! - Sold between reading and writing: the promise grows, the offer is less by just what was sold. As it should be.
//! - Shipped or canceled between reading and writing: the promise shrinks, and the offer would be too high by what was
//!   shipped. The answer tells the promise as of the writing; where it is not the one that was added, the listing is
//!   read and the change planned anew at once.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Amount, Api, BatchAnswer, Level, Variant, Variants, any_of, number};
use super::content::{available, shelf};
use super::convert::Shop;
use super::place::{Place, foreign};
use super::refusals;
use crate::domain::change::StockChange;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

const FIELDS: &str = "id,product_id,manage_inventory,inventory_items.inventory_item_id,\
inventory_items.required_quantity,inventory_items.inventory.location_levels.location_id,\
inventory_items.inventory.location_levels.stocked_quantity,\
inventory_items.inventory.location_levels.reserved_quantity";

/// How the shop refuses to make a level twice.
const LEVEL_IS_THERE: &str = "Inventory level with";

/// One shelf to be filled.
#[derive(Debug)]
pub struct Write {
    pub sku: Sku,
    pub inventory_item: String,
    /// That may be sold.
    pub quantity: u64,
    /// What the location holds now; `None` when it never held any.
    pub level: Option<Level>,
}

impl Write {
    pub fn new(sku: &Sku, inventory_item: &str, level: Option<&Level>, quantity: u64) -> Self {
        Self {
            sku: sku.clone(),
            inventory_item: inventory_item.to_owned(),
            quantity,
            level: level.cloned(),
        }
    }

    fn document(&self, location: &str) -> Value {
        let promised = self.promised();
        json!({
            "inventory_item_id": self.inventory_item,
            "location_id": location,
            "stocked_quantity": number(rust_decimal::Decimal::from(self.quantity) + promised),
        })
    }

    fn promised(&self) -> rust_decimal::Decimal {
        self.level
            .as_ref()
            .map_or(rust_decimal::Decimal::ZERO, |level| {
                level.reserved_quantity.0
            })
    }
}

pub async fn push(api: &Api, shop: &Shop, changes: &[StockChange]) -> Result<Vec<ItemOutcome>> {
    let mut outcomes = Vec::with_capacity(changes.len());
    let mut wanted = Vec::new();
    for change in changes {
        match Place::parse(&change.listing_ref).map(|place| (place.product, place.variant)) {
            Some((product, Some(variant))) => wanted.push((change, product, variant)),
            _ => outcomes.push(settled(
                change,
                Outcome::Rejected(vec![foreign(&change.listing_ref)]),
            )),
        }
    }
    let ids: Vec<&str> = wanted
        .iter()
        .map(|(_, _, variant)| variant.as_str())
        .collect();
    let live = variants(api, FIELDS, &ids).await?;
    let mut writes = Vec::new();
    for (change, product, variant) in &wanted {
        let Some(live) = live.get(variant) else {
            outcomes.push(settled(change, Outcome::Failed(gone(&change.sku))));
            continue;
        };
        let counted;
        let live = match live.manage_inventory {
            true => live,
            false => match count(api, product, variant).await {
                Ok(variant) => {
                    counted = variant;
                    &counted
                }
                Err(error) => {
                    outcomes.push(settled(change, refusals::outcome(&change.sku, &error)));
                    continue;
                }
            },
        };
        let Some((item, level)) = shelf(live, &shop.stock_location) else {
            outcomes.push(settled(
                change,
                Outcome::Rejected(vec![made_of_parts(&change.sku)]),
            ));
            continue;
        };
        match judge(change, level) {
            Some(outcome) => outcomes.push(settled(change, outcome)),
            None => writes.push(Write::new(&change.sku, item, level, change.quantity)),
        }
    }
    outcomes.extend(write(api, shop, &writes).await?);
    Ok(outcomes)
}

fn settled(change: &StockChange, outcome: Outcome) -> ItemOutcome {
    ItemOutcome {
        key: change.sku.clone(),
        outcome,
    }
}

/// What is known without writing; `None` when it is to be written.
fn judge(change: &StockChange, level: Option<&Level>) -> Option<Outcome> {
    let offered = available(level);
    if level.is_some() && offered == change.quantity {
        return Some(Outcome::applied());
    }
    let moved = change
        .confirmed
        .is_some_and(|confirmed| confirmed != offered);
    (moved && change.quantity > 0).then(|| Outcome::Failed(sold_meanwhile(&change.sku)))
}

fn sold_meanwhile(sku: &Sku) -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the shop offers another quantity than it last confirmed",
    )
    .with("sku", sku.as_str())
    .hint("orders are pulled and the stock is planned anew")
}

/// The listing that a change names is no longer there.
pub fn gone(sku: &Sku) -> Error {
    Error::new(ErrorKind::NotFound, "the product was deleted in the shop")
        .with("sku", sku.as_str())
        .hint("run with `--refresh` to read what is live; it is then created again")
}

fn made_of_parts(sku: &Sku) -> Issue {
    Issue::error(
        "stock_of_a_kit",
        "the shop makes this variant of several inventory items",
    )
    .sku(sku)
    .field("quantity")
    .hint("set the stock of its parts in the shop, or leave its quantity empty in the catalog")
}

/// Variants by their ids; one that does not exist is left out.
pub async fn variants(api: &Api, fields: &str, ids: &[&str]) -> Result<HashMap<String, Variant>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let limit = ids.len().to_string();
    let mut query = any_of("id[]", ids);
    query.extend([("fields", fields), ("limit", &limit)]);
    let page: Variants = api
        .get("listVariants", "product-variants", &query)
        .await?
        .json()?;
    Ok(page
        .variants
        .into_iter()
        .map(|variant| (variant.id.clone(), variant))
        .collect())
}

/// Has the shop count the stock of a variant that it sold without limit.
async fn count(api: &Api, product: &str, variant: &str) -> Result<Variant> {
    let body = json!({"update": [{"id": variant, "manage_inventory": true}]});
    let path = format!("products/{product}/variants/batch");
    let reply = api
        .post(
            "batchVariants",
            Replay::Safe,
            &path,
            &[("fields", FIELDS)],
            &body,
        )
        .await?;
    let answer: BatchAnswer<Variant> = reply.json()?;
    answer
        .updated
        .into_iter()
        .next()
        .ok_or_else(|| Error::unexpected("the shop's answer leaves the variant out").in_doubt())
}

/// A level as it is after the writing.
#[derive(Debug, Deserialize)]
struct Written {
    inventory_item_id: String,
    reserved_quantity: Amount,
}

/// Fills shelves, all or none. `Err` when certainly none was.
pub async fn write(api: &Api, shop: &Shop, writes: &[Write]) -> Result<Vec<ItemOutcome>> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let documents = |is_new: bool| -> Vec<Value> {
        let of_kind = writes
            .iter()
            .filter(|write| write.level.is_none() == is_new);
        of_kind
            .map(|write| write.document(&shop.stock_location))
            .collect()
    };
    let body = json!({"create": documents(true), "update": documents(false)});
    // Absolute values; but a level that was made is refused when it is made again.
    let replay = match writes.iter().any(|write| write.level.is_none()) {
        true => Replay::Never,
        false => Replay::Safe,
    };
    let path = "inventory-items/location-levels/batch";
    let sent = api.post("batchLevels", replay, path, &[], &body).await;
    let read = sent.and_then(|reply| {
        reply
            .json::<BatchAnswer<Written>>()
            .map_err(Error::in_doubt)
    });
    let answer = match read {
        Ok(answer) => answer,
        Err(error) if error.in_doubt => {
            let unknown = |write: &Write| ItemOutcome {
                key: write.sku.clone(),
                outcome: Outcome::Unknown(error.again()),
            };
            return Ok(writes.iter().map(unknown).collect());
        }
        // Somebody has put the first pieces on one of these shelves since it was read.
        Err(error) if error.message.starts_with(LEVEL_IS_THERE) && replay == Replay::Never => {
            let moved = |write: &Write| ItemOutcome {
                key: write.sku.clone(),
                outcome: Outcome::Failed(sold_meanwhile(&write.sku)),
            };
            return Ok(writes.iter().map(moved).collect());
        }
        Err(error) => return Err(error),
    };
    let levels = answer.created.into_iter().chain(answer.updated);
    let promised: HashMap<String, Amount> = levels
        .map(|level| (level.inventory_item_id, level.reserved_quantity))
        .collect();
    Ok(writes
        .iter()
        .map(|write| ItemOutcome {
            key: write.sku.clone(),
            outcome: match promised.get(&write.inventory_item) {
                Some(promised) if promised.0 < write.promised() => {
                    Outcome::Failed(sold_meanwhile(&write.sku))
                }
                Some(_) => Outcome::applied(),
                None => Outcome::Unknown(
                    Error::unexpected("the shop's answer leaves this stock level out")
                        .with("sku", write.sku.as_str())
                        .in_doubt(),
                ),
            },
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(quantity: u64, confirmed: Option<u64>) -> StockChange {
        StockChange {
            sku: "A".into(),
            listing_ref: "prod_1/variant_1".into(),
            quantity,
            confirmed,
        }
    }

    fn level(stocked: u64, reserved: u64) -> Level {
        Level {
            stocked_quantity: Amount(stocked.into()),
            reserved_quantity: Amount(reserved.into()),
            ..Level::default()
        }
    }

    #[test]
    fn what_was_sold_unseen_stops_a_change_but_not_a_zero() {
        let judged = |change: StockChange| judge(&change, Some(&level(5, 2)));
        assert!(judged(change(9, Some(3))).is_none());
        assert!(judged(change(9, None)).is_none());
        assert!(
            matches!(judged(change(9, Some(5))), Some(Outcome::Failed(error)) if error.kind == ErrorKind::Conflict)
        );
        assert!(judged(change(0, Some(5))).is_none());
        assert!(matches!(
            judged(change(3, Some(5))),
            Some(Outcome::Applied { .. })
        ));
        // A shelf that never held any is made, even for none.
        assert!(judge(&change(0, Some(0)), None).is_none());
    }

    #[test]
    fn what_is_promised_is_added() {
        let write = Write::new(&"A".into(), "iitem_1", Some(&level(5, 2)), 7);
        assert_eq!(write.document("sloc_1")["stocked_quantity"], json!(9));
        let first = Write::new(&"A".into(), "iitem_1", None, 7);
        assert_eq!(first.document("sloc_1")["stocked_quantity"], json!(7));
    }
}
