//! The history written to the target, resumably: read, map, batch, send, account.
//!
//! The way of a row: a reader thread decodes, maps and hashes it (`reading`); it waits in an open batch of its table for
//! company (`batcher`); a sender brings the batch to the target and every record of it to an outcome (`send`); the unit it
//! came from is counted together (`tracker`) and, when nothing of it is missing, made durable (`committing`).
//!
//! Invariants
//! - A unit is done when every one of its rows has an outcome, and not before; `read = acknowledged + filtered + quarantined`,
//!   at each table that its rows go to. A row that no table takes is counted, and quarantined, at the unit's own table.
//! - Killed at any instant, the same command goes on: what is sent twice is the same record with the same version. Of a large unit, what the
//!   ledger knows to be acknowledged is not sent twice (`passage`), unless the unit gives other rows than before.
//! - Quarantined rows are on disk before the ledger calls their unit done.
//! - One adaptive budget for all requests under way; memory does not grow with the history (but for the quarantined rows of
//!   the units under way).
//! - All retrying happens here, typed by what went wrong; nothing is asked twice that could not be idempotent.
//!
//! May be used by `cli` and `demo` only.

mod batcher;
mod budget;
mod collisions;
mod committing;
mod error;
mod history_units;
mod outcome;
mod passage;
mod prepare;
mod reading;
mod rejects;
mod replay;
mod retry;
mod run;
mod send;
mod skip;
#[cfg(test)]
mod tests;
mod tracker;
mod unit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;
use tokio::time::Instant;

pub use error::BackfillError;
pub use history_units::{HistoryUnits, KEY_COLLISION, Refused, UNDECODABLE};
pub use outcome::Outcome;
pub use rejects::{MaxRejects, NoLimit};
pub use replay::{Compared, compare};
pub use retry::Tuning;
pub use skip::{Skipped, skip};
pub use unit::{MappedRow, ReadFailure, UnitReader, UnitRow, UnitSink, units};

use crate::failpoint::Failpoints;
use crate::history::Listing;
use crate::ledger::{Ledger, RunOutcome, Tally, UnitState};
use crate::plan::{Grade, Plan};
use crate::progress::Progress;
use crate::target::Writer;
use crate::time::Clock;

/// Everything a backfill needs. The plan must be fresh: whoever starts one has checked what it is bound to.
pub struct Job<W> {
    pub plan: Arc<Plan>,
    pub plan_digest: String,
    pub listing: Arc<Listing>,
    /// The rows of the plan's units; [`HistoryUnits`], but for tests.
    pub reader: Arc<dyn UnitReader>,
    pub writer: Arc<W>,
    /// Opened for [`units`] of the plan and the listing.
    pub ledger: Ledger,
    pub quarantine_dir: PathBuf,
    /// The first row that cannot be decoded, or damaged object, is an error.
    pub strict: bool,
    /// So many rows may go to quarantine, over all runs; one more is an error.
    pub max_rejects: Option<MaxRejects>,
    pub clock: Arc<dyn Clock>,
    pub progress: Arc<dyn Progress>,
    /// True: finish what is under way, then end.
    pub stop: watch::Receiver<bool>,
    pub failpoints: Arc<Failpoints>,
    pub tuning: Tuning,
}

impl<W> std::fmt::Debug for Job<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("plan_digest", &self.plan_digest).field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// Writes what is not done yet, and accounts for every row.
///
/// # Errors
/// [`BackfillError`]; what was done is remembered, and the same job goes on after it.
pub async fn backfill<W: Writer + 'static>(mut job: Job<W>) -> Result<Outcome, BackfillError> {
    check(&job)?;
    let begun = Instant::now();
    job.ledger.set_failpoints(Arc::clone(&job.failpoints));
    let run = job.ledger.begin_run(job.clock.now())?;
    let mut pending = Vec::new();
    job.ledger.each_state(&mut |unit, state| pending.extend((state == UnitState::Pending).then_some(unit.id)))?;
    job.progress.begin("backfill", rows_left(&job)?, "rows");
    let (clock, progress, plan) = (Arc::clone(&job.clock), Arc::clone(&job.progress), Arc::clone(&job.plan));
    let worked = if pending.is_empty() { Worked::nothing(job.ledger) } else { work(job, pending).await? };
    progress.end();
    let Some(mut ledger) = worked.ledger else { return Err(BackfillError::Lost("the ledger's thread")) };
    let outcome = match worked.failure {
        Some(failure) => Err(failure),
        None => account(&ledger, &plan).map(|mut outcome| {
            outcome.interrupted = outcome.units_pending > 0;
            outcome.seconds = begun.elapsed().as_secs_f64();
            worked.counts.copy_to(&mut outcome);
            outcome
        }),
    };
    let word = match &outcome {
        Ok(outcome) if outcome.interrupted => RunOutcome::Interrupted,
        Ok(_) => RunOutcome::Finished,
        Err(_) => RunOutcome::Failed,
    };
    ledger.end_run(run, word, clock.now())?;
    outcome
}

