//! A plan as a person reads it.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Align, Table, bytes, count, counted, duration, short, shown, usd, wrapped};
use crate::census::TableCensus;
use crate::mapping::{
    Collisions, EmptyStrings, MissingDimension, Nested, NonFinite, OversizeStrings, Policies, Route, Takes, UnknownColumn, WrongType,
};
use crate::plan::{Finding, Grade, Plan, PlannedTable};

/// More resources, columns or findings of a grade than this are counted here and listed in `plan.json`.
const LISTED_MAX: usize = 200;
/// Labels stand in a column of this many characters.
const LABEL: usize = 12;

/// The whole report, in lines of at most 100 characters where names allow it, without colour.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut text = header(plan);
    text.push_str(&resources(plan));
    for table in &plan.tables {
        text.push_str(&table_text(plan, table));
    }
    text.push_str(&findings(plan));
    text.push_str(&estimates(plan));
    text.push_str(&next(plan));
    text
}

/// `  label       text`, wrapped behind the label.
fn line(label: &str, text: &str) -> String {
    wrapped(&format!("  {label:<LABEL$}"), &" ".repeat(LABEL + 2), text)
}

fn header(plan: &Plan) -> String {
    // A store is read once, however many mappings it has; and several of them may write to one table.
    let stores: BTreeMap<&str, (u64, u64)> =
        plan.tables.iter().map(|table| (table.mapping.store.as_str(), (table.objects, table.bytes))).collect();
    let objects: u64 = stores.values().map(|(objects, _)| *objects).fold(0, u64::saturating_add);
    let size: u64 = stores.values().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add);
    let names: BTreeSet<&str> = plan.tables.iter().map(|table| table.mapping.table.as_str()).collect();
    let tables = u64::try_from(names.len()).unwrap_or(u64::MAX);
    let bound = &plan.bound_to;
    let digests = format!(
        "inventory {}, settings {}, history {}",
        short_digest(&bound.inventory),
        short_digest(&bound.settings),
        short_digest(&bound.listing)
    );
    let target = format!(
        "database {} ({}), {} in memory, {} in the magnetic store",
        plan.target.database,
        counted(tables, "table", "tables"),
        counted(plan.target.memory_hours, "hour", "hours"),
        counted(plan.target.magnetic_days, "day", "days")
    );
    let mut text = wrapped("", "", &format!("Migration plan of {}, made by iota2ts {}", plan.created_at, plan.tool_version));
    text += &line("from", &format!("{}: {}, {} as stored", plan.history, counted(objects, "object", "objects"), bytes(size)));
    text += &line("to", &target);
    text += &line(
        "read",
        if plan.census.full { "every row of every object" } else { "a sample: the figures of rows and keys are those of the sample" },
    );
    text += &line("bound to", &digests);
    text
}

