//! A SQLite file of an embedded service: made when it is not there, and refused when it is another program's, or a later version's.
//!
//! WAL with `synchronous=NORMAL`: a crash of the process loses nothing that was answered, a crash of the machine may lose the last
//! moments. This is a rehearsal ground, not the ledger.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::LocalError;

/// What tells the files of one service from all others.
#[derive(Debug, Clone, Copy)]
pub(in crate::local) struct StoreFile {
    /// Four letters in ASCII.
    pub(in crate::local) mark: [u8; 4],
    pub(in crate::local) format: i64,
    pub(in crate::local) schema: &'static str,
}

impl StoreFile {
    /// Opens or makes the file, for the one who writes it.
    pub(in crate::local) fn open(&self, path: &Path) -> Result<Connection, LocalError> {
        let failed = |cause| LocalError::Store { path: path.to_owned(), cause };
        let connection = Connection::open(path).map_err(failed)?;
        self.check(&connection, path)?;
        prepare(&connection).map_err(failed)?;
        Ok(connection)
    }

    /// A new file gets the schema; any other must be ours and of a format that is known. A file without a mark is ours if it has this very
    /// schema: IoT Analytics kept its definitions in such files once.
    fn check(&self, connection: &Connection, path: &Path) -> Result<(), LocalError> {
        let failed = |cause| LocalError::Store { path: path.to_owned(), cause };
        let mark = i64::from(u32::from_be_bytes(self.mark));
        let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let found = match pragma("application_id") {
            Ok(found) => found,
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::NotADatabase => {
                return Err(LocalError::Foreign { path: path.to_owned() });
            }
            Err(cause) => return Err(failed(cause)),
        };
        if found == 0 {
            let objects = objects(connection).map_err(failed)?;
            let schema = if objects.is_empty() { self.schema } else { "" };
            if objects.is_empty() || objects == self.objects().map_err(failed)? {
                let marks = format!("PRAGMA application_id = {mark}; PRAGMA user_version = {};", self.format);
                return connection.execute_batch(&format!("BEGIN IMMEDIATE; {schema} {marks} COMMIT;")).map_err(failed);
            }
        }
        if found != mark {
            return Err(LocalError::Foreign { path: path.to_owned() });
        }
        match pragma("user_version").map_err(failed)? {
            format if format == self.format => Ok(()),
            found => Err(LocalError::Format { path: path.to_owned(), found, known: self.format }),
        }
    }

    /// What a new file holds.
    fn objects(&self) -> rusqlite::Result<Vec<String>> {
        let fresh = Connection::open_in_memory()?;
        fresh.execute_batch(self.schema)?;
        objects(&fresh)
    }
}

/// The statements that made a file's tables, sorted, with single spaces.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")?;
    let spaced = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    statement.query_map([], |row| row.get(0).map(spaced))?.collect()
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    // journal_mode answers with a row.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)
}
