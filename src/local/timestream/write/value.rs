//! From the texts of a record to typed values and exact instants.

use std::borrow::Cow;

use crate::record::MeasureKind;

/// A typed value, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Datum {
    Double(f64),
    Bigint(i64),
    Boolean(bool),
    Varchar(String),
    /// Nanoseconds since the epoch.
    Timestamp(i64),
}

/// Why a text is not a value of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoValue {
    /// NaN or an infinity, or a number that only an infinity could hold.
    NonFinite,
    Unreadable,
}

/// Nanoseconds in one of `unit`; a name that the model does not have counts as the default, milliseconds.
pub(super) fn unit_nanos(unit: &str) -> i128 {
    match unit {
        "SECONDS" => 1_000_000_000,
        "MICROSECONDS" => 1_000,
        "NANOSECONDS" => 1,
        _ => 1_000_000,
    }
}

/// A whole number of units as nanoseconds since the epoch. Exact; may lie outside what can be stored.
pub(super) fn instant(text: &str, unit: i128) -> Option<i128> {
    text.parse::<i128>().ok()?.checked_mul(unit)
}

/// Reads `text` as a value of `kind`; `unit` is that of the record's time, which TIMESTAMP values share (facts §1.1).
pub(super) fn read(text: &str, kind: MeasureKind, unit: i128) -> Result<Datum, NoValue> {
    match kind {
        MeasureKind::Double => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Datum::Double(value)),
            Ok(_) => Err(NoValue::NonFinite),
            Err(_) => Err(NoValue::Unreadable),
        },
        MeasureKind::Bigint => text.parse().map(Datum::Bigint).map_err(|_| NoValue::Unreadable),
        // Python's `True` is what AWS's own pandas library sends.
        MeasureKind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Datum::Boolean(true)),
        MeasureKind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Datum::Boolean(false)),
        MeasureKind::Boolean => Err(NoValue::Unreadable),
        MeasureKind::Varchar => Ok(Datum::Varchar(text.to_owned())),
        MeasureKind::Timestamp => {
            let nanos = instant(text, unit).and_then(|nanos| i64::try_from(nanos).ok());
            nanos.map(Datum::Timestamp).ok_or(NoValue::Unreadable)
        }
    }
}

impl Datum {
    /// What the service meters for the value, in bytes (facts §4: metered size of an event).
    pub(super) fn metered_bytes(&self) -> usize {
        match self {
            Self::Boolean(_) => 1,
            Self::Varchar(text) => text.len(),
            Self::Double(_) | Self::Bigint(_) | Self::Timestamp(_) => 8,
        }
    }

    pub(crate) fn kind(&self) -> MeasureKind {
        match self {
            Self::Double(_) => MeasureKind::Double,
            Self::Bigint(_) => MeasureKind::Bigint,
            Self::Boolean(_) => MeasureKind::Boolean,
            Self::Varchar(_) => MeasureKind::Varchar,
            Self::Timestamp(_) => MeasureKind::Timestamp,
        }
    }

    /// The value as a text that reads back as itself; instants in nanoseconds.
    pub(super) fn text(&self) -> String {
        match self {
            // Debug keeps the `.0` of a whole number.
            Self::Double(value) => format!("{value:?}"),
            Self::Bigint(value) | Self::Timestamp(value) => value.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::Varchar(text) => text.clone(),
        }
    }

    /// The bytes that decide whether two values are the same: of equal length for equal kinds, except texts.
    pub(super) fn canonical(&self) -> Cow<'_, [u8]> {
        match self {
            // -0.0 and 0.0 are one value.
            Self::Double(value) => Cow::Owned((value + 0.0).to_bits().to_le_bytes().to_vec()),
            Self::Bigint(value) | Self::Timestamp(value) => Cow::Owned(value.to_le_bytes().to_vec()),
            Self::Boolean(value) => Cow::Owned(vec![u8::from(*value)]),
            Self::Varchar(text) => Cow::Borrowed(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_type_and_nothing_else() {
        use MeasureKind::{Bigint, Boolean, Double, Timestamp, Varchar};
        let read_all = |kind, texts: &[&str]| texts.iter().map(|text| read(text, kind, 1_000_000)).collect::<Vec<_>>();
        let doubles = read_all(Double, &["1", "-1.5e3", "NaN", "Infinity", "-inf", "1e999", "hello", ""]);
        let (no_number, no_value) = (Err(NoValue::NonFinite), Err(NoValue::Unreadable));
        let expected = [Ok(Datum::Double(1.0)), Ok(Datum::Double(-1500.0))];
        assert_eq!(doubles[..2], expected);
        assert!(doubles[2..6].iter().all(|d| *d == no_number) && doubles[6..].iter().all(|d| *d == no_value));
        let integers = read_all(Bigint, &["-9223372036854775808", "9223372036854775807", "9223372036854775808", "1.0", "1e3", "None"]);
        assert_eq!(integers[..2], [Ok(Datum::Bigint(i64::MIN)), Ok(Datum::Bigint(i64::MAX))]);
        assert!(integers[2..].iter().all(|d| *d == no_value));
        let booleans = read_all(Boolean, &["true", "False", "1", "yes"]);
        assert_eq!(booleans, [Ok(Datum::Boolean(true)), Ok(Datum::Boolean(false)), no_value.clone(), no_value.clone()]);
        let instants = read_all(Timestamp, &["1700000000001", "-1", "9223372036855", "1.5"]);
        assert_eq!(
            instants,
            [Ok(Datum::Timestamp(1_700_000_000_001_000_000)), Ok(Datum::Timestamp(-1_000_000)), no_value.clone(), no_value]
        );
        assert_eq!(read(" ", Varchar, 1), Ok(Datum::Varchar(" ".into())));
    }

    #[test]
    fn times_convert_exactly_from_every_unit() {
        let at = |text, unit| instant(text, unit_nanos(unit));
        assert_eq!(at("1700000000", "SECONDS"), Some(1_700_000_000_000_000_000));
        assert_eq!(at("1700000000001", "MILLISECONDS"), at("1700000000001000", "MICROSECONDS"));
        assert_eq!(at("1700000000000000001", "NANOSECONDS"), Some(1_700_000_000_000_000_001));
        // Beyond what can be stored, yet comparable with the window.
        assert_eq!(at("100000000000", "SECONDS"), Some(100_000_000_000_000_000_000));
        for text in ["1723373577.5", "", "now", "1e3", "0x10", &"9".repeat(256)] {
            assert_eq!(at(text, "SECONDS"), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_value_reads_back_from_its_text(value in proptest::num::f64::NORMAL | proptest::num::f64::ZERO, whole: i64) {
            let double = Datum::Double(value);
            proptest::prop_assert_eq!(read(&double.text(), MeasureKind::Double, 1), Ok(double));
            let bigint = Datum::Bigint(whole);
            proptest::prop_assert_eq!(read(&bigint.text(), MeasureKind::Bigint, 1), Ok(bigint));
        }
    }
}
