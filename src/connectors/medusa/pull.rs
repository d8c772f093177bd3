//! Pages of orders.
//!
//! Two walks: orders by their last change, and then payments by theirs, because the shop does not count a payment as a
//! change of its order. Both are sorted by id, which does not change while they are read. In return the watermark is
//! only told at the end, and is never later than the shop's clock at the beginning.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, any_of, clock};
use super::orders::{self, Read};
use crate::domain::connector::{OrderPage, Watermark};
use crate::domain::ids::PageToken;
use crate::domain::{Error, Result};
use crate::http::Reply;

const PER_PAGE: usize = 100;
const PAYMENT_FIELDS: &str = "id,updated_at,payment_collection.order.id";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Walk {
    #[default]
    Orders,
    Payments,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    walk: Walk,
    offset: u64,
    /// The last id of the page before.
    last: String,
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
                .map_err(|_| Error::unexpected("a page token is not ours")),
        }
    }

    fn token(&self) -> Result<PageToken> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        Ok(text.into())
    }

    fn watermark(&self) -> Option<Watermark> {
        let at = self.latest?.min(self.began.unwrap_or(Timestamp::MAX));
        Some(Watermark { at, cursor: None })
    }

    /// Takes note of a page, and says whether it is the last one of its walk.
    fn advance(&mut self, reply: &Reply, documents: &[Value]) -> Result<bool> {
        self.began = self.began.or_else(|| clock(reply));
        self.latest = documents
            .iter()
            .filter_map(orders::changed)
            .chain(self.latest)
            .max();
        let last = documents
            .last()
            .and_then(|document| document.get("id")?.as_str());
        if let Some(last) = last {
            if last <= self.last.as_str() {
                return Err(Error::unexpected(
                    "the shop repeats a page of its orders instead of giving the next one",
                )
                .hint(
                    "a cache in front of the shop may ignore the query: exclude /admin/ from it",
                ));
            }
            self.last = last.to_owned();
        }
        self.offset += documents.len() as u64;
        Ok(documents.len() < PER_PAGE)
    }
}

#[derive(Deserialize)]
struct Orders {
    orders: Vec<Value>,
}

#[derive(Deserialize)]
struct Payments {
    payments: Vec<Value>,
}

pub async fn fetch(
    api: &Api,
    sales_channel: &str,
    since: &Watermark,
    token: Option<&PageToken>,
) -> Result<OrderPage> {
    let mut position = Position::parse(token)?;
    let since = since.at.max(Timestamp::UNIX_EPOCH);
    let since = format!("{since:.3}");
    let (offset, limit) = (position.offset.to_string(), PER_PAGE.to_string());
    let paging = [
        ("updated_at[$gte]", since.as_str()),
        ("order", "id"),
        ("limit", &limit),
        ("offset", &offset),
    ];
    let mut page = OrderPage {
        orders: Vec::new(),
        unreadable: Vec::new(),
        next: None,
        watermark: None,
    };
    match position.walk {
        Walk::Orders => {
            let mut query = vec![
                ("fields", orders::FIELDS),
                ("sales_channel_id[]", sales_channel),
            ];
            query.extend(paging);
            let reply = api.get("listOrders", "orders", &query).await?;
            let documents = reply.json::<Orders>()?.orders;
            let ended = position.advance(&reply, &documents)?;
            take(documents, &mut page);
            if ended {
                position = Position {
                    walk: Walk::Payments,
                    offset: 0,
                    last: String::new(),
                    ..position
                };
            }
            page.next = Some(position.token()?);
        }
        Walk::Payments => {
            let mut query = vec![("fields", PAYMENT_FIELDS)];
            query.extend(paging);
            let reply = api.get("listPayments", "payments", &query).await?;
            let documents = reply.json::<Payments>()?.payments;
            let ended = position.advance(&reply, &documents)?;
            let paid = by_id(api, sales_channel, &documents).await?;
            take(paid, &mut page);
            match ended {
                true => page.watermark = position.watermark(),
                false => page.next = Some(position.token()?),
            }
        }
    }
    Ok(page)
}

/// The orders of these payments, as far as they are of this sales channel.
async fn by_id(api: &Api, sales_channel: &str, payments: &[Value]) -> Result<Vec<Value>> {
    let ids: Vec<&str> = payments
        .iter()
        .filter_map(|payment| payment.pointer("/payment_collection/order/id")?.as_str())
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let limit = PER_PAGE.to_string();
    let mut query = any_of("id[]", &ids);
    query.extend([
        ("fields", orders::FIELDS),
        ("sales_channel_id[]", sales_channel),
        ("order", "id"),
        ("limit", &limit),
    ]);
    let reply = api.get("listOrders", "orders", &query).await?;
    Ok(reply.json::<Orders>()?.orders)
}

fn take(documents: Vec<Value>, page: &mut OrderPage) {
    for document in documents {
        match orders::read(document) {
            Read::Order(order) => page.orders.push(*order),
            Read::Unreadable(order) => page.unreadable.push(order),
            Read::NoOrder => {}
        }
    }
}
