//! Objects read and encoded by several threads, handed on in their order.
//!
//! Each object has a short queue of its own; the queues stand in the order of the objects. Readers take objects in that order too, so the
//! one that is waited for is always being read, and no more than a few chunks of a few objects are in memory.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use super::TimeOfRow;
use super::error::ExportError;
use super::schema::StagedRow;
use crate::history::{HistoryError, ObjectRead, RowReader, SourceObject};

/// A chunk goes on when it holds this many rows or this much text.
const CHUNK_ROWS: usize = 512;
const CHUNK_TEXT_BYTES: usize = 512 * 1024;
/// Chunks that wait for their object's turn.
const CHUNKS_WAITING: usize = 2;
/// Objects that are begun before their turn, by reader.
const OBJECTS_AHEAD: usize = 4;

/// One step of an object.
pub(super) enum Step {
    Rows(Vec<StagedRow>),
    Ended(ObjectRead),
}

type Read = Result<Step, HistoryError>;

/// Reads `objects` and hands each step to `take`, object by object.
pub(super) fn in_order(
    mut objects: impl Iterator<Item = SourceObject>,
    rows: &dyn RowReader,
    times: &TimeOfRow<'_>,
    readers: usize,
    mut take: impl FnMut(&SourceObject, Step) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let (work, queue) = mpsc::channel::<(Arc<SourceObject>, SyncSender<Read>)>();
    let queue = Mutex::new(queue);
    let one_reader = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((object, steps)) = next else { break };
            read(&object, rows, times, &steps);
        }
    };
    std::thread::scope(|scope| {
        // Dropped at the end of this closure, which is what ends the readers.
        let work = work;
        let readers = readers.max(1);
        for _ in 0..readers {
            scope.spawn(one_reader);
        }
        let mut begun: VecDeque<(Arc<SourceObject>, Receiver<Read>)> = VecDeque::new();
        loop {
            while begun.len() < readers * OBJECTS_AHEAD {
                let Some(object) = objects.next().map(Arc::new) else { break };
                let (sender, steps) = mpsc::sync_channel(CHUNKS_WAITING);
                // A reader that panicked ends the scope with its panic; nothing is lost by not sending to it.
                work.send((Arc::clone(&object), sender)).unwrap_or_default();
                begun.push_back((object, steps));
            }
            let Some((object, steps)) = begun.pop_front() else { return Ok(()) };
            for step in steps {
                take(&object, step?)?;
            }
        }
    })
}

fn read(object: &SourceObject, rows: &dyn RowReader, times: &TimeOfRow<'_>, steps: &SyncSender<Read>) {
    let (mut chunk, mut text_bytes) = (Vec::new(), 0);
    let ended = rows.read(object, &mut |decoded| {
        if let Some(row) = StagedRow::of(decoded, |columns| times(&object.store, columns)) {
            text_bytes += row.text_bytes();
            chunk.push(row);
        }
        if chunk.len() < CHUNK_ROWS && text_bytes < CHUNK_TEXT_BYTES {
            return ControlFlow::Continue(());
        }
        text_bytes = 0;
        // Nobody waits for it any more when the export has failed elsewhere.
        if steps.send(Ok(Step::Rows(std::mem::take(&mut chunk)))).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let rest = (!chunk.is_empty()).then_some(Step::Rows(chunk));
    for step in rest.map(Ok).into_iter().chain([ended.map(Step::Ended)]) {
        if steps.send(step).is_err() {
            return;
        }
    }
}
