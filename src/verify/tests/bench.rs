//! A history, a target, a ledger and a clock to verify with.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::census::fixture::{FakeHistory, FakeRow, mapping};
use crate::census::{Census, MappedHistory as _};
use crate::digest::{dimension_slice, row_digest};
use crate::ledger::{Tallies, Tally, Unit, UnitState};
use crate::mapping::{Collisions, TableMapping};
use crate::plan::{Binding, Cost, Duration, PLAN_VERSION, Plan, PlannedTable};
use crate::progress::Silent;
use crate::record::Record;
use crate::settings::{TargetSettings, WriteSettings};
use crate::target::{Bucket, Cell, Part, ReadFault, ReadShape, Reader};
use crate::time::{HOUR_NANOS, ManualClock, Nanos};
use crate::verify::{Difference, LedgerRecord, Lists, Rejections, Verification, VerifyError, VerifyJob, VerifyOptions, Workplace, verify};

/// A table that stands in memory and answers as the service does.
#[derive(Debug, Default)]
pub(in crate::verify) struct FakeTarget {
    /// What shapes of `table` read; of any table when it is empty.
    pub(super) rows: Vec<Record>,
    pub(super) table: String,
    /// So many requests for buckets are answered without the last row, which is not visible yet.
    pub(super) late: Mutex<u32>,
    /// Whether the last row is not visible now.
    pub(super) hiding: Mutex<bool>,
    /// What shapes of another table read.
    pub(super) elsewhere: Vec<Record>,
    pub(super) refuses_digests: bool,
    pub(super) refuses_cells: bool,
    pub(super) absent: bool,
    /// Answers before the true ones, to requests for buckets.
    pub(super) bucket_faults: Mutex<VecDeque<ReadFault>>,
    /// The same to requests for rows: half of the rows are handed on first.
    pub(super) row_faults: Mutex<VecDeque<ReadFault>>,
    /// Ranges of rows that were asked for.
    pub(super) asked: Mutex<Vec<(i64, i64)>>,
}

impl FakeTarget {
    /// Another look at all of it.
    fn look(&self) {
        let mut late = self.late.lock().unwrap();
        *self.hiding.lock().unwrap() = *late > 0;
        *late = late.saturating_sub(1);
    }

    fn visible<'r>(&'r self, shape: &'r ReadShape) -> impl Iterator<Item = &'r Record> {
        let hidden = usize::from(*self.hiding.lock().unwrap());
        self.read(shape).take(self.read(shape).count().saturating_sub(hidden))
    }

    fn read<'r>(&'r self, shape: &'r ReadShape) -> impl Iterator<Item = &'r Record> {
        let rows = if self.table.is_empty() || self.table == shape.table { &self.rows } else { &self.elsewhere };
        rows.iter().filter(|row| shape.reads(&row.measure_name))
    }
}

impl Reader for FakeTarget {
    async fn buckets(&self, shape: &ReadShape, bucket_nanos: i64, digests: bool) -> Result<Vec<Bucket>, ReadFault> {
        if let Some(fault) = self.bucket_faults.lock().unwrap().pop_front() {
            return Err(fault);
        }
        if self.absent {
            return Err(ReadFault::NotFound { message: "no such table".to_owned() });
        }
        if self.refuses_digests && digests {
            return Err(ReadFault::Invalid { message: "Function xxhash64 not registered".to_owned() });
        }
        let mut buckets = std::collections::BTreeMap::<i64, Bucket>::new();
        self.look();
        for row in self.visible(shape) {
            let from = Nanos(row.time.0.div_euclid(bucket_nanos) * bucket_nanos);
            let bucket = buckets.entry(from.0).or_insert(Bucket { from, rows: 0, digest: 0 });
            bucket.rows += 1;
            if digests {
                bucket.digest = bucket.digest.wrapping_add(row_digest(row, &shape.dimensions, &shape.measures));
            }
        }
        Ok(buckets.into_values().collect())
    }

    async fn cells(&self, shape: &ReadShape, from: Nanos, to: Nanos, width_nanos: i64, slices: u16) -> Result<Vec<Cell>, ReadFault> {
        if self.refuses_cells {
            return Err(ReadFault::Invalid { message: "too much".to_owned() });
        }
        let mut cells = std::collections::BTreeMap::<(i64, u16), Cell>::new();
        for row in self.visible(shape).filter(|row| from <= row.time && row.time < to) {
            let (at, slice) = (row.time.0.div_euclid(width_nanos) * width_nanos, dimension_slice(row, &shape.dimensions) % slices);
            let cell = cells.entry((at, slice)).or_insert(Cell { from: Nanos(at), slice, rows: 0, digest: 0 });
            cell.rows += 1;
            cell.digest = cell.digest.wrapping_add(row_digest(row, &shape.dimensions, &shape.measures));
        }
        Ok(cells.into_values().collect())
    }

