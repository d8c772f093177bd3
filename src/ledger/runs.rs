//! Runs, and the single numbers that the ledger keeps.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::domain::ids::RunId;
use crate::domain::ledger::RunRecord;

use super::fault::Fault;
use super::rows::{from_json, get, id, micros, optional_time, time, to_json};

pub async fn begin_run(
    connection: &mut SqliteConnection,
    command: &str,
    at: Timestamp,
) -> Result<RunId, Fault> {
    loop {
        let run = RunId::new(format!(
            "{}-{:04x}",
            at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            rand::random::<u16>()
        ));
        let inserted = sqlx::query(
            "INSERT INTO runs (id, command, started) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(run.as_str())
        .bind(command)
        .bind(micros(at))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        // Two runs of the same second that drew the same digits: draw again.
        if inserted == 1 {
            return Ok(run);
        }
    }
}

pub async fn finish_run(
    connection: &mut SqliteConnection,
    run: &RunId,
    at: Timestamp,
    summary: &serde_json::Value,
) -> Result<(), Fault> {
    sqlx::query("UPDATE runs SET finished = $2, summary = $3 WHERE id = $1")
        .bind(run.as_str())
        .bind(micros(at))
        .bind(to_json(summary)?)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn runs(connection: &mut SqliteConnection, most: u32) -> Result<Vec<RunRecord>, Fault> {
    sqlx::query(
        "SELECT id, command, started, finished, summary FROM runs \
         ORDER BY started DESC, id DESC LIMIT $1",
    )
    .bind(most)
    .fetch_all(connection)
    .await?
    .iter()
    .map(|row| {
        Ok(RunRecord {
            id: id(row, 0)?,
            command: get(row, 1)?,
            started: time(row, 2)?,
            finished: optional_time(row, 3)?,
            summary: get::<Option<&str>>(row, 4)?.map(from_json).transpose()?,
        })
    })
    .collect()
}

pub async fn number(
    connection: &mut SqliteConnection,
    name: &'static str,
) -> Result<Option<i64>, Fault> {
    Ok(
        sqlx::query_scalar("SELECT value FROM numbers WHERE name = $1")
            .bind(name)
            .fetch_optional(connection)
            .await?,
    )
}

pub async fn set_number(
    connection: &mut SqliteConnection,
    name: &'static str,
    value: i64,
) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO numbers (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(connection)
    .await?;
    Ok(())
}

/// The first of `how_many` ids in a row that nobody had, or will have.
pub async fn reserve_ids(
    connection: &mut SqliteConnection,
    name: &'static str,
    how_many: usize,
) -> Result<i64, Fault> {
    let how_many = i64::try_from(how_many).map_err(Fault::damaged)?;
    let last: i64 = sqlx::query_scalar(
        "INSERT INTO numbers (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = numbers.value + excluded.value RETURNING value",
    )
    .bind(name)
    .bind(how_many)
    .fetch_one(connection)
    .await?;
    Ok(last - how_many + 1)
}
