//! Reading from within the process: what hands records to functions, and remembers how far each has come.

use std::time::Duration;

use super::store::Stream;
use super::streams::{at, no_shard};
use super::{Service, shards};
use crate::local::exception::Exception;
use crate::time::Nanos;

/// Where a consumer stands in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) struct Position {
    /// The stream's number: one made anew under the same name is read from its beginning.
    pub(in crate::local) stream: i64,
    pub(in crate::local) shard: u32,
    /// The first place that is not settled.
    pub(in crate::local) place: i64,
}

/// A record that is handed to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) struct Handed {
    pub(in crate::local) place: i64,
    pub(in crate::local) shard: String,
    pub(in crate::local) sequence_number: String,
    pub(in crate::local) arrived: Nanos,
    pub(in crate::local) partition_key: String,
    pub(in crate::local) data: Vec<u8>,
}

impl Service {
    pub(in crate::local) fn region(&self) -> &str {
        self.turns.region()
    }

    pub(in crate::local) fn now(&self) -> Nanos {
        self.turns.now()
    }

    pub(in crate::local) fn stream_arn(&self, name: &str) -> String {
        self.turns.next().arn(name)
    }

    /// Makes a stream that is not there. One that is there stays as it is.
    pub(in crate::local) fn ensure_stream(&self, name: &str, mode: &str, shards: u32, retention_hours: i64) -> Result<(), Exception> {
        let mut turn = self.turns.next();
        if turn.store.stream(name)?.is_none() {
            let created = turn.now;
            let stream = Stream { id: 0, name: name.to_owned(), mode: mode.to_owned(), shards, retention_hours, created };
            turn.store.insert(&stream, None)?;
        }
        Ok(())
    }

    /// Where `consumer` stands in each shard; nothing while there is no such stream. A consumer that was never here begins at the oldest
    /// record, or behind the newest.
    pub(in crate::local) fn positions(&self, consumer: &str, stream: &str, from_latest: bool) -> Result<Vec<Position>, Exception> {
        let turn = self.turns.next();
        let Some(stream) = turn.store.stream(stream)? else { return Ok(Vec::new()) };
        let mut positions = Vec::new();
        for shard in 0..stream.shards {
            let place = match turn.store.checkpoint(consumer, stream.id, shard)? {
                Some(place) => place,
                None => {
                    let first = if from_latest { turn.store.next_place(stream.id, shard)? } else { 0 };
                    turn.store.set_checkpoint(consumer, stream.id, shard, first)?;
                    first
                }
            };
            positions.push(Position { stream: stream.id, shard, place });
        }
        Ok(positions)
    }

    /// At most `limit` records from a position on.
    pub(in crate::local) fn hand_out(&self, position: &Position, limit: i64) -> Result<Vec<Handed>, Exception> {
        let turn = self.turns.next();
        let Some(stream) = turn.store.stream_of(position.stream)? else { return Ok(Vec::new()) };
        if position.shard >= stream.shards {
            return Err(no_shard(&shards::id(position.shard), &stream.name));
        }
        let records = turn.read(&stream, position.shard, position.place, limit)?;
        let handed = |record: super::store::Kept| Handed {
            place: record.place,
            shard: shards::id(position.shard),
            sequence_number: at(&stream, position.shard, record.place),
            arrived: record.arrived,
            partition_key: record.partition_key,
            data: record.data,
        };
        Ok(records.into_iter().map(handed).collect())
    }

    /// All records before `next` are done.
    pub(in crate::local) fn settle(&self, consumer: &str, position: &Position, next: i64) -> Result<(), Exception> {
        Ok(self.turns.next().store.set_checkpoint(consumer, position.stream, position.shard, next)?)
    }

    /// How many requests have put records so far: what [`Self::wait_for_put`] is told.
    pub(in crate::local) fn puts(&self) -> u64 {
        *self.puts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns when there were more puts than `seen`, or after `most`.
    pub(in crate::local) fn wait_for_put(&self, seen: u64, most: Duration) {
        let puts = self.puts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(self.put.wait_timeout_while(puts, most, |puts| *puts == seen));
    }

    /// Ends every wait.
    pub(in crate::local) fn wake(&self) {
        *self.puts.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        self.put.notify_all();
    }
}
