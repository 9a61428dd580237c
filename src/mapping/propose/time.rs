//! Which column is the event time, and how it is written.

use super::words::time_rank;
use super::{Draft, column_list, count_of};
use crate::inventory::{Dataset, DatasetAction, Inventory, Partition};
use crate::mapping::{MappingError, TimeRule};
use crate::path::Segment;
use crate::survey::{ColumnSurvey, StoreSurvey, is_partition_column};
use crate::time::{JavaPattern, TimeFormat};
use crate::value::{Number, Value};

/// The first that holds: the attribute of the store's timestamp partition, the column of a dataset's deltaTime, a usual
/// name, any column without exception readable as a time. Each only if its values can be read. Never a partition's day.
pub(super) fn choose(store: &str, survey: &StoreSurvey, inventory: &Inventory, draft: &mut Draft) -> Result<TimeRule, MappingError> {
    let candidate = by_partition(store, survey, inventory, draft)
        .or_else(|| by_dataset(store, survey, inventory))
        .or_else(|| by_name(survey))
        .or_else(|| by_values(survey, draft));
    let Some(candidate) = candidate else {
        return Err(MappingError::NoTime { store: store.to_owned(), columns: column_list(survey) });
    };
    draft.reason("time", format!("{}; {}", candidate.reason, written_as(candidate.column, &candidate.format)));
    let column = candidate.column;
    let without = survey.rows.saturating_sub(column.kinds.values());
    if without > 0 {
        draft.doubt("time", format!("{without} of {} rows without {} will be refused (no_time)", survey.rows, column.path));
    }
    let unreadable = column.times.iter().find(|reading| reading.format == candidate.format).map_or(0, |reading| reading.unreadable);
    if unreadable > 0 {
        let text =
            format!("{} of {} cannot be read as {}: refused (bad_time)", count_of(unreadable, "value"), column.path, candidate.format);
        draft.doubt("time", text);
    }
    Ok(TimeRule { column: column.path.clone(), format: candidate.format })
}

struct Candidate<'s> {
    column: &'s ColumnSurvey,
    format: TimeFormat,
    reason: String,
}

fn by_partition<'s>(store: &str, survey: &'s StoreSurvey, inventory: &Inventory, draft: &mut Draft) -> Option<Candidate<'s>> {
    let datastore = inventory.datastores.get(store)?;
    let (attribute, pattern) = datastore.partitions.iter().find_map(|partition| match partition {
        Partition::Timestamp { attribute, format } => Some((attribute, format)),
        Partition::Attribute { .. } => None,
    })?;
    let column = named(survey, attribute)?;
    let reason = format!("{attribute} is the attribute of the store's timestamp partition");
    // What reads every value counts for more than what the definition says.
    if let Some(reading) = column.times.first().filter(|reading| reading.unreadable == 0) {
        return Some(Candidate { column, format: reading.format.clone(), reason });
    }
    let declared = match pattern {
        None => Ok(TimeFormat::EpochSeconds),
        Some(pattern) => JavaPattern::new(pattern).map(TimeFormat::Java),
    };
    match declared {
        Ok(format) if reads_examples(column, &format) => {
            let reason = format!("{reason}, and its format there reads the examples");
            return Some(Candidate { column, format, reason });
        }
        Ok(format) => draft.doubt("time", format!("the partition declares {attribute} as {format}, which does not read its values")),
        Err(problem) => {
            let pattern = pattern.as_deref().unwrap_or_default();
            draft.doubt("time", format!("the partition's pattern {pattern:?} for {attribute} is not supported: {problem}"));
        }
    }
    let reading = column.times.first()?;
    Some(Candidate { column, format: reading.format.clone(), reason })
}

fn reads_examples(column: &ColumnSurvey, format: &TimeFormat) -> bool {
    let read = |text: &String| {
        let number = Number::parse(text).map(Value::Number);
        format.try_read(&number.unwrap_or_else(|| Value::String(text.clone()))).is_some()
    };
    !column.examples.is_empty() && column.examples.iter().all(read)
}

