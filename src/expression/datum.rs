//! A value inside an expression, and the conversions that happen by themselves (facts: types, conversions).

use std::borrow::Cow;
use std::fmt::Write as _;

use super::number::Numeric;
use crate::value::{Number, Object, Value};

/// What an expression can be worth. Arrays and objects come from the message only.
#[derive(Debug, Clone)]
pub struct Datum<'a>(pub(super) Inner<'a>);

#[derive(Debug, Clone)]
pub(super) enum Inner<'a> {
    /// A missing attribute, or an operation that its operands do not allow.
    Undefined,
    Null,
    Boolean(bool),
    Number(Numeric),
    Text(Cow<'a, str>),
    Array(&'a [Value]),
    Object(&'a Object),
}

impl Datum<'_> {
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self.0, Inner::Boolean(true))
    }

    #[must_use]
    pub fn is_undefined(&self) -> bool {
        matches!(self.0, Inner::Undefined)
    }

    /// The value as a message holds it, numbers in their shortest text; `None` for Undefined.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        Some(match &self.0 {
            Inner::Undefined => return None,
            Inner::Null => Value::Null,
            Inner::Boolean(boolean) => Value::Bool(*boolean),
            // The text is of JSON's grammar by construction.
            Inner::Number(number) => Value::Number(Number::parse(&number.text())?),
            Inner::Text(text) => Value::String(text.clone().into_owned()),
            Inner::Array(items) => Value::Array(items.to_vec()),
            Inner::Object(object) => Value::Object((*object).clone()),
        })
    }
}

impl<'a> Inner<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(boolean) => Self::Boolean(*boolean),
            Value::Number(number) => Numeric::of_message(number.as_str()).map_or(Self::Undefined, Self::Number),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            // What JSON cannot hold is what `Value::to_json` makes of it: text.
            Value::Timestamp(_) | Value::NonFinite(_) => match value.to_json() {
                serde_json::Value::String(text) => Self::Text(Cow::Owned(text)),
                _ => Self::Undefined,
            },
            Value::Array(items) => Self::Array(items),
            Value::Object(object) => Self::Object(object),
        }
    }

    /// To Decimal, where an operator or a function wants a number: numbers and numeric strings have one, nothing else.
    pub(super) fn number(&self) -> Option<Numeric> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => Numeric::of_text(text),
            _ => None,
        }
    }

    /// To Boolean: booleans, and `true` and `false` in any case.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// To String; Null and Undefined have none.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Undefined | Self::Null => return None,
            Self::Boolean(boolean) => Cow::Borrowed(if *boolean { "true" } else { "false" }),
            Self::Number(number) => Cow::Owned(number.text()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Array(items) => {
                let mut out = String::new();
                write_array(&mut out, items);
                Cow::Owned(out)
            }
            Self::Object(object) => {
                let mut out = String::new();
                write_object(&mut out, object);
                Cow::Owned(out)
            }
        })
    }

    /// Whether two values that are neither Null nor Undefined are equal. Different types are not.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a.compare(*b).is_some_and(std::cmp::Ordering::is_eq),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => equal_arrays(a, b),
            (Self::Object(a), Self::Object(b)) => equal_objects(a, b),
            _ => false,
        }
    }
}

fn equal_arrays(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_values(a, b))
}

fn equal_objects(a: &Object, b: &Object) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| equal_values(value, other)))
}

/// Equality below the top: null equals null, and a number that the language cannot hold equals nothing.
fn equal_values(a: &Value, b: &Value) -> bool {
    matches!((a, b), (Value::Null, Value::Null)) || Inner::of(a).equals(&Inner::of(b))
}

/// Compact JSON with the text of numbers as the message has it. (`serde_json` would rewrite exponents.)
pub(super) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Number(number) => out.push_str(number.as_str()),
        Value::Array(items) => write_array(out, items),
        Value::Object(object) => write_object(out, object),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Timestamp(_) | Value::NonFinite(_) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", value.to_json());
        }
    }
}

fn write_array(out: &mut String, items: &[Value]) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_json(out, item);
    }
    out.push(']');
}

pub(super) fn write_object(out: &mut String, object: &Object) {
    out.push('{');
    for (at, (name, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let _ = write!(out, "{}:", serde_json::Value::from(name.as_str()));
        write_json(out, value);
    }
    out.push('}');
}
