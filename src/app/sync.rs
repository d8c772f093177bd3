//! The whole job: pull orders, get even with each channel, plan, push; and again while content is left, so
//! that stock never waits behind it.
//!
//! Channels are independent. They are read side by side; those that are ready are planned together, in one scan
//! of the catalog, and the slow ones join a later round.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::plan::{
    ChannelPlan, Counts, Ground, Known, Plan, keep_reviewed, lost_rows, plan, require_rows,
    rows_token,
};
use super::pull::{Pulled, pull};
use super::push::{PlanContext, Report, Work, push, wait_for_accepted};
use super::shelf::Shelf;
use super::{Channel, Scope, contact, submissions};
use crate::domain::change::Change;
use crate::domain::guard::Stop;
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Upserted};
use crate::domain::{Error, ErrorKind, Result};

/// Ready channels do not wait longer than this for slow ones.
const PATIENCE: Duration = Duration::from_secs(5);
/// A catalog with fewer rows before is not judged by the share that it lost.
pub const MIN_ROWS: u64 = 10;
/// Between two rounds of which the first brought nothing forward.
const PAUSE: Duration = Duration::from_secs(10);

/// What a run is to do.
pub struct Order {
    pub pull: bool,
    pub push: bool,
    pub scope: Scope,
    /// Tokens given with `--approve`.
    pub approved: Vec<String>,
    /// Only these changes, as they were reviewed.
    pub reviewed: Option<HashMap<ChannelName, Vec<Change>>>,
    /// Share of its rows, in percent, that the catalog may have lost since the last run.
    pub rows_lost: Decimal,
    /// How long accepted changes are waited for at the end.
    pub wait: Duration,
}

/// What became of one channel.
#[derive(Debug, Default)]
pub struct ChannelRun {
    planned: bool,
    /// What the first plan of the run wanted to change.
    pub counts: Counts,
    pub unchanged: u64,
    pub blocked: u64,
    pub stop: Option<(Stop, String)>,
    pub report: Report,
    pub orders: Upserted,
    pulled: bool,
    /// The run ended before the orders were read once.
    orders_left: bool,
    /// The first thing that kept the channel from its end.
    pub error: Option<Error>,
}

impl ChannelRun {
    fn fail(&mut self, error: Error) {
        if self.error.is_none() {
            self.error = Some(error);
        }
    }

    pub fn is_clean(&self) -> bool {
        let report = &self.report;
        self.error.is_none()
            && self.stop.is_none()
            && report.rejected + report.failed + report.in_doubt + report.left == 0
    }
}

/// What became of the run.
#[derive(Debug, Default)]
pub struct Run {
    /// In the order of the channels given.
    pub channels: Vec<ChannelRun>,
    /// Of the catalog.
    pub issues: Vec<Issue>,
    /// The catalog lost too many rows; the token approves it once.
    pub rows_lost: Option<(Stop, String)>,
    /// Why nothing could be planned at all.
    pub error: Option<Error>,
}

/// How orders are pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pulling {
    /// However long the channel's quota makes it.
    ToTheEnd,
    /// In the later rounds of a long run: not when the quota asks to wait, which would keep content from going out.
    IfAtOnce,
}

/// A channel that has been read and can be planned.
struct Ready {
    index: usize,
    pulled: Option<Result<Pulled>>,
    known: Result<Known>,
    polled: submissions::Polled,
    issues: Vec<Issue>,
}

/// Runs the whole job for these channels. `shelf` is called whenever the seller's side is needed anew.
pub async fn sync(
    channels: &[Arc<Channel>],
    shelf: impl AsyncFn() -> Result<Shelf>,
    order: &Order,
    work: &Work,
) -> Run {
    let mut run = Run {
        channels: channels.iter().map(|_| ChannelRun::default()).collect(),
        ..Run::default()
    };
    let mut reading: JoinSet<Ready> = JoinSet::new();
    let mut todo: HashSet<usize> = (0..channels.len()).collect();
    let mut broken: HashSet<usize> = HashSet::new();
    let mut pull_orders = order.pull.then_some(Pulling::ToTheEnd);
    loop {
        for index in std::mem::take(&mut todo) {
            reading.spawn(read(
                index,
                channels[index].clone(),
                work.clone(),
                pull_orders,
                order.push,
            ));
        }
        pull_orders = order.pull.then_some(Pulling::IfAtOnce);
        let ready = collect(&mut reading).await;
        if ready.is_empty() {
            break;
        }
        let (indices, known) = run.take(ready, &mut broken);
        let mut progressed = true;
        if order.push && !indices.is_empty() {
            let before = run.done();
            if let Err(error) = run
                .push_round(channels, &indices, known, &shelf, order, work)
                .await
            {
                run.error = Some(error);
                break;
            }
            progressed = run.done() > before;
        }
        let left = run
            .channels
            .iter()
            .any(|channel| channel.report.left > 0 && channel.error.is_none());
        if !left || work.halt.reason().is_some() || work.dry_run {
            if reading.is_empty() {
                break;
            }
            continue;
        }
        if !progressed && work.halt.sleep(PAUSE).await.is_err() {
            break;
        }
        // Everyone again: orders of an idle channel lower the stock of the busy ones.
        todo = indices
            .into_iter()
            .filter(|index| !broken.contains(index))
            .collect();
    }
    reading.abort_all();
    if order.push && !work.dry_run {
        run.finish(channels, order, work).await;
    }
    run.remember_failures(channels, work).await;
    run
}

