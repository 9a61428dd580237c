//! The way through a unit's rows: which of them need not be sent again, and whether they are the ones that an earlier run saw.
//!
//! Rows are numbered from 1 in the order in which the reader hands them on. Those that an earlier run settled are read, mapped and counted
//! as ever, and not sent. They are taken for acknowledged only if they are the same rows: at the end of each interval its digest must be the
//! one that was kept, so that an object or a function that gives other rows the second time costs a repetition and never a row.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::batcher::Ticket;
use crate::ledger::{Interval, IntervalError, SettledRows};

/// So many rows of a unit are acknowledged between two moments at which the ledger is told: some seconds' worth.
pub(super) const ROWS_PER_PROGRESS: u64 = 20_000;

/// A unit that is under way.
#[derive(Debug, Default)]
pub(super) struct Passage {
    /// The number of the last row that came.
    seen: u64,
    /// By an earlier run.
    before: Arc<SettledRows>,
    /// Of the rows so far in the interval of `before` that is being passed.
    passing: u64,
    settled: SettledRows,
    /// Rows settled since the ledger was told.
    untold: u64,
}

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// An earlier run settled it.
    Before,
    /// It is this run's; its number.
    Now(u64),
}

/// The rows are not those that an earlier run settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OtherRows;

impl Passage {
    pub(super) fn after(before: SettledRows) -> Self {
        Self { settled: before.clone(), before: Arc::new(before), ..Self::default() }
    }

    /// The next row, which is to be sent as `ticket`, or needs no sending.
    pub(super) fn next(&mut self, ticket: Option<&Ticket>) -> Result<Turn, OtherRows> {
        self.seen += 1;
        let Some(interval) = self.before.around(self.seen) else {
            if ticket.is_none() {
                // The number is new, so the row cannot be settled yet.
                self.settle(self.seen, None).map_err(|_| OtherRows)?;
            }
            return Ok(Turn::Now(self.seen));
        };
        self.passing = self.passing.wrapping_add(digest_of(self.seen, ticket));
        if self.seen + 1 == interval.to && std::mem::take(&mut self.passing) != interval.digest {
            return Err(OtherRows);
        }
        Ok(Turn::Before)
    }

    /// The row `number` has an outcome that stands.
    pub(super) fn settle(&mut self, number: u64, ticket: Option<&Ticket>) -> Result<(), IntervalError> {
        self.settled.insert(Interval { from: number, to: number + 1, digest: digest_of(number, ticket) })?;
        self.untold += 1;
        Ok(())
    }

    /// There are no more rows.
    pub(super) fn ended(&self) -> Result<(), OtherRows> {
        if self.before.end() <= self.seen + 1 { Ok(()) } else { Err(OtherRows) }
    }

    /// Whether the ledger should be told of at least `rows` more.
    pub(super) fn is_due(&self, rows: u64) -> bool {
        self.untold >= rows
    }

    /// What to tell the ledger.
    pub(super) fn told(&mut self) -> SettledRows {
        self.untold = 0;
        self.settled.clone()
    }
}

/// What tells a row from any other one: its number, and where it goes with which key and values.
fn digest_of(number: u64, ticket: Option<&Ticket>) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&number.to_le_bytes());
    if let Some(ticket) = ticket {
        hasher.update(&ticket.key.0.to_le_bytes());
        hasher.update(&ticket.content.to_le_bytes());
        hasher.update(ticket.mapped.table.as_bytes());
    }
    hasher.digest()
}