/// Refuses what must not be carried out.
fn check<W>(job: &Job<W>) -> Result<(), BackfillError> {
    let mut errors = job.plan.findings.iter().filter(|finding| finding.grade == Grade::Error);
    if let Some(first) = errors.next() {
        let (subject, cause) = (first.subject.clone(), first.cause.clone());
        return Err(BackfillError::PlanHasErrors { count: 1 + errors.count(), subject, cause });
    }
    if job.ledger.plan_digest() != job.plan_digest {
        return Err(BackfillError::ForeignLedger(format!("its plan is {}, this is {}", job.ledger.plan_digest(), job.plan_digest)));
    }
    let mut listed = units(&job.plan, &job.listing);
    let mut is_same = true;
    job.ledger.each_state(&mut |unit, _| is_same &= listed.next().is_some_and(|listed| listed == unit))?;
    if !is_same || listed.next().is_some() {
        return Err(BackfillError::ForeignLedger("it lists other units than the plan and the history do".to_owned()));
    }
    Ok(())
}

/// How many rows have no outcome yet, where the plan counted them all.
fn rows_left<W>(job: &Job<W>) -> Result<Option<u64>, BackfillError> {
    if !job.plan.census.full {
        return Ok(None);
    }
    let planned: u64 = job.plan.census.tables.iter().map(|table| table.rows).sum();
    let read: u64 = job.ledger.totals()?.values().map(|tally| tally.read).sum();
    Ok(Some(planned.saturating_sub(read)))
}

/// What earlier runs already put into quarantine.
fn rejects_so_far<W>(job: &Job<W>) -> Result<rejects::Rejects, BackfillError> {
    let totals = job.ledger.totals()?;
    Ok(rejects::Rejects {
        max: job.max_rejects,
        planned: job.plan.census.full.then(|| job.plan.census.tables.iter().map(|table| table.rows).sum()),
        rejected: totals.values().flat_map(|tally| tally.quarantined.values()).sum(),
        rows: totals.values().map(|tally| tally.read).sum(),
    })
}

/// What working left behind.
struct Worked {
    ledger: Option<Ledger>,
    failure: Option<BackfillError>,
    counts: RunCounts,
}

impl Worked {
    fn nothing(ledger: Ledger) -> Self {
        Self { ledger: Some(ledger), failure: None, counts: RunCounts::default() }
    }
}

/// What belongs to this run alone.
#[derive(Debug, Default)]
struct RunCounts {
    remarks: Vec<String>,
    rows: u64,
    requests: u64,
    retries: u64,
    throttled_memory: u64,
    throttled_magnetic: u64,
}

impl RunCounts {
    fn copy_to(self, outcome: &mut Outcome) {
        outcome.remarks = self.remarks;
        outcome.rows = self.rows;
        outcome.requests = self.requests;
        outcome.retries = self.retries;
        outcome.throttled_memory = self.throttled_memory;
        outcome.throttled_magnetic = self.throttled_magnetic;
    }
}

