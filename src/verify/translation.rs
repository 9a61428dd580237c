//! The engine held against the service itself: what a pipeline makes of the channel's messages, beside what the service stored
//! in the datastore. Neither the target nor the ledger takes part.
//!
//! Both sides go through the same mapping, so that they are compared as the records they become: by key, then by content.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::describe::{columns, values};
use super::error::VerifyError;
use super::model::{ColumnDifference, Place};
use crate::census::{CensusError, CensusOptions, Entry, MappedHistory, TableCensus, Taken, reread, take_from};
use crate::history::Listing;
use crate::mapping::TableMapping;
use crate::progress::Progress;
use crate::record::Record;
use crate::time::Nanos;

/// Differences whose values are fetched and shown, for each table and kind.
const SHOWN_MAX: usize = 10;

/// One side: objects, and the rows that become records of them.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub listing: &'a Listing,
    pub history: &'a dyn MappedHistory,
}

impl std::fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("objects", &self.listing.objects.len()).finish_non_exhaustive()
    }
}

/// What is compared: the tables of stores that have both a channel's history and a datastore's.
#[derive(Debug, Clone)]
pub struct TranslationJob<'a> {
    pub mappings: &'a [TableMapping],
    /// Messages by way of their pipeline.
    pub channel: Side<'a>,
    /// Rows as the service stored them.
    pub datastore: Side<'a>,
    /// Columns that enrichment sets, by store: history gets the state of the day of the capture there.
    pub enriched: BTreeMap<String, BTreeSet<String>>,
    pub scratch: PathBuf,
    pub readers: usize,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TranslationCheck {
    pub tables: Vec<TableCheck>,
}

/// One table.
///
/// ```text
/// records of the channel   = same + changed + only_channel   + repeats
/// records of the datastore = same + changed + only_datastore + repeats
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TableCheck {
    pub table: String,
    pub store: String,
    pub channel: SideCounts,
    pub datastore: SideCounts,
    /// Records that both sides have, equal in every value.
    pub same: u64,
    /// Records of one key whose values differ.
    pub changed: u64,
    pub only_channel: u64,
    pub only_datastore: u64,
    /// How many differences each cause has.
    pub causes: BTreeMap<String, u64>,
    /// The first of each kind, in the order of keys.
    pub shown: Vec<TranslationDifference>,
}

/// What came of one side's rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SideCounts {
    pub rows: u64,
    pub undecodable: u64,
    pub refused: u64,
    /// By activity.
    pub filtered: BTreeMap<String, u64>,
    pub records: u64,
    /// Records that repeat another of the side exactly.
    pub repeats: u64,
    pub damaged: u64,
}

/// One record that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TranslationDifference {
    /// `*` changed, `-` only in the datastore, `+` only from the channel.
    pub symbol: char,
    pub time: String,
    pub dimensions: BTreeMap<String, String>,
    pub cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datastore: Option<Place>,
    /// `source` is what the engine says, `target` what the service stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDifference>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, serde_json::Value>,
}

impl TranslationCheck {
    /// Whether the engine said of every record what the service said, and there was at least one.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.tables.iter().any(|table| table.same > 0) && self.tables.iter().all(|table| table.differing() == 0)
    }
}

impl TableCheck {
    #[must_use]
    pub fn differing(&self) -> u64 {
        self.changed + self.only_channel + self.only_datastore
    }

    /// Every record has one state, and every difference one cause; else the identity that does not hold.
    ///
    /// # Errors
    /// The identity, as text.
    pub fn check(&self) -> Result<(), String> {
        for (side, counts, only) in [("channel", &self.channel, self.only_channel), ("datastore", &self.datastore, self.only_datastore)] {
            if counts.records != self.same + self.changed + only + counts.repeats {
                return Err(format!(
                    "{side}: {} records = same {} + changed {} + only here {only} + repeats {}",
                    counts.records, self.same, self.changed, counts.repeats
                ));
            }
        }
        let named: u64 = self.causes.values().sum();
        if named == self.differing() { Ok(()) } else { Err(format!("differences {} = causes {named}", self.differing())) }
    }
}

/// Reads both sides and compares them.
///
/// # Errors
/// When a side cannot be read, or a total does not add up. Differences are no error.
pub fn check_translation(job: &TranslationJob<'_>, progress: &dyn Progress) -> Result<TranslationCheck, VerifyError> {
    let options = CensusOptions { collisions_listed_max: 0, ..CensusOptions::full(job.scratch.clone(), job.readers) };
    let take = |side: Side<'_>| take_from(side.history, side.listing, job.mappings, &options, progress);
    let (channel, datastore) = (take(job.channel)?, take(job.datastore)?);
    let mut tables = Vec::new();
    for table in 0..job.mappings.len() {
        let checked = one_table(job, &channel, &datastore, table)?;
        checked.check().map_err(|identity| VerifyError::Unbalanced { table: checked.table.clone(), identity })?;
        tables.push(checked);
    }
    Ok(TranslationCheck { tables })
}

/// A difference as entries: which rows it is about.
#[derive(Debug, Clone, Copy)]
struct Found {
    channel: Option<Entry>,
    datastore: Option<Entry>,
    cause: &'static str,
}

const OTHER_VALUES: &str = "other values";
const ENRICHED: &str = "enriched with the state of the day of the capture";

