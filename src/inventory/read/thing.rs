//! Things of the registry and their shadows, which enrich activities read.

use super::super::fields::{Place, Reader};
use super::super::model::Thing;

/// A thing as DescribeThing answers.
pub(crate) fn described(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<Thing> {
    let name = reader.required_text(at, "thingName")?;
    Some(Thing { name, origin: reader.findings.origin(&at.path), registry: Some(at.node.to_json()), shadow: None })
}

/// A thing of a template, in the shape of a DescribeThing answer as far as a template knows one.
pub(crate) fn templated(reader: &mut Reader<'_>, at: &Place<'_>, name: String) -> Option<Thing> {
    let mut registry = serde_json::Map::new();
    registry.insert("thingName".to_owned(), name.clone().into());
    let payload = reader.field(at, "attributePayload").filter(|place| !place.is_symbol());
    let attributes = payload.and_then(|payload| reader.field(&payload, "attributes")).filter(|place| !place.is_symbol());
    let attributes = attributes.map_or_else(|| serde_json::Map::new().into(), |place| place.node.to_json());
    registry.insert("attributes".to_owned(), attributes);
    let unknown = "a template does not hold its thing type, version, thing id and ARN; capture describe-thing for them";
    reader.findings.blind(format!("thing {name}"), unknown);
    Some(Thing { name, origin: reader.findings.origin(&at.path), registry: Some(registry.into()), shadow: None })
}

/// A thing that is only named.
pub(crate) fn named(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<Thing> {
    let name = reader.required_text(at, "thingName")?;
    Some(Thing { name, origin: reader.findings.origin(&at.path), registry: None, shadow: None })
}

/// A classic shadow document; its thing is named by the file where the document does not say it.
pub(crate) fn shadow(reader: &mut Reader<'_>, at: &Place<'_>, file_stem: &str) -> Option<Thing> {
    let name = match at.child("thingName") {
        Some(place) => reader.text(&place)?,
        None => thing_of_file(file_stem),
    };
    Some(shadow_of(reader, at, name))
}

/// The classic shadow document of a thing that something else names.
pub(crate) fn shadow_of(reader: &Reader<'_>, at: &Place<'_>, name: String) -> Thing {
    Thing { name, origin: reader.findings.origin(&at.path), registry: None, shadow: Some(at.node.to_json()) }
}

/// `pump-7.shadow`, `pump-7_shadow`, `shadow-pump-7` and `pump-7` all name the thing `pump-7`.
fn thing_of_file(stem: &str) -> String {
    let separators = ['.', '-', '_'];
    let ended = stem.strip_suffix("shadow").and_then(|rest| rest.strip_suffix(separators));
    let begun = stem.strip_prefix("shadow").and_then(|rest| rest.strip_prefix(separators));
    ended.or(begun).filter(|name| !name.is_empty()).unwrap_or(stem).to_owned()
}
