//! The ledger against a model of itself, against damage, and against everybody else.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::time::{ManualClock, Nanos};

pub(super) fn identity(plan: &str) -> Identity {
    Identity { plan_digest: plan.to_owned(), tool_version: "0.1.0".to_owned() }
}

pub(super) fn units(count: u32) -> Vec<Unit> {
    (0..count)
        .map(|id| Unit {
            id,
            key: format!("datastore/s/{id}.json"),
            etag: format!("etag-{id}"),
            table: format!("table{}", id % 2),
            bytes: 10 + u64::from(id),
        })
        .collect()
}

pub(super) fn tally(acknowledged: u64, filtered: &[(&str, u64)], quarantined: &[(&str, u64)]) -> Tally {
    let map = |side: &[(&str, u64)]| side.iter().map(|(code, rows)| ((*code).to_owned(), *rows)).collect::<BTreeMap<_, _>>();
    let mut tally = Tally { read: 0, acknowledged, filtered: map(filtered), quarantined: map(quarantined), skipped: 0 };
    tally.read = acknowledged + tally.filtered_total() + tally.quarantined_total();
    tally
}

/// All rows of unit `id` at its own table.
fn tallies(id: u32, tally: Tally) -> Tallies {
    Tallies::from([(format!("table{}", id % 2), tally)])
}

pub(super) fn done(id: u32, tally: Tally) -> UnitDone {
    UnitDone { id, tallies: tallies(id, tally), damage: None, finished_at: Nanos(9), skipped: None }
}

pub(super) fn open(path: &Path, count: u32) -> Result<Ledger, LedgerError> {
    Ledger::open(path, &identity("plan"), units(count).into_iter(), &ManualClock::at(Nanos(5)))
}

#[test]
fn a_ledger_reads_back_what_was_completed_and_view_sees_it_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 3).unwrap();
    let run = ledger.begin_run(Nanos(1)).unwrap();
    let mixed = tally(2, &[("drop_cold", 1)], &[("undecodable", 4), ("key_collision", 1)]);
    ledger.complete(&[done(0, mixed.clone()), UnitDone { damage: Some("torn".into()), ..done(2, tally(7, &[], &[])) }]).unwrap();

    let view = LedgerView::open(&path).unwrap();
    let states = view.states().unwrap();
    assert_eq!(states[0].1, UnitState::Done { tallies: tallies(0, mixed.clone()), damage: None, finished_at: Nanos(9), skipped: None });
    assert_eq!(states[1].1, UnitState::Pending);
    assert!(matches!(&states[2].1, UnitState::Done { damage: Some(why), .. } if why == "torn"));
    let mut both = mixed;
    both.add(&tally(7, &[], &[]));
    assert_eq!(view.totals().unwrap(), BTreeMap::from([("table0".to_owned(), both), ("table1".to_owned(), Tally::default())]));
    assert_eq!(view.identity().unwrap().plan_digest, "plan");
    assert_eq!(view.runs().unwrap()[0].ended_at, None);

    ledger.end_run(run, RunOutcome::Interrupted, Nanos(2)).unwrap();
    assert_eq!(view.runs().unwrap()[0].outcome.as_deref(), Some("interrupted"));
}

#[test]
fn an_operation_that_is_refused_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir.path().join("ledger.db"), 2).unwrap();
    ledger.complete(&[done(0, tally(1, &[], &[]))]).unwrap();
    let before = ledger.states().unwrap();

    let mut unbalanced = tally(3, &[], &[("undecodable", 1)]);
    unbalanced.read += 1;
    let refused = ledger.complete(&[done(1, tally(1, &[], &[])), done(1, unbalanced)]);
    assert!(matches!(refused, Err(LedgerError::Unbalanced { unit: 1, read: 5, acknowledged: 3, quarantined: 1, .. })));
    assert!(matches!(
        ledger.complete(&[done(1, tally(1, &[], &[])), done(9, tally(1, &[], &[]))]),
        Err(LedgerError::UnknownUnit { unit: 9 })
    ));
    assert!(matches!(
        ledger.complete(&[done(1, tally(1, &[], &[])), done(0, tally(2, &[], &[]))]),
        Err(LedgerError::AlreadyDone { unit: 0 })
    ));
    let too_large = ledger.complete(&[done(1, tally(u64::MAX, &[], &[]))]);
    assert!(matches!(too_large, Err(LedgerError::TooLarge { .. })));
    assert_eq!(ledger.states().unwrap(), before);

    // The same result again is no news: a reply that was lost may be repeated.
    ledger.complete(&[UnitDone { finished_at: Nanos(77), ..done(0, tally(1, &[], &[])) }]).unwrap();
    assert_eq!(ledger.states().unwrap(), before);
}

