//! `quarantine replay`: rows in quarantine taken up again after a fix, from their objects, under the plan that the fix makes.
//!
//! The order is what makes it safe to be killed: the next plan is durable beside the present one, then the ledger goes by it and has the
//! objects pending, in one transaction, then it takes its place. Whatever comes next finishes what is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use iota2ts::backfill::{self, units as planned};
use iota2ts::failpoint;
use iota2ts::inventory::Inventory;
use iota2ts::ledger::{LedgerView, Unit, UnitState, quarantine};
use iota2ts::plan::{Grade, Plan};
use iota2ts::report::text;
use iota2ts::settings::Settings;
use serde::Serialize;

use crate::cli::args::SampleArgs;
use crate::cli::{CommandError, Context, Ended, failpoints};

use super::backfill::{Fresh, units_of};
use super::history::{self, History, Place};
use super::{plan, units};

#[derive(Serialize)]
struct Replayed {
    /// Rows that were in quarantine.
    rows: u64,
    /// Of those, rows that the new mapping makes a record of; none where the mapping is the plan's.
    taken_up: Option<u64>,
    units: Vec<u32>,
    /// The digest of the plan that took the place of the present one.
    plan: Option<String>,
}

pub(in crate::cli) fn replay(context: &Context) -> Result<Ended, CommandError> {
    finish(context)?;
    let settings = Settings::load(&context.dir.settings())?;
    let fresh = present(context, &settings)?;
    let is_changed = fresh.plan.bound_to.settings != settings.digest();
    let mut ledger = units::opened(context, &fresh)?;
    let failpoints = Arc::new(failpoints()?);
    ledger.set_failpoints(Arc::clone(&failpoints));
    let kept = kept(context)?;
    let units: Vec<u32> = kept.iter().map(|(unit, _)| *unit).collect::<BTreeSet<_>>().into_iter().collect();
    let mut replayed = Replayed { rows: u64::try_from(kept.len()).unwrap_or(u64::MAX), taken_up: None, units, plan: None };
    if replayed.units.is_empty() {
        context.printer.result("no row is in quarantine\n", &replayed)?;
        return Ok(Ended::Clean);
    }
    if is_changed {
        let states = ledger.states()?;
        let (next, taken_up) = successor(context, &settings, &fresh, &states, &kept)?;
        next.save(&context.dir.next_plan())?;
        // As everybody will read it.
        let next = Plan::load(&context.dir.next_plan())?;
        let number = LedgerView::open(&context.dir.ledger())?.earlier_plans()?.len() + 1;
        keep(context, number)?;
        failpoints.hit(failpoint::REPLAY_BEFORE_LEDGER);
        ledger.succeed(&next.digest(), planned(&next, &fresh.listing), &replayed.units)?;
        failpoints.hit(failpoint::REPLAY_BEFORE_PLAN);
        finish(context)?;
        replayed.taken_up = Some(taken_up);
        replayed.plan = Some(next.digest());
    } else {
        ledger.reopen(&replayed.units)?;
    }
    let mapped = replayed.taken_up.map_or_else(String::new, |rows| format!(", {} of them a record by the new mapping", text::count(rows)));
    let said = format!(
        "{} in {} to be taken up again{mapped}\nnext: iota2ts backfill\n",
        text::counted(replayed.rows, "row", "rows"),
        text::counted(u64::try_from(replayed.units.len()).unwrap_or(u64::MAX), "object", "objects"),
    );
    context.printer.result(&said, &replayed)?;
    Ok(Ended::Clean)
}

/// Keeps the present plan, which is no longer going to be the present one.
fn keep(context: &Context, number: usize) -> Result<(), CommandError> {
    let kept = context.dir.earlier_plan(number);
    std::fs::copy(context.dir.plan(), &kept).and_then(|_| std::fs::File::open(&kept)?.sync_all()).map_err(|e| {
        CommandError::new(format!("`{}` could not be written: {e}", kept.display()))
            .hinted("check that the disk has room and that the directory may be written")
    })
}

