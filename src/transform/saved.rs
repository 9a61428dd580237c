//! `spec/<pipeline>.json` on disk: versioned, written whole or not at all, the same bytes for the same spec.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::{Action, SPEC_VERSION, TransformSpec};
use crate::durable::write_whole;
use crate::expression::{Kind, ParseError, check};
use crate::inventory::shown;

/// A spec is read up to this size; 23 activities of 50 attributes of 256 characters stay far below it.
const SPEC_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a spec could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is larger than {SPEC_BYTES_MAX} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} is no transform spec: {source}", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("{}: the expression of the activity {}: {source}", path.display(), shown(activity))]
    Expression { path: PathBuf, activity: String, source: ParseError },
    #[error("{} has version {found} and this program reads up to version {SPEC_VERSION}", path.display())]
    Newer { path: PathBuf, found: u64 },
    #[error("{} has version {found}, which never was", path.display())]
    UnknownVersion { path: PathBuf, found: u64 },
}

impl SpecError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Some("make it with `iota2ts translate`".to_owned()),
            Self::Read { .. } | Self::Write { .. } => None,
            Self::TooLarge { .. } | Self::Parse { .. } | Self::Expression { .. } | Self::UnknownVersion { .. } => {
                Some("make it again with `iota2ts translate`".to_owned())
            }
            Self::Newer { .. } => Some("use the version of `iota2ts` that wrote it, or translate again".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl TransformSpec {
    /// Reads `spec/<pipeline>.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is no spec, was written by a newer version of this program, or holds an expression that no text
    /// of the language says.
    pub fn load(path: &Path) -> Result<Self, SpecError> {
        let read_error = |source| SpecError::Read { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(read_error)?;
        file.take(SPEC_BYTES_MAX + 1).read_to_string(&mut text).map_err(read_error)?;
        if u64::try_from(text.len()).map_or(true, |length| length > SPEC_BYTES_MAX) {
            return Err(SpecError::TooLarge { path: path.to_owned() });
        }
        let parse_error = |source| SpecError::Parse { path: path.to_owned(), source };
        // The version first: the rest of a newer file may be of any shape.
        let Versioned { version } = serde_json::from_str(&text).map_err(parse_error)?;
        if version > u64::from(SPEC_VERSION) {
            return Err(SpecError::Newer { path: path.to_owned(), found: version });
        }
        if version == 0 {
            return Err(SpecError::UnknownVersion { path: path.to_owned(), found: version });
        }
        let spec: Self = serde_json::from_str(&text).map_err(parse_error)?;
        spec.check_expressions(path)?;
        Ok(spec)
    }

    /// A tree in a file may be one that the parser never makes; whatever works on trees relies on that.
    fn check_expressions(&self, path: &Path) -> Result<(), SpecError> {
        for step in &self.steps {
            let checked = match &step.action {
                Action::Filter { expression, .. } => check(expression, Kind::Filter),
                Action::Math { expression, .. } => check(expression, Kind::Math),
                _ => Ok(()),
            };
            let refused = |source| SpecError::Expression { path: path.to_owned(), activity: step.activity.clone(), source };
            checked.map_err(refused)?;
        }
        Ok(())
    }

    /// Writes `spec/<pipeline>.json`, whole or not at all.
    ///
    /// # Errors
    /// When a step fails; the file at `path` is then what it was.
    pub fn save(&self, path: &Path) -> Result<(), SpecError> {
        write_whole(path, self.to_json().as_bytes()).map_err(|source| SpecError::Write { path: path.to_owned(), source })
    }

    /// The content of the file. The same spec gives the same text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Cannot fail: every key is text and every value is of JSON. An empty text would not load.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// True when every step is translated, so that an engine and a generated function can be made.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.action, Action::Unsupported { .. }))
    }
}

#[cfg(test)]
mod tests;
