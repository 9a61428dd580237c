//! The ledger as everybody else sees it: to read, while a backfill may be writing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row};

use super::error::sqlite;
use super::schema;
use super::{LedgerError, LedgerIdentity, Run, Tally, Unit, UnitState};
use crate::time::Nanos;

/// The ledger, open for reading only. It takes no lock and sees what was committed.
#[derive(Debug)]
pub struct LedgerView {
    connection: Connection,
    path: PathBuf,
}

impl LedgerView {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] when there is none; refuses a newer layout and a damaged file.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(LedgerError::Missing { path: path.to_owned() }),
            Err(source) => return Err(LedgerError::Io { doing: "look for", path: path.to_owned(), source }),
        }
        let connection = schema::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Whose ledger it is.
    pub fn identity(&self) -> Result<LedgerIdentity, LedgerError> {
        schema::identity(&self.connection, &self.path)
    }

    /// All units in order, each with what became of it.
    pub fn states(&self) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
        read_states(&self.connection, &self.path)
    }

    /// The accounting of all done units, per table.
    pub fn totals(&self) -> Result<BTreeMap<String, Tally>, LedgerError> {
        read_totals(&self.connection, &self.path)
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>, LedgerError> {
        read_runs(&self.connection, &self.path)
    }
}

pub(super) fn read_states(connection: &Connection, path: &Path) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
    read_units(connection, path, None)
}

/// All units, or the one that is asked for.
pub(super) fn read_units(connection: &Connection, path: &Path, only: Option<u32>) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
    let failed = |doing| sqlite(doing, path);
    let mut counts = read_counts(connection, only).map_err(failed("read the ledger's counts"))?;
    let sql = "SELECT id, object_key, etag, target_table, bytes, done, rows_read, acknowledged, damage, finished_at
               FROM units WHERE ?1 IS NULL OR id = ?1 ORDER BY id";
    let mut select = connection.prepare_cached(sql).map_err(failed("read the ledger's units"))?;
    let mut rows = select.query([only]).map_err(failed("read the ledger's units"))?;
    let mut units = Vec::new();
    while let Some(row) = rows.next().map_err(failed("read the ledger's units"))? {
        units.push(unit_from(row, &mut counts).map_err(failed("read a unit"))?);
    }
    Ok(units)
}

fn unit_from(row: &Row<'_>, counts: &mut BTreeMap<u32, Tally>) -> Result<(Unit, UnitState), rusqlite::Error> {
    let unit = Unit { id: row.get(0)?, key: row.get(1)?, etag: row.get(2)?, table: row.get(3)?, bytes: count(row, 4)? };
    if !row.get::<_, bool>(5)? {
        return Ok((unit, UnitState::Pending));
    }
    let mut tally = counts.remove(&unit.id).unwrap_or_default();
    tally.read = count(row, 6)?;
    tally.acknowledged = count(row, 7)?;
    Ok((unit, UnitState::Done { tally, damage: row.get(8)?, finished_at: Nanos(row.get(9)?) }))
}

/// Filtered and quarantined rows by unit.
fn read_counts(connection: &Connection, only: Option<u32>) -> Result<BTreeMap<u32, Tally>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT unit, kind, code, rows FROM unit_counts WHERE ?1 IS NULL OR unit = ?1")?;
    let mut rows = select.query([only])?;
    let mut counts: BTreeMap<u32, Tally> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let tally = counts.entry(row.get(0)?).or_default();
        insert_count(tally, &row.get::<_, String>(1)?, row.get(2)?, count(row, 3)?);
    }
    Ok(counts)
}

/// A count, which SQLite keeps with a sign.
fn count(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn insert_count(tally: &mut Tally, kind: &str, code: String, rows: u64) {
    let side = if kind == "filtered" { &mut tally.filtered } else { &mut tally.quarantined };
    *side.entry(code).or_default() += rows;
}

pub(super) fn read_totals(connection: &Connection, path: &Path) -> Result<BTreeMap<String, Tally>, LedgerError> {
    totals(connection).map_err(sqlite("add up the ledger", path))
}

fn totals(connection: &Connection) -> Result<BTreeMap<String, Tally>, rusqlite::Error> {
    let mut totals: BTreeMap<String, Tally> = BTreeMap::new();
    let mut select = connection.prepare_cached(
        "SELECT target_table, coalesce(sum(rows_read), 0), coalesce(sum(acknowledged), 0) FROM units GROUP BY target_table",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let tally = totals.entry(row.get(0)?).or_default();
        tally.read = count(row, 1)?;
        tally.acknowledged = count(row, 2)?;
    }
    let mut select = connection.prepare_cached(
        "SELECT u.target_table, c.kind, c.code, sum(c.rows) FROM unit_counts c JOIN units u ON u.id = c.unit GROUP BY 1, 2, 3",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let tally = totals.entry(row.get(0)?).or_default();
        insert_count(tally, &row.get::<_, String>(1)?, row.get(2)?, count(row, 3)?);
    }
    Ok(totals)
}

pub(super) fn read_runs(connection: &Connection, path: &Path) -> Result<Vec<Run>, LedgerError> {
    let failed = |doing| sqlite(doing, path);
    let sql = "SELECT id, started_at, ended_at, outcome, tool_version FROM runs ORDER BY id";
    let mut select = connection.prepare_cached(sql).map_err(failed("read the ledger's runs"))?;
    let runs = select.query_map([], |row| {
        Ok(Run {
            id: row.get(0)?,
            started_at: Nanos(row.get(1)?),
            ended_at: row.get::<_, Option<i64>>(2)?.map(Nanos),
            outcome: row.get(3)?,
            tool_version: row.get(4)?,
        })
    });
    runs.and_then(Iterator::collect).map_err(failed("read the ledger's runs"))
}
