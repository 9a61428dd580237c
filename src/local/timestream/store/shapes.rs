//! Which tables there are and what columns they have, as a connection sees them: what queries are translated with.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::tables::unreadable;
use crate::record::MeasureKind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnRole {
    Dimension,
    /// The column `measure_name`.
    MeasureName,
    /// The column `time`.
    Time,
    /// A measure of multi-measure records.
    Measure,
    /// The value of records that are not MULTI: `measure_value::double` and its like.
    Single,
}

impl ColumnRole {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dimension => "dimension",
            Self::MeasureName => "measure_name",
            Self::Time => "time",
            Self::Measure => "measure",
            Self::Single => "single",
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name that queries use. Comes from outside.
    pub name: String,
    /// The name in SQLite: safe to be part of a statement.
    pub physical: String,
    pub role: ColumnRole,
    pub kind: MeasureKind,
}

/// A table, as DESCRIBE shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The name in SQLite: safe to be part of a statement.
    pub physical: String,
    /// Dimensions, `measure_name`, `time`, then measures; each group in order of appearance.
    pub columns: Vec<Column>,
}

/// Reads shapes through a connection.
#[derive(Debug, Clone, Copy)]
pub struct Shapes<'a>(&'a Connection);

impl<'a> Shapes<'a> {
    pub(in crate::local::timestream) fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }

    /// The shape of a table; none if there is no such table. Names are case-sensitive.
    ///
    /// # Errors
    /// What SQLite fails with.
    pub fn shape(&self, database: &str, table: &str) -> rusqlite::Result<Option<Shape>> {
        let Some(id) = self.table_id(database, table)? else { return Ok(None) };
        let (dimensions, measures): (Vec<_>, Vec<_>) =
            columns(self.0, id)?.into_iter().partition(|column| column.role == ColumnRole::Dimension);
        let fixed = |name: &str, role, kind| Column { name: name.to_owned(), physical: name.to_owned(), role, kind };
        let mut all = dimensions;
        all.push(fixed("measure_name", ColumnRole::MeasureName, MeasureKind::Varchar));
        all.push(fixed("time", ColumnRole::Time, MeasureKind::Timestamp));
        all.extend(measures);
        Ok(Some(Shape { physical: format!("t{id}"), columns: all }))
    }

    /// The names of all databases, sorted.
    ///
    /// # Errors
    /// What SQLite fails with.
    pub fn databases(&self) -> rusqlite::Result<Vec<String>> {
        self.0.prepare_cached("SELECT name FROM databases ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
    }

    /// The names of the tables of a database, sorted; none if there is no such database.
    ///
    /// # Errors
    /// What SQLite fails with.
    pub fn tables(&self, database: &str) -> rusqlite::Result<Option<Vec<String>>> {
        let sql = "SELECT name FROM tables WHERE database = ?1 ORDER BY name";
        let tables: Vec<String> = self.0.prepare_cached(sql)?.query_map([database], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut known = self.0.prepare_cached("SELECT 1 FROM databases WHERE name = ?1")?;
        Ok((!tables.is_empty() || known.exists([database])?).then_some(tables))
    }

    /// The measure names of a table with their value type (`double` … `multi`), sorted; what SHOW MEASURES lists.
    ///
    /// # Errors
    /// What SQLite fails with.
    pub fn measures(&self, database: &str, table: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let Some(id) = self.table_id(database, table)? else { return Ok(Vec::new()) };
        let mut statement = self.0.prepare_cached("SELECT name, lower(type) FROM measures WHERE table_id = ?1 ORDER BY name")?;
        statement.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    fn table_id(&self, database: &str, table: &str) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.0.prepare_cached("SELECT id FROM tables WHERE database = ?1 AND name = ?2")?;
        statement.query_row(params![database, table], |row| row.get(0)).optional()
    }
}

/// The stored columns of a table, in order of appearance.
pub(super) fn columns(connection: &Connection, table_id: i64) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare_cached("SELECT ordinal, name, role, type FROM columns WHERE table_id = ?1 ORDER BY ordinal")?;
    let mut rows = statement.query([table_id])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let (ordinal, role, kind): (i64, String, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
        let role = match role.as_str() {
            "dimension" => ColumnRole::Dimension,
            "measure" => ColumnRole::Measure,
            _ => ColumnRole::Single,
        };
        let kind = MeasureKind::from_name(&kind).ok_or_else(|| unreadable(3, format!("unknown column type {kind}")))?;
        columns.push(Column { name: row.get(1)?, physical: format!("c{ordinal}"), role, kind });
    }
    Ok(columns)
}
