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
mod datum;
mod error;
mod evaluate;
mod functions;
mod iot_sql;
mod lexer;
mod number;
mod open_points;
mod parser;
mod python;
mod switches;

#[cfg(test)]
mod tests;

pub use ast::{Binary, Expression, Function, Operator};
pub use datum::Datum;
pub use error::{ParseError, ParseReason, Position};
pub use evaluate::{DropMessage, MathResult, Verdict, evaluate, filter_passes, math_result};
pub use iot_sql::to_iot_sql;
pub use open_points::{OpenPoint, open_points};
pub use parser::{DEPTH_MAX, Kind, TEXT_MAX, check, parse_filter, parse_math};
pub use python::{filter_to_python, math_to_python, to_python};
pub use switches::*;
