//! A store of several device types: their rows go to tables and measure names of their own.

use crate::environment::Environment;

const DATASTORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;

/// Pumps and valves in one table under two measure names, sensors in another.
const SETTINGS: &str = r#"
history = "history"

[target]
database = "plant"
memory_hours = 12
magnetic_days = 400

[[table]]
store = "plant"
route = { column = "type", values = ["pump", 2] }
table = "machines"
measure_name = "pump"
time = { column = "ts", format = "epoch_s" }
dimensions = [{ column = "device_id", name = "device_id" }]
measures = [
  { column = "level", name = "level", type = "DOUBLE" },
  { column = "flow", name = "flow", type = "DOUBLE" },
]

[[table]]
store = "plant"
route = { column = "type", values = ["valve"] }
table = "machines"
measure_name = "valve"
time = { column = "ts", format = "epoch_s" }
dimensions = [{ column = "device_id", name = "device_id" }]
measures = [
  { column = "angle", name = "angle", type = "BIGINT" },
  { column = "level", name = "level", type = "DOUBLE" },
]

[[table]]
store = "plant"
route = { column = "type", values = ["sensor"] }
table = "sensors"
measure_name = "sensor"
time = { column = "ts", format = "epoch_s" }
dimensions = [{ column = "device_id", name = "device_id" }, { column = "type", name = "type" }]
measures = [{ column = "temp", name = "temp", type = "DOUBLE" }]
"#;

/// Three objects of ten instants each, at every one of them a pump, a valve and two sensors of one device: 120 rows.
fn three_types(settings: &str) -> Environment {
    let environment = Environment::new();
    environment.write("definitions/describe-datastore.json", DATASTORE);
    for day in 1..=3 {
        let mut lines = String::new();
        for reading in 0..10 {
            let ts = 1_760_000_000 + day * 86_400 + reading * 60;
            // The same device and time in all of them: only table and measure name tell them apart.
            let kind = if reading == 0 { "2" } else { "\"pump\"" };
            lines.push_str(&format!("{{\"ts\":{ts},\"device_id\":\"d1\",\"type\":{kind},\"level\":{reading}.5,\"flow\":{reading}.25}}\n"));
            lines.push_str(&format!("{{\"ts\":{ts},\"device_id\":\"d1\",\"type\":\"valve\",\"angle\":{reading},\"level\":{reading}.5}}\n"));
            for device in ["d1", "d2"] {
                lines.push_str(&format!(
                    "{{\"ts\":{ts},\"device_id\":\"{device}\",\"type\":\"sensor\",\"temp\":{reading}.75,\"flow\":null}}\n"
                ));
            }
        }
        environment.write(&format!("history/datastore/plant/__dt=2025-10-{:02} 00:00:00/{day}.json", 9 + day), lines);
    }
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.write("migration/migration.toml", settings);
    environment
}

/// `table measure_name present` of every line of a verification.
fn present(verified: &serde_json::Value) -> Vec<String> {
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let line = |table: &serde_json::Value| format!("{} {} {}", word(&table["table"]), word(&table["measure_name"]), table["present"]);
    verified["tables"].as_array().into_iter().flatten().map(line).collect()
}

