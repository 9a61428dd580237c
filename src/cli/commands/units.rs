//! `units list` and `units retry`: the objects of a backfill, each with what became of it, and another try.

use iota2ts::backfill::units as planned;
use iota2ts::ledger::{Identity, Ledger, LedgerView, Unit, UnitState};
use iota2ts::report::text::{self, Align, Table};
use serde::Serialize;

use crate::cli::args::{UnitFilter, UnitsAction};
use crate::cli::{CommandError, Context, Ended};

use super::backfill::fresh_plan;

pub(in crate::cli) fn units(context: &Context, action: &UnitsAction) -> Result<Ended, CommandError> {
    match action {
        UnitsAction::List { only, limit } => list(context, *only, *limit),
        UnitsAction::Retry { only, object } => retry(context, *only, object),
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
    damage: Option<String>,
}

impl Listed {
    fn of((unit, state): (Unit, UnitState)) -> Self {
        let mut listed =
            Self { id: unit.id, object: unit.key, state: "pending", read: 0, acknowledged: 0, filtered: 0, quarantined: 0, damage: None };
        if let UnitState::Done { tallies, damage, .. } = state {
            listed.state = "done";
            for tally in tallies.values() {
                listed.read += tally.read;
                listed.acknowledged += tally.acknowledged;
                listed.filtered += tally.filtered_total();
                listed.quarantined += tally.quarantined_total();
            }
            listed.damage = damage;
        }
        listed
    }

    fn is(&self, filter: UnitFilter) -> bool {
        match filter {
            UnitFilter::Pending => self.state == "pending",
            UnitFilter::Done => self.state == "done",
            UnitFilter::Damaged => self.damage.is_some(),
            UnitFilter::Quarantined => self.quarantined > 0,
        }
    }
}

fn list(context: &Context, only: Option<UnitFilter>, limit: usize) -> Result<Ended, CommandError> {
    let states = LedgerView::open(&context.dir.ledger())?.states()?;
    let mut wanted = states.into_iter().map(Listed::of).filter(|unit| only.is_none_or(|filter| unit.is(filter)));
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
        ("object", Align::Left),
    ]);
    for unit in &shown {
        let damage = unit.damage.as_ref().map_or_else(String::new, |damage| format!(" (damaged: {damage})"));
        table.row([
            unit.id.to_string(),
            unit.state.to_owned(),
            text::count(unit.read),
            text::count(unit.acknowledged),
            text::count(unit.filtered),
            text::count(unit.quarantined),
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
    let fresh = fresh_plan(context)?;
    let identity = Identity { plan_digest: fresh.plan.digest(), tool_version: env!("CARGO_PKG_VERSION").to_owned() };
    let mut ledger = Ledger::open(&context.dir.ledger(), &identity, &planned(&fresh.plan, &fresh.listing), &*context.clock)?;
    let known: Vec<Listed> = ledger.states()?.into_iter().map(Listed::of).collect();
    if let Some(stranger) = objects.iter().find(|object| !known.iter().any(|unit| unit.object == **object)) {
        return Err(
            CommandError::new(format!("`{}` is no object of this backfill", text::shown(stranger))).hinted("`units list` shows their keys")
        );
    }
    let wanted = |unit: &&Listed| objects.contains(&unit.object) || only.is_some_and(|filter| unit.is(filter));
    let units: Vec<u32> = known.iter().filter(|unit| unit.state == "done").filter(wanted).map(|unit| unit.id).collect();
    ledger.reopen(&units)?;
    let text = format!(
        "{} to be read and sent again\nnext: iota2ts backfill\n",
        text::counted(u64::try_from(units.len()).unwrap_or(u64::MAX), "object", "objects")
    );
    context.printer.result(&text, &Reopened { units })?;
    Ok(Ended::Clean)
}
