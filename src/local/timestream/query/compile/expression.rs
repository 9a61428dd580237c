//! Expressions.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Ident, InTarget, Interval, Spanned as _,
    TimezoneInfo, TrimWhereField, UnaryOperator, Value, ValueWithSpan,
};
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::select::not_grouped;
use super::{Compiler, Typed};
use crate::local::timestream::query::failure::QueryFailure;
use crate::local::timestream::query::functions::text_to_timestamp;
use crate::local::timestream::query::scalar::Scalar;
use crate::local::timestream::query::syntax::{at, interval_nanos, unit_nanos};
use crate::time::DAY_NANOS;

/// What an expression can refer to.
pub(super) enum Frame<'f> {
    /// The rows of the input.
    Rows(&'f Scope),
    /// Groups of rows: keys as they are, everything else through aggregates.
    Groups { input: &'f Scope, keys: &'f [Typed], aggregates: &'f mut Vec<String> },
}

impl<'f> Frame<'f> {
    pub(super) fn input(&self) -> &'f Scope {
        match self {
            Self::Rows(scope) | Self::Groups { input: scope, .. } => scope,
        }
    }
}

impl Compiler<'_> {
    pub(super) fn expression(&mut self, expr: &Expr, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        if let Expr::BinaryOp { .. } = expr {
            return self.chain(expr, frame);
        }
        if let Some(key) = self.as_key(expr, frame) {
            return Ok(key);
        }
        let span = expr.span();
        match expr {
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident), frame),
            Expr::CompoundIdentifier(parts) => self.column(parts, frame),
            Expr::Nested(inner) => self.expression(inner, frame),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(typed) => {
                let Value::SingleQuotedString(text) = &typed.value.value else { return Err(unserved(span, expr)) };
                let literal = Typed { sql: String::new(), kind: Scalar::Varchar, literal: Some(text.clone()) };
                let target = match &typed.data_type {
                    DataType::Timestamp(None, TimezoneInfo::None) => Scalar::Timestamp,
                    DataType::Date => Scalar::Date,
                    other => return Err(QueryFailure::not_served(at(span), format_args!("a literal of type {other}"))),
                };
                self.read_literal(&literal, target)
                    .ok_or_else(|| QueryFailure::Validation(format!("{}'{text}' is not a valid {} literal", at(span), target.sql_name())))
            }
            Expr::Interval(interval) => self.interval(interval, span),
            Expr::UnaryOp { op, expr: operand } => self.unary(*op, operand, span, frame),
            Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => {
                self.is_test(expr, frame)
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let operands = vec![self.expression(left, frame)?, self.expression(right, frame)?];
                let (operands, _) = self.unify(operands, span, "IS DISTINCT FROM")?;
                let word = if matches!(expr, Expr::IsDistinctFrom(..)) { "IS NOT" } else { "IS" };
                Ok(Typed::new(format!("({} {word} {})", operands[0].sql, operands[1].sql), Scalar::Boolean))
            }
            Expr::Between { expr: operand, negated, low, high } => {
                let operands = vec![self.expression(operand, frame)?, self.expression(low, frame)?, self.expression(high, frame)?];
                let (operands, _) = self.unify(operands, span, "BETWEEN")?;
                let [it, low, high] = [0, 1, 2].map(|n| operands[n].sql.as_str());
                Ok(Typed::new(format!("({it}{} BETWEEN {low} AND {high})", not(*negated)), Scalar::Boolean))
            }
            Expr::In { expr: operand, target: InTarget::List(list), negated, global: false } => {
                let mut operands = vec![self.expression(operand, frame)?];
                for item in list {
                    operands.push(self.expression(item, frame)?);
                }
                let (operands, _) = self.unify(operands, span, "IN")?;
                let (it, list) = operands.split_first().ok_or_else(|| unserved(span, expr))?;
                Ok(Typed::new(format!("({}{} IN ({}))", it.sql, not(*negated), joined(list)), Scalar::Boolean))
            }
            Expr::Like { negated, any: false, expr: text, pattern, escape_char } => {
                let mut arguments = vec![self.expression(text, frame)?, self.expression(pattern, frame)?];
                if let Some(escape) = escape_char {
                    arguments.push(self.expression(escape, frame)?);
                }
                if let Some(wrong) = arguments.iter().find(|argument| !matches!(argument.kind, Scalar::Varchar | Scalar::Unknown)) {
                    return Err(QueryFailure::Validation(format!(
                        "{}LIKE expression must evaluate to a varchar (actual: {})",
                        at(span),
                        wrong.kind.sql_name()
                    )));
                }
                let like = format!("ts_like({})", joined(&arguments));
                Ok(Typed::new(if *negated { format!("(NOT {like})") } else { like }, Scalar::Boolean))
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span, frame)
            }
            Expr::Cast { kind: CastKind::DoubleColon, .. } => match measure_value_column(expr) {
                Some(ident) => self.column(&[ident], frame),
                None => Err(QueryFailure::not_served(at(span), "a cast with ::")),
            },
            Expr::Cast { kind, expr: operand, data_type, format: None } => {
                let operand = self.expression(operand, frame)?;
                self.cast_to(operand, data_type, matches!(kind, CastKind::TryCast), span)
            }
            Expr::Ceil { expr: operand, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let operand = self.expression(operand, frame)?;
                self.call("ceil", vec![operand], span)
            }
            Expr::Floor { expr: operand, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
                let operand = self.expression(operand, frame)?;
                self.call("floor", vec![operand], span)
            }
            Expr::Substring { expr: text, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.expression(text, frame)?, self.expression(from, frame)?];
                if let Some(count) = substring_for {
                    arguments.push(self.expression(count, frame)?);
                }
                self.call("substr", arguments, span)
            }
            Expr::Trim { expr: text, trim_where, trim_what: None, trim_characters: None } => {
                let text = self.expression(text, frame)?;
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                self.call(name, vec![text], span)
            }
            Expr::Position { expr: part, r#in: text } => {
                let arguments = vec![self.expression(text, frame)?, self.expression(part, frame)?];
                self.call("strpos", arguments, span)
            }
            Expr::Extract { field, expr: operand, .. } => {
                let operand = self.expression(operand, frame)?;
                self.call(&field.to_string().to_ascii_lowercase(), vec![operand], span)
            }
            Expr::Function(function) => self.function(function, span, frame),
            other => Err(unserved(span, other)),
        }
    }

    /// A whole expression that is one of the keys of the groups.
    fn as_key(&mut self, expr: &Expr, frame: &Frame<'_>) -> Option<Typed> {
        let Frame::Groups { input, keys, .. } = frame else { return None };
        if keys.is_empty() || matches!(expr, Expr::Value(_)) {
            return None;
        }
        let over_rows = self.expression(expr, &mut Frame::Rows(input)).ok()?;
        self.grouped(&over_rows, frame)
    }

    /// `typed`, compiled over the input, as this frame sees it.
    pub(super) fn grouped(&self, typed: &Typed, frame: &Frame<'_>) -> Option<Typed> {
        match frame {
            Frame::Rows(_) => Some(typed.clone()),
            Frame::Groups { keys, .. } => {
                keys.iter().position(|key| key.sql == typed.sql).map(|position| Typed::new(format!("g{position}"), typed.kind))
            }
        }
    }

    /// A chain of operators leans to the left and can be long: it is walked, not descended.
    fn chain(&mut self, expr: &Expr, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        let mut links = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            links.push((op, right.as_ref(), first.span()));
            first = left;
        }
        links.reverse();
        let (mut done, mut value) = match self.longest_key(first, &links, frame) {
            Some((links_done, key)) => (links_done, key),
            None => (0, self.expression(first, frame)?),
        };
        while let Some((op, right, span)) = links.get(done) {
            let right = self.expression(right, frame)?;
            value = self.binary(op, value, right, *span)?;
            done += 1;
        }
        Ok(value)
    }

    /// The longest beginning of a chain that is a key of the groups.
    fn longest_key(&mut self, first: &Expr, links: &[(&BinaryOperator, &Expr, Span)], frame: &Frame<'_>) -> Option<(usize, Typed)> {
        let Frame::Groups { input, keys, .. } = frame else { return None };
        if keys.is_empty() {
            return None;
        }
        let mut rows = Frame::Rows(input);
        let mut value = self.expression(first, &mut rows).ok()?;
        let mut found = self.grouped(&value, frame).map(|key| (0, key));
        for (position, (op, right, span)) in links.iter().enumerate() {
            let Ok(right) = self.expression(right, &mut rows) else { break };
            let Ok(next) = self.binary(op, value, right, *span) else { break };
            value = next;
            found = self.grouped(&value, frame).map(|key| (position + 1, key)).or(found);
        }
        found
    }

    fn column(&mut self, parts: &[Ident], frame: &Frame<'_>) -> Result<Typed, QueryFailure> {
        if let [ident] = parts
            && let Some((_, typed)) = self.aliases.iter().find(|(name, _)| super::scope::is_same_name(name, ident))
        {
            return Ok(typed.clone());
        }
        let (name, typed) = frame.input().resolve(parts)?;
        let span = parts.first().map_or(Span::empty(), |part| part.span);
        self.grouped(typed, frame).ok_or_else(|| not_grouped(span, name))
    }

    fn literal(&mut self, value: &ValueWithSpan) -> Result<Typed, QueryFailure> {
        let place = at(value.span);
        match &value.value {
            Value::Number(digits, false) => self.number(digits, value.span),
            Value::SingleQuotedString(text) => {
                Ok(Typed { sql: self.parameters.text(text), kind: Scalar::Varchar, literal: Some(text.clone()) })
            }
            // The tokenizer's output was rewritten: the dialect has no such strings of its own.
            Value::NationalStringLiteral(literal) => match interval_nanos(literal) {
                Some(nanos) => Ok(Typed::new(self.parameters.integer(nanos), Scalar::Interval)),
                None => Err(QueryFailure::Validation(format!("{place}'{literal}' is not an interval"))),
            },
            Value::HexStringLiteral(digits) => match crate::local::timestream::query::functions::read_hex(digits) {
                Some(bytes) => Ok(Typed::new(self.parameters.blob(bytes), Scalar::Varbinary)),
                None => Err(QueryFailure::Validation(format!("{place}Binary literal must contain an even number of hexadecimal digits"))),
            },
            Value::Boolean(truth) => Ok(Typed::new(self.parameters.integer(i64::from(*truth)), Scalar::Boolean)),
            Value::Null => Ok(Typed::new("NULL", Scalar::Unknown)),
            other => Err(QueryFailure::not_served(place, format_args!("the literal {other}"))),
        }
    }

    fn number(&mut self, digits: &str, span: Span) -> Result<Typed, QueryFailure> {
        let wrong = || QueryFailure::Validation(format!("{}Invalid numeric literal: {digits}", at(span)));
        if digits.contains(['.', 'e', 'E']) {
            let value: f64 = digits.parse().map_err(|_| wrong())?;
            return Ok(Typed::new(self.parameters.real(value), Scalar::Double));
        }
        let value: i64 = digits.parse().map_err(|_| wrong())?;
        let kind = if i32::try_from(value).is_ok() { Scalar::Integer } else { Scalar::Bigint };
        Ok(Typed::new(self.parameters.integer(value), kind))
    }

    /// A string literal where a timestamp or a date is wanted.
    pub(super) fn read_literal(&mut self, typed: &Typed, target: Scalar) -> Option<Typed> {
        let nanos = text_to_timestamp(typed.literal.as_deref()?).ok()?;
        match target {
            Scalar::Timestamp => Some(Typed::new(self.parameters.integer(nanos), target)),
            Scalar::Date if nanos.rem_euclid(DAY_NANOS) == 0 => {
                Some(Typed::new(self.parameters.integer(nanos.div_euclid(DAY_NANOS)), target))
            }
            _ => None,
        }
    }

    fn interval(&mut self, interval: &Interval, span: Span) -> Result<Typed, QueryFailure> {
        let Interval { value, leading_field, leading_precision: None, last_field: None, fractional_seconds_precision: None } = interval
        else {
            return Err(QueryFailure::not_served(at(span), "this form of INTERVAL"));
        };
        let count = match value.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.parse::<i64>().ok(),
            _ => None,
        };
        let unit = leading_field.as_ref().and_then(|field| unit_nanos(&field.to_string()));
        match count.zip(unit).and_then(|(count, unit)| count.checked_mul(unit)) {
            Some(nanos) => Ok(Typed::new(self.parameters.integer(nanos), Scalar::Interval)),
            None => Err(QueryFailure::not_served(at(span), "an INTERVAL other than whole seconds to days")),
        }
    }

    fn unary(&mut self, op: UnaryOperator, operand: &Expr, span: Span, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        if op == UnaryOperator::Minus
            && let Expr::Value(ValueWithSpan { value: Value::Number(digits, false), .. }) = operand
        {
            return self.number(&format!("-{digits}"), span);
        }
        let operand = self.expression(operand, frame)?;
        match (op, operand.kind) {
            (UnaryOperator::Plus, kind) if kind.is_numeric() => Ok(operand),
            (UnaryOperator::Minus, Scalar::Double) => Ok(Typed::new(format!("(-{})", operand.sql), Scalar::Double)),
            (UnaryOperator::Minus, Scalar::Integer) => Ok(Typed::new(format!("ts_int(ts_neg({}))", operand.sql), Scalar::Integer)),
            (UnaryOperator::Minus, kind @ (Scalar::Bigint | Scalar::Interval)) => Ok(Typed::new(format!("ts_neg({})", operand.sql), kind)),
            (UnaryOperator::Not, Scalar::Boolean | Scalar::Unknown) => Ok(Typed::new(format!("(NOT {})", operand.sql), Scalar::Boolean)),
            (UnaryOperator::Plus | UnaryOperator::Minus, Scalar::Unknown) => Ok(operand),
            _ => Err(QueryFailure::Validation(format!("{}'{op}' cannot be applied to {}", at(span), operand.kind.sql_name()))),
        }
    }

    fn is_test(&mut self, expr: &Expr, frame: &mut Frame<'_>) -> Result<Typed, QueryFailure> {
        let (operand, test, of_boolean) = match expr {
            Expr::IsNull(operand) => (operand, "IS NULL", false),
            Expr::IsNotNull(operand) => (operand, "IS NOT NULL", false),
            Expr::IsTrue(operand) => (operand, "IS TRUE", true),
            Expr::IsNotTrue(operand) => (operand, "IS NOT TRUE", true),
            Expr::IsFalse(operand) => (operand, "IS FALSE", true),
            Expr::IsNotFalse(operand) => (operand, "IS NOT FALSE", true),
            other => return Err(unserved(other.span(), other)),
        };
        let value = self.expression(operand, frame)?;
        if of_boolean && !matches!(value.kind, Scalar::Boolean | Scalar::Unknown) {
            return Err(QueryFailure::Validation(format!("{}'{test}' cannot be applied to {}", at(expr.span()), value.kind.sql_name())));
        }
        Ok(Typed::new(format!("({} {test})", value.sql), Scalar::Boolean))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        span: Span,
        frame: &mut Frame<'_>,
    ) -> Result<Typed, QueryFailure> {
        let operand = operand.map(|operand| self.expression(operand, frame)).transpose()?;
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for arm in conditions {
            let condition = self.expression(&arm.condition, frame)?;
            let test = match &operand {
                None => condition,
                Some(operand) => self.binary(&BinaryOperator::Eq, operand.clone(), condition, arm.condition.span())?,
            };
            if !matches!(test.kind, Scalar::Boolean | Scalar::Unknown) {
                return Err(QueryFailure::Validation(format!("{}CASE WHEN clause must evaluate to a boolean", at(arm.condition.span()))));
            }
            tests.push(test.sql);
            results.push(self.expression(&arm.result, frame)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expression(otherwise, frame)?);
        }
        let (results, kind) = self.unify(results, span, "CASE")?;
        let arms = tests.iter().zip(&results).map(|(test, result)| format!(" WHEN {test} THEN {}", result.sql)).collect::<String>();
        let otherwise = results.get(tests.len()).map(|result| format!(" ELSE {}", result.sql)).unwrap_or_default();
        Ok(Typed::new(format!("(CASE{arms}{otherwise} END)"), kind))
    }
}

