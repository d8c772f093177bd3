//! Telling the shop that a parcel left: a fulfillment with its tracking, over the fulfillment orders that Shopify has
//! divided the order into, one for each place that it is sent from.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::documents;
use super::orders::shipped_by_line;
use super::place::{gid, number};
use super::pull::find_movements;
use super::push::first_error;
use super::refusal;
use super::shop::{Shop, next_cursor};
use super::wire::{Complaints, Connection};
use crate::domain::Result;
use crate::domain::connector::Outcome;
use crate::domain::issue::Issue;
use crate::domain::order::Shipment;
use crate::http::Replay;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfillmentOrder {
    id: String,
    status: String,
    assigned_location: Assigned,
    line_items: Connection<OpenLine>,
}

#[derive(Debug, Deserialize)]
struct Assigned {
    location: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenLine {
    id: String,
    remaining_quantity: u64,
    line_item: Named,
}

/// Confirms one parcel. What left already in a parcel with the same number does not leave again.
pub async fn confirm(shop: &Shop, shipment: &Shipment) -> Result<Outcome> {
    let Ok(order) = shipment.channel_order_id.as_str().parse::<u64>() else {
        return Ok(Outcome::Rejected(vec![unknown_order()]));
    };
    let id = gid("Order", order);
    let Some(movements) = find_movements(shop, &id).await? else {
        return Ok(Outcome::Rejected(vec![unknown_order()]));
    };
    if movements.cancelled_at.is_some() {
        let issue = Issue::error("order_not_open", "the order is canceled in the shop")
            .hint("do not send the goods");
        return Ok(Outcome::Rejected(vec![issue]));
    }
    let same = movements.fulfillments.iter().filter(|parcel| {
        let mut numbers = parcel
            .tracking_info
            .iter()
            .filter_map(|own| own.number.as_deref());
        parcel.is_valid()
            && !shipment.tracking.is_empty()
            && numbers.any(|number| number == shipment.tracking)
    });
    let wanted = still_to_tell(shipment, &shipped_by_line(same));
    if wanted.is_empty() {
        return Ok(Outcome::applied());
    }
    let orders = fulfillment_orders(shop, &id).await?;
    let (parcels, missing) = assign(&orders, &wanted);
    if !missing.is_empty() {
        return Ok(nothing_left(&orders, &missing, parcels.is_empty()));
    }
    let mut told = false;
    for lines in parcels.values() {
        match ship(shop, shipment, lines).await {
            Ok(()) => told = true,
            // One of several parcels is told: what is there decides about the rest.
            Err(error) if told => return Ok(Outcome::Unknown(error.in_doubt())),
            Err(error) => return Ok(refusal::of_call(&error)),
        }
    }
    Ok(Outcome::applied())
}

fn unknown_order() -> Issue {
    Issue::error("order_unknown", "the shop has no order of this id")
        .hint("it may have been deleted there, or is older than the app may read")
}

/// Lines and quantities of the parcel that are not in `told` already.
fn still_to_tell(shipment: &Shipment, told: &HashMap<u64, u64>) -> BTreeMap<u64, u64> {
    let mut wanted: BTreeMap<u64, u64> = BTreeMap::new();
    for (line, quantity) in &shipment.lines {
        *wanted
            .entry(line.as_str().parse().unwrap_or_default())
            .or_default() += quantity;
    }
    for (line, quantity) in &mut wanted {
        *quantity = quantity.saturating_sub(told.get(line).copied().unwrap_or(0));
    }
    wanted.retain(|_, quantity| *quantity > 0);
    wanted
}

async fn fulfillment_orders(shop: &Shop, order: &str) -> Result<Vec<FulfillmentOrder>> {
    #[derive(Deserialize)]
    struct Data {
        order: Option<Orders>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Orders {
        fulfillment_orders: Connection<FulfillmentOrder>,
    }
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let variables = json!({"id": order, "after": after});
        let data: Data = shop
            .api
            .query(&documents::FULFILLMENT_ORDERS, &variables)
            .await?;
        let Some(orders) = data.order else {
            return Ok(all);
        };
        let mut page = orders.fulfillment_orders;
        let next = next_cursor(&page, after.as_deref())?;
        for order in &mut page.nodes {
            complete(shop, order).await?;
        }
        all.extend(page.nodes);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// Reads the lines that do not fit the first page.
async fn complete(shop: &Shop, order: &mut FulfillmentOrder) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        fulfillment_order: Option<Lines>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Lines {
        line_items: Connection<OpenLine>,
    }
    let mut after = next_cursor(&order.line_items, None)?;
    while let Some(cursor) = after {
        let variables = json!({"id": order.id, "after": cursor});
        let data: Data = shop
            .api
            .query(&documents::FULFILLMENT_ORDER_LINES, &variables)
            .await?;
        let page = data
            .fulfillment_order
            .map(|own| own.line_items)
            .unwrap_or_default();
        after = next_cursor(&page, Some(&cursor))?;
        order.line_items.nodes.extend(page.nodes);
    }
    Ok(())
}

/// Lines of fulfillment orders with their quantities, by the place that they leave from: a fulfillment has one.
type Parcels<'a> = BTreeMap<&'a str, Vec<(&'a str, Vec<(&'a str, u64)>)>>;

/// Divides what left over the fulfillment orders that are open; and what none of them has.
fn assign<'a>(
    orders: &'a [FulfillmentOrder],
    wanted: &BTreeMap<u64, u64>,
) -> (Parcels<'a>, BTreeMap<u64, u64>) {
    let mut missing = wanted.clone();
    let mut parcels = Parcels::new();
    for order in orders.iter().filter(|order| is_open(order)) {
        let mut lines = Vec::new();
        for line in &order.line_items.nodes {
            let Some(left) = number(&line.line_item.id).and_then(|id| missing.get_mut(&id)) else {
                continue;
            };
            let quantity = line.remaining_quantity.min(*left);
            if quantity > 0 {
                *left -= quantity;
                lines.push((line.id.as_str(), quantity));
            }
        }
        if !lines.is_empty() {
            let location = order.assigned_location.location.as_ref();
            let place = location.map_or("", |location| location.id.as_str());
            parcels
                .entry(place)
                .or_default()
                .push((order.id.as_str(), lines));
        }
    }
    missing.retain(|_, quantity| *quantity > 0);
    (parcels, missing)
}

