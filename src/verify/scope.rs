//! Which rows are compared one by one: all of a bucket that differs, or, where it holds many, only those of the cells that differ.
//!
//! A cell is a shorter time and a slice of the dimensions ([`crate::digest::dimension_slice`]): so one device that differs in a day of ten
//! thousand costs the rows of a few devices in one hour.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::SLICES_MAX;
use crate::target::{Part, Slices};
use crate::time::Nanos;

/// A bucket's cells hold about so many rows each.
const ROWS_PER_CELL: u64 = 1_000;
/// Shorter times in a bucket, where its width can be parted so.
const SHORTER_TIMES: i64 = 24;
/// Cells of one table that are looked at; further buckets are compared whole. About 100 bytes each.
pub(super) const CELLS_MAX: u64 = 1 << 18;

/// How one bucket is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// Of the shorter times.
    pub(super) width_nanos: i64,
    /// A power of two, [`SLICES_MAX`] at the most.
    pub(super) slices: u16,
}

impl Grid {
    /// How a bucket of `rows` is cut.
    pub(super) fn of(bucket_nanos: i64, rows: u64) -> Self {
        let width_nanos = if bucket_nanos % SHORTER_TIMES == 0 { bucket_nanos / SHORTER_TIMES } else { bucket_nanos };
        let times = u64::try_from(bucket_nanos / width_nanos).unwrap_or(1).max(1);
        let wanted = (rows / (times * ROWS_PER_CELL)).clamp(16, u64::from(SLICES_MAX));
        // The largest power of two that is not above: both bounds are powers of two.
        Self { width_nanos, slices: u16::try_from(1_u64 << wanted.ilog2()).unwrap_or(SLICES_MAX) }
    }

    pub(super) fn cells(self, bucket_nanos: i64) -> u64 {
        u64::try_from(bucket_nanos / self.width_nanos).unwrap_or(1).saturating_mul(u64::from(self.slices))
    }

    /// The cell of a row: the number of its shorter time, and its slice.
    pub(super) fn cell(self, time: i64, slice: u16) -> (i64, u16) {
        (time.div_euclid(self.width_nanos), slice % self.slices)
    }
}

/// The differing cells of one bucket, with the rows that the target has in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) grid: Grid,
    pub(super) cells: BTreeMap<(i64, u16), u64>,
}

/// The buckets whose rows are compared, by number; those that are cut have their cells.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) bucket_nanos: i64,
    pub(super) buckets: BTreeMap<i64, Option<Cut>>,
}

impl Scope {
    pub(super) fn bucket(&self, time: i64) -> i64 {
        time.div_euclid(self.bucket_nanos)
    }

    /// Whether a row of this time and slice is compared.
    pub(super) fn holds(&self, time: i64, slice: u16) -> bool {
        match self.buckets.get(&self.bucket(time)) {
            None => false,
            Some(None) => true,
            Some(Some(cut)) => cut.cells.contains_key(&cut.grid.cell(time, slice)),
        }
    }

    /// What must be fetched, with how many rows it has: `rows` of the target's buckets decide, and one that it does not have needs no
    /// asking.
    pub(super) fn parts(&self, rows: &dyn Fn(i64) -> Option<u64>) -> Vec<(Part, u64)> {
        let mut parts = Vec::new();
        for (number, cut) in &self.buckets {
            match cut {
                None => parts.extend(rows(*number).map(|rows| {
                    let (from, to) = range(*number, self.bucket_nanos);
                    (Part { from, to, slices: None }, rows)
                })),
                Some(cut) => parts.extend(parts_of(cut)),
            }
        }
        parts
    }

    /// Where a row lies: its bucket, and in a bucket that is cut the shorter time and the slice.
    pub(super) fn place(&self, time: i64, slice: u16) -> (i64, Option<(i64, Slices)>) {
        let number = self.bucket(time);
        let cell = self.buckets.get(&number).and_then(Option::as_ref).map(|cut| {
            let (at, slice) = cut.grid.cell(time, slice);
            (at, Slices { count: cut.grid.slices, of: BTreeSet::from([slice]) })
        });
        (number, cell)
    }
}

/// One part for each shorter time: all its slices that differ.
fn parts_of(cut: &Cut) -> Vec<(Part, u64)> {
    let mut by_time: BTreeMap<i64, (BTreeSet<u16>, u64)> = BTreeMap::new();
    for ((at, slice), rows) in cut.cells.iter().filter(|(_, rows)| **rows > 0) {
        let (slices, sum) = by_time.entry(*at).or_default();
        slices.insert(*slice);
        *sum += rows;
    }
    let part = |(at, (of, rows)): (i64, (BTreeSet<u16>, u64))| {
        let (from, to) = range(at, cut.grid.width_nanos);
        (Part { from, to, slices: Some(Slices { count: cut.grid.slices, of }) }, rows)
    };
    by_time.into_iter().map(part).collect()
}

/// `[from, to)` of a stretch of time, cut at the ends of time.
pub(super) fn range(number: i64, width_nanos: i64) -> (Nanos, Nanos) {
    let from = number.saturating_mul(width_nanos);
    (Nanos(from), Nanos(number.saturating_add(1).saturating_mul(width_nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NANOS, HOUR_NANOS};

    #[test]
    fn a_bucket_is_cut_the_finer_the_more_rows_it_has() {
        let slices = |rows| Grid::of(DAY_NANOS, rows).slices;
        assert_eq!([0, 24_000 * 16, 24_000 * 33, 24_000 * 100_000, u64::MAX].map(slices), [16, 16, 32, 4096, 4096]);
        assert_eq!(Grid::of(DAY_NANOS, 0).width_nanos, HOUR_NANOS);
        assert_eq!(Grid::of(HOUR_NANOS + 1, 0).cells(HOUR_NANOS + 1), 16);
    }

    #[test]
    fn only_rows_of_differing_cells_are_in_scope_and_one_part_has_all_slices_of_a_shorter_time() {
        let grid = Grid { width_nanos: HOUR_NANOS, slices: 16 };
        let cells = BTreeMap::from([((2, 3), 5), ((2, 9), 7), ((4, 1), 0)]);
        let scope = Scope { bucket_nanos: DAY_NANOS, buckets: BTreeMap::from([(0, Some(Cut { grid, cells })), (1, None), (2, None)]) };
        let holds = [(2 * HOUR_NANOS, 19), (2 * HOUR_NANOS, 4), (3 * HOUR_NANOS, 3), (4 * HOUR_NANOS, 1), (DAY_NANOS, 77), (-1, 3)];
        assert_eq!(holds.map(|(time, slice)| scope.holds(time, slice)), [true, false, false, true, true, false]);
        let parts = scope.parts(&|number| (number == 1).then_some(40));
        let slices = Slices { count: 16, of: BTreeSet::from([3, 9]) };
        let cell = Part { from: Nanos(2 * HOUR_NANOS), to: Nanos(3 * HOUR_NANOS), slices: Some(slices) };
        assert_eq!(parts, [(cell, 12), (Part { from: Nanos(DAY_NANOS), to: Nanos(2 * DAY_NANOS), slices: None }, 40)]);
    }
}
