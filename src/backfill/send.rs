//! One batch brought to the target, however often that takes, until every record of it has an outcome.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::batcher::Batch;
use super::budget::Budget;
use super::retry::{Jitter, Tuning, pause};
use crate::failpoint::{self, Failpoints};
use crate::progress::Progress;
use crate::record::Record;
use crate::target::{Rejection, WriteFault, Writer};

/// Whether work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wind {
    Running,
    /// Somebody wants to stop: what is under way is finished, nothing is asked a second time.
    Stopping,
    /// Something is wrong that concerns all: nothing is asked any more.
    Failing,
}

/// What all senders share.
pub(super) struct Sending<W> {
    pub(super) writer: Arc<W>,
    pub(super) budget: Budget,
    pub(super) wind: watch::Receiver<Wind>,
    /// By number, as batches name them.
    pub(super) tables: Vec<String>,
    pub(super) version: i64,
    pub(super) tuning: Tuning,
    pub(super) failpoints: Arc<Failpoints>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) counts: Counts,
}

/// What happened on the wire.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) throttled_memory: AtomicU64,
    pub(super) throttled_magnetic: AtomicU64,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Acknowledged,
    Rejected(Rejected),
}

/// How the target refused a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejected {
    /// While it took others of the same request.
    Alone(Rejection),
    /// The whole request was refused, down to this record.
    Invalid(String),
}

/// Why a batch has records without an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Halt {
    /// Work is being wound down; the records will be sent again another time.
    WoundDown,
    /// Nothing passes until a person acts.
    Fault(WriteFault),
    GaveUp(WriteFault),
}

/// A batch that came back.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) batch: Batch,
    /// By entry. `None` only together with `halt`.
    pub(super) fates: Vec<Option<Fate>>,
    pub(super) halt: Option<Halt>,
}

/// Sends `batch`; halves it around what the target calls invalid. `number` seeds its jitter.
pub(super) async fn send<W: Writer>(sending: Arc<Sending<W>>, batch: Batch, number: u64) -> Sent {
    let mut fates: Vec<Option<Fate>> = batch.entries.iter().map(|_| None).collect();
    let mut jitter = Jitter::new(sending.tuning.seed, number);
    // The last range is the next: halves go out in order.
    let whole: Range<usize> = 0..batch.entries.len();
    let mut ranges = vec![whole];
    let mut halt = None;
    while let Some(range) = ranges.pop() {
        match sending.settle(&batch, range.clone(), &mut jitter).await {
            Ok(rejections) => note_answer(&mut fates, &range, rejections),
            Err(Unsettled::Invalid(message)) if range.len() <= 1 => {
                let fate = Fate::Rejected(Rejected::Invalid(message));
                fates.iter_mut().skip(range.start).take(range.len()).for_each(|slot| *slot = Some(fate.clone()));
            }
            Err(Unsettled::Invalid(_)) => {
                let middle = range.start + range.len() / 2;
                ranges.extend([middle..range.end, range.start..middle]);
            }
            Err(Unsettled::Halt(why)) => {
                halt = Some(why);
                break;
            }
        }
    }
    Sent { batch, fates, halt }
}

/// All of `range` is acknowledged but for the rejected; their indexes count from its start.
fn note_answer(fates: &mut [Option<Fate>], range: &Range<usize>, rejections: Vec<Rejection>) {
    for fate in fates.iter_mut().skip(range.start).take(range.len()) {
        *fate = Some(Fate::Acknowledged);
    }
    for rejection in rejections {
        if let Some(fate) = fates.get_mut(range.start + rejection.index) {
            *fate = Some(Fate::Rejected(Rejected::Alone(rejection)));
        }
    }
}

enum Unsettled {
    Invalid(String),
    Halt(Halt),
}

impl<W: Writer> Sending<W> {
    /// Asks until there is an answer about the records of `range`, or no use in asking.
    async fn settle(&self, batch: &Batch, range: Range<usize>, jitter: &mut Jitter) -> Result<Vec<Rejection>, Unsettled> {
        let entries = batch.entries.iter().skip(range.start).take(range.len());
        let records: Vec<&Record> = entries.map(|entry| &entry.lead.mapped.record).collect();
        let table = self.tables.get(batch.table).map_or("", String::as_str);
        let begun = tokio::time::Instant::now();
        let mut reconnected = false;
        let mut attempt: u32 = 0;
        loop {
            let mut fault = match self.ask(table, &records).await? {
                Ok(rejections) => return Ok(rejections),
                Err(fault) => fault,
            };
            if matches!(fault, WriteFault::EndpointExpired { .. }) && !reconnected {
                reconnected = true;
                match self.writer.reconnect().await {
                    Ok(()) => {
                        self.counts.retries.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    Err(worse) => fault = worse,
                }
            }
            if let WriteFault::Invalid { message } = fault {
                return Err(Unsettled::Invalid(message));
            }
            self.note_throttle(&fault);
            let Some(pause) = pause(&fault, attempt, jitter) else { return Err(Unsettled::Halt(Halt::Fault(fault))) };
            let patience = self.tuning.give_up_after;
            if begun.elapsed() >= patience && self.budget.since_accepted() >= patience {
                return Err(Unsettled::Halt(Halt::GaveUp(fault)));
            }
            self.rest(pause).await?;
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
            attempt = attempt.saturating_add(1);
        }
    }

    /// One request.
    async fn ask(&self, table: &str, records: &[&Record]) -> Result<Result<Vec<Rejection>, WriteFault>, Unsettled> {
        let permit = self.budget.permit().await;
        if *self.wind.borrow() == Wind::Failing {
            return Err(Unsettled::Halt(Halt::WoundDown));
        }
        self.failpoints.hit(failpoint::BEFORE_SEND);
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.writer.write(table, records, self.version).await;
        drop(permit);
        if answer.is_ok() {
            self.failpoints.hit(failpoint::AFTER_ACK);
            self.budget.accepted();
        }
        Ok(answer)
    }

    fn note_throttle(&self, fault: &WriteFault) {
        match fault {
            WriteFault::Throttled { magnetic: true, message } => {
                let before = self.counts.throttled_magnetic.fetch_add(1, Ordering::Relaxed);
                if self.budget.slow_down() && before == 0 {
                    self.progress.note(&format!("the magnetic store asks for less; fewer requests at once ({message})"));
                }
            }
            WriteFault::Throttled { magnetic: false, .. } => {
                self.counts.throttled_memory.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Waits, unless work is being wound down.
    async fn rest(&self, pause: std::time::Duration) -> Result<(), Unsettled> {
        let mut wind = self.wind.clone();
        let over = tokio::select! {
            () = tokio::time::sleep(pause) => false,
            changed = wind.wait_for(|wind| *wind != Wind::Running) => changed.is_ok(),
        };
        if over { Err(Unsettled::Halt(Halt::WoundDown)) } else { Ok(()) }
    }
}
