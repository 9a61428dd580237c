//! Lengths that Parquet's delta encodings of texts state at the beginning of a page.
//!
//! The Parquet crate makes room for as many lengths as the page says, which may be any number, and a text that shares its beginning with the
//! one before it is written with the rest only: a few bytes can become as many gigabytes. So the lengths are read here first.
//!
//! parquet-format: `Encodings.md`, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY.

use super::thrift::Thrift;

/// Widths of lengths, in bits.
const WIDTH_MAX: usize = 32;

/// The most bytes that `window` values in a row become, in a page of at most `values_max`. With `prefixes`, each shares a beginning with the one
/// before it. `None` where the page makes no sense.
pub(super) fn bytes_at_once(encoded: &[u8], prefixes: bool, values_max: usize, window: usize) -> Option<u64> {
    let mut rest = Thrift { rest: encoded };
    let shared = if prefixes { integers(&mut rest, values_max)? } else { Vec::new() };
    let lengths = integers(&mut rest, values_max)?;
    if prefixes && shared.len() != lengths.len() {
        return None;
    }
    let (mut previous, mut sum, mut most) = (0_u64, 0_u64, 0_u64);
    let mut ends = Vec::with_capacity(lengths.len());
    for (at, length) in lengths.iter().enumerate() {
        let shared = shared.get(at).copied().map_or(0, |shared| u64::try_from(shared).unwrap_or(u64::MAX).min(previous));
        previous = shared.checked_add(u64::try_from(*length).ok()?)?;
        sum = sum.checked_add(previous)?;
        ends.push(sum);
        let before = at.checked_sub(window).and_then(|before| ends.get(before)).copied().unwrap_or(0);
        most = most.max(sum - before);
    }
    Some(most)
}

/// 32-bit integers, each as the difference to the one before it.
fn integers(rest: &mut Thrift<'_>, values_max: usize) -> Option<Vec<i32>> {
    let mut number = || usize::try_from(rest.varint()?).ok();
    let (block, groups, count) = (number()?, number()?, number()?);
    let group = block.checked_div(groups).filter(|group| *group > 0 && group % 32 == 0)?;
    let mut last = i32::try_from(rest.zigzag()?).ok()?;
    if count > values_max {
        return None;
    }
    let mut values = Vec::with_capacity(count);
    if count > 0 {
        values.push(last);
    }
    while values.len() < count {
        let least = i32::try_from(rest.zigzag()?).ok()?;
        for width in rest.take(groups)? {
            let width = usize::from(*width);
            let wanted = group.min(count - values.len());
            if wanted == 0 {
                // The widths of groups that are not there may be anything.
                break;
            }
            if width > WIDTH_MAX {
                return None;
            }
            // The last group of some writers is not filled up.
            let packed = rest.take(width.checked_mul(group / 8)?.min(rest.rest.len()))?;
            for at in 0..wanted {
                last = last.wrapping_add(least).wrapping_add(bits(packed, at * width, width)?);
                values.push(last);
            }
        }
    }
    Some(values)
}

/// The number of `width` bits that stands `at` bits from the beginning.
fn bits(packed: &[u8], at: usize, width: usize) -> Option<i32> {
    if at + width > packed.len() * 8 {
        return None;
    }
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(packed.get(at / 8..)?) {
        *to = *from;
    }
    let number = (u64::from_le_bytes(bytes) >> (at % 8)) & ((1 << width) - 1);
    u32::try_from(number).ok().map(u32::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths `first`, `first + step`, … `count` of them.
    fn steps(count: u8, first: u8, step: u8) -> Vec<u8> {
        // Block of 128 in 4 groups, the count, the first; then the least difference and the widths of the groups, all nothing.
        let head = [0x80, 0x01, 4, count, first * 2];
        if count > 1 { [&head[..], &[step * 2, 0, 0, 0, 0]].concat() } else { head.to_vec() }
    }

    #[test]
    fn lengths_add_up_over_the_window() {
        assert_eq!(bytes_at_once(&steps(4, 3, 1), false, 4, 10), Some(3 + 4 + 5 + 6));
        assert_eq!(bytes_at_once(&steps(4, 3, 1), false, 4, 2), Some(5 + 6));
        assert_eq!(bytes_at_once(&steps(0, 0, 0), false, 4, 2), Some(0));
    }

    #[test]
    fn a_shared_beginning_counts_again_and_is_no_longer_than_what_it_is_shared_with() {
        let page = |shared: Vec<u8>, lengths: Vec<u8>| bytes_at_once(&[shared, lengths].concat(), true, 100, 100);
        assert_eq!(page(steps(3, 0, 2), steps(3, 5, 0)), Some(5 + 7 + 9));
        assert_eq!(page(steps(3, 60, 0), steps(3, 5, 0)), Some(5 + 10 + 15));
        assert_eq!(page(steps(2, 0, 0), steps(3, 5, 0)), None);
    }

    #[test]
    fn packed_differences_are_read() {
        // Four values 1, 2, 4, 7: the least difference is 1, and above it 0, 1, 2 in two bits each.
        let mut packed = vec![0x80, 0x01, 4, 4, 2, 2, 2, 0xff, 0xff, 0xff, 0b10_01_00];
        assert_eq!(integers(&mut Thrift { rest: &packed }, 4), Some(vec![1, 2, 4, 7]));
        packed.pop();
        assert_eq!(integers(&mut Thrift { rest: &packed }, 4), None);
    }

    #[test]
    fn more_lengths_than_values_are_refused_before_there_is_room_for_them() {
        assert_eq!(bytes_at_once(&steps(5, 3, 1), false, 4, 10), None);
        assert_eq!(bytes_at_once(&[0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0], false, 1 << 31, 1), None);
    }
}
