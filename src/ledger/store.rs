//! The ledger as its one writer sees it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};

use super::error::sqlite;
use super::lock::DirectoryLock;
use super::progress;
use super::schema::{self, fit};
use super::view::{each_state, read_runs, read_states, read_totals, read_unit};
use super::{Identity, LedgerError, Run, RunOutcome, Tally, Unit, UnitDone, UnitState};
use crate::failpoint::{self, Failpoints};
use crate::time::{Clock, Nanos};

/// The ledger, open for writing. Its directory is locked for as long as this lives.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    failpoints: Arc<Failpoints>,
    // Dropped last, when the connection is closed.
    _lock: DirectoryLock,
}

impl Ledger {
    /// Creates the ledger at `path` for the plan's `units`, or goes on with the one that is there.
    ///
    /// # Errors
    /// Refuses a directory that another process works in, a ledger of another plan or of other units, a newer layout and a
    /// damaged file.
    pub fn open(
        path: &Path,
        identity: &Identity,
        units: impl Iterator<Item = Unit> + Clone,
        clock: &dyn Clock,
    ) -> Result<Self, LedgerError> {
        let lock = DirectoryLock::take(path)?;
        let there = path.try_exists().map_err(|source| LedgerError::Io { doing: "look for", path: path.to_owned(), source })?;
        if !there {
            schema::create(path, identity, units.clone(), clock.now())?;
        }
        let mut connection = schema::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = schema::identity(&connection, path)?.plan_digest;
        if found != identity.plan_digest {
            return Err(LedgerError::ForeignPlan { path: path.to_owned(), found, wanted: identity.plan_digest.clone() });
        }
        schema::upgrade(&mut connection, path)?;
        check_units(&connection, path, units)?;
        for (pragma, value) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON")] {
            connection.pragma_update(None, pragma, value).map_err(sqlite("set up the ledger", path))?;
        }
        Ok(Self { connection, path: path.to_owned(), identity: identity.clone(), failpoints: Arc::new(Failpoints::none()), _lock: lock })
    }

    /// Has the ledger's moments reported to `failpoints`.
    pub fn set_failpoints(&mut self, failpoints: Arc<Failpoints>) {
        self.failpoints = failpoints;
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failpoints(&self) -> Arc<Failpoints> {
        Arc::clone(&self.failpoints)
    }

    pub(super) fn transaction(&mut self) -> Result<Transaction<'_>, LedgerError> {
        self.connection.transaction().map_err(sqlite("begin a transaction", &self.path))
    }

    /// The digest of the plan that this ledger belongs to.
    #[must_use]
    pub fn plan_digest(&self) -> &str {
        &self.identity.plan_digest
    }

    /// All units in order, each with what became of it.
    pub fn states(&self) -> Result<Vec<(Unit, UnitState)>, LedgerError> {
        read_states(&self.connection, &self.path, None)
    }

    /// Hands on all units in order, each with what became of it; memory does not grow with them.
    ///
    /// # Errors
    /// As [`Self::states`]. What was handed on before a damage counts for nothing.
    pub fn each_state(&self, each: &mut dyn FnMut(Unit, UnitState)) -> Result<(), LedgerError> {
        each_state(&self.connection, &self.path, None, each)
    }

    /// The accounting of all done units, per table.
    pub fn totals(&self) -> Result<BTreeMap<String, Tally>, LedgerError> {
        read_totals(&self.connection, &self.path)
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>, LedgerError> {
        read_runs(&self.connection, &self.path)
    }

    /// Makes all of `done` done, in one transaction. A unit that is done already with the same result is left as it is.
    ///
    /// # Errors
    /// Refuses a tally that does not balance, a unit that it does not know, and a unit that is done with another result.
    /// Then none of `done` is done.
    pub fn complete(&mut self, done: &[UnitDone]) -> Result<(), LedgerError> {
        let mut tallies = done.iter().flat_map(|unit| unit.tallies.values().map(move |tally| (unit, tally)));
        let is_odd = |unit: &UnitDone, tally: &Tally| if unit.skipped.is_some() { tally.acknowledged > 0 } else { tally.skipped > 0 };
        if let Some((unit, tally)) = tallies.find(|(unit, tally)| !tally.balances() || is_odd(unit, tally)) {
            return Err(LedgerError::Unbalanced {
                unit: unit.id,
                read: tally.read,
                acknowledged: tally.acknowledged,
                filtered: tally.filtered_total(),
                quarantined: tally.quarantined_total(),
                skipped: tally.skipped,
            });
        }
        let transaction = self.connection.transaction().map_err(sqlite("begin a transaction", &self.path))?;
        for unit in done {
            complete_one(&transaction, &self.path, unit)?;
        }
        self.failpoints.hit(failpoint::BEFORE_COMMIT);
        transaction.commit().map_err(sqlite("record finished units", &self.path))?;
        self.failpoints.hit(failpoint::AFTER_COMMIT);
        Ok(())
    }

    /// Takes done units back to pending, in one transaction; those that are pending stay so. Their rows in quarantine are written over when
    /// they are done again.
    ///
    /// # Errors
    /// Refuses a unit that it does not know. Then none is taken back.
    pub fn reopen(&mut self, units: &[u32]) -> Result<(), LedgerError> {
        let transaction = self.connection.transaction().map_err(sqlite("begin a transaction", &self.path))?;
        take_back(&transaction, &self.path, units)?;
        self.failpoints.hit(failpoint::BEFORE_COMMIT);
        transaction.commit().map_err(sqlite("take units back", &self.path))?;
        self.failpoints.hit(failpoint::AFTER_COMMIT);
        Ok(())
    }

    /// Goes on under `plan`, which takes the place of the present one, with `units` taken back to pending; in one transaction. The earlier
    /// plan's digest is kept.
    ///
    /// # Errors
    /// Refuses a plan of other units (`planned`) and a unit that it does not know. Then nothing is changed.
    pub fn succeed(&mut self, plan: &str, planned: impl Iterator<Item = Unit>, units: &[u32]) -> Result<(), LedgerError> {
        check_units(&self.connection, &self.path, planned)?;
        let transaction = self.connection.transaction().map_err(sqlite("begin a transaction", &self.path))?;
        let number = schema::earlier_plans(&transaction, &self.path)?.len() + 1;
        transaction
            .execute("INSERT INTO meta VALUES (?1, ?2)", params![schema::earlier_plan(number), self.identity.plan_digest])
            .and_then(|_| transaction.execute("UPDATE meta SET value = ?1 WHERE name = 'plan_digest'", [plan]))
            .map_err(sqlite("take over another plan", &self.path))?;
        take_back(&transaction, &self.path, units)?;
        // What another plan makes of a row may be another record.
        progress::forget_all(&transaction).map_err(sqlite("take over another plan", &self.path))?;
        self.failpoints.hit(failpoint::BEFORE_COMMIT);
        transaction.commit().map_err(sqlite("take over another plan", &self.path))?;
        plan.clone_into(&mut self.identity.plan_digest);
        self.failpoints.hit(failpoint::AFTER_COMMIT);
        Ok(())
    }

    /// Notes that a run begins; the number is for [`Self::end_run`].
    pub fn begin_run(&mut self, now: Nanos) -> Result<i64, LedgerError> {
        self.connection
            .execute("INSERT INTO runs (started_at, tool_version) VALUES (?1, ?2)", params![now.0, self.identity.tool_version])
            .map_err(sqlite("note the beginning of the run", &self.path))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how the run ended.
    pub fn end_run(&mut self, run: i64, outcome: RunOutcome, now: Nanos) -> Result<(), LedgerError> {
        self.connection
            .execute("UPDATE runs SET ended_at = ?2, outcome = ?3 WHERE id = ?1", params![run, now.0, outcome.name()])
            .map_err(sqlite("note the end of the run", &self.path))?;
        Ok(())
    }
}

fn take_back(transaction: &Transaction<'_>, path: &Path, units: &[u32]) -> Result<(), LedgerError> {
    for unit in units {
        let failed = sqlite("take a unit back", path);
        let known = transaction
            .execute("UPDATE units SET done = 0, damage = NULL, finished_at = NULL, skipped = NULL WHERE id = ?1", [unit])
            .and_then(|known| transaction.execute("DELETE FROM unit_counts WHERE unit = ?1", [unit]).map(|_| known))
            .and_then(|known| transaction.execute("DELETE FROM unit_tallies WHERE unit = ?1", [unit]).map(|_| known))
            .and_then(|known| progress::forget(transaction, *unit).map(|()| known))
            .map_err(failed)?;
        if known == 0 {
            return Err(LedgerError::UnknownUnit { unit: *unit });
        }
        renew_seal(transaction, path, *unit, &UnitState::Pending)?;
    }
    Ok(())
}

fn complete_one(transaction: &Transaction<'_>, path: &Path, unit: &UnitDone) -> Result<(), LedgerError> {
    let failed = |doing| sqlite(doing, path);
    let state: Option<bool> = transaction
        .prepare_cached("SELECT done FROM units WHERE id = ?1")
        .and_then(|mut select| select.query_row([unit.id], |row| row.get(0)).optional())
        .map_err(failed("look up a unit"))?;
    match state {
        None => return Err(LedgerError::UnknownUnit { unit: unit.id }),
        Some(true) => return same_result(transaction, path, unit),
        Some(false) => {}
    }
    transaction
        .prepare_cached("UPDATE units SET done = 1, damage = ?2, finished_at = ?3, skipped = ?4 WHERE id = ?1")
        .and_then(|mut update| update.execute(params![unit.id, unit.damage, unit.finished_at.0, unit.skipped]))
        .map_err(failed("record a finished unit"))?;
    progress::forget(transaction, unit.id).map_err(failed("forget how far a finished unit was"))?;
    unit.tallies.iter().try_for_each(|(table, tally)| record_tally(transaction, path, unit.id, table, tally))?;
    let UnitDone { tallies, damage, finished_at, skipped, .. } = unit.clone();
    renew_seal(transaction, path, unit.id, &UnitState::Done { tallies, damage, finished_at, skipped })
}

fn record_tally(transaction: &Transaction<'_>, path: &Path, unit: u32, table: &str, tally: &Tally) -> Result<(), LedgerError> {
    let failed = |doing| sqlite(doing, path);
    let read = fit("rows read", tally.read)?;
    let acknowledged = fit("rows acknowledged", tally.acknowledged)?;
    let skipped = fit("rows skipped", tally.skipped)?;
    transaction
        .prepare_cached("INSERT INTO unit_tallies (unit, target_table, rows_read, acknowledged, skipped) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut insert| insert.execute(params![unit, table, read, acknowledged, skipped]))
        .map_err(failed("record the rows of a finished unit"))?;
    let counts = tally.filtered.iter().map(|count| ("filtered", count));
    let counts = counts.chain(tally.quarantined.iter().map(|count| ("quarantined", count)));
    for (kind, (code, rows)) in counts {
        let rows = fit("rows", *rows)?;
        transaction
            .prepare_cached("INSERT INTO unit_counts (unit, target_table, kind, code, rows) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| insert.execute(params![unit, table, kind, code, rows]))
            .map_err(failed("record the rows of a finished unit"))?;
    }
    Ok(())
}

/// Seals what a unit has become within the transaction.
fn renew_seal(transaction: &Transaction<'_>, path: &Path, unit: u32, state: &UnitState) -> Result<(), LedgerError> {
    let found = read_unit(transaction, unit).map_err(sqlite("look up a unit", path))?;
    let Some(found) = found else { return Err(LedgerError::UnknownUnit { unit }) };
    schema::put_seal(transaction, unit, schema::seal(&found, state)).map_err(sqlite("seal a unit", path))
}

/// Whether a unit that is done already was finished with what `unit` says.
fn same_result(transaction: &Transaction<'_>, path: &Path, unit: &UnitDone) -> Result<(), LedgerError> {
    let found = read_states(transaction, path, Some(unit.id))?;
    match found.first() {
        Some((_, UnitState::Done { tallies, damage, skipped, .. }))
            if *tallies == unit.tallies && *damage == unit.damage && *skipped == unit.skipped =>
        {
            Ok(())
        }
        _ => Err(LedgerError::AlreadyDone { unit: unit.id }),
    }
}

/// The ledger's list of units must be the plan's, to the letter.
fn check_units(connection: &Connection, path: &Path, mut wanted: impl Iterator<Item = Unit>) -> Result<(), LedgerError> {
    let (mut in_ledger, mut in_plan) = (0_u64, 0_u64);
    let mut differing = None;
    each_state(connection, path, None, &mut |found, _| {
        in_ledger += 1;
        let Some(wanted) = wanted.next() else { return };
        in_plan += 1;
        if differing.is_none() && found != wanted {
            differing = Some(format!(
                "unit {} is {} ({}) in the ledger and {} ({}) in the plan",
                found.id, found.key, found.etag, wanted.key, wanted.etag
            ));
        }
    })?;
    in_plan += u64::try_from(wanted.count()).unwrap_or(u64::MAX);
    let differ = |detail| Err(LedgerError::UnitsDiffer { path: path.to_owned(), detail });
    match differing {
        _ if in_ledger != in_plan => differ(format!("{in_ledger} units in the ledger, {in_plan} in the plan")),
        Some(detail) => differ(detail),
        None => Ok(()),
    }
}
