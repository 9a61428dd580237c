//! The SQL of datasets, asked of the engine that answers for the embedded Timestream: both speak Presto.
//!
//! Datasets name datastores without a database, quote with backticks too, and may have a time window put in. The text is copied token by
//! token: literals, comments and quoted names stay what they are, a name behind FROM or JOIN becomes the datastore's, and nothing of a
//! definition is ever written but as a quoted identifier. What the engine does not know, it refuses, and the content has failed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rusqlite::Connection;

use super::route::Resource;
use super::{Service, contents::Window};
use crate::local::timestream::query::{
    Catalogue, ColumnInfo, ColumnType, Datum, Engine, EngineOptions, QueryFailure, QueryRequest, Scalar, TableShape, register,
};
use crate::time::Nanos;

/// The database under which the engine finds datastores.
const DATABASE: &str = "iotanalytics";

impl Service {
    /// Runs `sql`, and gives the result as CSV of Athena's form; or why there is none.
    pub(super) fn ask(&self, sql: &str, window: Option<&Window>) -> Result<String, String> {
        let rewritten = rewritten(sql, window);
        let connection = Connection::open_in_memory().map_err(|error| error.to_string())?;
        let shapes = RefCell::new(BTreeMap::new());
        for (number, name) in (1..).zip(&rewritten.tables) {
            let known = self.store().list(Resource::Datastore, "", usize::MAX).map_err(|exception| exception.message)?;
            let Some(datastore) = known.into_iter().find(|kept| kept.name.eq_ignore_ascii_case(name)) else {
                return Err(format!("Table {name} does not exist"));
            };
            let shape = self.load(&datastore, &connection, &format!("t{number}")).map_err(|exception| exception.message)?;
            shapes.borrow_mut().insert(name.clone(), shape);
        }
        register(&connection).map_err(|error| error.to_string())?;
        answer(&rewritten.sql, &Datastores(shapes), &connection, self.clock.now()).map_err(|failure| failure.to_string())
    }
}

/// The tables that a query names.
struct Datastores(RefCell<BTreeMap<String, TableShape>>);

impl Catalogue for Datastores {
    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, QueryFailure> {
        Ok(self.0.borrow().get(table).filter(|_| database == DATABASE).cloned())
    }

    fn databases(&self) -> Result<Vec<String>, QueryFailure> {
        Ok(vec![DATABASE.to_owned()])
    }

    fn tables(&self, database: &str) -> Result<Option<Vec<String>>, QueryFailure> {
        Ok((database == DATABASE).then(|| self.0.borrow().keys().cloned().collect()))
    }
}

fn answer(sql: &str, catalogue: &Datastores, connection: &Connection, now: Nanos) -> Result<String, QueryFailure> {
    let engine = Engine::new(EngineOptions::default())?;
    let mut request = QueryRequest { query_string: sql.to_owned(), ..QueryRequest::default() };
    let mut csv = String::new();
    loop {
        let page = engine.query(&request, catalogue, connection, now)?;
        if csv.is_empty() {
            let names = page.columns.iter().map(|column| Some(column.name.as_deref().unwrap_or("_col").to_owned()));
            line(&mut csv, names);
        }
        for row in &page.rows {
            line(&mut csv, page.columns.iter().zip(&row.0).map(|(column, datum)| text(column, datum)));
        }
        match page.next_token {
            Some(token) => request.next_token = Some(token),
            None => return Ok(csv),
        }
    }
}

/// All fields quoted, and null as nothing at all (facts: content of datasets).
fn line(csv: &mut String, fields: impl Iterator<Item = Option<String>>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            csv.push(',');
        }
        if let Some(field) = field {
            csv.push('"');
            csv.push_str(&field.replace('"', "\"\""));
            csv.push('"');
        }
    }
    csv.push('\n');
}

fn text(column: &ColumnInfo, datum: &Datum) -> Option<String> {
    match datum {
        Datum::Null => None,
        // Milliseconds, where the engine writes nanoseconds.
        Datum::Scalar(text) if column.kind == ColumnType::Scalar(Scalar::Timestamp) => Some(text.get(..23).unwrap_or(text).to_owned()),
        Datum::Scalar(text) => Some(text.clone()),
        Datum::Array(items) => Some(format!("[{}]", inner(items))),
        Datum::Row(items) => Some(format!("{{{}}}", inner(items))),
    }
}

fn inner(items: &[Datum]) -> String {
    let text = |item: &Datum| match item {
        Datum::Null => "null".to_owned(),
        Datum::Scalar(text) => text.clone(),
        Datum::Array(items) => format!("[{}]", inner(items)),
        Datum::Row(items) => format!("{{{}}}", inner(items)),
    };
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, PartialEq, Eq)]
struct Rewritten {
    sql: String,
    /// As they are written in the query, each once.
    tables: Vec<String>,
}

