//! What the target must hold, from the source alone.

use std::collections::BTreeMap;

use super::error::VerifyError;
use super::ledger::LedgerRecord;
use super::model::LedgerDisagreement;
use crate::census::{KeyTables, TableCensus};

/// The code under which the writing side keeps rows that lost a collision.
pub(super) const COLLISION_CODE: &str = "key_collision";
const UNDECODABLE_CODE: &str = "undecodable";

/// What the target must hold of one table.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// By the number of the time bucket.
    pub(super) buckets: BTreeMap<i64, Expectation>,
    /// Rows that repeat another one exactly.
    pub(super) collapsed: u64,
    /// Rows that a collision keeps out.
    pub(super) collided: u64,
    /// Rows that the source calls for and the ledger quarantined, by the ledger's code. Where they are missing, that is why.
    pub(super) held_back: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Expectation {
    pub(super) rows: u64,
    pub(super) digest: i64,
}

impl Expected {
    pub(super) fn rows(&self) -> u64 {
        self.buckets.values().map(|bucket| bucket.rows).sum()
    }
}

/// Goes through the keys of a table once.
pub(super) fn expect(keys: &KeyTables, table: usize, bucket_nanos: i64, ledger: Option<&LedgerRecord>) -> Result<Expected, VerifyError> {
    let mut expected = Expected::default();
    keys.groups::<VerifyError>(table, &mut |group| {
        let mut written: u64 = 0;
        for entry in group.written() {
            written += 1;
            if written == 1 {
                let bucket = expected.buckets.entry(entry.time.div_euclid(bucket_nanos)).or_default();
                bucket.rows += 1;
                bucket.digest = bucket.digest.wrapping_add(entry.digest);
            } else {
                expected.collapsed += 1;
            }
            if let Some(code) = ledger.and_then(|ledger| ledger.quarantined(entry.unit, entry.row)) {
                *expected.held_back.entry(code.to_string()).or_default() += 1;
            }
        }
        expected.collided += group.entries.len() as u64 - written;
        Ok(())
    })?;
    Ok(expected)
}

/// Where the ledger's counts of rows and the source's own differ. A backfill that is not finished is not compared: that its
/// counts are lower is no news.
pub(super) fn disagreements(census: &TableCensus, expected: &Expected, ledger: &LedgerRecord) -> Vec<LedgerDisagreement> {
    let Some(fact) = ledger.table(&census.table) else { return Vec::new() };
    if fact.units_pending > 0 {
        return Vec::new();
    }
    let mut source: BTreeMap<String, u64> = census.refused.clone();
    *source.entry(UNDECODABLE_CODE.to_owned()).or_default() += census.undecodable;
    *source.entry(COLLISION_CODE.to_owned()).or_default() += expected.collided;
    for (code, rows) in &expected.held_back {
        *source.entry(code.clone()).or_default() += rows;
    }
    let mut pairs = vec![("rows read".to_owned(), census.rows, fact.tally.read)];
    let activities: std::collections::BTreeSet<&String> = census.filtered.keys().chain(fact.tally.filtered.keys()).collect();
    for activity in activities {
        let count = |counts: &BTreeMap<String, u64>| counts.get(activity).copied().unwrap_or_default();
        pairs.push((format!("filtered: {activity}"), count(&census.filtered), count(&fact.tally.filtered)));
    }
    pairs.push(("objects that the source no longer has".to_owned(), 0, fact.units_gone));
    let codes: std::collections::BTreeSet<&String> = source.keys().chain(fact.tally.quarantined.keys()).collect();
    for code in codes {
        let count = |counts: &BTreeMap<String, u64>| counts.get(code).copied().unwrap_or_default();
        pairs.push((format!("quarantined: {code}"), count(&source), count(&fact.tally.quarantined)));
    }
    let differing = pairs.into_iter().filter(|(_, source, ledger)| source != ledger);
    differing.map(|(what, source, ledger)| LedgerDisagreement { what, source, ledger }).collect()
}
