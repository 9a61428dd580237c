//! Units whose rows go to several tables.

use std::sync::Arc;

use super::bench::{Bench, Line, Lines, plan};
use super::target::Scripted;
use crate::backfill::BackfillError;
use crate::ledger::quarantine;

/// A store with the tables `t`, its first, and `u`; three rows for `t` (one of them bad) and three for `u`, in two objects.
fn routed() -> Bench {
    let there = |time, temp| Line::To("u", "press-1", time, temp);
    let lines = Lines::of(vec![
        vec![Line::Sent("press-1", 1, 1.0), there(1, 2.0), Line::Bad],
        vec![there(2, 1.0), Line::Sent("press-1", 2, 1.0), there(3, 1.0)],
    ]);
    let mut bench = Bench::of(lines);
    bench.plan = plan(&[("s", "t"), ("s", "u")], &[3, 3], Vec::new());
    bench
}

#[test]
fn rows_of_one_unit_are_written_and_counted_at_their_own_tables() {
    let bench = routed();
    let target = Arc::new(Scripted::default());
    let outcome = bench.run(&target).unwrap();
    assert_eq!(target.state.lock().unwrap().prepared, ["t", "u"]);
    // The key (press-1, 1) with other values in the other table is another record, and no conflict.
    let stored: Vec<String> = target.state.lock().unwrap().stored.keys().map(|(table, _)| table.clone()).collect();
    assert_eq!(stored, ["t", "t", "u", "u", "u"]);
    let figures: Vec<(&str, u64, u64, u64)> =
        outcome.totals.iter().map(|(table, tally)| (table.as_str(), tally.read, tally.acknowledged, tally.quarantined_total())).collect();
    assert_eq!(figures, [("t", 3, 2, 1), ("u", 3, 3, 0)]);
    assert_eq!(outcome.total().read, 6);
}

#[test]
fn a_record_that_the_target_refuses_is_kept_under_the_table_it_was_for() {
    let bench = routed();
    let target = Arc::new(Scripted { unfit: vec![2], poison: vec![3], ..Scripted::default() });
    let outcome = bench.run(&target).unwrap();
    let rows = quarantine::read(&bench.directory.path().join("quarantine")).unwrap();
    let kept: Vec<(String, u64, String)> = rows.map(|row| row.map(|row| (row.table, row.row, row.code)).unwrap()).collect();
    let kept: Vec<(&str, u64, &str)> = kept.iter().map(|(table, row, code)| (table.as_str(), *row, code.as_str())).collect();
    assert_eq!(kept, [("t", 3, "undecodable"), ("u", 1, "rejected_invalid"), ("t", 2, "rejected_invalid"), ("u", 3, "rejected_invalid")]);
    assert_eq!(outcome.totals["t"].quarantined_total(), 2);
    assert_eq!(outcome.totals["u"].quarantined_total(), 2);
}

#[test]
fn a_table_that_got_other_rows_than_planned_is_an_error_even_when_the_sum_is_right() {
    let mut bench = routed();
    bench.plan.census.tables[0].rows = 4;
    bench.plan.census.tables[1].rows = 2;
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(matches!(&error, BackfillError::CountDiffers { table, planned: 4, read: 3 } if table == "t"), "{error}");
}

#[test]
fn a_row_for_a_table_that_the_plan_does_not_have_stops_the_run() {
    let mut bench = routed();
    bench.lines.objects[1].push(Line::To("strange", "press-1", 9, 1.0));
    let error = bench.run(&Arc::new(Scripted::default())).unwrap_err();
    assert!(error.to_string().contains("the plan has no table strange"), "{error}");
}
