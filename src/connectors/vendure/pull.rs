//! Pages of orders.
//!
//! The list is sorted by id, which does not change while it is read: sorted by date, an order that changes meanwhile
//! moves to the end and pushes another one out of the pages to come. In return the watermark is only told at the end,
//! and is never later than the shop's clock at the beginning.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, List};
use super::documents;
use super::orders::{self, Read};
use super::shop::Shop;
use crate::domain::connector::{OrderPage, Watermark};
use crate::domain::ids::PageToken;
use crate::domain::{Error, Result};

const PER_PAGE: u64 = 100;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    skip: u64,
    /// The first order of the page before.
    began_with: Option<String>,
    /// The shop's clock when the first page was read.
    began: Option<Timestamp>,
    /// The latest change seen.
    latest: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    data: Orders,
}

#[derive(Deserialize)]
struct Orders {
    orders: List<Value>,
}

pub async fn fetch(
    api: &Api,
    shop: &Shop,
    since: &Watermark,
    token: Option<&PageToken>,
) -> Result<OrderPage> {
    let mut position: Position = match token {
        None => Position::default(),
        Some(token) => serde_json::from_str(token.as_str())
            .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))?,
    };
    // The filter is exclusive, and some databases keep whole seconds.
    let after = since
        .at
        .saturating_sub(SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .max(Timestamp::UNIX_EPOCH);
    let variables = json!({
        "since": after.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "skip": position.skip,
        "take": PER_PAGE,
    });
    let reply = api
        .query_raw("orders", documents::ORDERS, variables)
        .await?;
    let clock = reply
        .header("date")
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok())
        .map(|date| date.timestamp());
    position.began = position.began.or(clock);
    let answer: Answer = reply.json()?;
    let listed = answer.data.orders;
    let first = listed
        .items
        .first()
        .and_then(|order| order["id"].as_str())
        .map(str::to_owned);
    if first.is_some() && first == position.began_with {
        return Err(Error::unexpected(
            "the shop repeats a page of its orders instead of giving the next one",
        )
        .hint("a cache in front of the shop may answer for it: exclude the Admin API from it"));
    }
    position.skip += listed.items.len() as u64;
    position.began_with = first;
    let ended = listed.items.is_empty() || position.skip >= listed.total_items;
    let mut page = OrderPage {
        orders: Vec::with_capacity(listed.items.len()),
        unreadable: Vec::new(),
        next: None,
        watermark: None,
    };
    for document in listed.items {
        position.latest = position.latest.max(orders::updated(&document));
        match orders::read(document, shop) {
            Read::Order(order) => page.orders.push(*order),
            Read::Unreadable(order) => page.unreadable.push(order),
            Read::NotPlaced => {}
        }
    }
    if ended {
        let at = position
            .latest
            .map(|latest| latest.min(position.began.unwrap_or(Timestamp::MAX)));
        page.watermark = at.map(|at| Watermark { at, cursor: None });
    } else {
        let text = serde_json::to_string(&position)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        page.next = Some(PageToken::new(text));
    }
    Ok(page)
}
