//! What the API model allows in a request, as data, and the check of a request against it.
//!
//! Source of the rules: the service's API model (iotanalytics 2017-11-27). How it words a violation is not known; the words are those of
//! the front end that answers for its sibling services (docs/fidelity.md).

use std::fmt::Display;

use serde_json::Value;

use super::refusal::{Kind, Refusal};

/// Violations that a message spells out; the count in front is of all.
const SPELLED_OUT_MAX: usize = 10;
/// Characters of an offending value that a message repeats.
const VALUE_CHARS_MAX: usize = 256;

/// One shape of the model.
#[derive(Debug)]
pub(super) enum Shape {
    Text(Text),
    OneOf(&'static [&'static str]),
    Whole {
        min: i64,
        max: i64,
    },
    Number,
    Flag,
    /// Bytes, in Base64.
    Blob,
    /// Seconds since 1970, as a number.
    Time,
    List {
        of: &'static Self,
        min: usize,
        max: usize,
    },
    /// Texts by text.
    Map {
        key: Text,
        value: Text,
    },
    Record(&'static [Member]),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) pattern: Option<Pattern>,
}

impl Text {
    pub(super) const fn of(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None }
    }

    pub(super) const fn like(min: usize, max: usize, pattern: Pattern) -> Self {
        Self { min, max, pattern: Some(pattern) }
    }
}

/// A regular expression of the model, and the same as a rule on characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) holds: fn(&str) -> bool,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) shape: &'static Shape,
}

/// Checks `value` against `shape`.
///
/// # Errors
/// A member of another JSON type than the model's (alone, as the front end cannot read on), or all violations.
pub(super) fn check(shape: &Shape, value: &Value) -> Result<(), Refusal> {
    let mut violations = Violations::default();
    walk(shape, value, "", &mut violations)?;
    violations.into_result()
}

fn walk(shape: &Shape, value: &Value, path: &str, violations: &mut Violations) -> Result<(), Refusal> {
    match (shape, value) {
        (Shape::Text(rule), Value::String(text)) => violations.text(path, text, rule),
        (Shape::OneOf(words), Value::String(text)) => {
            if !words.contains(&text.as_str()) {
                violations.add(path, text, format_args!("Member must satisfy enum value set: [{}]", words.join(", ")));
            }
        }
        (Shape::Whole { min, max }, Value::Number(number)) => {
            let Some(whole) = number.as_i64() else { return Err(other_type(path, "a whole number")) };
            if whole < *min {
                violations.add(path, &number.to_string(), format_args!("Member must have value greater than or equal to {min}"));
            } else if whole > *max {
                violations.add(path, &number.to_string(), format_args!("Member must have value less than or equal to {max}"));
            }
        }
        (Shape::Number | Shape::Time, Value::Number(_)) | (Shape::Flag, Value::Bool(_)) => {}
        (Shape::Blob, Value::String(text)) => {
            if super::blob::decode(text).is_none() {
                return Err(other_type(path, "Base64"));
            }
        }
        (Shape::List { of, min, max }, Value::Array(items)) => {
            violations.count_of(path, items.len(), *min, *max);
            for (at, item) in (1..).zip(items) {
                walk(of, item, &format!("{path}.{at}.member"), violations)?;
            }
        }
        (Shape::Map { key, value: rule }, Value::Object(entries)) => {
            for (name, entry) in entries {
                violations.text(&format!("{path}.key"), name, key);
                let Value::String(text) = entry else { return Err(other_type(path, "a map of texts")) };
                violations.text(&format!("{path}.{name}.member"), text, rule);
            }
        }
        (Shape::Record(members), Value::Object(given)) => {
            for member in *members {
                let inner = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                match given.get(member.name).filter(|value| !value.is_null()) {
                    Some(value) => walk(member.shape, value, &inner, violations)?,
                    None if member.required => violations.missing(&inner),
                    None => {}
                }
            }
        }
        (shape, _) => return Err(other_type(path, shape.word())),
    }
    Ok(())
}

impl Shape {
    fn word(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::OneOf(_) => "a text",
            Self::Whole { .. } => "a whole number",
            Self::Number | Self::Time => "a number",
            Self::Flag => "true or false",
            Self::Blob => "Base64",
            Self::List { .. } => "a list",
            Self::Map { .. } => "a map of texts",
            Self::Record(_) => "an object",
        }
    }
}

