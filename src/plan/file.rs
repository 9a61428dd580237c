//! `plan.json`: written whole or not at all, read with its version checked, bound to what it was made from.
//!
//! The file is the plan as indented JSON. Its digest is taken over the compact form, so that reformatting the file changes
//! nothing and changing one value of it does.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::{PLAN_VERSION, Plan};
use crate::durable::write_whole;
use crate::encoding::sha256_hex;

/// A longer `plan.json` is not read.
pub const PLAN_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Why a plan could not be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("the plan `{}` could not be written: {source}", .path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("the plan `{}` could not be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the plan `{}` is longer than {PLAN_BYTES_MAX} bytes", .path.display())]
    TooLong { path: PathBuf },
    #[error("the plan `{}` is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("the plan `{}` is of version {found}; this tool reads version {PLAN_VERSION}", .path.display())]
    Version { path: PathBuf, found: u64 },
}

impl PlanError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unwritable { .. } => "check that the migration directory can be written to and has space left".to_owned(),
            Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => "run `iota2ts plan` first".to_owned(),
            Self::Unreadable { .. } => "check that the file can be read".to_owned(),
            Self::TooLong { .. } | Self::Damaged { .. } | Self::Version { .. } => "run `iota2ts plan` again".to_owned(),
        })
    }
}

/// A plan that no longer fits what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan is out of date: {} changed since it was made", .changed.join(" and "))]
pub struct StalePlan {
    /// What changed, as `the settings`. Never empty.
    pub changed: Vec<&'static str>,
}

impl StalePlan {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("run `iota2ts plan` again".to_owned())
    }
}

/// What is read before anything else of a plan file, so that a newer one is refused with the right reason.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

impl Plan {
    /// Reads the plan at `path`.
    ///
    /// # Errors
    /// When it is not there, cannot be read, is no plan, or is of another version than [`PLAN_VERSION`].
    pub fn load(path: &Path) -> Result<Self, PlanError> {
        let unreadable = |source| PlanError::Unreadable { path: path.to_owned(), source };
        let damaged = |error: serde_json::Error| PlanError::Damaged { path: path.to_owned(), reason: error.to_string() };
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(PLAN_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > PLAN_BYTES_MAX {
            return Err(PlanError::TooLong { path: path.to_owned() });
        }
        let head: Head = serde_json::from_slice(&bytes).map_err(damaged)?;
        if head.version != u64::from(PLAN_VERSION) {
            return Err(PlanError::Version { path: path.to_owned(), found: head.version });
        }
        serde_json::from_slice(&bytes).map_err(damaged)
    }

    /// Writes the plan to `path`: after a crash at any instant the old file or the new one is there, whole.
    ///
    /// # Errors
    /// When a file cannot be written beside `path` or moved over it; then `path` is as it was.
    pub fn save(&self, path: &Path) -> Result<(), PlanError> {
        let json = serde_json::to_vec_pretty(self)
            .map(|mut json| {
                json.push(b'\n');
                json
            })
            .map_err(|error| PlanError::Unwritable { path: path.to_owned(), source: error.into() })?;
        write_whole(path, &json).map_err(|source| PlanError::Unwritable { path: path.to_owned(), source })
    }

    /// The SHA-256 of the plan's compact JSON, as hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        // A plan holds no map with keys that JSON cannot have: writing it cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        sha256_hex(&json)
    }

    /// Whether inventory, settings and history listing are still those that the plan was made from, by their digests.
    ///
    /// # Errors
    /// [`StalePlan`] naming all that changed.
    pub fn check_fresh(&self, inventory: &str, settings: &str, listing: &str) -> Result<(), StalePlan> {
        let pairs = [
            ("the inventory", self.bound_to.inventory.as_str(), inventory),
            ("the settings", &self.bound_to.settings, settings),
            ("the history", &self.bound_to.listing, listing),
        ];
        let changed: Vec<&'static str> = pairs.into_iter().filter(|(_, bound, now)| bound != now).map(|(what, _, _)| what).collect();
        if changed.is_empty() { Ok(()) } else { Err(StalePlan { changed }) }
    }
}
