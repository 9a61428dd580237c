//! `units list`, `units retry` and `units skip`: the objects of a backfill, each with what became of it, another try, or none.

use std::sync::Arc;

use iota2ts::backfill::{self, units as planned};
use iota2ts::ledger::{Identity, Ledger, LedgerView, SettledRows, Unit, UnitState};
use iota2ts::report::text::{self, Align, Table};
use serde::Serialize;

use crate::cli::args::{UnitFilter, UnitsAction};
use crate::cli::{CommandError, Context, Ended, failpoints};

use super::backfill::{Fresh, fresh_plan, units_of};

/// A reason is a sentence.
const REASON_CHARS_MAX: usize = 500;

pub(in crate::cli) fn units(context: &Context, action: &UnitsAction) -> Result<Ended, CommandError> {
    match action {
        UnitsAction::List { only, limit } => list(context, *only, *limit),
        UnitsAction::Retry { only, object } => retry(context, *only, object),
        UnitsAction::Skip { unit, reason } => skip(context, unit, reason),
    }
}

#[derive(Serialize)]
struct Listed {
    id: u32,
    object: String,
    state: &'static str,
    read: u64,
    acknowledged: u64,
    filtered: u64,
    quarantined: u64,
    skipped: u64,
    damage: Option<String>,
    reason: Option<String>,
    /// Of a pending object: rows that need not be sent again.
    settled: u64,
}

impl Listed {
    fn of((unit, state): (Unit, UnitState), settled: u64) -> Self {
        let mut listed = Self {
            id: unit.id,
            object: unit.key,
            state: "pending",
            read: 0,
            acknowledged: 0,
            filtered: 0,
            quarantined: 0,
            skipped: 0,
            damage: None,
            reason: None,
            settled,
        };
        if let UnitState::Done { tallies, damage, skipped, .. } = state {
            listed.state = if skipped.is_some() { "skipped" } else { "done" };
            listed.reason = skipped;
            for tally in tallies.values() {
                listed.read += tally.read;
                listed.acknowledged += tally.acknowledged;
                listed.filtered += tally.filtered_total();
                listed.quarantined += tally.quarantined_total();
                listed.skipped += tally.skipped;
            }
            listed.damage = damage;
        }
        listed
    }

    fn is(&self, filter: UnitFilter) -> bool {
        match filter {
            UnitFilter::Pending => self.state == "pending",
            UnitFilter::Done => self.state == "done",
            UnitFilter::Skipped => self.state == "skipped",
            UnitFilter::Damaged => self.damage.is_some(),
            UnitFilter::Quarantined => self.quarantined > 0,
        }
    }
}

fn list(context: &Context, only: Option<UnitFilter>, limit: usize) -> Result<Ended, CommandError> {
    let view = LedgerView::open(&context.dir.ledger())?;
    let progress = view.progress()?;
    let listed = |(unit, state): (Unit, UnitState)| {
        let settled = progress.get(&unit.id).map_or(0, SettledRows::rows);
        Listed::of((unit, state), settled)
    };
    let mut wanted = view.states()?.into_iter().map(listed).filter(|unit| only.is_none_or(|filter| unit.is(filter)));
    let shown: Vec<Listed> = wanted.by_ref().take(limit).collect();
    let more = wanted.count();
    if more > 0 {
        context.printer.note(&format!("{} more; use --limit to see them", text::count(u64::try_from(more).unwrap_or(u64::MAX))));
    }
    let mut table = Table::new(&[
        ("unit", Align::Right),
        ("state", Align::Left),
        ("read", Align::Right),
        ("acknowledged", Align::Right),
        ("filtered", Align::Right),
        ("quarantined", Align::Right),
        ("skipped", Align::Right),
        ("object", Align::Left),
    ]);
    for unit in &shown {
        let mut damage = unit.damage.as_ref().map_or_else(String::new, |damage| format!(" (damaged: {damage})"));
        if unit.settled > 0 {
            damage.push_str(&format!(" (under way: {} rows will not be sent again)", text::count(unit.settled)));
        }
        damage.extend(unit.reason.iter().map(|reason| format!(" (skipped: {reason})")));
        table.row([
            unit.id.to_string(),
            unit.state.to_owned(),
            text::count(unit.read),
            text::count(unit.acknowledged),
            text::count(unit.filtered),
            text::count(unit.quarantined),
            text::count(unit.skipped),
            text::shown(&format!("{}{damage}", unit.object)),
        ]);
    }
    let text = if shown.is_empty() { "no such object\n".to_owned() } else { table.render("") };
    context.printer.result(&text, &shown)?;
    Ok(Ended::Clean)
}

