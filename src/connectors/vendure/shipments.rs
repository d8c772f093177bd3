//! Telling the shop that a parcel left: a fulfillment of its lines, which is then marked as shipped.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::api::Api;
use super::documents;
use super::orders::Fulfillment;
use super::push::undone;
use crate::domain::connector::Outcome;
use crate::domain::issue::Issue;
use crate::domain::order::Shipment;
use crate::domain::{ErrorKind, Result};
use crate::http::Replay;

/// Vendure's own handler, which takes a carrier and a tracking number in words.
const HANDLER: &str = "manual-fulfillment";

#[derive(Deserialize)]
struct Answer {
    order: Option<Standing>,
}

#[derive(Deserialize)]
struct Standing {
    state: String,
    fulfillments: Option<Vec<Fulfillment>>,
}

/// The parcel, or why not: both of the shop's answers in one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(default)]
    id: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
    /// Of a fulfillment that cannot be marked: why, and as what it is marked.
    #[serde(default)]
    transition_error: String,
    #[serde(default)]
    from_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fulfilled {
    add_fulfillment_to_order: Told,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    transition_fulfillment_to_state: Told,
}

/// Confirms one parcel. A repeat finds the fulfillment that it made before, and only finishes what is left to do.
pub async fn confirm(api: &Api, shipment: &Shipment) -> Outcome {
    try_confirm(api, shipment).await.unwrap_or_else(undone)
}

async fn try_confirm(api: &Api, shipment: &Shipment) -> Result<Outcome> {
    let id = shipment.channel_order_id.as_str();
    let answer: Answer = match api
        .query("order", documents::ORDER, json!({"id": id}))
        .await
    {
        Err(error) if error.kind == ErrorKind::NotFound => Answer { order: None },
        answer => answer?,
    };
    let Some(order) = answer.order else {
        return Ok(rejected(
            Issue::error("order_unknown", "the shop has no order of this id")
                .hint("it may have been deleted there"),
        ));
    };
    if order.state == "Cancelled" {
        return Ok(rejected(
            Issue::error("order_not_open", "the order is canceled in the shop")
                .hint("do not send the goods"),
        ));
    }
    let known = order.fulfillments.unwrap_or_default();
    let (parcel, state) = match repeated(&known, shipment) {
        Some(known) => (known.id.clone(), known.state.clone()),
        None => match fulfill(api, shipment).await? {
            Ok(made) => (made.id, made.state),
            Err(issue) => return Ok(rejected(issue)),
        },
    };
    if has_left(&state) {
        return Ok(Outcome::applied());
    }
    let moved: Moved = api
        .mutate(
            "transitionFulfillmentToState",
            Replay::Safe,
            documents::MARK_SHIPPED,
            json!({"id": parcel}),
        )
        .await?;
    let told = moved.transition_fulfillment_to_state;
    Ok(match refusal(&told) {
        // Marked by an earlier try whose answer was lost.
        Some(_) if has_left(&told.from_state) => Outcome::applied(),
        Some(issue) => rejected(issue),
        None => Outcome::applied(),
    })
}

fn has_left(state: &str) -> bool {
    matches!(state, "Shipped" | "Delivered")
}

async fn fulfill(api: &Api, shipment: &Shipment) -> Result<Result<Told, Issue>> {
    let lines: Vec<_> = shipment
        .lines
        .iter()
        .map(|(line, quantity)| json!({"orderLineId": line.as_str(), "quantity": quantity}))
        .collect();
    let input = json!({
        "lines": lines,
        "handler": {
            "code": HANDLER,
            "arguments": [
                {"name": "method", "value": shipment.carrier},
                {"name": "trackingCode", "value": shipment.tracking},
            ],
        },
    });
    let made: Fulfilled = api
        .mutate(
            "addFulfillmentToOrder",
            Replay::Never,
            documents::FULFILL,
            json!({"input": input}),
        )
        .await?;
    let told = made.add_fulfillment_to_order;
    Ok(match refusal(&told) {
        None => Ok(told),
        Some(issue) => Err(issue),
    })
}

/// The fulfillment that this parcel was told as before. Parcels of one order count from 1, as its fulfillments do when
/// nobody else makes any; a tracking number tells it apart where somebody does.
fn repeated<'a>(known: &'a [Fulfillment], shipment: &Shipment) -> Option<&'a Fulfillment> {
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    for (line, quantity) in &shipment.lines {
        *lines.entry(line.as_str()).or_default() += quantity;
    }
    let same = |fulfillment: &&Fulfillment| {
        let mut sent: BTreeMap<&str, u64> = BTreeMap::new();
        for line in &fulfillment.lines {
            *sent.entry(&line.order_line_id).or_default() += line.quantity;
        }
        fulfillment.state != "Cancelled"
            && sent == lines
            && fulfillment.method == shipment.carrier
            && fulfillment.tracking_code.as_deref().unwrap_or_default() == shipment.tracking
    };
    let place = usize::try_from(shipment.parcel.saturating_sub(1)).unwrap_or(usize::MAX);
    let by_place = known.get(place).filter(same);
    let by_tracking = || {
        known
            .iter()
            .find(|one| !shipment.tracking.is_empty() && same(one))
    };
    by_place.or_else(by_tracking)
}

fn refusal(told: &Told) -> Option<Issue> {
    if told.error_code.is_empty() {
        return None;
    }
    let message = match told.transition_error.is_empty() {
        true => &told.message,
        false => &told.transition_error,
    };
    let issue = Issue::error(format!("vendure:{}", told.error_code), message);
    Some(match told.error_code.as_str() {
        "ITEMS_ALREADY_FULFILLED_ERROR" => {
            issue.hint("the order's page in the shop shows what was sent already")
        }
        "INSUFFICIENT_STOCK_ON_HAND_ERROR" => {
            issue.hint("the shop counts fewer pieces on hand than were sent: push the stock first")
        }
        "INVALID_FULFILLMENT_HANDLER_ERROR" => {
            issue.hint("the server must keep Vendure's own handler `manual-fulfillment`")
        }
        _ => issue.hint("look at the order in the shop"),
    })
}

fn rejected(issue: Issue) -> Outcome {
    Outcome::Rejected(vec![issue])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: &str, tracking: &str, quantity: u64) -> Fulfillment {
        serde_json::from_value(json!({"id": id, "state": "Shipped", "method": "DHL",
            "trackingCode": tracking, "lines": [{"orderLineId": "1", "quantity": quantity}]}))
        .unwrap()
    }

    fn parcel(number: u32, tracking: &str, quantity: u64) -> Shipment {
        Shipment {
            channel_order_id: "9".into(),
            lines: vec![("1".into(), quantity)],
            carrier: "DHL".into(),
            tracking: tracking.into(),
            shipped_at: jiff::Timestamp::UNIX_EPOCH,
            completes_order: false,
            parcel: number,
        }
    }

    #[test]
    fn a_repeat_is_known_by_its_place_or_its_tracking_number() {
        let made = [known("1", "T1", 1), known("2", "", 1)];
        let found = |parcel: Shipment| repeated(&made, &parcel).map(|one| one.id.clone());
        assert_eq!(found(parcel(1, "T1", 1)), Some("1".to_owned()));
        assert_eq!(found(parcel(3, "T1", 1)), Some("1".to_owned()));
        assert_eq!(found(parcel(2, "", 1)), Some("2".to_owned()));
        // A second parcel without a number is not the first one again.
        assert_eq!(found(parcel(3, "", 1)), None);
        assert_eq!(found(parcel(1, "T1", 2)), None);
    }
}
