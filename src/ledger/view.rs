//! The ledger as everybody else sees it: to read, while a backfill may be writing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Rows};

use super::error::{damage, sqlite};
use super::schema;
use super::{LedgerError, LedgerIdentity, Run, Tallies, Tally, Unit, UnitState};
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
    /// [`LedgerError::Missing`] when there is none; refuses a newer or older layout and a damaged file.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(LedgerError::Missing { path: path.to_owned() }),
            Err(source) => return Err(LedgerError::Io { doing: "look for", path: path.to_owned(), source }),
        }
        let connection = schema::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::require_current(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose ledger it is.
    pub fn identity(&self) -> Result<LedgerIdentity, LedgerError> {
        schema::identity(&self.connection, &self.path)
    }

    /// Digests of the plans before the present one, oldest first.
    pub fn earlier_plans(&self) -> Result<Vec<String>, LedgerError> {
        schema::earlier_plans(&self.connection, &self.path)
    }

    /// All units in order, each with what became of it.
    pub fn states(&self) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
        // One snapshot: a backfill may commit between two questions.
        let snapshot = self.connection.unchecked_transaction().map_err(sqlite("read the ledger", &self.path))?;
        read_states(&snapshot, &self.path, None)
    }

    /// Hands on all units in order, each with what became of it; memory does not grow with them.
    ///
    /// # Errors
    /// As [`Self::states`]. What was handed on before a damage counts for nothing.
    pub fn each_state(&self, each: &mut dyn FnMut(Unit, UnitState)) -> Result<(), LedgerError> {
        let snapshot = self.connection.unchecked_transaction().map_err(sqlite("read the ledger", &self.path))?;
        each_state(&snapshot, &self.path, None, each)
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

/// Hands on all units, or the one that is asked for, in order. A unit whose seal does not fit is damage.
pub(super) fn each_state(
    connection: &Connection,
    path: &Path,
    only: Option<u32>,
    each: &mut dyn FnMut(Unit, UnitState),
) -> Result<(), LedgerError> {
    each_unsealed(connection, path, only, &mut |unit, state, seal| {
        if seal != schema::seal(&unit, &state) {
            let detail = format!("what it says of unit {} is not what was written", unit.id);
            return Err(LedgerError::Corrupt { path: path.to_owned(), detail });
        }
        each(unit, state);
        Ok(())
    })
}

pub(super) fn read_states(connection: &Connection, path: &Path, only: Option<u32>) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
    let mut states = Vec::new();
    each_state(connection, path, only, &mut |unit, state| states.push((unit, state)))?;
    Ok(states)
}

/// The same with the seals, which are not looked at. One unit is in memory at a time: its counts are read beside it, in the same order.
pub(super) fn each_unsealed(
    connection: &Connection,
    path: &Path,
    only: Option<u32>,
    each: &mut dyn FnMut(Unit, UnitState, i64) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let prepare = |sql| connection.prepare_cached(sql);
    let (mut of_tallies, mut of_counts) =
        prepare(TALLIES).and_then(|tallies| Ok((tallies, prepare(COUNTS)?))).map_err(damage("read the ledger's counts", path))?;
    let mut counts = of_tallies
        .query([only])
        .and_then(|tallies| Ok((tallies, of_counts.query([only])?)))
        .and_then(|(tallies, counts)| Ok(Counts { tallies: Beside::begin(tallies)?, counts: Beside::begin(counts)? }))
        .map_err(damage("read the ledger's counts", path))?;
    let mut select = prepare(UNITS).map_err(damage("read the ledger's units", path))?;
    let mut rows = select.query([only]).map_err(damage("read the ledger's units", path))?;
    let of_nobody = |unit: u32| {
        let detail = format!("it counts rows of unit {unit}, which is not done");
        LedgerError::Corrupt { path: path.to_owned(), detail }
    };
    while let Some(row) = rows.next().map_err(damage("read the ledger's units", path))? {
        let (unit, state) = unit_from(row, &mut counts).map_err(damage("read a unit", path))?;
        let seal = row.get(9).map_err(damage("read a unit", path))?;
        if let Some(stranger) = counts.next_unit().filter(|next| *next <= unit.id) {
            return Err(of_nobody(stranger));
        }
        each(unit, state, seal)?;
    }
    counts.next_unit().map_or(Ok(()), |stranger| Err(of_nobody(stranger)))
}

const UNITS: &str = "SELECT id, object_key, etag, target_table, bytes, done, damage, finished_at, skipped, seal
    FROM units WHERE ?1 IS NULL OR id = ?1 ORDER BY id";
