//! What the embedded IoT Analytics keeps besides objects: definitions, tags, dataset contents, reprocessings, logging options.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::route::Resource;
use crate::local::LocalError;
use crate::local::exception::Exception;
use crate::local::store_file::StoreFile;
use crate::time::Nanos;

const FILE: StoreFile = StoreFile {
    mark: *b"i2ia",
    format: 1,
    schema: "
    CREATE TABLE resources(
        kind TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
        arrived INTEGER, PRIMARY KEY(kind, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE tags(
        arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(arn, key)) STRICT, WITHOUT ROWID;
    CREATE TABLE contents(
        dataset TEXT NOT NULL, serial INTEGER NOT NULL, version TEXT NOT NULL, created INTEGER NOT NULL, completed INTEGER,
        state TEXT NOT NULL, reason TEXT, entry TEXT, key TEXT, PRIMARY KEY(dataset, serial)) STRICT, WITHOUT ROWID;
    CREATE TABLE reprocessings(
        pipeline TEXT NOT NULL, serial INTEGER NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL, status TEXT NOT NULL,
        PRIMARY KEY(pipeline, serial)) STRICT, WITHOUT ROWID;
    CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
",
};

/// A resource as it was defined: the request that made it, without name and tags.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) definition: Value,
    pub(super) created: Nanos,
    pub(super) updated: Nanos,
    /// When the last message came; channels and datastores only.
    pub(super) arrived: Option<Nanos>,
}

/// One content of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) serial: i64,
    pub(super) version: String,
    pub(super) created: Nanos,
    pub(super) completed: Option<Nanos>,
    /// `CREATING`, `SUCCEEDED` or `FAILED`.
    pub(super) state: String,
    pub(super) reason: Option<String>,
    /// The name of its one entry, where a delivery rule gave it one.
    pub(super) entry: Option<String>,
    /// The object that holds it, in the bucket of results.
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Reprocessing {
    pub(super) id: String,
    pub(super) created: Nanos,
    pub(super) status: String,
}

#[derive(Debug)]
pub(super) struct Store(Connection);

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        let connection = FILE.open(path)?;
        // Who was making them is gone.
        let abandoned = "UPDATE contents SET state = 'FAILED', reason = 'The service was stopped while the content was made.'
                         WHERE state = 'CREATING'";
        connection.execute(abandoned, []).map_err(|cause| LocalError::Store { path: path.to_owned(), cause })?;
        Ok(Self(connection))
    }

    /// A number that no other call was given.
    pub(super) fn next_serial(&self) -> rusqlite::Result<i64> {
        self.0.query_row(
            "INSERT INTO settings VALUES ('serial', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1
             RETURNING CAST(value AS INTEGER)",
            [],
            |row| row.get(0),
        )
    }

    pub(super) fn insert(&self, kind: Resource, name: &str, definition: &Value, now: Nanos) -> rusqlite::Result<()> {
        let values = params![kind.word(), name, definition.to_string(), now.0];
        self.0.execute("INSERT INTO resources VALUES (?1, ?2, ?3, ?4, ?4, NULL)", values).map(drop)
    }

    pub(super) fn get(&self, kind: Resource, name: &str) -> Result<Option<Kept>, Exception> {
        let mut statement =
            self.0.prepare_cached("SELECT name, definition, created, updated, arrived FROM resources WHERE kind = ?1 AND name = ?2")?;
        statement.query_row([kind.word(), name], kept).optional()?.transpose()
    }

    pub(super) fn count(&self, kind: Resource) -> rusqlite::Result<i64> {
        self.0.query_row("SELECT count(*) FROM resources WHERE kind = ?1", [kind.word()], |row| row.get(0))
    }

    /// Those behind `after`, in the order of their names.
    pub(super) fn list(&self, kind: Resource, after: &str, limit: usize) -> Result<Vec<Kept>, Exception> {
        let mut statement = self.0.prepare_cached(
            "SELECT name, definition, created, updated, arrived FROM resources WHERE kind = ?1 AND name > ?2 ORDER BY name LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![kind.word(), after, limit], kept)?.collect::<rusqlite::Result<Vec<_>>>()?;
        rows.into_iter().collect()
    }

    pub(super) fn update(&self, kind: Resource, name: &str, definition: &Value, now: Nanos) -> rusqlite::Result<()> {
        let values = params![kind.word(), name, definition.to_string(), now.0];
        self.0.execute("UPDATE resources SET definition = ?3, updated = ?4 WHERE kind = ?1 AND name = ?2", values).map(drop)
    }

    /// Remembers that messages came.
    pub(super) fn arrived(&self, kind: Resource, name: &str, now: Nanos) -> rusqlite::Result<()> {
        self.0.execute("UPDATE resources SET arrived = ?3 WHERE kind = ?1 AND name = ?2", params![kind.word(), name, now.0]).map(drop)
    }

    /// Removes the resource and all that hangs on it; false when there was none.
    pub(super) fn remove(&mut self, kind: Resource, name: &str, arn: &str) -> rusqlite::Result<bool> {
        let transaction = self.0.transaction()?;
        let gone = transaction.execute("DELETE FROM resources WHERE kind = ?1 AND name = ?2", [kind.word(), name])?;
        transaction.execute("DELETE FROM tags WHERE arn = ?1", [arn])?;
        match kind {
            Resource::Dataset => drop(transaction.execute("DELETE FROM contents WHERE dataset = ?1", [name])?),
            Resource::Pipeline => drop(transaction.execute("DELETE FROM reprocessings WHERE pipeline = ?1", [name])?),
            Resource::Channel | Resource::Datastore => {}
        }
        transaction.commit()?;
        Ok(gone > 0)
    }

    pub(super) fn tags(&self, arn: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = self.0.prepare_cached("SELECT key, value FROM tags WHERE arn = ?1 ORDER BY key")?;
        statement.query_map([arn], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    pub(super) fn tag(&self, arn: &str, key: &str, value: &str) -> rusqlite::Result<()> {
        self.0.execute("INSERT OR REPLACE INTO tags VALUES (?1, ?2, ?3)", [arn, key, value]).map(drop)
    }

    pub(super) fn untag(&self, arn: &str, key: &str) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM tags WHERE arn = ?1 AND key = ?2", [arn, key]).map(drop)
    }

    pub(super) fn logging(&self) -> Result<Option<Value>, Exception> {
        let text: Option<String> =
            self.0.query_row("SELECT value FROM settings WHERE name = 'logging'", [], |row| row.get(0)).optional()?;
        text.map(|text| serde_json::from_str(&text).map_err(Exception::internal)).transpose()
    }

    pub(super) fn set_logging(&self, options: &Value) -> rusqlite::Result<()> {
        self.0.execute("INSERT OR REPLACE INTO settings VALUES ('logging', ?1)", [options.to_string()]).map(drop)
    }

    /// All contents of a dataset, the newest first.
    pub(super) fn contents(&self, dataset: &str) -> rusqlite::Result<Vec<Content>> {
        let mut statement = self.0.prepare_cached(
            "SELECT serial, version, created, completed, state, reason, entry, key FROM contents WHERE dataset = ?1 ORDER BY serial DESC",
        )?;
        statement.query_map([dataset], content)?.collect()
    }

    pub(super) fn put_content(&self, dataset: &str, content: &Content) -> rusqlite::Result<()> {
        let values = params![
            dataset,
            content.serial,
            content.version,
            content.created.0,
            content.completed.map(|completed| completed.0),
            content.state,
            content.reason,
            content.entry,
            content.key
        ];
        self.0.execute("INSERT OR REPLACE INTO contents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", values).map(drop)
    }

    pub(super) fn remove_content(&self, dataset: &str, serial: i64) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM contents WHERE dataset = ?1 AND serial = ?2", params![dataset, serial]).map(drop)
    }

    /// The newest first.
    pub(super) fn reprocessings(&self, pipeline: &str) -> rusqlite::Result<Vec<Reprocessing>> {
        let mut statement =
            self.0.prepare_cached("SELECT id, created, status FROM reprocessings WHERE pipeline = ?1 ORDER BY serial DESC")?;
        let one = |row: &Row<'_>| Ok(Reprocessing { id: row.get(0)?, created: Nanos(row.get(1)?), status: row.get(2)? });
        statement.query_map([pipeline], one)?.collect()
    }

    pub(super) fn add_reprocessing(&self, pipeline: &str, serial: i64, reprocessing: &Reprocessing) -> rusqlite::Result<()> {
        let values = params![pipeline, serial, reprocessing.id, reprocessing.created.0, reprocessing.status];
        self.0.execute("INSERT INTO reprocessings VALUES (?1, ?2, ?3, ?4, ?5)", values).map(drop)
    }
}

