//! What a channel wrapped around a message, taken off.
//!
//! How the service wrote messages into channel objects is documented nowhere (facts: inner format of channel objects). Bare
//! messages are the first guess. A row is taken for an envelope only when nothing else is possible: it has `messageId` and
//! `payload`, both texts, beside nothing but names that an envelope may have, and the payload is the Base64 of a JSON object.

use crate::encoding::from_base64;
use crate::history::{ReadLimits, parse_json};
use crate::value::{Object, Value};

/// Names that may stand beside `messageId` and `payload`, in lower case.
const ENVELOPE_NAMES: [&str; 6] = ["messageid", "payload", "timestamp", "ingesttime", "ingestiontime", "channelname"];

/// The message inside `row`: what its envelope holds, or the row itself.
pub(super) fn message(row: Object) -> Object {
    match payload(&row) {
        Some(inner) => inner,
        None => row,
    }
}

fn payload(row: &Object) -> Option<Object> {
    let (Some(Value::String(_)), Some(Value::String(payload))) = (row.get("messageId"), row.get("payload")) else { return None };
    if !row.keys().all(|name| ENVELOPE_NAMES.contains(&name.to_ascii_lowercase().as_str())) {
        return None;
    }
    match parse_json(&from_base64(payload)?, ReadLimits::default().nesting_max) {
        Ok(Value::Object(inner)) => Some(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> Object {
        let Value::Object(row) = Value::from(serde_json::from_str::<serde_json::Value>(json).unwrap()) else { panic!("{json}") };
        row
    }

    #[test]
    fn an_envelope_is_taken_off_and_the_payloads_numbers_keep_their_text() {
        // {"t":20.50}
        let unwrapped = message(row(r#"{"messageId":"1","payload":"eyJ0IjoyMC41MH0=","ingestTime":5}"#));
        assert_eq!(unwrapped, row(r#"{"t":20.50}"#));
        assert_eq!(unwrapped.get("t"), Some(&Value::Number(crate::value::Number::parse("20.50").unwrap())));
    }

    #[test]
    fn what_may_be_a_message_of_the_devices_own_stays_as_it_is() {
        for bare in [
            r#"{"t":1}"#,
            r#"{"messageId":"1","payload":"not base64!"}"#,
            r#"{"messageId":"1","payload":"WzFd"}"#,
            r#"{"messageId":"1","payload":"eyJ0IjoyMC41MH0=","temperature":4}"#,
            r#"{"messageId":1,"payload":"eyJ0IjoyMC41MH0="}"#,
            r#"{"payload":"eyJ0IjoyMC41MH0="}"#,
        ] {
            assert_eq!(message(row(bare)), row(bare));
        }
    }
}
