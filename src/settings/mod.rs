//! `migration.toml`: the only file that a person edits. Every decision of a migration stands in it, with its reason as a
//! comment.
//!
//! Invariants
//! - What a person wrote is kept: planning again changes no line of an existing file.
//! - A setting that is unknown, of the wrong type or out of range is an error naming the line.
//! - It holds no secret, and there is no key for one.
//!
//! May be used by `plan`, `backfill`, `verify`, `cli`. Uses `mapping`.

mod parse;
mod problem;
mod propose;
mod reading;
mod render;
mod switches;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use problem::{SettingsError, SettingsProblem};
pub(crate) use propose::days_back;
pub use propose::{ProposalError, ProposalInputs, ProposedSettings, ProposedTable, RETENTION_MARGIN_DAYS, TableNotes, propose};
pub use render::render;

use crate::channel::RawStore;
use crate::encoding::sha256_hex;
use crate::mapping::TableMapping;
use crate::transform::{AwsFunction, FunctionCommand, TransformSwitches};

/// All decisions of one migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Where the history is: a directory.
    pub history: String,
    pub target: TargetSettings,
    pub write: WriteSettings,
    /// One per store that is migrated, or several with a route each, in order of the store's name; those of one store as they
    /// stand in the file.
    pub tables: Vec<TableMapping>,
    /// Stores that are left behind on purpose.
    pub skipped_stores: Vec<String>,
    /// Stores whose rows come from raw channel messages. In order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<RawStore>,
    /// Commands of this machine that stand in for the functions of lambda activities, by function name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, FunctionCommand>,
    /// Functions of AWS that stand for the functions of lambda activities, by function name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub invoked_functions: BTreeMap<String, AwsFunction>,
    /// What no documentation settles about pipelines.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switches: TransformSwitches,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSettings {
    pub database: String,
    /// Hours in the memory store; irreversible in effect, as raising it later does not open the window at once.
    pub memory_hours: u64,
    /// Days in the magnetic store; must reach back to the oldest row.
    pub magnetic_days: u64,
    /// The bucket for reports of magnetic writes that the service refuses after the fact.
    pub rejected_data_bucket: Option<String>,
    pub rejected_data_prefix: String,
    /// A dimension to partition tables by; none means the service's own rule.
    pub partition_dimension: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteSettings {
    /// The version of every record of the migration, live path included. At least 1.
    pub record_version: i64,
    /// Requests under way at once, at the most; the tool lowers it while it is throttled.
    pub requests_in_flight_max: usize,
    /// Objects decoded at once.
    pub readers: usize,
}

/// Facts: memory store retention, in hours.
pub const MEMORY_HOURS_MAX: u64 = 8_766;
/// Facts: magnetic store retention, in days.
pub const MAGNETIC_DAYS_MAX: u64 = 73_000;
/// More requests than this under way at once are an error of the settings, not an ambition.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 256;
/// More objects than this decoded at once likewise.
pub const READERS_MAX: usize = 64;
/// A longer `migration.toml` is not read.
pub const SETTINGS_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl Default for WriteSettings {
    fn default() -> Self {
        Self { record_version: 1, requests_in_flight_max: 16, readers: 2 }
    }
}

impl Settings {
    /// Reads the text of a settings file; `file` is its name for messages.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] with every problem found, in the order of their lines.
    pub fn parse(text: &str, file: &str) -> Result<Self, SettingsError> {
        parse::parse(text, file)
    }

    /// Reads the settings file at `path`, which may not be longer than [`SETTINGS_BYTES_MAX`].
    ///
    /// # Errors
    /// When it cannot be read, is too long or not UTF-8, or as [`Settings::parse`] says.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let file = path.display().to_string();
        let unreadable = |source| SettingsError::Unreadable { file: file.clone(), source };
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > SETTINGS_BYTES_MAX {
            return Err(SettingsError::TooLong { file, length });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text, &file)
    }

    /// The SHA-256 of what is decided, as hexadecimal: comments and layout do not matter.
    #[must_use]
    pub fn digest(&self) -> String {
        // Settings hold strings, numbers and lists only: writing them as JSON cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        sha256_hex(&json)
    }
}

/// Whether all switches stand at their defaults: then the digest is that of settings which do not name them.
fn is_default(switches: &TransformSwitches) -> bool {
    *switches == TransformSwitches::default()
}
