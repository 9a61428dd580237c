//! A store as the write side lays it out, in memory, for tests of queries.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{
    Catalogue, ColumnShape, ColumnType, Datum, Engine, EngineOptions, QueryFailure, QueryRequest, QueryResponse, Row, Scalar, TableShape,
    register,
};
use crate::record::{Measure, MeasureKind, Record};
use crate::time::Nanos;

/// 2024-01-02T00:00:00Z
pub(super) const NOW: Nanos = Nanos(1_704_153_600_000_000_000);
/// 2024-01-01T00:00:00Z
pub(super) const DAY_START: i64 = 1_704_067_200_000_000_000;
pub(super) const HOUR: i64 = 3_600_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Shapes(BTreeMap<(String, String), TableShape>);

impl Catalogue for Shapes {
    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, QueryFailure> {
        Ok(self.0.get(&(database.to_owned(), table.to_owned())).cloned())
    }
    fn databases(&self) -> Result<Vec<String>, QueryFailure> {
        let mut names: Vec<String> = self.0.keys().map(|(database, _)| database.clone()).collect();
        names.dedup();
        Ok(names)
    }
    fn tables(&self, database: &str) -> Result<Option<Vec<String>>, QueryFailure> {
        let names: Vec<String> = self.0.keys().filter(|(known, _)| known == database).map(|(_, table)| table.clone()).collect();
        Ok(if names.is_empty() { None } else { Some(names) })
    }
}

pub(super) struct Fixture {
    pub(super) connection: Connection,
    pub(super) shapes: Shapes,
    pub(super) engine: Engine,
    rows: i64,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        Self { connection, shapes: Shapes::default(), engine: Engine::new(EngineOptions::default()).unwrap(), rows: 0 }
    }

    pub(super) fn table(&mut self, database: &str, table: &str, dimensions: &[&str], measures: &[(&str, MeasureKind)]) {
        let physical = format!("t{}", self.shapes.0.len() + 1);
        let mut columns = Vec::new();
        let mut declared = String::new();
        let mut next = 0;
        let mut add = |columns: &mut Vec<ColumnShape>, name: &str, kind: MeasureKind| {
            next += 1;
            let class = match kind {
                MeasureKind::Varchar => "TEXT",
                MeasureKind::Double => "REAL",
                MeasureKind::Bigint | MeasureKind::Boolean | MeasureKind::Timestamp => "INTEGER",
            };
            declared.push_str(&format!(", c{next} {class}"));
            columns.push(ColumnShape { name: name.to_owned(), physical: format!("c{next}"), kind: kind.into() });
        };
        for name in dimensions {
            add(&mut columns, name, MeasureKind::Varchar);
        }
        columns.push(ColumnShape { name: "measure_name".to_owned(), physical: "measure_name".to_owned(), kind: Scalar::Varchar });
        columns.push(ColumnShape { name: "time".to_owned(), physical: "time".to_owned(), kind: Scalar::Timestamp });
        for (name, kind) in measures {
            add(&mut columns, name, *kind);
        }
        let sql = format!(
            "CREATE TABLE {physical} (key BLOB PRIMARY KEY, measure_name TEXT NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL, visible_at INTEGER NOT NULL{declared})"
        );
        self.connection.execute_batch(&sql).unwrap();
        self.shapes.0.insert((database.to_owned(), table.to_owned()), TableShape { physical, columns });
    }

    pub(super) fn insert(&mut self, database: &str, table: &str, record: &Record, visible_at: Nanos) {
        self.rows += 1;
        let shape = &self.shapes.0[&(database.to_owned(), table.to_owned())];
        let mut names = "key, version, visible_at".to_owned();
        let mut values = vec![Value::Blob(self.rows.to_be_bytes().to_vec()), Value::Integer(1), Value::Integer(visible_at.0)];
        for column in &shape.columns {
            let dimension = record.dimensions.iter().find(|(name, _)| **name == *column.name).map(|(_, value)| Value::Text(value.clone()));
            let measure = record.measures.iter().find(|(name, _)| **name == *column.name).map(|(_, measure)| match measure {
                Measure::Double(f) => Value::Real(*f),
                Measure::Bigint(i) => Value::Integer(*i),
                Measure::Boolean(b) => Value::Integer(i64::from(*b)),
                Measure::Varchar(s) => Value::Text(s.clone()),
                Measure::Timestamp(t) => Value::Integer(t.0),
            });
            let value = match column.physical.as_str() {
                "measure_name" => Some(Value::Text(record.measure_name.to_string())),
                "time" => Some(Value::Integer(record.time.0)),
                _ => dimension.or(measure),
            };
            names.push_str(&format!(", {}", column.physical));
            values.push(value.unwrap_or(Value::Null));
        }
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!("INSERT INTO {} ({names}) VALUES ({places})", shape.physical);
        self.connection.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
    }

    /// Sends `request` at `now`.
    pub(super) fn send(&self, request: &QueryRequest, now: Nanos) -> Result<QueryResponse, QueryFailure> {
        self.engine.query(request, &self.shapes, &self.connection, now)
    }

    pub(super) fn ask(&self, sql: &str) -> Result<QueryResponse, QueryFailure> {
        self.send(&QueryRequest { query_string: sql.to_owned(), ..QueryRequest::default() }, NOW)
    }

    /// The cells of the first page.
    pub(super) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        cells(&self.ask(sql).unwrap_or_else(|failure| panic!("{sql}: {failure}")).rows)
    }

    /// The message with which `sql` is refused.
    pub(super) fn refusal(&self, sql: &str) -> String {
        match self.ask(sql) {
            Err(QueryFailure::Validation(message)) => message,
            other => panic!("{sql}: {other:?}"),
        }
    }
}

