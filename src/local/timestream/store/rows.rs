//! The rows of a table: looked up by key, inserted, replaced.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};

use super::tables::TableState;
use crate::local::timestream::write::Datum;
use crate::record::MeasureKind;

/// What a new row is made of. Every name in it has its column already.
#[derive(Debug)]
pub(crate) struct RowParts<'a> {
    pub(crate) key: &'a [u8; 16],
    pub(crate) content: &'a [u8; 16],
    pub(crate) measure_name: &'a str,
    pub(crate) time: i64,
    pub(crate) version: i64,
    pub(crate) visible_at: i64,
    pub(crate) dimensions: &'a [(String, String)],
    pub(crate) values: &'a [(String, Datum)],
}

/// What is known of a stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Existing {
    pub(crate) version: i64,
    pub(crate) content: [u8; 16],
    pub(crate) visible_at: i64,
}

impl ToSql for Datum {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Double(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Self::Bigint(value) | Self::Timestamp(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Boolean(value) => ToSqlOutput::Owned(Value::Integer(i64::from(*value))),
            Self::Varchar(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl TableState {
    /// Inserts a row whose key is free.
    pub(crate) fn insert(&mut self, connection: &Connection, row: &RowParts<'_>) -> rusqlite::Result<()> {
        let sql = self.insert_sql(row)?;
        let mut statement = connection.prepare_cached(&sql)?;
        statement.raw_bind_parameter(1, row.key.as_slice())?;
        statement.raw_bind_parameter(2, row.content.as_slice())?;
        statement.raw_bind_parameter(3, row.measure_name)?;
        statement.raw_bind_parameter(4, row.time)?;
        statement.raw_bind_parameter(5, row.version)?;
        statement.raw_bind_parameter(6, row.visible_at)?;
        let mut place = 7;
        for (_, value) in row.dimensions {
            statement.raw_bind_parameter(place, value)?;
            place += 1;
        }
        for (_, value) in row.values {
            statement.raw_bind_parameter(place, value)?;
            place += 1;
        }
        statement.raw_execute()?;
        Ok(())
    }

    pub(crate) fn existing(&self, connection: &Connection, key: &[u8; 16]) -> rusqlite::Result<Option<Existing>> {
        let sql = format!("SELECT version, content, visible_at FROM t{} WHERE key = ?1", self.id);
        let read = |row: &rusqlite::Row<'_>| Ok(Existing { version: row.get(0)?, content: row.get(1)?, visible_at: row.get(2)? });
        connection.prepare_cached(&sql)?.query_row([key.as_slice()], read).optional()
    }

    /// Gives a stored row a higher version, and changes nothing else.
    pub(crate) fn set_version(&self, connection: &Connection, key: &[u8; 16], version: i64) -> rusqlite::Result<()> {
        let sql = format!("UPDATE t{} SET version = ?2 WHERE key = ?1", self.id);
        connection.prepare_cached(&sql)?.execute(params![key.as_slice(), version])?;
        Ok(())
    }

    pub(crate) fn remove(&self, connection: &Connection, key: &[u8; 16]) -> rusqlite::Result<()> {
        let sql = format!("DELETE FROM t{} WHERE key = ?1", self.id);
        connection.prepare_cached(&sql)?.execute([key.as_slice()])?;
        Ok(())
    }

    /// The measures that a stored row has, with their names.
    pub(crate) fn measures_of(&self, connection: &Connection, key: &[u8; 16]) -> rusqlite::Result<Vec<(String, Datum)>> {
        let columns: Vec<_> = self.measure_columns().collect();
        let list = columns.iter().map(|column| column.physical.as_str()).collect::<Vec<_>>().join(", ");
        let mut statement = connection.prepare(&format!("SELECT {list} FROM t{} WHERE key = ?1", self.id))?;
        statement.query_row([key.as_slice()], |row| {
            let mut measures = Vec::new();
            for (place, column) in columns.iter().enumerate() {
                if row.get_ref(place)? != ValueRef::Null {
                    measures.push((column.name.clone(), read(row, place, column.kind)?));
                }
            }
            Ok(measures)
        })
    }

    fn insert_sql(&mut self, row: &RowParts<'_>) -> rusqlite::Result<String> {
        let names = || row.dimensions.iter().map(|(name, _)| name).chain(row.values.iter().map(|(name, _)| name));
        if let Some((last, sql)) = &self.last_insert
            && last.iter().eq(names())
        {
            return Ok(sql.clone());
        }
        let mut columns = "key, content, measure_name, time, version, visible_at".to_owned();
        let mut places = "?1, ?2, ?3, ?4, ?5, ?6".to_owned();
        for (place, name) in names().enumerate() {
            // A name without a column is a fault of this program: better no row than a row without a value.
            let column = self.column(name).ok_or_else(|| rusqlite::Error::InvalidColumnName(name.clone()))?;
            columns += ", ";
            columns += &column.physical;
            places += &format!(", ?{}", place + 7);
        }
        let sql = format!("INSERT INTO t{} ({columns}) VALUES ({places})", self.id);
        self.last_insert = Some((names().cloned().collect(), sql.clone()));
        Ok(sql)
    }
}

fn read(row: &rusqlite::Row<'_>, place: usize, kind: MeasureKind) -> rusqlite::Result<Datum> {
    Ok(match kind {
        MeasureKind::Double => Datum::Double(row.get(place)?),
        MeasureKind::Bigint => Datum::Bigint(row.get(place)?),
        MeasureKind::Boolean => Datum::Boolean(row.get(place)?),
        MeasureKind::Varchar => Datum::Varchar(row.get(place)?),
        MeasureKind::Timestamp => Datum::Timestamp(row.get(place)?),
    })
}
