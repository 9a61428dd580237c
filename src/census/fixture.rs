//! A history that stands in memory, for tests of the census and of what leans on it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use super::source::{MappedHistory, MappedRow, ReadFailure, RefusedRow};
use crate::history::{BadRow, Decoded, FilteredRow, Format, Layout, Listing, ObjectRead, Row, RowSink, SourceObject};
use crate::mapping::{Collisions, DimensionRule, MeasureRule, Policies, TableMapping, TimeRule};
use crate::path::ColumnPath;
use crate::provenance::{ObjectId, Provenance};
use crate::record::{Measure, MeasureKind, Record};
use crate::time::{Nanos, TimeFormat};
use crate::value::Object;

/// A row of the fixture and what it becomes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FakeRow {
    Good(Record),
    Refused(&'static str),
    /// Dropped by this activity.
    Filtered(&'static str),
    Bad,
    /// A record of the table so many places behind its store's first one.
    Routed(usize, Record),
    /// No table of its store takes it.
    Unrouted,
}

/// Objects by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct FakeHistory {
    pub(crate) objects: BTreeMap<String, Vec<FakeRow>>,
    /// Reason by key: the object's rows are all read, and then it is damaged.
    pub(crate) damaged: BTreeMap<String, String>,
    /// These cannot be read at all.
    pub(crate) unreadable: Vec<String>,
    /// Objects that claim more rows than they hand on, as a defective reader would.
    pub(crate) overstated: Vec<String>,
    /// What was read, in that order.
    pub(crate) read: Arc<Mutex<Vec<String>>>,
}

/// Keys are `<store>/<anything>`.
impl FakeHistory {
    pub(crate) fn of(objects: &[(&str, &[FakeRow])]) -> Self {
        let objects = objects.iter().map(|(key, rows)| ((*key).to_owned(), rows.to_vec())).collect();
        Self { objects, ..Self::default() }
    }

    pub(crate) fn listing(&self) -> Listing {
        let objects = self.objects.keys().map(|key| source_object(key)).collect();
        Listing { root: "history".to_owned(), objects, passed_over: Vec::new() }
    }
}

pub(crate) fn source_object(key: &str) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key: key.to_owned(), etag: format!("etag of {key}") }),
        locator: key.to_owned(),
        store: key.split('/').next().unwrap_or_default().to_owned(),
        layout: Layout::Datastore,
        format: Format::Json,
        gzip: false,
        size_bytes: 1,
        partitions: Arc::new([]),
        pipeline: None,
    }
}

impl MappedHistory for FakeHistory {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, ReadFailure> {
        let key = &object.id.key;
        self.read.lock().unwrap().push(key.clone());
        if self.unreadable.contains(key) {
            return Err(ReadFailure { message: "it has vanished".to_owned(), hint: Some("look for it".to_owned()) });
        }
        let mut read = ObjectRead { rows: u64::from(self.overstated.contains(key)), damage: self.damaged.get(key).cloned() };
        for (number, row) in (1..).zip(&self.objects[key]) {
            read.rows += 1;
            let provenance = Provenance { object: Arc::clone(&object.id), row: number, byte_offset: None };
            let decoded = match row {
                FakeRow::Bad => Decoded::Bad(BadRow { provenance, reason: "no JSON".to_owned(), raw: "{".to_owned() }),
                FakeRow::Filtered(activity) => Decoded::Filtered(FilteredRow { provenance, activity: (*activity).into() }),
                _ => Decoded::Row(Row { provenance, columns: Object::new() }),
            };
            if sink(decoded) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(read)
    }

    fn route(&self, home: usize, row: &Row) -> Result<usize, RefusedRow> {
        let at = usize::try_from(row.provenance.row).unwrap() - 1;
        match &self.objects[&row.provenance.object.key][at] {
            FakeRow::Routed(further, _) => Ok(home + further),
            FakeRow::Unrouted => Err(RefusedRow { code: "no_route", detail: "no route takes it".to_owned() }),
            FakeRow::Good(_) | FakeRow::Refused(_) | FakeRow::Bad | FakeRow::Filtered(_) => Ok(home),
        }
    }

    fn map(&self, _table: usize, row: &Row) -> Result<MappedRow, RefusedRow> {
        let at = usize::try_from(row.provenance.row).unwrap() - 1;
        match &self.objects[&row.provenance.object.key][at] {
            FakeRow::Good(record) | FakeRow::Routed(_, record) => Ok(MappedRow { record: record.clone(), omitted: Vec::new() }),
            FakeRow::Refused(code) => Err(RefusedRow { code, detail: "`temp` holds a string".to_owned() }),
            FakeRow::Bad | FakeRow::Unrouted | FakeRow::Filtered(_) => panic!("such a row is never mapped"),
        }
    }
}

/// Device and room, one measure of each kind.
pub(crate) fn mapping(store: &str, table: &str, collisions: Collisions) -> TableMapping {
    let measures = [("temp", MeasureKind::Double), ("count", MeasureKind::Bigint), ("ok", MeasureKind::Boolean)];
    let more = [("note", MeasureKind::Varchar), ("seen_at", MeasureKind::Timestamp)];
    TableMapping {
        store: store.to_owned(),
        route: None,
        table: table.to_owned(),
        time: TimeRule { column: ColumnPath::top("t"), format: TimeFormat::EpochMillis },
        measure_name: "telemetry".into(),
        dimensions: ["device", "room"].map(|name| DimensionRule { column: ColumnPath::top(name), name: name.into() }).to_vec(),
        measures: measures
            .into_iter()
            .chain(more)
            .map(|(name, kind)| MeasureRule { column: ColumnPath::top(name), name: name.into(), kind, format: None })
            .collect(),
        ignored: Vec::new(),
        policies: Policies { collisions, ..Policies::default() },
    }
}

/// A record of `device` in one room with a temperature and a note.
pub(crate) fn record(device: &str, time: i64, temp: f64, note: &str) -> Record {
    Record {
        dimensions: vec![("device".into(), device.to_owned()), ("room".into(), "hall".to_owned())],
        measure_name: "telemetry".into(),
        measures: vec![("temp".into(), Measure::Double(temp)), ("note".into(), Measure::Varchar(note.to_owned()))],
        time: Nanos(time),
    }
}

pub(crate) fn good(device: &str, time: i64, temp: f64) -> FakeRow {
    FakeRow::Good(record(device, time, temp, "n"))
}