fn is_open(order: &FulfillmentOrder) -> bool {
    matches!(order.status.as_str(), "OPEN" | "IN_PROGRESS")
}

/// The shop has fewer pieces to send than have left.
fn nothing_left(
    orders: &[FulfillmentOrder],
    missing: &BTreeMap<u64, u64>,
    all_of_it: bool,
) -> Outcome {
    let lines = |status: &str| {
        orders
            .iter()
            .filter(|order| order.status == status)
            .flat_map(|order| &order.line_items.nodes)
            .filter(|line| line.remaining_quantity > 0)
            .any(|line| number(&line.line_item.id).is_some_and(|id| missing.contains_key(&id)))
    };
    if lines("ON_HOLD") || lines("SCHEDULED") {
        let issue = Issue::error("order_on_hold", "the shop holds these lines back")
            .hint("release the hold in the shop's admin, then ship again");
        return Outcome::Rejected(vec![issue]);
    }
    let names: Vec<_> = missing.keys().map(u64::to_string).collect();
    let names = names.join(", ");
    if all_of_it {
        // Somebody told it in the admin, or a parcel without a number was told before.
        return Outcome::Applied {
            listing_ref: None,
            issues: vec![
                Issue::warning(
                    "shipped_already",
                    format!("the shop has nothing left to send of the lines {names}"),
                )
                .hint(
                    "look at the order in the shop's admin: its tracking number may be another one",
                ),
            ],
        };
    }
    Outcome::Rejected(vec![
        Issue::error(
            "quantity_not_open",
            format!("the shop has fewer pieces to send of the lines {names} than this parcel holds"),
        )
        .hint("some may have been refunded, or told in the shop's admin: ship the rest with its quantities"),
    ])
}

