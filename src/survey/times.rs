//! Which time formats a column can be read in, tried value by value.

use super::TimeReading;
use crate::time::{Nanos, TimeFormat};
use crate::value::Value;

/// 2000-01-01 and 2100-01-01: a number is a plausible instant in between. The four epoch units are a factor of a thousand
/// apart, so no number is plausible in two of them.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800_000_000_000..4_102_444_800_000_000_000;

/// A format is given up for good when it has failed more often than this, and more often than it succeeded.
const FAILURES_MAX: u64 = 16;

/// The tries of one column. A few unreadable values among many do not spoil a format: such rows are refused one by one
/// later, and the column is still the time.
#[derive(Debug, Clone)]
pub(super) struct TimeCandidates {
    /// In order of preference among equals: Athena's form is the narrower one.
    candidates: Vec<Candidate>,
    typed: Option<(Nanos, Nanos)>,
}

#[derive(Debug, Clone)]
struct Candidate {
    format: TimeFormat,
    epoch: bool,
    read: u64,
    failed: u64,
    range: Option<(Nanos, Nanos)>,
}

impl TimeCandidates {
    pub(super) fn new() -> Self {
        let candidate = |format, epoch| Candidate { format, epoch, read: 0, failed: 0, range: None };
        Self {
            candidates: vec![
                candidate(TimeFormat::EpochSeconds, true),
                candidate(TimeFormat::EpochMillis, true),
                candidate(TimeFormat::EpochMicros, true),
                candidate(TimeFormat::EpochNanos, true),
                candidate(TimeFormat::Athena, false),
                candidate(TimeFormat::Iso8601, false),
            ],
            typed: None,
        }
    }

    /// Counts a value that is neither null nor empty.
    pub(super) fn count(&mut self, value: &Value) {
        if let Value::Timestamp(instant) = value {
            self.typed = Some(widen(self.typed, *instant));
            return;
        }
        for candidate in &mut self.candidates {
            match candidate.format.try_read(value) {
                Some(instant) if !candidate.epoch || PLAUSIBLE.contains(&instant.0) => {
                    candidate.read += 1;
                    candidate.range = Some(widen(candidate.range, instant));
                }
                _ => candidate.failed += 1,
            }
        }
        self.candidates.retain(|candidate| candidate.failed <= FAILURES_MAX || candidate.failed <= candidate.read);
    }

    /// These tries and those of `other`, which is the same column in another spelling.
    pub(super) fn merge(&mut self, other: &Self) {
        self.candidates.retain_mut(|mine| {
            let Some(theirs) = other.candidates.iter().find(|theirs| theirs.format == mine.format) else { return false };
            mine.read += theirs.read;
            mine.failed += theirs.failed;
            for instant in theirs.range.iter().flat_map(|(from, to)| [*from, *to]) {
                mine.range = Some(widen(mine.range, instant));
            }
            true
        });
        for instant in other.typed.iter().flat_map(|(from, to)| [*from, *to]) {
            self.typed = Some(widen(self.typed, instant));
        }
    }

    /// The formats that read more values than not, best first.
    pub(super) fn readings(&self) -> Vec<TimeReading> {
        let untouched = self.candidates.iter().all(|candidate| candidate.read + candidate.failed == 0);
        if let (true, Some((earliest, latest))) = (untouched, self.typed) {
            // Typed instants pass under every format; one name is enough.
            return vec![TimeReading { format: TimeFormat::Iso8601, earliest, latest, unreadable: 0 }];
        }
        let mut readings: Vec<TimeReading> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.read > candidate.failed)
            .filter_map(|candidate| {
                let (from, to) = candidate.range?;
                let (typed_from, typed_to) = self.typed.unwrap_or((from, to));
                let format = candidate.format.clone();
                Some(TimeReading { format, earliest: from.min(typed_from), latest: to.max(typed_to), unreadable: candidate.failed })
            })
            .collect();
        readings.sort_by_key(|reading| reading.unreadable);
        readings
    }
}

fn widen(range: Option<(Nanos, Nanos)>, instant: Nanos) -> (Nanos, Nanos) {
    range.map_or((instant, instant), |(from, to)| (from.min(instant), to.max(instant)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;

    fn readings(values: &[&str]) -> Vec<(String, u64)> {
        let mut candidates = TimeCandidates::new();
        for value in values {
            let number = Number::parse(value).map(Value::Number);
            candidates.count(&number.unwrap_or_else(|| Value::String((*value).to_owned())));
        }
        candidates.readings().into_iter().map(|r| (r.format.to_string(), r.unreadable)).collect()
    }

    #[test]
    fn the_unit_of_an_epoch_is_told_by_its_size() {
        for (value, format) in [
            ("1687331100", "epoch_s"),
            ("1687331100.5", "epoch_s"),
            ("1687331100123", "epoch_ms"),
            ("1687331100123456", "epoch_us"),
            ("1687331100123456789", "epoch_ns"),
        ] {
            assert_eq!(readings(&[value]), [(format.to_owned(), 0)], "{value}");
        }
    }

    #[test]
    fn measurements_are_no_times() {
        assert!(readings(&["21.5", "22", "-3"]).is_empty());
        assert!(readings(&["ok", "fault"]).is_empty());
    }

    #[test]
    fn a_text_that_both_forms_read_is_athenas_and_a_t_makes_it_iso() {
        assert_eq!(readings(&["2023-06-21 07:05:00.000"])[0].0, "athena");
        assert_eq!(readings(&["2023-06-21T07:05:00Z"]), [("iso8601".to_owned(), 0)]);
        assert_eq!(readings(&["2023-06-21 07:05:00", "2023-06-21T07:05:00"])[0].0, "iso8601");
    }

    #[test]
    fn a_few_unreadable_values_do_not_spoil_the_column() {
        let mut values = vec!["1687331100"; 100];
        values.push("broken");
        assert_eq!(readings(&values), [("epoch_s".to_owned(), 1)]);
    }

    #[test]
    fn typed_instants_need_no_format() {
        let mut candidates = TimeCandidates::new();
        candidates.count(&Value::Timestamp(Nanos(7)));
        candidates.count(&Value::Timestamp(Nanos(3)));
        let expected = TimeReading { format: TimeFormat::Iso8601, earliest: Nanos(3), latest: Nanos(7), unreadable: 0 };
        assert_eq!(candidates.readings(), [expected]);
    }
}
