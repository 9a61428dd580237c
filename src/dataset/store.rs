//! The columns of a datastore as its queries knew them, and where the mapping put each.

use std::collections::BTreeSet;

use super::kind::Kind;
use crate::mapping::{MeasureRule, TableMapping};
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::time::TimeFormat;

/// The column of every Timestream table that holds the instant.
pub(super) const TIME: &str = "time";

/// What a column of the new table is; what comes straight from it keeps this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Time,
    Dimension,
    Other,
}

/// Where a column went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) origin: Origin,
}

/// What an old query can mean by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Column(Target),
    /// `__dt`
    Day,
    /// `__year` and its like, with the function that gives it.
    DatePart(&'static str),
    /// It was left behind on purpose.
    Ignored,
    /// An object or array that became several columns, these.
    Parent(Vec<String>),
    Missing,
}

/// The time column of `mapping`.
pub(super) fn time_target(mapping: &TableMapping) -> Target {
    Target { name: TIME.to_owned(), kind: stamp(&mapping.time.format), origin: Origin::Time }
}

fn stamp(format: &TimeFormat) -> Kind {
    Kind::Stamp(format.clone())
}

/// Looks `path` up, whatever its case: the service's catalog lower-cased the names.
pub(super) fn find(mapping: &TableMapping, path: &[Segment]) -> Found {
    if let [Segment::Name(name)] = path
        && let Some(found) = partition(mapping, &name.to_lowercase())
    {
        return found;
    }
    if let Some((_, target)) = columns(mapping).into_iter().find(|(column, _)| same_path(column.segments(), path)) {
        return Found::Column(target);
    }
    let inside = |column: &ColumnPath| column.segments().len() > path.len() && same_path(&column.segments()[..path.len()], path);
    let children: Vec<String> =
        columns(mapping).into_iter().map(|(column, _)| column).filter(|column| inside(column)).map(ToString::to_string).collect();
    if !children.is_empty() {
        return Found::Parent(children);
    }
    // What lies inside an ignored column is ignored with it.
    let ignored =
        |column: &&ColumnPath| path.len() >= column.segments().len() && same_path(column.segments(), &path[..column.segments().len()]);
    if mapping.ignored.iter().any(|column| ignored(&column)) { Found::Ignored } else { Found::Missing }
}

fn partition(mapping: &TableMapping, name: &str) -> Option<Found> {
    Some(match name {
        "__dt" => Found::Day,
        "__year" => Found::DatePart("year"),
        "__month" => Found::DatePart("month"),
        "__day" => Found::DatePart("day"),
        "__hour" => Found::DatePart("hour"),
        other => {
            let attribute = other.strip_prefix("__partition_").filter(|attribute| !attribute.is_empty())?;
            find(mapping, &[Segment::Name(attribute.to_owned())])
        }
    })
}

/// Every column that is read, once: the time, dimensions, measures. A column that is several things is the first of them.
pub(super) fn columns(mapping: &TableMapping) -> Vec<(&ColumnPath, Target)> {
    let dimensions = mapping
        .dimensions
        .iter()
        .map(|rule| (&rule.column, Target { name: rule.name.to_string(), kind: Kind::Varchar, origin: Origin::Dimension }));
    let measures = mapping.measures.iter().map(|rule| (&rule.column, measure_target(rule)));
    let all = std::iter::once((&mapping.time.column, time_target(mapping))).chain(dimensions).chain(measures);
    let mut seen = BTreeSet::new();
    all.filter(|(column, _)| seen.insert(column.to_string().to_lowercase())).collect()
}

fn measure_target(rule: &MeasureRule) -> Target {
    let kind = match (&rule.kind, &rule.format) {
        (MeasureKind::Timestamp, Some(format)) => stamp(format),
        (kind, _) => (*kind).into(),
    };
    Target { name: rule.name.to_string(), kind, origin: Origin::Other }
}

fn same_path(one: &[Segment], other: &[Segment]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|pair| match pair {
            (Segment::Name(a), Segment::Name(b)) => a.to_lowercase() == b.to_lowercase(),
            (Segment::Index(a), Segment::Index(b)) => a == b,
            _ => false,
        })
}