/// Prepares the tables, then writes all of `pending`.
async fn work<W: Writer + 'static>(job: Job<W>, pending: Vec<u32>) -> Result<Worked, BackfillError> {
    let mut tables: Vec<String> = job.plan.tables.iter().map(|table| table.mapping.table.clone()).collect();
    tables.sort();
    tables.dedup();
    let remarks = match prepare::prepare(&job, &tables).await {
        Ok(prepare::Ready::Yes(remarks)) => remarks,
        Ok(prepare::Ready::Stopped) => return Ok(Worked::nothing(job.ledger)),
        Err(failure) => return Ok(Worked { failure: Some(failure), ..Worked::nothing(job.ledger) }),
    };
    let rejects = match rejects_so_far(&job) {
        Ok(rejects) => rejects,
        Err(failure) => return Ok(Worked { failure: Some(failure), ..Worked::nothing(job.ledger) }),
    };
    let settled = match job.ledger.progress() {
        Ok(settled) => settled,
        Err(failure) => return Ok(Worked { failure: Some(failure.into()), ..Worked::nothing(job.ledger) }),
    };
    let machine =
        |source: std::io::Error| BackfillError::SourceUnreadable { message: format!("no thread could be started: {source}"), hint: None };
    let (wind, wind_seen) = watch::channel(send::Wind::Running);
    let requests_at_once = job.plan.write.requests_in_flight_max.max(1);
    let sending = Arc::new(send::Sending {
        writer: Arc::clone(&job.writer),
        budget: budget::Budget::new(requests_at_once),
        wind: wind_seen,
        version: job.plan.write.record_version,
        tuning: job.tuning,
        failpoints: Arc::clone(&job.failpoints),
        progress: job.progress,
        counts: send::Counts::default(),
        tables: tables.clone(),
    });
    let pending = reading::Pending { plan: Arc::clone(&job.plan), listing: job.listing, units: pending };
    let reading = reading::Reading::begin(pending, job.reader, &job.writer, job.plan.write.readers).map_err(machine)?;
    let committing = committing::Committing::begin(job.ledger, job.quarantine_dir, job.failpoints).map_err(machine)?;
    let run = run::Run {
        reading,
        sending: Arc::clone(&sending),
        committing,
        tracker: tracker::Tracker::new(Arc::new(collisions::Collisions::of(&job.plan)), settled),
        batchers: (0..tables.len()).map(batcher::Batcher::new).collect(),
        table_numbers: tables.into_iter().zip(0..).collect(),
        requests_at_once,
        strict: job.strict,
        clock: job.clock,
        stop: job.stop,
        wind,
        flow: run::Flow::new(),
        rejects,
    };
    let ended = run.carry_out().await;
    let seen = &sending.counts;
    let counts = RunCounts {
        remarks,
        rows: ended.rows,
        requests: seen.requests.load(Ordering::Relaxed),
        retries: seen.retries.load(Ordering::Relaxed),
        throttled_memory: seen.throttled_memory.load(Ordering::Relaxed),
        throttled_magnetic: seen.throttled_magnetic.load(Ordering::Relaxed),
    };
    Ok(Worked { ledger: ended.ledger, failure: ended.failure, counts })
}

/// Adds everything up, and refuses a sum that cannot be.
fn account(ledger: &Ledger, plan: &Plan) -> Result<Outcome, BackfillError> {
    let mut outcome = Outcome { totals: ledger.totals()?, ..Outcome::default() };
    let (mut done_rows, mut bytes, mut unread) = (0, 0, 0);
    ledger.each_state(&mut |unit, state| {
        bytes += unit.bytes;
        match state {
            UnitState::Pending => outcome.units_pending += 1,
            UnitState::Done { tallies, damage, skipped, .. } => {
                outcome.units_done += 1;
                // What of it the plan counted is not known where it could not be read.
                unread += u64::from(skipped.is_some() && damage.is_some());
                outcome.skipped.extend(skipped.map(|reason| (unit.key.clone(), reason)));
                done_rows += tallies.values().map(|tally| tally.read).sum::<u64>();
                outcome.damaged.extend(damage.map(|damage| (unit.key, damage)));
            }
        }
    })?;
    let total = outcome.total();
    let odd = outcome.totals.iter().find(|(_, tally)| !tally.balances());
    if let Some((table, tally)) = odd {
        return Err(tracker::identity(format!("table {table}"), tally, tally.read));
    }
    if total.read != done_rows {
        return Err(tracker::identity("all tables".to_owned(), &total, done_rows));
    }
    if outcome.units_pending == 0 {
        check_whole(&outcome, &total, bytes, unread, plan)?;
    }
    Ok(outcome)
}

/// What must hold when all is done: rows came of what was not empty, and as many as the plan counted, but for those of skipped objects that
/// could not be read.
fn check_whole(outcome: &Outcome, total: &Tally, bytes: u64, unread: u64, plan: &Plan) -> Result<(), BackfillError> {
    if total.read == 0 && bytes > 0 && outcome.damaged.is_empty() {
        return Err(BackfillError::NothingRead { units: outcome.units_done, bytes });
    }
    if total.read > total.skipped && total.acknowledged == 0 {
        return Err(BackfillError::NothingWritten { rows: total.read });
    }
    if !plan.census.full {
        return Ok(());
    }
    let mut planned: BTreeMap<&str, u64> = BTreeMap::new();
    // Several mappings may write to one table.
    for table in &plan.census.tables {
        *planned.entry(&table.table).or_default() += table.rows;
    }
    for (table, planned) in planned {
        let read = outcome.totals.get(table).map_or(0, |tally| tally.read);
        if read > planned || (read < planned && unread == 0) {
            return Err(BackfillError::CountDiffers { table: table.to_owned(), planned, read });
        }
    }
    Ok(())
}
