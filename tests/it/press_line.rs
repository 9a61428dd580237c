//! A system as tutorials teach it, with the mistakes that they teach along: each is named, and once mended it migrates whole.

use std::collections::BTreeSet;

use crate::environment::Environment;

const CHANNEL: &str = r#"{"channelName":"press_raw","retentionPeriod":{"unlimited":true}}"#;
const STORE: &str = r#"{"datastoreName":"press_line","retentionPeriod":{"unlimited":true}}"#;
/// A topic in double quotes is a column's name to SQL.
const RULE: &str = r#"{"ruleArn":"arn:aws:iot:us-east-1:123456789012:rule/press","rule":{"ruleName":"press",
  "sql":"SELECT * FROM \"line/press/data\"","awsIotSqlVersion":"2016-03-23","ruleDisabled":false,
  "actions":[{"iotAnalytics":{"channelName":"press_raw","roleArn":"arn:aws:iam::123456789012:role/r"}}]}}"#;
const HANDLER: &str = r#"
import json
import time
import boto3

client = boto3.client("timestream-write")


def lambda_handler(event, context):
    records = []
    for item in event["Records"]:
        message = json.loads(item["kinesis"]["data"])
        records.append({
            "Dimensions": [{"Name": "press", "Value": message.get("press", "?")}],
            "MeasureName": "pressure",
            "MeasureValue": str(message.get("pressure", 0)),
            "MeasureValueType": "DOUBLE",
            "Time": str(int(time.time() * 1000)),
        })
    client.write_records(DatabaseName="plant", TableName="press", Records=records)
"#;

fn pipeline(math: &str, plant_attribute: &str) -> String {
    format!(
        r#"{{"pipelineName":"press_clean","pipelineActivities":[
        {{"channel":{{"name":"in","channelName":"press_raw","next":"sane"}}}},
        {{"filter":{{"name":"sane","filter":"pressure > 0 AND pressure < 400","next":"convert"}}}},
        {{"math":{{"name":"convert","attribute":"pressure_bar","math":"{math}","next":"where"}}}},
        {{"addAttributes":{{"name":"where","attributes":{plant_attribute},"next":"out"}}}},
        {{"datastore":{{"name":"out","datastoreName":"press_line"}}}}]}}"#
    )
}

fn dataset(column: &str) -> String {
    format!(
        r#"{{"datasetName":"press_high","actions":[{{"actionName":"a","queryAction":{{
        "sqlQuery":"SELECT * FROM press_line WHERE {column} > 25 ORDER BY timestamp DESC LIMIT 100"}}}}],
        "triggers":[{{"schedule":{{"expression":"rate(1 hour)"}}}}]}}"#
    )
}

/// 60 messages of three presses, one a minute; what the service stored of them lies beside. Every twentieth is out of range.
fn system(pipeline: &str, dataset: &str, stored: fn(&str) -> String) -> Environment {
    let environment = Environment::new();
    for (name, text) in
        [("channel.json", CHANNEL), ("store.json", STORE), ("rule.json", RULE), ("pipeline.json", pipeline), ("dataset.json", dataset)]
    {
        environment.write(&format!("definitions/{name}"), text);
    }
    let mut rows = String::new();
    for minute in (0..60).filter(|minute| minute % 20 != 19) {
        let message = format!(
            r#"{{"timestamp":"2025-10-09T08:{minute:02}:00.000Z","press":"press-{}","pressure":1{minute}.5,"humidity":{}.25}}"#,
            minute % 3,
            minute % 50
        );
        rows.push_str(&format!("{}\n", stored(&message)));
    }
    environment.write("history/datastore/press_line/__dt=2025-10-09 00:00:00/1.json", rows);
    environment
}

fn codes(environment: &Environment) -> BTreeSet<String> {
    let findings = environment.run(&["--output", "json", "plan", "--history", "history"]).ended(0).json()["findings"].clone();
    findings.as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_mistake_of_a_tutorial_is_named() {
    let constants = r#"{"hall_1":"hall","oil_press":"kind"}"#;
    let environment = system(&pipeline("pressure_bar", constants), &dataset("pressure_bar"), str::to_owned);
    environment.write("definitions/handler.py", HANDLER);
    let captured = environment.run(&["capture", "--from", "definitions"]);
    assert!(matches!(captured.code, Some(0)), "{}", captured.stderr);
    let found = codes(&environment);
    for expected in [
        "constant_in_add_attributes",
        "math_without_effect",
        "unknown_column",
        "handler_forgets_base64",
        "handler_time_is_now",
        "handler_drops_columns",
        "handler_forgets_filter",
        "handler_ignores_rejected_records",
    ] {
        assert!(found.contains(expected), "{expected} is not among {found:?}");
    }
}

#[test]
fn a_retention_that_would_refuse_the_history_is_an_error_before_the_first_write() {
    let environment = system(&pipeline("pressure * 0.0689", r#"{"press":"machine"}"#), &dataset("pressure"), str::to_owned);
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.run(&["plan", "--history", "history"]).ended(0);
    let settings = std::fs::read_to_string(environment.path("migration/migration.toml")).unwrap();
    let short = settings.lines().map(|line| if line.starts_with("magnetic_days = ") { "magnetic_days = 30" } else { line });
    environment.write("migration/migration.toml", short.collect::<Vec<_>>().join("\n"));
    let found = codes(&environment);
    assert!(found.contains("time_before_window"), "{found:?}");
}

#[test]
fn once_mended_it_migrates_whole() {
    let stored = |message: &str| message.replace(r#","humidity""#, r#","pressure_bar":2.5,"machine":"m","humidity""#);
    let environment = system(&pipeline("pressure * 0.0689", r#"{"press":"machine"}"#), &dataset("pressure_bar"), stored);
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    let found = codes(&environment);
    for mended in ["constant_in_add_attributes", "math_without_effect", "unknown_column"] {
        assert!(!found.contains(mended), "{mended} is still found");
    }
    let translated = environment.run(&["translate"]);
    assert!(matches!(translated.code, Some(0 | 2)), "{}", translated.stderr);
    assert!(environment.path("migration/stack/functions/press_clean/handler.py").try_exists().unwrap());
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let verified = environment.run(&["verify", "--target", "embedded"]).ended(0);
    assert!(verified.stdout.contains("Verdict: complete"), "{}", verified.stdout);
}
