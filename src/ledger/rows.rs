//! Between the domain's values and what a row can hold. The units are those of `migrations/0001_ledger.sql`.
//!
//! Bulk writes travel as one JSON document, a list of lists, that the statement takes apart: one statement for a
//! thousand rows costs a fraction of a thousand statements. `jsonb_each` (SQLite 3.51, which is built in) hands each
//! row over parsed; `json_each` would parse it again for each column, a third slower.

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize, Serializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

use super::fault::Fault;

/// Most rows of one statement, so that a long list does not live a second time in memory as JSON.
pub const BULK: usize = 10_000;

/// One JSON document of many rows.
pub fn json<I>(rows: I) -> Result<String, Fault>
where
    I: IntoIterator,
    I::Item: Serialize,
{
    let mut text = Vec::new();
    serde_json::Serializer::new(&mut text)
        .collect_seq(rows)
        .map_err(Fault::damaged)?;
    String::from_utf8(text).map_err(Fault::damaged)
}

pub fn to_json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(Fault::damaged)
}

pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(Fault::damaged)
}

/// The column at `index`.
pub fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    index: usize,
) -> Result<T, Fault> {
    Ok(row.try_get(index)?)
}

/// A text id: [`Sku`](crate::domain::ids::Sku) and its like.
pub fn id<T: for<'t> From<&'t str>>(row: &SqliteRow, index: usize) -> Result<T, Fault> {
    Ok(T::from(get::<&str>(row, index)?))
}

pub fn optional_id<T: for<'t> From<&'t str>>(
    row: &SqliteRow,
    index: usize,
) -> Result<Option<T>, Fault> {
    Ok(get::<Option<&str>>(row, index)?.map(T::from))
}

/// One of the domain's fieldless enums, by the word that serde writes for it.
pub fn word<'r, T: Deserialize<'r>>(row: &'r SqliteRow, index: usize) -> Result<T, Fault> {
    let text: &str = get(row, index)?;
    let words: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(words).map_err(Fault::damaged)
}

pub fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub fn time(row: &SqliteRow, index: usize) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(get(row, index)?).map_err(Fault::damaged)
}

pub fn optional_time(row: &SqliteRow, index: usize) -> Result<Option<Timestamp>, Fault> {
    get::<Option<i64>>(row, index)?
        .map(Timestamp::from_microsecond)
        .transpose()
        .map_err(Fault::damaged)
}

/// A time with the digits that the ledger keeps, so that it can be compared with one that was read back.
pub fn kept_time(time: Timestamp) -> Timestamp {
    // Truncation stays within the range of times.
    Timestamp::from_microsecond(micros(time)).unwrap_or(time)
}

/// Millionths and currency. Money beyond ±9 million million units does not fit and is "not known".
pub fn money_columns(money: Option<Money>) -> (Option<i64>, Option<&'static str>) {
    match money.and_then(|money| Some((fitting_micros(money)?, money.currency.code()))) {
        Some((micros, code)) => (Some(micros), Some(code)),
        None => (None, None),
    }
}

/// `None` when the amount does not fit.
pub fn fitting_micros(money: Money) -> Option<i64> {
    // Asked first because a multiplication that overflows panics.
    let units = money.amount.to_i64()?;
    (units.unsigned_abs() <= 9_000_000_000_000)
        .then(|| money.to_micros())
        .flatten()
}

/// The inverse of [`money_columns`]: `index` holds the millionths and the next column the currency.
pub fn money(row: &SqliteRow, index: usize) -> Result<Option<Money>, Fault> {
    let (Some(micros), Some(code)) = (
        get::<Option<i64>>(row, index)?,
        get::<Option<&str>>(row, index + 1)?,
    ) else {
        return Ok(None);
    };
    let currency =
        currency(code).ok_or_else(|| Fault::damaged(format!("`{code}` is no currency")))?;
    Ok(Some(Money::from_micros(micros, currency)))
}

/// A count as a column. SQLite's integers end at 2^63 - 1; no count of pieces comes near.
pub fn count(quantity: u64) -> i64 {
    i64::try_from(quantity).unwrap_or(i64::MAX)
}

pub fn quantity(row: &SqliteRow, index: usize) -> Result<u64, Fault> {
    u64::try_from(get::<i64>(row, index)?).map_err(Fault::damaged)
}

pub fn optional_quantity(row: &SqliteRow, index: usize) -> Result<Option<u64>, Fault> {
    get::<Option<i64>>(row, index)?
        .map(u64::try_from)
        .transpose()
        .map_err(Fault::damaged)
}

pub fn facets(row: &SqliteRow, index: usize) -> Result<Facets, Fault> {
    from_json(get(row, index)?)
}
