//! Kinesis Data Streams, embedded: streams of shards, records put by partition key and read through shard iterators (awsJson 1.1).
//!
//! - `request` holds what a request may say, and what the API model forbids;
//! - `streams` makes, describes and deletes streams and their tags; `records` puts and reads; `iterator` is where reading stands;
//! - `shards` knows which part of the hash keys a shard has; `sequence` numbers records;
//! - `consumer` hands records to functions within the process, and remembers how far each has come;
//! - `store` is what is durable.
//!
//! Invariants
//! - One writer: each request is one transaction on one connection.
//! - A sequence number is greater than all those of its shard before it, across restarts.
//! - A record goes to the shard whose range holds the MD5 of its partition key, or its explicit hash key.
//!
//! Known differences (docs/fidelity.md): a stream is active as soon as it is made and gone as soon as it is deleted; no limit on
//! throughput; shards are never split or merged; no enhanced fan-out, no encryption.
//!
//! `local::server` hands requests on to [`Service`]; `local::pump` consumes from it.

mod consumer;
mod iterator;
mod records;
mod request;
mod sequence;
mod shards;
mod store;
mod streams;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::Value;

pub(super) use self::consumer::{Handed, Position};
use self::store::{Store, Stream};
use super::exception::{Dialect, Exception};
use super::failure::ErrorKind;
use super::server::WholeAnswers;
use super::turn::{self, Turns};
use super::{ACCOUNT, LocalError};
use crate::time::Clock;

pub(super) const TARGET_PREFIX: &str = "Kinesis_20131202.";

const OPERATIONS: [&str; 13] = [
    "CreateStream",
    "DescribeStream",
    "DescribeStreamSummary",
    "ListStreams",
    "ListShards",
    "DeleteStream",
    "PutRecord",
    "PutRecords",
    "GetShardIterator",
    "GetRecords",
    "AddTagsToStream",
    "RemoveTagsFromStream",
    "ListTagsForStream",
];

/// The service.
#[derive(Debug)]
pub(super) struct Service {
    turns: Turns<Store>,
    /// How often something was put; who waits for that is woken.
    puts: Mutex<u64>,
    put: Condvar,
}

/// The service for one request.
type Turn<'a> = turn::Turn<'a, Store>;

impl Service {
    /// Opens or makes the store. Blocks.
    pub(super) fn open(path: &Path, clock: Arc<dyn Clock>, region: String) -> Result<Self, LocalError> {
        Ok(Self { turns: Turns::new(Store::open(path)?, clock, region), puts: Mutex::new(0), put: Condvar::new() })
    }

    fn carry_out(&self, operation: &str, body: &[u8]) -> Result<Value, Exception> {
        let mut turn = self.turns.next();
        match operation {
            "CreateStream" => turn.create(&request::read(body)?).map(|()| Value::Null),
            "DescribeStream" => turn.describe(&request::read(body)?),
            "DescribeStreamSummary" => turn.summarise(&request::read(body)?),
            "ListStreams" => turn.list(&request::read(body)?),
            "ListShards" => turn.list_shards(&request::read(body)?),
            "DeleteStream" => turn.delete(&request::read(body)?).map(|()| Value::Null),
            "PutRecord" => turn.put_record(&request::read(body)?),
            "PutRecords" => turn.put_records(&request::read(body)?),
            "GetShardIterator" => turn.shard_iterator(&request::read(body)?),
            "GetRecords" => turn.get_records(&request::read(body)?),
            "AddTagsToStream" => turn.tag(&request::read(body)?).map(|()| Value::Null),
            "RemoveTagsFromStream" => turn.untag(&request::read(body)?).map(|()| Value::Null),
            "ListTagsForStream" => turn.tags(&request::read(body)?),
            _ => Err(not_served(operation)),
        }
    }
}

impl WholeAnswers for Service {
    type Asked = &'static str;
    const DIALECT: Dialect = Dialect::AwsJson;
    /// The largest legal request is PutRecords with 5 MiB of data, in Base64.
    const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

    fn read(&self, head: &Parts) -> Result<&'static str, Exception> {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if head.method != Method::POST || head.uri.path() != "/" {
            return Err(Exception::not_served("The embedded Kinesis Data Streams serve POST / only."));
        }
        let media_type = header(CONTENT_TYPE.as_str()).split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-amz-cbor-1.1") {
            let message = "The embedded Kinesis Data Streams speak JSON, not CBOR: switch CBOR off in this client \
                           (AWS_CBOR_DISABLE=true or -Dcom.amazonaws.sdk.disableCbor for Java).";
            return Err(Exception::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "SerializationException", message));
        }
        if !media_type.eq_ignore_ascii_case("application/x-amz-json-1.1") {
            return Err(Exception::not_served("The content type must be application/x-amz-json-1.1."));
        }
        let target = header("x-amz-target");
        let Some(asked) = target.strip_prefix(TARGET_PREFIX) else {
            return Err(Exception::not_served(format!("The X-Amz-Target header must begin with {TARGET_PREFIX}")));
        };
        OPERATIONS.iter().copied().find(|operation| *operation == asked).ok_or_else(|| not_served(asked))
    }

    fn operation(operation: &&'static str) -> &'static str {
        operation
    }

    fn played(kind: ErrorKind) -> Exception {
        Exception::played(kind, "ProvisionedThroughputExceededException")
    }

    fn answer(self: &Arc<Self>, operation: &&'static str, body: &[u8], _address: &str) -> Result<Value, Exception> {
        let answered = self.carry_out(operation, body)?;
        if matches!(*operation, "PutRecord" | "PutRecords") {
            self.wake();
        }
        Ok(answered)
    }
}

impl Turn<'_> {
    fn arn(&self, name: &str) -> String {
        format!("arn:aws:kinesis:{}:{ACCOUNT}:stream/{name}", self.region)
    }

    /// The stream that a request is about.
    fn stream(&self, target: &request::Target) -> Result<Stream, Exception> {
        let name = self.name(target)?;
        self.store.stream(&name)?.ok_or_else(|| {
            let message = format!("Stream {name} under account {ACCOUNT} not found.");
            Exception::refused("ResourceNotFoundException", message)
        })
    }

    /// The name of the stream that a request is about.
    fn name(&self, target: &request::Target) -> Result<String, Exception> {
        let by_arn = match &target.stream_arn {
            None => None,
            Some(arn) => match arn.strip_prefix(&self.arn("")) {
                Some(name) => Some(name.to_owned()),
                None => {
                    let message = format!("Stream {arn} is not one of account {ACCOUNT} in {}.", self.region);
                    return Err(Exception::refused("ResourceNotFoundException", message));
                }
            },
        };
        match (&target.stream_name, by_arn) {
            (Some(name), Some(other)) if *name != other => {
                Err(Exception::refused("InvalidArgumentException", "StreamName and StreamARN name different streams."))
            }
            (Some(name), _) => Ok(name.clone()),
            (None, Some(name)) => Ok(name),
            (None, None) => Err(Exception::refused("InvalidArgumentException", "Either StreamName or StreamARN must be given.")),
        }
    }
}

fn not_served(operation: &str) -> Exception {
    Exception::not_served(format!(
        "The operation {} is not served by the embedded Kinesis Data Streams. Served are {}.",
        operation.escape_debug(),
        OPERATIONS.join(", ")
    ))
}