    async fn rows(&self, shape: &ReadShape, part: &Part, each: &mut (dyn FnMut(Record) + Send)) -> Result<(), ReadFault> {
        let (from, to) = (part.from, part.to);
        self.asked.lock().unwrap().push((from.0, to.0));
        let in_slices = |row: &Record| {
            let Some(slices) = &part.slices else { return true };
            slices.of.contains(&(dimension_slice(row, &shape.dimensions) % slices.count))
        };
        let mut rows: Vec<&Record> = self.visible(shape).filter(|row| from <= row.time && row.time < to && in_slices(row)).collect();
        rows.sort_by_key(|row| row.time);
        if let Some(fault) = self.row_faults.lock().unwrap().pop_front() {
            rows.iter().take(rows.len().div_ceil(2)).for_each(|row| each((*row).clone()));
            return Err(fault);
        }
        rows.into_iter().for_each(|row| each(row.clone()));
        Ok(())
    }
}

/// When the fixture's units were finished.
pub(super) const FINISHED_AT: i64 = 1_000 * HOUR_NANOS;

pub(super) struct Bench {
    pub(super) history: FakeHistory,
    pub(super) target: FakeTarget,
    /// The mappings of the store `s`.
    pub(super) tables: Vec<TableMapping>,
    pub(super) ledger: Option<LedgerRecord>,
    pub(super) rejections: Option<Rejections>,
    pub(super) lists: Lists,
    pub(super) now: i64,
    pub(super) options: VerifyOptions,
    /// Whether what was read is kept after every object.
    pub(super) keeps_every_object: bool,
}

impl Bench {
    /// `history` and a target that holds what the policy makes of it; long after the backfill; no ledger.
    pub(super) fn faithful(history: FakeHistory, policy: Collisions) -> Self {
        let mut rows: Vec<Record> = Vec::new();
        for record in records(&history) {
            let side = rows.iter().position(|row| row.key() == record.key());
            match (side, policy) {
                (None, _) => rows.push(record),
                (Some(at), Collisions::KeepLast) => rows[at] = record,
                (Some(_), _) => {}
            }
        }
        if policy == Collisions::Quarantine {
            let all = records(&history);
            rows.retain(|row| all.iter().all(|r| r.key() != row.key() || r.content_digest() == row.content_digest()));
        }
        let options = VerifyOptions { entries_at_once: 12, bucket_nanos: HOUR_NANOS, ..VerifyOptions::default() };
        let target = FakeTarget { rows, ..FakeTarget::default() };
        Self {
            history,
            target,
            tables: vec![mapping("s", "t", policy)],
            ledger: None,
            rejections: None,
            lists: Lists::default(),
            now: FINISHED_AT + 100 * HOUR_NANOS,
            options,
            keeps_every_object: false,
        }
    }

    /// A ledger in which every unit is done, with tallies that agree with the source.
    pub(super) fn honest_states(&self) -> Vec<(Unit, UnitState)> {
        let units = (0..).zip(&self.history.objects);
        units
            .map(|(id, (key, rows))| {
                let mut tallies = Tallies::from([("t".to_owned(), Tally::default())]);
                for row in rows {
                    let at = if let FakeRow::Routed(at, _) = row { *at } else { 0 };
                    let tally = tallies.entry(self.tables[at].table.clone()).or_default();
                    tally.read += 1;
                    let mut quarantined = |code: &str| *tally.quarantined.entry(code.to_owned()).or_default() += 1;
                    match row {
                        FakeRow::Good(_) | FakeRow::Routed(..) => tally.acknowledged += 1,
                        FakeRow::Refused(code) => quarantined(code),
                        FakeRow::Unrouted => quarantined("no_route"),
                        FakeRow::Bad => quarantined("undecodable"),
                        FakeRow::Filtered(activity) => *tally.filtered.entry((*activity).to_owned()).or_default() += 1,
                    }
                }
                let unit = Unit { id, key: key.clone(), etag: format!("etag of {key}"), table: "t".to_owned(), bytes: 1 };
                (unit, UnitState::Done { tallies, damage: None, finished_at: Nanos(FINISHED_AT), skipped: None })
            })
            .collect()
    }