/// Waits for the channels that are being read; once one is ready, the others get a limited time.
async fn collect(reading: &mut JoinSet<Ready>) -> Vec<Ready> {
    let mut ready = Vec::new();
    let patience = tokio::time::sleep(PATIENCE);
    tokio::pin!(patience);
    loop {
        tokio::select! {
            joined = reading.join_next() => match joined {
                None => return ready,
                Some(Ok(one)) => ready.push(one),
                Some(Err(error)) => tracing::error!(%error, "reading a channel ended unexpectedly"),
            },
            () = &mut patience, if !ready.is_empty() && !patience.is_elapsed() => return ready,
        }
        if patience.is_elapsed() && !ready.is_empty() {
            return ready;
        }
    }
}

/// Everything that is asked of a channel before it is planned.
async fn read(
    index: usize,
    channel: Arc<Channel>,
    work: Work,
    orders: Option<Pulling>,
    to_push: bool,
) -> Ready {
    let now = Timestamp::now();
    let ledger = &work.ledger;
    if orders == Some(Pulling::IfAtOnce) {
        channel.halt.set_slice(Some(Instant::now() + PATIENCE));
    }
    let pulled = match orders {
        Some(_) => Some(pull(&channel, ledger, work.progress.as_ref(), now).await),
        None => None,
    };
    channel.halt.set_slice(None);
    let mut ready = Ready {
        index,
        pulled,
        known: Ok(Known::default()),
        polled: submissions::Polled::default(),
        issues: Vec::new(),
    };
    if !to_push {
        return ready;
    }
    ready.known = async {
        if !work.dry_run {
            ready.issues = contact::resolve_doubts(&channel, ledger, now).await?;
            ready.polled = submissions::poll(&channel, ledger, now).await?;
        }
        contact::known(&channel, ledger, work.progress.as_ref(), !work.dry_run, now).await
    }
    .await;
    ready
}

impl Run {
    /// Whether something is left to do that this run had no time for.
    pub fn has_remainder(&self) -> bool {
        self.channels
            .iter()
            .any(|channel| channel.orders_left || channel.report.left > 0)
    }

    fn done(&self) -> u64 {
        self.channels
            .iter()
            .map(|channel| {
                let report = &channel.report;
                report.applied + report.accepted + report.rejected + report.moved.len() as u64
            })
            .sum()
    }

    /// Books what reading brought, and returns the channels that can be planned.
    fn take(&mut self, ready: Vec<Ready>, broken: &mut HashSet<usize>) -> (Vec<usize>, Vec<Known>) {
        let (mut indices, mut known) = (Vec::new(), Vec::new());
        let mut ready = ready;
        ready.sort_by_key(|ready| ready.index);
        for one in ready {
            let channel = &mut self.channels[one.index];
            match one.pulled {
                Some(Ok(pulled)) => {
                    channel.pulled = true;
                    channel.orders_left = false;
                    channel.orders.add(pulled.orders);
                    channel.report.issues.extend(pulled.issues);
                }
                // The quota of the order list is used up for now, or the run's time: asked again later.
                Some(Err(error)) if error.kind == ErrorKind::Budget => {
                    channel.orders_left = !channel.pulled;
                }
                Some(Err(error)) => channel.fail(error),
                None => {}
            }
            channel.report.issues.extend(one.issues);
            channel.report.add_polled(one.polled);
            match one.known {
                Ok(one_known) => {
                    indices.push(one.index);
                    known.push(one_known);
                }
                Err(error) => {
                    broken.insert(one.index);
                    channel.fail(error);
                }
            }
        }
        (indices, known)
    }

