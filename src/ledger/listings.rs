//! What each channel last confirmed, and what is known of a channel as a whole.

use std::collections::HashMap;

use futures::TryStreamExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::connector::Watermark;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ChannelName, Sku};
use crate::domain::ledger::{ChannelState, ListingRecord};
use crate::domain::listing::Facets;

use super::fault::Fault;
use super::rows::{
    BULK, count, get, id, json, micros, money, money_columns, optional_quantity, optional_time,
    time,
};
use super::touched::{next_touch, touch};

pub async fn channel(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<ChannelState, Fault> {
    let row = sqlx::query(
        "SELECT first_contact, last_push, last_pull, last_failure_at, last_failure, \
         credential_expires, watermark_at, watermark_cursor, rehearsal FROM channels WHERE name = $1",
    )
    .bind(channel.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(ChannelState::default());
    };
    Ok(ChannelState {
        first_contact: optional_time(&row, 0)?,
        last_push: optional_time(&row, 1)?,
        last_pull: optional_time(&row, 2)?,
        last_failure: optional_time(&row, 3)?.zip(get(&row, 4)?),
        credential_expires: optional_time(&row, 5)?,
        watermark: match optional_time(&row, 6)? {
            Some(at) => Some(Watermark {
                at,
                cursor: get(&row, 7)?,
            }),
            None => None,
        },
        rehearsal: get(&row, 8)?,
    })
}

/// Two runs may have read the same state and each bring it back changed, so that what can only grow never shrinks:
/// first contact and what stands behind the name stay, the last push and pull and the watermark move forward only.
pub async fn set_channel(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    state: &ChannelState,
) -> Result<(), Fault> {
    let failure = state.last_failure.as_ref();
    sqlx::query(
        "INSERT INTO channels (name, first_contact, last_push, last_pull, last_failure_at, \
         last_failure, credential_expires, rehearsal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (name) DO UPDATE SET \
         first_contact = coalesce(channels.first_contact, excluded.first_contact), \
         last_push = coalesce(max(channels.last_push, excluded.last_push), \
             excluded.last_push, channels.last_push), \
         last_pull = coalesce(max(channels.last_pull, excluded.last_pull), \
             excluded.last_pull, channels.last_pull), \
         last_failure_at = excluded.last_failure_at, last_failure = excluded.last_failure, \
         credential_expires = excluded.credential_expires, \
         rehearsal = coalesce(channels.rehearsal, excluded.rehearsal)",
    )
    .bind(channel.as_str())
    .bind(state.first_contact.map(micros))
    .bind(state.last_push.map(micros))
    .bind(state.last_pull.map(micros))
    .bind(failure.map(|(at, _)| micros(*at)))
    .bind(failure.map(|(_, message)| message.as_str()))
    .bind(state.credential_expires.map(micros))
    .bind(state.rehearsal)
    .execute(&mut *connection)
    .await?;
    match &state.watermark {
        Some(watermark) => move_watermark(connection, channel, watermark).await,
        None => Ok(()),
    }
}

/// Forward only; at the same moment the channel's own place may still change.
pub async fn move_watermark(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    watermark: &Watermark,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO channels (name, watermark_at, watermark_cursor) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET watermark_at = excluded.watermark_at, \
         watermark_cursor = excluded.watermark_cursor \
         WHERE channels.watermark_at IS NULL OR excluded.watermark_at >= channels.watermark_at",
    )
    .bind(channel.as_str())
    .bind(micros(watermark.at))
    .bind(watermark.cursor.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

/// What a listing is read from.
macro_rules! columns {
    () => {
        "SELECT sku, listing_ref, live, managed, price, price_currency, compare_at, \
         compare_at_currency, quantity, content, shown, at "
    };
}

pub async fn listings(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<HashMap<Sku, ListingRecord>, Fault> {
    let mut rows = sqlx::query(concat!(columns!(), "FROM listings WHERE channel = $1"))
        .bind(channel.as_str())
        .fetch(connection);
    let mut listings = HashMap::new();
    while let Some(row) = rows.try_next().await? {
        let (sku, record) = listing(&row)?;
        listings.insert(sku, record);
    }
    Ok(listings)
}

pub async fn listings_of(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    skus: &[Sku],
) -> Result<HashMap<Sku, ListingRecord>, Fault> {
    let mut listings = HashMap::new();
    for skus in skus.chunks(BULK) {
        let mut rows = sqlx::query(concat!(
            columns!(),
            "FROM listings WHERE channel = $1 AND sku IN (SELECT value FROM json_each($2))"
        ))
        .bind(channel.as_str())
        .bind(json(skus)?)
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let (sku, record) = listing(&row)?;
            listings.insert(sku, record);
        }
    }
    Ok(listings)
}

/// A row of [`columns!`].
fn listing(row: &SqliteRow) -> Result<(Sku, ListingRecord), Fault> {
    let record = ListingRecord {
        listing_ref: id(row, 1)?,
        live: get(row, 2)?,
        managed: get(row, 3)?,
        confirmed: Facets {
            price: money(row, 4)?,
            compare_at: money(row, 6)?,
            quantity: optional_quantity(row, 8)?,
            content: fingerprint(row, 9)?,
        },
        shown: fingerprint(row, 10)?,
        at: time(row, 11)?,
    };
    Ok((id(row, 0)?, record))
}

fn fingerprint(row: &SqliteRow, index: usize) -> Result<Option<Fingerprint>, Fault> {
    get::<Option<&str>>(row, index)?
        .map(|digits| Fingerprint::try_from(digits.to_owned()))
        .transpose()
        .map_err(Fault::damaged)
}

/// Of several records of one sku the last holds.
pub async fn record_listings(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    records: &[(&Sku, &ListingRecord)],
) -> Result<(), Fault> {
    if records.is_empty() {
        return Ok(());
    }
    let written = next_touch(connection).await?;
    for records in records.chunks(BULK) {
        let rows = json(records.iter().map(|(sku, record)| {
            let facets = &record.confirmed;
            (
                sku,
                &record.listing_ref,
                record.live,
                record.managed,
                money_columns(facets.price),
                money_columns(facets.compare_at),
                facets.quantity.map(count),
                facets.content,
                record.shown,
                micros(record.at),
            )
        }))?;
        sqlx::query(
            "INSERT INTO listings (channel, sku, listing_ref, live, managed, price, \
             price_currency, compare_at, compare_at_currency, quantity, content, shown, at) \
             SELECT $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             value ->> '$[4][0]', value ->> '$[4][1]', value ->> '$[5][0]', value ->> '$[5][1]', \
             value ->> 6, value ->> 7, value ->> 8, value ->> 9 FROM jsonb_each($1) WHERE true \
             ON CONFLICT (channel, sku) DO UPDATE SET listing_ref = excluded.listing_ref, \
             live = excluded.live, managed = excluded.managed, price = excluded.price, \
             price_currency = excluded.price_currency, compare_at = excluded.compare_at, \
             compare_at_currency = excluded.compare_at_currency, quantity = excluded.quantity, \
             content = excluded.content, shown = excluded.shown, at = excluded.at",
        )
        .bind(&rows)
        .bind(channel.as_str())
        .execute(&mut *connection)
        .await?;
        touch(connection, channel, written, &rows).await?;
    }
    Ok(())
}