/// `measure_value::double`, unquoted, is a column of single-measure records, not a cast.
pub(super) fn measure_value_column(expr: &Expr) -> Option<Ident> {
    let Expr::Cast { kind: CastKind::DoubleColon, expr: root, data_type, .. } = expr else { return None };
    match root.as_ref() {
        Expr::Identifier(ident) if ident.value.eq_ignore_ascii_case("measure_value") => {
            let value = format!("measure_value::{}", data_type.to_string().to_ascii_lowercase());
            Some(Ident { value, quote_style: None, span: ident.span })
        }
        _ => None,
    }
}

/// Expressions of a list, separated by commas.
pub(super) fn joined(list: &[Typed]) -> String {
    list.iter().map(|item| item.sql.as_str()).collect::<Vec<_>>().join(", ")
}

fn not(negated: bool) -> &'static str {
    if negated { " NOT" } else { "" }
}

fn unserved(span: Span, expr: &Expr) -> QueryFailure {
    let what = match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { .. } => "a subquery inside an expression",
        Expr::Value(_) => "this literal",
        Expr::Array(_) | Expr::CompoundFieldAccess { .. } => "an array or a row",
        Expr::Lambda(_) => "a lambda expression",
        Expr::AtTimeZone { .. } => "AT TIME ZONE",
        Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => "a grouping set",
        Expr::Tuple(_) => "a row of expressions",
        _ => "this expression",
    };
    QueryFailure::not_served(at(span), what)
}
