//! What the history will become: every row of it mapped and keyed, on disk, in flat memory.
//!
//! `plan` takes one to find the rows that would overwrite each other before the first byte is sent; `verify` takes its own,
//! from the source again, to know what the target must hold.
//!
//! Invariants
//! - Memory does not grow with the history: keys are spilled to a scratch directory and looked at one partition at a time.
//! - A census counts every row once: mapped, refused by the mapping, or undecodable. A store that has several mappings is read
//!   once, and each of its rows counts at the mapping that takes it, or at the store's first one.
//! - The same history gives the same census, on any number of threads, and in however many goes: a kept one is gone on with by a later
//!   process, from the last portion of objects that is durable.
//! - It never asks the ledger.
//!
//! May be used by `plan`, `backfill` (types only) and `verify`. Uses `mapping` and `history`.

#[cfg(test)]
pub(crate) mod fixture;
mod groups;
mod keeping;
mod mapped_source;
mod model;
mod reading;
mod scratch;
mod source;
mod spill;
mod take;
mod tally;
#[cfg(test)]
mod tests;
mod workers;

pub(crate) use groups::groups_of;
pub use groups::{Group, KeyTables};
pub(crate) use keeping::PORTION_BYTES;
pub use keeping::{Keeping, ScratchPlace};
pub use mapped_source::MappedSource;
pub use model::*;
pub(crate) use scratch::Scratch;
pub use scratch::SpillError;
pub(crate) use source::reread;
pub use source::{MappedHistory, MappedRow, ReadFailure, RefusedRow};
pub use spill::Entry;
pub(crate) use spill::{ENTRIES_AT_ONCE, Spill, SpillBuffer, SpillWriter};
pub(crate) use take::holds_rows_of;
pub use take::{CensusError, CensusOptions, Taken, shape_of, shapes_of, take_from};
pub(crate) use workers::over;
