//! A history staged by the real executable: killed, resumed, tampered with, and migrated from.

use std::path::Path;

use crate::environment::Environment;
use crate::migration::gzip;

const DATASTORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;
const OTHER_STORE: &str = r#"{"datastore":{"name":"tests","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;
const CHANNEL: &str = r#"{"channel":{"name":"readings","retentionPeriod":{"unlimited":true},"status":"ACTIVE"}}"#;
const PIPELINE: &str = r#"{"pipeline":{"name":"clean","activities":[
  {"channel":{"name":"in","channelName":"readings","next":"sane"}},
  {"filter":{"name":"sane","filter":"temp < 8","next":"out"}},
  {"datastore":{"name":"out","datastoreName":"tests"}}]}}"#;

/// Three days of two stores: one of stored rows with a bad one and a damaged object, one that only has its raw messages.
fn plant() -> Environment {
    let environment = Environment::new();
    for (name, definition) in [("store", DATASTORE), ("other", OTHER_STORE), ("channel", CHANNEL), ("pipeline", PIPELINE)] {
        environment.write(&format!("definitions/{name}.json"), definition);
    }
    for day in 1..=3 {
        let (mut rows, mut messages) = (String::new(), String::new());
        for reading in 0..10 {
            let seconds = 1_760_000_000 + day * 86_400 + reading * 60;
            let count = 9_007_199_254_740_993_i64 + reading;
            rows.push_str(&format!(
                "{{\"ts\":{seconds},\"device_id\":\"pump-{}\",\"flow\":{reading}.25,\"count\":{count}}}\n",
                reading % 2
            ));
            messages.push_str(&format!("{{\"ts\":{seconds},\"device_id\":\"probe\",\"temp\":{reading}.5}}\n"));
        }
        if day == 2 {
            rows.push_str("{\"ts\":17\n{\"device_id\":\"pump-1\",\"flow\":3.5,\"count\":1}\n");
        }
        let dt = format!("__dt=2025-10-{:02} 00:00:00", 9 + day);
        environment.write(&format!("history/datastore/plant/{dt}/{day}.json.gz"), gzip(&rows));
        environment.write(&format!("history/channel/readings/{dt}/1_2_3_readings_0_{day}.0.json.gz"), gzip(&messages));
    }
    let mut damaged = gzip(&"{\"ts\":1760500000,\"device_id\":\"pump-9\",\"flow\":1.25,\"count\":5}\n".repeat(3));
    damaged.truncate(damaged.len() - 6);
    environment.write("history/datastore/plant/__dt=2025-10-15 00:00:00/cut.json.gz", damaged);
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment
}

/// Every row of every table of an embedded Timestream, as it is stored.
fn target(dir: &Path) -> Vec<String> {
    let file = std::fs::read_dir(dir.join("embedded")).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "db" || ending == "sqlite")).unwrap();
    let store = rusqlite::Connection::open(file).unwrap();
    let mut tables = store.prepare("SELECT id, database, name FROM tables ORDER BY id").unwrap();
    let tables: Vec<(i64, String)> = tables
        .query_map([], |row| Ok((row.get(0)?, format!("{}.{}", row.get::<_, String>(1)?, row.get::<_, String>(2)?))))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut rows = Vec::new();
    for (id, name) in tables {
        let sql = format!("SELECT hex(key), hex(content), measure_name, time, version FROM t{id} ORDER BY key");
        let mut statement = store.prepare(&sql).unwrap();
        let of_table = statement.query_map([], |row| {
            let (key, content, measure): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (time, version): (i64, i64) = (row.get(3)?, row.get(4)?);
            Ok(format!("{name} {key} {content} {measure} {time} {version}"))
        });
        rows.extend(of_table.unwrap().map(Result::unwrap));
    }
    rows
}

