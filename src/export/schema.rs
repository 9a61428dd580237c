//! Staged rows as Arrow columns, and back.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};

use super::exact;
use crate::history::{BadRow, Decoded, Row};
use crate::provenance::{ObjectId, Provenance};
use crate::time::Nanos;

/// The columns of every staged file.
pub(super) fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let count = |name: &str, nullable| Field::new(name, DataType::Int64, nullable);
    Arc::new(Schema::new(vec![
        text("store", false),
        text("object", false),
        text("etag", false),
        count("row", false),
        count("byte_offset", true),
        text("columns", true),
        text("reason", true),
        text("raw", true),
    ]))
}

/// A row on its way into a file.
#[derive(Debug)]
pub(super) struct StagedRow {
    row: u64,
    byte_offset: Option<u64>,
    content: Content,
    pub(super) time: Option<Nanos>,
}

#[derive(Debug)]
enum Content {
    Good { columns: String },
    Bad { reason: String, raw: String },
}

impl StagedRow {
    /// `None` for what only a pipeline says: no source object holds a filtered row.
    pub(super) fn of(decoded: Decoded, time: impl FnOnce(&crate::value::Object) -> Option<Nanos>) -> Option<Self> {
        match decoded {
            Decoded::Row(Row { provenance, columns }) => Some(Self {
                row: provenance.row,
                byte_offset: provenance.byte_offset,
                time: time(&columns),
                content: Content::Good { columns: exact::write(&columns) },
            }),
            Decoded::Bad(BadRow { provenance, reason, raw }) => {
                Some(Self { row: provenance.row, byte_offset: provenance.byte_offset, time: None, content: Content::Bad { reason, raw } })
            }
            Decoded::Filtered(_) => None,
        }
    }

    pub(super) fn is_bad(&self) -> bool {
        matches!(self.content, Content::Bad { .. })
    }

    /// Its number in its object.
    pub(super) fn number(&self) -> u64 {
        self.row
    }

    /// What it takes in memory, about; follows from the row alone.
    pub(super) fn text_bytes(&self) -> usize {
        64 + match &self.content {
            Content::Good { columns } => columns.len(),
            Content::Bad { reason, raw } => reason.len() + raw.len(),
        }
    }
}

/// Rows that become one row group.
#[derive(Default)]
pub(super) struct Group {
    store: StringBuilder,
    object: StringBuilder,
    etag: StringBuilder,
    row: Int64Builder,
    byte_offset: Int64Builder,
    columns: StringBuilder,
    reason: StringBuilder,
    raw: StringBuilder,
    pub(super) rows: usize,
    pub(super) text_bytes: usize,
}

impl Group {
    pub(super) fn push(&mut self, store: &str, object: &ObjectId, row: &StagedRow) {
        self.store.append_value(store);
        self.object.append_value(&object.key);
        self.etag.append_value(&object.etag);
        self.row.append_value(signed(row.row));
        self.byte_offset.append_option(row.byte_offset.map(signed));
        let (columns, reason, raw) = match &row.content {
            Content::Good { columns } => (Some(columns), None, None),
            Content::Bad { reason, raw } => (None, Some(reason), Some(raw)),
        };
        self.columns.append_option(columns);
        self.reason.append_option(reason);
        self.raw.append_option(raw);
        self.rows += 1;
        self.text_bytes += row.text_bytes();
    }

    /// The rows so far as a batch; the group is then empty.
    pub(super) fn take(&mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let text = |builder: &mut StringBuilder| -> ArrayRef { Arc::new(builder.finish()) };
        let columns = vec![
            text(&mut self.store),
            text(&mut self.object),
            text(&mut self.etag),
            Arc::new(self.row.finish()),
            Arc::new(self.byte_offset.finish()),
            text(&mut self.columns),
            text(&mut self.reason),
            text(&mut self.raw),
        ];
        (self.rows, self.text_bytes) = (0, 0);
        RecordBatch::try_new(schema(), columns)
    }
}

/// Counts of a source stay far below 2^63.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A row group, read.
#[derive(Debug)]
pub(super) struct StagedRows {
    pub(super) object: StringArray,
    pub(super) row: Int64Array,
    byte_offset: Int64Array,
    columns: StringArray,
    reason: StringArray,
    raw: StringArray,
}

impl StagedRows {
    /// # Errors
    /// When the batch has other columns than a staged file.
    pub(super) fn new(batch: &RecordBatch) -> Result<Self, String> {
        if batch.schema_ref().fields() != schema().fields() {
            return Err("its columns are not those of a staged file".to_owned());
        }
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>()).cloned();
        let count = |name: &str| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>()).cloned();
        let of = || {
            Some(Self {
                object: text("object")?,
                row: count("row")?,
                byte_offset: count("byte_offset")?,
                columns: text("columns")?,
                reason: text("reason")?,
                raw: text("raw")?,
            })
        };
        of().ok_or_else(|| "its columns are not those of a staged file".to_owned())
    }

    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    pub(super) fn is_bad(&self, at: usize) -> bool {
        self.columns.is_null(at)
    }

    /// The row at `at` as the source's decoder handed it on.
    ///
    /// # Errors
    /// When it is not a row of `object`, or cannot be read.
    pub(super) fn decoded(&self, at: usize, object: &Arc<ObjectId>) -> Result<Decoded, String> {
        if self.object.value(at) != object.key {
            return Err(format!("a row of `{}` stands where one of `{}` should", self.object.value(at), object.key));
        }
        let row = u64::try_from(self.row.value(at)).map_err(|_| "a negative row number".to_owned())?;
        let byte_offset = self.byte_offset.is_valid(at).then(|| u64::try_from(self.byte_offset.value(at)));
        let byte_offset = byte_offset.transpose().map_err(|_| "a negative byte offset".to_owned())?;
        let provenance = Provenance { object: Arc::clone(object), row, byte_offset };
        if self.is_bad(at) {
            return Ok(Decoded::Bad(BadRow { provenance, reason: self.reason.value(at).to_owned(), raw: self.raw.value(at).to_owned() }));
        }
        let columns = exact::read(self.columns.value(at))?;
        Ok(Decoded::Row(Row { provenance, columns }))
    }
}
