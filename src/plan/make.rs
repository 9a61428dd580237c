//! The plan as a pure function of what is known.

use super::cost::{cost, duration};
use super::findings::findings;
use super::resources::resources;
use super::{Binding, PLAN_VERSION, Plan, PlannedTable};
use crate::census::{Census, TableCensus};
use crate::history::Listing;
use crate::inventory::Inventory;
use crate::mapping::TableMapping;
use crate::settings::Settings;
use crate::survey::Survey;
use crate::time::Nanos;

/// Everything that a plan depends on. The same inputs give the same plan, byte for byte.
#[derive(Debug, Clone)]
pub struct PlanInputs<'a> {
    pub inventory: &'a Inventory,
    pub survey: &'a Survey,
    pub census: &'a Census,
    pub settings: &'a Settings,
    pub listing: &'a Listing,
    pub now: Nanos,
    pub tool_version: &'a str,
    /// The digests of inventory, settings and listing.
    pub bound_to: Binding,
    /// What the mapping room finds wrong with the rules of the settings; each becomes an error.
    pub rule_problems: &'a [RuleRemark],
    /// What a fresh proposal was not sure of; each becomes a warning.
    pub doubts: &'a [RuleRemark],
}

/// Something to say about the rules of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRemark {
    /// The table's name.
    pub table: String,
    /// The column, dimension or measure that it is about.
    pub subject: String,
    pub cause: String,
    pub remedy: String,
}

impl PlanInputs<'_> {
    pub(super) fn census_of(&self, mapping: &TableMapping) -> Option<&TableCensus> {
        self.census.tables.iter().find(|census| census.is_of(mapping))
    }

    /// Objects and bytes of a store that are read as rows; raw channel messages are not.
    pub(super) fn listed(&self, store: &str) -> (u64, u64) {
        let of_store = self.listing.objects.iter().filter(|object| object.store == store && object.holds_rows());
        of_store.fold((0, 0), |(objects, bytes), object| (objects + 1, bytes.saturating_add(object.size_bytes)))
    }

    /// The nanoseconds that the target keeps rows for: both stores together (facts: retention is cumulative).
    pub(super) fn kept_nanos(&self) -> i128 {
        let target = &self.settings.target;
        memory_nanos(target.memory_hours) + i128::from(target.magnetic_days) * i128::from(crate::time::DAY_NANOS)
    }
}

pub(super) fn memory_nanos(hours: u64) -> i128 {
    i128::from(hours) * i128::from(crate::time::HOUR_NANOS)
}

/// Makes the plan.
#[must_use]
pub fn make(inputs: &PlanInputs<'_>) -> Plan {
    let tables: Vec<PlannedTable> = inputs.settings.tables.iter().map(|mapping| planned(inputs, mapping)).collect();
    let mut census = inputs.census.clone();
    for table in &mut census.tables {
        table.collisions = Vec::new();
    }
    Plan {
        version: PLAN_VERSION,
        tool_version: inputs.tool_version.to_owned(),
        created_at: inputs.now,
        bound_to: inputs.bound_to.clone(),
        history: inputs.settings.history.clone(),
        target: inputs.settings.target.clone(),
        write: inputs.settings.write,
        resources: resources(inputs),
        tables,
        census,
        findings: findings(inputs),
        cost: cost(inputs),
        duration: duration(inputs),
    }
}

fn planned(inputs: &PlanInputs<'_>, mapping: &TableMapping) -> PlannedTable {
    let (objects, bytes) = inputs.listed(&mapping.store);
    let census = inputs.census_of(mapping);
    let collisions = census.filter(|_| inputs.census.full).map(|census| census.collisions.clone()).unwrap_or_default();
    PlannedTable { mapping: mapping.clone(), objects, bytes, rows: census.map_or(0, |census| census.rows), collisions }
}
