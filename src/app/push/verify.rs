//! A second look at what was sent: doubts are looked up, and what the channel says it did is read back.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::Push;
use super::outcomes::{Sent, SentState, blank};
use crate::app::contact::{Found, find, settle_by_sight, shows, vanished};
use crate::app::plan::Planned;
use crate::domain::Result;
use crate::domain::change::{Action, Lane};
use crate::domain::ids::Sku;
use crate::domain::issue::Issue;
use crate::domain::ledger::{Settled, Settlement};
use crate::domain::listing::ChannelListing;

impl Push<'_> {
    /// Looks up what is in doubt, reads back what was applied, and returns the rows to send again. On the `last`
    /// round these count as failed or stay in doubt.
    pub(super) async fn look_after(
        &self,
        lane: Lane,
        sent: Vec<Sent>,
        last: bool,
    ) -> Result<Vec<Planned>> {
        let mut again = Vec::new();
        let (in_doubt, sent): (Vec<_>, Vec<_>) = sent
            .into_iter()
            .partition(|row| matches!(row.state, SentState::InDoubt | SentState::Moved));
        let (failed, applied): (Vec<_>, Vec<_>) = sent
            .into_iter()
            .partition(|row| row.state == SentState::Again);
        again.extend(failed.into_iter().map(|row| row.planned));
        again.extend(self.look_up(in_doubt).await?);
        if lane != Lane::End {
            self.read_back(applied).await?;
        }
        if last && !again.is_empty() {
            let mut report = self.report.lock().await;
            report.failed += again.len() as u64;
            for planned in again.drain(..) {
                report.issues.push(
                    Issue::error(
                        "not_sent",
                        "the channel did not take this change, although it was sent several times",
                    )
                    .channel(&self.channel.name)
                    .sku(&planned.change.sku)
                    .hint("the next run tries again"),
                );
            }
        }
        Ok(again)
    }

    /// Nothing that may have arrived is sent again before it was looked for.
    async fn look_up(&self, rows: Vec<Sent>) -> Result<Vec<Planned>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let parents: HashSet<&Sku> = rows
            .iter()
            .filter_map(|row| row.planned.parent.as_ref())
            .collect();
        let live = match self
            .live(
                rows.iter()
                    .map(|row| &row.planned.change.sku)
                    .chain(parents.iter().copied()),
            )
            .await
        {
            Some(live) => live,
            None => {
                // Still in doubt: the next run looks first.
                self.report.lock().await.in_doubt += rows.len() as u64;
                return Ok(Vec::new());
            }
        };
        let now = Timestamp::now();
        let orphaned = self.forget_missing(parents, &live, now).await?;
        let mut again = Vec::new();
        let mut settlements = Vec::new();
        for row in rows {
            let change = &row.planned.change;
            let before = self.records.lock().await.get(&change.sku).cloned();
            let (found, settlement) = settle_by_sight(
                change,
                row.intent,
                live.get(&change.sku),
                before.as_ref(),
                now,
            );
            settlements.push(settlement);
            match found {
                // An update of content cannot be seen, but sending it again does no harm.
                Found::Shown if change.action == Action::Update => again.push(row.planned),
                Found::Shown => self.report.lock().await.applied += 1,
                // A new listing that shows other values is there all the same: the next plan sets it right.
                Found::Different if change.action == Action::Create => {
                    self.report.lock().await.applied += 1
                }
                // Gone, or its parent is. The next run creates it: within this one, a shop that says yes and does
                // nothing would keep us busy for ever.
                Found::Missing
                    if change.action != Action::Create
                        || row
                            .planned
                            .parent
                            .as_ref()
                            .is_some_and(|parent| orphaned.contains(parent)) =>
                {
                    let mut report = self.report.lock().await;
                    report.failed += 1;
                    report.issues.push(
                        Issue::error(
                            "listing_gone",
                            "the channel has this listing, or its parent, no more",
                        )
                        .channel(&self.channel.name)
                        .sku(&change.sku)
                        .hint("the next run creates it again"),
                    );
                }
                // Planned on a figure that no longer holds: what changed it, an order perhaps, is read first.
                Found::Different if row.state == SentState::Moved => {
                    let mut report = self.report.lock().await;
                    if self.moved.contains(&change.sku) {
                        report.failed += 1;
                        report.issues.push(self.unsteady(&change.sku));
                    } else {
                        report.left += 1;
                        report.moved.push(change.sku.clone());
                    }
                }
                Found::Different | Found::Missing => again.push(row.planned),
            }
        }
        self.record(now, settlements).await?;
        Ok(again)
    }

    /// Parents that the ledger believes to be live and the channel does not have: the next plan creates them.
    async fn forget_missing(
        &self,
        parents: HashSet<&Sku>,
        live: &HashMap<Sku, ChannelListing>,
        now: Timestamp,
    ) -> Result<HashSet<Sku>> {
        let mut gone = Vec::new();
        {
            let mut records = self.records.lock().await;
            for parent in parents {
                match records.get_mut(parent) {
                    Some(record) if record.live && !live.contains_key(parent) => {
                        *record = vanished(record, now);
                        gone.push((parent.clone(), record.clone()));
                    }
                    _ => {}
                }
            }
        }
        if !gone.is_empty() {
            self.work
                .ledger
                .record_listings(&self.channel.name, &gone)
                .await?;
        }
        Ok(gone.into_iter().map(|(sku, _)| sku).collect())
    }

    /// A channel that answers "done" and does nothing is found here.
    async fn read_back(&self, rows: Vec<Sent>) -> Result<()> {
        // Zeroes were sent first, and are read back first.
        let left = self.verify.load(Ordering::Relaxed);
        let rows: Vec<_> = rows.into_iter().take(left).collect();
        self.verify.store(left - rows.len(), Ordering::Relaxed);
        if rows.is_empty() {
            return Ok(());
        }
        let Some(live) = self
            .live(rows.iter().map(|row| &row.planned.change.sku))
            .await
        else {
            return Ok(());
        };
        let now = Timestamp::now();
        let mut settlements = Vec::new();
        for row in &rows {
            let change = &row.planned.change;
            let seen = live.get(&change.sku);
            if seen.is_some_and(|listing| shows(listing, change)) {
                continue;
            }
            let before = self.records.lock().await.get(&change.sku).cloned();
            let (_, settlement) = settle_by_sight(change, row.intent, seen, before.as_ref(), now);
            let issue = self.ignored(row, seen);
            let mut report = self.report.lock().await;
            report.applied = report.applied.saturating_sub(1);
            report.failed += 1;
            report.issues.push(issue.clone());
            settlements.push(Settlement {
                settled: Settled::Ignored,
                issues: vec![issue],
                record: settlement.record,
                ..blank(&row.planned, row.intent)
            });
        }
        self.record(now, settlements).await
    }

    fn unsteady(&self, sku: &Sku) -> Issue {
        Issue::error(
            "stock_moves",
            "the channel's own stock figure changed again while it was being set",
        )
        .channel(&self.channel.name)
        .sku(sku)
        .hint("the next run tries again; if it stays so, look for another program that sets this stock")
    }

    fn ignored(&self, row: &Sent, seen: Option<&ChannelListing>) -> Issue {
        let change = &row.planned.change;
        let message = match seen {
            None => {
                "the channel answered that it was done, but the listing is not there".to_owned()
            }
            Some(listing) => {
                let mut shown = Vec::new();
                if let (Some(wanted), Some(live)) = (change.after.quantity, listing.quantity)
                    && wanted != live
                {
                    shown.push(format!("stock {live} instead of {wanted}"));
                }
                if let (Some(wanted), Some(live)) = (change.after.price, listing.price)
                    && wanted != live
                {
                    shown.push(format!("price {live} instead of {wanted}"));
                }
                if shown.is_empty() {
                    shown.push("a listing that is not live".to_owned());
                }
                format!(
                    "the channel answered that it was done, but it shows {}",
                    shown.join(" and ")
                )
            }
        };
        Issue::error("ignored_by_channel", message)
            .channel(&self.channel.name)
            .sku(&change.sku)
            .hint(
                "the next run sends it again; if it stays so, look at this listing on the channel",
            )
    }

    /// What is live of these skus; `None` when this channel cannot be read, or not now.
    async fn live<'s>(
        &self,
        skus: impl Iterator<Item = &'s Sku>,
    ) -> Option<HashMap<Sku, ChannelListing>> {
        if !self.channel.connector.descriptor().capability.listing_read {
            return None;
        }
        let skus: Vec<Sku> = skus.cloned().collect();
        match find(self.channel, &skus).await {
            Ok(live) => Some(live),
            Err(error) => {
                tracing::warn!(channel = %self.channel.name, %error, "what was sent could not be read back");
                None
            }
        }
    }
}
