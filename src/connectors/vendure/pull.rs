//! Pages of orders.
//!
//! The shop dates an order by the last change of what is in it: neither that it was placed, nor a parcel, nor a payment
//! or refund moves that date. So there are two walks. The first reads what was changed or placed; the second looks
//! through the orders of the last weeks for those whose history has gone on, and reads these.
//!
//! Both lists are sorted by id, which does not change while they are read: sorted by date, an order that changes
//! meanwhile moves to the end and pushes another one out of the pages to come. In return the watermark is only told at
//! the end, and is never later than the shop's clock at the beginning.

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
use crate::http::Reply;

const PER_PAGE: u64 = 100;
/// How long after it was placed an order's parcels and refunds are noticed although its own date stays.
const WATCHED: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Walk {
    /// Orders that were changed or placed.
    #[default]
    Changed,
    /// Orders of the last weeks, by what their history says.
    Watched,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    walk: Walk,
    skip: u64,
    /// The first order of the page before.
    began_with: Option<String>,
    /// The shop's clock when the first page was read.
    began: Option<Timestamp>,
    /// The latest change seen.
    latest: Option<Timestamp>,
}

impl Position {
    fn parse(token: Option<&PageToken>) -> Result<Self> {
        match token {
            None => Ok(Self::default()),
            Some(token) => serde_json::from_str(token.as_str())
                .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error)),
        }
    }

    fn token(&self) -> Result<PageToken> {
        serde_json::to_string(self)
            .map(PageToken::new)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))
    }

    fn watermark(&self) -> Option<Watermark> {
        let at = self.latest?.min(self.began.unwrap_or(Timestamp::MAX));
        Some(Watermark { at, cursor: None })
    }

    /// Takes note of a page, and says whether it is the last one of its walk.
    fn advance(&mut self, reply: &Reply, listed: &List<Value>) -> Result<bool> {
        let clock = || jiff::fmt::rfc2822::parse(reply.header("date")?).ok();
        self.began = self.began.or_else(|| Some(clock()?.timestamp()));
        let first = listed
            .items
            .first()
            .and_then(|order| order["id"].as_str())
            .map(str::to_owned);
        if first.is_some() && first == self.began_with {
            return Err(Error::unexpected(
                "the shop repeats a page of its orders instead of giving the next one",
            )
            .hint(
                "a cache in front of the shop may answer for it: exclude the Admin API from it",
            ));
        }
        self.began_with = first;
        self.skip += listed.items.len() as u64;
        Ok(listed.items.is_empty() || self.skip >= listed.total_items)
    }
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
    let mut position = Position::parse(token)?;
    // The filter is exclusive, and some databases keep whole seconds.
    let since = earlier(since.at, SignedDuration::from_secs(1));
    let mut page = OrderPage {
        orders: Vec::new(),
        unreadable: Vec::new(),
        next: None,
        watermark: None,
    };
    let (skip, take) = (position.skip, PER_PAGE);
    let ended = match position.walk {
        Walk::Changed => {
            let variables = json!({"since": date(since), "skip": skip, "take": take});
            let reply = api
                .query_raw("orders", documents::ORDERS, variables)
                .await?;
            let listed = reply.json::<Answer>()?.data.orders;
            let ended = position.advance(&reply, &listed)?;
            let changes = listed.items.iter().filter_map(orders::changed);
            position.latest = changes.chain(position.latest).max();
            read(listed.items, shop, &mut page);
            if ended {
                position = Position {
                    walk: Walk::Watched,
                    skip: 0,
                    began_with: None,
                    ..position
                };
            }
            false
        }
        Walk::Watched => {
            let placed = date(earlier(since, WATCHED));
            let variables = json!({"placed": placed, "skip": skip, "take": take});
            let reply = api
                .query_raw("watchedOrders", documents::WATCHED_ORDERS, variables)
                .await?;
            let listed = reply.json::<Answer>()?.data.orders;
            let ended = position.advance(&reply, &listed)?;
            let touched = listed.items.iter().filter(|order| is_touched(order, since));
            let ids: Vec<&str> = touched.filter_map(|order| order["id"].as_str()).collect();
            read(by_id(api, &ids).await?, shop, &mut page);
            ended
        }
    };
    match ended {
        true => page.watermark = position.watermark(),
        false => page.next = Some(position.token()?),
    }
    Ok(page)
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .max(Timestamp::UNIX_EPOCH)
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// Whether something has happened to an order that the first walk has not read.
fn is_touched(order: &Value, since: Timestamp) -> bool {
    let last = order.pointer("/history/items/0/createdAt");
    let last = last.and_then(|at| at.as_str()?.parse::<Timestamp>().ok());
    let is_read = orders::changed(order).is_some_and(|changed| changed > since);
    !is_read && last.is_some_and(|last| last >= since)
}

async fn by_id(api: &Api, ids: &[&str]) -> Result<Vec<Value>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Orders = api
        .query("ordersById", documents::ORDERS_BY_ID, json!({ "ids": ids }))
        .await?;
    found.orders.whole()
}

fn read(documents: Vec<Value>, shop: &Shop, page: &mut OrderPage) {
    for document in documents {
        match orders::read(document, shop) {
            Read::Order(order) => page.orders.push(*order),
            Read::Unreadable(order) => page.unreadable.push(order),
            Read::NotPlaced => {}
        }
    }
}
