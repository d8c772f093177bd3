//! Locks between processes: files beside the database that the operating system unlocks when their holder ends,
//! however it ends.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::domain::ledger::Lock;
use crate::domain::{Error, Result};

#[derive(Debug)]
struct FileLock {
    /// Unlocked when it is closed.
    _file: File,
}

impl Lock for FileLock {}

/// `ledger.db.urgent.lock` beside `ledger.db`. The file stays when the lock is released: removing it could take
/// it away from a process that has just opened it.
fn lock_path(database: &Path, name: &str) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(format!(".{name}.lock"));
    PathBuf::from(path)
}

/// Opens a file for reading and writing, and creates it for its owner only.
pub fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn open_lock(path: &Path) -> Result<File> {
    open_private(path).map_err(|error| refused(path, error))
}

fn refused(path: &Path, error: std::io::Error) -> Error {
    Error::config(format!("the lock file `{}` cannot be used", path.display()))
        .hint("see that you may write in the ledger's folder and that its disk supports locks")
        .caused_by(error)
}

pub fn try_lock(database: &Path) -> Result<Option<Box<dyn Lock>>> {
    let path = lock_path(database, "run");
    let file = open_lock(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Box::new(FileLock { _file: file }))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(refused(&path, error)),
    }
}

/// Waits until no other process is opening this ledger, for the moment that opening takes.
pub async fn wait_to_open(database: &Path) -> Result<impl Lock + use<>> {
    let path = lock_path(database, "open");
    let waiting = tokio::task::spawn_blocking(move || {
        let file = open_lock(&path)?;
        file.lock().map_err(|error| refused(&path, error))?;
        Ok(FileLock { _file: file })
    });
    match waiting.await {
        Ok(locked) => locked,
        Err(error) => Err(Error::unexpected("waiting for a lock was given up").caused_by(error)),
    }
}
