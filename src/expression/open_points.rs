//! Which switches an expression's results can hang on: what a plan says of it, and what keeps its translation from being exact.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ast::{Binary, Expression, Function, Operator};
use super::number::Numeric;
use super::parser::Kind;

/// A point that no documentation settles, by the switch that settles it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenPoint {
    IntegerDivision,
    DivisionByZero,
    NullEqualsNull,
    NullExistenceCheck,
    FilterTextTrue,
    UndefinedMath,
    WholeDecimals,
    TextMath,
}

impl OpenPoint {
    /// The field of [`super::Switches`].
    #[must_use]
    pub fn switch(self) -> &'static str {
        match self {
            Self::IntegerDivision => "integer_division",
            Self::DivisionByZero => "division_by_zero",
            Self::NullEqualsNull => "null_equals_null",
            Self::NullExistenceCheck => "null_existence_check",
            Self::FilterTextTrue => "filter_text_true",
            Self::UndefinedMath => "undefined_math",
            Self::WholeDecimals => "whole_decimals",
            Self::TextMath => "text_math",
        }
    }

    /// What is open, in one sentence without its full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::IntegerDivision => "how the service rounded a whole number divided by a whole number is not documented",
            Self::DivisionByZero => {
                "what the service made of a division by zero, a logarithm of zero or less, or a result too large is not documented"
            }
            Self::NullEqualsNull => "whether null equals null is not documented",
            Self::NullExistenceCheck => {
                "by the documentation `<> NULL` is undefined, and drops the message, where the attribute is missing"
            }
            Self::FilterTextTrue => "whether the string \"true\" passes a filter is not documented",
            Self::UndefinedMath => "what a math activity did without a value, as where an attribute is missing, is not documented",
            Self::WholeDecimals => "whether a decimal that is whole divides like a whole number is not documented",
            Self::TextMath => "what a math activity did with a string is not documented",
        }
    }
}

/// The open points that can decide what the expression comes to. A result past 34 digits is counted only where a function
/// or a division makes one easily.
#[must_use]
pub fn open_points(expression: &Expression, kind: Kind) -> BTreeSet<OpenPoint> {
    let mut points = BTreeSet::new();
    visit(expression, &mut points);
    let attribute = matches!(expression, Expression::Attribute(_));
    match kind {
        Kind::Filter if attribute => {
            points.insert(OpenPoint::FilterTextTrue);
        }
        Kind::Filter => {}
        Kind::Math => {
            if reads_message(expression) {
                points.insert(OpenPoint::UndefinedMath);
            }
            if may_be_text(expression) {
                points.insert(OpenPoint::TextMath);
            }
        }
    }
    points
}

fn visit(expression: &Expression, points: &mut BTreeSet<OpenPoint>) {
    match expression {
        Expression::Not(inner) => visit(inner, points),
        Expression::Binary(binary) => {
            visit(&binary.left, points);
            visit(&binary.right, points);
            of_operator(binary, points);
        }
        Expression::Call { function, arguments } => {
            arguments.iter().for_each(|argument| visit(argument, points));
            of_function(*function, arguments, points);
        }
        Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null | Expression::Attribute(_) => {}
    }
}

fn of_operator(binary: &Binary, points: &mut BTreeSet<OpenPoint>) {
    let Binary { operator, left, right } = binary;
    let nulls = [left, right].into_iter().filter(|side| matches!(side, Expression::Null)).count();
    let may_be_null = |side: &Expression| matches!(side, Expression::Null | Expression::Attribute(_));
    match operator {
        Operator::Equal if may_be_null(left) && may_be_null(right) => {
            points.insert(OpenPoint::NullEqualsNull);
        }
        Operator::NotEqual if nulls == 1 => {
            points.insert(OpenPoint::NullExistenceCheck);
        }
        Operator::Divide => {
            if may_be_int(left) && may_be_int(right) {
                points.insert(OpenPoint::IntegerDivision);
            }
            let whole_decimal = may_be_whole_decimal(left) || may_be_whole_decimal(right);
            if whole_decimal && may_be_whole(left) && may_be_whole(right) {
                points.insert(OpenPoint::WholeDecimals);
            }
            divides_by(right, points);
        }
        Operator::Remainder => divides_by(right, points),
        _ => {}
    }
}

fn divides_by(divisor: &Expression, points: &mut BTreeSet<OpenPoint>) {
    if literal(divisor).is_none_or(|number| number.sign() == 0) {
        points.insert(OpenPoint::DivisionByZero);
    }
}

fn of_function(function: Function, arguments: &[Expression], points: &mut BTreeSet<OpenPoint>) {
    match (function, arguments) {
        (Function::Mod, [_, divisor]) => divides_by(divisor, points),
        (Function::Ln | Function::Log, [x]) if literal(x).is_none_or(|number| number.sign() <= 0) => {
            points.insert(OpenPoint::DivisionByZero);
        }
        (Function::Exp | Function::Power | Function::Sinh | Function::Cosh, _) => {
            points.insert(OpenPoint::DivisionByZero);
        }
        _ => {}
    }
}

fn literal(expression: &Expression) -> Option<Numeric> {
    match expression {
        Expression::Number(text) => Numeric::of_literal(text),
        _ => None,
    }
}

fn reads_message(expression: &Expression) -> bool {
    match expression {
        Expression::Attribute(_) => true,
        Expression::Not(inner) => reads_message(inner),
        Expression::Binary(binary) => reads_message(&binary.left) || reads_message(&binary.right),
        Expression::Call { arguments, .. } => arguments.iter().any(reads_message),
        Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null => false,
    }
}

