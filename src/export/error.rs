//! Why a staging could not be made or used, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::history::HistoryError;

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("`{}` could not be {action}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("there is no finished staging at `{}`", .path.display())]
    NotStaged { path: PathBuf },
    #[error("the file `{}` is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the file `{}` is of version {found}; this tool reads version {known}", .path.display())]
    Version { path: PathBuf, found: u64, known: u32 },
    #[error("`{}` holds the staging of another history", .path.display())]
    OtherHistory { path: PathBuf },
    #[error("`{}` could not be written as Parquet: {reason}", .path.display())]
    Parquet { path: PathBuf, reason: String },
}

impl ExportError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::History(error) => error.hint(),
            Self::Io { .. } | Self::Parquet { .. } => {
                Some("check that the migration directory can be written to and has space left; the same command then goes on".to_owned())
            }
            Self::NotStaged { .. } => {
                Some("run `iota2ts export --history PATH` first, or run it again where it was interrupted".to_owned())
            }
            Self::Damaged { .. } => Some("`iota2ts export --check` names what differs; move the folder away and export again".to_owned()),
            Self::Version { .. } => Some("use the version of iota2ts that wrote it, or move the folder away and export again".to_owned()),
            Self::OtherHistory { .. } => {
                Some("the source changed, or another one is meant: move the folder away and export again, or use another --dir".to_owned())
            }
        }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
