//! A place that holds a history: a directory or a bucket. What each must offer.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{HistoryError, Listing, SourceObject};

/// A place that holds a history. Reading changes nothing there.
pub trait Source: Send + Sync {
    /// Everything below the root, in the order in which it is migrated.
    ///
    /// # Errors
    /// When any part of it cannot be listed: half a listing would be half a migration.
    fn list(&self) -> Result<Listing, HistoryError>;

    /// The object's bytes as they are stored (still compressed), from the first on.
    ///
    /// Errors of the reader are the machine's, not the data's. One that carries a [`HistoryError`] inside is taken for it, which is
    /// how a source says that the object changed while it was read.
    ///
    /// # Errors
    /// [`HistoryError::Vanished`] or [`HistoryError::Changed`] when the object is not the listed one any more.
    fn open(&self, object: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError>;

    /// The object for reading at any place, which Parquet needs. Same promises as [`Source::open`].
    ///
    /// # Errors
    /// As [`Source::open`].
    fn open_ranges(&self, object: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError>;
}

/// The bytes of one object, read a range at a time: a seek in a file, a ranged GET in a bucket.
pub trait Ranges: Send + Sync {
    fn size_bytes(&self) -> u64;

    /// Exactly `length` bytes from `offset` on. The caller keeps within [`Ranges::size_bytes`].
    ///
    /// # Errors
    /// The machine's only, as for the reader of [`Source::open`].
    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

/// The ranges of a file.
#[derive(Debug)]
pub(crate) struct FileRanges {
    file: Mutex<File>,
    size_bytes: u64,
}

impl FileRanges {
    pub(crate) fn new(file: File, size_bytes: u64) -> Self {
        Self { file: Mutex::new(file), size_bytes }
    }

    pub(super) fn file(&self) -> MutexGuard<'_, File> {
        // Each reading seeks first, so a thread that panicked in the middle of one left nothing that matters.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ranges for FileRanges {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut file = self.file();
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
