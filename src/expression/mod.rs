//! The language of `filter` and `math` activities: IoT SQL expressions, as far as IoT Analytics took them.
//!
//! Invariants
//! - One grammar, one tree, one meaning: the evaluator and the emitters (Python, IoT SQL) work from the same [`Expression`].
//! - What is not documented is refused with what to write instead, or is a switch ([`Switches`]); nothing is guessed.
//! - Every error states where in the text it stands.
//! - Numbers are decimals of 34 digits; only the documented functions go through a double.
//! - Text of a definition reaches other languages only through the emitters.
//!
//! May be used by `transform`, `plan` and `stack`. Uses the vocabulary only.

mod ast;
mod switches;

pub use ast::{Binary, Expression, Function, Operator};
pub use switches::*;
