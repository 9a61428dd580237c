//! A believable factory, generated: definitions and three stores of history, with the faults that real ones have.
//!
//! Invariant: the same seed gives the same bytes, so that a demo ends in the same figures everywhere.
//!
//! Only `cli` and tests may know this room.

mod factory;
mod random;

pub use factory::{FactoryError, Generated, HISTORY_END, generate};
