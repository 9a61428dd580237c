//! The evidence of a whole migration: it holds, an edit shows, and nothing is torn down without it.

use std::process::Command;

use crate::environment::Environment;

fn migrated(rows: &str) -> Environment {
    let environment = Environment::new();
    environment.write("definitions/channel.json", r#"{"channelName":"readings"}"#);
    environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
    environment.write(
        "definitions/pipeline.json",
        r#"{"pipelineName":"clean","pipelineActivities":[{"channel":{"name":"in","channelName":"readings","next":"out"}},
            {"datastore":{"name":"out","datastoreName":"plant"}}]}"#,
    );
    environment.write("history/datastore/plant/__dt=2025-10-09 00:00:00/1.json", rows);
    environment.run(&["capture", "--from", "definitions"]).ended(0);
    environment.run(&["plan", "--history", "history"]).ended(0);
    environment
}

const ROWS: &str = "{\"ts\":1760000000000,\"device\":\"a\",\"temp\":1.5}\n{\"ts\":1760000001000,\"device\":\"b\",\"temp\":2.5}\n";

#[test]
fn evidence_of_a_clean_migration_holds_and_allows_the_teardown() {
    let environment = migrated(ROWS);
    let before = environment.run(&["teardown"]).ended(1);
    assert!(before.stderr.contains("evidence.json") && before.stderr.contains("hint: `iota2ts verify` writes it"), "{}", before.stderr);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let verified = environment.run(&["verify", "--target", "embedded"]).ended(0);
    let checked = environment.run(&["evidence", "check"]).ended(0);
    assert!(!checked.stdout.contains("BROKEN"), "{}", checked.stdout);
    let json = environment.run(&["--output", "json", "evidence", "check"]).ended(0).json();
    assert!(verified.stderr.contains(json["seal"].as_str().unwrap()), "verify tells the seal");
    let evidence: serde_json::Value = serde_json::from_slice(&std::fs::read(environment.path("migration/evidence.json")).unwrap()).unwrap();
    let kinds: Vec<&str> = evidence["links"].as_array().unwrap().iter().map(|link| link["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["inventory", "plan", "backfill", "verification"]);
    let table = &evidence["links"][3]["body"]["tables"][0];
    assert_eq!(table["source_digest"], table["target_digest"]);

    let script = environment.run(&["teardown"]).ended(0).stdout;
    let commands: Vec<&str> = script.lines().filter(|line| line.starts_with("aws ")).collect();
    assert_eq!(
        commands,
        [
            "aws iotanalytics delete-pipeline --pipeline-name clean",
            "aws iotanalytics delete-datastore --datastore-name plant",
            "aws iotanalytics delete-channel --channel-name readings",
        ]
    );
    let path = environment.write("teardown.sh", &script);
    assert!(Command::new("sh").arg("-n").arg(path).status().unwrap().success());
}

#[test]
fn an_edit_of_the_evidence_or_of_what_it_speaks_of_shows() {
    let environment = migrated(ROWS);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    environment.run(&["verify", "--target", "embedded"]).ended(0);
    let path = environment.path("migration/evidence.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let edited = text.replacen("\"missing\": 0", "\"missing\": 1", 1);
    assert_ne!(edited, text);
    std::fs::write(&path, edited).unwrap();
    let checked = environment.run(&["evidence", "check"]).ended(2).stdout;
    assert!(checked.contains("BROKEN   no link was edited, and none is missing in between: link 4 was edited"), "{checked}");
    environment.run(&["teardown"]).ended(1);
    std::fs::write(&path, text).unwrap();
    environment.run(&["teardown"]).ended(0);
    let settings = std::fs::read_to_string(environment.path("migration/migration.toml")).unwrap();
    environment.write("migration/migration.toml", settings.replace("record_version = 1", "record_version = 2"));
    let checked = environment.run(&["evidence", "check"]).ended(2).stdout;
    assert!(checked.contains("BROKEN   migration.toml is the one that the evidence speaks of"), "{checked}");
}

#[test]
fn rows_that_are_missing_at_the_target_allow_no_teardown() {
    let environment = migrated(ROWS);
    // Nothing was backfilled: every row is missing.
    environment.run(&["verify", "--target", "embedded"]).ended(2);
    let checked = environment.run(&["evidence", "check"]).ended(2).stdout;
    assert!(checked.contains("it holds, and says that rows are not accounted for"), "{checked}");
    environment.run(&["teardown"]).ended(1);
}
