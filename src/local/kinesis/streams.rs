//! Streams and their tags: made, described, listed, deleted.

use serde_json::{Map, Value, json};

use super::request::{AddTags, CreateStream, DescribeStream, ListShards, ListStreams, ListTags, RemoveTags, Target};
use super::sequence::Sequence;
use super::store::Stream;
use super::{ACCOUNT, Turn, shards};
use crate::local::exception::Exception;
use crate::local::timestream::epoch_seconds;

/// Shards of an account; the quota of us-east-1.
const SHARDS_MAX: i64 = 20_000;
/// Shards of a stream that was just made on demand.
const ON_DEMAND_SHARDS: i64 = 4;
const RETENTION_HOURS: i64 = 24;
const TAGS_MAX: usize = 50;
/// Pages, where a request does not say: streams and shards of DescribeStream; shards of ListShards; tags.
const STREAMS_PAGE: i64 = 100;
const SHARDS_PAGE: i64 = 1000;
const TAGS_PAGE: i64 = 50;

impl Turn<'_> {
    pub(super) fn create(&mut self, request: &CreateStream) -> Result<(), Exception> {
        let name = request.stream_name.clone().unwrap_or_default();
        let mode = request.stream_mode_details.as_ref().and_then(|details| details.stream_mode.clone());
        let mode = mode.unwrap_or_else(|| "PROVISIONED".to_owned());
        let count = match (mode.as_str(), request.shard_count) {
            ("ON_DEMAND", None) => ON_DEMAND_SHARDS,
            ("ON_DEMAND", Some(_)) => return Err(invalid("ShardCount cannot be given for a stream in mode ON_DEMAND.")),
            (_, Some(count)) => count,
            (_, None) => return Err(invalid("ShardCount must be given for a stream in mode PROVISIONED.")),
        };
        if self.store.stream(&name)?.is_some() {
            let message = format!("Stream {name} under account {ACCOUNT} already exists.");
            return Err(Exception::refused("ResourceInUseException", message));
        }
        let there = self.store.shard_count()?;
        if there + count > SHARDS_MAX {
            let message = format!(
                "This request would exceed the shard limit for the account {ACCOUNT} in {}. Current shard count for the account: {there}. \
                 Limit: {SHARDS_MAX}. Number of additional shards that would have resulted from this request: {count}.",
                self.region
            );
            return Err(Exception::refused("LimitExceededException", message));
        }
        if request.tags.len() > TAGS_MAX {
            return Err(too_many_tags(&name));
        }
        let shards = u32::try_from(count).map_err(Exception::internal)?;
        let stream = Stream { id: 0, name, mode, shards, retention_hours: RETENTION_HOURS, created: self.now };
        Ok(self.store.insert(&stream, request.tags.clone())?)
    }

    pub(super) fn delete(&mut self, request: &Target) -> Result<(), Exception> {
        let stream = self.stream(request)?;
        Ok(self.store.delete(stream.id)?)
    }

    pub(super) fn describe(&mut self, request: &DescribeStream) -> Result<Value, Exception> {
        let stream = self.stream(&request.target)?;
        let first = after(&stream, request.exclusive_start_shard_id.as_deref())?;
        let (page, rest) = page(&stream, first, request.limit.unwrap_or(STREAMS_PAGE));
        let mut description = self.description(&stream);
        description.insert("Shards".to_owned(), page.into());
        description.insert("HasMoreShards".to_owned(), rest.is_some().into());
        Ok(json!({ "StreamDescription": description }))
    }

    pub(super) fn summarise(&mut self, request: &Target) -> Result<Value, Exception> {
        let stream = self.stream(request)?;
        let mut description = self.description(&stream);
        description.insert("OpenShardCount".to_owned(), stream.shards.into());
        description.insert("ConsumerCount".to_owned(), 0.into());
        Ok(json!({ "StreamDescriptionSummary": description }))
    }

    pub(super) fn list(&mut self, request: &ListStreams) -> Result<Value, Exception> {
        let token = request.next_token.as_deref().map(token_read).transpose()?;
        let after = token.or_else(|| request.exclusive_start_stream_name.clone()).unwrap_or_default();
        let limit = request.limit.unwrap_or(STREAMS_PAGE);
        let mut streams = self.store.streams(&after, limit + 1)?;
        let more = streams.len() > size(limit);
        streams.truncate(size(limit));
        let names: Vec<&String> = streams.iter().map(|stream| &stream.name).collect();
        let summary = |stream: &Stream| {
            json!({
                "StreamName": stream.name,
                "StreamARN": self.arn(&stream.name),
                "StreamStatus": "ACTIVE",
                "StreamModeDetails": { "StreamMode": stream.mode },
                "StreamCreationTimestamp": epoch_seconds(stream.created),
            })
        };
        let summaries: Vec<Value> = streams.iter().map(summary).collect();
        let mut answer = json!({ "StreamNames": names, "HasMoreStreams": more, "StreamSummaries": summaries });
        if let (true, Some(last)) = (more, streams.last()) {
            answer["NextToken"] = token_of(&last.name).into();
        }
        Ok(answer)
    }

    pub(super) fn list_shards(&mut self, request: &ListShards) -> Result<Value, Exception> {
        let (stream, first) = match &request.next_token {
            Some(_) if request.target.stream_name.is_some() || request.exclusive_start_shard_id.is_some() => {
                return Err(invalid("NextToken and StreamName cannot be provided together."));
            }
            Some(token) => self.continued(token)?,
            None => {
                let stream = self.stream(&request.target)?;
                let filter = request.shard_filter.as_ref();
                let behind =
                    filter.filter(|filter| filter.kind.as_deref() == Some("AFTER_SHARD_ID")).map(|filter| filter.shard_id.as_deref());
                let start = match behind {
                    Some(None) => return Err(invalid("ShardId must be given with the filter AFTER_SHARD_ID.")),
                    Some(shard) => shard,
                    None => request.exclusive_start_shard_id.as_deref(),
                };
                // Shards here are never split or merged: every other filter asks for all of them.
                let first = after(&stream, start)?;
                (stream, first)
            }
        };
        let (page, rest) = page(&stream, first, request.max_results.unwrap_or(SHARDS_PAGE));
        let mut answer = json!({ "Shards": page });
        if let Some(next) = rest {
            answer["NextToken"] = token_of(&format!("{}/{}/{next}", stream.id, stream.name)).into();
        }
        Ok(answer)
    }

    /// The stream and the shard that a list goes on with.
    fn continued(&self, token: &str) -> Result<(Stream, u32), Exception> {
        let text = token_read(token)?;
        let mut parts = text.split('/');
        let id = parts.next().and_then(|part| part.parse::<i64>().ok());
        let first = parts.nth(1).and_then(|part| part.parse::<u32>().ok());
        let (Some(id), Some(first)) = (id, first) else { return Err(invalid("NextToken is not valid.")) };
        let stream = self.store.stream_of(id)?;
        let stream = stream.ok_or_else(|| Exception::refused("ResourceNotFoundException", "The stream of this NextToken is gone."))?;
        Ok((stream, first))
    }

    fn description(&self, stream: &Stream) -> Map<String, Value> {
        let members = json!({
            "StreamName": stream.name,
            "StreamARN": self.arn(&stream.name),
            "StreamStatus": "ACTIVE",
            "StreamModeDetails": { "StreamMode": stream.mode },
            "RetentionPeriodHours": stream.retention_hours,
            "StreamCreationTimestamp": epoch_seconds(stream.created),
            "EnhancedMonitoring": [{ "ShardLevelMetrics": [] }],
            "EncryptionType": "NONE",
        });
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    pub(super) fn tag(&mut self, request: &AddTags) -> Result<(), Exception> {
        let stream = self.stream(&request.target)?;
        let given = request.tags.clone().unwrap_or_default();
        let there = self.store.tags(stream.id)?;
        if there.iter().filter(|(key, _)| !given.contains_key(key)).count() + given.len() > TAGS_MAX {
            return Err(too_many_tags(&stream.name));
        }
        let transaction = self.store.begin()?;
        for (key, value) in given {
            let sql = "INSERT INTO tags VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value";
            transaction.execute(sql, rusqlite::params![stream.id, key, value])?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn untag(&mut self, request: &RemoveTags) -> Result<(), Exception> {
        let stream = self.stream(&request.target)?;
        let transaction = self.store.begin()?;
        for key in request.tag_keys.iter().flatten() {
            transaction.execute("DELETE FROM tags WHERE stream = ?1 AND key = ?2", rusqlite::params![stream.id, key])?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn tags(&mut self, request: &ListTags) -> Result<Value, Exception> {
        let stream = self.stream(&request.target)?;
        let mut tags = self.store.tags(stream.id)?;
        if let Some(after) = &request.exclusive_start_tag_key {
            tags.retain(|(key, _)| key > after);
        }
        let limit = size(request.limit.unwrap_or(TAGS_PAGE));
        let more = tags.len() > limit;
        tags.truncate(limit);
        let tags: Vec<Value> = tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": tags, "HasMoreTags": more }))
    }
}

/// The first shard behind `start`.
fn after(stream: &Stream, start: Option<&str>) -> Result<u32, Exception> {
    match start {
        None => Ok(0),
        Some(id) => shards::named(id, stream.shards).map(|shard| shard + 1).ok_or_else(|| no_shard(id, &stream.name)),
    }
}

/// At most `limit` shards from `first` on, and the first one that is left.
fn page(stream: &Stream, first: u32, limit: i64) -> (Vec<Value>, Option<u32>) {
    let end = first.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX)).min(stream.shards);
    let page = (first..end).map(|shard| described(stream, shard)).collect();
    (page, (end < stream.shards).then_some(end))
}

fn described(stream: &Stream, shard: u32) -> Value {
    let (first, last) = shards::range(shard, stream.shards);
    json!({
        "ShardId": shards::id(shard),
        "HashKeyRange": { "StartingHashKey": first.to_string(), "EndingHashKey": last.to_string() },
        "SequenceNumberRange": { "StartingSequenceNumber": at(stream, shard, 0) },
    })
}

/// The sequence number of a place in a shard.
pub(super) fn at(stream: &Stream, shard: u32, place: i64) -> String {
    Sequence { epoch: epoch(stream), place, shard }.to_string()
}

/// What sequence numbers of a stream begin with.
pub(super) fn epoch(stream: &Stream) -> i64 {
    stream.created.0.div_euclid(1_000_000_000).clamp(0, 9_999_999_999)
}

pub(super) fn no_shard(id: &str, stream: &str) -> Exception {
    let message = format!("Shard {id} in stream {stream} under account {ACCOUNT} does not exist");
    Exception::refused("ResourceNotFoundException", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Exception {
    Exception::refused("InvalidArgumentException", message)
}

fn too_many_tags(stream: &str) -> Exception {
    invalid(format!(
        "Failed to add tags to stream {stream} under account {ACCOUNT} because a given stream cannot have more than {TAGS_MAX} tags \
         associated with it."
    ))
}

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn token_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn token_read(token: &str) -> Result<String, Exception> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(token).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| invalid("NextToken is not valid."))
}