/// The outer error is the database's, the inner one is a definition that cannot be read back.
fn kept(row: &Row<'_>) -> rusqlite::Result<Result<Kept, Exception>> {
    let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
    let (created, updated, arrived) = (Nanos(row.get(2)?), Nanos(row.get(3)?), row.get::<_, Option<i64>>(4)?.map(Nanos));
    let definition = serde_json::from_str(&text).map_err(Exception::internal);
    Ok(definition.map(|definition| Kept { name, definition, created, updated, arrived }))
}

fn content(row: &Row<'_>) -> rusqlite::Result<Content> {
    Ok(Content {
        serial: row.get(0)?,
        version: row.get(1)?,
        created: Nanos(row.get(2)?),
        completed: row.get::<_, Option<i64>>(3)?.map(Nanos),
        state: row.get(4)?,
        reason: row.get(5)?,
        entry: row.get(6)?,
        key: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct File(tempfile::TempDir);

    impl File {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> std::path::PathBuf {
            self.0.path().join("definitions.db")
        }

        fn execute(&self, sql: &str) {
            Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
        }

        fn open_again(&self, spoil: &str) -> Result<Store, LocalError> {
            drop(Store::open(&self.path())?);
            self.execute(spoil);
            Store::open(&self.path())
        }
    }

    /// As files without a mark were made.
    fn unmarked() -> File {
        let file = File::new();
        file.execute("PRAGMA journal_mode = WAL");
        file.execute(&FILE.schema.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"));
        file
    }

    #[test]
    fn a_store_opens_again_and_foreign_or_newer_files_are_refused() {
        assert!(File::new().open_again("").is_ok());
        let newer = File::new().open_again("PRAGMA user_version = 2").unwrap_err();
        assert!(newer.to_string().contains("has format 2, this version reads format 1"), "{newer}");
        assert!(matches!(File::new().open_again("PRAGMA application_id = 7").unwrap_err(), LocalError::Foreign { .. }));
        let notes = File::new();
        notes.execute("CREATE TABLE notes(text TEXT)");
        assert!(matches!(Store::open(&notes.path()).unwrap_err(), LocalError::Foreign { .. }));
    }

    #[test]
    fn a_file_without_a_mark_is_taken_over_if_it_has_this_very_schema() {
        let file = unmarked();
        file.execute("INSERT INTO resources VALUES ('channel', 'readings', '{}', 1, 2, NULL)");
        for _ in 0..2 {
            let store = Store::open(&file.path()).unwrap();
            assert_eq!(store.get(Resource::Channel, "readings").unwrap().unwrap().updated, Nanos(2));
        }
        file.execute("CREATE TABLE later(name TEXT)");
        assert!(Store::open(&file.path()).is_ok(), "it is marked now");

        let other = unmarked();
        other.execute("DROP TABLE tags; CREATE TABLE tags(arn TEXT, key TEXT)");
        assert!(matches!(Store::open(&other.path()).unwrap_err(), LocalError::Foreign { .. }));
    }
}
