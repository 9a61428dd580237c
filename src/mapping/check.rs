//! Whether rules can be obeyed at all, found out before the first row.

use std::collections::{BTreeMap, BTreeSet};

use super::mapper::DIMENSIONS_BYTES_MAX;
use super::{MissingDimension, Nested, TableMapping, names};
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::survey::is_partition_column;

/// Dimensions of a table, and measures of one record (facts: WriteRecords limits).
pub const DIMENSIONS_MAX: usize = 128;
pub const MEASURES_MAX: usize = 256;

/// One thing that is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// As `dimension device_id`, `measure temp`, `time`, `table`.
    pub subject: String,
    /// One line.
    pub cause: String,
    /// One line: what to change in migration.toml.
    pub remedy: String,
}

/// Everything that is wrong with `rules`, all of it at once; nothing when they can be obeyed.
#[must_use]
pub fn check_rules(rules: &TableMapping) -> Vec<RuleProblem> {
    let mut problems = Problems(Vec::new());
    check_names(rules, &mut problems);
    check_counts(rules, &mut problems);
    check_duplicates(rules, &mut problems);
    check_time(rules, &mut problems);
    check_measures(rules, &mut problems);
    check_policies(rules, &mut problems);
    problems.0
}

struct Problems(Vec<RuleProblem>);

impl Problems {
    fn add(&mut self, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(RuleProblem { subject: subject.into(), cause: cause.into(), remedy: remedy.into() });
    }
}

fn check_names(rules: &TableMapping, problems: &mut Problems) {
    if let Err(problem) = names::table_name(&rules.table) {
        let remedy = format!("use letters, digits, `_`, `.` and `-`, for example {}", names::legalise_resource(&rules.table));
        problems.add("table", format!("{:?} is no table name: {problem}", rules.table), remedy);
    }
    let rename = |name: &str| format!("rename it, for example {}", names::legalise(name));
    if let Err(problem) = names::measure_name(&rules.measure_name) {
        problems.add("measure_name", format!("{:?} is no measure name: {problem}", rules.measure_name), rename(&rules.measure_name));
    }
    for rule in &rules.dimensions {
        if let Err(problem) = names::dimension_name(&rule.name) {
            let subject = format!("dimension {}", shown(&rule.name));
            problems.add(subject, format!("{:?} is no dimension name: {problem}", rule.name), rename(&rule.name));
        }
    }
    for rule in &rules.measures {
        if let Err(problem) = names::measure_name(&rule.name) {
            let subject = format!("measure {}", shown(&rule.name));
            problems.add(subject, format!("{:?} is no measure name: {problem}", rule.name), rename(&rule.name));
        }
    }
}

fn check_counts(rules: &TableMapping, problems: &mut Problems) {
    match rules.dimensions.len() {
        0 => problems.add("dimensions", "there is none, and Timestream needs at least one", "name the column that tells devices apart"),
        1..=DIMENSIONS_MAX => {}
        count => problems.add(
            "dimensions",
            format!("there are {count}, and a table holds at most {DIMENSIONS_MAX}"),
            "make measures of those that do not tell devices apart",
        ),
    }
    match rules.measures.len() {
        0 => problems.add("measures", "there is none, and Timestream needs at least one", "name a column that holds a value"),
        1..=MEASURES_MAX => {}
        count => problems.add(
            "measures",
            format!("there are {count}, and a record holds at most {MEASURES_MAX}"),
            "ignore some, or keep nested values as one column of JSON text",
        ),
    }
}

fn check_duplicates(rules: &TableMapping, problems: &mut Problems) {
    let dimensions = rules.dimensions.iter().map(|rule| (&rule.name, "dimension"));
    let measures = rules.measures.iter().map(|rule| (&rule.name, "measure"));
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, role) in dimensions.chain(measures) {
        if let Some(before) = seen.insert(name, role) {
            let cause = format!("a {before} has this name too; names of dimensions and measures share one space");
            problems.add(format!("{role} {}", shown(name)), cause, "rename one of them");
        }
    }
    for (role, columns) in [
        ("dimension", rules.dimensions.iter().map(|rule| &rule.column).collect::<Vec<_>>()),
        ("measure", rules.measures.iter().map(|rule| &rule.column).collect()),
    ] {
        let mut seen = BTreeSet::new();
        for column in columns {
            if !seen.insert(column) {
                let subject = format!("column {}", shown(&column.to_string()));
                problems.add(subject, format!("it is a {role} twice"), "leave one of the two out");
            }
        }
    }
    let used: BTreeSet<&ColumnPath> = std::iter::once(&rules.time.column)
        .chain(rules.dimensions.iter().map(|rule| &rule.column))
        .chain(rules.measures.iter().map(|rule| &rule.column))
        .collect();
    for column in rules.ignored.iter().filter(|column| used.contains(column)) {
        let subject = format!("column {}", shown(&column.to_string()));
        problems.add(subject, "it is ignored and used", "take it out of `ignored`, or out of its rule");
    }
}

fn check_time(rules: &TableMapping, problems: &mut Problems) {
    if let Some(Segment::Name(name)) = rules.time.column.segments().first()
        && is_partition_column(name)
    {
        let cause = format!("{} is about when the service stored the row, not about when the event was", shown(name));
        problems.add("time", cause, "name the column that holds the event's own time");
    }
}

fn check_measures(rules: &TableMapping, problems: &mut Problems) {
    for rule in &rules.measures {
        if rule.format.is_some() && rule.kind != MeasureKind::Timestamp {
            let cause = format!("it has a time format and the type {}", rule.kind.name());
            problems.add(format!("measure {}", shown(&rule.name)), cause, "leave the format out, or make it a TIMESTAMP");
        }
    }
}

fn check_policies(rules: &TableMapping, problems: &mut Problems) {
    if let Nested::Flatten { separator } = &rules.policies.nested
        && separator.contains(|c: char| c == ':' || c.is_control())
    {
        problems.add("policies.nested", format!("{separator:?} cannot stand in a name"), "use `_` or `.`");
    }
    if let MissingDimension::Fill(filling) = &rules.policies.missing_dimension {
        if filling.is_empty() {
            problems.add("policies.missing_dimension", "Timestream has no empty string", "fill with a word such as `unknown`");
        }
        if filling.len() > DIMENSIONS_BYTES_MAX {
            let cause = format!("the filling has {} bytes; all dimensions together may have {DIMENSIONS_BYTES_MAX}", filling.len());
            problems.add("policies.missing_dimension", cause, "use a short word");
        }
    }
}

/// A name from the outside, without control characters.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
