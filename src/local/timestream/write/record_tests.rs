//! The rules for a record that need no table, case by case.

use serde_json::{Value, json};

use super::record::Incoming;
use super::request::WireRecord;
use super::value::Datum;
use crate::local::failure::ErrorKind;
use crate::local::timestream::store::RecordKind;
use crate::local::timestream::switches::{LimitHandling, NonFiniteHandling, PreEpochTimes, RecordSize, Switches};

fn wire(record: Value) -> WireRecord {
    serde_json::from_value(record).unwrap()
}

fn good() -> Value {
    json!({"Dimensions": [{"Name": "device", "Value": "d1"}], "MeasureName": "m", "MeasureValue": "1.5", "Time": "1700000000001"})
}

fn read_with(own: Value, common: Value, switches: &Switches) -> Result<Incoming, String> {
    Incoming::read(wire(own), &wire(common), switches).map_err(|failure| {
        assert_eq!(failure.kind, ErrorKind::Validation);
        failure.message
    })
}

/// `good` with members put over it (null takes one away).
fn changed(changes: Value) -> Result<Incoming, String> {
    let mut own = good();
    for (member, value) in changes.as_object().unwrap() {
        own[member] = value.clone();
    }
    read_with(own, json!({}), &Switches::default())
}

fn multi(values: Value) -> Result<Incoming, String> {
    changed(json!({"MeasureValue": null, "MeasureValueType": "MULTI", "MeasureValues": values}))
}

#[test]
fn the_defaults_are_double_milliseconds_and_version_1() {
    let record = changed(json!({})).unwrap();
    assert_eq!(record.kind, RecordKind::Single(crate::record::MeasureKind::Double));
    assert_eq!(record.values, [("measure_value::double".to_owned(), Datum::Double(1.5))]);
    assert_eq!((record.time, record.version, record.refusal), (1_700_000_000_001_000_000, 1, None));
}

