//! What the definitions lean on and nobody described: named, so that nobody takes silence for absence.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::is_symbolic;
use super::model::{ActivityKind, BlindSpot, DatasetAction, Datastore, FileFormat, Inventory, Origin, Storage};
use super::problem::shown;
use super::sources::tables_read;

const NAMED_MAX: usize = 5;

/// The blind spots between the definitions of an inventory.
pub(crate) fn blind_spots(inventory: &Inventory, listed_rules: &BTreeMap<String, Origin>) -> BTreeSet<BlindSpot> {
    let mut spots = Spots(BTreeSet::new());
    channels(inventory, &mut spots);
    pipelines(inventory, &mut spots);
    datastores(inventory, &mut spots);
    datasets(inventory, &mut spots);
    for rule in inventory.rules.values() {
        for fed in rule.channels.iter().filter(|fed| !inventory.channels.contains_key(&fed.channel)) {
            spots.add(
                "rule",
                &rule.name,
                format!("it feeds the channel {}, which nobody described; capture describe-channel", shown(&fed.channel)),
            );
        }
    }
    for name in listed_rules.keys() {
        spots.add(
            "rule",
            name,
            "it is listed and not described, so whether it feeds a channel is not known; capture get-topic-rule".to_owned(),
        );
    }
    things(inventory, &mut spots);
    spots.0
}

struct Spots(BTreeSet<BlindSpot>);

impl Spots {
    fn add(&mut self, kind: &str, name: &str, unknown: String) {
        self.0.insert(BlindSpot { subject: format!("{kind} {name}"), unknown });
    }
}

fn channels(inventory: &Inventory, spots: &mut Spots) {
    let fed: BTreeSet<&str> = inventory.rules.values().flat_map(|rule| &rule.channels).map(|fed| fed.channel.as_str()).collect();
    for channel in inventory.channels.values() {
        if channel.storage == Storage::Unknown {
            spots.add("channel", &channel.name, "it is listed and not described; capture describe-channel".to_owned());
        }
        if !fed.contains(channel.name.as_str()) {
            let unknown = "no captured topic rule feeds it: where its messages come from is not known (another rule, or BatchPutMessage)";
            spots.add("channel", &channel.name, unknown.to_owned());
        }
    }
}

fn pipelines(inventory: &Inventory, spots: &mut Spots) {
    for pipeline in inventory.pipelines.values() {
        if pipeline.activities.is_empty() {
            spots.add("pipeline", &pipeline.name, "it is listed and not described; capture describe-pipeline".to_owned());
        }
        for activity in &pipeline.activities {
            if let Some(unknown) = unseen_by(&activity.kind, inventory) {
                spots.add("pipeline", &pipeline.name, format!("activity {}: {unknown}", shown(&activity.name)));
            }
        }
    }
}

fn unseen_by(kind: &ActivityKind, inventory: &Inventory) -> Option<String> {
    match kind {
        ActivityKind::Channel { channel_name } if !inventory.channels.contains_key(channel_name) => {
            Some(format!("the channel {} is described by nobody; capture describe-channel", shown(channel_name)))
        }
        ActivityKind::Datastore { datastore_name } if !inventory.datastores.contains_key(datastore_name) => {
            Some(format!("the datastore {} is described by nobody; capture describe-datastore", shown(datastore_name)))
        }
        ActivityKind::Lambda { lambda_name, .. } => {
            Some(format!("what the function {} does to messages is not seen: its code is no part of a definition", shown(lambda_name)))
        }
        ActivityKind::DeviceRegistryEnrich { .. } if !inventory.things.values().any(|thing| thing.registry.is_some()) => {
            Some("no thing of the registry was captured, so what it adds is not known; capture describe-thing".to_owned())
        }
        ActivityKind::DeviceShadowEnrich { .. } if !inventory.things.values().any(|thing| thing.shadow.is_some()) => {
            Some("no shadow was captured, so what it adds is not known; capture get-thing-shadow".to_owned())
        }
        _ => None,
    }
}

fn datastores(inventory: &Inventory, spots: &mut Spots) {
    for Datastore { name, storage, format, .. } in inventory.datastores.values() {
        if *storage == Storage::Unknown || *format == FileFormat::Unknown {
            spots.add("datastore", name, "it is listed and not wholly described; capture describe-datastore".to_owned());
        }
    }
}

fn datasets(inventory: &Inventory, spots: &mut Spots) {
    // The engine that ran these queries took names in any case.
    let known: BTreeSet<String> = inventory.datastores.keys().map(|name| name.to_lowercase()).collect();
    for dataset in inventory.datasets.values() {
        match &dataset.action {
            None => spots.add("dataset", &dataset.name, "it is listed and not described; capture describe-dataset".to_owned()),
            Some(DatasetAction::Container { image, .. }) => {
                spots.add("dataset", &dataset.name, format!("what the container {} does is not seen", shown(image)));
            }
            Some(DatasetAction::Query { sql, .. }) => {
                for table in tables_read(sql) {
                    let seen = table.parts.iter().any(|part| known.contains(&part.to_lowercase()));
                    if !seen && !is_symbolic(&table.text()) {
                        let unknown =
                            format!("its query reads {}, which nobody described; capture describe-datastore", shown(&table.text()));
                        spots.add("dataset", &dataset.name, unknown);
                    }
                }
            }
        }
    }
}

fn things(inventory: &Inventory, spots: &mut Spots) {
    let listed: Vec<&str> =
        inventory.things.values().filter(|t| t.registry.is_none() && t.shadow.is_none()).map(|t| t.name.as_str()).collect();
    if listed.is_empty() {
        return;
    }
    let named: Vec<String> = listed.iter().take(NAMED_MAX).map(|name| shown(name)).collect();
    let more = if listed.len() > NAMED_MAX { " and more" } else { "" };
    let unknown = format!("{} things are listed and not described ({}{more}); capture describe-thing", listed.len(), named.join(", "));
    spots.0.insert(BlindSpot { subject: "things".to_owned(), unknown });
}
