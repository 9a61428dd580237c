//! The accounting of units that are under way: no unit is done before every one of its rows has an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::MappedRow;
use super::batcher::{Batch, Ticket};
use super::collisions::Collisions;
use super::error::BackfillError;
use super::passage::{OtherRows, Passage, ROWS_PER_PROGRESS, Turn};
use super::send::{Fate, Rejected};
use crate::history::ObjectRead;
use crate::ledger::{QuarantinedRow, SettledRows, Tallies, Tally, Unit, UnitDone, UnitProgress};
use crate::target::{Rejection, RejectionCause};
use crate::time::Nanos;
use crate::value::object_to_json;

/// Fewer rows than fill a request are sent again rather than remembered when a run ends early.
const ROWS_WORTH_TELLING: u64 = 100;

/// A unit that is done but for being remembered.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) done: UnitDone,
    /// In the order of their row numbers.
    pub(super) quarantine: Vec<QuarantinedRow>,
}

#[derive(Debug)]
struct Open {
    unit: Unit,
    /// By table, few as they are; that of the unit's own table is the first.
    tallies: Vec<(String, Tally)>,
    /// Rows that were sent, or wait to be, and have no outcome.
    outstanding: u64,
    ended: Option<ObjectRead>,
    quarantine: Vec<QuarantinedRow>,
    passage: Passage,
}

/// The units under way.
#[derive(Debug)]
pub(super) struct Tracker {
    open: BTreeMap<u32, Open>,
    collisions: Arc<Collisions>,
    /// How far earlier runs came, of units that are not begun yet.
    before: BTreeMap<u32, SettledRows>,
    /// Units of which the ledger is to be told how far they are.
    due: BTreeSet<u32>,
    /// Units that gave other rows than before.
    forgotten: BTreeSet<u32>,
}

impl Tracker {
    pub(super) fn new(collisions: Arc<Collisions>, before: BTreeMap<u32, SettledRows>) -> Self {
        Self { open: BTreeMap::new(), collisions, before, due: BTreeSet::new(), forgotten: BTreeSet::new() }
    }

    /// Whether any unit has begun and not finished.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn open(&mut self, unit: &Unit) -> &mut Open {
        self.open.entry(unit.id).or_insert_with(|| Open {
            unit: unit.clone(),
            tallies: vec![(unit.table.clone(), Tally::default())],
            outstanding: 0,
            ended: None,
            quarantine: Vec::new(),
            passage: Passage::after(self.before.remove(&unit.id).unwrap_or_default()),
        })
    }

    /// A row of `unit` comes as `ticket`: it is to be sent, unless an earlier run did. Then it is acknowledged, and false is returned.
    pub(super) fn sending(&mut self, unit: &Unit, ticket: &mut Ticket) -> Result<bool, BackfillError> {
        let open = self.open(unit);
        let turn = open.passage.next(Some(ticket));
        let tally = open.tally(&ticket.mapped.table);
        tally.read += 1;
        match turn {
            Ok(Turn::Now(number)) => {
                ticket.number = number;
                open.outstanding += 1;
                Ok(true)
            }
            Ok(Turn::Before) => {
                tally.acknowledged += 1;
                Ok(false)
            }
            Err(OtherRows) => Err(self.forget(unit)),
        }
    }

    pub(super) fn filtered(&mut self, unit: &Unit, activity: &str) -> Result<(), BackfillError> {
        let open = self.open(unit);
        let tally = open.tally(&unit.table);
        tally.read += 1;
        *tally.filtered.entry(activity.to_owned()).or_default() += 1;
        self.unsent(unit)
    }

    pub(super) fn quarantined(&mut self, unit: &Unit, row: QuarantinedRow) -> Result<(), BackfillError> {
        let open = self.open(unit);
        open.tally(&row.table).read += 1;
        open.keep(row);
        self.unsent(unit)
    }

    /// A row came that needs no sending.
    fn unsent(&mut self, unit: &Unit) -> Result<(), BackfillError> {
        self.open(unit).passage.next(None).map(drop).map_err(|OtherRows| self.forget(unit))
    }

    /// The unit was read to its end, or to its damage.
    pub(super) fn ended(&mut self, unit: &Unit, read: ObjectRead, now: Nanos) -> Result<Option<Finished>, BackfillError> {
        let open = self.open(unit);
        // First: a unit without an end is not done, whatever answers still come.
        if open.passage.ended().is_err() {
            return Err(self.forget(unit));
        }
        open.ended = Some(read);
        self.finish(unit.id, now)
    }

    /// What an earlier run did of `unit` is no help.
    fn forget(&mut self, unit: &Unit) -> BackfillError {
        self.forgotten.insert(unit.id);
        BackfillError::OtherRows { object: unit.key.clone() }
    }

    /// How far the units are of which the ledger should know by now.
    pub(super) fn progress(&mut self) -> Vec<UnitProgress> {
        let due = std::mem::take(&mut self.due);
        due.into_iter().filter_map(|id| Some(UnitProgress { id, settled: self.open.get_mut(&id)?.passage.told() })).collect()
    }

    /// How far units are when no more rows come, as far as it is worth the telling, and those of which there is nothing to go by.
    pub(super) fn rest(&mut self) -> Vec<UnitProgress> {
        let worth = self.open.iter().filter(|(_, open)| open.passage.is_due(ROWS_WORTH_TELLING)).map(|(id, _)| *id);
        self.due = worth.filter(|id| !self.forgotten.contains(id)).collect();
        let forgotten = self.forgotten.iter().map(|id| UnitProgress { id: *id, settled: SettledRows::default() });
        forgotten.collect::<Vec<_>>().into_iter().chain(self.progress()).collect()
    }

    /// Takes the outcomes of a batch; `finished` gets every unit that is done by it. Returns how many rows have theirs now.
    pub(super) fn settled(
        &mut self,
        batch: Batch,
        fates: Vec<Option<Fate>>,
        now: Nanos,
        finished: &mut Vec<Finished>,
    ) -> Result<Settled, BackfillError> {
        let mut sum = Settled::default();
        for (entry, fate) in batch.entries.into_iter().zip(fates) {
            let Some(fate) = fate else { continue };
            for ticket in entry.into_rows() {
                sum.rows += 1;
                sum.acknowledged += u64::from(fate == Fate::Acknowledged);
                sum.invalid += u64::from(matches!(fate, Fate::Rejected(Rejected::Invalid(_))));
                let unit = ticket.unit;
                self.settle_row(ticket, &fate)?;
                finished.extend(self.finish(unit, now)?);
            }
        }
        Ok(sum)
    }

    fn settle_row(&mut self, ticket: Ticket, fate: &Fate) -> Result<(), BackfillError> {
        let Some(open) = self.open.get_mut(&ticket.unit) else { return Ok(()) };
        open.outstanding = open.outstanding.saturating_sub(1);
        match fate {
            Fate::Acknowledged => {
                open.tally(&ticket.mapped.table).acknowledged += 1;
                open.passage.settle(ticket.number, Some(&ticket)).map_err(|_| BackfillError::Lost("the number of a row"))?;
                if open.passage.is_due(ROWS_PER_PROGRESS) {
                    self.due.insert(ticket.unit);
                }
            }
            // A row that the target refused may be sent again: it is refused again.
            Fate::Rejected(rejected) => {
                let (code, reason) = explain(rejected, &ticket, &self.collisions);
                let row = quarantined(&open.unit, &ticket.mapped, code, reason);
                open.keep(row);
            }
        }
        Ok(())
    }

    /// Takes the unit out when nothing of it is missing any more.
    fn finish(&mut self, unit: u32, now: Nanos) -> Result<Option<Finished>, BackfillError> {
        let is_whole = self.open.get(&unit).is_some_and(|open| open.ended.is_some() && open.outstanding == 0);
        let Some(open) = is_whole.then(|| self.open.remove(&unit)).flatten() else { return Ok(None) };
        let ended = open.ended.unwrap_or_default();
        let tallies: Tallies = open.tallies.into_iter().collect();
        let whole = Tally::sum(tallies.values());
        if !tallies.values().all(Tally::balances) || whole.read != ended.rows {
            return Err(identity(open.unit.key, &whole, ended.rows));
        }
        let mut quarantine = open.quarantine;
        quarantine.sort_by_key(|row| row.row);
        let done = UnitDone { id: unit, tallies, damage: ended.damage, finished_at: now, skipped: None };
        Ok(Some(Finished { done, quarantine }))
    }
}

