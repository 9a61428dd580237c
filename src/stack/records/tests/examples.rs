//! What a person reads, and hostile names.

use super::{Case, both_sides, path};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TableMapping, TimeRule};
use crate::record::MeasureKind;
use crate::stack::records::{RecordsError, render};
use crate::value::{Object, Value};

pub(in crate::stack) fn plant() -> TableMapping {
    let measure = |column: &str, name: &str, kind| MeasureRule { column: path(column), name: name.into(), kind, format: None };
    let mut seen = measure("lastSeen", "last_seen", MeasureKind::Timestamp);
    seen.format = Some("java:dd/MM/yyyy HH:mm[:ss]".parse().unwrap());
    TableMapping {
        store: "plant".to_owned(),
        route: None,
        table: "plant".to_owned(),
        time: TimeRule { column: path("timestamp"), format: "epoch_ms".parse().unwrap() },
        measure_name: "telemetry".into(),
        dimensions: vec![
            DimensionRule { column: path("place.site"), name: "site".into() },
            DimensionRule { column: path("deviceId"), name: "device".into() },
        ],
        measures: vec![
            measure("temperature", "temperature", MeasureKind::Double),
            measure("humidity", "humidity", MeasureKind::Double),
            measure("position[0]", "latitude", MeasureKind::Double),
            seen,
        ],
        ignored: vec![path("debug")],
        policies: Policies::default(),
    }
}

fn object(json: &str) -> Object {
    match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

#[test]
fn a_reader_sees_which_column_becomes_what() {
    insta::assert_snapshot!(render(&[&plant()], 1).unwrap());
}

#[test]
fn the_record_of_a_message() {
    let message = object(
        r#"{"timestamp":1687331100123.5,"deviceId":7,"place":{"site":"north"},"temperature":-0.0,"humidity":"1e-7","position":[47.50],
            "lastSeen":"21/06/2023 07:05","debug":{"a":1}}"#,
    );
    let (here, there) = both_sides(&[Case { mappings: vec![plant()], messages: vec![message] }], 3);
    assert_eq!(here, there);
    let record = serde_json::json!({
        "Dimensions": [{"Name": "device", "Value": "7"}, {"Name": "site", "Value": "north"}],
        "MeasureName": "telemetry",
        "MeasureValueType": "MULTI",
        "MeasureValues": [
            {"Name": "temperature", "Value": "0", "Type": "DOUBLE"},
            {"Name": "humidity", "Value": "1e-7", "Type": "DOUBLE"},
            {"Name": "latitude", "Value": "47.5", "Type": "DOUBLE"},
            {"Name": "last_seen", "Value": "1687331100000000000", "Type": "TIMESTAMP"},
        ],
        "Time": "1687331100123500000",
        "TimeUnit": "NANOSECONDS",
        "Version": 3,
    });
    assert_eq!(there, [serde_json::json!({"table": "plant", "record": record, "omitted": []})]);
}

#[test]
fn hostile_names_stay_names() {
    for hostile in
        ["\"); __import__('os').abort() #", "\"\"\"", "'\n__import__('os').abort()\n'", "\\", "{0}%s${x}", "\u{2028}\u{85}é😀", "a.b[0]"]
    {
        let column = crate::path::ColumnPath::top(hostile);
        let mut mapping = plant();
        mapping.store = hostile.to_owned();
        mapping.measure_name = hostile.replace(char::is_control, "_").into();
        mapping.dimensions[0] = DimensionRule { column: column.clone(), name: hostile.replace(char::is_control, "").into() };
        mapping.ignored.push(column.child(hostile));
        mapping.time.format = format!("java:yyyy-MM-dd'{}'", hostile.replace('\'', "''")).parse().unwrap();
        let mut message = object(r#"{"temperature":1}"#);
        message.insert("timestamp".to_owned(), Value::String(format!("2023-06-21{hostile}")));
        message.insert(hostile.to_owned(), Value::String(hostile.to_owned()));
        let (here, there) = both_sides(&[Case { mappings: vec![mapping], messages: vec![message] }], 1);
        assert_eq!(here, there, "{hostile}");
        assert_eq!(there[0]["record"]["Dimensions"][0]["Value"], hostile);
    }
}

#[test]
fn what_cannot_be_obeyed_is_no_code() {
    let mut reserved = plant();
    reserved.measures[0].name = "time".into();
    assert!(matches!(render(&[&reserved], 1), Err(RecordsError::Mapping(_))));
    assert_eq!(render(&[], 1), Err(RecordsError::NoMapping));
    assert_eq!(render(&[&plant()], 0), Err(RecordsError::Version(0)));
    let error = render(&[&plant(), &plant()], 1).unwrap_err();
    assert!(matches!(error, RecordsError::Mapping(_)), "nothing says which of two mappings takes a message: {error}");
}
