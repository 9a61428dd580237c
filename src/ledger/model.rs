//! What the ledger remembers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SettledRows;
use crate::time::Nanos;

/// A unit of work: one source object, in the plan's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The place of the object in the listing, from 0.
    pub id: u32,
    pub key: String,
    pub etag: String,
    /// The table of the store's first mapping: where rows are counted that no mapping takes. Others may go to other tables.
    pub table: String,
    pub bytes: u64,
}

/// What became of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UnitState {
    /// Not done; whatever was sent of it will be sent again.
    Pending,
    /// Every row has its outcome.
    Done {
        tallies: Tallies,
        damage: Option<String>,
        finished_at: Nanos,
        /// Why a person left it out: none of its rows was sent because of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skipped: Option<String>,
    },
}

/// The accounting of a unit's rows by table. Every row is counted at one table; a unit without rows may have no table at all.
pub type Tallies = BTreeMap<String, Tally>;

/// The accounting of rows: `read = acknowledged + filtered + quarantined + skipped`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    pub read: u64,
    pub acknowledged: u64,
    /// By activity name.
    pub filtered: BTreeMap<String, u64>,
    /// By reason code.
    pub quarantined: BTreeMap<String, u64>,
    /// Rows that would have been sent, of objects that a person left out.
    #[serde(default, skip_serializing_if = "is_none")]
    pub skipped: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

impl Tally {
    #[must_use]
    pub fn filtered_total(&self) -> u64 {
        self.filtered.values().sum()
    }

    #[must_use]
    pub fn quarantined_total(&self) -> u64 {
        self.quarantined.values().sum()
    }

    /// Whether every row read has exactly one outcome.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.read == self.acknowledged + self.filtered_total() + self.quarantined_total() + self.skipped
    }

    /// All of them together.
    #[must_use]
    pub fn sum<'t>(tallies: impl IntoIterator<Item = &'t Self>) -> Self {
        let mut sum = Self::default();
        tallies.into_iter().for_each(|tally| sum.add(tally));
        sum
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.acknowledged += other.acknowledged;
        self.skipped += other.skipped;
        for (activity, rows) in &other.filtered {
            *self.filtered.entry(activity.clone()).or_default() += rows;
        }
        for (reason, rows) in &other.quarantined {
            *self.quarantined.entry(reason.clone()).or_default() += rows;
        }
    }
}

/// Whose ledger it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the plan, hexadecimal.
    pub plan_digest: String,
    /// The version of this program.
    pub tool_version: String,
}

/// A unit all of whose rows have their outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitDone {
    pub id: u32,
    pub tallies: Tallies,
    /// Why the object could not be read to its end, if so.
    pub damage: Option<String>,
    pub finished_at: Nanos,
    /// Why a person left it out. Then no row of it is acknowledged, and else none is skipped.
    pub skipped: Option<String>,
}

/// How far a pending unit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProgress {
    pub id: u32,
    /// All rows of it that need not be sent again; none forgets what there was.
    pub settled: SettledRows,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    Finished,
    /// A person stopped it; the same command goes on.
    Interrupted,
    Failed,
}

impl RunOutcome {
    /// The word in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// One run, as remembered. A run that was killed has neither end nor outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: i64,
    pub started_at: Nanos,
    pub ended_at: Option<Nanos>,
    pub outcome: Option<String>,
    pub tool_version: String,
}

/// What is known of a ledger before its units are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerIdentity {
    pub plan_digest: String,
    /// The version that created it.
    pub tool_version: String,
    pub created_at: Nanos,
}

/// A row that was not written, kept so that a person can mend and replay it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuarantinedRow {
    pub unit: u32,
    pub object: String,
    pub etag: String,
    pub row: u64,
    pub byte_offset: Option<u64>,
    /// The table that it would have gone to; that of the store's first mapping where none takes it.
    pub table: String,
    /// A stable code: `undecodable`, `no_route`, another of the mapping's refusals, `key_collision`, or `rejected_…` by the target.
    pub code: String,
    /// One line, with the column and the value where one is to blame, or the target's own words.
    pub reason: String,
    /// The row as it was read: its columns as JSON, or the raw excerpt of a row that could not be decoded.
    pub content: serde_json::Value,
}
