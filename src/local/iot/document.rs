//! The document of a shadow: what is desired and what was reported, and when each value was set.

use serde_json::{Map, Value, json};

/// Levels of nesting that `desired` and `reported` may have.
pub(super) const LEVELS_MAX: usize = 6;
/// The two parts that clients set. `delta` follows from them.
const SECTIONS: [&str; 2] = ["desired", "reported"];

/// State and metadata, each with a part for every section that there is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Document {
    state: Map<String, Value>,
    metadata: Map<String, Value>,
}

/// What a change answers: the parts that were sent, and their metadata.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accepted {
    pub(super) state: Value,
    pub(super) metadata: Value,
}

impl Document {
    pub(super) fn from_json(value: &Value) -> Self {
        let part = |name: &str| value.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        Self { state: part("state"), metadata: part("metadata") }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "state": self.state, "metadata": self.metadata })
    }

    /// What clients are given: with the delta, where desired and reported differ.
    pub(super) fn shown(&self) -> (Value, Value) {
        let (mut state, metadata) = (self.state.clone(), self.metadata.clone());
        if let (Some(desired), Some(reported)) = (self.state.get("desired"), self.state.get("reported"))
            && let Some(delta) = delta(desired, reported)
        {
            state.insert("delta".to_owned(), delta);
        }
        (Value::Object(state), Value::Object(metadata))
    }

    /// Merges `sent` (with `desired`, `reported` or both) in: null takes away, objects are merged, all else is replaced.
    pub(super) fn change(&mut self, sent: &Map<String, Value>, seconds: i64) -> Accepted {
        let mut metadata = Map::new();
        for section in SECTIONS {
            let Some(value) = sent.get(section) else { continue };
            if value.is_null() {
                self.state.remove(section);
                self.metadata.remove(section);
                continue;
            }
            merge(self.state.entry(section).or_insert_with(|| json!({})), value);
            merge_stamps(self.metadata.entry(section).or_insert_with(|| json!({})), value, seconds);
            metadata.insert(section.to_owned(), stamps(value, seconds));
        }
        Accepted { state: Value::Object(sent.clone()), metadata: Value::Object(metadata) }
    }

    /// Checks the state of a request; the words are those of the service.
    pub(super) fn problem(sent: &Value) -> Option<&'static str> {
        let Value::Object(sections) = sent else { return Some("State node must be an object") };
        for (name, value) in sections {
            match (name.as_str(), value) {
                ("desired" | "reported", Value::Null) => {}
                ("desired" | "reported", Value::Object(_)) if levels(value) <= LEVELS_MAX => {}
                ("desired" | "reported", Value::Object(_)) => return Some("JSON contains too many levels of nesting; maximum is 6"),
                ("desired", _) => return Some("Desired node must be an object"),
                ("reported", _) => return Some("Reported node must be an object"),
                _ => return Some("State contains an invalid node"),
            }
        }
        None
    }
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

fn merge(there: &mut Value, sent: &Value) {
    let Value::Object(sent) = sent else {
        *there = sent.clone();
        return;
    };
    if !there.is_object() {
        *there = json!({});
    }
    let Value::Object(members) = there else { return };
    for (name, value) in sent {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn merge_stamps(there: &mut Value, sent: &Value, seconds: i64) {
    let Value::Object(sent) = sent else {
        *there = stamps(sent, seconds);
        return;
    };
    if !there.is_object() || there.get("timestamp").is_some_and(Value::is_number) {
        *there = json!({});
    }
    let Value::Object(members) = there else { return };
    for (name, value) in sent {
        if value.is_null() {
            members.remove(name);
        } else {
            merge_stamps(members.entry(name.clone()).or_insert(Value::Null), value, seconds);
        }
    }
}

/// The metadata of a value: a timestamp in the place of everything that is neither an object nor a list.
fn stamps(value: &Value, seconds: i64) -> Value {
    match value {
        Value::Object(members) => {
            let stamped = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(stamped.map(|(name, value)| (name.clone(), stamps(value, seconds))).collect())
        }
        Value::Array(items) => items.iter().map(|item| stamps(item, seconds)).collect(),
        _ => json!({ "timestamp": seconds }),
    }
}

/// What is desired and was not reported so. Lists differ as a whole.
fn delta(desired: &Value, reported: &Value) -> Option<Value> {
    match (desired, reported) {
        (Value::Object(desired), Value::Object(reported)) => {
            let mut members = Map::new();
            for (name, value) in desired {
                let differs = match reported.get(name) {
                    None => Some(value.clone()),
                    Some(there) => delta(value, there),
                };
                members.extend(differs.map(|value| (name.clone(), value)));
            }
            (!members.is_empty()).then_some(Value::Object(members))
        }
        (desired, reported) => (desired != reported).then(|| desired.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn changes_merge_nulls_take_away_and_stamps_follow() {
        let mut document = Document::default();
        document.change(&sent(json!({ "reported": { "a": 1, "b": { "c": [1, { "d": 2 }] } } })), 10);
        let accepted = document.change(&sent(json!({ "reported": { "a": null, "b": { "e": "x" } }, "desired": { "f": true } })), 20);
        assert_eq!(
            accepted.metadata,
            json!({ "reported": { "b": { "e": { "timestamp": 20 } } }, "desired": { "f": { "timestamp": 20 } } })
        );
        let (state, metadata) = document.shown();
        assert_eq!(
            state,
            json!({ "reported": { "b": { "c": [1, { "d": 2 }], "e": "x" } }, "desired": { "f": true }, "delta": { "f": true } })
        );
        let c = json!([{ "timestamp": 10 }, { "d": { "timestamp": 10 } }]);
        assert_eq!(metadata["reported"], json!({ "b": { "c": c, "e": { "timestamp": 20 } } }));
        document.change(&sent(json!({ "desired": null })), 30);
        assert_eq!(document.shown().0, json!({ "reported": { "b": { "c": [1, { "d": 2 }], "e": "x" } } }));
    }

    #[test]
    fn a_value_named_timestamp_is_a_value() {
        let mut document = Document::default();
        document.change(&sent(json!({ "reported": { "timestamp": 5, "n": 1 } })), 10);
        document.change(&sent(json!({ "reported": { "n": 2 } })), 20);
        let expected = json!({ "timestamp": { "timestamp": 10 }, "n": { "timestamp": 20 } });
        assert_eq!(document.shown().1["reported"], expected);
    }

    #[test]
    fn the_delta_is_what_is_desired_otherwise() {
        assert_eq!(
            delta(&json!({ "a": { "x": 1, "y": 2 }, "l": [1] }), &json!({ "a": { "x": 1, "y": 3 }, "l": [1], "r": 0 })),
            Some(json!({ "a": { "y": 2 } }))
        );
        assert_eq!(delta(&json!({ "a": 1 }), &json!({ "a": 1 })), None);
    }

    #[test]
    fn states_of_the_wrong_form_are_refused_in_the_words_of_the_service() {
        let deep = json!({ "reported": { "1": { "2": { "3": { "4": { "5": { "6": { "7": 0 } } } } } } } });
        for (state, problem) in [
            (json!(1), "State node must be an object"),
            (json!({ "desired": 1 }), "Desired node must be an object"),
            (json!({ "reported": [] }), "Reported node must be an object"),
            (json!({ "other": {} }), "State contains an invalid node"),
            (deep, "JSON contains too many levels of nesting; maximum is 6"),
        ] {
            assert_eq!(Document::problem(&state), Some(problem), "{state}");
        }
        assert_eq!(Document::problem(&json!({ "desired": null, "reported": {} })), None);
    }
}