impl Open {
    fn tally(&mut self, table: &str) -> &mut Tally {
        let at = self.tallies.iter().position(|(name, _)| name == table).unwrap_or_else(|| {
            self.tallies.push((table.to_owned(), Tally::default()));
            self.tallies.len() - 1
        });
        &mut self.tallies[at].1
    }

    fn keep(&mut self, row: QuarantinedRow) {
        *self.tally(&row.table).quarantined.entry(row.code.clone()).or_default() += 1;
        self.quarantine.push(row);
    }
}

/// What a batch brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) rows: u64,
    pub(super) acknowledged: u64,
    pub(super) invalid: u64,
}

/// The error of an accounting that does not add up.
pub(super) fn identity(what: String, tally: &Tally, counted: u64) -> BackfillError {
    BackfillError::Identity {
        what,
        read: tally.read,
        acknowledged: tally.acknowledged,
        filtered: tally.filtered_total(),
        quarantined: tally.quarantined_total(),
        counted,
    }
}

/// The code and the reason under which a refused row is kept: the target's words, and what we know beyond them.
fn explain(rejected: &Rejected, ticket: &Ticket, collisions: &Collisions) -> (&'static str, String) {
    let Rejection { cause, reason, .. } = match rejected {
        Rejected::Invalid(message) => return ("rejected_invalid", message.clone()),
        Rejected::Alone(rejection) => rejection,
    };
    match cause {
        RejectionCause::OutsideWindow { .. } => ("rejected_outside_window", reason.clone()),
        RejectionCause::OlderVersion { existing: Some(existing) } => {
            ("rejected_older_version", format!("the target holds version {existing} of it: {reason}"))
        }
        RejectionCause::OlderVersion { existing: None } => ("rejected_older_version", reason.clone()),
        RejectionCause::Other => ("rejected_other", reason.clone()),
        RejectionCause::Conflict => {
            let place = &ticket.mapped.provenance;
            let known = ticket.rival.clone().or_else(|| collisions.others(&ticket.mapped.table, ticket.key, &place.object.key, place.row));
            let other = known.map_or_else(|| "the other side is at the target".to_owned(), |known| format!("the other side: {known}"));
            ("rejected_conflict", format!("{place} has the key of another record, and other values ({other}): {reason}"))
        }
    }
}

/// A row that was mapped, and does not reach the target.
pub(super) fn quarantined(unit: &Unit, mapped: &MappedRow, code: &str, reason: String) -> QuarantinedRow {
    QuarantinedRow {
        unit: unit.id,
        object: unit.key.clone(),
        etag: unit.etag.clone(),
        row: mapped.provenance.row,
        byte_offset: mapped.provenance.byte_offset,
        table: mapped.table.to_string(),
        code: code.to_owned(),
        reason,
        content: object_to_json(&mapped.columns),
    }
}
