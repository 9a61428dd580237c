use std::sync::Arc;

use super::*;
use crate::history::{Format, Layout};
use crate::provenance::{ObjectId, Provenance};
use crate::survey::{ColumnSurvey, DISTINCT_MAX};
use crate::time::Nanos;

fn object(partitions: &[(&str, &str)]) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key: "datastore/plant/one.json".to_owned(), etag: "1".to_owned() }),
        locator: String::new(),
        store: "plant".to_owned(),
        layout: Layout::Datastore,
        format: Format::Json,
        gzip: false,
        size_bytes: 100,
        partitions: partitions.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        pipeline: None,
    }
}

fn row_of(object: &SourceObject, columns: Object) -> Row {
    Row { provenance: Provenance { object: object.id.clone(), row: 1, byte_offset: None }, columns }
}

fn parse(json: &str) -> Object {
    match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn survey_objects(rows: Vec<Object>) -> StoreSurvey {
    let object = object(&[("__dt", "2023-06-21 00:00:00")]);
    let mut builder = SurveyBuilder::new();
    builder.listed(&object);
    builder.object(&object);
    for columns in rows {
        builder.row(&row_of(&object, columns));
    }
    builder.end(&object, &ObjectRead::default(), false);
    builder.finish(Extent::Full).stores.remove("plant").unwrap()
}

fn survey(rows: &[&str]) -> StoreSurvey {
    survey_objects(rows.iter().map(|json| parse(json)).collect())
}

fn column<'a>(survey: &'a StoreSurvey, path: &str) -> &'a ColumnSurvey {
    survey.columns.iter().find(|c| c.path.to_string() == path).unwrap_or_else(|| panic!("no column {path}"))
}

#[test]
fn kinds_are_counted_apart() {
    let survey = survey(&[
        r#"{"a":1,"b":true,"c":"x","d":null,"e":[1,2],"f":{}}"#,
        r#"{"a":27.0,"b":"TRUE","c":"","d":1e400,"e":"12","f":{}}"#,
        r#"{"a":1.5,"b":false,"c":"1.5","d":9007199254740993,"e":"NaN","g":18446744073709551615}"#,
        r#"{"g":1e300}"#,
    ]);
    assert_eq!(survey.rows, 4);
    let a = column(&survey, "a").kinds;
    assert_eq!((a.integers, a.decimals), (2, 1));
    let b = column(&survey, "b").kinds;
    assert_eq!((b.booleans, b.strings, b.boolean_strings), (2, 1, 1));
    let c = column(&survey, "c").kinds;
    assert_eq!((c.strings, c.empty_strings, c.decimal_strings), (2, 1, 1));
    let d = column(&survey, "d").kinds;
    assert_eq!((d.nulls, d.numbers_too_large, d.integers, d.wide_integers), (1, 1, 1, 1));
    let g = column(&survey, "g").kinds;
    assert_eq!((g.decimals, g.wide_integers), (2, 1));
    let e = column(&survey, "e").kinds;
    assert_eq!((e.arrays, e.integer_strings, e.non_finite_strings), (1, 1, 1));
    let f = column(&survey, "f");
    assert_eq!((f.present, f.kinds.empty_objects, f.kinds.values()), (2, 2, 0));
}

#[test]
fn objects_are_followed_to_their_leaves_and_arrays_are_leaves() {
    let survey = survey(&[r#"{"device":{"id":"d1","pos":{"lat":1.5}},"tags":[{"a":1}]}"#]);
    let paths: Vec<String> = survey.columns.iter().map(|c| c.path.to_string()).collect();
    assert_eq!(paths, ["device.id", "device.pos.lat", "tags"]);
    assert_eq!(column(&survey, "tags").string_bytes_max, 9);
}

#[test]
fn a_column_from_the_key_is_known_as_one() {
    let survey = survey(&[r#"{"__dt":"2023-06-21 00:00:00","x":1,"__partition_line":"a"}"#]);
    assert!(column(&survey, "__dt").partition);
    assert!(column(&survey, "__partition_line").partition);
    assert!(!column(&survey, "x").partition);
}

#[test]
fn spellings_that_differ_in_case_are_one_column_unless_a_row_has_both() {
    let apart = survey(&[r#"{"deviceid":"a"}"#, r#"{"deviceId":"b"}"#, r#"{"deviceid":"b"}"#]);
    assert_eq!(apart.columns.len(), 1);
    let merged = column(&apart, "deviceId");
    assert_eq!((merged.present, merged.distinct, merged.other_spellings.as_slice()), (3, 2, ["deviceid".to_owned()].as_slice()));
    assert_eq!(merged.frequent, [("b".to_owned(), 2), ("a".to_owned(), 1)]);

    let together = survey(&[r#"{"deviceid":"a"}"#, r#"{"deviceId":"b","deviceid":"a"}"#]);
    assert_eq!(together.columns.len(), 2);
}

#[test]
fn distinct_values_are_counted_up_to_a_limit() {
    let rows = |count: u64| (0..count).map(|i| parse(&format!(r#"{{"n":{i},"k":"same"}}"#))).collect();
    let exact = survey_objects(rows(DISTINCT_MAX));
    assert_eq!((column(&exact, "n").distinct, column(&exact, "n").distinct_more), (DISTINCT_MAX, false));
    let more = survey_objects(rows(DISTINCT_MAX + 1));
    assert_eq!((column(&more, "n").distinct, column(&more, "n").distinct_more), (DISTINCT_MAX, true));
    assert!(column(&more, "n").distinct_estimate.abs_diff(DISTINCT_MAX + 1) < 500);
    assert_eq!(column(&more, "k").frequent, [("same".to_owned(), DISTINCT_MAX + 1)]);
    assert_eq!(column(&more, "n").frequent.len(), 20);
}

#[test]
fn more_columns_than_the_limit_are_counted_and_not_kept() {
    let wide: Object = (0..COLUMNS_MAX + 10).map(|i| (format!("c{i}"), Value::Bool(true))).collect();
    let survey = survey_objects(vec![wide]);
    assert_eq!((survey.columns.len(), survey.values_beyond_columns), (COLUMNS_MAX, 10));
}

#[test]
fn a_column_without_a_name_is_counted_and_not_kept() {
    let survey = survey(&[r#"{"":{"a":1},"x":{"":2}}"#]);
    let paths: Vec<String> = survey.columns.iter().map(|c| c.path.to_string()).collect();
    assert_eq!((paths, survey.values_beyond_columns), (vec!["x.".to_owned()], 1));
    let text = serde_json::to_string(&survey).unwrap();
    assert_eq!(serde_json::from_str::<StoreSurvey>(&text).unwrap(), survey);
}

#[test]
fn times_are_recognised_with_their_range() {
    let survey = survey(&[r#"{"ts":1687331100123,"t":"21.5"}"#, r#"{"ts":"1687331100000","t":"22"}"#]);
    let times = &column(&survey, "ts").times;
    assert_eq!(times.len(), 1);
    assert_eq!(times[0].format.to_string(), "epoch_ms");
    assert_eq!((times[0].earliest, times[0].latest), (Nanos(1_687_331_100_000_000_000), Nanos(1_687_331_100_123_000_000)));
    assert!(column(&survey, "t").times.is_empty());
}

#[test]
fn a_survey_survives_its_file() {
    let store = survey(&[r#"{"deviceId":"a","ts":1687331100123}"#, r#"{"deviceid":"a","ts":null}"#]);
    let text = serde_json::to_string(&store).unwrap();
    assert_eq!(serde_json::from_str::<StoreSurvey>(&text).unwrap(), store);
}
