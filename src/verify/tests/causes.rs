//! Why rows differ, and what the accounting and the verdict make of it.

use super::bench::{Bench, FINISHED_AT};
use crate::census::fixture::{FakeHistory, FakeRow, good};
use crate::ledger::{QuarantinedRow, UnitState};
use crate::mapping::Collisions;
use crate::time::{HOUR_NANOS, Nanos};
use crate::verify::{Kind, Verdict, Verification};

fn two_rows() -> FakeHistory {
    FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0)]), ("s/b", &[good("d2", 2, 2.0)])])
}

fn causes(verification: &Verification) -> Vec<(Kind, String, u64)> {
    let table = &verification.tables[0];
    table.causes.iter().flat_map(|(kind, causes)| causes.iter().map(|(cause, count)| (*kind, cause.clone(), *count))).collect()
}

/// Guards against vmctl #7309 and #7530: success with no data.
#[test]
fn a_target_that_acknowledges_and_drops_everything_is_never_a_success() {
    for (hours_later, verdict) in [(0, Verdict::Pending), (5, Verdict::Pending), (6, Verdict::Differences), (999, Verdict::Differences)] {
        let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
        bench.target.rows.clear();
        bench.now = FINISHED_AT + hours_later * HOUR_NANOS;
        let states = bench.honest_states();
        let (verification, _) = bench.with_ledger(&states).run();
        assert_eq!(verification.verdict, verdict, "{hours_later} hours later");
        assert_eq!(verification.tables[0].present, 0);
    }
}

#[test]
fn a_row_is_pending_until_its_window_ends_and_missing_from_then_on() {
    let recent = FINISHED_AT - HOUR_NANOS;
    // Finished at, row's time: the magnetic store has hours, the memory store minutes.
    for (time, window) in [(1, 6 * HOUR_NANOS), (recent, HOUR_NANOS / 12)] {
        for (now, kind) in [(window - 1, Kind::Pending), (window, Kind::Missing), (-5, Kind::Pending)] {
            let mut bench = Bench::faithful(FakeHistory::of(&[("s/a", &[good("d1", time, 1.0)])]), Collisions::Quarantine);
            bench.target.rows.clear();
            bench.now = FINISHED_AT + now;
            let states = bench.honest_states();
            let (_, differences) = bench.with_ledger(&states).run();
            assert_eq!(differences[0].kind, kind, "{time} {now}");
            assert_eq!(differences[0].cause, if kind == Kind::Pending { "not yet visible" } else { "unknown" });
        }
    }
}

#[test]
fn a_table_that_is_not_there_has_no_row_pending() {
    let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
    bench.target.absent = true;
    bench.now = FINISHED_AT;
    let states = bench.honest_states();
    let (verification, _) = bench.with_ledger(&states).run();
    assert_eq!(
        (verification.verdict, verification.tables[0].table_found, verification.tables[0].missing),
        (Verdict::Differences, false, 2)
    );
}

#[test]
fn missing_rows_name_the_cause_that_the_ledger_knows() {
    let quarantined = |row: u64| QuarantinedRow {
        unit: 0,
        object: "s/a".to_owned(),
        etag: "etag of s/a".to_owned(),
        row,
        byte_offset: None,
        table: "t".to_owned(),
        code: "rejected_outside_window".to_owned(),
        reason: "too old".to_owned(),
        content: serde_json::Value::Null,
    };
    let bench = || {
        let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
        bench.target.rows.retain(|row| row.time.0 == 2);
        let states = bench.honest_states();
        (bench, states)
    };
    let cause = |bench: Bench| causes(&bench.run().0);
    let missing = |cause: &str| vec![(Kind::Missing, cause.to_owned(), 1)];

    let (it, _) = bench();
    assert_eq!(cause(it), missing("unknown, no ledger"));
    let (it, states) = bench();
    assert_eq!(cause(it.with_ledger(&states)), missing("unknown"));
    let (it, mut states) = bench();
    states[0].1 = UnitState::Pending;
    assert_eq!(cause(it.with_ledger(&states)), missing("not written yet"));
    let (it, states) = bench();
    assert_eq!(cause(it.with_ledger(&states[1..])), missing("object not in the ledger"));
    let (it, mut states) = bench();
    states[0].0.etag = "another".to_owned();
    assert_eq!(cause(it.with_ledger(&states)), missing("object changed since it was written"));
    let (it, mut states) = bench();
    let UnitState::Done { tallies, .. } = &mut states[0].1 else { panic!() };
    let tally = tallies.get_mut("t").unwrap();
    tally.acknowledged = 0;
    tally.quarantined.insert("rejected_outside_window".to_owned(), 1);
    let mut ledger = it.record_of(&states);
    ledger.add_quarantined(&quarantined(1));
    let (verification, _) = Bench { ledger: Some(ledger), ..it }.run();
    assert_eq!(causes(&verification), missing("quarantined: rejected_outside_window"));
    assert!(verification.tables[0].ledger_disagrees.is_empty(), "a row that is named as missing is not counted as a disagreement too");
}

