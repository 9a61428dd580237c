//! Why an archive could not be made or read.

use std::io;
use std::path::PathBuf;

use super::index::INDEX_NAME;
use crate::history::HistoryError;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bucket's side.
    #[error(transparent)]
    Bucket(#[from] HistoryError),
    #[error("`{path}` could not be read: {source}", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("there is no {INDEX_NAME} at {address}")]
    NoIndex { address: String },
    #[error("{INDEX_NAME} cannot be read: {reason}")]
    Index { reason: String },
    #[error("the object {name} broke off: {cause}")]
    Broken { name: String, cause: String },
}

impl ArchiveError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bucket(error) => error.hint(),
            Self::File { .. } | Self::Broken { .. } => Some("give the same command again: what was done is not done twice".to_owned()),
            Self::NoIndex { .. } => {
                Some("name the address that was archived to; an archive that was interrupted has no index yet".to_owned())
            }
            Self::Index { .. } => None,
        }
    }
}
