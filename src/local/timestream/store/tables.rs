//! What a table is at a moment: properties, retention, the columns and measure names it has seen.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::resources::TableRow;
use super::shapes::{Column, ColumnRole};
use crate::local::timestream::write::Retention;
use crate::record::MeasureKind;

/// The value type of a measure name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Single(MeasureKind),
    Multi,
}

impl RecordKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single(kind) => kind.name(),
            Self::Multi => "MULTI",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == "MULTI" { Some(Self::Multi) } else { MeasureKind::from_name(name).map(Self::Single) }
    }
}

/// The properties of a table in the words of the API, as `tables.properties` keeps them and DescribeTable echoes them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    pub(crate) retention_properties: RetentionProperties,
    pub(crate) magnetic_store_write_properties: MagneticStoreWriteProperties,
    pub(crate) schema: Schema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RetentionProperties {
    pub(crate) memory_store_retention_period_in_hours: Option<i64>,
    pub(crate) magnetic_store_retention_period_in_days: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MagneticStoreWriteProperties {
    pub(crate) enable_magnetic_store_writes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) magnetic_store_rejected_data_location: Option<RejectedDataLocation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct RejectedDataLocation {
    #[serde(rename = "S3Configuration", skip_serializing_if = "Option::is_none")]
    pub(crate) s3_configuration: Option<S3Configuration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct S3Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bucket_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object_key_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_option: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Schema {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) composite_partition_key: Option<Vec<PartitionKey>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PartitionKey {
    #[serde(rename = "Type")]
    pub(crate) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enforcement_in_record: Option<String>,
}

impl Properties {
    pub(crate) fn magnetic_writes(&self) -> bool {
        self.magnetic_store_write_properties.enable_magnetic_store_writes.unwrap_or(false)
    }

    /// The bucket and prefix for reports of magnetic writes that were dropped.
    pub(crate) fn rejected_data(&self) -> Option<(&str, &str)> {
        let location = self.magnetic_store_write_properties.magnetic_store_rejected_data_location.as_ref()?;
        let s3 = location.s3_configuration.as_ref()?;
        Some((s3.bucket_name.as_deref()?, s3.object_key_prefix.as_deref().unwrap_or_default()))
    }

    /// The dimension that every record must have.
    pub(crate) fn required_dimension(&self) -> Option<&str> {
        let key = self.schema.composite_partition_key.as_ref()?.first()?;
        let required = key.kind.as_deref() == Some("DIMENSION") && key.enforcement_in_record.as_deref() == Some("REQUIRED");
        required.then_some(key.name.as_deref()).flatten()
    }
}

/// A table, as far as writing to it needs.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) id: i64,
    pub(crate) properties: Properties,
    pub(crate) retention: Retention,
    columns: HashMap<String, Column>,
    measures: HashMap<String, RecordKind>,
    dimension_count: usize,
    multi_measure_count: usize,
    /// The statement that inserts a row of the same columns as the last one.
    pub(super) last_insert: Option<(Vec<String>, String)>,
}

impl TableState {
    /// Reads a table, if it is there.
    pub(crate) fn load(connection: &Connection, database: &str, table: &str) -> rusqlite::Result<Option<Self>> {
        let Some(row) = TableRow::find(connection, database, table)? else { return Ok(None) };
        let (id, retention) = (row.id, row.retention());
        let mut state = Self {
            id,
            properties: row.properties,
            retention,
            columns: HashMap::new(),
            measures: HashMap::new(),
            dimension_count: 0,
            multi_measure_count: 0,
            last_insert: None,
        };
        for column in super::shapes::columns(connection, id)? {
            state.remember(column);
        }
        let mut statement = connection.prepare_cached("SELECT name, type FROM measures WHERE table_id = ?1")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let kind: String = row.get(1)?;
            let kind = RecordKind::from_name(&kind).ok_or_else(|| unreadable(1, format!("unknown measure value type {kind}")))?;
            state.measures.insert(row.get(0)?, kind);
        }
        Ok(Some(state))
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// The columns of multi-measure values and of single values.
    pub(crate) fn measure_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.values().filter(|column| column.role != ColumnRole::Dimension)
    }

    pub(crate) fn measure_kind(&self, measure_name: &str) -> Option<RecordKind> {
        self.measures.get(measure_name).copied()
    }

    pub(crate) fn measure_name_count(&self) -> usize {
        self.measures.len()
    }

    pub(crate) fn dimension_count(&self) -> usize {
        self.dimension_count
    }

    pub(crate) fn multi_measure_count(&self) -> usize {
        self.multi_measure_count
    }

    /// Adds a column.
    pub(crate) fn add_column(&mut self, connection: &Connection, name: &str, role: ColumnRole, kind: MeasureKind) -> rusqlite::Result<()> {
        let ordinal = self.columns.len();
        let physical = format!("c{ordinal}");
        connection.execute(&format!("ALTER TABLE t{} ADD COLUMN {physical} {}", self.id, sql_type(kind)), [])?;
        let sql = "INSERT INTO columns(table_id, ordinal, name, role, type) VALUES (?1, ?2, ?3, ?4, ?5)";
        let ordinal = i64::try_from(ordinal).unwrap_or(i64::MAX);
        connection.prepare_cached(sql)?.execute(params![self.id, ordinal, name, role.name(), kind.name()])?;
        self.remember(Column { name: name.to_owned(), physical, role, kind });
        Ok(())
    }

    /// Binds a measure name to its value type, for ever.
    pub(crate) fn add_measure(&mut self, connection: &Connection, name: &str, kind: RecordKind) -> rusqlite::Result<()> {
        let sql = "INSERT INTO measures(table_id, name, type) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![self.id, name, kind.name()])?;
        self.measures.insert(name.to_owned(), kind);
        Ok(())
    }

    fn remember(&mut self, column: Column) {
        match column.role {
            ColumnRole::Dimension => self.dimension_count += 1,
            ColumnRole::Measure => self.multi_measure_count += 1,
            ColumnRole::Single | ColumnRole::MeasureName | ColumnRole::Time => {}
        }
        self.columns.insert(column.name.clone(), column);
    }
}

fn sql_type(kind: MeasureKind) -> &'static str {
    match kind {
        MeasureKind::Double => "REAL",
        MeasureKind::Varchar => "TEXT",
        MeasureKind::Bigint | MeasureKind::Boolean | MeasureKind::Timestamp => "INTEGER",
    }
}

/// JSON that this program wrote.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error.to_string()))
}

/// Something in the file that this program did not write.
pub(super) fn unreadable(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
}
