//! What a backfill came to, for people.

use std::collections::BTreeMap;

use crate::backfill::Outcome;
use crate::ledger::Tally;

use super::text::{Align, Table, count, duration, shown};

/// The accounting so far, and what this run did.
#[must_use]
pub fn outcome_text(outcome: &Outcome) -> String {
    let mut table = tallies(&outcome.totals);
    if outcome.totals.len() > 1 {
        table.row(line("all", &outcome.total()));
    }
    let mut text = table.render("");
    text.push_str("  read = acknowledged + filtered + quarantined + skipped\n\n");
    for (code, rows) in &outcome.total().quarantined {
        text.push_str(&format!("quarantined: {} rows, {}\n", count(*rows), shown(code)));
    }
    for (key, damage) in &outcome.damaged {
        text.push_str(&format!("damaged: {}: {}\n", shown(key), shown(damage)));
    }
    for (key, reason) in &outcome.skipped {
        text.push_str(&format!("skipped: {}: {}\n", shown(key), shown(reason)));
    }
    for remark in &outcome.remarks {
        text.push_str(&format!("note: {}\n", shown(remark)));
    }
    text.push_str(&format!(
        "{} of {} objects done; this run: {} rows in {} requests ({} repeated, {} throttled), {}\n",
        count(outcome.units_done),
        count(outcome.units_done + outcome.units_pending),
        count(outcome.rows),
        count(outcome.requests),
        count(outcome.retries),
        count(outcome.throttled_memory + outcome.throttled_magnetic),
        duration(outcome.seconds),
    ));
    text
}

/// What became of the rows, a line for each table.
#[must_use]
pub fn tallies(totals: &BTreeMap<String, Tally>) -> Table {
    let mut table = Table::new(&[
        ("table", Align::Left),
        ("read", Align::Right),
        ("acknowledged", Align::Right),
        ("filtered", Align::Right),
        ("quarantined", Align::Right),
        ("skipped", Align::Right),
    ]);
    for (name, tally) in totals {
        table.row(line(name, tally));
    }
    table
}

fn line(name: &str, tally: &Tally) -> [String; 6] {
    let rows = [tally.read, tally.acknowledged, tally.filtered_total(), tally.quarantined_total(), tally.skipped].map(count);
    let [read, acknowledged, filtered, quarantined, skipped] = rows;
    [name.to_owned(), read, acknowledged, filtered, quarantined, skipped]
}
