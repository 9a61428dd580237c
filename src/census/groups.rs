//! The records of a table by key: which of them the target must hold, which collapse into them, which collide.

use std::sync::Arc;

use super::scratch::{Scratch, SpillError};
use super::spill::{Entry, Spill, walk};
use crate::mapping::Collisions;

/// The keys of every table of a census, on disk until the last holder drops them.
#[derive(Debug)]
pub struct KeyTables {
    tables: Vec<TableKeys>,
}

#[derive(Debug)]
struct TableKeys {
    spill: Spill,
    policy: Collisions,
}

impl KeyTables {
    pub(super) fn new(tables: Vec<(Spill, Collisions)>) -> Self {
        Self { tables: tables.into_iter().map(|(spill, policy)| TableKeys { spill, policy }).collect() }
    }

    /// Hands every key of the table numbered `table` (as in the list of mappings) to `each`, in the order of keys.
    ///
    /// # Errors
    /// Those of `each`, and [`SpillError`] when the scratch directory cannot be read.
    pub fn groups<E: From<SpillError>>(&self, table: usize, each: &mut dyn FnMut(Group<'_>) -> Result<(), E>) -> Result<(), E> {
        let Some(keys) = self.tables.get(table) else { return Ok(()) };
        walk(&[&keys.spill], &mut |sides: &[Vec<Entry>]| {
            sides.iter().flat_map(|entries| groups_of(entries, keys.policy)).try_for_each(&mut *each)
        })
    }

    /// Walks through a table's keys beside `other`, a spill of somebody else's entries: `each` gets all groups and all of the
    /// other's entries of one range of keys.
    pub(crate) fn beside<E: From<SpillError>>(&self, table: usize, other: &Spill, each: &mut BesideSink<'_, E>) -> Result<(), E> {
        let Some(keys) = self.tables.get(table) else { return Ok(()) };
        walk(&[&keys.spill, other], &mut |sides: &[Vec<Entry>]| match sides {
            [ours, theirs] => each(ours, theirs, keys.policy),
            _ => Ok(()),
        })
    }

    /// Walks through a table's keys beside the same table's keys of another census, in the order of keys: `each` gets all entries
    /// of one key, sorted by the history's order, ours and theirs; one of the two may be empty.
    pub(crate) fn against<E: From<SpillError>>(&self, table: usize, other: &Self, each: &mut PairSink<'_, E>) -> Result<(), E> {
        let (Some(ours), Some(theirs)) = (self.tables.get(table), other.tables.get(table)) else { return Ok(()) };
        walk(&[&ours.spill, &theirs.spill], &mut |sides: &[Vec<Entry>]| match sides {
            [ours, theirs] => pairs(ours, theirs, each),
            _ => Ok(()),
        })
    }

    /// Where a table's keys are kept, and how many entries may be in memory at once: for a spill beside them.
    pub(crate) fn scratch(&self, table: usize) -> Option<(&Arc<Scratch>, u64)> {
        self.tables.get(table).map(|keys| (keys.spill.scratch(), keys.spill.entries_at_once()))
    }
}

/// Receives the entries of both sides, sorted, and the table's policy.
pub(crate) type BesideSink<'a, E> = dyn FnMut(&[Entry], &[Entry], Collisions) -> Result<(), E> + 'a;

/// Receives the entries of one key on both sides.
pub(crate) type PairSink<'a, E> = dyn FnMut(&[Entry], &[Entry]) -> Result<(), E> + 'a;

/// Two sorted lists, key by key.
fn pairs<E>(ours: &[Entry], theirs: &[Entry], each: &mut PairSink<'_, E>) -> Result<(), E> {
    let by_key = |a: &Entry, b: &Entry| a.key == b.key;
    let mut theirs = theirs.chunk_by(by_key).peekable();
    for group in ours.chunk_by(by_key) {
        while let Some(alone) = theirs.next_if(|rows| rows[0].key < group[0].key) {
            each(&[], alone)?;
        }
        each(group, theirs.next_if(|rows| rows[0].key == group[0].key).unwrap_or_default())?;
    }
    theirs.try_for_each(|alone| each(&[], alone))
}

/// The groups of a sorted list of entries.
pub(crate) fn groups_of(entries: &[Entry], policy: Collisions) -> impl Iterator<Item = Group<'_>> {
    entries.chunk_by(|a, b| a.key == b.key).map(move |entries| Group { entries, policy })
}