#[derive(Serialize)]
struct Reopened {
    units: Vec<u32>,
}

/// Takes done units back to pending. What is sent again is the same records, so that only those change that were not taken before.
fn retry(context: &Context, only: Option<UnitFilter>, objects: &[String]) -> Result<Ended, CommandError> {
    if only.is_none() && objects.is_empty() {
        return Err(CommandError::new("nothing is named that could be tried again")
            .hinted("give --only quarantined, --only damaged, or --object KEY; `units list` shows them"));
    }
    let mut ledger = opened(context, &fresh_plan(context)?)?;
    let known: Vec<Listed> = ledger.states()?.into_iter().map(|known| Listed::of(known, 0)).collect();
    if let Some(stranger) = objects.iter().find(|object| !known.iter().any(|unit| unit.object == **object)) {
        return Err(
            CommandError::new(format!("`{}` is no object of this backfill", text::shown(stranger))).hinted("`units list` shows their keys")
        );
    }
    let wanted = |unit: &&Listed| objects.contains(&unit.object) || only.is_some_and(|filter| unit.is(filter));
    let units: Vec<u32> = known.iter().filter(|unit| unit.state != "pending").filter(wanted).map(|unit| unit.id).collect();
    ledger.reopen(&units)?;
    let text = format!(
        "{} to be read and sent again\nnext: iota2ts backfill\n",
        text::counted(u64::try_from(units.len()).unwrap_or(u64::MAX), "object", "objects")
    );
    context.printer.result(&text, &Reopened { units })?;
    Ok(Ended::Clean)
}

/// The ledger of a plan, begun where there is none.
pub(super) fn opened(context: &Context, fresh: &Fresh) -> Result<Ledger, CommandError> {
    let identity = Identity { plan_digest: fresh.plan.digest(), tool_version: env!("CARGO_PKG_VERSION").to_owned() };
    Ok(Ledger::open(&context.dir.ledger(), &identity, planned(&fresh.plan, &fresh.listing), &*context.clock)?)
}

#[derive(Serialize)]
struct Left {
    unit: u32,
    object: String,
    reason: String,
    /// Rows that would have been sent.
    skipped: u64,
    read: u64,
    unread: Option<String>,
}

/// Reads the object and counts its rows, so that every one of them has its place in the accounting.
fn skip(context: &Context, named: &str, reason: &str) -> Result<Ended, CommandError> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(CommandError::new(format!("a reason of 1 to {REASON_CHARS_MAX} characters is needed"))
            .hinted("write why these rows may stay behind: --reason \"commissioning tests, not production data\""));
    }
    let fresh = fresh_plan(context)?;
    let mut ledger = opened(context, &fresh)?;
    let states = ledger.states()?;
    let found = states.iter().find(|(unit, _)| unit.key == named || unit.id.to_string() == named);
    let Some((unit, state)) = found else {
        return Err(CommandError::new(format!("`{}` is no object of this backfill", text::shown(named)))
            .hinted("`units list` shows their numbers and keys"));
    };
    match state {
        UnitState::Pending => {}
        UnitState::Done { skipped: Some(before), .. } if before == reason => {}
        UnitState::Done { .. } => {
            return Err(CommandError::new(format!("`{}` is done already", text::shown(&unit.key)))
                .hinted("only a pending object can be left out; `units retry --object KEY` makes it pending again"));
        }
    }
    let failpoints = Arc::new(failpoints()?);
    ledger.set_failpoints(Arc::clone(&failpoints));
    let reader = units_of(&fresh.plan, &Arc::new(fresh.listing), fresh.rows)?;
    let now = context.clock.now();
    let skipped = backfill::skip(&mut ledger, &context.dir.quarantine(), &reader, unit, reason, now, &failpoints)?;
    let what = match &skipped.unread {
        None => format!("{} of {} left out", text::count(skipped.rows.skipped), text::counted(skipped.rows.read, "row", "rows")),
        Some(why) => format!("it cannot be read, so its rows are not counted: {}", text::shown(why)),
    };
    let said = format!("skipped {}: {what}\n", text::shown(&unit.key));
    let left = Left {
        unit: unit.id,
        object: unit.key.clone(),
        reason: reason.to_owned(),
        skipped: skipped.rows.skipped,
        read: skipped.rows.read,
        unread: skipped.unread,
    };
    context.printer.result(&said, &left)?;
    Ok(Ended::Clean)
}