/// Plans, writes and verifies in `dir`; the accounting of both, and what arrived.
fn migrated(environment: &Environment, dir: &str, history: &str) -> (serde_json::Value, serde_json::Value, Vec<String>) {
    if dir != "migration" {
        environment.run(&["--dir", dir, "capture", "--from", "definitions"]).ended(0);
    }
    environment.run(&["--dir", dir, "plan", "--history", history]).ended(0);
    let written = environment.run(&["--dir", dir, "--output", "json", "backfill", "--target", "embedded"]).ended(2).json();
    let verified = environment.run(&["--dir", dir, "--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    let accounts = serde_json::json!([written["totals"], written["damaged"], written["units_done"]]);
    let tables = verified["tables"].clone();
    let quarantine = environment.run(&["--dir", dir, "quarantine", "show"]).ended(0).stdout;
    (serde_json::json!([accounts, quarantine]), tables, target(&environment.path(dir)))
}

#[test]
fn a_migration_from_staging_is_the_migration_from_the_source() {
    let environment = plant();
    let exported = environment.run(&["--dir", "staged", "--output", "json", "export", "--history", "history"]).ended(2).json();
    assert_eq!((&exported["manifest"]["bad_rows"], &exported["manifest"]["damaged_objects"]), (&1.into(), &1.into()), "{exported}");
    assert_eq!(exported["manifest"]["files"].as_array().unwrap().len(), 1, "seven objects, one file");
    let checked = environment.run(&["--dir", "staged", "export", "--check"]).ended(0).stdout;
    assert!(checked.starts_with("intact: 1 file"), "{checked}");

    let (accounts, tables, rows) = migrated(&environment, "migration", "history");
    let (staged_accounts, staged_tables, staged_rows) = migrated(&environment, "staged", "staging");
    assert_eq!(accounts, staged_accounts);
    assert_eq!(tables, staged_tables);
    assert_eq!(rows, staged_rows);
    assert!(rows.len() >= 50, "{} rows", rows.len());
    assert!(tables.to_string().contains("tests") && accounts.to_string().contains("sane"), "the raw store went through its pipeline");

    // From another migration's staging, by its path.
    let (by_path, _, by_path_rows) = migrated(&environment, "by-path", "staged/staging");
    assert_eq!((by_path, by_path_rows), (accounts, rows));
}

#[test]
fn killed_at_every_failpoint_export_resumes_to_the_same_digests() {
    let environment = plant();
    let whole = environment.run(&["--dir", "whole", "--output", "json", "export", "--history", "history"]).ended(2).json();
    for (at, failpoint) in iota2ts::failpoint::EXPORT.iter().enumerate() {
        let dir = format!("killed-{at}");
        let args = ["--dir", &dir, "--output", "json", "export", "--history", "history"];
        let killed = environment.command(&args).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was not reached");
        let resumed = environment.run(&args).ended(2).json();
        assert_eq!(resumed["manifest"], whole["manifest"], "after a kill at {failpoint}");
        assert_eq!(resumed["digest"], whole["digest"]);
        environment.run(&["--dir", &dir, "export", "--check"]).ended(0);
    }
}

#[test]
fn a_tampered_staging_is_named_and_a_plan_of_it_is_refused() {
    let environment = plant();
    environment.run(&["export", "--history", "history"]).ended(2);
    environment.run(&["plan", "--history", "staging"]).ended(0);
    let file = environment.path("migration/staging/rows-000001.parquet");
    let whole = std::fs::read(&file).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let checked = environment.run(&["export", "--check"]).ended(2).stdout;
    assert!(checked.contains("rows-000001.parquet: its SHA-256 is") && checked.contains("NOT intact"), "{checked}");
    let refused = environment.run(&["backfill", "--target", "embedded"]).ended(1);
    assert!(refused.stderr.contains("rows-000001.parquet") && refused.stderr.contains("export --check"), "{}", refused.stderr);

    // A manifest that was changed along with it is another manifest: the plan is bound to the first.
    std::fs::write(&file, whole).unwrap();
    let manifest = environment.path("migration/staging/manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"tool_version\": \"", "\"tool_version\": \"9", 1)).unwrap();
    let stale = environment.run(&["backfill", "--target", "embedded"]).ended(1);
    assert!(stale.stderr.contains("the history changed"), "{}", stale.stderr);
    std::fs::write(&manifest, text).unwrap();
    environment.run(&["backfill", "--target", "embedded"]).ended(2);
}

#[test]
fn export_says_what_it_needs() {
    let environment = Environment::new();
    let nameless = environment.run(&["export"]).ended(1);
    assert!(nameless.stderr.contains("no history is named") && nameless.stderr.contains("hint:"), "{}", nameless.stderr);
    let unstaged = environment.run(&["export", "--check"]).ended(1);
    assert!(unstaged.stderr.contains("no finished staging") && unstaged.stderr.contains("hint:"), "{}", unstaged.stderr);
    environment.write("history/datastore/plant/__dt=2025-10-10 00:00:00/1.json", "{\"ts\":1760000000,\"a\":1}\n");
    environment.run(&["export", "--history", "history"]).ended(0);
    let again = environment.run(&["export", "--history", "history"]).ended(0).stdout;
    assert!(again.contains("nothing was written"), "{again}");
    environment.write("history/datastore/plant/__dt=2025-10-11 00:00:00/2.json", "{\"ts\":1760000000,\"a\":1}\n");
    let other = environment.run(&["export", "--history", "history"]).ended(1);
    assert!(other.stderr.contains("another history") && other.stderr.contains("hint:"), "{}", other.stderr);
}
