//! What is said about a dataset: once, with a stable code, a cause and a remedy.

use serde::{Deserialize, Serialize};

use crate::inventory::{printable, shown};

/// How much a finding takes from the translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// This part is not translated: a person must write it.
    Error,
    /// It is translated and gives other results in a stated way, or needs a hand to be complete.
    Warning,
    /// For the record.
    Note,
}

/// One thing that a person should know about a dataset's translation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFinding {
    /// Stable, as `unknown_column`.
    pub code: String,
    pub grade: Grade,
    /// As `dataset hot_machines`.
    pub subject: String,
    /// What is so, in one sentence.
    pub cause: String,
    /// What to do about it, in one sentence.
    pub remedy: String,
}

/// More findings than this about one dataset tell nobody anything.
const FINDINGS_MAX: usize = 200;

/// Collects findings about one dataset; the same one twice is kept once.
#[derive(Debug)]
pub(super) struct Findings {
    subject: String,
    list: Vec<DatasetFinding>,
    errors: usize,
}

impl Findings {
    pub(super) fn of(dataset: &str) -> Self {
        Self { subject: format!("dataset {}", printable(dataset)), list: Vec::new(), errors: 0 }
    }

    /// How many errors there were so far: compared before and after, it tells whether a part is whole.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    pub(super) fn error(&mut self, code: &str, cause: impl Into<String>, remedy: impl Into<String>) {
        self.errors += 1;
        self.add(Grade::Error, code, cause.into(), remedy.into());
    }

    pub(super) fn warn(&mut self, code: &str, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Grade::Warning, code, cause.into(), remedy.into());
    }

    pub(super) fn note(&mut self, code: &str, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Grade::Note, code, cause.into(), remedy.into());
    }

    fn add(&mut self, grade: Grade, code: &str, cause: String, remedy: String) {
        let known = self.list.iter().any(|known| known.code == code && known.cause == cause);
        if !known && self.list.len() < FINDINGS_MAX {
            self.list.push(DatasetFinding { code: code.to_owned(), grade, subject: self.subject.clone(), cause, remedy });
        }
    }

    pub(super) fn into_list(self) -> Vec<DatasetFinding> {
        self.list
    }
}

/// The first names of a list, between backticks, and how many more there are.
pub(super) fn some<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const NAMED_MAX: usize = 12;
    let mut names = names.into_iter();
    let listed: Vec<String> = names.by_ref().take(NAMED_MAX).map(shown).collect();
    match names.count() {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}
