//! Inputs that were good once: what hostile, cut and damaged files look like to a reader. For tests.
//!
//! Every reader of foreign bytes has a test named `spoilt_…` on this; `PROPTEST_CASES` says how many cases they try
//! (docs/verification.md, Hostile input).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// One change to some bytes. Places are shares of the length, so that every change fits every input.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Overwrite(Index, u8),
    Flip(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    /// A piece once more, somewhere else.
    Repeat(Index, Index, usize),
    Cut(Index),
}

/// What breaks readers: ends of every language here, bytes that are no UTF-8, numbers at the edge, levels.
const PIECES: [&[u8]; 28] = [
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b"{",
    b"}",
    b"[",
    b"[[[[[[[[[[[[[[[[",
    b"(((((((((((((((((",
    b")",
    b"--",
    b"/*",
    b"#",
    b"${",
    b"!Ref ",
    b"&a [*a, *a]",
    b"-1",
    b"99999999999999999999",
    b"1e999999999",
    b"NULL",
    b"\x1b]0;x\x07",
    b"..",
    b",,,,",
    b"\xff\xff\xff\xff\x0f",
];

/// Some changes, few or many.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = any::<Index>;
    let change = prop_oneof![
        3 => (place(), any::<u8>()).prop_map(|(at, byte)| Change::Overwrite(at, byte)),
        3 => (place(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (place(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece)),
        1 => (place(), 1_usize..40).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (place(), place(), 1_usize..200).prop_map(|(from, to, length)| Change::Repeat(from, to, length)),
        1 => place().prop_map(Change::Cut),
    ];
    vec(change, 1..8)
}

/// `good` with the changes made one after the other.
pub(crate) fn spoilt(good: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for change in changes {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match change {
            Change::Overwrite(index, byte) => {
                let at = at(index);
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Change::Flip(index, bit) => {
                let at = at(index);
                if let Some(place) = bytes.get_mut(at) {
                    *place ^= 1 << bit;
                }
            }
            Change::Insert(index, piece) => {
                let at = at(index);
                bytes.splice(at..at, piece.iter().copied());
            }
            Change::Remove(index, length) => {
                let at = at(index);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Change::Repeat(from, to, length) => {
                let (from, to) = (at(from), at(to));
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(to..to, piece);
            }
            Change::Cut(index) => bytes.truncate(index.index(bytes.len() + 1)),
        }
    }
    bytes
}

/// As [`spoilt`], for readers of text.
pub(crate) fn spoilt_text(good: &str, changes: &[Change]) -> String {
    String::from_utf8_lossy(&spoilt(good.as_bytes(), changes)).into_owned()
}
