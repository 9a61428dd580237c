//! Pipelines as data, and the engine that runs them on messages.
//!
//! Invariants
//! - A message ends kept, or dropped by one named activity; never both, never neither.
//! - The engine is a pure function of spec, enrichment and message; only a lambda step asks somebody else.
//! - A step that cannot be translated is in the spec as `manual`, with what to do; it is never left out.
//!
//! May be used by `plan`, `backfill`, `verify`, `stack` and `local`. Uses `inventory`, `expression` and the vocabulary.

mod model;

pub use model::*;
