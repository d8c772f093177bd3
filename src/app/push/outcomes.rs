//! What became of each change: the ledger's record, the counts, the words for the seller.

use std::collections::HashMap;

use jiff::Timestamp;

use super::load::no_outcome;
use super::{Push, beside};
use crate::app::contact::failed;
use crate::app::plan::Planned;
use crate::app::submissions::applied;
use crate::domain::connector::{ItemOutcome, Outcome};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::ledger::{
    IntentId, ListingRecord, Pending, Rejection, Settled, Settlement, deadline,
};
use crate::domain::{Error, ErrorKind, Result, Retry};

/// What a batch comes to: not known to anybody before it is recorded.
#[derive(Default)]
pub(super) struct Delivered {
    pub settlements: Vec<Settlement>,
    /// Rows that need a second look.
    pub sent: Vec<Sent>,
}

impl Delivered {
    pub(super) fn append(&mut self, mut other: Self) {
        self.settlements.append(&mut other.settlements);
        self.sent.append(&mut other.sent);
    }
}

/// A row that was sent and needs a second look.
pub(super) struct Sent {
    pub planned: Planned,
    pub intent: IntentId,
    pub state: SentState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentState {
    /// The channel says that it is done.
    Applied,
    /// No proper answer.
    InDoubt,
    /// Certainly not done, for a passing reason.
    Again,
    /// Certainly not done, because the listing is not what it was taken for.
    Moved,
}

impl Push<'_> {
    /// What a batch that was answered comes to.
    pub(super) async fn answered(
        &self,
        rows: Vec<Planned>,
        intents: Vec<IntentId>,
        outcomes: Vec<ItemOutcome>,
    ) -> Delivered {
        let now = Timestamp::now();
        let mut by_sku: HashMap<Sku, Outcome> = outcomes
            .into_iter()
            .map(|outcome| (outcome.key, outcome.outcome))
            .collect();
        let mut delivered = Delivered::default();
        for (planned, intent) in rows.into_iter().zip(intents) {
            let outcome = by_sku
                .remove(&planned.change.sku)
                .unwrap_or_else(|| Outcome::Unknown(no_outcome()));
            let (settlement, state) = self.judge(&planned, intent, outcome, now).await;
            delivered.settlements.push(settlement);
            if let Some(state) = state {
                delivered.sent.push(Sent {
                    planned,
                    intent,
                    state,
                });
            }
        }
        delivered
    }

    /// One outcome: its settlement, and whether it needs a second look.
    async fn judge(
        &self,
        planned: &Planned,
        intent: IntentId,
        outcome: Outcome,
        now: Timestamp,
    ) -> (Settlement, Option<SentState>) {
        let change = &planned.change;
        let mut settlement = blank(planned, intent);
        let mut report = self.report.lock().await;
        match outcome {
            Outcome::Applied {
                listing_ref,
                issues,
            } => {
                let records = self.records.lock().await;
                let before = records.get(&change.sku);
                let reference = listing_ref.or_else(|| before.and_then(ListingRecord::reference));
                let issues = self.named(issues, &change.sku);
                report.issues.extend(issues.clone());
                settlement.issues = issues;
                match reference {
                    Some(reference) => {
                        report.applied += 1;
                        settlement.settled = Settled::Applied;
                        settlement.record = Some(applied(change, reference, before, now));
                        (settlement, Some(SentState::Applied))
                    }
                    // Created, but the channel did not say as what: it is looked up.
                    None => {
                        settlement.settled = Settled::InDoubt;
                        (settlement, Some(SentState::InDoubt))
                    }
                }
            }
            Outcome::Accepted {
                submission,
                part,
                listing_ref,
            } => {
                report.accepted += 1;
                let limits = &self.channel.connector.descriptor().limits;
                let patience = match &submission {
                    Some(_) => limits.submission_deadline,
                    None => limits.sight_deadline,
                };
                settlement.settled = Settled::Accepted;
                settlement.pending = Some(Pending {
                    change: change.clone(),
                    intent,
                    submission,
                    part,
                    listing_ref,
                    since: now,
                    deadline: deadline(now, patience),
                    superseded: false,
                });
                (settlement, None)
            }
            Outcome::Rejected(issues) => {
                report.rejected += 1;
                let issues = self.named(issues, &change.sku);
                report.issues.extend(issues.clone());
                settlement.settled = Settled::Rejected;
                settlement.rejection = Some(Rejection {
                    sku: change.sku.clone(),
                    lane: change.lane,
                    after: change.after,
                    issues: issues.clone(),
                    at: now,
                });
                settlement.issues = issues;
                (settlement, None)
            }
            // No failure of the channel: its turn, or the run, ended first. What is left goes out later.
            Outcome::Failed(error) if error.kind == ErrorKind::Budget => {
                report.left += 1;
                settlement.settled = Settled::Failed;
                (settlement, None)
            }
            // What is known of this listing is wrong: it is looked up before anything else is believed of it.
            Outcome::Failed(error) if error.kind == ErrorKind::NotFound => {
                tracing::debug!(channel = %self.channel.name, sku = %change.sku, %error, "not found");
                settlement.settled = Settled::InDoubt;
                (settlement, Some(SentState::InDoubt))
            }
            Outcome::Failed(error) if error.kind == ErrorKind::Conflict => {
                settlement.settled = Settled::InDoubt;
                (settlement, Some(SentState::Moved))
            }
            Outcome::Failed(error) => {
                settlement.settled = Settled::Failed;
                if matches!(error.retry, Retry::After(_)) {
                    return (settlement, Some(SentState::Again));
                }
                report.failed += 1;
                let issue = failed(self.channel, &change.sku, &error);
                report.issues.push(issue.clone());
                settlement.issues.push(issue);
                (settlement, None)
            }
            Outcome::Unknown(error) => {
                tracing::debug!(channel = %self.channel.name, sku = %change.sku, %error, "in doubt");
                settlement.settled = Settled::InDoubt;
                (settlement, Some(SentState::InDoubt))
            }
        }
    }

