//! The one place where a backfill's stages meet: reads come in, batches go out, outcomes come back, units are committed.
//!
//! A single task owns all the state, so there is nothing to lock; reading, sending and committing happen elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::batcher::{Batch, Batcher};
use super::committing::{Committing, Group};
use super::error::BackfillError;
use super::history_units::UNDECODABLE;
use super::reading::{Checked, Part, Reading};
use super::rejects::Rejects;
use super::send::{Fate, Halt, Rejected, Sending, Sent, Wind, send};
use super::tracker::{Finished, Tracker};
use super::unit::ReadFailure;
use crate::history::ObjectRead;
use crate::ledger::Unit;
use crate::target::Writer;
use crate::time::Clock;

/// So many finished units are committed together, if not the timer comes first.
const UNITS_PER_COMMIT: usize = 256;
const COMMIT_EVERY: Duration = Duration::from_millis(200);
/// With more finished units than this, reading waits for the disk.
const FINISHED_MAX: usize = 8 * UNITS_PER_COMMIT;
/// So many damaged objects are spoken of while at work; the outcome names all.
const NOTES_MAX: u64 = 20;
/// So many records refused as invalid, and none taken: it is not the records.
const INVALID_AT_FIRST_MAX: u64 = 300;

pub(super) struct Run<W> {
    pub(super) reading: Reading,
    pub(super) sending: Arc<Sending<W>>,
    pub(super) committing: Committing,
    pub(super) tracker: Tracker,
    pub(super) table_numbers: BTreeMap<String, usize>,
    pub(super) batchers: Vec<Batcher>,
    pub(super) requests_at_once: usize,
    pub(super) strict: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) wind: watch::Sender<Wind>,
    pub(super) flow: Flow,
    pub(super) rejects: Rejects,
}

/// What is between the stages.
#[derive(Default)]
pub(super) struct Flow {
    ready: VecDeque<Batch>,
    sends: JoinSet<Sent>,
    batches: u64,
    finished: Vec<Finished>,
    finished_since: Option<Instant>,
    is_committing: bool,
    is_read: bool,
    is_stop_watched: bool,
    failure: Option<BackfillError>,
    damage_notes: u64,
    /// Rows that got their outcome.
    rows: u64,
    acknowledged: u64,
    invalid: u64,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self { is_stop_watched: true, ..Self::default() }
    }
}

/// What a run leaves behind.
pub(super) struct Ended {
    pub(super) ledger: Option<crate::ledger::Ledger>,
    pub(super) failure: Option<BackfillError>,
    pub(super) rows: u64,
}

