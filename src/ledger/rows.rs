//! Between the domain's values and what a row can hold. The units are those of `migrations/0001_ledger.sql`.
//!
//! One statement for many rows costs a fraction of as many statements. Rows that are written travel as values, `VALUES
//! (…), (…)`: a JSON document that the statement takes apart costs nearly twice as much. Lists of ids to look for are one
//! JSON document, and rows that are read in bulk come as one.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Decode, Encode, Row, Sqlite, SqliteConnection, Type};

use crate::domain::listing::Facets;
use crate::domain::money::{Money, currency};

use super::fault::Fault;

/// Most rows of one statement, a power of two: each costs the way to the database's thread and back. With the widest
/// row this is below SQLite's 32766 values.
const ROWS: usize = 1024;

/// Most rows that are made ready at a time, so that a long list does not live a second time in memory.
pub const BULK: usize = 10_000;

/// A statement about many rows.
#[derive(Clone, Copy)]
pub struct ManyRows {
    /// Everything before `VALUES`.
    pub head: &'static str,
    /// Values of one row.
    pub width: usize,
    /// Everything after the last row.
    pub tail: &'static str,
}

impl ManyRows {
    /// The statement with the values of these rows, in their order.
    pub fn with<'r, T: Send + 'r>(
        self,
        rows: impl IntoIterator<Item = T>,
        mut put: impl FnMut(T, &mut Values) -> Result<(), Fault> + Send + 'r,
    ) -> Filled<'r> {
        let rows: Vec<T> = rows.into_iter().collect();
        let mut rows = rows.into_iter();
        Filled {
            next: Box::new(move || self.part(&mut rows, &mut put)),
        }
    }

    /// The statement for the next rows; `None` when there are no more.
    fn part<T>(
        self,
        rows: &mut std::vec::IntoIter<T>,
        put: &mut impl FnMut(T, &mut Values) -> Result<(), Fault>,
    ) -> Result<Option<Part>, Fault> {
        if rows.as_slice().is_empty() {
            return Ok(None);
        }
        // Few sizes, so that the statements stay prepared: the largest, and powers of two for what is left.
        let count = ROWS.min(1 << rows.len().ilog2());
        let mut values = Values::default();
        values.arguments.reserve(count * self.width, 0);
        for row in rows.take(count) {
            put(row, &mut values)?;
        }
        let length = values.arguments.len();
        debug_assert_eq!(length, count * self.width, "{}", self.head);
        Ok(Some((self.sql(count), values.arguments)))
    }

    fn sql(self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.width].join(", "));
        format!(
            "{} VALUES {}{}",
            self.head,
            vec![row; rows].join(", "),
            self.tail
        )
    }
}

/// A statement of some rows, and their values.
type Part = (String, SqliteArguments);

/// A statement with its rows.
pub struct Filled<'r> {
    /// Erased, because futures over closures are sent to other threads only when those hold for every lifetime.
    next: Box<dyn FnMut() -> Result<Option<Part>, Fault> + Send + 'r>,
}

impl Filled<'_> {
    /// Answers how many rows it touched. While the database works on some, the next ones are made ready.
    pub async fn execute(mut self, connection: &mut SqliteConnection) -> Result<u64, Fault> {
        let mut touched = 0;
        let mut part = (self.next)()?;
        while let Some((sql, values)) = part {
            let working = sqlx::query_with(AssertSqlSafe(sql), values).execute(&mut *connection);
            // The first look at it hands the statement over to the database's thread.
            let (done, next) = tokio::join!(working, async { (self.next)() });
            touched += done?.rows_affected();
            part = next?;
        }
        Ok(touched)
    }
}

/// The values of some rows, one after the other.
#[derive(Default)]
pub struct Values {
    arguments: SqliteArguments,
    /// Words that were put already. There are few, and many rows have the same.
    words: Vec<(&'static str, Arc<str>)>,
}

impl Values {
    pub fn put<'v>(
        &mut self,
        value: impl Encode<'v, Sqlite> + Type<Sqlite>,
    ) -> Result<&mut Self, Fault> {
        self.arguments.add(value).map_err(Fault::damaged)?;
        Ok(self)
    }

    /// One of the words of an enum, or a currency's code: one memory for all rows.
    pub fn word(&mut self, word: &'static str) -> Result<&mut Self, Fault> {
        let is_it = |(known, _): &&(&'static str, Arc<str>)| std::ptr::eq(*known, word);
        let shared = match self.words.iter().find(is_it) {
            Some((_, shared)) => shared.clone(),
            None => {
                let shared: Arc<str> = word.into();
                self.words.push((word, shared.clone()));
                shared
            }
        };
        self.put(shared)
    }

    pub fn optional_word(&mut self, word: Option<&'static str>) -> Result<&mut Self, Fault> {
        match word {
            Some(word) => self.word(word),
            None => self.put(None::<i64>),
        }
    }

    /// Copied once, where the database's own way copies it into two memories.
    pub fn text(&mut self, text: &str) -> Result<&mut Self, Fault> {
        self.put(Arc::<str>::from(text))
    }

    pub fn optional_text(&mut self, text: Option<&str>) -> Result<&mut Self, Fault> {
        self.put(text.map(Arc::<str>::from))
    }

    /// A text id, which is shared and not copied.
    pub fn id<'v, T>(&mut self, id: &'v T) -> Result<&mut Self, Fault>
    where
        Arc<str>: From<&'v T>,
    {
        self.put(Arc::<str>::from(id))
    }

    pub fn optional_id<'v, T>(&mut self, id: Option<&'v T>) -> Result<&mut Self, Fault>
    where
        Arc<str>: From<&'v T>,
    {
        self.put(id.map(Arc::<str>::from))
    }

    /// Millionths and currency.
    pub fn money(&mut self, money: Option<Money>) -> Result<&mut Self, Fault> {
        let (micros, code) = money_columns(money);
        self.put(micros)?.optional_word(code)
    }
}

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

pub fn from_json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Fault> {
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

pub fn facets(row: &SqliteRow, index: usize) -> Result<Facets, Fault> {
    from_json(get(row, index)?)
}
