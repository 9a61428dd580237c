//! Where records go, behind a trait: what a target can hold, how a batch is written, how rows are read back.
//!
//! Invariants
//! - Writing and reading are two traits, and `plan` is given neither: a dry run cannot write, by type.
//! - A target never retries; `backfill` owns every retry.
//! - Every answer of the service is one of the outcomes below. None of them is "probably fine".
//!
//! May be used by `backfill` (both traits) and `verify` (reading only).

pub mod liveanalytics;

use std::collections::BTreeSet;

use crate::record::{MeasureKind, Record, RecordKey};
use crate::time::Nanos;

/// A table as the migration wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    pub database: String,
    pub table: String,
    pub memory_hours: u64,
    pub magnetic_days: u64,
    /// Where the service reports magnetic writes that it refused after the fact: bucket and prefix.
    pub rejected_data: Option<(String, String)>,
    /// The dimension to partition by, if not by the service's own rule. Fixed for ever at creation.
    pub partition_dimension: Option<String>,
}

/// What [`Writer::prepare`] found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    Created,
    /// It was there already and suits; the differences that do no harm are named.
    Existing {
        remarks: Vec<String>,
    },
}

/// One record that the target refused while it took the rest of the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The place in the batch, from 0.
    pub index: usize,
    pub cause: RejectionCause,
    /// The service's own words.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectionCause {
    /// Outside the accepted window, which the service states as `[from, to)` where it could be read.
    OutsideWindow {
        from: Option<String>,
        to: Option<String>,
    },
    /// The target holds this key with a higher version.
    OlderVersion {
        existing: Option<i64>,
    },
    /// The target holds this key with the same version and another value.
    Conflict,
    Other,
}

/// One record that the target acknowledged, dropped afterwards, and reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRejection {
    pub key: RecordKey,
    pub cause: RejectionCause,
    /// The service's own words, on one line.
    pub reason: String,
}

/// Why a whole request failed. The caller decides what to do by the variant alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteFault {
    /// `magnetic`: slow down; otherwise keep pushing (facts: opposite reactions to one error code).
    #[error("throttled: {message}")]
    Throttled { magnetic: bool, message: String },
    /// 5xx, a timeout, a connection that broke: it may or may not have been stored. Writing again is a no-op.
    #[error("the service did not answer properly: {message}")]
    Unanswered { message: String },
    /// The endpoint has expired (421); a fresh client is needed.
    #[error("the endpoint is no longer valid: {message}")]
    EndpointExpired { message: String },
    /// The whole request was refused because of something in it: nothing was stored. Halve it to find the culprit.
    #[error("the request was refused as a whole: {message}")]
    Invalid { message: String },
    /// Credentials are missing or expired, or an action is not allowed. A person must act.
    #[error("access was refused: {message}")]
    Denied { message: String },
    /// The database or table is not there.
    #[error("not found: {message}")]
    NotFound { message: String },
    /// A quota that does not pass by itself (402), or a conflict.
    #[error("refused by a quota or a conflict: {message}")]
    Refused { message: String },
}

