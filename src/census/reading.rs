//! One store's reading: each row to the mapping that takes it, each record into that mapping's spill.

use std::ops::ControlFlow;

use super::scratch::SpillError;
use super::source::MappedHistory;
use super::spill::{Entry, SpillBuffer, SpillWriter};
use super::take::{CensusError, CensusOptions};
use super::tally::Tally;
use super::workers::over;
use crate::digest::{dimension_slice, row_digest};
use crate::history::{Decoded, Listing, SourceObject};
use crate::mapping::TableMapping;
use crate::progress::Progress;
use crate::record::Record;
use crate::target::ReadShape;

/// A mapping of the store that is read.
pub(super) struct Table<'a> {
    /// Its place in the list of all mappings.
    pub(super) number: usize,
    pub(super) mapping: &'a TableMapping,
    pub(super) shape: ReadShape,
}

pub(super) struct Reading<'a> {
    pub(super) history: &'a dyn MappedHistory,
    pub(super) listing: &'a Listing,
    /// Those of the store, in their order; the first is its home.
    pub(super) tables: &'a [Table<'a>],
    pub(super) options: &'a CensusOptions,
    pub(super) progress: &'a dyn Progress,
}

/// A row's way through a reading.
enum Outcome {
    /// By the mapping, or by all of them.
    Refused,
    /// Dropped by its pipeline.
    Filtered,
    Counted,
    /// The history sent it to a table that is not of its store: a defect.
    Lost,
}

impl Reading<'_> {
    /// Reads all objects of these numbers; what was counted for each table, in their order.
    pub(super) fn all(&self, objects: &[u32], writers: &[SpillWriter]) -> Result<Vec<Tally>, CensusError> {
        let threads = over(
            self.options.readers,
            objects.len(),
            || (self.tallies(), writers.iter().map(SpillWriter::buffer).collect::<Vec<_>>()),
            |(tallies, buffers), at| {
                let object = objects.get(at).and_then(|unit| Some((*unit, self.listing.objects.numbered(*unit)?)));
                object.map_or(Ok(()), |(unit, object)| self.one(unit, &object, tallies, buffers))
            },
        )?;
        let mut all = self.tallies();
        for (tallies, buffers) in threads {
            for mut buffer in buffers {
                buffer.flush()?;
            }
            all.iter_mut().zip(tallies).for_each(|(all, tally)| all.add(tally));
        }
        Ok(all)
    }

    fn tallies(&self) -> Vec<Tally> {
        self.tables.iter().map(|_| Tally::default()).collect()
    }

    fn one(&self, unit: u32, object: &SourceObject, tallies: &mut [Tally], buffers: &mut [SpillBuffer<'_>]) -> Result<(), CensusError> {
        let rows_max = self.options.sample.map_or(u64::MAX, |sample| sample.rows_per_object_max);
        let mut here = self.tallies();
        let mut failed = None;
        let (mut rows, mut refused, mut filtered, mut lost): (u64, u64, u64, u64) = (0, 0, 0, 0);
        let mut sink = |decoded: Decoded| {
            rows += 1;
            match self.row(unit, &decoded, &mut here, buffers) {
                Ok(Outcome::Refused) => refused += 1,
                Ok(Outcome::Filtered) => filtered += 1,
                Ok(Outcome::Counted) => {}
                Ok(Outcome::Lost) => lost += 1,
                Err(error) => failed = Some(error),
            }
            if failed.is_some() || rows >= rows_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let read = self.history.read(object, &mut sink);
        if let Some(error) = failed {
            return Err(error.into());
        }
        let read = read.map_err(|failure| CensusError::Read { object: object.id.key.clone(), failure })?;
        // Pair assertion: what the reader says it handed on, what arrived, and what became of it.
        let sum = |of: fn(&Tally) -> u64| here.iter().map(of).sum::<u64>();
        let (undecodable, records, taken) = (sum(|t| t.undecodable), sum(|t| t.records), sum(|t| t.rows));
        if read.rows != rows || rows != taken || rows != undecodable + refused + filtered + records {
            let detail = format!(
                "{rows} arrived, of which {undecodable} undecodable, {refused} refused, {filtered} filtered and {records} records; {lost} found \
                 no table"
            );
            return Err(CensusError::Unbalanced { subject: format!("`{}`", object.id.key), rows: read.rows, detail });
        }
        if let (Some(reason), Some(home)) = (read.damage, here.first_mut()) {
            home.damaged.push((unit, object.id.key.clone(), reason));
        }
        tallies.iter_mut().zip(here).for_each(|(tally, here)| tally.add(here));
        self.progress.advance(1);
        Ok(())
    }

    fn row(&self, unit: u32, decoded: &Decoded, tallies: &mut [Tally], buffers: &mut [SpillBuffer<'_>]) -> Result<Outcome, SpillError> {
        let Some(home) = self.tables.first() else { return Ok(Outcome::Lost) };
        let row = match decoded {
            Decoded::Row(row) => row,
            Decoded::Bad(bad) => {
                let Some(tally) = tallies.first_mut() else { return Ok(Outcome::Lost) };
                tally.rows += 1;
                tally.undecodable += 1;
                tally.example("undecodable", unit, bad.provenance.row, || format!("{}: {}", bad.provenance, bad.reason));
                return Ok(Outcome::Counted);
            }
            // What a pipeline drops never gets as far as a route.
            Decoded::Filtered(filtered) => {
                let Some(tally) = tallies.first_mut() else { return Ok(Outcome::Lost) };
                tally.rows += 1;
                tally.filter(&filtered.activity);
                return Ok(Outcome::Filtered);
            }
        };
        // Whoever takes the row counts it; what nobody takes counts at home.
        let (number, mapped) = match self.history.route(home.number, row) {
            Ok(number) => (number, self.history.map(number, row)),
            Err(refusal) => (home.number, Err(refusal)),
        };
        let at = self.tables.iter().position(|table| table.number == number);
        let found = at.and_then(|at| Some((self.tables.get(at)?, tallies.get_mut(at)?, buffers.get_mut(at)?)));
        let Some((table, tally, buffer)) = found else { return Ok(Outcome::Lost) };
        tally.rows += 1;
        match mapped {
            Err(refusal) => {
                tally.refuse(refusal.code);
                tally.example(refusal.code, unit, row.provenance.row, || format!("{}: {}", row.provenance, refusal.detail));
                Ok(Outcome::Refused)
            }
            Ok(mapped) => {
                mapped.omitted.iter().for_each(|(measure, why)| tally.omit(measure, why));
                tally.record(&mapped.record);
                buffer.push(self.entry(unit, row.provenance.row, &mapped.record, &table.shape))?;
                Ok(Outcome::Counted)
            }
        }
    }

    fn entry(&self, unit: u32, row: u64, record: &Record, shape: &ReadShape) -> Entry {
        Entry {
            key: record.key().0,
            unit,
            row,
            content: record.content_digest(),
            time: record.time.0,
            digest: if self.options.digests { row_digest(record, &shape.dimensions, &shape.measures) } else { 0 },
            slice: if self.options.digests { dimension_slice(record, &shape.dimensions) } else { 0 },
        }
    }
}
