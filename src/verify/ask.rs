//! The target, asked with patience: counts and digests, and rows into a spill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::error::VerifyError;
use super::expect::Expectation;
use super::model::Method;
use super::scope::{Grid, range};
use crate::census::{Entry, Scratch, Spill, SpillBuffer, SpillError, SpillWriter};
use crate::digest::dimension_slice;
use crate::record::Record;
use crate::target::{Bucket, Part, ReadFault, ReadShape, Reader};
use crate::time::Nanos;

/// Attempts at one request, the first among them.
const ATTEMPTS_MAX: u32 = 8;
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(20);
/// A part is fetched in at most so many pieces.
const PIECES_MAX: u64 = 1440;

/// How often a request may still be tried, and how long to wait before.
struct Patience {
    attempt: u32,
    wait: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { attempt: 1, wait: WAIT_FIRST }
    }

    /// Waits when `fault` may pass by itself, else hands it back.
    async fn after(&mut self, fault: ReadFault) -> Result<(), ReadFault> {
        let passes = matches!(fault, ReadFault::Throttled { .. } | ReadFault::Unanswered { .. });
        if !passes || self.attempt >= ATTEMPTS_MAX {
            return Err(fault);
        }
        tokio::time::sleep(self.wait).await;
        self.attempt += 1;
        self.wait = (self.wait * 2).min(WAIT_MAX);
        Ok(())
    }
}

/// The target's buckets of one table.
#[derive(Debug)]
pub(super) struct TargetBuckets {
    /// By number.
    pub(super) buckets: BTreeMap<i64, Bucket>,
    pub(super) method: Method,
    pub(super) table_found: bool,
}

/// Asks for counts and digests; for counts alone where digests are refused.
pub(super) async fn buckets<R: Reader>(reader: &R, shape: &ReadShape, bucket_nanos: i64) -> Result<TargetBuckets, VerifyError> {
    let mut method = Method::Digests;
    let mut patience = Patience::new();
    let (answer, table_found) = loop {
        match reader.buckets(shape, bucket_nanos, method == Method::Digests).await {
            Ok(answer) => break (answer, true),
            Err(ReadFault::NotFound { .. }) => break (Vec::new(), false),
            Err(ReadFault::Invalid { .. }) if method == Method::Digests => method = Method::Rows,
            Err(fault) => patience.after(fault).await.map_err(|fault| target_error(shape, fault))?,
        }
    };
    let mut buckets = BTreeMap::new();
    for bucket in answer {
        let number = bucket.from.0.div_euclid(bucket_nanos);
        let inconsistent = |what| VerifyError::Inconsistent { table: shape.table.clone(), what };
        if range(number, bucket_nanos).0 != bucket.from {
            return Err(inconsistent(format!("a bucket begins at {}, which is no multiple of its width", bucket.from)));
        }
        let from = bucket.from;
        if buckets.insert(number, bucket).is_some() {
            return Err(inconsistent(format!("the bucket of {from} came twice")));
        }
    }
    buckets.retain(|_, bucket| bucket.rows > 0);
    Ok(TargetBuckets { buckets, method, table_found })
}

/// Asks for the cells of one bucket; none where the target refuses to compute them, as the rows must do then.
pub(super) async fn cells<R: Reader>(
    reader: &R,
    shape: &ReadShape,
    number: i64,
    bucket_nanos: i64,
    grid: Grid,
) -> Result<Option<BTreeMap<(i64, u16), Expectation>>, VerifyError> {
    let (from, to) = range(number, bucket_nanos);
    let mut patience = Patience::new();
    let answer = loop {
        match reader.cells(shape, from, to, grid.width_nanos, grid.slices).await {
            Ok(answer) => break answer,
            Err(ReadFault::Invalid { .. }) => return Ok(None),
            Err(fault) => patience.after(fault).await.map_err(|fault| target_error(shape, fault))?,
        }
    };
    let mut cells = BTreeMap::new();
    for cell in answer {
        let at = cell.from.0.div_euclid(grid.width_nanos);
        let placed = range(at, grid.width_nanos).0 == cell.from && from <= cell.from && cell.from < to && cell.slice < grid.slices;
        let counted = Expectation { rows: cell.rows, digest: cell.digest };
        if !placed || cells.insert((at, cell.slice), counted).is_some() {
            let what = format!("a cell at {} of slice {} was not asked for, or came twice", cell.from, cell.slice);
            return Err(VerifyError::Inconsistent { table: shape.table.clone(), what });
        }
    }
    Ok(Some(cells))
}

/// The rows of some buckets, keyed like the source's.
#[derive(Debug)]
pub(super) struct TargetRows {
    spill: Spill,
    /// Attempts that broke off; what they handed on does not count. An entry's `unit` is its attempt.
    broken: BTreeSet<u32>,
}

impl TargetRows {
    pub(super) fn spill(&self) -> &Spill {
        &self.spill
    }

    /// Whether `entry` came from an attempt that ended well.
    pub(super) fn counts(&self, entry: &Entry) -> bool {
        !self.broken.contains(&entry.unit)
    }
}

