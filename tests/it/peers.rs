//! Bugs that other migration tools really had, each tried here. The names are those of the tool and of its issue.
//!
//! Elsewhere too: `outflux #91` (a source cut short taken for its end) in `bucket`, `Lightning` (a torn state file) at every page in
//! `src/ledger/damage_tests.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use iota2ts::local::{ErrorKind, Fault, Rule, When};

use crate::environment::{Environment, Ran};
use crate::migration::{gzip, planned, small_plant};
use crate::served::Served;

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Something at the target that nobody wrote there.
fn tamper(environment: &Environment, sql: &str) {
    let store = rusqlite::Connection::open(environment.path("migration/embedded/timestream.db")).unwrap();
    assert!(store.execute(sql, []).unwrap() > 0, "{sql} changed nothing");
}

/// When nothing can be on its way into the magnetic store any more.
fn verified_a_day_later(environment: &Environment) -> serde_json::Value {
    let mut command = environment.command(&["--output", "json", "verify", "--target", "embedded"]);
    Ran::from(command.env("IOTA2TS_NOW", "2025-12-16T00:00:00Z").output().unwrap(), environment).ended(2).json()
}

#[test]
fn vmctl_7309_a_target_that_acknowledges_and_stores_nothing_is_no_success() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    tamper(&environment, "DELETE FROM t1");
    let verified = verified_a_day_later(&environment);
    assert_eq!((&verified["tables"][0]["missing"], &verified["tables"][0]["present"]), (&60.into(), &0.into()));
}

#[test]
fn outflux_91_a_source_cut_short_is_told_and_not_a_success() {
    let environment = small_plant();
    let whole = gzip(&"{\"ts\":1760000000,\"device_id\":\"pump-3\",\"flow\":1.5,\"open\":true}\n".repeat(500));
    environment.write("history/datastore/plant/__dt=2025-10-14 00:00:00/9.json.gz", &whole[..whole.len() / 2]);
    planned(&environment);
    let written = environment.run(&["backfill", "--target", "embedded"]).ended(2);
    assert!(
        written.stdout.contains("damaged: datastore/plant/__dt=2025-10-14 00:00:00/9.json.gz: the gzip data is cut off"),
        "{}",
        written.stdout
    );
}

#[test]
fn parallel_copy_1103_the_last_record_of_a_batch_is_written() {
    for rows in [1, 99, 100, 101, 199, 200, 201] {
        let environment = Environment::new();
        environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
        let text: String = (0..rows).map(|at| format!("{{\"ts\":{},\"device_id\":\"d\",\"flow\":{at}.5}}\n", 1_760_000_000 + at)).collect();
        environment.write("history/datastore/plant/__dt=2025-10-10 00:00:00/1.json", text);
        planned(&environment);
        environment.run(&["backfill", "--target", "embedded"]).ended(0);
        let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
        assert_eq!(verified["tables"][0]["present"], rows);
    }
}

#[test]
fn gh_ost_1769_looking_changes_nothing_and_a_dry_run_keeps_the_plan_that_a_backfill_goes_by() {
    let environment = small_plant();
    planned(&environment);
    let failpoint = format!("{}:1", iota2ts::failpoint::AFTER_COMMIT);
    let killed = environment.command(&["backfill", "--target", "embedded"]).env("IOTA2TS_FAILPOINT", failpoint).output().unwrap();
    assert!(!killed.status.success());
    let before = files(&environment.path("migration"));
    // A day later, as somebody looks what there is to do.
    let looked = environment.command(&["plan"]).env("IOTA2TS_NOW", "2025-12-16T00:00:00Z").output().unwrap();
    assert!(looked.status.success());
    for args in [&["status"][..], &["units", "list"], &["quarantine", "list"]] {
        environment.run(args).ended(0);
    }
    let after = files(&environment.path("migration"));
    let changed = |name: &&String| before.get(*name) != after.get(*name) && !name.ends_with("-shm") && !name.ends_with("-wal");
    let differing: Vec<&String> = before.keys().chain(after.keys()).filter(changed).collect();
    assert!(differing.is_empty(), "{differing:?}");
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    environment.run(&["verify", "--target", "embedded"]).ended(0);
}

