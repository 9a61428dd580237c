//! A mapping as `records.py`: readable code that makes, of a message, the record that [`crate::mapping::Mapper`] makes of it.
//!
//! Invariants
//! - The same message gives the same record, byte for byte on the wire, or is refused with the same code and column. A
//!   differential test over random mappings and messages holds the two against each other (`tests/differential.rs`).
//! - What a mapping says stands in `records.py`; how a value becomes text is fixed Python ([`MAPPING_PY`], [`INSTANTS_PY`]).
//! - Names of columns, dimensions and measures reach Python as literals and comments only.
//!
//! May be used by `stack::handler` and whoever assembles the stack.

mod emit;
mod formats;
#[cfg(test)]
pub(in crate::stack) mod tests;
mod wire;

use crate::mapping::{MappingError, TableMapping};

pub use wire::wire;

/// `mapping.py`, which `records.py` leans on: columns, policies and values.
pub const MAPPING_PY: &str = include_str!("../runtime/mapping.py");
/// `exact_json.py`, which the files of every function lean on: JSON whose numbers keep their text.
pub const EXACT_JSON_PY: &str = include_str!("../runtime/exact_json.py");
/// `instants.py`, which `mapping.py` leans on: every time format, in whole numbers.
pub const INSTANTS_PY: &str = include_str!("../runtime/instants.py");

/// Why there is no `records.py`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error("no table is mapped")]
    NoMapping,
    #[error("the version is {0}, and Timestream takes 1 and more")]
    Version(i64),
}

impl RecordsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Mapping(error) => error.hint(),
            Self::NoMapping => Some("plan first: migration.toml then names a table for the store".to_owned()),
            Self::Version(_) => Some("use the version of the plan".to_owned()),
        }
    }
}

/// `records.py` for the mappings of one store: one that takes every message, or several that a routing column tells apart.
///
/// # Errors
/// When a mapping cannot be obeyed, there is none, or their routes contradict each other.
pub fn render(mappings: &[&TableMapping], version: i64) -> Result<String, RecordsError> {
    if version < 1 {
        return Err(RecordsError::Version(version));
    }
    match mappings {
        [] => Err(RecordsError::NoMapping),
        mappings => emit::module(mappings, version),
    }
}
