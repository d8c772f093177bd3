//! The JSON documents that other programs may rely on. Version 1 only ever gains keys.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::export::LeftOut;
use crate::app::plan::{Changes, ChannelPlan, Counts, Plan};
use crate::app::{Channel, push};
use crate::domain::guard::Stop;
use crate::domain::ids::{ChannelName, RunId, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::Upserted;
use crate::domain::{Error, ErrorKind, Result};

pub const VERSION: u32 = 1;

/// `channels export`, about the file that it wrote.
#[derive(Debug, Serialize)]
pub struct ExportDocument {
    pub version: u32,
    pub channel: ChannelName,
    /// Listings that are sold, without parents.
    pub listings: u64,
    pub rows: u64,
    pub left_out: LeftOut,
    pub issues: Vec<Issue>,
}

/// `plan`. With its rows it is also the file that `push --plan` takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanDocument {
    pub version: u32,
    pub plan_id: String,
    pub made_at: Timestamp,
    pub channels: Vec<PlanChannel>,
    /// The catalog lost rows: no channel is pushed.
    pub guard: Option<GuardStop>,
    /// Of the catalog itself.
    pub issues: Vec<Issue>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanChannel {
    pub channel: ChannelName,
    pub kind: String,
    pub changes: Counts,
    pub unchanged: u64,
    pub blocked: u64,
    /// Accepted by the channel, or in doubt, and not yet settled.
    pub waiting: u64,
    pub guard: Option<GuardStop>,
    /// Why this channel could not be planned.
    pub error: Option<Issue>,
    pub issues: Vec<Issue>,
    pub issues_left_out: u64,
    pub rows: Changes,
}

/// Why a channel's push stops, and what lets it pass once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GuardStop {
    pub rule: String,
    pub percent: String,
    pub limit: String,
    pub sku: Option<Sku>,
    pub approve: String,
}

impl GuardStop {
    pub fn new(stop: &Stop, approve: String) -> Self {
        Self {
            rule: stop.rule.to_owned(),
            percent: stop.percent.normalize().to_string(),
            limit: stop.limit.normalize().to_string(),
            sku: stop.sku.clone(),
            approve,
        }
    }

    /// In a seller's words.
    pub fn message(&self) -> String {
        let Self { percent, limit, .. } = self;
        match (self.rule.as_str(), &self.sku) {
            ("end", _) => {
                format!("{percent} % of the live listings would be ended (limit {limit} %)")
            }
            ("zero", _) => {
                format!("{percent} % of the live listings would go to stock 0 (limit {limit} %)")
            }
            ("reprice", _) => format!(
                "{percent} % of the live listings would get another price (limit {limit} %)"
            ),
            ("price_jump", Some(sku)) => {
                format!("the price of `{sku}` would move by {percent} % (limit {limit} %)")
            }
            ("rows_lost", _) => format!(
                "the catalog lost {percent} % of its rows since the last run (limit {limit} %)"
            ),
            (rule, _) => format!("{rule}: {percent} % (limit {limit} %)"),
        }
    }
}