#[test]
fn gh_ost_343_what_was_read_and_not_acknowledged_is_sent_again() {
    let environment = small_plant();
    planned(&environment);
    let failpoint = format!("{}:1", iota2ts::failpoint::BEFORE_SEND);
    let killed = environment.command(&["backfill", "--target", "embedded"]).env("IOTA2TS_FAILPOINT", failpoint).output().unwrap();
    assert!(!killed.status.success());
    let resumed = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(resumed["rows"], 60, "{resumed}");
}

#[test]
fn pgcopydb_698_starting_again_twice_leaves_done_work_alone() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    for _ in 0..2 {
        let again = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
        assert_eq!((&again["requests"], &again["units_done"]), (&0.into(), &3.into()), "{again}");
    }
}

#[test]
fn greptime_8070_a_second_process_is_refused_for_as_long_as_the_first_works() {
    let environment = small_plant();
    planned(&environment);
    let served = Served::new(&environment.path("service"));
    // The first process waits for its first answer until this test lets it go.
    served.faults.add(Rule::new(Fault::Stall(std::time::Duration::from_secs(60)), When::Next(1)).only("WriteRecords"));
    let mut first = served.command(&environment, &["backfill", "--target", "aws"]).spawn().unwrap();
    let waiting = || served.faults.counters().requests.contains_key("WriteRecords");
    while !waiting() {
        assert!(first.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    for _ in 0..3 {
        let second = served.run(&environment, &["backfill", "--target", "aws"]).ended(1);
        assert!(second.stderr.contains("another process is at work"), "{}", second.stderr);
    }
    first.kill().unwrap();
    first.wait().unwrap();
    served.run(&environment, &["backfill", "--target", "aws"]).ended(0);
}

#[test]
fn greptime_8007_two_that_save_at_once_leave_a_whole_file() {
    let environment = small_plant();
    for _ in 0..5 {
        let mut both: Vec<_> = (0..4).map(|_| environment.command(&["-q", "capture", "--from", "definitions"]).spawn().unwrap()).collect();
        assert!(both.iter_mut().all(|one| one.wait().unwrap().success()));
        let inventory = std::fs::read(environment.path("migration/inventory.json")).unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&inventory).unwrap()["datastores"]["plant"].is_object());
    }
    let left = std::fs::read_dir(environment.path("migration")).unwrap().count();
    assert_eq!(left, 1, "temporary files are left");
}

#[test]
fn ts_tools_a_worker_that_fails_fails_the_run_and_is_told() {
    let environment = small_plant();
    planned(&environment);
    let served = Served::new(&environment.path("service"));
    served.faults.add(Rule::new(Fault::Answer(ErrorKind::ServiceQuotaExceeded), When::Every(1)).only("WriteRecords"));
    let failed = served.run(&environment, &["backfill", "--target", "aws"]).ended(1);
    assert!(failed.stderr.contains("quota"), "{}", failed.stderr);
    let runs = environment.run(&["--output", "json", "status"]).ended(0).json()["runs"].clone();
    assert_eq!(runs[0]["outcome"], "failed", "{runs}");
}

#[test]
fn ts_tools_212_denied_is_not_shown_as_not_found() {
    let environment = small_plant();
    planned(&environment);
    let served = Served::new(&environment.path("service"));
    for operation in ["DescribeDatabase", "DescribeTable", "WriteRecords"] {
        served.faults.clear();
        served.faults.add(Rule::new(Fault::Answer(ErrorKind::AccessDenied), When::Every(1)).only(operation));
        let failed = served.run(&environment, &["backfill", "--target", "aws"]).ended(1).stderr;
        assert!(failed.contains("not authorized") && !failed.to_lowercase().contains("not found"), "{operation}: {failed}");
    }
}