    /// Plans these channels in one scan and pushes them side by side.
    async fn push_round(
        &mut self,
        channels: &[Arc<Channel>],
        indices: &[usize],
        mut known: Vec<Known>,
        shelf: &impl AsyncFn() -> Result<Shelf>,
        order: &Order,
        work: &Work,
    ) -> Result<()> {
        let shelf = shelf().await?;
        let chosen: Vec<Arc<Channel>> = indices
            .iter()
            .map(|index| channels[*index].clone())
            .collect();
        let ground = Ground {
            ledger: work.ledger.as_ref(),
            memo: work.memo.as_ref(),
        };
        let now = Timestamp::now();
        let mut plan = plan(&chosen, &mut known, &ground, &shelf, &order.scope, now).await?;
        require_rows(plan.summary)?;
        if let Some(write) = plan.compared_up_to.filter(|_| !work.dry_run) {
            work.ledger.forget_touched(write).await?;
        }
        self.issues = std::mem::take(&mut plan.issues);
        if !self.rows_are_there(&plan, order, work).await? {
            return Ok(());
        }
        let plans = std::mem::take(&mut plan.channels);
        let context = PlanContext::new(&plan, &shelf);
        let mut pushes = Vec::new();
        for (((channel, index), mut channel_plan), mut known) in
            chosen.iter().zip(indices).zip(plans).zip(known)
        {
            known
                .moved
                .extend(self.channels[*index].report.moved.iter().cloned());
            if let Some(reviewed) = &order.reviewed {
                let rows = reviewed
                    .get(&channel.name)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                keep_reviewed(&mut channel_plan, rows, channel)?;
            }
            if self.book_plan(*index, channel, &mut channel_plan, order)? {
                let (context, index) = (&context, *index);
                pushes.push(async move {
                    (
                        index,
                        push(channel, channel_plan, context, known, work).await,
                    )
                });
            }
        }
        for (index, mut report) in futures::future::join_all(pushes).await {
            let channel = &mut self.channels[index];
            if let Some(error) = report.error.take() {
                channel.fail(error);
            }
            channel.report.add(report);
        }
        Ok(())
    }

    /// Books a plan, and tells whether it may be pushed.
    fn book_plan(
        &mut self,
        index: usize,
        channel: &Channel,
        plan: &mut ChannelPlan,
        order: &Order,
    ) -> Result<bool> {
        let booked = &mut self.channels[index];
        // A later round plans what the first one left, and finds unchanged what the first one sent.
        if !booked.planned {
            booked.planned = true;
            booked.counts = plan.counts();
            booked.unchanged = plan.unchanged;
            booked.blocked = plan.blocked;
            booked.report.issues.append(&mut plan.issues);
        }
        let Some(stop) = plan.stop.clone() else {
            return Ok(true);
        };
        let token = plan.approval(channel)?;
        if order.approved.contains(&token) {
            return Ok(true);
        }
        booked.stop = Some((stop, token));
        Ok(false)
    }

    /// Stops everything when the catalog lost more rows than allowed, unless that was approved.
    async fn rows_are_there(&mut self, plan: &Plan, order: &Order, work: &Work) -> Result<bool> {
        let before = work.ledger.catalog_rows().await?;
        let rows = plan.summary.rows;
        if let Some(stop) = lost_rows(before, rows, order.rows_lost, MIN_ROWS) {
            let token = rows_token(rows);
            if !order.approved.contains(&token) {
                self.rows_lost = Some((stop, token));
                return Ok(false);
            }
        }
        if !work.dry_run {
            work.ledger.set_catalog_rows(rows).await?;
        }
        Ok(true)
    }

    /// Waits a while for what the channels took for later.
    async fn finish(&mut self, channels: &[Arc<Channel>], order: &Order, work: &Work) {
        let waits = channels
            .iter()
            .zip(&mut self.channels)
            .map(|(channel, booked)| async move {
                if let Err(error) =
                    wait_for_accepted(channel, work, order.wait, &mut booked.report).await
                {
                    booked.fail(error);
                }
            });
        futures::future::join_all(waits).await;
    }

    /// So that `status` can tell, whoever looked at this run's output.
    async fn remember_failures(&self, channels: &[Arc<Channel>], work: &Work) {
        for (channel, booked) in channels.iter().zip(&self.channels) {
            let Some(error) = &booked.error else { continue };
            let remembered = async {
                let state = work.ledger.channel(&channel.name).await?;
                let last_failure = Some((Timestamp::now(), error.to_string()));
                work.ledger
                    .set_channel(
                        &channel.name,
                        &ChannelState {
                            last_failure,
                            ..state
                        },
                    )
                    .await
            };
            if let Err(error) = remembered.await {
                tracing::warn!(channel = %channel.name, %error, "the failure could not be remembered");
            }
        }
    }
}
