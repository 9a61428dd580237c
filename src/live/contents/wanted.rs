//! What is to be exported.

use serde::{Deserialize, Serialize};

use super::sql::ResourceName;

/// The newest version, whatever became of it.
pub(super) const LATEST: &str = "$LATEST";
/// The newest version that succeeded.
pub(super) const LATEST_SUCCEEDED: &str = "$LATEST_SUCCEEDED";

/// Where rows are to come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// A content that a dataset has.
    Dataset {
        name: ResourceName,
        /// The id of a version, `$LATEST` or `$LATEST_SUCCEEDED`.
        version: String,
        /// The datastore whose rows these are; where it is not given, the one that a plain `SELECT *` names.
        store: Option<ResourceName>,
    },
    /// All rows of a datastore, by temporary datasets.
    Datastore { name: ResourceName },
}

/// How much goes into one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizing {
    /// At most so many rows, as the survey counted them; a single day may have more.
    Rows(u64),
    /// So many days.
    Days(u32),
}

impl Default for Sizing {
    fn default() -> Self {
        // Some 200 MB of CSV for rows of 200 bytes: a query of minutes, and little to repeat.
        Self::Rows(1_000_000)
    }
}
