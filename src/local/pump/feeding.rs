//! One stream feeding one function: batches in order, shard by shard, until what was handed out is done.
//!
//! The rules are those of Lambda's event source mapping: a batch that is not done comes again, from the first record that is open where the
//! function says which, halved where the template says so; when tries or age run out it goes to the dead letters and reading goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::event::{Verdict, event, verdict};
use super::stack::Mapping;
use super::worker::{Failure, Worker};
use super::{DEAD_LETTERS, PumpError, PumpEvent, Surroundings};
use crate::local::exception::Exception;
use crate::local::kinesis::{Handed, Position};
use crate::local::timestream::epoch_seconds;

/// Waiting for new records ends after this long, for a stream that was made anew.
const IDLE: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A batch of a shard that is being tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Again {
    /// Its first record.
    place: i64,
    tries: u64,
    /// How many records the next try takes, after halving.
    records: i64,
    not_before: Instant,
}

pub(super) struct Feeding {
    pub(super) mapping: Mapping,
    pub(super) around: Arc<Surroundings>,
    pub(super) worker: Option<Worker>,
}

/// What a look at a shard came to.
enum Turn {
    Worked,
    Idle,
    /// A try is due then.
    Waits(Instant),
}

impl Feeding {
    /// Works until everything stops.
    pub(super) fn run(mut self) {
        let mut again: BTreeMap<(i64, u32), Again> = BTreeMap::new();
        while !self.around.is_stopped() {
            let seen = self.around.kinesis.puts();
            let mut wait = IDLE;
            let mut worked = false;
            let positions = self.around.kinesis.positions(&self.mapping.function.name, &self.mapping.stream, self.mapping.from_latest);
            for position in self.or_logged(positions).unwrap_or_default() {
                match self.turn(&position, &mut again) {
                    Ok(Turn::Worked) => worked = true,
                    Ok(Turn::Idle) => {}
                    Ok(Turn::Waits(until)) => wait = wait.min(until.saturating_duration_since(Instant::now())),
                    Err(exception) => drop(self.or_logged::<()>(Err(exception))),
                }
                if self.around.is_stopped() {
                    return;
                }
            }
            if !worked {
                self.around.kinesis.wait_for_put(seen, wait);
            }
        }
    }

