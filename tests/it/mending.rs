//! What a person does about objects and rows that did not go through: left out with a reason, or taken up again after a fix.

use crate::environment::Environment;
use crate::migration::{gzip, planned, small_plant};

const BACKFILL: &[&str] = &["--output", "json", "backfill", "--target", "embedded"];
const VERIFY: &[&str] = &["--output", "json", "verify", "--target", "embedded"];
const SKIPPED: &str = "datastore/plant/__dt=2025-10-11 00:00:00/2.json.gz";
const REASON: &str = "commissioning tests";

fn skip(environment: &Environment) -> serde_json::Value {
    environment.run(&["--output", "json", "units", "skip", SKIPPED, "--reason", REASON]).ended(0).json()
}

fn evidence(environment: &Environment, kind: &str) -> serde_json::Value {
    let evidence: serde_json::Value = serde_json::from_slice(&std::fs::read(environment.path("migration/evidence.json")).unwrap()).unwrap();
    let links = evidence["links"].as_array().unwrap().clone();
    links.into_iter().find(|link| link["kind"] == kind).unwrap()["body"].clone()
}

#[test]
fn a_skipped_object_is_counted_row_by_row_and_told_everywhere_until_it_is_taken_back() {
    let environment = small_plant();
    planned(&environment);
    let nameless = environment.run(&["units", "skip", "1", "--reason", " "]).ended(1);
    assert!(nameless.stderr.contains("hint: write why"), "{}", nameless.stderr);
    environment.run(&["units", "skip", "7", "--reason", REASON]).ended(1);
    assert_eq!(skip(&environment)["skipped"], 20);
    assert_eq!(skip(&environment)["skipped"], 20, "said twice, it is done once");

    let written = environment.run(BACKFILL).ended(2).json();
    let rows = &written["totals"]["plant"];
    assert_eq!((&rows["read"], &rows["acknowledged"], &rows["skipped"]), (&60.into(), &40.into(), &20.into()), "{written}");
    assert_eq!(written["skipped"][SKIPPED], REASON);
    let status = environment.run(&["status"]).ended(0).stdout;
    assert!(status.contains(&format!("skipped: {SKIPPED}: {REASON}")), "{status}");
    let listed = environment.run(&["--output", "json", "units", "list", "--only", "skipped"]).ended(0).json();
    assert_eq!((&listed[0]["object"], &listed[0]["reason"]), (&SKIPPED.into(), &REASON.into()), "{listed}");

    let verified = environment.run(VERIFY).ended(2).json();
    let table = &verified["tables"][0];
    assert_eq!((&table["present"], &table["skipped"], &table["missing"]), (&40.into(), &20.into(), &0.into()), "{table}");
    assert_eq!(table["causes"]["skipped"]["skipped: commissioning tests"], 20, "{table}");
    assert_eq!(table["ledger_disagrees"], serde_json::json!([]));
    assert_eq!(verified["verdict"], "complete_with_quarantine");
    let told = environment.run(&["verify", "--target", "embedded"]).ended(2).stdout;
    assert!(told.contains("20 left out by a person") && told.contains("~ skipped: 20 (skipped: commissioning tests)"), "{told}");
    let differences = std::fs::read_to_string(environment.path("migration/report/differences.jsonl")).unwrap();
    assert_eq!(differences.lines().filter(|line| line.starts_with("{\"symbol\":\"~\"")).count(), 20);
    let of_backfill = evidence(&environment, "backfill");
    assert_eq!(of_backfill["skipped_objects"], serde_json::json!([{"object": SKIPPED, "reason": REASON}]));
    assert_eq!(of_backfill["tables"][0]["skipped"], 20);
    environment.run(&["evidence", "check"]).ended(0);

    let done = environment.run(&["units", "skip", "0", "--reason", REASON]).ended(1);
    assert!(done.stderr.contains("is done already"), "{}", done.stderr);
    environment.run(&["units", "retry", "--only", "skipped"]).ended(0);
    environment.run(BACKFILL).ended(0);
    assert_eq!(environment.run(VERIFY).ended(0).json()["tables"][0]["present"], 60);
}

#[test]
fn killed_while_an_object_is_left_out_it_is_pending_or_skipped_and_the_same_command_ends_it() {
    for failpoint in iota2ts::failpoint::SKIP {
        let environment = small_plant();
        environment.write(
            "history/datastore/plant/__dt=2025-10-11 00:00:00/2.json.gz",
            gzip("{\n{\"ts\":1760090000,\"device_id\":\"pump-1\",\"flow\":2.5,\"open\":true}\n"),
        );
        planned(&environment);
        let args = ["units", "skip", SKIPPED, "--reason", REASON];
        let killed = environment.command(&args).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
        assert_eq!(skip(&environment)["skipped"], 1, "after a kill at {failpoint}");
        let written = environment.run(BACKFILL).ended(2).json();
        let rows = &written["totals"]["plant"];
        let counts = (&rows["read"], &rows["acknowledged"], &rows["skipped"], &rows["quarantined"]["undecodable"]);
        assert_eq!(counts, (&42.into(), &40.into(), &1.into(), &1.into()), "after a kill at {failpoint}: {written}");
        assert_eq!(environment.run(&["quarantine", "show"]).ended(0).stdout.lines().count(), 1);
        let table = environment.run(VERIFY).ended(2).json()["tables"][0].clone();
        assert_eq!((&table["missing"], &table["skipped"], &table["extra"]), (&0.into(), &1.into(), &0.into()), "{table}");
    }
}

