//! The ledger beside a plain model of itself: both are told the same, and must say the same, through every reopening.
//!
//! The model is a map from unit to result. The invariants of the module are stated once, in [`Model::may`] and [`Model::check`]; the ledger's
//! answers are held to them after every step.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::{done, identity, open, settled, tally, units};
use super::*;
use crate::time::{ManualClock, Nanos};

const UNITS: u32 = 6;

/// What is done to both. Unit 6 is unknown.
#[derive(Debug, Clone)]
enum Step {
    /// Units with acknowledged, quarantined and skipped rows; and rows read beyond those, which no accounting has.
    Complete(Vec<(u32, u64, u64, u64, u64)>),
    TakeBack(Vec<u32>),
    /// So many rows of units are settled; none forgets them.
    Progress(Vec<(u32, u64)>),
    /// Another plan, of so many units, takes over and has these pending.
    Succeed(u32, Vec<u32>),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let skipped = prop_oneof![6 => Just(0_u64), 1 => 1_u64..3];
    let beyond = prop_oneof![12 => Just(0_u64), 1 => Just(1_u64)];
    let unit = (0..=UNITS, 0_u64..3, 0_u64..2, skipped, beyond);
    let some = || prop::collection::vec(0..=UNITS, 0..3);
    let count = prop_oneof![4 => Just(UNITS), 1 => Just(UNITS - 1)];
    let step = prop_oneof![
        6 => prop::collection::vec(unit, 1..4).prop_map(Step::Complete),
        2 => some().prop_map(Step::TakeBack),
        3 => prop::collection::vec((0..=UNITS, 0_u64..3), 0..3).prop_map(Step::Progress),
        1 => (count, some()).prop_map(|(count, units)| Step::Succeed(count, units)),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..16)
}

fn result(id: u32, acknowledged: u64, quarantined: u64, skipped: u64, beyond: u64) -> UnitDone {
    let mut rows = tally(acknowledged, &[], if quarantined > 0 { &[("x", 1)] } else { &[] });
    rows.skipped = skipped;
    rows.read += skipped + beyond;
    UnitDone { skipped: (skipped > 0).then(|| "a reason".to_owned()), ..done(id, rows) }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    done: BTreeMap<u32, (Tallies, Option<String>)>,
    plans: Vec<String>,
    progress: BTreeMap<u32, SettledRows>,
}

fn progress_of(id: u32, rows: u64) -> UnitProgress {
    UnitProgress { id, settled: if rows == 0 { SettledRows::default() } else { settled(1, 1 + rows) } }
}

impl Model {
    /// Completes all of them, or none.
    fn complete(&mut self, units: &[UnitDone]) -> bool {
        let mut next = self.done.clone();
        let fits = units.iter().all(|unit| {
            let of_unit = (unit.tallies.clone(), unit.skipped.clone());
            Self::may(unit) && *next.entry(unit.id).or_insert_with(|| of_unit.clone()) == of_unit
        });
        if fits {
            self.progress.retain(|unit, _| !next.contains_key(unit));
            self.done = next;
        }
        fits
    }

    /// Only of pending units; all of them, or none.
    fn keep_progress(&mut self, progress: &[UnitProgress]) -> bool {
        let fits = progress.iter().all(|unit| unit.id < UNITS && !self.done.contains_key(&unit.id));
        for UnitProgress { id, settled } in progress.iter().filter(|_| fits) {
            self.progress.insert(*id, settled.clone());
        }
        self.progress.retain(|_, settled| !settled.is_empty());
        fits
    }

    /// What may be written: a unit of the plan that balances, and that is skipped as a whole or not at all.
    fn may(unit: &UnitDone) -> bool {
        let rows = Tally::sum(unit.tallies.values());
        let whole = if unit.skipped.is_some() { rows.acknowledged == 0 } else { rows.skipped == 0 };
        unit.id < UNITS && whole && rows.read == rows.acknowledged + rows.quarantined_total() + rows.filtered_total() + rows.skipped
    }

    fn take_back(&mut self, units: &[u32]) -> bool {
        let known = units.iter().all(|unit| *unit < UNITS);
        if known {
            self.done.retain(|unit, _| !units.contains(unit));
            self.progress.retain(|unit, _| !units.contains(unit));
        }
        known
    }

    fn check(&self, ledger: &Ledger) -> Result<(), TestCaseError> {
        let states = ledger.states().unwrap();
        prop_assert_eq!(states.len(), usize::try_from(UNITS).unwrap());
        let found: BTreeMap<u32, (Tallies, Option<String>)> = states
            .into_iter()
            .filter_map(|(unit, state)| match state {
                UnitState::Pending => None,
                UnitState::Done { tallies, skipped, .. } => Some((unit.id, (tallies, skipped))),
            })
            .collect();
        prop_assert_eq!(&found, &self.done);
        let all = Tally::sum(ledger.totals().unwrap().values());
        prop_assert_eq!(&all, &Tally::sum(self.done.values().flat_map(|(tallies, _)| tallies.values())));
        prop_assert!(all.balances());
        prop_assert_eq!(&ledger.progress().unwrap(), &self.progress);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_and_its_model_say_the_same_after_every_step(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut ledger = open(&path, UNITS).unwrap();
        let mut model = Model { plans: vec!["plan".to_owned()], ..Model::default() };
        for step in steps {
            match step {
                Step::Complete(group) => {
                    let group: Vec<UnitDone> = group.into_iter().map(|(id, a, q, s, b)| result(id, if s > 0 { a / 2 } else { a }, q, s, b)).collect();
                    prop_assert_eq!(ledger.complete(&group).is_ok(), model.complete(&group));
                }
                Step::Progress(group) => {
                    let group: Vec<UnitProgress> = group.into_iter().map(|(id, rows)| progress_of(id, rows)).collect();
                    prop_assert_eq!(ledger.keep_progress(&group).is_ok(), model.keep_progress(&group));
                }
                Step::TakeBack(group) => prop_assert_eq!(ledger.reopen(&group).is_ok(), model.take_back(&group)),
                Step::Succeed(count, group) => {
                    let plan = format!("plan-{}", model.plans.len());
                    let mut next = model.clone();
                    let fits = count == UNITS && next.take_back(&group);
                    prop_assert_eq!(ledger.succeed(&plan, units(count).into_iter(), &group).is_ok(), fits);
                    if fits {
                        model = next;
                        model.progress.clear();
                        model.plans.push(plan);
                    }
                }
                Step::Close => {}
            }
            model.check(&ledger)?;
            // Whoever comes next finds the same, and only under the present plan.
            drop(ledger);
            let clock = ManualClock::at(Nanos(5));
            for (at, plan) in model.plans.iter().enumerate() {
                let is_present = at + 1 == model.plans.len();
                prop_assert_eq!(Ledger::open(&path, &identity(plan), units(UNITS).into_iter(), &clock).is_ok(), is_present);
            }
            ledger = Ledger::open(&path, &identity(model.plans.last().unwrap()), units(UNITS).into_iter(), &clock).unwrap();
            model.check(&ledger)?;
            prop_assert_eq!(&LedgerView::open(&path).unwrap().earlier_plans().unwrap()[..], &model.plans[..model.plans.len() - 1]);
        }
    }
}
