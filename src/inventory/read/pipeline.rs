//! Pipelines: their activities, in whichever number of list elements they stand, put in order by `next`.

use std::collections::BTreeMap;

use super::super::chain::{self, Step};
use super::super::fields::{Place, Reader, is_symbolic, uncapitalised};
use super::super::model::{Activity, ActivityKind, Pipeline};
use super::super::problem::shown;

/// The fields of every activity type besides `name` and `next`, in the API's spelling (facts: activity table).
const ACTIVITY_FIELDS: [(&str, &[&str]); 10] = [
    ("channel", &["channelName"]),
    ("lambda", &["lambdaName", "batchSize"]),
    ("datastore", &["datastoreName"]),
    ("addAttributes", &["attributes"]),
    ("removeAttributes", &["attributes"]),
    ("selectAttributes", &["attributes"]),
    ("filter", &["filter"]),
    ("math", &["attribute", "math"]),
    ("deviceRegistryEnrich", &["attribute", "thingName", "roleArn"]),
    ("deviceShadowEnrich", &["attribute", "thingName", "roleArn"]),
];

/// Elements of the list beyond this are not even looked at; 25 activities are the service's limit.
const ELEMENTS_MAX: usize = 250;

/// Whether `key` names an activity type in the API's spelling.
pub(crate) fn is_activity(key: &str) -> bool {
    ACTIVITY_FIELDS.iter().any(|(kind, _)| *kind == key)
}

/// Reads a pipeline whose activities stand at `list`.
pub(crate) fn pipeline(reader: &mut Reader<'_>, at: &Place<'_>, list: Option<&Place<'_>>, name: String) -> Option<Pipeline> {
    let errors = reader.findings.errors();
    let tags = reader.tags(at);
    let list = list?;
    let elements = reader.list(list)?;
    let mut steps = Vec::new();
    // A step that could not be read breaks the chain around it; complaining about that too would only hide the mistake.
    let mut whole = true;
    for element in elements.iter().take(ELEMENTS_MAX) {
        for step in element_steps(reader, element) {
            whole &= step.activity.is_some();
            steps.push(step);
        }
    }
    let count = steps.len().max(elements.len());
    if count > chain::ACTIVITIES_MAX {
        let reason = format!("has {count} activities; a pipeline has at most {}", chain::ACTIVITIES_MAX);
        reader.findings.error(&list.path, list.line(), reason);
    }
    let activities = chain::in_order(steps, list, reader.findings);
    let sound = whole && reader.findings.errors() == errors;
    sound.then(|| Pipeline { name, origin: reader.findings.origin(&at.path), activities, tags })
}

/// The activities of one list element: one in the API's form, up to ten in CloudFormation's.
fn element_steps(reader: &mut Reader<'_>, element: &Place<'_>) -> Vec<Step> {
    if !reader.is_object(element) {
        return Vec::new();
    }
    let entries = element.entries();
    if entries.is_empty() {
        reader.findings.error(&element.path, element.line(), "holds no activity");
    }
    entries.into_iter().filter_map(|(key, place)| step(reader, key, &place)).collect()
}

fn step(reader: &mut Reader<'_>, key: &str, place: &Place<'_>) -> Option<Step> {
    let known = ACTIVITY_FIELDS.iter().find(|(kind, _)| reader.spelt(kind) == key);
    let Some((kind, fields)) = known else {
        let other_spelling = ACTIVITY_FIELDS.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(key));
        let meant = other_spelling.map(|(kind, _)| format!("; write {}", shown(&reader.spelt(kind)))).unwrap_or_default();
        reader.findings.error(&place.path, place.line(), format!("{} is no activity type{meant}", shown(key)));
        return None;
    };
    if !reader.is_object(place) {
        return None;
    }
    warn_of_unknown_fields(reader, place, fields);
    let name_place = reader.required(place, "name");
    let name = name_place.as_ref().and_then(|name| reader.text(name));
    if let (Some(name), Some(at)) = (&name, &name_place) {
        reader.check_length(name, 128, at);
    }
    let kind = activity_kind(reader, kind, place);
    // A skeleton may hold an empty text for the end of the chain.
    let next = reader.field(place, "next").filter(|next| next.node.as_text() != Some(""));
    let next_text = next.as_ref().and_then(|next| reader.text(next));
    Some(Step {
        path: place.path.clone(),
        line: place.line(),
        next: next_text,
        next_line: next.as_ref().map_or_else(|| place.line(), Place::line),
        next_path: next.map_or_else(|| place.path.clone(), |next| next.path),
        role: chain::Role::of(&uncapitalised(key)),
        name: name.clone(),
        activity: name.zip(kind).map(|(name, kind)| Activity { name, kind }),
    })
}