fn other_type(path: &str, wanted: &str) -> Refusal {
    let place = if path.is_empty() { "the request" } else { path };
    Refusal::new(Kind::Serialization, format!("{place} must be {wanted}"))
}

#[derive(Debug, Default)]
struct Violations {
    count: usize,
    spelled_out: Vec<String>,
}

impl Violations {
    fn push(&mut self, value: &str, path: &str, rule: impl Display) {
        self.count += 1;
        if self.spelled_out.len() < SPELLED_OUT_MAX {
            self.spelled_out.push(format!("Value {value} at '{path}' failed to satisfy constraint: {rule}"));
        }
    }

    fn add(&mut self, path: &str, value: &str, rule: impl Display) {
        let abridged: String = value.chars().take(VALUE_CHARS_MAX).collect();
        self.push(&format!("'{abridged}'"), path, rule);
    }

    fn missing(&mut self, path: &str) {
        self.push("null", path, "Member must not be null");
    }

    fn text(&mut self, path: &str, text: &str, rule: &Text) {
        let length = text.chars().count();
        if length < rule.min {
            self.add(path, text, format_args!("Member must have length greater than or equal to {}", rule.min));
        } else if length > rule.max {
            self.add(path, text, format_args!("Member must have length less than or equal to {}", rule.max));
        }
        if let Some(pattern) = &rule.pattern
            && !(pattern.holds)(text)
        {
            self.add(path, text, format_args!("Member must satisfy regular expression pattern: {}", pattern.text));
        }
    }

    fn count_of(&mut self, path: &str, count: usize, min: usize, max: usize) {
        if count < min {
            self.push("'[]'", path, format_args!("Member must have length greater than or equal to {min}"));
        } else if count > max {
            self.push(&format!("'[{count} items]'"), path, format_args!("Member must have length less than or equal to {max}"));
        }
    }

    fn into_result(self) -> Result<(), Refusal> {
        if self.count == 0 {
            return Ok(());
        }
        let noun = if self.count == 1 { "error" } else { "errors" };
        let message = format!("{} validation {noun} detected: {}", self.count, self.spelled_out.join("; "));
        Err(Refusal::new(Kind::InvalidRequest, message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHORT: Shape =
        Shape::Text(Text::like(1, 4, Pattern { text: "^[a-z]*$", holds: |text| text.bytes().all(|b| b.is_ascii_lowercase()) }));
    const INNER: Shape = Shape::Record(&[
        Member { name: "a", required: true, shape: &SHORT },
        Member { name: "n", required: false, shape: &Shape::Whole { min: 1, max: 9 } },
    ]);
    const OUTER: Shape = Shape::Record(&[Member { name: "list", required: true, shape: &Shape::List { of: &INNER, min: 1, max: 2 } }]);

    #[test]
    fn every_violation_is_named_with_its_place() {
        assert_eq!(check(&OUTER, &json!({"list": [{"a": "ok", "n": 9}]})), Ok(()));
        let refusal = check(&OUTER, &json!({"list": [{"n": 0}, {"a": "ABCDE"}, {"a": "x"}]})).unwrap_err();
        assert_eq!(
            refusal.message,
            "5 validation errors detected: Value '[3 items]' at 'list' failed to satisfy constraint: Member must have length less than or equal to 2; \
             Value null at 'list.1.member.a' failed to satisfy constraint: Member must not be null; \
             Value '0' at 'list.1.member.n' failed to satisfy constraint: Member must have value greater than or equal to 1; \
             Value 'ABCDE' at 'list.2.member.a' failed to satisfy constraint: Member must have length less than or equal to 4; \
             Value 'ABCDE' at 'list.2.member.a' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z]*$"
        );
    }

    #[test]
    fn another_type_is_no_violation_but_cannot_be_read() {
        let refusal = check(&OUTER, &json!({"list": {"a": 1}})).unwrap_err();
        assert_eq!((refusal.kind, refusal.message.as_str()), (Kind::Serialization, "list must be a list"));
        assert_eq!(check(&OUTER, &json!([])).unwrap_err().message, "the request must be an object");
    }

    #[test]
    fn null_is_as_good_as_absent() {
        assert_eq!(check(&OUTER, &json!({"list": [{"a": "x", "n": null}]})), Ok(()));
        assert!(check(&OUTER, &json!({"list": null})).unwrap_err().message.contains("Value null at 'list'"));
    }
}