fn one_table(job: &TranslationJob<'_>, channel: &Taken, datastore: &Taken, table: usize) -> Result<TableCheck, VerifyError> {
    let (Some(from_channel), Some(stored)) = (channel.census.tables.get(table), datastore.census.tables.get(table)) else {
        return Err(VerifyError::Stopped);
    };
    let mut checked = TableCheck {
        table: stored.table.clone(),
        store: stored.store.clone(),
        channel: counts(from_channel),
        datastore: counts(stored),
        ..TableCheck::default()
    };
    let mut listed: BTreeMap<char, Vec<Found>> = BTreeMap::new();
    channel.keys.against::<VerifyError>(table, &datastore.keys, &mut |ours, theirs| {
        let (ours, repeats_ours) = distinct(ours);
        let (theirs, repeats_theirs) = distinct(theirs);
        checked.channel.repeats += repeats_ours;
        checked.datastore.repeats += repeats_theirs;
        let only = |side: &[Entry], other: &[Entry]| -> Vec<Entry> {
            side.iter().filter(|entry| other.iter().all(|there| there.content != entry.content)).copied().collect()
        };
        let (left, right) = (only(&ours, &theirs), only(&theirs, &ours));
        checked.same += (ours.len() - left.len()) as u64;
        for at in 0..left.len().max(right.len()) {
            let found = Found { channel: left.get(at).copied(), datastore: right.get(at).copied(), cause: "" };
            let found = Found { cause: cause_of(&found, from_channel, stored), ..found };
            let symbol = count(&mut checked, &found);
            let list = listed.entry(symbol).or_default();
            if list.len() < SHOWN_MAX {
                list.push(found);
            }
        }
        Ok(())
    })?;
    for (symbol, found) in listed {
        for found in found {
            let shown = show(job, table, symbol, &found, &checked.store)?;
            checked.shown.push(shown);
        }
    }
    Ok(checked)
}

fn counts(census: &TableCensus) -> SideCounts {
    SideCounts {
        rows: census.rows,
        undecodable: census.undecodable,
        refused: census.refused.values().sum(),
        filtered: census.filtered.clone(),
        records: census.records,
        repeats: 0,
        damaged: census.damaged.len() as u64,
    }
}

/// The first entry of each content, and how many repeat one.
fn distinct(entries: &[Entry]) -> (Vec<Entry>, u64) {
    let mut seen = BTreeSet::new();
    let firsts: Vec<Entry> = entries.iter().filter(|entry| seen.insert(entry.content)).copied().collect();
    let repeats = (entries.len() - firsts.len()) as u64;
    (firsts, repeats)
}

fn count(checked: &mut TableCheck, found: &Found) -> char {
    *checked.causes.entry(found.cause.to_owned()).or_default() += 1;
    let (symbol, counter) = match (found.channel, found.datastore) {
        (Some(_), Some(_)) => ('*', &mut checked.changed),
        (Some(_), None) => ('+', &mut checked.only_channel),
        (None, _) => ('-', &mut checked.only_datastore),
    };
    *counter += 1;
    symbol
}

/// Why one side lacks a record, as far as the two histories tell.
fn cause_of(found: &Found, channel: &TableCensus, datastore: &TableCensus) -> &'static str {
    let outside = |time: i64, census: &TableCensus| {
        census.earliest.is_none_or(|earliest| time < earliest.0) || census.latest.is_none_or(|latest| time > latest.0)
    };
    match (found.channel, found.datastore) {
        (Some(_), Some(_)) => OTHER_VALUES,
        (None, Some(stored)) if outside(stored.time, channel) => "outside the time of the channel's history",
        (None, _) => "no message of the channel becomes it",
        (Some(made), None) if outside(made.time, datastore) => "outside the time of the datastore's history",
        (Some(_), None) => "the service did not store it",
    }
}

/// Fetches the rows of a difference once more, for their values.
fn show(job: &TranslationJob<'_>, table: usize, symbol: char, found: &Found, store: &str) -> Result<TranslationDifference, VerifyError> {
    let channel = fetched(job.channel, table, found.channel)?;
    let datastore = fetched(job.datastore, table, found.datastore)?;
    let time = found.channel.or(found.datastore).map_or(0, |entry| entry.time);
    let record = |side: &Option<(Place, Option<Record>)>| side.as_ref().and_then(|(_, record)| record.clone());
    let (ours, theirs) = (record(&channel), record(&datastore));
    let columns = match (&ours, &theirs) {
        (Some(ours), Some(theirs)) => columns(ours, theirs),
        _ => Vec::new(),
    };
    let enriched = job.enriched.get(store);
    let only_enriched = !columns.is_empty() && columns.iter().all(|column| enriched.is_some_and(|names| names.contains(&column.column)));
    let named = ours.as_ref().or(theirs.as_ref());
    Ok(TranslationDifference {
        symbol,
        time: Nanos(time).to_iso8601(),
        dimensions: named.map(|r| r.dimensions.iter().map(|(n, v)| (n.to_string(), v.clone())).collect()).unwrap_or_default(),
        cause: if only_enriched { ENRICHED } else { found.cause }.to_owned(),
        values: if columns.is_empty() { named.map(values).unwrap_or_default() } else { BTreeMap::new() },
        columns,
        channel: channel.map(|(place, _)| place),
        datastore: datastore.map(|(place, _)| place),
    })
}

fn fetched(side: Side<'_>, table: usize, entry: Option<Entry>) -> Result<Option<(Place, Option<Record>)>, VerifyError> {
    let Some(entry) = entry else { return Ok(None) };
    let Some(object) = side.listing.objects.numbered(entry.unit) else { return Ok(None) };
    let mut record = None;
    reread(side.history, table, &object, &[entry.row], &mut |_, found| record = Some(found))
        .map_err(|failure| VerifyError::Source(CensusError::Read { object: object.id.key.clone(), failure }))?;
    Ok(Some((Place { object: object.id.key.clone(), row: entry.row }, record)))
}

#[cfg(test)]
#[path = "translation_tests.rs"]
mod tests;
