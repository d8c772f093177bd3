//! Pages of orders.
//!
//! The list is sorted by id, which does not change while it is read: sorted by date, an order that changes
//! meanwhile moves to the end and pushes another one out of the pages to come. In return the watermark is only
//! told at the end, and is never later than the shop's clock at the beginning.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, to_gmt};
use super::orders::{self, Read};
use crate::domain::connector::{OrderPage, Watermark};
use crate::domain::ids::PageToken;
use crate::domain::{Error, Result};

const PER_PAGE: usize = 100;

/// `any` leaves the trash out, and cannot be combined with it.
const WALKS: [&str; 2] = ["any", "trash"];

#[derive(Debug, Serialize, Deserialize)]
struct Position {
    /// Index into [`WALKS`].
    walk: usize,
    page: u64,
    /// Highest id seen in this walk.
    last: u64,
    /// The shop's clock when the first page was read.
    began: Option<Timestamp>,
    /// The latest change seen.
    latest: Option<Timestamp>,
}

impl Position {
    fn parse(token: Option<&PageToken>) -> Result<Self> {
        let Some(token) = token else {
            return Ok(Self {
                walk: 0,
                page: 1,
                last: 0,
                began: None,
                latest: None,
            });
        };
        serde_json::from_str(token.as_str())
            .ok()
            .filter(|position: &Self| position.walk < WALKS.len())
            .ok_or_else(|| Error::unexpected("a page token is not ours"))
    }

    fn watermark(&self) -> Option<Watermark> {
        let at = self.latest?.min(self.began.unwrap_or(Timestamp::MAX));
        Some(Watermark { at, cursor: None })
    }
}

pub async fn fetch(api: &Api, since: &Watermark, token: Option<&PageToken>) -> Result<OrderPage> {
    let mut position = Position::parse(token)?;
    // The filter is exclusive and knows whole seconds.
    let after = since
        .at
        .max(Timestamp::UNIX_EPOCH)
        .saturating_sub(SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .max(Timestamp::UNIX_EPOCH);
    let (after, page, per_page) = (
        to_gmt(after),
        position.page.to_string(),
        PER_PAGE.to_string(),
    );
    let query = [
        ("modified_after", after.as_str()),
        ("dates_are_gmt", "true"),
        ("status", WALKS[position.walk]),
        ("orderby", "id"),
        ("order", "asc"),
        ("per_page", &per_page),
        ("page", &page),
        ("_fields", orders::FIELDS),
    ];
    let listed = api.list::<Value>("listOrders", "orders", &query).await?;
    position.began = position.began.or(listed.date);
    let last = listed
        .items
        .iter()
        .filter_map(|order| order.get("id")?.as_u64())
        .max();
    if position.page > 1 && last.is_some_and(|last| last <= position.last) {
        return Err(Error::unexpected(
            "the shop repeats a page of its orders instead of giving the next one",
        )
        .hint("a cache in front of the shop may ignore the query: exclude /wp-json/ from it"));
    }
    let ended = match listed.total_pages {
        _ if listed.items.is_empty() => true,
        Some(total) => position.page >= total,
        None => listed.items.len() < PER_PAGE,
    };
    let mut page = OrderPage {
        orders: Vec::with_capacity(listed.items.len()),
        unreadable: Vec::new(),
        next: None,
        watermark: None,
    };
    for document in listed.items {
        position.latest = position.latest.max(orders::modified(&document));
        match orders::read(document) {
            Read::Order(order) => page.orders.push(*order),
            Read::Unreadable(order) => page.unreadable.push(order),
            Read::NoOrder => {}
        }
    }
    if ended {
        position.walk += 1;
        position.page = 1;
        position.last = 0;
    } else {
        position.page += 1;
        position.last = last.unwrap_or(position.last);
    }
    if position.walk < WALKS.len() {
        let text = serde_json::to_string(&position)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        page.next = Some(text.into());
    } else {
        page.watermark = position.watermark();
    }
    Ok(page)
}
