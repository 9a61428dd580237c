//! A request's records against their table, one after the other: later ones see what earlier ones did.

use rusqlite::Connection;
use xxhash_rust::xxh3::Xxh3;

use super::record::Incoming;
use super::report::{Drop, write_report};
use super::value::Datum;
use super::window::{Tier, Window};
use super::{Outcome, WriteRequest};
use crate::local::LocalSettings;
use crate::local::failure::{Failure, Rejected};
use crate::local::timestream::store::{ColumnRole, RecordKind, RowParts, TableState};
use crate::local::timestream::switches::PartialUpsert;
use crate::record::MeasureKind;
use crate::time::Nanos;

/// Facts: limits of a table.
const DIMENSIONS_MAX: usize = 128;
const MEASURE_NAMES_MAX: usize = 8192;
const MULTI_MEASURES_MAX: usize = 1024;

/// Why a record is not stored.
#[derive(Debug)]
enum Refusal {
    Reason(String),
    Version { reason: String, existing: Option<i64> },
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

/// Applies all records; what is dropped is reported before anything is committed.
pub(super) fn records(
    connection: &Connection,
    table: &mut TableState,
    request: &WriteRequest,
    settings: &LocalSettings,
    now: Nanos,
) -> Result<Outcome, Failure> {
    let window = Window::of(table, now);
    let mut applier = Applier { connection, table, partial_upsert: settings.switches.partial_upsert };
    let mut outcome = Outcome::default();
    let mut drops = Vec::new();
    for (index, record) in request.records.iter().enumerate() {
        let (time, tier) = match place(record, &window, applier.table) {
            Ok(placed) => placed,
            Err(reason) => {
                outcome.rejected.push(Rejected { index, reason, existing_version: None });
                continue;
            }
        };
        let delay = if tier == Tier::Magnetic { settings.magnetic_visibility_delay_nanos } else { 0 };
        match (applier.apply(record, time, now.0.saturating_add(delay))?, tier) {
            (Ok(()), Tier::Memory) => outcome.memory += 1,
            (Ok(()), Tier::Magnetic) => outcome.magnetic += 1,
            // An update of the magnetic store that is not newer is taken, then dropped and reported (facts §1.5).
            (Err(Refusal::Version { reason, .. }), Tier::Magnetic) => {
                outcome.magnetic += 1;
                outcome.dropped += 1;
                drops.push(Drop { record, reason });
            }
            (Err(Refusal::Version { reason, existing }), Tier::Memory) => {
                outcome.rejected.push(Rejected { index, reason, existing_version: existing });
            }
            (Err(Refusal::Reason(reason)), _) => outcome.rejected.push(Rejected { index, reason, existing_version: None }),
        }
    }
    if let (false, Some((bucket, prefix))) = (drops.is_empty(), applier.table.properties.rejected_data()) {
        let root = settings.data_dir.join("rejected");
        write_report(&root, bucket, prefix, request, &drops, now).map_err(|error| Failure::internal(&error))?;
    }
    Ok(outcome)
}

/// The store that takes the record, by its time and the rules that do not depend on other records.
fn place(record: &Incoming, window: &Window, table: &TableState) -> Result<(i64, Tier), String> {
    if let Some(reason) = &record.refusal {
        return Err(reason.clone());
    }
    let placed = window.tier(record.time)?;
    match table.properties.required_dimension() {
        Some(key) if !record.dimensions.iter().any(|(name, _)| name == key) => {
            Err(format!("The record does not have the dimension {key}, which is the partition key of the table and is required."))
        }
        _ => Ok(placed),
    }
}

struct Applier<'a> {
    connection: &'a Connection,
    table: &'a mut TableState,
    partial_upsert: PartialUpsert,
}

