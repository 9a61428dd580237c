//! Parquet rows, a batch at a time.
//!
//! The Parquet crate is made for files that a writer meant well with; on others it may panic. What can be checked first is checked
//! first (`footer`), and the rest runs under `catch_unwind`: a damaged file is one damaged object, and the reader that
//! panicked is thrown away, so nothing half-changed is ever seen again. What pages take in memory is bounded (`pages`), because room that
//! cannot be had ends the process; rows that need more are damage.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::cell::{self, Budget};
use super::pages::{Watch, WatchedPages};
use super::read::{Handover, Stop, shown, stop_of};
use super::source::Ranges;
use super::{ReadLimits, footer};
use crate::value::{Object, Value, object_to_json};

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1024;
/// Objects up to here are read whole: one request instead of several for the many small objects of a bucket.
const WHOLE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Parquet inside gzip has no beginning to seek to, so it is unpacked in memory, up to here.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads the rows of a Parquet object.
pub(super) fn read(ranges: Box<dyn Ranges>, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let size = ranges.size_bytes();
    match usize::try_from(size) {
        Ok(length) if size <= WHOLE_BYTES_MAX => {
            let bytes = ranges.read_range(0, length).map_err(|error| stop_of(error, handover.key()))?;
            read_chunks(&Chunks::Whole(bytes.into()), limits, handover)
        }
        _ => read_chunks(&Chunks::Ranged(Arc::new(Ranged { ranges, failure: Mutex::new(None) })), limits, handover),
    }
}

/// Reads the rows of a Parquet object that stood in gzip.
pub(super) fn read_unpacked(unpacked: impl Read, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let mut bytes = Vec::new();
    let mut unpacked = unpacked.take(UNPACKED_BYTES_MAX + 1);
    unpacked.read_to_end(&mut bytes).map_err(|error| stop_of(error, handover.key()))?;
    if unpacked.limit() == 0 {
        return Err(Stop::Damage(format!("Parquet inside gzip is read up to {UNPACKED_BYTES_MAX} bytes, and this is more: unpack it")));
    }
    read_chunks(&Chunks::Whole(bytes.into()), limits, handover)
}

