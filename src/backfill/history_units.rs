//! Units out of the history: objects decoded, rows mapped, and the losers of collisions taken out, as the plan decided.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::collisions::Collisions;
use super::unit::{MappedRow, ReadFailure, UnitReader, UnitRow, UnitSink};
use crate::history::{BadRow, Decoded, Listing, ObjectRead, Row, RowSink, SourceObject};
use crate::ledger::{QuarantinedRow, Unit};
use crate::mapping::{MappingError, Router, routers};
use crate::plan::Plan;
use crate::record::Record;
use crate::value::object_to_json;

/// The code of a row that could not be decoded.
pub const UNDECODABLE: &str = "undecodable";
/// The code of a row whose key another row has, with other values.
pub const KEY_COLLISION: &str = "key_collision";

/// Why the mapping makes no record of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable, as `wrong_type`.
    pub code: &'static str,
    /// One line.
    pub reason: String,
}

/// The history of a plan. `decode` hands on the rows of an object; `map` makes the record of a row, by the rules of the
/// plan's table of that number. Both are pure: asked twice, they say the same.
pub struct HistoryUnits<D, M> {
    listing: Arc<Listing>,
    /// Which of the plan's tables takes a row, by store.
    routers: BTreeMap<String, Router>,
    /// Their names, as the plan numbers them.
    tables: Vec<Arc<str>>,
    collisions: Collisions,
    decode: D,
    map: M,
}

impl<D, M> std::fmt::Debug for HistoryUnits<D, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HistoryUnits").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl<D, M> HistoryUnits<D, M>
where
    D: Fn(&SourceObject, &mut RowSink<'_>) -> Result<ObjectRead, ReadFailure> + Send + Sync,
    M: Fn(usize, &Row) -> Result<Record, Refused> + Send + Sync,
{
    /// Joins a plan and the ways to its rows.
    ///
    /// # Errors
    /// When the plan's mappings would take a row twice.
    pub fn new(plan: &Plan, listing: Arc<Listing>, decode: D, map: M) -> Result<Self, MappingError> {
        let routers = routers(plan.tables.iter().map(|table| &table.mapping))?;
        let tables = plan.tables.iter().map(|table| table.mapping.table.as_str().into()).collect();
        Ok(Self { listing, routers, tables, collisions: Collisions::of(plan), decode, map })
    }

    fn row(&self, unit: &Unit, router: &Router, decoded: Decoded) -> UnitRow {
        let row = match decoded {
            Decoded::Bad(bad) => return UnitRow::Quarantined(Box::new(undecodable(unit, bad))),
            Decoded::Filtered(filtered) => return UnitRow::Filtered(filtered.activity),
            Decoded::Row(row) => row,
        };
        let number = match router.route(&row.columns) {
            Ok(number) => number,
            Err(refusal) => return quarantined(unit, &unit.table, &row, refusal.code.code(), refusal.to_string()),
        };
        let Some(table) = self.tables.get(number) else {
            // A defect; a row in quarantine is not lost.
            return quarantined(unit, &unit.table, &row, "unmapped_table", format!("the plan has no table numbered {number}"));
        };
        match (self.map)(number, &row) {
            Err(refused) => quarantined(unit, table, &row, refused.code, refused.reason),
            Ok(record) => match self.collisions.loser(unit.id, row.provenance.row) {
                Some(reason) => quarantined(unit, table, &row, KEY_COLLISION, reason),
                None => {
                    let table = Arc::clone(table);
                    UnitRow::Record(Box::new(MappedRow { record, table, provenance: row.provenance, columns: row.columns }))
                }
            },
        }
    }
}

impl<D, M> UnitReader for HistoryUnits<D, M>
where
    D: Fn(&SourceObject, &mut RowSink<'_>) -> Result<ObjectRead, ReadFailure> + Send + Sync,
    M: Fn(usize, &Row) -> Result<Record, Refused> + Send + Sync,
{
    fn read(&self, unit: &Unit, sink: &mut UnitSink<'_>) -> Result<ObjectRead, ReadFailure> {
        let object = self.listing.objects.numbered(unit.id).filter(|object| object.id.key == unit.key && object.id.etag == unit.etag);
        let found = object.and_then(|object| {
            let router = self.routers.get(&object.store)?;
            Some((object, router))
        });
        let Some((object, router)) = found else {
            let message = format!("{} ({}) is not object {} of the listing", unit.key, unit.etag, unit.id);
            return Err(ReadFailure { is_changed: true, message, hint: None });
        };
        let mut each = |decoded: Decoded| -> ControlFlow<()> { sink(self.row(unit, router, decoded)) };
        (self.decode)(&object, &mut each)
    }
}

fn quarantined(unit: &Unit, table: &str, row: &Row, code: &str, reason: String) -> UnitRow {
    UnitRow::Quarantined(Box::new(QuarantinedRow {
        unit: unit.id,
        object: unit.key.clone(),
        etag: unit.etag.clone(),
        row: row.provenance.row,
        byte_offset: row.provenance.byte_offset,
        table: table.to_owned(),
        code: code.to_owned(),
        reason,
        content: object_to_json(&row.columns),
    }))
}

fn undecodable(unit: &Unit, bad: BadRow) -> QuarantinedRow {
    QuarantinedRow {
        unit: unit.id,
        object: unit.key.clone(),
        etag: unit.etag.clone(),
        row: bad.provenance.row,
        byte_offset: bad.provenance.byte_offset,
        table: unit.table.clone(),
        code: UNDECODABLE.to_owned(),
        reason: bad.reason,
        content: serde_json::Value::String(bad.raw),
    }
}
