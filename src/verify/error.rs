//! Why a verification gave no verdict.

use std::io;
use std::path::PathBuf;

use crate::census::{CensusError, SpillError};
use crate::target::ReadFault;

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the source could not be read again: {0}")]
    Source(#[from] CensusError),
    #[error("the scratch directory failed: {0}")]
    Scratch(#[from] SpillError),
    #[error("table `{table}` could not be read back: {fault}")]
    Target { table: String, fault: ReadFault },
    /// The reader's answer contradicts its own contract.
    #[error("table `{table}` was read back inconsistently: {what}")]
    Inconsistent { table: String, what: String },
    #[error("the accounting of table `{table}` does not hold: {identity}")]
    Unbalanced { table: String, identity: String },
    #[error("buckets of {nanos} ns are too small: one hour is the least")]
    Bucket { nanos: i64 },
    #[error("cannot {doing} `{path}`: {source}", path = path.display())]
    Differences { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("a difference could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the verification was stopped before it ended")]
    Stopped,
}

impl VerifyError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source(error) => return error.hint(),
            Self::Scratch(error) => return error.hint(),
            Self::Target { fault: ReadFault::Throttled { .. } | ReadFault::Unanswered { .. }, .. } => {
                "verification changes nothing: run it again when the service answers".to_owned()
            }
            Self::Target { fault: ReadFault::Denied { .. }, .. } => {
                "it needs timestream:DescribeEndpoints and timestream:Select on the table; check the profile and its policy".to_owned()
            }
            Self::Target { fault: ReadFault::NotFound { .. }, .. } => {
                "the table disappeared during the verification; check the region and the database".to_owned()
            }
            Self::Target { .. } | Self::Inconsistent { .. } | Self::Unbalanced { .. } => {
                "no verdict was given; run it again, and report it if it stays".to_owned()
            }
            Self::Differences { .. } => "check that the migration directory can be written to".to_owned(),
            Self::Bucket { .. } => "use one hour or more; one day is the default".to_owned(),
            Self::Json(_) | Self::Stopped => return None,
        })
    }
}
