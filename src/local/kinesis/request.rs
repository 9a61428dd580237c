//! Requests as they come off the wire, and what the API model says about them (kinesis 2013-12-02).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::local::constraints::Violations;
use crate::local::exception::Exception;

/// Bytes of a record's data.
pub(super) const DATA_BYTES_MAX: usize = 1_048_576;
/// Records of one PutRecords.
const RECORDS_MAX: usize = 500;
const NAME_PATTERN: &str = "[a-zA-Z0-9_.-]+";

/// A request that knows what the model forbids.
pub(super) trait Checked {
    fn check(&self, violations: &mut Violations);
}

/// Reads a body and holds it against the model.
pub(super) fn read<T: Checked + for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Exception> {
    let request: T = serde_json::from_slice(body).map_err(Exception::unreadable)?;
    let mut violations = Violations::default();
    request.check(&mut violations);
    violations.message().map_or(Ok(request), |message| Err(Exception::refused("ValidationException", message)))
}

/// Which stream is meant: by name, by ARN, or by both.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Target {
    #[serde(rename = "StreamName")]
    pub(super) stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub(super) stream_arn: Option<String>,
}

/// DescribeStreamSummary and DeleteStream ask for nothing else.
impl Checked for Target {
    fn check(&self, violations: &mut Violations) {
        name(violations, "streamName", self.stream_name.as_deref());
        violations.length("streamARN", self.stream_arn.as_deref(), 1, 2048);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Mode {
    pub(super) stream_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateStream {
    pub(super) stream_name: Option<String>,
    pub(super) shard_count: Option<i64>,
    pub(super) stream_mode_details: Option<Mode>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

impl Checked for CreateStream {
    fn check(&self, violations: &mut Violations) {
        violations.required("streamName", self.stream_name.as_ref());
        name(violations, "streamName", self.stream_name.as_deref());
        violations.range("shardCount", self.shard_count, 1, 100_000);
        if let Some(mode) = &self.stream_mode_details {
            violations.required("streamModeDetails.streamMode", mode.stream_mode.as_ref());
            violations.one_of("streamModeDetails.streamMode", mode.stream_mode.as_deref(), &["PROVISIONED", "ON_DEMAND"]);
        }
        tags(violations, &self.tags);
    }
}

/// DescribeStream.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeStream {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) limit: Option<i64>,
    pub(super) exclusive_start_shard_id: Option<String>,
}

impl Checked for DescribeStream {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.range("limit", self.limit, 1, 10_000);
        name(violations, "exclusiveStartShardId", self.exclusive_start_shard_id.as_deref());
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListStreams {
    pub(super) limit: Option<i64>,
    pub(super) exclusive_start_stream_name: Option<String>,
    pub(super) next_token: Option<String>,
}

impl Checked for ListStreams {
    fn check(&self, violations: &mut Violations) {
        violations.range("limit", self.limit, 1, 10_000);
        name(violations, "exclusiveStartStreamName", self.exclusive_start_stream_name.as_deref());
        violations.length("nextToken", self.next_token.as_deref(), 1, 1_048_576);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShardFilter {
    #[serde(rename = "Type")]
    pub(super) kind: Option<String>,
    pub(super) shard_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListShards {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) next_token: Option<String>,
    pub(super) exclusive_start_shard_id: Option<String>,
    pub(super) max_results: Option<i64>,
    pub(super) shard_filter: Option<ShardFilter>,
}

const FILTERS: [&str; 6] = ["AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"];

impl Checked for ListShards {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.range("maxResults", self.max_results, 1, 10_000);
        name(violations, "exclusiveStartShardId", self.exclusive_start_shard_id.as_deref());
        if let Some(filter) = &self.shard_filter {
            violations.required("shardFilter.type", filter.kind.as_ref());
            violations.one_of("shardFilter.type", filter.kind.as_deref(), &FILTERS);
            name(violations, "shardFilter.shardId", filter.shard_id.as_deref());
        }
    }
}

/// One record to be put. Data is Base64 on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    #[serde(default, deserialize_with = "blob")]
    pub(super) data: Option<Vec<u8>>,
    pub(super) partition_key: Option<String>,
    pub(super) explicit_hash_key: Option<String>,
}

impl Entry {
    fn check(&self, path: &str, violations: &mut Violations) {
        violations.required(format_args!("{path}data"), self.data.as_ref());
        if self.data.as_ref().is_some_and(|data| data.len() > DATA_BYTES_MAX) {
            let shown = format!("java.nio.HeapByteBuffer[{} bytes]", self.data.as_ref().map_or(0, Vec::len));
            let rule = format!("Member must have length less than or equal to {DATA_BYTES_MAX}");
            violations.add(format_args!("{path}data"), Some(&shown), rule);
        }
        violations.required(format_args!("{path}partitionKey"), self.partition_key.as_ref());
        violations.length(format_args!("{path}partitionKey"), self.partition_key.as_deref(), 1, 256);
        let fits = |key: &str| decimal(key, 39);
        violations.pattern(format_args!("{path}explicitHashKey"), self.explicit_hash_key.as_deref(), r"0|([1-9]\d{0,38})", fits);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecord {
    #[serde(flatten)]
    pub(super) target: Target,
    #[serde(flatten)]
    pub(super) entry: Entry,
    pub(super) sequence_number_for_ordering: Option<String>,
}

impl Checked for PutRecord {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        self.entry.check("", violations);
        sequence(violations, "sequenceNumberForOrdering", self.sequence_number_for_ordering.as_deref());
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecords {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) records: Option<Vec<Entry>>,
}

impl Checked for PutRecords {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.required("records", self.records.as_ref());
        violations.items("records", self.records.as_ref(), 1, RECORDS_MAX);
        for (at, record) in self.records.iter().flatten().enumerate() {
            record.check(&format!("records.{}.member.", at + 1), violations);
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIterator {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) shard_id: Option<String>,
    pub(super) shard_iterator_type: Option<String>,
    pub(super) starting_sequence_number: Option<String>,
    /// Seconds since 1970.
    pub(super) timestamp: Option<serde_json::Number>,
}

const ITERATOR_TYPES: [&str; 5] = ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];

impl Checked for GetShardIterator {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.required("shardId", self.shard_id.as_ref());
        name(violations, "shardId", self.shard_id.as_deref());
        violations.required("shardIteratorType", self.shard_iterator_type.as_ref());
        violations.one_of("shardIteratorType", self.shard_iterator_type.as_deref(), &ITERATOR_TYPES);
        sequence(violations, "startingSequenceNumber", self.starting_sequence_number.as_deref());
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetRecords {
    pub(super) shard_iterator: Option<String>,
    pub(super) limit: Option<i64>,
}

impl Checked for GetRecords {
    fn check(&self, violations: &mut Violations) {
        violations.required("shardIterator", self.shard_iterator.as_ref());
        violations.length("shardIterator", self.shard_iterator.as_deref(), 1, 512);
        violations.range("limit", self.limit, 1, 10_000);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddTags {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) tags: Option<BTreeMap<String, String>>,
}

impl Checked for AddTags {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.required("tags", self.tags.as_ref());
        self.tags.iter().for_each(|given| tags(violations, given));
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RemoveTags {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) tag_keys: Option<Vec<String>>,
}

impl Checked for RemoveTags {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.required("tagKeys", self.tag_keys.as_ref());
        violations.items("tagKeys", self.tag_keys.as_ref(), 1, 50);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListTags {
    #[serde(flatten)]
    pub(super) target: Target,
    pub(super) exclusive_start_tag_key: Option<String>,
    pub(super) limit: Option<i64>,
}

impl Checked for ListTags {
    fn check(&self, violations: &mut Violations) {
        self.target.check(violations);
        violations.length("exclusiveStartTagKey", self.exclusive_start_tag_key.as_deref(), 1, 128);
        violations.range("limit", self.limit, 1, 50);
    }
}

/// The name of a stream or a shard.
fn name(violations: &mut Violations, path: &str, value: Option<&str>) {
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    violations.pattern(path, value, NAME_PATTERN, fits);
    violations.length(path, value, 1, 128);
}

fn sequence(violations: &mut Violations, path: &str, value: Option<&str>) {
    violations.pattern(path, value, r"0|([1-9]\d{0,128})", |text| decimal(text, 129));
}

fn tags(violations: &mut Violations, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        violations.length("tags", Some(key), 1, 128);
        violations.length("tags", Some(value), 0, 256);
    }
}

/// A whole number without leading zeros, of at most `digits`.
fn decimal(text: &str, digits: usize) -> bool {
    text == "0" || (text.len() <= digits && !text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

fn blob<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    STANDARD.decode(text).map(Some).map_err(|error| serde::de::Error::custom(format!("Data is not Base64: {error}")))
}
