//! A migration of real files, step by step, and what goes wrong on the way.

use std::io::Write as _;

use crate::environment::Environment;
use crate::served::stored_in;

const DATASTORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},
  "storage":{"customerManagedS3":{"bucket":"b","roleArn":"arn:aws:iam::123456789012:role/r"}}}}"#;

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Three days of two devices, an object a day, ten readings each: 60 rows.
pub(crate) fn small_plant() -> Environment {
    let environment = Environment::new();
    environment.write("definitions/describe-datastore.json", DATASTORE);
    for day in 1..=3 {
        let mut lines = String::new();
        for reading in 0..10 {
            for device in ["pump-1", "pump-2"] {
                let seconds = 1_760_000_000 + day * 86_400 + reading * 60;
                lines.push_str(&format!("{{\"ts\":{seconds},\"device_id\":\"{device}\",\"flow\":{reading}.25,\"open\":true}}\n"));
            }
        }
        environment.write(&format!("history/datastore/plant/__dt=2025-10-{:02} 00:00:00/{day}.json.gz", 9 + day), gzip(&lines));
    }
    environment
}

pub(crate) fn planned(environment: &Environment) {
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.run(&["plan", "--history", "history"]).ended(0);
}

#[test]
fn a_store_goes_from_files_to_a_verified_target() {
    let environment = small_plant();
    planned(&environment);
    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(written["totals"]["plant"]["read"], 60);
    assert_eq!(written["totals"]["plant"]["acknowledged"], 60);
    let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
    assert_eq!(verified["tables"][0]["present"], 60);
    environment.run(&["status"]).ended(0);
}

#[test]
fn backfill_run_twice_in_a_row_changes_nothing() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let again = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
    assert_eq!(again["requests"], 0, "a finished backfill sends nothing: {again}");
    environment.run(&["verify", "--target", "embedded"]).ended(0);
}

#[test]
fn plan_keeps_a_persons_edits() {
    let environment = small_plant();
    planned(&environment);
    let file = environment.path("migration/migration.toml");
    let edited = std::fs::read_to_string(&file).unwrap().replace("record_version = 1", "record_version = 5 # mine");
    assert!(edited.contains("# mine"));
    std::fs::write(&file, &edited).unwrap();
    let plan = environment.run(&["--output", "json", "plan"]).ended(0).json();
    assert_eq!(plan["write"]["record_version"], 5);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), edited);
}

#[test]
fn a_stale_plan_is_refused() {
    let environment = small_plant();
    planned(&environment);
    environment
        .write("history/datastore/plant/__dt=2025-10-13 00:00:00/4.json", "{\"ts\":1760400000,\"device_id\":\"pump-1\",\"flow\":1.5}\n");
    let refused = environment.run(&["backfill", "--target", "embedded"]).ended(1);
    assert!(refused.stderr.contains("history") && refused.stderr.contains("hint:"), "{}", refused.stderr);
    assert!(!environment.path("migration/ledger.db").try_exists().unwrap());
}

#[test]
fn a_changed_plan_does_not_go_on_with_the_ledger_of_an_earlier_one() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let file = environment.path("migration/migration.toml");
    let plan = std::fs::read(environment.path("migration/plan.json")).unwrap();
    let edited = std::fs::read_to_string(&file).unwrap().replace("record_version = 1", "record_version = 2");
    std::fs::write(&file, edited).unwrap();
    let shown = environment.run(&["plan"]).ended(0);
    assert!(shown.stderr.contains("plan.json stays as it is"), "{}", shown.stderr);
    assert_eq!(std::fs::read(environment.path("migration/plan.json")).unwrap(), plan);
    let refused = environment.run(&["backfill", "--target", "embedded"]).ended(1);
    assert!(refused.stderr.contains("the settings changed") && refused.stderr.contains("undo the change"), "{}", refused.stderr);
    // Somebody puts the new plan in the place of the old one all the same.
    std::fs::remove_file(environment.path("migration/plan.json")).unwrap();
    environment.run(&["plan"]).ended(0);
    let refused = environment.run(&["backfill", "--target", "embedded"]).ended(1);
    assert!(refused.stderr.contains("ledger"), "{}", refused.stderr);
}

