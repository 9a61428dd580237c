//! The forms in which a store writes an instant.

use std::fmt;
use std::str::FromStr;

use super::java::{JavaPattern, PatternProblem};
use super::{Nanos, text};
use crate::value::{Decimal, Rest, Value};

/// One way of writing an instant, as `migration.toml` names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TimeFormat {
    /// `epoch_s`: seconds since the epoch, whole or fractional, as a number or as text.
    EpochSeconds,
    /// `epoch_ms`
    EpochMillis,
    /// `epoch_us`
    EpochMicros,
    /// `epoch_ns`
    EpochNanos,
    /// `iso8601`: `2023-06-21T07:05:00.123Z`, with an offset, or without one (then UTC).
    Iso8601,
    /// `athena`: `2023-06-21 07:05:00.123`, UTC, with or without ` UTC` behind it.
    Athena,
    /// `java:<pattern>`: a Java DateTimeFormatter pattern, as timestamp partitions are declared with.
    Java(JavaPattern),
}

/// A text longer than this is no instant; it is not looked at.
const TEXT_BYTES_MAX: usize = 256;

/// How much of an offending value a message shows, in characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// Why a value could not be read as an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    #[error("{value} is not an instant in the format {format}")]
    NotAnInstant { value: String, format: String },
    #[error("{value} lies outside the instants that Timestream holds, 1677-09-21 to 2262-04-11")]
    OutOfRange { value: String },
    #[error("a value of the kind {kind} is not an instant in the format {format}")]
    WrongKind { kind: &'static str, format: String },
}

impl TimeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAnInstant { .. } | Self::WrongKind { .. } => {
                "if most rows fail this way, the column or its format is wrong in migration.toml".to_owned()
            }
            Self::OutOfRange { .. } => "check the unit: seconds, ms, us and ns differ by factors of a thousand".to_owned(),
        })
    }
}

/// Why a value is no instant, without the words: cheap enough to try many formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Text,
    Range,
    Kind,
}

impl TimeFormat {
    /// The instant that `value` states in this format, exactly: no float takes part, and digits finer than a nanosecond
    /// are cut toward minus infinity. A typed timestamp passes under every format.
    ///
    /// Epoch formats take numbers and texts of JSON's number grammar; the text formats take texts; Java patterns take
    /// both, a number by its own text (`yyyyMMdd`).
    pub fn read(&self, value: &Value) -> Result<Nanos, TimeError> {
        self.read_quietly(value).map_err(|why| match why {
            Unreadable::Text => TimeError::NotAnInstant { value: excerpt_of(value), format: self.to_string() },
            Unreadable::Range => TimeError::OutOfRange { value: excerpt_of(value) },
            Unreadable::Kind => TimeError::WrongKind { kind: value.kind(), format: self.to_string() },
        })
    }

    /// As [`Self::read`], without building an error.
    #[must_use]
    pub fn try_read(&self, value: &Value) -> Option<Nanos> {
        self.read_quietly(value).ok()
    }

    fn read_quietly(&self, value: &Value) -> Result<Nanos, Unreadable> {
        let (text, number) = match value {
            Value::Timestamp(instant) => return Ok(*instant),
            Value::String(text) => (text.as_str(), false),
            Value::Number(number) => (number.as_str(), true),
            _ => return Err(Unreadable::Kind),
        };
        if text.len() > TEXT_BYTES_MAX {
            return Err(Unreadable::Text);
        }
        match self {
            Self::EpochSeconds => epoch(text, 9),
            Self::EpochMillis => epoch(text, 6),
            Self::EpochMicros => epoch(text, 3),
            Self::EpochNanos => epoch(text, 0),
            Self::Iso8601 | Self::Athena if number => Err(Unreadable::Kind),
            Self::Iso8601 => text::iso8601(text),
            Self::Athena => text::athena(text),
            Self::Java(pattern) => pattern.read(text),
        }
    }
}

/// `text` times 10^`scale`, in nanoseconds.
fn epoch(text: &str, scale: i64) -> Result<Nanos, Unreadable> {
    let decimal = Decimal::parse(text).ok_or(Unreadable::Text)?;
    let nanos = decimal.to_scaled_i128(scale, Rest::Floor).ok_or(Unreadable::Range)?;
    i64::try_from(nanos).map(Nanos).map_err(|_| Unreadable::Range)
}

fn excerpt_of(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let mut excerpt: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
            if excerpt.len() < text.len() {
                excerpt.push('…');
            }
            // Debug form: control characters and quotes cannot reach a terminal.
            format!("{excerpt:?}")
        }
        Value::Number(number) => number.as_str().chars().take(EXCERPT_CHARS_MAX).collect(),
        other => other.kind().to_owned(),
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EpochSeconds => f.write_str("epoch_s"),
            Self::EpochMillis => f.write_str("epoch_ms"),
            Self::EpochMicros => f.write_str("epoch_us"),
            Self::EpochNanos => f.write_str("epoch_ns"),
            Self::Iso8601 => f.write_str("iso8601"),
            Self::Athena => f.write_str("athena"),
            Self::Java(pattern) => write!(f, "java:{pattern}"),
        }
    }
}

/// Why a text names no time format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTimeFormat {
    #[error("`{0}` is not a time format; use epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601, athena or java:<pattern>")]
    Name(String),
    #[error("`java:{pattern}` is not a time format: {problem}")]
    Pattern { pattern: String, problem: PatternProblem },
}

impl FromStr for TimeFormat {
    type Err = UnknownTimeFormat;