fn read_chunks(chunks: &Chunks, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let stop = |what: String, key: &str| chunks.failure().map_or(Stop::Damage(what), |error| stop_of(error, key));
    let file = OpenFile::new(chunks, limits).map_err(|what| stop(what, handover.key()))?;
    let mut readers = file.readers(BATCH_ROWS, 0).map_err(|what| stop(what, handover.key()))?;
    let mut row_by_row = false;
    loop {
        match readers.next() {
            Ok(Some((batch, seconds))) => hand_on(&batch, seconds.as_ref(), limits, handover)?,
            Ok(None) => break,
            Err(what) if row_by_row || chunks.failure_kind().is_some() => return Err(stop(what, handover.key())),
            Err(_) => {
                // Somewhere in these rows is the damage. The ones before it are good, so they are read one by one.
                row_by_row = true;
                readers = file.readers(1, handover.rows()).map_err(|what| stop(what, handover.key()))?;
            }
        }
    }
    let promised = u64::try_from(file.metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    if promised == handover.rows() {
        return Ok(());
    }
    Err(Stop::Damage(format!("the footer promises {promised} rows")))
}

/// A file whose footer makes sense.
pub(super) struct OpenFile {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    seconds: Option<Seconds>,
    pages_bytes_max: u64,
}

/// INT96 timestamps wrap around silently when they are decoded to nanoseconds. Decoded to seconds too, they tell on themselves.
struct Seconds {
    metadata: ArrowReaderMetadata,
    columns: ProjectionMask,
}

impl OpenFile {
    pub(super) fn new(chunks: &Chunks, limits: &ReadLimits) -> Result<Self, String> {
        footer::check(chunks, limits.nesting_max)?;
        let load = |options| guarded(|| ArrowReaderMetadata::load(chunks, options));
        // The writer's Arrow schema beside the Parquet one knows a few types better. Where the two contradict, Parquet's counts.
        let metadata = load(ArrowReaderOptions::new())
            .or_else(|_| load(ArrowReaderOptions::new().with_skip_arrow_metadata(true)))
            .map_err(|what| format!("the Parquet footer cannot be read: {what}"))?;
        let mut names = BTreeSet::new();
        if let Some(field) = metadata.schema().fields().iter().find(|field| !names.insert(field.name())) {
            return Err(format!("two columns are called `{}`", shown(field.name())));
        }
        if metadata.schema().fields().is_empty() {
            return Err("it has no column".to_owned());
        }
        chunks_lie_inside(&metadata, chunks.len())?;
        let seconds = guarded(|| Seconds::of(&metadata))?;
        let metadata = guarded(|| with_views(&metadata)).unwrap_or(metadata);
        Ok(Self { chunks: chunks.clone(), metadata, seconds, pages_bytes_max: limits.pages_bytes_max })
    }

    /// Readers from row `first` on, counted from 0.
    pub(super) fn readers(&self, batch_rows: usize, first: u64) -> Result<Readers, String> {
        let mut passed = usize::try_from(first).map_err(|_| "more rows than this machine can count".to_owned())?;
        let groups = self.metadata.metadata().row_groups();
        let mut first_group = 0;
        while let Some(rows) =
            groups.get(first_group).and_then(|group| usize::try_from(group.num_rows()).ok()).filter(|rows| *rows <= passed)
        {
            passed -= rows;
            first_group += 1;
        }
        // The crate passes rows of lists by reading them all at once. Read one by one and thrown away, they stay within the limit.
        let in_lists = self.metadata.parquet_schema().columns().iter().any(|column| column.max_rep_level() > 0);
        let offset = if in_lists { 0 } else { passed };
        let reader = |metadata: &ArrowReaderMetadata, columns: ProjectionMask| {
            let pages = WatchedPages::new(self.chunks.clone(), metadata.metadata(), batch_rows, self.pages_bytes_max);
            let watch = pages.watch();
            let reader = guarded(|| {
                ParquetRecordBatchReaderBuilder::new_with_metadata(pages, metadata.clone())
                    .with_row_groups((first_group..groups.len()).collect())
                    .with_projection(columns)
                    .with_batch_size(batch_rows)
                    .with_offset(offset)
                    .build()
            })?;
            Ok::<_, String>(Watched { reader, watch })
        };
        let rows = reader(&self.metadata, ProjectionMask::all())?;
        let seconds = self.seconds.as_ref().map(|seconds| reader(&seconds.metadata, seconds.columns.clone())).transpose()?;
        let mut readers = Readers { rows, seconds };
        let mut left = passed - offset;
        while left > 0 {
            // Batches are of one row wherever rows are passed.
            let Some((batch, _)) = readers.next()? else { break };
            left = left.saturating_sub(batch.num_rows());
        }
        Ok(readers)
    }
}

/// The crate takes the places of column chunks on trust, and panics where they are negative. Pages are known by their place (`pages`), so
/// no two chunks may share one.
fn chunks_lie_inside(metadata: &ArrowReaderMetadata, size: u64) -> Result<(), String> {
    let mut places = Vec::new();
    for (at, group) in (1..).zip(metadata.metadata().row_groups()) {
        for column in group.columns() {
            let first = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let end = u64::try_from(first)
                .ok()
                .zip(u64::try_from(column.compressed_size()).ok())
                .map(|(first, length)| first.saturating_add(length));
            let inside = end.is_some_and(|end| end <= size) && column.data_page_offset() >= 0 && column.num_values() >= 0;
            if !inside {
                let name = shown(&column.column_path().string());
                return Err(format!("the footer puts column `{name}` of row group {at} outside of the file"));
            }
            places.push(column.byte_range());
        }
    }
    places.retain(|(_, length)| *length > 0);
    places.sort_unstable();
    let overlap = places.windows(2).any(|pair| matches!(pair, [(begin, length), (next, _)] if begin.saturating_add(*length) > *next));
    if overlap { Err("the footer puts two columns into one place".to_owned()) } else { Ok(()) }
}

/// Texts and bytes as views into their page: a value that stands for many rows is then in memory once.
fn with_views(metadata: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let mut view = |leaf: &DataType| match leaf {
        DataType::Utf8 | DataType::LargeUtf8 => Some(DataType::Utf8View),
        DataType::Binary | DataType::LargeBinary => Some(DataType::BinaryView),
        _ => None,
    };
    let fields: Fields = metadata.schema().fields().iter().map(|field| with_leaves(field, &mut view)).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata.schema().metadata().clone()));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), ArrowReaderOptions::new().with_schema(schema))
}

