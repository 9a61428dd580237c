//! Amazon Timestream for LiveAnalytics, spoken to through its SDK.
//!
//! Invariants
//! - One call, one attempt: the SDK's own retries are off, and every answer is classified (`fault`).
//! - Endpoint discovery is on against AWS and off when any endpoint is named, because what is discovered would replace it
//!   (facts: a test against an emulator would reach real AWS).
//! - No name or value reaches SQL except through `sql`.
//!
//! May be used by `cli` and `demo`, which connect it, and by tests. Everybody else sees the traits of [`crate::target`].

mod connection;
mod fault;
pub mod limits;
mod prepare;
mod reader;
mod records;
mod rejection;
mod reports;
mod rows;
mod sql;
mod validate;
mod writer;

#[cfg(test)]
mod tests;

pub use connection::{ConnectError, Connection};
pub use reader::LiveAnalyticsReader;
pub use reports::{Report, ReportsAt, ReportsError};
pub use validate::{Unfit, validate};
pub use writer::LiveAnalyticsWriter;