/// Not repeated by itself: a second fulfillment would be a second parcel.
async fn ship(shop: &Shop, shipment: &Shipment, orders: &[(&str, Vec<(&str, u64)>)]) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        fulfillment_create: Complaints,
    }
    let by_order: Value = orders
        .iter()
        .map(|(order, lines)| {
            let lines: Value = lines
                .iter()
                .map(|(id, quantity)| json!({"id": id, "quantity": quantity}))
                .collect();
            json!({"fulfillmentOrderId": order, "fulfillmentOrderLineItems": lines})
        })
        .collect();
    let mut tracking = serde_json::Map::new();
    for (key, text) in [
        ("company", &shipment.carrier),
        ("number", &shipment.tracking),
    ] {
        if !text.is_empty() {
            tracking.insert(key.to_owned(), json!(text));
        }
    }
    let variables = json!({"fulfillment": {
        "lineItemsByFulfillmentOrder": by_order,
        "notifyCustomer": true,
        "trackingInfo": tracking,
    }});
    let data: Data = shop
        .api
        .mutate(&documents::SHIP, Replay::Never, &variables)
        .await?;
    first_error(
        &data.fulfillment_create.user_errors,
        "the shop refuses the shipment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::LineId;

    fn order(id: &str, status: &str, location: u64, lines: &[(u64, u64)]) -> FulfillmentOrder {
        let lines: Vec<_> = lines
            .iter()
            .map(|(line, remaining)| {
                json!({"id": format!("{id}-{line}"), "remainingQuantity": remaining,
                    "lineItem": {"id": format!("gid://shopify/LineItem/{line}")}})
            })
            .collect();
        serde_json::from_value(json!({"id": id, "status": status,
            "assignedLocation": {"location": {"id": format!("gid://shopify/Location/{location}")}},
            "lineItems": {"nodes": lines}}))
        .unwrap()
    }

    fn shipment(lines: &[(u64, u64)]) -> Shipment {
        Shipment {
            channel_order_id: "1001".into(),
            lines: lines
                .iter()
                .map(|(line, quantity)| (LineId::new(line.to_string()), *quantity))
                .collect(),
            carrier: "UPS".into(),
            tracking: "1Z".into(),
            shipped_at: jiff::Timestamp::UNIX_EPOCH,
            completes_order: true,
            parcel: 1,
        }
    }

    #[test]
    fn what_left_is_divided_by_the_place_it_left_from() {
        let orders = [
            order("A", "CLOSED", 1, &[(7, 5)]),
            order("B", "OPEN", 1, &[(7, 1), (8, 1)]),
            order("C", "IN_PROGRESS", 2, &[(7, 3)]),
        ];
        let (parcels, missing) = assign(&orders, &[(7, 3)].into());
        assert!(missing.is_empty());
        let parcels: Vec<_> = parcels.into_values().collect();
        assert_eq!(
            parcels,
            [vec![("B", vec![("B-7", 1)])], vec![("C", vec![("C-7", 2)])]]
        );
        let (_, missing) = assign(&orders, &[(7, 5), (9, 1)].into());
        assert_eq!(missing, [(7, 1), (9, 1)].into());
    }

    #[test]
    fn a_repeat_tells_only_what_was_not_told() {
        let parcel = shipment(&[(7, 2), (8, 1)]);
        assert_eq!(still_to_tell(&parcel, &[(7, 2)].into()), [(8, 1)].into());
        assert_eq!(still_to_tell(&parcel, &[(7, 2), (8, 4)].into()), [].into());
    }

    #[test]
    fn why_nothing_is_left_is_told() {
        let held = [order("A", "ON_HOLD", 1, &[(7, 1)])];
        let code = |outcome: Outcome| match outcome {
            Outcome::Rejected(issues) | Outcome::Applied { issues, .. } => issues[0].code.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            code(nothing_left(&held, &[(7, 1)].into(), true)),
            "order_on_hold"
        );
        assert_eq!(
            code(nothing_left(&[], &[(7, 1)].into(), true)),
            "shipped_already"
        );
        assert_eq!(
            code(nothing_left(&[], &[(7, 1)].into(), false)),
            "quantity_not_open"
        );
    }
}
