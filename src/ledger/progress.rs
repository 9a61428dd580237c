//! What the ledger remembers of a unit that is under way.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::error::{damage, sqlite};
use super::schema::fit;
use super::{Interval, Ledger, LedgerError, LedgerView, SettledRows, Unit, UnitProgress, view};
use crate::failpoint;

impl Ledger {
    /// Keeps how far units are, each in place of what there was of it; in one transaction.
    ///
    /// # Errors
    /// Refuses a unit that it does not know, and one that is done. Then nothing is changed.
    pub fn keep_progress(&mut self, progress: &[UnitProgress]) -> Result<(), LedgerError> {
        let (path, failpoints) = (self.path().to_owned(), self.failpoints());
        let transaction = self.transaction()?;
        progress.iter().try_for_each(|unit| keep(&transaction, &path, unit))?;
        failpoints.hit(failpoint::PROGRESS_BEFORE_COMMIT);
        transaction.commit().map_err(sqlite("keep the progress of units", &path))?;
        failpoints.hit(failpoint::PROGRESS_KEPT);
        Ok(())
    }

    /// How far pending units are: those of which something need not be sent again.
    pub fn progress(&self) -> Result<BTreeMap<u32, SettledRows>, LedgerError> {
        read(self.connection(), self.path())
    }
}

impl LedgerView {
    /// How far pending units are: those of which something need not be sent again.
    pub fn progress(&self) -> Result<BTreeMap<u32, SettledRows>, LedgerError> {
        read(self.connection(), self.path())
    }
}

/// Forgets how far `unit` is.
pub(super) fn forget(transaction: &Transaction<'_>, unit: u32) -> Result<(), rusqlite::Error> {
    transaction.prepare_cached("DELETE FROM unit_progress WHERE unit = ?1")?.execute([unit]).map(drop)
}

/// Forgets how far any unit is.
pub(super) fn forget_all(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction.execute("DELETE FROM unit_progress", []).map(drop)
}

fn keep(transaction: &Transaction<'_>, path: &Path, progress: &UnitProgress) -> Result<(), LedgerError> {
    let failed = || sqlite("keep the progress of a unit", path);
    let done = transaction
        .prepare_cached("SELECT done FROM units WHERE id = ?1")
        .and_then(|mut select| select.query_row([progress.id], |row| row.get::<_, bool>(0)).optional())
        .map_err(failed())?;
    match done {
        None => return Err(LedgerError::UnknownUnit { unit: progress.id }),
        Some(true) => return Err(LedgerError::AlreadyDone { unit: progress.id }),
        Some(false) => {}
    }
    let Some(unit) = view::read_unit(transaction, progress.id).map_err(failed())? else {
        return Err(LedgerError::UnknownUnit { unit: progress.id });
    };
    forget(transaction, progress.id).map_err(failed())?;
    for interval in progress.settled.iter() {
        let (from, to) = (fit("rows", interval.from)?, fit("rows", interval.to)?);
        transaction
            .prepare_cached("INSERT INTO unit_progress (unit, from_row, to_row, digest, seal) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| insert.execute(params![progress.id, from, to, interval.digest.cast_signed(), seal(&unit, interval)]))
            .map_err(failed())?;
    }
    Ok(())
}

/// What shows that an interval is what was written, of this unit: one that is lost has its rows sent again, one that is altered would have
/// them lost.
fn seal(unit: &Unit, interval: Interval) -> i64 {
    let Interval { from, to, digest } = interval;
    let bytes = serde_json::to_vec(&(unit, from, to, digest)).unwrap_or_default();
    xxhash_rust::xxh3::xxh3_64(&bytes).cast_signed()
}

fn read(connection: &Connection, path: &Path) -> Result<BTreeMap<u32, SettledRows>, LedgerError> {
    let failed = || damage("read the progress of units", path);
    let corrupt = |unit: u32| LedgerError::Corrupt {
        path: path.to_owned(),
        detail: format!("what it says of the progress of unit {unit} is not what was written"),
    };
    let sql = "SELECT p.unit, p.from_row, p.to_row, p.digest, p.seal, u.id, u.object_key, u.etag, u.target_table, u.bytes, u.done
               FROM unit_progress p JOIN units u ON u.id = p.unit ORDER BY p.unit, p.from_row";
    let mut select = connection.prepare_cached(sql).map_err(failed())?;
    let mut rows = select.query([]).map_err(failed())?;
    let mut progress: BTreeMap<u32, SettledRows> = BTreeMap::new();
    while let Some(row) = rows.next().map_err(failed())? {
        let (id, interval, written) = interval_from(row).map_err(failed())?;
        let unit = view::unit_at(row, 5).map_err(failed())?;
        let is_done: bool = row.get(10).map_err(failed())?;
        let is_taken = progress.entry(id).or_default().insert(interval).is_ok();
        if is_done || !is_taken || seal(&unit, interval) != written {
            return Err(corrupt(id));
        }
    }
    Ok(progress)
}

fn interval_from(row: &Row<'_>) -> Result<(u32, Interval, i64), rusqlite::Error> {
    let digest: i64 = row.get(3)?;
    let interval = Interval { from: view::count(row, 1)?, to: view::count(row, 2)?, digest: digest.cast_unsigned() };
    Ok((row.get(0)?, interval, row.get(4)?))
}
