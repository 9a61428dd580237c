//! Raw channel history through its pipeline: into the target, and held against what the service stored.

use crate::environment::{Environment, Ran};
use crate::migration::gzip;
use crate::python::python;
use crate::scripted::{Reply, Scripted};

const STORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;
const CHANNEL: &str = r#"{"channel":{"name":"readings","retentionPeriod":{"unlimited":true},"status":"ACTIVE"}}"#;

fn pipeline(extra: &str) -> String {
    format!(
        r#"{{"pipeline":{{"name":"clean","activities":[
            {{"channel":{{"name":"in","channelName":"readings","next":"sane"}}}},
            {{"filter":{{"name":"sane","filter":"temp > 0 AND temp < 100","next":"fahrenheit"}}}},
            {{"math":{{"name":"fahrenheit","attribute":"temp_f","math":"temp * 1.8 + 32","next":"flat"}}}},
            {{"addAttributes":{{"name":"flat","attributes":{{"device.id":"device_id"}},"next":"rest"}}}},
            {extra}
            {{"removeAttributes":{{"name":"rest","attributes":["device"],"next":"out"}}}},
            {{"datastore":{{"name":"out","datastoreName":"plant"}}}}]}}}}"#
    )
}

/// 40 messages of two devices over two days; every tenth is too hot. One line is no message.
fn plant() -> Environment {
    let environment = Environment::new();
    environment.write("definitions/store.json", STORE);
    environment.write("definitions/channel.json", CHANNEL);
    environment.write("definitions/pipeline.json", pipeline(""));
    for day in 0..2_i64 {
        let mut lines = String::new();
        for reading in 0..20 {
            let temp = if reading % 10 == 9 { "250.5".to_owned() } else { format!("{reading}.50") };
            let millis = 1_760_000_000_000 + day * 86_400_000 + reading * 60_000;
            lines.push_str(&format!("{{\"ts\":{millis},\"device\":{{\"id\":\"pump-{}\"}},\"temp\":{temp}}}\n", reading % 2));
        }
        if day == 1 {
            lines.push_str("not a message\n");
        }
        let name = format!("history/channel/readings/__dt=2025-10-{:02} 00:00:00/1_2_3_readings_0_{day}.0.json.gz", 9 + day);
        environment.write(&name, gzip(&lines));
    }
    environment
}

/// What the service stored of these messages, as `alter` changes it.
fn stored(environment: &Environment, alter: impl Fn(i64, String) -> Option<String>) {
    let mut lines = String::new();
    for day in 0..2_i64 {
        for reading in (0..20).filter(|reading| reading % 10 != 9) {
            let millis = 1_760_000_000_000 + day * 86_400_000 + reading * 60_000;
            // reading.50 * 1.8 + 32
            let tenths = (reading * 10 + 5) * 18 + 3200;
            let fahrenheit = format!("{}.{:02}", tenths / 100, tenths % 100).trim_end_matches('0').trim_end_matches('.').to_owned();
            let line =
                format!("{{\"ts\":{millis},\"temp\":{reading}.50,\"temp_f\":{fahrenheit},\"device_id\":\"pump-{}\"}}\n", reading % 2);
            lines.extend(alter(day * 20 + reading, line));
        }
    }
    environment.write("history/datastore/plant/__dt=2025-10-09 00:00:00/1.json.gz", gzip(&lines));
}

fn planned(environment: &Environment) {
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.run(&["plan", "--history", "history"]).ended(0);
}

#[test]
fn messages_without_a_datastore_go_through_their_pipeline_into_the_target() {
    let environment = plant();
    planned(&environment);
    let settings = std::fs::read_to_string(environment.path("migration/migration.toml")).unwrap();
    assert!(settings.contains("\n[[raw]]\nstore = \"plant\"\npipeline = \"clean\"\n"), "{settings}");
    // Killed on the way, and resumed.
    let killed = environment
        .command(&["backfill", "--target", "embedded"])
        .env("IOTA2TS_FAILPOINT", format!("{}:1", iota2ts::failpoint::ALL[0]))
        .output()
        .unwrap();
    assert!(!killed.status.success());
    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(2).json();
    let totals = &written["totals"]["plant"];
    assert_eq!((&totals["read"], &totals["acknowledged"], &totals["filtered"]["sane"]), (&41.into(), &36.into(), &4.into()), "{totals}");
    let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    let table = &verified["tables"][0];
    assert_eq!((&table["present"], &table["missing"], &table["filtered"]["sane"]), (&36.into(), &0.into(), &4.into()), "{table}");
    assert_eq!(table["ledger_disagrees"], serde_json::json!([]));
    let report = std::fs::read_to_string(environment.path("migration/report/verification.txt")).unwrap();
    assert!(report.contains("source rows = quarantined + filtered + acknowledged"), "{report}");
}

#[test]
fn the_engine_is_held_against_what_the_service_stored() {
    let environment = plant();
    stored(&environment, |_, line| Some(line));
    planned(&environment);
    let check = environment.run(&["--output", "json", "verify", "--transform"]).ended(0).json();
    let table = &check["tables"][0];
    assert_eq!((&table["same"], &table["changed"], &table["only_datastore"]), (&36.into(), &0.into(), &0.into()), "{table}");
    assert_eq!(table["channel"]["filtered"]["sane"], 4);
}

