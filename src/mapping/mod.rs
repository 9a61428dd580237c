//! Rows to records: which column is the time, which are dimensions, which measures of which type, and the mapper that
//! obeys those decisions.
//!
//! Invariants
//! - Mapping is a pure function of the rules and the row: the live path, the backfill and the verification agree because
//!   they share it.
//! - A row becomes exactly one record or exactly one reason.
//! - Where a store has several mappings, exactly one of them takes a row (`route`), or none does and the row is refused.
//! - Nothing is chosen silently: what the proposal decided stands in `migration.toml`, with why.
//!
//! May be used by `census`, `plan`, `backfill`, `verify`. Uses `survey` and `inventory` (for the proposal), the row of
//! `history`, the shape of `target`, and the vocabulary.

mod check;
mod columns;
mod error;
mod mapper;
pub mod names;
mod propose;
mod refusal;
mod route;
mod route_check;
mod rules;
#[cfg(test)]
mod testing;
mod values;

pub use check::{DIMENSIONS_MAX, MEASURES_MAX, RuleProblem, check_rules};
pub use error::MappingError;
pub use mapper::{DIMENSIONS_BYTES_MAX, MEASURE_VALUES_BYTES_MAX, Mapped, Mapper, Omission, STRING_BYTES_MAX};
pub use propose::{Proposal, Reason, propose};
pub use refusal::{Refusal, RefusalCode};
pub use route::{Router, routers};
pub use route_check::{RouteProblem, check_routes};
pub use rules::*;
