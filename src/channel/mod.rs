//! Raw channel history through its pipeline: the messages of `channel/…` objects as the rows that the datastore would hold.
//!
//! The way of a message: a view of the listing says which channel objects stand for which store (`view`); an object is read
//! like any other; what the channel wrapped around a message is taken off (`unwrap`); the pipeline's engine (`engines`) keeps it,
//! changed, or drops it by one named activity (`reader`).
//!
//! Invariants
//! - A store's rows come from its datastore's objects or from its channel, never from both: no row counts twice.
//! - A message becomes exactly one row, one bad row, or one filtered row.
//! - Without a `[[raw]]` in the settings the view is the listing itself.
//!
//! May be used by `settings` (to name stores) and `cli`. Uses `history`, `inventory`, `transform` and the vocabulary.

mod engines;
#[cfg(test)]
mod fixture;
mod reader;
mod unwrap;
mod view;

pub use engines::{EnginesError, Running};
pub use reader::PipelinedObjects;
pub use view::{RawStore, ViewError, view};
