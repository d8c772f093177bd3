//! Intents and how they ended; what waits, and what was refused.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::change::{Change, Lane};
use crate::domain::ids::{ChannelName, IdempotencyKey, RunId, Sku};
use crate::domain::issue::Issue;
use crate::domain::ledger::{Intent, IntentId, Pending, Rejection, Settled, Settlement};
use crate::domain::{Error, Result as DomainResult};

use super::fault::Fault;
use super::listings::record_listings;
use super::rows::{
    BULK, ManyRows, facets, from_json, get, id, json, micros, optional_id, time, to_json, word,
};
use super::runs::reserve_ids;

const INTENTS: ManyRows = ManyRows {
    head: "INSERT INTO journal (id, run, channel, sku, lane, action, idempotency_key, before, \
           after, sent_at)",
    width: 10,
    tail: "",
};

pub async fn record_intents(
    connection: &mut SqliteConnection,
    run: &RunId,
    channel: &ChannelName,
    changes: &[(Change, IdempotencyKey)],
    at: Timestamp,
) -> Result<Vec<IntentId>, Fault> {
    let first = reserve_ids(connection, "last_intent", changes.len()).await?;
    let ids: Vec<IntentId> = (first..).take(changes.len()).collect();
    for (ids, changes) in ids.chunks(BULK).zip(changes.chunks(BULK)) {
        INTENTS
            .with(ids.iter().zip(changes), |(id, (change, key)), values| {
                values.put(*id)?.id(run)?.id(channel)?.id(&change.sku)?;
                values
                    .word(change.lane.as_str())?
                    .word(change.action.as_str())?
                    .id(key)?;
                values
                    .put(to_json(&change.before)?)?
                    .put(to_json(&change.after)?)?;
                values.put(micros(at))?;
                Ok(())
            })
            .execute(connection)
            .await?;
    }
    Ok(ids)
}

pub async fn settle(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    at: Timestamp,
    settlements: &[Settlement],
) -> Result<(), Fault> {
    for settlements in settlements.chunks(BULK) {
        end_intents(connection, channel, at, settlements).await?;
        let records: Vec<_> = settlements
            .iter()
            .filter_map(|settlement| Some((&settlement.sku, settlement.record.as_ref()?)))
            .collect();
        record_listings(connection, channel, &records).await?;
        settle_pending(connection, channel, settlements).await?;
        settle_rejections(connection, channel, settlements).await?;
    }
    Ok(())
}

/// Of several settlements of one intent the last holds.
async fn end_intents(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    at: Timestamp,
    settlements: &[Settlement],
) -> Result<(), Fault> {
    let last: BTreeMap<IntentId, &Settlement> = settlements
        .iter()
        .map(|settlement| (settlement.intent, settlement))
        .collect();
    let mut runs: Vec<Ended<'_>> = Vec::new();
    for settlement in last.values() {
        match runs.last_mut() {
            Some(run) if run.is_followed_by(settlement) => run.last = settlement.intent,
            _ => runs.push(Ended {
                first: settlement.intent,
                last: settlement.intent,
                settled: settlement.settled,
                issues: &settlement.issues,
            }),
        }
    }
    let ended = ManyRows {
        head: "UPDATE journal SET settled = ended.column4, settled_at = ended.column5, \
               issues = ended.column6 FROM (",
        width: 6,
        tail: ") AS ended WHERE journal.id BETWEEN ended.column1 AND ended.column2 \
               AND journal.channel = ended.column3",
    }
    .with(&runs, |run, values| {
        let issues = match run.issues {
            [] => None,
            issues => Some(to_json(&issues)?),
        };
        values.put(run.first)?.put(run.last)?.id(channel)?;
        values
            .word(run.settled.as_str())?
            .put(micros(at))?
            .put(issues)?;
        Ok(())
    })
    .execute(connection)
    .await?;
    all_known(last.len() as u64, ended, channel)?;
    Ok(())
}

/// Intents that ended alike, one after the other: mostly all of a batch, and one row of a statement.
struct Ended<'a> {
    first: IntentId,
    last: IntentId,
    settled: Settled,
    issues: &'a [Issue],
}

