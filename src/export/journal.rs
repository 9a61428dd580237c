//! `progress.json`: how far an unfinished export is. What it does not know of is made again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::durable;
use super::error::ExportError;
use super::manifest::{StagedFile, stands_beside};

pub(super) const JOURNAL_NAME: &str = "progress.json";

/// All that the next bytes depend on: a journal of other work is no use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) version: u32,
    pub(super) tool_version: String,
    pub(super) source: String,
    pub(super) listing: String,
    /// Which columns gave the event times.
    pub(super) times: String,
    pub(super) group_rows: usize,
    pub(super) group_text_bytes: usize,
    pub(super) file_text_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) work: Work,
    /// The files that are whole.
    pub(super) files: Vec<StagedFile>,
    /// Objects whose line is in the index.
    pub(super) objects_done: usize,
    /// Rows of the next object that stand in the files already, and the bad ones among them.
    pub(super) rows_of_next: u64,
    pub(super) bad_rows_of_next: u64,
    pub(super) damaged_objects: u64,
    /// How much of the index is durable.
    pub(super) index_bytes: u64,
}

impl Journal {
    pub(super) fn new(work: Work) -> Self {
        Self { work, files: Vec::new(), objects_done: 0, rows_of_next: 0, bad_rows_of_next: 0, damaged_objects: 0, index_bytes: 0 }
    }

    /// The journal of this very work, if there is one that can be gone on with: its files are there.
    pub(super) fn load(folder: &Path, work: &Work) -> Option<Self> {
        let bytes = std::fs::read(folder.join(JOURNAL_NAME)).ok()?;
        let journal: Self = serde_json::from_slice(&bytes).ok()?;
        let length_is =
            |name: &str, bytes: u64| stands_beside(name) && std::fs::metadata(folder.join(name)).is_ok_and(|there| there.len() == bytes);
        let index = std::fs::metadata(folder.join(super::index::INDEX_NAME)).is_ok_and(|there| there.len() >= journal.index_bytes);
        let usable = journal.work == *work && index && journal.files.iter().all(|file| length_is(&file.name, file.bytes));
        usable.then_some(journal)
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), ExportError> {
        let path = folder.join(JOURNAL_NAME);
        let bytes = serde_json::to_vec(self).map_err(|error| ExportError::damaged(&path, error))?;
        durable::replace(&path, &bytes)
    }
}
