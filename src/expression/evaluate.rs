//! Tree and message → value, by the operator tables of the facts.

use std::borrow::Cow;

use super::ast::{Binary, Expression, Function, Operator};
use super::datum::{Datum, Inner};
use super::functions;
use super::number::{NoResult, Numeric};
use super::switches::{
    DivisionByZero, FilterTextTrue, IntegerDivision, NullEqualsNull, NullExistenceCheck, Switches, TextMath, UndefinedMath, WholeDecimals,
};
use crate::value::{Object, Value};

/// The message goes no further: a switch says so for an operation without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is dropped: an operation has no value, and the switches say that it drops the message")]
pub struct DropMessage;

/// What a filter does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passes,
    Drops,
}

/// What a math activity does with a message.
#[derive(Debug, Clone, PartialEq)]
pub enum MathResult {
    /// The attribute becomes this.
    Write(Value),
    /// The expression has no value: the attribute stays as it is.
    LeaveUnset,
    DropMessage,
}

/// Whether a filter with this condition lets the message pass: where it is true, and nowhere else.
#[must_use]
pub fn filter_passes(expression: &Expression, message: &Object, switches: &Switches) -> Verdict {
    let passes = match evaluate(expression, message, switches) {
        Ok(Datum(Inner::Boolean(boolean))) => boolean,
        Ok(Datum(text @ Inner::Text(_))) => switches.filter_text_true == FilterTextTrue::Keep && text.boolean() == Some(true),
        Ok(_) | Err(DropMessage) => false,
    };
    if passes { Verdict::Passes } else { Verdict::Drops }
}

/// What a math activity with this expression does with the message. Numbers are written, and strings by
/// [`TextMath`]; a boolean, a null, an array or an object (an expression that is one attribute) is no value of math.
#[must_use]
pub fn math_result(expression: &Expression, message: &Object, switches: &Switches) -> MathResult {
    let Ok(datum) = evaluate(expression, message, switches) else { return MathResult::DropMessage };
    let value = match &datum.0 {
        Inner::Number(_) => datum.to_value(),
        Inner::Text(_) if switches.text_math == TextMath::Write => datum.to_value(),
        _ => None,
    };
    match (value, switches.undefined_math) {
        (Some(value), _) => MathResult::Write(value),
        (None, UndefinedMath::LeaveUnset) => MathResult::LeaveUnset,
        (None, UndefinedMath::DropMessage) => MathResult::DropMessage,
    }
}

/// The value of an expression for one message.
pub fn evaluate<'a>(expression: &'a Expression, message: &'a Object, switches: &Switches) -> Result<Datum<'a>, DropMessage> {
    Evaluator { message, switches }.value(expression).map(Datum)
}

struct Evaluator<'a, 's> {
    message: &'a Object,
    switches: &'s Switches,
}