impl WriteFault {
    /// What a person does about it, for the faults that do not pass by themselves.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Throttled { magnetic: true, .. } => {
                "look at ActiveMagneticStorePartitions in CloudWatch and go on when it has fallen below 250; that may take 6 hours"
            }
            Self::Throttled { .. } | Self::Unanswered { .. } | Self::EndpointExpired { .. } => {
                "run the same command again: it goes on where it stopped"
            }
            Self::Denied { .. } => {
                "check the credentials, this machine's clock, and the policy: timestream:DescribeEndpoints on *, and WriteRecords, DescribeTable, DescribeDatabase, CreateTable, CreateDatabase on the target"
            }
            Self::NotFound { .. } => {
                "the database or the table was removed while it was in use: run the same command again, which creates it"
            }
            Self::Refused { .. } => "mend what the message names, then run the same command again",
            Self::Invalid { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// The side that changes a target.
pub trait Writer: Send + Sync {
    /// Creates the database and table, or checks that what is there suits.
    fn prepare(&self, spec: &TableSpec) -> impl Future<Output = Result<Prepared, WriteFault>> + Send;

    /// Whether the target could hold `record` at all; the reason when it could not. Pure: one record that would have a whole
    /// request refused is found before it is sent.
    fn check(&self, record: &Record) -> Result<(), String>;

    /// Gets a fresh way to the service, after [`WriteFault::EndpointExpired`].
    fn reconnect(&self) -> impl Future<Output = Result<(), WriteFault>> + Send;

    /// Sends at most [`RECORDS_PER_BATCH_MAX`] records under one version. The answer names those that were refused; all others are stored.
    fn write(&self, table: &str, records: &[&Record], version: i64) -> impl Future<Output = Result<Vec<Rejection>, WriteFault>> + Send;
}

/// Facts: WriteRecords limits.
pub const RECORDS_PER_BATCH_MAX: usize = 100;

/// The column types of a table, to read rows back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadShape {
    pub table: String,
    pub measure_name: String,
    pub reads: Reads,
    /// Names, sorted.
    pub dimensions: Vec<String>,
    pub measures: Vec<(String, MeasureKind)>,
}

/// Which rows of a table a shape reads. The shapes of one table together read each of its rows once, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// All of them: the table has one shape.
    All,
    /// Those of the shape's own measure name.
    Own,
    /// All but those of these measure names, which other shapes read.
    AllBut(Vec<String>),
}

impl ReadShape {
    /// Whether this shape reads the rows of `measure_name`.
    #[must_use]
    pub fn reads(&self, measure_name: &str) -> bool {
        match &self.reads {
            Reads::All => true,
            Reads::Own => measure_name == self.measure_name,
            Reads::AllBut(others) => !others.iter().any(|other| other == measure_name),
        }
    }
}

/// Count and digest of one time bucket, `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub from: Nanos,
    pub rows: u64,
    /// The sum over rows of [`crate::digest::row_digest`], wrapped to i64.
    pub digest: i64,
}

/// Count and digest of one cell of a bucket: a shorter time, and a slice of the dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub from: Nanos,
    pub slice: u16,
    pub rows: u64,
    /// As of [`Bucket`].
    pub digest: i64,
}

/// A part of a table: all rows of `[from, to)`, or those of some slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub from: Nanos,
    pub to: Nanos,
    pub slices: Option<Slices>,
}

/// Some of `count` slices of the dimensions, by [`crate::digest::dimension_slice`] modulo `count`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slices {
    /// A power of two.
    pub count: u16,
    pub of: BTreeSet<u16>,
}

/// Why reading back failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    #[error("throttled: {message}")]
    Throttled { message: String },
    #[error("the service did not answer properly: {message}")]
    Unanswered { message: String },
    /// The query itself was refused: for digests, the sign to compare rows instead.
    #[error("the query was refused: {message}")]
    Invalid { message: String },
    #[error("access was refused: {message}")]
    Denied { message: String },
    #[error("not found: {message}")]
    NotFound { message: String },
    /// An answer that this tool cannot read.
    #[error("an answer could not be understood: {message}")]
    Malformed { message: String },
}

/// The side that only reads.
pub trait Reader: Send + Sync {
    /// Counts and digests per bucket of `bucket_nanos`, for all rows that the shape reads. With `digests` false only counts, digest 0.
    fn buckets(&self, shape: &ReadShape, bucket_nanos: i64, digests: bool) -> impl Future<Output = Result<Vec<Bucket>, ReadFault>> + Send;

    /// Counts and digests of `[from, to)` per cell: times of `width_nanos`, and `slices` slices of the dimensions.
    fn cells(
        &self,
        shape: &ReadShape,
        from: Nanos,
        to: Nanos,
        width_nanos: i64,
        slices: u16,
    ) -> impl Future<Output = Result<Vec<Cell>, ReadFault>> + Send;

    /// Hands every row of `part` that the shape reads to `each`, in time order.
    fn rows(
        &self,
        shape: &ReadShape,
        part: &Part,
        each: &mut (dyn FnMut(Record) + Send),
    ) -> impl Future<Output = Result<(), ReadFault>> + Send;
}
