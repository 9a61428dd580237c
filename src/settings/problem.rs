//! What is wrong with a `migration.toml`, all of it at once.

use std::fmt;

/// One mistake in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Counted from 1; 0 when the mistake is of the file as a whole.
    pub line: usize,
    /// The key as a dotted path, as `table[0].time.format`; empty for mistakes of syntax.
    pub key: String,
    /// What was found and what is allowed, on one line.
    pub message: String,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a settings file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings `{file}` could not be read: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("the settings `{file}` are {length} bytes long; at most {max} are read", max = super::SETTINGS_BYTES_MAX)]
    TooLong { file: String, length: u64 },
    /// Never empty; in the order of the lines.
    #[error("{}", invalid(.file, .problems))]
    Invalid { file: String, problems: Vec<SettingsProblem> },
}

fn invalid(file: &str, problems: &[SettingsProblem]) -> String {
    match problems {
        [] => format!("{file} is not valid"),
        [only] => format!("{file} {only}"),
        [first, rest @ ..] => format!("{file} {first} (and {} more)", rest.len()),
    }
}

impl SettingsError {
    /// Every mistake, for a caller that prints one a line.
    #[must_use]
    pub fn problems(&self) -> &[SettingsProblem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            Self::Unreadable { .. } | Self::TooLong { .. } => &[],
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "run `iota2ts plan --history PATH` to have one proposed".to_owned()
            }
            Self::Unreadable { .. } => "check that it is a readable text file in UTF-8".to_owned(),
            Self::TooLong { .. } => "check that it is the settings file of a migration".to_owned(),
            Self::Invalid { file, .. } => {
                format!("edit {file}; to see what a fresh proposal looks like, rename it and run `iota2ts plan` again")
            }
        })
    }
}