#[test]
fn the_rows_of_a_unit_are_kept_by_table_and_each_table_must_balance() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 2).unwrap();
    let (home, other) = (tally(2, &[], &[("no_route", 1)]), tally(5, &[], &[("no_route", 2), ("wrong_type", 1)]));
    let routed = |home: &Tally, other: &Tally| UnitDone {
        tallies: Tallies::from([("table0".to_owned(), home.clone()), ("valves".to_owned(), other.clone())]),
        ..done(0, Tally::default())
    };
    // One row too many at one table and one too few at the other is no balance.
    let (mut more, mut fewer) = (home.clone(), other.clone());
    (more.read, fewer.read) = (more.read + 1, fewer.read - 1);
    assert!(matches!(ledger.complete(&[routed(&more, &fewer)]), Err(LedgerError::Unbalanced { unit: 0, .. })));
    ledger.complete(&[routed(&home, &other)]).unwrap();
    ledger.complete(&[routed(&home, &other)]).unwrap();
    assert!(matches!(ledger.complete(&[routed(&other, &home)]), Err(LedgerError::AlreadyDone { unit: 0 })));
    let UnitState::Done { tallies, .. } = ledger.states().unwrap().remove(0).1 else { panic!("unit 0 is done") };
    assert_eq!(tallies, routed(&home, &other).tallies);
    let table1 = ("table1".to_owned(), Tally::default());
    assert_eq!(ledger.totals().unwrap(), Tallies::from([("table0".to_owned(), home), table1, ("valves".to_owned(), other)]));
}

/// The tables of layout 1, with unit 0 done and unit 1 pending.
const LAYOUT_1: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE units (id INTEGER PRIMARY KEY, object_key TEXT NOT NULL, etag TEXT NOT NULL, target_table TEXT NOT NULL,
        bytes INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)), rows_read INTEGER, acknowledged INTEGER,
        damage TEXT, finished_at INTEGER,
        CHECK (done = 0 OR (rows_read IS NOT NULL AND acknowledged IS NOT NULL AND finished_at IS NOT NULL)));
    CREATE TABLE unit_counts (unit INTEGER NOT NULL REFERENCES units (id), kind TEXT NOT NULL CHECK (kind IN ('filtered', 'quarantined')),
        code TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (unit, kind, code)) WITHOUT ROWID;
    CREATE TABLE runs (id INTEGER PRIMARY KEY, started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, tool_version TEXT NOT NULL);
    INSERT INTO meta VALUES ('schema', '1'), ('plan_digest', 'plan'), ('tool_version', '0.1.0'), ('created_at', '5');
    INSERT INTO units VALUES (0, 'datastore/s/0.json', 'etag-0', 'table0', 10, 1, 9, 6, 'torn', 77),
        (1, 'datastore/s/1.json', 'etag-1', 'table1', 11, 0, NULL, NULL, NULL, NULL);
    INSERT INTO unit_counts VALUES (0, 'filtered', 'only_hot', 2), (0, 'quarantined', 'undecodable', 1);
    INSERT INTO runs VALUES (1, 3, 4, 'finished', '0.1.0');
";

#[test]
fn a_ledger_of_layout_1_is_brought_up_to_date_by_its_writer_and_refused_to_readers_until_then() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(LAYOUT_1).unwrap();
    let refused = LedgerView::open(&path).unwrap_err();
    assert!(matches!(refused, LedgerError::OlderSchema { found: 1, known: 4, .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("backfill"));
    assert!(matches!(
        Ledger::open(&path, &identity("other"), units(2).into_iter(), &ManualClock::at(Nanos(5))),
        Err(LedgerError::ForeignPlan { .. })
    ));

    let mut ledger = open(&path, 2).unwrap();
    let kept = tallies(0, tally(6, &[("only_hot", 2)], &[("undecodable", 1)]));
    let states = LedgerView::open(&path).unwrap().states().unwrap();
    assert_eq!(states[0].1, UnitState::Done { tallies: kept, damage: Some("torn".to_owned()), finished_at: Nanos(77), skipped: None });
    assert_eq!(states[1].1, UnitState::Pending);
    ledger.complete(&[done(1, tally(3, &[], &[]))]).unwrap();
    drop(ledger);
    let ledger = open(&path, 2).unwrap();
    assert_eq!(Tally::sum(ledger.totals().unwrap().values()).read, 12);
    assert_eq!(ledger.runs().unwrap().len(), 1);
}

/// Rows `from..to`, with any digest.
pub(super) fn settled(from: u64, to: u64) -> SettledRows {
    let mut settled = SettledRows::default();
    settled.insert(Interval { from, to, digest: from.wrapping_mul(0x9e37_79b9_7f4a_7c15) }).unwrap();
    settled
}

#[test]
fn layout_3_is_brought_up_to_date_and_keeps_progress_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 2).unwrap();
    ledger.complete(&[done(0, tally(3, &[], &[]))]).unwrap();
    drop(ledger);
    let older = "DROP TABLE unit_progress; UPDATE meta SET value = '3' WHERE name = 'schema';";
    rusqlite::Connection::open(&path).unwrap().execute_batch(older).unwrap();
    assert!(matches!(LedgerView::open(&path), Err(LedgerError::OlderSchema { found: 3, .. })));
    let mut ledger = open(&path, 2).unwrap();
    assert!(matches!(ledger.states().unwrap()[0].1, UnitState::Done { .. }));
    ledger.keep_progress(&[UnitProgress { id: 1, settled: settled(1, 9) }]).unwrap();
    drop(ledger);
    assert_eq!(LedgerView::open(&path).unwrap().progress().unwrap(), [(1, settled(1, 9))].into());
}

