//! The moments at which a test may have the program die: all of them are named, reached and tried.

use std::path::{Path, PathBuf};

use iota2ts::failpoint;

use crate::environment::Environment;
use crate::migration::{gzip, planned, small_plant};

/// Every Rust file below a folder of the package, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn every_failpoint_is_named_reached_and_tried() {
    let (src, tests) = (sources("src"), sources("tests/it"));
    let (own, others): (Vec<_>, Vec<_>) = src.into_iter().partition(|(path, _)| path.ends_with("src/failpoint.rs"));
    let constant = |line: &str| {
        let (name, value) = line.strip_prefix("pub const ")?.split_once(": &")?;
        Some((name.to_owned(), value.to_owned()))
    };
    let constants: Vec<(String, String)> = own[0].1.lines().filter_map(constant).collect();
    let lists = [
        ("ALL", failpoint::ALL),
        ("PROGRESS", failpoint::PROGRESS),
        ("EXPORT", failpoint::EXPORT),
        ("CONTENTS", failpoint::CONTENTS),
        ("REPLAY", failpoint::REPLAY),
        ("SKIP", failpoint::SKIP),
        ("VERIFY", failpoint::VERIFY),
    ];
    let mut moments = 0;
    for (name, value) in &constants {
        let Some(value) = value.strip_prefix("str = \"").and_then(|rest| rest.strip_suffix("\";")) else {
            assert!(lists.iter().any(|(list, _)| list == name), "the list {name} is not looked at here");
            assert!(
                tests.iter().any(|(_, text)| text.contains(&format!("failpoint::{name} {{"))
                    || text.contains(&format!("in iota2ts::failpoint::{name}"))
                    || text.contains(&format!("failpoint::{name}.iter()"))),
                "no test goes through {name}"
            );
            continue;
        };
        moments += 1;
        assert!(value.split_once(':').is_some_and(|(room, moment)| !room.is_empty() && !moment.is_empty()), "{value} is not `room:moment`");
        assert!(lists.iter().any(|(_, list)| list.contains(&value)), "{name} is in no list");
        let hit = format!("failpoint::{name}");
        assert!(
            others.iter().any(|(path, text)| text.contains(&hit) && !path.to_string_lossy().contains("tests")),
            "{name} is never reached"
        );
    }
    assert!(moments >= 15, "only {moments} constants were found");
}

#[test]
fn killed_at_every_moment_of_a_verification_it_claims_nothing_and_the_same_command_ends_it() {
    let environment = small_plant();
    planned(&environment);
    // What there is to see first: everything is missing.
    environment.run(&["verify", "--target", "embedded"]).ended(2);
    let before = std::fs::read(environment.path("migration/evidence.json")).unwrap();
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    for failpoint in failpoint::VERIFY {
        std::fs::write(environment.path("migration/evidence.json"), &before).unwrap();
        let mut command = environment.command(&["verify", "--target", "embedded"]);
        let killed = command.env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
        let evidence = std::fs::read(environment.path("migration/evidence.json")).unwrap();
        if *failpoint == failpoint::VERIFY_PROVED {
            environment.run(&["evidence", "check"]).ended(0);
        } else {
            assert!(evidence == before, "after a kill at {failpoint} there is another evidence");
            environment.run(&["teardown"]).ended(1);
        }
        let ended = environment.run(&["verify", "--target", "embedded"]).ended(0);
        let went_on = ended.stdout.contains("Went on with what an interrupted verification had begun");
        assert_eq!(went_on, *failpoint != failpoint::VERIFY_BEFORE_READING_KEPT, "{failpoint}: {}", ended.stdout);
        environment.run(&["evidence", "check"]).ended(0);
        assert!(!environment.path("migration/scratch").try_exists().unwrap(), "something is left behind");
    }
}

#[test]
fn an_interrupted_verification_begins_anew_when_told_to() {
    let environment = small_plant();
    planned(&environment);
    environment.run(&["backfill", "--target", "embedded"]).ended(0);
    let mut command = environment.command(&["verify", "--target", "embedded"]);
    let killed = command.env("IOTA2TS_FAILPOINT", format!("{}:1", failpoint::VERIFY_TABLE_KEPT)).output().unwrap();
    assert!(!killed.status.success());
    assert!(environment.path("migration/scratch/verification/journal.json").is_file());
    let ended = environment.run(&["verify", "--target", "embedded", "--fresh"]).ended(0);
    assert!(!ended.stdout.contains("Went on with"), "{}", ended.stdout);
}

#[test]
fn killed_inside_a_large_object_the_same_command_sends_the_rest() {
    for failpoint in failpoint::PROGRESS {
        let environment = Environment::new();
        environment.write("definitions/store.json", r#"{"datastoreName":"plant"}"#);
        let row = |at: i64| format!("{{\"ts\":{},\"device_id\":\"d{}\",\"flow\":{at}.25}}\n", 1_760_000_000 + at, at % 37);
        let text: String = (0..25_000).map(row).collect();
        environment.write("history/datastore/plant/__dt=2025-10-09 00:00:00/large.json.gz", gzip(&text));
        planned(&environment);
        let killed =
            environment.command(&["backfill", "--target", "embedded"]).env("IOTA2TS_FAILPOINT", format!("{failpoint}:1")).output().unwrap();
        assert!(!killed.status.success(), "{failpoint} was never reached");
        let status = environment.run(&["--output", "json", "status"]).ended(0).json();
        let settled = status["rows_settled"].as_u64().unwrap();
        assert_eq!(settled > 0, *failpoint == failpoint::PROGRESS_KEPT, "{failpoint}: {status}");
        let listed = environment.run(&["--output", "json", "units", "list"]).ended(0).json();
        assert_eq!(listed[0]["settled"], settled);
        let written = environment.run(&["--output", "json", "backfill", "--target", "embedded"]).ended(0).json();
        let requests = written["requests"].as_u64().unwrap();
        // Of 250, all or the last fifty.
        let expected = if *failpoint == failpoint::PROGRESS_KEPT { 20..=60 } else { 250..=250 };
        assert!(expected.contains(&requests), "{failpoint}: {requests} requests");
        let verified = environment.run(&["--output", "json", "verify", "--target", "embedded"]).ended(0).json();
        assert_eq!(verified["tables"][0]["present"], 25_000, "after a kill at {failpoint}");
        assert!(verified["tables"][0]["ledger_disagrees"].as_array().unwrap().is_empty());
    }
}