#[test]
fn influxdb3_plugins_51_a_run_whose_owner_died_is_taken_over() {
    let environment = small_plant();
    planned(&environment);
    let failpoint = format!("{}:1", iota2ts::failpoint::AFTER_ACK);
    let killed = environment.command(&["backfill", "--target", "embedded"]).env("IOTA2TS_FAILPOINT", failpoint).output().unwrap();
    assert!(!killed.status.success());
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let runs = environment.run(&["--output", "json", "status"]).ended(0).json()["runs"].clone();
    assert_eq!((&runs[0]["outcome"], &runs[1]["outcome"]), (&serde_json::Value::Null, &"finished".into()), "{runs}");
}

#[test]
fn lightning_a_state_file_that_is_torn_is_refused_and_never_taken_for_another_state() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let ledger = environment.path("migration/ledger.db");
    let whole = std::fs::read(&ledger).unwrap();
    for length in [0, 1, 99, 100, 4095, 4096, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        std::fs::write(&ledger, &whole[..length]).unwrap();
        for command in [&["backfill", "--target", "embedded"][..], &["status"], &["units", "list"]] {
            let refused = environment.run(command).ended(1);
            assert!(refused.stderr.contains("ledger.db") && refused.stderr.contains("hint:"), "cut at {length}: {}", refused.stderr);
        }
    }
    std::fs::write(&ledger, &whole).unwrap();
    let again = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(again["requests"], 0, "the whole file is the state that it was");
}

/// A job of the service that waits to be told to go on (`PENDING_RESUME`) was taken for one that works. There is no such job here: rows are
/// written by requests that have their answer.
#[test]
fn ts_tools_pending_resume_no_job_is_begun_that_could_wait_for_somebody() {
    let environment = small_plant();
    planned(&environment);
    let served = Served::new(&environment.path("service"));
    environment.finish(&mut served.command(&environment, &["backfill", "--target", "aws"])).ended(0);
    environment.finish(&mut served.command(&environment, &["verify", "--target", "aws"])).ended(0);
    let asked = served.faults.counters().requests;
    let known = ["CreateDatabase", "CreateTable", "DescribeDatabase", "DescribeEndpoints", "DescribeTable", "Query", "WriteRecords"];
    assert!(asked["WriteRecords"] > 0 && asked["Query"] > 0, "{asked:?}");
    assert!(asked.keys().all(|operation| known.contains(&operation.as_str())), "{asked:?}");
}

/// Three rows are missing and one is extra, two being gone and one at another time: unlike counts, so that sides or classes that are mixed up show.
fn lopsided() -> (Environment, serde_json::Value) {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    tamper(&environment, "DELETE FROM t1 WHERE rowid IN (SELECT rowid FROM t1 ORDER BY time, key LIMIT 2)");
    tamper(&environment, "UPDATE t1 SET time = time + 1 WHERE rowid = (SELECT max(rowid) FROM t1)");
    let verified = verified_a_day_later(&environment);
    (environment, verified)
}

#[test]
fn molt_a_row_that_the_target_lacks_is_named_as_the_source_s() {
    let (environment, verified) = lopsided();
    let table = &verified["tables"][0];
    assert_eq!((&table["source_rows"], &table["target_rows"]), (&60.into(), &58.into()));
    let shown = std::fs::read_to_string(environment.path("migration/report/differences.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!((&first["symbol"], &first["kind"]), (&"-".into(), &"missing".into()), "{first}");
    assert!(first["source_values"].is_object() && first["target_values"].is_null(), "{first}");
}

#[test]
fn mongosync_missing_and_extra_are_counted_apart() {
    let (_environment, verified) = lopsided();
    let table = &verified["tables"][0];
    assert_eq!((&table["missing"], &table["extra"], &table["changed"]), (&3.into(), &1.into(), &0.into()));
}
