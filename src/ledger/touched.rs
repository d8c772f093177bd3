//! Which listings were written since a planner last looked.

use sqlx::SqliteConnection;

use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::{TouchId, Touched};

use super::fault::Fault;
use super::rows::{ManyRows, id};

/// A number for one write, above all before it.
pub async fn next_touch(connection: &mut SqliteConnection) -> Result<TouchId, Fault> {
    Ok(sqlx::query_scalar(
        "SELECT max(coalesce((SELECT max(seq) FROM touched), 0) + 1, \
         CAST(unixepoch('subsec') * 1000000 AS INTEGER))",
    )
    .fetch_one(connection)
    .await?)
}

const TOUCHED: ManyRows = ManyRows {
    head: "INSERT INTO touched (seq, channel, sku)",
    width: 3,
    tail: " ON CONFLICT DO NOTHING",
};

/// Remembers that these were written.
pub async fn touch<'s>(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    touch: TouchId,
    skus: impl Iterator<Item = &'s Sku>,
) -> Result<(), Fault> {
    let touched = TOUCHED.with(skus, |sku, values| {
        values.put(touch)?.id(channel)?.id(sku)?;
        Ok(())
    })?;
    touched.execute(connection).await?;
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
