//! What the inventory holds, one line a resource.

use super::make::PlanInputs;
use super::model::Resource;
use crate::inventory::{Activity, ActivityKind, DatasetAction, Datastore, FileFormat, Retention, Storage};

const LATER: &str = "see iota2ts translate";

pub(super) fn resources(inputs: &PlanInputs<'_>) -> Vec<Resource> {
    let inventory = inputs.inventory;
    let resource =
        |kind: &str, name: &str, what: String, fate: String| Resource { kind: kind.to_owned(), name: name.to_owned(), what, fate };
    let channels = inventory.channels.values().map(|channel| {
        let what = format!("{}, {}", storage(&channel.storage), retention(channel.retention));
        resource("channel", &channel.name, what, channel_fate(inputs, &channel.name))
    });
    let pipelines = inventory.pipelines.values().map(|pipeline| {
        let what = match pipeline.activities.len() {
            0 => "only its name is known".to_owned(),
            1 => "1 activity".to_owned(),
            count => format!("{count} activities"),
        };
        resource("pipeline", &pipeline.name, what, LATER.to_owned())
    });
    let datastores = inventory.datastores.values().map(|datastore| {
        let what = format!("{}, {}, {}", storage(&datastore.storage), format_of(datastore), retention(datastore.retention));
        resource("datastore", &datastore.name, what, fate(inputs, &datastore.name))
    });
    let datasets = inventory.datasets.values().map(|dataset| {
        let what = match &dataset.action {
            None => "only its name is known",
            Some(DatasetAction::Query { .. }) => "query",
            Some(DatasetAction::Container { .. }) => "container",
        };
        resource("dataset", &dataset.name, what.to_owned(), LATER.to_owned())
    });
    let rules = inventory.rules.values().map(|rule| {
        let channels: Vec<&str> = rule.channels.iter().map(|channel| channel.channel.as_str()).collect();
        let what = format!("feeds {}{}", channels.join(", "), if rule.enabled { "" } else { ", disabled" });
        resource("rule", &rule.name, what, LATER.to_owned())
    });
    channels.chain(pipelines).chain(datastores).chain(datasets).chain(rules).collect()
}

/// Which stores the channel's messages become rows of.
fn channel_fate(inputs: &PlanInputs<'_>, channel: &str) -> String {
    let reads = |activity: &Activity| matches!(&activity.kind, ActivityKind::Channel { channel_name } if channel_name == channel);
    let raw = inputs.settings.raw.iter().filter(|raw| {
        let pipeline = inputs.inventory.pipelines.get(&raw.pipeline);
        pipeline.is_some_and(|pipeline| pipeline.activities.iter().any(reads))
    });
    let ways: Vec<String> = raw.map(|raw| format!("through {} to the rows of {}", raw.pipeline, raw.store)).collect();
    if ways.is_empty() { "nothing to migrate: its raw messages are not read".to_owned() } else { ways.join(", ") }
}

fn fate(inputs: &PlanInputs<'_>, store: &str) -> String {
    let settings = inputs.settings;
    let mut tables: Vec<&str> =
        settings.tables.iter().filter(|mapping| mapping.store == store).map(|mapping| mapping.table.as_str()).collect();
    // Several measure names may go to one table.
    tables.dedup();
    match tables[..] {
        [] => {}
        [table] => return format!("to table {table}"),
        _ => return format!("to tables {}", tables.join(", ")),
    }
    if settings.skipped_stores.iter().any(|skipped| skipped == store) {
        return "skipped on purpose".to_owned();
    }
    if inputs.listed(store).0 == 0 { "no history found".to_owned() } else { "left out: not in the settings".to_owned() }
}

fn storage(storage: &Storage) -> &'static str {
    match storage {
        Storage::ServiceManaged => "service-managed",
        Storage::CustomerManaged { .. } => "customer-managed",
        Storage::SiteWise { .. } => "SiteWise",
        Storage::Unknown => "storage unknown",
    }
}

fn format_of(datastore: &Datastore) -> String {
    match &datastore.format {
        FileFormat::Json => "json".to_owned(),
        FileFormat::Parquet { columns } if columns.len() == 1 => "parquet of 1 column".to_owned(),
        FileFormat::Parquet { columns } => format!("parquet of {} columns", columns.len()),
        FileFormat::Unknown => "format unknown".to_owned(),
    }
}

fn retention(retention: Retention) -> String {
    match retention {
        Retention::Unlimited => "kept without limit".to_owned(),
        Retention::Days(days) => format!("kept for {days} days"),
        Retention::Unknown => "retention unknown".to_owned(),
    }
}
