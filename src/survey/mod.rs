//! What the history holds, measured: columns, types, nulls, ranges, volume, from all of it or from a stated sample.
//!
//! Invariants
//! - A survey reads and counts; it decides nothing.
//! - Memory is bounded by the number of columns, not of rows.
//! - The same history gives the same survey.
//!
//! May be used by `mapping` (to propose) and above. Uses `history`.

mod builder;
mod column;
mod distinct;
mod merge;
mod model;
mod reading;
mod sample;
mod times;

pub use builder::SurveyBuilder;
pub use model::*;
pub use reading::{SurveyError, SurveyOptions, survey, survey_with};
pub use sample::{SampleSize, sampled};
