//! Pipelines as data, and the engine that runs them on messages.
//!
//! Invariants
//! - A message ends kept, or dropped by one named activity; never both, never neither.
//! - The engine is a pure function of spec, enrichment and message; only a lambda step asks somebody else.
//! - A step that cannot be translated is in the spec as `manual`, with what to do; it is never left out.
//!
//! The way of a definition: `definition_path` and `expression` read its texts → `translate` makes typed, graded steps → `findings` says what is
//! odd about them. The way of a message: `engine` takes it through the steps; `attributes`, `enrich` and `lambda` are what steps do.
//! A function is a command of this machine (`command`) or one of AWS (`invoke`).
//!
//! May be used by `plan`, `backfill`, `verify`, `stack` and `local`. Uses `inventory`, `expression`,
//! the JSON reader of `history`, and the vocabulary.

mod attributes;
mod command;
mod definition_path;
mod engine;
mod enrich;
mod error;
mod finding;
mod findings;
#[cfg(test)]
pub(crate) mod fixtures;
mod invoke;
mod json;
mod lambda;
mod language;
mod model;
mod saved;
mod translate;

pub(crate) use attributes::removal_order;
pub use command::{FunctionCommand, LocalCommands};
pub use engine::{Engine, Outcome};
pub(crate) use enrich::REGISTRY_MEMBERS;
pub use error::EngineError;
pub use finding::{FindingCode, FindingGrade, TransformFinding};
pub use findings::{KnownColumns, Side};
pub use invoke::{AwsFunction, Insistence, InvokedFunctions};
pub use lambda::{CustomerFunctions, LambdaError, LambdaFunction};
pub use model::*;
pub use saved::SpecError;
pub use translate::{TranslateError, Translation, translate};
