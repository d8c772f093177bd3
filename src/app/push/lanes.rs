//! Lanes, routes, batches: what goes out when, how many at once, and what is split when it does not go through.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::batches::{assign, halves, waves};
use super::load::Load;
use super::outcomes::Delivered;
use super::traffic::Traffic;
use super::{FIRST_POLL, Push, SLOWEST_POLL, beside};
use crate::app::plan::{Changes, Planned};
use crate::app::submissions::poll;
use crate::domain::capability::{Grouping, Variants};
use crate::domain::change::{Action, Lane, Route};
use crate::domain::ids::{IdempotencyKey, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::IntentId;
use crate::domain::{Error, ErrorKind, Result, Retry};

/// How often rows that failed for a passing reason, or were found not to have arrived, are sent again in one run.
const ROUNDS: u32 = 3;
/// Before the second round; longer before each further one.
const PAUSE: Duration = Duration::from_millis(500);

/// A batch that can be sent: its intents are in the ledger.
pub(super) struct Ready {
    pub rows: Vec<Planned>,
    pub load: Load,
    pub key: IdempotencyKey,
    /// Of the rows, in their order; none in a dry run.
    pub intents: Vec<IntentId>,
}

impl Push<'_> {
    /// All lanes in their order. `Err` stops the channel; what was not sent is counted as left.
    pub(super) async fn send_lanes(&self, changes: &Changes) -> Result<()> {
        let mut stopped = None;
        let mut ended = false;
        for lane in Lane::ALL {
            let total = changes.counts().of_lane(lane);
            if total == 0 {
                continue;
            }
            if self.work.dry_run && !self.can_validate(lane) {
                continue;
            }
            if ended || self.channel.halt.is_due() {
                self.leave(total as usize).await;
                continue;
            }
            let rows = match unpacked(changes, lane) {
                Ok(rows) => rows,
                Err(error) => {
                    self.leave(total as usize).await;
                    ended = true;
                    stopped = Some(error);
                    continue;
                }
            };
            if matches!(lane, Lane::Listing | Lane::End) && !self.work.dry_run {
                // What can wait yields after a while, so that what is urgent gets its turn again.
                self.channel
                    .halt
                    .set_slice(Some(Instant::now() + self.work.slice));
            }
            self.work
                .progress
                .begin(&self.channel.name, lane.as_str(), total);
            let result = self.send_lane(lane, rows).await;
            self.work.progress.end(&self.channel.name);
            if let Err(error) = result {
                ended = true;
                // Out of time is no failure of the channel: the rest is left, and goes out later.
                stopped = Some(error).filter(|error| error.kind != ErrorKind::Budget);
            }
        }
        self.channel.halt.set_slice(None);
        stopped.map_or(Ok(()), Err)
    }

    /// Only content can be shown to a channel without changing anything, and not to every channel.
    fn can_validate(&self, lane: Lane) -> bool {
        lane == Lane::Listing
            && self
                .channel
                .connector
                .descriptor()
                .capability
                .listing_dry_run
    }

    pub(super) async fn leave(&self, rows: usize) {
        self.report.lock().await.left += rows as u64;
    }

    async fn send_lane(&self, lane: Lane, rows: Vec<Planned>) -> Result<()> {
        let waves = if lane == Lane::Listing {
            waves(self.channel.connector.descriptor().limits.variants, rows)
        } else {
            vec![rows]
        };
        let mut result = Ok(());
        for wave in waves {
            if result.is_err() || self.channel.halt.is_due() {
                self.leave(wave.len()).await;
            } else {
                result = self.send_wave(lane, wave).await;
            }
        }
        result
    }

    async fn send_wave(&self, lane: Lane, mut rows: Vec<Planned>) -> Result<()> {
        for round in 0..ROUNDS {
            if rows.is_empty() {
                break;
            }
            if round > 0 && self.channel.halt.sleep(PAUSE * round).await.is_err() {
                self.leave(rows.len()).await;
                break;
            }
            let last = round + 1 == ROUNDS;
            rows = self.send_round(lane, rows, last).await?;
        }
        Ok(())
    }

    /// Sends rows once, and returns those that are worth sending again.
    async fn send_round(&self, lane: Lane, rows: Vec<Planned>, last: bool) -> Result<Vec<Planned>> {
        let limits = &self.channel.connector.descriptor().limits;
        let mut sent = Vec::new();
        let mut stopped = None;
        for (route, batching, rows) in assign(lane, limits.routes(lane), rows) {
            let traffic = Traffic::new(self, lane, route, batching);
            match stopped {
                None => stopped = traffic.send(rows, &mut sent).await.err(),
                Some(_) => self.leave(rows.len()).await,
            }
        }
        if self.work.dry_run {
            return stopped.map_or(Ok(Vec::new()), Err);
        }
        let again = self
            .look_after(lane, sent, last || stopped.is_some())
            .await?;
        stopped.map_or(Ok(again), Err)
    }

    /// Before one more submission leaves: as long as the channel works on as many as it takes, they are asked
    /// about.
    pub(super) async fn await_room(&self, route: Route) -> Result<()> {
        let most = self
            .channel
            .connector
            .descriptor()
            .limits
            .submissions_at_once;
        let Some(most) = most.filter(|_| route == Route::Bulk && !self.work.dry_run) else {
            return Ok(());
        };
        let mut pause = FIRST_POLL;
        loop {
            let pending = self.work.ledger.pending(&self.channel.name).await?;
            let open: HashSet<_> = pending
                .iter()
                .filter_map(|pending| pending.submission.as_ref())
                .collect();
            if open.len() < most {
                return Ok(());
            }
            self.channel.halt.sleep(pause).await?;
            let polled = poll(self.channel, &self.work.ledger, Timestamp::now()).await?;
            self.report.lock().await.add_polled(polled);
            pause = (pause * 2).min(SLOWEST_POLL);
        }
    }

    /// Makes batches ready to be sent: their intents are written, all in one go.
    pub(super) async fn make_ready(
        &self,
        lane: Lane,
        batches: Vec<Vec<Planned>>,
    ) -> Result<Vec<Ready>> {
        let mut made = Vec::with_capacity(batches.len());
        for batch in batches {
            let (rows, load) = self.prepare(lane, batch).await;
            if !rows.is_empty() {
                made.push(Ready {
                    rows,
                    load,
                    key: IdempotencyKey::new(uuid::Uuid::now_v7().to_string()),
                    intents: Vec::new(),
                });
            }
        }
        if self.work.dry_run || made.is_empty() {
            return Ok(made);
        }
        let changes: Vec<_> = made
            .iter()
            .flat_map(|ready| {
                let rows = ready.rows.iter();
                rows.map(|planned| (planned.change.clone(), ready.key.clone()))
            })
            .collect();
        let work = self.work;
        let (ledger, run, channel) = (
            work.ledger.clone(),
            work.run.clone(),
            self.channel.name.clone(),
        );
        let written = beside(async move {
            let now = Timestamp::now();
            ledger.record_intents(&run, &channel, &changes, now).await
        });
        let mut intents = written.await?.into_iter();
        for ready in &mut made {
            ready.intents = intents.by_ref().take(ready.rows.len()).collect();
        }
        Ok(made)
    }

    /// One batch. When the channel refuses it as a whole because of what is in it, its halves go separately,
    /// until the poison row is alone.
    pub(super) async fn deliver(
        &self,
        lane: Lane,
        (route, grouping): (Route, Grouping),
        batch: Ready,
    ) -> Result<Delivered> {
        let mut parts = vec![batch];
        let mut all = Delivered::default();
        while let Some(part) = parts.pop() {
            let Ready {
                rows,
                load,
                key,
                intents,
            } = part;
            let connector = self.channel.connector.as_ref();
            if self.work.dry_run {
                let outcomes = load.send(connector, route, &key, true).await?;
                self.count_dry_run(&rows, outcomes).await;
                continue;
            }
            let steps = rows.len() as u64;
            match load.send(connector, route, &key, false).await {
                Ok(outcomes) => {
                    self.work.progress.advance(&self.channel.name, steps);
                    all.append(self.answered(rows, intents, outcomes).await);
                }
                Err(error) if error.in_doubt => {
                    self.work.progress.advance(&self.channel.name, steps);
                    all.append(self.unanswered(rows, intents, &error));
                }
                Err(error) if is_poisoned(&error) => match halves(rows, grouping) {
                    Ok((one, other)) => {
                        let both = one.iter().chain(&other);
                        self.withdraw(both, &intents).await?;
                        let halves = self.make_ready(lane, vec![one, other]).await?;
                        parts.extend(halves.into_iter().rev());
                    }
                    Err(rows) => {
                        self.work.progress.advance(&self.channel.name, steps);
                        all.append(self.refused(&rows, &intents, &error).await);
                    }
                },
                // The channel as a whole: nothing of this was applied, and nothing more is sent.
                Err(error) => {
                    self.withdraw(rows.iter(), &intents).await?;
                    self.leave(rows.len()).await;
                    self.leave_ready(parts).await?;
                    self.record(Timestamp::now(), all.settlements).await?;
                    return Err(error);
                }
            }
        }
        Ok(all)
    }

    /// Batches that will not be sent, although their intents are written.
    pub(super) async fn leave_ready(&self, left: impl IntoIterator<Item = Ready>) -> Result<()> {
        for ready in left {
            self.withdraw(ready.rows.iter(), &ready.intents).await?;
            self.leave(ready.rows.len()).await;
        }
        Ok(())
    }

    /// Makes the load; rows that cannot be sent are reported and left out.
    async fn prepare(&self, lane: Lane, part: Vec<Planned>) -> (Vec<Planned>, Load) {
        let variants = self.channel.connector.descriptor().limits.variants;
        let needs_parent = matches!(variants, Variants::ParentFirst | Variants::Together);
        let mut load = Load::empty(lane);
        let mut good: Vec<Planned> = Vec::new();
        for planned in part {
            let orphan = match &planned.parent {
                Some(parent) if needs_parent && planned.change.action == Action::Create => {
                    let comes_along = variants == Variants::Together
                        && good.iter().any(|row| row.change.sku == *parent);
                    !comes_along && !self.is_live(parent).await
                }
                _ => false,
            };
            let added = if orphan {
                Err(self.orphan(&planned.change.sku))
            } else {
                self.add(&mut load, &planned).await
            };
            match added {
                Ok(()) => good.push(planned),
                Err(issue) => {
                    let mut report = self.report.lock().await;
                    report.failed += 1;
                    report.issues.push(*issue);
                }
            }
        }
        (good, load)
    }

    async fn is_live(&self, sku: &Sku) -> bool {
        self.records
            .lock()
            .await
            .get(sku)
            .is_some_and(|record| record.live)
    }

    fn orphan(&self, sku: &Sku) -> Box<Issue> {
        Box::new(
            Issue::error("parent_not_live", "its parent is not on the channel, so that this variant has no place")
                .channel(&self.channel.name)
                .sku(sku)
                .hint("look at what the channel says of the parent; the variant follows once the parent is there"),
        )
    }
}

/// Whether the error is about what was sent, and not about the channel or the credential.
fn is_poisoned(error: &Error) -> bool {
    error.retry == Retry::Never
        && matches!(
            error.kind,
            ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Conflict
        )
}

fn unpacked(changes: &Changes, lane: Lane) -> Result<Vec<Planned>> {
    let mut rows = Vec::with_capacity(changes.counts().of_lane(lane) as usize);
    for planned in changes.of_lane(lane) {
        rows.push(planned?);
    }
    Ok(rows)
}
