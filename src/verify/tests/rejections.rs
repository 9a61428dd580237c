//! Reports of rejected data as causes, waiting for rows, and the plain lists.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bench::{Bench, FINISHED_AT, records};
use crate::census::fixture::{FakeHistory, FakeRow, good};
use crate::mapping::Collisions;
use crate::record::Measure;
use crate::target::{LateRejection, RejectionCause};
use crate::time::{HOUR_NANOS, Nanos};
use crate::verify::{Kind, Lists, Rejections, Verdict};

fn two_rows() -> FakeHistory {
    FakeHistory::of(&[("s/a", &[good("d1", 1, 1.0)]), ("s/b", &[good("d2", 2, 2.0)])])
}

/// A report about the first row.
fn report(history: &FakeHistory, cause: RejectionCause) -> Rejections {
    let mut rejections = Rejections::of("somewhere");
    let reason = "the service's words".to_owned();
    rejections.add("r.json", Ok(vec![LateRejection { key: records(history)[0].key(), cause, reason }]));
    rejections.add("half.json", Err("it is no JSON".to_owned()));
    rejections
}

#[test]
fn a_missing_row_that_a_report_names_has_its_reason_and_waits_only_where_another_row_stands_in_its_place() {
    let outside = RejectionCause::OutsideWindow { from: None, to: None };
    let cases = [
        (outside.clone(), 1, Kind::Missing, "rejected: outside the window"),
        (RejectionCause::Other, 1, Kind::Missing, "rejected: another reason"),
        (RejectionCause::OlderVersion { existing: Some(9) }, 1, Kind::Pending, "not yet visible"),
        (RejectionCause::OlderVersion { existing: Some(9) }, 7, Kind::Missing, "rejected: older version"),
        (RejectionCause::Conflict, 7, Kind::Missing, "rejected: same version, other value"),
    ];
    for (cause, hours_later, kind, label) in cases {
        let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
        bench.rejections = Some(report(&bench.history, cause));
        bench.target.rows.remove(0);
        bench.now = FINISHED_AT + hours_later * HOUR_NANOS;
        let states = bench.honest_states();
        let (verification, differences) = bench.with_ledger(&states).run();
        assert_eq!((differences[0].kind, differences[0].cause.as_str()), (kind, label));
        let read = verification.rejected_reports.unwrap();
        assert_eq!((read.reports, read.records, read.unread.len()), (1, 1, 1));
    }
    // A row that was never sent is missing for that reason, whatever an old report says.
    let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
    bench.rejections = Some(report(&bench.history, outside));
    bench.target.rows.remove(0);
    let states = bench.honest_states();
    let (_, differences) = bench.with_ledger(&states[1..]).run();
    assert_eq!(differences[0].cause, "object not in the ledger");
}

#[test]
fn a_changed_row_that_a_report_names_has_its_reason() {
    let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
    bench.rejections = Some(report(&bench.history, RejectionCause::OlderVersion { existing: None }));
    for row in &mut bench.target.rows {
        row.measures[0].1 = Measure::Double(99.0);
    }
    let states = bench.honest_states();
    let (_, differences) = bench.with_ledger(&states).run();
    let causes: Vec<&str> = differences.iter().map(|difference| difference.cause.as_str()).collect();
    assert_eq!(causes, ["rejected: older version", "unknown"]);
    assert!(differences[0].detail.ends_with("the report r.json says: the service's words"), "{}", differences[0].detail);
}

#[test]
fn a_row_that_appears_while_it_is_waited_for_is_present_and_one_that_does_not_is_pending_until_a_stated_time() {
    // The looks at which the last row is not visible, the wait in seconds, and what comes of it.
    for (late, wait, verdict, waited) in [(0, 100, Verdict::Complete, 0), (3, 100, Verdict::Complete, 30), (99, 25, Verdict::Pending, 25)] {
        let mut bench = Bench::faithful(two_rows(), Collisions::Quarantine);
        *bench.target.late.lock().unwrap() = late;
        bench.options.wait = Duration::from_secs(wait);
        bench.now = FINISHED_AT;
        let states = bench.honest_states();
        let (verification, differences) = bench.with_ledger(&states).run();
        assert_eq!((verification.verdict, verification.waited_s), (verdict, waited));
        let until = (verdict == Verdict::Pending).then_some(Nanos(FINISHED_AT + 6 * HOUR_NANOS));
        assert_eq!(verification.tables[0].pending_until, until);
        assert_eq!(differences.len(), usize::from(verdict == Verdict::Pending));
    }
}

#[test]
fn lists_have_one_line_for_each_difference_and_each_object_without_any() {
    let directory = tempfile::tempdir().unwrap();
    let mut history = FakeHistory::of(&[
        ("s/a", &[good("d1", 1, 1.0), good("d1", 2, 1.0)]),
        ("s/b", &[good("d2", 2, 2.0)]),
        ("s/c", &[FakeRow::Bad]),
        ("s/e\n", &[good("tab\there", 3, 2.0)]),
    ]);
    history.damaged.insert("s/c".to_owned(), "it ends early".to_owned());
    let mut bench = Bench::faithful(history, Collisions::Quarantine);
    bench.target.rows.remove(0);
    bench.target.rows[0].measures[0].1 = Measure::Double(99.0);
    bench.target.rows.last_mut().unwrap().time.0 += 1;
    let path = |name: &str| Some(directory.path().join(name));
    let of_kind = [(Kind::Missing, "missing"), (Kind::Changed, "differ"), (Kind::Extra, "extra"), (Kind::Pending, "pending")];
    bench.lists = Lists {
        combined: path("combined"),
        matching: path("match"),
        of_kind: of_kind.into_iter().map(|(kind, name)| (kind, directory.path().join(name))).collect::<BTreeMap<_, _>>(),
    };
    bench.run();
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    let row = |parts: &[&str]| format!("{}\n", parts.join("\t"));
    let missing = row(&["- t", "1970-01-01T00:00:00.000000001Z", "device=d1, room=hall", "s/a row 1", "-", "unknown, no ledger"]);
    let changed = row(&["* t", "1970-01-01T00:00:00.000000002Z", "device=d1, room=hall", "s/a row 2", "temp", "unknown, no ledger"]);
    let moved = row(&["- t", "1970-01-01T00:00:00.000000003Z", "device=tab\\there, room=hall", "s/e\\n row 1", "-", "unknown, no ledger"]);
    let extra = row(&["+ t", "1970-01-01T00:00:00.000000004Z", "device=tab\\there, room=hall", "-", "-", "not in the source"]);
    assert_eq!(read("combined"), format!("{missing}{changed}{moved}{extra}= s/b\n! s/c\n"));
    assert_eq!(read("missing"), [missing, moved].concat());
    assert_eq!((read("differ"), read("extra"), read("pending"), read("match")), (changed, extra, String::new(), "= s/b\n".to_owned()));
}
