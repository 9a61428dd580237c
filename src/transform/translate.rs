//! A pipeline's definition → its spec: paths and expressions resolved, each step graded.

use super::definition_path;
use super::finding::{TransformFinding, listed};
use super::findings::{self, KnownColumns};
use super::language;
use super::model::{
    Action, Copy, Fidelity, LambdaMayDrop, SPEC_VERSION, SelectedIndexName, SelectedNameClash, Step, TransformSpec, TransformSwitches,
};
use crate::expression::{Expression, Kind, ParseError, parse_filter, parse_math};
use crate::inventory::{Activity, ActivityKind, Pipeline, shown};
use crate::path::ColumnPath;

/// A pipeline as this program takes it, and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    pub spec: TransformSpec,
    /// In the order of the activities.
    pub findings: Vec<TransformFinding>,
}

/// Why a pipeline has no translation at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranslateError {
    #[error("of the pipeline {} only the name is known", shown(pipeline))]
    OnlyNamed { pipeline: String },
}

impl TranslateError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("capture its definition: a saved describe-pipeline answer, or the template that made it".to_owned())
    }
}

/// Translates a pipeline. An activity that cannot be translated is in the spec as [`Action::Unsupported`]. `known` tells what
/// attributes the history has, where that is known.
///
/// # Errors
/// When the inventory holds no activities of it.
pub fn translate(pipeline: &Pipeline, switches: &TransformSwitches, known: Option<&KnownColumns>) -> Result<Translation, TranslateError> {
    let (Some(channel), Some(datastore)) = (
        pipeline.activities.iter().find_map(|activity| match &activity.kind {
            ActivityKind::Channel { channel_name } => Some(channel_name),
            _ => None,
        }),
        pipeline.activities.iter().find_map(|activity| match &activity.kind {
            ActivityKind::Datastore { datastore_name } => Some(datastore_name),
            _ => None,
        }),
    ) else {
        return Err(TranslateError::OnlyNamed { pipeline: pipeline.name.clone() });
    };
    let spec = TransformSpec {
        version: SPEC_VERSION,
        pipeline: pipeline.name.clone(),
        channel: channel.clone(),
        datastore: datastore.clone(),
        switches: switches.clone(),
        steps: pipeline.activities.iter().filter_map(|activity| step(activity, switches)).collect(),
    };
    let findings = findings::of(&spec, known);
    Ok(Translation { spec, findings })
}

/// The step of an activity; channel and datastore are the ends, no steps.
fn step(activity: &Activity, switches: &TransformSwitches) -> Option<Step> {
    let (action, fidelity) = match &activity.kind {
        ActivityKind::Channel { .. } | ActivityKind::Datastore { .. } => return None,
        ActivityKind::AddAttributes { attributes } => {
            let pairs = attributes.iter().map(|(from, to)| (from.as_str(), to.clone()));
            copies(pairs).map_or_else(|refused| refused.step(), add)
        }
        ActivityKind::RemoveAttributes { attributes } => {
            attributes.iter().map(|text| path(text)).collect::<Result<_, _>>().map_or_else(|refused: Refused| refused.step(), remove)
        }
        ActivityKind::SelectAttributes { attributes } => {
            selections(attributes, switches).map_or_else(|refused| refused.step(), |selections| select(selections, switches))
        }
        ActivityKind::Filter { filter } => match parse_filter(filter) {
            Ok(expression) => filtered(filter, expression, switches),
            Err(error) => Refused::expression(filter, &error).step(),
        },
        ActivityKind::Math { attribute, math } => match parse_math(math) {
            Ok(expression) => computed(attribute, math, expression, switches),
            Err(error) => Refused::expression(&format!("{attribute} = {math}"), &error).step(),
        },
        ActivityKind::DeviceRegistryEnrich { attribute, thing_name, .. } => path(thing_name).map_or_else(
            |refused| refused.step(),
            |thing_name| (Action::DeviceRegistryEnrich { attribute: attribute.clone(), thing_name }, enriched("the registry")),
        ),
        ActivityKind::DeviceShadowEnrich { attribute, thing_name, .. } => path(thing_name).map_or_else(
            |refused| refused.step(),
            |thing_name| (Action::DeviceShadowEnrich { attribute: attribute.clone(), thing_name }, enriched("the shadow")),
        ),
        ActivityKind::Lambda { lambda_name, batch_size } => lambda(lambda_name, *batch_size, switches),
    };
    Some(Step { activity: activity.name.clone(), fidelity, action })
}

/// What cannot be translated, and what a person can do.
struct Refused {
    text: String,
    reason: String,
    to_do: String,
}

impl Refused {
    fn expression(text: &str, error: &ParseError) -> Self {
        Self { text: text.to_owned(), reason: error.to_string(), to_do: error.hint() }
    }

    fn step(self) -> (Action, Fidelity) {
        (Action::Unsupported { text: self.text, reason: self.reason }, Fidelity::Manual { to_do: vec![self.to_do] })
    }
}

fn path(text: &str) -> Result<ColumnPath, Refused> {
    definition_path::read(text).map_err(|reason| Refused {
        text: text.to_owned(),
        reason: format!("{} is no path: {reason}", shown(text)),
        to_do: "write names parted by dots, with an index in brackets behind an array: `device.coord[0]`".to_owned(),
    })
}

