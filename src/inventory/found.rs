//! Definitions as they were found, before those of the same resource are merged.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Channel, Dataset, DatasetContent, Datastore, Handler, Logging, Origin, Pipeline, Reprocessing, Thing, TopicRule};

/// How far a form is to be believed about a resource. The higher one is kept where two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// A list entry.
    Listed,
    /// The answer of a create call: name, ARN, sometimes the retention.
    Created,
    /// What somebody asked for: a template or the input of a call.
    Intended,
    /// What the service said it had, in a file.
    Described,
    /// What the service says just now.
    Live,
}

#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) standing: Standing,
    pub(crate) definition: T,
}

/// Everything found in all files.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) channels: Vec<Found<Channel>>,
    pub(crate) pipelines: Vec<Found<Pipeline>>,
    pub(crate) datastores: Vec<Found<Datastore>>,
    pub(crate) datasets: Vec<Found<Dataset>>,
    pub(crate) rules: Vec<Found<TopicRule>>,
    pub(crate) listed_rules: Vec<(String, Origin)>,
    pub(crate) things: Vec<Found<Thing>>,
    pub(crate) handlers: Vec<Found<Handler>>,
    pub(crate) contents: BTreeMap<String, Vec<DatasetContent>>,
    pub(crate) reprocessings: BTreeMap<String, Vec<Reprocessing>>,
    pub(crate) logging: BTreeSet<(Standing, Logging)>,
}

impl Definitions {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.channels.append(&mut other.channels);
        self.pipelines.append(&mut other.pipelines);
        self.datastores.append(&mut other.datastores);
        self.datasets.append(&mut other.datasets);
        self.rules.append(&mut other.rules);
        self.listed_rules.append(&mut other.listed_rules);
        self.things.append(&mut other.things);
        self.handlers.append(&mut other.handlers);
        for (dataset, mut contents) in other.contents {
            self.contents.entry(dataset).or_default().append(&mut contents);
        }
        for (pipeline, mut runs) in other.reprocessings {
            self.reprocessings.entry(pipeline).or_default().append(&mut runs);
        }
        self.logging.append(&mut other.logging);
    }
}

/// Puts a definition in its list, if there is one.
pub(crate) fn keep<T>(list: &mut Vec<Found<T>>, standing: Standing, definition: Option<T>) {
    list.extend(definition.map(|definition| Found { standing, definition }));
}
