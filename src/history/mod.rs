//! Where rows come from: the objects that IoT Analytics left behind, found, opened and decoded.
//!
//! Invariants
//! - Reading changes nothing at the source.
//! - A bad row is one bad row and a bad object one bad object: both are handed on with their place and reason, neither
//!   stops the work. What stood before the damage in an object is read.
//! - The same object read twice gives the same rows with the same numbers, so that a resumed backfill and a verification see
//!   what the first reading saw.
//! - Memory does not grow with an object: one row, or one Parquet batch, at a time. Of the objects themselves a listing keeps about a
//!   hundred bytes each.
//! - No key leads outside the root.
//!
//! May be used by `survey` and everything above it. Uses the vocabulary only.

mod bucket;
mod cell;
mod csv;
mod delta;
mod directory;
mod error;
mod footer;
mod framing;
mod gzip;
mod json;
mod key;
mod listing;
mod object_list;
mod page_header;
mod pages;
mod parquet;
mod parse;
mod read;
mod sniff;
mod source;
#[cfg(test)]
mod tests;
mod thrift;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::provenance::{ObjectId, Provenance};
use crate::value::Object;

pub(crate) use bucket::Address;
pub use bucket::{Bucket, BucketAccess};
pub use directory::Directory;
pub use error::HistoryError;
pub use object_list::ObjectList;
pub(crate) use parse::parse as parse_json;
pub use read::{Objects, RowReader, read_object};
#[cfg(feature = "local")]
pub(crate) use source::FileRanges;
pub use source::{Ranges, Source};

/// What was found below a history's root.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// As the user named it.
    pub root: String,
    /// In time order (partition day, then key): the order in which units are written.
    pub objects: ObjectList,
    /// What lies below the root and is no history, with the reason.
    pub passed_over: Vec<PassedOver>,
}

/// One object of one store.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceObject {
    pub id: Arc<ObjectId>,
    /// How the source finds the bytes: the raw key, encoding and all. Not for people.
    pub locator: String,
    /// The datastore whose rows these are. A delivered dataset counts as the datastore named in its key.
    pub store: String,
    pub layout: Layout,
    pub format: Format,
    pub gzip: bool,
    pub size_bytes: u64,
    /// Partition columns from the key in their order there, `__dt` among them, values decoded.
    pub partitions: Arc<[(String, String)]>,
    /// The pipeline that makes rows of a channel's messages. None for objects that hold rows as they are, and for channels
    /// that are left alone.
    pub pipeline: Option<Arc<str>>,
}

impl SourceObject {
    /// Whether rows come of it: raw channel messages are none before a pipeline has run.
    #[must_use]
    pub fn holds_rows(&self) -> bool {
        self.layout != Layout::Channel || self.pipeline.is_some()
    }
}

/// Which of the service's layouts the key follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `[prefix]datastore/<name>/…`
    Datastore,
    /// `<prefix><datastore>/<scheduleTime>/<versionId>.csv[.gz]`: the official exporter's delivery.
    Dataset,
    /// `[prefix]channel/<name>/…`: raw messages, before the pipeline.
    Channel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Json,
    Parquet,
    Csv,
}

/// Something below the root that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    pub key: String,
    pub reason: String,
}

/// One decoded row. Partition columns of the key stand in `columns` too, unless the row brings its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub provenance: Provenance,
    pub columns: Object,
}

/// A row that could not be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRow {
    pub provenance: Provenance,
    pub reason: String,
    /// The beginning of the offending bytes, at most [`RAW_EXCERPT_BYTES_MAX`], lossily as text.
    pub raw: String,
}

/// How much of a bad row is kept.
pub const RAW_EXCERPT_BYTES_MAX: usize = 4096;

/// A message that its pipeline drops.
#[derive(Debug, Clone, PartialEq)]
pub struct FilteredRow {
    pub provenance: Provenance,
    /// The activity that drops it.
    pub activity: Arc<str>,
}

/// One step of reading an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    Row(Row),
    Bad(BadRow),
    Filtered(FilteredRow),
}

impl Decoded {
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        match self {
            Self::Row(row) => &row.provenance,
            Self::Bad(bad) => &bad.provenance,
            Self::Filtered(filtered) => &filtered.provenance,
        }
    }
}

/// How an object ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectRead {
    /// Rows handed on, good and bad together.
    pub rows: u64,
    /// Why the object could not be read to its end, if so. The rows before the damage were handed on.
    pub damage: Option<String>,
}

/// Bounds that keep a hostile object from taking the machine.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// A longer row is a bad row.
    pub row_bytes_max: usize,
    /// A deeper value is a bad row.
    pub nesting_max: usize,
    /// What the pages of a Parquet object may take in memory at one time, about. One that needs more is damaged.
    pub pages_bytes_max: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { row_bytes_max: 16 * 1024 * 1024, nesting_max: 100, pages_bytes_max: 512 * 1024 * 1024 }
    }
}

/// Receives each decoded row; breaking stops the reading early.
pub type RowSink<'a> = dyn FnMut(Decoded) -> ControlFlow<()> + 'a;
