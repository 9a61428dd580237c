//! Small objects, fetched before they are asked for: in a bucket of many tiny objects the way there and back is all that costs time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::{AHEAD_OBJECTS, Reach, SMALL_BYTES, stream};
use crate::history::sniff::PARQUET_MAGIC;
use crate::history::{Format, HistoryError, Listing, SourceObject};

/// Several readers ask in no strict order; who asks for something this far back goes on elsewhere.
const FAR: usize = 8 * AHEAD_OBJECTS;

type Fetched = Result<Bytes, HistoryError>;

pub(super) struct Ahead {
    reach: Arc<Reach>,
    /// The small objects in the order in which they will be wanted.
    order: Vec<SourceObject>,
    place: HashMap<String, usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By place in the order: on the way, or here.
    flying: BTreeMap<usize, JoinHandle<Fetched>>,
    /// The first place that was not sent for yet.
    next: usize,
    /// What was asked for since the reading began. Who asks again reads anew.
    taken: HashSet<usize>,
    /// Parquet objects are opened twice, once for what they are and once for what they hold: the last ones stay.
    kept: VecDeque<(usize, Bytes)>,
}

impl Ahead {
    pub(super) fn new(reach: Arc<Reach>, listing: &Listing) -> Self {
        let order: Vec<SourceObject> = listing.objects.iter().filter(|object| object.size_bytes <= SMALL_BYTES).cloned().collect();
        let place = order.iter().enumerate().map(|(at, object)| (object.locator.clone(), at)).collect();
        Self { reach, order, place, state: Mutex::default() }
    }

    /// The object's bytes; those behind it are sent for.
    pub(super) fn take(&self, object: &SourceObject, runtime: &Runtime) -> Fetched {
        let Some(&at) = self.place.get(&object.locator) else {
            return runtime.block_on(stream::whole(&self.reach, object));
        };
        let flying = {
            let mut state = self.state();
            if let Some((_, bytes)) = state.kept.iter().find(|(kept, _)| *kept == at) {
                return Ok(bytes.clone());
            }
            let flying = state.flying.remove(&at);
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
            let mut state = self.state();
            state.kept.push_back((at, fetched.clone()));
            if state.kept.len() > AHEAD_OBJECTS {
                state.kept.pop_front();
            }
        }
        Ok(fetched)
    }

    /// Sends for what comes behind `at`, and lets go of what was passed by.
    fn send_for(&self, state: &mut State, at: usize, runtime: &Runtime) {
        if !state.taken.insert(at) {
            state.taken = HashSet::from([at]);
            state.next = at + 1;
        } else if at >= state.next || at + FAR < state.next {
            state.next = at + 1;
        }
        let end = self.order.len().min(at + 1 + AHEAD_OBJECTS);
        while state.next < end {
            let (reach, object) = (Arc::clone(&self.reach), self.order[state.next].clone());
            let task = runtime.spawn(async move { stream::whole(&reach, &object).await });
            if let Some(old) = state.flying.insert(state.next, task) {
                old.abort();
            }
            state.next += 1;
        }
        let passed_by = |place: &usize| *place + FAR < at || *place >= end + FAR;
        state.flying.retain(|place, task| {
            if passed_by(place) {
                task.abort();
            }
            !passed_by(place)
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked left behind are fetched objects, each whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
