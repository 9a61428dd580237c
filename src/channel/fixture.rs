//! A small plant for tests: one channel that three pipelines read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::history::{Format, Layout, Listing, SourceObject};
use crate::inventory::{Inventory, capture};
use crate::provenance::ObjectId;

const PIPELINES: [&str; 3] = [
    r#"{"pipelineName":"clean","pipelineActivities":[
        {"channel":{"name":"from","channelName":"readings","next":"warm"}},
        {"filter":{"name":"warm","filter":"temperature > 10","next":"to"}},
        {"datastore":{"name":"to","datastoreName":"plant"}}]}"#,
    r#"{"pipelineName":"copy","pipelineActivities":[
        {"channel":{"name":"from","channelName":"readings","next":"to"}},
        {"datastore":{"name":"to","datastoreName":"other"}}]}"#,
    r#"{"pipelineName":"asks","pipelineActivities":[
        {"channel":{"name":"from","channelName":"readings","next":"tidy up"}},
        {"lambda":{"name":"tidy up","lambdaName":"tidy","batchSize":100,"next":"to"}},
        {"datastore":{"name":"to","datastoreName":"other"}}]}"#,
];

/// The inventory of the pipelines.
pub(super) fn inventory() -> Inventory {
    let folder = tempfile::tempdir().unwrap();
    for (number, pipeline) in PIPELINES.iter().enumerate() {
        std::fs::write(folder.path().join(format!("create-pipeline-{number}.json")), pipeline).unwrap();
    }
    let captured = capture(&[PathBuf::from(folder.path())], &BTreeMap::new()).unwrap();
    assert!(!captured.has_errors(), "{:?}", captured.problems);
    captured.inventory
}

pub(super) fn object(store: &str, layout: Layout, key: &str) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key: key.to_owned(), etag: "1".to_owned() }),
        locator: key.to_owned(),
        store: store.to_owned(),
        layout,
        format: Format::Json,
        gzip: false,
        size_bytes: 1,
        partitions: Arc::new([]),
        pipeline: None,
    }
}

/// One object of the channel and one of each datastore.
pub(super) fn listing() -> Listing {
    let objects = [
        object("readings", Layout::Channel, "channel/readings/1.json.gz"),
        object("other", Layout::Datastore, "datastore/other/1.json"),
        object("plant", Layout::Datastore, "datastore/plant/1.json"),
    ];
    Listing { root: "history".to_owned(), objects: objects.into_iter().collect(), passed_over: Vec::new() }
}
