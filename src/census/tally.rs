//! What one thread counts while it reads, and how the threads' counts become one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::model::TableCensus;
use crate::mapping::TableMapping;
use crate::record::Record;
use crate::time::Nanos;

/// Combinations of dimension values are counted up to here.
pub(super) const SERIES_MAX: usize = 100_000;
/// Examples kept for each reason.
const EXAMPLES_MAX: usize = 5;
/// Longer examples are cut.
const EXAMPLE_CHARS_MAX: usize = 500;

/// A word of this tool's own; read back from a file it is a copy.
type Word = Cow<'static, str>;

/// Counts that add up in any order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) undecodable: u64,
    pub(super) records: u64,
    pub(super) damaged: Vec<(u32, String, String)>,
    refused: BTreeMap<Word, u64>,
    /// By the activity that drops them.
    filtered: BTreeMap<Arc<str>, u64>,
    /// By code, the first in the history's order.
    examples: BTreeMap<Word, BTreeSet<(u32, u64, String)>>,
    /// By measure and why.
    omitted: BTreeMap<Arc<str>, BTreeMap<Word, u64>>,
    earliest: Option<Nanos>,
    latest: Option<Nanos>,
    metered_bytes: u64,
    dimension_bytes: u64,
    /// Only its size is used, so its order does no harm.
    series: HashSet<u64>,
}

impl Tally {
    pub(super) fn refuse(&mut self, code: &'static str) {
        *self.refused.entry(Cow::Borrowed(code)).or_default() += 1;
    }

    pub(super) fn filter(&mut self, activity: &Arc<str>) {
        match self.filtered.get_mut(activity) {
            Some(rows) => *rows += 1,
            None => {
                self.filtered.insert(Arc::clone(activity), 1);
            }
        }
    }

    pub(super) fn example(&mut self, code: &'static str, unit: u32, row: u64, text: impl FnOnce() -> String) {
        let examples = self.examples.entry(Cow::Borrowed(code)).or_default();
        let early_enough = examples.len() < EXAMPLES_MAX || examples.last().is_some_and(|last| (unit, row) < (last.0, last.1));
        if early_enough {
            examples.insert((unit, row, text().chars().take(EXAMPLE_CHARS_MAX).collect()));
            if examples.len() > EXAMPLES_MAX {
                examples.pop_last();
            }
        }
    }

    pub(super) fn omit(&mut self, measure: &Arc<str>, why: &'static str) {
        *self.omitted.entry(Arc::clone(measure)).or_default().entry(Cow::Borrowed(why)).or_default() += 1;
    }

    pub(super) fn record(&mut self, record: &Record) {
        self.records += 1;
        self.earliest = Some(self.earliest.map_or(record.time, |earliest| earliest.min(record.time)));
        self.latest = Some(self.latest.map_or(record.time, |latest| latest.max(record.time)));
        self.metered_bytes += record.metered_bytes();
        self.dimension_bytes += record.dimensions.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum::<u64>();
        if self.series.len() < SERIES_MAX {
            self.series.insert(series_digest(record));
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.undecodable += other.undecodable;
        self.records += other.records;
        self.damaged.extend(other.damaged);
        add_counts(&mut self.refused, other.refused);
        add_counts(&mut self.filtered, other.filtered);
        for (measure, reasons) in other.omitted {
            add_counts(self.omitted.entry(measure).or_default(), reasons);
        }
        for (code, examples) in other.examples {
            let ours = self.examples.entry(code).or_default();
            ours.extend(examples);
            while ours.len() > EXAMPLES_MAX {
                ours.pop_last();
            }
        }
        self.earliest = [self.earliest, other.earliest].into_iter().flatten().min();
        self.latest = [self.latest, other.latest].into_iter().flatten().max();
        self.metered_bytes += other.metered_bytes;
        self.dimension_bytes += other.dimension_bytes;
        for series in other.series {
            if self.series.len() >= SERIES_MAX {
                break;
            }
            self.series.insert(series);
        }
    }

    /// Everything but what only the keys can tell.
    pub(super) fn into_census(mut self, mapping: &TableMapping, objects: u64) -> TableCensus {
        self.damaged.sort();
        let texts = |examples: BTreeSet<(u32, u64, String)>| examples.into_iter().map(|(_, _, text)| text).collect();
        TableCensus {
            table: mapping.table.clone(),
            store: mapping.store.clone(),
            measure_name: mapping.route.as_ref().map(|_| mapping.measure_name.to_string()),
            objects,
            damaged: self.damaged.into_iter().map(|(_, key, reason)| (key, reason)).collect(),
            rows: self.rows,
            undecodable: self.undecodable,
            refused: self.refused.into_iter().map(|(code, rows)| (code.into_owned(), rows)).collect(),
            filtered: self.filtered.into_iter().map(|(activity, rows)| (activity.to_string(), rows)).collect(),
            refused_examples: self.examples.into_iter().map(|(code, examples)| (code.into_owned(), texts(examples))).collect(),
            records: self.records,
            earliest: self.earliest,
            latest: self.latest,
            metered_bytes: self.metered_bytes,
            dimension_bytes: self.dimension_bytes,
            series: self.series.len() as u64,
            omitted: self
                .omitted
                .iter()
                .flat_map(|(measure, reasons)| reasons.iter().map(move |(why, rows)| (format!("{measure}: {why}"), *rows)))
                .collect(),
            ..TableCensus::default()
        }
    }
}

fn add_counts<K: Ord>(ours: &mut BTreeMap<K, u64>, theirs: BTreeMap<K, u64>) {
    for (name, count) in theirs {
        *ours.entry(name).or_default() += count;
    }
}

fn series_digest(record: &Record) -> u64 {
    let mut hasher = Xxh3::new();
    for (name, value) in &record.dimensions {
        for text in [name.as_bytes(), value.as_bytes()] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text);
        }
    }
    hasher.digest()
}
