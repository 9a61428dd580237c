//! Operators, and the type that operands agree on.

use sqlparser::ast::BinaryOperator;
use sqlparser::tokenizer::Span;

use super::{Compiler, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::scalar::Scalar;
use crate::local::timestream::query::syntax::at;

impl Compiler<'_> {
    pub(super) fn binary(&mut self, op: &BinaryOperator, left: Typed, right: Typed, span: Span) -> Result<Typed, QueryFailure> {
        use BinaryOperator as Op;
        match op {
            Op::And | Op::Or => {
                let word = if matches!(op, Op::And) { "AND" } else { "OR" };
                for side in [&left, &right] {
                    if !matches!(side.kind, Scalar::Boolean | Scalar::Unknown) {
                        let message =
                            format!("{}Logical expression term must evaluate to a boolean (actual: {})", at(span), side.kind.sql_name());
                        return Err(QueryFailure::Validation(message));
                    }
                }
                Ok(Typed::new(format!("({} {word} {})", left.sql, right.sql), Scalar::Boolean))
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                let name = op.to_string();
                let (sides, kind) = self.unify(vec![left, right], span, &name)?;
                if kind == Scalar::Varbinary && !matches!(op, Op::Eq | Op::NotEq) {
                    return Err(not_applicable(&name, &sides, span));
                }
                Ok(Typed::new(format!("({} {name} {})", sides[0].sql, sides[1].sql), Scalar::Boolean))
            }
            Op::StringConcat => {
                let is_text = |side: &Typed| matches!(side.kind, Scalar::Varchar | Scalar::Unknown);
                if !is_text(&left) || !is_text(&right) {
                    return Err(not_applicable("||", &[left, right], span));
                }
                Ok(Typed::new(format!("ts_concat({}, {})", left.sql, right.sql), Scalar::Varchar))
            }
            Op::Plus => self.arithmetic("add", "+", left, right, span),
            Op::Minus => self.arithmetic("sub", "-", left, right, span),
            Op::Multiply => self.arithmetic("mul", "*", left, right, span),
            Op::Divide => self.arithmetic("div", "/", left, right, span),
            Op::Modulo => self.arithmetic("mod", "%", left, right, span),
            other => Err(QueryFailure::not_served(at(span), format_args!("the operator {other}"))),
        }
    }

    /// Arithmetic goes through functions that refuse what SQLite would round, wrap or turn into NULL.
    fn arithmetic(&mut self, name: &str, symbol: &str, left: Typed, right: Typed, span: Span) -> Result<Typed, QueryFailure> {
        use Scalar::{Double, Integer, Interval, Timestamp, Unknown};
        let (l, r) = (left.kind, right.kind);
        let call = |function: &str, kind| Ok(Typed::new(format!("{function}({}, {})", left.sql, right.sql), kind));
        match (name, l, r) {
            ("add", Timestamp, Interval) => call("ts_time_add", Timestamp),
            ("add", Interval, Timestamp) => Ok(Typed::new(format!("ts_time_add({}, {})", right.sql, left.sql), Timestamp)),
            ("sub", Timestamp, Interval) => call("ts_time_sub", Timestamp),
            ("sub", Timestamp, Timestamp) => call("ts_sub", Interval),
            ("add" | "sub", Interval, Interval) => call(&format!("ts_{name}"), Interval),
            ("mul", Interval, whole) | ("mul", whole, Interval) if whole.is_whole() => call("ts_mul", Interval),
            ("div", Interval, whole) if whole.is_whole() => call("ts_div", Interval),
            (_, Integer, Integer) => Ok(Typed::new(format!("ts_int(ts_{name}({}, {}))", left.sql, right.sql), Integer)),
            _ if l.is_whole() && r.is_whole() => call(&format!("ts_{name}"), Scalar::Bigint),
            _ if l.is_numeric() && r.is_numeric() => {
                let (left, right) = (widen(left, Double), widen(right, Double));
                Ok(Typed::new(format!("ts_double_{name}({}, {})", left.sql, right.sql), Double))
            }
            (_, Unknown, kind) | (_, kind, Unknown) if kind.is_numeric() || kind == Unknown => Ok(Typed::new("NULL", kind)),
            _ => Err(not_applicable(symbol, &[left, right], span)),
        }
    }

    /// Brings `operands` to one type, or says that `what` cannot be applied to them.
    pub(super) fn unify(&mut self, operands: Vec<Typed>, span: Span, what: &str) -> Result<(Vec<Typed>, Scalar), QueryFailure> {
        // String literals that meet a timestamp are timestamps; so they do not vote.
        let voters = operands.iter().filter(|operand| operand.literal.is_none()).map(|operand| operand.kind);
        let literals = operands.iter().filter(|operand| operand.literal.is_some()).map(|operand| operand.kind);
        let Some(kind) = voters.chain(literals).try_fold(Scalar::Unknown, common_kind) else {
            return Err(not_applicable(what, &operands, span));
        };
        let mut unified = Vec::with_capacity(operands.len());
        for operand in &operands {
            match self.coerce(operand, kind) {
                Some(typed) => unified.push(typed),
                None => return Err(not_applicable(what, &operands, span)),
            }
        }
        Ok((unified, kind))
    }

    /// What is converted without being asked to: whole numbers to wider ones, dates to timestamps, string literals to either.
    pub(super) fn coerce(&mut self, typed: &Typed, target: Scalar) -> Option<Typed> {
        use Scalar::{Bigint, Date, Double, Integer, Timestamp, Unknown, Varchar};
        match (typed.kind, target) {
            (from, to) if from == to => Some(typed.clone()),
            (Unknown, _) => Some(Typed::new("NULL", target)),
            (Integer, Bigint) | (Integer | Bigint, Double) => Some(widen(typed.clone(), target)),
            (Date, Timestamp) => Some(Typed::new(format!("ts_date_timestamp({})", typed.sql), target)),
            (Varchar, Timestamp | Date) => self.read_literal(typed, target),
            _ => None,
        }
    }
}

/// The type that two types meet in. A varchar meets a timestamp only if it is a literal, which `coerce` decides.
fn common_kind(one: Scalar, other: Scalar) -> Option<Scalar> {
    use Scalar::{Bigint, Date, Double, Integer, Timestamp, Unknown, Varchar};
    match (one, other) {
        (a, b) if a == b => Some(a),
        (Unknown, kind) | (kind, Unknown) => Some(kind),
        (Integer, Bigint) | (Bigint, Integer) => Some(Bigint),
        (Integer | Bigint, Double) | (Double, Integer | Bigint) => Some(Double),
        (Date, Timestamp) | (Timestamp, Date) => Some(Timestamp),
        (kind @ (Timestamp | Date), Varchar) => Some(kind),
        _ => None,
    }
}

pub(super) fn widen(typed: Typed, target: Scalar) -> Typed {
    if target == Scalar::Double && typed.kind.is_whole() {
        return Typed::new(format!("CAST({} AS REAL)", typed.sql), target);
    }
    Typed { kind: target, ..typed }
}

/// Presto's words.
fn not_applicable(what: &str, operands: &[Typed], span: Span) -> QueryFailure {
    let kinds = operands.iter().take(8).map(|operand| operand.kind.sql_name()).collect::<Vec<_>>().join(", ");
    QueryFailure::Validation(format!("{}'{what}' cannot be applied to {kinds}", at(span)))
}