impl Applier<'_> {
    /// Stores a record, or recognises it, or says why not. `Err` is a failure of the machine.
    fn apply(&mut self, record: &Incoming, time: i64, visible_at: i64) -> Result<Result<(), Refusal>, Failure> {
        if let Err(reason) = self.check_against_table(record) {
            return Ok(Err(reason.into()));
        }
        let key = key(record, time);
        let existing = self.table.existing(self.connection, &key)?;
        let Some(existing) = existing else {
            self.insert(record, &key, &record.values, time, visible_at)?;
            return Ok(Ok(()));
        };
        let merged = match (self.partial_upsert, record.kind) {
            (PartialUpsert::Merge, RecordKind::Multi) => Some(self.merged(record, &key)?),
            _ => None,
        };
        let values = merged.as_ref().unwrap_or(&record.values);
        let same = content(values) == existing.content;
        if record.version < existing.version {
            let (mine, theirs) = (record.version, existing.version);
            let reason = format!(
                "The record version {mine} is lower than the existing version {theirs}. A higher version is required to update the measure value."
            );
            return Ok(Err(Refusal::Version { reason, existing: Some(theirs) }));
        }
        match (same, record.version == existing.version) {
            (true, true) => {}
            (true, false) => self.table.set_version(self.connection, &key, record.version)?,
            (false, true) => {
                let reason = "A record already exists with the same time, dimensions, measure name, and record version. A higher record version \
                              must be specified in order to update the measure value. Specifying record version is supported by the latest SDKs.";
                return Ok(Err(Refusal::Version { reason: reason.to_owned(), existing: None }));
            }
            (false, false) => {
                self.table.remove(self.connection, &key)?;
                // A row that could be seen does not disappear because it is updated.
                self.insert(record, &key, values, time, existing.visible_at)?;
            }
        }
        Ok(Ok(()))
    }

    /// What the table has seen so far decides what a name may mean, and how many there may be.
    fn check_against_table(&self, record: &Incoming) -> Result<(), String> {
        let table = &*self.table;
        let both = |name: &str| format!("The name {name} cannot be both a dimension name and a measure name of a table.");
        let mut new_dimensions = 0;
        for (name, _) in &record.dimensions {
            match table.column(name).map(|column| column.role) {
                None if table.measure_kind(name).is_some() => return Err(both(name)),
                None => new_dimensions += 1,
                Some(ColumnRole::Dimension) => {}
                Some(_) => return Err(both(name)),
            }
        }
        if table.dimension_count() + new_dimensions > DIMENSIONS_MAX {
            return Err(format!("The table would have more than {DIMENSIONS_MAX} dimensions."));
        }
        let is_dimension = |name: &str| table.column(name).is_some_and(|column| column.role == ColumnRole::Dimension);
        if is_dimension(&record.measure_name) {
            return Err(both(&record.measure_name));
        }
        match table.measure_kind(&record.measure_name) {
            Some(kind) if kind != record.kind => {
                return Err("Measure name already has an assigned measure value type. Each measure name can have only one measure value type and cannot be changed.".to_owned());
            }
            None if table.measure_name_count() >= MEASURE_NAMES_MAX => {
                return Err(format!("The table would have more than {MEASURE_NAMES_MAX} measure names."));
            }
            _ => {}
        }
        if record.kind != RecordKind::Multi {
            return Ok(());
        }
        let mut new_measures = 0;
        for (name, value) in &record.values {
            match table.column(name) {
                None => new_measures += 1,
                Some(column) if column.role == ColumnRole::Dimension => return Err(both(name)),
                Some(column) if column.kind != value.kind() => {
                    return Err("Multi measure name already has an assigned measure value type. Each multi measure name can have only one measure value type and cannot be changed.".to_owned());
                }
                Some(_) => {}
            }
        }
        if table.multi_measure_count() + new_measures > MULTI_MEASURES_MAX {
            return Err(format!("The table would have more than {MULTI_MEASURES_MAX} measures in its multi-measure records."));
        }
        Ok(())
    }

    /// Inserts a row whose key is free, and the columns and measure names that are new.
    fn insert(&mut self, record: &Incoming, key: &[u8; 16], values: &[(String, Datum)], time: i64, visible_at: i64) -> Result<(), Failure> {
        for (name, _) in &record.dimensions {
            self.ensure_column(name, ColumnRole::Dimension, MeasureKind::Varchar)?;
        }
        let role = if record.kind == RecordKind::Multi { ColumnRole::Measure } else { ColumnRole::Single };
        for (name, value) in values {
            self.ensure_column(name, role, value.kind())?;
        }
        if self.table.measure_kind(&record.measure_name).is_none() {
            self.table.add_measure(self.connection, &record.measure_name, record.kind)?;
        }
        let row = RowParts {
            key,
            content: &content(values),
            measure_name: &record.measure_name,
            time,
            version: record.version,
            visible_at,
            dimensions: &record.dimensions,
            values,
        };
        Ok(self.table.insert(self.connection, &row)?)
    }

    fn ensure_column(&mut self, name: &str, role: ColumnRole, kind: MeasureKind) -> Result<(), Failure> {
        if self.table.column(name).is_none() {
            self.table.add_column(self.connection, name, role, kind)?;
        }
        Ok(())
    }

    /// The stored measures with those of the record over them.
    fn merged(&self, record: &Incoming, key: &[u8; 16]) -> Result<Vec<(String, Datum)>, Failure> {
        let named = |name: &str| record.values.iter().any(|(own, _)| own == name);
        let mut merged = self.table.measures_of(self.connection, key)?;
        merged.retain(|(name, _)| !named(name));
        merged.extend(record.values.iter().cloned());
        Ok(merged)
    }
}

/// The identity of a record: all dimension names and values, the measure name and the time (facts §1.3). Every part is
/// preceded by its length, so that no two identities share their bytes.
fn key(record: &Incoming, time: i64) -> [u8; 16] {
    let mut hasher = Xxh3::new();
    hasher.update(&record.dimensions.len().to_le_bytes());
    for (name, value) in &record.dimensions {
        feed(&mut hasher, name.as_bytes());
        feed(&mut hasher, value.as_bytes());
    }
    feed(&mut hasher, record.measure_name.as_bytes());
    hasher.update(&time.to_le_bytes());
    hasher.digest128().to_be_bytes()
}

/// What the measures are, in whatever order they stand: equal for equal names, types and values.
fn content(values: &[(String, Datum)]) -> [u8; 16] {
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let mut hasher = Xxh3::new();
    for (name, value) in sorted {
        feed(&mut hasher, name.as_bytes());
        feed(&mut hasher, value.kind().name().as_bytes());
        feed(&mut hasher, &value.canonical());
    }
    hasher.digest128().to_be_bytes()
}

fn feed(hasher: &mut Xxh3, bytes: &[u8]) {
    hasher.update(&bytes.len().to_le_bytes());
    hasher.update(bytes);
}
