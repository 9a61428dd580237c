//! Messages as JSON text whose numbers are written as they came.
//!
//! serde_json would rewrite exponents; a message that only passes through must not change.

use crate::history::parse_json;
use crate::value::{Object, Value};

/// Levels that a text may nest, a list of messages around them included.
pub(super) const NESTING_MAX: usize = 100;

/// A list of messages as compact JSON.
pub(super) fn list_text(messages: &[Object]) -> String {
    let mut out = String::from("[");
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_object(message, &mut out);
    }
    out.push(']');
    out
}

/// Reads a list of messages.
///
/// # Errors
/// What is wrong with it, on one line.
pub(super) fn read_list(bytes: &[u8]) -> Result<Vec<Object>, String> {
    let Value::Array(items) = parse_json(bytes, NESTING_MAX)? else { return Err("it is not a JSON array".to_owned()) };
    let object = |(at, item)| match item {
        Value::Object(object) => Ok(object),
        other => Err(format!("element {at} is not an object but a {}", Value::kind(&other))),
    };
    items.into_iter().enumerate().map(object).collect()
}

fn write_object(object: &Object, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(object, out),
        // Parquet only; JSON has no word for them.
        Value::Timestamp(_) | Value::NonFinite(_) => out.push_str(&value.to_json().to_string()),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// One message as compact JSON.
#[cfg(test)]
pub(crate) fn text(message: &Object) -> String {
    let mut out = String::new();
    write_object(message, &mut out);
    out
}

/// The message of a test.
#[cfg(test)]
pub(crate) fn parsed(text: &str) -> Object {
    match parse_json(text.as_bytes(), NESTING_MAX) {
        Ok(Value::Object(object)) => object,
        other => panic!("{text}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_they_came() {
        let message = r#"{"a":1E5,"b":[1.50,-0,0.0,9007199254740993],"c":{"d":null,"é\n":"\u001f\"\\/温😀"},"e":true}"#;
        assert_eq!(list_text(&[parsed(message), Object::new()]), format!("[{message},{{}}]"));
        assert_eq!(read_list(format!(" [{message}]\n").as_bytes()).unwrap(), [parsed(message)]);
    }

    #[test]
    fn what_is_no_list_of_messages_is_refused() {
        assert_eq!(read_list(b"{}").unwrap_err(), "it is not a JSON array");
        assert_eq!(read_list(b"[{},7]").unwrap_err(), "element 1 is not an object but a number");
        assert!(read_list(b"[{\"a\":1,\"a\":2}]").unwrap_err().contains("stands twice"));
        assert!(read_list(b"").is_err());
        let deep = |levels: usize| format!("[{}{}]", "{\"a\":".repeat(levels - 1) + "{", "}".repeat(levels));
        assert!(read_list(deep(NESTING_MAX - 1).as_bytes()).is_ok());
        assert!(read_list(deep(NESTING_MAX).as_bytes()).is_err());
    }
}