/// All records of one key, in the history's order. Never empty.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    pub entries: &'a [Entry],
    policy: Collisions,
}

impl<'a> Group<'a> {
    /// Whether there is more than one content.
    #[must_use]
    pub fn collides(&self) -> bool {
        self.entries.windows(2).any(|pair| pair[0].content != pair[1].content)
    }

    /// The place of the record that is written, under the table's policy; none when all are quarantined.
    #[must_use]
    pub fn kept(&self) -> Option<usize> {
        if !self.collides() {
            return Some(0);
        }
        match self.policy {
            Collisions::Quarantine => None,
            Collisions::KeepFirst => Some(0),
            Collisions::KeepLast => self.entries.len().checked_sub(1),
        }
    }

    /// The records of the kept content: one is stored, the others repeat it and collapse.
    pub fn written(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let content = self.kept().and_then(|at| self.entries.get(at)).map(|entry| entry.content);
        self.entries.iter().filter(move |entry| Some(entry.content) == content)
    }

    /// Records that repeat an earlier one of the group exactly.
    #[must_use]
    pub fn exact_duplicates(&self) -> u64 {
        let mut contents: Vec<u64> = self.entries.iter().map(|entry| entry.content).collect();
        contents.sort_unstable();
        contents.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(contents: &[u64]) -> Vec<Entry> {
        (1..).zip(contents).map(|(row, content)| Entry { key: 9, unit: 0, row, content: *content, time: 0, digest: 0, slice: 0 }).collect()
    }

    #[test]
    fn the_policy_decides_which_side_of_a_collision_is_written_and_its_repeats_with_it() {
        let entries = entries(&[5, 6, 5, 7, 6, 6]);
        let rows = |policy| {
            let group = Group { entries: &entries, policy };
            assert_eq!(group.exact_duplicates(), 3);
            (group.kept(), group.written().map(|e| e.row).collect::<Vec<_>>())
        };
        assert_eq!(rows(Collisions::Quarantine), (None, vec![]));
        assert_eq!(rows(Collisions::KeepFirst), (Some(0), vec![1, 3]));
        assert_eq!(rows(Collisions::KeepLast), (Some(5), vec![2, 5, 6]));
    }

    #[test]
    fn two_lists_are_walked_key_by_key() {
        let list = |keys: &[u128]| -> Vec<Entry> {
            (1..).zip(keys).map(|(row, key)| Entry { key: *key, unit: 0, row, content: 0, time: 0, digest: 0, slice: 0 }).collect()
        };
        let mut seen = Vec::new();
        pairs(&list(&[2, 2, 4, 7]), &list(&[1, 2, 5, 5, 7, 9]), &mut |ours, theirs| {
            let key = ours.first().or(theirs.first()).map(|entry| entry.key).unwrap();
            seen.push((key, ours.len(), theirs.len()));
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(seen, [(1, 0, 1), (2, 2, 1), (4, 1, 0), (5, 0, 2), (7, 1, 1), (9, 0, 1)]);
    }

    #[test]
    fn exact_repeats_are_no_collision_under_any_policy() {
        let entries = entries(&[4, 4, 4]);
        for policy in [Collisions::Quarantine, Collisions::KeepFirst, Collisions::KeepLast] {
            let group = Group { entries: &entries, policy };
            assert_eq!((group.kept(), group.written().count(), group.exact_duplicates()), (Some(0), 3, 2));
        }
    }
}
