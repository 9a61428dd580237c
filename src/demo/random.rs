//! Numbers that look random and are the same for a seed on every machine (SplitMix64).

#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        crate::random::next(&mut self.0)
    }

    /// A whole number from 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A number with one decimal, `base` give or take `spread` tenths: text, as a device would send it.
    pub(super) fn tenths(&mut self, base_tenths: i64, spread: i64) -> i64 {
        let width = u64::try_from(2 * spread + 1).unwrap_or(1);
        base_tenths + i64::try_from(self.below(width)).unwrap_or(0) - spread
    }
}