fn by_dataset<'s>(store: &str, survey: &'s StoreSurvey, inventory: &Inventory) -> Option<Candidate<'s>> {
    inventory.datasets.values().find_map(|dataset| {
        let expression = delta_time_of(dataset, store)?;
        // `from_unixtime(time)`: one of the words is the column.
        let column = identifiers(expression).find_map(|word| named(survey, word).filter(|column| readable(column)))?;
        let format = column.times.first()?.format.clone();
        let reason = format!("the deltaTime of dataset {} is {expression:?}", dataset.name);
        Some(Candidate { column, format, reason })
    })
}

fn delta_time_of<'d>(dataset: &'d Dataset, store: &str) -> Option<&'d str> {
    let Some(DatasetAction::Query { sql, delta_time: Some(delta_time), .. }) = &dataset.action else { return None };
    let from_this_store = identifiers(sql).any(|word| word.eq_ignore_ascii_case(store));
    from_this_store.then_some(delta_time.time_expression.as_str())
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

fn by_name(survey: &StoreSurvey) -> Option<Candidate<'_>> {
    let ranked = survey.columns.iter().filter(|column| readable(column)).filter_map(|column| Some((rank(column)?, column)));
    // The shallower of two with one name: `time` before `sensor.time`.
    let (_, column) = ranked.min_by_key(|(rank, column)| (*rank, column.path.segments().len()))?;
    let format = column.times.first()?.format.clone();
    Some(Candidate { column, format, reason: format!("{} is a usual name for the time of an event", column.path) })
}

fn rank(column: &ColumnSurvey) -> Option<usize> {
    match column.path.segments().last()? {
        Segment::Name(name) => time_rank(name),
        Segment::Index(_) => None,
    }
}

fn by_values<'s>(survey: &'s StoreSurvey, draft: &mut Draft) -> Option<Candidate<'s>> {
    let certain = survey.columns.iter().filter(|column| readable(column) && column.times.iter().any(|reading| reading.unreadable == 0));
    // The one that most rows have, then the one that changes most (an installation date does not); of equals the first.
    let column = certain.rev().max_by_key(|column| (column.kinds.values(), column.distinct_estimate))?;
    let format = column.times.first()?.format.clone();
    draft.doubt("time", format!("no column has a usual name for a time; {} was taken because all its values read as one", column.path));
    Some(Candidate { column, format, reason: format!("every value of {} reads as a time, and no column has a usual name", column.path) })
}

fn readable(column: &ColumnSurvey) -> bool {
    let partition = match column.path.segments().first() {
        Some(Segment::Name(name)) => column.partition || is_partition_column(name),
        _ => true,
    };
    !partition && !column.times.is_empty() && column.kinds.values() > 0
}

/// The top-level column of that name, or of that name in another case.
fn named<'s>(survey: &'s StoreSurvey, name: &str) -> Option<&'s ColumnSurvey> {
    let top = |column: &ColumnSurvey, same: fn(&str, &str) -> bool| match column.path.segments() {
        [Segment::Name(own)] => !column.partition && !is_partition_column(own) && same(own, name),
        _ => false,
    };
    let exact = survey.columns.iter().find(|column| top(column, |a, b| a == b));
    exact.or_else(|| survey.columns.iter().find(|column| top(column, |a, b| a.eq_ignore_ascii_case(b))))
}

fn written_as(column: &ColumnSurvey, format: &TimeFormat) -> String {
    if column.kinds.timestamps > 0 && column.kinds.timestamps == column.kinds.values() {
        return "its values are typed timestamps".to_owned();
    }
    match column.times.iter().find(|reading| reading.format == *format) {
        Some(reading) => format!("as {format} its values lie between {} and {}", reading.earliest, reading.latest),
        None => format!("read as {format}"),
    }
}
