//! Moves telemetry off AWS IoT Analytics and onto Amazon Timestream.
//!
//! The library never prints, never exits and never reads the environment; the binary does (`cli`). Rooms lean on lower
//! floors only; docs/architecture.md has the map.

// The vocabulary.
pub mod digest;
pub mod durable;
pub mod encoding;
pub mod failpoint;
pub mod path;
pub mod progress;
pub mod provenance;
pub mod python;
mod random;
pub mod record;
pub mod time;
pub mod value;

pub mod archive;
pub mod backfill;
pub mod census;
pub mod channel;
pub mod dataset;
#[cfg(feature = "local")]
pub mod demo;
pub mod evidence;
pub mod export;
pub mod expression;
pub mod history;
pub mod inventory;
pub mod ledger;
pub mod live;
#[cfg(feature = "local")]
pub mod local;
pub mod mapping;
pub mod plan;
pub mod report;
pub mod settings;
pub mod stack;
pub mod survey;
pub mod target;
pub mod transform;
pub mod verify;

#[cfg(test)]
mod spoilt;
