//! Small objects, fetched before they are asked for: in a bucket of many tiny objects the way there and back is all that costs time.
//!
//! Bounded by number and by bytes: what is on the way or waits to be taken is at most [`AHEAD_BYTES`], or one object.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{AHEAD_BYTES, AHEAD_OBJECTS, KEPT_BYTES, Reach, SMALL_BYTES, stream};
use crate::history::sniff::PARQUET_MAGIC;
use crate::history::{Format, HistoryError, ObjectList, SourceObject};

/// Several readers ask in no strict order: so many that were passed by may be waiting for a slow one. Who asks for something further
/// back, which is not among them, goes on elsewhere.
const FAR: u32 = 8 * AHEAD_OBJECTS;

type Fetched = Result<Bytes, HistoryError>;

pub(super) struct Ahead {
    reach: Arc<Reach>,
    /// In the order in which they will be wanted; large ones among them, which are left out.
    objects: ObjectList,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the object's number: on the way, or here.
    flying: BTreeMap<u32, Flight>,
    /// Bytes of all that are flying.
    bytes: u64,
    /// The first number that was not sent for yet.
    next: u32,
    /// What was asked for of late.
    taken: BTreeSet<u32>,
    /// Parquet objects are opened twice, once for what they are and once for what they hold: the last ones stay.
    kept: VecDeque<(u32, Bytes)>,
}

struct Flight {
    task: JoinHandle<Fetched>,
    bytes: u64,
}

impl State {
    fn land(&mut self, number: u32) -> Option<JoinHandle<Fetched>> {
        let flight = self.flying.remove(&number)?;
        self.bytes -= flight.bytes;
        Some(flight.task)
    }

    /// Whether who asks for `at`, which nobody sent for, reads a second time: from far back, or from where the first reading began. What
    /// was taken a moment ago is only opened again.
    fn is_begun_anew(&self, at: u32) -> bool {
        let again = self.taken.contains(&at) && (at + 2 * AHEAD_OBJECTS < self.next || self.taken.first() == Some(&at));
        again || at + FAR < self.next
    }

    /// Goes on behind `at`, whatever came before.
    fn begin_anew(&mut self, at: u32) {
        std::mem::take(&mut self.flying).into_values().for_each(|flight| flight.task.abort());
        (self.bytes, self.next) = (0, at + 1);
        self.taken.clear();
    }

    fn abort(&mut self, number: u32) {
        if let Some(task) = self.land(number) {
            task.abort();
        }
    }

    fn keep(&mut self, number: u32, fetched: Bytes) {
        self.kept.push_back((number, fetched));
        let bytes = |kept: &VecDeque<(u32, Bytes)>| kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        while self.kept.len() > 1 && bytes(&self.kept) > KEPT_BYTES {
            self.kept.pop_front();
        }
    }
}

impl Ahead {
    pub(super) fn new(reach: Arc<Reach>, objects: ObjectList) -> Self {
        Self { reach, objects, state: Mutex::default() }
    }

    /// The object's bytes; those behind it are sent for.
    pub(super) fn take(&self, object: &SourceObject, runtime: &Runtime) -> Fetched {
        let (key, etag) = (&object.id.key, &object.id.etag);
        let Some(at) = self.objects.find(key).filter(|number| self.objects.is(*number, key, etag)) else {
            return runtime.block_on(stream::whole(&self.reach, object));
        };
        let flying = {
            let mut state = self.state();
            if let Some((_, bytes)) = state.kept.iter().find(|(kept, _)| *kept == at) {
                return Ok(bytes.clone());
            }
            let flying = state.land(at);
            if flying.is_none() && state.is_begun_anew(at) {
                state.begin_anew(at);
            }
            state.taken.insert(at);
            self.send_for(&mut state, at, runtime);
            flying
        };
        let fetched = match flying {
            // A task that was ended tells nothing of the object.
            Some(flying) => match runtime.block_on(flying) {
                Ok(fetched) => fetched,
                Err(_) => runtime.block_on(stream::whole(&self.reach, object)),
            },
            None => runtime.block_on(stream::whole(&self.reach, object)),
        }?;
        // Whoever reads goes by the bytes where they say something, and by the name where they do not: either makes it open twice.
        if fetched.starts_with(PARQUET_MAGIC) || object.format == Format::Parquet {
            self.state().keep(at, fetched.clone());
        }
        Ok(fetched)
    }

    /// Sends for what comes behind `at`, and lets go of what was passed by.
    fn send_for(&self, state: &mut State, at: u32, runtime: &Runtime) {
        state.next = state.next.max(at + 1);
        // Whoever goes back further than this is noticed by the distance.
        state.taken = state.taken.split_off(&at.saturating_sub(FAR));
        while state.flying.len() > FAR as usize {
            state.abort(state.flying.keys().next().copied().unwrap_or(at));
        }
        let end = at + 1 + AHEAD_OBJECTS;
        while state.next < end {
            let Some(object) = self.objects.numbered(state.next) else { break };
            if object.size_bytes <= SMALL_BYTES {
                if !make_room(state, object.size_bytes, at) {
                    break;
                }
                state.abort(state.next);
                let (reach, bytes) = (Arc::clone(&self.reach), object.size_bytes);
                let task = runtime.spawn(async move { stream::whole(&reach, &object).await });
                state.flying.insert(state.next, Flight { task, bytes });
                state.bytes += bytes;
            }
            state.next += 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked left behind are fetched objects, each whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `bytes` more may fly, once what lies well behind `at` and nobody came for has made way.
fn make_room(state: &mut State, bytes: u64, at: u32) -> bool {
    while !state.flying.is_empty() && state.bytes + bytes > AHEAD_BYTES {
        match state.flying.keys().next().copied() {
            Some(first) if first + AHEAD_OBJECTS < at => state.abort(first),
            _ => return false,
        }
    }
    true
}
