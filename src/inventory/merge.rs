//! The same resource told by several files becomes one definition.
//!
//! What the service answered outweighs what somebody asked for, and both outweigh a list entry; what the weightier one does
//! not state is taken from the others. Two of equal weight that differ are a problem that names both files.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::fields::is_symbolic;
use super::found::{Definitions, Found, Standing};
use super::model::{
    Channel, Dataset, Datastore, FileFormat, Handler, Observed, Origin, Pipeline, Retention, Storage, Thing, TopicRule, Versioning,
};
use super::problem::{Problem, Severity, shown};
use super::tree::{join, nth};

/// Differences of one pair that are told.
const DIFFERENCES_MAX: usize = 6;

/// One definition per resource and kind, by name.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) pipelines: BTreeMap<String, Pipeline>,
    pub(crate) datastores: BTreeMap<String, Datastore>,
    pub(crate) datasets: BTreeMap<String, Dataset>,
    /// Those that feed a channel.
    pub(crate) rules: BTreeMap<String, TopicRule>,
    pub(crate) things: BTreeMap<String, Thing>,
    pub(crate) handlers: BTreeMap<String, Handler>,
    /// Rules that a list names and nothing describes.
    pub(crate) listed_rules: BTreeMap<String, Origin>,
    pub(crate) observed: Observed,
}

/// Merges all that was found.
pub(crate) fn merge(definitions: Definitions, problems: &mut Vec<Problem>) -> Merged {
    let rules = merge_kind(definitions.rules, problems);
    let mut listed_rules = BTreeMap::new();
    let mut listed = definitions.listed_rules;
    listed.sort();
    for (name, origin) in listed {
        if !rules.contains_key(&name) {
            listed_rules.entry(name).or_insert(origin);
        }
    }
    let (feeding, others): (BTreeMap<_, _>, BTreeMap<_, _>) = rules.into_iter().partition(|(_, rule)| !rule.channels.is_empty());
    for rule in others.into_values() {
        let reason = format!("the rule {} feeds no channel; passed over", shown(&rule.name));
        problems.push(problem(rule.origin, Severity::Note, reason));
    }
    let observed = Observed {
        contents: newest_of_each(definitions.contents, |content| content.version.clone()),
        reprocessings: newest_of_each(definitions.reprocessings, |run| run.id.clone()),
        // The weightiest telling; of two such, the same one in whatever order they came.
        logging: definitions.logging.into_iter().next_back().map(|(_, logging)| logging),
    };
    Merged {
        channels: merge_kind(definitions.channels, problems),
        pipelines: merge_kind(definitions.pipelines, problems),
        datastores: merge_kind(definitions.datastores, problems),
        datasets: merge_kind(definitions.datasets, problems),
        rules: feeding,
        things: merge_kind(definitions.things, problems),
        handlers: merge_kind(definitions.handlers, problems),
        listed_rules,
        observed,
    }
}

/// Each thing of a list once, the newest first. Of two tellings of one thing the greater is kept: the one with an end, where there is one.
fn newest_of_each<T: Ord>(found: BTreeMap<String, Vec<T>>, identity: impl Fn(&T) -> String) -> BTreeMap<String, Vec<T>> {
    let by_identity = |list: Vec<T>| {
        let mut kept: BTreeMap<String, T> = BTreeMap::new();
        for one in list {
            match kept.entry(identity(&one)) {
                Entry::Occupied(mut entry) if *entry.get() < one => drop(entry.insert(one)),
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => drop(entry.insert(one)),
            }
        }
        let mut list: Vec<T> = kept.into_values().collect();
        list.sort_by(|a, b| b.cmp(a));
        list
    };
    found.into_iter().map(|(name, list)| (name, by_identity(list))).filter(|(_, list)| !list.is_empty()).collect()
}

/// A kind of definition that can be told several times.
trait Mergeable: Clone + Serialize {
    const KIND: &'static str;
    fn name(&self) -> &str;
    fn origin(&self) -> &Origin;
    /// Takes from `other` what this one does not state.
    fn fill_from(&mut self, other: &Self);
}

