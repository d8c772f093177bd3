//! Telling the shop that a parcel left: a fulfillment of what is in it, and then its shipment with the tracking number.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Amount, Api};
use crate::domain::connector::Outcome;
use crate::domain::issue::Issue;
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

/// Meta data of a fulfillment: which parcel it is, so that a repeat finds it.
const PARCEL: &str = "skucast_parcel";
const CARRIER: &str = "carrier";
const FIELDS: &str = "id,status,fulfillments.id,fulfillments.metadata,fulfillments.shipped_at,\
fulfillments.canceled_at,fulfillments.items.line_item_id,fulfillments.items.quantity";
/// Of the refusal of Medusa 2.21 to send a part of a line's pieces while the rest of the stock is sold as well.
const SOLD_OUT: &str = "Not enough stock available";

#[derive(Deserialize)]
struct Answer {
    order: Standing,
}

#[derive(Deserialize)]
struct Standing {
    #[serde(default)]
    status: String,
    #[serde(default)]
    fulfillments: Vec<Fulfillment>,
}

#[derive(Clone, Debug, Deserialize)]
struct Fulfillment {
    id: String,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(default)]
    shipped_at: Option<String>,
    #[serde(default)]
    canceled_at: Option<String>,
    #[serde(default)]
    items: Vec<FulfilledItem>,
}

#[derive(Clone, Debug, Deserialize)]
struct FulfilledItem {
    #[serde(default)]
    line_item_id: Option<String>,
    quantity: Amount,
}

impl Standing {
    /// The fulfillment of this parcel: made by an earlier try, or packed by the seller with just these pieces.
    fn parcel(&self, shipment: &Shipment) -> Option<&Fulfillment> {
        let valid = || {
            self.fulfillments
                .iter()
                .filter(|one| one.canceled_at.is_none())
        };
        let number = shipment.parcel.to_string();
        let ours = |one: &&Fulfillment| {
            let mark = one
                .metadata
                .as_ref()
                .and_then(|metadata| metadata.get(PARCEL)?.as_str());
            mark == Some(number.as_str())
        };
        let packed = |one: &&Fulfillment| {
            let marked = one
                .metadata
                .as_ref()
                .is_some_and(|metadata| metadata.contains_key(PARCEL));
            !marked && one.shipped_at.is_none() && one.holds(shipment)
        };
        valid().find(ours).or_else(|| valid().find(packed))
    }
}

impl Fulfillment {
    fn holds(&self, shipment: &Shipment) -> bool {
        let inside: BTreeMap<&str, rust_decimal::Decimal> = self
            .items
            .iter()
            .filter_map(|item| Some((item.line_item_id.as_deref()?, item.quantity.0)))
            .collect();
        let wanted = shipment
            .lines
            .iter()
            .map(|(line, quantity)| (line.as_str(), (*quantity).into()));
        inside == wanted.collect()
    }
}

/// Confirms one parcel. A repeat finds the fulfillment by its mark, and a shipment can be made once.
pub async fn confirm(api: &Api, shipment: &Shipment) -> Result<Outcome> {
    let id = shipment.channel_order_id.as_str();
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || id.is_empty() {
        return Ok(Outcome::Rejected(vec![unknown_order()]));
    }
    let path = format!("orders/{id}");
    let standing = match api.get("getOrder", &path, &[("fields", FIELDS)]).await {
        Ok(reply) => reply.json::<Answer>()?.order,
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Ok(Outcome::Rejected(vec![unknown_order()]));
        }
        Err(error) => return Err(error),
    };
    if standing.status == "canceled" {
        let issue = Issue::error("order_not_open", "the order is canceled in the shop")
            .hint("do not send the goods");
        return Ok(Outcome::Rejected(vec![issue]));
    }
    let fulfillment = match standing.parcel(shipment) {
        Some(known) => known.clone(),
        None => match pack(api, &path, shipment).await {
            Ok(made) => made,
            Err(error) => return Ok(failed(error)),
        },
    };
    if fulfillment.shipped_at.is_some() {
        return Ok(Outcome::applied());
    }
    Ok(match send(api, &path, &fulfillment.id, shipment).await {
        Ok(()) => Outcome::applied(),
        Err(error) => failed(error),
    })
}

