//! `state.json`: how far an export of contents is, and which datasets it may have made.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ContentsError;
use super::sql::ResourceName;
use super::wanted::{Sizing, Wanted};
use super::windows::{Day, Window};
use crate::durable::write_whole;

const STATE_NAME: &str = "state.json";
const LOCK_NAME: &str = ".lock";
const KIND: &str = "iota2ts dataset contents";
const STATE_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    kind: String,
    version: u32,
    /// Stands in the names of temporary datasets, so that two exports never meet.
    pub(super) id: String,
    pub(super) wanted: Vec<Wanted>,
    pub(super) sizing: Sizing,
    pub(super) parts: Vec<Part>,
    pub(super) next_serial: u64,
    /// Datasets that were made, or were about to be: whatever happens, these are to be removed.
    pub(super) temporary: BTreeSet<String>,
}

/// One content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) serial: u64,
    pub(super) what: What,
    pub(super) step: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Existing {
        dataset: ResourceName,
        version: String,
        store: Option<ResourceName>,
    },
    Survey {
        store: ResourceName,
    },
    /// `rows`: what the survey counted in it.
    Window {
        store: ResourceName,
        window: Window,
        days: Vec<Day>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Planned,
    Started { dataset: String, version: String },
    Fetched { dataset: String, version: String, store: ResourceName, sql: String, entries: Vec<Entry> },
}

/// A file of a content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// As the service calls it; most have no name.
    pub(super) name: Option<String>,
    /// Bytes and SHA-256 as the service gave them.
    pub(super) fetched_bytes: u64,
    pub(super) fetched_sha256: String,
    /// Bytes and SHA-256 of the file that is kept: of a window, the same rows in the order of their bytes.
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Lines behind the header.
    pub(super) rows: u64,
}

impl State {
    pub(super) fn new(id: String, wanted: Vec<Wanted>, sizing: Sizing) -> Self {
        let mut state = Self {
            kind: KIND.to_owned(),
            version: STATE_VERSION,
            id,
            wanted: Vec::new(),
            sizing,
            parts: Vec::new(),
            next_serial: 1,
            temporary: BTreeSet::new(),
        };
        for one in &wanted {
            state.add(match one.clone() {
                Wanted::Dataset { name, version, store } => What::Existing { dataset: name, version, store },
                Wanted::Datastore { name } => What::Survey { store: name },
            });
        }
        state.wanted = wanted;
        state
    }

    pub(super) fn add(&mut self, what: What) {
        self.parts.push(Part { serial: self.next_serial, what, step: Step::Planned });
        self.next_serial += 1;
    }

    pub(super) fn part(&self, serial: u64) -> Option<&Part> {
        self.parts.iter().find(|part| part.serial == serial)
    }

    pub(super) fn part_mut(&mut self, serial: u64) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.serial == serial)
    }

    /// The name of the temporary dataset of a part.
    pub(super) fn dataset_name(&self, serial: u64) -> String {
        format!("iota2ts_tmp_{}_{serial}", self.id)
    }

    /// Puts two windows in the place of one.
    pub(super) fn halve(&mut self, serial: u64) -> bool {
        let Some(at) = self.parts.iter().position(|part| part.serial == serial) else { return false };
        let Some(Part { what: What::Window { store, window, days }, .. }) = self.parts.get(at).cloned() else { return false };
        let Some((left, right)) = window.halves() else { return false };
        self.parts.remove(at);
        for window in [left, right] {
            let days = days.iter().filter(|day| (window.from..window.to).contains(&day.day)).copied().collect();
            self.add(What::Window { store: store.clone(), window, days });
        }
        true
    }

    /// What is no longer needed of `temporary`: datasets of parts that are fetched, or are no more.
    pub(super) fn spent(&self) -> Vec<String> {
        let needed: BTreeSet<String> = self
            .parts
            .iter()
            .filter(|part| !matches!(part.step, Step::Fetched { .. }))
            .map(|part| self.dataset_name(part.serial))
            .collect();
        self.temporary.difference(&needed).cloned().collect()
    }

    /// The dataset is gone: what was made of it and not fetched is to be made again.
    pub(super) fn removed(&mut self, name: &str) {
        self.temporary.remove(name);
        for part in &mut self.parts {
            if matches!(&part.step, Step::Started { dataset, .. } if dataset == name) {
                part.step = Step::Planned;
            }
        }
    }

    /// The state in `folder`, if there is one.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>, ContentsError> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            version: u64,
        }
        let path = folder.join(STATE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ContentsError::io("read", &path)(error)),
        };
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| ContentsError::damaged(&path, error))?;
        if head.kind != KIND {
            return Err(ContentsError::damaged(&path, "it is not the state of an export of contents"));
        }
        if head.version != u64::from(STATE_VERSION) {
            return Err(ContentsError::Version { path, found: head.version, known: STATE_VERSION });
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| ContentsError::damaged(&path, error))
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), ContentsError> {
        let path = folder.join(STATE_NAME);
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| ContentsError::damaged(&path, error))?;
        bytes.push(b'\n');
        write_whole(&path, &bytes).map_err(ContentsError::io("written", &path))
    }
}

/// Where the entry `number` (from 1) of a part lies.
pub(super) fn entry_path(folder: &Path, serial: u64, number: usize) -> PathBuf {
    folder.join(entry_locator(serial, number))
}

pub(super) fn entry_locator(serial: u64, number: usize) -> String {
    format!("part-{serial:06}/{number}.csv")
}

/// Held while an export of contents is at work.
pub(super) fn lock(folder: &Path) -> Result<File, ContentsError> {
    std::fs::create_dir_all(folder).map_err(ContentsError::io("made", folder))?;
    let path = folder.join(LOCK_NAME);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(ContentsError::io("made", &path))?;
    file.try_lock().map_err(|error| ContentsError::io("locked: another export is at work there", &path)(error.into()))?;
    Ok(file)
}
