//! Numbers that look random and are the same for a seed on every machine (SplitMix64).

#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
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
