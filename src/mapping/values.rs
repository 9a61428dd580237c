//! A value as the text of a dimension, and as a measure of a type.

use crate::record::{Measure, MeasureKind};
use crate::time::TimeFormat;
use crate::value::{Decimal, Rest, Value};

/// Why a value is no measure of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    Empty,
    NonFinite,
    WrongType,
}

/// The measure that `value`, which is not null, is under a rule. Nothing is rounded but the DOUBLE itself.
pub(super) fn measure(value: &Value, kind: MeasureKind, format: Option<&TimeFormat>) -> Result<Measure, Misfit> {
    if let Value::String(text) = value
        && text.is_empty()
    {
        return Err(Misfit::Empty);
    }
    match kind {
        MeasureKind::Varchar => Ok(Measure::Varchar(text(value))),
        MeasureKind::Timestamp => timestamp(value, format).map(Measure::Timestamp),
        MeasureKind::Boolean => boolean(value).map(Measure::Boolean),
        MeasureKind::Bigint => integer(value).map(Measure::Bigint),
        MeasureKind::Double => double(value).map(Measure::Double),
    }
    .map_err(|()| if is_non_finite(value) { Misfit::NonFinite } else { Misfit::WrongType })
}

fn timestamp(value: &Value, format: Option<&TimeFormat>) -> Result<crate::time::Nanos, ()> {
    match (value, format) {
        (Value::Timestamp(instant), _) => Ok(*instant),
        (_, Some(format)) => format.try_read(value).ok_or(()),
        (_, None) => Err(()),
    }
}

fn boolean(value: &Value) -> Result<bool, ()> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(()),
    }
}

/// Whole numbers however they are written (`27`, `27.0`, `"27"`), if they fit 64 bits.
fn integer(value: &Value) -> Result<i64, ()> {
    let decimal = Decimal::parse(number_text(value)?).ok_or(())?;
    let whole = decimal.to_scaled_i128(0, Rest::Refuse).ok_or(())?;
    i64::try_from(whole).map_err(|_| ())
}

/// The nearest double of any number that does not overflow.
fn double(value: &Value) -> Result<f64, ()> {
    let text = number_text(value)?;
    // A Number is of JSON's grammar already; a string has to show that it is.
    if matches!(value, Value::String(_)) && Decimal::parse(text).is_none() {
        return Err(());
    }
    text.parse().ok().filter(|double: &f64| double.is_finite()).ok_or(())
}

fn number_text(value: &Value) -> Result<&str, ()> {
    match value {
        Value::Number(number) => Ok(number.as_str()),
        Value::String(text) => Ok(text),
        _ => Err(()),
    }
}

/// NaN and the infinities, typed or as Athena's CSV spells them.
fn is_non_finite(value: &Value) -> bool {
    match value {
        Value::NonFinite(_) => true,
        Value::String(text) => matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity"),
        _ => false,
    }
}

/// A value that is not null as text: strings as they are, numbers by their own text, instants as ISO 8601, arrays and
/// objects as compact JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_str().to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Timestamp(instant) => instant.to_iso8601(),
        // NaN and the infinities are JSON strings; as text they need no quotes.
        Value::NonFinite(_) => value.to_json().as_str().unwrap_or_default().to_owned(),
        Value::Null | Value::Array(_) | Value::Object(_) => value.to_json().to_string(),
    }
}

/// What a measure's value takes of a record's room, in bytes (facts: metered size of an event).
pub(super) fn size(measure: &Measure) -> usize {
    match measure {
        Measure::Boolean(_) => 1,
        Measure::Varchar(text) => text.len(),
        Measure::Double(_) | Measure::Bigint(_) | Measure::Timestamp(_) => 8,
    }
}

/// Cuts `text` to at most `bytes_max`, whole characters.
pub(super) fn truncate(text: &mut String, bytes_max: usize) {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}
