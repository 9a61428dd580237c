//! How the hash keys, 0 to 2^128 - 1, are shared out among the shards of a stream.

use md5::{Digest as _, Md5};

/// The name of a shard.
pub(super) fn id(shard: u32) -> String {
    format!("shardId-{shard:012}")
}

/// The shard that `id` names, if there is one of that name among `count`. The service takes `shardId-0` for `shardId-000000000000`.
pub(super) fn named(id: &str, count: u32) -> Option<u32> {
    let digits = id.strip_prefix("shardId-")?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse::<u32>().ok().filter(|shard| plain && *shard < count)
}

/// The first and the last hash key of a shard: equal parts, the last one with what is left over.
pub(super) fn range(shard: u32, count: u32) -> (u128, u128) {
    let part = part(count);
    let first = part.saturating_mul(u128::from(shard));
    let last = if shard + 1 >= count { u128::MAX } else { first.saturating_add(part - 1) };
    (first, last)
}

/// The shard whose range holds `hash`.
pub(super) fn holding(hash: u128, count: u32) -> u32 {
    let shard = u32::try_from(hash / part(count)).unwrap_or(u32::MAX);
    shard.min(count.saturating_sub(1))
}

/// The hash key of a partition key.
pub(super) fn hash(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key.as_bytes()).into())
}

/// 2^128 / `count`, rounded down; one shard alone has a part that is one key short, which [`range`] and [`holding`] make good.
fn part(count: u32) -> u128 {
    let count = u128::from(count.max(1));
    let whole = u128::MAX / count;
    // 2^128 itself does not fit: where `count` divides it, the quotient of 2^128 - 1 is one too small.
    if count > 1 && u128::MAX % count == count - 1 { whole + 1 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_service() {
        assert_eq!(range(0, 1), (0, 340_282_366_920_938_463_463_374_607_431_768_211_455));
        assert_eq!(range(0, 2), (0, 170_141_183_460_469_231_731_687_303_715_884_105_727));
        assert_eq!(range(1, 2).0, 170_141_183_460_469_231_731_687_303_715_884_105_728);
        assert_eq!(range(0, 3), (0, 113_427_455_640_312_821_154_458_202_477_256_070_484));
        assert_eq!(range(2, 3).1, u128::MAX);
    }

    #[test]
    fn every_hash_key_has_exactly_one_shard() {
        for count in [1, 2, 3, 4, 7, 500] {
            let mut next = Some(0);
            for shard in 0..count {
                let (first, last) = range(shard, count);
                assert_eq!(Some(first), next, "shard {shard} of {count}");
                assert_eq!((holding(first, count), holding(last, count)), (shard, shard), "shard {shard} of {count}");
                next = last.checked_add(1);
            }
            assert_eq!(next, None, "{count}");
        }
    }

    #[test]
    fn a_partition_key_is_hashed_with_md5() {
        // md5 of "sensor001", as any md5sum prints it.
        assert_eq!(format!("{:032x}", hash("sensor001")), MD5_OF_SENSOR001);
    }

    const MD5_OF_SENSOR001: &str = "c5f1c6209bb88e911e289ebd80e9f7e4";

    #[test]
    fn shards_are_found_by_name_within_their_stream() {
        assert_eq!(named("shardId-000000000001", 2), Some(1));
        assert_eq!(named("shardId-1", 2), Some(1));
        for no in ["shardId-000000000002", "shardId-", "shardId-+1", "other", "shardId-99999999999999999999"] {
            assert_eq!(named(no, 2), None, "{no}");
        }
    }
}
