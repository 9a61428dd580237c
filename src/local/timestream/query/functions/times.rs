//! Functions of timestamps (nanoseconds since the epoch), dates (days since the epoch) and intervals (nanoseconds).

use jiff::civil;
use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Connection, functions::Context};

use super::{Fault, conversion, integer, real, scalar, text};
use crate::local::timestream::query::scalar::{date_text, interval_text};
use crate::local::timestream::query::syntax::unit_nanos;
use crate::time::{DAY_NANOS, Nanos};

/// Characters that a timestamp can be written in.
const TIMESTAMP_CHARS_MAX: usize = 64;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    scalar(connection, "time_add", |c| within_range(integer(c, 0)?.checked_add(integer(c, 1)?)))?;
    scalar(connection, "time_sub", |c| within_range(integer(c, 0)?.checked_sub(integer(c, 1)?)))?;
    scalar(connection, "bin", |c| bin(integer(c, 0)?, integer(c, 1)?))?;
    scalar(connection, "date_trunc", |c| date_trunc(text(c, 0)?, integer(c, 1)?))?;
    scalar(connection, "timestamp_date", |c| Ok(Value::Integer(Nanos(integer(c, 0)?).day())))?;
    scalar(connection, "date_timestamp", |c| within_range(integer(c, 0)?.checked_mul(DAY_NANOS)))?;
    scalar(connection, "timestamp_text", |c| Ok(Value::Text(Nanos(integer(c, 0)?).to_timestream())))?;
    scalar(connection, "date_text", |c| Ok(Value::Text(date_text(integer(c, 0)?))))?;
    scalar(connection, "interval_text", |c| Ok(Value::Text(interval_text(integer(c, 0)?))))?;
    conversion(connection, "text_timestamp", |c| text_to_timestamp(text(c, 0)?).map(Value::Integer))?;
    conversion(connection, "text_date", |c| text_to_timestamp(text(c, 0)?).map(|nanos| Value::Integer(Nanos(nanos).day())))?;
    scalar(connection, "from_milliseconds", |c| within_range(integer(c, 0)?.checked_mul(1_000_000)))?;
    scalar(connection, "to_milliseconds", |c| Ok(Value::Integer(integer(c, 0)?.div_euclid(1_000_000))))?;
    scalar(connection, "from_unixtime", |c| {
        let nanos = (real(c, 0)? * 1e9).round();
        if !(-9.2e18..9.2e18).contains(&nanos) {
            return Err(out_of_range());
        }
        #[allow(clippy::cast_possible_truncation, reason = "the value is whole and inside the range")]
        let nanos = nanos as i64;
        Ok(Value::Integer(nanos))
    })?;
    scalar(connection, "to_unixtime", |c| Ok(Value::Real(integer(c, 0)? as f64 / 1e9)))?;
    scalar(connection, "year", |c| civil_part(c, |it| i64::from(it.year())))?;
    scalar(connection, "month", |c| civil_part(c, |it| i64::from(it.month())))?;
    scalar(connection, "day", |c| civil_part(c, |it| i64::from(it.day())))?;
    scalar(connection, "hour", |c| civil_part(c, |it| i64::from(it.hour())))?;
    scalar(connection, "minute", |c| civil_part(c, |it| i64::from(it.minute())))?;
    scalar(connection, "second", |c| civil_part(c, |it| i64::from(it.second())))?;
    scalar(connection, "day_of_week", |c| civil_part(c, |it| i64::from(it.weekday().to_monday_one_offset())))?;
    scalar(connection, "day_of_year", |c| civil_part(c, |it| i64::from(it.day_of_year())))
}

fn out_of_range() -> Fault {
    "a timestamp outside 1677-09-21 to 2262-04-11".to_owned()
}

fn within_range(nanos: Option<i64>) -> Result<Value, Fault> {
    nanos.map(Value::Integer).ok_or_else(out_of_range)
}

