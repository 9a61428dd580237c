//! The text of `records.py`.

use super::RecordsError;
use super::formats::Formats;
use crate::mapping::{
    Collisions, EmptyStrings, Mapper, MeasureRule, MissingDimension, NonFinite, OversizeStrings, Policies, TableMapping, UnknownColumn,
    WrongType,
};
use crate::path::{ColumnPath, Segment};
use crate::python::{comment, string};
use crate::record::MeasureKind;

/// The module for one table.
pub(super) fn module(mapping: &TableMapping, version: i64) -> Result<String, RecordsError> {
    // The mapper refuses what cannot be obeyed, and puts the dimensions into the order of their records.
    let mapper = Mapper::new(mapping)?;
    let rules = mapper.rules();
    let mut formats = Formats::default();
    let function = function(rules, &mut formats);
    let sections = [
        OPENING.to_owned(),
        format!(
            "# {}\n# {}\nVERSION = {version}\n{}",
            "The version is that of the whole migration. The backfill writes under it too, so a record that both write is",
            "one record, and writing it again changes nothing.",
            formats.statements(),
        ),
        columns(rules),
        policies(&rules.policies),
        function,
    ];
    Ok(sections.join("\n"))
}

const OPENING: &str = "\
\"\"\"Messages as records of Amazon Timestream: which column becomes what.

These are the decisions of migration.toml. The backfill of the history obeys the same ones, so that the live path and the backfill
write identical records: the same dimensions, measures, texts, time and version.
\"\"\"

import instants
import mapping
from mapping import Refused

__all__ = [\"Refused\", \"map_message\", \"record_of\"]
";

fn columns(rules: &TableMapping) -> String {
    let mut code =
        String::from("# The columns of a message by their names in this file, and the way to each. A number is the place in an array.\n");
    code.push_str("COLUMNS = mapping.Columns(\n    read={\n");
    let mut known: Vec<&ColumnPath> = Vec::new();
    let read = std::iter::once(&rules.time.column)
        .chain(rules.dimensions.iter().map(|rule| &rule.column))
        .chain(rules.measures.iter().map(|rule| &rule.column));
    for path in read {
        if !known.contains(&path) {
            known.push(path);
            code.push_str(&format!("        {}: {},\n", string(&path.to_string()), way(path)));
        }
    }
    code.push_str("    },\n    # Left behind on purpose, with everything inside them.\n    ignored=[");
    for path in &rules.ignored {
        code.push_str(&format!("\n        {},", way(path)));
    }
    code.push_str(if rules.ignored.is_empty() { "],\n" } else { "\n    ],\n" });
    code.push_str(&format!("    empty_strings={},\n)\n", string(empty_strings(rules.policies.empty_strings))));
    code
}

/// The segments of a path as a tuple.
fn way(path: &ColumnPath) -> String {
    let segments: Vec<String> = path
        .segments()
        .iter()
        .map(|segment| match segment {
            Segment::Name(name) => string(name),
            Segment::Index(index) => index.to_string(),
        })
        .collect();
    match segments.as_slice() {
        [only] => format!("({only},)"),
        several => format!("({})", several.join(", ")),
    }
}

fn policies(policies: &Policies) -> String {
    let (missing_dimension, fill) = match &policies.missing_dimension {
        MissingDimension::Omit => ("omit", None),
        MissingDimension::Quarantine => ("quarantine", None),
        MissingDimension::Fill(text) => ("fill", Some(text)),
    };
    let mut settings = vec![
        ("empty_strings", empty_strings(policies.empty_strings)),
        ("non_finite", if policies.non_finite == NonFinite::Omit { "omit" } else { "quarantine" }),
        ("oversize_strings", if policies.oversize_strings == OversizeStrings::Truncate { "truncate" } else { "quarantine" }),
        ("missing_dimension", missing_dimension),
        ("wrong_type", if policies.wrong_type == WrongType::Omit { "omit" } else { "quarantine" }),
        ("unknown_column", if policies.unknown_column == UnknownColumn::Ignore { "ignore" } else { "quarantine" }),
    ];
    settings.extend(fill.map(|text| ("fill", text.as_str())));
    let mut code = String::from(
        "# What is done with values that have no single right answer; \"quarantine\" refuses the message, which is then kept aside.\n",
    );
    code.push_str("POLICIES = mapping.Policies(\n");
    for (name, value) in settings {
        code.push_str(&format!("    {name}={},\n", string(value)));
    }
    code.push_str(")\n\n# Messages with the same dimensions, measure name and time, and other values.\n");
    let collisions = match policies.collisions {
        Collisions::Quarantine => "quarantine",
        Collisions::KeepFirst => "keep_first",
        Collisions::KeepLast => "keep_last",
    };
    code.push_str(&format!("COLLISIONS = {}\n", string(collisions)));
    code
}

fn empty_strings(policy: EmptyStrings) -> &'static str {
    if policy == EmptyStrings::Omit { "omit" } else { "quarantine" }
}

fn function(rules: &TableMapping, formats: &mut Formats) -> String {
    let mut code = format!("\n{}\n", comment(&format!("A row of the store {} is a record of the table {}.", rules.store, rules.table)));
    code.push_str("def map_message(message):\n");
    code.push_str("    \"\"\"The record of a message, with what was left out of it. Raises Refused, with the first reason, when it becomes none.\"\"\"\n");
    code.push_str("    row = mapping.Row(message, COLUMNS, POLICIES)\n");
    let format = formats.expression(&rules.time.format);
    code.push_str("    # The event's own time. It is never the present, and never the time at which the message arrived.\n");
    code.push_str(&format!("    time = row.time({}, {format})\n", string(&rules.time.column.to_string())));
    code.push_str("    dimensions = row.dimensions(\n        # dimension, its column\n");
    for rule in &rules.dimensions {
        code.push_str(&format!("        ({}, {}),\n", string(&rule.name), string(&rule.column.to_string())));
    }
    code.push_str("    )\n    measures = row.measures(\n        # measure, its type, its column\n");
    for rule in &rules.measures {
        let kind = kind(rule, formats);
        code.push_str(&format!("        ({}, {kind}, {}),\n", string(&rule.name), string(&rule.column.to_string())));
    }
    code.push_str("    )\n    record = {\n        \"Dimensions\": dimensions,\n");
    code.push_str(&format!("        \"MeasureName\": {},\n", string(&rules.measure_name)));
    code.push_str("        \"MeasureValueType\": \"MULTI\",\n        \"MeasureValues\": measures,\n        \"Time\": str(time),\n");
    code.push_str("        \"TimeUnit\": \"NANOSECONDS\",\n        \"Version\": VERSION,\n    }\n");
    code.push_str(&format!("    return mapping.Mapped({}, record, row.omitted, COLLISIONS)\n", string(&rules.table)));
    code.push_str("\n\ndef record_of(message):\n    \"\"\"The table and the record of a message.\"\"\"\n");
    code.push_str("    mapped = map_message(message)\n    return mapped.table, mapped.record\n");
    code
}

fn kind(rule: &MeasureRule, formats: &mut Formats) -> String {
    match rule.kind {
        MeasureKind::Double => "mapping.double".to_owned(),
        MeasureKind::Bigint => "mapping.bigint".to_owned(),
        MeasureKind::Boolean => "mapping.boolean".to_owned(),
        MeasureKind::Varchar => "mapping.varchar".to_owned(),
        MeasureKind::Timestamp => {
            let format = rule.format.as_ref().map_or_else(|| "None".to_owned(), |format| formats.expression(format));
            format!("mapping.timestamp({format})")
        }
    }
}
