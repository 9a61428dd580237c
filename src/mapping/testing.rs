//! Rows and rules for this room's tests.

use std::sync::Arc;

use super::{DimensionRule, MeasureRule, Policies, TableMapping, TimeRule};
use crate::history::{Format, Layout, Row, SourceObject};
use crate::path::ColumnPath;
use crate::provenance::{ObjectId, Provenance};
use crate::record::MeasureKind;
use crate::time::TimeFormat;
use crate::value::{Object, Value};

/// `ts` in milliseconds, dimensions `device` and `site`, one measure of every type called by its column.
pub(super) fn rules() -> TableMapping {
    let path = |text: &str| text.parse::<ColumnPath>().unwrap();
    let measure = |name: &str, kind| MeasureRule { column: path(name), name: name.into(), kind, format: None };
    let mut seen = measure("seen", MeasureKind::Timestamp);
    seen.format = Some(TimeFormat::Iso8601);
    TableMapping {
        store: "plant".to_owned(),
        route: None,
        table: "plant".to_owned(),
        time: TimeRule { column: path("ts"), format: TimeFormat::EpochMillis },
        measure_name: "telemetry".into(),
        dimensions: vec![
            DimensionRule { column: path("deviceId"), name: "device".into() },
            DimensionRule { column: path("place.site"), name: "area".into() },
        ],
        measures: vec![
            measure("temp", MeasureKind::Double),
            measure("count", MeasureKind::Bigint),
            measure("ok", MeasureKind::Boolean),
            measure("note", MeasureKind::Varchar),
            seen,
        ],
        ignored: vec![path("debug")],
        policies: Policies::default(),
    }
}

pub(super) fn object(json: &str) -> Object {
    match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

pub(super) fn row(columns: Object) -> Row {
    let object = Arc::new(ObjectId { key: "datastore/plant/a.json".to_owned(), etag: "e".to_owned() });
    Row { provenance: Provenance { object, row: 1, byte_offset: None }, columns }
}

pub(super) fn source(format: Format) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key: "datastore/plant/a".to_owned(), etag: "e".to_owned() }),
        locator: String::new(),
        store: "plant".to_owned(),
        layout: Layout::Datastore,
        format,
        gzip: false,
        size_bytes: 1,
        partitions: Arc::from([]),
        pipeline: None,
    }
}
