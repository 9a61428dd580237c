//! The index of an archive: `archive.json`.

use serde::{Deserialize, Serialize};

use super::ArchiveError;

pub(super) const INDEX_NAME: &str = "archive.json";
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) version: u32,
    /// In the order of their names.
    pub(super) files: Vec<Filed>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filed {
    /// Below the archive's address.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

impl Default for Index {
    fn default() -> Self {
        Self { version: VERSION, files: Vec::new() }
    }
}

impl Index {
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn to_json(&self) -> String {
        // Texts and numbers only: cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let index: Self = serde_json::from_slice(bytes).map_err(|error| ArchiveError::Index { reason: error.to_string() })?;
        if index.version > VERSION {
            return Err(ArchiveError::Index { reason: format!("it is of version {}, and this program reads {VERSION}", index.version) });
        }
        Ok(index)
    }
}
