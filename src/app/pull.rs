//! Orders from a channel into the ledger: every page, with overlap, rows and watermark together.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::{Channel, PageCursor, Progress};
use crate::domain::Result;
use crate::domain::connector::Watermark;
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Ledger, Upserted};
use crate::domain::order::{Order, UnreadableOrder};

/// How far back the first pull of a channel looks, unless the configuration says otherwise.
const FIRST_LOOK_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Pages that are read ahead of the ledger.
const MOST_WAITING: usize = 32;

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

/// What a page leaves for the ledger.
struct Page {
    orders: Vec<Order>,
    unreadable: Vec<UnreadableOrder>,
    /// Of the last one: an end in between reads this stretch again.
    watermark: Option<Watermark>,
}

/// Reads pages, and writes those that have come meanwhile: a page that comes at once does not wait for the disk.
async fn read_all(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    progress: &dyn Progress,
    since: &Watermark,
    now: Timestamp,
) -> Result<Pulled> {
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    let (read, written) = tokio::join!(
        read_pages(channel, progress, since, sender),
        write_pages(channel, ledger, receiver, now),
    );
    let orders = written?;
    let issues = read?;
    Ok(Pulled { orders, issues })
}

/// Reads to the end, unless nobody takes the pages any more.
async fn read_pages(
    channel: &Channel,
    progress: &dyn Progress,
    since: &Watermark,
    pages: mpsc::Sender<Page>,
) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    let mut cursor = PageCursor::default();
    let mut watermark: Option<Watermark> = None;
    loop {
        let page = channel
            .connector
            .fetch_orders(since, cursor.token())
            .await?;
        progress.advance(&channel.name, page.orders.len() as u64);
        watermark = later(watermark, page.watermark);
        for order in &page.unreadable {
            let id = order.channel_order_id.as_str();
            let message = format!("the order {id} cannot be read: {}", order.reason);
            issues.push(
                Issue::error("unreadable_order", message)
                    .channel(&channel.name)
                    .hint("it is kept in the ledger as it came; look at it on the channel, its stock is not reserved"),
            );
        }
        let is_last = page.next.is_none();
        let for_ledger = Page {
            orders: page.orders,
            unreadable: page.unreadable,
            watermark: watermark.clone().filter(|_| is_last),
        };
        if pages.send(for_ledger).await.is_err() || !cursor.advance(page.next)? {
            return Ok(issues);
        }
    }
}

async fn write_pages(
    channel: &Channel,
    ledger: &Arc<dyn Ledger>,
    mut pages: mpsc::Receiver<Page>,
    now: Timestamp,
) -> Result<Upserted> {
    let mut all = Upserted::default();
    let mut waiting = Vec::new();
    while pages.recv_many(&mut waiting, MOST_WAITING).await > 0 {
        let mut orders = Vec::new();
        let mut unreadable = Vec::new();
        let mut watermark = None;
        for page in waiting.drain(..) {
            orders.extend(page.orders);
            unreadable.extend(page.unreadable);
            watermark = page.watermark;
        }
        let upserted = ledger
            .record_orders(&channel.name, &orders, &unreadable, watermark.as_ref(), now)
            .await?;
        all.add(upserted);
    }
    Ok(all)
}

