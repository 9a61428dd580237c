//! ISO 8601 and Athena's form, read digit by digit.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Nanos;
use super::format::Unreadable;

/// A civil date and time of day, with its distance from UTC.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) nanos: i64,
    pub(super) offset_seconds: i64,
}

impl Civil {
    /// The instant; `Text` when there is no such day or time of day.
    pub(super) fn instant(self) -> Result<Nanos, Unreadable> {
        let part = |value: i64| i8::try_from(value).map_err(|_| Unreadable::Text);
        let year = i16::try_from(self.year).map_err(|_| Unreadable::Range)?;
        let civil = DateTime::new(year, part(self.month)?, part(self.day)?, part(self.hour)?, part(self.minute)?, part(self.second)?, 0)
            .map_err(|_| Unreadable::Text)?;
        let utc = Offset::UTC.to_timestamp(civil).map_err(|_| Unreadable::Range)?;
        let nanos = i128::from(utc.as_second() - self.offset_seconds) * 1_000_000_000 + i128::from(self.nanos);
        i64::try_from(nanos).map(Nanos).map_err(|_| Unreadable::Range)
    }
}

/// What is left of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl Cursor<'_> {
    /// Exactly `count` digits.
    pub(super) fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut value: i64 = 0;
        for byte in digits {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
        }
        self.0 = rest;
        Some(value)
    }

    /// How many digits come next.
    pub(super) fn run(&self) -> usize {
        self.0.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Takes one of `bytes` if it comes next.
    pub(super) fn eat(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !bytes.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }

    /// Takes `text` if it comes next.
    pub(super) fn eat_text(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_bytes())?;
        Some(())
    }

    /// One digit or more behind a decimal point, as nanoseconds; finer digits are cut.
    fn fraction(&mut self) -> Option<i64> {
        let run = self.run();
        let (digits, rest) = self.0.split_at_checked(run)?;
        if digits.is_empty() {
            return None;
        }
        self.0 = rest;
        Some((0..9).fold(0, |nanos, at| nanos * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0'))))
    }

    fn date(&mut self, civil: &mut Civil) -> Option<()> {
        civil.year = self.digits(4)?;
        self.eat(b"-")?;
        civil.month = self.digits(2)?;
        self.eat(b"-")?;
        civil.day = self.digits(2)?;
        Some(())
    }

    /// `HH:MM`, or with seconds `HH:MM:SS`, or with a fraction.
    fn time(&mut self, civil: &mut Civil) -> Option<()> {
        civil.hour = self.digits(2)?;
        self.eat(b":")?;
        civil.minute = self.digits(2)?;
        if self.eat(b":").is_some() {
            civil.second = self.digits(2)?;
            if self.eat(b".,").is_some() {
                civil.nanos = self.fraction()?;
            }
        }
        Some(())
    }

    /// `+HH`, `+HHMM`, `+HH:MM`, in seconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = if self.eat(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let colon = self.eat(b":").is_some();
        let minutes = if colon || !self.0.is_empty() { self.digits(2)? } else { 0 };
        (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

/// ISO 8601: a date, or date and time parted by `T` or a space; a fraction of any length behind a point or a comma; `Z`, an
/// offset, or neither (then UTC).
///
/// The leap second `23:59:60` UTC is read as the second after `23:59:59`, which is also the next day's first: Timestream, as
/// POSIX, has no other place for it. `:60` anywhere else is no time.
pub(super) fn iso8601(text: &str) -> Result<Nanos, Unreadable> {
    let mut civil = Civil::default();
    read_iso8601(Cursor(text.as_bytes()), &mut civil).ok_or(Unreadable::Text)?;
    if civil.second != 60 {
        return civil.instant();
    }
    let before = Civil { second: 59, nanos: 0, ..civil }.instant()?;
    let last_second_of_its_day = before.0.rem_euclid(super::DAY_NANOS) == super::DAY_NANOS - 1_000_000_000;
    if !last_second_of_its_day {
        return Err(Unreadable::Text);
    }
    before.0.checked_add(1_000_000_000 + civil.nanos).map(Nanos).ok_or(Unreadable::Range)
}

fn read_iso8601(mut cursor: Cursor<'_>, civil: &mut Civil) -> Option<()> {
    cursor.date(civil)?;
    if cursor.0.is_empty() {
        return Some(());
    }
    cursor.eat(b"Tt ")?;
    cursor.time(civil)?;
    if !cursor.0.is_empty() && cursor.eat(b"Zz").is_none() {
        civil.offset_seconds = cursor.offset()?;
    }
    cursor.0.is_empty().then_some(())
}

/// Athena's text of a timestamp: `2019-09-16 09:04:00.000`, also with ` UTC` behind it (facts: dataset CSV).
pub(super) fn athena(text: &str) -> Result<Nanos, Unreadable> {
    let mut civil = Civil::default();
    let mut cursor = Cursor(text.strip_suffix(" UTC").unwrap_or(text).as_bytes());
    let mut read = || {
        cursor.date(&mut civil)?;
        cursor.eat(b" ")?;
        // Athena always writes the seconds: without them the text is somebody else's.
        let seconds_follow = cursor.0.get(5) == Some(&b':');
        cursor.time(&mut civil)?;
        (seconds_follow && cursor.0.is_empty()).then_some(())
    };
    read().ok_or(Unreadable::Text)?;
    civil.instant()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: i64 = 1_687_331_100_000_000_000;

    #[test]
    fn iso_8601_with_and_without_offsets_and_fractions() {
        for (text, nanos) in [
            ("2023-06-21T07:05:00Z", AT),
            ("2023-06-21t07:05:00z", AT),
            ("2023-06-21 07:05:00", AT),
            ("2023-06-21T07:05", AT),
            ("2023-06-21T09:05:00+02:00", AT),
            ("2023-06-21T09:05:00+0200", AT),
            ("2023-06-21T05:05:00-02", AT),
            ("2023-06-21T07:05:00.1Z", AT + 100_000_000),
            ("2023-06-21T07:05:00,123", AT + 123_000_000),
            ("2023-06-21T07:05:00.1234567899Z", AT + 123_456_789),
            ("1969-12-31T23:59:59.9999999999Z", -1),
            ("2023-06-21", AT - (7 * 60 + 5) * 60_000_000_000),
        ] {
            assert_eq!(iso8601(text), Ok(Nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn texts_that_only_look_like_iso_8601_are_refused() {
        for text in [
            "2023-02-29",
            "2023-13-01",
            "2023-06-21T24:00:00",
            "2023-06-21T07:60:00",
            "2023-06-21T07:05:00.",
            "2023-06-21T07:05:00 Z",
            "2023-06-21T07:05:00+2",
            "2023-06-21T07:05:00+02:",
            "2023-06-21T07:05:00+19:00",
            "2023-06-21T07:05:00Zjunk",
            "23-06-21",
            "2023-6-21",
            "２０２３-06-21",
        ] {
            assert_eq!(iso8601(text), Err(Unreadable::Text), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_after_the_last_and_only_where_one_can_be() {
        let next_day = iso8601("2017-01-01T00:00:00Z").unwrap().0;
        assert_eq!(iso8601("2016-12-31T23:59:60Z"), Ok(Nanos(next_day)));
        assert_eq!(iso8601("2017-01-01T01:59:60.5+02:00"), Ok(Nanos(next_day + 500_000_000)));
        assert_eq!(iso8601("2016-12-31T12:00:60Z"), Err(Unreadable::Text));
        assert_eq!(athena("2016-12-31 23:59:60.000"), Err(Unreadable::Text));
    }

    #[test]
    fn athena_writes_a_space_and_seconds_and_perhaps_utc() {
        for text in ["2023-06-21 07:05:00.000", "2023-06-21 07:05:00", "2023-06-21 07:05:00.000 UTC", "2023-06-21 07:05:00.000000 UTC"] {
            assert_eq!(athena(text), Ok(Nanos(AT)), "{text}");
        }
        for text in ["2023-06-21", "2023-06-21 07:05", "2023-06-21T07:05:00", "2023-06-21 07:05:00Z", "2023-06-21 07:05:00.000 CET"] {
            assert_eq!(athena(text), Err(Unreadable::Text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn spoilt_times_are_read_or_refused(text in "[0-9]{0,5}[-:.TZ+ 0-9]{0,30}|\\PC{0,30}", changes in crate::spoilt::changes()) {
            for text in [text, crate::spoilt::spoilt_text("2023-06-21T07:05:00.123456789+02:00", &changes)] {
                for read in [iso8601(&text), athena(&text)] {
                    prop_assert!(!matches!(read, Ok(nanos) if iso8601(&nanos.to_iso8601()) != Ok(nanos)), "{text}");
                }
            }
        }

        #[test]
        fn what_this_crate_writes_it_reads_back(nanos in any::<i64>()) {
            prop_assert_eq!(iso8601(&Nanos(nanos).to_iso8601()), Ok(Nanos(nanos)));
            prop_assert_eq!(athena(&Nanos(nanos).to_timestream()), Ok(Nanos(nanos)));
        }
    }
}
