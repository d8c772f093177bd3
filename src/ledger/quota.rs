//! When the token buckets of the channels are full again.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::domain::capability::Endpoint;
use crate::domain::ids::ChannelName;

use super::fault::Fault;
use super::rows::{micros, optional_time};

pub async fn full_at(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    endpoint: Endpoint,
) -> Result<Option<Timestamp>, Fault> {
    let row = sqlx::query("SELECT full_at FROM quotas WHERE channel = $1 AND endpoint = $2")
        .bind(channel.as_str())
        .bind(endpoint)
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(None), |row| optional_time(&row, 0))
}

pub async fn set_full_at(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    endpoint: Endpoint,
    at: Timestamp,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO quotas (channel, endpoint, full_at) VALUES ($1, $2, $3) \
         ON CONFLICT (channel, endpoint) DO UPDATE SET full_at = excluded.full_at",
    )
    .bind(channel.as_str())
    .bind(endpoint)
    .bind(micros(at))
    .execute(connection)
    .await?;
    Ok(())
}
