//! Rows of open results that did not fit in their first page, in a private SQLite database that lives in a temporary
//! file of its own and goes with the process.

use rusqlite::{Connection, params};

use super::failure::QueryFailure;
use super::response::{Datum, Row};

/// Pages that SQLite keeps in memory before it writes to the file, in KiB.
const CACHE_KIB: i32 = 4_096;

#[derive(Debug)]
pub(super) struct Spool {
    connection: Connection,
}

impl Spool {
    pub(super) fn open() -> Result<Self, QueryFailure> {
        // An empty name is SQLite's word for a temporary database on disk.
        let connection = Connection::open("").map_err(failure)?;
        connection.pragma_update(None, "journal_mode", "OFF").map_err(failure)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(failure)?;
        connection
            .execute_batch(
                "CREATE TABLE rows (result INTEGER, position INTEGER, cells TEXT NOT NULL, PRIMARY KEY (result, position)) WITHOUT ROWID",
            )
            .map_err(failure)?;
        Ok(Self { connection })
    }

    /// Adds rows, in [`written`]'s form, to a result that already has `from` of them.
    pub(super) fn append(&mut self, result: i64, from: u64, rows: &[String]) -> Result<(), QueryFailure> {
        let transaction = self.connection.transaction().map_err(failure)?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3)").map_err(failure)?;
            for (position, cells) in (from..).zip(rows) {
                insert.execute(params![result, signed(position), cells]).map_err(failure)?;
            }
        }
        transaction.commit().map_err(failure)
    }

    /// The rows from `start` on, until `take` says that one does not belong to the page any more.
    pub(super) fn read(&self, result: i64, start: u64, mut take: impl FnMut(&Row) -> bool) -> Result<Vec<Row>, QueryFailure> {
        let sql = "SELECT cells FROM rows WHERE result = ?1 AND position >= ?2 ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql).map_err(failure)?;
        let mut found = statement.query(params![result, signed(start)]).map_err(failure)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failure)? {
            let cells: String = row.get(0).map_err(failure)?;
            let row = read_back(&cells).ok_or_else(|| QueryFailure::Internal("a kept row cannot be read back".to_owned()))?;
            if !take(&row) {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Forgets the rows of a result before `position`; all of them when that is `None`.
    pub(super) fn forget(&mut self, result: i64, before: Option<u64>) -> Result<(), QueryFailure> {
        let before = before.map_or(i64::MAX, signed);
        self.connection.execute("DELETE FROM rows WHERE result = ?1 AND position < ?2", params![result, before]).map_err(failure)?;
        Ok(())
    }
}

/// A row as it is kept.
pub(super) fn written(row: &Row) -> String {
    serde_json::Value::Array(row.0.iter().map(Datum::to_json).collect()).to_string()
}

fn read_back(cells: &str) -> Option<Row> {
    match serde_json::from_str(cells).ok()? {
        serde_json::Value::Array(cells) => cells.into_iter().map(Datum::from_json).collect::<Option<Vec<_>>>().map(Row),
        _ => None,
    }
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn failure(error: rusqlite::Error) -> QueryFailure {
    QueryFailure::Internal(format!("rows of an open result cannot be kept: {error}"))
}
