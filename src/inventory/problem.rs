//! What is wrong with a definition, said once, with its place; and what stops a capture altogether.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::model::{BlindSpot, Origin};

/// How much is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A definition is wrong or contradicted: it was left out, or what was kept of it is not certain.
    Error,
    /// It was kept, and it breaks a rule of the service or differs from a better source.
    Warning,
    /// For the record: what was passed over, and why.
    Note,
}

/// One mistake in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The file, named as in [`super::SourceFile`].
    pub file: String,
    /// As `Resources.P.Properties.PipelineActivities[0].Filter.Next`; empty for the whole file.
    pub path: String,
    /// Counted from 1, where one line can be named.
    pub line: Option<u32>,
    pub severity: Severity,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.path.is_empty() { write!(f, ": {}", self.reason) } else { write!(f, ": {}: {}", self.path, self.reason) }
    }
}

/// Why nothing could be captured at all.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} holds more than {limit} definition files", path.display())]
    TooManyFiles { path: PathBuf, limit: usize },
    #[error("no file or folder was given to capture from")]
    NothingGiven,
}

impl CaptureError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("check that the path exists and may be read".to_owned()),
            Self::TooManyFiles { .. } => Some("name the folder that holds the definitions, not one above it".to_owned()),
            Self::NothingGiven => Some("name a folder or files with `--from`".to_owned()),
        }
    }
}

/// At most this many problems and blind spots are kept of one file; the rest is counted.
const FINDINGS_PER_FILE_MAX: usize = 500;

/// Collects what is said about one file.
#[derive(Debug)]
pub(crate) struct Findings {
    file: String,
    problems: Vec<Problem>,
    blind_spots: BTreeSet<BlindSpot>,
    errors: usize,
    left_out: usize,
}

impl Findings {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), problems: Vec::new(), blind_spots: BTreeSet::new(), errors: 0, left_out: 0 }
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// How many errors there are so far. A reader compares before and after to know whether its definition is whole.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    pub(crate) fn origin(&self, path: &str) -> Origin {
        Origin { file: self.file.clone(), path: path.to_owned() }
    }

    pub(crate) fn error(&mut self, path: &str, line: Option<u32>, reason: impl Into<String>) {
        self.errors += 1;
        self.push(path, line, Severity::Error, reason.into());
    }

    pub(crate) fn warn(&mut self, path: &str, line: Option<u32>, reason: impl Into<String>) {
        self.push(path, line, Severity::Warning, reason.into());
    }

    pub(crate) fn note(&mut self, path: &str, reason: impl Into<String>) {
        self.push(path, None, Severity::Note, reason.into());
    }

    pub(crate) fn blind(&mut self, subject: impl Into<String>, unknown: impl Into<String>) {
        if self.blind_spots.len() >= FINDINGS_PER_FILE_MAX {
            self.left_out += 1;
            return;
        }
        self.blind_spots.insert(BlindSpot { subject: subject.into(), unknown: unknown.into() });
    }

    fn push(&mut self, path: &str, line: Option<u32>, severity: Severity, reason: String) {
        if self.problems.len() >= FINDINGS_PER_FILE_MAX {
            self.left_out += 1;
            return;
        }
        self.problems.push(Problem { file: self.file.clone(), path: path.to_owned(), line, severity, reason });
    }

    pub(crate) fn into_parts(mut self) -> (Vec<Problem>, BTreeSet<BlindSpot>) {
        if self.left_out > 0 {
            let reason = format!("{} more findings of this file are not listed", self.left_out);
            self.problems.push(Problem { file: self.file, path: String::new(), line: None, severity: Severity::Error, reason });
        }
        (self.problems, self.blind_spots)
    }
}

const SHOWN_CHARS_MAX: usize = 120;

/// Text of a file or a definition as messages show it: between backticks, on one line, not too long.
pub(crate) fn shown(text: &str) -> String {
    let mut cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("`{}`", printable(&cut))
}

/// `text` with what could move a cursor or turn a line around written as escapes.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || invisible {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
