//! What the ledger says about rows, arranged by the listing's numbers. It is asked why, never how many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::history::{Listing, ObjectList};
use crate::ledger::{QuarantinedRow, Tally, Unit, UnitState};
use crate::time::Nanos;

/// The ledger as a verification uses it. Units are held in memory, 16 bytes each, and rows in quarantine, about 60 bytes each.
#[derive(Debug, Clone)]
pub struct LedgerRecord {
    objects: ObjectList,
    /// By the listing's numbers; `None` where the ledger knows no such unit.
    states: Vec<Option<State>>,
    /// The units whose object is another one than was written.
    changed: BTreeSet<u32>,
    /// Why a person left units out.
    skipped: BTreeMap<u32, Arc<str>>,
    quarantined: BTreeMap<(u32, u64), Arc<str>>,
    codes: BTreeSet<Arc<str>>,
    /// All rows of done units, by the table they are counted at.
    tables: BTreeMap<String, Tally>,
    /// By the units' own table.
    homes: BTreeMap<String, UnitCounts>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Pending,
    Done { finished_at: Nanos },
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
    /// Knows of no unit yet.
    #[must_use]
    pub fn new(listing: &Listing) -> Self {
        Self {
            objects: listing.objects.clone(),
            states: vec![None; listing.objects.len()],
            changed: BTreeSet::new(),
            skipped: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            codes: BTreeSet::new(),
            tables: BTreeMap::new(),
            homes: BTreeMap::new(),
        }
    }

    /// Adds a unit; its object is found by its key.
    pub fn add_unit(&mut self, unit: &Unit, state: &UnitState) {
        let number = self.number(unit.id, &unit.key);
        let home = match self.homes.get_mut(&unit.table) {
            Some(home) => home,
            None => self.homes.entry(unit.table.clone()).or_default(),
        };
        let known = match state {
            UnitState::Pending => {
                home.units_pending += 1;
                State::Pending
            }
            UnitState::Done { tallies, finished_at, .. } => {
                for (table, tally) in tallies {
                    match self.tables.get_mut(table) {
                        Some(sum) => sum.add(tally),
                        None => drop(self.tables.insert(table.clone(), tally.clone())),
                    }
                }
                State::Done { finished_at: *finished_at }
            }
        };
        let Some(number) = number else {
            home.units_gone += 1;
            return;
        };
        if let Some(place) = usize::try_from(number).ok().and_then(|at| self.states.get_mut(at)) {
            *place = Some(known);
        }
        if !self.objects.is(number, &unit.key, &unit.etag) {
            self.changed.insert(number);
        }
        if let UnitState::Done { skipped: Some(reason), .. } = state {
            self.skipped.insert(number, reason.as_str().into());
        }
    }

    /// The number of the object with this key; mostly that of the unit.
    fn number(&self, unit: u32, key: &str) -> Option<u32> {
        if self.objects.has_key(unit, key) { Some(unit) } else { self.objects.find(key) }
    }

    /// Adds one row of the quarantine.
    pub fn add_quarantined(&mut self, row: &QuarantinedRow) {
        let Some(unit) = self.number(row.unit, &row.object) else { return };
        let code = self.codes.get(row.code.as_str()).cloned().unwrap_or_else(|| {
            let code: Arc<str> = row.code.as_str().into();
            self.codes.insert(Arc::clone(&code));
            code
        });
        self.quarantined.insert((unit, row.row), code);
    }

    pub(super) fn unit(&self, unit: u32) -> Option<UnitFact> {
        let finished_at = match (*self.states.get(usize::try_from(unit).ok()?)?)? {
            State::Pending => None,
            State::Done { finished_at } => Some(finished_at),
        };
        Some(UnitFact { finished_at, unchanged: !self.changed.contains(&unit), skipped: self.skipped.get(&unit).cloned() })
    }

    /// Whether a person left the row out, with its object.
    pub(super) fn is_skipped(&self, unit: u32, row: u64) -> bool {
        self.skipped.contains_key(&unit) && self.quarantined(unit, row).is_none()
    }

    /// The objects that a person left out, by their numbers, with the reason.
    pub(super) fn skipped(&self) -> impl Iterator<Item = (u32, &str)> {
        self.skipped.iter().map(|(number, reason)| (*number, &**reason))
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
