//! The ledger's tables: made in one piece, and checked before they are trusted.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};

use super::error::sqlite;
use super::lock::{directory_of, sync_directory};
use super::{Identity, LedgerError, LedgerIdentity, Unit, UnitState, view};
use crate::time::Nanos;

/// The layout that this version writes.
pub(super) const SCHEMA: u32 = 4;

/// SQLite's default, set explicitly at creation.
const PAGE_BYTES: u64 = 4096;

const META: &str = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

const UNITS: &str = "
    CREATE TABLE units (
        id INTEGER PRIMARY KEY,
        object_key TEXT NOT NULL,
        etag TEXT NOT NULL,
        target_table TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1)),
        damage TEXT,
        finished_at INTEGER,
        skipped TEXT CHECK (skipped IS NULL OR done = 1),
        seal INTEGER NOT NULL DEFAULT 0,
        CHECK (done = 0 OR finished_at IS NOT NULL)
    );
    CREATE TABLE unit_tallies (
        unit INTEGER NOT NULL REFERENCES units (id),
        target_table TEXT NOT NULL,
        rows_read INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL,
        skipped INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (unit, target_table)
    ) WITHOUT ROWID;
    CREATE TABLE unit_counts (
        unit INTEGER NOT NULL,
        target_table TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('filtered', 'quarantined')),
        code TEXT NOT NULL,
        rows INTEGER NOT NULL,
        PRIMARY KEY (unit, target_table, kind, code),
        FOREIGN KEY (unit, target_table) REFERENCES unit_tallies (unit, target_table)
    ) WITHOUT ROWID;
";

const PROGRESS: &str = "
    CREATE TABLE unit_progress (
        unit INTEGER NOT NULL REFERENCES units (id),
        from_row INTEGER NOT NULL CHECK (from_row > 0),
        to_row INTEGER NOT NULL CHECK (to_row > from_row),
        digest INTEGER NOT NULL,
        seal INTEGER NOT NULL,
        PRIMARY KEY (unit, from_row)
    ) WITHOUT ROWID;
";

const RUNS: &str = "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        outcome TEXT,
        tool_version TEXT NOT NULL
    );
";

/// Layout 1 had one table a unit: `rows_read` and `acknowledged` stood in `units`, and `unit_counts` named no table.
const SET_ASIDE_1: &str = "
    ALTER TABLE units RENAME TO units_1;
    ALTER TABLE unit_counts RENAME TO unit_counts_1;
";
const TAKE_OVER_1: &str = "
    INSERT INTO units SELECT id, object_key, etag, target_table, bytes, done, damage, finished_at, NULL, 0 FROM units_1;
    INSERT INTO unit_tallies SELECT id, target_table, rows_read, acknowledged, 0 FROM units_1 WHERE done = 1;
    INSERT INTO unit_counts
        SELECT c.unit, u.target_table, c.kind, c.code, c.rows FROM unit_counts_1 c JOIN units_1 u ON u.id = c.unit;
    DROP TABLE unit_counts_1;
    DROP TABLE units_1;
";

/// Layout 2 knew no object that a person left out, and no seals.
const TAKE_OVER_2: &str = "
    ALTER TABLE units ADD COLUMN skipped TEXT CHECK (skipped IS NULL OR done = 1);
    ALTER TABLE units ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE unit_tallies ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
";

const IS_CURRENT: &str = "UPDATE meta SET value = '4' WHERE name = 'schema';";

/// Builds a ledger beside `path` and renames it into place, so that a crash leaves none or a whole one.
pub(super) fn create(path: &Path, identity: &Identity, units: impl Iterator<Item = Unit>, now: Nanos) -> Result<(), LedgerError> {
    let draft = path.with_extension("db.new");
    let io = |doing, at: &Path| {
        let at = at.to_owned();
        move |source| LedgerError::Io { doing, path: at, source }
    };
    // What an earlier, interrupted creation left behind. The directory is locked, so it is nobody else's.
    for leftover in [draft.clone(), path.with_extension("db.new-journal")] {
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove", &leftover)(error)),
            _ => {}
        }
    }
    fill(&draft, identity, units, now)?;
    std::fs::rename(&draft, path).map_err(io("put in place", path))?;
    sync_directory(&directory_of(path))
}

fn fill(draft: &Path, identity: &Identity, units: impl Iterator<Item = Unit>, now: Nanos) -> Result<(), LedgerError> {
    let failed = |doing| sqlite(doing, draft);
    let mut connection = Connection::open(draft).map_err(failed("create the ledger"))?;
    connection.pragma_update(None, "page_size", PAGE_BYTES.cast_signed()).map_err(failed("set up the ledger"))?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed("set up the ledger"))?;
    let transaction = connection.transaction().map_err(failed("create the ledger"))?;
    for tables in [META, UNITS, PROGRESS, RUNS] {
        transaction.execute_batch(tables).map_err(failed("create the ledger's tables"))?;
    }
    for (name, value) in [
        ("schema", SCHEMA.to_string()),
        ("plan_digest", identity.plan_digest.clone()),
        ("tool_version", identity.tool_version.clone()),
        ("created_at", now.0.to_string()),
    ] {
        transaction.execute("INSERT INTO meta VALUES (?1, ?2)", params![name, value]).map_err(failed("write the ledger's identity"))?;
    }
    {
        let mut insert = transaction
            .prepare("INSERT INTO units (id, object_key, etag, target_table, bytes, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .map_err(failed("list the units"))?;
        for unit in units {
            let bytes = fit("bytes", unit.bytes)?;
            let seal = seal(&unit, &UnitState::Pending);
            insert.execute(params![unit.id, unit.key, unit.etag, unit.table, bytes, seal]).map_err(failed("list the units"))?;
        }
    }
    transaction.commit().map_err(failed("create the ledger"))?;
    connection.close().map_err(|(_, source)| LedgerError::Sqlite { doing: "close the new ledger", source })
}

