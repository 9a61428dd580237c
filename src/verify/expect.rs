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
    /// Rows that the source calls for, of objects that a person left out.
    pub(super) skipped: u64,
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
            expected.skipped += u64::from(ledger.is_some_and(|ledger| ledger.is_skipped(entry.unit, entry.row)));
        }
        expected.collided += group.entries.len() as u64 - written;
        Ok(())
    })?;
    Ok(expected)
}

/// Where the ledger's counts of a table's rows and the source's own differ. `written` has all that is written to the table: one
/// mapping, or several of one store, whose first table is `home`. A backfill that is not finished is not compared: that its
/// counts are lower is no news.
pub(super) fn disagreements(
    table: &str,
    home: &str,
    written: &[(&TableCensus, &Expected)],
    ledger: &LedgerRecord,
) -> Vec<LedgerDisagreement> {
    let Some(units) = ledger.units(home).filter(|units| units.units_pending == 0) else { return Vec::new() };
    let tally = ledger.tally(table);
    let mut source: BTreeMap<String, u64> = BTreeMap::new();
    for (census, expected) in written {
        let own = [(UNDECODABLE_CODE, census.undecodable), (COLLISION_CODE, expected.collided)];
        let own = own.map(|(code, rows)| (code.to_owned(), rows));
        for (code, rows) in census.refused.clone().into_iter().chain(own).chain(expected.held_back.clone()) {
            *source.entry(code).or_default() += rows;
        }
    }
    let rows = written.iter().map(|(census, _)| census.rows).sum();
    let mut pairs = vec![("rows read".to_owned(), rows, tally.read)];
    pairs.push(("rows skipped".to_owned(), written.iter().map(|(_, expected)| expected.skipped).sum(), tally.skipped));
    let mut filtered: BTreeMap<&String, u64> = tally.filtered.keys().map(|activity| (activity, 0)).collect();
    for (activity, rows) in written.iter().flat_map(|(census, _)| &census.filtered) {
        *filtered.entry(activity).or_default() += rows;
    }
    for (activity, rows) in filtered {
        pairs.push((format!("filtered: {activity}"), rows, tally.filtered.get(activity).copied().unwrap_or_default()));
    }
    if table == home {
        pairs.push(("objects that the source no longer has".to_owned(), 0, units.units_gone));
    }
    let codes: std::collections::BTreeSet<&String> = source.keys().chain(tally.quarantined.keys()).collect();
    for code in codes {
        let count = |counts: &BTreeMap<String, u64>| counts.get(code).copied().unwrap_or_default();
        pairs.push((format!("quarantined: {code}"), count(&source), count(&tally.quarantined)));
    }
    let differing = pairs.into_iter().filter(|(_, source, ledger)| source != ledger);
    differing.map(|(what, source, ledger)| LedgerDisagreement { what, source, ledger }).collect()
}
