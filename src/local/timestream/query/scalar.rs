//! The types of the query language, and how their values are written in an answer.

use rusqlite::types::ValueRef;

use super::failure::QueryFailure;
use super::response::Datum;
use crate::digest::double_text;
use crate::record::MeasureKind;
use crate::time::{DAY_NANOS, Nanos};

/// The type of an expression. SQLite holds it as the class in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// 64 bits (INTEGER).
    Bigint,
    /// 32 bits: the type of small literals (INTEGER).
    Integer,
    /// (REAL)
    Double,
    /// (TEXT)
    Varchar,
    /// (INTEGER 0 or 1)
    Boolean,
    /// Nanoseconds since the epoch (INTEGER).
    Timestamp,
    /// Days since the epoch (INTEGER).
    Date,
    /// (BLOB)
    Varbinary,
    /// Days to seconds, in nanoseconds (INTEGER).
    Interval,
    /// The type of a bare NULL.
    Unknown,
}

impl From<MeasureKind> for Scalar {
    fn from(kind: MeasureKind) -> Self {
        match kind {
            MeasureKind::Double => Self::Double,
            MeasureKind::Bigint => Self::Bigint,
            MeasureKind::Boolean => Self::Boolean,
            MeasureKind::Varchar => Self::Varchar,
            MeasureKind::Timestamp => Self::Timestamp,
        }
    }
}

impl Scalar {
    /// `ScalarType` in ColumnInfo (facts: timestream-query model). VARBINARY is not among them: it cannot be returned.
    #[must_use]
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::Bigint => "BIGINT",
            Self::Integer => "INTEGER",
            Self::Double => "DOUBLE",
            Self::Varchar => "VARCHAR",
            Self::Boolean => "BOOLEAN",
            Self::Timestamp => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Varbinary => "VARBINARY",
            Self::Interval => "INTERVAL_DAY_TO_SECOND",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// As SQL, DESCRIBE and messages write it.
    #[must_use]
    pub fn sql_name(self) -> &'static str {
        match self {
            Self::Bigint => "bigint",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Varchar => "varchar",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Varbinary => "varbinary",
            Self::Interval => "interval day to second",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Bigint | Self::Integer)
    }

    pub(super) fn is_numeric(self) -> bool {
        self.is_whole() || self == Self::Double
    }

    /// A value of this type as the answer carries it.
    pub(super) fn datum(self, value: ValueRef<'_>) -> Result<Datum, QueryFailure> {
        let text = match (self, value) {
            (_, ValueRef::Null) => return Ok(Datum::Null),
            (Self::Bigint | Self::Integer, ValueRef::Integer(i)) => i.to_string(),
            (Self::Double, ValueRef::Real(f)) => number_text(f),
            (Self::Varchar, ValueRef::Text(bytes)) => String::from_utf8(bytes.to_vec())
                .map_err(|_| QueryFailure::Internal("the store holds a text that is not UTF-8".to_owned()))?,
            (Self::Boolean, ValueRef::Integer(i)) => (i != 0).to_string(),
            (Self::Timestamp, ValueRef::Integer(i)) => Nanos(i).to_timestream(),
            (Self::Date, ValueRef::Integer(days)) => date_text(days),
            (Self::Interval, ValueRef::Integer(i)) => interval_text(i),
            _ => return Err(QueryFailure::Internal(format!("the store holds {} where a {} belongs", value.data_type(), self.sql_name()))),
        };
        Ok(Datum::Scalar(text))
    }
}

/// A double as the service writes it.
pub(super) fn number_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    double_text(value)
}

/// `2022-07-07`; days outside the range of a timestamp do not occur.
pub(super) fn date_text(days: i64) -> String {
    let midnight = Nanos(days.saturating_mul(DAY_NANOS)).to_timestream();
    midnight.split(' ').next().unwrap_or_default().to_owned()
}

/// `0 01:00:00.000000000`: days, then hours to nanoseconds.
pub(super) fn interval_text(nanos: i64) -> String {
    const SECOND: u64 = 1_000_000_000;
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let seconds = size / SECOND;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{sign}{days} {hours:02}:{minutes:02}:{:02}.{:09}", seconds % 60, size % SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_dates_and_endless_numbers_have_their_texts() {
        assert_eq!(interval_text(3_600_000_000_000), "0 01:00:00.000000000");
        assert_eq!(interval_text(-(2 * DAY_NANOS + 1)), "-2 00:00:00.000000001");
        assert_eq!(interval_text(i64::MIN), "-106751 23:47:16.854775808");
        assert_eq!(date_text(-1), "1969-12-31");
        assert_eq!(number_text(f64::NEG_INFINITY), "-Infinity");
    }
}
