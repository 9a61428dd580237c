//! `translate`: from definitions and settings to a stack, judged by tools that nobody here wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::environment::Environment;
use crate::migration::gzip;
use crate::python::{python, repository};

fn datastore(name: &str) -> String {
    format!(
        r#"{{"datastore":{{"name":"{name}","retentionPeriod":{{"unlimited":true}},
          "storage":{{"customerManagedS3":{{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}}}}}"#
    )
}

/// A pipeline of `steps` between a channel and a datastore, linked in their order.
fn pipeline(name: &str, channel: &str, datastore: &str, steps: &[(&str, serde_json::Value)]) -> String {
    let mut activities = vec![("channel", serde_json::json!({ "name": "in", "channelName": channel }))];
    activities.extend(steps.iter().cloned());
    activities.push(("datastore", serde_json::json!({ "name": "out", "datastoreName": datastore })));
    let next: Vec<String> = activities.iter().skip(1).map(|(_, activity)| activity["name"].as_str().unwrap().to_owned()).collect();
    let mut list = Vec::new();
    for (at, (kind, mut activity)) in activities.into_iter().enumerate() {
        if let Some(next) = next.get(at) {
            activity["next"] = next.as_str().into();
        }
        list.push(serde_json::json!({ kind: activity }));
    }
    serde_json::json!({ "pipeline": { "name": name, "activities": list } }).to_string()
}

fn rule(name: &str, sql: &str, channel: &str) -> String {
    serde_json::json!({
        "ruleArn": "arn:aws:iot:us-east-1:123456789012:rule/x",
        "rule": {
            "ruleName": name, "sql": sql, "awsIotSqlVersion": "2016-03-23", "ruleDisabled": false,
            "actions": [{ "iotAnalytics": { "channelName": channel, "roleArn": "arn:aws:iam::123456789012:role/r" } }],
        }
    })
    .to_string()
}

fn dataset(name: &str, sql: &str) -> String {
    serde_json::json!({
        "dataset": {
            "name": name,
            "actions": [{ "actionName": "query", "queryAction": { "sqlQuery": sql } }],
            "triggers": [{ "schedule": { "expression": "rate(1 hour)" } }],
        }
    })
    .to_string()
}

/// Two stores with history, three pipelines, two rules, a channel that programs push into, two datasets.
fn plant() -> Environment {
    let environment = Environment::new();
    let write = |name: &str, text: String| {
        environment.write(&format!("definitions/{name}.json"), text);
    };
    for store in ["machines", "pumps"] {
        write(&format!("store-{store}"), datastore(store));
    }
    let steps = [
        ("filter", serde_json::json!({ "name": "only good", "filter": "temp > -40 AND quality = 'GOOD'" })),
        ("math", serde_json::json!({ "name": "fahrenheit", "attribute": "temp_f", "math": "temp * 1.8 + 32" })),
        (
            "deviceRegistryEnrich",
            serde_json::json!({
                "name": "registry", "attribute": "thing", "thingName": "device_id", "roleArn": "arn:aws:iam::123456789012:role/enrich"
            }),
        ),
        ("lambda", serde_json::json!({ "name": "clean", "lambdaName": "clean_up", "batchSize": 10 })),
    ];
    write("pipeline-machines", pipeline("machines_pipeline", "machines_in", "machines", &steps));
    let filter = [("filter", serde_json::json!({ "name": "flowing", "filter": "flow > 0" }))];
    write("pipeline-pumps", pipeline("pumps_pipeline", "pumps_in", "pumps", &filter));
    write("pipeline-pushed", pipeline("pushed_pipeline", "pushed_in", "pumps", &[]));
    write("rule-machines", rule("machines_rule", "SELECT *, topic(2) AS line FROM 'plant/+/machines'", "machines_in"));
    write("rule-pumps", rule("pumps_rule", "SELECT * FROM 'plant/pumps'", "pumps_in"));
    write("dataset-hot", dataset("hot", "SELECT device_id, max(temp) AS peak FROM machines GROUP BY device_id"));
    write("dataset-all", dataset("all_pumps", "SELECT * FROM pumps WHERE flow > 1"));
    for (store, columns) in [("machines", r#""temp":21.5,"temp_f":70.7,"quality":"GOOD""#), ("pumps", r#""flow":2.25,"open":true"#)] {
        let mut lines = String::new();
        for reading in 0..20 {
            let millis = 1_760_000_000_000_i64 + reading * 60_000;
            lines.push_str(&format!("{{\"ts\":{millis},\"device_id\":\"{store}-{}\",{columns}}}\n", reading % 3));
        }
        environment.write(&format!("history/datastore/{store}/__dt=2025-10-09 00:00:00/1.json.gz"), gzip(&lines));
    }
    environment
}

fn translated(environment: &Environment) -> serde_json::Value {
    // Hostile definitions may be captured with complaints.
    let captured = environment.run(&["capture", "--from", "definitions"]);
    assert!(matches!(captured.code, Some(0 | 2)), "{}{}", captured.stdout, captured.stderr);
    environment.run(&["plan", "--history", "history"]).ended(0);
    let ran = environment.run(&["--output", "json", "translate"]);
    assert!(matches!(ran.code, Some(0 | 2)), "{}{}", ran.stdout, ran.stderr);
    ran.json()
}

/// Every file below `folder`, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(below, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn judged(stack: &Path) {
    let judge = repository().join("tests/check_stack.py");
    let output = Command::new(python()).arg(judge).arg(stack).output().unwrap();
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{found}{errors}");
}

