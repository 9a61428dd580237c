//! `capture`: definitions from files into `inventory.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use iota2ts::inventory::{self, Captured, Inventory};
use iota2ts::report;
use serde::Serialize;

use crate::cli::{CommandError, Context, Ended};

#[derive(Serialize)]
struct Result_<'a> {
    inventory: &'a Inventory,
    problems: &'a [inventory::Problem],
}

pub(in crate::cli) fn capture(context: &Context, from: &[PathBuf], parameters: &[(String, String)]) -> Result<Ended, CommandError> {
    let captured = read(from, parameters)?;
    context.printer.result(&report::capture_text(&captured), &Result_ { inventory: &captured.inventory, problems: &captured.problems })?;
    save(context, &captured)?;
    if captured.has_errors() {
        context.printer.note("what is wrong above was left out of the inventory; mend it and capture again, or plan without it");
        return Ok(Ended::WithFindings);
    }
    context.printer.note(&format!("saved {}; next: iota2ts plan --history PATH", context.dir.inventory().display()));
    Ok(Ended::Clean)
}

/// Reads the definitions; at least one resource must be among them.
pub(super) fn read(from: &[PathBuf], parameters: &[(String, String)]) -> Result<Captured, CommandError> {
    let parameters: BTreeMap<String, String> = parameters.iter().cloned().collect();
    Ok(inventory::capture(from, &parameters)?)
}

pub(super) fn save(context: &Context, captured: &Captured) -> Result<(), CommandError> {
    context.dir.create()?;
    Ok(captured.inventory.save(&context.dir.inventory())?)
}
