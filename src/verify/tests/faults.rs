//! A target that answers badly: what passes is waited for, what does not is an error, and never a wrong verdict.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::bench::{Bench, read_differences};
use crate::census::fixture::{FakeHistory, FakeRow, good};
use crate::mapping::Collisions;
use crate::target::ReadFault;
use crate::time::HOUR_NANOS;
use crate::verify::{Kind, Verdict, VerifyError};

fn bench() -> Bench {
    let rows: Vec<FakeRow> = (0..20).map(|t| good("d", t * 60_000_000_000, 1.0)).collect();
    Bench::faithful(FakeHistory::of(&[("s/a", &rows)]), Collisions::Quarantine)
}

fn queue(faults: Vec<ReadFault>) -> Mutex<VecDeque<ReadFault>> {
    Mutex::new(faults.into())
}

fn throttled() -> ReadFault {
    ReadFault::Throttled { message: "slow down".to_owned() }
}

#[test]
fn requests_that_break_off_are_repeated_and_no_row_counts_twice() {
    let mut bench = bench();
    bench.target.rows.pop();
    bench.target.bucket_faults = queue(vec![throttled(), ReadFault::Unanswered { message: "reset".to_owned() }]);
    bench.target.row_faults = queue(vec![throttled(), throttled()]);
    let (verification, differences) = bench.run();
    let table = &verification.tables[0];
    assert_eq!((table.present, table.missing, table.extra, differences.len()), (19, 1, 0, 1));
}

#[test]
fn a_target_that_never_answers_is_an_error_after_a_bounded_number_of_attempts() {
    let directory = tempfile::tempdir().unwrap();
    let mut it = bench();
    it.target.bucket_faults = queue(vec![throttled(); 100]);
    let error = it.attempt(directory.path()).unwrap_err();
    assert_eq!(error.to_string(), "table `t` could not be read back: throttled: slow down");
    assert!(error.hint().unwrap().contains("run it again"));
}

#[test]
fn an_error_leaves_the_earlier_list_of_differences_alone_and_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = bench();
    first.target.rows.pop();
    first.attempt(directory.path()).unwrap();
    let before = read_differences(directory.path());
    let mut second = bench();
    second.target.rows.clear();
    second.target.rows.push(crate::census::fixture::record("x", 1, 1.0, "n"));
    second.target.row_faults = queue(vec![ReadFault::Denied { message: "no Select".to_owned() }]);
    let error = second.attempt(directory.path()).unwrap_err();
    assert!(matches!(error, VerifyError::Target { fault: ReadFault::Denied { .. }, .. }));
    assert!(error.hint().unwrap().contains("timestream:Select"));
    assert_eq!(read_differences(directory.path()), before);
    assert_eq!(std::fs::read_dir(directory.path().join("report")).unwrap().count(), 1);
}

#[test]
fn a_full_bucket_is_fetched_in_pieces_that_leave_nothing_out() {
    let mut bench = bench();
    bench.target.rows.pop();
    bench.options.rows_per_request_max = 3;
    let (verification, _) = bench.run();
    assert_eq!((verification.tables[0].present, verification.tables[0].missing), (19, 1));
}

#[test]
fn a_key_that_comes_back_twice_is_a_difference() {
    let mut bench = bench();
    let copy = bench.target.rows[4].clone();
    bench.target.rows.push(copy);
    let (verification, differences) = bench.run();
    assert_eq!((verification.verdict, verification.tables[0].present), (Verdict::Differences, 20));
    assert_eq!((differences[0].kind, differences[0].cause.as_str()), (Kind::Extra, "returned twice"));
}

#[test]
fn buckets_below_an_hour_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut bench = bench();
    bench.options.bucket_nanos = HOUR_NANOS - 1;
    assert!(matches!(bench.attempt(directory.path()), Err(VerifyError::Bucket { .. })));
}
