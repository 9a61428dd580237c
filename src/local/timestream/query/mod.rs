//! Timestream SQL over the embedded store: the part of the dialect that verification and people at a prompt need,
//! compiled to SQLite; everything else is refused by name.
//!
//! Journey of a query: `syntax` (tokens, bounds, tree) → `compile` (every expression becomes SQLite text plus a type), both on
//! the stack that `reading` makes for them → `engine` (runs it, keeps what does not fit in the first page) → `response`
//! (the wire shape).
//!
//! Invariants: text of the user reaches SQLite only as a bound parameter, never as SQL; identifiers of the user are
//! looked up in a [`TableShape`] and only its physical names are written. Every value has a type, and what SQLite would
//! round, wrap or turn into NULL (integer overflow, division by zero, NaN) is an error instead. Rows that are not yet
//! visible are not seen. A result is read to its end in one SQLite statement before anything is answered, so its pages
//! agree with each other while writes go on.
//!
//! Only `local::timestream` may use this room. It shares no rule with `target`, save the published text of a double.

mod compile;
mod engine;
mod failure;
mod functions;
mod reading;
mod response;
mod scalar;
mod show;
mod spool;
mod syntax;

#[cfg(test)]
mod digest_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod paging_tests;
#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineOptions, QueryRequest};
pub use failure::QueryFailure;
pub use functions::register;
pub use response::{ColumnInfo, ColumnType, Datum, PreparedQuery, QueryResponse, Row};
pub use scalar::Scalar;

/// The columns of one table, and where SQLite keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableShape {
    /// Name of the physical table, `t<n>`. It has a column `visible_at` in nanoseconds.
    pub physical: String,
    /// Dimensions, then `measure_name`, `time`, then measures: the order of DESCRIBE and of `SELECT *`.
    pub columns: Vec<ColumnShape>,
}

/// One column as a query sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnShape {
    pub name: String,
    /// `c<n>`, `measure_name` or `time`.
    pub physical: String,
    pub kind: Scalar,
}

/// What a query can ask about: names, exactly as they were created (names are case sensitive; facts: Naming).
pub trait Catalogue {
    /// The shape of a table, or `None` when the database or the table is not there.
    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, QueryFailure>;

    /// All databases, sorted.
    fn databases(&self) -> Result<Vec<String>, QueryFailure>;

    /// The tables of a database, sorted; `None` when the database is not there.
    fn tables(&self, database: &str) -> Result<Option<Vec<String>>, QueryFailure>;
}
