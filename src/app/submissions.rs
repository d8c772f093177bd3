//! Changes that the channel took for later: asked about, confirmed by sight, or given up at their deadline.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::Channel;
use super::contact::{Found, failed, find, settle_by_sight, shows};
use crate::domain::change::{Action, Change, Lane};
use crate::domain::connector::{ItemOutcome, Outcome, Submission, Submitted};
use crate::domain::ids::{ListingRef, Sku, SubmissionId};
use crate::domain::issue::Issue;
use crate::domain::ledger::{
    Ledger, ListingRecord, Pending, Rejection, Settled, Settlement, deadline,
};
use crate::domain::listing::Facets;
use crate::domain::{Error, Result};

/// What asking about submissions brought.
#[derive(Debug, Default)]
pub struct Polled {
    pub applied: u64,
    pub rejected: u64,
    /// Given up: past their deadline, or broken off by the channel.
    pub given_up: u64,
    /// Still on their way.
    pub waiting: u64,
    pub issues: Vec<Issue>,
}

/// Asks once about everything that the channel took for later, and records what has become of it.
pub async fn poll(channel: &Channel, ledger: &Arc<dyn Ledger>, now: Timestamp) -> Result<Polled> {
    let pending = ledger.pending(&channel.name).await?;
    let mut polled = Polled::default();
    if pending.is_empty() {
        return Ok(polled);
    }
    let skus: Vec<Sku> = pending
        .iter()
        .map(|waiting| waiting.change.sku.clone())
        .collect();
    let mut records = ledger.listings_of(&channel.name, &skus).await?;
    let mut by_submission: HashMap<Option<SubmissionId>, Vec<Pending>> = HashMap::new();
    for waiting in pending {
        by_submission
            .entry(waiting.submission.clone())
            .or_default()
            .push(waiting);
    }
    for (submission, waiting) in by_submission {
        let settlements = match submission {
            None => confirm_by_sight(channel, waiting, &records, now, &mut polled).await?,
            Some(id) => match channel
                .connector
                .poll_submission(&id, &submitted(&waiting))
                .await?
            {
                Submission::Pending => give_up_late(channel, &id, waiting, now, &mut polled),
                Submission::Done(outcomes) => {
                    finish_submission(channel, waiting, outcomes, &records, now, &mut polled)
                        .await?
                }
                Submission::Broken(error) => {
                    polled.issues.push(broken(channel, &id, &error));
                    polled.given_up += waiting.len() as u64;
                    by_what_is_live(channel, waiting, &records, now).await?
                }
            },
        };
        for settlement in &settlements {
            if let Some(record) = &settlement.record {
                records.insert(settlement.sku.clone(), record.clone());
            }
        }
        ledger.settle(&channel.name, now, &settlements).await?;
    }
    Ok(polled)
}

fn submitted(waiting: &[Pending]) -> Vec<Submitted> {
    let item = |pending: &Pending| Submitted {
        sku: pending.change.sku.clone(),
        lane: pending.change.lane,
        part: pending.part,
    };
    waiting.iter().map(item).collect()
}

fn broken(channel: &Channel, id: &SubmissionId, error: &Error) -> Issue {
    Issue::error(
        "submission_broken",
        format!("the channel gave up on submission {id}: {error}"),
    )
    .channel(&channel.name)
    .hint("what is live was read instead; the rest is sent again")
}

/// Changes without a submission: the live listing has to show them.
async fn confirm_by_sight(
    channel: &Channel,
    waiting: Vec<Pending>,
    records: &HashMap<Sku, ListingRecord>,
    now: Timestamp,
    polled: &mut Polled,
) -> Result<Vec<Settlement>> {
    let skus: Vec<Sku> = waiting
        .iter()
        .map(|pending| pending.change.sku.clone())
        .collect();
    let live = find(channel, &skus).await?;
    let mut settlements = Vec::new();
    for pending in waiting {
        let sku = &pending.change.sku;
        let (found, settlement) = settle_by_sight(
            &pending.change,
            pending.intent,
            live.get(sku),
            records.get(sku),
            now,
        );
        let late = pending.deadline <= now;
        match found {
            Found::Shown => {
                polled.applied += 1;
                let mut settlement = Settlement {
                    settled: Settled::Applied,
                    ..settlement
                };
                if let (Some(record), Some(content)) =
                    (&mut settlement.record, pending.change.after.content)
                {
                    record.confirmed.content = Some(content);
                    record.shown = None;
                }
                settlements.push(resolved(settlement, &pending));
            }
            // A later write replaced what this one wanted to show.
            _ if pending.superseded => settlements.push(resolved(settlement, &pending)),
            _ if late => {
                polled.given_up += 1;
                let issue = not_applied(channel, &pending);
                polled.issues.push(issue.clone());
                settlements.push(resolved(
                    Settlement {
                        settled: Settled::Ignored,
                        issues: vec![issue],
                        ..settlement
                    },
                    &pending,
                ));
            }
            _ => polled.waiting += 1,
        }
    }
    Ok(settlements)
}

