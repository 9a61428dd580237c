//! Fetched contents as a history: CSV objects of datastores.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ContentsError;
use super::sql::ResourceName;
use super::state::{Entry, State, Step, What, entry_locator};
use super::windows::{Day, day_text};
use crate::export::Hashed;
use crate::history::{Decoded, Format, HistoryError, Layout, Listing, ObjectList, Ranges, ReadLimits, Source, SourceObject, read_object};
use crate::inventory::shown;
use crate::provenance::ObjectId;
use crate::time::TimeFormat;
use crate::value::Value;

/// What the root of such a history is called.
const ROOT: &str = "iotanalytics";

/// The contents that an export fetched. Each entry is one object: its key says which dataset and version or which window of which
/// datastore it is, and its ETag is the SHA-256 of the file.
#[derive(Debug)]
pub struct FetchedContents {
    folder: PathBuf,
    listing: Listing,
}

impl FetchedContents {
    pub(super) fn of(folder: &Path, state: &State) -> Self {
        let mut dated: Vec<(Option<i64>, SourceObject)> = Vec::new();
        for part in &state.parts {
            let Step::Fetched { version, store, entries, .. } = &part.step else { continue };
            let (day, place) = match &part.what {
                What::Existing { dataset, .. } => (None, format!("dataset/{dataset}/{version}")),
                What::Window { store, window, .. } => {
                    (Some(window.from), format!("datastore/{store}/{}..{}", day_text(window.from), day_text(window.to)))
                }
                What::Survey { .. } => continue,
            };
            for (number, entry) in (1..).zip(entries) {
                let object = object(format!("{place}/{number}.csv"), part.serial, number, entry, store);
                dated.push((day, object));
            }
        }
        dated.sort_by(|(day_a, a), (day_b, b)| (day_a, &a.id.key).cmp(&(day_b, &b.id.key)));
        let objects = dated.into_iter().map(|(_, object)| object).collect();
        Self { folder: folder.to_owned(), listing: Listing { root: ROOT.to_owned(), objects, passed_over: Vec::new() } }
    }

    /// All entries, those of windows in the order of arrival.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }
}

/// The days of a survey with their rows, in order.
pub(super) fn days(folder: &Path, serial: u64, entries: &[Entry], store: &ResourceName) -> Result<Vec<Day>, ContentsError> {
    let unread = |reason: String| ContentsError::Survey { store: store.to_string(), reason };
    let mut days: BTreeMap<i64, u64> = BTreeMap::new();
    for (number, entry) in (1..).zip(entries) {
        let object = object(format!("survey/{store}/{number}.csv"), serial, number, entry, store);
        let source = FetchedContents {
            folder: folder.to_owned(),
            listing: Listing { root: ROOT.to_owned(), objects: ObjectList::default(), passed_over: Vec::new() },
        };
        let mut failed = None;
        let read = read_object(&source, &object, &ReadLimits::default(), &mut |decoded| {
            match day(decoded, store) {
                Ok(Day { day, rows }) => *days.entry(day).or_default() += rows,
                Err(error) => failed = Some(error),
            }
            if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let read = read.map_err(|error| unread(error.to_string()))?;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(damage) = read.damage {
            return Err(unread(damage));
        }
    }
    Ok(days.into_iter().map(|(day, rows)| Day { day, rows }).collect())
}

fn day(decoded: Decoded, store: &ResourceName) -> Result<Day, ContentsError> {
    let unread = |reason: String| ContentsError::Survey { store: store.to_string(), reason };
    let columns = match decoded {
        Decoded::Row(row) => row.columns,
        Decoded::Bad(bad) => return Err(unread(bad.reason)),
        Decoded::Filtered(_) => return Err(unread("a row was filtered".to_owned())),
    };
    let Some(Value::String(rows)) = columns.get("row_count") else { return Err(unread("it has no column `row_count`".to_owned())) };
    let rows = rows.parse::<u64>().map_err(|error| unread(format!("`row_count` is no count: {error}")))?;
    let arrived = columns.get("arrived").unwrap_or(&Value::Null);
    let instant = [TimeFormat::Athena, TimeFormat::Iso8601].iter().find_map(|format| format.try_read(arrived));
    let undated = || {
        let arrived = match arrived {
            Value::String(text) => shown(text),
            _ => "null".to_owned(),
        };
        ContentsError::Undated { store: store.to_string(), arrived, rows }
    };
    Ok(Day { day: instant.ok_or_else(undated)?.day(), rows })
}

fn object(key: String, serial: u64, number: usize, entry: &Entry, store: &ResourceName) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key, etag: entry.sha256.clone() }),
        locator: entry_locator(serial, number),
        store: store.as_str().to_owned(),
        layout: Layout::Dataset,
        format: Format::Csv,
        gzip: false,
        size_bytes: entry.bytes,
        partitions: Arc::new([]),
        pipeline: None,
    }
}

impl Source for FetchedContents {
    fn list(&self) -> Result<Listing, HistoryError> {
        Ok(self.listing.clone())
    }

    fn open(&self, object: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        let key = object.id.key.clone();
        let file = std::fs::File::open(self.folder.join(&object.locator)).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => HistoryError::Vanished { key: key.clone() },
            _ => HistoryError::Read { key: key.clone(), source },
        })?;
        Ok(Box::new(Proven { file, hashed: Some(Hashed::new(io::sink())), id: Arc::clone(&object.id) }))
    }

    fn open_ranges(&self, object: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        // Contents are CSV, which is read from its beginning to its end.
        Err(HistoryError::Read { key: object.id.key.clone(), source: io::ErrorKind::Unsupported.into() })
    }
}

/// A file that must turn out to have the SHA-256 that was kept.
struct Proven {
    file: std::fs::File,
    hashed: Option<Hashed<io::Sink>>,
    id: Arc<ObjectId>,
}

impl Read for Proven {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read > 0 {
            if let Some(hashed) = &mut self.hashed {
                io::Write::write_all(hashed, buffer.get(..read).unwrap_or_default())?;
            }
        } else if !buffer.is_empty()
            && let Some(hashed) = self.hashed.take()
        {
            let found = hashed.ended().1;
            if found != self.id.etag {
                let (key, listed) = (self.id.key.clone(), self.id.etag.clone());
                return Err(io::Error::other(HistoryError::Changed { key, listed, found }));
            }
        }
        Ok(read)
    }
}