fn warn_of_unknown_fields(reader: &mut Reader<'_>, place: &Place<'_>, fields: &[&str]) {
    let known: Vec<String> = fields.iter().chain(&["name", "next"]).map(|field| reader.spelt(field)).collect();
    for (key, field) in place.entries() {
        if known.iter().any(|k| k == key) {
            continue;
        }
        let meant = known.iter().find(|k| k.eq_ignore_ascii_case(key)).map(|k| format!("; {} is meant?", shown(k))).unwrap_or_default();
        reader.findings.warn(&field.path, field.line(), format!("{} is no field of this activity and is passed over{meant}", shown(key)));
    }
}

fn activity_kind(reader: &mut Reader<'_>, kind: &str, at: &Place<'_>) -> Option<ActivityKind> {
    match kind {
        "channel" => Some(ActivityKind::Channel { channel_name: reader.required_text(at, "channelName")? }),
        "datastore" => Some(ActivityKind::Datastore { datastore_name: reader.required_text(at, "datastoreName")? }),
        "lambda" => lambda(reader, at),
        "addAttributes" => Some(ActivityKind::AddAttributes { attributes: attribute_map(reader, at)? }),
        "removeAttributes" => Some(ActivityKind::RemoveAttributes { attributes: attribute_list(reader, at)? }),
        "selectAttributes" => Some(ActivityKind::SelectAttributes { attributes: attribute_list(reader, at)? }),
        "filter" => Some(ActivityKind::Filter { filter: expression(reader, at, "filter")? }),
        "math" => {
            let attribute = reader.required_text(at, "attribute");
            let math = expression(reader, at, "math");
            Some(ActivityKind::Math { attribute: attribute?, math: math? })
        }
        "deviceRegistryEnrich" => {
            let (attribute, thing_name, role_arn) = enrich(reader, at)?;
            Some(ActivityKind::DeviceRegistryEnrich { attribute, thing_name, role_arn })
        }
        "deviceShadowEnrich" => {
            let (attribute, thing_name, role_arn) = enrich(reader, at)?;
            Some(ActivityKind::DeviceShadowEnrich { attribute, thing_name, role_arn })
        }
        _ => None,
    }
}

fn lambda(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<ActivityKind> {
    let name_place = reader.required(at, "lambdaName");
    let lambda_name = name_place.as_ref().and_then(|name| reader.text(name));
    if let (Some(name), Some(place)) = (&lambda_name, &name_place) {
        let legal = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !legal && !is_symbolic(name) {
            let reason = format!("{} is no function name (letters, digits, `-` and `_`, at most 64; no ARN, no version)", shown(name));
            reader.findings.warn(&place.path, place.line(), reason);
        }
    }
    let batch_size = reader.required(at, "batchSize").and_then(|size| reader.integer(&size, 1..=1000));
    Some(ActivityKind::Lambda { lambda_name: lambda_name?, batch_size: u32::try_from(batch_size?).ok()? })
}

fn enrich(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<(String, String, String)> {
    let attribute = reader.required_text(at, "attribute");
    let thing_name = reader.required_text(at, "thingName");
    let role_arn = reader.required_text(at, "roleArn");
    Some((attribute?, thing_name?, role_arn?))
}

fn expression(reader: &mut Reader<'_>, at: &Place<'_>, key: &str) -> Option<String> {
    let place = reader.required(at, key)?;
    let text = reader.text(&place)?;
    reader.check_length(&text, 256, &place);
    Some(text)
}

fn attribute_list(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<Vec<String>> {
    let place = reader.required(at, "attributes")?;
    let names = reader.texts(&place)?;
    check_count(reader, &place, place.items().len());
    Some(names)
}

fn attribute_map(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<BTreeMap<String, String>> {
    let place = reader.required(at, "attributes")?;
    if !reader.is_object(&place) {
        return None;
    }
    let entries = place.entries();
    check_count(reader, &place, entries.len());
    Some(entries.into_iter().filter_map(|(from, to)| Some((from.to_owned(), reader.text(&to)?))).collect())
}

fn check_count(reader: &mut Reader<'_>, place: &Place<'_>, count: usize) {
    if !(1..=50).contains(&count) {
        reader.findings.error(&place.path, place.line(), format!("names {count} attributes; an activity takes 1 to 50"));
    }
}
