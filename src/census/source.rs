//! The history as a census sees it: objects read to rows, rows mapped to records.
//!
//! Whoever starts a census joins a history and its mappers behind this trait; census and verification never learn which
//! kind of source they read.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::history::{Decoded, ObjectRead, Row, RowSink, SourceObject};
use crate::record::Record;

/// Rows and what they become. The same object read twice gives the same rows, and the same row the same answer.
pub trait MappedHistory: Send + Sync {
    /// Hands every row of `object` to `sink`, in order. Damage to the data is no failure: see [`ObjectRead`].
    ///
    /// # Errors
    /// Only when nothing can be said of the object's rows: the machine failed, or the object changed or vanished.
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, ReadFailure>;

    /// The number of the table that takes `row`, among those of its store; `home` is the first of them
    /// ([`crate::mapping::Router`]).
    ///
    /// # Errors
    /// The reason why none of them does; the row is then counted at `home`.
    fn route(&self, home: usize, row: &Row) -> Result<usize, RefusedRow>;

    /// What the mapping of the table numbered `table` (as in the list of mappings, from 0) makes of `row`.
    ///
    /// # Errors
    /// The mapping's reason why the row becomes no record.
    fn map(&self, table: usize, row: &Row) -> Result<MappedRow, RefusedRow>;
}

/// A record, and which of its measures a policy left out.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedRow {
    pub record: Record,
    /// Measure and why.
    pub omitted: Vec<(Arc<str>, &'static str)>,
}

/// Why a row becomes no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// Stable, as `wrong_type`.
    pub code: &'static str,
    /// One line.
    pub detail: String,
}

/// Why an object could not be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadFailure {
    pub message: String,
    pub hint: Option<String>,
}

/// Maps the rows numbered `wanted` (ascending) of one object again and hands each to `each`; reads no further than the last.
/// A row that does not come back, or becomes no record any more, is not handed on.
pub(crate) fn reread(
    history: &dyn MappedHistory,
    table: usize,
    object: &SourceObject,
    wanted: &[u64],
    each: &mut dyn FnMut(u64, Record),
) -> Result<(), ReadFailure> {
    let Some(&last) = wanted.last() else { return Ok(()) };
    let mut sink = |decoded: Decoded| {
        let number = decoded.provenance().row;
        if let Decoded::Row(row) = &decoded
            && wanted.binary_search(&number).is_ok()
            && let Ok(mapped) = history.map(table, row)
        {
            each(number, mapped.record);
        }
        if number >= last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    history.read(object, &mut sink).map(|_| ())
}
