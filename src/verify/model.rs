//! What a verification found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rejected::RejectedReports;
use crate::history::Layout;
use crate::time::Nanos;

/// Source and target compared, table by table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// When it began: where it went on after an interruption, the first of its processes. Earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Nanos>,
    pub verified_at: Nanos,
    /// What was taken over from processes that did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
    pub history: String,
    pub database: String,
    pub verdict: Verdict,
    /// In the plan's order.
    pub tables: Vec<TableVerification>,
    /// Objects of the history that no table of the plan takes.
    pub left_out: Vec<LeftOut>,
    /// Things below the history's root that are no history.
    pub passed_over: u64,
    /// Whether a ledger was there to say why.
    pub ledger_consulted: bool,
    /// The reports of rejected data that were read to say why; none where none were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_reports: Option<RejectedReports>,
    /// How long it was waited for rows that were not visible yet, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_s: u64,
    /// Lines in the file of differences.
    pub differences_listed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(seconds: &u64) -> bool {
    *seconds == 0
}

/// What a verification had done before its last process went on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Objects of the source that were read.
    pub objects_read: u64,
    /// Tables that were compared, and when.
    pub tables_compared: Vec<(String, Nanos)>,
}

/// The answer. Only [`Verdict::Complete`] is exit code 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every source row is in the target, once, and nothing else is.
    Complete,
    /// Every source row is accounted for, and some are in quarantine or of an object that a person left out, or an object is damaged and
    /// holds rows nobody can read.
    CompleteWithQuarantine,
    /// Some rows were acknowledged and may not be visible yet; nothing else differs.
    Pending,
    /// Rows are missing, extra or changed, or the ledger tells another story than the source.
    Differences,
    /// The source has no row at all: nothing was compared, so nothing was proved.
    Nothing,
}

impl Verification {
    /// The verdict over `tables`.
    #[must_use]
    pub fn verdict_of(tables: &[TableVerification]) -> Verdict {
        let any = |test: fn(&TableVerification) -> bool| tables.iter().any(test);
        if any(|table| table.missing + table.extra + table.changed > 0 || !table.ledger_disagrees.is_empty()) {
            Verdict::Differences
        } else if any(|table| table.pending > 0) {
            Verdict::Pending
        } else if any(|table| table.quarantined() + table.skipped > 0 || !table.damaged.is_empty()) {
            Verdict::CompleteWithQuarantine
        } else if any(|table| table.source_rows > 0) {
            Verdict::Complete
        } else {
            Verdict::Nothing
        }
    }
}

/// Objects outside the migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub store: String,
    pub layout: Layout,
    pub objects: u64,
    pub bytes: u64,
}

/// How a table was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Count and digest of each time bucket, and the rows of those that differ.
    #[default]
    Digests,
    /// The rows of every bucket, as the target refused to compute digests.
    Rows,
}

/// The accounting of one table, or of one measure name of a table that several mappings write to. Everything counts rows of the source, except `extra` and `target_rows`.
///
/// ```text
/// source_rows  = undecodable + refused + collided + filtered + acknowledged
/// acknowledged = present + collapsed + changed + pending + skipped + missing
/// target_rows  = present + changed + extra
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TableVerification {
    pub table: String,
    /// Only where the store has routes: several mappings may write to one table, each under its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure_name: Option<String>,
    pub store: String,
    pub method: Method,
    /// SHA-256 over rows and digest of every time bucket that the source calls for.
    #[serde(default)]
    pub source_digest: String,
    /// The same of what the target holds. None where it computes no digests.
    #[serde(default)]
    pub target_digest: Option<String>,
    /// False when the target has no such table: all its rows are then missing.
    pub table_found: bool,
    pub source_rows: u64,
    pub undecodable: u64,
    /// By refusal code.
    pub refused: BTreeMap<String, u64>,
    /// Rows that share their key with a row of other content, and that the table's policy keeps out of the target.
    pub collided: u64,
    /// Messages that a pipeline drops, by activity. None but where rows come from a channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filtered: BTreeMap<String, u64>,
    /// Rows that the target must have been given: the records without those that collided.
    pub acknowledged: u64,
    /// Of those, exact repeats of another row: stored once.
    pub collapsed: u64,
    pub present: u64,
    /// Rows whose key the target holds with other values.
    pub changed: u64,
    /// Rows that were written, and may not be visible yet.
    pub pending: u64,
    /// Rows of objects that a person left out, with a reason.
    #[serde(default)]
    pub skipped: u64,
    /// When the last of them counts as missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_until: Option<Nanos>,
    pub missing: u64,
    /// Rows of the target that the source does not call for.
    pub extra: u64,
    /// Rows of the target.
    pub target_rows: u64,
    /// Time buckets on either side.
    pub buckets: u64,
    /// Of those, buckets whose rows were compared one by one.
    pub buckets_compared: u64,
    /// Rows of the target that were fetched for it.
    #[serde(default)]
    pub rows_fetched: u64,
    /// Of those buckets, such whose digests differed while all rows turned out equal: the two sides write some value differently.
    pub buckets_alike: u64,
    /// Objects that could not be read to their end, with the reason.
    pub damaged: Vec<(String, String)>,
    /// Differences by kind and cause.
    pub causes: BTreeMap<Kind, BTreeMap<String, u64>>,
    /// Where the ledger's counts and the source's own do not agree; of a table with several mappings, at the first of them.
    pub ledger_disagrees: Vec<LedgerDisagreement>,
    /// The first of each kind, in time order. The file of differences has them all.
    pub shown: Vec<Difference>,
    /// Differences that are listed by key, time and place only, as there are too many to fetch all their values.
    pub listed_without_values: u64,
}

