//! The functions that compiled queries call in SQLite, under names that begin with `ts_`.
//!
//! They give NULL for NULL, and an error where SQLite's own would round, wrap or give NULL.

mod aggregates;
mod bytes;
mod numbers;
mod texts;
mod times;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error};

pub(super) use bytes::read_hex;
pub(super) use times::text_to_timestamp;

/// What a function finds wrong with its arguments.
type Fault = String;
type Body = fn(&Context<'_>) -> Result<Value, Fault>;

/// Registers all functions on a connection that is to run queries. Once for each connection, before the first query.
///
/// # Errors
/// When SQLite refuses, which it does only while a statement of this connection is running.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    numbers::register(connection)?;
    texts::register(connection)?;
    times::register(connection)?;
    bytes::register(connection)?;
    aggregates::register(connection)
}

fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC
}

/// Registers `ts_<name>` with any number of arguments; the compiler has counted them.
fn scalar(connection: &Connection, name: &str, body: Body) -> rusqlite::Result<()> {
    connection.create_scalar_function(format!("ts_{name}").as_str(), -1, flags(), move |context| {
        if has_null(context) { Ok(Value::Null) } else { body(context).map_err(failed) }
    })
}

/// Registers `ts_<name>` and `ts_try_<name>`, which gives NULL where the other fails.
fn conversion(connection: &Connection, name: &str, body: Body) -> rusqlite::Result<()> {
    scalar(connection, name, body)?;
    connection.create_scalar_function(format!("ts_try_{name}").as_str(), -1, flags(), move |context| {
        Ok::<_, Error>(if has_null(context) { Value::Null } else { body(context).unwrap_or(Value::Null) })
    })
}

fn failed(fault: Fault) -> Error {
    Error::UserFunctionError(fault.into())
}

fn has_null(context: &Context<'_>) -> bool {
    (0..context.len()).any(|index| matches!(context.get_raw(index), ValueRef::Null))
}

fn integer(context: &Context<'_>, index: usize) -> Result<i64, Fault> {
    match context.get_raw(index) {
        ValueRef::Integer(value) => Ok(value),
        other => Err(format!("a whole number was expected, not {}", other.data_type())),
    }
}

fn real(context: &Context<'_>, index: usize) -> Result<f64, Fault> {
    number(context.get_raw(index))
}

/// SQLite may hold a whole REAL as an INTEGER.
fn number(value: ValueRef<'_>) -> Result<f64, Fault> {
    match value {
        ValueRef::Real(value) => Ok(value),
        ValueRef::Integer(value) => Ok(value as f64),
        other => Err(format!("a number was expected, not {}", other.data_type())),
    }
}

fn text<'c>(context: &'c Context<'_>, index: usize) -> Result<&'c str, Fault> {
    context.get_raw(index).as_str().map_err(|_| "a text was expected".to_owned())
}

fn blob<'c>(context: &'c Context<'_>, index: usize) -> Result<&'c [u8], Fault> {
    context.get_raw(index).as_blob().map_err(|_| "a varbinary was expected".to_owned())
}
