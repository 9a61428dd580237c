//! From buckets that differ to the cells in them that do: counts and digests on both sides once more, in a finer grid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ask::{self, TargetBuckets};
use super::error::VerifyError;
use super::expect::{Expectation, Expected};
use super::model::Method;
use super::run::{VerifyJob, blocking};
use super::scope::{CELLS_MAX, Cut, Grid, Scope};
use crate::census::Taken;
use crate::target::{ReadShape, Reader};

/// What is left to compare, and the rows of cells that turned out alike.
#[derive(Debug)]
pub(super) struct Narrow {
    pub(super) scope: Scope,
    pub(super) alike_rows: u64,
}

/// Bucket, then the number of the shorter time and the slice.
type Cells = BTreeMap<i64, BTreeMap<(i64, u16), Expectation>>;

pub(super) async fn narrow<R: Reader>(
    job: &VerifyJob<R>,
    taken: &Arc<Taken>,
    table: usize,
    shape: &ReadShape,
    expected: &Expected,
    target: &TargetBuckets,
    differing: &BTreeSet<i64>,
) -> Result<Narrow, VerifyError> {
    let bucket_nanos = job.options.bucket_nanos;
    let mut scope = Scope { bucket_nanos, buckets: differing.iter().map(|number| (*number, None)).collect() };
    let grids = grids(job, shape, expected, target, differing);
    if grids.is_empty() {
        return Ok(Narrow { scope, alike_rows: 0 });
    }
    let mut ours = ours(taken, table, bucket_nanos, &grids).await?;
    let mut alike_rows = 0;
    for (number, grid) in grids {
        let Some(theirs) = ask::cells(&job.reader, shape, number, bucket_nanos, grid).await? else { continue };
        let ours = ours.remove(&number).unwrap_or_default();
        let (cut, alike) = differing_cells(grid, &ours, &theirs);
        // Where most of it differs, one request for all of it is the cheaper one.
        let (fetched, all) = (cut.cells.values().sum::<u64>(), theirs.values().map(|cell| cell.rows).sum::<u64>());
        if fetched * 2 < all {
            alike_rows += alike;
            scope.buckets.insert(number, Some(cut));
        }
    }
    Ok(Narrow { scope, alike_rows })
}

/// The buckets that are worth cutting, as long as there is room for their cells.
fn grids<R>(
    job: &VerifyJob<R>,
    shape: &ReadShape,
    expected: &Expected,
    target: &TargetBuckets,
    differing: &BTreeSet<i64>,
) -> BTreeMap<i64, Grid> {
    let mut grids = BTreeMap::new();
    if target.method != Method::Digests || shape.dimensions.is_empty() {
        return grids;
    }
    let mut room = CELLS_MAX;
    for number in differing {
        let (Some(theirs), Some(_)) = (target.buckets.get(number), expected.buckets.get(number)) else { continue };
        if theirs.rows <= job.options.rows_uncut_max {
            continue;
        }
        let grid = Grid::of(job.options.bucket_nanos, theirs.rows);
        match room.checked_sub(grid.cells(job.options.bucket_nanos)) {
            None => break,
            Some(rest) => room = rest,
        }
        grids.insert(*number, grid);
    }
    grids
}

/// What the source calls for in every cell.
async fn ours(taken: &Arc<Taken>, table: usize, bucket_nanos: i64, grids: &BTreeMap<i64, Grid>) -> Result<Cells, VerifyError> {
    let (taken, grids) = (Arc::clone(taken), grids.clone());
    blocking(move || {
        let mut cells = Cells::new();
        taken.keys.groups::<VerifyError>(table, &mut |group| {
            let Some(entry) = group.written().next() else { return Ok(()) };
            let number = entry.time.div_euclid(bucket_nanos);
            if let Some(grid) = grids.get(&number) {
                let cell = cells.entry(number).or_default().entry(grid.cell(entry.time, entry.slice)).or_default();
                cell.rows += 1;
                cell.digest = cell.digest.wrapping_add(entry.digest);
            }
            Ok(())
        })?;
        Ok(cells)
    })
    .await
}

/// The cells that differ, with the target's rows in them, and how many rows the others have.
fn differing_cells(grid: Grid, ours: &BTreeMap<(i64, u16), Expectation>, theirs: &BTreeMap<(i64, u16), Expectation>) -> (Cut, u64) {
    let mut cut = Cut { grid, cells: BTreeMap::new() };
    let mut alike = 0;
    let all: BTreeSet<&(i64, u16)> = ours.keys().chain(theirs.keys()).collect();
    for cell in all {
        let (our, their) = (ours.get(cell).copied().unwrap_or_default(), theirs.get(cell).copied().unwrap_or_default());
        if our == their {
            alike += our.rows;
        } else {
            cut.cells.insert(*cell, their.rows);
        }
    }
    (cut, alike)
}
