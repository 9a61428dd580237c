//! Records: put into the shard of their hash key, read from where an iterator stands.

use serde_json::{Value, json};

use super::iterator::Iterator;
use super::request::{Entry, GetRecords, GetShardIterator, PutRecord, PutRecords};
use super::sequence::Sequence;
use super::store::{self, Kept, Stream};
use super::streams::{at, epoch, invalid, no_shard};
use super::{ACCOUNT, Turn, shards};
use crate::encoding::base64;
use crate::local::exception::Exception;
use crate::local::timestream::epoch_seconds;
use crate::time::{Nanos, TimeFormat};

/// Bytes of one PutRecords, keys included.
const PUT_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Records, and bytes of data, of one GetRecords.
const GET_RECORDS_MAX: i64 = 10_000;
const GET_BYTES_MAX: usize = 10 * 1024 * 1024;

impl Turn<'_> {
    pub(super) fn put_record(&mut self, request: &PutRecord) -> Result<Value, Exception> {
        let stream = self.stream(&request.target)?;
        if let Some(number) = &request.sequence_number_for_ordering {
            let ours = Sequence::parse(number).is_some_and(|sequence| sequence.epoch == epoch(&stream));
            if !ours {
                return Err(invalid(format!(
                    "ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {} under account {ACCOUNT} is invalid.",
                    stream.name
                )));
            }
        }
        let put = self.put(&stream, std::slice::from_ref(&request.entry))?;
        put.into_iter().next().ok_or_else(|| Exception::internal("no record was put"))
    }

    pub(super) fn put_records(&mut self, request: &PutRecords) -> Result<Value, Exception> {
        let stream = self.stream(&request.target)?;
        let entries = request.records.as_deref().unwrap_or_default();
        let size = |entry: &Entry| entry.data.as_ref().map_or(0, Vec::len) + entry.partition_key.as_ref().map_or(0, String::len);
        if entries.iter().map(size).sum::<usize>() > PUT_BYTES_MAX {
            return Err(invalid("Records size exceeds 5 MB limit"));
        }
        let put = self.put(&stream, entries)?;
        Ok(json!({ "FailedRecordCount": 0, "Records": put }))
    }

    /// Puts all of them, or none. Shard and sequence number of each.
    fn put(&mut self, stream: &Stream, entries: &[Entry]) -> Result<Vec<Value>, Exception> {
        let homes = entries.iter().map(|entry| home(entry, stream)).collect::<Result<Vec<u32>, Exception>>()?;
        let (now, horizon) = (self.now, stream.horizon(self.now));
        let transaction = self.store.begin()?;
        let mut put = Vec::with_capacity(entries.len());
        for (entry, shard) in entries.iter().zip(homes) {
            let (key, data) = (entry.partition_key.as_deref().unwrap_or_default(), entry.data.as_deref().unwrap_or_default());
            store::trim(&transaction, stream.id, shard, horizon)?;
            let place = store::append(&transaction, stream.id, shard, now, key, data)?;
            put.push(json!({ "ShardId": shards::id(shard), "SequenceNumber": at(stream, shard, place) }));
        }
        transaction.commit()?;
        Ok(put)
    }

    pub(super) fn shard_iterator(&mut self, request: &GetShardIterator) -> Result<Value, Exception> {
        let asked = request.shard_id.as_deref().unwrap_or_default();
        let name = self.name(&request.target)?;
        // The service speaks of the shard, whichever of the two is missing.
        let stream = self.store.stream(&name)?.ok_or_else(|| no_shard(asked, &name))?;
        let shard = shards::named(asked, stream.shards).ok_or_else(|| no_shard(asked, &name))?;
        let place = self.starting_place(&stream, shard, request)?;
        let iterator = Iterator { stream: stream.id, name: stream.name, shard, place };
        Ok(json!({ "ShardIterator": iterator.issue(self.now) }))
    }

    fn starting_place(&self, stream: &Stream, shard: u32, request: &GetShardIterator) -> Result<i64, Exception> {
        let kind = request.shard_iterator_type.as_deref().unwrap_or_default();
        let latest = || self.store.next_place(stream.id, shard);
        match (kind, &request.starting_sequence_number) {
            ("TRIM_HORIZON", None) => Ok(0),
            ("LATEST", None) => Ok(latest()?),
            ("AT_TIMESTAMP", None) => {
                let instant = self.instant(request)?;
                Ok(self.store.first_place_at(stream.id, shard, instant)?.map_or_else(latest, Ok)?)
            }
            ("AT_SEQUENCE_NUMBER", Some(number)) => Ok(checked(number, stream, shard)?.place),
            ("AFTER_SEQUENCE_NUMBER", Some(number)) => Ok(checked(number, stream, shard)?.place.saturating_add(1)),
            (kind, number) => Err(invalid(format!(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or \
                 LATEST and no StartingSequenceNumber. Request specified {kind} and {} StartingSequenceNumber.",
                if number.is_some() { "also a" } else { "no" }
            ))),
        }
    }

    fn instant(&self, request: &GetShardIterator) -> Result<Nanos, Exception> {
        let Some(timestamp) = &request.timestamp else {
            return Err(invalid(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
            ));
        };
        let text = crate::value::Value::String(timestamp.to_string());
        let instant = TimeFormat::EpochSeconds.try_read(&text).ok_or_else(|| Exception::unreadable("Timestamp is not a time"))?;
        if instant > self.now {
            let millis = |instant: Nanos| instant.0.div_euclid(1_000_000);
            return Err(invalid(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: {}, \
                 currentTimestampInMillis: {}",
                millis(instant),
                millis(self.now)
            )));
        }
        Ok(instant)
    }

    pub(super) fn get_records(&mut self, request: &GetRecords) -> Result<Value, Exception> {
        let iterator = Iterator::read(request.shard_iterator.as_deref().unwrap_or_default(), self.now)?;
        let stream = self.store.stream_of(iterator.stream)?;
        let stream = stream.ok_or_else(|| no_shard(&iterator.shard_id(), &iterator.name))?;
        let limit = request.limit.unwrap_or(GET_RECORDS_MAX);
        let mut records = self.read(&stream, iterator.shard, iterator.place, limit)?;
        let next_place = self.store.next_place(stream.id, iterator.shard)?;
        let place = match records.last() {
            Some(last) => last.place + 1,
            // Nothing is left to be read below the end; a number beyond it (AT a number of the future) stays.
            None => iterator.place.max(next_place),
        };
        let behind = match self.store.records(stream.id, iterator.shard, place, stream.horizon(self.now), 1)?.first() {
            // By the clock of a rehearsal all may have come in the same millisecond; what is left is still not nothing.
            Some(unread) => (self.now.0 - unread.arrived.0).div_euclid(1_000_000).max(1),
            None => 0,
        };
        let next = Iterator { place, ..iterator };
        let shown: Vec<Value> = records.drain(..).map(|record| shown(&stream, next.shard, &record)).collect();
        Ok(json!({ "Records": shown, "NextShardIterator": next.issue(self.now), "MillisBehindLatest": behind }))
    }

    /// At most `limit` records from `place` on, as many as fit into one answer.
    pub(super) fn read(&self, stream: &Stream, shard: u32, place: i64, limit: i64) -> Result<Vec<Kept>, Exception> {
        let mut records = self.store.records(stream.id, shard, place, stream.horizon(self.now), limit.min(GET_RECORDS_MAX))?;
        let mut bytes = 0;
        let fitting = records.iter().take_while(|record| {
            bytes += record.data.len();
            bytes <= GET_BYTES_MAX
        });
        let fitting = fitting.count().max(1);
        records.truncate(fitting);
        Ok(records)
    }
}

