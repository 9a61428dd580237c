//! The numbers of the language: Int (at most 34 digits) and Decimal (34 digits, 1E-999 to 9.99…E999).
//!
//! A Decimal that is whole stays a Decimal inside an expression; its text is that of the whole number (`10`, not `10.0`).
//! What is closer to zero than 1E-999 is zero. Trailing zeros have no meaning, and no text shows them.

use std::cmp::Ordering;

use dec::{Context, Rounding};

/// Room for 36 digits; the context rounds to 34.
pub(super) type Dec = dec::Decimal<12>;

const DIGITS: usize = 34;
/// 10^34: an Int is smaller.
const INT_END: i128 = 10_i128.pow(34);
/// The greatest power of ten of a first digit, and the least.
const EXPONENT_MAX: i64 = 999;

#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric {
    Int(i128),
    Decimal(Dec),
}

/// Why an operation has no value: division by zero, or a result that no number of the language holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoResult;

/// Half-even at 34 digits. Exponents may run wide inside an operation; [`bounded`] judges its result.
fn context() -> Context<Dec> {
    let mut context = Context::<Dec>::default();
    // These cannot fail: the constants are within the documented bounds of each setter.
    let _ = context.set_precision(DIGITS);
    let _ = context.set_max_exponent(999_999);
    let _ = context.set_min_exponent(-999_999);
    context.set_rounding(Rounding::HalfEven);
    context
}

/// The power of ten of the first digit.
fn magnitude(value: &Dec) -> i64 {
    i64::from(value.exponent()) + i64::from(value.digits()) - 1
}

/// A result as the language holds it: trailing zeros off, no minus zero, zero below 1E-999; none beyond 9.99…E999.
fn bounded(mut value: Dec) -> Result<Dec, NoResult> {
    if !value.is_finite() {
        return Err(NoResult);
    }
    if value.is_zero() || magnitude(&value) < -EXPONENT_MAX {
        return Ok(Dec::zero());
    }
    if magnitude(&value) > EXPONENT_MAX {
        return Err(NoResult);
    }
    value.trim();
    Ok(value)
}

/// Reads digits with an optional point and exponent, rounded to 34 digits.
fn read(text: &str) -> Option<Dec> {
    context().parse(text).ok()
}

impl Numeric {
    /// A literal: an Int by its text, so that `5.0` is a Decimal. `None` where no number of the language is what it says.
    pub(super) fn of_literal(text: &str) -> Option<Self> {
        crate::value::Number::parse(text)?;
        if !text.contains(['.', 'e', 'E']) {
            return text.parse::<i128>().ok().filter(|int| int.unsigned_abs() < INT_END.unsigned_abs()).map(Self::Int);
        }
        let exact = read(text)?;
        let value = bounded(exact).ok()?;
        (value.is_zero() == exact.is_zero()).then_some(Self::Decimal(value))
    }

    /// A number of a message: an Int where it is whole, however it is written. `None` beyond 9.99…E999.
    pub(super) fn of_message(text: &str) -> Option<Self> {
        if let Some(int) = text.parse::<i128>().ok().filter(|int| int.unsigned_abs() < INT_END.unsigned_abs()) {
            return Some(Self::Int(int));
        }
        bounded(read(text)?).ok().map(|value| Self::Decimal(value).whole())
    }

