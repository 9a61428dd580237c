//! Sequence numbers: 56 digits, as on the service, and as opaque. Text order is number order.
//!
//! `49`, the second in which the stream was made (10), the place in the shard (36), the shard (8).

use std::fmt;

const DIGITS: usize = 56;
const PREFIX: &str = "49";

/// Where a record stands in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    /// When the stream was made, in seconds since 1970.
    pub(super) epoch: i64,
    /// From 1 in each shard; 0 stands before all records.
    pub(super) place: i64,
    pub(super) shard: u32,
}

impl Sequence {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS || !text.starts_with(PREFIX) || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        Some(Self { epoch: part(2, 12)?, place: part(12, 48)?, shard: u32::try_from(part(48, 56)?).ok()? })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:010}{:036}{:08}", self.epoch.clamp(0, 9_999_999_999), self.place, self.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_number_reads_back_and_grows_with_its_place() {
        let of = |place| Sequence { epoch: 1_700_000_000, place, shard: 3 };
        for place in [0, 1, 9, 10, i64::MAX] {
            assert_eq!(Sequence::parse(&of(place).to_string()), Some(of(place)));
            assert_eq!(of(place).to_string().len(), DIGITS);
        }
        assert!(of(9).to_string() < of(10).to_string());
    }

    #[test]
    fn nothing_else_is_a_sequence_number_of_ours() {
        let good = Sequence { epoch: 1, place: 1, shard: 0 }.to_string();
        for bad in ["", "0", "49", &good[1..], &good.replace("49", "50"), &good.replace('0', "x"), &"9".repeat(56)] {
            assert_eq!(Sequence::parse(bad), None, "{bad}");
        }
    }
}
