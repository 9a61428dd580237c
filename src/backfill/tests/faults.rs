//! What the target may do to a request, and what becomes of the rows.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::bench::{Bench, Line, Lines};
use super::target::{Scripted, Step, denied, throttled, unanswered};
use crate::backfill::BackfillError;
use crate::target::{RejectionCause, WriteFault};

#[test]
fn throttles_of_both_kinds_pass_and_are_counted_apart() {
    let bench = Bench::of(Lines::plenty(1, 250));
    let target = Arc::new(Scripted::with([throttled(false), throttled(true), throttled(true), throttled(false), throttled(false)]));
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean(), "{outcome:?}");
    assert_eq!((outcome.throttled_memory, outcome.throttled_magnetic, outcome.retries), (3, 2, 5));
    assert_eq!(outcome.requests, 3 + 5);
    assert_eq!(target.state.lock().unwrap().stored.len(), 250);
}

#[test]
fn a_lost_reply_is_asked_again_and_the_target_holds_each_row_once() {
    let bench = Bench::of(Lines::plenty(3, 100));
    let target = Arc::new(Scripted::with([Step::LostReply, Step::Well, Step::LostReply, Step::LostReply]));
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean());
    assert_eq!((outcome.total().acknowledged, outcome.retries), (300, 3));
    assert_eq!(target.state.lock().unwrap().stored.len(), 300);
}

#[test]
fn one_invalid_record_is_found_by_halving_and_the_other_ninety_nine_are_stored() {
    let bench = Bench::of(Lines::plenty(10, 10));
    let target = Arc::new(Scripted { poison: vec![37], ..Scripted::default() });
    let outcome = bench.run(&target).unwrap();
    assert_eq!((outcome.total().acknowledged, outcome.total().quarantined_total()), (99, 1));
    assert_eq!(bench.quarantined(), ["s/00003.json 8: rejected_invalid"]);
    assert!(outcome.requests <= 15, "a halving takes two requests a step: {}", outcome.requests);
}

#[test]
fn rejected_records_are_kept_by_cause_and_the_rest_of_the_batch_is_stored() {
    let bench = Bench::of(Lines::plenty(1, 100));
    let outside = RejectionCause::OutsideWindow { from: None, to: None };
    let causes = [
        (0, outside),
        (1, RejectionCause::OlderVersion { existing: Some(9) }),
        (50, RejectionCause::Conflict),
        (99, RejectionCause::Other),
    ];
    let target = Arc::new(Scripted { refused: causes.into(), unfit: vec![70], ..Scripted::default() });
    let outcome = bench.run(&target).unwrap();
    assert_eq!(outcome.total().acknowledged, 95);
    let codes =
        ["1: rejected_outside_window", "2: rejected_older_version", "51: rejected_conflict", "71: rejected_invalid", "100: rejected_other"];
    assert_eq!(bench.quarantined(), codes.map(|code| format!("s/00000.json {code}")));
    assert_eq!(target.state.lock().unwrap().batches, [99], "what cannot fit is not sent");
}

#[test]
fn an_expired_endpoint_is_replaced_at_once() {
    let bench = Bench::of(Lines::plenty(1, 10));
    let expired = Step::Fault(WriteFault::EndpointExpired { message: "421".to_owned() });
    let target = Arc::new(Scripted::with([expired.clone(), Step::Well]));
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean());
    assert_eq!((target.state.lock().unwrap().reconnects, outcome.retries), (1, 1));
}

#[test]
fn credentials_that_expire_stop_the_run_and_the_same_command_goes_on() {
    let bench = Bench::of(Lines::plenty(40, 100));
    let well = std::iter::repeat_n(Step::Well, 10);
    let target = Arc::new(Scripted::with(well.chain(std::iter::repeat_n(denied(), 40))));
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(&error, BackfillError::Target { fault: WriteFault::Denied { .. }, .. }), "{error}");
    assert!(error.hint().unwrap().contains("credentials"));
    let asked = target.state.lock().unwrap().requests;
    assert!(asked <= 10 + 8, "nobody goes on asking: {asked}");
    target.state.lock().unwrap().script.clear();
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean());
    assert_eq!((outcome.total().acknowledged, target.state.lock().unwrap().stored.len()), (4000, 4000));
    assert!(outcome.rows <= 3900, "what was done is not done again");
}