impl PlanDocument {
    /// Takes the plan over: of a first plan there are millions of rows, which need not be there twice.
    pub fn new(
        plan: Plan,
        channels: &[Arc<Channel>],
        failed: &[(ChannelName, &'static str, Error)],
        now: Timestamp,
    ) -> Result<Self> {
        let plan_id = plan.id(channels)?;
        let planned = channels
            .iter()
            .zip(plan.channels)
            .map(|(channel, plan)| PlanChannel::new(channel, plan));
        let failed = failed
            .iter()
            .map(|(name, kind, error)| Ok(PlanChannel::failed(name, kind, error)));
        Ok(Self {
            version: VERSION,
            plan_id,
            made_at: now,
            channels: planned.chain(failed).collect::<Result<_>>()?,
            guard: None,
            issues: plan.issues,
        })
    }

    pub fn total(&self) -> u64 {
        self.channels
            .iter()
            .map(|channel| channel.changes.total())
            .sum()
    }
}

impl PlanChannel {
    fn new(channel: &Channel, plan: ChannelPlan) -> Result<Self> {
        let guard = match &plan.stop {
            Some(stop) => Some(GuardStop::new(stop, plan.approval(channel)?)),
            None => None,
        };
        Ok(Self {
            channel: channel.name.clone(),
            kind: channel.connector.descriptor().kind.to_owned(),
            changes: plan.counts(),
            unchanged: plan.unchanged,
            blocked: plan.blocked,
            waiting: plan.waiting,
            guard,
            error: None,
            issues: plan.issues,
            issues_left_out: plan.issues_left_out,
            rows: plan.changes,
        })
    }

    fn failed(name: &ChannelName, kind: &str, error: &Error) -> Self {
        Self {
            channel: name.clone(),
            kind: kind.to_owned(),
            changes: Counts::default(),
            unchanged: 0,
            blocked: 0,
            waiting: 0,
            guard: None,
            error: Some(channel_issue(name, error)),
            issues: Vec::new(),
            issues_left_out: 0,
            rows: Changes::default(),
        }
    }
}

/// An error of a whole channel in the shape of an issue.
pub fn channel_issue(name: &ChannelName, error: &Error) -> Issue {
    error_issue(error).channel(name)
}

/// An error in the shape of an issue.
pub fn error_issue(error: &Error) -> Issue {
    let code = match error.kind {
        ErrorKind::ConfigInvalid => "configuration",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Budget => "out_of_time",
        _ => "failed",
    };
    let issue = Issue::error(code, error.to_string());
    match error.hints.is_empty() {
        true => issue,
        false => issue.hint(error.hints.join("; ")),
    }
}

/// A command that could not be carried out at all.
#[derive(Debug, Serialize)]
pub struct FailureDocument {
    pub version: u32,
    pub error: Issue,
}

impl FailureDocument {
    pub fn new(error: &Error) -> Self {
        Self {
            version: VERSION,
            error: error_issue(error),
        }
    }
}

/// `push`, `pull` and `sync`.
#[derive(Debug, Serialize)]
pub struct RunDocument {
    pub version: u32,
    pub run_id: RunId,
    pub channels: Vec<RunChannel>,
    /// Why nothing could be planned at all.
    pub error: Option<Issue>,
    /// The catalog lost rows: no channel was pushed.
    pub guard: Option<GuardStop>,
    /// Of the catalog itself.
    pub issues: Vec<Issue>,
}

#[derive(Debug, Serialize)]
pub struct RunChannel {
    pub channel: ChannelName,
    pub kind: String,
    /// Nothing failed and nothing is left.
    pub ok: bool,
    pub error: Option<Issue>,
    pub guard: Option<GuardStop>,
    pub applied: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub failed: u64,
    pub in_doubt: u64,
    pub left: u64,
    pub unchanged: u64,
    pub blocked: u64,
    pub orders: Upserted,
    pub issues: Vec<Issue>,
}

impl RunChannel {
    pub fn new(name: &ChannelName, kind: &str) -> Self {
        Self {
            channel: name.clone(),
            kind: kind.to_owned(),
            ok: true,
            error: None,
            guard: None,
            applied: 0,
            accepted: 0,
            rejected: 0,
            failed: 0,
            in_doubt: 0,
            left: 0,
            unchanged: 0,
            blocked: 0,
            orders: Upserted::default(),
            issues: Vec::new(),
        }
    }

    pub fn add_report(&mut self, report: push::Report) {
        self.applied += report.applied;
        self.accepted += report.accepted;
        self.rejected += report.rejected;
        self.failed += report.failed;
        self.in_doubt += report.in_doubt;
        self.left += report.left;
        for issue in report.issues {
            // Planning and sending may find the same; planning knows the row.
            let known = |other: &Issue| {
                (&other.sku, &other.code, &other.field) == (&issue.sku, &issue.code, &issue.field)
            };
            if !self.issues.iter().any(known) {
                self.issues.push(issue);
            }
        }
        if let Some(error) = &report.error {
            self.fail(error);
        }
        self.ok &= self.rejected + self.failed + self.in_doubt + self.left == 0;
    }

    /// The channel did not come to its end. The first reason is kept.
    pub fn fail(&mut self, error: &Error) {
        self.ok = false;
        self.error
            .get_or_insert_with(|| channel_issue(&self.channel, error));
    }
}
