//! The points of the language that no documentation settles, each a named switch with a default (docs/fidelity.md).

use serde::{Deserialize, Serialize};

/// All switches of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    pub integer_division: IntegerDivision,
    pub division_by_zero: DivisionByZero,
    pub null_equals_null: NullEqualsNull,
    pub null_existence_check: NullExistenceCheck,
    pub filter_text_true: FilterTextTrue,
    pub undefined_math: UndefinedMath,
    pub whole_decimals: WholeDecimals,
    pub text_math: TextMath,
}

/// `Int / Int`, as in `temp * 9 / 5`: the documents say "Int value" and not how it is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegerDivision {
    /// Cut toward zero.
    #[default]
    Truncate,
    /// Divided as decimals.
    Decimal,
}

/// Division by zero, a logarithm of zero or less, and results past 34 digits or 1E999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DivisionByZero {
    #[default]
    Undefined,
    /// The message is dropped by the activity that computes it.
    DropMessage,
}

/// `Null = Null` is not in the table of comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullEqualsNull {
    #[default]
    True,
    Undefined,
}

/// `x <> NULL` is seen in the wild as a check that `x` exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullExistenceCheck {
    /// By the table: Undefined where `x` is missing, which makes a chain of `OR` Undefined too.
    #[default]
    Table,
    /// As its author meant it: false where `x` is missing or null, else true.
    Existence,
}

/// What a filter does with the strings `true` and `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterTextTrue {
    /// Only the boolean true passes.
    #[default]
    Drop,
    /// `"true"` in any case passes too.
    Keep,
}

/// What a math activity does when its expression has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndefinedMath {
    /// The attribute is not set; what it held before stays.
    #[default]
    LeaveUnset,
    DropMessage,
}

/// A Decimal that is whole, inside an expression: the literal `5.0`, or `temp * 1.5` where `temp` is 2. (Numbers of messages
/// that are whole are Int, and whole results are written without a point, whatever this says.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WholeDecimals {
    /// It stays a Decimal, so that `37 * 5.0 / 9.0` is 20.55….
    #[default]
    Keep,
    /// It becomes an Int at once, so that `37 * 5.0 / 9.0` divides Int by Int.
    BecomeInt,
}

/// A math activity whose expression comes to a string (`+` with a string, or an attribute that holds one). The guide says
/// that it must be a number, and not what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMath {
    /// The string is written.
    #[default]
    Write,
    /// It is no value: see [`UndefinedMath`].
    Undefined,
}
