//! What a run came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::Tally;

/// The end of a run that did not fail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Somebody stopped it before all was done; the same command goes on.
    pub interrupted: bool,
    /// The accounting of all runs so far, by table.
    pub totals: BTreeMap<String, Tally>,
    pub units_done: u64,
    pub units_pending: u64,
    /// Objects that could not be read to their end, with the reason. The rows before the damage are accounted for.
    pub damaged: BTreeMap<String, String>,
    /// Objects that a person left out, with the reason. Their rows are counted as skipped.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, String>,
    /// What is not as planned at the target, and does no harm.
    pub remarks: Vec<String>,
    /// Rows that got their outcome in this run.
    pub rows: u64,
    pub seconds: f64,
    pub requests: u64,
    /// Requests that repeated another.
    pub retries: u64,
    pub throttled_memory: u64,
    pub throttled_magnetic: u64,
}

impl Outcome {
    /// The accounting of all tables together.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut sum = Tally::default();
        self.totals.values().for_each(|tally| sum.add(tally));
        sum
    }

    /// Whether everything is done, and every row is at the target or was meant to be left out.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let all_there = self.damaged.is_empty() && self.skipped.is_empty() && self.total().quarantined_total() == 0;
        !self.interrupted && self.units_pending == 0 && all_there
    }
}
