//! Databases, tables and tags, as control operations read and change them. All inside a transaction of the caller.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::tables::{Properties, from_json};
use crate::local::timestream::write::Retention;
use crate::time::Nanos;

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatabaseRow {
    pub(crate) name: String,
    pub(crate) kms_key_id: String,
    pub(crate) created_at: Nanos,
    pub(crate) updated_at: Nanos,
    pub(crate) table_count: i64,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableRow {
    pub(crate) id: i64,
    pub(crate) database: String,
    pub(crate) name: String,
    pub(crate) properties: Properties,
    pub(crate) memory_opened_from: i64,
    pub(crate) total_opened_from: i64,
    pub(crate) created_at: Nanos,
    pub(crate) updated_at: Nanos,
}

const DATABASE: &str = "SELECT name, kms_key_id, created_at, updated_at, \
                        (SELECT count(*) FROM tables WHERE tables.database = databases.name) FROM databases";
const TABLE: &str = "SELECT id, database, name, properties, memory_opened_from, total_opened_from, created_at, updated_at FROM tables";

impl DatabaseRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            kms_key_id: row.get(1)?,
            created_at: Nanos(row.get(2)?),
            updated_at: Nanos(row.get(3)?),
            table_count: row.get(4)?,
        })
    }

    pub(crate) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Self>> {
        connection.prepare_cached(&format!("{DATABASE} WHERE name = ?1"))?.query_row([name], Self::read).optional()
    }

    /// At most `limit` databases whose names follow `after`, sorted.
    pub(crate) fn page(connection: &Connection, after: &str, limit: i64) -> rusqlite::Result<Vec<Self>> {
        let mut statement = connection.prepare_cached(&format!("{DATABASE} WHERE name > ?1 ORDER BY name LIMIT ?2"))?;
        statement.query_map(params![after, limit], Self::read)?.collect()
    }

    pub(crate) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM databases", [], |row| row.get(0))
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO databases(name, kms_key_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4)";
        connection.execute(sql, params![self.name, self.kms_key_id, self.created_at.0, self.updated_at.0])?;
        Ok(())
    }

    pub(crate) fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE databases SET kms_key_id = ?2, updated_at = ?3 WHERE name = ?1";
        connection.execute(sql, params![self.name, self.kms_key_id, self.updated_at.0])?;
        Ok(())
    }

    pub(crate) fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute("DELETE FROM databases WHERE name = ?1", [&self.name])?;
        Ok(())
    }
}

impl TableRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let properties: String = row.get(3)?;
        Ok(Self {
            id: row.get(0)?,
            database: row.get(1)?,
            name: row.get(2)?,
            properties: from_json(3, &properties)?,
            memory_opened_from: row.get(4)?,
            total_opened_from: row.get(5)?,
            created_at: Nanos(row.get(6)?),
            updated_at: Nanos(row.get(7)?),
        })
    }

    pub(crate) fn find(connection: &Connection, database: &str, name: &str) -> rusqlite::Result<Option<Self>> {
        let mut statement = connection.prepare_cached(&format!("{TABLE} WHERE database = ?1 AND name = ?2"))?;
        statement.query_row(params![database, name], Self::read).optional()
    }

    /// At most `limit` tables that follow `after` (database and table), sorted; of one database, or of all.
    pub(crate) fn page(connection: &Connection, database: Option<&str>, after: (&str, &str), limit: i64) -> rusqlite::Result<Vec<Self>> {
        let sql = format!("{TABLE} WHERE (?1 IS NULL OR database = ?1) AND (database, name) > (?2, ?3) ORDER BY database, name LIMIT ?4");
        connection.prepare_cached(&sql)?.query_map(params![database, after.0, after.1, limit], Self::read)?.collect()
    }

    pub(crate) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM tables", [], |row| row.get(0))
    }

    pub(crate) fn retention(&self) -> Retention {
        let retention = self.properties.retention_properties;
        Retention {
            memory_hours: retention.memory_store_retention_period_in_hours.unwrap_or_default(),
            magnetic_days: retention.magnetic_store_retention_period_in_days.unwrap_or_default(),
            memory_opened_from: self.memory_opened_from,
            total_opened_from: self.total_opened_from,
        }
    }

    /// Makes the table and its rows' home; the id is given here.
    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO tables(database, name, properties, memory_opened_from, total_opened_from, created_at, updated_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let properties = to_json(&self.properties)?;
        let opened = (self.memory_opened_from, self.total_opened_from);
        connection.execute(sql, params![self.database, self.name, properties, opened.0, opened.1, self.created_at.0, self.updated_at.0])?;
        let id = connection.last_insert_rowid();
        connection.execute_batch(&format!(
            "CREATE TABLE t{id}(key BLOB PRIMARY KEY NOT NULL, content BLOB NOT NULL, measure_name TEXT NOT NULL, time INTEGER NOT NULL, \
             version INTEGER NOT NULL, visible_at INTEGER NOT NULL) STRICT; CREATE INDEX t{id}_time ON t{id}(time);"
        ))
    }

    pub(crate) fn update(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE tables SET properties = ?2, memory_opened_from = ?3, total_opened_from = ?4, updated_at = ?5 WHERE id = ?1";
        let properties = to_json(&self.properties)?;
        connection.execute(sql, params![self.id, properties, self.memory_opened_from, self.total_opened_from, self.updated_at.0])?;
        Ok(())
    }

    /// Removes the table and all its rows.
    pub(crate) fn delete(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&format!("DROP TABLE t{}", self.id))?;
        connection.execute("DELETE FROM tables WHERE id = ?1", [self.id])?;
        Ok(())
    }
}

fn to_json(properties: &Properties) -> rusqlite::Result<String> {
    serde_json::to_string(properties).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The tags of a resource, sorted by key.
pub(crate) fn tags(connection: &Connection, arn: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM tags WHERE arn = ?1 ORDER BY key")?;
    statement.query_map([arn], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub(crate) fn set_tag(connection: &Connection, arn: &str, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO tags(arn, key, value) VALUES (?1, ?2, ?3) ON CONFLICT(arn, key) DO UPDATE SET value = excluded.value";
    connection.execute(sql, params![arn, key, value])?;
    Ok(())
}

pub(crate) fn remove_tag(connection: &Connection, arn: &str, key: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM tags WHERE arn = ?1 AND key = ?2", params![arn, key])?;
    Ok(())
}

pub(crate) fn remove_tags(connection: &Connection, arn: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM tags WHERE arn = ?1", [arn])?;
    Ok(())
}