fn may_be_text(expression: &Expression) -> bool {
    match expression {
        Expression::Attribute(_) | Expression::Text(_) => true,
        Expression::Binary(binary) => binary.operator == Operator::Add && (may_be_text(&binary.left) || may_be_text(&binary.right)),
        _ => false,
    }
}

/// Whether the value can be an Int while whole decimals stay decimals.
fn may_be_int(expression: &Expression) -> bool {
    match expression {
        Expression::Attribute(_) => true,
        Expression::Number(_) => matches!(literal(expression), Some(Numeric::Int(_))),
        Expression::Binary(binary) => binary.operator.is_arithmetic() && may_be_int(&binary.left) && may_be_int(&binary.right),
        Expression::Call { function, arguments } => match function {
            Function::Ceil | Function::Round | Function::Sign => true,
            Function::Abs | Function::Mod => arguments.iter().all(may_be_int),
            Function::Trunc => arguments.first().is_some_and(may_be_int),
            _ => false,
        },
        Expression::Not(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null => false,
    }
}

/// Whether the value can be whole, as an Int or as a Decimal.
fn may_be_whole(expression: &Expression) -> bool {
    literal(expression).is_none_or(|number| matches!(number.whole(), Numeric::Int(_)))
}

/// Whether the value can be a Decimal that is whole. Whole numbers of a message are Int.
fn may_be_whole_decimal(expression: &Expression) -> bool {
    match expression {
        Expression::Number(_) => !may_be_int(expression) && may_be_whole(expression),
        Expression::Binary(binary) => binary.operator.is_arithmetic() && (may_be_decimal(&binary.left) || may_be_decimal(&binary.right)),
        Expression::Call { function, arguments } => match function {
            Function::Ceil | Function::Round | Function::Sign => false,
            Function::Abs => arguments.iter().any(may_be_whole_decimal),
            Function::Mod | Function::Trunc => arguments.iter().any(may_be_decimal),
            _ => true,
        },
        _ => false,
    }
}

fn may_be_decimal(expression: &Expression) -> bool {
    match expression {
        Expression::Attribute(_) | Expression::Text(_) => true,
        Expression::Number(_) => matches!(literal(expression), Some(Numeric::Decimal(_))),
        Expression::Binary(binary) => binary.operator.is_arithmetic() && (may_be_decimal(&binary.left) || may_be_decimal(&binary.right)),
        Expression::Call { function, arguments } => match function {
            Function::Ceil | Function::Round | Function::Sign => false,
            Function::Abs | Function::Mod | Function::Trunc => arguments.iter().any(may_be_decimal),
            _ => true,
        },
        Expression::Not(_) | Expression::Boolean(_) | Expression::Null => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{parse_filter, parse_math};

    fn of_filter(text: &str) -> Vec<&'static str> {
        open_points(&parse_filter(text).unwrap(), Kind::Filter).into_iter().map(OpenPoint::switch).collect()
    }

    fn of_math(text: &str) -> Vec<&'static str> {
        open_points(&parse_math(text).unwrap(), Kind::Math).into_iter().map(OpenPoint::switch).collect()
    }

    #[test]
    fn a_filter_hangs_on_what_it_uses() {
        assert_eq!(of_filter("temp > 40 AND hum < 20"), Vec::<&str>::new());
        assert_eq!(of_filter("quality = 'GOOD'"), Vec::<&str>::new());
        assert_eq!(of_filter("co <> NULL OR lpg <> NULL"), ["null_existence_check"]);
        assert_eq!(of_filter("a = NULL"), ["null_equals_null"]);
        assert_eq!(of_filter("a = b"), ["null_equals_null"]);
        assert_eq!(of_filter("active"), ["filter_text_true"]);
        assert_eq!(of_filter("a / b > 1"), ["integer_division", "division_by_zero"]);
        assert_eq!(of_filter("a * 1.5 > 1"), Vec::<&str>::new());
    }

    #[test]
    fn math_hangs_on_how_it_divides() {
        assert_eq!(of_math("(temp * 9/5) + 32"), ["integer_division", "undefined_math", "whole_decimals"]);
        assert_eq!(of_math("temp * 9.5 / 1.8"), ["undefined_math"]);
        assert_eq!(of_math("((temp - 32) * 5.0) / 9.0"), ["undefined_math", "whole_decimals"]);
        assert_eq!(of_math("(temp * 1.8) + 32"), ["undefined_math"]);
        assert_eq!(of_math("a / 2.5"), ["undefined_math"]);
        assert_eq!(of_math("1 / 2"), ["integer_division"]);
        assert_eq!(of_math("1 % 2 + ln(2)"), Vec::<&str>::new());
    }

    #[test]
    fn math_hangs_on_what_it_may_read() {
        assert_eq!(of_math("a"), ["undefined_math", "text_math"]);
        assert_eq!(of_math("a + 1"), ["undefined_math", "text_math"]);
        assert_eq!(of_math("a - b"), ["undefined_math"]);
        assert_eq!(of_math("ln(a)"), ["division_by_zero", "undefined_math"]);
        assert_eq!(of_math("mod(a, 0)"), ["division_by_zero", "undefined_math"]);
        assert_eq!(of_math("power(2, 5)"), ["division_by_zero"]);
        assert_eq!(of_math("round(a) / 2"), ["integer_division", "undefined_math"]);
    }
}
