//! A verification that did not end, and the one that goes on with it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::bench::Bench;
use super::routes;
use crate::census::fixture::{FakeHistory, FakeRow, good};
use crate::mapping::Collisions;
use crate::target::ReadFault;
use crate::time::HOUR_NANOS;
use crate::verify::{Resumed, Verdict, Verification, VerifyError};

const OBJECTS: [&str; 5] = ["s/a", "s/b", "s/c", "s/d", "s/e"];

/// Rows of every kind in every object: good, repeated in the next object, refused, undecodable and filtered.
fn history() -> FakeHistory {
    let rows = |at: i64| {
        let refused = [FakeRow::Refused("wrong_type"), FakeRow::Refused("no_time"), FakeRow::Bad, FakeRow::Filtered("drop_test")];
        [vec![good("d", at, 1.5), good("d", at + 1, 1.5)], refused.to_vec()].concat()
    };
    let objects: Vec<(&str, Vec<FakeRow>)> = OBJECTS.into_iter().zip(0..).map(|(key, at)| (key, rows(at))).collect();
    FakeHistory::of(&objects.iter().map(|(key, rows)| (*key, rows.as_slice())).collect::<Vec<_>>())
}

fn bench() -> Bench {
    let mut bench = Bench::faithful(history(), Collisions::Quarantine);
    // One row at a time: which object is read when is then known.
    bench.options.readers = 1;
    bench.keeps_every_object = true;
    bench
}

/// An attempt that finds the object `key` gone.
fn broken_off_at(key: &str, directory: &Path) {
    let mut bench = bench();
    bench.history.unreadable.push(key.to_owned());
    assert!(matches!(bench.attempt(directory), Err(VerifyError::Source(_))));
}

/// What the attempt that follows reads.
fn reads(bench: &Bench) -> Arc<Mutex<Vec<String>>> {
    bench.history.read.lock().unwrap().clear();
    Arc::clone(&bench.history.read)
}

/// The result but for what an interruption may change of it.
fn findings(verification: Verification) -> Verification {
    Verification { resumed: None, ..verification }
}

#[test]
fn what_was_read_is_not_read_again_and_the_result_is_the_same() {
    let undisturbed = bench().attempt(tempfile::tempdir().unwrap().path()).unwrap();
    assert_eq!(undisturbed.resumed, None);
    let directory = tempfile::tempdir().unwrap();
    broken_off_at("s/b", directory.path());
    broken_off_at("s/d", directory.path());
    let bench = bench();
    let read = reads(&bench);
    let verification = bench.attempt(directory.path()).unwrap();
    assert_eq!(*read.lock().unwrap(), ["s/d", "s/e"]);
    assert_eq!(verification.resumed, Some(Resumed { objects_read: 3, tables_compared: Vec::new() }));
    assert_eq!(findings(verification), undisturbed);
    assert!(!directory.path().join("scratch/verification").try_exists().unwrap(), "nothing is left to go on with");
}

/// A verification of three mappings that compares two and is refused at the third.
fn two_of_three(directory: &Path) {
    let mut bench = routes::bench();
    bench.target.elsewhere = vec![routes::row("sensor", 1, 9.0)];
    bench.target.row_faults.lock().unwrap().push_back(ReadFault::Denied { message: "no".to_owned() });
    assert!(matches!(bench.attempt(directory), Err(VerifyError::Target { .. })));
}

#[test]
fn tables_that_were_compared_stand_for_a_day() {
    for (hours, compared_again) in [(23, false), (24, true), (-1, true)] {
        let directory = tempfile::tempdir().unwrap();
        two_of_three(directory.path());
        // Were they asked again, these tables would be seen to be empty now.
        let mut bench = routes::bench();
        bench.target.rows.clear();
        bench.now += hours * HOUR_NANOS;
        let verification = bench.attempt(directory.path()).unwrap();
        let resumed = verification.resumed.unwrap();
        assert_eq!(resumed.objects_read, 2, "what was read of the source stands");
        assert_eq!(resumed.tables_compared.is_empty(), compared_again);
        assert_eq!(verification.verdict == Verdict::Differences, compared_again, "{hours}");
    }
}

