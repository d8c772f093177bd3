//! What each channel last confirmed, and what is known of a channel as a whole.

use std::borrow::Cow;
use std::collections::HashMap;

use iso_currency::Currency;
use jiff::Timestamp;
use serde::Deserialize;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::connector::Watermark;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ChannelName, ListingRef, Sku};
use crate::domain::ledger::{ChannelState, ListingRecord, Standing};
use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

use super::fault::Fault;
use super::rows::{BULK, ManyRows, count, from_json, get, json, micros, optional_time, quantity};
use super::touched::touch;

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

/// Listings of one page. A page comes as one JSON document: rows that are handed over one by one cost several times
/// as much.
const PAGE: usize = 512;

/// One listing of a page, its fields in the order of the columns that [`listings`] asks for.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(borrow)]
    listing_ref: Cow<'a, str>,
    live: u8,
    managed: u8,
    price: Option<i64>,
    #[serde(borrow)]
    price_currency: Option<Cow<'a, str>>,
    compare_at: Option<i64>,
    #[serde(borrow)]
    compare_at_currency: Option<Cow<'a, str>>,
    quantity: Option<u64>,
    content: Option<Fingerprint>,
    shown: Option<Fingerprint>,
    at: i64,
}

impl Stored<'_> {
    fn record(self, currencies: &mut Currencies) -> Result<(Sku, ListingRecord), Fault> {
        let record = ListingRecord {
            listing_ref: ListingRef::new(self.listing_ref),
            live: self.live != 0,
            managed: self.managed != 0,
            confirmed: Facets {
                price: currencies.money(self.price, self.price_currency.as_deref())?,
                compare_at: currencies
                    .money(self.compare_at, self.compare_at_currency.as_deref())?,
                quantity: self.quantity,
                content: self.content,
            },
            shown: self.shown,
            at: Timestamp::from_microsecond(self.at).map_err(Fault::damaged)?,
        };
        Ok((Sku::new(self.sku), record))
    }
}

/// Reads the codes of currencies. A channel has one, as a rule, so that the last one is remembered.
#[derive(Default)]
struct Currencies {
    last: Option<(String, Currency)>,
}

impl Currencies {
    fn money(&mut self, micros: Option<i64>, code: Option<&str>) -> Result<Option<Money>, Fault> {
        let (Some(micros), Some(code)) = (micros, code) else {
            return Ok(None);
        };
        let currency = match &self.last {
            Some((known, currency)) if known == code => *currency,
            _ => {
                let read = currency(code)
                    .ok_or_else(|| Fault::damaged(format!("`{code}` is no currency")))?;
                self.last = Some((code.to_owned(), read));
                read
            }
        };
        Ok(Some(Money::from_micros(micros, currency)))
    }
}

/// A page of the listings that `$which` names: the last sku, and the rows.
macro_rules! page {
    ($which:literal) => {
        concat!(
            "SELECT max(sku), json_group_array(json_array(sku, listing_ref, live, managed, price, \
             price_currency, compare_at, compare_at_currency, quantity, content, shown, at)) \
             FROM (SELECT * FROM listings WHERE channel = $1 AND ",
            $which,
            ")"
        )
    };
}

pub async fn listings(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<HashMap<Sku, ListingRecord>, Fault> {
    let mut listings = HashMap::new();
    let mut currencies = Currencies::default();
    // No sku is empty.
    let mut after = Some(String::new());
    while let Some(last) = after {
        let row = sqlx::query(page!("sku > $2 ORDER BY sku LIMIT $3"))
            .bind(channel.as_str())
            .bind(last)
            .bind(PAGE as i64)
            .fetch_one(&mut *connection)
            .await?;
        after = get(&row, 0)?;
        take_page(&row, &mut currencies, &mut listings)?;
    }
    Ok(listings)
}

pub async fn listings_of(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    skus: &[Sku],
) -> Result<HashMap<Sku, ListingRecord>, Fault> {
    let mut listings = HashMap::new();
    let mut currencies = Currencies::default();
    for skus in skus.chunks(PAGE) {
        let row = sqlx::query(page!("sku IN (SELECT value FROM json_each($2))"))
            .bind(channel.as_str())
            .bind(json(skus)?)
            .fetch_one(&mut *connection)
            .await?;
        take_page(&row, &mut currencies, &mut listings)?;
    }
    Ok(listings)
}

fn take_page(
    row: &SqliteRow,
    currencies: &mut Currencies,
    listings: &mut HashMap<Sku, ListingRecord>,
) -> Result<(), Fault> {
    let page: Vec<Stored<'_>> = from_json(get(row, 1)?)?;
    listings.reserve(page.len());
    for stored in page {
        let (sku, record) = stored.record(currencies)?;
        listings.insert(sku, record);
    }
    Ok(())
}

const RECORDS: ManyRows = ManyRows {
    head: "INSERT INTO listings (channel, sku, listing_ref, live, managed, price, price_currency, \
           compare_at, compare_at_currency, quantity, content, shown, at)",
    width: 13,
    tail: " ON CONFLICT (channel, sku) DO UPDATE SET listing_ref = excluded.listing_ref, \
           live = excluded.live, managed = excluded.managed, price = excluded.price, \
           price_currency = excluded.price_currency, compare_at = excluded.compare_at, \
           compare_at_currency = excluded.compare_at_currency, quantity = excluded.quantity, \
           content = excluded.content, shown = excluded.shown, at = excluded.at",
};

/// Of several records of one sku the last holds.
pub async fn record_listings(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
    records: &[(&Sku, &ListingRecord)],
) -> Result<(), Fault> {
    if records.is_empty() {
        return Ok(());
    }
    // Where they are counted.
    sqlx::query("INSERT INTO channels (name) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(channel.as_str())
        .execute(&mut *connection)
        .await?;
    for records in records.chunks(BULK) {
        RECORDS
            .with(records, |&(sku, record), values| {
                let facets = &record.confirmed;
                values.id(channel)?.id(sku)?.id(&record.listing_ref)?;
                values.put(record.live)?.put(record.managed)?;
                values.money(facets.price)?.money(facets.compare_at)?;
                values.put(facets.quantity.map(count))?;
                values.put(facets.content.map(String::from))?;
                values.put(record.shown.map(String::from))?;
                values.put(micros(record.at))?;
                Ok(())
            })
            .execute(connection)
            .await?;
        touch(connection, channel, records.iter().map(|(sku, _)| *sku)).await?;
    }
    Ok(())
}

/// What can be counted of a channel.
pub async fn standing(
    connection: &mut SqliteConnection,
    channel: &ChannelName,
) -> Result<Standing, Fault> {
    let row = sqlx::query(
        "SELECT coalesce((SELECT live FROM channels WHERE name = $1), 0), \
         coalesce((SELECT live_managed FROM channels WHERE name = $1), 0), \
         (SELECT count(*) FROM journal WHERE channel = $1 \
             AND (settled IS NULL OR settled = 'in_doubt')), \
         (SELECT count(*) FROM unreadable_orders WHERE channel = $1)",
    )
    .bind(channel.as_str())
    .fetch_one(connection)
    .await?;
    Ok(Standing {
        live: quantity(&row, 0)?,
        live_managed: quantity(&row, 1)?,
        in_doubt: quantity(&row, 2)?,
        unreadable_orders: quantity(&row, 3)?,
    })
}
