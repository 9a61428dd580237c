//! `reading.json`: how far a census has read, so that another process goes on from there.
//!
//! A store's objects are read in portions. After each, the spilled keys are made durable, and then the file says how far they reach and
//! what was counted. Whatever was spilled behind that is cut off by whoever goes on. A file of other work, or one whose spills are not
//! whole, counts as none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::scratch::{Scratch, SpillError, io_error};
use super::spill::{SpillMark, SpillWriter};
use super::tally::Tally;
use crate::durable::write_whole;
use crate::failpoint::{self, Failpoints};
use crate::history::ObjectList;

const READING_NAME: &str = "reading.json";
/// Written into the file; another one is no use.
const READING_VERSION: u32 = 1;
/// A portion ends with the object that fills it up to so many bytes of the source, or to [`PORTION_OBJECTS_MAX`] objects.
pub(crate) const PORTION_BYTES: u64 = 128 * 1024 * 1024;
const PORTION_OBJECTS_MAX: usize = 5_000;

/// Where a census spills to.
#[derive(Debug, Clone)]
pub enum ScratchPlace {
    /// A directory of its own below this one: about 54 bytes for each record, and gone with [`super::KeyTables`].
    Below(PathBuf),
    /// A directory that stays until it is cleared.
    Kept(Keeping),
}

/// How a census is kept for whoever goes on with it.
#[derive(Debug, Clone)]
pub struct Keeping {
    pub(crate) scratch: Arc<Scratch>,
    /// Names all that the reading depends on; a reading of other work is begun again.
    pub(crate) work: String,
    /// Files in the directory that are its holder's own.
    pub(crate) beside: Vec<String>,
    /// A portion is read up to so many bytes of the source between two moments at which it is kept.
    pub(crate) portion_bytes: u64,
    pub(crate) failpoints: Arc<Failpoints>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Reading {
    version: u32,
    work: String,
    /// By store.
    stores: BTreeMap<String, StoreReading>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoreReading {
    objects_done: usize,
    /// Of the store, in their order.
    tables: Vec<TableReading>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TableReading {
    tally: Tally,
    spill: SpillMark,
}

/// A store of which some objects were read.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) objects_done: usize,
    /// Of the store, in their order.
    pub(super) tallies: Vec<Tally>,
    pub(super) writers: Vec<SpillWriter>,
}

/// The reading of one census, as far as it is kept.
#[derive(Debug)]
pub(super) struct Keeper {
    scratch: Arc<Scratch>,
    keeping: Option<Keeping>,
    reading: Reading,
}

impl Keeper {
    /// Takes the place, and what an earlier run read of the same work; what is of no use any more goes.
    pub(super) fn open(place: &ScratchPlace) -> Result<Self, SpillError> {
        let none = |work: &str| Reading { version: READING_VERSION, work: work.to_owned(), stores: BTreeMap::new() };
        let keeping = match place {
            ScratchPlace::Below(parent) => {
                return Ok(Self { scratch: Scratch::below(parent)?, keeping: None, reading: none("") });
            }
            ScratchPlace::Kept(keeping) => keeping,
        };
        let scratch = Arc::clone(&keeping.scratch);
        let reading = load(&scratch.path().join(READING_NAME), &keeping.work).unwrap_or_else(|| none(&keeping.work));
        let spills = reading.stores.values().flat_map(|store| &store.tables).flat_map(|table| table.spill.files());
        let names: BTreeSet<&str> = spills.chain([READING_NAME]).chain(keeping.beside.iter().map(String::as_str)).collect();
        scratch.retain(&names)?;
        Ok(Self { scratch, keeping: Some(keeping.clone()), reading })
    }

    /// What there is of `store`, which has `tables` tables: nothing, when what is kept of it cannot be used.
    pub(super) fn begin(&mut self, store: &str, tables: usize, entries_at_once: u64) -> Result<Begun, SpillError> {
        if let Some(kept) = self.reading.stores.get(store).filter(|kept| kept.tables.len() == tables) {
            let writers = kept.tables.iter().map(|table| SpillWriter::resumed(&self.scratch, entries_at_once, &table.spill));
            if let Some(writers) = writers.collect::<Result<Option<Vec<_>>, _>>()? {
                let tallies = kept.tables.iter().map(|table| table.tally.clone()).collect();
                return Ok(Begun { objects_done: kept.objects_done, tallies, writers });
            }
        }
        let writers = (0..tables).map(|_| SpillWriter::new(&self.scratch, entries_at_once)).collect();
        Ok(Begun { objects_done: 0, tallies: vec![Tally::default(); tables], writers })
    }

    /// How many of `objects`, which are numbers of `listed`, are read before the reading is kept: all, when it is not.
    pub(super) fn portion(&self, listed: &ObjectList, objects: &[u32]) -> usize {
        let Some(keeping) = &self.keeping else { return objects.len() };
        let mut bytes: u64 = 0;
        let fills = |number: &u32| {
            bytes = bytes.saturating_add(listed.size_bytes(*number).unwrap_or(0));
            bytes >= keeping.portion_bytes
        };
        objects.iter().position(fills).map_or(objects.len(), |last| last + 1).min(PORTION_OBJECTS_MAX)
    }

    /// Keeps what was read of `store` so far.
    pub(super) fn keep(&mut self, store: &str, begun: &Begun) -> Result<(), SpillError> {
        let Some(keeping) = &self.keeping else { return Ok(()) };
        let both = begun.tallies.iter().zip(&begun.writers);
        let tables = both.map(|(tally, writer)| Ok(TableReading { tally: tally.clone(), spill: writer.mark()? }));
        let kept = StoreReading { objects_done: begun.objects_done, tables: tables.collect::<Result<_, SpillError>>()? };
        self.reading.stores.insert(store.to_owned(), kept);
        keeping.failpoints.hit(failpoint::VERIFY_BEFORE_READING_KEPT);
        let path = self.scratch.path().join(READING_NAME);
        let bytes = serde_json::to_vec(&self.reading).map_err(|error| io_error("write", &path)(error.into()))?;
        write_whole(&path, &bytes).map_err(io_error("write", &path))?;
        keeping.failpoints.hit(failpoint::VERIFY_READING_KEPT);
        Ok(())
    }
}

/// The reading of this very work; none when there is no file that says so.
fn load(path: &Path, work: &str) -> Option<Reading> {
    let reading: Reading = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (reading.version == READING_VERSION && reading.work == work).then_some(reading)
}