impl<W: Writer + 'static> Run<W> {
    /// Works until all units are done, or until it is stopped or fails and what was under way has ended.
    pub(super) async fn carry_out(mut self) -> Ended {
        if *self.stop.borrow() {
            self.wind_down(Wind::Stopping);
        }
        while !self.is_over() {
            self.launch();
            self.commit_if_due();
            self.step().await;
        }
        self.keep_the_rest().await;
        let is_stopped = *self.wind.borrow() != Wind::Running;
        if !is_stopped && !self.tracker.is_empty() {
            self.fail(BackfillError::Lost("a unit"));
        }
        if !self.reading.join() {
            self.flow.failure.get_or_insert(BackfillError::Lost("a reader"));
        }
        let ledger = self.committing.end();
        Ended { ledger, failure: self.flow.failure, rows: self.flow.rows }
    }

    /// Remembers how far units are that are left in the middle.
    async fn keep_the_rest(&mut self) {
        let progress = self.tracker.rest();
        if progress.is_empty() || !self.committing.commit(Group { progress, ..Group::default() }) {
            return;
        }
        if let Some(Err(error)) = self.committing.answers.recv().await {
            self.flow.failure.get_or_insert(error.into());
        }
    }

    fn is_over(&self) -> bool {
        let flow = &self.flow;
        flow.is_read && flow.ready.is_empty() && flow.sends.is_empty() && flow.finished.is_empty() && !flow.is_committing
    }

    /// Waits for whatever comes first, and deals with it.
    async fn step(&mut self) {
        let flow = &mut self.flow;
        // Rows that nobody will send are still taken, to let the readers come to their end.
        let has_room = flow.failure.is_some() || (flow.ready.is_empty() && flow.finished.len() < FINISHED_MAX);
        let commit_at = flow.finished_since.map_or_else(Instant::now, |since| since + COMMIT_EVERY);
        let waits_to_commit = !flow.finished.is_empty() && !flow.is_committing;
        tokio::select! {
            biased;
            changed = self.stop.changed(), if flow.is_stop_watched => match changed {
                Ok(()) if *self.stop.borrow() => self.wind_down(Wind::Stopping),
                Ok(()) => {}
                // Whoever could have stopped us is gone; that is no wish to stop.
                Err(_) => flow.is_stop_watched = false,
            },
            Some(sent) = flow.sends.join_next(), if !flow.sends.is_empty() => self.sent(sent),
            Some(answer) = self.committing.answers.recv(), if flow.is_committing => {
                flow.is_committing = false;
                if let Err(error) = answer {
                    self.fail(error.into());
                }
            }
            parcel = self.reading.parcels.recv(), if !flow.is_read && has_room => match parcel {
                Some(parcel) => parcel.into_iter().for_each(|part| self.part(part)),
                None => self.read_to_the_end(),
            },
            () = tokio::time::sleep_until(commit_at), if waits_to_commit => {}
        }
    }

    /// Sends what is ready, as far as the budget's most allows; the budget itself is taken per request.
    fn launch(&mut self) {
        while self.flow.sends.len() < self.requests_at_once {
            let Some(batch) = self.flow.ready.pop_front() else { return };
            self.flow.batches += 1;
            self.flow.sends.spawn(send(Arc::clone(&self.sending), batch, self.flow.batches));
        }
    }

    fn commit_if_due(&mut self) {
        let flow = &mut self.flow;
        if flow.is_committing {
            return;
        }
        let progress = self.tracker.progress();
        if flow.finished.is_empty() && progress.is_empty() {
            return;
        }
        let is_late = flow.finished_since.is_some_and(|since| since.elapsed() >= COMMIT_EVERY);
        let nothing_else = flow.is_read && flow.ready.is_empty() && flow.sends.is_empty();
        if !is_late && !nothing_else && flow.finished.len() < UNITS_PER_COMMIT && progress.is_empty() {
            return;
        }
        flow.finished_since = None;
        let finished = std::mem::take(&mut flow.finished);
        flow.is_committing = self.committing.commit(Group { finished, progress });
        if !flow.is_committing {
            self.fail(BackfillError::Lost("the ledger's thread"));
        }
    }

    fn part(&mut self, part: Part) {
        if self.flow.failure.is_some() {
            return;
        }
        let unit = part.unit;
        for row in part.rows {
            if let Err(error) = self.row(&unit, row) {
                return self.fail(error);
            }
        }
        match part.end {
            None => {}
            Some(Ok(read)) => self.unit_ended(&unit, read),
            Some(Err(failure)) => self.fail(unreadable(failure)),
        }
    }

    fn row(&mut self, unit: &Unit, row: Checked) -> Result<(), BackfillError> {
        match row {
            Checked::Send(mut ticket) => {
                let number = self.table_numbers.get(&*ticket.mapped.table);
                let Some(batcher) = number.and_then(|number| self.batchers.get_mut(*number)) else {
                    return Err(BackfillError::ForeignLedger(format!("the plan has no table {}", ticket.mapped.table)));
                };
                if self.tracker.sending(unit, &mut ticket)? {
                    let ready = &mut self.flow.ready;
                    batcher.add(*ticket, &mut |batch| ready.push_back(batch));
                } else {
                    self.flow.acknowledged += 1;
                    self.count(1, 0);
                }
            }
            Checked::Quarantined(row) => {
                if self.strict && row.code == UNDECODABLE {
                    return Err(BackfillError::Strict { place: format!("{} row {}", row.object, row.row), reason: row.reason });
                }
                self.tracker.quarantined(unit, *row)?;
                self.count(1, 1);
            }
            Checked::Filtered(activity) => {
                self.tracker.filtered(unit, &activity)?;
                self.count(1, 0);
            }
        }
        Ok(())
    }

    fn unit_ended(&mut self, unit: &Unit, read: ObjectRead) {
        if let Some(damage) = &read.damage {
            if self.strict {
                return self.fail(BackfillError::Strict { place: unit.key.clone(), reason: damage.clone() });
            }
            self.flow.damage_notes += 1;
            if self.flow.damage_notes <= NOTES_MAX {
                self.sending.progress.note(&format!("{}: {damage}", unit.key));
            }
        }
        match self.tracker.ended(unit, read, self.clock.now()) {
            Ok(finished) => self.finish(finished),
            Err(error) => self.fail(error),
        }
    }

    fn sent(&mut self, sent: Result<Sent, JoinError>) {
        let Ok(Sent { batch, fates, halt }) = sent else { return self.fail(BackfillError::Lost("a sender")) };
        let table = self.sending.tables.get(batch.table).cloned().unwrap_or_default();
        let invalid = fates.iter().flatten().find_map(|fate| match fate {
            Fate::Rejected(Rejected::Invalid(message)) => Some(message.clone()),
            _ => None,
        });
        let mut finished = Vec::new();
        let settled = self.tracker.settled(batch, fates, self.clock.now(), &mut finished);
        self.finish(finished);
        match settled {
            Err(error) => self.fail(error),
            Ok(settled) => {
                self.count(settled.rows, settled.rows - settled.acknowledged);
                self.flow.acknowledged += settled.acknowledged;
                self.flow.invalid += settled.invalid;
            }
        }
        match halt {
            None | Some(Halt::WoundDown) => {}
            Some(Halt::Fault(fault)) => self.fail(BackfillError::Target { table: table.clone(), fault }),
            Some(Halt::GaveUp(fault)) => {
                let seconds = self.sending.tuning.give_up_after.as_secs();
                self.fail(BackfillError::GaveUp { table: table.clone(), seconds, fault });
            }
        }
        if let Some(message) = invalid
            && self.flow.acknowledged == 0
            && self.flow.invalid >= INVALID_AT_FIRST_MAX
        {
            self.fail(BackfillError::EverythingInvalid { table, records: self.flow.invalid, message });
        }
    }

    fn finish(&mut self, finished: impl IntoIterator<Item = Finished>) {
        self.flow.finished.extend(finished);
        if !self.flow.finished.is_empty() {
            self.flow.finished_since.get_or_insert_with(Instant::now);
        }
    }

    fn count(&mut self, rows: u64, rejected: u64) {
        self.flow.rows += rows;
        self.sending.progress.advance(rows);
        if let Err(error) = self.rejects.count(rows, rejected) {
            self.fail(error);
        }
    }

    /// The readers have ended: what waits for company goes without.
    fn read_to_the_end(&mut self) {
        self.flow.is_read = true;
        if self.flow.failure.is_none() {
            for batcher in &mut self.batchers {
                batcher.flush(&mut |batch| self.flow.ready.push_back(batch));
            }
        }
    }

    fn wind_down(&mut self, wind: Wind) {
        self.wind.send_replace(wind);
        self.reading.stop.store(true, Ordering::Relaxed);
    }

    /// Remembers the first failure; what is under way ends, what is done is committed, nothing new begins.
    fn fail(&mut self, error: BackfillError) {
        self.flow.failure.get_or_insert(error);
        self.flow.ready.clear();
        self.wind_down(Wind::Failing);
    }
}

fn unreadable(failure: ReadFailure) -> BackfillError {
    if failure.is_changed {
        return BackfillError::SourceChanged(failure.message);
    }
    BackfillError::SourceUnreadable { message: failure.message, hint: failure.hint }
}
