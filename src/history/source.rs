//! A place that holds a history: a directory or a bucket. What each must offer.

use std::io::{self, Read};

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