fn short_digest(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn resources(plan: &Plan) -> String {
    let mut table = Table::new(&[("kind", Align::Left), ("name", Align::Left), ("what", Align::Left), ("becomes", Align::Left)]);
    for resource in plan.resources.iter().take(LISTED_MAX) {
        table.row([&*resource.kind, &short(&resource.name, 28), &resource.what, &resource.fate]);
    }
    if table.is_empty() {
        return "\nResources\n  no definition was captured\n".to_owned();
    }
    format!("\nResources\n{}{}", table.render("  "), more(plan.resources.len()))
}

/// The line that says how many of `total` are not listed.
fn more(total: usize) -> String {
    match total.saturating_sub(LISTED_MAX) {
        0 => String::new(),
        rest => format!("  … and {} more in plan.json\n", count(u64::try_from(rest).unwrap_or(u64::MAX))),
    }
}

fn table_text(plan: &Plan, table: &PlannedTable) -> String {
    let mapping = &table.mapping;
    let mut text = format!("\n{}", wrapped("", "  ", &format!("Table {}, from store {}", mapping.table, mapping.store)));
    if let Some(route) = &mapping.route {
        text += &line("takes", &route_text(route));
    }
    if let Some(census) = plan.census_of(mapping) {
        text += &line("rows", &rows(table, census));
        text += &line("becoming", &records(census));
        text += &line("time", &time(plan, table, census));
        text += &line("keys", &keys(table, census));
    }
    let dimensions: Vec<String> =
        mapping.dimensions.iter().map(|dimension| named(&dimension.name, &dimension.column.to_string())).collect();
    text += &line("dimensions", &dimensions.join(", "));
    text += &line("measures", &format!("all in records of the measure name {}", mapping.measure_name));
    text += &measures(table);
    if !mapping.ignored.is_empty() {
        let ignored: Vec<String> = mapping.ignored.iter().take(LISTED_MAX).map(ToString::to_string).collect();
        text += &line("ignored", &ignored.join(", "));
    }
    text += &line("policies", &policies(&mapping.policies));
    text
}

fn route_text(route: &Route) -> String {
    match &route.takes {
        Takes::Values(values) => {
            let values: Vec<String> = values.iter().take(LISTED_MAX).map(|value| format!("`{value}`")).collect();
            format!("rows whose {} is {}", route.column, values.join(" or "))
        }
        Takes::Otherwise => format!("rows whose {} no other table takes", route.column),
    }
}

fn rows(table: &PlannedTable, census: &TableCensus) -> String {
    let objects = counted(table.objects, "object", "objects");
    let read = if census.objects == table.objects { String::new() } else { format!(", {} of them read", count(census.objects)) };
    format!("{} in {objects} of {}{read}", counted(census.rows, "row", "rows"), bytes(table.bytes))
}

fn records(census: &TableCensus) -> String {
    let refused: u64 = census.refused.values().fold(0, |sum: u64, rows| sum.saturating_add(*rows));
    let filtered: u64 = census.filtered.values().fold(0, |sum: u64, rows| sum.saturating_add(*rows));
    let filtered = if filtered == 0 { String::new() } else { format!(", {} filtered by their pipeline", count(filtered)) };
    format!(
        "{} of {} metered; {} refused by the mapping, {} undecodable{filtered}",
        counted(census.records, "record", "records"),
        bytes(census.metered_bytes),
        count(refused),
        count(census.undecodable)
    )
}

fn time(plan: &Plan, table: &PlannedTable, census: &TableCensus) -> String {
    let rule = &table.mapping.time;
    let range = match (census.earliest, census.latest) {
        (Some(earliest), Some(latest)) => format!("{earliest} to {latest}"),
        _ => "no row has one".to_owned(),
    };
    format!("{range}, from column {} as {}; the target takes rows from {} on", rule.column, rule.format, plan.accepted_from())
}

fn keys(table: &PlannedTable, census: &TableCensus) -> String {
    let policy = match table.mapping.policies.collisions {
        Collisions::Quarantine => "quarantine all",
        Collisions::KeepFirst => "keep the first",
        Collisions::KeepLast => "keep the last",
    };
    format!(
        "{} in {} series; {}, {} ({policy})",
        counted(census.distinct_keys, "key", "keys"),
        count(census.series),
        counted(census.exact_duplicates, "exact repeat", "exact repeats"),
        counted(census.collisions_total, "collision", "collisions")
    )
}

/// A name, and its column where that is called otherwise.
fn named(name: &str, column: &str) -> String {
    if name == column { name.to_owned() } else { format!("{name} (from {column})") }
}

fn measures(planned: &PlannedTable) -> String {
    let mut table = Table::new(&[("measure", Align::Left), ("type", Align::Left), ("column", Align::Left)]);
    for measure in planned.mapping.measures.iter().take(LISTED_MAX) {
        let format = measure.format.as_ref().map(|format| format!(" as {format}")).unwrap_or_default();
        let column = format!("{}{format}", measure.column);
        table.row([&*measure.name, measure.kind.name(), &column]);
    }
    format!("{}{}", table.render(&" ".repeat(LABEL + 2)), more(planned.mapping.measures.len()))
}

fn policies(policies: &Policies) -> String {
    let nested = match &policies.nested {
        Nested::Flatten { separator } => format!("nested values flattened with `{separator}`"),
        Nested::JsonText => "nested values as JSON text".to_owned(),
    };
    let missing = match &policies.missing_dimension {
        MissingDimension::Omit => "missing dimensions omitted".to_owned(),
        MissingDimension::Quarantine => "rows without a dimension quarantined".to_owned(),
        MissingDimension::Fill(text) => format!("missing dimensions filled with `{text}`"),
    };
    let empty = match policies.empty_strings {
        EmptyStrings::Omit => "empty strings omitted",
        EmptyStrings::Quarantine => "rows with empty strings quarantined",
    };
    let non_finite = match policies.non_finite {
        NonFinite::Omit => "NaN and infinities omitted",
        NonFinite::Quarantine => "rows with NaN or infinities quarantined",
    };
    let oversize = match policies.oversize_strings {
        OversizeStrings::Quarantine => "rows with oversize strings quarantined",
        OversizeStrings::Truncate => "oversize strings truncated",
    };
    let wrong = match policies.wrong_type {
        WrongType::Quarantine => "rows with values of a wrong type quarantined",
        WrongType::Omit => "values of a wrong type omitted",
    };
    let unknown = match policies.unknown_column {
        UnknownColumn::Quarantine => "rows with unknown columns quarantined",
        UnknownColumn::Ignore => "unknown columns ignored",
    };
    [&*nested, &missing, empty, non_finite, oversize, wrong, unknown].join("; ")
}

fn findings(plan: &Plan) -> String {
    let graded = |grade: Grade| u64::try_from(plan.graded(grade)).unwrap_or(u64::MAX);
    let mut text = format!(
        "\nFindings: {}, {}, {}\n",
        counted(graded(Grade::Error), "error", "errors"),
        counted(graded(Grade::Warning), "warning", "warnings"),
        counted(graded(Grade::Note), "note", "notes")
    );
    for grade in [Grade::Error, Grade::Warning, Grade::Note] {
        let of_grade: Vec<&Finding> = plan.findings.iter().filter(|finding| finding.grade == grade).collect();
        for finding in of_grade.iter().take(LISTED_MAX) {
            text += &finding_text(finding);
        }
        text += &more(of_grade.len());
    }
    text
}

fn finding_text(finding: &Finding) -> String {
    let indent = " ".repeat(LABEL + 2);
    let grade = format!("  {:<LABEL$}", finding.grade.word());
    let heading = wrapped(&grade, &indent, &format!("{}: {}", finding.code, finding.subject));
    let cause = wrapped(&indent, &indent, &finding.cause);
    let remedy = wrapped(&format!("{indent}-> "), &format!("{indent}   "), &finding.remedy);
    heading + &cause + &remedy
}

fn estimates(plan: &Plan) -> String {
    let cost = &plan.cost;
    let mut text = format!("\nCost, at prices of {}\n", shown(&cost.prices_as_of));
    text += &line("writing", &format!("{} for {} of 1 KiB", usd(cost.writes_usd), counted(cost.write_units, "write unit", "write units")));
    text += &line(
        "keeping",
        &format!("{} a month in the magnetic store, {} in the memory store", usd(cost.magnetic_usd_per_month), usd(cost.memory_usd)),
    );
    for basis in &cost.basis {
        text += &wrapped("  - ", "    ", basis);
    }
    let requests = counted(plan.duration.requests, "request", "requests");
    text += "\nDuration\n";
    let about = if plan.duration.seconds < 1.0 { "" } else { "about " };
    text += &line("writing", &format!("{about}{} for {requests}", duration(plan.duration.seconds)));
    text += &line("bound by", &plan.duration.bound_by);
    text
}

fn next(plan: &Plan) -> String {
    let advice = if plan.graded(Grade::Error) > 0 {
        "mend the errors above, most of them in migration.toml, and run `iota2ts plan` again; a backfill is refused until then"
    } else if plan.graded(Grade::Warning) > 0 {
        "read the warnings; edit migration.toml and run `iota2ts plan` again, or rehearse with `iota2ts backfill --target embedded`"
    } else {
        "rehearse with `iota2ts backfill --target embedded`, then `iota2ts backfill --target aws`"
    };
    format!("\n{}", wrapped("Next: ", "      ", advice))
}

#[cfg(test)]
mod tests;
