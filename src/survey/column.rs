//! The figures of one column while rows go by.

use super::distinct::{Distinct, start};
use super::times::TimeCandidates;
use super::{ColumnSurvey, DISTINCT_MAX, KindCounts};
use crate::path::ColumnPath;
use crate::value::{Decimal, Number, Rest, Value};

/// How many values are kept as examples.
const EXAMPLES_MAX: usize = 5;

/// Beyond this a DOUBLE has no room for every integer.
const WIDE: u64 = 1 << 53;

/// One column's counter.
#[derive(Debug, Clone)]
pub(super) struct ColumnCounter {
    pub(super) path: ColumnPath,
    pub(super) partition: bool,
    /// The number of the last row that had the column.
    pub(super) last_row: u64,
    pub(super) present: u64,
    kinds: KindCounts,
    string_bytes_max: u64,
    distinct: Distinct,
    times: TimeCandidates,
    examples: Vec<String>,
}

impl ColumnCounter {
    pub(super) fn new(path: ColumnPath, partition: bool) -> Self {
        Self {
            path,
            partition,
            last_row: 0,
            present: 0,
            kinds: KindCounts::default(),
            string_bytes_max: 0,
            distinct: Distinct::default(),
            times: TimeCandidates::new(),
            examples: Vec::new(),
        }
    }

    /// Counts one value of row number `row`; `remembered` is what all columns hold together.
    pub(super) fn count(&mut self, value: &Value, row: u64, remembered: &mut u64) {
        self.present += 1;
        self.last_row = row;
        match value {
            Value::Null => self.kinds.nulls += 1,
            Value::Bool(truth) => {
                self.kinds.booleans += 1;
                self.remember(if *truth { "true" } else { "false" }, remembered);
            }
            Value::Number(number) => {
                self.count_number(number);
                self.remember(number.as_str(), remembered);
            }
            Value::String(text) if text.is_empty() => self.kinds.empty_strings += 1,
            Value::String(text) => {
                self.count_string(text);
                self.longest(text.len());
                self.remember(text, remembered);
            }
            Value::Timestamp(instant) => {
                self.kinds.timestamps += 1;
                let text = || instant.to_iso8601();
                if self.distinct.count(&instant.0.to_le_bytes(), || text().into(), remembered) {
                    self.example(&text());
                }
            }
            Value::NonFinite(_) => self.kinds.non_finite += 1,
            Value::Array(_) => {
                self.kinds.arrays += 1;
                let text = value.to_json().to_string();
                self.longest(text.len());
                self.example(&text);
            }
            Value::Object(_) => self.kinds.empty_objects += 1,
        }
        let says_something = match value {
            Value::Null | Value::Object(_) => false,
            Value::String(text) => !text.is_empty(),
            _ => true,
        };
        if says_something {
            self.times.count(value);
        }
    }

    fn count_number(&mut self, number: &Number) {
        match number.to_i64() {
            Some(integer) => {
                self.kinds.integers += 1;
                self.kinds.wide_integers += u64::from(integer.unsigned_abs() > WIDE);
            }
            None if number.to_f64().is_some() => {
                self.kinds.decimals += 1;
                self.kinds.wide_integers += u64::from(is_plain_integer(number.as_str()));
            }
            None => self.kinds.numbers_too_large += 1,
        }
    }

    fn count_string(&mut self, text: &str) {
        self.kinds.strings += 1;
        let numeric = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match Decimal::parse(text).filter(|_| numeric) {
            Some(decimal) => match decimal.to_scaled_i128(0, Rest::Refuse).and_then(|whole| i64::try_from(whole).ok()) {
                Some(integer) => {
                    self.kinds.integer_strings += 1;
                    self.kinds.wide_integers += u64::from(integer.unsigned_abs() > WIDE);
                }
                None if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                    self.kinds.decimal_strings += 1;
                    self.kinds.wide_integers += u64::from(is_plain_integer(text));
                }
                None => {}
            },
            None if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => self.kinds.boolean_strings += 1,
            None => self.kinds.non_finite_strings += u64::from(matches!(text, "NaN" | "Infinity" | "-Infinity")),
        }
    }

    fn longest(&mut self, bytes: usize) {
        self.string_bytes_max = self.string_bytes_max.max(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn remember(&mut self, text: &str, remembered: &mut u64) {
        if self.distinct.count(text.as_bytes(), || text.into(), remembered) {
            self.example(text);
        }
    }

    fn example(&mut self, text: &str) {
        if self.examples.len() < EXAMPLES_MAX && !self.examples.iter().any(|example| example == start(text)) {
            self.examples.push(start(text).to_owned());
        }
    }

    /// Adds what was counted of the same column in another spelling.
    pub(super) fn merge(&mut self, other: Self) {
        self.present += other.present;
        self.partition &= other.partition;
        self.kinds = self.kinds.plus(other.kinds);
        self.string_bytes_max = self.string_bytes_max.max(other.string_bytes_max);
        self.times.merge(&other.times);
        for example in &other.examples {
            self.example(example);
        }
        self.distinct.merge(other.distinct);
    }

    pub(super) fn finish(self, other_spellings: Vec<String>) -> ColumnSurvey {
        ColumnSurvey {
            distinct: self.distinct.certain().min(DISTINCT_MAX),
            distinct_more: self.distinct.more(),
            distinct_estimate: self.distinct.estimate(),
            frequent: self.distinct.most_frequent(),
            times: self.times.readings(),
            path: self.path,
            other_spellings,
            partition: self.partition,
            present: self.present,
            kinds: self.kinds,
            string_bytes_max: self.string_bytes_max,
            examples: self.examples,
        }
    }
}

/// True for a number written in digits alone.
fn is_plain_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}
