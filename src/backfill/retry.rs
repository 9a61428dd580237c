//! How long to wait before asking again, by what went wrong.

use std::time::Duration;

use crate::random;
use crate::target::WriteFault;

/// What can be turned by whoever knows better; the defaults are meant for AWS.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// A request is given up when the target has accepted nothing at all for this long.
    pub give_up_after: Duration,
    /// Makes the jitter repeatable.
    pub seed: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { give_up_after: Duration::from_secs(15 * 60), seed: 0x5eed }
    }
}

/// The pause before a repetition: somewhere between nothing and `base` doubled with every attempt, up to `cap`.
#[derive(Debug, Clone, Copy)]
struct Pause {
    base: Duration,
    cap: Duration,
}

/// Facts: a memory-store throttle passes while one keeps sending, because the service scales up.
const MEMORY_THROTTLE: Pause = Pause { base: Duration::from_millis(50), cap: Duration::from_secs(2) };
/// Facts: a magnetic-store throttle wants less traffic.
const MAGNETIC_THROTTLE: Pause = Pause { base: Duration::from_millis(500), cap: Duration::from_secs(60) };
const NO_ANSWER: Pause = Pause { base: Duration::from_millis(200), cap: Duration::from_secs(20) };

/// How long to pause after the `attempt`th failure (from 0) of this kind; `None` when asking again is no use.
pub(super) fn pause(fault: &WriteFault, attempt: u32, jitter: &mut Jitter) -> Option<Duration> {
    let pause = match fault {
        WriteFault::Throttled { magnetic: false, .. } => MEMORY_THROTTLE,
        WriteFault::Throttled { magnetic: true, .. } => MAGNETIC_THROTTLE,
        WriteFault::Unanswered { .. } | WriteFault::EndpointExpired { .. } => NO_ANSWER,
        WriteFault::Invalid { .. } | WriteFault::Denied { .. } | WriteFault::NotFound { .. } | WriteFault::Refused { .. } => return None,
    };
    let most = pause.base.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(pause.cap);
    Some(most.mul_f64(jitter.fraction()))
}

/// Jitter needs to differ, not to be secret.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// At least 0, less than 1.
    fn fraction(&mut self) -> f64 {
        // The upper 32 bits are plenty for a pause, and a u32 goes into a double exactly.
        let upper = u32::try_from(random::next(&mut self.0) >> 32).unwrap_or(0);
        f64::from(upper) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_cap_and_never_beyond() {
        let faults = [
            (WriteFault::Throttled { magnetic: false, message: String::new() }, MEMORY_THROTTLE),
            (WriteFault::Throttled { magnetic: true, message: String::new() }, MAGNETIC_THROTTLE),
            (WriteFault::Unanswered { message: String::new() }, NO_ANSWER),
        ];
        for (fault, kind) in faults {
            let mut jitter = Jitter::new(1, 2);
            let mut longest = |attempt| (0..200).filter_map(|_| pause(&fault, attempt, &mut jitter)).max().unwrap();
            assert!(longest(0) <= kind.base);
            let late = longest(40);
            assert!(late <= kind.cap && late > kind.cap / 2, "{late:?}");
        }
        assert_eq!(pause(&WriteFault::Denied { message: String::new() }, 0, &mut Jitter::new(1, 2)), None);
    }

    #[test]
    fn jitter_repeats_with_its_seed_and_differs_between_streams() {
        let draw = |stream| (0..5).scan(Jitter::new(7, stream), |jitter, _| Some(jitter.fraction())).collect::<Vec<_>>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|fraction| (0.0..1.0).contains(fraction)));
    }
}