impl Ended<'_> {
    fn is_followed_by(&self, settlement: &Settlement) -> bool {
        settlement.intent == self.last + 1
            && settlement.settled == self.settled
            && settlement.issues.is_empty()
            && self.issues.is_empty()
    }
}

/// A settlement without its intent would be an outcome that nobody can trace.
fn all_known(given: u64, found: u64, channel: &ChannelName) -> DomainResult<()> {
    if given == found {
        return Ok(());
    }
    Err(Error::unexpected(format!(
        "{} of {given} outcomes belong to no intent of the journal; none was recorded",
        given - found
    ))
    .with("channel", channel.as_str()))
}

async fn settle_pending(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    settlements: &[Settlement],
) -> Result<(), Fault> {
    // What is left of each row once all settlements have had their say, in their order.
    let mut left: HashMap<(&Sku, Lane, IntentId), Option<&Pending>> = HashMap::new();
    for settlement in settlements {
        if settlement.resolves_pending {
            left.insert((&settlement.sku, settlement.lane, settlement.intent), None);
        }
        if let Some(pending) = &settlement.pending {
            let change = &pending.change;
            left.insert((&change.sku, change.lane, pending.intent), Some(pending));
        }
    }
    let gone: Vec<_> = left.iter().filter(|(_, left)| left.is_none()).collect();
    if !gone.is_empty() {
        sqlx::query(
            "DELETE FROM pending WHERE channel = $2 AND (sku, lane, intent) IN \
             (SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each($1))",
        )
        .bind(json(gone.iter().map(|(key, _)| key))?)
        .bind(channel.as_str())
        .execute(&mut *connection)
        .await?;
    }
    let waiting: Vec<&Pending> = left.into_values().flatten().collect();
    if waiting.is_empty() {
        return Ok(());
    }
    ManyRows {
        head: "INSERT INTO pending (channel, sku, lane, intent, action, before, after, submission, \
               part, listing_ref, since, deadline, superseded)",
        width: 13,
        tail: " ON CONFLICT (channel, sku, lane, intent) DO UPDATE SET action = excluded.action, \
               before = excluded.before, after = excluded.after, \
               submission = excluded.submission, part = excluded.part, \
               listing_ref = excluded.listing_ref, since = excluded.since, \
               deadline = excluded.deadline, superseded = excluded.superseded",
    }
    .with(waiting, |pending, values| {
        let change = &pending.change;
        values
            .id(channel)?
            .id(&change.sku)?
            .word(change.lane.as_str())?
            .put(pending.intent)?;
        values.word(change.action.as_str())?;
        values
            .put(to_json(&change.before)?)?
            .put(to_json(&change.after)?)?;
        values
            .optional_id(pending.submission.as_ref())?
            .put(pending.part)?;
        values.optional_id(pending.listing_ref.as_ref())?;
        values
            .put(micros(pending.since))?
            .put(micros(pending.deadline))?;
        values.put(pending.superseded)?;
        Ok(())
    })
    .execute(connection)
    .await?;
    Ok(())
}

