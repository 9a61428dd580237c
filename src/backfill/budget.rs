//! How many requests may be under way at once: one budget for all, lowered while the target says so.
//!
//! Additive increase, multiplicative decrease: a magnetic-store throttle halves it, every window of accepted requests adds
//! one. A memory-store throttle leaves it alone (facts: opposite reactions to one error code).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests that were under way together are throttled together: that is one throttle, not sixteen.
const ONE_WAVE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Budget {
    most: f64,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    allowed: f64,
    under_way: u32,
    halved_at: Option<Instant>,
    accepted_at: Instant,
}

impl Budget {
    /// Allows `most` requests at once, and at least one.
    pub(super) fn new(most: usize) -> Self {
        let most = f64::from(u32::try_from(most).unwrap_or(u32::MAX).max(1));
        let state = State { allowed: most, under_way: 0, halved_at: None, accepted_at: Instant::now() };
        Self { most, state: Mutex::new(state), freed: Notify::new() }
    }

    /// Waits until a request may go out; it is under way for as long as the permit lives.
    pub(super) async fn permit(&self) -> Permit<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Listening begins before looking, so that no permit is freed in between unheard.
            freed.as_mut().enable();
            if self.try_take() {
                return Permit { budget: self };
            }
            freed.await;
        }
    }

    fn try_take(&self) -> bool {
        let mut state = self.lock();
        let free = f64::from(state.under_way) < state.allowed.floor().max(1.0);
        if free {
            state.under_way += 1;
        }
        free
    }

    /// The target has taken a request.
    pub(super) fn accepted(&self) {
        let mut state = self.lock();
        state.allowed = (state.allowed + 1.0 / state.allowed).min(self.most);
        state.accepted_at = Instant::now();
        drop(state);
        self.freed.notify_waiters();
    }

    /// The magnetic store is asked too much. True when this is news.
    pub(super) fn slow_down(&self) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let is_news = state.halved_at.is_none_or(|at| now.duration_since(at) >= ONE_WAVE);
        if is_news {
            state.allowed = (state.allowed / 2.0).max(1.0);
            state.halved_at = Some(now);
        }
        is_news
    }

    /// How long ago the target last took anything.
    pub(super) fn since_accepted(&self) -> Duration {
        self.lock().accepted_at.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change above is whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one request.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    budget: &'a Budget,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.under_way = state.under_way.saturating_sub(1);
        drop(state);
        self.budget.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(budget: &Budget) -> usize {
        let mut permits = Vec::new();
        while budget.try_take() {
            permits.push(Permit { budget });
        }
        permits.len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wave_of_throttles_halves_once_and_acceptance_brings_it_back() {
        let budget = Budget::new(16);
        assert_eq!(takes(&budget), 16);
        assert!(budget.slow_down());
        assert!(!budget.slow_down());
        assert_eq!(takes(&budget), 8);
        tokio::time::advance(ONE_WAVE).await;
        assert!(budget.slow_down());
        assert_eq!(takes(&budget), 4);
        for _ in 0..4 {
            budget.accepted();
        }
        assert_eq!(takes(&budget), 4, "4 + 4/4 and a bit less");
        budget.accepted();
        assert_eq!(takes(&budget), 5);
        for _ in 0..1000 {
            budget.accepted();
        }
        assert_eq!(takes(&budget), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_is_always_allowed_and_a_freed_permit_wakes_a_waiter() {
        let budget = Budget::new(0);
        for _ in 0..5 {
            budget.slow_down();
            tokio::time::advance(ONE_WAVE).await;
        }
        let first = budget.permit().await;
        let mut second = Box::pin(budget.permit());
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut second).await.is_err());
        drop(first);
        tokio::time::timeout(Duration::from_secs(1), second).await.unwrap();
    }
}
