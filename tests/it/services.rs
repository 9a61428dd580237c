//! The embedded services beside Timestream and S3, driven by clients that nobody here wrote.

use std::path::Path;
use std::process::Command;

use crate::environment::Environment;
use crate::python::{python, repository};

/// Runs one of the programs of `tests/` against the executable.
fn driven(program: &str, more: &[&Path]) {
    let output = Command::new(python())
        .arg("-B")
        .arg(repository().join("tests").join(program))
        .arg(env!("CARGO_BIN_EXE_iota2ts"))
        .args(more)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{found}{errors}");
    assert!(found.contains("passed, 0 failed"), "{found}{errors}");
}

#[test]
fn boto3_drives_the_embedded_services_and_its_models_hold() {
    driven("boto3_services.py", &[]);
}

/// One press, its pipeline and a rule, translated.
fn translated() -> Environment {
    let environment = Environment::new();
    let definitions = [
        ("channel", r#"{"channel":{"name":"plant_in","retentionPeriod":{"unlimited":true}}}"#.to_owned()),
        ("store", r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true}}}"#.to_owned()),
        (
            "pipeline",
            r#"{"pipeline":{"name":"plant_clean","activities":[
                {"channel":{"name":"in","channelName":"plant_in","next":"warm"}},
                {"filter":{"name":"warm","filter":"temperature > 0 AND temperature < 100","next":"kelvin"}},
                {"math":{"name":"kelvin","attribute":"kelvin","math":"temperature + 273.15","next":"out"}},
                {"datastore":{"name":"out","datastoreName":"plant"}}]}}"#
                .to_owned(),
        ),
        (
            "rule",
            r#"{"rule":{"ruleName":"plant_rule","sql":"SELECT * FROM 'plant/#'","awsIotSqlVersion":"2016-03-23","ruleDisabled":false,
                "actions":[{"iotAnalytics":{"channelName":"plant_in","roleArn":"arn:aws:iam::123456789012:role/r"}}]}}"#
                .to_owned(),
        ),
    ];
    for (name, text) in definitions {
        environment.write(&format!("definitions/{name}.json"), text);
    }
    let row = |minute: u32| {
        let temperature = 20 + minute;
        format!(
            r#"{{"ts":"2025-12-14T22:{minute:02}:00.000Z","device":"press-1","temperature":{temperature}.25,"kelvin":{temperature}.5}}"#
        )
    };
    let rows: Vec<String> = (0..20).map(row).collect();
    environment.write("history/datastore/plant/__dt=2025-12-14 00:00:00/1.json", rows.join("\n"));
    let captured = environment.run(&["capture", "--from", "definitions"]);
    assert!(matches!(captured.code, Some(0 | 2)), "{}{}", captured.stdout, captured.stderr);
    environment.run(&["plan", "--history", "history"]).ended(0);
    let translated = environment.run(&["translate"]);
    assert!(matches!(translated.code, Some(0 | 2)), "{}{}", translated.stdout, translated.stderr);
    environment
}

#[test]
fn what_is_put_into_the_embedded_stream_goes_through_the_generated_function_into_timestream() {
    let environment = translated();
    driven("boto3_stack.py", &[&environment.path("migration/stack")]);
}

#[test]
fn a_stack_that_cannot_run_says_what_is_missing() {
    let environment = translated();
    let local = |stack: &str, python: &str| {
        let ran = environment.run(&["local", "--listen", "127.0.0.1:0", "--data-dir", "data", "--with-stack", stack, "--python", python]);
        ran.ended(1).stderr
    };
    let real = python();
    let real = real.to_str().unwrap();
    let said = local("definitions", real);
    assert!(said.contains("template.yaml") && said.contains("hint:") && said.contains("iota2ts translate"), "{said}");
    let said = local("migration/stack", "no-such-python");
    assert!(said.contains("no-such-python cannot be started") && said.contains("hint: install Python"), "{said}");
    // Without its site directory this Python has no packages.
    let bare = environment.write("bare-python", format!("#!/bin/sh\nexec '{real}' -S \"$@\"\n"));
    std::fs::set_permissions(&bare, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = local("migration/stack", bare.to_str().unwrap());
    assert!(said.contains("has no boto3") && said.contains("pip install boto3"), "{said}");
    let handler = environment.path("migration/stack/functions/plant_clean/handler.py");
    std::fs::write(&handler, "import nothing_of_that_name\n").unwrap();
    let said = local("migration/stack", real);
    assert!(said.contains("function plant_clean cannot be loaded: ModuleNotFoundError"), "{said}");
    std::fs::remove_file(&handler).unwrap();
    let said = local("migration/stack", real);
    assert!(said.contains("the code of function plant_clean is not in"), "{said}");
}
