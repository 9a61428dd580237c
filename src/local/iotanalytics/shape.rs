//! What the API model allows in a request, as data, and the check of a request against it.
//!
//! Source of the rules: the service's API model (iotanalytics 2017-11-27). How it words a violation is not known; the words are those of
//! the front end that answers for its sibling services (docs/fidelity.md).

use serde_json::Value;

use crate::local::constraints::Violations;
use crate::local::exception::Exception;

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

/// Checks `value`, which stands at `path` (the body of a request at none), against `shape`.
///
/// # Errors
/// A member of another JSON type than the model's (alone, as the front end cannot read on), or all violations.
pub(super) fn check(shape: &Shape, value: &Value, path: &str) -> Result<(), Exception> {
    let mut violations = Violations::default();
    walk(shape, value, path, &mut violations)?;
    violations.message().map_or(Ok(()), |message| Err(Exception::invalid_request(message)))
}

fn walk(shape: &Shape, value: &Value, path: &str, violations: &mut Violations) -> Result<(), Exception> {
    match (shape, value) {
        (Shape::Text(rule), Value::String(text)) => check_text(rule, text, path, violations),
        (Shape::OneOf(words), Value::String(text)) => violations.one_of(path, Some(text), words),
        (Shape::Whole { min, max }, Value::Number(number)) => {
            let Some(whole) = number.as_i64() else { return Err(other_type(path, "a whole number")) };
            violations.range(path, Some(whole), *min, *max);
        }
        (Shape::Number | Shape::Time, Value::Number(_)) | (Shape::Flag, Value::Bool(_)) => {}
        (Shape::Blob, Value::String(text)) => {
            if crate::encoding::from_base64(text).is_none() {
                return Err(other_type(path, "Base64"));
            }
        }
        (Shape::List { of, min, max }, Value::Array(items)) => {
            let shown = if items.is_empty() { "[]".to_owned() } else { format!("[{} items]", items.len()) };
            violations.size(path, &shown, items.len(), *min, *max);
            for (at, item) in (1..).zip(items) {
                walk(of, item, &format!("{path}.{at}.member"), violations)?;
            }
        }
        (Shape::Map { key, value: rule }, Value::Object(entries)) => {
            for (name, entry) in entries {
                check_text(key, name, &format!("{path}.key"), violations);
                let Value::String(text) = entry else { return Err(other_type(path, "a map of texts")) };
                check_text(rule, text, &format!("{path}.{name}.member"), violations);
            }
        }
        (Shape::Record(members), Value::Object(given)) => {
            for member in *members {
                let inner = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                match given.get(member.name).filter(|value| !value.is_null()) {
                    Some(value) => walk(member.shape, value, &inner, violations)?,
                    None if member.required => violations.add(inner, None, "Member must not be null"),
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

fn other_type(path: &str, wanted: &str) -> Exception {
    let place = if path.is_empty() { "the request" } else { path };
    Exception::serialization(format!("{place} must be {wanted}"))
}

fn check_text(rule: &Text, text: &str, path: &str, violations: &mut Violations) {
    violations.length(path, Some(text), rule.min, rule.max);
    if let Some(pattern) = &rule.pattern {
        violations.pattern(path, Some(text), pattern.text, pattern.holds);
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
        assert_eq!(check(&OUTER, &json!({"list": [{"a": "ok", "n": 9}]}), ""), Ok(()));
        let exception = check(&OUTER, &json!({"list": [{"n": 0}, {"a": "ABCDE"}, {"a": "x"}]}), "").unwrap_err();
        assert_eq!(
            exception.message,
            "5 validation errors detected: Value '[3 items]' at 'list' failed to satisfy constraint: Member must have length less than or equal to 2; \
             Value null at 'list.1.member.a' failed to satisfy constraint: Member must not be null; \
             Value '0' at 'list.1.member.n' failed to satisfy constraint: Member must have value greater than or equal to 1; \
             Value 'ABCDE' at 'list.2.member.a' failed to satisfy constraint: Member must have length less than or equal to 4; \
             Value 'ABCDE' at 'list.2.member.a' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z]*$"
        );
    }

    #[test]
    fn another_type_is_no_violation_but_cannot_be_read() {
        let exception = check(&OUTER, &json!({"list": {"a": 1}}), "").unwrap_err();
        assert_eq!((exception.code, exception.message.as_str()), ("SerializationException", "list must be a list"));
        assert_eq!(check(&OUTER, &json!([]), "").unwrap_err().message, "the request must be an object");
    }

    #[test]
    fn null_is_as_good_as_absent() {
        assert_eq!(check(&OUTER, &json!({"list": [{"a": "x", "n": null}]}), ""), Ok(()));
        assert!(check(&OUTER, &json!({"list": null}), "").unwrap_err().message.contains("Value null at 'list'"));
    }
}