impl<'a> Evaluator<'a, '_> {
    fn value(&self, expression: &'a Expression) -> Result<Inner<'a>, DropMessage> {
        Ok(match expression {
            Expression::Number(text) => Numeric::of_literal(text).map_or(Inner::Undefined, |number| self.number(number)),
            Expression::Text(text) => Inner::Text(Cow::Borrowed(text)),
            Expression::Boolean(boolean) => Inner::Boolean(*boolean),
            Expression::Null => Inner::Null,
            Expression::Attribute(names) => self.attribute(names),
            Expression::Not(inner) => self.value(inner)?.boolean().map_or(Inner::Undefined, |boolean| Inner::Boolean(!boolean)),
            Expression::Binary(binary) => self.binary(binary)?,
            Expression::Call { function, arguments } => self.call(*function, arguments)?,
        })
    }

    fn attribute(&self, names: &[String]) -> Inner<'a> {
        let Some((first, rest)) = names.split_first() else { return Inner::Undefined };
        let found = rest.iter().try_fold(self.message.get(first), |value, name| match value {
            Some(Value::Object(object)) => Some(object.get(name)),
            _ => None,
        });
        found.flatten().map_or(Inner::Undefined, Inner::of)
    }

    fn number(&self, number: Numeric) -> Inner<'a> {
        Inner::Number(match self.switches.whole_decimals {
            WholeDecimals::Keep => number,
            WholeDecimals::BecomeInt => number.whole(),
        })
    }

    /// What an operation came to, under the switches.
    fn computed(&self, result: Result<Option<Numeric>, NoResult>) -> Result<Inner<'a>, DropMessage> {
        match (result, self.switches.division_by_zero) {
            (Ok(Some(number)), _) => Ok(self.number(number)),
            (Ok(None), _) | (Err(NoResult), DivisionByZero::Undefined) => Ok(Inner::Undefined),
            (Err(NoResult), DivisionByZero::DropMessage) => Err(DropMessage),
        }
    }

    fn call(&self, function: Function, arguments: &'a [Expression]) -> Result<Inner<'a>, DropMessage> {
        let values = arguments.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?;
        match values.iter().map(Inner::number).collect::<Option<Vec<_>>>() {
            Some(numbers) if numbers.len() == function.arity() => self.computed(functions::call(function, &numbers)),
            _ => Ok(Inner::Undefined),
        }
    }

    fn binary(&self, binary: &'a Binary) -> Result<Inner<'a>, DropMessage> {
        let Binary { operator, left, right } = binary;
        if *operator == Operator::NotEqual && self.switches.null_existence_check == NullExistenceCheck::Existence {
            let checked = match (left, right) {
                (checked, Expression::Null) | (Expression::Null, checked) => Some(checked),
                _ => None,
            };
            if let Some(checked) = checked {
                return Ok(Inner::Boolean(!matches!(self.value(checked)?, Inner::Undefined | Inner::Null)));
            }
        }
        // Both sides always: no operator decides by one side alone.
        let (left, right) = (self.value(left)?, self.value(right)?);
        Ok(match operator {
            Operator::Or => logical(&left, &right, |a, b| a || b),
            Operator::And => logical(&left, &right, |a, b| a && b),
            Operator::Equal => self.equal(&left, &right),
            Operator::NotEqual => not_equal(&left, &right),
            Operator::Less => ordered(&left, &right, std::cmp::Ordering::is_lt),
            Operator::LessOrEqual => ordered(&left, &right, std::cmp::Ordering::is_le),
            Operator::Greater => ordered(&left, &right, std::cmp::Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(&left, &right, std::cmp::Ordering::is_ge),
            Operator::Add => match (&left, &right) {
                (Inner::Text(_), _) | (_, Inner::Text(_)) => joined(&left, &right),
                _ => self.arithmetic(&left, &right, Numeric::add)?,
            },
            Operator::Subtract => self.arithmetic(&left, &right, Numeric::subtract)?,
            Operator::Multiply => self.arithmetic(&left, &right, Numeric::multiply)?,
            Operator::Divide => match self.switches.integer_division {
                IntegerDivision::Truncate => self.arithmetic(&left, &right, Numeric::divide)?,
                IntegerDivision::Decimal => self.arithmetic(&left, &right, Numeric::divide_as_decimals)?,
            },
            Operator::Remainder => self.arithmetic(&left, &right, Numeric::remainder)?,
        })
    }

    fn arithmetic(
        &self,
        left: &Inner<'_>,
        right: &Inner<'_>,
        operation: impl Fn(Numeric, Numeric) -> Result<Numeric, NoResult>,
    ) -> Result<Inner<'a>, DropMessage> {
        match (left.number(), right.number()) {
            (Some(left), Some(right)) => self.computed(operation(left, right).map(Some)),
            _ => Ok(Inner::Undefined),
        }
    }

    fn equal(&self, left: &Inner<'_>, right: &Inner<'_>) -> Inner<'a> {
        match (left, right) {
            (Inner::Undefined, _) | (_, Inner::Undefined) => Inner::Undefined,
            (Inner::Null, Inner::Null) => match self.switches.null_equals_null {
                NullEqualsNull::True => Inner::Boolean(true),
                NullEqualsNull::Undefined => Inner::Undefined,
            },
            _ => Inner::Boolean(left.equals(right)),
        }
    }
}

/// AND and OR: Undefined unless both sides are booleans, even where one side would decide.
fn logical<'a>(left: &Inner<'_>, right: &Inner<'_>, decide: impl Fn(bool, bool) -> bool) -> Inner<'a> {
    match (left.boolean(), right.boolean()) {
        (Some(left), Some(right)) => Inner::Boolean(decide(left, right)),
        _ => Inner::Undefined,
    }
}

fn not_equal<'a>(left: &Inner<'_>, right: &Inner<'_>) -> Inner<'a> {
    match (left, right) {
        (Inner::Undefined, _) | (_, Inner::Undefined) => Inner::Undefined,
        (Inner::Null, Inner::Null) => Inner::Boolean(false),
        _ => Inner::Boolean(!left.equals(right)),
    }
}

fn ordered<'a>(left: &Inner<'_>, right: &Inner<'_>, decide: impl Fn(std::cmp::Ordering) -> bool) -> Inner<'a> {
    let order = left.number().zip(right.number()).and_then(|(left, right)| left.compare(right));
    order.map_or(Inner::Undefined, |order| Inner::Boolean(decide(order)))
}

fn joined<'a>(left: &Inner<'_>, right: &Inner<'_>) -> Inner<'a> {
    match (left.text(), right.text()) {
        (Some(left), Some(right)) => Inner::Text(Cow::Owned(format!("{left}{right}"))),
        _ => Inner::Undefined,
    }
}
