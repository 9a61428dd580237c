//! One value of a telemetry message, as the source held it.
//!
//! Invariant: a number keeps the text it was written in until the mapping gives it a type, so that no integer beyond
//! 2^53 passes through a float and `27` can become the DOUBLE that its neighbours are.
//!
//! Every room above may use this; it uses nothing.

use std::fmt;

use indexmap::IndexMap;

use crate::time::Nanos;

/// The named values of a message, in the order in which the source wrote them.
pub type Object = IndexMap<String, Value>;

/// A JSON-shaped value, plus the two things that Parquet can hold and JSON cannot.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    /// A typed instant (Parquet TIMESTAMP or DATE). JSON and CSV never produce one: their times are text or numbers.
    Timestamp(Nanos),
    /// NaN or an infinity (Parquet only).
    NonFinite(f64),
    Array(Vec<Self>),
    Object(Object),
}

impl Value {
    /// The word that messages use for this kind of value.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Timestamp(_) => "timestamp",
            Self::NonFinite(_) => "non-finite number",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The value as compact JSON. Timestamps become ISO 8601 text, non-finite numbers `"NaN"`, `"Infinity"`, `"-Infinity"`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Number(n) => n.to_json(),
            Self::String(s) => s.clone().into(),
            Self::Timestamp(t) => t.to_iso8601().into(),
            Self::NonFinite(f) => non_finite_text(*f).into(),
            Self::Array(items) => items.iter().map(Self::to_json).collect(),
            Self::Object(object) => object_to_json(object),
        }
    }
}

/// An object as JSON, keys in their order.
#[must_use]
pub fn object_to_json(object: &Object) -> serde_json::Value {
    serde_json::Value::Object(object.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(b),
            serde_json::Value::Number(n) => Self::Number(Number(n.to_string().into_boxed_str())),
            serde_json::Value::String(s) => Self::String(s),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => Self::Object(map.into_iter().map(|(k, v)| (k, Self::from(v))).collect()),
        }
    }
}

fn non_finite_text(f: f64) -> &'static str {
    if f.is_nan() {
        "NaN"
    } else if f > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A number as the text in which the source wrote it; always of JSON's number grammar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// Takes `text` if it is a JSON number (`-12`, `1.5`, `2E+7`; no `+1`, `.5`, `01`, `NaN`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Decimal::parse(text).map(|_| Self(text.into()))
    }

    /// The shortest text that reads back as `f`; `None` for NaN and the infinities.
    #[must_use]
    pub fn from_f64(f: f64) -> Option<Self> {
        // serde_json writes the shortest round-trip form, which is of the grammar.
        f.is_finite().then(|| Self(serde_json::json!(f).to_string().into_boxed_str()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest double; `None` when the number overflows to infinity.
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        self.0.parse::<f64>().ok().filter(|f| f.is_finite())
    }

    /// The exact integer, also for `27.0` and `27e0`; `None` when it has a fraction or does not fit.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        Decimal::parse(&self.0)?.to_scaled_i128(0, Rest::Refuse).and_then(|i| i64::try_from(i).ok())
    }

    fn to_json(&self) -> serde_json::Value {
        // The text is of JSON's grammar by construction; null cannot happen, and would be seen by every test.
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }
}

impl From<i64> for Number {
    fn from(i: i64) -> Self {
        Self(i.to_string().into_boxed_str())
    }
}

impl From<u64> for Number {
    fn from(i: u64) -> Self {
        Self(i.to_string().into_boxed_str())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What [`Decimal::to_scaled_i128`] does with digits finer than the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Refuse, unless they are all zero.
    Refuse,
    /// Cut them off, toward minus infinity.
    Floor,
}

/// The parts of a JSON number, borrowed from its text: sign, digits, and the power of ten of the last digit.
#[derive(Debug, Clone, Copy)]
pub struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Splits a JSON number; `None` when `text` is not one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            None => (rest, 0),
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if !is_digits(digits) {
                    return None;
                }
                // An exponent that does not fit is still a number: it saturates, and the value then over- or underflows.
                let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000);
                (mantissa, if exponent.starts_with('-') { -magnitude } else { magnitude })
            }
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            None => (mantissa, ""),
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        (is_digits(whole) && !leading_zero).then_some(Self { negative, whole, fraction, exponent })
    }

    /// The number times 10^`scale` as an integer, exactly; `None` when it does not fit or `rest` refuses.
    #[must_use]
    pub fn to_scaled_i128(&self, scale: i64, rest: Rest) -> Option<i128> {
        let digits = || self.whole.bytes().chain(self.fraction.bytes()).map(|b| b - b'0');
        // How many of the digits stand left of the point, after scaling.
        let kept = i64::try_from(self.whole.len()).ok()? + self.exponent + scale;
        let total = i64::try_from(self.whole.len() + self.fraction.len()).ok()?;
        let mut value: i128 = 0;
        let mut cut = false;
        for (at, digit) in (0_i64..).zip(digits()) {
            if at < kept {
                value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
            } else {
                cut |= digit != 0;
            }
        }
        if value != 0 {
            for _ in total..kept {
                value = value.checked_mul(10)?;
            }
        }
        match (cut, rest, self.negative) {
            (true, Rest::Refuse, _) => None,
            (true, Rest::Floor, true) => Some(-value - 1),
            (_, _, true) => Some(-value),
            (_, _, false) => Some(value),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_json_numbers_are_numbers() {
        for good in ["0", "-0", "12", "1.50", "2E+7", "1e-3", "-122.3354883", "9007199254740993"] {
            assert!(Number::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-", "+1", ".5", "5.", "01", "1e", "1e+", "NaN", "0x10", " 1", "1 ", "1_000"] {
            assert!(Number::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn integers_beyond_2_to_the_53_stay_exact() {
        assert_eq!(Number::parse("9007199254740993").unwrap().to_i64(), Some(9_007_199_254_740_993));
        assert_eq!(Number::parse("-9223372036854775808").unwrap().to_i64(), Some(i64::MIN));
        assert_eq!(Number::parse("9223372036854775808").unwrap().to_i64(), None);
    }

    #[test]
    fn whole_numbers_with_a_point_are_integers_and_fractions_are_not() {
        assert_eq!(Number::parse("27.0").unwrap().to_i64(), Some(27));
        assert_eq!(Number::parse("2.7e1").unwrap().to_i64(), Some(27));
        assert_eq!(Number::parse("27.5").unwrap().to_i64(), None);
        assert_eq!(Number::parse("0e999999999999").unwrap().to_i64(), Some(0));
        assert_eq!(Number::parse("1e999999999999").unwrap().to_i64(), None);
    }

    #[test]
    fn floor_goes_toward_minus_infinity() {
        let scaled = |text| Decimal::parse(text).unwrap().to_scaled_i128(3, Rest::Floor);
        assert_eq!(scaled("1.2345"), Some(1234));
        assert_eq!(scaled("-1.2345"), Some(-1235));
        assert_eq!(scaled("-1.234"), Some(-1234));
        assert_eq!(scaled("0.00005"), Some(0));
    }

    proptest! {
        #[test]
        fn every_integer_reads_back(i in any::<i64>()) {
            prop_assert_eq!(Number::from(i).to_i64(), Some(i));
        }

        #[test]
        fn every_finite_double_reads_back(f in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
            prop_assert_eq!(Number::from_f64(f).unwrap().to_f64().unwrap().to_bits(), f.to_bits());
        }
    }
}
