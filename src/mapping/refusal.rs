//! Why a row becomes no record.

use std::fmt;

use crate::path::ColumnPath;
use crate::value::Value;

/// The reasons, each with a code that reports and scripts may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalCode {
    NoRoute,
    UnknownColumn,
    NoTime,
    BadTime,
    MissingDimension,
    NoDimension,
    DimensionsTooLarge,
    EmptyString,
    NonFinite,
    OversizeString,
    WrongType,
    NoMeasure,
    RecordTooLarge,
}

impl RefusalCode {
    /// All of them, in the order in which a row is looked at.
    pub const ALL: [Self; 13] = [
        Self::NoRoute,
        Self::UnknownColumn,
        Self::NoTime,
        Self::BadTime,
        Self::MissingDimension,
        Self::NoDimension,
        Self::DimensionsTooLarge,
        Self::EmptyString,
        Self::NonFinite,
        Self::OversizeString,
        Self::WrongType,
        Self::NoMeasure,
        Self::RecordTooLarge,
    ];

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::UnknownColumn => "unknown_column",
            Self::NoTime => "no_time",
            Self::BadTime => "bad_time",
            Self::MissingDimension => "missing_dimension",
            Self::NoDimension => "no_dimension",
            Self::DimensionsTooLarge => "dimensions_too_large",
            Self::EmptyString => "empty_string",
            Self::NonFinite => "non_finite",
            Self::OversizeString => "oversize_string",
            Self::WrongType => "wrong_type",
            Self::NoMeasure => "no_measure",
            Self::RecordTooLarge => "record_too_large",
        }
    }

    /// One line for people.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::NoRoute => "no mapping of the store takes the value of the routing column, or the row has none",
            Self::UnknownColumn => "the row has a column that the mapping does not name",
            Self::NoTime => "the time column is missing, null or empty",
            Self::BadTime => "the time column cannot be read in its format, or lies outside Timestream's range",
            Self::MissingDimension => "a dimension is missing, and the mapping asks for it",
            Self::NoDimension => "no dimension is left, and Timestream needs at least one",
            Self::DimensionsTooLarge => "names and values of the dimensions together exceed 2,048 bytes",
            Self::EmptyString => "a string is empty, which Timestream cannot store",
            Self::NonFinite => "a number is NaN or infinite, which Timestream cannot store",
            Self::OversizeString => "a string exceeds 2,048 bytes",
            Self::WrongType => "a value is not of its measure's type",
            Self::NoMeasure => "no measure is left, and Timestream needs at least one",
            Self::RecordTooLarge => "the values of the measures together exceed 2,048 bytes",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why one row becomes no record, with the column it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: RefusalCode,
    pub column: Option<ColumnPath>,
    /// One line, without control characters.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// How much of a value a message shows, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// A value for a message: its beginning, with nothing that a terminal would obey.
pub(super) fn excerpt(value: &Value) -> String {
    let text = match value {
        Value::String(text) => return format!("\"{}\"", beginning(text)),
        Value::Number(number) => number.to_string(),
        other => other.to_json().to_string(),
    };
    beginning(&text)
}

fn beginning(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// A column for a message.
pub(super) fn shown(column: &ColumnPath) -> String {
    let text: String = column.to_string().chars().take(200).flat_map(char::escape_debug).collect();
    format!("`{text}`")
}