    fn from_str(text: &str) -> Result<Self, UnknownTimeFormat> {
        Ok(match text {
            "epoch_s" => Self::EpochSeconds,
            "epoch_ms" => Self::EpochMillis,
            "epoch_us" => Self::EpochMicros,
            "epoch_ns" => Self::EpochNanos,
            "iso8601" => Self::Iso8601,
            "athena" => Self::Athena,
            _ => {
                let pattern = text.strip_prefix("java:").ok_or_else(|| UnknownTimeFormat::Name(text.to_owned()))?;
                let compiled =
                    JavaPattern::new(pattern).map_err(|problem| UnknownTimeFormat::Pattern { pattern: pattern.to_owned(), problem })?;
                Self::Java(compiled)
            }
        })
    }
}

impl serde::Serialize for TimeFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TimeFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;
    use proptest::prelude::*;

    fn read(format: &str, value: &Value) -> Result<Nanos, TimeError> {
        format.parse::<TimeFormat>().unwrap().read(value)
    }

    fn number(text: &str) -> Value {
        Value::Number(Number::parse(text).unwrap())
    }

    fn string(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn epochs_are_read_exactly_from_numbers_and_from_text() {
        for (format, text, nanos) in [
            ("epoch_s", "1526077547", 1_526_077_547_000_000_000),
            ("epoch_s", "1687331100.123456789", 1_687_331_100_123_456_789),
            ("epoch_s", "1.6873311e9", 1_687_331_100_000_000_000),
            ("epoch_ms", "1687331100123", 1_687_331_100_123_000_000),
            ("epoch_ms", "1687331100123.5", 1_687_331_100_123_500_000),
            ("epoch_us", "1687331100123456", 1_687_331_100_123_456_000),
            ("epoch_ns", "1687331100123456789", 1_687_331_100_123_456_789),
            ("epoch_s", "-0.0000000015", -2),
            ("epoch_ns", "1.9", 1),
            ("epoch_ns", "9223372036854775807", i64::MAX),
        ] {
            assert_eq!(read(format, &number(text)), Ok(Nanos(nanos)), "{format} {text}");
            assert_eq!(read(format, &string(text)), Ok(Nanos(nanos)), "{format} \"{text}\"");
        }
    }

    #[test]
    fn what_is_no_instant_says_so_and_never_becomes_one() {
        for (format, value) in [
            ("epoch_s", string("")),
            ("epoch_s", string("now")),
            ("epoch_s", string(" 1526077547")),
            ("epoch_s", string("0x10")),
            ("iso8601", string("yesterday")),
            ("athena", string("2023-06-21T07:05:00Z")),
            ("epoch_s", string(&"9".repeat(300))),
        ] {
            assert!(matches!(read(format, &value), Err(TimeError::NotAnInstant { .. })), "{format} {value:?}");
        }
        for value in [Value::Null, Value::Bool(true), Value::NonFinite(f64::NAN), Value::Array(vec![])] {
            assert!(matches!(read("epoch_s", &value), Err(TimeError::WrongKind { .. })), "{value:?}");
        }
        assert!(matches!(read("iso8601", &number("2023")), Err(TimeError::WrongKind { .. })));
    }

    #[test]
    fn instants_outside_the_range_of_timestream_are_refused() {
        for (format, text) in
            [("epoch_s", "9223372037"), ("epoch_s", "1e30"), ("epoch_ns", "-9223372036854775809"), ("epoch_s", "1e999999999")]
        {
            assert!(matches!(read(format, &number(text)), Err(TimeError::OutOfRange { .. })), "{format} {text}");
        }
        assert!(matches!(read("iso8601", &string("2263-01-01")), Err(TimeError::OutOfRange { .. })));
    }

    #[test]
    fn a_typed_instant_passes_under_every_format() {
        for format in ["epoch_s", "epoch_ns", "iso8601", "athena", "java:yyyy-MM-dd"] {
            assert_eq!(read(format, &Value::Timestamp(Nanos(5))), Ok(Nanos(5)));
        }
    }

    #[test]
    fn messages_show_no_control_characters_and_not_the_whole_value() {
        let message = read("epoch_s", &string(&"\u{1b}[31m".repeat(50))).unwrap_err().to_string();
        assert!(!message.contains('\u{1b}') && message.chars().count() < 600, "{message}");
    }

    #[test]
    fn format_names_read_back_and_bad_ones_are_refused_when_they_are_read() {
        for name in ["epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "iso8601", "athena", "java:yyyy-MM-dd HH:mm:ss"] {
            assert_eq!(name.parse::<TimeFormat>().unwrap().to_string(), name);
        }
        for bad in ["", "epoch", "java:", "java:yyyy-QQ", "ISO8601"] {
            assert!(bad.parse::<TimeFormat>().is_err(), "{bad}");
        }
        let refused = "java:yyyy-'W'ww".parse::<TimeFormat>().unwrap_err().to_string();
        assert!(refused.contains("`w`"), "{refused}");
    }

    proptest! {
        #[test]
        fn epoch_reading_is_integer_arithmetic(whole in any::<i64>(), fraction in "[0-9]{0,14}", scale in 0usize..4) {
            let (name, digits) = [("epoch_s", 9), ("epoch_ms", 6), ("epoch_us", 3), ("epoch_ns", 0)][scale];
            let text = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
            // The same number as whole units of 10^-23, floored to nanoseconds.
            let fine: i128 = format!("{fraction:0<14}").parse().unwrap();
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let units = i128::from(whole) * 10_i128.pow(14) + sign * fine;
            let expected = units.div_euclid(10_i128.pow(14 - digits));
            let read = read(name, &number(&text)).ok().map(|n| i128::from(n.0));
            prop_assert_eq!(read, i64::try_from(expected).ok().map(i128::from));
        }
    }
}
