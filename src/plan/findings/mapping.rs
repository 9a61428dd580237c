//! Findings about what becomes of columns and keys.

use std::collections::BTreeMap;

use super::{Findings, PlanInputs, counted, length, some, table_subject};
use crate::census::{COLLISIONS_LISTED_MAX, TableCensus};
use crate::mapping::{Collisions, TableMapping};
use crate::record::MeasureKind;
use crate::survey::{Extent, KindCounts};

// Facts: limits of a table and of a multi-measure record.
const DIMENSIONS_MAX: u64 = 128;
const MEASURES_MAX: u64 = 256;
/// How much of a limit may be used before it is worth a note, in percent.
const NEAR_PERCENT: u64 = 80;

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    for problem in inputs.rule_problems {
        let subject = format!("table {}: {}", problem.table, problem.subject);
        found.error("invalid_mapping", subject, &*problem.cause, &*problem.remedy);
    }
    for doubt in inputs.doubts {
        let subject = format!("table {}: {}", doubt.table, doubt.subject);
        found.warn("mapping_in_doubt", subject, &*doubt.cause, &*doubt.remedy);
    }
    for mapping in &inputs.settings.tables {
        irreversible(inputs, mapping, found);
        mixed_types(inputs, mapping, found);
        limits(inputs, mapping, found);
        let subject = table_subject(inputs, mapping);
        names(&subject, mapping, found);
        ignored(&subject, mapping, found);
        if let Some(census) = inputs.census_of(mapping) {
            keys(inputs, mapping, census, found);
        }
    }
}

