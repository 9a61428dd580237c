//! `plan.json`.

use serde::{Deserialize, Serialize};

use crate::census::{Census, Collision, TableCensus};
use crate::mapping::TableMapping;
use crate::settings::{TargetSettings, WriteSettings};
use crate::time::Nanos;

/// The version of `plan.json` that this tool writes; any other is refused with the remedy to plan again.
pub const PLAN_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub tool_version: String,
    pub created_at: Nanos,
    pub bound_to: Binding,
    pub history: String,
    pub target: TargetSettings,
    pub write: WriteSettings,
    /// What the inventory holds, by kind and name.
    pub resources: Vec<Resource>,
    /// In the order of the settings, as `census.tables`.
    pub tables: Vec<PlannedTable>,
    /// Its collisions have moved to `tables`; `collisions_total` stays.
    pub census: Census,
    /// Errors first, then warnings, then notes; by code and subject within a grade.
    pub findings: Vec<Finding>,
    pub cost: Cost,
    pub duration: Duration,
}

/// Digests (SHA-256, hexadecimal) of what the plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub inventory: String,
    pub settings: String,
    pub listing: String,
}

/// One resource of the old service, and what this migration does with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// `channel`, `pipeline`, `datastore`, `dataset` or `rule`.
    pub kind: String,
    pub name: String,
    /// What it is, as `parquet, 12 columns, kept for 90 days`.
    pub what: String,
    /// As `to table factory`, `see iota2ts translate`.
    pub fate: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedTable {
    pub mapping: TableMapping,
    /// All objects of the store that are read, from the listing, and their bytes as they lie there; the same for every mapping
    /// of the store.
    pub objects: u64,
    pub bytes: u64,
    /// Rows that the census read, good and bad: all of them, or those of a sample.
    pub rows: u64,
    /// The keys that rows of different content share, each with its winner. A full census lists them all; those of a
    /// sample are left out, as they are not the whole story.
    pub collisions: Vec<Collision>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// The backfill is refused until it is mended.
    Error,
    /// Rows or values will be left out, or something needs a person's judgement before it is too late.
    Warning,
    /// Good to know, the choices that cannot be undone among it.
    Note,
}

impl Grade {
    /// `error`, `warning`, `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that a person should know before the migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, as `retention_too_short`.
    pub code: String,
    pub grade: Grade,
    /// What it is about, as `table factory` or `migration.toml: target.magnetic_days`.
    pub subject: String,
    /// What is so, in one sentence. Names stand in it as they are: whoever prints it escapes them.
    pub cause: String,
    /// What to do about it, in one sentence.
    pub remedy: String,
}

/// In US dollars of us-east-1 list prices (facts: pricing).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Write units of 1 KiB, rounded up per request of 100 records.
    pub write_units: u64,
    pub writes_usd: f64,
    pub magnetic_usd_per_month: f64,
    pub memory_usd: f64,
    pub prices_as_of: String,
    /// How the figures were reached, one sentence each.
    pub basis: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duration {
    pub requests: u64,
    pub seconds: f64,
    /// The limit that decides, as `WriteRecords round trips: 16 in flight of about 62 ms`.
    pub bound_by: String,
}

impl Plan {
    /// The oldest instant that the target takes when the plan is made: both retentions together, counted back.
    #[must_use]
    pub fn accepted_from(&self) -> Nanos {
        let hour = i128::from(crate::time::HOUR_NANOS);
        let hours = i128::from(self.target.memory_hours) + 24 * i128::from(self.target.magnetic_days);
        Nanos(i64::try_from(i128::from(self.created_at.0) - hours * hour).unwrap_or(i64::MIN))
    }

    /// The rows of `mapping`, as the census counted them.
    #[must_use]
    pub fn census_of(&self, mapping: &TableMapping) -> Option<&TableCensus> {
        self.census.tables.iter().find(|census| census.is_of(mapping))
    }

    /// How many findings are of `grade`.
    #[must_use]
    pub fn graded(&self, grade: Grade) -> usize {
        self.findings.iter().filter(|finding| finding.grade == grade).count()
    }
}
