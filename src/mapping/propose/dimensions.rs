//! Which columns tell the sources of rows apart.

use super::words::{ends_in_id, is_identity, words};
use super::{Draft, column_list, count_of, is_csv_only};
use crate::inventory::{Inventory, Partition};
use crate::mapping::{DIMENSIONS_MAX, MappingError};
use crate::path::{ColumnPath, Segment};
use crate::survey::{ColumnSurvey, StoreSurvey};

/// An identity column whose different values are more than one in so many of its values names messages, not things.
const SHARE_OF_ROWS_MAX: u64 = 2;
/// Below so many rows the share says nothing.
const ROWS_FOR_SHARE_MIN: u64 = 100;
/// Whole numbers called `…id` are an identity up to so many.
const NUMERIC_IDS_MAX: u64 = 1_000;

/// What the service puts before the name of a partition's attribute (facts: custom partitions).
const PARTITION_PREFIX: &str = "__partition_";

/// The columns that become dimensions, each with its reason.
pub(super) struct Chosen<'s> {
    pub(super) columns: Vec<(&'s ColumnSurvey, String)>,
}

impl Chosen<'_> {
    pub(super) fn contains(&self, path: &ColumnPath) -> bool {
        self.columns.iter().any(|(column, _)| column.path == *path)
    }
}

/// Attribute partitions, then columns that are called like an identity and hold text; failing both, the text column with
/// the fewest different values.
pub(super) fn choose<'s>(
    store: &str,
    survey: &'s StoreSurvey,
    inventory: &Inventory,
    time: &ColumnPath,
    draft: &mut Draft,
) -> Result<Chosen<'s>, MappingError> {
    let mut chosen = Chosen { columns: Vec::new() };
    for (column, reason) in by_partition(store, survey, inventory) {
        if column.path != *time && !chosen.contains(&column.path) {
            chosen.columns.push((column, reason));
        }
    }
    let csv_only = is_csv_only(survey);
    for column in survey.columns.iter().filter(|column| column.path != *time && !column.partition) {
        if chosen.contains(&column.path) || !suits_by_name(column, csv_only) {
            continue;
        }
        let subject = format!("column {}", column.path);
        if is_unique_per_row(column) {
            draft.doubt(
                subject,
                "called like an identity, but nearly every row has another value: as a dimension it would make each a series of its own",
            );
        } else if chosen.columns.len() >= DIMENSIONS_MAX {
            draft.doubt(
                subject,
                format!("called like an identity, but a table holds at most {DIMENSIONS_MAX} dimensions, so it is a measure"),
            );
        } else {
            chosen.columns.push((column, format!("called like an identity, {}", variety(column, survey.rows))));
        }
    }
    if chosen.columns.is_empty() {
        let column =
            last_resort(survey, time).ok_or_else(|| MappingError::NoDimension { store: store.to_owned(), columns: column_list(survey) })?;
        draft.doubt(
            format!("column {}", column.path),
            "no column is called like an identity; this text varies least. A dimension cannot be changed after the first write",
        );
        chosen
            .columns
            .push((column, format!("Timestream needs a dimension, and no text column varies less: {}", variety(column, survey.rows))));
    }
    Ok(chosen)
}

/// The name of a column when nested names are joined by the default separator; a partition's own name without its prefix.
pub(super) fn flat_name(path: &ColumnPath) -> String {
    let flat = path.flattened("_");
    flat.strip_prefix(PARTITION_PREFIX).map_or_else(|| flat.clone(), str::to_owned)
}

/// The message's own attribute where it has one, else the column that the key adds.
fn by_partition<'s>(store: &str, survey: &'s StoreSurvey, inventory: &Inventory) -> Vec<(&'s ColumnSurvey, String)> {
    let mut found = Vec::new();
    let declared = inventory.datastores.get(store).map_or(&[][..], |datastore| datastore.partitions.as_slice());
    let declared = declared.iter().filter_map(|partition| match partition {
        Partition::Attribute { attribute } => Some(attribute.as_str()),
        Partition::Timestamp { .. } => None,
    });
    // The keys tell of partitions whose definition was not captured.
    let in_keys = survey.columns.iter().filter_map(|column| match column.path.segments() {
        [Segment::Name(name)] => name.strip_prefix(PARTITION_PREFIX),
        _ => None,
    });
    for attribute in declared.chain(in_keys) {
        let in_key = format!("{PARTITION_PREFIX}{attribute}");
        let column = with_values(survey, attribute).or_else(|| with_values(survey, &in_key));
        found.extend(column.map(|column| (column, format!("the store is partitioned by it, {}", variety(column, survey.rows)))));
    }
    found
}

fn with_values<'s>(survey: &'s StoreSurvey, name: &str) -> Option<&'s ColumnSurvey> {
    survey.columns.iter().find(|column| {
        let top = match column.path.segments() {
            [Segment::Name(own)] => own.eq_ignore_ascii_case(name),
            _ => false,
        };
        top && column.kinds.values() > 0
    })
}

/// Text under an identity's name. Numbers only when they are whole and few: under a name that ends in `id`, or, in a store
/// of CSV alone, where everything is text, under one word (`device`, but not `sensor_count`).
fn suits_by_name(column: &ColumnSurvey, csv_only: bool) -> bool {
    let Some(Segment::Name(name)) = column.path.segments().last() else { return false };
    let kinds = &column.kinds;
    let values = kinds.values();
    if values == 0 || kinds.strings + kinds.integers < values {
        return false;
    }
    let few = !column.distinct_more && column.distinct <= NUMERIC_IDS_MAX;
    if kinds.integers > 0 {
        return ends_in_id(name) && few;
    }
    if csv_only && kinds.numeric_strings() == values {
        return kinds.integer_strings == values && few && (ends_in_id(name) || is_identity(name) && words(name).len() == 1);
    }
    is_identity(name)
}

fn is_unique_per_row(column: &ColumnSurvey) -> bool {
    let values = column.kinds.values();
    values >= ROWS_FOR_SHARE_MIN && column.distinct_estimate > values / SHARE_OF_ROWS_MAX
}

fn last_resort<'s>(survey: &'s StoreSurvey, time: &ColumnPath) -> Option<&'s ColumnSurvey> {
    let texts = survey.columns.iter().filter(|column| {
        let kinds = &column.kinds;
        let text = kinds.strings == kinds.values() && kinds.strings > 0 && kinds.numeric_strings() < kinds.strings;
        column.path != *time && !column.partition && text && column.times.is_empty() && !column.distinct_more
    });
    texts.min_by_key(|column| column.distinct)
}

fn variety(column: &ColumnSurvey, rows: u64) -> String {
    let values = match (column.distinct_estimate, column.distinct_more) {
        (count, true) => format!("about {count} different values"),
        (count, false) => count_of(count, "different value"),
    };
    match rows.saturating_sub(column.kinds.values()) {
        0 => values,
        missing => format!("{values}, missing in {}", count_of(missing, "row")),
    }
}