#[test]
fn where_engine_and_service_differ_each_difference_has_its_side_and_its_values() {
    let environment = plant();
    stored(&environment, |number, line| match number {
        0 => Some(line.replace("\"temp_f\":32.9", "\"temp_f\":33")),
        1 => None,
        _ => Some(line),
    });
    planned(&environment);
    let ran = environment.run(&["verify", "--transform"]).ended(2);
    assert!(ran.stdout.contains("temp_f: 32.9 by the engine, 33.0 in the datastore"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the service did not store it"), "{}", ran.stdout);
}

#[test]
fn a_lambda_activity_is_run_by_the_command_that_the_settings_name() {
    let environment = plant();
    let lambda = r#"{"lambda":{"name":"tidy","lambdaName":"tidy_up","batchSize":7,"next":"rest"}},"#;
    environment.write(
        "definitions/pipeline.json",
        pipeline(lambda).replace("\"next\":\"rest\"}},\n            {\"lambda", "\"next\":\"tidy\"}},\n            {\"lambda"),
    );
    stored(&environment, |_, line| Some(line));
    environment.write(
        "tidy.py",
        "import json, sys\nmessages = json.load(sys.stdin)\nassert len(messages) <= 7\njson.dump([m for m in messages if m['temp'] != 0.5], sys.stdout)\n",
    );
    planned(&environment);
    let file = environment.path("migration/migration.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let raw = "\n[[raw]]\nstore = \"plant\"\npipeline = \"clean\"\n";
    std::fs::write(&file, settings.replacen("\n[switches]", &format!("{raw}\n[switches]"), 1)).unwrap();
    let refused = environment.run(&["plan"]).ended(1);
    assert!(refused.stderr.contains("[[function]] name = \"tidy_up\""), "{}", refused.stderr);
    let function =
        format!("\n[[function]]\nname = \"tidy_up\"\ncommand = [{:?}, \"tidy.py\"]\ntimeout_s = 60\n", python().to_str().unwrap());
    std::fs::write(&file, settings.replacen("\n[switches]", &format!("{raw}{function}\n[switches]"), 1)).unwrap();
    environment.run(&["plan"]).ended(0);
    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(2).json();
    assert_eq!(written["totals"]["plant"]["filtered"], serde_json::json!({ "sane": 4, "tidy": 2 }), "{written}");
}

/// A pipeline with a lambda activity, whose function settings let AWS call.
fn plant_with_a_function_of_aws() -> Environment {
    let environment = plant();
    let lambda = r#"{"lambda":{"name":"tidy","lambdaName":"tidy_up","batchSize":7,"next":"rest"}},"#;
    environment.write(
        "definitions/pipeline.json",
        pipeline(lambda).replace("\"next\":\"rest\"}},\n            {\"lambda", "\"next\":\"tidy\"}},\n            {\"lambda"),
    );
    stored(&environment, |_, line| Some(line));
    planned(&environment);
    let file = environment.path("migration/migration.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let more =
        "\n[[raw]]\nstore = \"plant\"\npipeline = \"clean\"\n\n[[function]]\nname = \"tidy_up\"\naws = \"tidy-up:live\"\ntimeout_s = 60\n";
    std::fs::write(&file, settings.replacen("\n[switches]", &format!("{more}\n[switches]"), 1)).unwrap();
    environment
}

fn with_lambda_at(environment: &Environment, service: &Scripted, args: &[&str]) -> Ran {
    let mut command = environment.command(args);
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example").env("AWS_REGION", "eu-west-1");
    environment.finish(command.env("AWS_ENDPOINT_URL_LAMBDA", service.url()))
}

#[test]
fn a_lambda_activity_is_run_by_the_function_of_aws_that_the_settings_name() {
    let environment = plant_with_a_function_of_aws();
    let throttled = std::sync::atomic::AtomicBool::new(false);
    let service = Scripted::serve(move |asked| {
        if !throttled.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Reply::Error(429, "TooManyRequestsException", "Rate Exceeded.");
        }
        let messages: Vec<serde_json::Value> = serde_json::from_slice(&asked.body).unwrap();
        assert!(messages.len() <= 7);
        let kept: Vec<_> = messages.into_iter().filter(|message| message["temp"].as_f64() != Some(0.5)).collect();
        Reply::Json(200, serde_json::Value::from(kept).to_string())
    });
    with_lambda_at(&environment, &service, &["plan"]).ended(0);
    let args = ["--output", "json", "backfill", "--target", "embedded"];
    let written = with_lambda_at(&environment, &service, &args).ended(2).json();
    assert_eq!(written["totals"]["plant"]["filtered"], serde_json::json!({ "sane": 4, "tidy": 2 }), "{written}");
    assert!(service.asked().iter().all(|asked| asked.path == "/2015-03-31/functions/tidy-up%3Alive/invocations"));
}

#[test]
fn a_function_of_aws_that_fails_or_may_not_be_called_stops_the_work_and_says_why() {
    let environment = plant_with_a_function_of_aws();
    let failing = Scripted::serve(|_| {
        Reply::With(200, vec![("x-amz-function-error", "Unhandled".to_owned())], br#"{"errorMessage":"no such sensor"}"#.to_vec())
    });
    let ran = with_lambda_at(&environment, &failing, &["plan"]).ended(1);
    assert!(ran.stderr.contains("no such sensor") && ran.stderr.contains("hint: look at the function's log"), "{}", ran.stderr);
    let denied = Scripted::serve(|_| Reply::Error(403, "AccessDeniedException", "not authorized to perform: lambda:InvokeFunction"));
    let ran = with_lambda_at(&environment, &denied, &["plan"]).ended(1);
    assert!(ran.stderr.contains("hint: allow lambda:InvokeFunction"), "{}", ran.stderr);
}
