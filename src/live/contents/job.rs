//! What is asked of an export of contents, and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::ContentsError;
use super::source::FetchedContents;
use super::wanted::{Sizing, Wanted};
use crate::failpoint::Failpoints;
use crate::live::{Connection, Pace};
use crate::progress::Progress;
use crate::time::Nanos;

/// How long to wait for a content.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The first pause between two looks; it doubles, up to `poll_max`.
    pub poll: Duration,
    pub poll_max: Duration,
    /// A content that is not made by then counts as failed.
    pub generation_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { poll: Duration::from_millis(250), poll_max: Duration::from_secs(15), generation_max: Duration::from_secs(2 * 3600) }
    }
}

/// What is to be fetched, and where to.
pub struct ContentsJob<'a> {
    pub connection: &'a Connection,
    pub pace: Pace,
    pub patience: Patience,
    /// For the state and the files.
    pub folder: PathBuf,
    pub wanted: Vec<Wanted>,
    pub sizing: Sizing,
    /// A window of several days with a longer content is halved.
    pub content_bytes_max: u64,
    /// The digest of the listing that a finished staging was made of: its files need not be there any more.
    pub staged: Option<String>,
    pub now: Nanos,
    pub progress: Arc<dyn Progress>,
    pub failpoints: &'a Failpoints,
}

impl std::fmt::Debug for ContentsJob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentsJob").field("folder", &self.folder).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

/// All contents, on disk.
#[derive(Debug)]
pub struct Fetched {
    pub contents: FetchedContents,
    /// Windows that gave another number of rows than the survey counted.
    pub differences: Vec<String>,
    /// Temporary datasets that could not be removed, with the reason.
    pub left: Vec<String>,
    /// Requests sent, repetitions included.
    pub requests: u64,
}

/// Not all was fetched. What was is kept, and the same job goes on.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Stopped {
    pub cause: ContentsError,
    /// Temporary datasets that could not be removed, with the reason.
    pub left: Vec<String>,
}

impl From<ContentsError> for Stopped {
    fn from(cause: ContentsError) -> Self {
        Self { cause, left: Vec::new() }
    }
}

impl Stopped {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.cause.hint()
    }
}