/// Both tables are kept in this order.
const TALLIES: &str = "SELECT unit, target_table, rows_read, acknowledged, skipped
    FROM unit_tallies WHERE ?1 IS NULL OR unit = ?1 ORDER BY unit, target_table";
const COUNTS: &str = "SELECT unit, target_table, kind, code, rows
    FROM unit_counts WHERE ?1 IS NULL OR unit = ?1 ORDER BY unit, target_table, kind, code";

/// Rows that begin with the number of a unit, in its order; they are taken unit by unit.
struct Beside<'s> {
    rows: Rows<'s>,
    /// The unit of the row at hand; none behind the last one.
    unit: Option<u32>,
}

impl<'s> Beside<'s> {
    fn begin(rows: Rows<'s>) -> Result<Self, rusqlite::Error> {
        let mut beside = Self { rows, unit: None };
        beside.advance()?;
        Ok(beside)
    }

    fn advance(&mut self) -> Result<(), rusqlite::Error> {
        self.unit = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(())
    }

    /// Hands on what stands there of `unit`.
    fn take(&mut self, unit: u32, mut each: impl FnMut(&Row<'_>) -> Result<(), rusqlite::Error>) -> Result<(), rusqlite::Error> {
        while self.unit == Some(unit) {
            if let Some(row) = self.rows.get() {
                each(row)?;
            }
            self.advance()?;
        }
        Ok(())
    }
}

/// What became of rows, by unit and table.
struct Counts<'s> {
    tallies: Beside<'s>,
    counts: Beside<'s>,
}

impl Counts<'_> {
    /// The first unit of which something was not taken.
    fn next_unit(&self) -> Option<u32> {
        self.tallies.unit.into_iter().chain(self.counts.unit).min()
    }

    fn of(&mut self, unit: u32) -> Result<Tallies, rusqlite::Error> {
        let mut tallies = Tallies::new();
        self.tallies.take(unit, |row| {
            let tally = tallies.entry(row.get(1)?).or_default();
            tally.read = count(row, 2)?;
            tally.acknowledged = count(row, 3)?;
            tally.skipped = count(row, 4)?;
            Ok(())
        })?;
        self.counts.take(unit, |row| {
            insert_count(tallies.entry(row.get(1)?).or_default(), &row.get::<_, String>(2)?, row.get(3)?, count(row, 4)?);
            Ok(())
        })?;
        Ok(tallies)
    }
}

/// A unit without its state.
pub(super) fn read_unit(connection: &Connection, id: u32) -> Result<Option<Unit>, rusqlite::Error> {
    let mut select = connection.prepare_cached("SELECT id, object_key, etag, target_table, bytes FROM units WHERE id = ?1")?;
    select.query_row([id], plain_unit).optional()
}

fn plain_unit(row: &Row<'_>) -> Result<Unit, rusqlite::Error> {
    unit_at(row, 0)
}

/// The unit whose columns begin at `first`.
pub(super) fn unit_at(row: &Row<'_>, first: usize) -> Result<Unit, rusqlite::Error> {
    let (id, key, etag) = (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    Ok(Unit { id, key, etag, table: row.get(first + 3)?, bytes: count(row, first + 4)? })
}

fn unit_from(row: &Row<'_>, counts: &mut Counts<'_>) -> Result<(Unit, UnitState), rusqlite::Error> {
    let unit = plain_unit(row)?;
    if !row.get::<_, bool>(5)? {
        return Ok((unit, UnitState::Pending));
    }
    let tallies = counts.of(unit.id)?;
    Ok((unit, UnitState::Done { tallies, damage: row.get(6)?, finished_at: Nanos(row.get(7)?), skipped: row.get(8)? }))
}

/// A count, which SQLite keeps with a sign.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
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
    // A table is named even before any of its units is done.
    let mut select = connection.prepare_cached("SELECT DISTINCT target_table FROM units")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        totals.entry(row.get(0)?).or_default();
    }
    let sql = "SELECT target_table, sum(rows_read), sum(acknowledged), sum(skipped) FROM unit_tallies GROUP BY target_table";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let tally = totals.entry(row.get(0)?).or_default();
        tally.read = count(row, 1)?;
        tally.acknowledged = count(row, 2)?;
        tally.skipped = count(row, 3)?;
    }
    let mut select = connection.prepare_cached("SELECT target_table, kind, code, sum(rows) FROM unit_counts GROUP BY 1, 2, 3")?;
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