fn irreversible(inputs: &PlanInputs<'_>, mapping: &TableMapping, found: &mut Findings) {
    let subject = table_subject(inputs, mapping);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for measure in &mapping.measures {
        *kinds.entry(measure.kind.name()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let types = format!("the type of a measure can never be changed in a table: {}", kinds.join(", "));
    let remedy = "read the types of [[table]].measures in migration.toml before the first backfill";
    match inputs.survey.extent {
        Extent::Full => found.note("irreversible_types", &*subject, types, remedy),
        Extent::Sample { .. } => found.warn("irreversible_types", &*subject, format!("{types}; they were seen in a sample only"), remedy),
    }
    found.note(
        "irreversible_names",
        subject,
        format!(
            "names of database, table, dimensions and measures can never be changed, nor what identifies a record: {}, {} and {}",
            mapping.measure_name,
            some(mapping.dimensions.iter().map(|dimension| &*dimension.name)),
            mapping.time.column
        ),
        "read the names in migration.toml before the first backfill",
    );
}

fn mixed_types(inputs: &PlanInputs<'_>, mapping: &TableMapping, found: &mut Findings) {
    if mapping.route.is_some() && inputs.census.full {
        // The survey knows the store's rows of all routes; what the census refused or left out is about this route's own.
        return;
    }
    let Some(store) = inputs.survey.stores.get(&mapping.store) else { return };
    for measure in &mapping.measures {
        let Some(column) = store.columns.iter().find(|column| column.path == measure.column) else { continue };
        let families = families(&column.kinds);
        if families.len() < 2 {
            continue;
        }
        let seen: Vec<String> = families.iter().map(|(what, count)| format!("{count} {what}")).collect();
        let subject = format!("{}: measure {}", table_subject(inputs, mapping), measure.name);
        let cause =
            format!("its column `{}` holds values of several types ({}); it becomes {}", column.path, seen.join(", "), measure.kind.name());
        if measure.kind == MeasureKind::Varchar {
            found.note("mixed_types", subject, cause, "nothing to do: text holds them all");
        } else {
            let remedy = "make it VARCHAR in migration.toml to keep every value, or let wrong_type decide about the others";
            found.warn("mixed_types", subject, cause, remedy);
        }
    }
}

/// What a column holds, integers and decimals taken together: a DOUBLE is the right type for both.
fn families(kinds: &KindCounts) -> Vec<(&'static str, u64)> {
    let numbers = kinds.integers + kinds.decimals + kinds.numbers_too_large + kinds.non_finite;
    let all = [
        ("booleans", kinds.booleans),
        ("numbers", numbers),
        ("strings", kinds.strings),
        ("timestamps", kinds.timestamps),
        ("arrays", kinds.arrays),
        ("objects", kinds.empty_objects),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn limits(inputs: &PlanInputs<'_>, mapping: &TableMapping, found: &mut Findings) {
    // The mapping room names what is over a limit itself.
    if inputs.rule_problems.iter().any(|problem| problem.table == mapping.table) {
        return;
    }
    let used = [
        ("dimensions", length(&mapping.dimensions), DIMENSIONS_MAX, "too_many_dimensions"),
        ("measures", length(&mapping.measures), MEASURES_MAX, "too_many_measures"),
    ];
    for (what, count, max, code) in used {
        let subject = table_subject(inputs, mapping);
        if count > max {
            let remedy = format!("name some of the columns in `ignored` of its [[table]], so that at most {max} {what} are left");
            found.error(code, subject, format!("it has {count} {what}, and a record holds at most {max}"), remedy);
        } else if count * 100 > max * NEAR_PERCENT {
            let remedy = "nothing to do now; a table holds at most 1,024 different measures and 128 dimensions over its life";
            found.note("near_limit", subject, format!("it has {count} of at most {max} {what}"), remedy);
        }
    }
}

fn names(subject: &str, mapping: &TableMapping, found: &mut Findings) {
    let mut by_lower: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let dimensions = mapping.dimensions.iter().map(|dimension| &*dimension.name);
    for name in dimensions.chain(mapping.measures.iter().map(|measure| &*measure.name)) {
        by_lower.entry(name.to_lowercase()).or_default().push(name);
    }
    for names in by_lower.into_values().filter(|names| names.len() > 1) {
        if names.windows(2).all(|pair| pair.first() == pair.last()) {
            continue; // The very same name twice is a mistake of the rules, and named as such.
        }
        found.warn(
            "case_insensitive_names",
            subject,
            format!("{} differ by case only, which SQL may not tell apart", names.join(" and ")),
            "give one of them another name in migration.toml",
        );
    }
}

fn ignored(subject: &str, mapping: &TableMapping, found: &mut Findings) {
    let ignored: Vec<String> = mapping.ignored.iter().map(ToString::to_string).filter(|column| column != "__dt").collect();
    if ignored.is_empty() {
        return;
    }
    found.note(
        "ignored_columns",
        subject,
        format!("{} left behind: {}", counted(length(&ignored), "column is", "columns are"), some(ignored.iter().map(String::as_str))),
        "make them measures in migration.toml if they are wanted",
    );
}

fn keys(inputs: &PlanInputs<'_>, mapping: &TableMapping, census: &TableCensus, found: &mut Findings) {
    let subject = table_subject(inputs, mapping);
    if census.exact_duplicates > 0 {
        found.note(
            "exact_duplicates",
            &*subject,
            format!(
                "{} another row exactly, and the target stores them once",
                counted(census.exact_duplicates, "row repeats", "rows repeat")
            ),
            "nothing to do: the verification counts them as collapsed",
        );
    }
    if census.collisions_total == 0 {
        return;
    }
    let examples = some(census.collisions.iter().map(|collision| collision.what.as_str()));
    let keys = counted(census.collisions_total, "key is", "keys are");
    let cause = format!("{keys} shared by rows with different values ({examples})");
    let remedy = "add a column that tells these rows apart to its dimensions, or choose `collisions` in [table.policies]";
    if census.collisions_total > u64::try_from(COLLISIONS_LISTED_MAX).unwrap_or(u64::MAX) {
        let cause = format!("{cause}; more than {COLLISIONS_LISTED_MAX} cannot be decided one by one");
        found.error("key_collisions", subject, cause, "add a column that tells these rows apart to the dimensions of its [[table]]");
        return;
    }
    let outcome = match mapping.policies.collisions {
        Collisions::Quarantine => "all of those rows are quarantined",
        Collisions::KeepFirst => "the first row of each is written, the others are quarantined",
        Collisions::KeepLast => "the last row of each is written, the others are quarantined",
    };
    let sampled = if inputs.census.full { "" } else { ", in the sample alone" };
    found.warn("key_collisions", subject, format!("{cause}{sampled}; {outcome}"), remedy);
}
