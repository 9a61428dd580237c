//! WriteRecords: from a request body to stored rows, rejected records and reports.
//!
//! A request passes `request` (the API model), `record` (merging, typing, rules that need no table), `window` (which store
//! takes the time) and `apply` (the table's own rules, and versions). `report` tells of magnetic writes that are dropped
//! after the fact.
//!
//! Invariant: a record is stored, or recognised as stored, or rejected, or dropped with a report. The counts of an answer
//! say so and add up.

mod apply;
mod record;
mod report;
mod request;
mod value;
mod window;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod record_tests;

use serde_json::{Value, json};

pub(super) use value::Datum;
pub(super) use window::Retention;

use super::store::Store;
use super::switches::Switches;
use crate::local::LocalSettings;
use crate::local::failure::{Failure, Rejected};
use record::Incoming;

/// A request that has passed every rule that needs no table.
#[derive(Debug)]
pub(super) struct WriteRequest {
    database: String,
    table: String,
    records: Vec<Incoming>,
}

/// What became of a request's records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) memory: usize,
    /// Those dropped after the fact among them: the caller is not told.
    pub(super) magnetic: usize,
    pub(super) dropped: usize,
    pub(super) rejected: Vec<Rejected>,
}

impl Outcome {
    pub(super) fn accepted(&self) -> usize {
        self.memory + self.magnetic
    }

    pub(super) fn into_answer(self) -> Result<Value, Failure> {
        if !self.rejected.is_empty() {
            return Err(Failure::records(self.rejected));
        }
        let ingested = json!({ "Total": self.accepted(), "MemoryStore": self.memory, "MagneticStore": self.magnetic });
        Ok(json!({ "RecordsIngested": ingested }))
    }
}

/// Reads a body.
pub(super) fn read(body: &[u8], switches: &Switches) -> Result<WriteRequest, Failure> {
    let wire = request::read(body)?;
    let common = wire.common_attributes.unwrap_or_default();
    let records = wire.records.unwrap_or_default().into_iter().map(|own| Incoming::read(own, &common, switches));
    Ok(WriteRequest {
        database: wire.database_name.unwrap_or_default(),
        table: wire.table_name.unwrap_or_default(),
        records: records.collect::<Result<_, _>>()?,
    })
}

/// Applies a request to its table, in one transaction.
pub(super) fn apply(store: &mut Store, request: &WriteRequest, settings: &LocalSettings) -> Result<Outcome, Failure> {
    let now = settings.clock.now();
    let outcome = store
        .change_table(&request.database, &request.table, |transaction, table| apply::records(transaction, table, request, settings, now))?;
    outcome.ok_or_else(|| Failure::not_found(format!("The table {} does not exist.", request.table)))
}
