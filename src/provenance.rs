//! Where a row came from: enough to open the source and put a finger on it.
//!
//! Every room above may use this.

use std::fmt;
use std::sync::Arc;

/// The object that a row stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct ObjectId {
    /// The key below the history's root, percent-encoding undone, `/` between parts.
    pub key: String,
    /// What changes when the object does: the ETag in S3, size and modification time in a directory.
    pub etag: String,
}

/// The place of one row in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub object: Arc<ObjectId>,
    /// Counted from 1 over all rows of the object, good or bad.
    pub row: u64,
    /// Where the row begins in the uncompressed bytes, for formats that have such a place (not Parquet).
    pub byte_offset: Option<u64>,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row {}", self.object.key, self.row)?;
        match self.byte_offset {
            Some(offset) => write!(f, " (byte {offset})"),
            None => Ok(()),
        }
    }
}
