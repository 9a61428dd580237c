//! Findings about the objects and rows of the history.

use std::collections::BTreeMap;

use super::{Findings, PlanInputs, counted, length, some, table_subject};
use crate::census::TableCensus;
use crate::mapping::{RefusalCode, TableMapping};
use crate::survey::Extent;

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    extent(inputs, found);
    stores(inputs, found);
    for mapping in &inputs.settings.tables {
        let census = inputs.census_of(mapping);
        rows(inputs, mapping, census, found);
        if let Some(census) = census {
            let subject = table_subject(inputs, mapping);
            damage(&subject, census, found);
            refusals(&subject, census, found);
        }
    }
    passed_over(inputs, found);
}

fn extent(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let what = match inputs.survey.extent {
        Extent::Sample { objects_read, objects_total, rows_per_object_max } => {
            format!("{objects_read} of {objects_total} objects were read, at most {rows_per_object_max} rows of each")
        }
        Extent::Full if inputs.census.full => return,
        Extent::Full => "the rows were counted in a sample of the objects".to_owned(),
    };
    found.warn(
        "sampled",
        "history",
        format!("{what}: types, ranges and key collisions are only those of the sample"),
        "plan without --sample-objects and --sample-rows before the migration that counts",
    );
}

fn stores(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let settings = inputs.settings;
    // By store: objects that hold rows, and objects of raw channel messages.
    let mut listed: BTreeMap<String, u64> = BTreeMap::new();
    let mut channels: BTreeMap<String, u64> = BTreeMap::new();
    for object in inputs.listing.objects.iter() {
        let counts = if object.holds_rows() { &mut listed } else { &mut channels };
        *counts.entry(object.store).or_default() += 1;
    }
    for (store, objects) in &listed {
        let subject = format!("store {store}");
        let objects = counted(*objects, "object", "objects");
        if settings.skipped_stores.iter().any(|skipped| skipped == store) {
            found.note("store_skipped", subject, format!("{objects} are left behind because skipped_stores says so"), "nothing to do");
        } else if !settings.tables.iter().any(|mapping| mapping.store == *store) {
            found.error(
                "store_not_in_settings",
                subject,
                format!("{objects} of it are in the history, and the settings neither map nor skip it"),
                "add a [[table]] for it to migration.toml, or its name to skipped_stores",
            );
        }
    }
    for (channel, objects) in &channels {
        found.warn(
            "channel_history_not_used",
            format!("channel {channel}"),
            format!(
                "the history holds {} of raw messages from before the pipeline, which are not migrated; only processed rows are",
                counted(*objects, "object", "objects")
            ),
            "nothing to do if the datastore's own history is complete; else let its rows come from the channel with [[raw]] in migration.toml",
        );
    }
}

fn rows(inputs: &PlanInputs<'_>, mapping: &TableMapping, census: Option<&TableCensus>, found: &mut Findings) {
    let subject = table_subject(inputs, mapping);
    if inputs.listed(&mapping.store).0 == 0 {
        found.error(
            "table_without_history",
            subject,
            format!("no object of the history belongs to the store `{}`", mapping.store),
            "correct `store` in migration.toml, or remove the [[table]]",
        );
        return;
    }
    match census {
        Some(census) if taken_by_route(mapping, census) == Some(0) => found.warn(
            "route_without_rows",
            subject,
            "no row of the history has a value that its route takes",
            "correct the route in migration.toml if rows were expected; it may stay for rows that are still to come",
        ),
        None => found.error("not_counted", subject, "its rows were not counted with these settings", "run `iota2ts plan` again"),
        Some(census) if census.records == 0 => found.error(
            "no_rows",
            subject,
            format!("none of its {} becomes a record", counted(census.rows, "row", "rows")),
            "correct its time column and dimensions in migration.toml, or move its store to skipped_stores",
        ),
        Some(_) => {}
    }
}

/// The rows that a route takes; none without a route. A store's first mapping counts rows that are no mapping's, too.
fn taken_by_route(mapping: &TableMapping, census: &TableCensus) -> Option<u64> {
    mapping.route.as_ref()?;
    let unrouted = census.refused.get(RefusalCode::NoRoute.code()).copied().unwrap_or_default();
    Some(census.rows.saturating_sub(census.undecodable).saturating_sub(unrouted))
}

fn damage(subject: &str, census: &TableCensus, found: &mut Findings) {
    if !census.damaged.is_empty() {
        let examples: Vec<String> = census.damaged.iter().map(|(key, why)| format!("{key} ({why})")).collect();
        found.warn(
            "damaged_objects",
            subject,
            format!(
                "{} could not be read to the end: {}",
                counted(length(&census.damaged), "object", "objects"),
                some(examples.iter().map(String::as_str))
            ),
            "fetch these objects again if another copy exists; the rows before the damage are migrated",
        );
    }
    if census.undecodable > 0 {
        found.warn(
            "undecodable_rows",
            subject,
            format!("{} could not be decoded", counted(census.undecodable, "row", "rows")),
            "nothing to do before the backfill: it sets them aside with their place and reason",
        );
    }
}

fn refusals(subject: &str, census: &TableCensus, found: &mut Findings) {
    for (code, rows) in &census.refused {
        let examples = census.refused_examples.get(code).map(|examples| some(examples.iter().map(String::as_str))).unwrap_or_default();
        found.warn(
            "refused_rows",
            format!("{subject}: {code}"),
            format!("{} will be quarantined as `{code}`: {examples}", counted(*rows, "row", "rows")),
            if code == RefusalCode::NoRoute.code() {
                "add their values to a route in migration.toml, or a [[table]] whose route has otherwise = true, if these rows are wanted"
            } else {
                "change the mapping or its policies in migration.toml if these rows are wanted"
            },
        );
    }
    if !census.omitted.is_empty() {
        let total = census.omitted.values().fold(0, |sum: u64, rows| sum.saturating_add(*rows));
        let listed: Vec<String> = census.omitted.iter().map(|(what, rows)| format!("{what} ({rows})")).collect();
        found.warn(
            "omitted_values",
            subject,
            format!(
                "{} left out of their records by a policy: {}",
                counted(total, "value is", "values are"),
                some(listed.iter().map(String::as_str))
            ),
            "change [table.policies] in migration.toml if the rows should be quarantined instead",
        );
    }
}

fn passed_over(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for passed in &inputs.listing.passed_over {
        by_reason.entry(&passed.reason).or_default().push(&passed.key);
    }
    for (reason, keys) in by_reason {
        found.warn(
            "passed_over_objects",
            "history",
            format!("{} not read ({reason}): {}", counted(length(&keys), "file is", "files are"), some(keys)),
            "move them where their store's objects lie if they hold rows",
        );
    }
}
