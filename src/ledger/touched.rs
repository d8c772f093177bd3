//! Which listings were written since a planner last looked.

use sqlx::SqliteConnection;

use crate::domain::ids::ChannelName;
use crate::domain::ledger::{TouchId, Touched};

use super::fault::Fault;
use super::rows::{get, id};

/// A number for one write, above all before it.
pub async fn next_touch(connection: &mut SqliteConnection) -> Result<TouchId, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT max(coalesce((SELECT max(seq) FROM touched), 0) + 1, \
         CAST(unixepoch('subsec') * 1000000 AS INTEGER))",
    )
    .fetch_one(connection)
    .await?)
}

/// Remembers that these were written: a JSON list of lists whose first value is the sku.
pub async fn touch(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    touch: TouchId,
    rows: &str,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO touched (seq, channel, sku) SELECT $1, $2, value ->> 0 FROM jsonb_each($3) \
         WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(touch)
    .bind(channel.as_str())
    .bind(rows)
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn touched_since(
    connection: &mut SqliteConnection,
    since: Option<TouchId>,
    most: usize,
) -> Result<Touched, Fault> {
    let latest = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM touched")
        .fetch_one(&mut *connection)
        .await?;
    let mut touched = Touched {
        latest,
        listings: None,
    };
    let Some(since) = since else {
        return Ok(touched);
    };
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM touched WHERE seq = $1)")
        .bind(since)
        .fetch_one(&mut *connection)
        .await?;
    if !known {
        return Ok(touched);
    }
    let rows = sqlx::query("SELECT channel, sku FROM touched WHERE seq > $1 LIMIT $2")
        .bind(since)
        .bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1))
        .fetch_all(connection)
        .await?;
    if rows.len() <= most {
        let listings = rows.iter().map(|row| Ok((id(row, 0)?, id(row, 1)?)));
        touched.listings = Some(listings.collect::<Result<_, Fault>>()?);
    }
    Ok(touched)
}

pub async fn forget_touched(
    connection: &mut SqliteConnection,
    before: TouchId,
) -> Result<(), Fault> {
    sqlx::query("DELETE FROM touched WHERE seq < $1")
        .bind(before)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many listings are live and ours.
pub async fn live_listings(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<u64, Fault> {
    let row = sqlx::query("SELECT count(*) FROM listings WHERE channel = $1 AND live AND managed")
        .bind(channel.as_str())
        .fetch_one(connection)
        .await?;
    Ok(get::<i64>(&row, 0)?.unsigned_abs())
}
