//! Literals.

use sqlparser::ast::{DataType, DateTimeField, Expr, Interval, TimezoneInfo, TypedString, UnaryOperator, Value};

use super::{Rewriter, Typed};
use crate::dataset::kind::Kind;
use crate::dataset::tree::{Digits, Node, Number};
use crate::inventory::shown;
use crate::time::{DAY_NANOS, Nanos, TimeFormat};
use crate::value::Value as Json;

impl Rewriter<'_> {
    pub(super) fn literal(&mut self, value: &Value) -> Typed {
        match value {
            Value::Number(text, false) => match Number::new(text) {
                Some(number) => {
                    let kind = number_kind(text);
                    Typed::new(Node::Number(number), kind)
                }
                None => self.refuse(&format!("the number {}", shown(text)), "write it in digits"),
            },
            Value::SingleQuotedString(text) => {
                if text.contains("${") {
                    let cause = format!("its query holds the text {}, which a template may have filled in", shown(text));
                    self.found.warn(
                        "sql_symbolic_text",
                        cause,
                        "capture the dataset as it was deployed, or write the value into the query",
                    );
                }
                Typed::new(Node::Text(text.clone()), Kind::Varchar)
            }
            Value::Boolean(truth) => Typed::new(Node::Boolean(*truth), Kind::Boolean),
            Value::Null => Typed::new(Node::Null, Kind::Null),
            _ => self.refuse("this kind of literal", "write a number, a text in single quotes, true, false or NULL"),
        }
    }

    /// `TIMESTAMP '…'` and `DATE '…'`.
    pub(super) fn typed_literal(&mut self, typed: &TypedString) -> Typed {
        let Value::SingleQuotedString(text) = &typed.value.value else {
            return self.refuse("this kind of literal", "write the text in single quotes");
        };
        let wanted = match &typed.data_type {
            DataType::Timestamp(None, TimezoneInfo::None) => Kind::Timestamp,
            DataType::Date => Kind::Date,
            _ => return self.refuse("a typed literal other than TIMESTAMP and DATE", "cast a text or a number instead"),
        };
        match read_instant(text) {
            Some(instant) if wanted == Kind::Timestamp => Typed::new(timestamp(instant), wanted),
            Some(instant) if instant.0.rem_euclid(DAY_NANOS) == 0 => Typed::new(date(instant), wanted),
            _ => {
                let cause = format!("{} is no instant that can be read", shown(text));
                self.found.error("time_literal_unreadable", cause, "write it as YYYY-MM-DD hh:mm:ss, in UTC");
                Typed::nothing()
            }
        }
    }

    pub(super) fn interval(&mut self, interval: &Interval) -> Typed {
        let refused = "an INTERVAL of this form";
        let remedy = "write INTERVAL '15' MINUTE, with a whole number and a unit from second to year";
        if interval.leading_precision.is_some() || interval.last_field.is_some() || interval.fractional_seconds_precision.is_some() {
            return self.refuse(refused, remedy);
        }
        let (negative, value) = match interval.value.as_ref() {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (true, expr.as_ref()),
            value => (false, value),
        };
        let text = match value {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::Number(text, false) => text.trim(),
                _ => "",
            },
            _ => "",
        };
        let (negative, digits) = text.strip_prefix('-').map_or((negative, text), |digits| (!negative, digits));
        let unit = interval.leading_field.as_ref().and_then(unit_word);
        let Some((count, unit)) = Digits::new(digits).zip(unit) else { return self.refuse(refused, remedy) };
        let node = Node::Interval { count, unit };
        let node = if negative { Node::Unary { op: "-", operand: Box::new(node) } } else { node };
        Typed::new(node, Kind::Interval)
    }
}

fn unit_word(field: &DateTimeField) -> Option<&'static str> {
    Some(match field {
        DateTimeField::Second | DateTimeField::Seconds => "SECOND",
        DateTimeField::Minute | DateTimeField::Minutes => "MINUTE",
        DateTimeField::Hour | DateTimeField::Hours => "HOUR",
        DateTimeField::Day | DateTimeField::Days => "DAY",
        DateTimeField::Week(None) | DateTimeField::Weeks => "WEEK",
        DateTimeField::Month | DateTimeField::Months => "MONTH",
        DateTimeField::Year | DateTimeField::Years => "YEAR",
        _ => return None,
    })
}

fn number_kind(text: &str) -> Kind {
    if text.contains(['.', 'e', 'E']) {
        Kind::Double
    } else if text.parse::<i32>().is_ok() {
        Kind::Integer
    } else {
        Kind::Bigint
    }
}

/// `TIMESTAMP '…'`, in Timestream's own form.
pub(super) fn timestamp(instant: Nanos) -> Node {
    let text = instant.to_timestream();
    // Decimals that are all zero say nothing.
    let text = text.strip_suffix(".000000000").unwrap_or(&text).to_owned();
    Node::Literal { word: "TIMESTAMP", text }
}

fn date(instant: Nanos) -> Node {
    let text = instant.to_timestream();
    Node::Literal { word: "DATE", text: text.split(' ').next().unwrap_or_default().to_owned() }
}

/// A text that states an instant in ISO 8601, in Athena's form, or a day alone.
pub(super) fn read_instant(text: &str) -> Option<Nanos> {
    let text = text.trim();
    let read = |format: TimeFormat, text: &str| format.try_read(&Json::String(text.to_owned()));
    let day = || (text.len() == 10).then(|| format!("{text} 00:00:00")).and_then(|text| read(TimeFormat::Athena, &text));
    let short = || (text.len() == 16).then(|| format!("{text}:00")).and_then(|text| read(TimeFormat::Athena, &text));
    read(TimeFormat::Athena, text).or_else(|| read(TimeFormat::Iso8601, text)).or_else(day).or_else(short)
}
