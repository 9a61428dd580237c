//! The function of one pipeline as files: `handler.py`, and `test_handler.py` with samples whose records the mapper here made.
//!
//! Most of a handler is the same for every pipeline and stands in `runtime/handler.py`; what differs is what it is about. The
//! pipeline's own logic is in `pipeline.py`, its mapping in `records.py`.

use crate::mapping::{Mapped, Refusal};
use crate::python::{comment, string};
use crate::record::Record;
use crate::stack::records::{EXACT_JSON_PY, INSTANTS_PY, MAPPING_PY, wire};
use crate::transform::TransformSpec;
use crate::value::{Object, Value};

#[cfg(test)]
mod tests;

/// `timestream.py`: the sending.
pub const TIMESTREAM_PY: &str = include_str!("runtime/timestream.py");

const HANDLER_PY: &str = include_str!("runtime/handler.py");
const TEST_HANDLER_PY: &str = include_str!("runtime/test_handler.py");

/// The line of `runtime/handler.py` that names the pipeline, and that of `runtime/test_handler.py` that holds the samples.
const PIPELINE_LINE: &str = "PIPELINE = \"the pipeline's name\"\n";
const SAMPLES_LINE: &str = "SAMPLES = []\n";

/// The files of a function that are the same for every pipeline, by name (`iot_sql.py` is another room's).
#[must_use]
pub fn fixed_files() -> [(&'static str, &'static str); 4] {
    [("exact_json.py", EXACT_JSON_PY), ("instants.py", INSTANTS_PY), ("mapping.py", MAPPING_PY), ("timestream.py", TIMESTREAM_PY)]
}

/// A message, and what has to become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What it shows, for people.
    pub title: String,
    pub message: Object,
    pub expected: Expected,
}

/// How a message ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// As this record in this table.
    Record {
        table: String,
        record: Record,
    },
    /// The activity drops it.
    Dropped {
        activity: String,
    },
    Refused(Refusal),
}

impl Expected {
    /// What the mapper made of a message that the pipeline kept.
    #[must_use]
    pub fn of(table: &str, mapped: Result<Mapped, Refusal>) -> Self {
        match mapped {
            Ok(mapped) => Self::Record { table: table.to_owned(), record: mapped.record },
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

/// `handler.py` of a pipeline.
#[must_use]
pub fn render(spec: &TransformSpec) -> String {
    let mut code = String::from(OPENING);
    code.push_str(&format!(
        "\n{}\n",
        comment(&format!("Pipeline {}: channel {}, datastore {}.", spec.pipeline, spec.channel, spec.datastore))
    ));
    code.push_str("# Its activities, in the order in which they run (pipeline.py has them as code):\n");
    for step in &spec.steps {
        code.push_str(&format!("{}\n", comment(&format!("- {}", step.activity))));
    }
    if spec.steps.is_empty() {
        code.push_str("# - none: messages are kept as they come\n");
    }
    code.push('\n');
    code.push_str(&HANDLER_PY.replacen(PIPELINE_LINE, &format!("PIPELINE = {}\n", string(&spec.pipeline)), 1));
    code
}

const OPENING: &str = "\
\"\"\"The live path of one pipeline: a batch of the Kinesis stream becomes records of Amazon Timestream.

A stream record is decoded from base64 and read as JSON, the activities run (pipeline.py), what they keep becomes a record
(records.py), and the records are written (timestream.py). The record is the one that the backfill writes for the same message, under
the same version, so live path and backfill may overlap.

No message is lost in silence. One that cannot be written goes to the dead-letter bucket or queue with its reason and its place in the
stream, or into the log where neither is set. When Timestream does not take records, the answer names the first stream record that is
open, and the stream hands out everything from there again. Counts go to CloudWatch, and each message is in exactly one of them.
\"\"\"
";

/// `test_handler.py` of a pipeline: `python -m unittest` in the folder of the function runs it, without a network and without boto3.
///
/// Samples go through the pipeline as it is; one that calls for AWS (enrichment, a lambda activity) does so in the test too.
#[must_use]
pub fn render_tests(samples: &[Sample], version: i64) -> String {
    if samples.is_empty() {
        return TEST_HANDLER_PY.to_owned();
    }
    let mut code = String::from("SAMPLES = [\n");
    for sample in samples {
        code.push_str(&format!("    (\n        {},\n", string(&sample.title)));
        code.push_str(&format!("        {},\n", string(&json(&Value::Object(sample.message.clone())))));
        match &sample.expected {
            Expected::Record { table, record } => {
                let record = literal(&wire(record, version), 2);
                code.push_str(&format!("        (\"written\", {}, {record}),\n", string(table)));
            }
            Expected::Dropped { activity } => code.push_str(&format!("        (\"filtered\", {}),\n", string(activity))),
            Expected::Refused(refusal) => {
                let column = refusal.column.as_ref().map_or_else(|| "None".to_owned(), |column| string(&column.to_string()));
                code.push_str(&format!("        (\"refused\", {}, {column}),\n", string(refusal.code.code())));
            }
        }
        code.push_str("    ),\n");
    }
    code.push_str("]\n");
    TEST_HANDLER_PY.replacen(SAMPLES_LINE, &code, 1)
}

/// A message as its device wrote it, numbers by their own text (serde_json would rewrite exponents).
fn json(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_str().to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let name = |name: &str| serde_json::Value::from(name).to_string();
            let members: Vec<String> = object.iter().map(|(key, inner)| format!("{}: {}", name(key), json(inner))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_json().to_string(),
    }
}

/// JSON as a Python literal; objects of objects over several lines.
fn literal(value: &serde_json::Value, depth: usize) -> String {
    use serde_json::Value as Json;
    let indent = "    ".repeat(depth);
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => string(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("{indent}    {},\n", literal(item, depth + 1))).collect();
            format!("[\n{}{indent}]", items.concat())
        }
        Json::Object(members) if members.values().all(|inner| !inner.is_array() && !inner.is_object()) => {
            let members: Vec<String> = members.iter().map(|(name, inner)| format!("{}: {}", string(name), literal(inner, depth))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Json::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, inner)| format!("{indent}    {}: {},\n", string(name), literal(inner, depth + 1))).collect();
            format!("{{\n{}{indent}}}", members.concat())
        }
    }
}
