//! Tree → text of IoT rule SQL, with as few parentheses as the tree needs. Reading the text gives the tree again.

use super::ast::{Binary, Expression, Operator};

/// The expression as rule SQL writes it: what stands in a WHERE clause or a SELECT list.
///
/// Strings are quoted here. Names and numbers stand as they are, so a tree that did not come from the parser must have
/// passed [`super::check`].
#[must_use]
pub fn to_iot_sql(expression: &Expression) -> String {
    let mut sql = String::new();
    write(&mut sql, expression, Place::Condition);
    sql
}

/// How tightly the place of an expression binds; a looser expression needs parentheses there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Condition,
    Conjunct,
    Negated,
    /// A side of a comparison, which is not itself a comparison.
    Sum,
    Product,
    Operand,
}

/// Where an operator's expression may stand, and what stands at its sides.
fn places(operator: Operator) -> (Place, Place, Place) {
    match operator {
        Operator::Or => (Place::Condition, Place::Condition, Place::Conjunct),
        Operator::And => (Place::Conjunct, Place::Conjunct, Place::Negated),
        Operator::Add | Operator::Subtract => (Place::Sum, Place::Sum, Place::Product),
        Operator::Multiply | Operator::Divide | Operator::Remainder => (Place::Product, Place::Product, Place::Operand),
        // Comparisons stand beside NOT in the grammar: NOT takes one without parentheses.
        _ => (Place::Negated, Place::Sum, Place::Sum),
    }
}

fn write(sql: &mut String, expression: &Expression, place: Place) {
    match expression {
        Expression::Number(text) => sql.push_str(text),
        Expression::Text(content) => {
            sql.push('\'');
            sql.push_str(&content.replace('\'', "''"));
            sql.push('\'');
        }
        Expression::Boolean(true) => sql.push_str("TRUE"),
        Expression::Boolean(false) => sql.push_str("FALSE"),
        Expression::Null => sql.push_str("NULL"),
        Expression::Attribute(names) => sql.push_str(&names.join(".")),
        Expression::Not(inner) => parenthesised(sql, place > Place::Negated, |sql| {
            sql.push_str("NOT ");
            write(sql, inner, Place::Negated);
        }),
        Expression::Binary(binary) => {
            let Binary { operator, left, right } = binary.as_ref();
            let (own, left_place, right_place) = places(*operator);
            parenthesised(sql, place > own, |sql| {
                write(sql, left, left_place);
                sql.push(' ');
                sql.push_str(operator.sql());
                sql.push(' ');
                write(sql, right, right_place);
            });
        }
        Expression::Call { function, arguments } => {
            sql.push_str(function.name());
            sql.push('(');
            for (at, argument) in arguments.iter().enumerate() {
                if at > 0 {
                    sql.push_str(", ");
                }
                write(sql, argument, Place::Condition);
            }
            sql.push(')');
        }
    }
}

fn parenthesised(sql: &mut String, wanted: bool, inner: impl FnOnce(&mut String)) {
    if wanted {
        sql.push('(');
    }
    inner(sql);
    if wanted {
        sql.push(')');
    }
}