    fn or_logged<T>(&self, outcome: Result<T, Exception>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(exception) => {
                let line = format!("the stream {} could not be read: {}", self.mapping.stream, exception.message);
                (self.around.report)(PumpEvent::Said { function: self.mapping.function.name.clone(), line });
                None
            }
        }
    }

    /// One batch of one shard, if there is one.
    fn turn(&mut self, position: &Position, again: &mut BTreeMap<(i64, u32), Again>) -> Result<Turn, Exception> {
        let key = (position.stream, position.shard);
        let tried = again.get(&key).filter(|again| again.place == position.place).cloned();
        if let Some(until) = tried.as_ref().map(|again| again.not_before).filter(|until| *until > Instant::now()) {
            return Ok(Turn::Waits(until));
        }
        let size = tried.as_ref().map_or(self.mapping.batch_size, |again| again.records);
        let records = self.around.kinesis.hand_out(position, size)?;
        let Some(last) = records.last() else { return Ok(Turn::Idle) };
        let next = last.place + 1;
        let tries = tried.as_ref().map_or(0, |again| again.tries);
        match self.try_once(&records, tries > 0) {
            None => {}
            Some(Verdict::Done) => {
                again.remove(&key);
                self.settle(position, next)?;
            }
            Some(Verdict::From(first)) if first > 0 => {
                // Part of the batch is done: the rest is a batch of its own, with all its tries ahead.
                let place = records.get(first).map_or(next, |record| record.place);
                self.settle(position, place)?;
                let not_before = Instant::now() + RETRY_FIRST;
                again.insert(key, Again { place, tries: 1, records: size, not_before });
            }
            Some(unsettled) => {
                let why = match unsettled {
                    Verdict::Failed(why) => why,
                    _ => "it was not done".to_owned(),
                };
                if self.is_given_up(&records, tries) {
                    self.give_up(&records, tries + 1, &why)?;
                    again.remove(&key);
                    self.settle(position, next)?;
                } else {
                    again.insert(key, self.next_try(position.place, tries + 1, records.len()));
                }
            }
        }
        Ok(Turn::Worked)
    }

    /// What became of the batch; none when everything stops.
    fn try_once(&mut self, records: &[Handed], retried: bool) -> Option<Verdict> {
        let function = &self.mapping.function;
        let around = Arc::clone(&self.around);
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => match Worker::start(function, &around) {
                Ok(worker) => worker,
                Err(_) if around.is_stopped() => return None,
                Err(error) => return Some(self.failed(records, error.to_string())),
            },
        };
        let event = event(records, &around.kinesis.stream_arn(&self.mapping.stream), &around.region);
        let returned = worker.invoke(function, &event, &around);
        if !matches!(returned, Err(Failure::Gone(_))) {
            self.worker = Some(worker);
        }
        match returned {
            Err(Failure::Stopped) => None,
            Err(Failure::Raised(why) | Failure::Gone(why)) => Some(self.failed(records, why)),
            Ok(returned) => {
                let verdict = verdict(&returned, records, self.mapping.reports_failures);
                let open = match &verdict {
                    Verdict::Done => 0,
                    Verdict::From(first) => records.len() - first,
                    Verdict::Failed(_) => records.len(),
                };
                let name = self.mapping.function.name.clone();
                (around.report)(PumpEvent::Invoked { function: name, records: records.len(), open, retried });
                Some(verdict)
            }
        }
    }

    fn failed(&self, records: &[Handed], why: String) -> Verdict {
        let function = self.mapping.function.name.clone();
        (self.around.report)(PumpEvent::Failed { function, records: records.len(), why: why.clone() });
        Verdict::Failed(why)
    }

    fn next_try(&self, place: i64, tries: u64, records: usize) -> Again {
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        let records = if self.mapping.bisects { (records / 2).max(1) } else { records };
        let doubled = RETRY_FIRST.saturating_mul(1_u32 << tries.min(10));
        Again { place, tries, records, not_before: Instant::now() + doubled.min(RETRY_MAX) }
    }

    fn is_given_up(&self, records: &[Handed], tries: u64) -> bool {
        let out_of_tries = self.mapping.retries_max.is_some_and(|most| tries >= most);
        let age = |record: &Handed| (self.around.kinesis.now().0 - record.arrived.0).div_euclid(1_000_000_000);
        let too_old = |most: i64| records.first().is_some_and(|record| age(record) > most);
        // A batch that can be halved is halved first, so that one bad record takes no good one with it.
        let halves = self.mapping.bisects && records.len() > 1;
        (out_of_tries && !halves) || self.mapping.record_age_max_seconds.is_some_and(too_old)
    }

    /// Keeps a batch that is not tried any more, as Lambda describes one to its destination, with the records themselves.
    fn give_up(&self, records: &[Handed], tries: u64, why: &str) -> Result<(), Exception> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(()) };
        let function = &self.mapping.function.name;
        let stream_arn = self.around.kinesis.stream_arn(&self.mapping.stream);
        let letter = json!({
            "requestContext": { "functionArn": function, "condition": "RetryAttemptsExhausted", "approximateInvokeCount": tries },
            "responseContext": { "functionError": why },
            "KinesisBatchInfo": {
                "shardId": first.shard,
                "startSequenceNumber": first.sequence_number,
                "endSequenceNumber": last.sequence_number,
                "approximateArrivalOfFirstRecord": epoch_seconds(first.arrived),
                "approximateArrivalOfLastRecord": epoch_seconds(last.arrived),
                "batchSize": records.len(),
                "streamArn": stream_arn,
            },
            "payload": event(records, &stream_arn, &self.around.region),
        });
        let key = format!("{function}/given-up/{}/{}-{}.json", first.shard, first.sequence_number, last.sequence_number);
        self.around.buckets.put(DEAD_LETTERS, &key, letter.to_string().as_bytes()).map_err(Exception::internal)?;
        let event = PumpEvent::GivenUp { function: function.clone(), records: records.len(), letter: format!("s3://{DEAD_LETTERS}/{key}") };
        (self.around.report)(event);
        Ok(())
    }

    fn settle(&self, position: &Position, next: i64) -> Result<(), Exception> {
        self.around.kinesis.settle(&self.mapping.function.name, position, next)
    }

    /// Starts the function's process ahead of its first batch, so that what is missing is said at once.
    pub(super) fn warm(&mut self) -> Result<(), PumpError> {
        self.worker = Some(Worker::start(&self.mapping.function, &self.around)?);
        Ok(())
    }
}
