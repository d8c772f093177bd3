//! What must hold before a plan is sent: it is the one that was reviewed, and its catalog is whole.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::ChannelPlan;
use crate::app::Channel;
use crate::domain::catalog::ScanSummary;
use crate::domain::change::Change;
use crate::domain::guard::Stop;
use crate::domain::issue::Issue;
use crate::domain::{Error, Result};

/// Refuses rows of a reviewed plan that planning now no longer yields, and drops what was not reviewed.
pub fn keep_reviewed(plan: &mut ChannelPlan, reviewed: &[Change], channel: &Channel) -> Result<()> {
    let reviewed_set: HashSet<String> = reviewed.iter().map(key).collect();
    let mut still = HashSet::new();
    plan.changes.retain(|planned| {
        let key = key(&planned.change);
        let is_reviewed = reviewed_set.contains(&key);
        if is_reviewed {
            still.insert(key);
        }
        is_reviewed
    })?;
    for change in reviewed
        .iter()
        .filter(|change| !still.contains(&key(change)))
    {
        plan.issues.push(
            Issue::error("plan_row_moved", format!("the {} change of the reviewed plan no longer fits", change.lane.as_str()))
                .channel(&channel.name)
                .sku(&change.sku)
                .hint("the catalog, the stock, the orders or the channel changed since: plan again and review"),
        );
    }
    Ok(())
}

fn key(change: &Change) -> String {
    serde_json::to_string(change).unwrap_or_default()
}

/// A catalog that lost more rows than allowed since the last run that wrote.
pub fn lost_rows(before: Option<u64>, now: u64, limit: Decimal, min_rows: u64) -> Option<Stop> {
    let before = before.filter(|before| *before >= min_rows)?;
    let lost = before.saturating_sub(now);
    let percent = (Decimal::from(lost) * Decimal::ONE_HUNDRED / Decimal::from(before)).round_dp(1);
    (percent > limit).then_some(Stop {
        rule: "rows_lost",
        percent,
        limit,
        sku: None,
    })
}

/// What `--approve` must be given to let a shrunken catalog pass once.
pub fn rows_token(rows: u64) -> String {
    format!("rows-{rows}")
}

/// Fails unless the catalog holds at least one usable row.
pub fn require_rows(summary: ScanSummary) -> Result<()> {
    if summary.rows == 0 || summary.rows == summary.unreadable {
        return Err(Error::config("the catalog holds no row that can be used")
            .hint("nothing was changed on any channel; run `skucast check` to see what is wrong with the file"));
    }
    Ok(())
}
