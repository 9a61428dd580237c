//! Fills requests across objects: one batcher per table, fed in the history's order.
//!
//! Invariants
//! - No batch holds the same key twice (facts: what the service does with such a batch is unknown). A row that repeats one in
//!   the open batch rides with it and shares its outcome; one with the same key and other values waits for a later batch.
//! - Every row that is put in comes out, once.
//! - What is held is bounded: by [`RECORDS_PER_BATCH_MAX`] records, [`ROWS_PER_BATCH_MAX`] rows, as many waiting.

use std::collections::HashMap;

use super::unit::MappedRow;
use crate::record::RecordKey;
use crate::target::RECORDS_PER_BATCH_MAX;

/// Rows that ride in one batch, repeats included.
const ROWS_PER_BATCH_MAX: usize = 1_000;

/// A row on its way to the target, with what identifies it there.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) unit: u32,
    /// Its number in the unit, every row counted; given when its turn comes (`passage`).
    pub(super) number: u64,
    pub(super) mapped: MappedRow,
    pub(super) key: RecordKey,
    pub(super) content: u64,
    /// The place of a row with the same key and other values that went before it in this run, where one was met.
    pub(super) rival: Option<String>,
}

impl Ticket {
    /// Hashes the row; done by whoever reads it, off the sending side.
    pub(super) fn new(unit: u32, mapped: MappedRow) -> Self {
        let (key, content) = (mapped.record.key(), mapped.record.content_digest());
        Self { unit, number: 0, mapped, key, content, rival: None }
    }
}

/// One record of a batch and the rows that share its outcome.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) lead: Ticket,
    /// Exact repeats of the lead.
    pub(super) repeats: Vec<Ticket>,
}

impl Entry {
    pub(super) fn into_rows(self) -> impl Iterator<Item = Ticket> {
        std::iter::once(self.lead).chain(self.repeats)
    }
}

/// Records that go out in one request.
#[derive(Debug)]
pub(super) struct Batch {
    /// The number of the table, as given to the batcher.
    pub(super) table: usize,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Batcher {
    table: usize,
    open: Vec<Entry>,
    /// Where in `open` a key stands. Looked up only, never walked.
    places: HashMap<RecordKey, usize>,
    rows: usize,
    waiting: Vec<Ticket>,
}

impl Batcher {
    pub(super) fn new(table: usize) -> Self {
        Self { table, open: Vec::new(), places: HashMap::new(), rows: 0, waiting: Vec::new() }
    }

    /// Takes one more row; hands every batch that is full by it to `full`.
    pub(super) fn add(&mut self, ticket: Ticket, full: &mut impl FnMut(Batch)) {
        self.place(ticket);
        while self.is_full() {
            full(self.close());
        }
    }

    /// Hands on everything that is left.
    pub(super) fn flush(&mut self, full: &mut impl FnMut(Batch)) {
        while !self.open.is_empty() {
            full(self.close());
        }
    }

    fn is_full(&self) -> bool {
        self.open.len() >= RECORDS_PER_BATCH_MAX || self.rows >= ROWS_PER_BATCH_MAX || self.waiting.len() >= RECORDS_PER_BATCH_MAX
    }

    fn place(&mut self, mut ticket: Ticket) {
        let twin = self.places.get(&ticket.key).and_then(|at| self.open.get_mut(*at));
        match twin {
            None => {
                self.places.insert(ticket.key, self.open.len());
                self.open.push(Entry { lead: ticket, repeats: Vec::new() });
                self.rows += 1;
            }
            Some(twin) if twin.lead.content == ticket.content => {
                twin.repeats.push(ticket);
                self.rows += 1;
            }
            Some(twin) => {
                ticket.rival = Some(twin.lead.mapped.provenance.to_string());
                self.waiting.push(ticket);
            }
        }
    }

    /// Closes the open batch and lets the rows that waited for it into the next.
    fn close(&mut self) -> Batch {
        let entries = std::mem::take(&mut self.open);
        self.places.clear();
        self.rows = 0;
        for ticket in std::mem::take(&mut self.waiting) {
            self.place(ticket);
        }
        Batch { table: self.table, entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::{ObjectId, Provenance};
    use crate::record::{Measure, Record};
    use crate::time::Nanos;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn ticket(row: u64, key: i64, content: i64) -> Ticket {
        let record = Record {
            dimensions: vec![("d".into(), "v".into())],
            measure_name: "m".into(),
            measures: vec![("x".into(), Measure::Bigint(content))],
            time: Nanos(key),
        };
        let provenance = Provenance { object: Arc::new(ObjectId { key: "o".into(), etag: "e".into() }), row, byte_offset: None };
        Ticket::new(0, MappedRow { record, table: "t".into(), provenance, columns: crate::value::Object::new() })
    }

    fn batches(rows: &[(i64, i64)]) -> Vec<Batch> {
        let mut batcher = Batcher::new(0);
        let mut out = Vec::new();
        for (row, (key, content)) in (0u64..).zip(rows) {
            batcher.add(ticket(row, *key, *content), &mut |batch| out.push(batch));
        }
        batcher.flush(&mut |batch| out.push(batch));
        out
    }

    #[test]
    fn batches_are_filled_to_the_last_record() {
        let sizes =
            |count: i64| batches(&(0..count).map(|key| (key, 0)).collect::<Vec<_>>()).iter().map(|b| b.entries.len()).collect::<Vec<_>>();
        assert_eq!(sizes(0), [] as [usize; 0]);
        assert_eq!(sizes(100), [100]);
        assert_eq!(sizes(201), [100, 100, 1]);
    }

    #[test]
    fn an_exact_repeat_rides_along_and_a_different_one_waits_and_knows_its_rival() {
        let out = batches(&[(1, 7), (1, 7), (1, 8), (2, 7), (1, 8)]);
        let shape: Vec<Vec<(u64, usize)>> =
            out.iter().map(|b| b.entries.iter().map(|e| (e.lead.mapped.provenance.row, e.repeats.len())).collect()).collect();
        assert_eq!(shape, [vec![(0, 1), (3, 0)], vec![(2, 1)]]);
        assert_eq!(out[1].entries[0].lead.rival.as_deref(), Some("o row 0"));
    }

    #[test]
    fn a_million_repeats_do_not_pile_up() {
        let out = batches(&vec![(1, 7); 2_500]);
        assert_eq!(out.iter().map(|b| b.entries[0].repeats.len() + 1).collect::<Vec<_>>(), [1000, 1000, 500]);
    }

    proptest! {
        #[test]
        fn every_row_comes_out_once_and_no_batch_has_a_key_twice(rows in prop::collection::vec((0i64..40, 0i64..3), 0..700)) {
            let out = batches(&rows);
            let mut seen = BTreeSet::new();
            for batch in &out {
                prop_assert!(batch.entries.len() <= RECORDS_PER_BATCH_MAX && !batch.entries.is_empty());
                let keys: BTreeSet<RecordKey> = batch.entries.iter().map(|entry| entry.lead.key).collect();
                prop_assert_eq!(keys.len(), batch.entries.len());
                for entry in &batch.entries {
                    for row in std::iter::once(&entry.lead).chain(&entry.repeats) {
                        prop_assert_eq!((row.key, row.content), (entry.lead.key, entry.lead.content));
                        prop_assert!(seen.insert(row.mapped.provenance.row));
                    }
                }
            }
            prop_assert_eq!(seen.len(), rows.len());
        }
    }
}
