//! Batches under way on one route: how many at once, and what is written down meanwhile.
//!
//! A commit waits for the disk, for longer than many a shop takes to answer. So the intents of absolute values are
//! written for some batches ahead, while earlier ones are sent; and outcomes are settled while later ones are sent, all
//! that have come together. A run that is killed leaves the more intents open for the next one to look up, and loses none.

use std::collections::VecDeque;

use futures::future::OptionFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::Push;
use super::batches::batches;
use super::lanes::Ready;
use super::outcomes::{Delivered, Sent};
use crate::app::plan::Planned;
use crate::domain::capability::Batching;
use crate::domain::change::{Lane, Route};
use crate::domain::ledger::Settlement;
use crate::domain::{Error, Result};

/// Rows whose intents are written in one go. The next ones are when fewer than as many are left.
const AHEAD: usize = 2_000;
/// Outcomes that may wait to be settled before nothing more is sent.
const BEHIND: usize = 20_000;

pub(super) struct Traffic<'a> {
    push: &'a Push<'a>,
    lane: Lane,
    route: Route,
    batching: Batching,
    /// Intents are written ahead and outcomes settled behind. Not so for what cannot simply be sent again, for what
    /// later batches build on, and for submissions, which are counted by what the ledger says.
    flows: bool,
}

impl<'a> Traffic<'a> {
    pub(super) fn new(push: &'a Push<'a>, lane: Lane, route: Route, batching: Batching) -> Self {
        Self {
            push,
            lane,
            route,
            batching,
            flows: matches!(lane, Lane::Zero | Lane::Stock | Lane::Price) && route == Route::Direct,
        }
    }

    /// Sends the rows, and adds those that need a second look to `sent`. `Err` stops the channel; what was not sent
    /// by then, or when time ran out, is counted as left.
    pub(super) async fn send(self, rows: Vec<Planned>, sent: &mut Vec<Sent>) -> Result<()> {
        let mut waiting = batches(rows, self.batching).into_iter();
        let mut ready: VecDeque<Ready> = VecDeque::new();
        let mut running = FuturesUnordered::new();
        let mut unsettled: Vec<Settlement> = Vec::new();
        let mut making = std::pin::pin!(OptionFuture::from(None));
        let mut saving = std::pin::pin!(OptionFuture::from(None));
        let (mut is_making, mut is_saving) = (false, false);
        let mut stopped: Option<Error> = None;
        loop {
            let halts = stopped.is_some() || self.push.channel.halt.is_due();
            let has_room = running.len() < self.batching.concurrency.max(1);
            if !halts
                && has_room
                && unsettled.len() < BEHIND
                && let Some(batch) = ready.pop_front()
            {
                running.push(self.deliver(batch));
                continue;
            }
            let wants_more = match self.flows {
                true => ready.iter().map(|batch| batch.rows.len()).sum::<usize>() < AHEAD,
                false => has_room && ready.is_empty(),
            };
            if !halts && !is_making && wants_more {
                let block = self.block(&mut waiting);
                is_making = !block.is_empty();
                making.set(is_making.then(|| self.make_ready(block)).into());
            }
            if !is_saving && !unsettled.is_empty() {
                is_saving = true;
                saving.set(Some(self.save(std::mem::take(&mut unsettled))).into());
            }
            tokio::select! {
                Some(done) = running.next() => match done {
                    Ok(Delivered { settlements, sent: again }) => {
                        unsettled.extend(settlements);
                        sent.extend(again);
                    }
                    Err(error) => stopped = stopped.or(Some(error)),
                },
                Some(made) = &mut making, if is_making => {
                    is_making = false;
                    match made {
                        Ok(made) => ready.extend(made),
                        Err(error) => stopped = stopped.or(Some(error)),
                    }
                }
                Some(saved) = &mut saving, if is_saving => {
                    is_saving = false;
                    stopped = stopped.or(saved.err());
                }
                else => break,
            }
        }
        self.push.leave_ready(ready).await?;
        self.push
            .leave(waiting.map(|batch| batch.len()).sum())
            .await;
        stopped.map_or(Ok(()), Err)
    }

    /// The next batches whose intents are written together.
    fn block(&self, waiting: &mut impl Iterator<Item = Vec<Planned>>) -> Vec<Vec<Planned>> {
        let mut block: Vec<Vec<Planned>> = Vec::new();
        let mut rows = 0;
        while block.is_empty() || (self.flows && rows < AHEAD) {
            let Some(batch) = waiting.next() else { break };
            rows += batch.len();
            block.push(batch);
        }
        block
    }

    async fn make_ready(&self, block: Vec<Vec<Planned>>) -> Result<Vec<Ready>> {
        if let Err(error) = self.push.await_room(self.route).await {
            self.push.leave(block.iter().map(Vec::len).sum()).await;
            return Err(error);
        }
        self.push.make_ready(self.lane, block).await
    }

    async fn deliver(&self, batch: Ready) -> Result<Delivered> {
        let way = (self.route, self.batching.grouping);
        let mut delivered = self.push.deliver(self.lane, way, batch).await?;
        if !self.flows {
            self.save(std::mem::take(&mut delivered.settlements))
                .await?;
        }
        Ok(delivered)
    }

    async fn save(&self, settlements: Vec<Settlement>) -> Result<()> {
        self.push.record(Timestamp::now(), settlements).await
    }
}
