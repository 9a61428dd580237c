//! The rows of a datastore as a table that the query engine can ask: columns found, typed, and laid out as it expects them.
//!
//! How the real service typed the columns of a JSON store is not known. Here whole numbers are BIGINT, other numbers DOUBLE, and what is
//! nested or of several types is text in Presto's form (docs/fidelity.md).

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};

use super::Service;
use super::route::Resource;
use super::store::Kept;
use crate::history::{
    Decoded, FileRanges, Format, HistoryError, Layout, Listing, ObjectList, Ranges, ReadLimits, Source, SourceObject, read_object,
};
use crate::local::exception::Exception;
use crate::local::timestream::query::{ColumnShape, Scalar, TableShape};
use crate::provenance::ObjectId;
use crate::time::TimeFormat;
use crate::value::{Object, Value};

/// The partition column that every store has (facts: an empty store yields only this).
const ARRIVED: &str = "__dt";
/// Columns of one table; SQLite takes no more than 2,000.
const COLUMNS_MAX: usize = 1_900;

impl Service {
    /// Makes the table `physical` of the rows of `datastore`.
    pub(super) fn load(&self, datastore: &Kept, connection: &Connection, physical: &str) -> Result<TableShape, Exception> {
        let mut table = Table::default();
        let shelf = self.shelf(Resource::Datastore, datastore);
        for (key, stored) in shelf.all()? {
            let object = source_object(&datastore.name, &key, &shelf.prefix, stored.size_bytes);
            let source = Stored(stored.file);
            let mut sink = |decoded| {
                // What cannot be read is no row to anybody.
                if let Decoded::Row(row) = decoded {
                    table.rows.push(folded(row.columns));
                }
                ControlFlow::Continue(())
            };
            read_object(&source, &object, &ReadLimits::default(), &mut sink).map_err(Exception::internal)?;
        }
        table.write(connection, physical)
    }
}

/// Names in lower case, as the service's catalogue had them; of two that then are one, the first counts.
fn folded(columns: Object) -> Object {
    let mut folded = Object::with_capacity(columns.len());
    for (name, value) in columns {
        folded.entry(name.to_lowercase()).or_insert(value);
    }
    folded
}

#[derive(Default)]
struct Table {
    rows: Vec<Object>,
}

impl Table {
    fn columns(&self) -> IndexMap<&str, Scalar> {
        let mut columns: IndexMap<&str, Scalar> = IndexMap::new();
        for (name, value) in self.rows.iter().flatten() {
            let seen = kind_of(name, value);
            let known = columns.entry(name).or_insert(Scalar::Unknown);
            *known = common(*known, seen);
        }
        // The partition column comes last, and is there even if nothing else is.
        columns.shift_remove(ARRIVED);
        columns.insert(ARRIVED, Scalar::Timestamp);
        columns
    }

    fn write(&self, connection: &Connection, physical: &str) -> Result<TableShape, Exception> {
        let columns = self.columns();
        if columns.len() > COLUMNS_MAX {
            return Err(Exception::invalid_request(format!("The datastore has {} columns; a query takes {COLUMNS_MAX}.", columns.len())));
        }
        // Unknown is a column of nulls.
        let columns: Vec<(&str, Scalar)> =
            columns.into_iter().map(|(name, kind)| (name, if kind == Scalar::Unknown { Scalar::Varchar } else { kind })).collect();
        let mut sql = format!("CREATE TABLE {physical} (visible_at INTEGER NOT NULL");
        for (at, (_, kind)) in columns.iter().enumerate() {
            // Writing to a String cannot fail.
            write!(sql, ", c{at} {}", class(*kind)).unwrap_or_default();
        }
        connection.execute_batch(&(sql + ")"))?;
        let places = vec!["?"; columns.len() + 1].join(", ");
        let mut insert = connection.prepare(&format!("INSERT INTO {physical} VALUES ({places})"))?;
        for row in &self.rows {
            let cells = columns.iter().map(|(name, kind)| cell(row.get(*name), *kind));
            insert.execute(params_from_iter(std::iter::once(Cell::Integer(i64::MIN)).chain(cells)))?;
        }
        let shape = |(at, (name, kind)): (usize, (&str, Scalar))| ColumnShape { name: name.to_owned(), physical: format!("c{at}"), kind };
        Ok(TableShape { physical: physical.to_owned(), columns: columns.into_iter().enumerate().map(shape).collect() })
    }
}

