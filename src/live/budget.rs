//! At most so many requests a second: each request is given the next free moment, a fixed distance from the one before.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Hands out moments. Shared by everything that asks one service.
#[derive(Debug)]
pub(super) struct Budget {
    distance: Duration,
    next: Mutex<Option<Instant>>,
}

impl Budget {
    /// `per_second` of 0 is no limit.
    pub(super) fn new(per_second: u32) -> Self {
        let distance = if per_second == 0 { Duration::ZERO } else { Duration::from_secs(1) / per_second };
        Self { distance, next: Mutex::new(None) }
    }

    /// Waits for the next free moment.
    pub(super) async fn turn(&self) {
        tokio::time::sleep_until(self.take()).await;
    }

    fn take(&self) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Time that nobody used is lost: saving it up would allow a burst, which the quota does not.
        let mine = next.map_or(now, |next| next.max(now));
        *next = Some(mine + self.distance);
        mine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_requests_than_its_budget() {
        let budget = std::sync::Arc::new(Budget::new(20));
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let budget = std::sync::Arc::clone(&budget);
            tasks.spawn(async move {
                budget.turn().await;
                Instant::now() - begun
            });
        }
        let mut moments = tasks.join_all().await;
        moments.sort();
        for window in moments.windows(21) {
            assert!(window[20] - window[0] >= Duration::from_secs(1), "{window:?}");
        }
        assert_eq!(moments.last().map(Duration::as_secs), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_time_is_not_saved_up() {
        let budget = Budget::new(20);
        budget.turn().await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let begun = Instant::now();
        for _ in 0..3 {
            budget.turn().await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(100));
    }
}