#[test]
fn of_several_copies_one_that_should_be_visible_decides() {
    let history = FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0)]), ("s/b", &[good("d1", 1, 1.0)])]);
    for late in [0, 1] {
        let mut bench = Bench::faithful(history.clone(), Collisions::Quarantine);
        bench.target.rows.clear();
        bench.now = FINISHED_AT + 6 * HOUR_NANOS;
        let mut states = bench.honest_states();
        let UnitState::Done { finished_at, .. } = &mut states[late].1 else { panic!() };
        *finished_at = Nanos(FINISHED_AT + HOUR_NANOS);
        let (verification, differences) = bench.with_ledger(&states).run();
        assert_eq!((differences[0].kind, differences[0].repeats, verification.tables[0].collapsed), (Kind::Missing, 1, 1));
    }
}

#[test]
fn collisions_are_expected_as_the_policy_has_them() {
    let history = FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0), good("d1", 1, 9.0), good("d1", 1, 1.0), good("d2", 2, 2.0)])]);
    for (policy, collided, present, collapsed) in
        [(Collisions::Quarantine, 3, 1, 0), (Collisions::KeepFirst, 1, 2, 1), (Collisions::KeepLast, 1, 2, 1)]
    {
        let (verification, differences) = Bench::faithful(history.clone(), policy).run();
        let table = &verification.tables[0];
        assert_eq!((table.collided, table.present, table.collapsed), (collided, present, collapsed), "{policy:?}");
        assert_eq!((verification.verdict, differences.len()), (Verdict::CompleteWithQuarantine, 0), "{policy:?}");
    }
}

#[test]
fn a_losing_side_in_the_target_is_named() {
    let history = FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0)]), ("s/b", &[good("d1", 1, 9.0)])]);
    let mut bench = Bench::faithful(history.clone(), Collisions::KeepLast);
    bench.tables[0].policies.collisions = Collisions::KeepFirst;
    let (verification, differences) = bench.run();
    assert_eq!(causes(&verification), [(Kind::Changed, "losing side of a collision".to_owned(), 1)]);
    assert!(differences[0].detail.contains("s/b row 1"), "{}", differences[0].detail);
    assert_eq!(differences[0].source.as_ref().unwrap().object, "s/a");

    let mut bench = Bench::faithful(history, Collisions::KeepLast);
    bench.tables[0].policies.collisions = Collisions::Quarantine;
    let (verification, differences) = bench.run();
    assert_eq!(causes(&verification), [(Kind::Extra, "losing side of a collision".to_owned(), 1)]);
    assert_eq!((verification.verdict, differences.len()), (Verdict::Differences, 1));
}

#[test]
fn rows_in_quarantine_and_damaged_objects_are_accounted_for_but_not_clean() {
    let rows = [good("d1", 1, 1.0), FakeRow::Bad, FakeRow::Refused("wrong_type")];
    let mut damaged = two_rows();
    damaged.damaged.insert("s/a".to_owned(), "it ends early".to_owned());
    for history in [FakeHistory::of(&[("s/a", &rows)]), damaged, FakeHistory::of(&[("s/a", &rows[1..])])] {
        let bench = Bench::faithful(history, Collisions::Quarantine);
        let states = bench.honest_states();
        let (verification, _) = bench.with_ledger(&states).run();
        assert_eq!(verification.verdict, Verdict::CompleteWithQuarantine);
        assert!(verification.tables[0].ledger_disagrees.is_empty());
    }
}

#[test]
fn a_source_without_rows_proves_nothing() {
    let (verification, _) = Bench::faithful(FakeHistory::of(&[("s/a", &[]), ("other/b", &[FakeRow::Bad])]), Collisions::Quarantine).run();
    assert_eq!(verification.verdict, Verdict::Nothing);
    assert_eq!((verification.left_out.len(), verification.left_out[0].store.as_str()), (1, "other"));
}

#[test]
fn a_ledger_that_counts_otherwise_than_the_source_is_a_difference_and_is_not_believed() {
    let history = || FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0), FakeRow::Refused("wrong_type")])]);
    let bench = Bench::faithful(history(), Collisions::Quarantine);
    let mut states = bench.honest_states();
    let UnitState::Done { tallies, .. } = &mut states[0].1 else { panic!() };
    let tally = tallies.get_mut("t").unwrap();
    tally.read = 7;
    tally.acknowledged = 7;
    tally.quarantined.clear();
    let (verification, differences) = bench.with_ledger(&states).run();
    let told: Vec<(String, u64, u64)> =
        verification.tables[0].ledger_disagrees.iter().map(|d| (d.what.clone(), d.source, d.ledger)).collect();
    assert_eq!(told, [("rows read".to_owned(), 2, 7), ("quarantined: wrong_type".to_owned(), 1, 0)]);
    assert_eq!((verification.verdict, differences.len()), (Verdict::Differences, 0));
    assert_eq!((verification.tables[0].source_rows, verification.tables[0].acknowledged), (2, 1));

    // While the backfill is not finished, lower counts are no news.
    let bench = Bench::faithful(history(), Collisions::Quarantine);
    let mut states = bench.honest_states();
    states[0].1 = UnitState::Pending;
    let (verification, _) = bench.with_ledger(&states).run();
    assert!(verification.tables[0].ledger_disagrees.is_empty());
}