/// Puts the next plan into its place where the ledger already goes by it: an earlier replay was killed just before.
pub(super) fn finish(context: &Context) -> Result<(), CommandError> {
    let (next, ledger) = (context.dir.next_plan(), context.dir.ledger());
    if !there(&next)? || !there(&ledger)? {
        return Ok(());
    }
    let plan = Plan::load(&next)?;
    if LedgerView::open(&ledger)?.identity()?.plan_digest != plan.digest() {
        return Ok(());
    }
    let moved = std::fs::rename(&next, context.dir.plan()).and_then(|()| std::fs::File::open(context.dir.root())?.sync_all());
    moved.or_else(|e| if e.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(e) }).map_err(|e| {
        CommandError::new(format!("`{}` could not be put in the place of plan.json: {e}", next.display()))
            .hinted("check that the directory may be written, and run the same command again")
    })
}

fn there(path: &Path) -> Result<bool, CommandError> {
    path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))
}

/// The present plan with what it was made from; the settings may be others.
fn present(context: &Context, settings: &Settings) -> Result<Fresh, CommandError> {
    let plan = Plan::load(&context.dir.plan())?;
    let inventory = Inventory::load(&context.dir.inventory())?;
    let place = Place::open(context, &plan.history)?;
    let functions = history::functions(context, settings)?;
    let History { listing, rows, digest } = place.seen(&settings.raw, &history::running(&inventory, settings, functions.as_ref()))?;
    plan.check_fresh(&inventory.digest(), &plan.bound_to.settings, &digest)?;
    Ok(Fresh { plan, listing, rows })
}

/// The places of all rows in quarantine.
fn kept(context: &Context) -> Result<BTreeSet<(u32, u64)>, CommandError> {
    let mut places = BTreeSet::new();
    for row in quarantine::read(&context.dir.quarantine())? {
        let row = row?;
        places.insert((row.unit, row.row));
    }
    Ok(places)
}

/// The plan that the changed settings make, if it leaves every row alone that may be at the target; and how many rows it takes up.
fn successor(
    context: &Context,
    settings: &Settings,
    fresh: &Fresh,
    states: &[(Unit, UnitState)],
    kept: &BTreeSet<(u32, u64)>,
) -> Result<(Plan, u64), CommandError> {
    let elsewhere = "undo the change, or carry the new plan out in a directory of its own (--dir)";
    if !settings.raw.is_empty() {
        return Err(CommandError::new(
            "the settings changed, and rows come through pipelines here: what the change does to rows that were sent cannot be told",
        )
        .hinted(elsewhere));
    }
    let sample = SampleArgs { sample_objects: None, sample_rows: None };
    let next = plan::make(context, None, sample)?;
    context.dir.tidy();
    if let Some(finding) = next.findings.iter().find(|finding| finding.grade == Grade::Error) {
        return Err(CommandError::new(format!(
            "the new plan has errors, the first: {}: {}",
            text::shown(&finding.subject),
            text::shown(&finding.cause)
        ))
        .hinted("`iota2ts plan` shows them all; mend migration.toml"));
    }
    let same_place = next.target == fresh.plan.target
        && next.write.record_version == fresh.plan.write.record_version
        && next.history == fresh.plan.history;
    if !same_place {
        return Err(CommandError::new("the settings of the target, the record version or the history changed, and not only the mapping")
            .hinted(elsewhere));
    }
    let listing = Arc::new(fresh.listing.clone());
    let (before, after) = (units_of(&fresh.plan, &listing, Arc::clone(&fresh.rows))?, units_of(&next, &listing, Arc::clone(&fresh.rows))?);
    // What a person left out because it cannot be read was never sent.
    let read: Vec<Unit> = states
        .iter()
        .filter(|(_, state)| !matches!(state, UnitState::Done { skipped: Some(_), damage: Some(_), .. }))
        .map(|(unit, _)| unit.clone())
        .collect();
    context.progress.begin("comparing both plans", u64::try_from(read.len()).ok(), "objects");
    let compared = backfill::compare(&before, &after, &read, kept, &*context.progress)
        .map_err(|failure| CommandError { cause: failure.message, hint: failure.hint })?;
    context.progress.end();
    match compared.first {
        None => Ok((next, compared.taken_up)),
        Some((place, what)) => Err(CommandError::new(format!(
            "the change concerns {} that may be at the target already, the first: {}: {}",
            text::counted(compared.changed, "row", "rows"),
            text::shown(&place),
            text::shown(&what)
        ))
        .hinted("a fix may change rows in quarantine only: narrow it, or carry the new plan out in a directory of its own (--dir)")),
    }
}
