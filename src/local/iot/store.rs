//! What is durable: one SQLite file.
//!
//! Layout, format 1
//! - `rules(name, payload, disabled, created)`: the payload as JSON; instants are nanoseconds since 1970.
//! - `things(name, id, body, version)`: type, attributes and billing group as JSON.
//! - `shadows(thing, name, document, version, changed)`: the classic shadow has the empty name; a deleted one keeps its version, and has
//!   no document.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::document::Document;
use crate::local::LocalError;
use crate::local::store_file::StoreFile;
use crate::time::Nanos;

const FILE: StoreFile = StoreFile {
    mark: *b"i2io",
    format: 1,
    schema: "
    CREATE TABLE rules(name TEXT PRIMARY KEY, payload TEXT NOT NULL, disabled INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
    CREATE TABLE things(name TEXT PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, version INTEGER NOT NULL) STRICT;
    CREATE TABLE shadows(
        thing TEXT NOT NULL, name TEXT NOT NULL, document TEXT, version INTEGER NOT NULL, changed INTEGER NOT NULL,
        PRIMARY KEY(thing, name)) STRICT;
",
};

/// A topic rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) payload: Value,
    pub(super) disabled: bool,
    pub(super) created: Nanos,
}

/// A thing of the registry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thing {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) body: Value,
    pub(super) version: i64,
}

/// A shadow, or what is left of a deleted one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shadow {
    pub(super) document: Option<Document>,
    pub(super) version: i64,
    pub(super) changed: Nanos,
}

#[derive(Debug)]
pub(super) struct Store(Connection);

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        FILE.open(path).map(Self)
    }

    pub(super) fn rule(&self, name: &str) -> rusqlite::Result<Option<Rule>> {
        let mut statement = self.0.prepare_cached("SELECT name, payload, disabled, created FROM rules WHERE name = ?1")?;
        statement.query_row([name], rule).optional()
    }

    /// All rules, sorted by name.
    pub(super) fn rules(&self) -> rusqlite::Result<Vec<Rule>> {
        let mut statement = self.0.prepare_cached("SELECT name, payload, disabled, created FROM rules ORDER BY name")?;
        statement.query_map([], rule)?.collect()
    }

    pub(super) fn put_rule(&self, rule: &Rule) -> rusqlite::Result<()> {
        let sql =
            "INSERT INTO rules VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET payload = excluded.payload, disabled = excluded.disabled";
        self.0.execute(sql, params![rule.name, rule.payload.to_string(), rule.disabled, rule.created.0]).map(|_| ())
    }

    /// Whether there was one.
    pub(super) fn delete_rule(&self, name: &str) -> rusqlite::Result<bool> {
        self.0.execute("DELETE FROM rules WHERE name = ?1", [name]).map(|count| count > 0)
    }

    pub(super) fn thing(&self, name: &str) -> rusqlite::Result<Option<Thing>> {
        let mut statement = self.0.prepare_cached("SELECT name, id, body, version FROM things WHERE name = ?1")?;
        statement.query_row([name], thing).optional()
    }

    /// The things whose names follow `after`, sorted.
    pub(super) fn things(&self, after: &str) -> rusqlite::Result<Vec<Thing>> {
        let mut statement = self.0.prepare_cached("SELECT name, id, body, version FROM things WHERE name > ?1 ORDER BY name")?;
        statement.query_map([after], thing)?.collect()
    }

    pub(super) fn put_thing(&self, thing: &Thing) -> rusqlite::Result<()> {
        let sql = "INSERT INTO things VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET body = excluded.body, version = excluded.version";
        self.0.execute(sql, params![thing.name, thing.id, thing.body.to_string(), thing.version]).map(|_| ())
    }

    pub(super) fn delete_thing(&self, name: &str) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM things WHERE name = ?1", [name]).map(|_| ())
    }

    pub(super) fn shadow(&self, thing: &str, name: &str) -> rusqlite::Result<Option<Shadow>> {
        let sql = "SELECT document, version, changed FROM shadows WHERE thing = ?1 AND name = ?2";
        self.0.prepare_cached(sql)?.query_row(params![thing, name], shadow).optional()
    }

    pub(super) fn put_shadow(&self, thing: &str, name: &str, shadow: &Shadow) -> rusqlite::Result<()> {
        let document = shadow.document.as_ref().map(|document| document.to_json().to_string());
        let sql = "INSERT INTO shadows VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO UPDATE SET document = excluded.document, version = excluded.version, changed = excluded.changed";
        self.0.execute(sql, params![thing, name, document, shadow.version, shadow.changed.0]).map(|_| ())
    }

    /// The names of a thing's named shadows, sorted.
    pub(super) fn named_shadows(&self, thing: &str) -> rusqlite::Result<Vec<String>> {
        let sql = "SELECT name FROM shadows WHERE thing = ?1 AND name <> '' AND document IS NOT NULL ORDER BY name";
        self.0.prepare_cached(sql)?.query_map([thing], |row| row.get(0))?.collect()
    }
}

fn rule(row: &Row<'_>) -> rusqlite::Result<Rule> {
    Ok(Rule { name: row.get(0)?, payload: json(row, 1)?, disabled: row.get(2)?, created: Nanos(row.get(3)?) })
}

fn thing(row: &Row<'_>) -> rusqlite::Result<Thing> {
    Ok(Thing { name: row.get(0)?, id: row.get(1)?, body: json(row, 2)?, version: row.get(3)? })
}

fn shadow(row: &Row<'_>) -> rusqlite::Result<Shadow> {
    let document = match row.get::<_, Option<String>>(0)? {
        None => None,
        Some(_) => Some(Document::from_json(&json(row, 0)?)),
    };
    Ok(Shadow { document, version: row.get(1)?, changed: Nanos(row.get(2)?) })
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error)))
}