/// What the channel takes after all is not refused any more.
async fn settle_rejections(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    settlements: &[Settlement],
) -> Result<(), Fault> {
    let mut left: HashMap<(&Sku, Lane), Option<&Rejection>> = HashMap::new();
    for settlement in settlements {
        if matches!(
            settlement.settled,
            Settled::Applied | Settled::Accepted | Settled::Observed
        ) {
            left.insert((&settlement.sku, settlement.lane), None);
        }
        if let Some(rejection) = &settlement.rejection {
            left.insert((&rejection.sku, rejection.lane), Some(rejection));
        }
    }
    let cleared: HashSet<_> = left
        .iter()
        .filter_map(|(key, left)| left.is_none().then_some(key))
        .collect();
    // Nearly every outcome clears, and hardly any finds something to clear.
    if !cleared.is_empty() && has_rejections(connection, channel).await? {
        sqlx::query(
            "DELETE FROM rejections WHERE channel = $2 AND (sku, lane) IN \
             (SELECT value ->> 0, value ->> 1 FROM jsonb_each($1))",
        )
        .bind(json(cleared)?)
        .bind(channel.as_str())
        .execute(&mut *connection)
        .await?;
    }
    let refused: Vec<&Rejection> = left.into_values().flatten().collect();
    if refused.is_empty() {
        return Ok(());
    }
    ManyRows {
        head: "INSERT INTO rejections (channel, sku, lane, after, issues, at)",
        width: 6,
        tail: " ON CONFLICT (channel, sku, lane) DO UPDATE SET after = excluded.after, \
               issues = excluded.issues, at = excluded.at",
    }
    .with(refused, |rejection, values| {
        values
            .id(channel)?
            .id(&rejection.sku)?
            .word(rejection.lane.as_str())?;
        values
            .put(to_json(&rejection.after)?)?
            .put(to_json(&rejection.issues)?)?;
        values.put(micros(rejection.at))?;
        Ok(())
    })
    .execute(connection)
    .await?;
    Ok(())
}

async fn has_rejections(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<bool, Fault> {
    Ok(
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM rejections WHERE channel = $1)")
            .bind(channel.as_str())
            .fetch_one(connection)
            .await?,
    )
}

/// A change whose columns are sku, lane, action, before, after, from `index` on.
fn change(row: &SqliteRow, index: usize) -> Result<Change, Fault> {
    Ok(Change {
        sku: id(row, index)?,
        lane: word(row, index + 1)?,
        action: word(row, index + 2)?,
        before: facets(row, index + 3)?,
        after: facets(row, index + 4)?,
    })
}

/// In the order in which they were recorded.
pub async fn open_intents(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<Vec<Intent>, Fault> {
    sqlx::query(
        "SELECT id, sku, lane, action, before, after, idempotency_key, sent_at FROM journal \
         WHERE channel = $1 AND (settled IS NULL OR settled = 'in_doubt') ORDER BY id",
    )
    .bind(channel.as_str())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(Intent {
            id: get(row, 0)?,
            change: change(row, 1)?,
            key: id(row, 6)?,
            at: time(row, 7)?,
        })
    })
    .collect()
}

/// In the order in which they were sent.
pub async fn pending(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<Vec<Pending>, Fault> {
    sqlx::query(
        "SELECT intent, sku, lane, action, before, after, submission, part, listing_ref, \
         since, deadline, superseded FROM pending WHERE channel = $1 ORDER BY intent",
    )
    .bind(channel.as_str())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(Pending {
            change: change(row, 1)?,
            intent: get(row, 0)?,
            submission: optional_id(row, 6)?,
            part: get(row, 7)?,
            listing_ref: optional_id(row, 8)?,
            since: time(row, 9)?,
            deadline: time(row, 10)?,
            superseded: get(row, 11)?,
        })
    })
    .collect()
}

pub async fn supersede(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    lane: Lane,
    skus: &[Sku],
) -> Result<(), Fault> {
    let lanes: Vec<Lane> = Lane::ALL
        .into_iter()
        .filter(|other| lane.shares_facet_with(*other))
        .collect();
    sqlx::query(
        "UPDATE pending SET superseded = 1 WHERE channel = $1 \
         AND sku IN (SELECT value FROM json_each($2)) \
         AND lane IN (SELECT value FROM json_each($3))",
    )
    .bind(channel.as_str())
    .bind(to_json(&skus)?)
    .bind(to_json(&lanes)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// By sku and lane.
pub async fn rejections(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<Vec<Rejection>, Fault> {
    sqlx::query(
        "SELECT sku, lane, after, issues, at FROM rejections WHERE channel = $1 \
         ORDER BY sku, lane",
    )
    .bind(channel.as_str())
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(Rejection {
            sku: id(row, 0)?,
            lane: word(row, 1)?,
            after: facets(row, 2)?,
            issues: from_json(get(row, 3)?)?,
            at: time(row, 4)?,
        })
    })
    .collect()
}
