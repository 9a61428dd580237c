//! Which rows of a pending unit need not be sent again, so that a large object goes on where it was.
//!
//! Rows are numbered from 1 as their unit is read, every row counted. They are kept as half-open intervals, each with a digest: the sum,
//! modulo 2^64, of its rows' digests. Whoever goes on reads all rows again and holds the ones that it passes over against it; an object that
//! gives other rows than before is noticed, and nothing of it is taken for sent.
//!
//! Invariants
//! - Intervals do not overlap, are not empty, and do not touch: those that do are one.
//! - An insertion that is refused changes nothing.

use std::collections::BTreeMap;

/// Rows that are acknowledged, or need no sending at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettledRows {
    /// By the first row.
    intervals: BTreeMap<u64, (u64, u64)>,
}

/// `from..to` and the digest of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first row.
    pub from: u64,
    /// The first row behind it.
    pub to: u64,
    pub digest: u64,
}

/// Why an interval is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    #[error("the rows {from}..{to} are none")]
    Empty { from: u64, to: u64 },
    #[error("the rows {from}..{to} are settled already, or some of them")]
    Overlap { from: u64, to: u64 },
}

impl SettledRows {
    /// Takes `interval` in.
    ///
    /// # Errors
    /// Refuses an empty one, and one that overlaps what is there. Then nothing is changed.
    pub fn insert(&mut self, interval: Interval) -> Result<(), IntervalError> {
        let Interval { mut from, mut to, mut digest } = interval;
        if from >= to {
            return Err(IntervalError::Empty { from, to });
        }
        let before = self.intervals.range(..=from).next_back().map(|(start, (end, digest))| (*start, *end, *digest));
        let behind = self.intervals.range(from..).next().map(|(start, (end, digest))| (*start, *end, *digest));
        if before.is_some_and(|(_, end, _)| end > from) || behind.is_some_and(|(start, _, _)| start < to) {
            return Err(IntervalError::Overlap { from, to });
        }
        if let Some((start, _, sum)) = before.filter(|(_, end, _)| *end == from) {
            (from, digest) = (start, digest.wrapping_add(sum));
        }
        if let Some((start, end, sum)) = behind.filter(|(start, _, _)| *start == to) {
            self.intervals.remove(&start);
            (to, digest) = (end, digest.wrapping_add(sum));
        }
        self.intervals.insert(from, (to, digest));
        Ok(())
    }

    /// The interval that holds `row`.
    #[must_use]
    pub fn around(&self, row: u64) -> Option<Interval> {
        let (from, (to, digest)) = self.intervals.range(..=row).next_back()?;
        (row < *to).then_some(Interval { from: *from, to: *to, digest: *digest })
    }

    /// How many rows are settled.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.iter().map(|interval| interval.to - interval.from).sum()
    }

    /// The first row behind all of them; 1 when there are none.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.intervals.last_key_value().map_or(1, |(_, (to, _))| *to)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Interval> {
        self.intervals.iter().map(|(from, (to, digest))| Interval { from: *from, to: *to, digest: *digest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any digest of a row; sums of these tell sets of rows apart.
    fn digest_of(row: u64) -> u64 {
        row.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
    }

    fn interval(from: u64, to: u64) -> Interval {
        Interval { from, to, digest: (from..to).map(digest_of).fold(0, u64::wrapping_add) }
    }

    proptest! {
        /// The model is the plain set of rows.
        #[test]
        fn intervals_hold_the_rows_that_were_taken_in_and_a_refusal_changes_nothing(
            steps in prop::collection::vec((1_u64..60, 0_u64..8), 0..60),
        ) {
            let (mut settled, mut model) = (SettledRows::default(), std::collections::BTreeSet::new());
            for (from, length) in steps {
                let to = from + length;
                let before = settled.clone();
                match settled.insert(interval(from, to)) {
                    Ok(()) => {
                        prop_assert!(length > 0);
                        for row in from..to {
                            prop_assert!(model.insert(row), "{row} was settled before");
                        }
                    }
                    Err(error) => {
                        let expected = if length == 0 { IntervalError::Empty { from, to } } else { IntervalError::Overlap { from, to } };
                        prop_assert_eq!(error, expected);
                        prop_assert!(length == 0 || (from..to).any(|row| model.contains(&row)));
                        prop_assert_eq!(&settled, &before);
                    }
                }
                prop_assert_eq!(settled.rows(), model.len() as u64);
                prop_assert_eq!(settled.end(), model.last().map_or(1, |row| row + 1));
                for row in 0..70 {
                    prop_assert_eq!(settled.around(row).is_some(), model.contains(&row));
                }
                let intervals: Vec<Interval> = settled.iter().collect();
                prop_assert!(intervals.windows(2).all(|pair| pair[0].to < pair[1].from), "they touch: {intervals:?}");
                prop_assert!(intervals.iter().all(|one| *one == interval(one.from, one.to)), "a digest is not that of its rows");
            }
        }

        #[test]
        fn the_order_of_insertion_does_not_matter(rows in Just((1_u64..40).collect::<Vec<_>>()).prop_shuffle()) {
            let mut settled = SettledRows::default();
            for row in rows {
                settled.insert(interval(row, row + 1)).unwrap();
            }
            prop_assert_eq!(settled.iter().collect::<Vec<_>>(), [interval(1, 40)]);
        }
    }
}
