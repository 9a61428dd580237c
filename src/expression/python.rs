//! Tree → Python that calls `iot_sql.py`, imported as `sql`, with the message in the variable `message`.
//!
//! Whatever the tree holds, the result is one Python expression: text is only ever emitted as a string literal, and a
//! number as digits that were read first. Switches that are not at their default are written out as arguments.

use super::ast::{Binary, Expression, Function, Operator};
use super::number::Numeric;
use super::switches::{
    DivisionByZero, FilterTextTrue, IntegerDivision, NullEqualsNull, NullExistenceCheck, Switches, TextMath, UndefinedMath, WholeDecimals,
};
use crate::python;

/// A call that is longer goes over several lines, one argument each.
const LINE_MAX: usize = 100;

/// The value of the expression. It may stand on several lines, so it belongs inside parentheses or after `return`.
#[must_use]
pub fn to_python(expression: &Expression, switches: &Switches) -> String {
    Emitter { switches }.value(expression)
}

/// `sql.passes(…)`: whether a filter with this condition lets the message pass. May raise `sql.DropMessage`.
#[must_use]
pub fn filter_to_python(expression: &Expression, switches: &Switches) -> String {
    let mut arguments = vec![to_python(expression, switches)];
    if switches.filter_text_true == FilterTextTrue::Keep {
        arguments.push("text=True".to_owned());
    }
    call("passes", arguments)
}

/// `sql.result(…)`: what a math activity writes, or `sql.UNDEFINED`. May raise `sql.DropMessage`.
#[must_use]
pub fn math_to_python(expression: &Expression, switches: &Switches) -> String {
    let mut arguments = vec![to_python(expression, switches)];
    if switches.text_math == TextMath::Undefined {
        arguments.push("text=False".to_owned());
    }
    if switches.undefined_math == UndefinedMath::DropMessage {
        arguments.push("drop=True".to_owned());
    }
    call("result", arguments)
}

struct Emitter<'s> {
    switches: &'s Switches,
}

impl Emitter<'_> {
    fn value(&self, expression: &Expression) -> String {
        match expression {
            Expression::Number(text) => self.number(text),
            Expression::Text(content) => python::string(content),
            Expression::Boolean(true) => "True".to_owned(),
            Expression::Boolean(false) => "False".to_owned(),
            Expression::Null => "None".to_owned(),
            Expression::Attribute(names) => {
                // No names is a tree that no text gives; the evaluator finds nothing there.
                if names.is_empty() {
                    return "sql.UNDEFINED".to_owned();
                }
                let names = names.iter().map(|name| python::string(name));
                call("attribute", std::iter::once("message".to_owned()).chain(names).collect())
            }
            Expression::Not(inner) => call("not_", vec![self.value(inner)]),
            Expression::Binary(binary) => self.binary(binary),
            Expression::Call { function, arguments } => self.call(*function, arguments),
        }
    }

    fn number(&self, text: &str) -> String {
        match Numeric::of_literal(text) {
            None => "sql.UNDEFINED".to_owned(),
            Some(Numeric::Int(int)) => int.to_string(),
            Some(Numeric::Decimal(_)) => self.whole(call("decimal_literal", vec![python::string(text)])),
        }
    }

    /// Around what may be a Decimal, where whole ones become Int.
    fn whole(&self, value: String) -> String {
        match self.switches.whole_decimals {
            WholeDecimals::Keep => value,
            WholeDecimals::BecomeInt => call("whole", vec![value]),
        }
    }

    fn drop_argument(&self, arguments: &mut Vec<String>) {
        if self.switches.division_by_zero == DivisionByZero::DropMessage {
            arguments.push("drop=True".to_owned());
        }
    }

    fn binary(&self, binary: &Binary) -> String {
        let Binary { operator, left, right } = binary;
        if *operator == Operator::NotEqual && self.switches.null_existence_check == NullExistenceCheck::Existence {
            match (left, right) {
                (checked, Expression::Null) | (Expression::Null, checked) => return call("exists", vec![self.value(checked)]),
                _ => {}
            }
        }
        let mut arguments = vec![self.value(left), self.value(right)];
        if operator.is_arithmetic() {
            self.drop_argument(&mut arguments);
            if *operator == Operator::Divide && self.switches.integer_division == IntegerDivision::Decimal {
                arguments.push("decimals=True".to_owned());
            }
            return self.whole(call(operator_name(*operator), arguments));
        }
        if *operator == Operator::Equal && self.switches.null_equals_null == NullEqualsNull::Undefined {
            arguments.push("null_equal=False".to_owned());
        }
        call(operator_name(*operator), arguments)
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> String {
        let mut values = arguments.iter().map(|argument| self.value(argument)).collect::<Vec<_>>();
        if values.len() != function.arity() {
            // Undefined as in the evaluator, and what an argument raises is raised.
            return call("undefined", values);
        }
        match function {
            Function::Ceil
            | Function::Cosh
            | Function::Exp
            | Function::Ln
            | Function::Log
            | Function::Mod
            | Function::Power
            | Function::Round
            | Function::Sinh
            | Function::Sqrt => self.drop_argument(&mut values),
            _ => {}
        }
        let emitted = call(function.name(), values);
        if function == Function::Sign { emitted } else { self.whole(emitted) }
    }
}

fn operator_name(operator: Operator) -> &'static str {
    match operator {
        Operator::Or => "or_",
        Operator::And => "and_",
        Operator::Equal => "equal",
        Operator::NotEqual => "not_equal",
        Operator::Less => "less",
        Operator::LessOrEqual => "less_or_equal",
        Operator::Greater => "greater",
        Operator::GreaterOrEqual => "greater_or_equal",
        Operator::Add => "add",
        Operator::Subtract => "subtract",
        Operator::Multiply => "multiply",
        Operator::Divide => "divide",
        Operator::Remainder => "remainder",
    }
}

fn call(name: &str, arguments: Vec<String>) -> String {
    let line = format!("sql.{name}({})", arguments.join(", "));
    if line.len() <= LINE_MAX && !line.contains('\n') {
        return line;
    }
    let mut out = format!("sql.{name}(\n");
    for argument in arguments {
        for line in argument.lines() {
            out.push_str("    ");
            out.push_str(line);
            out.push('\n');
        }
        // The comma belongs to the last line of the argument.
        out.pop();
        out.push_str(",\n");
    }
    out.push(')');
    out
}
