//! How many different values a column holds: exactly as long as they are few, then by estimate.

use std::borrow::Cow;
use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::DISTINCT_MAX;

/// Different values that all columns of a survey may remember together: about 100 MB at the worst.
pub(super) const REMEMBERED_MAX: u64 = 500_000;

/// How many of the most frequent values are reported.
const FREQUENT_MAX: usize = 20;

/// How much of a value is kept for people to read, in bytes.
const TEXT_BYTES_MAX: usize = 128;

/// 2^12 registers of a HyperLogLog (Flajolet et al., 2007): 4 KiB, and a standard error of 1.6 %.
const REGISTER_BITS: u32 = 12;

/// The different values of one column. They are told apart by a 64-bit hash of their text: at 10,000 values the odds of
/// mistaking two are below one in 10^11.
#[derive(Debug, Clone, Default)]
pub(super) struct Distinct {
    remembered: HashMap<u64, (Box<str>, u64)>,
    sketch: Option<Sketch>,
}

/// What is kept once there are too many.
#[derive(Debug, Clone)]
struct Sketch {
    registers: Box<[u8]>,
    /// How many there were for certain when the sketch was begun, and the most frequent of them.
    certain: u64,
    frequent: Vec<(String, u64)>,
}

impl Distinct {
    /// Counts one value, known by the bytes of `key`; true when it is a new one, as far as is remembered. `text` writes it
    /// for people, and is asked only then. `budget` is what all columns hold together.
    pub(super) fn count<'t>(&mut self, key: &[u8], text: impl FnOnce() -> Cow<'t, str>, budget: &mut u64) -> bool {
        let hash = xxh3_64(key);
        if let Some(sketch) = &mut self.sketch {
            note(&mut sketch.registers, hash);
            return false;
        }
        if let Some((_, rows)) = self.remembered.get_mut(&hash) {
            *rows += 1;
            return false;
        }
        if self.remembered.len() as u64 >= DISTINCT_MAX || *budget >= REMEMBERED_MAX {
            *budget -= self.remembered.len() as u64;
            let sketch = self.become_sketch();
            note(&mut sketch.registers, hash);
            return true;
        }
        *budget += 1;
        self.remembered.insert(hash, (start(&text()).into(), 1));
        true
    }

    /// Forgets the values and goes on with their sketch.
    fn become_sketch(&mut self) -> &mut Sketch {
        let frequent = self.most_frequent();
        let remembered = std::mem::take(&mut self.remembered);
        let certain = remembered.len() as u64;
        let sketch = self.sketch.get_or_insert_with(|| Sketch { registers: vec![0; 1 << REGISTER_BITS].into(), certain, frequent });
        for hash in remembered.into_keys() {
            note(&mut sketch.registers, hash);
        }
        sketch
    }

    /// True when the values are no longer counted exactly.
    pub(super) fn more(&self) -> bool {
        self.sketch.is_some()
    }

    /// How many there are; an estimate when there are [`Self::more`].
    pub(super) fn estimate(&self) -> u64 {
        match &self.sketch {
            None => self.remembered.len() as u64,
            Some(sketch) => estimate(&sketch.registers).max(sketch.certain),
        }
    }

    /// How many there are for certain.
    pub(super) fn certain(&self) -> u64 {
        self.sketch.as_ref().map_or(self.remembered.len() as u64, |sketch| sketch.certain)
    }

    pub(super) fn most_frequent(&self) -> Vec<(String, u64)> {
        if let Some(sketch) = &self.sketch {
            return sketch.frequent.clone();
        }
        first_of(self.remembered.values().map(|(text, rows)| (text.to_string(), *rows)).collect())
    }

    /// Adds the values of the same column in another spelling.
    pub(super) fn merge(&mut self, other: Self) {
        if let Some(theirs) = other.sketch {
            let mine = self.become_sketch();
            for (register, other) in mine.registers.iter_mut().zip(&theirs.registers) {
                *register = (*register).max(*other);
            }
            mine.certain = mine.certain.max(theirs.certain);
            mine.frequent.extend(theirs.frequent);
            mine.frequent = first_of(std::mem::take(&mut mine.frequent));
            return;
        }
        for (hash, (text, rows)) in other.remembered {
            match &mut self.sketch {
                Some(sketch) => note(&mut sketch.registers, hash),
                None => self.remembered.entry(hash).or_insert_with(|| (text, 0)).1 += rows,
            }
        }
        if self.remembered.len() as u64 > DISTINCT_MAX {
            self.become_sketch();
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let place = usize::try_from(hash >> (64 - REGISTER_BITS)).unwrap_or(0);
    // The rank of the first set bit behind the register's number; at most 53, so it fits.
    let rank = u8::try_from((hash << REGISTER_BITS | 1 << (REGISTER_BITS - 1)).leading_zeros() + 1).unwrap_or(u8::MAX);
    if let Some(register) = registers.get_mut(place) {
        *register = (*register).max(rank);
    }
}

fn estimate(registers: &[u8]) -> u64 {
    let m = f64::from(1_u32 << REGISTER_BITS);
    let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let empty: u32 = registers.iter().map(|rank| u32::from(*rank == 0)).sum();
    // Below 2.5 m the count of empty registers is the better witness.
    let best = if raw <= 2.5 * m && empty > 0 { m * (m / f64::from(empty)).ln() } else { raw };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate of a count: never negative, far below 2^63")]
    let rounded = best.round() as u64;
    rounded
}

/// The most frequent first, then by text; each text once, with its highest count.
fn first_of(mut all: Vec<(String, u64)>) -> Vec<(String, u64)> {
    all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|(text, _)| seen.len() < FREQUENT_MAX && seen.insert(text.clone()));
    all
}

/// The beginning of `text`, at most [`TEXT_BYTES_MAX`], whole characters.
pub(super) fn start(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(from: u64, to: u64) -> Distinct {
        let mut distinct = Distinct::default();
        let mut budget = 0;
        for i in from..to {
            let name = format!("device-{i}");
            assert!(distinct.count(name.as_bytes(), || Cow::from(&name), &mut budget) || i > DISTINCT_MAX);
            assert!(!distinct.count(name.as_bytes(), || Cow::from(&name), &mut budget));
        }
        distinct
    }

    fn is_about(actual: u64, expected: u64) -> bool {
        actual.abs_diff(expected) < expected / 20
    }

    #[test]
    fn few_are_counted_and_many_are_estimated() {
        let few = counted(0, 9_999);
        assert_eq!((few.estimate(), few.more()), (9_999, false));
        for many in [10_001, 12_000, 60_000] {
            let distinct = counted(0, many);
            assert!(distinct.more() && is_about(distinct.estimate(), many), "{many}: {}", distinct.estimate());
        }
    }

    #[test]
    fn merging_is_counting_both() {
        for (a, b) in [(100, 200), (9_000, 11_000), (30_000, 9_000), (20_000, 40_000)] {
            let mut merged = counted(0, a);
            merged.merge(counted(a / 2, a / 2 + b));
            let expected = (a / 2 + b).max(a);
            assert!(is_about(merged.estimate(), expected), "{a} {b}: {}", merged.estimate());
        }
    }

    #[test]
    fn a_used_up_budget_ends_the_remembering_of_everybody() {
        let mut distinct = Distinct::default();
        let mut budget = REMEMBERED_MAX - 2;
        for value in ["a", "b", "c", "a"] {
            distinct.count(value.as_bytes(), || value.into(), &mut budget);
        }
        assert_eq!((distinct.estimate(), distinct.more(), budget), (3, true, REMEMBERED_MAX - 2));
    }
}