fn copies<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> Result<Vec<Copy>, Refused> {
    pairs.map(|(from, to)| Ok(Copy { from: path(from)?, to })).collect()
}

fn selections(attributes: &[String], switches: &TransformSwitches) -> Result<Vec<Copy>, Refused> {
    let selection = |text: &String| {
        let from = path(text)?;
        let to = match switches.selected_index_name {
            SelectedIndexName::ArrayName => definition_path::last_name(&from).to_owned(),
            SelectedIndexName::WithIndex => definition_path::last_part(&from),
        };
        Ok(Copy { from, to })
    };
    attributes.iter().map(selection).collect()
}

fn graded(differences: Vec<String>) -> Fidelity {
    if differences.is_empty() { Fidelity::Exact } else { Fidelity::Equivalent { differences } }
}

fn add(copies: Vec<Copy>) -> (Action, Fidelity) {
    let mut differences = Vec::new();
    let twice = twice_named(&copies);
    if !twice.is_empty() {
        differences.push(format!("several values are copied to {}: the last in the order of their paths wins", listed(twice)));
    }
    let deep: Vec<&str> = copies.iter().map(|copy| copy.to.as_str()).filter(|to| to.contains(['.', '['])).collect();
    if !deep.is_empty() {
        differences.push(format!("{} is taken as one name at the root, not as a path", listed(deep)));
    }
    let read_and_written = |copy: &&Copy| copies.iter().any(|other| findings::root(&other.from) == copy.to && other.from != copy.from);
    let both: Vec<&str> = copies.iter().filter(read_and_written).map(|copy| copy.to.as_str()).collect();
    if !both.is_empty() {
        differences.push(format!("{} is both read and written: all values are read before the first is written", listed(both)));
    }
    (Action::AddAttributes { copies }, graded(differences))
}

fn remove(paths: Vec<ColumnPath>) -> (Action, Fidelity) {
    let mut differences = Vec::new();
    if paths.iter().any(|path| path.segments().len() > 1) {
        differences.push(
            "removing below the root is not documented: the value is taken out, what stood around it stays, even when it is empty then"
                .to_owned(),
        );
    }
    if paths.iter().any(definition_path::ends_in_index) {
        differences.push("when an element is removed, the later ones move up; indexes count in the message as it came".to_owned());
    }
    (Action::RemoveAttributes { paths }, graded(differences))
}

fn select(selections: Vec<Copy>, switches: &TransformSwitches) -> (Action, Fidelity) {
    let mut differences = Vec::new();
    let twice = twice_named(&selections);
    if !twice.is_empty() {
        let wins = match switches.selected_name_clash {
            SelectedNameClash::LastWins => "last",
            SelectedNameClash::FirstWins => "first",
        };
        differences.push(format!("several selected values are called {}: the {wins} that a message has wins", listed(twice)));
    }
    for selection in selections.iter().filter(|selection| definition_path::ends_in_index(&selection.from)) {
        differences.push(format!("the element {} is called {}", shown(&selection.from.to_string()), shown(&selection.to)));
    }
    (Action::SelectAttributes { selections }, graded(differences))
}

/// The names that more than one copy writes.
pub(super) fn twice_named(copies: &[Copy]) -> Vec<&str> {
    let mut names: Vec<&str> = copies.iter().map(|copy| copy.to.as_str()).collect();
    names.sort_unstable();
    let mut twice: Vec<&str> =
        names.windows(2).filter_map(|pair| (pair.first() == pair.last()).then(|| pair.first().copied()).flatten()).collect();
    twice.dedup();
    twice
}

fn filtered(text: &str, expression: Expression, switches: &TransformSwitches) -> (Action, Fidelity) {
    let differences = language::left_open(&expression, Kind::Filter, &switches.expressions);
    (Action::Filter { text: text.to_owned(), expression }, graded(differences))
}

fn computed(attribute: &str, text: &str, expression: Expression, switches: &TransformSwitches) -> (Action, Fidelity) {
    let mut differences = language::left_open(&expression, Kind::Math, &switches.expressions);
    if attribute.contains(['.', '[']) {
        differences.push(format!("{} is taken as one name at the root, not as a path", shown(attribute)));
    }
    (Action::Math { attribute: attribute.to_owned(), text: text.to_owned(), expression }, graded(differences))
}

fn enriched(source: &str) -> Fidelity {
    graded(vec![
        format!(
            "history gets what {source} said when the definitions were captured; the service used what it said when a message was processed"
        ),
        "a thing that is not found leaves the attribute as it was".to_owned(),
    ])
}

fn lambda(function: &str, batch_size: u32, switches: &TransformSwitches) -> (Action, Fidelity) {
    let missing = match switches.lambda_may_drop {
        LambdaMayDrop::Yes => "messages that the function leaves out count as dropped, at the end of their batch",
        LambdaMayDrop::No => "a function that leaves messages out stops the work",
    };
    let differences = vec![
        "the function is the customer's own and is called as it is; this program has not seen its code".to_owned(),
        "which messages share a batch differs from what it was".to_owned(),
        missing.to_owned(),
    ];
    (Action::Lambda { function: function.to_owned(), batch_size }, graded(differences))
}

#[cfg(test)]
mod tests;
