//! Why a row differs, as far as the ledger and the source can tell.

use std::sync::Arc;

use super::expect::COLLISION_CODE;
use super::ledger::LedgerRecord;
use super::model::Kind;
use super::rejected::{Rejected, RejectionKind, Rejections};
use crate::census::{Entry, Group};
use crate::time::{HOUR_NANOS, Nanos};

/// A row of the source by the listing's numbers.
pub(super) type At = (u32, u64);

/// Why a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    NotYetVisible {
        until: Nanos,
    },
    NotWrittenYet,
    Quarantined(Arc<str>),
    /// A person left its object out, for this reason.
    Skipped(Arc<str>),
    /// A report of rejected data names it.
    Rejected(Rejected),
    NotInLedger,
    ObjectChanged,
    /// Acknowledged, and not there.
    Unknown,
    NoLedger,
    /// The target holds a side of a collision that the policy keeps out.
    OtherSide(At),
    NotInSource,
    ReturnedTwice,
}

impl Cause {
    /// The same few words for the same cause.
    pub(super) fn label(&self) -> String {
        match self {
            Self::NotYetVisible { .. } => "not yet visible".to_owned(),
            Self::NotWrittenYet => "not written yet".to_owned(),
            Self::Quarantined(code) => format!("quarantined: {code}"),
            Self::Skipped(reason) => format!("skipped: {reason}"),
            Self::Rejected(rejected) => format!("rejected: {}", rejected.cause.word()),
            Self::NotInLedger => "object not in the ledger".to_owned(),
            Self::ObjectChanged => "object changed since it was written".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::NoLedger => "unknown, no ledger".to_owned(),
            Self::OtherSide(_) => "losing side of a collision".to_owned(),
            Self::NotInSource => "not in the source".to_owned(),
            Self::ReturnedTwice => "returned twice".to_owned(),
        }
    }

    /// One line; `object` names a unit.
    pub(super) fn detail(&self, kind: Kind, object: &dyn Fn(u32) -> String) -> String {
        match self {
            Self::NotYetVisible { until } => {
                format!("it was acknowledged; rows in the magnetic store may take hours to appear, and this one has until {until}")
            }
            Self::NotWrittenYet => "the ledger has its object as not done; go on with the backfill".to_owned(),
            Self::Quarantined(code) => format!("the ledger quarantined the row as `{code}`"),
            Self::Skipped(_) => "a person left its object out (`units skip`); `units retry` and a backfill would write it".to_owned(),
            Self::Rejected(Rejected { cause, reason, report }) => {
                let then = match cause {
                    RejectionKind::OutsideWindow => "the table's retention does not reach it",
                    RejectionKind::OlderVersion | RejectionKind::Conflict => "another writer's row stands there",
                    RejectionKind::Other => "the service took it and dropped it",
                };
                format!("{then}; the report {report} says: {reason}")
            }
            Self::NotInLedger => "no backfill of this migration knows its object".to_owned(),
            Self::ObjectChanged => "the ledger knows its object with another ETag".to_owned(),
            Self::Unknown if kind == Kind::Changed => {
                "the target may hold the value of another writer or of a higher version; look into the report of rejected data".to_owned()
            }
            Self::Unknown => "it was acknowledged and is not there; look into the report of rejected data, and at retention".to_owned(),
            Self::NoLedger => "no ledger was there to ask".to_owned(),
            Self::OtherSide((unit, row)) => format!("the target holds the row of {} row {row}, which the policy keeps out", object(*unit)),
            Self::NotInSource => "no source row has this key; another writer, or a source object that is gone".to_owned(),
            Self::ReturnedTwice => "the target returned this key more than once".to_owned(),
        }
    }
}

/// What causes are judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Why<'a> {
    pub(super) ledger: Option<&'a LedgerRecord>,
    pub(super) rejections: Option<&'a Rejections>,
    pub(super) now: Nanos,
    /// Rows older than this when they were written went to the magnetic store (facts: 1.5).
    pub(super) memory_hours: u64,
    pub(super) magnetic_window_nanos: i64,
    pub(super) memory_window_nanos: i64,
}