    pub(super) fn with_ledger(mut self, states: &[(Unit, UnitState)]) -> Self {
        self.ledger = Some(self.record_of(states));
        self
    }

    /// What a verification knows of a ledger.
    pub(super) fn record_of(&self, states: &[(Unit, UnitState)]) -> LedgerRecord {
        let mut record = LedgerRecord::new(&self.history.listing());
        states.iter().for_each(|(unit, state)| record.add_unit(unit, state));
        record
    }

    /// Verifies, and reads the list of differences back.
    pub(super) fn run(self) -> (Verification, Vec<Difference>) {
        let directory = tempfile::tempdir().unwrap();
        let verification = self.attempt(directory.path()).unwrap();
        let differences = read_differences(directory.path());
        assert_eq!(verification.differences_listed, differences.len() as u64);
        assert_eq!(std::fs::read_dir(directory.path().join("scratch")).unwrap().count(), 0, "the scratch directory is cleared");
        let json = serde_json::to_string(&verification).unwrap();
        assert_eq!(serde_json::from_str::<Verification>(&json).unwrap(), verification, "the result reads back");
        verification.tables.iter().for_each(|table| table.check().unwrap());
        let differing = verification.tables.iter().map(|table| table.missing + table.changed + table.extra + table.pending);
        assert_eq!(differing.sum::<u64>(), differences.len() as u64);
        (verification, differences)
    }

    pub(super) fn attempt(self, directory: &Path) -> Result<Verification, VerifyError> {
        std::fs::create_dir_all(directory).unwrap();
        let failpoints = Arc::default();
        let workplace = Workplace::open(&directory.join("scratch/verification"), &directory.join("lock"), false, failpoints).unwrap();
        let workplace = Arc::new(if self.keeps_every_object { workplace.with_portions(1) } else { workplace });
        let job = VerifyJob {
            plan: Arc::new(plan(self.tables)),
            listing: Arc::new(self.history.listing()),
            source: Arc::new(self.history),
            reader: self.target,
            ledger: self.ledger.map(Arc::new),
            rejections: self.rejections.map(Arc::new),
            clock: Arc::new(ManualClock::at(Nanos(self.now))),
            progress: Arc::new(Silent),
            workplace: Arc::clone(&workplace),
            target_name: "a target in memory".to_owned(),
            differences: directory.join("report/differences.jsonl"),
            lists: self.lists,
            options: self.options,
        };
        // It must be possible to run it on any thread.
        let future: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(verify(job));
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(future)
            .inspect(|_| workplace.clear())
    }
}

pub(super) fn read_differences(directory: &Path) -> Vec<Difference> {
    let text = std::fs::read_to_string(directory.join("report/differences.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All records of a history, in its order.
pub(super) fn records(history: &FakeHistory) -> Vec<Record> {
    let mut records = Vec::new();
    for object in history.listing().objects.iter() {
        history
            .read(&object, &mut |decoded| {
                if let crate::history::Decoded::Row(row) = &decoded {
                    let mapped = history.route(0, row).and_then(|table| history.map(table, row));
                    records.extend(mapped.ok().map(|mapped| mapped.record));
                }
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
    }
    records
}

fn plan(tables: Vec<TableMapping>) -> Plan {
    let planned = |mapping| PlannedTable { mapping, objects: 0, bytes: 0, rows: 0, collisions: Vec::new() };
    Plan {
        version: PLAN_VERSION,
        tool_version: "0".to_owned(),
        created_at: Nanos(0),
        bound_to: Binding { inventory: String::new(), settings: String::new(), listing: String::new() },
        history: "history".to_owned(),
        target: TargetSettings {
            database: "db".to_owned(),
            memory_hours: 24,
            magnetic_days: 3650,
            rejected_data_bucket: None,
            rejected_data_prefix: String::new(),
            partition_dimension: None,
        },
        write: WriteSettings { record_version: 1, requests_in_flight_max: 1, readers: 1 },
        resources: Vec::new(),
        tables: tables.into_iter().map(planned).collect(),
        census: Census { full: true, tables: Vec::new() },
        findings: Vec::new(),
        cost: Cost {
            write_units: 0,
            writes_usd: 0.0,
            magnetic_usd_per_month: 0.0,
            memory_usd: 0.0,
            prices_as_of: String::new(),
            basis: Vec::new(),
        },
        duration: Duration { requests: 0, seconds: 0.0, bound_by: String::new() },
    }
}
