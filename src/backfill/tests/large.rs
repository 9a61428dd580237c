//! A large unit that is interrupted in the middle.

use std::sync::Arc;

use super::bench::{Bench, Line, Lines, plan};
use super::target::{Scripted, Step, denied};
use crate::backfill::batcher::{Batch, Entry, Ticket};
use crate::backfill::collisions::Collisions;
use crate::backfill::send::Fate;
use crate::backfill::tracker::Tracker;
use crate::backfill::{BackfillError, MappedRow, Outcome};
use crate::census::fixture::record;
use crate::history::ObjectRead;
use crate::ledger::{Interval, LedgerView, SettledRows, Unit, UnitProgress};
use crate::provenance::{ObjectId, Provenance};
use crate::time::Nanos;

const ROWS: usize = 60_000;

/// Rows of all kinds in one object.
fn lines() -> Lines {
    let mut lines = Lines::plenty(1, ROWS);
    for (at, line) in lines.objects[0].iter_mut().enumerate() {
        match at % 97 {
            3 => *line = Line::Filtered,
            5 => *line = Line::Bad,
            _ => {}
        }
    }
    lines
}

/// What is sent of them.
fn to_send(lines: &Lines) -> usize {
    lines.objects[0].iter().filter(|line| matches!(line, Line::Sent(..))).count()
}

/// A target that takes `batches` batches and then refuses this caller.
fn taking(batches: usize) -> Arc<Scripted> {
    let steps = std::iter::repeat_n(Step::Well, batches).chain(std::iter::repeat_n(denied(), 50));
    Arc::new(Scripted::with(steps))
}

fn settled(bench: &Bench) -> SettledRows {
    let progress = LedgerView::open(&bench.directory.path().join("ledger.db")).unwrap().progress().unwrap();
    progress.get(&0).cloned().unwrap_or_default()
}

fn sent(target: &Scripted) -> usize {
    target.state.lock().unwrap().batches.iter().sum()
}

/// The counts that must not depend on interruptions.
fn counts(outcome: &Outcome) -> (u64, u64, u64, u64) {
    let total = outcome.total();
    (total.read, total.acknowledged, total.filtered_total(), total.quarantined_total())
}

#[test]
fn what_is_acknowledged_of_it_is_not_sent_again_and_every_row_is_counted() {
    let undisturbed = Bench::of(lines());
    let expected = counts(&undisturbed.run(&Arc::new(Scripted::default())).unwrap());
    let quarantined = undisturbed.quarantined();

    let bench = Bench::of(lines());
    let mut all_sent = 0;
    for round in 1..=2 {
        let target = taking(200);
        assert!(matches!(bench.run(&target), Err(BackfillError::Target { .. })), "round {round}");
        all_sent += sent(&target);
        assert!(settled(&bench).rows() >= 19_000 * round, "{} rows are remembered in round {round}", settled(&bench).rows());
    }
    let target = Arc::new(Scripted::default());
    let outcome = bench.run(&target).unwrap();
    all_sent += sent(&target);
    assert_eq!(counts(&outcome), expected);
    assert_eq!(bench.quarantined(), quarantined);
    // All that was acknowledged was remembered, but for what is not worth it.
    let twice = all_sent - to_send(&bench.lines);
    assert!(twice < 2 * 100, "{twice} rows were sent twice");
    assert!(settled(&bench).is_empty(), "a unit that is done has no progress");
}

#[test]
fn an_object_that_gives_other_rows_the_second_time_is_sent_as_a_whole() {
    for change in ["value", "kind", "fewer"] {
        let mut bench = Bench::of(lines());
        assert!(bench.run(&taking(300)).is_err());
        let remembered = settled(&bench).rows();
        assert!(remembered > 20_000);
        match change {
            "value" => bench.lines.objects[0][10] = Line::Sent("press-1", 10, 99.5),
            "kind" => bench.lines.objects[0][10] = Line::Filtered,
            _ => bench.lines.objects[0].truncate(1_000),
        }
        let target = Arc::new(Scripted::default());
        let error = bench.run(&target).unwrap_err();
        assert!(matches!(&error, BackfillError::OtherRows { object } if object == "s/00000.json"), "{change}: {error}");
        assert!(error.hint().unwrap().contains("same command again"));
        assert!(settled(&bench).is_empty(), "{change}: what was remembered is forgotten");
        bench.plan.census.full = false;
        let target = Arc::new(Scripted::default());
        bench.run(&target).unwrap();
        assert_eq!(sent(&target), to_send(&bench.lines), "{change}: all of it is sent");
    }
}

#[test]
fn an_object_that_became_shorter_is_not_done_by_its_last_answer() {
    let unit = Unit { id: 4, key: "s/a".to_owned(), etag: "e".to_owned(), table: "t".to_owned(), bytes: 1 };
    let mut settled = SettledRows::default();
    settled.insert(Interval { from: 2, to: 10, digest: 7 }).unwrap();
    let collisions = Collisions::of(&plan(&[("s", "t")], &[], Vec::new()));
    let mut tracker = Tracker::new(Arc::new(collisions), [(unit.id, settled)].into());
    let provenance =
        Provenance { object: Arc::new(ObjectId { key: unit.key.clone(), etag: unit.etag.clone() }), row: 1, byte_offset: None };
    let columns = crate::value::Object::new();
    let mut ticket = Ticket::new(unit.id, MappedRow { record: record("d", 1, 1.0, "n"), table: "t".into(), provenance, columns });
    assert!(tracker.sending(&unit, &mut ticket).unwrap());
    // The first row is under way when the object ends, of which nine were read before.
    let ended = tracker.ended(&unit, ObjectRead { rows: 1, damage: None }, Nanos(1));
    assert!(matches!(ended, Err(BackfillError::OtherRows { .. })));
    let batch = Batch { table: 0, entries: vec![Entry { lead: ticket, repeats: Vec::new() }] };
    let mut finished = Vec::new();
    tracker.settled(batch, vec![Some(Fate::Acknowledged)], Nanos(2), &mut finished).unwrap();
    assert!(finished.is_empty(), "{finished:?}");
    assert_eq!(tracker.rest(), [UnitProgress { id: unit.id, settled: SettledRows::default() }]);
}

#[test]
fn a_row_that_the_target_refused_is_offered_again_and_refused_again() {
    let bench = Bench::of(Lines::plenty(1, ROWS));
    let refusing = |script: Vec<Step>| {
        let mut target = Scripted::with(script);
        target.refused.insert(7, crate::target::RejectionCause::OutsideWindow { from: None, to: None });
        Arc::new(target)
    };
    let steps = std::iter::repeat_n(Step::Well, 300).chain(std::iter::repeat_n(denied(), 50)).collect();
    assert!(bench.run(&refusing(steps)).is_err());
    assert!(settled(&bench).around(8).is_none(), "the row of time 7 is the eighth");
    let outcome = bench.run(&refusing(Vec::new())).unwrap();
    assert_eq!(outcome.total().acknowledged, 59_999);
    assert_eq!(bench.quarantined(), ["s/00000.json 8: rejected_outside_window"]);
}
