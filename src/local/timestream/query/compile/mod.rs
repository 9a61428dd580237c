//! From a syntax tree to SQLite text in which every expression has a type.
//!
//! A block `SELECT … FROM … GROUP BY …` becomes at most two SQLite blocks: an inner one that yields group keys `g<n>` and
//! aggregates `a<n>`, an outer one over those for what is selected, filtered by HAVING and sorted. Two expressions are
//! the same when their SQLite text is the same: equal constants share one parameter.

mod aggregate;
mod call;
mod cast;
mod expression;
mod operator;
mod scope;
mod select;

use std::collections::BTreeMap;

use rusqlite::types::Value;
use sqlparser::ast::{Ident, Query};

use super::TableShape;
use super::failure::QueryFailure;
use super::scalar::Scalar;
use crate::time::Nanos;
pub(super) use scope::{find_table, table_shape};
pub(super) use select::physical;

/// A query that SQLite can run.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) sql: String,
    /// Values of `?1`, `?2` …
    pub(super) parameters: Vec<Value>,
    pub(super) columns: Vec<OutColumn>,
}

/// A column of a block's result; SQLite calls it `o<position>`.
#[derive(Debug, Clone)]
pub(super) struct OutColumn {
    /// The alias, the column's own name, or Presto's `_col<position>`.
    pub(super) name: String,
    pub(super) aliased: bool,
    pub(super) kind: Scalar,
}

/// SQLite text of an expression, and its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    sql: String,
    kind: Scalar,
    /// The text of a string literal, which may stand for a timestamp or a date.
    literal: Option<String>,
}

impl Typed {
    fn new(sql: impl Into<String>, kind: Scalar) -> Self {
        Self { sql: sql.into(), kind, literal: None }
    }
}

/// A table under its real names: database, table, shape.
pub(super) type FoundTable = (String, String, TableShape);
/// Finds the table that a query names.
pub(super) type FindTable<'c> = &'c dyn Fn(&Ident, &Ident) -> Result<FoundTable, QueryFailure>;

/// Compiles one query. `now` is the time of the query: what is visible, and `now()`.
pub(super) fn compile(query: &Query, find_table: FindTable<'_>, now: Nanos) -> Result<Compiled, QueryFailure> {
    let mut compiler = Compiler {
        find_table,
        now,
        parameters: Parameters::default(),
        tables: Vec::new(),
        relations: 0,
        met_aggregate: false,
        aliases: Vec::new(),
    };
    let relation = compiler.query(query)?;
    if let Some(hidden) = relation.columns.iter().find(|column| column.kind == Scalar::Varbinary) {
        let message = format!("Column '{}' is varbinary, which cannot be returned; use to_hex or from_big_endian_64", hidden.name);
        return Err(QueryFailure::Validation(message));
    }
    Ok(Compiled { sql: relation.sql, parameters: compiler.parameters.values, columns: relation.columns })
}

/// A compiled block.
#[derive(Debug, Clone)]
struct Relation {
    sql: String,
    columns: Vec<OutColumn>,
}

/// What is known while a query is compiled.
struct Compiler<'c> {
    find_table: FindTable<'c>,
    now: Nanos,
    parameters: Parameters,
    /// Common tables in sight, innermost last.
    tables: Vec<(String, Relation)>,
    /// How many `r<n>` have been given out.
    relations: usize,
    /// An aggregate was met where rows were expected: the block needs grouping.
    met_aggregate: bool,
    /// Names of the select list, while ORDER BY is compiled.
    aliases: Vec<(String, Typed)>,
}

/// The values that SQLite text refers to as `?<n>`.
#[derive(Debug, Default)]
struct Parameters {
    values: Vec<Value>,
    known: BTreeMap<ParameterKey, usize>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ParameterKey {
    Integer(i64),
    Real(u64),
    Text(String),
    Blob(Vec<u8>),
}

impl Parameters {
    fn bind(&mut self, key: ParameterKey) -> String {
        let position = *self.known.entry(key).or_insert_with_key(|key| {
            self.values.push(match key {
                ParameterKey::Integer(i) => Value::Integer(*i),
                ParameterKey::Real(bits) => Value::Real(f64::from_bits(*bits)),
                ParameterKey::Text(text) => Value::Text(text.clone()),
                ParameterKey::Blob(bytes) => Value::Blob(bytes.clone()),
            });
            self.values.len()
        });
        format!("?{position}")
    }
    fn integer(&mut self, value: i64) -> String {
        self.bind(ParameterKey::Integer(value))
    }
    fn real(&mut self, value: f64) -> String {
        self.bind(ParameterKey::Real(value.to_bits()))
    }
    fn text(&mut self, value: &str) -> String {
        self.bind(ParameterKey::Text(value.to_owned()))
    }
    fn blob(&mut self, value: Vec<u8>) -> String {
        self.bind(ParameterKey::Blob(value))
    }
}
