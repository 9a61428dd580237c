//! What is durable: one SQLite file.
//!
//! Layout, format 1
//! - `databases(name, kms_key_id, created_at, updated_at)`; instants are nanoseconds since the epoch, everywhere.
//! - `tables(id, database, name, properties, memory_opened_from, total_opened_from, created_at, updated_at)`; `properties` is JSON in
//!   the words of the API. An id is never used twice.
//! - `columns(table_id, ordinal, name, role, type)`: one line per dimension and per measure column, in order of appearance.
//!   The physical name is `c<ordinal>`.
//! - `measures(table_id, name, type)`: the value type that each measure name is bound to, MULTI among them.
//! - `tags(arn, key, value)`.
//! - `t<id>(key, measure_name, time, version, visible_at, content, c0, c1, …)`: the records. `key` is 16 bytes over dimensions, measure
//!   name and time; `content` 16 bytes over the measures, which tells the same value from another; `visible_at` is when
//!   queries may see the row. VARCHAR is TEXT, DOUBLE is REAL, BIGINT, BOOLEAN (0, 1) and TIMESTAMP (ns) are INTEGER.
//!
//! Invariants
//! - No name from outside is part of a statement: identifiers are made of numbers only.
//! - What is remembered of a table ([`TableState`]) was read from the file or committed to it.

mod resources;
mod rows;
mod shapes;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub(super) use resources::{DatabaseRow, TableRow, remove_tag, remove_tags, set_tag, tags};
pub(super) use rows::RowParts;
pub use shapes::{Column, ColumnRole, Shape, Shapes};
pub(super) use tables::{
    MagneticStoreWriteProperties, PartitionKey, Properties, RecordKind, RetentionProperties, S3Configuration, Schema, TableState,
};

use crate::local::LocalError;
use crate::local::store_file::StoreFile;

/// Tables remembered at once.
const TABLES_REMEMBERED_MAX: usize = 256;

const FILE: StoreFile = StoreFile { mark: *b"i2ts", format: 1, schema: SCHEMA };

const SCHEMA: &str = "
    CREATE TABLE databases(name TEXT PRIMARY KEY, kms_key_id TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
    CREATE TABLE tables(
        id INTEGER PRIMARY KEY AUTOINCREMENT, database TEXT NOT NULL REFERENCES databases(name), name TEXT NOT NULL,
        properties TEXT NOT NULL, memory_opened_from INTEGER NOT NULL, total_opened_from INTEGER NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE(database, name)) STRICT;
    CREATE TABLE columns(
        table_id INTEGER NOT NULL REFERENCES tables(id) ON DELETE CASCADE, ordinal INTEGER NOT NULL, name TEXT NOT NULL,
        role TEXT NOT NULL CHECK(role IN ('dimension', 'measure', 'single')), type TEXT NOT NULL,
        PRIMARY KEY(table_id, ordinal), UNIQUE(table_id, name)) STRICT;
    CREATE TABLE measures(
        table_id INTEGER NOT NULL REFERENCES tables(id) ON DELETE CASCADE, name TEXT NOT NULL, type TEXT NOT NULL,
        PRIMARY KEY(table_id, name)) STRICT;
    CREATE TABLE tags(arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(arn, key)) STRICT;
";

/// The writing side. Whoever has it may change everything.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    /// By database and table.
    remembered: BTreeMap<(String, String), TableState>,
}

impl Store {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        let failed = |cause| LocalError::Store { path: path.to_owned(), cause };
        let connection = FILE.open(path)?;
        // KiB when negative: random keys want their index in memory.
        connection.pragma_update(None, "cache_size", -65_536).map_err(failed)?;
        Ok(Self { connection, remembered: BTreeMap::new() })
    }

    /// A transaction that writes. Nothing happened unless it is committed.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Runs `change` on a table and commits what it did, unless it fails. `None` if there is no such table.
    pub(super) fn change_table<T, E: From<rusqlite::Error>>(
        &mut self,
        database: &str,
        table: &str,
        change: impl FnOnce(&Transaction<'_>, &mut TableState) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let name = (database.to_owned(), table.to_owned());
        // Taken out: on failure the file knows better than the memory of an attempt.
        let remembered = self.remembered.remove(&name);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(mut state) = remembered.map_or_else(|| TableState::load(&transaction, database, table), |state| Ok(Some(state)))? else {
            return Ok(None);
        };
        let outcome = change(&transaction, &mut state)?;
        transaction.commit()?;
        if self.remembered.len() >= TABLES_REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(name, state);
        Ok(Some(outcome))
    }

    /// Forgets what is remembered of all tables: after a change of tables themselves.
    pub(super) fn forget(&mut self) {
        self.remembered.clear();
    }
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_again(spoil: &str) -> Result<Store, LocalError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("timestream.db");
        drop(Store::open(&path)?);
        Connection::open(&path).unwrap().execute_batch(spoil).unwrap();
        Store::open(&path)
    }

    #[test]
    fn a_store_opens_again_and_foreign_or_newer_files_are_refused() {
        assert!(open_again("").is_ok());
        let newer = open_again("PRAGMA user_version = 2").unwrap_err();
        assert!(newer.to_string().contains("has format 2, this version reads format 1"), "{newer}");
        assert!(matches!(open_again("PRAGMA application_id = 7").unwrap_err(), LocalError::Foreign { .. }));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        std::fs::write(&path, "no database at all, but long enough to be mistaken for the header of one, or nearly so. ".repeat(9))
            .unwrap();
        assert!(matches!(Store::open(&path).unwrap_err(), LocalError::Foreign { .. }));
    }

    #[test]
    fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("timestream.db");
        let _store = Store::open(&path).unwrap();
        assert!(open_reader(&path).unwrap().execute("DELETE FROM tables", []).is_err());
    }
}
