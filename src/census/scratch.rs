//! The directory that a census spills into: its own and gone with it, or kept for whoever goes on after it.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// So many runs that were killed may have left their directories behind before a new one is refused.
const SCRATCH_DIRECTORIES_MAX: u32 = 10_000;

/// Why the scratch directory let a census down.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    #[error("cannot {doing} `{path}`: {source}", path = path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{path}` does not read back as it was written: {what}", path = path.display())]
    Torn { path: PathBuf, what: String },
    #[error("`{path}` holds {SCRATCH_DIRECTORIES_MAX} directories of earlier runs already", path = path.display())]
    Crowded { path: PathBuf },
    #[error("another process is at work in `{path}`", path = path.display())]
    Busy { path: PathBuf },
}

impl SpillError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free some space, or name a scratch directory on a larger disk; about 60 bytes are needed for each row".to_owned()
            }
            Self::Io { .. } => "check that the scratch directory can be written to".to_owned(),
            Self::Torn { .. } => {
                "another process or a failing disk changed it; run the command again (a verification: with --fresh)".to_owned()
            }
            Self::Busy { .. } => "wait until it has ended, or work in another directory (--dir)".to_owned(),
            Self::Crowded { path } => {
                format!("remove what earlier runs left in `{}` (no run of this tool must be active)", path.display())
            }
        })
    }
}

pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpillError {
    move |source| SpillError::Io { doing, path: path.to_owned(), source }
}

/// A directory for spills and what belongs to them. One of this run's own is gone when the last holder drops it; a kept one stays, however
/// the run ends, until it is cleared.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    next_file: AtomicU64,
    stays: AtomicBool,
    /// Held as long as a kept directory is in use. The operating system lets go of it when the process dies.
    _lock: Option<File>,
}

impl Scratch {
    /// Makes a new directory below `parent`, and `parent` if need be.
    pub(crate) fn below(parent: &Path) -> Result<Arc<Self>, SpillError> {
        fs::create_dir_all(parent).map_err(io_error("create the directory", parent))?;
        for number in 0..SCRATCH_DIRECTORIES_MAX {
            let path = parent.join(format!("keys-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Arc::new(Self { path, next_file: AtomicU64::new(0), stays: AtomicBool::new(false), _lock: None })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(SpillError::Io { doing: "create the directory", path, source }),
            }
        }
        Err(SpillError::Crowded { path: parent.to_owned() })
    }

    /// Takes the directory at `path`, with all that an earlier run left in it; made if need be. `lock` is a file that exists to be locked:
    /// one holder at a time.
    pub(crate) fn kept(path: &Path, lock: &Path) -> Result<Arc<Self>, SpillError> {
        let held = File::options().create(true).truncate(false).write(true).open(lock).map_err(io_error("open", lock))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpillError::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(SpillError::Io { doing: "lock", path: lock.to_owned(), source }),
        }
        fs::create_dir_all(path).map_err(io_error("create the directory", path))?;
        let scratch = Self { path: path.to_owned(), next_file: AtomicU64::new(0), stays: AtomicBool::new(true), _lock: Some(held) };
        // New files get numbers above all that are there.
        let numbers = scratch.files()?.iter().filter_map(|name| name.parse::<u64>().ok()).max();
        scratch.next_file.store(numbers.map_or(0, |highest| highest + 1), Ordering::Relaxed);
        Ok(Arc::new(scratch))
    }

    /// A path that no other file of this scratch directory has.
    pub(crate) fn fresh_path(&self) -> PathBuf {
        self.path.join(format!("{:08}", self.next_file.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what is in it, but for the files named.
    pub(crate) fn retain(&self, names: &BTreeSet<&str>) -> Result<(), SpillError> {
        for name in self.files()?.iter().filter(|name| !names.contains(name.as_str())) {
            let path = self.path.join(name);
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }

    /// A kept directory is to go with its last holder after all: nobody will go on from here.
    pub(crate) fn clear(&self) {
        self.stays.store(false, Ordering::Relaxed);
    }

    fn files(&self) -> Result<Vec<String>, SpillError> {
        let listed = || -> io::Result<Vec<String>> {
            fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
        };
        listed().map_err(io_error("list", &self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.stays.load(Ordering::Relaxed) {
            // Nothing can be done about a failure here, and nothing depends on it: the next run makes a directory of its own, or finds
            // nothing in this one that it can go on with.
            fs::remove_dir_all(&self.path).unwrap_or_default();
        }
    }
}
