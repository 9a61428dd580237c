//! Source and target compared; every difference named, with its cause where one is known.
//!
//! The way of a verification: a census of the source (`expect`), counts and digests of the target (`ask`) by time, and where a bucket
//! differs and is large by shorter times and slices of the dimensions too (`narrow`, `scope`); the rows of what differs beside the source's keys (`compare`), why they differ (`why`), their values (`describe`), and the
//! accounting (`model`).
//!
//! Invariants
//! - The ledger's counts are never taken as truth: the source is read again. The ledger only says why.
//! - A verdict of "complete" needs every source row accounted for, and at least one.
//! - No total is passed on that does not add up: [`TableVerification::check`].
//! - Memory does not grow with the history, nor with the number of differences.
//! - Nothing is written but the list of differences and the workplace: the target is only a [`crate::target::Reader`].
//! - A verification that did not end is gone on with (`workplace`), and finds what an undisturbed one finds. Nothing is taken over that came
//!   from another plan, listing or version of the tool; no comparison that came from another ledger, target or report, or is a day old.
//!
//! May be used by `cli` and `demo` only.

mod ask;
mod compare;
mod describe;
mod differences;
mod error;
mod expect;
mod ledger;
mod lists;
mod model;
mod narrow;
mod rejected;
mod run;
mod scope;
mod skipped;
#[cfg(test)]
mod tests;
pub mod translation;
mod why;
mod workplace;

pub use error::VerifyError;
pub use ledger::LedgerRecord;
pub use lists::Lists;
pub use model::*;
pub use rejected::{RejectedReports, Rejections};
pub use run::{VerifyJob, VerifyOptions, verify};
pub use skipped::SkippedObjects;
pub use workplace::Workplace;