/// The shard that a record belongs to.
fn home(entry: &Entry, stream: &Stream) -> Result<u32, Exception> {
    let hash = match &entry.explicit_hash_key {
        None => shards::hash(entry.partition_key.as_deref().unwrap_or_default()),
        Some(key) => key.parse::<u128>().map_err(|_| {
            invalid(format!("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {key}"))
        })?,
    };
    Ok(shards::holding(hash, stream.shards))
}

/// A sequence number that a client gives back.
fn checked(number: &str, stream: &Stream, shard: u32) -> Result<Sequence, Exception> {
    let invalid_because = |why: &str| {
        invalid(format!(
            "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {} under account {ACCOUNT} is invalid{why}.",
            shards::id(shard),
            stream.name
        ))
    };
    let sequence = Sequence::parse(number).ok_or_else(|| invalid_because(""))?;
    if sequence.epoch != epoch(stream) {
        return Err(invalid_because(" because it did not come from this stream"));
    }
    if sequence.shard != shard {
        return Err(invalid(format!(
            "Invalid StartingSequenceNumber. It encodes {}, while it was used in a call to a shard with {}",
            shards::id(sequence.shard),
            shards::id(shard)
        )));
    }
    Ok(sequence)
}

fn shown(stream: &Stream, shard: u32, record: &Kept) -> Value {
    json!({
        "SequenceNumber": at(stream, shard, record.place),
        "ApproximateArrivalTimestamp": epoch_seconds(record.arrived),
        "Data": base64(&record.data),
        "PartitionKey": record.partition_key,
    })
}
