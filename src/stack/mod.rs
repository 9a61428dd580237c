//! The live path: everything that replaces a pipeline from the day of the cut-over, as files that are deployed as they are.
//!
//! Invariants
//! - The generated function writes the same records as the backfill: both obey one spec and one mapping.
//! - Text of a definition reaches Python, YAML and SQL only through typed emitters.
//! - The same inputs give the same files, byte for byte.
//! - Nothing here writes: files are handed to the caller.
//!
//! May be used by `cli` and `demo`. Uses `transform`, `mapping`, `expression`, `settings`, `inventory` and the vocabulary.

mod assemble;
pub mod handler;
mod names;
pub mod pipeline;
mod readme;
pub mod records;
pub mod report;
mod rule;
mod rule_only;
mod template;
mod yaml;

pub use assemble::{GeneratedFile, Stack, StackError, StackInputs, assemble};
pub use yaml::DynamicReference;
