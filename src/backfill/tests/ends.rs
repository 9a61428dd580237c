//! How a run ends, and what it refuses.

use std::sync::Arc;

use super::bench::{Bench, Line, Lines};
use super::target::Scripted;
use crate::backfill::{BackfillError, MaxRejects};
use crate::ledger::LedgerError;
use crate::plan::{Finding, Grade};

fn sent(time: i64, temp: f64) -> Line {
    Line::Sent("press-1", time, temp)
}

#[test]
fn batches_are_filled_across_objects_of_one_row() {
    let bench = Bench::of(Lines::plenty(1_050, 1));
    let target = Arc::new(Scripted::default());
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean() && outcome.units_done == 1_050);
    let mut batches = target.state.lock().unwrap().batches.clone();
    batches.sort_unstable();
    assert_eq!(batches, [vec![50], vec![100; 10]].concat());
}

#[test]
fn exact_repeats_collapse_and_rows_of_one_key_that_differ_are_a_conflict() {
    let lines = Lines::of(vec![vec![sent(1, 20.0), sent(1, 20.0), sent(2, 20.0)], vec![sent(2, 21.0), sent(2, 20.0)]]);
    let mut bench = Bench::of(lines);
    // The plan knows of no collision, so the first to arrive wins; two readers would race for that.
    bench.plan.write.readers = 1;
    let target = Arc::new(Scripted::default());
    let outcome = bench.run(&target).unwrap();
    let total = outcome.total();
    assert_eq!((total.read, total.acknowledged, total.quarantined_total()), (5, 4, 1));
    assert_eq!(bench.quarantined(), ["s/00001.json 1: rejected_conflict"]);
    assert_eq!(target.state.lock().unwrap().stored.len(), 2);
}

#[test]
fn bad_and_filtered_rows_and_damaged_objects_are_counted_and_named() {
    let mut lines = Lines::of(vec![vec![sent(1, 1.0), Line::Bad, Line::Filtered], vec![Line::Filtered, sent(2, 1.0)]]);
    lines.damaged = Some(1);
    let bench = Bench::of(lines);
    let outcome = bench.run(&Arc::new(Scripted::default())).unwrap();
    let total = outcome.total();
    assert_eq!((total.read, total.acknowledged), (5, 2));
    assert_eq!(total.filtered, [("only_hot".to_owned(), 2)].into());
    assert_eq!(total.quarantined, [("undecodable".to_owned(), 1)].into());
    assert_eq!(outcome.damaged, [("s/00001.json".to_owned(), "cut short".to_owned())].into());
    assert!(!outcome.is_clean());
}

#[test]
fn strict_makes_the_first_bad_row_and_the_first_damage_an_error() {
    let mut bench = Bench::of(Lines::of(vec![vec![sent(1, 1.0), Line::Bad]]));
    bench.strict = true;
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert_eq!(error.to_string(), "s/00000.json row 2: no JSON");

    let mut lines = Lines::plenty(1, 1);
    lines.damaged = Some(0);
    let mut bench = Bench::of(lines);
    bench.strict = true;
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert_eq!(error.to_string(), "s/00000.json: cut short");
}

#[test]
fn too_many_rejects_stop_early_and_the_same_backfill_goes_on() {
    let bad = || vec![sent(1, 1.0), Line::Bad];
    let mut bench = Bench::of(Lines::of(vec![bad(), bad(), bad()]));
    let target = Arc::new(Scripted::default());
    bench.max_rejects = Some(MaxRejects::Rows(1));
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(error, BackfillError::TooManyRejects { rejected: 2, .. }), "{error}");
    // What earlier runs put aside counts, so the same limit stops at once, if anything more is refused.
    bench.max_rejects = Some(MaxRejects::Rows(3));
    let outcome = bench.run(&target).unwrap();
    assert_eq!(outcome.total().quarantined, [("undecodable".to_owned(), 3)].into());
}

#[test]
fn a_reader_that_counts_otherwise_than_it_hands_on_is_caught() {
    let mut lines = Lines::plenty(2, 3);
    lines.overstated = Some(1);
    let error = Bench::of(lines).run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(matches!(error, BackfillError::Identity { read: 3, counted: 4, .. }), "{error}");
}

#[test]
fn an_object_that_changed_is_no_row_lost_in_silence() {
    let mut lines = Lines::plenty(5, 3);
    lines.vanished = Some(3);
    let mut bench = Bench::of(lines);
    let target = Arc::new(Scripted::default());
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(&error, BackfillError::SourceChanged(message) if message.contains("s/00003.json")), "{error}");
    bench.lines.vanished = None;
    assert!(bench.run(&target).unwrap().is_clean());
}

#[test]
fn a_census_that_counted_other_rows_is_an_error() {
    let mut bench = Bench::of(Lines::plenty(2, 3));
    bench.plan.census.tables[0].rows = 7;
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(matches!(error, BackfillError::CountDiffers { planned: 7, read: 6, .. }), "{error}");
}

#[test]
fn an_empty_history_with_bytes_in_it_is_no_success() {
    let error = Bench::of(Lines::of(vec![vec![], vec![]])).run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(matches!(error, BackfillError::NothingRead { units: 2, bytes: 2 }), "{error}");
}

#[test]
fn a_plan_with_errors_is_not_carried_out() {
    let mut bench = Bench::of(Lines::plenty(1, 1));
    bench.plan.findings = vec![Finding {
        code: "retention_too_short".to_owned(),
        grade: Grade::Error,
        subject: "table t".to_owned(),
        cause: "rows are older than it keeps".to_owned(),
        remedy: "raise it".to_owned(),
    }];
    let target = Arc::new(Scripted::default());
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(error, BackfillError::PlanHasErrors { count: 1, .. }), "{error}");
    assert_eq!(target.state.lock().unwrap().prepared, [] as [&str; 0], "nothing was touched");
}

#[test]
fn a_history_with_other_objects_does_not_get_the_ledger() {
    let mut bench = Bench::of(Lines::plenty(2, 3));
    let target = Arc::new(Scripted::default());
    bench.run(&target).unwrap();
    bench.lines = Lines::plenty(3, 3);
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(error, BackfillError::Ledger(LedgerError::UnitsDiffer { .. })), "{error:?}");
}

#[test]
fn a_run_after_the_end_does_nothing_and_says_the_same() {
    let bench = Bench::of(Lines::plenty(2, 3));
    let target = Arc::new(Scripted::default());
    let first = bench.run(&target).unwrap();
    let requests = target.state.lock().unwrap().requests;
    let second = bench.run(&target).unwrap();
    assert_eq!((second.totals, second.rows), (first.totals, 0));
    assert_eq!(target.state.lock().unwrap().requests, requests);
}
