//! Pipelines for the tests of this room and of those that build on it.

use super::json;
use crate::inventory::{Activity, ActivityKind, Origin, Pipeline};
pub(crate) use json::{parsed, text};

use crate::transform::{TransformSpec, TransformSwitches, Translation, translate};

/// A pipeline of these activities between a channel and a datastore.
pub(crate) fn pipeline(activities: &[(&str, ActivityKind)]) -> Pipeline {
    let activity = |(name, kind): &(&str, ActivityKind)| Activity { name: (*name).to_owned(), kind: kind.clone() };
    let mut all = vec![activity(&("In", ActivityKind::Channel { channel_name: "raw".to_owned() }))];
    all.extend(activities.iter().map(activity));
    all.push(activity(&("Out", ActivityKind::Datastore { datastore_name: "store".to_owned() })));
    let origin = Origin { file: "pipeline.json".to_owned(), path: String::new() };
    Pipeline { name: "line".to_owned(), origin, activities: all, tags: std::collections::BTreeMap::new() }
}

pub(crate) fn translated(activities: &[(&str, ActivityKind)]) -> Translation {
    translate(&pipeline(activities), &TransformSwitches::default(), None).unwrap()
}

pub(crate) fn spec(activities: &[(&str, ActivityKind)]) -> TransformSpec {
    translated(activities).spec
}

pub(crate) fn add(pairs: &[(&str, &str)]) -> ActivityKind {
    ActivityKind::AddAttributes { attributes: pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect() }
}

pub(crate) fn remove(paths: &[&str]) -> ActivityKind {
    ActivityKind::RemoveAttributes { attributes: paths.iter().map(|path| (*path).to_owned()).collect() }
}

pub(crate) fn select(paths: &[&str]) -> ActivityKind {
    ActivityKind::SelectAttributes { attributes: paths.iter().map(|path| (*path).to_owned()).collect() }
}

pub(crate) fn filter(text: &str) -> ActivityKind {
    ActivityKind::Filter { filter: text.to_owned() }
}

pub(crate) fn math(attribute: &str, text: &str) -> ActivityKind {
    ActivityKind::Math { attribute: attribute.to_owned(), math: text.to_owned() }
}

pub(crate) fn registry(attribute: &str, thing_name: &str) -> ActivityKind {
    let role_arn = "arn:aws:iam::123456789012:role/Enrich".to_owned();
    ActivityKind::DeviceRegistryEnrich { attribute: attribute.to_owned(), thing_name: thing_name.to_owned(), role_arn }
}

pub(crate) fn shadow(attribute: &str, thing_name: &str) -> ActivityKind {
    let role_arn = "arn:aws:iam::123456789012:role/Enrich".to_owned();
    ActivityKind::DeviceShadowEnrich { attribute: attribute.to_owned(), thing_name: thing_name.to_owned(), role_arn }
}

pub(crate) fn lambda(function: &str, batch_size: u32) -> ActivityKind {
    ActivityKind::Lambda { lambda_name: function.to_owned(), batch_size }
}
