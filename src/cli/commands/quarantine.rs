//! `quarantine list` and `quarantine show`: the rows that were not written, and why.

use std::collections::BTreeMap;

use iota2ts::ledger::{QuarantinedRow, quarantine as store};
use iota2ts::report::text::{self, Align, Table};
use serde::Serialize;

use crate::cli::args::QuarantineAction;
use crate::cli::{CommandError, Context, Ended};

#[derive(Serialize)]
struct Reason {
    code: String,
    rows: u64,
    example: String,
}

pub(in crate::cli) fn quarantine(context: &Context, action: &QuarantineAction) -> Result<Ended, CommandError> {
    match action {
        QuarantineAction::List => list(context),
        QuarantineAction::Replay => super::replay::replay(context),
        QuarantineAction::Show { code, object, limit } => show(context, code.as_deref(), object.as_deref(), *limit),
    }
}

fn list(context: &Context) -> Result<Ended, CommandError> {
    let mut reasons: BTreeMap<String, Reason> = BTreeMap::new();
    for row in store::read(&context.dir.quarantine())? {
        let row = row?;
        let example = format!("{} row {}: {}", row.object, row.row, row.reason);
        reasons.entry(row.code.clone()).or_insert(Reason { code: row.code, rows: 0, example }).rows += 1;
    }
    let mut table = Table::new(&[("reason", Align::Left), ("rows", Align::Right)]);
    let mut examples = String::new();
    for reason in reasons.values() {
        table.row([reason.code.clone(), text::count(reason.rows)]);
        examples.push_str(&text::wrapped("", "  ", &reason.example));
    }
    let text =
        if reasons.is_empty() { "no row is in quarantine\n".to_owned() } else { format!("{}\nFor example\n{examples}", table.render("")) };
    context.printer.result(&text, &reasons.values().collect::<Vec<_>>())?;
    Ok(Ended::Clean)
}

fn show(context: &Context, code: Option<&str>, object: Option<&str>, limit: usize) -> Result<Ended, CommandError> {
    let wanted = |row: &QuarantinedRow| code.is_none_or(|code| row.code == code) && object.is_none_or(|object| row.object == object);
    let mut shown = 0;
    for row in store::read(&context.dir.quarantine())? {
        let row = row?;
        if !wanted(&row) {
            continue;
        }
        if shown == limit {
            context.printer.note(&format!("the first {limit} rows; use --limit for more"));
            break;
        }
        let line = serde_json::to_string(&row).map_err(|e| CommandError::new(format!("a row could not be written as JSON: {e}")))?;
        context.printer.data(&iota2ts::report::text::shown_json(&line))?;
        shown += 1;
    }
    Ok(Ended::Clean)
}
