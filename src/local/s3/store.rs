//! Buckets and objects on disk: an index in SQLite, and a file of its own for each object. What was put survives the end of the
//! process, not that of the machine.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use md5::{Digest as _, Md5};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::encoding::hex;
use crate::time::{Clock, Nanos};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS buckets(name TEXT PRIMARY KEY, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS objects(
        bucket TEXT NOT NULL REFERENCES buckets(name), key TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
        modified INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY(bucket, key)) STRICT, WITHOUT ROWID;
";

/// What went wrong inside.
#[derive(Debug, thiserror::Error)]
pub enum BucketFailure {
    #[error("the index of the embedded S3 failed: {0}")]
    Index(#[from] rusqlite::Error),
    #[error("an object of the embedded S3 failed: {0}")]
    File(#[from] io::Error),
    #[error("there is no bucket `{0}`")]
    NoSuchBucket(String),
}

/// An object as it lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// MD5 in hexadecimal, without quotes.
    pub etag: String,
    pub size_bytes: u64,
    pub modified: Nanos,
    /// The file with its bytes. It goes away when the object is replaced; who has it open reads on.
    pub file: PathBuf,
}

/// All buckets. Clones share them.
#[derive(Clone)]
pub struct Buckets(Arc<Inner>);

struct Inner {
    files: PathBuf,
    index: Mutex<Connection>,
    next_file: AtomicU64,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Buckets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buckets").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Buckets {
    /// Opens what lies in `directory`, or makes it.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, BucketFailure> {
        let files = directory.join("objects");
        fs::create_dir_all(&files)?;
        let index = Connection::open(directory.join("index.db"))?;
        index.execute_batch(SCHEMA)?;
        let last: Option<i64> = index.query_row("SELECT max(file) FROM objects", [], |row| row.get(0))?;
        // Files behind the last one are of uploads that never ended, and are written over.
        let next_file = AtomicU64::new(last.map_or(0, i64::cast_unsigned) + 1);
        Ok(Self(Arc::new(Inner { files, index: Mutex::new(index), next_file, clock })))
    }

    /// False when it was there already.
    ///
    /// # Errors
    /// When the index fails.
    pub fn create_bucket(&self, name: &str) -> Result<bool, BucketFailure> {
        let created = self.index().execute("INSERT OR IGNORE INTO buckets VALUES (?1, ?2)", params![name, self.0.clock.now().0])?;
        Ok(created > 0)
    }

    /// Their names and when they were made, in order.
    ///
    /// # Errors
    /// When the index fails.
    pub fn buckets(&self) -> Result<Vec<(String, Nanos)>, BucketFailure> {
        let index = self.index();
        let mut statement = index.prepare_cached("SELECT name, created FROM buckets ORDER BY name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, Nanos(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// False when there is none.
    ///
    /// # Errors
    /// When the index fails.
    pub fn has_bucket(&self, name: &str) -> Result<bool, BucketFailure> {
        Ok(self.index().prepare_cached("SELECT 1 FROM buckets WHERE name = ?1")?.exists([name])?)
    }

    /// Removes an empty bucket; false when it holds objects.
    ///
    /// # Errors
    /// When there is none, or the index fails.
    pub fn delete_bucket(&self, name: &str) -> Result<bool, BucketFailure> {
        self.known(name)?;
        if !self.list(name, "", None, 1)?.is_empty() {
            return Ok(false);
        }
        self.index().execute("DELETE FROM buckets WHERE name = ?1", [name])?;
        Ok(true)
    }

    /// Writes an object, or writes it anew.
    ///
    /// # Errors
    /// When there is no such bucket, or the disk fails.
    pub fn put(&self, bucket: &str, key: &str, body: &[u8]) -> Result<Stored, BucketFailure> {
        let mut upload = self.begin(bucket)?;
        upload.write(body)?;
        self.finish(upload, bucket, key)
    }

    /// The object, if it is there.
    ///
    /// # Errors
    /// When there is no such bucket, or the index fails.
    pub fn head(&self, bucket: &str, key: &str) -> Result<Option<Stored>, BucketFailure> {
        self.known(bucket)?;
        let index = self.index();
        let mut statement = index.prepare_cached("SELECT key, etag, size, modified, file FROM objects WHERE bucket = ?1 AND key = ?2")?;
        Ok(statement.query_row([bucket, key], |row| Ok(self.stored(row)?.1)).optional()?)
    }

    /// An object's bytes, if it is there.
    ///
    /// # Errors
    /// When there is no such bucket, or the disk fails.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, BucketFailure> {
        Ok(self.head(bucket, key)?.map(|stored| fs::read(stored.file)).transpose()?)
    }

    /// At most `limit` objects whose keys begin with `prefix` and come behind `after`, in the order of their UTF-8 bytes.
    ///
    /// # Errors
    /// When there is no such bucket, or the index fails.
    pub fn list(&self, bucket: &str, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<(String, Stored)>, BucketFailure> {
        self.known(bucket)?;
        let index = self.index();
        // One bound, so that the index is entered where the page begins: with two that are joined by OR, it would be gone through from the
        // prefix on for every page.
        let (behind, bound) = match after {
            Some(after) if after >= prefix => (">", after),
            _ => (">=", prefix),
        };
        let mut statement = index.prepare_cached(&format!(
            "SELECT key, etag, size, modified, file FROM objects WHERE bucket = ?1 AND key {behind} ?2 ORDER BY key"
        ))?;
        let mut rows = statement.query(params![bucket, bound])?;
        let mut found = Vec::new();
        while found.len() < limit {
            let Some(row) = rows.next()? else { break };
            let (key, stored) = self.stored(row)?;
            if !key.starts_with(prefix) {
                break;
            }
            found.push((key, stored));
        }
        Ok(found)
    }

    /// Removes an object; none is no error.
    ///
    /// # Errors
    /// When there is no such bucket, or the index fails.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<(), BucketFailure> {
        if let Some(stored) = self.head(bucket, key)? {
            self.index().execute("DELETE FROM objects WHERE bucket = ?1 AND key = ?2", [bucket, key])?;
            remove(&stored.file);
        }
        Ok(())
    }

    /// Begins an object that comes in pieces.
    pub(super) fn begin(&self, bucket: &str) -> Result<Upload, BucketFailure> {
        self.known(bucket)?;
        let number = self.0.next_file.fetch_add(1, Ordering::SeqCst);
        let path = self.path(number);
        Ok(Upload { file: File::create(&path)?, path, number, hash: Md5::new(), size_bytes: 0 })
    }

    /// Puts what came into the place of `key`.
    pub(super) fn finish(&self, upload: Upload, bucket: &str, key: &str) -> Result<Stored, BucketFailure> {
        let old = self.head(bucket, key)?;
        let etag = hex(&upload.hash.finalize());
        let stored = Stored { etag, size_bytes: upload.size_bytes, modified: self.0.clock.now(), file: upload.path };
        self.index().execute(
            "INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![bucket, key, stored.etag, stored.size_bytes.cast_signed(), stored.modified.0, upload.number.cast_signed()],
        )?;
        if let Some(old) = old {
            remove(&old.file);
        }
        Ok(stored)
    }

    fn known(&self, bucket: &str) -> Result<(), BucketFailure> {
        if self.has_bucket(bucket)? { Ok(()) } else { Err(BucketFailure::NoSuchBucket(bucket.to_owned())) }
    }

    fn stored(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, Stored)> {
        let (size, file): (i64, i64) = (row.get(2)?, row.get(4)?);
        let file = self.path(file.cast_unsigned());
        Ok((row.get(0)?, Stored { etag: row.get(1)?, size_bytes: size.cast_unsigned(), modified: Nanos(row.get(3)?), file }))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.0.files.join(format!("{number:012}"))
    }

    fn index(&self) -> MutexGuard<'_, Connection> {
        // Each use is one statement, so a thread that panicked left nothing half done.
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object on its way in.
pub(super) struct Upload {
    file: File,
    path: PathBuf,
    number: u64,
    hash: Md5,
    size_bytes: u64,
}

impl Upload {
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), BucketFailure> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.size_bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// A file that nobody knows any more only takes up room, until the next object of its number.
fn remove(file: &Path) {
    if let Err(error) = fs::remove_file(file) {
        tracing::debug!(%error, "an old object could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    fn buckets(directory: &Path) -> Buckets {
        Buckets::open(directory, Arc::new(ManualClock::at(Nanos(7)))).unwrap()
    }

    #[test]
    fn objects_survive_and_no_key_leads_anywhere() {
        let directory = tempfile::tempdir().unwrap();
        let keys = ["a", "a/b", "../../out", "/etc/x", "d=2025-01-01 00:00:00/é&+%2F.json.gz", "a//b", "a/./b"];
        {
            let buckets = buckets(directory.path());
            assert!(buckets.create_bucket("one").unwrap());
            assert!(!buckets.create_bucket("one").unwrap());
            for key in keys {
                buckets.put("one", key, key.as_bytes()).unwrap();
            }
        }
        let buckets = buckets(directory.path());
        for key in keys {
            assert_eq!(buckets.get("one", key).unwrap().unwrap(), key.as_bytes(), "{key}");
        }
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        let listed: Vec<String> = buckets.list("one", "", None, 99).unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(listed, sorted);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "an index with its two journals, and the objects");
    }

    #[test]
    fn a_listing_goes_on_where_it_ended() {
        let directory = tempfile::tempdir().unwrap();
        let buckets = buckets(directory.path());
        buckets.create_bucket("one").unwrap();
        (0..9).for_each(|at| drop(buckets.put("one", &format!("p/{at}"), b"x").unwrap()));
        buckets.put("one", "q", b"x").unwrap();
        let keys = |after: Option<&str>, limit| -> Vec<String> {
            buckets.list("one", "p/", after, limit).unwrap().into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys(None, 2), ["p/0", "p/1"]);
        assert_eq!(keys(Some("p/6"), 9), ["p/7", "p/8"]);
    }

    #[test]
    fn a_new_object_takes_the_place_of_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let buckets = buckets(directory.path());
        buckets.create_bucket("one").unwrap();
        let old = buckets.put("one", "k", b"old").unwrap();
        let new = buckets.put("one", "k", b"newer").unwrap();
        assert_eq!(new.etag, "0c10f4a0c12ba89211235026b861263d");
        assert_ne!(old.etag, new.etag);
        assert!(!old.file.try_exists().unwrap());
        assert_eq!(buckets.head("one", "k").unwrap().unwrap(), new);
        assert!(!buckets.delete_bucket("one").unwrap());
        buckets.delete("one", "k").unwrap();
        assert!(buckets.delete_bucket("one").unwrap());
        assert!(matches!(buckets.put("one", "k", b""), Err(BucketFailure::NoSuchBucket(_))));
    }
}