fn not_applied(channel: &Channel, pending: &Pending) -> Issue {
    Issue::error(
        "accepted_but_not_applied",
        format!(
            "accepted by the channel at {:.0}, but the listing does not show it",
            pending.since
        ),
    )
    .channel(&channel.name)
    .sku(&pending.change.sku)
    .hint("what is live was recorded; the next run sends it again")
}

fn give_up_late(
    channel: &Channel,
    id: &SubmissionId,
    waiting: Vec<Pending>,
    now: Timestamp,
    polled: &mut Polled,
) -> Vec<Settlement> {
    let (late, waiting): (Vec<_>, Vec<_>) = waiting
        .into_iter()
        .partition(|pending| pending.deadline <= now);
    polled.waiting += waiting.len() as u64;
    let Some(first) = late.first() else {
        return Vec::new();
    };
    polled.given_up += late.len() as u64;
    polled.issues.push(
        Issue::error(
            "submission_overdue",
            format!(
                "submission {id} with {} changes has had no result since {:.0}",
                late.len(),
                first.since
            ),
        )
        .channel(&channel.name)
        .hint(
            "its changes count as not applied and are sent again; ask the channel what holds it up",
        ),
    );
    late.iter()
        .map(|pending| resolved(settlement(pending, Settled::Failed), pending))
        .collect()
}

/// The channel is through with a submission: each change is applied unless it is named otherwise.
async fn finish_submission(
    channel: &Channel,
    waiting: Vec<Pending>,
    outcomes: Vec<ItemOutcome>,
    records: &HashMap<Sku, ListingRecord>,
    now: Timestamp,
    polled: &mut Polled,
) -> Result<Vec<Settlement>> {
    let mut by_sku: HashMap<Sku, Outcome> = outcomes
        .into_iter()
        .map(|outcome| (outcome.key, outcome.outcome))
        .collect();
    // A listing that is new needs its reference, which a report does not always tell; and of the others, as many
    // as the channel is to be verified, a report that says "done" is not believed alone.
    let done = |pending: &&Pending| {
        !matches!(
            by_sku.get(&pending.change.sku),
            Some(Outcome::Rejected(_) | Outcome::Failed(_))
        )
    };
    let (nameless, named): (Vec<_>, Vec<_>) = waiting.iter().filter(done).partition(|pending| {
        let known = records
            .get(&pending.change.sku)
            .and_then(ListingRecord::reference);
        pending.listing_ref.is_none() && known.is_none()
    });
    let descriptor = channel.connector.descriptor();
    let verified = if descriptor.capability.listing_read {
        channel.verify
    } else {
        0
    };
    let looked_up: HashSet<Sku> = nameless
        .into_iter()
        .chain(named.into_iter().take(verified))
        .map(|pending| pending.change.sku.clone())
        .collect();
    let live = if looked_up.is_empty() {
        HashMap::new()
    } else {
        let skus: Vec<Sku> = looked_up.iter().cloned().collect();
        find(channel, &skus).await?
    };
    let may_still_show =
        |pending: &Pending| deadline(pending.since, descriptor.limits.sight_deadline) > now;
    let mut settlements = Vec::new();
    for pending in waiting {
        let sku = &pending.change.sku;
        match by_sku.remove(sku).unwrap_or_else(Outcome::applied) {
            Outcome::Applied {
                listing_ref,
                issues,
            } => {
                let reference = listing_ref
                    .or_else(|| pending.listing_ref.clone())
                    .or_else(|| records.get(sku).and_then(ListingRecord::reference))
                    .or_else(|| live.get(sku).map(|listing| listing.listing_ref.clone()));
                let Some(reference) = reference else {
                    // Reported as done, but not there: the report alone is not believed.
                    if may_still_show(&pending) {
                        polled.waiting += 1;
                        continue;
                    }
                    polled.given_up += 1;
                    settlements.push(resolved(settlement(&pending, Settled::Ignored), &pending));
                    continue;
                };
                let seen = live.get(sku);
                let is_checked = looked_up.contains(sku)
                    && !pending.superseded
                    && pending.change.lane != Lane::End;
                if is_checked && !seen.is_some_and(|listing| shows(listing, &pending.change)) {
                    if may_still_show(&pending) {
                        polled.waiting += 1;
                        continue;
                    }
                    polled.given_up += 1;
                    let issue = not_applied(channel, &pending);
                    polled.issues.push(issue.clone());
                    let (_, sighted) = settle_by_sight(
                        &pending.change,
                        pending.intent,
                        seen,
                        records.get(sku),
                        now,
                    );
                    let ignored = Settlement {
                        settled: Settled::Ignored,
                        issues: vec![issue],
                        ..sighted
                    };
                    settlements.push(resolved(ignored, &pending));
                    continue;
                }
                polled.applied += 1;
                let record = applied(&pending.change, reference, records.get(sku), now);
                polled.issues.extend(
                    issues
                        .iter()
                        .cloned()
                        .map(|issue| issue.channel(&channel.name).sku(sku)),
                );
                settlements.push(resolved(
                    Settlement {
                        record: Some(record),
                        issues,
                        ..settlement(&pending, Settled::Applied)
                    },
                    &pending,
                ));
            }
            Outcome::Rejected(issues) => {
                polled.rejected += 1;
                let issues: Vec<_> = issues
                    .into_iter()
                    .map(|issue| issue.channel(&channel.name).sku(sku))
                    .collect();
                polled.issues.extend(issues.clone());
                let rejection = Rejection {
                    sku: sku.clone(),
                    lane: pending.change.lane,
                    after: pending.change.after,
                    issues: issues.clone(),
                    at: now,
                };
                settlements.push(resolved(
                    Settlement {
                        issues,
                        rejection: Some(rejection),
                        ..settlement(&pending, Settled::Rejected)
                    },
                    &pending,
                ));
            }
            Outcome::Failed(error) => {
                polled.given_up += 1;
                polled.issues.push(failed(channel, sku, &error));
                settlements.push(resolved(settlement(&pending, Settled::Failed), &pending));
            }
            Outcome::Unknown(_) | Outcome::Accepted { .. } => polled.waiting += 1,
        }
    }
    Ok(settlements)
}