/// 60 rows of which two have text for a number, mapped as a number, and written but for those two.
fn with_two_in_quarantine() -> Environment {
    let environment = small_plant();
    environment.write(
        "history/datastore/plant/__dt=2025-10-20 00:00:00/odd.json",
        "{\"ts\":1760900000,\"device_id\":\"pump-1\",\"flow\":2.5,\"open\":false}\n\
         {\"ts\":1760900060,\"device_id\":\"pump-1\",\"flow\":\"n/a\",\"open\":false}\n\
         {\"ts\":1760900120,\"device_id\":\"pump-2\",\"flow\":\"?\",\"open\":false}\n\
         {\"device_id\":\"pump-2\",\"flow\":4.5,\"open\":false}\n",
    );
    planned(&environment);
    change(&environment, "name = \"flow\", type = \"VARCHAR\"", "name = \"flow\", type = \"DOUBLE\"");
    environment.run(&["plan"]).ended(0);
    let written = environment.run(BACKFILL).ended(2).json();
    let rows = &written["totals"]["plant"];
    assert_eq!(
        (&rows["read"], &rows["acknowledged"], &rows["quarantined"]["wrong_type"]),
        (&64.into(), &61.into(), &2.into()),
        "{written}"
    );
    environment
}

fn change(environment: &Environment, from: &str, to: &str) {
    let file = environment.path("migration/migration.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

/// What the ledger and the target say after the fix.
fn assert_taken_up(environment: &Environment, when: &str) {
    let written = environment.run(BACKFILL).ended(2).json();
    let rows = &written["totals"]["plant"];
    assert_eq!((&rows["read"], &rows["acknowledged"]), (&64.into(), &63.into()), "{when}: {written}");
    assert_eq!(rows["quarantined"], serde_json::json!({"no_time": 1}), "{when}");
    let verified = environment.run(VERIFY).ended(2).json();
    let table = &verified["tables"][0];
    assert_eq!((&table["present"], &table["missing"], &table["extra"]), (&63.into(), &0.into(), &0.into()), "{when}: {table}");
    assert_eq!(table["ledger_disagrees"], serde_json::json!([]), "{when}");
    assert_eq!(evidence(environment, "backfill")["earlier_plans"].as_array().unwrap().len(), 1);
    environment.run(&["evidence", "check"]).ended(0);
    assert!(environment.path("migration/plan-1.json").try_exists().unwrap());
    assert!(!environment.path("migration/plan.next.json").try_exists().unwrap());
}

#[test]
fn rows_in_quarantine_are_taken_up_by_a_mended_mapping_and_counted_once() {
    let environment = with_two_in_quarantine();
    change(&environment, "wrong_type = \"quarantine\"", "wrong_type = \"omit\"");
    let stale = environment.run(BACKFILL).ended(1);
    assert!(stale.stderr.contains("`quarantine replay` does it"), "{}", stale.stderr);
    let replayed = environment.run(&["--output", "json", "quarantine", "replay"]).ended(0).json();
    assert_eq!((&replayed["rows"], &replayed["taken_up"]), (&3.into(), &2.into()), "{replayed}");
    assert_taken_up(&environment, "once");
    // Again, there is no other mapping: the row that is left is tried once more, and stays what it is.
    let again = environment.run(&["--output", "json", "quarantine", "replay"]).ended(0).json();
    assert_eq!((&again["rows"], &again["plan"]), (&1.into(), &serde_json::Value::Null), "{again}");
    assert_taken_up(&environment, "twice");
}

#[test]
fn killed_at_every_moment_of_a_replay_the_same_command_ends_it() {
    for failpoint in iota2ts::failpoint::REPLAY {
        let environment = with_two_in_quarantine();
        change(&environment, "wrong_type = \"quarantine\"", "wrong_type = \"omit\"");
        let killed = environment.command(&["quarantine", "replay"]).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
        environment.run(&["quarantine", "replay"]).ended(0);
        assert_taken_up(&environment, failpoint);
    }
    // And killed in the backfill behind it.
    let environment = with_two_in_quarantine();
    change(&environment, "wrong_type = \"quarantine\"", "wrong_type = \"omit\"");
    environment.run(&["quarantine", "replay"]).ended(0);
    for failpoint in iota2ts::failpoint::ALL.iter().take(4) {
        let killed = environment.command(BACKFILL).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
    }
    assert_taken_up(&environment, "after kills in the backfill");
}

#[test]
fn a_fix_that_would_change_what_may_be_at_the_target_is_refused_and_changes_nothing() {
    let environment = with_two_in_quarantine();
    let plan = std::fs::read(environment.path("migration/plan.json")).unwrap();
    for (from, to, why) in [
        ("name = \"device_id\"", "name = \"device\"", "rows that may be at the target already, the first: datastore/plant/"),
        ("record_version = 1", "record_version = 2", "and not only the mapping"),
    ] {
        change(&environment, from, to);
        let refused = environment.run(&["quarantine", "replay"]).ended(1);
        assert!(refused.stderr.contains(why) && refused.stderr.contains("hint:"), "{}", refused.stderr);
        change(&environment, to, from);
    }
    assert_eq!(std::fs::read(environment.path("migration/plan.json")).unwrap(), plan);
    let written = environment.run(BACKFILL).ended(2).json();
    assert_eq!((&written["requests"], &written["units_pending"]), (&0.into(), &0.into()), "{written}");
}
