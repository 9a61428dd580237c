//! The generated function under a real Python and boto3: what it stores is what the backfill stores.

use std::process::Command;

use crate::environment::{Environment, NOW};
use crate::python::{python, repository};

const STORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;
const CHANNEL: &str = r#"{"channel":{"name":"readings","retentionPeriod":{"unlimited":true},"status":"ACTIVE"}}"#;
const RULE: &str = r#"{"ruleArn":"arn:aws:iot:us-east-1:123456789012:rule/r","rule":{"ruleName":"r","sql":"SELECT * FROM 'plant/#'",
  "awsIotSqlVersion":"2016-03-23","ruleDisabled":false,"actions":[{"iotAnalytics":{"channelName":"readings","roleArn":"arn:aws:iam::123456789012:role/r"}}]}}"#;
const PIPELINE: &str = r#"{"pipeline":{"name":"clean","activities":[
  {"channel":{"name":"in","channelName":"readings","next":"sane"}},
  {"filter":{"name":"sane","filter":"temp > 0 AND temp < 100","next":"fahrenheit"}},
  {"math":{"name":"fahrenheit","attribute":"temp_f","math":"temp * 1.8 + 32","next":"flat"}},
  {"addAttributes":{"name":"flat","attributes":{"device.id":"device_id"},"next":"rest"}},
  {"removeAttributes":{"name":"rest","attributes":["device"],"next":"out"}},
  {"datastore":{"name":"out","datastoreName":"plant"}}]}}"#;

/// 120 messages of three devices: integers among decimals, whole decimals, missing and null values, text beyond ASCII, numbers that
/// a double cannot hold; some are too hot, one is no JSON.
fn messages() -> String {
    let mut lines = String::new();
    for at in 0..120_i64 {
        let millis = 1_760_000_000_000 + at * 61_001;
        let temp = match at % 7 {
            0 => format!("{}", at % 90),
            1 => format!("{}.0", at % 90),
            2 => "1e1".to_owned(),
            3 => "150.25".to_owned(),
            _ => format!("{}.{}", at % 90, at % 10),
        };
        let more = match at % 5 {
            0 => r#","note":"heiß 温度","cycles":9007199254740993"#,
            1 => r#","note":null,"cycles":4"#,
            2 => r#","open":true"#,
            3 => r#","note":"","open":false"#,
            _ => "",
        };
        lines.push_str(&format!("{{\"ts\":{millis},\"device\":{{\"id\":\"pump-{}\"}},\"temp\":{temp}{more}}}\n", at % 3));
    }
    lines + "not a message\n"
}

/// Runs the function on `messages` and gives the rows of the table of `data`.
fn live(environment: &Environment, data: &str, messages: &str) -> serde_json::Value {
    let output = Command::new(python())
        .arg("-B")
        .arg(repository().join("tests/live_handler.py"))
        .arg(env!("CARGO_BIN_EXE_iota2ts"))
        .arg(environment.path("migration/stack/functions/clean"))
        .arg(environment.path(data))
        .args(["plant", "plant"])
        .arg(environment.path(messages))
        .env("IOTA2TS_NOW", NOW)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .unwrap();
    let (printed, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{complaint}");
    serde_json::from_str(printed.lines().last().unwrap()).unwrap()
}

#[test]
fn the_generated_function_stores_what_the_backfill_stores_and_an_overlap_changes_nothing() {
    let environment = Environment::new();
    for (name, text) in [("store", STORE), ("channel", CHANNEL), ("rule", RULE), ("pipeline", PIPELINE)] {
        environment.write(&format!("definitions/{name}.json"), text);
    }
    environment.write("history/channel/readings/__dt=2025-10-09 00:00:00/1_2_3_readings_0_0.0.json", messages());
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.run(&["plan", "--history", "history"]).ended(0);
    environment.run(&["translate"]).ended(0);
    environment.run(&["backfill", "--target", "embedded"]).ended(2);
    environment.write("none.jsonl", "");
    environment.write("messages.jsonl", messages());

    let history = live(&environment, "migration/embedded", "none.jsonl");
    let stored = live(&environment, "live", "messages.jsonl");
    assert!(history["rows"].as_array().is_some_and(|rows| rows.len() > 90), "{history}");
    assert_eq!(stored["failures"], serde_json::json!([]));
    assert_eq!(stored["rows"], history["rows"]);

    // The live path over what the backfill wrote already.
    let overlapped = live(&environment, "migration/embedded", "messages.jsonl");
    assert_eq!(overlapped["failures"], serde_json::json!([]));
    assert_eq!(overlapped["rows"], history["rows"]);
    environment.run(&["verify", "--target", "embedded"]).ended(2);
}
