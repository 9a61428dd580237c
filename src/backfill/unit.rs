//! A unit of work as the backfill sees it: an object that gives rows, each of them already what it will be.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::history::{Listing, ObjectRead, SourceObject};
use crate::ledger::{QuarantinedRow, Unit};
use crate::plan::Plan;
use crate::provenance::Provenance;
use crate::record::Record;
use crate::value::Object;

/// What a row became when it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitRow {
    /// It is to be written.
    Record(Box<MappedRow>),
    /// It cannot be written, and why.
    Quarantined(Box<QuarantinedRow>),
    /// The activity of this name drops it.
    Filtered(Arc<str>),
}

/// A record and the row it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedRow {
    pub record: Record,
    /// The name of the table that it goes to; a table of the plan.
    pub table: Arc<str>,
    pub provenance: Provenance,
    /// As read; what quarantine keeps when the target refuses the record.
    pub columns: Object,
}

/// Receives each row of a unit; breaking stops the reading early.
pub type UnitSink<'a> = dyn FnMut(UnitRow) -> ControlFlow<()> + 'a;

/// Where the rows of units come from. The same unit read twice gives the same rows.
pub trait UnitReader: Send + Sync {
    /// Hands every row of `unit` to `sink`, in order.
    ///
    /// # Errors
    /// Only when nothing can be said of the unit's rows. Damage to the data is no failure: see [`ObjectRead`].
    fn read(&self, unit: &Unit, sink: &mut UnitSink<'_>) -> Result<ObjectRead, ReadFailure>;
}

/// Why a unit could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadFailure {
    /// The object is not the one that was planned with, or gone.
    pub is_changed: bool,
    pub message: String,
    pub hint: Option<String>,
}

/// The units of a plan: the objects of `listing` whose store has a table, in order, numbered by their place in the listing. The
/// table of a unit is that of its store's first mapping.
/// Raw channel messages are no rows yet and are left out.
pub fn units<'a>(plan: &'a Plan, listing: &'a Listing) -> impl Iterator<Item = Unit> + Clone + 'a {
    (0_u32..).zip(listing.objects.iter()).filter_map(|(id, object)| unit_of(plan, id, &object))
}

/// The unit that `object`, which has the number `id` in the listing, is; none when the plan does not take it.
pub(super) fn unit_of(plan: &Plan, id: u32, object: &SourceObject) -> Option<Unit> {
    if !object.holds_rows() {
        return None;
    }
    let table = plan.tables.iter().find(|table| table.mapping.store == object.store)?;
    Some(Unit {
        id,
        key: object.id.key.clone(),
        etag: object.id.etag.clone(),
        table: table.mapping.table.clone(),
        bytes: object.size_bytes,
    })
}
