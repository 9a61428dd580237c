//! A believable plant on the embedded services: the recipe's system, mended, and a month of what its devices sent.
//!
//! Invariant: the same seed gives the same messages, so that a demo ends in the same figures everywhere.
//!
//! Only `cli` and tests may know this room. It knows the services by their SDKs alone, as a customer does.

mod plant;
mod random;
mod telemetry;

pub use plant::{BUCKET, MENDED, Plant, PlantError, SENSOR_STORE, last_messages, live_messages};
pub use telemetry::HISTORY_END;
