//! Which listings were written since a planner last looked.

use sqlx::SqliteConnection;

use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::{TouchId, Touched};

use super::fault::Fault;
use super::rows::{count, from_json, get, id, json, quantity};

/// Remembers that these were written.
pub async fn touch<'s>(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    skus: impl ExactSizeIterator<Item = &'s Sku>,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO touched (seq, channel, listings, skus) SELECT max(coalesce(max(seq), 0) + 1, \
         CAST(unixepoch('subsec') * 1000000 AS INTEGER)), $1, $2, $3 FROM touched",
    )
    .bind(channel.as_str())
    .bind(count(skus.len() as u64))
    .bind(json(skus)?)
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
    // Without the write itself the later ones may be gone as well.
    let row = sqlx::query(
        "SELECT count(*) FILTER (WHERE seq = $1), coalesce(sum(listings) FILTER (WHERE seq > $1), 0) \
         FROM touched WHERE seq >= $1",
    )
    .bind(since)
    .fetch_one(&mut *connection)
    .await?;
    let is_known: bool = get(&row, 0)?;
    let listings = quantity(&row, 1)?;
    if !is_known || listings > most as u64 {
        return Ok(touched);
    }
    let rows = sqlx::query("SELECT channel, skus FROM touched WHERE seq > $1")
        .bind(since)
        .fetch_all(connection)
        .await?;
    let mut listings = Vec::new();
    for row in rows {
        let channel: ChannelName = id(&row, 0)?;
        let skus: Vec<Sku> = from_json(get(&row, 1)?)?;
        listings.extend(skus.into_iter().map(|sku| (channel.clone(), sku)));
    }
    touched.listings = Some(listings);
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
