//! Verification of a real target through the real executable: every tampering with what is stored is found and named, what the service
//! dropped afterwards has its reason, and rows that are late are waited for.

use std::path::PathBuf;
use std::sync::Arc;

use iota2ts::local::{self, LocalSettings};
use iota2ts::time::{HOUR_NANOS, ManualClock, Nanos};
use rusqlite::Connection;
use serde_json::Value;

use crate::environment::{Environment, NOW};
use crate::migration::{gzip, planned};

const NOW_NANOS: i64 = 1_765_756_800_000_000_000;
/// The time of the reading that most tests spoil.
const SPOILT: i64 = 1_760_086_400 + 4 * 60;

/// Two days of three pumps, an object a day, ten readings each.
fn plant() -> Environment {
    let environment = Environment::new();
    environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
    for day in 1..=2 {
        let mut lines = String::new();
        for reading in 0..10 {
            for pump in 1..=3 {
                let seconds = 1_760_000_000 + day * 86_400 + reading * 60;
                lines.push_str(&format!(
                    "{{\"ts\":{seconds},\"device_id\":\"pump-{pump}\",\"flow\":{reading}.2{pump},\"note\":\"reading {reading}\"}}\n"
                ));
            }
        }
        environment.write(&format!("history/datastore/plant/__dt=2025-10-{:02} 00:00:00/{day}.json.gz", 9 + day), gzip(&lines));
    }
    environment
}

/// The store of the embedded Timestream, opened behind its back.
struct Stored {
    path: PathBuf,
    store: Connection,
}

impl Stored {
    fn of(environment: &Environment) -> Self {
        let path = environment.path("migration/embedded/timestream.db");
        Self { store: Connection::open(&path).unwrap(), path }
    }

    /// The place of a column among the stored ones.
    fn column(&self, name: &str) -> String {
        let sql = "SELECT ordinal FROM columns WHERE table_id = 1 AND name = ?1";
        format!("c{}", self.store.query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap())
    }

