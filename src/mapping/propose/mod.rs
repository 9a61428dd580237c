//! A first mapping for a store, with the reason for every decision: what a person finds in `migration.toml` and may edit.
//!
//! A pure function of survey and inventory. Each reason's subject names the setting it stands at: `route`, `table`, `measure_name`,
//! `time`, `dimensions`, `dimension <name>`, `measures`, `measure <name>`, `ignored <path>`, `policies.<policy>`. A doubt can
//! also be about a `column <path>` that became something else than its name suggests. All of them are one line each.

mod dimensions;
mod measures;
mod route;
mod time;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::{DimensionRule, MEASURES_MAX, MappingError, MeasureRule, Nested, Policies, TableMapping, names};
use crate::history::Format;
use crate::inventory::Inventory;
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::survey::{ColumnSurvey, StoreSurvey, is_partition_column};

/// A mapping, why it is so, and what a person should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub mapping: TableMapping,
    /// One for every decision, in the order of the settings.
    pub reasons: Vec<Reason>,
    /// Decisions that may be wrong, cannot be undone, or leave something behind.
    pub doubts: Vec<Reason>,
}

/// Why a setting is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The setting, as `dimension device_id`.
    pub subject: String,
    /// One line.
    pub text: String,
}

/// What the parts of a proposal are gathered in.
#[derive(Debug, Default)]
struct Draft {
    reasons: Vec<Reason>,
    doubts: Vec<Reason>,
    /// Names of dimensions and measures, lower-cased: they share one space.
    taken: BTreeSet<String>,
}

impl Draft {
    fn reason(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.reasons.push(Reason { subject: one_line(&subject.into()), text: one_line(&text.into()) });
    }

    fn doubt(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.doubts.push(Reason { subject: one_line(&subject.into()), text: one_line(&text.into()) });
    }
}