fn merge_kind<T: Mergeable>(found: Vec<Found<T>>, problems: &mut Vec<Problem>) -> BTreeMap<String, T> {
    let mut by_name: BTreeMap<String, Vec<(Found<T>, String)>> = BTreeMap::new();
    for one in found {
        // The text makes the order total, whatever the order of files.
        let text = serde_json::to_string(&one.definition).unwrap_or_default();
        by_name.entry(one.definition.name().to_owned()).or_default().push((one, text));
    }
    let mut merged = BTreeMap::new();
    for (name, mut tellings) in by_name {
        tellings.sort_by(|(a, a_text), (b, b_text)| {
            let key = |one: &Found<T>| (Reverse(one.standing), one.definition.origin().clone());
            key(a).cmp(&key(b)).then_with(|| a_text.cmp(b_text))
        });
        let mut tellings = tellings.into_iter().map(|(one, _)| one);
        let Some(first) = tellings.next() else {
            continue;
        };
        let mut whole = first.definition.clone();
        for other in tellings {
            if compare(&first, &whole, &other, problems) {
                whole.fill_from(&other.definition);
            }
        }
        merged.insert(name, whole);
    }
    merged
}

/// Reports where `other` states something else than `whole`, which began as `first`; false when the two are not one resource.
fn compare<T: Mergeable>(first: &Found<T>, whole: &T, other: &Found<T>, problems: &mut Vec<Problem>) -> bool {
    let (here, there) = (other.definition.origin().clone(), first.definition.origin());
    // Logical names are unique in one template only.
    if is_symbolic(first.definition.name()) && here.file != there.file {
        return compare_unnamed(first, other, problems);
    }
    // A list entry or a create call's answer only ever names.
    if other.standing < Standing::Intended {
        return true;
    }
    let (mut left, mut right) = (whole.clone(), other.definition.clone());
    left.fill_from(&other.definition);
    right.fill_from(whole);
    let differences = differences(&left, &right);
    if differences.is_empty() {
        return true;
    }
    let (kind, name, there, told) = (T::KIND, shown(first.definition.name()), place(there), differences.join("; "));
    if first.standing == other.standing {
        problems.push(problem(here, Severity::Error, format!("the {kind} {name} is told differently in {there}: {told}")));
    } else {
        let reason = format!("the {kind} {name} is described differently in {there}, which is used: {told}");
        problems.push(problem(here, Severity::Warning, reason));
    }
    true
}

/// Two resources of two templates that have the same logical name and no other.
fn compare_unnamed<T: Mergeable>(first: &Found<T>, other: &Found<T>, problems: &mut Vec<Problem>) -> bool {
    let differences = differences(&first.definition, &other.definition);
    let same = differences.is_empty();
    let (kind, name, there) = (T::KIND, shown(first.definition.name()), place(first.definition.origin()));
    let (severity, end) = if same {
        (Severity::Warning, "they are taken for the same".to_owned())
    } else {
        (Severity::Error, format!("this one is left out: {}", differences.join("; ")))
    };
    let reason =
        format!("the {kind} {name} has a name that only its stack knows, and so has one in {there}; {end}; capture describe output");
    problems.push(problem(other.definition.origin().clone(), severity, reason));
    same
}

fn place(origin: &Origin) -> String {
    if origin.path.is_empty() { origin.file.clone() } else { format!("{} ({})", origin.file, origin.path) }
}

/// What differs, as `retention: here "unlimited", there {"days":92}`; where it lies deep, the innermost field that differs.
fn differences<T: Serialize>(kept: &T, other: &T) -> Vec<String> {
    let (Ok(mut kept), Ok(mut other)) = (serde_json::to_value(kept), serde_json::to_value(other)) else {
        return Vec::new();
    };
    for side in [&mut kept, &mut other] {
        if let Value::Object(map) = side {
            map.shift_remove("origin");
        }
    }
    let mut found = Vec::new();
    collect_differences("", &kept, &other, &mut found);
    if let Some(rest) = found.len().checked_sub(DIFFERENCES_MAX).filter(|rest| *rest > 0) {
        found.truncate(DIFFERENCES_MAX);
        found.push(format!("and {rest} more"));
    }
    found
}

