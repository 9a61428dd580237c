//! The rows of the buckets that differ: the source's keys beside the target's.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use super::ask::TargetRows;
use super::error::VerifyError;
use super::model::Kind;
use super::scope::Scope;
use super::why::{At, Cause, Why};
use crate::census::{Entry, Group, KeyTables, groups_of};

/// One difference, without values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) cause: Cause,
    pub(super) key: u128,
    pub(super) time: i64,
    /// Of the dimensions.
    pub(super) slice: u16,
    /// The source row, and how many others repeat it.
    pub(super) source: Option<At>,
    pub(super) repeats: u64,
    /// The content of the target's row.
    pub(super) target: Option<u64>,
}

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) present: u64,
    pub(super) changed: u64,
    pub(super) pending: u64,
    pub(super) missing: u64,
    pub(super) skipped: u64,
    pub(super) extra: u64,
    /// Rows of the target that were looked at.
    pub(super) target_rows: u64,
}

impl AddAssign<Kind> for Counts {
    fn add_assign(&mut self, kind: Kind) {
        *match kind {
            Kind::Missing => &mut self.missing,
            Kind::Skipped => &mut self.skipped,
            Kind::Changed => &mut self.changed,
            Kind::Extra => &mut self.extra,
            Kind::Pending => &mut self.pending,
        } += 1;
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison<'a> {
    pub(super) keys: &'a KeyTables,
    pub(super) table: usize,
    pub(super) target: &'a TargetRows,
    /// Whose rows are compared. The target's rows are of these only.
    pub(super) scope: &'a Scope,
    pub(super) why: Why<'a>,
}

impl Comparison<'_> {
    /// Hands every difference to `each`, in the order of keys, and counts all rows of the buckets. `uneven` gathers the
    /// buckets in which there was any difference.
    pub(super) fn run(
        &self,
        uneven: &mut BTreeSet<i64>,
        each: &mut dyn FnMut(Found) -> Result<(), VerifyError>,
    ) -> Result<Counts, VerifyError> {
        let mut counts = Counts::default();
        self.keys.beside::<VerifyError>(self.table, self.target.spill(), &mut |ours, theirs, policy| {
            let theirs: Vec<Entry> = theirs.iter().filter(|entry| self.target.counts(entry)).copied().collect();
            let mut theirs = theirs.chunk_by(|a, b| a.key == b.key).peekable();
            let mut tell = |found: Found, counts: &mut Counts| {
                *counts += found.kind;
                uneven.insert(self.scope.bucket(found.time));
                each(found)
            };
            for group in groups_of(ours, policy) {
                let Some(first) = group.entries.first().filter(|entry| self.is_differing(entry)) else { continue };
                while let Some(alone) = theirs.next_if(|rows| rows[0].key < first.key) {
                    counts.target_rows += alone.len() as u64;
                    extras(alone, Cause::NotInSource, &mut |found| tell(found, &mut counts))?;
                }
                let found = theirs.next_if(|rows| rows[0].key == first.key).unwrap_or_default();
                counts.target_rows += found.len() as u64;
                if self.group(group, found, &mut |found| tell(found, &mut counts))? {
                    counts.present += 1;
                }
            }
            for alone in theirs {
                counts.target_rows += alone.len() as u64;
                extras(alone, Cause::NotInSource, &mut |found| tell(found, &mut counts))?;
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn is_differing(&self, entry: &Entry) -> bool {
        self.scope.holds(entry.time, entry.slice)
    }

    /// One key of the source beside the target's rows of that key; whether it is present as it should be.
    fn group(
        &self,
        group: Group<'_>,
        found: &[Entry],
        tell: &mut dyn FnMut(Found) -> Result<(), VerifyError>,
    ) -> Result<bool, VerifyError> {
        let Some(first) = group.written().next() else {
            // Every row of the key is kept out.
            if let Some(row) = found.first() {
                extras(found, Why::unexpected(group, row.content), tell)?;
            }
            return Ok(false);
        };
        let source = Some((first.unit, first.row));
        let repeats = group.written().count() as u64 - 1;
        let difference =
            |kind, cause, target| Found { kind, cause, key: first.key, time: first.time, slice: first.slice, source, repeats, target };
        let Some((row, again)) = found.split_first() else {
            let (kind, cause) = self.why.absent(first.key, group.written());
            tell(difference(kind, cause, None))?;
            return Ok(false);
        };
        let present = row.content == first.content;
        if !present {
            tell(difference(Kind::Changed, self.why.changed(group, row.content), Some(row.content)))?;
        }
        again.iter().try_for_each(|row| tell(extra(row, Cause::ReturnedTwice)))?;
        Ok(present)
    }
}

/// Rows of the target, all of one key, that the source does not call for.
fn extras(rows: &[Entry], cause: Cause, tell: &mut dyn FnMut(Found) -> Result<(), VerifyError>) -> Result<(), VerifyError> {
    let Some((first, again)) = rows.split_first() else { return Ok(()) };
    tell(extra(first, cause))?;
    again.iter().try_for_each(|row| tell(extra(row, Cause::ReturnedTwice)))
}

fn extra(row: &Entry, cause: Cause) -> Found {
    Found { kind: Kind::Extra, cause, key: row.key, time: row.time, slice: row.slice, source: None, repeats: 0, target: Some(row.content) }
}
