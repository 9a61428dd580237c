//! The engines of the pipelines whose messages are migrated, and which pipelines a first plan takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::view::{RawStore, ends};
use crate::history::{Layout, Listing};
use crate::inventory::{ActivityKind, Inventory, Pipeline};
use crate::mapping::TableMapping;
use crate::path::Segment;
use crate::transform::{Engine, EngineError, Enrichment, LambdaFunction, TransformSwitches, TranslateError, translate};

/// Why a pipeline cannot be run here.
#[derive(Debug, thiserror::Error)]
pub enum EnginesError {
    #[error("[[raw]] names the pipeline {pipeline:?}, which the inventory does not hold")]
    Unknown { pipeline: String },
    #[error(transparent)]
    Translate(#[from] TranslateError),
    #[error("the pipeline {pipeline:?} cannot be run here: {source}")]
    Engine { pipeline: String, source: EngineError },
}

impl EnginesError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => Some("capture its definition, or correct [[raw]] in migration.toml".to_owned()),
            Self::Translate(error) => error.hint(),
            Self::Engine { source: EngineError::NoFunction { function, .. }, .. } => Some(format!(
                "say who does what the function did, a command or the function of AWS: [[function]] name = {function:?} in migration.toml"
            )),
            Self::Engine { source, .. } => source.hint(),
        }
    }
}

/// How pipelines are run here.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    pub inventory: &'a Inventory,
    pub switches: &'a TransformSwitches,
    /// Who stands in for the functions of lambda activities.
    pub functions: Option<&'a Arc<dyn LambdaFunction>>,
}

impl Running<'_> {
    /// The engines of `raw`, by pipeline.
    ///
    /// # Errors
    /// When a pipeline is not known, or something in it cannot be run here.
    pub fn engines(&self, raw: &[RawStore]) -> Result<BTreeMap<String, Engine>, EnginesError> {
        let mut engines = BTreeMap::new();
        for raw in raw {
            let unknown = || EnginesError::Unknown { pipeline: raw.pipeline.clone() };
            let pipeline = self.inventory.pipelines.get(&raw.pipeline).ok_or_else(unknown)?;
            engines.insert(raw.pipeline.clone(), self.engine(pipeline)?);
        }
        Ok(engines)
    }

    fn engine(&self, pipeline: &Pipeline) -> Result<Engine, EnginesError> {
        let spec = translate(pipeline, self.switches, None)?.spec;
        Engine::new(&spec, Enrichment::captured(self.inventory), self.functions.cloned())
            .map_err(|source| EnginesError::Engine { pipeline: pipeline.name.clone(), source })
    }

    /// The stores of which `listing` holds raw messages and nothing else, with their pipelines: rows of theirs can only come from
    /// there. A pipeline that cannot be run here is left out.
    #[must_use]
    pub fn only_raw(&self, listing: &Listing) -> Vec<RawStore> {
        self.raw(listing, false)
    }

    /// The stores of which `listing` holds both raw messages and rows, with their pipelines.
    #[must_use]
    pub fn both(&self, listing: &Listing) -> Vec<RawStore> {
        self.raw(listing, true)
    }

    fn raw(&self, listing: &Listing, has_rows: bool) -> Vec<RawStore> {
        let with = |is_channel: bool| -> BTreeSet<String> {
            let objects = listing.objects.iter().filter(|object| (object.layout == Layout::Channel) == is_channel);
            objects.map(|object| object.store).collect()
        };
        let (channels, stores) = (with(true), with(false));
        let mut found = Vec::new();
        for pipeline in self.inventory.pipelines.values() {
            if let Some((channel, store)) = ends(pipeline)
                && channels.contains(channel)
                && stores.contains(store) == has_rows
                && self.engine(pipeline).is_ok()
            {
                found.push(RawStore { store: store.to_owned(), pipeline: pipeline.name.clone() });
            }
        }
        found.sort();
        found
    }

    /// The measures of `mappings` that come from attributes which enrichment sets, by store.
    #[must_use]
    pub fn enriched(&self, raw: &[RawStore], mappings: &[TableMapping]) -> BTreeMap<String, BTreeSet<String>> {
        let mut enriched: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for raw in raw {
            let activities = self.inventory.pipelines.get(&raw.pipeline).map(|pipeline| pipeline.activities.as_slice()).unwrap_or_default();
            let attributes: BTreeSet<&str> = activities
                .iter()
                .filter_map(|activity| match &activity.kind {
                    ActivityKind::DeviceRegistryEnrich { attribute, .. } | ActivityKind::DeviceShadowEnrich { attribute, .. } => {
                        Some(attribute.as_str())
                    }
                    _ => None,
                })
                .collect();
            let measures = mappings.iter().filter(|mapping| mapping.store == raw.store).flat_map(|mapping| &mapping.measures);
            let set = measures
                .filter(|rule| matches!(rule.column.segments().first(), Some(Segment::Name(name)) if attributes.contains(name.as_str())));
            enriched.entry(raw.store.clone()).or_default().extend(set.map(|rule| rule.name.to_string()));
        }
        enriched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::fixture::{inventory, listing};

    #[test]
    fn only_stores_without_rows_of_their_own_are_taken_from_their_channel() {
        let (inventory, switches) = (inventory(), TransformSwitches::default());
        let running = Running { inventory: &inventory, switches: &switches, functions: None };
        assert_eq!(running.only_raw(&listing()), []);
        let mut without = listing();
        without.objects = without.objects.iter().filter(|object| object.id.key != "datastore/plant/1.json").collect();
        assert_eq!(running.only_raw(&without), [RawStore { store: "plant".to_owned(), pipeline: "clean".to_owned() }]);
    }

    #[test]
    fn a_pipeline_that_nobody_captured_has_no_engine() {
        let (inventory, switches) = (inventory(), TransformSwitches::default());
        let running = Running { inventory: &inventory, switches: &switches, functions: None };
        let error = running.engines(&[RawStore { store: "plant".to_owned(), pipeline: "nobody".to_owned() }]).unwrap_err();
        assert!(matches!(error, EnginesError::Unknown { .. }) && error.hint().is_some(), "{error}");
    }
}
