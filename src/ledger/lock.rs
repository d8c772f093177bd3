//! Locks between processes: files beside the database that the operating system unlocks when their holder ends,
//! however it ends.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::domain::ledger::{Lock, LockName};
use crate::domain::{Error, Result};

#[derive(Debug)]
struct FileLock {
    /// Unlocked when it is closed.
    _file: File,
}

impl Lock for FileLock {}

/// `ledger.db.urgent.lock` beside `ledger.db`. The file stays when the lock is released: removing it could take
/// it away from a process that has just opened it.
fn lock_path(database: &Path, name: LockName) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(match name {
        LockName::Urgent => ".urgent.lock",
        LockName::Listings => ".listings.lock",
    });
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

pub fn try_lock(database: &Path, name: LockName) -> Result<Option<Box<dyn Lock>>> {
    let path = lock_path(database, name);
    let refused = |error: std::io::Error| {
        Error::config(format!("the lock file `{}` cannot be used", path.display()))
            .hint("see that you may write in the ledger's folder and that its disk supports locks")
            .caused_by(error)
    };
    let file = open_private(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Box::new(FileLock { _file: file }))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}
