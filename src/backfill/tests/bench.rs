//! A history in memory, a directory with its ledger, and runs over them.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::target::Scripted;
use crate::backfill::{
    BackfillError, Job, MappedRow, MaxRejects, Outcome, ReadFailure, Tuning, UnitReader, UnitRow, UnitSink, backfill, units,
};
use crate::census::fixture::{mapping, record, source_object};
use crate::census::{Census, Collision, TableCensus};
use crate::failpoint::Failpoints;
use crate::history::{Listing, ObjectRead};
use crate::ledger::{Identity, Ledger, QuarantinedRow, Unit, quarantine};
use crate::mapping::Collisions;
use crate::plan::{Plan, PlannedTable};
use crate::progress::Silent;
use crate::provenance::{ObjectId, Provenance};
use crate::record::Record;
use crate::settings::WriteSettings;
use crate::time::{ManualClock, Nanos};

/// A plan for stores and their tables without a finding; `rows` are what its census counted per table, none for a sample.
pub(in crate::backfill) fn plan(stores: &[(&str, &str)], rows: &[u64], mut collisions: Vec<Collision>) -> Plan {
    let tables = stores.iter().map(|(store, table)| PlannedTable {
        mapping: mapping(store, table, Collisions::Quarantine),
        objects: 0,
        bytes: 0,
        rows: 0,
        collisions: std::mem::take(&mut collisions),
    });
    let counted = stores.iter().zip(rows).map(|((store, table), rows)| TableCensus {
        table: (*table).to_owned(),
        store: (*store).to_owned(),
        rows: *rows,
        ..TableCensus::default()
    });
    Plan {
        write: WriteSettings { record_version: 7, requests_in_flight_max: 4, readers: 2 },
        tables: tables.collect(),
        census: Census { full: !rows.is_empty(), tables: counted.collect() },
        findings: Vec::new(),
        ..crate::plan::fixture::known().plan()
    }
}

/// One row of the history.
#[derive(Debug, Clone)]
pub(super) enum Line {
    /// A record of the device at the time, with the temperature.
    Sent(&'static str, i64, f64),
    /// The same to another table than the store's first.
    To(&'static str, &'static str, i64, f64),
    Filtered,
    Bad,
}

/// Rows by object, in the order of the history.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    pub(super) objects: Vec<Vec<Line>>,
    pub(super) damaged: Option<usize>,
    /// This object says that it holds one row more than it hands on.
    pub(super) overstated: Option<usize>,
    pub(super) vanished: Option<usize>,
}

impl Lines {
    pub(super) fn of(objects: Vec<Vec<Line>>) -> Self {
        Self { objects, ..Self::default() }
    }

    /// `count` objects of `rows` different records each.
    pub(super) fn plenty(count: usize, rows: usize) -> Self {
        let line = |at: usize| Line::Sent("press-1", i64::try_from(at).unwrap(), 20.5);
        Self::of((0..count).map(|object| (0..rows).map(|row| line(object * rows + row)).collect()).collect())
    }

    pub(super) fn rows(&self) -> u64 {
        self.objects.iter().map(Vec::len).sum::<usize>() as u64
    }

    fn listing(&self) -> Listing {
        let objects = (0..self.objects.len()).map(|at| source_object(&format!("s/{at:05}.json"))).collect();
        Listing { root: "history".to_owned(), objects, passed_over: Vec::new() }
    }
}

impl UnitReader for Lines {
    fn read(&self, unit: &Unit, sink: &mut UnitSink<'_>) -> Result<ObjectRead, ReadFailure> {
        let at = usize::try_from(unit.id).unwrap();
        if self.vanished == Some(at) {
            return Err(ReadFailure { is_changed: true, message: format!("{} is gone", unit.key), hint: None });
        }
        let object = Arc::new(ObjectId { key: unit.key.clone(), etag: unit.etag.clone() });
        let mut read = ObjectRead { rows: u64::from(self.overstated == Some(at)), damage: None };
        for (row, line) in (1..).zip(&self.objects[at]) {
            read.rows += 1;
            let provenance = Provenance { object: Arc::clone(&object), row, byte_offset: None };
            let row = match line {
                Line::Sent(device, time, temp) => sent(&unit.table, record(device, *time, *temp, "n"), provenance),
                Line::To(table, device, time, temp) => sent(table, record(device, *time, *temp, "n"), provenance),
                Line::Filtered => UnitRow::Filtered("only_hot".into()),
                Line::Bad => UnitRow::Quarantined(Box::new(QuarantinedRow {
                    unit: unit.id,
                    object: unit.key.clone(),
                    etag: unit.etag.clone(),
                    row,
                    byte_offset: None,
                    table: unit.table.clone(),
                    code: "undecodable".to_owned(),
                    reason: "no JSON".to_owned(),
                    content: serde_json::Value::Null,
                })),
            };
            if sink(row) == ControlFlow::Break(()) {
                return Ok(read);
            }
        }
        read.damage = (self.damaged == Some(at)).then(|| "cut short".to_owned());
        Ok(read)
    }
}

fn sent(table: &str, record: Record, provenance: Provenance) -> UnitRow {
    UnitRow::Record(Box::new(MappedRow { record, table: table.into(), provenance, columns: crate::value::Object::new() }))
}

/// What a run is given besides the history.
pub(super) struct Bench {
    pub(super) lines: Lines,
    pub(super) plan: Plan,
    pub(super) directory: tempfile::TempDir,
    pub(super) strict: bool,
    pub(super) max_rejects: Option<MaxRejects>,
}

impl Bench {
    /// With a full census that agrees with the history.
    pub(super) fn of(lines: Lines) -> Self {
        let plan = plan(&[("s", "t")], &[lines.rows()], Vec::new());
        Self { lines, plan, directory: tempfile::tempdir().unwrap(), strict: false, max_rejects: None }
    }

    /// One run of the command against `target`. Waiting costs no time.
    pub(super) fn run(&self, target: &Arc<Scripted>) -> Result<Outcome, BackfillError> {
        let (_keep, stop) = watch::channel(false);
        self.run_until(target, stop)
    }

    pub(super) fn run_until(&self, target: &Arc<Scripted>, stop: watch::Receiver<bool>) -> Result<Outcome, BackfillError> {
        let listing = Arc::new(self.lines.listing());
        let clock = Arc::new(ManualClock::at(Nanos(1)));
        let identity = Identity { plan_digest: "p".to_owned(), tool_version: "0".to_owned() };
        let ledger = Ledger::open(&self.path("ledger.db"), &identity, units(&self.plan, &listing), &*clock)?;
        let job = Job {
            plan: Arc::new(self.plan.clone()),
            plan_digest: "p".to_owned(),
            listing,
            reader: Arc::new(self.lines.clone()),
            writer: Arc::clone(target),
            ledger,
            quarantine_dir: self.path("quarantine"),
            strict: self.strict,
            max_rejects: self.max_rejects,
            clock,
            progress: Arc::new(Silent),
            stop,
            failpoints: Arc::new(Failpoints::none()),
            tuning: Tuning::default(),
        };
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(backfill(job))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::join(self.directory.path(), name)
    }

    /// What lies in quarantine, as `object row: code`.
    pub(super) fn quarantined(&self) -> Vec<String> {
        let rows = quarantine::read(&self.path("quarantine")).unwrap();
        rows.map(|row| row.map(|row| format!("{} {}: {}", row.object, row.row, row.code)).unwrap()).collect()
    }
}