    /// The same with the columns of the plant in the place of their names.
    fn change(&self, sql: &str, rows: usize) {
        let mut sql = sql.replace("SPOILT", &format!("{SPOILT}000000000"));
        for name in ["device_id", "flow", "note"] {
            let place = format!("[{name}]");
            if sql.contains(&place) {
                sql = sql.replace(&place, &self.column(name));
            }
        }
        assert_eq!(self.store.execute(&sql, []).unwrap(), rows, "{sql}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Symbol, device, nanoseconds after the spoilt reading, and the columns that differ.
type Line = (String, String, i64, Vec<String>);

fn differences(environment: &Environment) -> Vec<Line> {
    let lines = std::fs::read_to_string(environment.path("migration/report/differences.jsonl")).unwrap();
    let line = |line: &str| {
        let difference: Value = serde_json::from_str(line).unwrap();
        let columns = difference["columns"].as_array().into_iter().flatten().map(|column| text(&column["column"]).to_owned());
        let device = text(&difference["dimensions"]["device_id"]).to_owned();
        let since = difference["time_ns"].as_i64().unwrap() - SPOILT * 1_000_000_000;
        (text(&difference["symbol"]).to_owned(), device, since, columns.collect())
    };
    let mut all: Vec<Line> = lines.lines().map(line).collect();
    all.sort();
    all
}

/// What a tampering does to the store, the rows it changes, and the lines that must come of it.
struct Tampering {
    name: &'static str,
    sql: &'static [(&'static str, usize)],
    found: &'static [(&'static str, &'static str, i64, &'static [&'static str])],
}

const TAMPERINGS: &[Tampering] = &[
    Tampering {
        name: "a row dropped",
        sql: &[("DELETE FROM t1 WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("-", "pump-2", 0, &[])],
    },
    Tampering {
        name: "a row added",
        sql: &[(
            "INSERT INTO t1(key, measure_name, time, version, visible_at, content, [device_id], [flow]) SELECT randomblob(16), measure_name, \
             time, version, visible_at, content, 'pump-9', [flow] FROM t1 WHERE time = SPOILT AND [device_id] = 'pump-2'",
            1,
        )],
        found: &[("+", "pump-9", 0, &[])],
    },
    Tampering {
        name: "a row doubled",
        sql: &[(
            "INSERT INTO t1(key, measure_name, time, version, visible_at, content, [device_id], [flow], [note]) SELECT randomblob(16), \
             measure_name, time, version, visible_at, content, [device_id], [flow], [note] FROM t1 WHERE time = SPOILT AND [device_id] = 'pump-2'",
            1,
        )],
        found: &[("+", "pump-2", 0, &[])],
    },
    Tampering {
        name: "a value altered by one unit in the last place",
        // 4.22 is 0x4010E147AE147AE1, and this the next.
        sql: &[("UPDATE t1 SET [flow] = 4.220000000000001 WHERE time = SPOILT AND [device_id] = 'pump-2' AND [flow] = 4.22", 1)],
        found: &[("*", "pump-2", 0, &["flow"])],
    },
    Tampering {
        name: "a time shifted by a nanosecond",
        sql: &[("UPDATE t1 SET time = time + 1 WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("+", "pump-2", 1, &[]), ("-", "pump-2", 0, &[])],
    },
    Tampering {
        name: "two devices swapped",
        sql: &[(
            "UPDATE t1 SET [device_id] = CASE [device_id] WHEN 'pump-1' THEN 'pump-2' ELSE 'pump-1' END WHERE time = SPOILT AND [device_id] IN \
             ('pump-1', 'pump-2')",
            2,
        )],
        found: &[("*", "pump-1", 0, &["flow"]), ("*", "pump-2", 0, &["flow"])],
    },
    Tampering {
        name: "a string cut short",
        sql: &[("UPDATE t1 SET [note] = substr([note], 1, 8) WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("*", "pump-2", 0, &["note"])],
    },
    Tampering {
        name: "a value removed",
        sql: &[("UPDATE t1 SET [note] = NULL WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("*", "pump-2", 0, &["note"])],
    },
    Tampering {
        name: "a device renamed",
        sql: &[("UPDATE t1 SET [device_id] = 'pump-4' WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("+", "pump-4", 0, &[]), ("-", "pump-2", 0, &[])],
    },
    Tampering {
        name: "another measure name",
        sql: &[("UPDATE t1 SET measure_name = 'other' WHERE time = SPOILT AND [device_id] = 'pump-2'", 1)],
        found: &[("+", "pump-2", 0, &[]), ("-", "pump-2", 0, &[])],
    },
];

#[test]
fn every_tampering_with_what_is_stored_is_found_and_named() {
    assert_eq!(4.22_f64.next_up().to_string(), "4.220000000000001");
    let environment = plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    // A day later nothing may still be on its way.
    let verify = |code: i32| {
        let mut command = environment.command(&["verify", "--target", "embedded", "--combined", "all.txt"]);
        environment.finish(command.env("IOTA2TS_NOW", "2025-12-16T00:00:00Z")).ended(code)
    };
    verify(0);
    assert_eq!(differences(&environment), []);
    let stored = Stored::of(&environment);
    stored.store.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = stored.path.clone();
    drop(stored);
    let honest = std::fs::read(&path).unwrap();
    for tampering in TAMPERINGS {
        let stored = Stored::of(&environment);
        for (sql, rows) in tampering.sql {
            stored.change(sql, *rows);
        }
        drop(stored);
        let verified = verify(2);
        let expected: Vec<Line> = tampering
            .found
            .iter()
            .map(|(symbol, device, since, columns)| {
                ((*symbol).to_owned(), (*device).to_owned(), *since, columns.iter().map(|column| (*column).to_owned()).collect())
            })
            .collect();
        assert_eq!(differences(&environment), expected, "{}\n{}", tampering.name, verified.stdout);
        // The other day's object has no difference; the spoilt one only where none of its rows differs.
        let combined = std::fs::read_to_string(environment.path("all.txt")).unwrap();
        let equal = combined.lines().filter(|line| line.starts_with("= ")).count();
        let spoils = tampering.found.iter().any(|(symbol, ..)| *symbol != "+");
        assert_eq!(equal, if spoils { 1 } else { 2 }, "{}\n{combined}", tampering.name);
        std::fs::write(&path, &honest).unwrap();
        for rest in ["-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{rest}", path.display())));
        }
    }
    verify(0);
}

/// A plant whose rows another writer overwrote with a higher version, and that was sent again: the magnetic store takes the rows with a 200
/// and drops them.
fn overwritten() -> Environment {
    let environment = plant();
    planned(&environment);
    let settings = environment.path("migration/migration.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let named = text.lines().map(|line| match line.contains("rejected_data_bucket") {
        true => "rejected_data_bucket = \"reports\"",
        false => line,
    });
    std::fs::write(&settings, named.collect::<Vec<_>>().join("\n")).unwrap();
    environment.run(&["plan"]).ended(0);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    Stored::of(&environment)
        .change("UPDATE t1 SET [flow] = 99.5, version = 9, content = randomblob(16) WHERE time = SPOILT AND [device_id] = 'pump-2'", 1);
    environment.run(&["units", "retry", "--only", "done"]).ended(0);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    environment
}

#[test]
fn a_row_that_was_dropped_after_its_200_names_the_reports_reason() {
    let environment = overwritten();
    let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    let difference = &verified["tables"][0]["shown"][0];
    assert_eq!((text(&difference["symbol"]), text(&difference["cause"])), ("*", "rejected: older version"), "{verified}");
    assert!(text(&difference["detail"]).contains("is lower than the existing version 9"), "{difference}");
    assert_eq!(text(&difference["source"]["object"]), "datastore/plant/__dt=2025-10-10 00:00:00/1.json.gz");
    assert_eq!((&difference["columns"][0]["source"], &difference["columns"][0]["target"]), (&4.22.into(), &99.5.into()));
    assert_eq!((&verified["rejected_reports"]["reports"], &verified["rejected_reports"]["records"]), (&1.into(), &1.into()));
    // Reports that lie elsewhere, and none at all.
    std::fs::rename(environment.path("migration/embedded/rejected"), environment.path("reports")).unwrap();
    let without = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    assert_eq!(text(&without["tables"][0]["shown"][0]["cause"]), "unknown");
    environment.run(&["verify", "--target", "embedded", "--rejected", "nowhere"]).ended(1);
    let elsewhere = environment.run(&["verify", "--target", "embedded", "--rejected", "reports"]).ended(2);
    assert!(elsewhere.stdout.contains("rejected: older version"), "{}", elsewhere.stdout);
}

#[test]
fn reports_of_rejected_data_are_read_from_s3() {
    let environment = overwritten();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // The reports as the service leaves them: in a bucket.
    let clock = Arc::new(ManualClock::at(Nanos(NOW_NANOS)));
    let running = runtime.block_on(local::start(LocalSettings::new(environment.path("service"), clock))).unwrap();
    let url = running.endpoint_url();
    let client = crate::served::s3_client(&url, "embedded");
    let folder = environment.path("migration/embedded/rejected/reports");
    let mut reports = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() { folders.push(entry.path()) } else { reports.push(entry.path()) }
        }
    }
    runtime.block_on(async {
        client.create_bucket().bucket("reports").send().await.unwrap();
        for path in &reports {
            let key = format!("of/{}", path.strip_prefix(&folder).unwrap().display());
            client.put_object().bucket("reports").key(key).body(std::fs::read(path).unwrap().into()).send().await.unwrap();
        }
    });
    let mut command = environment.command(&[
        "--region",
        "us-east-1",
        "--endpoint-url",
        &url,
        "verify",
        "--target",
        "embedded",
        "--rejected",
        "s3://reports/of/",
    ]);
    command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", local::s3::SECRET_ACCESS_KEY);
    let verified = environment.finish(&mut command).ended(2);
    assert!(verified.stdout.contains("rejected: older version"), "{}", verified.stdout);
    assert!(verified.stdout.contains("reports of rejected data in s3://reports/of/: 1, naming 1 records"), "{}", verified.stdout);
    runtime.block_on(running.stop()).unwrap();
}

#[test]
fn rows_that_are_not_visible_yet_are_waited_for_or_named_with_the_time_until_which_they_may_appear() {
    let environment = plant();
    planned(&environment);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Arc::new(ManualClock::at(Nanos(NOW_NANOS)));
    let mut settings = LocalSettings::new(environment.path("service"), Arc::clone(&clock) as _);
    settings.magnetic_visibility_delay_nanos = HOUR_NANOS;
    let running = runtime.block_on(local::start(settings)).unwrap();
    let (url, region) = (running.endpoint_url(), "us-east-1");
    let aws = |args: &[&str]| {
        let mut command = environment.command(&["--region", region, "--endpoint-url", &url]);
        command.args(args).env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", "embedded");
        command
    };
    environment.finish(&mut aws(&["backfill", "--target", "aws"])).ended(0);
    assert_eq!(NOW, "2025-12-15T00:00:00Z");
    let at_once = environment.finish(&mut aws(&["verify", "--target", "aws", "--wait", "1s"])).ended(2);
    assert!(at_once.stdout.contains("what is pending counts as missing after 2025-12-15T06:00:00Z"), "{}", at_once.stdout);
    assert!(at_once.stdout.contains("Verdict: not yet. 60 acknowledged rows may still appear"), "{}", at_once.stdout);
    // The hour passes while it waits.
    let waiting = aws(&["verify", "--target", "aws", "--wait", "60s"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    clock.advance(HOUR_NANOS);
    let ended = waiting.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stdout));
    runtime.block_on(running.stop()).unwrap();
    environment.run(&["verify", "--target", "aws", "--wait", "soon"]).ended(2);
}

#[test]
fn of_a_day_with_many_devices_only_the_part_that_differs_is_fetched() {
    let environment = Environment::new();
    environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
    let mut lines = String::new();
    for reading in 0..100 {
        for device in 0..120 {
            let seconds = SPOILT + reading * 60;
            lines.push_str(&format!("{{\"ts\":{seconds},\"device_id\":\"pump-{device}\",\"flow\":{reading}.5}}\n"));
        }
    }
    environment.write("history/datastore/plant/__dt=2025-10-10 00:00:00/1.json.gz", gzip(&lines));
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    Stored::of(&environment).change("DELETE FROM t1 WHERE time = SPOILT AND [device_id] = 'pump-77'", 1);
    let mut command = environment.command(&["--output", "json", "verify", "--target", "embedded"]);
    let verified = environment.finish(command.env("IOTA2TS_NOW", "2025-12-16T00:00:00Z")).ended(2).json();
    let table = &verified["tables"][0];
    assert_eq!((&table["missing"], &table["present"]), (&1.into(), &11_999.into()), "{table}");
    assert_eq!(differences(&environment), [("-".to_owned(), "pump-77".to_owned(), 0, Vec::new())]);
    let fetched = table["rows_fetched"].as_u64().unwrap();
    assert!((1..1_000).contains(&fetched), "{fetched} of 12000 rows were fetched");
}
