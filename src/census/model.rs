//! What a census found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mapping::TableMapping;
use crate::time::Nanos;

/// Per mapping, in the order of the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Census {
    /// False when only a sample was read; then `collisions` are those inside the sample.
    pub full: bool,
    pub tables: Vec<TableCensus>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TableCensus {
    pub table: String,
    pub store: String,
    /// Only where the store has routes: mappings of one table differ in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_name: Option<String>,
    /// Objects of the store.
    pub objects: u64,
    /// Objects that could not be read to their end, with the reason.
    pub damaged: Vec<(String, String)>,
    /// All rows that it takes, good and bad. Those that no mapping of the store takes are counted at the store's first one, and
    /// so are rows that could not be decoded and damaged objects.
    pub rows: u64,
    /// Rows that could not be decoded.
    pub undecodable: u64,
    /// Rows that the mapping refuses, by refusal code.
    pub refused: BTreeMap<String, u64>,
    /// Messages that a pipeline drops, by activity. None but where rows come from a channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filtered: BTreeMap<String, u64>,
    /// Up to 5 examples per code: `object row N: detail`.
    pub refused_examples: BTreeMap<String, Vec<String>>,
    /// Rows that became records: all but those that are undecodable, refused or filtered.
    pub records: u64,
    /// Different keys among them.
    pub distinct_keys: u64,
    /// Rows that repeat another row exactly: acknowledged, and stored once.
    pub exact_duplicates: u64,
    /// Keys with more than one content. At most [`COLLISIONS_LISTED_MAX`] are listed.
    pub collisions: Vec<Collision>,
    pub collisions_total: u64,
    pub earliest: Option<Nanos>,
    pub latest: Option<Nanos>,
    /// Sum over records of what the service meters for one.
    pub metered_bytes: u64,
    /// Sum over records of dimension bytes: what common attributes or the service's own grouping save.
    pub dimension_bytes: u64,
    /// Records per combination of dimension values is not kept; this is the number of combinations, up to 100,000.
    pub series: u64,
    /// Measures left out of records by a policy, by `<measure>: <why>`.
    pub omitted: BTreeMap<String, u64>,
}

impl TableCensus {
    /// Whether these are the rows of `mapping`.
    #[must_use]
    pub fn is_of(&self, mapping: &TableMapping) -> bool {
        let is_named = |name: &String| **name == *mapping.measure_name;
        self.table == mapping.table && self.store == mapping.store && self.measure_name.as_ref().is_none_or(is_named)
    }
}

/// More collisions than this are counted and not listed; such a plan is refused until the keys are mended.
pub const COLLISIONS_LISTED_MAX: usize = 100_000;

/// One key that rows of different content share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collision {
    /// The record key as 32 hexadecimal digits.
    pub key: String,
    /// `device_id=press-1, time 2023-06-21T07:05:00Z`.
    pub what: String,
    /// In the history's order.
    pub sides: Vec<Side>,
    /// Which of the sides is written under the table's policy; none when all are quarantined. Exact repeats of the
    /// written side are written too, and collapse.
    pub kept: Option<usize>,
}

/// One row of a collision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The place of the object in the listing, from 0.
    pub unit: u32,
    pub object: String,
    pub row: u64,
    /// The digest of the row's measures; equal digests are exact repeats.
    pub content: u64,
}
