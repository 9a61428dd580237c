//! Messages into a channel, and a few of them out again.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::model::{BATCH_PUT_MESSAGE, SAMPLE_SIZE};
use super::route::Resource;
use super::{Query, Service, shape};
use crate::encoding::{base64, from_base64};
use crate::local::exception::Exception;

/// Facts: messages of one request.
const MESSAGES_MAX: usize = 100;
/// Facts: bytes of one message.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;
const SAMPLE_DEFAULT: usize = 10;

impl Service {
    pub(super) fn put_messages(&self, request: &Map<String, Value>) -> Result<Value, Exception> {
        shape::check(&BATCH_PUT_MESSAGE, &Value::Object(request.clone()), "")?;
        let channel = self.known(Resource::Channel, request.get("channelName").and_then(Value::as_str).unwrap_or_default())?;
        let given = request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if given.is_empty() || given.len() > MESSAGES_MAX {
            return Err(Exception::invalid_request(format!(
                "A request must have 1 to {MESSAGES_MAX} messages, and this has {}.",
                given.len()
            )));
        }
        let mut ids = BTreeSet::new();
        let (mut taken, mut errors) = (Vec::new(), Vec::new());
        for message in given {
            let id = message.get("messageId").and_then(Value::as_str).unwrap_or_default();
            if !ids.insert(id) {
                return Err(Exception::invalid_request(format!("The messageId {id} is not unique within the request.")));
            }
            let payload = message.get("payload").and_then(Value::as_str).and_then(from_base64).unwrap_or_default();
            if payload.len() > MESSAGE_BYTES_MAX {
                let text = format!("The payload has {} bytes; a message has at most {MESSAGE_BYTES_MAX}.", payload.len());
                errors.push(json!({ "messageId": id, "errorCode": "InvalidRequestException", "errorMessage": text }));
            } else {
                taken.push((id.to_owned(), payload));
            }
        }
        if !taken.is_empty() {
            self.keep_messages(&channel, &taken)?;
            let payloads: Vec<Vec<u8>> = taken.into_iter().map(|(_, payload)| payload).collect();
            self.through_pipelines(&channel.name, &payloads)?;
        }
        Ok(json!({ "batchPutMessageErrorEntries": errors }))
    }

    pub(super) fn sample(&self, name: &str, query: &Query) -> Result<Value, Exception> {
        let channel = self.known(Resource::Channel, name)?;
        let most = query.whole("maxMessages", &SAMPLE_SIZE)?.unwrap_or(SAMPLE_DEFAULT);
        let (from, to) = (query.time("startTime")?, query.time("endTime")?);
        let messages = self.latest_messages(&channel, from, to, most)?;
        let payloads: Vec<Value> = messages.iter().map(|message| base64(message).into()).collect();
        Ok(json!({ "payloads": payloads }))
    }
}
