//! One request after the other: a service whose requests each have its store for themselves, at one instant.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::{Clock, Nanos};

/// A store that is handed from request to request.
pub(in crate::local) struct Turns<S> {
    store: Mutex<S>,
    clock: Arc<dyn Clock>,
    region: String,
}

impl<S> std::fmt::Debug for Turns<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The store for one request: nobody else changes anything meanwhile.
pub(in crate::local) struct Turn<'a, S> {
    pub(in crate::local) store: MutexGuard<'a, S>,
    pub(in crate::local) now: Nanos,
    pub(in crate::local) region: &'a str,
}

impl<S> Turns<S> {
    pub(in crate::local) fn new(store: S, clock: Arc<dyn Clock>, region: String) -> Self {
        Self { store: Mutex::new(store), clock, region }
    }

    /// Blocks until the turns before it are over.
    pub(in crate::local) fn next(&self) -> Turn<'_, S> {
        // A request that panicked left no half change: what it wrote was one statement, or in a transaction.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        Turn { store, now: self.now(), region: &self.region }
    }

    pub(in crate::local) fn now(&self) -> Nanos {
        self.clock.now()
    }

    pub(in crate::local) fn region(&self) -> &str {
        &self.region
    }
}