/// Gathers the rows of buckets.
#[derive(Debug)]
pub(super) struct RowFetch<'a, R> {
    pub(super) reader: &'a R,
    pub(super) shape: &'a ReadShape,
    /// A part of more rows is fetched in pieces.
    pub(super) rows_per_request_max: u64,
}

impl<R: Reader> RowFetch<'_, R> {
    /// Spills the rows of every part of `wanted`, which come with their number.
    pub(super) async fn spill(
        &self,
        wanted: &[(Part, u64)],
        scratch: &Arc<Scratch>,
        entries_at_once: u64,
        mut done: impl FnMut() + Send,
    ) -> Result<TargetRows, VerifyError> {
        let writer = SpillWriter::new(scratch, entries_at_once);
        let mut buffer = writer.buffer();
        let mut broken = BTreeSet::new();
        let mut attempt: u32 = 0;
        for (part, rows) in wanted {
            for piece in self.pieces(part, *rows) {
                let mut patience = Patience::new();
                loop {
                    match self.piece(&piece, attempt, &mut buffer).await {
                        Ok(()) => break,
                        Err(Broken::Spill(error)) => return Err(error.into()),
                        Err(Broken::Fault(fault)) => {
                            broken.insert(attempt);
                            attempt = attempt.saturating_add(1);
                            patience.after(fault).await.map_err(|fault| target_error(self.shape, fault))?;
                        }
                    }
                }
                // 2^32 pieces of 200,000 rows are beyond any table.
                attempt = attempt.saturating_add(1);
            }
            done();
        }
        buffer.flush()?;
        drop(buffer);
        Ok(TargetRows { spill: writer.finish(), broken })
    }

    async fn piece(&self, part: &Part, attempt: u32, buffer: &mut SpillBuffer<'_>) -> Result<(), Broken> {
        let mut row: u64 = 0;
        let mut failed = None;
        let mut each = |record: Record| {
            row += 1;
            let content = record.content_digest();
            let slice = dimension_slice(&record, &self.shape.dimensions);
            let entry = Entry { key: record.key().0, unit: attempt, row, content, time: record.time.0, digest: 0, slice };
            if failed.is_none() {
                failed = buffer.push(entry).err();
            }
        };
        let answer = self.reader.rows(self.shape, part, &mut each).await;
        match failed {
            Some(error) => Err(Broken::Spill(error)),
            None => answer.map_err(Broken::Fault),
        }
    }

    /// Hands every row of `part` to `each`, again from the start after a fault: `each` must bear repetition.
    pub(super) async fn records(&self, part: &Part, each: &mut (dyn FnMut(Record) + Send)) -> Result<(), VerifyError> {
        let mut patience = Patience::new();
        while let Err(fault) = self.reader.rows(self.shape, part, &mut *each).await {
            patience.after(fault).await.map_err(|fault| target_error(self.shape, fault))?;
        }
        Ok(())
    }

    /// A part, cut into pieces of equal width by the number of its rows.
    fn pieces(&self, part: &Part, rows: u64) -> Vec<Part> {
        let (from, to) = (part.from, part.to);
        let count = (rows / self.rows_per_request_max.max(1) + 1).min(PIECES_MAX);
        let width = (i128::from(to.0) - i128::from(from.0)).max(1);
        let edge = |at: u64| i64::try_from(i128::from(from.0) + width * i128::from(at) / i128::from(count)).unwrap_or(to.0);
        let piece =
            |at| Part { from: Nanos(edge(at)), to: Nanos(if at + 1 == count { to.0 } else { edge(at + 1) }), slices: part.slices.clone() };
        (0..count).map(piece).collect()
    }
}

enum Broken {
    Spill(SpillError),
    Fault(ReadFault),
}

fn target_error(shape: &ReadShape, fault: ReadFault) -> VerifyError {
    VerifyError::Target { table: shape.table.clone(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY_NANOS, HOUR_NANOS};
    use crate::verify::tests::FakeTarget;

    #[test]
    fn the_pieces_of_a_bucket_lie_end_to_end_and_their_number_follows_the_rows() {
        let reader = FakeTarget::default();
        let shape = ReadShape {
            table: String::new(),
            measure_name: String::new(),
            reads: crate::target::Reads::All,
            dimensions: Vec::new(),
            measures: Vec::new(),
        };
        for (bucket_nanos, number) in
            [(DAY_NANOS, 19_000), (HOUR_NANOS, -3), (DAY_NANOS, i64::MIN / DAY_NANOS - 1), (DAY_NANOS, i64::MAX / DAY_NANOS)]
        {
            let fetch = RowFetch { reader: &reader, shape: &shape, rows_per_request_max: 10 };
            for (rows, count) in [(0, 1), (9, 1), (10, 2), (95, 10), (u64::MAX, 1440)] {
                let (from, to) = range(number, bucket_nanos);
                let pieces = fetch.pieces(&Part { from, to, slices: None }, rows);
                assert_eq!(pieces.len(), count);
                assert_eq!((pieces[0].from, pieces[count - 1].to), (from, to));
                assert!(pieces.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
            }
        }
    }
}