impl Seconds {
    fn of(metadata: &ArrowReaderMetadata) -> Result<Option<Self>, ParquetError> {
        let descriptor = metadata.parquet_schema();
        let roots: BTreeSet<usize> = (0..descriptor.num_columns())
            .filter(|leaf| descriptor.column(*leaf).physical_type() == PhysicalType::INT96)
            .map(|leaf| descriptor.get_column_root_idx(leaf))
            .collect();
        if roots.is_empty() {
            return Ok(None);
        }
        // Both schemas have their leaves in the same order.
        let mut leaves = 0..descriptor.num_columns();
        let mut in_seconds = |leaf: &DataType| {
            let int96 = leaves.next().is_some_and(|at| descriptor.column(at).physical_type() == PhysicalType::INT96);
            match leaf {
                DataType::Timestamp(_, zone) if int96 => Some(DataType::Timestamp(TimeUnit::Second, zone.clone())),
                _ => None,
            }
        };
        let fields: Fields = metadata.schema().fields().iter().map(|field| with_leaves(field, &mut in_seconds)).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.schema().metadata().clone()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let columns = ProjectionMask::roots(descriptor, roots);
        Ok(Some(Self { metadata: ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?, columns }))
    }
}

/// The field with the types of its leaves exchanged where `exchange` gives another one.
fn with_leaves(field: &FieldRef, exchange: &mut dyn FnMut(&DataType) -> Option<DataType>) -> FieldRef {
    let mut below = |field: &FieldRef| with_leaves(field, exchange);
    let changed = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect()),
        DataType::List(item) => DataType::List(below(item)),
        DataType::LargeList(item) => DataType::LargeList(below(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(below(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(below(entries), *sorted),
        leaf => match exchange(leaf) {
            Some(other) => other,
            None => return Arc::clone(field),
        },
    };
    Arc::new(Field::clone(field).with_data_type(changed))
}

pub(super) struct Readers {
    rows: Watched,
    seconds: Option<Watched>,
}

struct Watched {
    reader: ParquetRecordBatchReader,
    watch: Arc<Watch>,
}

impl Watched {
    fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        let batch = guarded(|| self.reader.next().transpose().map_err(ParquetError::from));
        self.watch.batch_done();
        batch.map_err(|what| self.watch.refused().unwrap_or(what))
    }
}

impl Readers {
    pub(super) fn next(&mut self) -> Result<Option<(RecordBatch, Option<RecordBatch>)>, String> {
        let Some(batch) = self.rows.next()? else { return Ok(None) };
        let Some(seconds) = &mut self.seconds else { return Ok(Some((batch, None))) };
        match seconds.next()? {
            Some(seconds) if seconds.num_rows() == batch.num_rows() => Ok(Some((batch, Some(seconds)))),
            _ => Err("its columns have different numbers of rows".to_owned()),
        }
    }
}

fn hand_on(batch: &RecordBatch, seconds: Option<&RecordBatch>, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    for row in 0..batch.num_rows() {
        let read = columns(batch, row, limits).and_then(|read| match seconds {
            None => Ok(read),
            Some(seconds) => columns(seconds, row, limits).and_then(|seconds| confirmed(read, &seconds)),
        });
        match read {
            Ok(columns) => handover.good(None, columns)?,
            Err(reason) => handover.bad(None, reason, readable(batch, row, limits).as_bytes())?,
        }
    }
    Ok(())
}

fn columns(batch: &RecordBatch, row: usize, limits: &ReadLimits) -> Result<Object, String> {
    let mut budget = Budget { bytes: limits.row_bytes_max, limits: *limits };
    let mut columns = Object::with_capacity(batch.num_columns());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let value = cell::value(array, row, 2, &mut budget).map_err(|reason| format!("column `{}`: {reason}", shown(field.name())))?;
        columns.insert(field.name().clone(), value);
    }
    Ok(columns)
}

