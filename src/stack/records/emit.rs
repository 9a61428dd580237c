//! The text of `records.py`.

use super::RecordsError;
use super::formats::Formats;
use crate::mapping::{
    Collisions, EmptyStrings, Mapper, MeasureRule, MissingDimension, NonFinite, OversizeStrings, Policies, Router, TableMapping, Takes,
    UnknownColumn, WrongType,
};
use crate::path::{ColumnPath, Segment};
use crate::python::{comment, string};
use crate::record::MeasureKind;

/// The module for the mappings of one store.
pub(super) fn module(mappings: &[&TableMapping], version: i64) -> Result<String, RecordsError> {
    // The router refuses mappings that do not part the messages between them.
    Router::new(mappings.iter().copied().enumerate())?;
    let mut formats = Formats::default();
    let mut parts = Vec::new();
    for (at, mapping) in mappings.iter().enumerate() {
        // The mapper refuses what cannot be obeyed, and puts the dimensions into the order of their records.
        let mapper = Mapper::new(mapping)?;
        let names = if mappings.len() == 1 { Names::alone() } else { Names::of(at) };
        let function = function(mapper.rules(), &names, &mut formats);
        parts.extend([columns(mapper.rules(), &names), policies(&mapper.rules().policies, &names), function]);
    }
    let mut sections = vec![
        OPENING.to_owned(),
        format!(
            "# {}\n# {}\nVERSION = {version}\n{}",
            "The version is that of the whole migration. The backfill writes under it too, so a record that both write is",
            "one record, and writing it again changes nothing.",
            formats.statements(),
        ),
    ];
    sections.append(&mut parts);
    sections.extend(routes(mappings));
    sections.push(RECORD_OF.to_owned());
    Ok(sections.join("\n"))
}

/// What the parts of one mapping are called in the module.
struct Names {
    columns: String,
    policies: String,
    collisions: String,
    function: String,
}

impl Names {
    /// Of the only mapping, which is the module's.
    fn alone() -> Self {
        let [columns, policies, collisions, function] = ["COLUMNS", "POLICIES", "COLLISIONS", "map_message"].map(str::to_owned);
        Self { columns, policies, collisions, function }
    }

    /// Of one among several.
    fn of(at: usize) -> Self {
        let number = at + 1;
        Self {
            columns: format!("COLUMNS_{number}"),
            policies: format!("POLICIES_{number}"),
            collisions: format!("COLLISIONS_{number}"),
            function: format!("map_message_{number}"),
        }
    }
}

/// Which mapping takes a message; none where there is one mapping, which takes all.
fn routes(mappings: &[&TableMapping]) -> Option<String> {
    let column = &mappings.first()?.route.as_ref()?.column;
    let name = |at: usize| if mappings.len() == 1 { "map_the_only_one".to_owned() } else { Names::of(at).function };
    let mut code = String::new();
    if mappings.len() == 1 {
        // The module's own function asks the route first.
        code.push_str("\nmap_the_only_one = map_message\n");
    }
    code.push_str("\n# Which of them takes a message: by the text in one column. A message that none takes is refused.\n");
    code.push_str(&format!("ROUTES = mapping.Routes(\n    {},\n    {},\n    {{\n", string(&column.to_string()), way(column)));
    let mut otherwise = "None".to_owned();
    for (at, mapping) in mappings.iter().enumerate() {
        match mapping.route.as_ref().map(|route| &route.takes) {
            Some(Takes::Values(values)) => {
                for value in values {
                    code.push_str(&format!("        {}: {},\n", string(value), name(at)));
                }
            }
            Some(Takes::Otherwise) | None => otherwise = name(at),
        }
    }
    code.push_str(&format!("    }},\n    otherwise={otherwise},\n)\n\n\ndef map_message(message):\n"));
    code.push_str("    \"\"\"The record of a message by the mapping that takes it. Raises Refused when none does, or when it becomes no record.\"\"\"\n");
    code.push_str("    return ROUTES.taker_of(message)(message)\n");
    Some(code)
}

const RECORD_OF: &str = "
def record_of(message):
    \"\"\"The table and the record of a message.\"\"\"
    mapped = map_message(message)
    return mapped.table, mapped.record
";

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

fn columns(rules: &TableMapping, names: &Names) -> String {
    let mut code =
        String::from("# The columns of a message by their names in this file, and the way to each. A number is the place in an array.\n");
    code.push_str(&format!("{} = mapping.Columns(\n    read={{\n", names.columns));
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
    let ignored: Vec<&ColumnPath> = rules.ignored.iter().chain(read_by_the_route(rules, &known)).collect();
    for path in &ignored {
        code.push_str(&format!("\n        {},", way(path)));
    }
    code.push_str(if ignored.is_empty() { "],\n" } else { "\n    ],\n" });
    code.push_str(&format!("    empty_strings={},\n)\n", string(empty_strings(rules.policies.empty_strings))));
    code
}

/// The routing column, where the mapping itself knows neither it nor anything inside it: the route has read it.
fn read_by_the_route<'m>(rules: &'m TableMapping, known: &[&ColumnPath]) -> Option<&'m ColumnPath> {
    let column = &rules.route.as_ref()?.column;
    let mut all = known.iter().copied().chain(&rules.ignored);
    let is_known = known.contains(&column) || all.any(|path| path != column && path.segments().starts_with(column.segments()));
    (!is_known).then_some(column)
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

fn policies(policies: &Policies, names: &Names) -> String {
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
    code.push_str(&format!("{} = mapping.Policies(\n", names.policies));
    for (name, value) in settings {
        code.push_str(&format!("    {name}={},\n", string(value)));
    }
    code.push_str(")\n\n# Messages with the same dimensions, measure name and time, and other values.\n");
    let collisions = match policies.collisions {
        Collisions::Quarantine => "quarantine",
        Collisions::KeepFirst => "keep_first",
        Collisions::KeepLast => "keep_last",
    };
    code.push_str(&format!("{} = {}\n", names.collisions, string(collisions)));
    code
}

fn empty_strings(policy: EmptyStrings) -> &'static str {
    if policy == EmptyStrings::Omit { "omit" } else { "quarantine" }
}

fn function(rules: &TableMapping, names: &Names, formats: &mut Formats) -> String {
    let mut code = format!("\n{}\n", comment(&format!("A row of the store {} is a record of the table {}.", rules.store, rules.table)));
    code.push_str(&format!("def {}(message):\n", names.function));
    code.push_str("    \"\"\"The record of a message, with what was left out of it. Raises Refused, with the first reason, when it becomes none.\"\"\"\n");
    code.push_str(&format!("    row = mapping.Row(message, {}, {})\n", names.columns, names.policies));
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
    code.push_str(&format!("    return mapping.Mapped({}, record, row.omitted, {})\n", string(&rules.table), names.collisions));
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
