//! One writer per directory.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::LedgerError;

/// The lock on a directory, held until this value is dropped. The operating system lets go of it when the process dies,
/// however it dies, so a lock is never stale.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock that goes with the ledger at `ledger`, or says that somebody else holds it.
    pub(super) fn take(ledger: &Path) -> Result<Self, LedgerError> {
        let path = ledger.with_extension("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|source| LedgerError::Io {
            doing: "open",
            path: path.clone(),
            source,
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::Busy { dir: directory_of(ledger) }),
            Err(TryLockError::Error(source)) => Err(LedgerError::Io { doing: "lock", path, source }),
        }
    }
}

/// The directory that a file stands in; `.` for a bare name.
pub(super) fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes a rename or removal inside `dir` durable.
pub(super) fn sync_directory(dir: &Path) -> Result<(), LedgerError> {
    File::open(dir).and_then(|handle| handle.sync_all()).map_err(|source| LedgerError::Io {
        doing: "make changes durable in",
        path: dir.to_owned(),
        source,
    })
}