/// As SQLite holds a type.
fn class(kind: Scalar) -> &'static str {
    match kind {
        Scalar::Double => "REAL",
        Scalar::Bigint | Scalar::Boolean | Scalar::Timestamp => "INTEGER",
        _ => "TEXT",
    }
}

fn kind_of(name: &str, value: &Value) -> Scalar {
    if name == ARRIVED {
        return Scalar::Timestamp;
    }
    match value {
        Value::Null => Scalar::Unknown,
        Value::Bool(_) => Scalar::Boolean,
        Value::Number(number) if !number.as_str().contains(['.', 'e', 'E']) && number.to_i64().is_some() => Scalar::Bigint,
        Value::Number(_) | Value::NonFinite(_) => Scalar::Double,
        Value::Timestamp(_) => Scalar::Timestamp,
        Value::String(_) | Value::Array(_) | Value::Object(_) => Scalar::Varchar,
    }
}

/// The type of a column that holds both.
fn common(one: Scalar, other: Scalar) -> Scalar {
    match (one, other) {
        (Scalar::Unknown, kind) | (kind, Scalar::Unknown) => kind,
        (one, other) if one == other => one,
        (Scalar::Bigint, Scalar::Double) | (Scalar::Double, Scalar::Bigint) => Scalar::Double,
        _ => Scalar::Varchar,
    }
}

fn cell(value: Option<&Value>, kind: Scalar) -> Cell {
    let Some(value) = value else { return Cell::Null };
    let cell = match (kind, value) {
        (_, Value::Null) => None,
        (Scalar::Boolean, Value::Bool(flag)) => Some(Cell::Integer(i64::from(*flag))),
        (Scalar::Bigint, Value::Number(number)) => number.to_i64().map(Cell::Integer),
        (Scalar::Double, Value::Number(number)) => number.to_f64().map(Cell::Real),
        (Scalar::Double, Value::NonFinite(value)) => Some(Cell::Real(*value)),
        (Scalar::Timestamp, value) => TimeFormat::Athena.try_read(value).map(|time| Cell::Integer(time.0)),
        (_, value) => Some(Cell::Text(presto_text(value))),
    };
    cell.unwrap_or(Cell::Null)
}

/// A value as Presto writes it into text: `{a=1, b=2}`, `[1, 2]` (facts: content of datasets).
fn presto_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(presto_text).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let members: Vec<String> = object.iter().map(|(name, value)| format!("{name}={}", presto_text(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Timestamp(time) => time.to_timestream().get(..23).map(str::to_owned).unwrap_or_default(),
        other => other.to_json().to_string(),
    }
}

/// What the key of a datastore's object says.
fn source_object(store: &str, key: &str, prefix: &str, size_bytes: u64) -> SourceObject {
    let below = key.strip_prefix(prefix).unwrap_or(key);
    let partitions: Vec<(String, String)> =
        below.split('/').filter_map(|folder| folder.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    SourceObject {
        id: Arc::new(ObjectId { key: key.to_owned(), etag: String::new() }),
        locator: key.to_owned(),
        store: store.to_owned(),
        layout: Layout::Datastore,
        format: if key.ends_with(".parquet") { Format::Parquet } else { Format::Json },
        gzip: key.ends_with(".gz"),
        size_bytes,
        partitions: partitions.into(),
        pipeline: None,
    }
}

/// One object of the embedded S3 as the readers of histories want it.
struct Stored(PathBuf);

impl Stored {
    fn file(&self, object: &SourceObject) -> Result<File, HistoryError> {
        File::open(&self.0).map_err(|source| HistoryError::Read { key: object.id.key.clone(), source })
    }
}

impl Source for Stored {
    fn list(&self) -> Result<Listing, HistoryError> {
        Ok(Listing { root: String::new(), objects: ObjectList::default(), passed_over: Vec::new() })
    }

    fn open(&self, object: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        Ok(Box::new(self.file(object)?))
    }

    fn open_ranges(&self, object: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        Ok(Box::new(FileRanges::new(self.file(object)?, object.size_bytes)))
    }
}
