//! Threads that read units, some ahead of the sending: decoding, mapping and hashing happen here.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::batcher::Ticket;
use super::tracker::quarantined;
use super::unit::{ReadFailure, UnitReader, UnitRow, unit_of};
use crate::history::{Listing, ObjectRead};
use crate::ledger::{QuarantinedRow, Unit};
use crate::plan::Plan;
use crate::target::Writer;

/// Rows that are handed on together; so many units at the most, too.
const ROWS_PER_PARCEL: usize = 128;

/// The units that are not done, by number: each is put together when its turn comes.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) plan: Arc<Plan>,
    pub(super) listing: Arc<Listing>,
    /// In order. Each is a unit of the plan.
    pub(super) units: Vec<u32>,
}

impl Pending {
    fn unit(&self, at: usize) -> Option<Arc<Unit>> {
        let id = *self.units.get(at)?;
        unit_of(&self.plan, id, &self.listing.objects.numbered(id)?).map(Arc::new)
    }
}

/// Rows of one unit, in order, and its end when it came.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) unit: Arc<Unit>,
    pub(super) rows: Vec<Checked>,
    pub(super) end: Option<Result<ObjectRead, ReadFailure>>,
}

/// A row that is as far as it gets without the target.
#[derive(Debug)]
pub(super) enum Checked {
    Send(Box<Ticket>),
    Quarantined(Box<QuarantinedRow>),
    Filtered(Arc<str>),
}

/// The threads, and what they read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) parcels: mpsc::Receiver<Vec<Part>>,
    pub(super) stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Reading {
    /// Begins to read `pending` units with `readers` threads, in order: each takes the next that nobody has.
    pub(super) fn begin<W: Writer + 'static>(
        pending: Pending,
        reader: Arc<dyn UnitReader>,
        writer: &Arc<W>,
        readers: usize,
    ) -> std::io::Result<Self> {
        let readers = readers.clamp(1, 64);
        // Enough to keep the sender busy; small, as it is rows that wait here.
        let (parcels_out, parcels) = mpsc::channel(2 * readers);
        let stop = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicUsize::new(0));
        let pending = Arc::new(pending);
        let mut threads = Vec::with_capacity(readers);
        for number in 0..readers {
            let worker = Worker {
                pending: Arc::clone(&pending),
                next: Arc::clone(&next),
                stop: Arc::clone(&stop),
                reader: Arc::clone(&reader),
                writer: Arc::clone(writer),
                out: parcels_out.clone(),
                parcel: Vec::new(),
                rows: 0,
            };
            // A thread of its own, not a blocking task of the runtime: it waits for room while the sender sleeps.
            threads.push(std::thread::Builder::new().name(format!("reader-{number}")).spawn(move || worker.run())?);
        }
        Ok(Self { parcels, stop, threads })
    }

    /// Waits for the threads; false when one of them panicked. Only when `parcels` has ended.
    pub(super) fn join(self) -> bool {
        // All are waited for, also behind one that panicked.
        let panicked = self.threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
        panicked == 0
    }
}

struct Worker<W> {
    pending: Arc<Pending>,
    next: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    reader: Arc<dyn UnitReader>,
    writer: Arc<W>,
    out: mpsc::Sender<Vec<Part>>,
    parcel: Vec<Part>,
    rows: usize,
}

impl<W: Writer> Worker<W> {
    fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(unit) = self.pending.unit(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            if self.read(&unit).is_break() {
                return;
            }
        }
        // Whether anybody still listens does not matter any more.
        let _ = self.hand_over();
    }

    fn read(&mut self, unit: &Arc<Unit>) -> ControlFlow<()> {
        self.parcel.push(Part { unit: Arc::clone(unit), rows: Vec::new(), end: None });
        let reader = Arc::clone(&self.reader);
        let mut is_broken = false;
        let read = reader.read(unit, &mut |row| {
            let flow = if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { self.row(unit, row) };
            is_broken |= flow.is_break();
            flow
        });
        if is_broken {
            // What was handed over stays without an end, so the unit is not done.
            return ControlFlow::Break(());
        }
        if let Some(part) = self.parcel.last_mut() {
            part.end = Some(read);
        }
        if self.parcel.len() >= ROWS_PER_PARCEL { self.hand_over() } else { ControlFlow::Continue(()) }
    }

    fn row(&mut self, unit: &Arc<Unit>, row: UnitRow) -> ControlFlow<()> {
        let checked = self.check(unit, row);
        if let Some(part) = self.parcel.last_mut() {
            part.rows.push(checked);
        }
        self.rows += 1;
        if self.rows < ROWS_PER_PARCEL {
            return ControlFlow::Continue(());
        }
        let flow = self.hand_over();
        self.parcel.push(Part { unit: Arc::clone(unit), rows: Vec::new(), end: None });
        flow
    }

    fn check(&self, unit: &Unit, row: UnitRow) -> Checked {
        let mapped = match row {
            UnitRow::Quarantined(row) => return Checked::Quarantined(row),
            UnitRow::Filtered(activity) => return Checked::Filtered(activity),
            UnitRow::Record(mapped) => *mapped,
        };
        match self.writer.check(&mapped.record) {
            Ok(()) => Checked::Send(Box::new(Ticket::new(unit.id, mapped))),
            Err(reason) => Checked::Quarantined(Box::new(quarantined(unit, &mapped, "rejected_invalid", format!("not sent: {reason}")))),
        }
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        self.rows = 0;
        let parcel = std::mem::take(&mut self.parcel);
        if parcel.is_empty() {
            return ControlFlow::Continue(());
        }
        match self.out.blocking_send(parcel) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}
