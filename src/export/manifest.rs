//! `manifest.json`: what a staging holds, by file, with digests.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::durable;
use super::error::ExportError;
use crate::encoding::sha256_hex;

/// The name of the file that makes a directory a staging.
pub const MANIFEST_NAME: &str = "manifest.json";
/// What the manifest says it is, lest another tool's file of that name is taken for one.
pub(super) const KIND: &str = "iota2ts staging";
pub(super) const MANIFEST_VERSION: u32 = 1;
/// A longer manifest is not read; it holds some hundred bytes per file of a hundred megabytes.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a finished staging holds. It says nothing of when or how often it was worked on: the same source gives the same manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub kind: String,
    pub version: u32,
    /// The version of iota2ts that wrote it.
    pub tool_version: String,
    /// The source's root as it was named.
    pub source: String,
    /// The digest of the source's listing: keys, ETags and sizes of all objects in order.
    pub listing: String,
    pub objects: u64,
    /// Objects that could not be read to their end.
    pub damaged_objects: u64,
    /// Rows, good and bad.
    pub rows: u64,
    pub bad_rows: u64,
    pub index: IndexFile,
    pub files: Vec<StagedFile>,
}

/// `objects.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    pub name: String,
    pub lines: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// One file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    pub name: String,
    pub rows: u64,
    pub bad_rows: u64,
    pub bytes: u64,
    pub sha256: String,
    /// The number of its first row, counted from 0 over all files.
    pub first_row: u64,
    /// Where its rows come from: the first and the last row's place. Every row names its own object, ETag and row number.
    pub from: Origin,
    pub to: Origin,
    /// How many objects it has rows of.
    pub objects: u64,
    /// The days of arrival (`__dt`) of its objects, as their keys say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arrived: Option<Arrived>,
    /// The earliest and the latest event time of its rows, where the settings named the column when it was written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub times: Option<Times>,
}

/// A row's place in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub object: String,
    pub etag: String,
    pub row: u64,
}

/// First and last, as texts of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    pub first: String,
    pub last: String,
}

/// First and last, as ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    pub first: String,
    pub last: String,
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    version: u64,
}

/// Whether a name is one of a file in the staging's own folder.
pub(super) fn stands_beside(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(only)), None) if only == name)
}

impl Manifest {
    /// Whether `folder` is a staging, whole or not: it has a manifest that says so.
    #[must_use]
    pub fn stands_in(folder: &Path) -> bool {
        matches!(Self::load(folder), Ok(_) | Err(ExportError::Version { .. }))
    }

    /// Reads the manifest of the staging at `folder`.
    ///
    /// # Errors
    /// When there is none, or it is damaged or of another version.
    pub fn load(folder: &Path) -> Result<Self, ExportError> {
        let path = folder.join(MANIFEST_NAME);
        let file = File::open(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => ExportError::NotStaged { path: folder.to_owned() },
            _ => ExportError::Io { action: "read", path: path.clone(), source },
        })?;
        let mut bytes = Vec::new();
        file.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ExportError::io("read", &path))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MANIFEST_BYTES_MAX {
            return Err(ExportError::damaged(&path, format!("longer than {MANIFEST_BYTES_MAX} bytes")));
        }
        let head: Head = serde_json::from_slice(&bytes).map_err(|error| ExportError::damaged(&path, error))?;
        if head.kind != KIND {
            return Err(ExportError::NotStaged { path: folder.to_owned() });
        }
        if head.version != u64::from(MANIFEST_VERSION) {
            return Err(ExportError::Version { path, found: head.version, known: MANIFEST_VERSION });
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| ExportError::damaged(&path, error))?;
        for name in manifest.files.iter().map(|file| &file.name).chain([&manifest.index.name]) {
            if !stands_beside(name) {
                return Err(ExportError::damaged(&path, format!("{name:?} is no name of a file beside it")));
            }
        }
        Ok(manifest)
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), ExportError> {
        let path = folder.join(MANIFEST_NAME);
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| ExportError::damaged(&path, error))?;
        bytes.push(b'\n');
        durable::replace(&path, &bytes)
    }

    /// The SHA-256 of its compact JSON: over the digests of all files, it stands for every staged row.
    #[must_use]
    pub fn digest(&self) -> String {
        // It holds texts and counts only: writing it cannot fail.
        sha256_hex(&serde_json::to_vec(self).unwrap_or_default())
    }
}
