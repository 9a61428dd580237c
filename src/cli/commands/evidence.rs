//! `evidence check` and `teardown`: what the evidence claims, and what may be done because of it.

use std::collections::BTreeMap;

use iota2ts::evidence::{Checked, Evidence, EvidenceInputs, LedgerAccount, gather, teardown as script};
use iota2ts::inventory::Inventory;
use iota2ts::ledger::{LedgerView, UnitState};
use iota2ts::plan::Plan;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::verify::Verification;
use serde::Serialize;

use crate::cli::args::EvidenceAction;
use crate::cli::{CommandError, Context, Ended};

pub(in crate::cli) fn evidence(context: &Context, action: &EvidenceAction) -> Result<Ended, CommandError> {
    let EvidenceAction::Check = action;
    let checked = checked(context)?;
    context.printer.result(&report::evidence_text(&checked), &checked)?;
    Ok(if checked.passes() { Ended::Clean } else { Ended::WithFindings })
}

#[derive(Serialize)]
struct Teardown {
    seal: String,
    script: String,
}

pub(in crate::cli) fn teardown(context: &Context) -> Result<Ended, CommandError> {
    let checked = checked(context)?;
    if !checked.passes() {
        return Err(CommandError::new("the evidence does not say that everything is migrated, so nothing may be torn down")
            .hinted("`iota2ts evidence check` says what is wrong; mend it, and verify again"));
    }
    let inventory = Inventory::load(&context.dir.inventory())?;
    let script = script::script(&inventory, &checked.seal);
    context.printer.result(&script, &Teardown { seal: checked.seal, script: script.clone() })?;
    Ok(Ended::Clean)
}

/// The claims of the file, and whether the files beside it are still those it speaks of.
fn checked(context: &Context) -> Result<Checked, CommandError> {
    let evidence = Evidence::load(&context.dir.evidence())?;
    let mut checked = evidence.check();
    let said = |kind: &str, pointer: &str| {
        evidence.body(kind).and_then(|body| body.pointer(pointer)).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let mut beside = |what: &str, now: Option<String>, then: &str| {
        if let Some(now) = now {
            let broken = (now != then).then(|| format!("it has the digest {now} now, and had {then}"));
            checked.also(format!("{what} is the one that the evidence speaks of"), broken);
        }
    };
    let inventory = there(&context.dir.inventory())?.then(|| Inventory::load(&context.dir.inventory())).transpose()?;
    beside("inventory.json", inventory.map(|inventory| inventory.digest()), &said("inventory", "/digest"));
    let plan = there(&context.dir.plan())?.then(|| Plan::load(&context.dir.plan())).transpose()?;
    beside("plan.json", plan.map(|plan| plan.digest()), &said("plan", "/digest"));
    let settings = there(&context.dir.settings())?.then(|| Settings::load(&context.dir.settings())).transpose()?;
    beside("migration.toml", settings.map(|settings| settings.digest()), &said("plan", "/bound_to/settings"));
    Ok(checked)
}

fn there(path: &std::path::Path) -> Result<bool, CommandError> {
    path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))
}

/// Leaves the evidence of a verification in the migration directory, and gives its seal.
pub(super) fn leave(context: &Context, verification: &Verification) -> Result<String, CommandError> {
    let inventory = Inventory::load(&context.dir.inventory())?;
    let settings = Settings::load(&context.dir.settings())?;
    let plan = Plan::load(&context.dir.plan())?;
    let ledger = if verification.ledger_consulted {
        let view = LedgerView::open(&context.dir.ledger())?;
        let mut skipped = BTreeMap::new();
        view.each_state(&mut |unit, state| {
            if let UnitState::Done { skipped: Some(reason), .. } = state {
                skipped.insert(unit.key, reason);
            }
        })?;
        let earlier_plans = view.earlier_plans()?;
        Some(LedgerAccount { identity: view.identity()?, runs: view.runs()?, totals: view.totals()?, skipped, earlier_plans })
    } else {
        None
    };
    let evidence = gather(&EvidenceInputs {
        inventory: &inventory,
        settings: &settings,
        plan: &plan,
        ledger,
        verification,
        tool_version: env!("CARGO_PKG_VERSION"),
    })?;
    evidence.save(&context.dir.evidence())?;
    Ok(evidence.seal().to_owned())
}
