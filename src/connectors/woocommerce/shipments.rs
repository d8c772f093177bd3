//! Telling the shop that a parcel left. WooCommerce itself knows no parcels: the order gets a note that the
//! buyer is mailed, meta data that remembers what left, and the status `completed` with the last parcel.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, OrderNote};
use super::{entities, orders};
use crate::domain::connector::Outcome;
use crate::domain::issue::Issue;
use crate::domain::order::Shipment;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::Replay;

#[derive(Deserialize)]
struct Standing {
    status: String,
}

/// Confirms one parcel. Repeating it changes nothing: the status and the meta data are absolute, and the
/// note is only written when it is not there.
pub async fn confirm(api: &Api, shipment: &Shipment) -> Result<Outcome> {
    let id: u64 = match shipment.channel_order_id.as_str().parse() {
        Ok(id) => id,
        Err(_) => return Ok(Outcome::Rejected(vec![unknown_order()])),
    };
    let path = format!("orders/{id}");
    let standing = match api
        .get("getOrder", &path, &[("_fields", "id,status")])
        .await
    {
        Ok(reply) => reply.json::<Standing>()?,
        Err(error) if error.kind == ErrorKind::NotFound => {
            return Ok(Outcome::Rejected(vec![unknown_order()]));
        }
        Err(error) => return Err(error),
    };
    if matches!(
        standing.status.as_str(),
        "cancelled" | "refunded" | "failed" | "trash"
    ) {
        let issue = Issue::error(
            "order_not_open",
            format!("the order is `{}` in the shop", standing.status),
        )
        .hint("do not send the goods, or set the order back to Processing in the shop first");
        return Ok(Outcome::Rejected(vec![issue]));
    }
    let (key, lines) = orders::parcel(shipment);
    let mut change = json!({"meta_data": [
        {"key": key, "value": lines},
        {"key": "_tracking_provider", "value": shipment.carrier},
        {"key": "_tracking_number", "value": shipment.tracking},
    ]});
    if shipment.completes_order && standing.status != "completed" {
        change["status"] = json!("completed");
    }
    let written = api
        .write("updateOrder", Replay::Safe, Method::PUT, &path, &change)
        .await;
    match written {
        Ok(_) => {}
        Err(error) if error.in_doubt => return Ok(Outcome::Unknown(error)),
        Err(error) => return Err(error),
    }
    // The parcel is confirmed by now: a note that fails is a warning.
    let issues = match add_note(api, &path, shipment).await {
        Ok(()) => Vec::new(),
        Err(error) => vec![
            Issue::warning(
                "note_not_written",
                format!("the order is updated, but the note to the buyer may be missing: {error}"),
            )
            .hint("look at the order's notes in the shop"),
        ],
    };
    Ok(Outcome::Applied {
        listing_ref: None,
        issues,
    })
}

async fn add_note(api: &Api, order: &str, shipment: &Shipment) -> Result<()> {
    let text = note(shipment);
    let path = format!("{order}/notes");
    let notes = api
        .get("listOrderNotes", &path, &[("type", "customer")])
        .await?
        .json::<Vec<OrderNote>>()?;
    if notes
        .iter()
        .any(|note| entities::decode(&note.note).trim() == text)
    {
        return Ok(());
    }
    let note = json!({"note": text, "customer_note": true});
    api.write("createOrderNote", Replay::Never, Method::POST, &path, &note)
        .await
        .map(drop)
}

/// What the buyer reads. Each parcel's note is its own, so that a repeat is recognized.
fn note(shipment: &Shipment) -> String {
    let what = match shipment.parcel {
        0 | 1 => "Shipped".to_owned(),
        parcel => format!("Parcel {parcel} shipped"),
    };
    match (shipment.carrier.as_str(), shipment.tracking.as_str()) {
        ("", "") => what,
        ("", tracking) => format!("{what}: {tracking}"),
        (carrier, "") => format!("{what} with {carrier}"),
        (carrier, tracking) => format!("{what} with {carrier} {tracking}"),
    }
}

fn unknown_order() -> Issue {
    Issue::error("order_unknown", "the shop has no order of this id")
        .hint("it may have been deleted for good there")
}

/// Shipments are told one by one, so an error concerns one of them.
pub fn failed(error: Error) -> Outcome {
    if error.in_doubt {
        Outcome::Unknown(error)
    } else {
        Outcome::Failed(error)
    }
}
