//! WriteRecords as it comes off the wire, and what the API model says about it.

use serde::Deserialize;

use crate::local::constraints::Violations;
use crate::local::failure::Failure;
use crate::local::timestream::constraints::parse;

/// Facts: WriteRecords limits.
const RECORDS_MAX: usize = 100;
const DIMENSIONS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 2048;
const TIME_CHARS_MAX: usize = 256;

const MEASURE_VALUE_TYPES: [&str; 6] = ["DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN", "TIMESTAMP", "MULTI"];
const TIME_UNITS: [&str; 4] = ["MILLISECONDS", "SECONDS", "MICROSECONDS", "NANOSECONDS"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireRequest {
    pub(super) database_name: Option<String>,
    pub(super) table_name: Option<String>,
    pub(super) common_attributes: Option<WireRecord>,
    pub(super) records: Option<Vec<WireRecord>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireRecord {
    pub(super) dimensions: Option<Vec<WireDimension>>,
    pub(super) measure_name: Option<String>,
    pub(super) measure_value: Option<String>,
    pub(super) measure_value_type: Option<String>,
    pub(super) measure_values: Option<Vec<WireMeasureValue>>,
    pub(super) time: Option<String>,
    pub(super) time_unit: Option<String>,
    pub(super) version: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireDimension {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
    pub(super) dimension_value_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct WireMeasureValue {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
    #[serde(rename = "Type")]
    pub(super) kind: Option<String>,
}

/// Reads a body and holds it against the model. What passes has its database, its table and 1 to 100 records.
pub(super) fn read(body: &[u8]) -> Result<WireRequest, Failure> {
    let request: WireRequest = parse(body)?;
    let mut violations = Violations::default();
    violations.required("databaseName", request.database_name.as_ref());
    violations.required("tableName", request.table_name.as_ref());
    violations.required("records", request.records.as_ref());
    violations.items("records", request.records.as_ref(), 1, RECORDS_MAX);
    if let Some(common) = &request.common_attributes {
        check_record(&mut violations, common, &|| "commonAttributes".to_owned());
    }
    for (index, record) in request.records.iter().flatten().enumerate() {
        check_record(&mut violations, record, &|| format!("records.{}.member", index + 1));
    }
    violations.finish()?;
    Ok(request)
}

/// `at` builds the path of the record; it is only asked where something is wrong.
fn check_record(violations: &mut Violations, record: &WireRecord, at: &dyn Fn() -> String) {
    let path = |member: &'static str| Lazy(move || format!("{}.{member}", at()));
    violations.items(path("dimensions"), record.dimensions.as_ref(), 0, DIMENSIONS_MAX);
    for (index, dimension) in record.dimensions.iter().flatten().enumerate() {
        let path = |member: &'static str| Lazy(move || format!("{}.dimensions.{}.member.{member}", at(), index + 1));
        violations.required(path("name"), dimension.name.as_ref());
        violations.length(path("name"), dimension.name.as_deref(), 1, usize::MAX);
        violations.required(path("value"), dimension.value.as_ref());
        violations.one_of(path("dimensionValueType"), dimension.dimension_value_type.as_deref(), &["VARCHAR"]);
    }
    violations.length(path("measureName"), record.measure_name.as_deref(), 1, usize::MAX);
    violations.length(path("measureValue"), record.measure_value.as_deref(), 1, VALUE_CHARS_MAX);
    violations.one_of(path("measureValueType"), record.measure_value_type.as_deref(), &MEASURE_VALUE_TYPES);
    violations.length(path("time"), record.time.as_deref(), 1, TIME_CHARS_MAX);
    violations.one_of(path("timeUnit"), record.time_unit.as_deref(), &TIME_UNITS);
    for (index, value) in record.measure_values.iter().flatten().enumerate() {
        let path = |member: &'static str| Lazy(move || format!("{}.measureValues.{}.member.{member}", at(), index + 1));
        violations.required(path("name"), value.name.as_ref());
        violations.length(path("name"), value.name.as_deref(), 1, usize::MAX);
        violations.required(path("value"), value.value.as_ref());
        violations.length(path("value"), value.value.as_deref(), 1, VALUE_CHARS_MAX);
        violations.required(path("type"), value.kind.as_ref());
        violations.one_of(path("type"), value.kind.as_deref(), &MEASURE_VALUE_TYPES);
    }
}

/// A text that is only made when it is shown.
struct Lazy<F>(F);

impl<F: Fn() -> String> std::fmt::Display for Lazy<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&(self.0)())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::local::failure::ErrorKind;

    fn refused(records: Value) -> Failure {
        let body = json!({"DatabaseName": "db", "TableName": "t", "Records": records});
        read(body.to_string().as_bytes()).unwrap_err()
    }

    fn record(change: impl FnOnce(&mut Value)) -> Value {
        let mut record = json!({"Dimensions": [{"Name": "d", "Value": "v"}], "MeasureName": "m", "MeasureValue": "1", "Time": "1"});
        change(&mut record);
        record
    }

    #[test]
    fn every_constraint_of_the_model_fails_the_request_and_names_its_member() {
        let dimensions = |n: usize| (0..n).map(|i| json!({"Name": format!("d{i}"), "Value": "v"})).collect::<Value>();
        let cases: [(Value, &str, &str); 12] = [
            (record(|r| r["Dimensions"] = dimensions(129)), "dimensions", "length less than or equal to 128"),
            (record(|r| r["Dimensions"][0]["Name"] = json!("")), "dimensions.1.member.name", "length greater than or equal to 1"),
            (record(|r| r["Dimensions"][0]["Value"] = json!(null)), "dimensions.1.member.value", "not be null"),
            (
                record(|r| r["Dimensions"][0]["DimensionValueType"] = json!("X")),
                "dimensions.1.member.dimensionValueType",
                "enum value set: [VARCHAR]",
            ),
            (record(|r| r["MeasureName"] = json!("")), "measureName", "length greater than or equal to 1"),
            (record(|r| r["MeasureValue"] = json!("")), "measureValue", "length greater than or equal to 1"),
            (record(|r| r["MeasureValue"] = json!("x".repeat(2049))), "measureValue", "length less than or equal to 2048"),
            (record(|r| r["MeasureValueType"] = json!("INTEGER")), "measureValueType", "enum value set: [DOUBLE, BIGINT,"),
            (record(|r| r["Time"] = json!("")), "time", "length greater than or equal to 1"),
            (record(|r| r["Time"] = json!("1".repeat(257))), "time", "length less than or equal to 256"),
            (record(|r| r["TimeUnit"] = json!("HOURS")), "timeUnit", "enum value set: [MILLISECONDS,"),
            (record(|r| r["MeasureValues"] = json!([{"Name": "a", "Value": "1"}])), "measureValues.1.member.type", "not be null"),
        ];
        for (record, member, rule) in cases {
            let failure = refused(json!([record]));
            assert_eq!(failure.kind, ErrorKind::Constraint);
            let place = format!("at 'records.1.member.{member}' failed to satisfy constraint: Member must");
            assert!(failure.message.contains(&place) && failure.message.contains(rule), "{member}: {}", failure.message);
        }
    }

    #[test]
    fn a_request_has_1_to_100_records() {
        let records = |n: usize| (0..n).map(|_| record(|_| ())).collect::<Value>();
        assert!(
            refused(records(101))
                .message
                .ends_with("at 'records' failed to satisfy constraint: Member must have length less than or equal to 100")
        );
        assert!(refused(records(0)).message.ends_with("Member must have length greater than or equal to 1"));
        assert!(refused(Value::Null).message.ends_with("Value null at 'records' failed to satisfy constraint: Member must not be null"));
    }

    #[test]
    fn wrong_json_is_not_a_matter_of_validation() {
        for body in
            ["", "{", "[]", r#"{"Records": {}}"#, r#"{"DatabaseName": 1}"#, r#"{"Records": [{"Version": "1"}]}"#, r#"{"Records": [null]}"#]
        {
            assert_eq!(read(body.as_bytes()).unwrap_err().kind, ErrorKind::Serialization, "{body}");
        }
    }
}