#[test]
fn types_of_one_store_go_to_their_tables_and_measure_names_through_a_kill_and_are_all_there() {
    let environment = three_types(SETTINGS);
    let plan = environment.run(&["--output", "json", "plan"]).ended(0).json();
    let errors = plan["findings"].as_array().unwrap().iter().filter(|finding| finding["grade"] == "error").count();
    assert_eq!(errors, 0, "{}", plan["findings"]);
    let rows: Vec<u64> = plan["census"]["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [30, 30, 60]);
    let report = environment.run(&["plan"]).ended(0).stdout;
    assert!(
        report.contains("rows whose type is `pump` or `2`") && report.contains("(2 tables)") && report.contains("3 objects,"),
        "{report}"
    );

    for failpoint in iota2ts::failpoint::ALL {
        let environment = three_types(SETTINGS);
        environment.run(&["plan"]).ended(0);
        let mut killed = environment.command(&["backfill", "--target", "embedded"]);
        assert!(!killed.env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap().status.success(), "{failpoint}");
        let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
        for table in ["machines", "sensors"] {
            let totals = &written["totals"][table];
            assert_eq!((&totals["read"], &totals["acknowledged"]), (&60.into(), &60.into()), "{table} after a kill at {failpoint}");
        }
        let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
        assert_eq!(present(&verified), ["machines pump 30", "machines valve 30", "sensors sensor 60"], "after a kill at {failpoint}");
    }
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let report = environment.run(&["verify", "--target", "embedded"]).ended(0).stdout;
    assert!(report.contains("machines (pump)") && report.contains("machines (valve)"), "{report}");
    let status = environment.run(&["--output", "json", "status"]).ended(0).json();
    assert_eq!(status["totals"]["machines"]["acknowledged"], 60);
}

#[test]
fn a_type_that_no_route_takes_is_set_aside_with_its_value_and_the_rest_arrives() {
    let environment = three_types(SETTINGS);
    let row = |kind: &str| format!("{{\"ts\":1760900000,\"device_id\":\"d9\",{kind}\"flow\":1.5}}\n");
    let (odd, without, pump) = (row(r#""type":"robot\u001b","#), row(""), row(r#""type":"pump","#));
    environment.write("history/datastore/plant/__dt=2025-10-20 00:00:00/odd.json", format!("{odd}{without}{{\"ts\":17609\n{pump}"));
    let plan = environment.run(&["--output", "json", "plan"]).ended(0).json();
    let findings = plan["findings"].as_array().unwrap();
    let refused = findings.iter().find(|finding| finding["code"] == "refused_rows").unwrap();
    assert_eq!(refused["subject"], "table machines (pump): no_route");
    assert!(refused["remedy"].as_str().unwrap().contains("otherwise = true"), "{refused}");

    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(2).json();
    let machines = &written["totals"]["machines"];
    assert_eq!((&machines["read"], &machines["acknowledged"]), (&64.into(), &61.into()));
    assert_eq!(machines["quarantined"], serde_json::json!({"no_route": 2, "undecodable": 1}));
    assert_eq!(written["totals"]["sensors"]["read"], 60);
    let shown = environment.run(&["quarantine", "show", "--code", "no_route"]).ended(0);
    let rows: Vec<serde_json::Value> = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["table"], &rows[0]["row"], &rows[1]["row"]), (&"machines".into(), &1.into(), &2.into()));
    let reason = rows[0]["reason"].as_str().unwrap();
    assert!(reason.contains(r#"`type` is "robot\u{1b}", which no route takes; add it to a route"#), "{reason}");
    let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    assert_eq!(present(&verified), ["machines pump 31", "machines valve 30", "sensors sensor 60"]);
    assert_eq!(verified["verdict"], "complete_with_quarantine", "{verified}");
}

#[test]
fn a_catch_all_takes_the_types_that_nobody_names_and_the_rows_that_have_none() {
    let other = r#"
[[table]]
store = "plant"
route = { column = "type", otherwise = true }
table = "others"
measure_name = "other"
time = { column = "ts", format = "epoch_s" }
dimensions = [{ column = "device_id", name = "device_id" }]
measures = [{ column = "flow", name = "flow", type = "DOUBLE" }]
"#;
    let environment = three_types(&format!("{SETTINGS}{other}"));
    let odd =
        "{\"ts\":1760900000,\"device_id\":\"d8\",\"type\":\"robot\",\"flow\":1.5}\n{\"ts\":1760900000,\"device_id\":\"d9\",\"flow\":1.5}\n";
    environment.write("history/datastore/plant/__dt=2025-10-20 00:00:00/odd.json", odd);
    environment.run(&["plan"]).ended(0);
    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(written["totals"]["others"]["acknowledged"], 2);
    environment.run(&["verify", "--target", "embedded"]).ended(0);
}

#[test]
fn routes_that_take_a_row_twice_are_refused_with_line_and_remedy() {
    let environment = three_types(&SETTINGS.replace("[\"valve\"]", "[\"valve\", \"pump\"]"));
    let refused = environment.run(&["plan"]).ended(1);
    assert!(refused.stderr.contains("migration.toml line 23: table[1].route: the value \"pump\" is taken already"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
}
