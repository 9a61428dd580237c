//! The parts of the evidence, from what is there after a verification.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Evidence, EvidenceError, chain};
use crate::inventory::Inventory;
use crate::ledger::{LedgerIdentity, Run, Tally};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::verify::Verification;

/// What the evidence is made of.
#[derive(Debug)]
pub struct EvidenceInputs<'a> {
    pub inventory: &'a Inventory,
    pub settings: &'a Settings,
    pub plan: &'a Plan,
    /// None where there is no ledger of this plan.
    pub ledger: Option<LedgerAccount>,
    pub verification: &'a Verification,
    pub tool_version: &'a str,
}

/// What the ledger says of itself.
#[derive(Debug)]
pub struct LedgerAccount {
    pub identity: LedgerIdentity,
    pub runs: Vec<Run>,
    /// By table.
    pub totals: BTreeMap<String, Tally>,
    /// Objects that a person left out, with the reason.
    pub skipped: BTreeMap<String, String>,
    /// Digests of the plans that this one took the place of, oldest first.
    pub earlier_plans: Vec<String>,
}

/// Puts the evidence together.
///
/// # Errors
/// When a part cannot be written as JSON, which would be a mistake of this program.
pub fn gather(inputs: &EvidenceInputs<'_>) -> Result<Evidence, EvidenceError> {
    let mut parts = vec![("inventory", inventory(inputs.inventory)), ("plan", plan(inputs)?)];
    if let Some(account) = &inputs.ledger {
        parts.push(("backfill", backfill(account)));
    }
    parts.push(("verification", verification(inputs.verification)?));
    Ok(chain::forge(inputs.tool_version, parts))
}

fn inventory(inventory: &Inventory) -> Value {
    let spots = inventory.blind_spots.iter().map(|spot| json!({"subject": spot.subject, "unknown": spot.unknown}));
    json!({
        "digest": inventory.digest(),
        "channels": inventory.channels.keys().collect::<Vec<_>>(),
        "pipelines": inventory.pipelines.keys().collect::<Vec<_>>(),
        "datastores": inventory.datastores.keys().collect::<Vec<_>>(),
        "datasets": inventory.datasets.keys().collect::<Vec<_>>(),
        "blind_spots": spots.collect::<Vec<_>>(),
    })
}

fn plan(inputs: &EvidenceInputs<'_>) -> Result<Value, EvidenceError> {
    let (plan, settings) = (inputs.plan, inputs.settings);
    let findings =
        plan.findings.iter().map(|finding| json!({"code": finding.code, "grade": finding.grade.word(), "subject": finding.subject}));
    Ok(json!({
        "digest": plan.digest(),
        "planned_at_ns": plan.created_at.0,
        "tool_version": plan.tool_version,
        "bound_to": {"inventory": plan.bound_to.inventory, "settings": plan.bound_to.settings, "listing": plan.bound_to.listing},
        "history": plan.history,
        // As they are in force, switches among them: whoever reads this needs no other file.
        "settings": serde_json::to_value(settings)?,
        "surveyed_all": plan.census.full,
        "findings": findings.collect::<Vec<_>>(),
    }))
}

fn backfill(account: &LedgerAccount) -> Value {
    let LedgerAccount { identity, runs, totals, skipped, earlier_plans } = account;
    let runs = runs.iter().map(|run| {
        json!({"started_at_ns": run.started_at.0, "ended_at_ns": run.ended_at.map(|at| at.0), "outcome": run.outcome, "tool_version": run.tool_version})
    });
    let tables = totals.iter().map(|(table, tally)| {
        json!({"table": table, "read": tally.read, "acknowledged": tally.acknowledged, "filtered": tally.filtered, "quarantined": tally.quarantined, "skipped": tally.skipped})
    });
    let skipped = skipped.iter().map(|(object, reason)| json!({"object": object, "reason": reason}));
    json!({
        "plan_digest": identity.plan_digest,
        "began_at_ns": identity.created_at.0,
        "runs": runs.collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
        "skipped_objects": skipped.collect::<Vec<_>>(),
        "earlier_plans": earlier_plans,
    })
}

/// The figures, without the rows that were shown as examples: evidence holds no row of the history.
fn verification(verification: &Verification) -> Result<Value, EvidenceError> {
    let mut figures = verification.clone();
    figures.tables.iter_mut().for_each(|table| table.shown.clear());
    Ok(serde_json::to_value(figures)?)
}