    /// The whole batch was sent, and no proper answer came.
    pub(super) fn unanswered(
        &self,
        rows: Vec<Planned>,
        intents: Vec<IntentId>,
        error: &Error,
    ) -> Delivered {
        tracing::debug!(channel = %self.channel.name, rows = rows.len(), %error, "a batch is in doubt");
        let mut delivered = Delivered::default();
        for (planned, intent) in rows.into_iter().zip(intents) {
            delivered.settlements.push(Settlement {
                settled: Settled::InDoubt,
                ..blank(&planned, intent)
            });
            delivered.sent.push(Sent {
                planned,
                intent,
                state: SentState::InDoubt,
            });
        }
        delivered
    }

    /// Nothing of a batch was applied; its rows are sent otherwise, or later.
    pub(super) async fn withdraw(
        &self,
        rows: impl Iterator<Item = &Planned>,
        intents: &[IntentId],
    ) -> Result<()> {
        let settlements: Vec<_> = rows
            .zip(intents)
            .map(|(planned, intent)| Settlement {
                settled: Settled::Failed,
                ..blank(planned, *intent)
            })
            .collect();
        self.record(Timestamp::now(), settlements).await
    }

    /// The one row that spoils a batch: remembered, so that it is not sent again unchanged.
    pub(super) async fn refused(
        &self,
        rows: &[Planned],
        intents: &[IntentId],
        error: &Error,
    ) -> Delivered {
        let now = Timestamp::now();
        let mut settlements = Vec::new();
        for (planned, intent) in rows.iter().zip(intents) {
            let change = &planned.change;
            let issue = Issue {
                code: "refused_by_channel".to_owned(),
                ..failed(self.channel, &change.sku, error)
            };
            let mut report = self.report.lock().await;
            report.rejected += 1;
            report.issues.push(issue.clone());
            settlements.push(Settlement {
                settled: Settled::Rejected,
                issues: vec![issue.clone()],
                rejection: Some(Rejection {
                    sku: change.sku.clone(),
                    lane: change.lane,
                    after: change.after,
                    issues: vec![issue],
                    at: now,
                }),
                ..blank(planned, *intent)
            });
        }
        Delivered {
            settlements,
            sent: Vec::new(),
        }
    }

    /// Into the ledger, and into what this run knows.
    pub(super) async fn record(&self, now: Timestamp, settlements: Vec<Settlement>) -> Result<()> {
        if settlements.is_empty() {
            return Ok(());
        }
        let (ledger, channel) = (self.work.ledger.clone(), self.channel.name.clone());
        let settlements = beside(async move {
            ledger.settle(&channel, now, &settlements).await?;
            Ok(settlements)
        })
        .await?;
        let mut records = self.records.lock().await;
        let mut in_flight = self.in_flight.lock().await;
        let mut overtaken: HashMap<crate::domain::change::Lane, Vec<Sku>> = HashMap::new();
        for settlement in &settlements {
            if let Some(record) = &settlement.record {
                records.insert(settlement.sku.clone(), record.clone());
            }
            let earlier = in_flight.get(&settlement.sku);
            let passes = |lanes: &Vec<_>| {
                lanes
                    .iter()
                    .any(|lane| settlement.lane.shares_facet_with(*lane))
            };
            let went_out = matches!(
                settlement.settled,
                Settled::Applied | Settled::Accepted | Settled::Observed
            );
            if went_out && earlier.is_some_and(passes) {
                overtaken
                    .entry(settlement.lane)
                    .or_default()
                    .push(settlement.sku.clone());
            }
            if settlement.pending.is_some() {
                in_flight
                    .entry(settlement.sku.clone())
                    .or_default()
                    .push(settlement.lane);
            }
        }
        for (lane, skus) in overtaken {
            self.work
                .ledger
                .supersede(&self.channel.name, lane, &skus)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn count_dry_run(&self, rows: &[Planned], outcomes: Vec<ItemOutcome>) {
        let mut report = self.report.lock().await;
        self.work
            .progress
            .advance(&self.channel.name, rows.len() as u64);
        for outcome in outcomes {
            match outcome.outcome {
                Outcome::Applied { issues, .. } => {
                    report.applied += 1;
                    report.issues.extend(self.named(issues, &outcome.key));
                }
                Outcome::Accepted { .. } => report.applied += 1,
                Outcome::Rejected(issues) => {
                    report.rejected += 1;
                    report.issues.extend(self.named(issues, &outcome.key));
                }
                Outcome::Failed(error) | Outcome::Unknown(error) => {
                    report.failed += 1;
                    report
                        .issues
                        .push(failed(self.channel, &outcome.key, &error));
                }
            }
        }
    }

    fn named(&self, issues: Vec<Issue>, sku: &Sku) -> Vec<Issue> {
        issues
            .into_iter()
            .map(|issue| issue.channel(&self.channel.name).sku(sku))
            .collect()
    }
}

pub(super) fn blank(planned: &Planned, intent: IntentId) -> Settlement {
    Settlement {
        intent,
        sku: planned.change.sku.clone(),
        lane: planned.change.lane,
        settled: Settled::Failed,
        issues: Vec::new(),
        record: None,
        pending: None,
        resolves_pending: false,
        rejection: None,
    }
}
