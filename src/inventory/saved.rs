//! `inventory.json` on disk: versioned, written whole or not at all, the same bytes for the same content.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::{INVENTORY_VERSION, Inventory};
use crate::durable::write_whole;
use crate::encoding::sha256_hex;

/// An inventory is read up to this size.
const INVENTORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Why an inventory could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is larger than {INVENTORY_BYTES_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} is no inventory: {source}", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("{} has version {found} and this program reads up to version {INVENTORY_VERSION}", path.display())]
    Newer { path: PathBuf, found: u64 },
    #[error("{} has version {found}, which never was", path.display())]
    UnknownVersion { path: PathBuf, found: u64 },
}

impl InventoryError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Some("make it with `iota2ts capture`".to_owned()),
            Self::Read { .. } | Self::Write { .. } => None,
            Self::TooLarge { .. } | Self::Parse { .. } | Self::UnknownVersion { .. } => {
                Some("make it again with `iota2ts capture`".to_owned())
            }
            Self::Newer { .. } => Some("use the version of `iota2ts` that wrote it, or capture again".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Inventory {
    /// Reads `inventory.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is no inventory, or was written by a newer version of this program.
    pub fn load(path: &Path) -> Result<Self, InventoryError> {
        let owned = || path.to_owned();
        let read_error = |source| InventoryError::Read { path: owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(read_error)?;
        file.take(INVENTORY_BYTES_MAX + 1).read_to_string(&mut text).map_err(read_error)?;
        if u64::try_from(text.len()).map_or(true, |length| length > INVENTORY_BYTES_MAX) {
            return Err(InventoryError::TooLarge { path: owned() });
        }
        let parse_error = |source| InventoryError::Parse { path: owned(), source };
        // The version first: the rest of a newer file may be of any shape.
        let Versioned { version } = serde_json::from_str(&text).map_err(parse_error)?;
        if version > u64::from(INVENTORY_VERSION) {
            return Err(InventoryError::Newer { path: owned(), found: version });
        }
        if version == 0 {
            return Err(InventoryError::UnknownVersion { path: owned(), found: version });
        }
        serde_json::from_str(&text).map_err(parse_error)
    }

    /// Writes `inventory.json`: into a file of its own beside it, flushed, then renamed over it, then the folder flushed.
    ///
    /// # Errors
    /// When a step fails; the file at `path` is then what it was.
    pub fn save(&self, path: &Path) -> Result<(), InventoryError> {
        write_whole(path, self.to_json().as_bytes()).map_err(|source| InventoryError::Write { path: path.to_owned(), source })
    }

    /// The content of `inventory.json`. The same inventory gives the same text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Cannot fail: every map is keyed by text and every value is of JSON. An empty text would not load.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// The SHA-256 of [`Self::to_json`] in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256_hex(self.to_json().as_bytes())
    }
}

#[cfg(test)]
mod tests;