/// `text` with nothing in it that ends a comment's line, moves a cursor or turns the reading direction: names of columns
/// come from messages.
fn one_line(text: &str) -> String {
    let hostile = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(hostile) {
        return text.to_owned();
    }
    text.chars().map(|c| if hostile(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Proposes how the rows of `store` become records.
pub fn propose(store: &str, survey: &StoreSurvey, inventory: &Inventory) -> Result<Proposal, MappingError> {
    if survey.columns.is_empty() {
        return Err(MappingError::NoRows { store: store.to_owned() });
    }
    let mut draft = Draft::default();
    let (table, measure_name) = names_of(store, &mut draft);
    let time = time::choose(store, survey, inventory, &mut draft)?;

    let chosen = dimensions::choose(store, survey, inventory, &time.column, &mut draft)?;
    let mut ignored = Vec::new();
    let mut measure_columns = Vec::new();
    for column in &survey.columns {
        if column.path == time.column || chosen.contains(&column.path) {
            continue;
        }
        match left_behind(column, survey) {
            Fate::Measure => measure_columns.push(column),
            Fate::Container => {}
            Fate::Nothing if survey.sampled => {
                let text = "null or empty throughout the sample, so it is not named; a row that has a value there is quarantined";
                draft.doubt(format!("column {}", column.path), text);
            }
            Fate::Nothing => {
                let text = "null or empty in every row, so it has no type";
                draft.doubt(format!("ignored {}", column.path), text);
                draft.reason(format!("ignored {}", column.path), text);
                ignored.push(column.path.clone());
            }
            Fate::Partition => {
                draft.reason(format!("ignored {}", column.path), "a partition of the store's keys, not part of the messages");
                ignored.push(column.path.clone());
            }
        }
    }
    let dimensions = name_dimensions(&chosen, &mut draft);
    let measures = name_measures(&measure_columns, survey, &mut draft);
    if measures.is_empty() {
        return Err(MappingError::NoMeasure { store: store.to_owned() });
    }
    let policies = Policies::default();
    doubt_limits(survey, &measures, &mut draft);
    doubt_spellings(survey, &mut draft);
    explain_policies(survey, &policies, &mut draft);
    route::suggest(survey, &time.column, &mut draft);
    let mapping = TableMapping {
        store: store.to_owned(),
        route: None,
        table,
        time,
        measure_name: measure_name.into(),
        dimensions,
        measures,
        ignored,
        policies,
    };
    Ok(Proposal { mapping, reasons: draft.reasons, doubts: draft.doubts })
}

fn names_of(store: &str, draft: &mut Draft) -> (String, String) {
    let table = names::legalise_resource(store);
    draft.reason("table", if table == store { "the store's own name".to_owned() } else { format!("{store:?} made legal for a table") });
    let measure_name = if store.is_empty() { "telemetry".to_owned() } else { names::legalise_measure(store) };
    draft.reason(
        "measure_name",
        "one multi-measure name for all rows, after the store; part of every record's key, it cannot be changed after the first write",
    );
    (table, measure_name)
}

/// What becomes of a column that is neither time nor dimension.
enum Fate {
    Measure,
    /// Only ever null or empty itself; what lies inside are columns of their own.
    Container,
    Partition,
    /// Never holds a value.
    Nothing,
}

fn left_behind(column: &ColumnSurvey, survey: &StoreSurvey) -> Fate {
    let name = match column.path.segments().first() {
        Some(Segment::Name(name)) => name.as_str(),
        _ => "",
    };
    if is_partition_column(name) || column.partition {
        return Fate::Partition;
    }
    if column.kinds.values() > 0 {
        return Fate::Measure;
    }
    let followed = survey.columns.iter().any(|other| lies_inside(&other.path, &column.path));
    if followed { Fate::Container } else { Fate::Nothing }
}

fn lies_inside(inner: &ColumnPath, outer: &ColumnPath) -> bool {
    inner.segments().len() > outer.segments().len() && inner.segments().starts_with(outer.segments())
}

fn name_dimensions(chosen: &dimensions::Chosen<'_>, draft: &mut Draft) -> Vec<DimensionRule> {
    draft.reason("dimensions", "part of every record's key: neither their names nor their values can be changed after the first write");
    let mut rules = Vec::new();
    for (column, reason) in &chosen.columns {
        let flat = dimensions::flat_name(&column.path);
        let name = names::unique(&names::legalise(&flat), names::DIMENSION_NAME_BYTES_MAX, &mut draft.taken);
        let subject = format!("dimension {name}");
        note_renaming(&subject, &flat, &name, draft);
        draft.reason(subject, reason.clone());
        rules.push(DimensionRule { column: column.path.clone(), name: name.into() });
    }
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    rules
}

fn name_measures(columns: &[&ColumnSurvey], survey: &StoreSurvey, draft: &mut Draft) -> Vec<MeasureRule> {
    let csv_only = is_csv_only(survey);
    let mut rules = Vec::new();
    for column in columns {
        let flat = dimensions::flat_name(&column.path);
        let name = names::unique(&names::legalise_measure(&flat), names::MEASURE_NAME_BYTES_MAX, &mut draft.taken);
        let subject = format!("measure {name}");
        note_renaming(&subject, &flat, &name, draft);
        let decision = measures::decide(column, csv_only, survey.sampled);
        draft.reason(subject.clone(), decision.reason);
        for doubt in decision.doubts {
            draft.doubt(subject.clone(), doubt);
        }
        rules.push(MeasureRule { column: column.path.clone(), name: name.into(), kind: decision.kind, format: decision.format });
    }
    rules
}

/// True when the store has no typed format, so that its texts are the only witness of its types.
fn is_csv_only(survey: &StoreSurvey) -> bool {
    !survey.formats.is_empty() && survey.formats.iter().all(|format| *format == Format::Csv)
}

fn note_renaming(subject: &str, flat: &str, name: &str, draft: &mut Draft) {
    if flat != name {
        draft.doubt(subject, format!("the column is called {flat:?}; that name is reserved, not legal in Timestream, or taken"));
    }
}

fn doubt_limits(survey: &StoreSurvey, measures: &[MeasureRule], draft: &mut Draft) {
    if measures.len() > MEASURES_MAX {
        let text = format!("{} columns hold values, and a record holds at most {MEASURES_MAX} measures", measures.len());
        draft.doubt("measures", text);
    }
    if survey.values_beyond_columns > 0 {
        let text = format!("{} values were not looked at: too many columns, or a column without a name", survey.values_beyond_columns);
        draft.doubt("measures", text);
    }
    let by_path: BTreeMap<&ColumnPath, &ColumnSurvey> = survey.columns.iter().map(|column| (&column.path, column)).collect();
    let strings = measures.iter().filter(|rule| rule.kind == MeasureKind::Varchar);
    for (rule, column) in strings.filter_map(|rule| Some((rule, by_path.get(&rule.column)?))) {
        if column.string_bytes_max > super::STRING_BYTES_MAX as u64 {
            let text = format!(
                "the longest text has {} bytes, and Timestream takes {}; such rows are quarantined unless oversize_strings says truncate",
                column.string_bytes_max,
                super::STRING_BYTES_MAX
            );
            draft.doubt(format!("measure {}", rule.name), text);
        }
    }
}

fn doubt_spellings(survey: &StoreSurvey, draft: &mut Draft) {
    for column in survey.columns.iter().filter(|column| !column.other_spellings.is_empty()) {
        let others = column.other_spellings.join(", ");
        let text = format!("also spelt {others} (Athena lower-cases names in delivered CSV); both spellings are read as this column");
        draft.doubt(format!("column {}", column.path), text);
    }
}

fn explain_policies(survey: &StoreSurvey, policies: &Policies, draft: &mut Draft) {
    let sum = |count: fn(&ColumnSurvey) -> u64| survey.columns.iter().map(count).sum::<u64>();
    let nested = sum(|column| u64::from(column.path.segments().len() > 1));
    if let Nested::Flatten { separator } = &policies.nested {
        let text = match nested {
            0 => "no nested value was seen".to_owned(),
            _ => format!(
                "{nested} nested columns, each a measure or dimension of its own, names joined by {separator:?}; arrays are JSON text"
            ),
        };
        draft.reason("policies.nested", text);
    }
    let empty = sum(|column| column.kinds.empty_strings);
    draft.reason("policies.empty_strings", format!("{} seen; Timestream has no empty string", count_of(empty, "empty string")));
    let non_finite = sum(|column| column.kinds.non_finite + column.kinds.non_finite_strings);
    draft.reason(
        "policies.non_finite",
        format!("{} seen; Timestream stores neither NaN nor infinities", count_of(non_finite, "such number")),
    );
    if non_finite > 0 {
        draft.doubt("policies.non_finite", format!("{} NaN or infinite will be left out, and counted", count_of(non_finite, "number")));
    }
    draft.reason("policies.oversize_strings", "a string that Timestream cannot hold whole is kept aside rather than cut");
    draft.reason("policies.missing_dimension", "a record goes without a missing dimension, as long as one is left");
    draft.reason("policies.wrong_type", "a measure's type is fixed for ever; what does not fit is kept aside rather than dropped");
    let unknown = if survey.sampled {
        "only a sample was read, so rows may bring columns nobody has seen; they are kept aside rather than stripped"
    } else {
        "every column of the history is named here; a new one is a reason to look"
    };
    draft.reason("policies.unknown_column", unknown);
    draft.reason("policies.collisions", "rows that would overwrite each other are kept aside, each naming the others");
}

/// `no value`, `1 value`, `2 values`.
fn count_of(count: u64, what: &str) -> String {
    match count {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The names of the columns, for an error; at most 30.
fn column_list(survey: &StoreSurvey) -> String {
    let shown: Vec<String> = survey.columns.iter().take(30).map(|column| column.path.to_string()).collect();
    let more = survey.columns.len().saturating_sub(shown.len());
    let list: String = shown.join(", ").chars().flat_map(char::escape_debug).collect();
    if more > 0 { format!("{list} and {more} more") } else { list }
}

#[cfg(test)]
mod tests;
