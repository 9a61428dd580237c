//! Arithmetic, mathematical functions, and conversions of numbers.

use rusqlite::types::Value;
use rusqlite::{Connection, functions::Context};

use super::{Fault, conversion, integer, real, scalar};
use crate::local::timestream::query::scalar::number_text;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    scalar(connection, "add", |c| whole(c, "addition", "+", i64::checked_add))?;
    scalar(connection, "sub", |c| whole(c, "subtraction", "-", i64::checked_sub))?;
    scalar(connection, "mul", |c| whole(c, "multiplication", "*", i64::checked_mul))?;
    scalar(connection, "div", |c| divided(c, "division", "/", i64::checked_div))?;
    // What is left of i64::MIN / -1 is nothing.
    scalar(connection, "mod", |c| divided(c, "modulus", "%", |a, b| Some(a.wrapping_rem(b))))?;
    scalar(connection, "neg", |c| unary(c, "negation", i64::checked_neg))?;
    scalar(connection, "abs", |c| unary(c, "absolute value", i64::checked_abs))?;
    scalar(connection, "abs_integer", |c| int(integer(c, 0)?.saturating_abs()))?;
    scalar(connection, "double_add", |c| double(real(c, 0)? + real(c, 1)?))?;
    scalar(connection, "double_sub", |c| double(real(c, 0)? - real(c, 1)?))?;
    scalar(connection, "double_mul", |c| double(real(c, 0)? * real(c, 1)?))?;
    scalar(connection, "double_div", |c| double(real(c, 0)? / real(c, 1)?))?;
    scalar(connection, "double_mod", |c| double(real(c, 0)? % real(c, 1)?))?;
    scalar(connection, "ceil", |c| double(real(c, 0)?.ceil()))?;
    scalar(connection, "floor", |c| double(real(c, 0)?.floor()))?;
    scalar(connection, "truncate", |c| double(real(c, 0)?.trunc()))?;
    scalar(connection, "round", round)?;
    scalar(connection, "sign", |c| real(c, 0).and_then(|it| double(if it == 0.0 { 0.0 } else { it.signum() })))?;
    scalar(connection, "sqrt", |c| double(real(c, 0)?.sqrt()))?;
    scalar(connection, "exp", |c| double(real(c, 0)?.exp()))?;
    scalar(connection, "ln", |c| double(real(c, 0)?.ln()))?;
    scalar(connection, "log2", |c| double(real(c, 0)?.log2()))?;
    scalar(connection, "log10", |c| double(real(c, 0)?.log10()))?;
    scalar(connection, "power", |c| double(real(c, 0)?.powf(real(c, 1)?)))?;
    scalar(connection, "is_finite", |c| Ok(Value::Integer(i64::from(real(c, 0)?.is_finite()))))?;
    scalar(connection, "is_infinite", |c| Ok(Value::Integer(i64::from(real(c, 0)?.is_infinite()))))?;
    scalar(connection, "double_text", |c| Ok(Value::Text(number_text(real(c, 0)?))))?;
    conversion(connection, "int", |c| int(integer(c, 0)?))?;
    conversion(connection, "double_bigint", |c| double_to_whole(real(c, 0)?).map(Value::Integer))?;
    conversion(connection, "text_bigint", |c| {
        let text = super::text(c, 0)?;
        text.parse().map(Value::Integer).map_err(|_| format!("Cannot cast '{text}' to BIGINT"))
    })?;
    conversion(connection, "text_double", text_to_double)?;
    conversion(connection, "text_boolean", |c| {
        let text = super::text(c, 0)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" => Ok(Value::Integer(1)),
            "false" | "f" | "0" => Ok(Value::Integer(0)),
            _ => Err(format!("Cannot cast '{text}' to BOOLEAN")),
        }
    })
}

fn whole(c: &Context<'_>, noun: &str, symbol: &str, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    let (left, right) = (integer(c, 0)?, integer(c, 1)?);
    operation(left, right).map(Value::Integer).ok_or_else(|| format!("bigint {noun} overflow: {left} {symbol} {right}"))
}

fn divided(c: &Context<'_>, noun: &str, symbol: &str, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Fault> {
    if integer(c, 1)? == 0 {
        return Err("Division by zero".to_owned());
    }
    whole(c, noun, symbol, operation)
}

fn unary(c: &Context<'_>, noun: &str, operation: fn(i64) -> Option<i64>) -> Result<Value, Fault> {
    let it = integer(c, 0)?;
    operation(it).map(Value::Integer).ok_or_else(|| format!("bigint {noun} overflow: {it}"))
}

fn int(value: i64) -> Result<Value, Fault> {
    match i32::try_from(value) {
        Ok(_) => Ok(Value::Integer(value)),
        Err(_) => Err(format!("integer overflow: {value}")),
    }
}

/// SQLite would hold a NaN as NULL.
fn double(value: f64) -> Result<Value, Fault> {
    if value.is_nan() {
        return Err("the result is NaN, which is not served by the embedded service".to_owned());
    }
    Ok(Value::Real(value))
}

fn round(c: &Context<'_>) -> Result<Value, Fault> {
    let value = real(c, 0)?;
    if c.len() == 1 || !value.is_finite() {
        return double(value.round());
    }
    let digits = i32::try_from(integer(c, 1)?).map_err(|_| "too many decimals to round to".to_owned())?;
    let factor = 10f64.powi(digits);
    let scaled = value * factor;
    // Where the scale is beyond a double there is nothing to round away.
    if !scaled.is_finite() || factor == 0.0 {
        return double(if factor == 0.0 { 0.0 } else { value });
    }
    double(scaled.round() / factor)
}

fn double_to_whole(value: f64) -> Result<i64, Fault> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let rounded = value.round();
    if !(-LIMIT..LIMIT).contains(&rounded) {
        return Err(format!("Cannot cast {} to BIGINT", number_text(value)));
    }
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole and inside the range")]
    let whole = rounded as i64;
    Ok(whole)
}

fn text_to_double(c: &Context<'_>) -> Result<Value, Fault> {
    let text = super::text(c, 0)?;
    let trimmed = text.trim();
    let value = match trimmed {
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // `inf` and `nan` are Rust's words.
        _ if trimmed.contains(|c: char| c.is_ascii_alphabetic() && !c.eq_ignore_ascii_case(&'e')) => None,
        _ => trimmed.parse().ok(),
    };
    value.map(Value::Real).ok_or_else(|| format!("Cannot cast '{text}' to DOUBLE"))
}
