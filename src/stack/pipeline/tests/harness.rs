//! Runs emitted pipelines in one Python process, and the engine on the same messages.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::stack::pipeline::render;
use crate::transform::fixtures::{parsed, text};
use crate::transform::{Engine, Enrichment, LambdaError, LambdaFunction, Outcome, TransformSpec};
use crate::value::{Number, Object, Value};

/// One pipeline and the messages that go through it at once.
pub(super) struct Case {
    pub(super) spec: TransformSpec,
    pub(super) messages: Vec<String>,
}

/// The things that both sides know.
pub(super) fn things() -> serde_json::Value {
    serde_json::json!({
        "registry": {
            "pump-7": {"defaultClientId": "pump-7", "thingName": "pump-7", "thingId": "0a", "thingArn": "arn:aws:iot:eu-west-1:123456789012:thing/pump-7",
                "thingTypeName": "pump", "attributes": {"floor": "2", "Zimmer": "Küche"}, "version": 3, "billingGroupName": "north"},
            "a": {"attributes": {}, "thingName": "a", "version": 12345678901234567890_u64}
        },
        "shadows": {
            "pump-7": {"state": {"desired": {"x": 1.5}, "reported": {"x": [1, null, true]}}, "metadata": {}, "timestamp": 1600000000, "version": 9},
            "b": {"state": {}, "version": 1}
        }
    })
}

fn enrichment() -> Enrichment {
    let of = |kind: &str| serde_json::from_value(things()[kind].clone()).unwrap();
    Enrichment { registry: of("registry"), shadows: of("shadows") }
}

/// What boto3.py in this folder does when it is called.
#[derive(Debug)]
struct Functions;

impl LambdaFunction for Functions {
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        let keeps = |message: &&Object| function != "sifts" || message.contains_key("a");
        let mut messages: Vec<Object> = messages.iter().filter(keeps).cloned().collect();
        let count = i64::try_from(messages.len()).unwrap();
        messages.iter_mut().for_each(|message| drop(message.insert("batch".to_owned(), Value::Number(Number::from(count)))));
        Ok(messages)
    }
}

/// What the engine makes of the messages of a case, written as the driver writes it.
pub(super) fn engine_says(case: &Case) -> String {
    let engine = Engine::new(&case.spec, enrichment(), Some(Arc::new(Functions))).unwrap();
    let run = engine.run(case.messages.iter().map(|message| parsed(message)).collect()).unwrap();
    let outcome = |(outcome, message): &(Outcome, Object)| match outcome {
        Outcome::Kept { .. } => format!("[\"kept\",{}]", text(message)),
        Outcome::Dropped { step } => format!("[\"dropped\",{}]", serde_json::Value::from(engine.activity(*step))),
    };
    format!("[{}]", run.iter().map(outcome).collect::<Vec<_>>().join(","))
}

/// A folder with the emitted code of each case as `pipeline_<n>.py`, what it needs, and the messages.
fn prepared(cases: &[Case]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("iot_sql.py", include_str!("../../runtime/iot_sql.py"));
    write("exact_json.py", include_str!("../../runtime/exact_json.py"));
    write("boto3.py", include_str!("boto3.py"));
    write("driver.py", include_str!("driver.py"));
    write("things.json", &things().to_string());
    let mut lines = String::new();
    for (at, case) in cases.iter().enumerate() {
        write(&format!("pipeline_{at}.py"), &render(&case.spec).unwrap());
        lines.push_str(&format!("[\"pipeline_{at}\",[{}]]\n", case.messages.join(",")));
    }
    write("cases.jsonl", &lines);
    folder
}

/// Runs Python with these arguments; what it printed.
fn python(arguments: &[&str], folder: &Path) -> String {
    let run = Command::new("python3").arg("-B").args(arguments).current_dir(folder).env("PYTHONUTF8", "1").output();
    let run = run.unwrap_or_else(|error| panic!("python3 is needed to test the generated code, and cannot be started: {error}"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// What the emitted code makes of the messages of each case, in one Python process.
pub(super) fn python_says(cases: &[Case]) -> Vec<String> {
    let folder = prepared(cases);
    let said: Vec<String> = python(&["driver.py", "."], folder.path()).lines().map(unhex).collect();
    assert_eq!(said.len(), cases.len());
    said
}

/// What a script of one's own prints beside the emitted code of a case, `pipeline_0`.
pub(super) fn script_says(case: Case, script: &str) -> String {
    python(&["-c", script], prepared(&[case]).path())
}

fn unhex(line: &str) -> String {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    String::from_utf8(line.as_bytes().chunks(2).map(byte).collect()).unwrap()
}
