//! What `capture` found, for people.

use crate::inventory::{Captured, Inventory, Severity};
use crate::live::{TrialCounts, TrialResult, Trials};

use super::text::{Align, Table, count, shown};

/// Blind spots beyond this many are counted; `inventory.json` holds them all.
const BLIND_SPOTS_SHOWN: usize = 20;

/// The result of a capture: what there is, what is wrong, what could not be seen.
#[must_use]
pub fn capture_text(captured: &Captured) -> String {
    let mut text = resources(&captured.inventory);
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let lines: Vec<String> = captured
            .problems
            .iter()
            .filter(|problem| problem.severity == severity)
            .map(|problem| format!("  {}\n", shown(&problem.to_string())))
            .collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n{} ({})\n{}", heading(severity), lines.len(), lines.concat()));
        }
    }
    let blind = &captured.inventory.blind_spots;
    if !blind.is_empty() {
        text.push_str(&format!("\nCould not be seen ({})\n", blind.len()));
        for spot in blind.iter().take(BLIND_SPOTS_SHOWN) {
            text.push_str(&format!("  {}: {}\n", shown(&spot.subject), shown(&spot.unknown)));
        }
        if blind.len() > BLIND_SPOTS_SHOWN {
            text.push_str(&format!("  … and {} more, all in inventory.json\n", blind.len() - BLIND_SPOTS_SHOWN));
        }
    }
    text
}

/// One line on how the activities did that the service ran beside our engine, naming those that did not agree.
#[must_use]
pub fn trials_text(trials: &Trials) -> String {
    let TrialCounts { agree, differ, skipped, failed } = trials.counts();
    let mut text =
        format!("activities held against the service: {agree} agree, {differ} differ, {skipped} were left out, {failed} failed;");
    for pipeline in &trials.pipelines {
        for trial in &pipeline.activities {
            let told = match &trial.result {
                TrialResult::Differs { messages, differing, .. } => format!("differs for {differing} of {messages} messages"),
                TrialResult::Failed { reason } => format!("failed: {}", shown(reason)),
                TrialResult::Agrees { .. } | TrialResult::Skipped { .. } => continue,
            };
            text.push_str(&format!(" pipeline {}, activity {} {told};", shown(&pipeline.pipeline), shown(&trial.activity)));
        }
    }
    text
}

fn resources(inventory: &Inventory) -> String {
    let mut table = Table::new(&[("captured", Align::Left), ("number", Align::Right), ("names", Align::Left)]);
    let mut line = |what: &str, names: Vec<&String>| {
        let list: Vec<String> = names.iter().take(6).map(|name| shown(name)).collect();
        let more = if names.len() > 6 { format!(" … {} more", names.len() - 6) } else { String::new() };
        table.row([what.to_owned(), count(names.len() as u64), list.join(", ") + &more]);
    };
    line("channels", inventory.channels.keys().collect());
    line("pipelines", inventory.pipelines.keys().collect());
    line("datastores", inventory.datastores.keys().collect());
    line("datasets", inventory.datasets.keys().collect());
    line("topic rules", inventory.rules.keys().collect());
    line("functions", inventory.handlers.keys().collect());
    line("things", inventory.things.keys().collect());
    let observed = &inventory.observed;
    if !observed.contents.is_empty() {
        let versions: usize = observed.contents.values().map(Vec::len).sum();
        table.row(["dataset contents".to_owned(), count(versions as u64), format!("of {} datasets", observed.contents.len())]);
    }
    if !observed.reprocessings.is_empty() {
        let runs: usize = observed.reprocessings.values().map(Vec::len).sum();
        let pipelines: Vec<String> = observed.reprocessings.keys().take(6).map(|name| shown(name)).collect();
        table.row(["reprocessings".to_owned(), count(runs as u64), format!("of {}", pipelines.join(", "))]);
    }
    table.render("")
}

fn heading(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Mistakes",
        Severity::Warning => "Warnings",
        Severity::Note => "Notes",
    }
}