    /// A numeric string, `^-?\d+(\.\d+)?((?i)E-?\d+)?$`: a Decimal. `None` for any other string, and beyond 9.99…E999.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        is_numeric(text).then(|| read(text)).flatten().and_then(|value| bounded(value).ok()).map(Self::Decimal)
    }

    /// The double that a function computed, by its shortest text; of two that are equally near, the even one, which is also
    /// Python's choice (and not that of Rust's own formatting). `None` for NaN and the infinities.
    pub(super) fn of_f64(value: f64) -> Option<Self> {
        let text = crate::value::Number::from_f64(value)?;
        bounded(read(text.as_str())?).ok().map(Self::Decimal)
    }

    /// The nearest double.
    pub(super) fn to_f64(self) -> Option<f64> {
        match self {
            Self::Int(int) => int.to_string().parse().ok(),
            Self::Decimal(value) => value.to_string().parse().ok(),
        }
    }

    /// An Int where the value is whole and has at most 34 digits, else the same.
    pub(super) fn whole(self) -> Self {
        match self {
            Self::Decimal(value) if value.exponent() >= 0 => to_int(&value).map_or(self, Self::Int),
            _ => self,
        }
    }

    /// As it is written, in JSON and in strings: whole numbers of up to 34 digits without a point, all others in the decimal
    /// arithmetic's own notation (`0.1`, `1E-7`, `1.5E+40`).
    pub(super) fn text(self) -> String {
        match self.whole() {
            Self::Int(int) => int.to_string(),
            Self::Decimal(value) => value.to_string(),
        }
    }

    pub(super) fn decimal(self) -> Dec {
        match self {
            Self::Decimal(value) => value,
            // An Int has at most 34 digits, so nothing is rounded and nothing is out of bounds.
            Self::Int(int) => match i32::try_from(int) {
                Ok(small) => context().from_i32(small),
                Err(_) => read(&int.to_string()).unwrap_or_else(Dec::nan),
            },
        }
    }

    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            _ => context().partial_cmp(&self.decimal(), &other.decimal()),
        }
    }

    pub(super) fn add(self, other: Self) -> Result<Self, NoResult> {
        self.compute(other, i128::checked_add, |context, a, b| context.add(a, b))
    }

    pub(super) fn subtract(self, other: Self) -> Result<Self, NoResult> {
        self.compute(other, i128::checked_sub, |context, a, b| context.sub(a, b))
    }

    pub(super) fn multiply(self, other: Self) -> Result<Self, NoResult> {
        self.compute(other, i128::checked_mul, |context, a, b| context.mul(a, b))
    }

    /// Int by Int is cut toward zero.
    pub(super) fn divide(self, other: Self) -> Result<Self, NoResult> {
        self.compute(other, i128::checked_div, |context, a, b| context.div(a, b))
    }

    /// Int by Int as decimals.
    pub(super) fn divide_as_decimals(self, other: Self) -> Result<Self, NoResult> {
        Self::Decimal(self.decimal()).divide(other)
    }

    /// With the sign of the dividend. No value where the whole quotient has more than 34 digits.
    pub(super) fn remainder(self, other: Self) -> Result<Self, NoResult> {
        self.compute(other, i128::checked_rem, |context, a, b| context.rem(a, b))
    }

    fn compute(
        self,
        other: Self,
        ints: impl Fn(i128, i128) -> Option<i128>,
        decimals: impl Fn(&mut Context<Dec>, &mut Dec, &Dec),
    ) -> Result<Self, NoResult> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => {
                ints(a, b).filter(|int| int.unsigned_abs() < INT_END.unsigned_abs()).map(Self::Int).ok_or(NoResult)
            }
            _ => {
                let mut result = self.decimal();
                decimals(&mut context(), &mut result, &other.decimal());
                bounded(result).map(Self::Decimal)
            }
        }
    }

    pub(super) fn absolute(self) -> Self {
        match self {
            Self::Int(int) => Self::Int(int.abs()),
            Self::Decimal(value) if value.is_negative() => Self::Decimal(-value),
            Self::Decimal(_) => self,
        }
    }

    /// -1, 0 or 1.
    pub(super) fn sign(self) -> i128 {
        match self {
            Self::Int(int) => int.signum(),
            Self::Decimal(value) if value.is_zero() => 0,
            Self::Decimal(value) if value.is_negative() => -1,
            Self::Decimal(_) => 1,
        }
    }

    /// Toward plus infinity, as an Int.
    pub(super) fn ceiling(self) -> Result<Self, NoResult> {
        self.rounded(Rounding::Ceiling)
    }

    /// Halves away from zero, as an Int.
    pub(super) fn nearest(self) -> Result<Self, NoResult> {
        self.rounded(Rounding::HalfUp)
    }

    fn rounded(self, rounding: Rounding) -> Result<Self, NoResult> {
        let Self::Decimal(value) = self else { return Ok(self) };
        to_int(&bounded(at_exponent(value, 0, rounding))?).map(Self::Int).ok_or(NoResult)
    }

    /// Cut toward zero after as many decimals as `places` says (its whole part toward minus infinity, between 0 and 34).
    pub(super) fn cut(self, places: Self) -> Self {
        let (Self::Decimal(value), places) = (self, places.places()) else { return self };
        bounded(at_exponent(value, -places, Rounding::Down)).map_or(self, Self::Decimal)
    }

    fn places(self) -> i32 {
        let floor = match self {
            Self::Int(int) => int,
            Self::Decimal(value) => {
                let floor = at_exponent(value, 0, Rounding::Floor);
                to_int(&floor).unwrap_or(if floor.is_negative() { 0 } else { i128::MAX })
            }
        };
        i32::try_from(floor.clamp(0, 34)).unwrap_or(0)
    }
}

/// `value` without digits below the power of ten `exponent`.
fn at_exponent(value: Dec, exponent: i32, rounding: Rounding) -> Dec {
    if value.exponent() >= exponent {
        return value;
    }
    let mut context = context();
    context.set_rounding(rounding);
    let mut unit = context.from_i32(1);
    unit.set_exponent(exponent);
    let mut result = value;
    // It has at most 34 digits and loses some, so it fits.
    context.quantize(&mut result, &unit);
    result
}

/// The whole number of up to 34 digits that `value` is.
fn to_int(value: &Dec) -> Option<i128> {
    if value.is_zero() {
        return Some(0);
    }
    let mut value = *value;
    value.trim();
    (value.is_finite() && value.exponent() >= 0 && magnitude(&value) < 34)
        .then(|| value.to_standard_notation_string().parse().ok())
        .flatten()
}

fn is_numeric(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(|exponent| digits(exponent.strip_prefix('-').unwrap_or(exponent)))
}

#[cfg(test)]
mod tests;
