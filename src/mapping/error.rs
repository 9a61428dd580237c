//! Why there is no mapping.

use super::RuleProblem;

/// Why rules could not be proposed, or cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("store {store}: no row could be read, so there is nothing to propose from")]
    NoRows { store: String },
    #[error("store {store}: no column reads as the event time; its columns are {columns}")]
    NoTime { store: String, columns: String },
    #[error("store {store}: no column can tell the sources of rows apart; its columns are {columns}")]
    NoDimension { store: String, columns: String },
    #[error("store {store}: besides time and dimensions no column holds a value")]
    NoMeasure { store: String },
    #[error("store {store}: {}", first(problems))]
    Rules { store: String, problems: Vec<RuleProblem> },
}

impl MappingError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRows { store } => {
                format!("check the history's root, or put {store:?} into skipped_stores in migration.toml")
            }
            Self::NoTime { store, .. } => format!(
                "name the time column and its format for {store:?} in migration.toml (java:<pattern> reads what the named formats do not), \
                 or put the store into skipped_stores; __dt is when the service stored a row, and is never taken"
            ),
            Self::NoDimension { store, .. } => {
                format!("name a column for {store:?} as dimension in migration.toml; Timestream needs at least one")
            }
            Self::NoMeasure { store } => format!("name a measure for {store:?} in migration.toml, or put the store into skipped_stores"),
            Self::Rules { problems, .. } => problems.first()?.remedy.clone(),
        })
    }
}

fn first(problems: &[RuleProblem]) -> String {
    let Some(problem) = problems.first() else { return "its rules are wrong".to_owned() };
    let more = match problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("{}: {}{more}", problem.subject, problem.cause)
}
