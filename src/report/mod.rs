//! Plans, migrations and verifications as text for people. No decision is made here.
//!
//! Invariants
//! - Nothing of a history reaches a terminal unescaped: every name and value goes through [`text::shown`].
//! - A report can be read without colour, in 100 columns where its names allow it.
//!
//! May be used by `cli` and `demo` only.

mod archive;
mod capture;
mod evidence;
mod export;
mod outcome;
mod plan;
pub mod text;
mod transform_check;
mod translation;
mod verification;

pub use archive::{archive_check_text, archive_text};
pub use capture::{capture_text, trials_text};
pub use evidence::evidence_text;
pub use export::{export_check_text, export_text};
pub use outcome::{outcome_text, tallies};
pub use plan::plan_text;
pub use transform_check::transform_check_text;
pub use translation::translation_text;
pub use verification::verification_text;
