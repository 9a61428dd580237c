//! SHOW and DESCRIBE: what tables there are and what they hold, as rows.
//!
//! Column names are those of the developer guide's examples; `MULTI` is the attribute of a column of multi-measure records.

use rusqlite::Connection;

use super::compile::table_shape;
use super::failure::QueryFailure;
use super::response::{ColumnInfo, ColumnType, Datum, Row};
use super::scalar::Scalar;
use super::syntax::{Show, at};
use super::{Catalogue, ColumnShape, TableShape};
use crate::time::Nanos;

/// Columns of single-measure records are called this and a type.
const SINGLE_MEASURE: &str = "measure_value::";

/// Columns and rows of the answer.
pub(super) fn answer(
    show: &Show,
    catalogue: &dyn Catalogue,
    connection: &Connection,
    now: Nanos,
) -> Result<(Vec<ColumnInfo>, Vec<Row>), QueryFailure> {
    Ok(match show {
        Show::Databases => (varchars(&["Database"]), one_column(catalogue.databases()?)),
        Show::Tables { database } => {
            let missing = || QueryFailure::Validation(format!("{}Database {} does not exist", at(database.span), database.value));
            (varchars(&["Table"]), one_column(catalogue.tables(&database.value)?.ok_or_else(missing)?))
        }
        Show::Measures { database, table } => measures(&table_shape(catalogue, database, table)?, connection, now)?,
        Show::Describe { database, table } => describe(&table_shape(catalogue, database, table)?),
    })
}

fn describe(shape: &TableShape) -> (Vec<ColumnInfo>, Vec<Row>) {
    let (dimensions, _) = sides(shape);
    let attribute = |position: usize, column: &ColumnShape| match column.physical.as_str() {
        "measure_name" => "MEASURE_NAME",
        "time" => "TIMESTAMP",
        _ if position < dimensions.len() => "DIMENSION",
        _ if column.name.starts_with(SINGLE_MEASURE) => "MEASURE_VALUE",
        _ => "MULTI",
    };
    let row = |(position, column): (usize, &ColumnShape)| {
        let cells = [column.name.as_str(), column.kind.sql_name(), attribute(position, column)];
        Row(cells.map(|text| Datum::Scalar(text.to_owned())).to_vec())
    };
    (varchars(&["Column", "Type", "Timestream attribute type"]), shape.columns.iter().enumerate().map(row).collect())
}

/// Every measure name with its type and the dimensions that its records carry.
fn measures(shape: &TableShape, connection: &Connection, now: Nanos) -> Result<(Vec<ColumnInfo>, Vec<Row>), QueryFailure> {
    let (dimensions, measures) = sides(shape);
    let singles: Vec<&ColumnShape> = measures.iter().filter(|column| column.name.starts_with(SINGLE_MEASURE)).collect();
    let present = |column: &ColumnShape| format!(", max({} IS NOT NULL)", super::compile::physical(&column.physical));
    let flags: String = dimensions.iter().map(present).chain(singles.iter().map(|column| present(column))).collect();
    let table = super::compile::physical(&shape.physical);
    let sql = format!("SELECT measure_name{flags} FROM {table} WHERE visible_at <= ?1 GROUP BY 1 ORDER BY 1");
    let mut statement = connection.prepare(&sql).map_err(|error| QueryFailure::while_preparing(&error))?;
    let mut found = statement.query([now.0]).map_err(|error| QueryFailure::while_running(&error))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(|error| QueryFailure::while_running(&error))? {
        let read = |position: usize| row.get::<_, i64>(position).map(|flag| flag != 0).map_err(|error| QueryFailure::while_running(&error));
        let name: String = row.get(0).map_err(|error| QueryFailure::while_running(&error))?;
        let mut carried = Vec::new();
        for (position, dimension) in dimensions.iter().enumerate() {
            if read(position + 1)? {
                carried.push(Datum::Row(vec![Datum::Scalar(dimension.name.clone()), Datum::Scalar("varchar".to_owned())]));
            }
        }
        let mut kind = "multi";
        for (position, single) in singles.iter().enumerate() {
            if read(dimensions.len() + position + 1)? {
                kind = single.kind.sql_name();
            }
        }
        rows.push(Row(vec![Datum::Scalar(name), Datum::Scalar(kind.to_owned()), Datum::Array(carried)]));
    }
    let mut columns = varchars(&["measure_name", "data_type"]);
    let element = ColumnInfo { name: None, kind: ColumnType::Row(varchars(&["dimension_name", "data_type"])) };
    columns.push(ColumnInfo { name: Some("dimensions".to_owned()), kind: ColumnType::Array(Box::new(element)) });
    Ok((columns, rows))
}

/// The dimensions before `measure_name`, and the measures after `time`.
fn sides(shape: &TableShape) -> (&[ColumnShape], &[ColumnShape]) {
    let middle = shape.columns.iter().position(|column| column.physical == "measure_name").unwrap_or(shape.columns.len());
    let (dimensions, rest) = shape.columns.split_at(middle);
    (dimensions, rest.get(2..).unwrap_or_default())
}

fn varchars(names: &[&str]) -> Vec<ColumnInfo> {
    names.iter().map(|name| ColumnInfo::scalar(*name, Scalar::Varchar)).collect()
}

fn one_column(values: Vec<String>) -> Vec<Row> {
    values.into_iter().map(|value| Row(vec![Datum::Scalar(value)])).collect()
}
