//! What will be done, decided before anything is: a pure function of inventory, survey, census and settings.
//!
//! Invariants
//! - **Planning cannot write.** No client of any service is reachable from this room; it takes data and returns data.
//! - A plan is bound by digest to the inventory, the settings and the history listing; whoever executes it checks them.
//! - Every choice that Timestream makes irreversible is called out by a finding.
//!
//! May be used by `backfill`, `verify`, `report`, `cli`.

mod cost;
mod file;
mod findings;
#[cfg(test)]
pub(crate) mod fixture;
mod make;
mod model;
mod resources;
#[cfg(test)]
mod tests;

pub use file::{PLAN_BYTES_MAX, PlanError, StalePlan};
pub use make::{PlanInputs, RuleRemark, make};
pub use model::*;