impl Why<'_> {
    /// Why none of the `written` rows of `key` is in the target: missing, or pending.
    pub(super) fn absent<'e>(&self, key: u128, written: impl Iterator<Item = &'e Entry>) -> (Kind, Cause) {
        let (kind, cause) = self.absent_by_ledger(written);
        match (self.rejected(key), &cause) {
            // What stands in its place may not be visible either.
            (Some(rejected), Cause::NotYetVisible { .. }) if rejected.cause.is_of_version() => (kind, cause),
            (Some(rejected), Cause::NotYetVisible { .. } | Cause::Unknown | Cause::NoLedger) => {
                (Kind::Missing, Cause::Rejected(rejected.clone()))
            }
            _ => (kind, cause),
        }
    }

    fn rejected(&self, key: u128) -> Option<&Rejected> {
        self.rejections.and_then(|rejections| rejections.get(key))
    }

    fn absent_by_ledger<'e>(&self, written: impl Iterator<Item = &'e Entry>) -> (Kind, Cause) {
        let Some(ledger) = self.ledger else { return (Kind::Missing, Cause::NoLedger) };
        // Of several copies, the one that explains most: acknowledged over quarantined over skipped over not written over unknown.
        let mut best: Option<(u8, Cause)> = None;
        for entry in written {
            let judged = self.judge(ledger, entry);
            if best.as_ref().is_none_or(|(rank, cause)| {
                // Of two acknowledged copies, the one that stopped being pending first.
                judged.0 < *rank || (judged.0 == *rank && *cause != Cause::Unknown && judged.1 == Cause::Unknown)
            }) {
                best = Some(judged);
            }
        }
        match best {
            Some((_, cause @ Cause::NotYetVisible { .. })) => (Kind::Pending, cause),
            Some((_, cause @ Cause::Skipped(_))) => (Kind::Skipped, cause),
            Some((_, cause)) => (Kind::Missing, cause),
            None => (Kind::Missing, Cause::Unknown),
        }
    }

    fn judge(&self, ledger: &LedgerRecord, entry: &Entry) -> (u8, Cause) {
        if let Some(code) = ledger.quarantined(entry.unit, entry.row) {
            return (1, Cause::Quarantined(Arc::clone(code)));
        }
        let Some(unit) = ledger.unit(entry.unit) else { return (5, Cause::NotInLedger) };
        if !unit.unchanged {
            return (4, Cause::ObjectChanged);
        }
        if let Some(reason) = &unit.skipped {
            return (2, Cause::Skipped(Arc::clone(reason)));
        }
        let Some(finished_at) = unit.finished_at else { return (3, Cause::NotWrittenYet) };
        let until = self.visible_by(finished_at, entry.time);
        (0, if self.now < until { Cause::NotYetVisible { until } } else { Cause::Unknown })
    }

    /// When a row of `time` in a unit finished at `finished_at` must be seen by queries.
    fn visible_by(&self, finished_at: Nanos, time: i64) -> Nanos {
        let memory_nanos = i64::try_from(self.memory_hours).unwrap_or(i64::MAX).saturating_mul(HOUR_NANOS);
        let magnetic = time < finished_at.0.saturating_sub(memory_nanos);
        let window = if magnetic { self.magnetic_window_nanos } else { self.memory_window_nanos };
        Nanos(finished_at.0.saturating_add(window))
    }

    /// Why the target holds `content` for the key of `group`, of which another content is expected.
    pub(super) fn changed(&self, group: Group<'_>, content: u64) -> Cause {
        if let Some(side) = group.entries.iter().find(|entry| entry.content == content) {
            return Cause::OtherSide((side.unit, side.row));
        }
        // Whether the row itself was acknowledged does not say where the other value comes from; that it was not, does.
        match self.absent_by_ledger(group.written()).1 {
            cause @ (Cause::NotYetVisible { .. } | Cause::Unknown | Cause::NoLedger) => {
                let rejected = group.entries.first().and_then(|entry| self.rejected(entry.key));
                match (rejected, cause) {
                    (Some(rejected), _) => Cause::Rejected(rejected.clone()),
                    (None, Cause::NotYetVisible { .. }) => Cause::Unknown,
                    (None, cause) => cause,
                }
            }
            cause => cause,
        }
    }

    /// Why the target holds `content` for the key of `group`, all of whose rows are kept out.
    pub(super) fn unexpected(group: Group<'_>, content: u64) -> Cause {
        match group.entries.iter().find(|entry| entry.content == content) {
            Some(side) => Cause::OtherSide((side.unit, side.row)),
            None => Cause::Quarantined(COLLISION_CODE.into()),
        }
    }
}
