//! A record as WriteRecords takes it, whole: what the Rust writer puts into common attributes stands in the record itself.

use serde_json::{Value, json};

use crate::record::Record;

/// The record under a version, as a function hands it to its client.
#[must_use]
pub fn wire(record: &Record, version: i64) -> Value {
    let dimensions = record.dimensions.iter().map(|(name, value)| json!({"Name": **name, "Value": value}));
    let measures = record
        .measures
        .iter()
        .map(|(name, measure)| json!({"Name": **name, "Value": measure.to_timestream(), "Type": measure.kind().name()}));
    json!({
        "Dimensions": dimensions.collect::<Value>(),
        "MeasureName": *record.measure_name,
        "MeasureValueType": "MULTI",
        "MeasureValues": measures.collect::<Value>(),
        "Time": record.time.0.to_string(),
        "TimeUnit": "NANOSECONDS",
        "Version": version,
    })
}
