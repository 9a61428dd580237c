//! What an expression reads, and what it leaves open.

use std::collections::BTreeSet;

use crate::expression::{
    DivisionByZero, Expression, Function, IntegerDivision, Kind, NullExistenceCheck, OpenPoint, Operator, Switches, WholeDecimals,
    open_points,
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

/// True where NULL is compared with something.
pub(super) fn has_null(expression: &Expression) -> bool {
    any(expression, &|part| matches!(part, Expression::Null))
}

pub(super) fn joins(operator: Operator) -> bool {
    matches!(operator, Operator::And | Operator::Or)
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
pub(super) fn left_open(expression: &Expression, kind: Kind, switches: &Switches) -> Vec<String> {
    // The value of a switch, as the spec writes it.
    let switches = serde_json::to_value(switches).unwrap_or_default();
    let taken = |switch: &str| switches.get(switch).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let sentence = |point: OpenPoint| format!("{}: `{}` is `{}`", point.sentence(), point.switch(), taken(point.switch()));
    let mut open: Vec<String> = open_points(expression, kind).into_iter().map(sentence).collect();
    if goes_through_double(expression) {
        open.push("a function of double precision may differ from the service's in the last digit".to_owned());
    }
    open
}

/// True where an integer may be divided by an integer, as the switches have it.
pub(super) fn may_divide_integers(points: &BTreeSet<OpenPoint>, switches: &Switches) -> bool {
    points.contains(&OpenPoint::IntegerDivision)
        || (points.contains(&OpenPoint::WholeDecimals) && switches.whole_decimals == WholeDecimals::BecomeInt)
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
