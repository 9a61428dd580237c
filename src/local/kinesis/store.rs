//! What is durable: one SQLite file.
//!
//! Layout, format 1
//! - `streams(id, name, mode, shards, retention_hours, created)`; instants are nanoseconds since 1970. An id is never used twice, so
//!   that an iterator of a deleted stream reads nothing of the one that took its name.
//! - `shards(stream, shard, next)`: the place that the next record of a shard gets, from 1.
//! - `records(stream, shard, place, arrived, partition_key, data)`.
//! - `tags(stream, key, value)`.
//! - `checkpoints(consumer, stream, shard, next)`: the first place that a consumer has not settled.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use crate::local::LocalError;
use crate::local::store_file::StoreFile;
use crate::time::Nanos;

const FILE: StoreFile = StoreFile {
    mark: *b"i2ks",
    format: 1,
    schema: "
    CREATE TABLE streams(
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, mode TEXT NOT NULL, shards INTEGER NOT NULL,
        retention_hours INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
    CREATE TABLE shards(
        stream INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE, shard INTEGER NOT NULL, next INTEGER NOT NULL,
        PRIMARY KEY(stream, shard)) STRICT;
    CREATE TABLE records(
        stream INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE, shard INTEGER NOT NULL, place INTEGER NOT NULL,
        arrived INTEGER NOT NULL, partition_key TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY(stream, shard, place)) STRICT;
    CREATE TABLE tags(
        stream INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY(stream, key)) STRICT;
    CREATE TABLE checkpoints(
        consumer TEXT NOT NULL, stream INTEGER NOT NULL REFERENCES streams(id) ON DELETE CASCADE, shard INTEGER NOT NULL,
        next INTEGER NOT NULL, PRIMARY KEY(consumer, stream, shard)) STRICT;
",
};

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) id: i64,
    pub(super) name: String,
    /// `PROVISIONED` or `ON_DEMAND`.
    pub(super) mode: String,
    pub(super) shards: u32,
    pub(super) retention_hours: i64,
    pub(super) created: Nanos,
}

impl Stream {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            mode: row.get(2)?,
            shards: row.get(3)?,
            retention_hours: row.get(4)?,
            created: Nanos(row.get(5)?),
        })
    }

    /// Records that arrived before this are gone.
    pub(super) fn horizon(&self, now: Nanos) -> Nanos {
        const HOUR: i64 = 3_600_000_000_000;
        Nanos(now.0.saturating_sub(self.retention_hours.saturating_mul(HOUR)))
    }
}

/// A record as it lies in its shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) place: i64,
    pub(super) arrived: Nanos,
    pub(super) partition_key: String,
    pub(super) data: Vec<u8>,
}

const STREAM: &str = "SELECT id, name, mode, shards, retention_hours, created FROM streams";

