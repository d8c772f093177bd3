//! Carries a plan to one channel: lane by lane, batch by batch, every change accounted for.
//!
//! Order of things for each batch: the intents are written, the batch is sent, the outcomes are settled. A run
//! that is killed in between leaves intents open; the next run looks them up before it sends anything. Prices and stock
//! are written down for many batches at a time.

mod batches;
mod lanes;
mod load;
mod outcomes;
mod traffic;
mod verify;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::family::Families;
use super::plan::{ChannelPlan, Known, MemoFile, Plan};
use super::shelf::Shelf;
use super::submissions::{Polled, poll};
use super::{Channel, Progress};
use crate::domain::ids::{RunId, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::{ChannelState, Ledger, ListingRecord};
use crate::domain::{Error, Result};
use crate::halt::Halt;

/// Submissions are asked about soon, then ever more seldom.
const FIRST_POLL: Duration = Duration::from_millis(200);
const SLOWEST_POLL: Duration = Duration::from_secs(15);

/// What a push needs beside the plan.
#[derive(Clone)]
pub struct Work {
    pub ledger: Arc<dyn Ledger>,
    pub run: RunId,
    pub progress: Arc<dyn Progress>,
    pub halt: Halt,
    /// After so long, content that is left waits for another look at orders and stock.
    pub slice: Duration,
    /// Asks the channel to validate, and changes nothing.
    pub dry_run: bool,
    /// What the last plan found settled.
    pub memo: Option<MemoFile>,
}

/// What became of one channel's plan.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub applied: u64,
    /// Taken by the channel for later, and not yet known to be done.
    pub accepted: u64,
    pub rejected: u64,
    pub failed: u64,
    pub in_doubt: u64,
    /// Not sent because the run ended first.
    pub left: u64,
    pub issues: Vec<Issue>,
    /// Refused because the live figure was not the one that they were planned on; they are planned anew.
    #[serde(skip)]
    pub moved: Vec<Sku>,
    /// What stopped the channel before its plan was through.
    #[serde(skip)]
    pub error: Option<Error>,
}

impl Report {
    pub fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.failed += other.failed;
        self.in_doubt += other.in_doubt;
        self.left = other.left;
        self.issues.extend(other.issues);
        self.moved.extend(other.moved);
        if self.error.is_none() {
            self.error = other.error;
        }
    }

    pub fn add_polled(&mut self, polled: Polled) {
        self.applied += polled.applied;
        self.rejected += polled.rejected;
        self.failed += polled.given_up;
        self.issues.extend(polled.issues);
    }
}

/// The state that the lanes of one channel share.
pub(crate) struct Push<'a> {
    channel: &'a Channel,
    shelf: &'a Shelf,
    families: &'a Families,
    work: &'a Work,
    /// How many writes may still be read back.
    verify: AtomicUsize,
    records: Mutex<HashMap<Sku, ListingRecord>>,
    /// Skus with changes of earlier runs or lanes that are still on their way.
    in_flight: Mutex<HashMap<Sku, Vec<crate::domain::change::Lane>>>,
    /// Skus whose figures have moved in this run before.
    moved: HashSet<Sku>,
    report: Mutex<Report>,
}

/// Sends one channel's plan.
pub async fn push(
    channel: &Channel,
    plan: ChannelPlan,
    whole: &PlanContext<'_>,
    known: Known,
    work: &Work,
) -> Report {
    let in_flight = known
        .pending
        .iter()
        .map(|(sku, pending)| {
            (
                sku.clone(),
                pending.iter().map(|pending| pending.change.lane).collect(),
            )
        })
        .collect();
    let push = Push {
        channel,
        shelf: whole.shelf,
        families: whole.families,
        work,
        verify: AtomicUsize::new(channel.verify),
        records: Mutex::new(known.records),
        in_flight: Mutex::new(in_flight),
        moved: known.moved,
        report: Mutex::new(Report::default()),
    };
    if let Err(error) = push.run(plan).await {
        push.report.lock().await.error = Some(error);
    }
    push.report.into_inner()
}

/// The parts of a plan that all channels share while it is sent.
pub struct PlanContext<'a> {
    pub shelf: &'a Shelf,
    families: &'a Families,
}

impl<'a> PlanContext<'a> {
    pub fn new(plan: &'a Plan, shelf: &'a Shelf) -> Self {
        Self {
            shelf,
            families: &plan.families,
        }
    }
}

impl Push<'_> {
    async fn run(&self, plan: ChannelPlan) -> Result<()> {
        if !self.work.dry_run {
            self.manage(&plan.newly_managed).await?;
        }
        self.send_lanes(&plan.changes).await?;
        if self.work.dry_run {
            return Ok(());
        }
        let now = Timestamp::now();
        let state = self.work.ledger.channel(&self.channel.name).await?;
        let state = ChannelState {
            last_push: Some(now),
            ..state
        };
        self.work
            .ledger
            .set_channel(&self.channel.name, &state)
            .await
    }

    /// Live listings that the catalog names are ours from now on: leaving the catalog will mean something.
    async fn manage(&self, skus: &[Sku]) -> Result<()> {
        let mut records = self.records.lock().await;
        let mut managed = Vec::new();
        for sku in skus {
            if let Some(record) = records.get_mut(sku) {
                record.managed = true;
                managed.push((sku.clone(), record.clone()));
            }
        }
        if managed.is_empty() {
            return Ok(());
        }
        self.work
            .ledger
            .record_listings(&self.channel.name, &managed)
            .await
    }
}

/// Does work of the ledger beside the requests: making a thousand rows ready takes longer than a fast shop's answer, which
/// would wait for it. Whoever drops a run drops this with it: it must not write beside the next run.
async fn beside<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let broken = || Error::unexpected("the ledger could not be written");
    let mut task = JoinSet::new();
    task.spawn(work);
    let done = task.join_next().await.ok_or_else(broken)?;
    done.map_err(|error| broken().caused_by(error))?
}

/// Asks about accepted changes until they are done, or `wait` is over, or the person says stop. What is still on
/// its way is left to the next run.
pub async fn wait_for_accepted(
    channel: &Channel,
    work: &Work,
    wait: Duration,
    report: &mut Report,
) -> Result<()> {
    report.accepted = waiting(channel, work).await?;
    if report.accepted == 0 {
        return Ok(());
    }
    work.progress
        .begin(&channel.name, "awaited", report.accepted);
    let waited = poll_until_done(channel, work, wait, report).await;
    work.progress.end(&channel.name);
    waited
}

async fn poll_until_done(
    channel: &Channel,
    work: &Work,
    wait: Duration,
    report: &mut Report,
) -> Result<()> {
    let end = tokio::time::Instant::now() + wait;
    let mut pause = FIRST_POLL;
    while report.accepted > 0 {
        let late = tokio::time::Instant::now() + pause > end;
        if late || work.halt.sleep(pause).await.is_err() {
            break;
        }
        report.add_polled(poll(channel, &work.ledger, Timestamp::now()).await?);
        let left = waiting(channel, work).await?;
        work.progress
            .advance(&channel.name, report.accepted.saturating_sub(left));
        report.accepted = left;
        pause = (pause * 2).min(SLOWEST_POLL);
    }
    Ok(())
}

/// Changes that the channel has taken and not yet answered for.
async fn waiting(channel: &Channel, work: &Work) -> Result<u64> {
    Ok(work.ledger.pending(&channel.name).await?.len() as u64)
}
