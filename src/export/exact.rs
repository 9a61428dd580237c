//! A row's columns as JSON text that reads back as the very same values.
//!
//! A number is its own text. What JSON lacks is an object of one marked member: `{"$timestamp":-5}` is an instant in nanoseconds
//! since 1970, `{"$number":"NaN"}` a number that is none. A genuine object that looks like one of these stands inside
//! `{"$object":…}`, so that no message can pass a text off as an instant.

use crate::history::parse_json;
use crate::time::Nanos;
use crate::value::{Object, Value};

const TIMESTAMP: &str = "$timestamp";
const NUMBER: &str = "$number";
const OBJECT: &str = "$object";

/// The marks may double the depth that the source's own limit allows; beyond this the text is not ours.
const NESTING_MAX: usize = 1000;

pub(super) fn write(columns: &Object) -> String {
    let mut text = String::new();
    write_members(&mut text, columns);
    text
}

/// # Errors
/// What is wrong with the text.
pub(super) fn read(text: &str) -> Result<Object, String> {
    match parse_json(text.as_bytes(), NESTING_MAX)? {
        Value::Object(columns) => unmarked_members(columns),
        other => Err(format!("the columns of a row are an object, and this is a {}", other.kind())),
    }
}

fn write_members(text: &mut String, object: &Object) {
    text.push('{');
    for (at, (name, value)) in object.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        write_string(text, name);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number.as_str()),
        Value::String(string) => write_string(text, string),
        Value::Timestamp(nanos) => {
            text.push_str("{\"$timestamp\":");
            text.push_str(&nanos.0.to_string());
            text.push('}');
        }
        Value::NonFinite(_) => {
            text.push_str("{\"$number\":");
            text.push_str(&value.to_json().to_string());
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(object) if is_marked(object) => {
            text.push_str("{\"$object\":");
            write_members(text, object);
            text.push('}');
        }
        Value::Object(object) => write_members(text, object),
    }
}

fn write_string(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

fn is_marked(object: &Object) -> bool {
    object.len() == 1 && object.keys().all(|name| matches!(name.as_str(), TIMESTAMP | NUMBER | OBJECT))
}

fn unmarked_members(members: Object) -> Result<Object, String> {
    members.into_iter().map(|(name, value)| Ok((name, unmarked(value)?))).collect()
}

fn unmarked(value: Value) -> Result<Value, String> {
    match value {
        Value::Array(items) => items.into_iter().map(unmarked).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(object) if is_marked(&object) => {
            let (mark, inner) = object.into_iter().next().unwrap_or_else(|| (String::new(), Value::Null));
            meant(&mark, inner)
        }
        Value::Object(object) => unmarked_members(object).map(Value::Object),
        other => Ok(other),
    }
}

fn meant(mark: &str, inner: Value) -> Result<Value, String> {
    match (mark, inner) {
        (TIMESTAMP, Value::Number(nanos)) => {
            nanos.to_i64().map(|nanos| Value::Timestamp(Nanos(nanos))).ok_or_else(|| format!("`{nanos}` is no instant"))
        }
        (NUMBER, Value::String(text)) => match text.as_str() {
            "NaN" => Ok(Value::NonFinite(f64::NAN)),
            "Infinity" => Ok(Value::NonFinite(f64::INFINITY)),
            "-Infinity" => Ok(Value::NonFinite(f64::NEG_INFINITY)),
            _ => Err("a marked number is none of NaN, Infinity and -Infinity".to_owned()),
        },
        (OBJECT, Value::Object(object)) => unmarked_members(object).map(Value::Object),
        (mark, inner) => Err(format!("`{mark}` cannot hold a {}", inner.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;
    use proptest::prelude::*;

    fn number(text: &str) -> Value {
        Value::Number(Number::parse(text).unwrap())
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|i| Value::Number(i.into())),
            "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?".prop_map(|text| number(&text)),
            any::<String>().prop_map(Value::String),
            "[0-9]{1,5}".prop_map(Value::String),
            any::<i64>().prop_map(|nanos| Value::Timestamp(Nanos(nanos))),
            prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)].prop_map(Value::NonFinite),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            let name = prop_oneof![Just(TIMESTAMP.to_owned()), Just(NUMBER.to_owned()), Just(OBJECT.to_owned()), any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((name, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_row_reads_back_as_it_was(members in prop::collection::vec((any::<String>(), values()), 0..6)) {
            let row: Object = members.into_iter().collect();
            // As text: NaN is not equal to itself.
            prop_assert_eq!(format!("{:?}", read(&write(&row)).unwrap()), format!("{row:?}"));
        }
    }

    #[test]
    fn a_message_that_imitates_an_instant_stays_a_message() {
        let imitation = |mark: &str, value: Value| Value::Object([(mark.to_owned(), value)].into_iter().collect());
        let inner = imitation(OBJECT, imitation(TIMESTAMP, number("5")));
        let row: Object =
            [("$timestamp".to_owned(), number("5")), ("a".to_owned(), imitation(TIMESTAMP, number("5"))), ("b".to_owned(), inner)]
                .into_iter()
                .collect();
        let text = write(&row);
        assert_eq!(read(&text).unwrap(), row);
        assert!(text.contains(r#""a":{"$object":{"$timestamp":5}}"#), "{text}");
    }

    #[test]
    fn numbers_keep_their_very_text() {
        let row: Object =
            ["1E+2", "1.50", "-0", "9007199254740993", "0.1e-7"].iter().map(|text| ((*text).to_owned(), number(text))).collect();
        assert_eq!(write(&row), r#"{"1E+2":1E+2,"1.50":1.50,"-0":-0,"9007199254740993":9007199254740993,"0.1e-7":0.1e-7}"#);
        assert_eq!(read(&write(&row)).unwrap(), row);
    }

    #[test]
    fn texts_that_are_no_row_are_refused() {
        for text in [
            "",
            "[]",
            "{\"a\":{\"$timestamp\":\"5\"}}",
            "{\"a\":{\"$number\":\"5\"}}",
            "{\"a\":{\"$timestamp\":1e30}}",
            "{\"a\":1,\"a\":2}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
