//! `status`: how far the migration is, from the ledger.

use std::collections::BTreeMap;

use iota2ts::ledger::{LedgerView, Run, SettledRows, Tally, UnitState};
use iota2ts::report::{tallies, text};
use serde::Serialize;

use crate::cli::{CommandError, Context, Ended};

#[derive(Serialize)]
struct Status {
    units_done: usize,
    units_pending: usize,
    /// Of pending objects: rows that need not be sent again.
    rows_settled: u64,
    damaged_objects: Vec<String>,
    /// With the reason.
    skipped_objects: BTreeMap<String, String>,
    totals: BTreeMap<String, Tally>,
    runs: Vec<Run>,
}

pub(in crate::cli) fn status(context: &Context) -> Result<Ended, CommandError> {
    let view = LedgerView::open(&context.dir.ledger())?;
    let mut status = Status {
        units_done: 0,
        units_pending: 0,
        rows_settled: view.progress()?.values().map(SettledRows::rows).sum(),
        damaged_objects: Vec::new(),
        skipped_objects: BTreeMap::new(),
        totals: view.totals()?,
        runs: view.runs()?,
    };
    view.each_state(&mut |unit, state| match state {
        UnitState::Pending => status.units_pending += 1,
        UnitState::Done { damage, skipped, .. } => {
            status.units_done += 1;
            status.skipped_objects.extend(skipped.map(|reason| (unit.key.clone(), reason)));
            if let Some(damage) = damage {
                status.damaged_objects.push(format!("{}: {damage}", unit.key));
            }
        }
    })?;
    context.printer.result(&text(&status), &status)?;
    Ok(Ended::Clean)
}

fn text(status: &Status) -> String {
    let next = if status.units_pending > 0 { "next: iota2ts backfill goes on" } else { "next: iota2ts verify" };
    let under_way = match status.rows_settled {
        0 => String::new(),
        rows => format!("under way: {} rows of objects to do are at the target and will not be sent again\n", text::count(rows)),
    };
    let damaged: String = status.damaged_objects.iter().map(|line| format!("damaged: {}\n", text::shown(line))).collect();
    let skipped = status.skipped_objects.iter().map(|(key, reason)| format!("skipped: {}: {}\n", text::shown(key), text::shown(reason)));
    let damaged: String = skipped.chain(std::iter::once(damaged)).collect();
    format!(
        "{} objects done, {} to do, {} runs\n\n{}\n{under_way}{damaged}{next}\n",
        status.units_done,
        status.units_pending,
        status.runs.len(),
        tallies(&status.totals).render("")
    )
}
