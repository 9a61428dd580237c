//! Findings about the definitions, and about history that has none.

use std::collections::BTreeSet;

use super::{Findings, PlanInputs};
use crate::inventory::Storage;

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    blind_spots(inputs, found);
    datastores(inputs, found);
    without_definition(inputs, found);
}

fn blind_spots(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let migrated: BTreeSet<String> = inputs.settings.tables.iter().map(|mapping| format!("datastore {}", mapping.store)).collect();
    for spot in &inputs.inventory.blind_spots {
        let remedy = "capture what is missing with `iota2ts capture --from PATH…`, or go on if it does not matter";
        if migrated.contains(&spot.subject) {
            found.warn("blind_spot", &*spot.subject, &*spot.unknown, remedy);
        } else {
            found.note("blind_spot", &*spot.subject, &*spot.unknown, remedy);
        }
    }
}

fn datastores(inputs: &PlanInputs<'_>, found: &mut Findings) {
    for (name, datastore) in &inputs.inventory.datastores {
        let subject = format!("datastore {name}");
        if let Storage::SiteWise { .. } = datastore.storage {
            let cause = "it is the cold tier of AWS IoT SiteWise, which stays in its bucket and is not migrated";
            found.warn("sitewise_store", subject, cause, "nothing to do here; SiteWise still owns that data");
            continue;
        }
        let skipped = inputs.settings.skipped_stores.contains(name);
        if skipped || inputs.listed(name).0 > 0 {
            continue;
        }
        let (cause, remedy) = match &datastore.storage {
            Storage::CustomerManaged { bucket, key_prefix } => (
                "it is defined, and the history holds nothing of it".to_owned(),
                format!("copy s3://{bucket}/{key_prefix}datastore/{name}/ below the history's directory, or add it to skipped_stores"),
            ),
            _ => (
                "it is defined, and the history holds nothing of it; its storage was not a bucket of yours, so only what was delivered or \
                 exported is left"
                    .to_owned(),
                "add its delivered dataset CSVs to the history, or add it to skipped_stores".to_owned(),
            ),
        };
        found.warn("definition_without_history", subject, cause, remedy);
    }
}

fn without_definition(inputs: &PlanInputs<'_>, found: &mut Findings) {
    let stores: BTreeSet<String> = inputs
        .listing
        .objects
        .iter()
        .filter(|object| object.holds_rows() && !inputs.inventory.datastores.contains_key(&object.store))
        .map(|object| object.store)
        .collect();
    for store in stores.into_iter().filter(|store| !inputs.settings.skipped_stores.contains(store)) {
        found.note(
            "store_without_definition",
            format!("store {store}"),
            "the history holds it, and no definition was captured: its types come from the rows alone",
            "capture its definition with `iota2ts capture --from PATH…` if there is one",
        );
    }
}