#[test]
fn a_second_writer_is_refused_for_as_long_as_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = open(&path, 1).unwrap();
    // Moved, as a backfill moves it to the thread that commits: the lock moves along.
    let moved = std::thread::spawn(move || ledger).join().unwrap();
    let refused = open(&path, 1).unwrap_err();
    assert!(matches!(&refused, LedgerError::Busy { dir: busy } if busy == dir.path()), "{refused}");
    assert!(refused.hint().is_some());
    drop(moved);
    open(&path, 1).unwrap();
}

#[test]
fn foreign_plans_other_units_and_newer_layouts_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    drop(open(&path, 2).unwrap());
    assert!(matches!(
        Ledger::open(&path, &identity("other"), units(2).into_iter(), &ManualClock::at(Nanos(5))),
        Err(LedgerError::ForeignPlan { .. })
    ));
    assert!(matches!(open(&path, 3), Err(LedgerError::UnitsDiffer { .. })));
    let mut changed = units(2);
    changed[1].etag = "other".into();
    let refused = Ledger::open(&path, &identity("plan"), changed.into_iter(), &ManualClock::at(Nanos(5))).unwrap_err();
    assert!(refused.to_string().contains("datastore/s/1.json"), "{refused}");

    rusqlite::Connection::open(&path).unwrap().execute("UPDATE meta SET value = '5' WHERE name = 'schema'", []).unwrap();
    assert!(matches!(open(&path, 2), Err(LedgerError::NewerSchema { found: 5, known: 4, .. })));
    assert!(matches!(LedgerView::open(&path), Err(LedgerError::NewerSchema { .. })));
    assert!(matches!(LedgerView::open(&dir.path().join("none.db")), Err(LedgerError::Missing { .. })));
}

#[test]
fn a_creation_that_was_cut_off_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    std::fs::write(dir.path().join("ledger.db.new"), b"half a database").unwrap();
    assert_eq!(open(&path, 2).unwrap().states().unwrap().len(), 2);
    assert!(!dir.path().join("ledger.db.new").try_exists().unwrap());
}

/// A ledger with three commits, copied as a killed process leaves it: database, log and all.
fn killed(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, 4).unwrap();
    for id in 0..3 {
        ledger.complete(&[done(id, tally(1 + u64::from(id), &[], &[]))]).unwrap();
    }
    (std::fs::read(&path).unwrap(), std::fs::read(dir.join("ledger.db-wal")).unwrap())
}

fn done_ids(ledger: &Ledger) -> Vec<u32> {
    ledger.states().unwrap().into_iter().filter(|(_, state)| *state != UnitState::Pending).map(|(unit, _)| unit.id).collect()
}

#[test]
fn a_log_cut_anywhere_leaves_a_state_that_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (database, log) = killed(dir.path());
    let prefixes = [vec![], vec![0], vec![0, 1], vec![0, 1, 2]];
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).step_by(509).chain([log.len()]) {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("ledger.db");
        std::fs::write(&path, &database).unwrap();
        std::fs::write(copy.path().join("ledger.db-wal"), &log[..cut]).unwrap();
        let found = done_ids(&open(&path, 4).unwrap());
        assert!(prefixes.contains(&found), "cut at {cut}: {found:?}");
        seen.insert(found);
    }
    assert_eq!(seen.len(), prefixes.len(), "{seen:?}");
}

#[test]
fn a_database_cut_anywhere_is_refused_and_never_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 200).unwrap();
    ledger.complete(&[done(1, tally(1, &[], &[]))]).unwrap();
    drop(ledger);
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 8192);
    for cut in (0..whole.len()).step_by(1021).chain([whole.len() - 1]) {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("ledger.db");
        std::fs::write(&path, &whole[..cut]).unwrap();
        let refused = open(&path, 200);
        assert!(matches!(refused, Err(LedgerError::Corrupt { .. })), "cut at {cut}: {refused:?}");
        assert_eq!(std::fs::read(&path).unwrap(), &whole[..cut]);
    }
}

#[test]
fn a_unit_that_a_person_takes_back_can_be_done_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = open(&path, 3).unwrap();
    ledger.complete(&[done(0, tally(1, &[], &[("no_time", 2)])), done(1, tally(5, &[], &[]))]).unwrap();
    assert!(matches!(ledger.reopen(&[0, 9]), Err(LedgerError::UnknownUnit { unit: 9 })));
    assert!(matches!(ledger.states().unwrap()[0].1, UnitState::Done { .. }), "one is unknown, so none is taken back");
    ledger.reopen(&[0, 2]).unwrap();
    assert_eq!(ledger.states().unwrap()[0].1, UnitState::Pending);
    assert_eq!(ledger.totals().unwrap()["table0"].read, 0, "nothing of it is counted any more");
    ledger.complete(&[done(0, tally(3, &[], &[]))]).unwrap();
    assert_eq!(ledger.totals().unwrap()["table0"].acknowledged, 3);
}