#[test]
fn a_bad_row_is_set_aside_and_the_rest_arrives() {
    let environment = small_plant();
    environment.write(
        "history/datastore/plant/__dt=2025-10-20 00:00:00/bad.json",
        "{\"ts\":1760900000,\"device_id\":\"pump-1\",\"flow\":2.5,\"open\":false}\n{\"ts\":17609\n{\"device_id\":\"pump-1\",\"flow\":3.5,\"open\":false}\n",
    );
    planned(&environment);
    let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(2).json();
    assert_eq!(written["totals"]["plant"]["read"], 63);
    assert_eq!(written["totals"]["plant"]["acknowledged"], 61);
    let shown = environment.run(&["quarantine", "show"]).ended(0);
    let codes: Vec<String> = shown
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["undecodable", "no_time"]);
    let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    assert_eq!(verified["tables"][0]["missing"], 0);
}

#[test]
fn an_empty_history_is_an_error_and_not_a_success() {
    let environment = small_plant();
    std::fs::create_dir(environment.path("nothing")).unwrap();
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    let refused = environment.run(&["plan", "--history", "nothing"]).ended(1);
    assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
}

#[test]
fn a_plan_leaves_the_target_untouched() {
    // gh-ost #1769: a dry run destroyed state.
    let environment = small_plant();
    planned(&environment);
    assert!(!environment.path("migration/embedded").try_exists().unwrap());
    assert!(!environment.path("migration/ledger.db").try_exists().unwrap());
}

#[test]
fn killed_at_every_failpoint_the_same_command_resumes() {
    let undisturbed = small_plant();
    planned(&undisturbed);
    undisturbed.run(&["backfill", "--target", "embedded"]).ended(0);
    let expected = stored_in(&undisturbed.path("migration/embedded"));
    assert_eq!(expected.len(), 60);
    for failpoint in iota2ts::failpoint::ALL {
        let environment = small_plant();
        planned(&environment);
        let killed =
            environment.command(&["backfill", "--target", "embedded"]).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
        environment.run(&["backfill", "--target", "embedded"]).ended(0);
        let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
        assert_eq!(verified["tables"][0]["present"], 60, "after a kill at {failpoint}");
        assert_eq!(stored_in(&environment.path("migration/embedded")), expected, "after a kill at {failpoint}");
    }
}

#[test]
fn too_many_bad_rows_stop_a_backfill_and_objects_can_be_tried_again() {
    let environment = small_plant();
    environment.write("history/datastore/plant/__dt=2025-10-12 00:00:00/bad.json", "{\n{\n{\n");
    planned(&environment);
    let stopped = environment.run(&["backfill", "--target", "embedded", "--max-rejects", "1"]).ended(1);
    assert!(stopped.stderr.contains("rows went to quarantine, more than 1 rows\n"), "{}", stopped.stderr);
    environment.run(&["backfill", "--target", "embedded"]).ended(2);
    let listed = environment.run(&["--output", "json", "units", "list", "--only", "quarantined"]).ended(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    environment.run(&["units", "retry"]).ended(1);
    environment.run(&["units", "retry", "--object", "nothing"]).ended(1);
    let again = environment.run(&["units", "retry", "--only", "quarantined"]).ended(0);
    assert!(again.stdout.starts_with("1 object to be read"), "{}", again.stdout);
    let pending = environment.run(&["--output", "json", "units", "list", "--only", "pending"]).ended(0).json();
    assert_eq!(pending.as_array().unwrap().len(), 1, "{pending}");
    environment.run(&["backfill", "--target", "embedded"]).ended(2);
    let verified = environment.run(&["verify", "--target", "embedded"]).ended(2);
    assert!(verified.stdout.contains("every row is accounted for"), "{}", verified.stdout);
}
