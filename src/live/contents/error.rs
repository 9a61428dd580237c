//! What keeps contents from being exported, with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::live::error::Closed;
use crate::live::{Fault, Operation};

#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    #[error("no AWS region is set")]
    NoRegion,
    #[error("{0}")]
    Closed(Closed),
    #[error("{} for `{name}`: {fault}", operation.name())]
    Refused { operation: Operation, name: String, fault: Fault },
    #[error("the dataset `{dataset}` has no content of the version {version}")]
    NoContent { dataset: String, version: String },
    #[error("the content {version} of the dataset `{dataset}` {reason}")]
    Failed { dataset: String, version: String, reason: String },
    #[error("{}", .0.join("; "))]
    Windows(Vec<String>),
    #[error("the query of the dataset `{dataset}` does more than take all columns of one datastore, so whose rows it gives is not known")]
    NotPlain { dataset: String },
    #[error("the dataset `{dataset}` gives rows of the datastore `{store}`, all of whose rows are exported anyway: they would count twice")]
    Both { dataset: String, store: String },
    #[error("the dataset `{dataset}` is made by a container, which gives no rows of a datastore")]
    Container { dataset: String },
    #[error("{rows} rows of the datastore `{store}` have the arrival `{arrived}`, which is no time: no window takes them")]
    Undated { store: String, arrived: String, rows: u64 },
    #[error("the survey of the datastore `{store}` cannot be read: {reason}")]
    Survey { store: String, reason: String },
    #[error("the content of `{dataset}` could not be fetched: {reason}")]
    Download { dataset: String, reason: String },
    #[error("`{}` could not be {action}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the file `{}` is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the file `{}` is of version {found}; this tool reads version {known}", .path.display())]
    Version { path: PathBuf, found: u64, known: u32 },
    #[error("`{}` holds the export of other contents", .path.display())]
    Other { path: PathBuf },
}

impl ContentsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRegion => "give --region, set AWS_REGION, or put a region into the profile".to_owned(),
            Self::Closed(closed) => closed.hint(),
            Self::Refused { operation, fault, .. } => return refused(*operation, fault),
            Self::NoContent { dataset, .. } => format!(
                "`aws iotanalytics list-dataset-contents --dataset-name {dataset}` names what there is; without a content, export the datastore: \
                 --datastore NAME"
            ),
            Self::Failed { .. } => "name another version with --content-version, or export the datastore: --datastore NAME".to_owned(),
            Self::Windows(_) => "all other windows are kept; the same command tries these again".to_owned(),
            Self::NotPlain { dataset } => format!("say whose rows they are: --dataset {dataset}=DATASTORE"),
            Self::Both { dataset, store } => {
                format!(
                    "run `iota2ts export --clean-up`, move the folder away, and name one of the two: --datastore {store} for all rows, --dataset \
                     {dataset} for those of its content"
                )
            }
            Self::Container { .. } => "name the SQL dataset that feeds it, or export the datastore: --datastore NAME".to_owned(),
            Self::Undated { .. } | Self::Survey { .. } => {
                "make a dataset of your own for this datastore, run it, and export its content: --dataset NAME=DATASTORE".to_owned()
            }
            Self::Download { .. } => "the same command goes on where it stopped".to_owned(),
            Self::Io { .. } => {
                "check that the migration directory can be written to and has space left; the same command then goes on".to_owned()
            }
            Self::Damaged { .. } => "run `iota2ts export --clean-up` if it can still be read; then move the folder away".to_owned(),
            Self::Version { .. } => "use the version of iota2ts that wrote it".to_owned(),
            Self::Other { .. } => {
                "give the same names again to go on with it; for others, run `iota2ts export --clean-up` and move the folder away, or use \
                 another --dir"
                    .to_owned()
            }
        })
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Whether nothing that is asked next fares better.
    pub(super) fn is_final(&self) -> bool {
        !matches!(self, Self::Failed { .. } | Self::Windows(_) | Self::Download { .. })
    }
}

fn refused(operation: Operation, fault: &Fault) -> Option<String> {
    Some(match fault {
        Fault::Denied { .. } => format!("allow {} and give the same command: it goes on", operation.action()),
        Fault::Expired { .. } => {
            "get fresh credentials (`aws sso login`, or assume the role again) and give the same command: it goes on".to_owned()
        }
        Fault::NoCredentials { .. } => "name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        Fault::BadCredentials { .. } => {
            "check which account and keys the profile names (`aws sts get-caller-identity`), and this machine's clock".to_owned()
        }
        Fault::NotFound { .. } => "`iota2ts capture --live` names what there is in this account and region".to_owned(),
        Fault::Throttled { .. } | Fault::Unanswered { .. } | Fault::Unreachable { .. } => {
            "the same command goes on where it stopped".to_owned()
        }
        Fault::Foreign { .. } | Fault::Invalid { .. } | Fault::Taken { .. } => return None,
    })
}