#[test]
fn what_the_request_alone_shows_to_be_wrong_fails_the_request() {
    let dimension = |name: &str, value: &str| json!([{"Name": name, "Value": value}]);
    let cases = [
        (json!({"Dimensions": []}), "At least one dimension is required for a record."),
        (json!({"Dimensions": null}), "At least one dimension is required for a record."),
        (json!({"Dimensions": dimension("d", "")}), "The value of dimension d is empty."),
        (json!({"Dimensions": dimension("time", "v")}), "The name time is reserved"),
        (json!({"Dimensions": dimension("ts_x", "v")}), "the prefix ts_ is reserved"),
        (json!({"Dimensions": dimension("m", "v")}), "The name m cannot be both a dimension name and a measure name."),
        (json!({"Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}), "The dimension a is specified more than once"),
        (json!({"MeasureName": null}), "A measure name is required"),
        (json!({"MeasureName": "measure_value"}), "The name measure_value is reserved"),
        (json!({"MeasureValue": null}), "A measure value is required"),
        (json!({"MeasureValue": "NaN"}), "Invalid value NaN for double measure value type."),
        (json!({"MeasureValue": "-Infinity"}), "Invalid value -Infinity for double measure value type."),
        (json!({"MeasureValue": "hello"}), "Invalid value hello for double measure value type."),
        (json!({"MeasureValue": "None", "MeasureValueType": "BIGINT"}), "Invalid value None for bigint measure value type."),
        (json!({"MeasureValueType": "BIGINT"}), "Invalid value 1.5 for bigint measure value type."),
        (json!({"MeasureValueType": "BOOLEAN"}), "Invalid value 1.5 for boolean measure value type."),
        (json!({"MeasureValueType": "TIMESTAMP"}), "TIMESTAMP is an invalid measure value type."),
        (json!({"MeasureValueType": "MULTI"}), "MeasureValue is not allowed"),
        (json!({"MeasureValueType": "MULTI", "MeasureValue": null}), "MeasureValues are required"),
        (json!({"MeasureValues": [{"Name": "a", "Value": "1", "Type": "DOUBLE"}]}), "MeasureValues are only allowed"),
        (json!({"Time": null}), "Invalid time for record."),
        (json!({"Time": "1723373577.5"}), "Invalid time for record."),
        (json!({"Version": 0}), "The record version 0 is invalid"),
        (json!({"Version": -5}), "The record version -5 is invalid"),
    ];
    for (changes, message) in cases {
        let error = changed(changes.clone()).unwrap_err();
        assert!(error.contains(message), "{changes}: {error}");
    }
}

#[test]
fn a_multi_measure_record_holds_every_type_and_each_name_once() {
    let record = multi(json!([
        {"Name": "b", "Value": "27", "Type": "DOUBLE"}, {"Name": "a", "Value": "27", "Type": "BIGINT"},
        {"Name": "t", "Value": "1700000000001", "Type": "TIMESTAMP"}, {"Name": "s", "Value": "é", "Type": "VARCHAR"}
    ]))
    .unwrap();
    assert_eq!(record.kind, RecordKind::Multi);
    assert_eq!(record.values[2].1, Datum::Timestamp(1_700_000_000_001_000_000));
    assert_eq!(record.values.len(), 4);
    let refused = [
        (json!([{"Name": "a", "Value": "1", "Type": "MULTI"}]), "MULTI is an invalid measure value type"),
        (json!([{"Name": "a", "Value": "1", "Type": "DOUBLE"}, {"Name": "a", "Value": "1", "Type": "DOUBLE"}]), "more than once"),
        (json!([{"Name": "time", "Value": "1", "Type": "DOUBLE"}]), "reserved"),
        (json!([{"Name": "device", "Value": "1", "Type": "DOUBLE"}]), "both a dimension name and a measure name"),
        (json!([{"Name": "a", "Value": "NaN", "Type": "DOUBLE"}]), "Invalid value NaN for double"),
    ];
    for (values, message) in refused {
        let error = multi(values).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn limits_beyond_the_model_reject_the_record_or_fail_the_request_as_the_switch_says() {
    let names = |bytes: usize| json!([{"Name": "n".repeat(bytes), "Value": "true", "Type": "BOOLEAN"}]);
    let text = |bytes: usize| json!([{"Name": "s", "Value": "x".repeat(bytes), "Type": "VARCHAR"}]);
    let dims = |name: usize, value: usize| json!({"Dimensions": [{"Name": "n".repeat(name), "Value": "v".repeat(value)}]});
    let many: Value = (0..257).map(|i| json!({"Name": format!("{i}"), "Value": "true", "Type": "BOOLEAN"})).collect();
    // Twice 1,024 characters of two bytes are more bytes than characters.
    let wide = json!([{"Name": "s", "Value": "é".repeat(1025), "Type": "VARCHAR"}]);
    let cases = [
        (changed(dims(60, 9)), None),
        (changed(dims(61, 9)), Some("is longer than 60 bytes")),
        (changed(json!({"MeasureName": "m".repeat(256)})), None),
        (changed(json!({"MeasureName": "m".repeat(257)})), Some("is longer than 256 bytes")),
        (multi(names(256)), None),
        (multi(names(257)), Some("is longer than 256 bytes")),
        (multi(many), Some("The record has 257 measures, more than 256.")),
        (changed(dims(8, 2041)), Some("dimensions have 2049 bytes, more than 2048")),
        (multi(wide), Some("measure values of the record have 2050 bytes, more than 2048")),
        // time 8, dimension 8, measure name 1, attribute name 1: 18 bytes beside the text.
        (multi(text(2030)), None),
        (multi(text(2031)), Some("The record has 2049 bytes, more than 2048.")),
    ];
    for (record, reason) in cases {
        let refusal = record.unwrap().refusal;
        match reason {
            None => assert_eq!(refusal, None),
            Some(reason) => assert!(refusal.as_ref().is_some_and(|refusal| refusal.contains(reason)), "{reason}: {refusal:?}"),
        }
    }
    let strict = Switches { limits: LimitHandling::FailRequest, ..Switches::default() };
    let mut long_name = good();
    long_name["MeasureName"] = json!("m".repeat(257));
    assert!(read_with(long_name, json!({}), &strict).is_err());
}

#[test]
fn switches_turn_what_is_not_documented() {
    let mut nan = good();
    nan["MeasureValue"] = json!("NaN");
    let lenient = Switches { non_finite: NonFiniteHandling::RejectRecord, ..Switches::default() };
    let refusal = read_with(nan, json!({}), &lenient).unwrap().refusal;
    assert_eq!(refusal.as_deref(), Some("Invalid value NaN for double measure value type."));
    let mut wide = good();
    wide["MeasureValue"] = Value::Null;
    wide["MeasureValueType"] = json!("MULTI");
    wide["MeasureValues"] = (0..256).map(|i| json!({"Name": format!("{i}"), "Value": "1.5", "Type": "DOUBLE"})).collect();
    let unlimited = Switches { record_size: RecordSize::Unlimited, ..Switches::default() };
    assert!(read_with(wide.clone(), json!({}), &Switches::default()).unwrap().refusal.is_some());
    assert_eq!(read_with(wide, json!({}), &unlimited).unwrap().refusal, None);
    let mut early = good();
    early["Time"] = json!("-1");
    assert!(read_with(early.clone(), json!({}), &Switches::default()).is_ok());
    let strict = Switches { pre_epoch_times: PreEpochTimes::Refuse, ..Switches::default() };
    assert_eq!(read_with(early, json!({}), &strict).unwrap_err(), "Invalid time for record.");
}

#[test]
fn common_attributes_fill_in_what_a_record_leaves_out() {
    let common = json!({
        "Dimensions": [{"Name": "site", "Value": "s1"}], "MeasureName": "common", "MeasureValueType": "BIGINT", "MeasureValue": "7",
        "Time": "5", "TimeUnit": "SECONDS", "Version": 9
    });
    let bare = read_with(json!({}), common.clone(), &Switches::default()).unwrap();
    assert_eq!((bare.measure_name.as_str(), bare.time, bare.version), ("common", 5_000_000_000, 9));
    assert_eq!(bare.values, [("measure_value::bigint".to_owned(), Datum::Bigint(7))]);
    let own =
        json!({"Dimensions": [{"Name": "device", "Value": "d"}], "MeasureName": "own", "MeasureValue": "8", "Time": "6", "Version": 2});
    let merged = read_with(own, common.clone(), &Switches::default()).unwrap();
    assert_eq!(merged.dimensions, [("device".to_owned(), "d".to_owned()), ("site".to_owned(), "s1".to_owned())]);
    assert_eq!((merged.measure_name.as_str(), merged.time, merged.version), ("own", 6_000_000_000, 2));
    let overlap = json!({"Dimensions": [{"Name": "site", "Value": "s1"}]});
    let error = read_with(overlap, common, &Switches::default()).unwrap_err();
    assert_eq!(error, "The dimension site is specified both in the common attributes and in a record.");
}

#[test]
fn common_measure_values_join_those_of_the_record() {
    let common = json!({"MeasureValueType": "MULTI", "MeasureValues": [{"Name": "a", "Value": "1", "Type": "BIGINT"}]});
    let mut own = good();
    own["MeasureValue"] = Value::Null;
    own["MeasureValues"] = json!([{"Name": "b", "Value": "2", "Type": "BIGINT"}]);
    let merged = read_with(own, common, &Switches::default()).unwrap();
    let names: Vec<&str> = merged.values.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
}
