//! The evidence of a migration: one file that says by itself what was migrated, by which rules, and what the verification found.
//!
//! Layout: `evidence.json` is a chain of links, each with the hash of the one before and of its own content: `inventory` (digest, what
//! was captured, blind spots), `plan` (digest, what it is bound to, settings and switches in force, tables), `backfill` (the ledger's
//! runs and totals, where there is a ledger), `verification` (figures, causes and digests of both sides by table).
//!
//! Invariants
//! - An edit of any link shows, unless every hash after it is made anew. Who must be sure that nobody did keeps the seal, which is the
//!   last hash, elsewhere: in a ticket, on paper.
//! - What the file claims can be computed from the file: the chain, the identities of every table, the verdict.
//! - No secret and no row of the history is in it.
//!
//! May be used by `cli`. Uses `verify`, `plan`, `ledger`, `settings` and `inventory`.

mod chain;
mod check;
mod gather;
pub mod teardown;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use check::{Checked, Claim};
pub use gather::{EvidenceInputs, LedgerAccount, gather};

/// The layout that this version writes and reads.
pub const EVIDENCE_VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub version: u32,
    /// The version of `iota2ts` that wrote it.
    pub tool_version: String,
    pub links: Vec<Link>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub kind: String,
    pub body: serde_json::Value,
    /// The hash of the link before; of the file's head for the first.
    pub previous: String,
    /// SHA-256 in hexadecimal over `previous`, `kind` and `body`.
    pub hash: String,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{path} is no evidence: {reason}", path = .path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("{path} has version {found}, and this program reads version {EVIDENCE_VERSION}", path = .path.display())]
    Version { path: PathBuf, found: u64 },
    #[error("a part of the evidence cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl EvidenceError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("`iota2ts verify` writes it".to_owned()),
            Self::Malformed { .. } => Some("it was edited or cut off: take a copy that was not, or verify again".to_owned()),
            Self::Version { .. } => Some("use the version of iota2ts that wrote it, or a newer one".to_owned()),
            Self::Write { .. } | Self::Json(_) => None,
        }
    }
}

impl Evidence {
    /// Reads the file; whether it holds is for [`Evidence::check`] to say.
    ///
    /// # Errors
    /// When it is no evidence of this version.
    pub fn load(path: &Path) -> Result<Self, EvidenceError> {
        let bytes = std::fs::read(path).map_err(|source| EvidenceError::Read { path: path.to_owned(), source })?;
        let malformed = |error: serde_json::Error| EvidenceError::Malformed { path: path.to_owned(), reason: error.to_string() };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(malformed)?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(found) = version.filter(|version| *version != u64::from(EVIDENCE_VERSION)) {
            return Err(EvidenceError::Version { path: path.to_owned(), found });
        }
        serde_json::from_value(value).map_err(malformed)
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, path: &Path) -> Result<(), EvidenceError> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        crate::durable::write_whole(path, text.as_bytes()).map_err(|source| EvidenceError::Write { path: path.to_owned(), source })
    }

    /// The last hash, which stands for the whole file.
    #[must_use]
    pub fn seal(&self) -> &str {
        self.links.last().map_or("", |link| &link.hash)
    }

    /// The content of the link of a kind.
    #[must_use]
    pub fn body(&self, kind: &str) -> Option<&serde_json::Value> {
        self.links.iter().find(|link| link.kind == kind).map(|link| &link.body)
    }
}
