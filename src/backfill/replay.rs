//! Whether a plan may take the place of another in the middle of a backfill: only rows in quarantine may become something else by it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::unit::{ReadFailure, UnitReader, UnitRow};
use crate::ledger::Unit;
use crate::progress::Progress;
use crate::record::RecordKey;

/// What two plans make of the same rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Rows of which both make the same record at the same table.
    pub same: u64,
    /// Rows in quarantine that the new plan makes a record of.
    pub taken_up: u64,
    /// Rows that may be at the target and would be another record, or none.
    pub changed: u64,
    /// The first of those: its place, and what would become of it.
    pub first: Option<(String, String)>,
}

/// A record as far as the target can tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    table: Arc<str>,
    key: RecordKey,
    content: u64,
}

/// Reads every one of `units` by both plans. `in_quarantine` are the rows that are not at the target, by unit and row.
///
/// # Errors
/// When a unit cannot be read.
pub fn compare(
    present: &dyn UnitReader,
    next: &dyn UnitReader,
    units: &[Unit],
    in_quarantine: &BTreeSet<(u32, u64)>,
    progress: &dyn Progress,
) -> Result<Compared, ReadFailure> {
    let mut compared = Compared::default();
    for unit in units {
        let mut written = BTreeMap::new();
        read(present, unit, &mut |row, became| {
            if let (Ok(shape), false) = (became, in_quarantine.contains(&(unit.id, row))) {
                written.insert(row, shape);
            }
        })?;
        read(next, unit, &mut |row, became| match (written.remove(&row), became) {
            (Some(before), Ok(now)) if before == now => compared.same += 1,
            (Some(_), became) => {
                let what = became.map_or_else(|reason| reason, |_| "it would be another record".to_owned());
                note(&mut compared, unit, row, what);
            }
            (None, Ok(_)) if in_quarantine.contains(&(unit.id, row)) => compared.taken_up += 1,
            (None, _) => {}
        })?;
        for row in written.into_keys() {
            note(&mut compared, unit, row, "it would not be read any more".to_owned());
        }
        progress.advance(1);
    }
    Ok(compared)
}

fn note(compared: &mut Compared, unit: &Unit, row: u64, what: String) {
    compared.changed += 1;
    compared.first.get_or_insert_with(|| (format!("{} row {row}", unit.key), what));
}

/// Hands on what becomes of every row that has a number: its record, or why there is none.
fn read(reader: &dyn UnitReader, unit: &Unit, each: &mut dyn FnMut(u64, Result<Shape, String>)) -> Result<(), ReadFailure> {
    let read = reader.read(unit, &mut |row| {
        match row {
            UnitRow::Record(mapped) => {
                let shape = Shape { table: mapped.table, key: mapped.record.key(), content: mapped.record.content_digest() };
                each(mapped.provenance.row, Ok(shape));
            }
            UnitRow::Quarantined(row) => each(row.row, Err(format!("{}: {}", row.code, row.reason))),
            // It has no number, and was never sent.
            UnitRow::Filtered(_) => {}
        }
        ControlFlow::Continue(())
    });
    read.map(|_| ())
}