/// Runs the tests that were generated beside each function, and counts the functions.
fn tested(stack: &Path) -> usize {
    let mut functions = 0;
    for entry in std::fs::read_dir(stack.join("functions")).unwrap() {
        let folder = entry.unwrap().path();
        let output = Command::new(python()).args(["-B", "-m", "unittest", "-q"]).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
        functions += 1;
    }
    functions
}

#[test]
fn a_stack_is_clean_under_linters_that_nobody_here_wrote() {
    let environment = plant();
    let report = translated(&environment);
    for pipeline in report["pipelines"].as_array().unwrap() {
        assert!(pipeline["function"].is_string(), "{pipeline:#}");
    }
    assert!(report["datasets"].as_array().unwrap().iter().any(|dataset| dataset["scheduled"].is_object()), "{report:#}");
    assert_eq!(report["pipelines"][1]["rule_only"]["kind"], "offered", "{report:#}");
    let stack = environment.path("migration/stack");
    judged(&stack);
    assert_eq!(tested(&stack), 3);
}

#[test]
fn translating_twice_gives_the_same_bytes() {
    let (one, other) = (plant(), plant());
    translated(&one);
    translated(&other);
    translated(&other);
    for folder in ["migration/stack", "migration/spec"] {
        assert_eq!(files(&one.path(folder)), files(&other.path(folder)));
    }
}

#[test]
fn hostile_definitions_give_an_inert_stack() {
    const HOSTILE: [&str; 6] = [
        "${AWS::AccountId}\" !Ref x\n- &a *b {{resolve:ssm:k}}",
        "../../evil\"\"\"\nimport os # '",
        "__import__('os').system('id')",
        "!!python/object/apply:os.system [id]",
        "yes",
        "-- '; DROP TABLE x; \\",
    ];
    let environment = plant();
    for (at, name) in HOSTILE.iter().enumerate() {
        let steps = [
            ("filter", serde_json::json!({ "name": name, "filter": "quality <> '\"\"\"\\${x}{{resolve:ssm:k}}'" })),
            ("addAttributes", serde_json::json!({ "name": format!("a{name}"), "attributes": { "quality": name } })),
        ];
        environment.write(&format!("definitions/hostile-{at}.json"), pipeline(name, &format!("c{name}"), "machines", &steps));
        let sql = format!("SELECT * FROM 'a' WHERE x <> '{name}'");
        environment.write(&format!("definitions/hostile-rule-{at}.json"), rule(name, &sql, &format!("c{name}")));
        let sql = format!("SELECT device_id, '{}' AS x FROM machines", name.replace('\'', "''"));
        environment.write(&format!("definitions/hostile-dataset-{at}.json"), dataset(name, &sql));
    }
    let report = translated(&environment);
    let stack = environment.path("migration/stack");
    judged(&stack);
    // All but the one whose name CloudFormation would resolve.
    assert_eq!(tested(&stack), 3 + HOSTILE.len() - 1);
    let left_out = |pipeline: &&serde_json::Value| pipeline["left_out"].is_object();
    let refused: Vec<_> = report["pipelines"].as_array().unwrap().iter().filter(left_out).collect();
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(refused[0]["pipeline"].as_str().unwrap().contains("{{resolve:"));
    for (path, bytes) in files(&environment.path("migration")) {
        let generated = path.starts_with("stack/") || path.starts_with("spec/");
        assert!(!generated || path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte)), "{path}");
        if path.ends_with("template.yaml") {
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.contains("{{resolve:"), "{text}");
        }
    }
    assert!(!environment.path("evil").try_exists().unwrap());
}

#[test]
fn translate_without_settings_says_what_to_do() {
    let environment = plant();
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    let refused = environment.run(&["translate"]).ended(1);
    assert!(refused.stderr.contains("hint:") && refused.stderr.contains("plan"), "{}", refused.stderr);
}
