//! The script that removes the old resources, once nobody needs them.
//!
//! Names reach the script only when the service itself would take them: letters, digits and underscores. Others are left out and said.

use std::fmt::Write as _;

use crate::inventory::{Inventory, Storage};

/// The service takes no others (facts: resource names).
fn is_plain(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A shell script for the AWS CLI: what reads goes before what is read.
#[must_use]
pub fn script(inventory: &Inventory, seal: &str) -> String {
    let mut text = String::from(
        "#!/bin/sh\n# Removes the resources of AWS IoT Analytics that were migrated. Written by `iota2ts teardown`; read it before you run it.\n",
    );
    let seal: String = seal.chars().filter(char::is_ascii_hexdigit).collect();
    writeln!(text, "# Evidence: {seal}").unwrap_or_default();
    text.push_str("# Region, profile and credentials are those of the shell. Buckets and their objects are left alone.\nset -eu\n");
    let kinds: [(&str, &str, &str, Vec<&String>); 4] = [
        ("Datasets, with their contents", "delete-dataset", "--dataset-name", inventory.datasets.keys().collect()),
        ("Pipelines", "delete-pipeline", "--pipeline-name", inventory.pipelines.keys().collect()),
        (
            "Datastores: what a service-managed one holds is gone with it",
            "delete-datastore",
            "--datastore-name",
            inventory.datastores.keys().collect(),
        ),
        (
            "Channels: what a service-managed one holds is gone with it",
            "delete-channel",
            "--channel-name",
            inventory.channels.keys().collect(),
        ),
    ];
    section(&mut text, "Topic rules that feed a channel: only when the new rule is live, so each stands behind a #");
    for name in inventory.rules.keys() {
        command(&mut text, "# ", "iot delete-topic-rule", "--rule-name", name);
    }
    for (title, operation, option, names) in kinds {
        section(&mut text, title);
        for name in names {
            command(&mut text, "", &format!("iotanalytics {operation}"), option, name);
        }
    }
    section(&mut text, "Left alone: buckets that hold channels and datastores");
    let storages =
        inventory.channels.values().map(|channel| &channel.storage).chain(inventory.datastores.values().map(|store| &store.storage));
    let mut buckets: Vec<&String> = storages
        .filter_map(|storage| match storage {
            Storage::CustomerManaged { bucket, .. } | Storage::SiteWise { bucket, .. } => Some(bucket),
            Storage::ServiceManaged | Storage::Unknown => None,
        })
        .collect();
    buckets.sort_unstable();
    buckets.dedup();
    for bucket in buckets {
        writeln!(text, "#   {}", bucket.escape_default()).unwrap_or_default();
    }
    text
}

fn section(text: &mut String, title: &str) {
    writeln!(text, "\n# {title}").unwrap_or_default();
}

fn command(text: &mut String, before: &str, operation: &str, option: &str, name: &str) {
    if is_plain(name) {
        writeln!(text, "{before}aws {operation} {option} {name}").unwrap_or_default();
    } else {
        writeln!(text, "# left out: {} is no name that the service takes", name.escape_default()).unwrap_or_default();
    }
}
