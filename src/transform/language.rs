//! What an expression reads, and what it leaves open.

use std::collections::BTreeSet;

use crate::expression::{
    DivisionByZero, Expression, Function, IntegerDivision, NullExistenceCheck, Operator, Switches, UndefinedMath, WholeDecimals,
};
use crate::path::{ColumnPath, Segment};

/// True where an expression or one of its parts is `wanted`. The parser bounds the depth of a tree.
fn any(expression: &Expression, wanted: &impl Fn(&Expression) -> bool) -> bool {
    wanted(expression)
        || match expression {
            Expression::Not(inner) => any(inner, wanted),
            Expression::Binary(binary) => any(&binary.left, wanted) || any(&binary.right, wanted),
            Expression::Call { arguments, .. } => arguments.iter().any(|argument| any(argument, wanted)),
            Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null | Expression::Attribute(_) => false,
        }
}

/// The attributes that an expression reads, each once.
pub(super) fn attributes(expression: &Expression) -> Vec<ColumnPath> {
    let mut found = BTreeSet::new();
    collect(expression, &mut found);
    found.into_iter().collect()
}

fn collect(expression: &Expression, found: &mut BTreeSet<ColumnPath>) {
    match expression {
        Expression::Attribute(names) => found.extend(ColumnPath::from_segments(names.iter().cloned().map(Segment::Name).collect())),
        Expression::Not(inner) => collect(inner, found),
        Expression::Binary(binary) => {
            collect(&binary.left, found);
            collect(&binary.right, found);
        }
        Expression::Call { arguments, .. } => arguments.iter().for_each(|argument| collect(argument, found)),
        Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null => {}
    }
}

pub(super) fn reads_something(expression: &Expression) -> bool {
    any(expression, &|part| matches!(part, Expression::Attribute(_)))
}

/// True where NULL is compared with something.
pub(super) fn has_null(expression: &Expression) -> bool {
    any(expression, &|part| matches!(part, Expression::Null))
}

pub(super) fn joins(operator: Operator) -> bool {
    matches!(operator, Operator::And | Operator::Or)
}

/// True where both sides of a division may be integers.
pub(super) fn may_divide_integers(expression: &Expression, switches: &Switches) -> bool {
    any(expression, &|part| match part {
        Expression::Binary(binary) if binary.operator == Operator::Divide => {
            may_be_integer(&binary.left, switches) && may_be_integer(&binary.right, switches)
        }
        _ => false,
    })
}

fn may_be_integer(expression: &Expression, switches: &Switches) -> bool {
    match expression {
        Expression::Number(text) => is_integer(text, switches),
        Expression::Binary(binary) => match binary.operator {
            // One side that is no integer makes the result none, unless whole decimals become integers again.
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                switches.whole_decimals == WholeDecimals::BecomeInt
                    || (may_be_integer(&binary.left, switches) && may_be_integer(&binary.right, switches))
            }
            _ => false,
        },
        Expression::Call { function, arguments } => match function {
            Function::Ceil | Function::Round | Function::Sign => true,
            Function::Abs | Function::Mod | Function::Trunc => {
                switches.whole_decimals == WholeDecimals::BecomeInt || arguments.iter().all(|argument| may_be_integer(argument, switches))
            }
            _ => switches.whole_decimals == WholeDecimals::BecomeInt,
        },
        Expression::Attribute(_) => true,
        Expression::Text(_) | Expression::Boolean(_) | Expression::Null | Expression::Not(_) => false,
    }
}

fn is_integer(text: &str, switches: &Switches) -> bool {
    let whole = || crate::value::Number::parse(text).is_some_and(|number| number.to_i64().is_some());
    !text.contains(['.', 'e', 'E']) || (switches.whole_decimals == WholeDecimals::BecomeInt && whole())
}

/// True where something is divided by what is not a number other than zero.
pub(super) fn divides_by_unknown(expression: &Expression) -> bool {
    any(expression, &|part| match part {
        Expression::Binary(binary) => matches!(binary.operator, Operator::Divide | Operator::Remainder) && may_be_zero(&binary.right),
        Expression::Call { function: Function::Mod, arguments } => arguments.get(1).is_some_and(may_be_zero),
        Expression::Call { function: Function::Ln | Function::Log, .. } => true,
        _ => false,
    })
}

fn may_be_zero(expression: &Expression) -> bool {
    match expression {
        Expression::Number(text) => !text.bytes().any(|b| matches!(b, b'1'..=b'9')),
        _ => true,
    }
}

/// True where a function goes through a double, whose last digit may differ from one mathematical library to the next.
fn goes_through_double(expression: &Expression) -> bool {
    any(expression, &|part| match part {
        Expression::Call { function, .. } => {
            !matches!(function, Function::Abs | Function::Ceil | Function::Mod | Function::Round | Function::Sign | Function::Trunc)
        }
        _ => false,
    })
}

/// What the documents do not settle about an expression, and how it is taken; one sentence each.
pub(super) fn left_open(expression: &Expression, switches: &Switches) -> Vec<String> {
    let mut open = Vec::new();
    let mut say = |sentence: &str| open.push(sentence.to_owned());
    if may_divide_integers(expression, switches) {
        say(match switches.integer_division {
            IntegerDivision::Truncate => "an integer divided by an integer is cut toward zero (`integer_division`)",
            IntegerDivision::Decimal => "an integer divided by an integer is divided as decimals (`integer_division`)",
        });
    }
    if divides_by_unknown(expression) {
        say(match switches.division_by_zero {
            DivisionByZero::Undefined => "a division by zero, or a logarithm of zero or less, has no value (`division_by_zero`)",
            DivisionByZero::DropMessage => "a division by zero, or a logarithm of zero or less, drops the message (`division_by_zero`)",
        });
    }
    if has_null(expression) {
        say(match switches.null_existence_check {
            NullExistenceCheck::Table => {
                "a missing attribute compared with NULL is undefined, and so is a chain of AND or OR around it (`null_existence_check`)"
            }
            NullExistenceCheck::Existence => "`<> NULL` is true of every attribute that is there and not null (`null_existence_check`)",
        });
    }
    if goes_through_double(expression) {
        say("a function of double precision may differ in the last digit");
    }
    open
}

pub(super) fn undefined_math(switch: UndefinedMath) -> &'static str {
    match switch {
        UndefinedMath::LeaveUnset => "where there is no value, the attribute stays as it was (`undefined_math`)",
        UndefinedMath::DropMessage => "where there is no value, the message is dropped (`undefined_math`)",
    }
}

pub(super) fn integer_division_remedy(switch: IntegerDivision) -> &'static str {
    match switch {
        IntegerDivision::Truncate => "it is cut toward zero; if stored rows say otherwise, set `integer_division` to `decimal`",
        IntegerDivision::Decimal => "it is divided as decimals; if stored rows say otherwise, set `integer_division` to `truncate`",
    }
}

pub(super) fn division_by_zero_remedy(switch: DivisionByZero) -> &'static str {
    match switch {
        DivisionByZero::Undefined => "it has no value; `division_by_zero` can be `drop_message`",
        DivisionByZero::DropMessage => "it drops the message; `division_by_zero` can be `undefined`",
    }
}

pub(super) fn null_check_remedy(switch: NullExistenceCheck) -> &'static str {
    match switch {
        NullExistenceCheck::Table => "if it was meant to ask whether the attribute exists, set `null_existence_check` to `existence`",
        NullExistenceCheck::Existence => {
            "it is taken to ask whether the attribute exists; set `null_existence_check` to `table` for the documented table"
        }
    }
}