/// A piece of a query's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'t> {
    /// A name without quotes, or a keyword.
    Word(&'t str),
    /// A quoted name, without its quotes.
    Quoted(&'t str),
    /// White space and comments.
    Gap(&'t str),
    /// Literals, numbers, marks.
    Other(&'t str),
}

fn rewritten(sql: &str, window: Option<&Window>) -> Rewritten {
    let mut out = Rewritten { sql: String::new(), tables: Vec::new() };
    let mut names_a_table = false;
    let mut rest = sql;
    while let Some((piece, behind)) = piece(rest) {
        rest = behind;
        match piece {
            Piece::Gap(text) => out.sql.push_str(text),
            Piece::Word(name) | Piece::Quoted(name) if names_a_table && is_table(piece) => {
                names_a_table = false;
                if !out.tables.iter().any(|known| known == name) {
                    out.tables.push(name.to_owned());
                }
                let table = format!("\"{DATABASE}\".{}", quoted(name));
                match window {
                    None => out.sql.push_str(&table),
                    Some(window) => out.sql.push_str(&within(&table, window, name)),
                }
            }
            Piece::Word(word) => {
                names_a_table = word.eq_ignore_ascii_case("FROM") || word.eq_ignore_ascii_case("JOIN");
                out.sql.push_str(word);
            }
            Piece::Quoted(name) => {
                names_a_table = false;
                out.sql.push_str(&quoted(name));
            }
            Piece::Other(text) => {
                names_a_table = false;
                out.sql.push_str(text);
            }
        }
    }
    out
}

/// A subquery is no table's name.
fn is_table(piece: Piece<'_>) -> bool {
    !matches!(piece, Piece::Word(word) if ["SELECT", "UNNEST", "VALUES", "LATERAL"].iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// The rows of `table` inside the window, under the table's name.
fn within(table: &str, window: &Window, name: &str) -> String {
    let bound = |time: Nanos| format!("from_iso8601_timestamp('{}')", time.to_iso8601());
    let lower = window.from.map(|from| format!("{} >= {} AND ", window.expression, bound(from))).unwrap_or_default();
    format!("(SELECT * FROM {table} WHERE {lower}{} < {}) {}", window.expression, bound(window.to), quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The first piece, and what is behind it.
fn piece(text: &str) -> Option<(Piece<'_>, &str)> {
    let first = text.chars().next()?;
    if text.starts_with("--") {
        let end = text.find('\n').unwrap_or(text.len());
        let (comment, behind) = text.split_at(end);
        return Some((Piece::Gap(comment), behind));
    }
    if text.starts_with("/*") {
        let end = text.find("*/").map_or(text.len(), |at| at + 2);
        let (comment, behind) = text.split_at(end);
        return Some((Piece::Gap(comment), behind));
    }
    if first.is_whitespace() {
        let end = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
        let (gap, behind) = text.split_at(end);
        return Some((Piece::Gap(gap), behind));
    }
    if first.is_alphanumeric() || first == '_' {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let (word, behind) = text.split_at(end);
        let piece = if first.is_ascii_digit() { Piece::Other(word) } else { Piece::Word(word) };
        return Some((piece, behind));
    }
    if "'\"`".contains(first) {
        // A doubled quote begins the next piece at once, and both are copied: for a literal that is the same text.
        let inside = text.get(1..)?;
        return Some(match inside.find(first) {
            Some(end) if first == '\'' => (Piece::Other(text.get(..end + 2)?), text.get(end + 2..)?),
            Some(end) => (Piece::Quoted(inside.get(..end)?), inside.get(end + 1..)?),
            // Without an end: as it stands, for the engine to refuse.
            None => (Piece::Other(text), ""),
        });
    }
    let (mark, behind) = text.split_at(first.len_utf8());
    Some((Piece::Other(mark), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        rewritten(text, None).sql
    }

    #[test]
    fn only_names_of_tables_and_backticks_are_rewritten() {
        assert_eq!(sql("SELECT * FROM store"), "SELECT * FROM \"iotanalytics\".\"store\"");
        assert_eq!(
            sql("select a from /* x */ `my_store` s join\nother o"),
            "select a from /* x */ \"iotanalytics\".\"my_store\" s join\n\"iotanalytics\".\"other\" o"
        );
        assert_eq!(
            sql("SELECT 'FROM x' FROM (SELECT `__dt` FROM a) -- FROM b"),
            "SELECT 'FROM x' FROM (SELECT \"__dt\" FROM \"iotanalytics\".\"a\") -- FROM b"
        );
        assert_eq!(rewritten("SELECT 1 FROM a, b JOIN a", None).tables, ["a"]);
    }

    #[test]
    fn hostile_names_stay_names_and_broken_quotes_end_nothing() {
        assert_eq!(sql("SELECT * FROM `a\" OR 1=1 --`"), "SELECT * FROM \"iotanalytics\".\"a\"\" OR 1=1 --\"");
        assert_eq!(sql("SELECT 'it''s' FROM 'a"), "SELECT 'it''s' FROM 'a");
        assert_eq!(sql("FROM"), "FROM");
    }

    #[test]
    fn a_window_is_put_around_the_table() {
        let window = Window { expression: "from_unixtime(ts)".into(), from: Some(Nanos(0)), to: Nanos(1_000_000_000) };
        assert_eq!(
            rewritten("SELECT * FROM s", Some(&window)).sql,
            "SELECT * FROM (SELECT * FROM \"iotanalytics\".\"s\" WHERE from_unixtime(ts) >= from_iso8601_timestamp('1970-01-01T00:00:00Z') \
             AND from_unixtime(ts) < from_iso8601_timestamp('1970-01-01T00:00:01Z')) \"s\""
        );
    }
}