#[test]
fn what_another_ledger_said_is_asked_again_and_the_source_is_not_read_again_for_it() {
    let directory = tempfile::tempdir().unwrap();
    two_of_three(directory.path());
    let bench = routes::bench();
    let states = bench.honest_states();
    let bench = bench.with_ledger(&states);
    let read = reads(&bench);
    let verification = bench.attempt(directory.path()).unwrap();
    assert_eq!(verification.resumed, Some(Resumed { objects_read: 2, tables_compared: Vec::new() }));
    assert!(read.lock().unwrap().is_empty());
    assert!(verification.tables.iter().all(|table| table.ledger_disagrees.is_empty()));
}

#[test]
fn another_plan_takes_nothing_over() {
    let directory = tempfile::tempdir().unwrap();
    broken_off_at("s/d", directory.path());
    let mut bench = bench();
    bench.tables[0].policies.collisions = Collisions::KeepFirst;
    let read = reads(&bench);
    assert_eq!(bench.attempt(directory.path()).unwrap().resumed, None);
    assert_eq!(*read.lock().unwrap(), OBJECTS);
}

#[test]
fn pending_rows_are_looked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = bench();
    bench.now = super::bench::FINISHED_AT;
    bench.target.rows.pop();
    let states = bench.honest_states();
    // The list of differences cannot be put in its place: the verification fails after the comparison.
    fs::create_dir_all(directory.path().join("report/differences.jsonl")).unwrap();
    assert!(bench.with_ledger(&states).attempt(directory.path()).is_err());
    fs::remove_dir(directory.path().join("report/differences.jsonl")).unwrap();
    let mut bench = self::bench();
    bench.now = super::bench::FINISHED_AT;
    let states = bench.honest_states();
    let verification = bench.with_ledger(&states).attempt(directory.path()).unwrap();
    assert_eq!(verification.resumed, Some(Resumed { objects_read: 5, tables_compared: Vec::new() }));
    assert_eq!(verification.tables[0].pending, 0);
}

/// Whatever became of the files that were left: the same result, or an error that says what to do.
#[test]
fn damaged_leavings_never_lead_to_another_result() {
    let undisturbed = bench().attempt(tempfile::tempdir().unwrap().path()).unwrap();
    let left = tempfile::tempdir().unwrap();
    broken_off_at("s/d", left.path());
    let files = |directory: &Path| -> Vec<std::path::PathBuf> {
        fs::read_dir(directory.join("scratch/verification")).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let (mut refused, mut resumed, mut anew) = (0, 0, 0);
    for file in files(left.path()) {
        let bytes = fs::read(&file).unwrap();
        let damages = [0, bytes.len() / 2, bytes.len().saturating_sub(1)].map(|at| [Some(at), None].map(|cut| (at, cut)));
        for (at, cut) in damages.into_iter().flatten() {
            let directory = tempfile::tempdir().unwrap();
            let there = directory.path().join("scratch/verification");
            fs::create_dir_all(&there).unwrap();
            for file in files(left.path()) {
                fs::copy(&file, there.join(file.file_name().unwrap())).unwrap();
            }
            let mut bytes = bytes.clone();
            match (cut, bytes.get_mut(at)) {
                (Some(length), _) => bytes.truncate(length),
                (None, Some(byte)) => *byte ^= 0x10,
                (None, None) => {}
            }
            fs::write(there.join(file.file_name().unwrap()), bytes).unwrap();
            match bench().attempt(directory.path()) {
                Ok(verification) => {
                    if verification.resumed.is_some() {
                        resumed += 1;
                    } else {
                        anew += 1;
                    }
                    assert_eq!(findings(verification), undisturbed, "{} at {at}, {cut:?}", file.display());
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.hint().unwrap().contains("--fresh"), "{error}");
                }
            }
        }
    }
    assert!(refused > 0 && anew > 0, "{refused} refused, {resumed} gone on with, {anew} begun anew");
}

#[test]
fn two_verifications_do_not_share_a_workplace() {
    use crate::verify::Workplace;

    let directory = tempfile::tempdir().unwrap();
    let (path, lock) = (directory.path().join("w"), directory.path().join("lock"));
    let first = Workplace::open(&path, &lock, false, Arc::default()).unwrap();
    let error = Workplace::open(&path, &lock, true, Arc::default()).unwrap_err();
    assert!(error.to_string().contains("another process is at work"), "{error}");
    drop(first);
    Workplace::open(&path, &lock, true, Arc::default()).unwrap();
}