fn items(shipment: &Shipment) -> Vec<Value> {
    let items = shipment.lines.iter();
    items
        .map(|(line, quantity)| json!({ "id": line.as_str(), "quantity": quantity }))
        .collect()
}

/// Takes the pieces off the stock. The location is left to the shop, which knows where it has reserved them.
async fn pack(api: &Api, order: &str, shipment: &Shipment) -> Result<Fulfillment> {
    let number = shipment.parcel.to_string();
    let body = json!({
        "items": items(shipment),
        "metadata": { PARCEL: number, CARRIER: shipment.carrier },
    });
    let path = format!("{order}/fulfillments");
    let query = [("fields", FIELDS)];
    let reply = api
        .post("createFulfillment", Replay::Never, &path, &query, &body)
        .await?;
    let order = reply.json::<Answer>().map_err(Error::in_doubt)?.order;
    let made = order.parcel(shipment).cloned();
    made.ok_or_else(|| Error::unexpected("the shop's answer leaves the fulfillment out").in_doubt())
}

async fn send(api: &Api, order: &str, fulfillment: &str, shipment: &Shipment) -> Result<()> {
    let labels = match shipment.tracking.as_str() {
        "" => json!([]),
        // The shop wants all three.
        tracking => json!([{ "tracking_number": tracking, "tracking_url": "", "label_url": "" }]),
    };
    let path = format!("{order}/fulfillments/{fulfillment}/shipments");
    let body = json!({ "items": items(shipment), "labels": labels });
    // A second one is refused, so a repeat does no harm.
    match api
        .post(
            "createShipment",
            Replay::Safe,
            &path,
            &[("fields", "id")],
            &body,
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.message.contains("already been created") => Ok(()),
        Err(error) => Err(error),
    }
}

/// What an error means for the parcel.
pub fn failed(error: Error) -> Outcome {
    if error.in_doubt {
        return Outcome::Unknown(error);
    }
    if error.kind != ErrorKind::Rejected {
        return Outcome::Failed(error);
    }
    let hint = match error.message.contains(SOLD_OUT) {
        true => {
            "this Medusa sends a part of a line only while that many pieces more are in stock: send the whole line, or raise its stock in the shop first"
        }
        false => {
            "look at the order in the shop: what was packed or sent there by hand cannot be sent again"
        }
    };
    Outcome::Rejected(vec![
        Issue::error("shipment_refused", error.message.clone()).hint(hint),
    ])
}

fn unknown_order() -> Issue {
    Issue::error("order_unknown", "the shop has no order of this id")
        .hint("it may belong to another shop: check `url` of this channel")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipment(parcel: u32) -> Shipment {
        Shipment {
            channel_order_id: "order_1".into(),
            lines: vec![("ordli_1".into(), 2)],
            carrier: "DHL".into(),
            tracking: "T1".into(),
            shipped_at: jiff::Timestamp::UNIX_EPOCH,
            completes_order: true,
            parcel,
        }
    }

    #[test]
    fn a_parcel_is_found_again() {
        let standing: Standing = serde_json::from_value(json!({"fulfillments": [
            {"id": "ful_0", "canceled_at": "2026-01-01T00:00:00Z", "metadata": {PARCEL: "1"}},
            {"id": "ful_1", "metadata": {PARCEL: "1"}, "items": []},
            {"id": "ful_2", "metadata": null, "items": [{"line_item_id": "ordli_1", "quantity": 2}]},
        ]}))
        .unwrap();
        let id = |parcel| {
            standing
                .parcel(&shipment(parcel))
                .map(|one| one.id.as_str())
        };
        assert_eq!(id(1), Some("ful_1"));
        assert_eq!(id(2), Some("ful_2"), "packed by hand, with the same pieces");
        let other = Shipment {
            lines: vec![("ordli_1".into(), 1)],
            ..shipment(3)
        };
        assert!(standing.parcel(&other).is_none());
    }
}