fn collect_differences(path: &str, there: &Value, here: &Value, found: &mut Vec<String>) {
    match (there, here) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let absent = &Value::Null;
                collect_differences(&join(path, key), left.get(key).unwrap_or(absent), right.get(key).unwrap_or(absent), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                collect_differences(&nth(path, index), left, right, found);
            }
        }
        _ if there == here => {}
        _ => found.push(format!("{path}: here {}, there {}", shown(&here.to_string()), shown(&there.to_string()))),
    }
}

fn problem(origin: Origin, severity: Severity, reason: String) -> Problem {
    Problem { file: origin.file, path: origin.path, line: None, severity, reason }
}

fn fill_map(mine: &mut BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    if mine.is_empty() {
        mine.clone_from(other);
    }
}

fn fill_retention(mine: &mut Retention, other: Retention) {
    if *mine == Retention::Unknown {
        *mine = other;
    }
}

fn fill_storage(mine: &mut Storage, other: &Storage) {
    if *mine == Storage::Unknown {
        mine.clone_from(other);
    }
}

/// Implements what every kind does alike.
macro_rules! mergeable {
    ($kind:ty, $word:literal, |$mine:ident, $other:ident| $fill:block) => {
        impl Mergeable for $kind {
            const KIND: &'static str = $word;
            fn name(&self) -> &str {
                &self.name
            }
            fn origin(&self) -> &Origin {
                &self.origin
            }
            fn fill_from(&mut self, $other: &Self) {
                let $mine = self;
                $fill
            }
        }
    };
}

mergeable!(Channel, "channel", |mine, other| {
    fill_storage(&mut mine.storage, &other.storage);
    fill_retention(&mut mine.retention, other.retention);
    fill_map(&mut mine.tags, &other.tags);
});

mergeable!(Pipeline, "pipeline", |mine, other| {
    if mine.activities.is_empty() {
        mine.activities.clone_from(&other.activities);
    }
    fill_map(&mut mine.tags, &other.tags);
});

mergeable!(Datastore, "datastore", |mine, other| {
    // A list entry knows neither format nor partitions.
    let only_named = mine.format == FileFormat::Unknown || matches!(&mine.format, FileFormat::Parquet { columns } if columns.is_empty());
    if only_named {
        mine.format.clone_from(&other.format);
    }
    if mine.storage == Storage::Unknown && mine.partitions.is_empty() {
        mine.partitions.clone_from(&other.partitions);
    }
    fill_storage(&mut mine.storage, &other.storage);
    fill_retention(&mut mine.retention, other.retention);
    fill_map(&mut mine.tags, &other.tags);
});

mergeable!(Dataset, "dataset", |mine, other| {
    if mine.action.is_none() {
        mine.action.clone_from(&other.action);
        mine.triggers.clone_from(&other.triggers);
        mine.deliveries.clone_from(&other.deliveries);
        mine.late_data_timeout_minutes = other.late_data_timeout_minutes;
    }
    if mine.versioning == Versioning::Default {
        mine.versioning = other.versioning;
    }
    fill_retention(&mut mine.retention, other.retention);
    fill_map(&mut mine.tags, &other.tags);
});

mergeable!(TopicRule, "rule", |mine, other| {
    if mine.description.is_empty() {
        mine.description.clone_from(&other.description);
    }
});

mergeable!(Handler, "function", |_mine, _other| {});

mergeable!(Thing, "thing", |mine, other| {
    if mine.registry.is_none() {
        mine.registry.clone_from(&other.registry);
    }
    if mine.shadow.is_none() {
        mine.shadow.clone_from(&other.shadow);
    }
});

#[cfg(test)]
mod tests;