fn bin(time: i64, width: i64) -> Result<Value, Fault> {
    if width <= 0 {
        return Err("the interval of bin must be greater than zero".to_owned());
    }
    within_range(time.div_euclid(width).checked_mul(width))
}

fn date_trunc(unit: &str, time: i64) -> Result<Value, Fault> {
    let unit = unit.to_ascii_lowercase();
    if let ("second" | "minute" | "hour" | "day", Some(width)) = (unit.as_str(), unit_nanos(&unit)) {
        return bin(time, width);
    }
    let date = civil(time).date();
    let first = match unit.as_str() {
        "week" => date.checked_sub(jiff::Span::new().days(i64::from(date.weekday().to_monday_zero_offset()))),
        "month" => Ok(date.first_of_month()),
        "quarter" => civil::Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1),
        "year" => Ok(date.first_of_year()),
        _ => return Err(format!("'{unit}' is not a valid Timestamp field")),
    };
    let start = first.map_err(|_| out_of_range())?.to_datetime(civil::Time::midnight());
    nanos_of(start).map(Value::Integer)
}

fn civil(time: i64) -> civil::DateTime {
    // Every i64 of nanoseconds is inside jiff's range.
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(timestamp)
}

fn civil_part(c: &Context<'_>, part: fn(civil::DateTime) -> i64) -> Result<Value, Fault> {
    Ok(Value::Integer(part(civil(integer(c, 0)?))))
}

fn nanos_of(civil: civil::DateTime) -> Result<i64, Fault> {
    let timestamp = TimeZone::UTC.to_timestamp(civil).map_err(|_| out_of_range())?;
    i64::try_from(timestamp.as_nanosecond()).map_err(|_| out_of_range())
}

/// The instant that a text names: a date, with or without a time after a space or `T`, with or without an offset (UTC).
pub(in super::super) fn text_to_timestamp(text: &str) -> Result<i64, Fault> {
    let wrong = || {
        let shown: String = text.chars().take(TIMESTAMP_CHARS_MAX).collect();
        format!("Value cannot be cast to timestamp: {shown}")
    };
    let trimmed = text.trim();
    if trimmed.len() > TIMESTAMP_CHARS_MAX || trimmed.contains('[') {
        return Err(wrong());
    }
    if let Ok(timestamp) = trimmed.parse::<jiff::Timestamp>() {
        return i64::try_from(timestamp.as_nanosecond()).map_err(|_| out_of_range());
    }
    nanos_of(trimmed.parse::<civil::DateTime>().map_err(|_| wrong())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_instants_in_utc() {
        let newyear = 1_609_459_200_000_000_000;
        for text in
            ["2021-01-01", "2021-01-01 00:00:00", "2021-01-01T00:00:00Z", "2021-01-01 00:00:00.000000000", "2021-01-01T02:00:00+02:00"]
        {
            assert_eq!(text_to_timestamp(text), Ok(newyear), "{text}");
        }
        assert_eq!(text_to_timestamp("2262-04-11 23:47:16.854775807"), Ok(i64::MAX));
        for wrong in ["", "now", "2021-13-01", "2300-01-01", "2021-01-01T00:00:00[Europe/Paris]", &"1".repeat(100)] {
            assert!(text_to_timestamp(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bins_are_floors_before_the_epoch_too() {
        assert_eq!(bin(-1, 10), Ok(Value::Integer(-10)));
        assert_eq!(bin(i64::MIN, DAY_NANOS), Err(out_of_range()));
        assert!(bin(5, 0).is_err());
    }

    #[test]
    fn truncation_reaches_the_first_of_its_unit() {
        let time = text_to_timestamp("2024-11-20T13:14:15.5Z").unwrap();
        for (unit, first) in [
            ("minute", "2024-11-20 13:14:00"),
            ("week", "2024-11-18"),
            ("month", "2024-11-01"),
            ("quarter", "2024-10-01"),
            ("YEAR", "2024-01-01"),
        ] {
            assert_eq!(date_trunc(unit, time), text_to_timestamp(first).map(Value::Integer), "{unit}");
        }
    }
}
