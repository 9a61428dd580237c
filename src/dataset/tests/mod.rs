//! Datasets as people wrote them, and what becomes of them.

mod definitions;
#[cfg(feature = "local")]
mod embedded;
mod hostile;
mod refusals;
mod statements;

use super::{DatasetFinding, DatasetTranslation, Grade, translate};
use crate::inventory::{Dataset, DatasetAction, DeltaTime, Origin, Retention, Trigger, Versioning};
use crate::mapping::{DimensionRule, MeasureRule, Policies, TableMapping, TimeRule};
use crate::path::ColumnPath;
use crate::record::MeasureKind;
use crate::time::TimeFormat;

const DATABASE: &str = "factory";

fn path(text: &str) -> ColumnPath {
    text.parse().unwrap()
}

fn mapping(store: &str, time: (&str, TimeFormat), dimensions: &[(&str, &str)], measures: &[(&str, &str, MeasureKind)]) -> TableMapping {
    TableMapping {
        store: store.to_owned(),
        route: None,
        table: format!("{store}_table"),
        time: TimeRule { column: path(time.0), format: time.1 },
        measure_name: "telemetry".into(),
        dimensions: dimensions.iter().map(|(column, name)| DimensionRule { column: path(column), name: (*name).into() }).collect(),
        measures: measures
            .iter()
            .map(|(column, name, kind)| MeasureRule {
                column: path(column),
                name: (*name).into(),
                kind: *kind,
                format: (*kind == MeasureKind::Timestamp).then_some(TimeFormat::Iso8601),
            })
            .collect(),
        ignored: vec![path("debug")],
        policies: Policies::default(),
    }
}

/// `plant` (`ts` in milliseconds), `line` (`timestamp` as ISO text), `meter` (`timestamp` in seconds).
fn mappings() -> Vec<TableMapping> {
    use MeasureKind::{Bigint, Boolean, Double, Timestamp, Varchar};
    let plant = mapping(
        "plant",
        ("ts", TimeFormat::EpochMillis),
        &[("deviceId", "device"), ("place.site", "area")],
        &[
            ("temp", "temp", Double),
            ("n", "n", Bigint),
            ("ok", "ok", Boolean),
            ("note", "remark", Varchar),
            ("seen", "seen", Timestamp),
            ("place.coord[0]", "lat", Double),
        ],
    );
    let line = mapping("line", ("timestamp", TimeFormat::Iso8601), &[("deviceId", "device")], &[("speed", "speed", Double)]);
    let meter = mapping("meter", ("timestamp", TimeFormat::EpochSeconds), &[("id", "id")], &[("kwh", "kwh", Double)]);
    vec![plant, line, meter]
}

fn dataset(sql: &str) -> Dataset {
    Dataset {
        name: "hourly".to_owned(),
        origin: Origin { file: "datasets.json".to_owned(), path: String::new() },
        action: Some(DatasetAction::Query { name: "q".to_owned(), sql: sql.to_owned(), delta_time: None }),
        triggers: Vec::new(),
        deliveries: Vec::new(),
        retention: Retention::Unknown,
        versioning: Versioning::Default,
        late_data_timeout_minutes: None,
        tags: std::collections::BTreeMap::new(),
    }
}

fn scheduled(sql: &str, schedule: &str, delta: Option<(i64, &str)>) -> Dataset {
    let delta_time = delta.map(|(offset_seconds, expression)| DeltaTime { offset_seconds, time_expression: expression.to_owned() });
    Dataset {
        action: Some(DatasetAction::Query { name: "q".to_owned(), sql: sql.to_owned(), delta_time }),
        triggers: vec![Trigger::Schedule { expression: schedule.to_owned() }],
        ..dataset(sql)
    }
}

fn translated(dataset: &Dataset) -> DatasetTranslation {
    let mappings = mappings();
    translate(dataset, &mappings.iter().collect::<Vec<_>>(), DATABASE)
}

/// The new query of an old one that can be translated.
fn new_sql(sql: &str) -> String {
    let done = translated(&dataset(sql));
    done.sql.unwrap_or_else(|| panic!("{sql}: {:?}", done.findings))
}

fn codes(findings: &[DatasetFinding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn errors(findings: &[DatasetFinding]) -> Vec<&str> {
    findings.iter().filter(|finding| finding.grade == Grade::Error).map(|finding| finding.code.as_str()).collect()
}
