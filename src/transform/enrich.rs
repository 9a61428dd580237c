//! What enrich activities put into a message, made ready once.

use std::collections::BTreeMap;

use super::model::Enrichment;
use crate::path::ColumnPath;
use crate::value::{Object, Value};

/// What the registry activity writes of a DescribeThing answer, in the documented order (facts: the answer without
/// `billingGroupName`). Members that a thing does not have are left out.
pub(crate) const REGISTRY_MEMBERS: [&str; 7] =
    ["defaultClientId", "thingTypeName", "thingArn", "version", "thingName", "attributes", "thingId"];

/// The documents of an [`Enrichment`] as messages get them.
#[derive(Debug, Default)]
pub(super) struct Documents {
    registry: BTreeMap<String, Value>,
    shadows: BTreeMap<String, Value>,
}

impl Documents {
    pub(super) fn new(enrichment: Enrichment) -> Self {
        let registry = enrichment.registry.into_iter().map(|(name, answer)| (name, registry_object(answer))).collect();
        let shadows = enrichment.shadows.into_iter().map(|(name, document)| (name, Value::from(document))).collect();
        Self { registry, shadows }
    }

    /// The registry's object of the thing that the message names.
    pub(super) fn registry_of(&self, message: &Object, thing_name: &ColumnPath) -> Option<&Value> {
        self.registry.get(named(message, thing_name)?)
    }

    /// The classic shadow of the thing that the message names.
    pub(super) fn shadow_of(&self, message: &Object, thing_name: &ColumnPath) -> Option<&Value> {
        self.shadows.get(named(message, thing_name)?)
    }
}

/// A thing is named by a string; anything else names none.
fn named<'a>(message: &'a Object, thing_name: &ColumnPath) -> Option<&'a str> {
    match thing_name.find(message) {
        Some(Value::String(name)) => Some(name),
        _ => None,
    }
}

fn registry_object(answer: serde_json::Value) -> Value {
    match Value::from(answer) {
        Value::Object(mut answer) => Value::Object(
            REGISTRY_MEMBERS.into_iter().filter_map(|member| answer.shift_remove(member).map(|value| (member.to_owned(), value))).collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_object_has_the_documented_members_in_their_order() {
        let answer = serde_json::json!({
            "thingName": "pump-7", "thingId": "i", "thingArn": "a", "billingGroupName": "b", "version": 3,
            "attributes": {"floor": "2"}, "defaultClientId": "pump-7", "ResponseMetadata": {}
        });
        assert_eq!(
            registry_object(answer).to_json().to_string(),
            r#"{"defaultClientId":"pump-7","thingArn":"a","version":3,"thingName":"pump-7","attributes":{"floor":"2"},"thingId":"i"}"#
        );
    }
}
