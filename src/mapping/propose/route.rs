//! Whether the rows of a store seem to be of several types, which could go to tables or measure names of their own.
//!
//! It is said, and never done by itself: the counts of a survey do not tell which column belongs to which type.

use super::words::words;
use super::{Draft, dimensions};
use crate::path::ColumnPath;
use crate::survey::{ColumnSurvey, StoreSurvey};

/// A column of more values tells things apart, not types of things.
const TYPES_MAX: usize = 12;
/// Values that the comment names.
const NAMED_MAX: usize = 4;

/// Notes the first column that is named as a type is and whose values come with columns of their own, as far as counts tell.
pub(super) fn suggest(survey: &StoreSurvey, time: &ColumnPath, draft: &mut Draft) {
    let Some(column) = survey.columns.iter().find(|column| column.path != *time && parts_rows(column, survey)) else { return };
    let values: Vec<String> = column.frequent.iter().take(NAMED_MAX).map(|(value, _)| format!("{value:?}")).collect();
    let more = if column.frequent.len() > NAMED_MAX { ", …" } else { "" };
    let example = values.first().map_or("", String::as_str);
    draft.reason(
        "route",
        format!(
            "{} has {} values ({}{more}), and some columns hold values in as many rows as one of them; each type can go to a table or a \
             measure name of its own, in a [[table]] with route = {{ column = \"{}\", values = [{example}] }}",
            column.path,
            column.frequent.len(),
            values.join(", "),
            column.path
        ),
    );
}

fn parts_rows(column: &ColumnSurvey, survey: &StoreSurvey) -> bool {
    let is_named_so = words(&dimensions::flat_name(&column.path)).last().is_some_and(|last| matches!(last.as_str(), "type" | "kind"));
    let types = &column.frequent;
    if !is_named_so || column.distinct_more || !(2..=TYPES_MAX).contains(&types.len()) {
        return false;
    }
    let own = |other: &&ColumnSurvey| {
        let values = other.kinds.values();
        other.path != column.path && values < survey.rows && types.iter().any(|(_, rows)| *rows == values)
    };
    survey.columns.iter().filter(own).count() >= 2
}