/// The row, unless a timestamp of it differs from its reading in seconds.
fn confirmed(read: Object, seconds: &Object) -> Result<Object, String> {
    let differs = seconds.iter().find(|(name, value)| !read.get(*name).is_some_and(|nanos| agree(nanos, value)));
    match differs {
        None => Ok(read),
        Some((name, _)) => Err(format!("column `{}`: an INT96 timestamp outside of the years 1677 to 2262", shown(name))),
    }
}

fn agree(nanos: &Value, seconds: &Value) -> bool {
    match (nanos, seconds) {
        (Value::Timestamp(nanos), Value::Timestamp(seconds)) => (0..1_000_000_000).contains(&(i128::from(nanos.0) - i128::from(seconds.0))),
        (Value::Array(nanos), Value::Array(seconds)) => nanos.len() == seconds.len() && nanos.iter().zip(seconds).all(|(n, s)| agree(n, s)),
        (Value::Object(nanos), Value::Object(seconds)) => {
            nanos.len() == seconds.len() && nanos.values().zip(seconds.values()).all(|(n, s)| agree(n, s))
        }
        _ => true,
    }
}

/// What can be read of a bad row, as JSON, for a person.
fn readable(batch: &RecordBatch, row: usize, limits: &ReadLimits) -> String {
    let mut budget = Budget { bytes: limits.row_bytes_max, limits: *limits };
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns: Object =
        fields.filter_map(|(field, array)| Some((field.name().clone(), cell::value(array, row, 2, &mut budget).ok()?))).collect();
    object_to_json(&columns).to_string()
}

/// Runs the Parquet crate on data that it may panic on. See the head of this file.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(one_line(&error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(one_line(&format!("the decoder gave up: {}", text.unwrap_or("no reason given"))))
        }
    }
}

fn one_line(text: &str) -> String {
    const MESSAGE_CHARS_MAX: usize = 300;
    text.trim_end_matches('.').chars().take(MESSAGE_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A Parquet object's bytes, in memory or in ranges.
#[derive(Clone)]
pub(super) enum Chunks {
    Whole(Bytes),
    Ranged(Arc<Ranged>),
}

pub(super) struct Ranged {
    ranges: Box<dyn Ranges>,
    /// The first failure of the source. The Parquet crate turns it into one of its own errors, and this is how it is known again.
    failure: Mutex<Option<io::Error>>,
}

impl Chunks {
    fn failure_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Whole(_) => None,
            Self::Ranged(ranged) => ranged.failure.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(io::Error::kind),
        }
    }

    fn failure(&self) -> Option<io::Error> {
        match self {
            Self::Whole(_) => None,
            Self::Ranged(ranged) => ranged.failure.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len().try_into().unwrap_or(u64::MAX),
            Self::Ranged(ranged) => ranged.ranges.size_bytes(),
        }
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<ChunkRead>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::with_capacity(8 * 1024, ChunkRead { chunks: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!("{length} bytes from byte {start} on are more than the object has")));
        }
        match self {
            Self::Whole(bytes) => {
                let start = usize::try_from(start).map_err(|error| ParquetError::External(Box::new(error)))?;
                Ok(bytes.slice(start..start + length))
            }
            Self::Ranged(ranged) => ranged.ranges.read_range(start, length).map(Bytes::from).map_err(|error| {
                let told = ParquetError::General(format!("the source failed: {error}"));
                ranged.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                told
            }),
        }
    }
}

/// Reads on from a place.
pub(super) struct ChunkRead {
    chunks: Chunks,
    at: u64,
}

impl Read for ChunkRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.chunks.len().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let bytes = self.chunks.get_bytes(self.at, length).map_err(io::Error::other)?;
        for (to, from) in buffer.iter_mut().zip(&bytes) {
            *to = *from;
        }
        self.at += u64::try_from(length).unwrap_or(0);
        Ok(length)
    }
}
