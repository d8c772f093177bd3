//! What can go wrong with a ledger, in words for its owner.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::MigrateError;

use crate::domain::{Error, ErrorKind};

/// An error of the modules below, before it is known which file it is about.
#[derive(Debug)]
pub enum Fault {
    Sql(sqlx::Error),
    /// A row says what this program never writes.
    Damaged(Box<dyn std::error::Error + Send + Sync>),
    /// Already in the words of the domain.
    Told(Error),
}

impl Fault {
    pub fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Damaged(source.into())
    }

    /// Names the file and says what to do.
    pub fn about(self, path: &Path) -> Error {
        match self {
            Self::Sql(error) => sql_error(error, path),
            Self::Damaged(source) => damaged(path).caused_by(source),
            Self::Told(error) => error,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// SQLite's primary result code: extended codes carry it in their low byte.
fn primary_code(error: &sqlx::Error) -> Option<u8> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    u8::try_from(code & 0xff).ok()
}

// https://www.sqlite.org/rescode.html
const BUSY: u8 = 5;
const LOCKED: u8 = 6;
const READ_ONLY: u8 = 8;
const INPUT_OUTPUT: u8 = 10;
const CORRUPT: u8 = 11;
const FULL: u8 = 13;
const CANNOT_OPEN: u8 = 14;
const NOT_A_DATABASE: u8 = 26;

fn sql_error(error: sqlx::Error, path: &Path) -> Error {
    let file = path.display();
    let told = match primary_code(&error) {
        Some(BUSY | LOCKED) => busy(path),
        Some(READ_ONLY) => {
            Error::config(format!("the ledger `{file}` cannot be written: it is read-only"))
                .hint("give yourself the right to write the file and its folder, or move both to a disk that can be written")
        }
        Some(FULL) => Error::config(format!("the disk is full: the ledger `{file}` cannot grow"))
            .hint("free some space and run again; what was not recorded was rolled back"),
        Some(CANNOT_OPEN) => Error::config(format!("the ledger `{file}` cannot be opened"))
            .hint("see that its folder exists and that you may read and write in it"),
        Some(INPUT_OUTPUT) => {
            Error::config(format!("the disk failed while using the ledger `{file}`"))
                .hint("see that the disk is connected, healthy and not full, then run again")
        }
        Some(NOT_A_DATABASE) => not_a_ledger(path),
        Some(CORRUPT) => damaged(path),
        _ if matches!(error, sqlx::Error::PoolTimedOut) => busy(path),
        _ => Error::unexpected(format!("the ledger `{file}` failed")),
    };
    told.caused_by(error)
}

fn busy(path: &Path) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "the ledger `{}` is held by another program for too long",
            path.display()
        ),
    )
    .retry_after(Some(Duration::from_secs(10)))
    .hint("close other programs that have the file open, then run again")
}

fn damaged(path: &Path) -> Error {
    Error::config(format!("the ledger `{}` is damaged", path.display()))
        .hint("put back a copy from your backup; nothing was changed")
}

pub fn not_a_ledger(path: &Path) -> Error {
    Error::config(format!("`{}` is not a ledger", path.display()))
        .hint("name another file as `ledger`; this one was left as it is")
}

pub fn migration_error(error: MigrateError, path: &Path) -> Error {
    let file = path.display();
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            sql_error(error, path)
        }
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => Error::config(
            format!("the ledger `{file}` was written by another, newer version of skucast"),
        )
        .hint("update skucast; the ledger was left as it is")
        .caused_by(error),
        error => Error::unexpected(format!(
            "the ledger `{file}` could not be brought up to date"
        ))
        .caused_by(error),
    }
}
