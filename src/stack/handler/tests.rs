//! The handler under a real `python3`, with its own tests, and with a pipeline that stands in for a generated one.

use std::path::Path;

use super::*;
use crate::mapping::Mapper;
use crate::stack::records;
use crate::stack::records::tests::{examples::plant, python, row};
use crate::transform::{Action, Fidelity, SPEC_VERSION, Step, TransformSwitches};

/// Drops what is cold, and keeps everything else as it is.
const PIPELINE_PY: &str = r#"
def run(messages):
    return [("dropped", "only_warm") if _is_cold(message) else ("kept", message) for message in messages]


def _is_cold(message):
    temperature = message.get("temperature")
    return hasattr(temperature, "text") and float(temperature.text) < -50
"#;

fn spec(name: &str) -> TransformSpec {
    let step = Step {
        activity: name.to_owned(),
        fidelity: Fidelity::Exact,
        action: Action::RemoveAttributes { paths: vec!["debug".parse().unwrap()] },
    };
    TransformSpec {
        version: SPEC_VERSION,
        pipeline: name.to_owned(),
        channel: "plant".to_owned(),
        datastore: "plant".to_owned(),
        switches: TransformSwitches::default(),
        steps: vec![step],
    }
}

fn object(json: &str) -> Object {
    match Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn samples() -> Vec<Sample> {
    let mapper = Mapper::new(&plant()).unwrap();
    let sample = |title: &str, json: &str| {
        let message = object(json);
        let expected = Expected::of("plant", mapper.map(&row(message.clone())));
        Sample { title: title.to_owned(), message, expected }
    };
    let cold = Sample {
        title: "cold \"\"\"\n".to_owned(),
        message: object(r#"{"timestamp":1,"deviceId":"d","temperature":-60}"#),
        expected: Expected::Dropped { activity: "only_warm".to_owned() },
    };
    vec![
        sample(
            "everything",
            r#"{"timestamp":1687331100123.5,"deviceId":"d\u0000é\"1","place":{"site":"north"},"temperature":26.50,"humidity":0.4,"position":[1e3]}"#,
        ),
        sample("humidity alone", r#"{"timestamp":"1687331100124","deviceId":"d1","humidity":1E-7}"#),
        sample("no time", r#"{"deviceId":"d1","humidity":1}"#),
        sample("unknown", r#"{"timestamp":1,"deviceId":"d1","humidity":1,"new":{"a.b":1}}"#),
        cold,
    ]
}

fn write_function(directory: &Path, spec: &TransformSpec, samples: &[Sample]) {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    write("pipeline.py", PIPELINE_PY);
    write("records.py", &records::render(&[&plant()], 3).unwrap());
    write("handler.py", &render(spec));
    write("test_handler.py", &render_tests(samples, 3));
    fixed_files().into_iter().for_each(|(name, text)| write(name, text));
}

#[test]
fn the_handlers_own_tests_pass() {
    let directory = tempfile::tempdir().unwrap();
    write_function(directory.path(), &spec("plant_pipeline"), &samples());
    let printed = python(directory.path(), &["-W", "error", "-m", "unittest"]);
    assert!(printed.contains("\nOK") && printed.contains("Ran 27 tests"), "{printed}");
}

#[test]
fn a_function_without_samples_is_still_tested() {
    let directory = tempfile::tempdir().unwrap();
    write_function(directory.path(), &spec("plant_pipeline"), &[]);
    assert!(python(directory.path(), &["-m", "unittest"]).contains("\nOK"));
}

#[test]
fn the_generated_tests_fail_when_a_record_is_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = samples();
    let Expected::Record { record, .. } = &mut wrong[1].expected else { panic!() };
    record.time.0 += 1;
    write_function(directory.path(), &spec("plant_pipeline"), &wrong);
    let program = "import unittest\nprint(unittest.main('test_handler', argv=['x'], exit=False).result.wasSuccessful())";
    std::fs::write(directory.path().join("main.py"), program).unwrap();
    assert!(python(directory.path(), &["main.py"]).starts_with("False"));
}

#[test]
fn hostile_names_of_pipelines_and_activities_are_inert() {
    for hostile in ["\"\"\"\n__import__('os').abort()\n\"\"\"", "\\", "#{x}\u{2028}\r", "PIPELINE = \"the pipeline's name\"\n"] {
        let directory = tempfile::tempdir().unwrap();
        let mut samples = samples();
        samples[0].title = hostile.to_owned();
        write_function(directory.path(), &spec(hostile), &samples);
        std::fs::write(directory.path().join("main.py"), "import ascii_, handler\nprint(ascii_.of(handler.PIPELINE))").unwrap();
        std::fs::write(directory.path().join("ascii_.py"), "def of(text):\n    return [ord(c) for c in text]\n").unwrap();
        let codes: Vec<u32> = hostile.chars().map(u32::from).collect();
        assert_eq!(python(directory.path(), &["main.py"]).trim(), format!("{codes:?}"));
        assert!(python(directory.path(), &["-m", "unittest", "test_handler.Samples"]).contains("\nOK"));
    }
}

#[test]
fn the_lines_that_are_filled_in_stand_once() {
    assert_eq!((HANDLER_PY.matches(PIPELINE_LINE).count(), TEST_HANDLER_PY.matches(SAMPLES_LINE).count()), (1, 1));
}
