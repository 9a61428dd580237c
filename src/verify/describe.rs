//! Differences with their values: the source's rows read once more, the target's fetched once more.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::RowFetch;
use super::compare::Found;
use super::error::VerifyError;
use super::model::{ColumnDifference, Difference, Kind, Place};
use super::scope::Scope;
use super::why::At;
use crate::census::{CensusError, MappedHistory, over, reread};
use crate::history::Listing;
use crate::record::{Measure, Record};
use crate::target::{Part, Reader, Slices};
use crate::time::Nanos;

/// The source's side of differences, by place.
pub(super) type SourceRecords = BTreeMap<At, Record>;
/// The target's side, by key and content.
pub(super) type TargetRecords = BTreeMap<(u128, u64), Record>;

/// Reads the source rows of `found` again, each object once.
pub(super) fn from_source(
    history: &dyn MappedHistory,
    listing: &Listing,
    table: usize,
    found: &[Found],
    readers: usize,
) -> Result<SourceRecords, VerifyError> {
    let mut rows: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for (unit, row) in found.iter().filter_map(|found| found.source) {
        rows.entry(unit).or_default().insert(row);
    }
    let units: Vec<(u32, Vec<u64>)> = rows.into_iter().map(|(unit, rows)| (unit, rows.into_iter().collect())).collect();
    let parts = over(readers, units.len(), SourceRecords::new, |records, at| {
        let Some((unit, rows)) = units.get(at) else { return Ok(()) };
        let Some(object) = listing.objects.numbered(*unit) else { return Ok(()) };
        reread(history, table, &object, rows, &mut |row, record| {
            records.insert((*unit, row), record);
        })
        .map_err(|failure| VerifyError::Source(CensusError::Read { object: object.id.key.clone(), failure }))
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// What is fetched of one bucket, or of one shorter time in a bucket that is cut.
struct Wanted {
    first: i64,
    last: i64,
    slices: Option<Slices>,
    /// Key and content.
    rows: BTreeSet<(u128, u64)>,
}

/// Fetches the target rows of `found` again: of each bucket or shorter time that has any, those between the first and the last, of their
/// slices.
pub(super) async fn from_target<R: Reader>(fetch: &RowFetch<'_, R>, scope: &Scope, found: &[Found]) -> Result<TargetRecords, VerifyError> {
    let mut wanted: BTreeMap<(i64, Option<i64>), Wanted> = BTreeMap::new();
    for found in found {
        let Some(content) = found.target else { continue };
        let (number, cell) = scope.place(found.time, found.slice);
        let (shorter, slices) = cell.unzip();
        let fresh = || Wanted { first: found.time, last: found.time, slices: slices.clone(), rows: BTreeSet::new() };
        let place = wanted.entry((number, shorter)).or_insert_with(fresh);
        place.first = place.first.min(found.time);
        place.last = place.last.max(found.time);
        if let (Some(all), Some(more)) = (&mut place.slices, slices) {
            all.of.extend(more.of);
        }
        place.rows.insert((found.key, content));
    }
    let mut records = TargetRecords::new();
    for Wanted { first, last, slices, rows } in wanted.into_values() {
        let mut each = |record: Record| {
            let place = (record.key().0, record.content_digest());
            if rows.contains(&place) {
                records.insert(place, record);
            }
        };
        fetch.records(&Part { from: Nanos(first), to: Nanos(last.saturating_add(1)), slices }, &mut each).await?;
    }
    Ok(records)
}

/// A difference for people, with whatever values were fetched.
pub(super) fn difference(
    found: &Found,
    table: &str,
    object: &dyn Fn(u32) -> String,
    source: Option<&Record>,
    target: Option<&Record>,
) -> Difference {
    let named = source.or(target);
    Difference {
        symbol: found.kind.symbol(),
        kind: found.kind,
        table: table.to_owned(),
        time: Nanos(found.time).to_iso8601(),
        time_ns: found.time,
        key: format!("{:032x}", found.key),
        dimensions: named
            .map(|record| record.dimensions.iter().map(|(name, value)| (name.to_string(), value.clone())).collect())
            .unwrap_or_default(),
        cause: found.cause.label(),
        detail: found.cause.detail(found.kind, object),
        source: found.source.map(|(unit, row)| Place { object: object(unit), row }),
        repeats: found.repeats,
        source_values: source.map(values),
        target_values: target.map(values),
        columns: match (found.kind, source, target) {
            (Kind::Changed, Some(source), Some(target)) => columns(source, target),
            _ => Vec::new(),
        },
    }
}

pub(super) fn values(record: &Record) -> BTreeMap<String, serde_json::Value> {
    record.measures.iter().map(|(name, measure)| (name.to_string(), value(measure))).collect()
}

fn value(measure: &Measure) -> serde_json::Value {
    match measure {
        Measure::Double(f) => (*f).into(),
        Measure::Bigint(i) => (*i).into(),
        Measure::Boolean(b) => (*b).into(),
        Measure::Varchar(s) => s.as_str().into(),
        Measure::Timestamp(t) => t.to_iso8601().into(),
    }
}

/// The measures that differ: in the source's order, then those that only the target has.
pub(super) fn columns(source: &Record, target: &Record) -> Vec<ColumnDifference> {
    let of = |record: &Record, name: &str| record.measures.iter().find(|(n, _)| **n == *name).map(|(_, measure)| measure.clone());
    let only_there = target.measures.iter().filter(|(name, _)| of(source, name).is_none());
    let names = source.measures.iter().chain(only_there).map(|(name, _)| name);
    // `==` has -0.0 and 0.0 as one value, as the target does; there is no NaN in a record.
    let pairs = names.map(|name| (name, of(source, name), of(target, name))).filter(|(_, source, target)| source != target);
    pairs
        .map(|(name, source, target)| ColumnDifference {
            column: name.to_string(),
            source: source.as_ref().map(value),
            target: target.as_ref().map(value),
        })
        .collect()
}
