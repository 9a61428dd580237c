//! Damage, full disks and closed directories: the previous state, or a refusal with something to do; never a wrong resumption.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::tests::{done, open, settled, tally};
use super::*;
use crate::time::Nanos;

/// A ledger in one file, with units of every kind: done, with rows in quarantine, skipped, pending.
fn sound(dir: &Path) -> (Vec<u8>, Vec<(Unit, UnitState)>) {
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, 120).unwrap();
    for id in (0..120).filter(|id| id % 3 == 0) {
        ledger.complete(&[done(id, tally(1 + u64::from(id), &[("only_hot", 2)], &[("undecodable", 1)]))]).unwrap();
    }
    let mut rows = tally(0, &[], &[("no_time", 3)]);
    (rows.read, rows.skipped) = (10, 7);
    ledger.complete(&[UnitDone { skipped: Some("commissioning".to_owned()), ..done(1, rows) }]).unwrap();
    ledger.keep_progress(&progress().into_iter().map(|(id, settled)| UnitProgress { id, settled }).collect::<Vec<_>>()).unwrap();
    let states = ledger.states().unwrap();
    drop(ledger);
    assert!(!path.with_extension("db-wal").try_exists().unwrap(), "the last one to close it empties the log");
    (std::fs::read(&path).unwrap(), states)
}

/// How far some pending units are.
fn progress() -> BTreeMap<u32, SettledRows> {
    (0..120).filter(|id| id % 3 == 2).map(|id| (id, settled(u64::from(id), 20_000 + u64::from(id)))).collect()
}

/// Opens a copy of `bytes`, for writing and for reading, and sees that it is as it was or is refused.
fn try_out(bytes: &[u8], states: &[(Unit, UnitState)], what: &str) -> bool {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("ledger.db");
    std::fs::write(&path, bytes).unwrap();
    let viewed = LedgerView::open(&path).and_then(|view| view.states());
    let opened = open(&path, 120).and_then(|ledger| ledger.states());
    for read in [viewed, opened] {
        match read {
            // A view knows no plan to hold the list of units against; those that it tells of are as they were.
            Ok(found) => assert!(found.iter().all(|unit| states.contains(unit)), "{what}: another state than was written"),
            Err(error) => assert!(error.hint().is_some(), "{what}: {error}"),
        }
    }
    // Progress that is lost has rows sent again; any other than was written would have them left out.
    if let Ok(found) = open(&path, 120).and_then(|ledger| ledger.progress()) {
        let written = progress();
        assert!(found.iter().all(|(id, rows)| written.get(id) == Some(rows)), "{what}: other progress than was written");
    }
    let again = open(&path, 120).and_then(|ledger| ledger.states());
    assert!(again.as_ref().map_or(true, |found| found == states), "{what}: a writer goes on from another state");
    again.is_err()
}

#[test]
fn every_page_lost_zeroed_or_torn_is_refused_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, states) = sound(dir.path());
    assert!(!try_out(&whole, &states, "untouched"));
    assert!(whole.len() >= 5 * 4096, "{} bytes", whole.len());
    for page in 0..whole.len() / 4096 {
        let at = page * 4096;
        assert!(try_out(&whole[..at], &states, &format!("cut before page {page}")));
        let mut zeroed = whole.clone();
        zeroed[at..at + 4096].fill(0);
        try_out(&zeroed, &states, &format!("page {page} zeroed"));
        let mut torn = whole.clone();
        torn[at + 2048..at + 4096].fill(0xff);
        try_out(&torn, &states, &format!("page {page} torn"));
        // The same page twice, as when a write went astray.
        let mut astray = whole.clone();
        let next = (at + 4096) % whole.len();
        astray.copy_within(at..at + 4096, next);
        try_out(&astray, &states, &format!("page {page} over the next"));
    }
}

#[test]
fn random_bytes_anywhere_are_refused_or_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, states) = sound(dir.path());
    let mut state: u64 = 0x5eed;
    let mut refused = 0;
    for round in 0..400 {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % 1_000_003).unwrap()
        };
        let mut spoilt = whole.clone();
        for _ in 0..=next() % 3 {
            let at = (next() * 1009 + next()) % whole.len();
            spoilt[at] = spoilt[at].wrapping_add(u8::try_from(1 + next() % 255).unwrap());
        }
        refused += u32::from(try_out(&spoilt, &states, &format!("round {round}")));
    }
    assert!(refused > 50, "only {refused} of 400 did anything");
}

