//! One object from its bytes to its rows: which decoder it needs, and what its end was like.

use std::io::{self, BufReader, Cursor, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::gzip::Members;
use super::sniff::{self, GZIP_MAGIC, HEAD_BYTES};
use super::source::Source;
use super::{BadRow, Decoded, Format, HistoryError, ObjectRead, RAW_EXCERPT_BYTES_MAX, ReadLimits, Row, RowSink, SourceObject};
use super::{csv, directory, json, parquet};
use crate::provenance::Provenance;
use crate::value::{Object, Value};

const BUFFER_BYTES: usize = 64 * 1024;

/// Reads an object from its first row to its last, or until `sink` breaks, or to where it is damaged.
///
/// Where the first bytes show what the object is, they decide, whatever the listing said. A channel's object is read like any other: its
/// messages are not unwrapped here.
///
/// # Errors
/// Only when nothing can be said about the rows because the machine failed, or because the object vanished or changed since it was
/// listed, also while it was read: the rows that were handed on then count for nothing.
pub fn read_object(
    source: &dyn Source,
    object: &SourceObject,
    limits: &ReadLimits,
    sink: &mut RowSink<'_>,
) -> Result<ObjectRead, HistoryError> {
    let mut handover = Handover { object, rows: 0, sink };
    let outcome = decode(source, object, limits, &mut handover);
    let rows = handover.rows;
    match outcome {
        Ok(()) | Err(Stop::Asked) => Ok(ObjectRead { rows, damage: None }),
        Err(Stop::Damage(what)) => Ok(ObjectRead { rows, damage: Some(format!("{what} (after row {rows})")) }),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Objects as rows, whatever has to happen to their messages on the way.
pub trait RowReader: Send + Sync {
    /// Hands every row of `object` to `sink`, in order. The same object read twice gives the same rows.
    ///
    /// # Errors
    /// As [`read_object`].
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError>;
}

impl<R: RowReader + ?Sized> RowReader for Arc<R> {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        (**self).read(object, sink)
    }
}

/// Objects that hold rows as they are.
pub struct Objects {
    source: Arc<dyn Source>,
    limits: ReadLimits,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Objects {
    #[must_use]
    pub fn new(source: Arc<dyn Source>, limits: ReadLimits) -> Self {
        Self { source, limits }
    }
}

impl RowReader for Objects {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        read_object(&*self.source, object, &self.limits, sink)
    }
}

fn decode(source: &dyn Source, object: &SourceObject, limits: &ReadLimits, handover: &mut Handover<'_, '_>) -> Result<(), Stop> {
    let key = object.id.key.as_str();
    let stop = |error| stop_of(error, key);
    let (head, raw) = peek(FromSource(source.open(object).map_err(Stop::Failed)?)).map_err(stop)?;
    if !head.starts_with(GZIP_MAGIC) {
        return match sniff::seen(&head).unwrap_or(object.format) {
            Format::Json => json::read(raw, limits, handover),
            Format::Csv => csv::read(raw, limits, handover),
            Format::Parquet => {
                drop(raw);
                parquet::read(source.open_ranges(object).map_err(Stop::Failed)?, limits, handover)
            }
        };
    }
    let (head, unpacked) = peek(Members::new(raw)).map_err(stop)?;
    match sniff::seen(&head).unwrap_or(object.format) {
        Format::Json => json::read(unpacked, limits, handover),
        Format::Csv => csv::read(unpacked, limits, handover),
        Format::Parquet => parquet::read_unpacked(unpacked, limits, handover),
    }
}

/// Data whose beginning was looked at.
type Whole<R> = BufReader<io::Chain<Cursor<Vec<u8>>, R>>;

/// The beginning of the data, and all of it.
fn peek<R: Read>(mut input: R) -> io::Result<(Vec<u8>, Whole<R>)> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    // What cannot be unpacked right at the beginning is met again, and reported, by whoever reads on.
    match (&mut input).take(limit).read_to_end(&mut head) {
        Ok(_) => {}
        Err(error) if is_damage(&error) => {}
        Err(error) => return Err(error),
    }
    let whole = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head.clone()).chain(input));
    Ok((head, whole))
}

/// Why a decoder stopped before the end of its object.
pub(super) enum Stop {
    /// The sink has enough.
    Asked,
    /// The data goes on, but not in a way that can be read.
    Damage(String),
    Failed(HistoryError),
}

/// An error of the data itself, travelling through `Read` inside an I/O error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Damaged(pub(super) String);

/// An error of the source, marked on its way through a decompressor, whose own errors are about the data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SourceFailed(io::Error);

/// Marks the errors of a source, and gives its bytes in pieces of one size: how much a decompressor has given out when it meets the damage
/// depends on the pieces that it was fed with, and a network gives others each time.
struct FromSource<R>(R);

impl<R: Read> Read for FromSource<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::new(error.kind(), SourceFailed(error))),
            }
        }
        Ok(filled)
    }
}

/// True for an error that the source has nothing to do with.
pub(super) fn is_of_data(error: &io::Error) -> bool {
    !error.get_ref().is_some_and(|inner| inner.is::<SourceFailed>())
}

fn is_damage(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Damaged>())
}

/// Sorts an I/O error into damage and failure.
pub(super) fn stop_of(error: io::Error, key: &str) -> Stop {
    let error = match error.downcast::<Damaged>() {
        Ok(Damaged(what)) => return Stop::Damage(what),
        Err(error) => error,
    };
    let error = match error.downcast::<SourceFailed>() {
        Ok(SourceFailed(error)) | Err(error) => error,
    };
    Stop::Failed(directory::read_error(error, key))
}

/// Numbers rows, completes them with the key's partition columns, and hands them on.
pub(super) struct Handover<'a, 'sink> {
    object: &'a SourceObject,
    rows: u64,
    sink: &'a mut RowSink<'sink>,
}

impl Handover<'_, '_> {
    pub(super) fn key(&self) -> &str {
        &self.object.id.key
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn good(&mut self, byte_offset: Option<u64>, mut columns: Object) -> Result<(), Stop> {
        for (name, value) in self.object.partitions.iter() {
            // What the row says of itself counts; a key's text is only asked when it says nothing.
            if !columns.contains_key(name) {
                columns.insert(name.clone(), Value::String(value.clone()));
            }
        }
        let provenance = self.next_place(byte_offset);
        self.hand_on(Decoded::Row(Row { provenance, columns }))
    }

    pub(super) fn bad(&mut self, byte_offset: Option<u64>, reason: String, raw: &[u8]) -> Result<(), Stop> {
        let provenance = self.next_place(byte_offset);
        self.hand_on(Decoded::Bad(BadRow { provenance, reason, raw: excerpt(raw) }))
    }

    fn next_place(&mut self, byte_offset: Option<u64>) -> Provenance {
        self.rows += 1;
        Provenance { object: Arc::clone(&self.object.id), row: self.rows, byte_offset }
    }

    fn hand_on(&mut self, decoded: Decoded) -> Result<(), Stop> {
        match (self.sink)(decoded) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Asked),
        }
    }
}

/// The beginning of the bytes as text of at most [`RAW_EXCERPT_BYTES_MAX`] bytes.
fn excerpt(raw: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(raw.get(..RAW_EXCERPT_BYTES_MAX).unwrap_or(raw)).into_owned();
    // A replacement character is longer than the byte it replaces.
    text.truncate(text.floor_char_boundary(RAW_EXCERPT_BYTES_MAX));
    text
}

/// A name from the data as it may stand in a message: escaped, and not longer than a line.
pub(super) fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 80;
    let mut shown: String = name.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