fn later(a: Option<Watermark>, b: Option<Watermark>) -> Option<Watermark> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.at >= a.at { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::app::Silent;
    use crate::connectors;
    use crate::domain::Error;
    use crate::domain::capability::Descriptor;
    use crate::domain::catalog::Columns;
    use crate::domain::connector::{Account, Connector, OrderPage};
    use crate::domain::guard::Guard;
    use crate::domain::ids::PageToken;
    use crate::domain::ledger::OrderFilter;
    use crate::domain::order::OrderStatus;
    use crate::halt::Halt;
    use crate::policy::ChannelPolicy;

    /// Gives its pages at once, one after the other.
    #[derive(Debug)]
    struct Pages(Mutex<VecDeque<Result<OrderPage>>>);

    #[async_trait]
    impl Connector for Pages {
        fn descriptor(&self) -> &'static Descriptor {
            connectors::find("woocommerce").unwrap().descriptor
        }

        async fn check(&self) -> Result<Account> {
            Ok(Account::default())
        }

        async fn fetch_orders(
            &self,
            _since: &Watermark,
            _page: Option<&PageToken>,
        ) -> Result<OrderPage> {
            self.0.lock().unwrap().pop_front().unwrap()
        }
    }

    fn channel(pages: Vec<Result<OrderPage>>) -> Channel {
        channel_of(Arc::new(Pages(Mutex::new(pages.into()))))
    }

    fn channel_of(connector: Arc<Pages>) -> Channel {
        let columns = Arc::new(Columns::default());
        let limits = connector.text_limits();
        let policy = ChannelPolicy::default().compile(&"shop".into(), &columns, limits, None);
        Channel {
            name: "shop".into(),
            connector,
            policy: policy.unwrap(),
            settings: Default::default(),
            guard: Guard::default(),
            verify: 0,
            halt: Halt::never(),
            orders_since: None,
        }
    }

    fn order(number: usize) -> Order {
        Order {
            channel_order_id: number.to_string().into(),
            number: None,
            status: OrderStatus::Open,
            channel_status: "processing".into(),
            placed_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            shipped_at: None,
            total: None,
            lines: Vec::new(),
            charges: Vec::new(),
        }
    }

    fn page(number: usize, orders: std::ops::Range<usize>, is_last: bool) -> OrderPage {
        let at = Timestamp::from_second(number as i64 + 1).unwrap();
        OrderPage {
            orders: orders.map(order).collect(),
            unreadable: Vec::new(),
            next: (!is_last).then(|| number.to_string().into()),
            watermark: Some(Watermark { at, cursor: None }),
        }
    }

    async fn ledger() -> (tempfile::TempDir, Arc<dyn Ledger>) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = crate::ledger::open("sqlite:ledger.db", folder.path());
        let ledger = ledger.await.unwrap();
        (folder, ledger)
    }

    async fn pull_all(channel: &Channel, ledger: &Arc<dyn Ledger>) -> Result<Pulled> {
        pull(channel, ledger, &Silent, Timestamp::now()).await
    }

    #[tokio::test]
    async fn more_pages_than_may_wait_all_arrive() {
        let (_folder, ledger) = ledger().await;
        let last = 3 * MOST_WAITING;
        // The first order of a page is the last one of the page before.
        let pages = (0..=last).map(|number| {
            let orders = (2 * number).saturating_sub(1)..2 * number + 2;
            Ok(page(number, orders, number == last))
        });
        let channel = channel(pages.collect());
        let pulled = pull_all(&channel, &ledger).await.unwrap();
        assert_eq!(pulled.orders.new, 2 * last as u64 + 2);
        let stored = ledger.orders(&OrderFilter::default()).await.unwrap();
        assert_eq!(stored.len(), 2 * last + 2);
        let state = ledger.channel(&"shop".into()).await.unwrap();
        let at = Timestamp::from_second(last as i64 + 1).unwrap();
        assert_eq!(state.watermark.unwrap().at, at);
    }

    #[tokio::test]
    async fn what_was_read_before_a_failure_is_kept_and_read_again() {
        let (_folder, ledger) = ledger().await;
        let channel = channel(vec![
            Ok(page(0, 0..2, false)),
            Ok(page(1, 2..4, false)),
            Err(Error::unexpected("the shop is gone")),
        ]);
        let error = pull_all(&channel, &ledger).await.unwrap_err();
        assert_eq!(error.message, "the shop is gone");
        let stored = ledger.orders(&OrderFilter::default()).await.unwrap();
        assert_eq!(stored.len(), 4);
        let state = ledger.channel(&"shop".into()).await.unwrap();
        assert!(state.watermark.is_none() && state.last_pull.is_none());
    }

    #[tokio::test]
    async fn a_ledger_that_cannot_be_written_ends_the_pull() {
        let (folder, ledger) = ledger().await;
        let file = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
        file.execute_batch("DROP TABLE orders").unwrap();
        let pages = (0..9 * MOST_WAITING).map(|number| Ok(page(number, 0..1, false)));
        let pages = Arc::new(Pages(Mutex::new(pages.collect())));
        let channel = channel_of(pages.clone());
        assert!(pull_all(&channel, &ledger).await.is_err());
        assert!(!pages.0.lock().unwrap().is_empty(), "it went on");
    }
}