/// Brings an older layout up to date, in one transaction: after a crash it is the old one or the new one.
pub(super) fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |doing| sqlite(doing, path);
    let steps: &[&str] = match meta_number::<u32>(connection, path, "schema")? {
        SCHEMA => return Ok(()),
        3 => &[PROGRESS, IS_CURRENT],
        2 => &[TAKE_OVER_2, PROGRESS, IS_CURRENT],
        _ => &[SET_ASIDE_1, UNITS, TAKE_OVER_1, PROGRESS, IS_CURRENT],
    };
    let transaction = connection.transaction().map_err(failed("bring the ledger up to date"))?;
    for step in steps {
        transaction.execute_batch(step).map_err(failed("bring the ledger up to date"))?;
    }
    let mut seals = Vec::new();
    view::each_unsealed(&transaction, path, None, &mut |unit, state, _| {
        seals.push((unit.id, seal(&unit, &state)));
        Ok(())
    })?;
    for (unit, seal) in seals {
        put_seal(&transaction, unit, seal).map_err(failed("bring the ledger up to date"))?;
    }
    transaction.commit().map_err(failed("bring the ledger up to date"))
}

/// Refuses an older layout, which only a writer can bring up to date.
pub(super) fn require_current(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let found: u32 = meta_number(connection, path, "schema")?;
    if found < SCHEMA {
        return Err(LedgerError::OlderSchema { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(())
}

/// Opens what is at `path` and makes sure that it is a sound ledger of a layout that is known, if not the newest.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let failed = |doing| sqlite(doing, path);
    check_length(path)?;
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed("open the ledger"))?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(failed("set up the ledger"))?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed("check the ledger"))?;
    if sound != "ok" {
        return Err(LedgerError::Corrupt { path: path.to_owned(), detail: sound.replace('\n', "; ") });
    }
    let found: u32 = meta_number(&connection, path, "schema")?;
    if found > SCHEMA {
        return Err(LedgerError::NewerSchema { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(connection)
}

/// What SQLite itself lets pass: an empty file is an empty database to it, and a last page that is cut short reads as zeros.
/// A ledger is never empty, and without a log beside it (which could still hold the page) it ends on a whole page.
fn check_length(path: &Path) -> Result<(), LedgerError> {
    let failed = |source| LedgerError::Io { doing: "look at", path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = std::fs::metadata(log).map_or(0, |log| log.len());
    if length == 0 || (log == 0 && length % PAGE_BYTES != 0) {
        return Err(LedgerError::Corrupt { path: path.to_owned(), detail: format!("it is cut off at {length} bytes") });
    }
    Ok(())
}

/// Whose ledger it is.
pub(super) fn identity(connection: &Connection, path: &Path) -> Result<LedgerIdentity, LedgerError> {
    Ok(LedgerIdentity {
        plan_digest: meta(connection, path, "plan_digest")?,
        tool_version: meta(connection, path, "tool_version")?,
        created_at: Nanos(meta_number(connection, path, "created_at")?),
    })
}

/// The name under which the digest of the `number`th plan is kept that is no longer the present one.
pub(super) fn earlier_plan(number: usize) -> String {
    format!("earlier_plan_digest_{number:04}")
}

/// Digests of the plans before the present one, oldest first.
pub(super) fn earlier_plans(connection: &Connection, path: &Path) -> Result<Vec<String>, LedgerError> {
    let read = || {
        let mut select = connection.prepare_cached("SELECT value FROM meta WHERE name GLOB 'earlier_plan_digest_*' ORDER BY name")?;
        select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
    };
    read().map_err(sqlite("read the ledger's earlier plans", path))
}

fn meta(connection: &Connection, path: &Path, name: &str) -> Result<String, LedgerError> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()
        .unwrap_or(None)
        .ok_or_else(|| LedgerError::Corrupt { path: path.to_owned(), detail: format!("it does not state its {name}") })
}

fn meta_number<N: std::str::FromStr>(connection: &Connection, path: &Path, name: &str) -> Result<N, LedgerError> {
    let text = meta(connection, path, name)?;
    text.parse().map_err(|_| LedgerError::Corrupt { path: path.to_owned(), detail: format!("its {name} is `{text}`") })
}

/// What shows that a unit and its state are what was written: SQLite notices damage to its pages' structure, and none to values.
pub(super) fn seal(unit: &Unit, state: &UnitState) -> i64 {
    // Neither holds a map with keys that JSON cannot have: writing it cannot fail.
    let bytes = serde_json::to_vec(&(unit, state)).unwrap_or_default();
    xxhash_rust::xxh3::xxh3_64(&bytes).cast_signed()
}

pub(super) fn put_seal(transaction: &Transaction<'_>, unit: u32, seal: i64) -> Result<(), rusqlite::Error> {
    let mut update = transaction.prepare_cached("UPDATE units SET seal = ?2 WHERE id = ?1")?;
    update.execute(params![unit, seal]).map(|_| ())
}

/// A count as SQLite stores it.
pub(super) fn fit(what: &'static str, value: u64) -> Result<i64, LedgerError> {
    i64::try_from(value).map_err(|_| LedgerError::TooLarge { what, value })
}
