//! What the ledger says about rows, arranged by the listing's numbers. It is asked why, never how many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::history::Listing;
use crate::ledger::{QuarantinedRow, Tally, Unit, UnitState};
use crate::time::Nanos;

/// The ledger as a verification uses it. Rows in quarantine are held in memory, about 60 bytes each.
#[derive(Debug, Clone, Default)]
pub struct LedgerRecord {
    units: BTreeMap<u32, UnitFact>,
    quarantined: BTreeMap<(u32, u64), Arc<str>>,
    codes: BTreeSet<Arc<str>>,
    numbers: BTreeMap<String, u32>,
    /// All rows of done units, by the table they are counted at.
    tables: BTreeMap<String, Tally>,
    /// By the units' own table.
    homes: BTreeMap<String, UnitCounts>,
}

/// What the ledger knows of one object of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitFact {
    /// None while the unit is not done.
    pub(super) finished_at: Option<Nanos>,
    /// Whether the object is still the one that was written.
    pub(super) unchanged: bool,
    /// Why a person left it out.
    pub(super) skipped: Option<Arc<str>>,
}

/// What the ledger knows of the units of one store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnitCounts {
    pub(super) units_pending: u64,
    /// Units whose object the listing no longer has.
    pub(super) units_gone: u64,
}

impl LedgerRecord {
    /// Arranges `states` by the numbers of `listing`; objects are found by their keys.
    #[must_use]
    pub fn new(listing: &Listing, states: &[(Unit, UnitState)]) -> Self {
        let numbers: BTreeMap<String, u32> = (0..).zip(&listing.objects).map(|(at, object)| (object.id.key.clone(), at)).collect();
        let etag = |number: u32| usize::try_from(number).ok().and_then(|at| listing.objects.get(at)).map(|object| &object.id.etag);
        let mut record = Self { numbers, ..Self::default() };
        for (unit, state) in states {
            let home = record.homes.entry(unit.table.clone()).or_default();
            let (finished_at, skipped) = match state {
                UnitState::Pending => {
                    home.units_pending += 1;
                    (None, None)
                }
                UnitState::Done { tallies, finished_at, skipped, .. } => {
                    for (table, tally) in tallies {
                        record.tables.entry(table.clone()).or_default().add(tally);
                    }
                    (Some(*finished_at), skipped.as_deref().map(Arc::from))
                }
            };
            match record.numbers.get(&unit.key) {
                None => home.units_gone += 1,
                Some(number) => {
                    record.units.insert(*number, UnitFact { finished_at, unchanged: etag(*number) == Some(&unit.etag), skipped });
                }
            }
        }
        record
    }

    /// Adds one row of the quarantine.
    pub fn add_quarantined(&mut self, row: &QuarantinedRow) {
        let Some(&unit) = self.numbers.get(&row.object) else { return };
        let code = self.codes.get(row.code.as_str()).cloned().unwrap_or_else(|| {
            let code: Arc<str> = row.code.as_str().into();
            self.codes.insert(Arc::clone(&code));
            code
        });
        self.quarantined.insert((unit, row.row), code);
    }

    pub(super) fn unit(&self, unit: u32) -> Option<&UnitFact> {
        self.units.get(&unit)
    }

    /// Whether a person left the row out, with its object.
    pub(super) fn is_skipped(&self, unit: u32, row: u64) -> bool {
        self.unit(unit).is_some_and(|unit| unit.skipped.is_some()) && self.quarantined(unit, row).is_none()
    }

    /// The objects that a person left out, by their numbers, with the reason.
    pub(super) fn skipped(&self) -> impl Iterator<Item = (u32, &str)> {
        self.units.iter().filter_map(|(number, unit)| Some((*number, unit.skipped.as_deref()?)))
    }

    pub(super) fn quarantined(&self, unit: u32, row: u64) -> Option<&Arc<str>> {
        self.quarantined.get(&(unit, row))
    }

    /// The rows that are counted at `table`.
    pub(super) fn tally(&self, table: &str) -> Tally {
        self.tables.get(table).cloned().unwrap_or_default()
    }

    /// The units of the store whose first table is `home`; none when the ledger knows no such unit.
    pub(super) fn units(&self, home: &str) -> Option<UnitCounts> {
        self.homes.get(home).copied()
    }
}