#[test]
fn a_target_that_takes_nothing_is_given_up_after_a_quarter_of_an_hour() {
    let bench = Bench::of(Lines::plenty(1, 10));
    let target = Arc::new(Scripted::with(std::iter::repeat_n(unanswered(), 10_000)));
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(&error, BackfillError::GaveUp { seconds: 900, .. }), "{error}");
    assert!(error.hint().unwrap().contains("same command"));
    // At the cap of 20 s and half of it on average, a quarter of an hour is some ninety requests.
    let asked = target.state.lock().unwrap().requests;
    assert!((40..400).contains(&asked), "{asked}");
}

#[test]
fn nothing_but_invalid_records_is_no_run_of_bad_luck() {
    let bench = Bench::of(Lines::plenty(20, 100));
    let target = Arc::new(Scripted { poison: (0..2000).collect(), ..Scripted::default() });
    let error = bench.run(&target).unwrap_err();
    assert!(matches!(&error, BackfillError::EverythingInvalid { records: 300.., .. }), "{error}");
    assert_eq!(target.state.lock().unwrap().stored.len(), 0);
}

#[test]
fn a_stop_finishes_what_is_under_way_and_the_next_run_does_the_rest() {
    let bench = Bench::of(Lines::plenty(200, 50));
    let (stop, seen) = tokio::sync::watch::channel(false);
    let target = Arc::new(Scripted { after: Some((10, stop)), ..Scripted::default() });
    let outcome = bench.run_until(&target, seen).unwrap();
    assert!(outcome.interrupted && outcome.units_pending > 0 && outcome.units_done > 0, "{outcome:?}");
    let sent: usize = target.state.lock().unwrap().batches.iter().sum();
    assert!(outcome.total().acknowledged <= sent as u64);
    let outcome = bench.run(&target).unwrap();
    assert!(outcome.is_clean() && outcome.units_done == 200);
    assert_eq!(target.state.lock().unwrap().stored.len(), 10_000);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Well),
        1 => Just(Step::LostReply),
        1 => Just(unanswered()),
        1 => any::<bool>().prop_map(throttled),
    ];
    prop::collection::vec(step, 0..40)
}

/// Up to 12 objects of up to 120 rows over few keys: repeats, collisions, bad and filtered rows among them.
fn histories() -> impl Strategy<Value = Lines> {
    let line = prop_oneof![
        20 => (0..400i64, 0..2u8).prop_map(|(time, temp)| Line::Sent("press-1", time, f64::from(temp))),
        1 => Just(Line::Filtered),
        1 => Just(Line::Bad),
    ];
    prop::collection::vec(prop::collection::vec(line, 0..120), 1..12).prop_map(Lines::of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_target_does_every_row_has_one_outcome(lines in histories(), script in steps(), deny_at in prop::option::of(0usize..30)) {
        let rows = lines.rows();
        let mut script = script;
        if let Some(at) = deny_at {
            script.insert(at.min(script.len()), denied());
        }
        let bench = Bench::of(lines);
        let target = Arc::new(Scripted::with(script));
        let begun = std::time::Instant::now();
        // A denial ends a run; the next one goes on. There is one denial at the most.
        let outcome = match bench.run(&target) {
            Err(BackfillError::Target { .. }) => bench.run(&target),
            other => other,
        };
        // Waiting costs no time here; a disk that others keep busy may cost a minute.
        prop_assert!(begun.elapsed() < Duration::from_secs(600));
        match outcome {
            Ok(outcome) => {
                let total = outcome.total();
                prop_assert_eq!(total.read, rows);
                prop_assert!(total.balances());
                prop_assert_eq!(outcome.units_pending, 0);
                prop_assert_eq!(bench.quarantined().len() as u64, total.quarantined_total());
                let state = target.state.lock().unwrap();
                prop_assert!(state.stored.len() as u64 <= total.acknowledged);
                prop_assert!(state.batches.iter().all(|records| (1..=100).contains(records)));
            }
            Err(error) => prop_assert!(
                matches!(&error, BackfillError::NothingRead { .. } | BackfillError::NothingWritten { .. }),
                "{}", error
            ),
        }
    }
}
