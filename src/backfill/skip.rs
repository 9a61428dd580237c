//! A unit that a person leaves out: read and counted like any other, and nothing of it is sent.

use std::ops::ControlFlow;
use std::path::Path;

use super::committing::commit;
use super::tracker::Finished;
use super::unit::{UnitReader, UnitRow};
use crate::failpoint::Failpoints;
use crate::ledger::{Ledger, LedgerError, Tallies, Tally, Unit, UnitDone};
use crate::time::Nanos;

/// What a unit came to that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The accounting of its rows.
    pub rows: Tally,
    /// Why it could not be read, if so; then its rows are not known.
    pub unread: Option<String>,
}

/// Makes `unit` done without sending it: rows that would be sent count as skipped, all others as what they are. A unit that cannot be read
/// has no rows, and says why. Killed on the way, it is pending as before, or done.
///
/// # Errors
/// As [`Ledger::complete`]: refuses a unit that is done otherwise.
pub fn skip(
    ledger: &mut Ledger,
    quarantine_dir: &Path,
    reader: &dyn UnitReader,
    unit: &Unit,
    reason: &str,
    now: Nanos,
    failpoints: &Failpoints,
) -> Result<Skipped, LedgerError> {
    let mut tallies = Tallies::from([(unit.table.clone(), Tally::default())]);
    let mut quarantine = Vec::new();
    let read = reader.read(unit, &mut |row| {
        let tally = |table: &str, tallies: &mut Tallies, count: &dyn Fn(&mut Tally)| {
            let tally = tallies.entry(table.to_owned()).or_default();
            tally.read += 1;
            count(tally);
        };
        match row {
            UnitRow::Record(mapped) => tally(&mapped.table, &mut tallies, &|tally| tally.skipped += 1),
            UnitRow::Filtered(activity) => {
                tally(&unit.table, &mut tallies, &|tally| *tally.filtered.entry(activity.to_string()).or_default() += 1);
            }
            UnitRow::Quarantined(row) => {
                tally(&row.table, &mut tallies, &|tally| *tally.quarantined.entry(row.code.clone()).or_default() += 1);
                quarantine.push(*row);
            }
        }
        ControlFlow::Continue(())
    });
    let (damage, unread) = match read {
        Ok(read) => (read.damage, None),
        Err(failure) => {
            tallies = Tallies::from([(unit.table.clone(), Tally::default())]);
            quarantine.clear();
            (Some(format!("it could not be read: {failure}")), Some(failure.message))
        }
    };
    let rows = Tally::sum(tallies.values());
    let done = UnitDone { id: unit.id, tallies, damage, finished_at: now, skipped: Some(reason.to_owned()) };
    commit(ledger, quarantine_dir, failpoints, vec![Finished { done, quarantine }])?;
    Ok(Skipped { rows, unread })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backfill::unit::{ReadFailure, UnitSink};
    use crate::history::ObjectRead;
    use crate::ledger::{Identity, LedgerView, UnitState};
    use crate::time::ManualClock;

    /// Fails behind its first row, as a network does.
    struct Broken;

    impl UnitReader for Broken {
        fn read(&self, _: &Unit, sink: &mut UnitSink<'_>) -> Result<ObjectRead, ReadFailure> {
            // Whether more is wanted does not matter to what comes.
            let _ = sink(UnitRow::Filtered("cold".into()));
            Err(ReadFailure { is_changed: false, message: "access is denied".to_owned(), hint: None })
        }
    }

    #[test]
    fn a_unit_that_cannot_be_read_is_left_out_with_no_row_and_the_cause() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let unit = Unit { id: 0, key: "a".to_owned(), etag: "e".to_owned(), table: "t".to_owned(), bytes: 9 };
        let identity = Identity { plan_digest: "plan".to_owned(), tool_version: "1".to_owned() };
        let mut ledger = Ledger::open(&path, &identity, std::iter::once(unit.clone()), &ManualClock::at(Nanos(1))).unwrap();
        let (quarantine, none) = (dir.path().join("quarantine"), Failpoints::none());
        let skipped = skip(&mut ledger, &quarantine, &Broken, &unit, "lost key", Nanos(2), &none).unwrap();
        assert_eq!(skipped, Skipped { rows: Tally::default(), unread: Some("access is denied".to_owned()) });
        let (_, state) = LedgerView::open(&path).unwrap().states().unwrap().remove(0);
        let UnitState::Done { damage, skipped, .. } = state else { panic!("it is pending") };
        assert_eq!((damage.as_deref(), skipped.as_deref()), (Some("it could not be read: access is denied"), Some("lost key")));
    }
}
