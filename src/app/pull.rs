//! Orders from a channel into the ledger: every page, with overlap, rows and watermark together.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Channel, PageCursor, Progress};
use crate::domain::Result;
use crate::domain::connector::Watermark;
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Ledger, Upserted};

/// How far back the first pull of a channel looks, unless the configuration says otherwise.
const FIRST_LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What one pull brought.
#[derive(Debug, Default)]
pub struct Pulled {
    pub orders: Upserted,
    pub issues: Vec<Issue>,
}

/// Pulls everything that the channel changed since the last time. Pulling twice changes nothing.
pub async fn pull(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    progress: &dyn Progress,
    now: Timestamp,
) -> Result<Pulled> {
    let descriptor = channel.connector.descriptor();
    if !descriptor.capability.orders_pull {
        return Ok(Pulled::default());
    }
    let state = ledger.channel(&channel.name).await?;
    let since = since(channel, &state, now);
    progress.begin(&channel.name, "orders", 0);
    let pulled = read_all(channel, ledger, progress, &since, now).await;
    progress.end(&channel.name);
    let pulled = pulled?;
    let state = ledger.channel(&channel.name).await?;
    ledger
        .set_channel(
            &channel.name,
            &ChannelState {
                last_pull: Some(now),
                ..state
            },
        )
        .await?;
    Ok(pulled)
}

/// From a little before the watermark: channels publish late.
fn since(channel: &Channel, state: &ChannelState, now: Timestamp) -> Watermark {
    let look_back = channel.connector.descriptor().limits.order_lookback;
    match &state.watermark {
        Some(watermark) => Watermark {
            at: watermark
                .at
                .saturating_sub(SignedDuration::try_from(look_back).unwrap_or_default())
                .unwrap_or(watermark.at),
            cursor: watermark.cursor.clone(),
        },
        None => {
            let at = channel
                .orders_since
                .or_else(|| now.saturating_sub(FIRST_LOOK_BACK).ok())
                .unwrap_or(now);
            Watermark { at, cursor: None }
        }
    }
}

async fn read_all(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    progress: &dyn Progress,
    since: &Watermark,
    now: Timestamp,
) -> Result<Pulled> {
    let mut pulled = Pulled::default();
    let mut cursor = PageCursor::default();
    let mut watermark: Option<Watermark> = None;
    loop {
        let page = channel
            .connector
            .fetch_orders(since, cursor.token())
            .await?;
        progress.advance(&channel.name, page.orders.len() as u64);
        watermark = later(watermark, page.watermark);
        // Only the last page moves the watermark: an end in between reads this stretch again.
        let reached = if page.next.is_none() {
            watermark.as_ref()
        } else {
            None
        };
        let upserted = ledger
            .record_orders(&channel.name, &page.orders, &page.unreadable, reached, now)
            .await?;
        pulled.orders.new += upserted.new;
        pulled.orders.updated += upserted.updated;
        pulled.orders.unchanged += upserted.unchanged;
        for order in &page.unreadable {
            let id = order.channel_order_id.as_str();
            let message = format!("the order {id} cannot be read: {}", order.reason);
            pulled.issues.push(
                Issue::error("unreadable_order", message)
                    .channel(&channel.name)
                    .hint("it is kept in the ledger as it came; look at it on the channel, its stock is not reserved"),
            );
        }
        if !cursor.advance(page.next)? {
            return Ok(pulled);
        }
    }
}

fn later(a: Option<Watermark>, b: Option<Watermark>) -> Option<Watermark> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at >= a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}