impl TableVerification {
    /// Rows that are accounted for without being in the target.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        self.undecodable + self.refused.values().sum::<u64>() + self.collided
    }

    /// Messages that a pipeline drops.
    #[must_use]
    pub fn filtered_total(&self) -> u64 {
        self.filtered.values().sum()
    }

    /// Whether every row has exactly one state; else the identity that does not hold, with its numbers.
    ///
    /// # Errors
    /// The identity, as text.
    pub fn check(&self) -> Result<(), String> {
        let quarantined = self.quarantined();
        let states = self.present + self.collapsed + self.changed + self.pending + self.skipped + self.missing;
        let stored = self.present + self.changed + self.extra;
        if self.source_rows != quarantined + self.filtered_total() + self.acknowledged {
            return Err(format!(
                "source rows {} = in quarantine {quarantined} + filtered {} + acknowledged {}",
                self.source_rows,
                self.filtered_total(),
                self.acknowledged
            ));
        }
        if self.acknowledged != states {
            return Err(format!(
                "acknowledged {} = present {} + collapsed {} + changed {} + pending {} + skipped {} + missing {}",
                self.acknowledged, self.present, self.collapsed, self.changed, self.pending, self.skipped, self.missing
            ));
        }
        if self.target_rows != stored {
            return Err(format!(
                "target rows {} = present {} + changed {} + extra {}",
                self.target_rows, self.present, self.changed, self.extra
            ));
        }
        let named: u64 = self.causes.values().flat_map(BTreeMap::values).sum();
        let differing = self.changed + self.pending + self.skipped + self.missing + self.extra;
        if named != differing {
            return Err(format!("differences {differing} = differences with a stated cause {named}"));
        }
        Ok(())
    }
}

/// One count that the ledger and the source tell differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerDisagreement {
    /// What is counted, as `rows read` or `quarantined: wrong_type`.
    pub what: String,
    pub source: u64,
    pub ledger: u64,
}

/// What kind of difference it is, seen from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// In the source, not in the target.
    Missing,
    /// In both, with other values.
    Changed,
    /// In the target, not in the source.
    Extra,
    /// In the source, not in the target, and it may still appear there.
    Pending,
    /// In the source, not in the target, and a person wanted it so.
    Skipped,
}

impl Verification {
    /// Whether every source row is at the target, or in quarantine or left out with its reason.
    #[must_use]
    pub fn all_accounted_for(&self) -> bool {
        matches!(self.verdict, Verdict::Complete | Verdict::CompleteWithQuarantine)
    }
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Missing, Self::Changed, Self::Extra, Self::Pending, Self::Skipped];

    /// One character, as `rclone check` uses them: `-` missing in the target, `+` extra in the target, `*` changed; and
    /// `?` pending, `~` skipped. Rows that are equal (`=`) are not listed.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Self::Missing => '-',
            Self::Changed => '*',
            Self::Extra => '+',
            Self::Pending => '?',
            Self::Skipped => '~',
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Extra => "extra",
            Self::Pending => "pending",
            Self::Skipped => "skipped",
        }
    }
}

/// One row that is not the same on both sides: one line of the file of differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// [`Kind::symbol`].
    pub symbol: char,
    pub kind: Kind,
    pub table: String,
    /// The row's time, and the same in nanoseconds.
    pub time: String,
    pub time_ns: i64,
    /// The record key as 32 hexadecimal digits.
    pub key: String,
    /// Empty when the values were not fetched.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// A few words that are the same for the same cause.
    pub cause: String,
    /// One line.
    pub detail: String,
    /// Where the row stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Place>,
    /// Further source rows that repeat it exactly; they are counted as collapsed.
    #[serde(default)]
    pub repeats: u64,
    /// The measures by name, as the source has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_values: Option<BTreeMap<String, serde_json::Value>>,
    /// The measures by name, as the target has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_values: Option<BTreeMap<String, serde_json::Value>>,
    /// Of a changed row, the columns that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnDifference>,
}

/// One row of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub object: String,
    /// From 1.
    pub row: u64,
}

/// One measure of a changed row; absent on a side that does not have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnDifference {
    pub column: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<serde_json::Value>,
}