pub(super) fn cells(rows: &[Row]) -> Vec<Vec<String>> {
    let cell = |datum: &Datum| match datum {
        Datum::Null => "NULL".to_owned(),
        Datum::Scalar(text) => text.clone(),
        nested => nested.to_json().to_string(),
    };
    rows.iter().map(|row| row.0.iter().map(cell).collect()).collect()
}

/// `name TYPE, name TYPE`
pub(super) fn header(response: &QueryResponse) -> String {
    let column = |column: &super::ColumnInfo| {
        let ColumnType::Scalar(kind) = column.kind else { return "nested".to_owned() };
        format!("{} {}", column.name.as_deref().unwrap_or_default(), kind.wire_name())
    };
    response.columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

pub(super) fn record(dimensions: &[(&str, &str)], hours: i64, measures: &[(&str, Measure)]) -> Record {
    Record {
        dimensions: dimensions.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect(),
        measure_name: "telemetry".into(),
        measures: measures.iter().map(|(name, measure)| ((*name).into(), measure.clone())).collect(),
        time: Nanos(DAY_START + hours * HOUR),
    }
}

/// `db.readings` with three rows that are visible and one that is not yet, and `db.single` with single-measure records.
pub(super) fn readings() -> Fixture {
    use Measure::{Bigint, Boolean, Double, Timestamp, Varchar};
    let mut fixture = Fixture::new();
    let measures = [
        ("temp", MeasureKind::Double),
        ("n", MeasureKind::Bigint),
        ("ok", MeasureKind::Boolean),
        ("note", MeasureKind::Varchar),
        ("at", MeasureKind::Timestamp),
    ];
    fixture.table("db", "readings", &["device", "site"], &measures);
    let rows = [
        record(
            &[("device", "d1"), ("site", "A")],
            0,
            &[
                ("temp", Double(20.0)),
                ("n", Bigint(1)),
                ("ok", Boolean(true)),
                ("note", Varchar("héllo".to_owned())),
                ("at", Timestamp(Nanos(DAY_START + 1))),
            ],
        ),
        record(&[("device", "d1"), ("site", "A")], 1, &[("temp", Double(21.5)), ("n", Bigint(2)), ("ok", Boolean(false))]),
        record(&[("device", "d2")], 2, &[("temp", Double(-0.5)), ("ok", Boolean(true)), ("note", Varchar("a|b~'; DROP".to_owned()))]),
    ];
    for row in &rows {
        fixture.insert("db", "readings", row, NOW);
    }
    fixture.insert("db", "readings", &record(&[("device", "late")], 3, &[("n", Bigint(99))]), Nanos(NOW.0 + 1));
    fixture.table(
        "db",
        "single",
        &["device"],
        &[("measure_value::double", MeasureKind::Double), ("measure_value::bigint", MeasureKind::Bigint)],
    );
    let mut row = record(&[("device", "d1")], 0, &[("measure_value::double", Double(1.5))]);
    fixture.insert("db", "single", &row, NOW);
    row.measure_name = "count".into();
    row.measures = vec![("measure_value::bigint".into(), Bigint(7))];
    fixture.insert("db", "single", &row, NOW);
    fixture
}
