//! Puts the activities of a pipeline in the order of `next`, and names everything that keeps them from being one chain.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::fields::Place;
use super::model::Activity;
use super::problem::{Findings, shown};

/// Activities of one pipeline (facts: PipelineActivities, fixed quota).
pub(crate) const ACTIVITIES_MAX: usize = 25;

/// What a step is to its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Channel,
    Datastore,
    Between,
}

impl Role {
    /// By the activity type in the API's spelling.
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "channel" => Self::Channel,
            "datastore" => Self::Datastore,
            _ => Self::Between,
        }
    }
}

/// One activity as it stands in its list, before it is in order.
#[derive(Debug)]
pub(crate) struct Step {
    /// The place of the activity.
    pub(crate) path: String,
    pub(crate) line: Option<u32>,
    /// None where an error of it was reported.
    pub(crate) name: Option<String>,
    pub(crate) next: Option<String>,
    /// The place of `next`; of the activity when it has none.
    pub(crate) next_path: String,
    pub(crate) next_line: Option<u32>,
    pub(crate) role: Role,
    /// None where an error of it was reported.
    pub(crate) activity: Option<Activity>,
}

/// The activities from the channel to the datastore. Whatever makes them not one chain is reported; the result is then of no use.
pub(crate) fn in_order(steps: Vec<Step>, list: &Place<'_>, findings: &mut Findings) -> Vec<Activity> {
    check_ends(&steps, list, findings);
    let by_name = index_by_name(&steps, findings);
    let successors = successors(&steps, &by_name, findings);
    check_meetings(&steps, &successors, findings);
    let in_cycle = report_cycles(&steps, &successors, findings);
    report_unreached(&steps, &successors, &in_cycle, findings);

    let mut order = Vec::with_capacity(steps.len());
    let mut at = steps.iter().position(|step| step.role == Role::Channel);
    // At most as many as there are: a cycle would go on for ever.
    while let Some(index) = at.filter(|_| order.len() < steps.len()) {
        order.push(index);
        at = successors.get(index).copied().flatten();
    }
    let mut activities: Vec<Option<Activity>> = steps.into_iter().map(|step| step.activity).collect();
    order.into_iter().filter_map(|index| activities.get_mut(index).and_then(Option::take)).collect()
}

/// Exactly one channel, exactly one datastore.
fn check_ends(steps: &[Step], list: &Place<'_>, findings: &mut Findings) {
    for (role, word) in [(Role::Channel, "channel"), (Role::Datastore, "datastore")] {
        let mut found = steps.iter().filter(|step| step.role == role);
        let Some(first) = found.next() else {
            findings.error(&list.path, list.line(), format!("has no {word} activity; a pipeline has exactly one"));
            continue;
        };
        for further in found {
            let reason = format!("is a second {word} activity (the first is {}); a pipeline has exactly one", first.path);
            findings.error(&further.path, further.line, reason);
        }
    }
}

fn index_by_name<'s>(steps: &'s [Step], findings: &mut Findings) -> BTreeMap<&'s str, usize> {
    let mut by_name = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let Some(name) = step.name.as_deref() else {
            continue;
        };
        match by_name.get(name).and_then(|first: &usize| steps.get(*first)) {
            Some(first) => {
                let reason = format!("is named {} like {}; names are what `next` goes by, so they must differ", shown(name), first.path);
                findings.error(&step.path, step.line, reason);
            }
            None => {
                by_name.insert(name, index);
            }
        }
    }
    by_name
}

/// For every step the step that its `next` names.
fn successors(steps: &[Step], by_name: &BTreeMap<&str, usize>, findings: &mut Findings) -> Vec<Option<usize>> {
    let mut result = Vec::with_capacity(steps.len());
    for step in steps {
        let found = step.next.as_deref().and_then(|next| by_name.get(next)).copied();
        match (&step.next, step.role) {
            (Some(next), Role::Datastore) => {
                findings.error(
                    &step.next_path,
                    step.next_line,
                    format!("a datastore activity ends the pipeline, and this goes on to {}", shown(next)),
                );
            }
            (Some(next), _) if found.is_none() => {
                let names: Vec<String> = by_name.keys().take(ACTIVITIES_MAX).map(|name| shown(name)).collect();
                let reason = format!("no activity is named {} (there are {})", shown(next), names.join(", "));
                findings.error(&step.next_path, step.next_line, reason);
            }
            // The step itself may be the mistake that was reported already.
            (None, Role::Channel | Role::Between) if step.activity.is_some() => {
                findings.error(&step.path, step.line, "has no `next`: the chain ends before the datastore");
            }
            _ => {}
        }
        result.push(found.filter(|_| step.role != Role::Datastore));
    }
    result
}

/// No two activities lead to the same one.
fn check_meetings(steps: &[Step], successors: &[Option<usize>], findings: &mut Findings) {
    let mut first_to: BTreeMap<usize, &Step> = BTreeMap::new();
    for (step, to) in steps.iter().zip(successors) {
        let Some(to) = to else {
            continue;
        };
        if let Some(first) = first_to.get(to) {
            let target = shown(step.next.as_deref().unwrap_or_default());
            findings.error(
                &step.next_path,
                step.next_line,
                format!("{target} is already the next of {}; a pipeline is one chain", first.path),
            );
        } else {
            first_to.insert(*to, step);
        }
    }
}

/// Reports every cycle once and returns its members.
fn report_cycles(steps: &[Step], successors: &[Option<usize>], findings: &mut Findings) -> BTreeSet<usize> {
    let mut members = BTreeSet::new();
    let mut visited = BTreeSet::new();
    // From the channel first, so that a cycle is told in the order in which messages would meet it.
    let channel = steps.iter().position(|step| step.role == Role::Channel);
    for start in channel.into_iter().chain(0..steps.len()) {
        let mut trail = Vec::new();
        let mut at = Some(start);
        while let Some(index) = at.filter(|index| !visited.contains(index)) {
            visited.insert(index);
            trail.push(index);
            at = successors.get(index).copied().flatten();
        }
        let Some(begin) = at.and_then(|again| trail.iter().position(|index| *index == again)) else {
            continue;
        };
        let cycle = trail.get(begin..).unwrap_or_default();
        members.extend(cycle.iter().copied());
        let in_turn = cycle.iter().chain(at.as_ref()).filter_map(|index| steps.get(*index)?.name.as_deref());
        let told: Vec<String> = in_turn.map(shown).collect();
        if let Some(last) = trail.last().and_then(|index| steps.get(*index)) {
            findings.error(&last.next_path, last.next_line, format!("leads in a cycle: {}", told.join(" → ")));
        }
    }
    members
}

/// Reports every activity that neither the channel nor any other activity leads to.
fn report_unreached(steps: &[Step], successors: &[Option<usize>], in_cycle: &BTreeSet<usize>, findings: &mut Findings) {
    let led_to: BTreeSet<usize> = successors.iter().flatten().copied().collect();
    for (index, step) in steps.iter().enumerate() {
        if step.role == Role::Channel || led_to.contains(&index) || in_cycle.contains(&index) {
            continue;
        }
        let Some(name) = step.name.as_deref() else {
            continue;
        };
        findings.error(&step.path, step.line, format!("is never reached: no `next` names {}", shown(name)));
    }
}

#[cfg(test)]
mod tests;
