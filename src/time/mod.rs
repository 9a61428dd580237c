//! Instants: nanoseconds since 1970-01-01T00:00:00Z in 64 bits, parsed exactly from every form that a store holds.
//!
//! Invariants: no time passes through a float; a text that cannot be read is an error, never "now" and never the
//! partition's day.
//!
//! Every room above may use this.

mod format;
pub mod java;
mod text;

use std::fmt;

pub use format::{TimeError, TimeFormat, UnknownTimeFormat};
pub use java::{JavaPattern, PatternProblem};

/// An instant in nanoseconds since the epoch (1677-09-21 … 2262-04-11), the range of Timestream itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Nanos(pub i64);

/// Nanoseconds in one day.
pub const DAY_NANOS: i64 = 86_400_000_000_000;
/// Nanoseconds in one hour.
pub const HOUR_NANOS: i64 = 3_600_000_000_000;

impl Nanos {
    /// `2023-06-21T07:05:00.123Z`, with as many decimals as are needed.
    #[must_use]
    pub fn to_iso8601(self) -> String {
        self.timestamp().to_string()
    }

    /// `2023-06-21 07:05:00.123000000`: Timestream's own form.
    #[must_use]
    pub fn to_timestream(self) -> String {
        self.timestamp().strftime("%Y-%m-%d %H:%M:%S.%9f").to_string()
    }

    /// The UTC day this instant falls on, counted from the epoch.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_NANOS)
    }

    fn timestamp(self) -> jiff::Timestamp {
        // Every i64 of nanoseconds is inside jiff's range (-9999 … 9999).
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso8601())
    }
}

/// Where the present comes from: the system's clock, or a test's.
pub trait Clock: Send + Sync {
    fn now(&self) -> Nanos;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Nanos {
        Nanos(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    #[must_use]
    pub fn at(now: Nanos) -> Self {
        Self(std::sync::atomic::AtomicI64::new(now.0))
    }

    /// Moves the clock on by `nanos`.
    pub fn advance(&self, nanos: i64) {
        self.0.fetch_add(nanos, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Nanos {
        Nanos(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_both_forms_at_the_edges_of_the_range() {
        assert_eq!(Nanos(0).to_iso8601(), "1970-01-01T00:00:00Z");
        assert_eq!(Nanos(1).to_timestream(), "1970-01-01 00:00:00.000000001");
        assert_eq!(Nanos(i64::MIN).to_timestream(), "1677-09-21 00:12:43.145224192");
        assert_eq!(Nanos(i64::MAX).to_timestream(), "2262-04-11 23:47:16.854775807");
    }

    #[test]
    fn an_instant_before_the_epoch_falls_on_the_day_before() {
        assert_eq!(Nanos(-1).day(), -1);
        assert_eq!(Nanos(DAY_NANOS).day(), 1);
    }
}
