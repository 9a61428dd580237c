//! Which times a table takes at a moment, and which of its two stores takes them.
//!
//! Invariant: raising retention opens nothing at once. The bound that was reached stays where it is until the longer
//! retention has caught up with it (facts §1.5).

use crate::local::timestream::store::TableState;
use crate::time::{DAY_NANOS, HOUR_NANOS, Nanos};

const MINUTE_NANOS: i64 = HOUR_NANOS / 60;
/// How far a time may be ahead of the service's clock.
const AHEAD_NANOS: i64 = 15 * MINUTE_NANOS;
/// How far behind its retention a store still takes a record: every window that was observed is whole hours and exactly
/// 40 minutes wide, of which 15 are ahead of the clock (facts §1.4).
const GRACE_NANOS: i64 = 25 * MINUTE_NANOS;

/// Retention, and the bounds below which a raised retention has not yet opened the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    pub(crate) memory_hours: i64,
    pub(crate) magnetic_days: i64,
    /// Nanoseconds; [`i64::MIN`] for a table whose retention was never raised.
    pub(crate) memory_opened_from: i64,
    pub(crate) total_opened_from: i64,
}

impl Retention {
    /// The oldest time of the memory store, and of both stores together.
    pub(crate) fn oldest(self, now: Nanos) -> (i64, i64) {
        let now = whole_millis(now);
        let memory = self.memory_hours.saturating_mul(HOUR_NANOS);
        let total = memory.saturating_add(self.magnetic_days.saturating_mul(DAY_NANOS));
        let back = |nanos: i64| now.saturating_sub(nanos).saturating_sub(GRACE_NANOS);
        (back(memory).max(self.memory_opened_from), back(total).max(self.total_opened_from))
    }

    /// The same table after an update of its retention at `now`.
    pub(crate) fn changed_to(self, memory_hours: i64, magnetic_days: i64, now: Nanos) -> Self {
        let (memory_opened_from, total_opened_from) = self.oldest(now);
        Self { memory_hours, magnetic_days, memory_opened_from, total_opened_from }
    }
}

/// The two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Memory,
    Magnetic,
}

/// The times that are taken now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    memory_from: i64,
    /// The oldest time that is taken at all.
    from: i64,
    /// Exclusive.
    to: i64,
    magnetic: bool,
}

impl Window {
    pub(super) fn of(table: &TableState, now: Nanos) -> Self {
        let (memory_from, total_from) = table.retention.oldest(now);
        let magnetic = table.properties.magnetic_writes();
        let from = if magnetic { total_from.min(memory_from) } else { memory_from };
        Self { memory_from, from, to: whole_millis(now).saturating_add(AHEAD_NANOS), magnetic }
    }

    /// The store that takes `time`, or why none does.
    pub(super) fn tier(&self, time: i128) -> Result<(i64, Tier), String> {
        match i64::try_from(time) {
            Ok(time) if time >= self.memory_from && time < self.to => Ok((time, Tier::Memory)),
            Ok(time) if time >= self.from && time < self.memory_from => Ok((time, Tier::Magnetic)),
            _ => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> String {
        let of_what = if self.magnetic { "data ingestion window" } else { "memory store" };
        format!("The record timestamp is outside the time range [{}, {}) of the {of_what}.", iso_millis(self.from), iso_millis(self.to))
    }
}

/// The window is stated in milliseconds, so it is enforced in milliseconds.
fn whole_millis(instant: Nanos) -> i64 {
    instant.0 - instant.0.rem_euclid(1_000_000)
}

/// `2023-02-13T19:22:45.051Z`
fn iso_millis(nanos: i64) -> String {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos(1_676_922_465_051_999_999);

    fn window(memory_hours: i64, magnetic_days: i64, magnetic: bool) -> Window {
        let retention = Retention { memory_hours, magnetic_days, memory_opened_from: i64::MIN, total_opened_from: i64::MIN };
        let (memory_from, total_from) = retention.oldest(NOW);
        let from = if magnetic { total_from } else { memory_from };
        Window { memory_from, from, to: whole_millis(NOW) + AHEAD_NANOS, magnetic }
    }

    #[test]
    fn the_window_is_retention_and_forty_minutes_wide_and_stated_as_observed() {
        // The service's own words for a table with 168 h in memory.
        let refusal = window(168, 5, false).tier(0).unwrap_err();
        let expected =
            "The record timestamp is outside the time range [2023-02-13T19:22:45.051Z, 2023-02-20T20:02:45.051Z) of the memory store.";
        assert_eq!(refusal, expected);
    }

    #[test]
    fn edges_belong_to_the_window_below_and_not_above() {
        let window = window(12, 5, true);
        let upper = i128::from(window.to);
        assert_eq!(window.tier(upper - 1).unwrap().1, Tier::Memory);
        assert!(window.tier(upper).unwrap_err().ends_with("of the data ingestion window."));
        assert_eq!(window.tier(i128::from(window.memory_from)).unwrap().1, Tier::Memory);
        assert_eq!(window.tier(i128::from(window.memory_from) - 1).unwrap().1, Tier::Magnetic);
        assert_eq!(window.tier(i128::from(window.from)).unwrap().1, Tier::Magnetic);
        assert!(window.tier(i128::from(window.from) - 1).is_err());
        assert!(window.tier(i128::MAX).is_err() && window.tier(i128::MIN).is_err());
        // Facts §1.4: memory 12 h and magnetic 5 d gave a window of 5 d 12 h 40 m.
        assert_eq!(window.to - window.from, 5 * DAY_NANOS + 12 * HOUR_NANOS + 40 * MINUTE_NANOS);
    }

    #[test]
    fn without_magnetic_writes_the_window_ends_with_memory() {
        let window = window(12, 5, false);
        assert!(window.tier(i128::from(window.memory_from) - 1).is_err());
    }

    #[test]
    fn a_raised_retention_opens_the_window_only_as_time_passes() {
        let two_hours = Retention { memory_hours: 2, magnetic_days: 1, memory_opened_from: i64::MIN, total_opened_from: i64::MIN };
        let raised = two_hours.changed_to(24, 1, NOW);
        let later = |hours: i64| Nanos(NOW.0 + hours * HOUR_NANOS);
        assert_eq!(raised.oldest(NOW), two_hours.oldest(NOW));
        assert_eq!(raised.oldest(later(21)).0, two_hours.oldest(NOW).0);
        // 22 hours after the change the memory store holds 24 hours (API reference of UpdateTable).
        let full = Retention { memory_hours: 24, ..two_hours };
        assert_eq!(raised.oldest(later(22)).0, full.oldest(later(22)).0);
        assert_eq!(raised.oldest(later(23)).0, full.oldest(later(23)).0);
        // Lowering takes effect at once, and raising again does not bring back what was given up.
        let lowered = raised.changed_to(1, 1, NOW);
        assert_eq!(lowered.oldest(NOW).0, two_hours.oldest(NOW).0 + HOUR_NANOS);
        assert_eq!(lowered.changed_to(24, 1, NOW).oldest(NOW).0, lowered.oldest(NOW).0);
    }
}
