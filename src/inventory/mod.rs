//! The customer's IoT Analytics definitions, whatever form they were kept in, as one set of types.
//!
//! Invariants
//! - Activities are ordered by `next`, never by position.
//! - What could not be seen is a [`BlindSpot`], never silence.
//! - Every mistake found in a definition is reported, all of them at once, each with file, path and reason.
//! - A definition with a mistake is left out; nothing is guessed in its place.
//! - `inventory.json` is versioned, and the same input gives the same bytes, in whatever order it was given.
//! - Files are read as data, bounded in size, depth and number; no text of theirs reaches a message unescaped.
//!
//! The way of a definition: `find` (files) → `document` (bytes to trees) → `recognise` (which form) → `template` (intrinsics) →
//! `fields` and `read` (trees to types) and `chain` (order) → `merge` (one per resource) → `unseen` (blind spots).
//!
//! May be used by everything above it. Uses nothing but the vocabulary.

mod capture;
mod chain;
mod document;
mod fields;
mod find;
#[cfg(test)]
mod fixtures;
mod found;
mod merge;
mod model;
mod problem;
mod read;
mod recognise;
mod saved;
mod sources;
mod template;
mod tree;
mod unseen;

pub use capture::{Captured, Document, FILE_BYTES_MAX, capture, capture_with};
pub use model::*;
pub use problem::{CaptureError, Problem, Severity};
pub(crate) use problem::{printable, shown};
pub use saved::InventoryError;
pub use template::{StackResource, stack_resources};
