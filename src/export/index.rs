//! `objects.jsonl`: the source's listing as it was, and where each object's rows stand.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::{Format, Layout, PassedOver, SourceObject};
use crate::provenance::ObjectId;

pub(super) const INDEX_NAME: &str = "objects.jsonl";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Object(StagedObject),
    PassedOver { key: String, reason: String },
}

impl Line {
    pub(super) fn passed_over(passed: &PassedOver) -> Self {
        Self::PassedOver { key: passed.key.clone(), reason: passed.reason.clone() }
    }
}

/// One source object in the staging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedObject {
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) locator: String,
    pub(super) store: String,
    pub(super) layout: Layout,
    pub(super) format: Format,
    pub(super) gzip: bool,
    pub(super) size_bytes: u64,
    pub(super) partitions: Vec<(String, String)>,
    /// The number of its first row, counted from 0 over all files.
    pub(super) first_row: u64,
    pub(super) rows: u64,
    pub(super) bad_rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) damage: Option<String>,
}

impl StagedObject {
    pub(super) fn source_object(&self) -> SourceObject {
        SourceObject {
            id: Arc::new(ObjectId { key: self.key.clone(), etag: self.etag.clone() }),
            locator: self.locator.clone(),
            store: self.store.clone(),
            layout: self.layout,
            format: self.format,
            gzip: self.gzip,
            size_bytes: self.size_bytes,
            partitions: self.partitions.clone().into(),
            pipeline: None,
        }
    }
}