/// The submission tells nothing: read what is live.
async fn by_what_is_live(
    channel: &Channel,
    waiting: Vec<Pending>,
    records: &HashMap<Sku, ListingRecord>,
    now: Timestamp,
) -> Result<Vec<Settlement>> {
    let skus: Vec<Sku> = waiting
        .iter()
        .map(|pending| pending.change.sku.clone())
        .collect();
    let live = find(channel, &skus).await?;
    Ok(waiting
        .iter()
        .map(|pending| {
            let sku = &pending.change.sku;
            let (_, settlement) = settle_by_sight(
                &pending.change,
                pending.intent,
                live.get(sku),
                records.get(sku),
                now,
            );
            resolved(settlement, pending)
        })
        .collect())
}

fn settlement(pending: &Pending, settled: Settled) -> Settlement {
    Settlement {
        intent: pending.intent,
        sku: pending.change.sku.clone(),
        lane: pending.change.lane,
        settled,
        issues: Vec::new(),
        record: None,
        pending: None,
        resolves_pending: true,
        rejection: None,
    }
}

/// No longer waits. When a later write went past it, its late arrival may have undone that write: the facet
/// counts as unknown and is sent again.
fn resolved(settlement: Settlement, pending: &Pending) -> Settlement {
    let mut settlement = Settlement {
        resolves_pending: true,
        ..settlement
    };
    if pending.superseded
        && let Some(record) = &mut settlement.record
    {
        forget_facet(record, pending.change.lane);
    }
    settlement
}

fn forget_facet(record: &mut ListingRecord, lane: Lane) {
    match lane {
        Lane::Zero | Lane::Stock => record.confirmed.quantity = None,
        Lane::Price => {
            record.confirmed.price = None;
            record.confirmed.compare_at = None;
        }
        Lane::Listing => {
            record.confirmed = Facets::default();
            record.shown = None;
        }
        Lane::End => {}
    }
}

/// The record after a change was applied.
pub(crate) fn applied(
    change: &Change,
    listing_ref: ListingRef,
    before: Option<&ListingRecord>,
    now: Timestamp,
) -> ListingRecord {
    let mut confirmed = before.map(|record| record.confirmed).unwrap_or_default();
    match (change.lane, change.action) {
        (Lane::End, _) => confirmed = Facets::default(),
        (_, Action::Create) => confirmed = change.after,
        (Lane::Zero | Lane::Stock, _) => confirmed.quantity = change.after.quantity,
        (Lane::Price, _) => {
            confirmed.price = change.after.price;
            confirmed.compare_at = change.after.compare_at;
        }
        (Lane::Listing, _) => confirmed.content = change.after.content,
    }
    ListingRecord {
        listing_ref,
        live: change.lane != Lane::End,
        managed: true,
        confirmed,
        shown: before
            .filter(|_| matches!(change.lane, Lane::Zero | Lane::Stock | Lane::Price))
            .and_then(|record| record.shown),
        at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fingerprint::Fingerprint;

    fn change(lane: Lane, action: Action) -> Change {
        Change {
            sku: "A".into(),
            lane,
            action,
            before: Facets::default(),
            after: Facets::default(),
        }
    }

    #[test]
    fn what_was_shown_is_known_until_other_content_is_sent() {
        let now = Timestamp::UNIX_EPOCH;
        let before = ListingRecord {
            listing_ref: "1".into(),
            live: true,
            managed: true,
            confirmed: Facets::default(),
            shown: Some(Fingerprint(7)),
            at: now,
        };
        let after =
            |lane, action| applied(&change(lane, action), "1".into(), Some(&before), now).shown;
        for lane in [Lane::Zero, Lane::Stock, Lane::Price] {
            assert_eq!(after(lane, Action::Set), before.shown, "{lane:?}");
        }
        for action in [Action::Create, Action::Update] {
            assert_eq!(after(Lane::Listing, action), None, "{action:?}");
        }
        assert_eq!(after(Lane::End, Action::End), None);
        let mut record = before.clone();
        forget_facet(&mut record, Lane::Stock);
        assert_eq!(record.shown, before.shown);
        forget_facet(&mut record, Lane::Listing);
        assert_eq!(record.shown, None);
    }
}
