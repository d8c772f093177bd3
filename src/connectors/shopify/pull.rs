//! Pages of orders, oldest change first. An order that changes while they are read moves to the end, and is read there.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::documents;
use super::orders::{Line, Movements, ShippingLine, WireOrder};
use super::shop::{Shop, next_cursor, repeated};
use super::wire::Connection;
use crate::domain::connector::{OrderPage, Watermark};
use crate::domain::ids::PageToken;
use crate::domain::order::{Order, UnreadableOrder};
use crate::domain::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
struct Position {
    after: String,
    /// The last order of the page before, and when it changed: a page that holds it is a repeat.
    last: String,
    at: Option<Timestamp>,
}

pub async fn fetch(shop: &Shop, since: &Watermark, token: Option<&PageToken>) -> Result<OrderPage> {
    #[derive(Deserialize)]
    struct Data {
        orders: Connection<Value>,
    }
    let position: Option<Position> = match token {
        Some(token) => Some(
            serde_json::from_str(token.as_str())
                .map_err(|error| Error::unexpected("a page token is not ours").caused_by(error))?,
        ),
        None => None,
    };
    let after = position.as_ref().map(|position| position.after.as_str());
    let variables = json!({"query": changed_since(since.at), "after": after});
    let data: Data = shop.api.search(&documents::ORDERS, &variables).await?;
    let page = data.orders;
    let id = |order: &Value| order["id"].as_str().unwrap_or_default().to_owned();
    if let Some(position) = &position
        && page
            .nodes
            .iter()
            .any(|order| id(order) == position.last && changed(order) == position.at)
    {
        return Err(repeated());
    }
    let next = next_cursor(&page, after)?;
    let mut result = OrderPage {
        orders: Vec::with_capacity(page.nodes.len()),
        unreadable: Vec::new(),
        next: None,
        watermark: None,
    };
    for raw in &page.nodes {
        match read(shop, raw).await? {
            Ok(order) => result.orders.push(order),
            Err(order) => result.unreadable.push(order),
        }
    }
    let latest = page.nodes.iter().filter_map(changed).max();
    result.watermark = latest.map(|at| Watermark { at, cursor: None });
    if let (Some(after), Some(last)) = (next, page.nodes.last()) {
        let position = Position {
            after,
            last: id(last),
            at: changed(last),
        };
        let text = serde_json::to_string(&position)
            .map_err(|error| Error::unexpected("a page token cannot be kept").caused_by(error))?;
        result.next = Some(text.into());
    }
    Ok(result)
}

/// The bound is inclusive and knows whole seconds. Without the quotes the search would split it at its colons, and
/// find something else.
fn changed_since(at: Timestamp) -> String {
    let at = at.max(Timestamp::UNIX_EPOCH);
    let second = at.saturating_sub(SignedDuration::from_nanos(i64::from(
        at.subsec_nanosecond(),
    )));
    let second = second.unwrap_or(Timestamp::UNIX_EPOCH);
    format!("updated_at:>='{}'", second.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

fn changed(order: &Value) -> Option<Timestamp> {
    order["updatedAt"].as_str()?.parse().ok()
}

/// One order whole: with the lines that do not fit its page, and with its movements where they are needed.
async fn read(shop: &Shop, raw: &Value) -> Result<Result<Order, UnreadableOrder>> {
    let mut order = match WireOrder::read(raw) {
        Ok(order) => order,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    complete(shop, &mut order).await?;
    let movements = match order.needs_movements() {
        true => movements(shop, order.id()).await?,
        false => Movements::default(),
    };
    Ok(order.normalize(raw, &movements))
}

async fn complete(shop: &Shop, order: &mut WireOrder) -> Result<()> {
    #[derive(Deserialize)]
    struct Data {
        order: Option<Rest>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rest {
        line_items: Option<Connection<Line>>,
        shipping_lines: Option<Connection<ShippingLine>>,
    }
    let mut after = next_cursor(&order.line_items, None)?;
    while let Some(cursor) = after {
        let variables = json!({"id": order.id(), "after": cursor});
        let data: Data = shop.api.query(&documents::ORDER_LINES, &variables).await?;
        let page = data
            .order
            .and_then(|rest| rest.line_items)
            .unwrap_or_default();
        after = next_cursor(&page, Some(&cursor))?;
        order.line_items.nodes.extend(page.nodes);
    }
    let mut after = next_cursor(&order.shipping_lines, None)?;
    while let Some(cursor) = after {
        let variables = json!({"id": order.id(), "after": cursor});
        let data: Data = shop
            .api
            .query(&documents::ORDER_SHIPPING_LINES, &variables)
            .await?;
        let page = data
            .order
            .and_then(|rest| rest.shipping_lines)
            .unwrap_or_default();
        after = next_cursor(&page, Some(&cursor))?;
        order.shipping_lines.nodes.extend(page.nodes);
    }
    Ok(())
}

/// What left of an order and what came back; nothing of an order that is not there.
async fn movements(shop: &Shop, id: &str) -> Result<Movements> {
    Ok(find_movements(shop, id).await?.unwrap_or_default())
}

pub async fn find_movements(shop: &Shop, id: &str) -> Result<Option<Movements>> {
    #[derive(Deserialize)]
    struct Data {
        order: Option<Movements>,
    }
    let data: Data = shop
        .api
        .query(&documents::ORDER_MOVEMENTS, &json!({"id": id}))
        .await?;
    Ok(data.order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_is_quoted_and_whole() {
        let at: Timestamp = "2026-11-01T00:00:00.9Z".parse().unwrap();
        assert_eq!(changed_since(at), "updated_at:>='2026-11-01T00:00:00Z'");
        assert_eq!(
            changed_since(Timestamp::MIN),
            "updated_at:>='1970-01-01T00:00:00Z'"
        );
    }
}
