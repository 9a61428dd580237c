//! `records.py` run by a real `python3`.

mod differential;
pub(in crate::stack) mod examples;
mod generate;
mod times;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::history::Row;
use crate::mapping::{Mapper, Refusal, Router, TableMapping};
use crate::path::ColumnPath;
use crate::provenance::{ObjectId, Provenance};
use crate::value::{Object, Value};

use super::{EXACT_JSON_PY, INSTANTS_PY, MAPPING_PY};

/// Runs a program beside the fixed files, and gives what it prints.
pub(in crate::stack) fn python(directory: &Path, arguments: &[&str]) -> String {
    for (name, text) in [("exact_json.py", EXACT_JSON_PY), ("mapping.py", MAPPING_PY), ("instants.py", INSTANTS_PY)] {
        std::fs::write(directory.join(name), text).unwrap();
    }
    let started = Command::new("python3").arg("-B").args(arguments).current_dir(directory).env("PYTHONUTF8", "1").output();
    let output = started.unwrap_or_else(|error| panic!("python3 is needed to test the generated code, and cannot be started: {error}"));
    let (printed, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{printed}\n{complaint}");
    // A test run reports on stderr.
    printed + &complaint
}

/// The mappings of a store and messages for them.
pub(super) struct Case {
    pub(super) mappings: Vec<TableMapping>,
    pub(super) messages: Vec<Object>,
}

/// What both sides make of every message: here and there, as JSON.
pub(super) fn both_sides(cases: &[Case], version: i64) -> (Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let directory = tempfile::tempdir().unwrap();
    let (mut lines, mut here) = (String::new(), Vec::new());
    for case in cases {
        let texts: Vec<String> = case.messages.iter().map(json).collect();
        let line =
            serde_json::json!({"records": super::render(&case.mappings.iter().collect::<Vec<_>>(), version).unwrap(), "messages": texts});
        lines.push_str(&format!("{line}\n"));
        let router = Router::new(case.mappings.iter().enumerate()).unwrap();
        let mappers: Vec<Mapper> = case.mappings.iter().map(|mapping| Mapper::new(mapping).unwrap()).collect();
        here.extend(case.messages.iter().map(|message| match router.route(message) {
            Ok(at) => outcome(&mappers[at], message, version),
            Err(refusal) => refused(refusal),
        }));
    }
    std::fs::write(directory.path().join("cases.jsonl"), lines).unwrap();
    std::fs::write(directory.path().join("driver.py"), include_str!("driver.py")).unwrap();
    let printed = python(directory.path(), &["driver.py"]);
    (here, printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn outcome(mapper: &Mapper, message: &Object, version: i64) -> serde_json::Value {
    match mapper.map(&row(message.clone())) {
        Ok(mapped) => {
            let omitted: Vec<_> = mapped.omitted.iter().map(|omission| serde_json::json!([*omission.measure, omission.why])).collect();
            serde_json::json!({"table": mapper.rules().table, "record": super::wire(&mapped.record, version), "omitted": omitted})
        }
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> serde_json::Value {
    serde_json::json!({"code": refusal.code.code(), "column": refusal.column.map(|column| column.to_string())})
}

pub(in crate::stack) fn row(columns: Object) -> Row {
    let object = Arc::new(ObjectId { key: "datastore/plant/a.json".to_owned(), etag: "e".to_owned() });
    Row { provenance: Provenance { object, row: 1, byte_offset: None }, columns }
}

pub(super) fn path(text: &str) -> ColumnPath {
    text.parse().unwrap()
}

/// A message as its device wrote it: numbers by their own text.
pub(in crate::stack) fn json(object: &Object) -> String {
    json_of(&Value::Object(object.clone()))
}

fn json_of(value: &Value) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    match value {
        Value::Number(number) => number.as_str().to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(json_of).collect::<Vec<_>>().join(",")),
        Value::Object(object) => {
            let members: Vec<String> = object.iter().map(|(name, inner)| format!("{}:{}", quoted(name), json_of(inner))).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_json().to_string(),
    }
}
