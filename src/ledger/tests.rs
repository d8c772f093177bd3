//! What is particular to the file: creation, refusal, crashes, locks of other processes.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::domain::change::Lane;
use crate::domain::ledger::{Ledger, QuotaMemory, Settled};
use crate::domain::{Error, ErrorKind};

use super::suite::{change, day, settlement, shop, sku, test_ledger};
use super::{SqliteLedger, open};

async fn fresh() -> (Arc<dyn Ledger>, TempDir) {
    let (ledger, folder) = fresh_file().await;
    (ledger, folder)
}

test_ledger!(fresh);

async fn fresh_file() -> (Arc<SqliteLedger>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = reopen(folder.path()).await;
    (ledger, folder)
}

async fn reopen(folder: &Path) -> Arc<SqliteLedger> {
    open("sqlite:ledger.db", folder).await.unwrap()
}

async fn refusal(url: &str, folder: &Path) -> Error {
    open(url, folder).await.unwrap_err()
}

#[tokio::test]
async fn a_url_that_names_no_file_is_refused_with_the_known_kinds() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["mysql://user:secret@host/db", "ledger.db", ""] {
        let error = refusal(url, folder.path()).await;
        assert_eq!(error.kind, ErrorKind::ConfigInvalid);
        assert!(error.hints[0].contains("sqlite:FILE"), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for url in ["sqlite:", "sqlite::memory:", "sqlite://"] {
        let error = refusal(url, folder.path()).await;
        assert!(error.to_string().contains("names no file"), "{error}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_new_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let (ledger, folder) = fresh_file().await;
    let _lock = ledger.lock().await.unwrap();
    for entry in folder.path().read_dir().unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn commits_wait_for_the_disk() {
    let (ledger, _folder) = fresh_file().await;
    for (pragma, expected) in [
        ("SELECT synchronous FROM pragma_synchronous", "2"),
        ("SELECT foreign_keys FROM pragma_foreign_keys", "1"),
        ("SELECT journal_mode FROM pragma_journal_mode", "wal"),
    ] {
        let statement = format!("SELECT CAST(({pragma}) AS TEXT)");
        let value: String = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(ledger.writer())
            .await
            .unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

#[tokio::test]
async fn what_is_not_a_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&foreign)
        .create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE guests (name TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    std::fs::write(folder.path().join("stock.csv"), "sku,quantity\nA,1\n").unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();

    for name in ["foreign.db", "stock.csv", "folder.db"] {
        let path = folder.path().join(name);
        let before = std::fs::read(&path).ok();
        let error = refusal(&format!("sqlite:{name}"), folder.path()).await;
        assert!(error.to_string().contains("is not a ledger"), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(std::fs::read(&path).ok(), before);
    }
    let error = refusal("sqlite:no/such/folder.db", folder.path()).await;
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

#[tokio::test]
async fn a_ledger_of_a_newer_version_is_refused() {
    let (ledger, folder) = fresh_file().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', true, x'00', 0)",
    )
    .execute(ledger.writer())
    .await
    .unwrap();
    ledger.close().await;
    let error = refusal("sqlite:ledger.db", folder.path()).await;
    assert!(error.to_string().contains("newer version"), "{error}");
    assert!(error.hints[0].contains("update skucast"), "{error:?}");
}

#[tokio::test]
async fn a_ledger_from_before_live_listings_were_counted_counts_them() {
    let (ledger, folder) = fresh_file().await;
    let records: Vec<_> = (0..10)
        .map(|number| (sku(&number.to_string()), super::suite::listing(number)))
        .collect();
    ledger.record_listings(&shop(), &records).await.unwrap();
    for statement in [
        "DELETE FROM channels",
        "DROP TRIGGER listing_is_new",
        "DROP TRIGGER listing_is_other",
        "ALTER TABLE channels DROP COLUMN live",
        "ALTER TABLE channels DROP COLUMN live_managed",
        "DELETE FROM _sqlx_migrations WHERE version >= 5",
    ] {
        sqlx::query(statement)
            .execute(ledger.writer())
            .await
            .unwrap();
    }
    ledger.close().await;
    let ledger = reopen(folder.path()).await;
    // Of 0 to 9 the even ones are live, and of those 0 and 6 are ours.
    let standing = ledger.standing(&shop()).await.unwrap();
    assert_eq!((standing.live, standing.live_managed), (5, 2));
}

#[tokio::test]
async fn an_empty_file_becomes_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ledger.db"), "").unwrap();
    let ledger = reopen(folder.path()).await;
    assert!(ledger.runs(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn processes_that_start_together_create_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let opened = futures::future::join_all((0..8).map(|_| open("sqlite:ledger.db", path))).await;
    for ledger in opened {
        ledger.unwrap().begin_run("pull", day(1)).await.unwrap();
    }
    assert_eq!(reopen(path).await.runs(99).await.unwrap().len(), 8);
}

/// The files of a ledger as they are at this instant, as if the process had been killed.
fn copy_as_killed(from: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        // The shared memory is an index of the log, rebuilt by whoever opens it first.
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn a_killed_run_leaves_its_intents_open() {
    let (ledger, folder) = fresh_file().await;
    let run = ledger.begin_run("push", day(1)).await.unwrap();
    let changes = ["A", "B"].map(|sku| (change(sku, Lane::Stock), "key".into()));
    let ids = ledger
        .record_intents(&run, &shop(), &changes, day(1))
        .await
        .unwrap();
    let applied = settlement(ids[0], &changes[0].0, Settled::Applied);
    ledger.settle(&shop(), day(1), &[applied]).await.unwrap();
    // Killed inside a transaction: none of it is there.
    let mut unfinished = ledger.begin_write().await.unwrap();
    sqlx::query("UPDATE journal SET settled = 'applied'")
        .execute(&mut *unfinished)
        .await
        .unwrap();

    let copy = copy_as_killed(folder.path());
    let survivor = reopen(copy.path()).await;
    let open = survivor.open_intents(&shop()).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].id, &open[0].change.sku), (ids[1], &sku("B")));
    let next = survivor
        .record_intents(&run, &shop(), &changes[..1], day(2))
        .await
        .unwrap();
    assert!(next[0] > ids[1]);
}

#[tokio::test]
async fn a_lock_holds_across_two_opens_until_it_is_dropped() {
    let (ledger, folder) = fresh_file().await;
    let other = reopen(folder.path()).await;
    let held = ledger.lock().await.unwrap();
    assert!(held.is_some());
    assert!(other.lock().await.unwrap().is_none());
    drop(held);
    assert!(other.lock().await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_disk_is_said_and_rolls_back() {
    let (ledger, _folder) = fresh_file().await;
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(ledger.writer())
        .await
        .unwrap();
    let records: Vec<_> = (0..2_000)
        .map(|number| (sku(&number.to_string()), super::suite::listing(number)))
        .collect();
    let error = ledger.record_listings(&shop(), &records).await.unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(error.to_string().contains("ledger.db"), "{error}");
    assert!(ledger.listings(&shop()).await.unwrap().is_empty());
}

#[tokio::test]
async fn quotas_outlive_the_process() {
    let (ledger, folder) = fresh_file().await;
    let endpoint = "searchOrders";
    assert_eq!(ledger.full_at(&shop(), endpoint).await.unwrap(), None);
    for full in [day(3), day(2)] {
        ledger.set_full_at(&shop(), endpoint, full).await.unwrap();
    }
    ledger.close().await;
    let ledger = reopen(folder.path()).await;
    assert_eq!(
        ledger.full_at(&shop(), endpoint).await.unwrap(),
        Some(day(2))
    );
    assert_eq!(ledger.full_at(&shop(), "createFeed").await.unwrap(), None);
}
