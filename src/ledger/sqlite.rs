//! The file itself: opening, creating, telling it from other files, and its connections.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr, Sqlite, Transaction};

use crate::domain::{Error, Result};

use super::fault::{Fault, migration_error, not_a_ledger};
use super::lock::{open_private, wait_to_open};

/// How long one process waits for another's transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// "SKUC" in the header of the file, set by the first migration.
const APPLICATION_ID: i64 = 0x534B_5543;

/// Pages that the writer holds, in KiB with a minus: a large table is not written in the order of its pages.
const CACHE: &str = "-32768";

/// Pages of the write-ahead log before they are folded into the file. A page that is written often is folded once.
const LOG: &str = "8192";

/// A ledger in one SQLite file.
///
/// Writes go through a single connection, so that tasks of one process queue in memory instead of waking up
/// to a busy database; readers have their own and never wait.
#[derive(Debug)]
pub struct SqliteLedger {
    pub(super) path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Commits without waiting for the disk: a quota that is forgotten in a power cut costs one refused call.
    forgetful: SqlitePool,
}

impl SqliteLedger {
    /// Opens the ledger at `path`, creates it when it does not exist, and brings its tables up to date.
    pub(super) async fn open(path: PathBuf) -> Result<Self> {
        create_or_probe(&path)?;
        // SQLite's own waiting does not cover the switch to the write-ahead log.
        let opening = wait_to_open(&path).await?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        migrate(&options, &path).await?;

        // The journal mode is written into the file: never before it is known to be a ledger.
        let wal = options
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("wal_autocheckpoint", LOG);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE * 2)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let fault = |error: sqlx::Error| Fault::from(error).about(&path);
        let writing = wal.clone().pragma("cache_size", CACHE);
        let writer = pool(1).connect_with(writing).await.map_err(fault)?;
        drop(opening);
        let readers = pool(4).connect_lazy_with(wal.clone().pragma("query_only", "1"));
        let forgetful = pool(1).connect_lazy_with(wal.synchronous(SqliteSynchronous::Normal));
        Ok(Self {
            path,
            writer,
            readers,
            forgetful,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for what is under way and folds the write-ahead log into the file. Not needed for safety.
    pub async fn close(&self) {
        self.readers.close().await;
        self.forgetful.close().await;
        self.writer.close().await;
    }

    /// Takes the right to write at once: a transaction that reads first and writes later could lose it in between.
    pub(super) async fn begin_write(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// All reads of one transaction see the same moment.
    pub(super) async fn begin_read(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.readers.begin().await?)
    }

    /// As [`begin_write`](Self::begin_write), but what is committed may be lost in a power cut.
    pub(super) async fn begin_forgetful(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.forgetful.begin_with("BEGIN IMMEDIATE").await?)
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> &SqlitePool {
        &self.writer
    }
}

/// Creates an empty file for its owner only, or looks at the first bytes of the one that is there.
fn create_or_probe(path: &Path) -> Result<()> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let refused = |error: std::io::Error| {
        Error::config(format!("the ledger `{}` cannot be opened", path.display()))
            .hint("see that its folder exists and that you may read and write in it")
            .caused_by(error)
    };
    if path.is_dir() {
        return Err(not_a_ledger(path));
    }
    let file = match path.try_exists().map_err(refused)? {
        true => std::fs::File::open(path),
        false => open_private(path),
    }
    .map_err(refused)?;
    let mut head = Vec::new();
    file.take(MAGIC.len() as u64)
        .read_to_end(&mut head)
        .map_err(refused)?;
    // Empty is what a process leaves that ended between creating and filling the file.
    if head.is_empty() || head == MAGIC {
        Ok(())
    } else {
        Err(not_a_ledger(path))
    }
}

/// Creates the tables, or those that an older version did not have, in one transaction: two processes that start
/// together do it once, and one that dies leaves nothing half done.
async fn migrate(options: &SqliteConnectOptions, path: &Path) -> Result<()> {
    let fault = |error: sqlx::Error| Fault::from(error).about(path);
    let mut connection = options.connect().await.map_err(fault)?;
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(fault)?;
    let application: i64 = sqlx::query_scalar("SELECT application_id FROM pragma_application_id")
        .fetch_one(&mut *transaction)
        .await
        .map_err(fault)?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *transaction)
        .await
        .map_err(fault)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(not_a_ledger(path));
    }
    migrations()
        .run(&mut *transaction)
        .await
        .map_err(|error| migration_error(error, path))?;
    transaction.commit().await.map_err(fault)?;
    connection.close().await.map_err(fault)
}

/// In order. A migration that was released is never changed, only followed by another.
fn migrations() -> Migrator {
    let migration = |version, description: &'static str, sql: &'static str| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(vec![
        migration(1, "ledger", include_str!("migrations/0001_ledger.sql")),
        migration(2, "parts", include_str!("migrations/0002_parts.sql")),
        migration(3, "shown", include_str!("migrations/0003_shown.sql")),
        migration(4, "touched", include_str!("migrations/0004_touched.sql")),
        migration(5, "live", include_str!("migrations/0005_live.sql")),
    ])
}