#[test]
fn a_value_that_sqlite_would_take_is_refused_all_the_same() {
    for sql in [
        "UPDATE units SET done = 1, finished_at = 9 WHERE id = 2",
        "UPDATE units SET done = 0 WHERE id = 3",
        "UPDATE units SET etag = 'etag-3' WHERE id = 2",
        "UPDATE units SET skipped = 'commissioning!' WHERE id = 1",
        "UPDATE units SET skipped = NULL WHERE id = 1",
        "UPDATE unit_tallies SET acknowledged = acknowledged + 1, rows_read = rows_read + 1 WHERE unit = 3",
        "UPDATE unit_counts SET code = 'undecodables' WHERE unit = 3 AND kind = 'quarantined'",
        "DELETE FROM unit_counts WHERE unit = 3",
        "INSERT INTO unit_tallies VALUES (2, 'table0', 1, 1, 0)",
        "UPDATE units SET bytes = -1 WHERE id = 3",
        "UPDATE units SET bytes = 'many' WHERE id = 3",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        sound(dir.path());
        assert!(Connection::open(&path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
        let refused = open(&path, 120).and_then(|ledger| ledger.states()).unwrap_err();
        assert!(matches!(refused, LedgerError::Corrupt { .. } | LedgerError::UnitsDiffer { .. }), "{sql}: {refused}");
        let refused = LedgerView::open(&path).and_then(|view| view.states()).unwrap_err();
        assert!(matches!(refused, LedgerError::Corrupt { .. }), "{sql}: {refused}");
    }
}

#[test]
fn progress_that_was_altered_is_refused() {
    for sql in [
        "UPDATE unit_progress SET to_row = to_row + 1 WHERE unit = 2",
        "UPDATE unit_progress SET from_row = 1 WHERE unit = 5",
        "UPDATE unit_progress SET digest = digest + 1 WHERE unit = 2",
        "UPDATE unit_progress SET unit = 4 WHERE unit = 2",
        "INSERT INTO unit_progress SELECT 0, from_row, to_row, digest, seal FROM unit_progress WHERE unit = 2",
        "INSERT INTO unit_progress SELECT unit, from_row + 1, to_row, digest, seal FROM unit_progress WHERE unit = 2",
        "UPDATE unit_progress SET to_row = 'many' WHERE unit = 2",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        sound(dir.path());
        assert_eq!(open(&path, 120).unwrap().progress().unwrap(), progress());
        assert!(Connection::open(&path).unwrap().execute(sql, []).unwrap() > 0, "{sql}");
        let refused = open(&path, 120).and_then(|ledger| ledger.progress()).unwrap_err();
        assert!(matches!(refused, LedgerError::Corrupt { .. }), "{sql}: {refused}");
    }
}

#[test]
fn a_database_that_may_not_grow_keeps_its_state_and_goes_on_when_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 40).unwrap();
    let pages: i64 = ledger.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let _: i64 = ledger.connection().query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0)).unwrap();
    let many: String = "long".repeat(4000);
    let large = |id| done(id, tally(1, &[(&many, 1)], &[]));
    let mut kept = Vec::new();
    let refused = loop {
        let before = ledger.states().unwrap();
        let id = u32::try_from(kept.len()).unwrap();
        match ledger.complete(&[large(id)]) {
            Ok(()) => kept.push(id),
            Err(error) => {
                assert_eq!(ledger.states().unwrap(), before);
                break error;
            }
        }
    };
    assert!(refused.hint().unwrap().contains("room"), "{refused}");
    drop(ledger);
    let mut ledger = open(&path, 40).unwrap();
    let next = u32::try_from(kept.len()).unwrap();
    ledger.complete(&[large(next)]).unwrap();
    assert!(matches!(ledger.states().unwrap()[usize::try_from(next).unwrap()].1, UnitState::Done { .. }));
}

#[test]
fn a_directory_that_may_not_be_written_is_refused_and_left_alone() {
    // Nobody may write here, not even root, and it is there on every Linux.
    let closed = Path::new("/proc/self");
    let refused = open(&closed.join("ledger.db"), 2).unwrap_err();
    assert!(matches!(refused, LedgerError::Io { .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("may be written"), "{refused}");
    let missing = tempfile::tempdir().unwrap();
    let refused = open(&missing.path().join("nothing/ledger.db"), 2).unwrap_err();
    assert!(matches!(refused, LedgerError::Io { .. }) && refused.hint().is_some(), "{refused}");
}

/// What layout 2 had in place of the present tables, with unit 0 done and unit 1 pending.
const LAYOUT_2: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE units (id INTEGER PRIMARY KEY, object_key TEXT NOT NULL, etag TEXT NOT NULL, target_table TEXT NOT NULL,
        bytes INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)), damage TEXT, finished_at INTEGER,
        CHECK (done = 0 OR finished_at IS NOT NULL));
    CREATE TABLE unit_tallies (unit INTEGER NOT NULL REFERENCES units (id), target_table TEXT NOT NULL, rows_read INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL, PRIMARY KEY (unit, target_table)) WITHOUT ROWID;
    CREATE TABLE unit_counts (unit INTEGER NOT NULL, target_table TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('filtered', 'quarantined')),
        code TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (unit, target_table, kind, code),
        FOREIGN KEY (unit, target_table) REFERENCES unit_tallies (unit, target_table)) WITHOUT ROWID;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, tool_version TEXT NOT NULL);
    INSERT INTO meta VALUES ('schema', '2'), ('plan_digest', 'plan'), ('tool_version', '0.1.0'), ('created_at', '5');
    INSERT INTO units VALUES (0, 'datastore/s/0.json', 'etag-0', 'table0', 10, 1, 'torn', 77),
        (1, 'datastore/s/1.json', 'etag-1', 'table1', 11, 0, NULL, NULL);
    INSERT INTO unit_tallies VALUES (0, 'table0', 9, 8);
    INSERT INTO unit_counts VALUES (0, 'table0', 'quarantined', 'undecodable', 1);
";

#[test]
fn a_ledger_of_layout_2_is_brought_up_to_date_and_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    Connection::open(&path).unwrap().execute_batch(LAYOUT_2).unwrap();
    assert!(matches!(LedgerView::open(&path), Err(LedgerError::OlderSchema { found: 2, .. })));
    let mut ledger = open(&path, 2).unwrap();
    let mut rows = tally(0, &[], &[]);
    (rows.read, rows.skipped) = (4, 4);
    ledger.complete(&[UnitDone { skipped: Some("tests".to_owned()), ..done(1, rows) }]).unwrap();
    let states = LedgerView::open(&path).unwrap().states().unwrap();
    assert!(matches!(&states[0].1, UnitState::Done { damage: Some(why), finished_at: Nanos(77), skipped: None, .. } if why == "torn"));
    assert!(matches!(&states[1].1, UnitState::Done { skipped: Some(why), .. } if why == "tests"));
    drop(ledger);
    let totals = open(&path, 2).unwrap().totals().unwrap();
    assert_eq!((totals["table0"].acknowledged, totals["table1"].skipped), (8, 4));
}
