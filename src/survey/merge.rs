//! Spellings of one column that differ in case only, counted together.
//!
//! Athena lower-cases column names, so the delivered CSV of a store says `deviceid` where its messages say `deviceId`, and
//! both lie in one history.

use super::ColumnSurvey;
use super::column::ColumnCounter;
use crate::path::{ColumnPath, Segment};

/// The name of a top-level column.
pub(super) fn top_level_name(path: &ColumnPath) -> Option<&str> {
    match path.segments() {
        [Segment::Name(name)] => Some(name),
        _ => None,
    }
}

/// Finishes `columns`, those of each group as one. The spelling that is kept is the one with capitals, as the lower-cased
/// one is the copy; among several the most frequent, then the first in the alphabet.
pub(super) fn spellings(columns: Vec<ColumnCounter>, groups: Vec<Vec<usize>>) -> Vec<ColumnSurvey> {
    let mut columns: Vec<Option<ColumnCounter>> = columns.into_iter().map(Some).collect();
    let mut others: Vec<Vec<String>> = vec![Vec::new(); columns.len()];
    for group in groups {
        let name = |at: usize| {
            let column = columns.get(at).and_then(Option::as_ref)?;
            let name = top_level_name(&column.path)?;
            let capitals = name.chars().any(char::is_uppercase);
            Some((capitals, column.present, std::cmp::Reverse(name.to_owned())))
        };
        let Some(kept) = group.iter().copied().max_by_key(|at| name(*at)) else { continue };
        for at in group.into_iter().filter(|at| *at != kept) {
            let Some(other) = columns.get_mut(at).and_then(Option::take) else { continue };
            if let Some(spelling) = others.get_mut(kept) {
                spelling.extend(top_level_name(&other.path).map(str::to_owned));
                spelling.sort();
            }
            if let Some(Some(column)) = columns.get_mut(kept) {
                column.merge(other);
            }
        }
    }
    columns.into_iter().zip(others).filter_map(|(column, others)| Some(column?.finish(others))).collect()
}