#[derive(Debug)]
pub(super) struct Store(Connection);

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        FILE.open(path).map(Self)
    }

    /// A transaction that writes. Nothing happened unless it is committed.
    pub(super) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    pub(super) fn stream(&self, name: &str) -> rusqlite::Result<Option<Stream>> {
        self.0.prepare_cached(&format!("{STREAM} WHERE name = ?1"))?.query_row([name], Stream::of).optional()
    }

    pub(super) fn stream_of(&self, id: i64) -> rusqlite::Result<Option<Stream>> {
        self.0.prepare_cached(&format!("{STREAM} WHERE id = ?1"))?.query_row([id], Stream::of).optional()
    }

    /// At most `limit` streams whose names follow `after`, sorted.
    pub(super) fn streams(&self, after: &str, limit: i64) -> rusqlite::Result<Vec<Stream>> {
        let mut statement = self.0.prepare_cached(&format!("{STREAM} WHERE name > ?1 ORDER BY name LIMIT ?2"))?;
        statement.query_map(params![after, limit], Stream::of)?.collect()
    }

    /// Shards of all streams together.
    pub(super) fn shard_count(&self) -> rusqlite::Result<i64> {
        self.0.query_row("SELECT coalesce(sum(shards), 0) FROM streams", [], |row| row.get(0))
    }

    pub(super) fn insert(&mut self, stream: &Stream, tags: impl IntoIterator<Item = (String, String)>) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "INSERT INTO streams(name, mode, shards, retention_hours, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![stream.name, stream.mode, stream.shards, stream.retention_hours, stream.created.0],
        )?;
        let id = transaction.last_insert_rowid();
        {
            let mut shard = transaction.prepare_cached("INSERT INTO shards(stream, shard, next) VALUES (?1, ?2, 1)")?;
            for ordinal in 0..stream.shards {
                shard.execute(params![id, ordinal])?;
            }
            for (key, value) in tags {
                transaction.execute("INSERT INTO tags VALUES (?1, ?2, ?3)", params![id, key, value])?;
            }
        }
        transaction.commit()
    }

    pub(super) fn delete(&self, id: i64) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM streams WHERE id = ?1", [id]).map(|_| ())
    }

    /// The place that the next record of a shard will get.
    pub(super) fn next_place(&self, stream: i64, shard: u32) -> rusqlite::Result<i64> {
        let mut statement = self.0.prepare_cached("SELECT next FROM shards WHERE stream = ?1 AND shard = ?2")?;
        statement.query_row(params![stream, shard], |row| row.get(0))
    }

    /// At most `limit` records from `place` on, none of which arrived before `horizon`.
    pub(super) fn records(&self, stream: i64, shard: u32, place: i64, horizon: Nanos, limit: i64) -> rusqlite::Result<Vec<Kept>> {
        let mut statement = self.0.prepare_cached(
            "SELECT place, arrived, partition_key, data FROM records
             WHERE stream = ?1 AND shard = ?2 AND place >= ?3 AND arrived >= ?4 ORDER BY place LIMIT ?5",
        )?;
        let kept =
            |row: &Row<'_>| Ok(Kept { place: row.get(0)?, arrived: Nanos(row.get(1)?), partition_key: row.get(2)?, data: row.get(3)? });
        statement.query_map(params![stream, shard, place, horizon.0, limit], kept)?.collect()
    }

    /// The first place whose record arrived at `instant` or later, if there is one.
    pub(super) fn first_place_at(&self, stream: i64, shard: u32, instant: Nanos) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.0.prepare_cached("SELECT min(place) FROM records WHERE stream = ?1 AND shard = ?2 AND arrived >= ?3")?;
        statement.query_row(params![stream, shard, instant.0], |row| row.get(0))
    }

    /// The first place of a shard that `consumer` has not settled, if it was here before.
    pub(super) fn checkpoint(&self, consumer: &str, stream: i64, shard: u32) -> rusqlite::Result<Option<i64>> {
        let mut statement = self.0.prepare_cached("SELECT next FROM checkpoints WHERE consumer = ?1 AND stream = ?2 AND shard = ?3")?;
        statement.query_row(params![consumer, stream, shard], |row| row.get(0)).optional()
    }

    /// Nothing is noted of a stream that is gone.
    pub(super) fn set_checkpoint(&self, consumer: &str, stream: i64, shard: u32, next: i64) -> rusqlite::Result<()> {
        let mut statement = self.0.prepare_cached(
            "INSERT INTO checkpoints SELECT ?1, id, ?3, ?4 FROM streams WHERE id = ?2
             ON CONFLICT DO UPDATE SET next = excluded.next",
        )?;
        statement.execute(params![consumer, stream, shard, next]).map(|_| ())
    }

    /// The tags of a stream, sorted by key.
    pub(super) fn tags(&self, stream: i64) -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = self.0.prepare_cached("SELECT key, value FROM tags WHERE stream = ?1 ORDER BY key")?;
        statement.query_map([stream], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }
}

/// Puts a record behind the others of its shard, and gives its place.
pub(super) fn append(
    transaction: &Transaction<'_>,
    stream: i64,
    shard: u32,
    now: Nanos,
    partition_key: &str,
    data: &[u8],
) -> rusqlite::Result<i64> {
    let mut next = transaction.prepare_cached("UPDATE shards SET next = next + 1 WHERE stream = ?1 AND shard = ?2 RETURNING next - 1")?;
    let place: i64 = next.query_row(params![stream, shard], |row| row.get(0))?;
    let mut insert = transaction
        .prepare_cached("INSERT INTO records(stream, shard, place, arrived, partition_key, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    insert.execute(params![stream, shard, place, now.0, partition_key, data])?;
    Ok(place)
}

/// Removes the records that arrived before `horizon`.
pub(super) fn trim(transaction: &Transaction<'_>, stream: i64, shard: u32, horizon: Nanos) -> rusqlite::Result<()> {
    // Places and arrivals grow together, so a look at the oldest one is enough most of the time.
    let mut oldest = transaction.prepare_cached("SELECT arrived FROM records WHERE stream = ?1 AND shard = ?2 ORDER BY place LIMIT 1")?;
    let arrived: Option<i64> = oldest.query_row(params![stream, shard], |row| row.get(0)).optional()?;
    if arrived.is_some_and(|arrived| arrived < horizon.0) {
        let sql = "DELETE FROM records WHERE stream = ?1 AND shard = ?2 AND arrived < ?3";
        transaction.execute(sql, params![stream, shard, horizon.0])?;
    }
    Ok(())
}
