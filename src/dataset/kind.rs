//! The types of expressions, as far as a translation must know them.

use crate::record::MeasureKind;
use crate::time::TimeFormat;

/// The type of an expression of the new query, and what it stood for in the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// 32 bits: the type of small literals.
    Integer,
    Bigint,
    Double,
    Varchar,
    Timestamp,
    Date,
    Interval,
    /// The type of a bare NULL.
    Null,
    /// An instant that the old store held in this format: as a number or a text. The new expression is a timestamp.
    Stamp(TimeFormat),
    /// The text that an instant is written as; the expression is the instant.
    InstantText,
    /// `__dt`: the day of an instant. The expression is the instant, so that comparisons can be put to it.
    Day,
    /// `__year` and its like: whole numbers, which old queries also compared with texts.
    DatePart,
    /// Not known here: arrays, maps, functions without a fixed type.
    Unknown,
}

impl Kind {
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Integer | Self::Bigint | Self::DatePart)
    }

    pub(super) fn is_number(&self) -> bool {
        self.is_whole() || *self == Self::Double
    }

    /// Whether the expression itself is a timestamp.
    pub(super) fn is_instant(&self) -> bool {
        matches!(self, Self::Timestamp | Self::Stamp(_) | Self::InstantText | Self::Day)
    }

    /// As SQL writes the type of a column.
    pub(super) fn sql_name(&self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Integer | Self::Bigint | Self::DatePart => "BIGINT",
            Self::Double => "DOUBLE",
            Self::Timestamp | Self::Date | Self::Stamp(_) | Self::InstantText | Self::Day => "TIMESTAMP",
            Self::Varchar | Self::Interval | Self::Null | Self::Unknown => "VARCHAR",
        }
    }

    /// The type of a measure that holds such values; none when no measure can.
    pub(super) fn measure(&self) -> Option<MeasureKind> {
        Some(match self {
            Self::Boolean => MeasureKind::Boolean,
            Self::Integer | Self::Bigint | Self::DatePart => MeasureKind::Bigint,
            Self::Double => MeasureKind::Double,
            Self::Varchar => MeasureKind::Varchar,
            Self::Timestamp | Self::Date | Self::Stamp(_) | Self::InstantText | Self::Day => MeasureKind::Timestamp,
            Self::Interval | Self::Null | Self::Unknown => return None,
        })
    }
}

impl From<MeasureKind> for Kind {
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

/// Seconds of a format of numbers since the epoch, as a power of ten: 0 for seconds, 3 for milliseconds.
pub(super) fn epoch_power(format: &TimeFormat) -> Option<u32> {
    match format {
        TimeFormat::EpochSeconds => Some(0),
        TimeFormat::EpochMillis => Some(3),
        TimeFormat::EpochMicros => Some(6),
        TimeFormat::EpochNanos => Some(9),
        TimeFormat::Iso8601 | TimeFormat::Athena | TimeFormat::Java(_) => None,
    }
}

/// The format whose numbers are `power` digits finer than seconds.
pub(super) fn epoch_format(power: u32) -> Option<TimeFormat> {
    match power {
        0 => Some(TimeFormat::EpochSeconds),
        3 => Some(TimeFormat::EpochMillis),
        6 => Some(TimeFormat::EpochMicros),
        9 => Some(TimeFormat::EpochNanos),
        _ => None,
    }
}
