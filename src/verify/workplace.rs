//! Where a verification works, and what it leaves there for whoever goes on with it after an interruption.
//!
//! `journal.json` says which tables are compared; the lines of their differences stand in files beside it, and what was read of the source
//! beside these ([`crate::census::Keeping`]). Both are bound to what they came from:
//! - the reading to the plan (and through it to the listing, which pins every object), the objects that a person left out, and the tool;
//! - a table also to what the ledger and the reports of rejected data say, to the target and to the options.
//!
//! What was of other work is made again. A table that had pending rows is not kept, as only another look can tell about them; nor is one
//! that was compared longer than [`TABLE_KEPT_NANOS`] ago, as the target may have moved on.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::VerifyError;
use super::model::TableVerification;
use crate::census::{Keeping, PORTION_BYTES, Scratch, SpillError};
use crate::durable::write_whole;
use crate::encoding::hex;
use crate::failpoint::{self, Failpoints};
use crate::time::{DAY_NANOS, Nanos};

const JOURNAL_NAME: &str = "journal.json";
/// Written into the file; another one is no use.
const JOURNAL_VERSION: u32 = 1;
/// How long the comparison of a table is good for.
const TABLE_KEPT_NANOS: i64 = DAY_NANOS;

/// The directory of one verification at a time.
#[derive(Debug)]
pub struct Workplace {
    scratch: Arc<Scratch>,
    failpoints: Arc<Failpoints>,
    portion_bytes: u64,
}

/// What results depend on, as digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Work {
    pub(super) source: String,
    pub(super) target: String,
}

/// What has been compared.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    work: Work,
    begun_at: Nanos,
    /// By the number of the mapping.
    tables: BTreeMap<usize, Checked>,
}

/// A table that was compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Checked {
    pub(super) compared_at: Nanos,
    pub(super) verified: TableVerification,
    /// The file of its differences, in the workplace.
    pub(super) lines_file: String,
    pub(super) lines: u64,
}

/// The journal of one verification.
#[derive(Debug)]
pub(super) struct Journal {
    scratch: Arc<Scratch>,
    failpoints: Arc<Failpoints>,
    portion_bytes: u64,
    kept: Kept,
}

impl Workplace {
    /// Takes the directory `path`, and what an interrupted verification left there, unless it is to begin `fresh`. `lock` is a file that
    /// exists to be locked: one verification at a time.
    ///
    /// # Errors
    /// [`VerifyError::Scratch`] when another process is at work there, or the directory cannot be used.
    pub fn open(path: &Path, lock: &Path, fresh: bool, failpoints: Arc<Failpoints>) -> Result<Self, VerifyError> {
        let scratch = Scratch::kept(path, lock)?;
        if fresh {
            scratch.retain(&std::collections::BTreeSet::new())?;
        }
        Ok(Self { scratch, failpoints, portion_bytes: PORTION_BYTES })
    }

    /// As [`Self::open`], with smaller portions.
    #[cfg(test)]
    pub(super) fn with_portions(mut self, bytes: u64) -> Self {
        self.portion_bytes = bytes;
        self
    }

    /// Nothing is to be gone on with from here: the result is where it belongs. The directory goes with its last holder.
    pub fn clear(&self) {
        self.scratch.clear();
    }

    /// The journal of `work`: what an earlier process left of it, or a new one.
    pub(super) fn journal(&self, work: Work, now: Nanos) -> Result<Journal, VerifyError> {
        let path = self.scratch.path().join(JOURNAL_NAME);
        let earlier = load(&path).filter(|kept| kept.work.source == work.source);
        let begun_at = earlier.as_ref().map_or(now, |kept| kept.begun_at);
        let mut tables = earlier.filter(|kept| kept.work.target == work.target).map(|kept| kept.tables).unwrap_or_default();
        tables.retain(|_, checked| {
            let lines = self.scratch.path().join(&checked.lines_file);
            // What is said to be compared later than now is of another clock.
            (0..TABLE_KEPT_NANOS).contains(&now.0.saturating_sub(checked.compared_at.0)) && lines.is_file()
        });
        let kept = Kept { version: JOURNAL_VERSION, work, begun_at, tables };
        let journal = Journal {
            scratch: Arc::clone(&self.scratch),
            failpoints: Arc::clone(&self.failpoints),
            portion_bytes: self.portion_bytes,
            kept,
        };
        journal.save()?;
        Ok(journal)
    }
}

fn load(path: &Path) -> Option<Kept> {
    let kept: Kept = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    // Names in it are used as files of the directory: nothing else may be named.
    let plain = |checked: &Checked| checked.lines_file.bytes().all(|byte| byte.is_ascii_digit());
    (kept.version == JOURNAL_VERSION && kept.tables.values().all(plain)).then_some(kept)
}

impl Journal {
    pub(super) fn begun_at(&self) -> Nanos {
        self.kept.begun_at
    }

    /// How the census is kept beside the journal.
    pub(super) fn keeping(&self) -> Keeping {
        let lines = self.kept.tables.values().map(|checked| checked.lines_file.clone());
        Keeping {
            scratch: Arc::clone(&self.scratch),
            work: self.kept.work.source.clone(),
            beside: lines.chain([JOURNAL_NAME.to_owned()]).collect(),
            portion_bytes: self.portion_bytes,
            failpoints: Arc::clone(&self.failpoints),
        }
    }

    pub(super) fn checked(&self, table: usize) -> Option<&Checked> {
        self.kept.tables.get(&table)
    }

    /// Where the lines of a table's differences go before [`Self::keep`].
    pub(super) fn fresh_lines(&self) -> PathBuf {
        self.scratch.fresh_path()
    }

    pub(super) fn lines_path(&self, checked: &Checked) -> PathBuf {
        self.scratch.path().join(&checked.lines_file)
    }

    /// Keeps what the comparison of `table` found. Its lines are durable.
    pub(super) fn keep(&mut self, table: usize, checked: &Checked) -> Result<(), VerifyError> {
        if checked.verified.pending > 0 {
            return Ok(());
        }
        self.failpoints.hit(failpoint::VERIFY_BEFORE_TABLE_KEPT);
        self.kept.tables.insert(table, checked.clone());
        self.save()?;
        self.failpoints.hit(failpoint::VERIFY_TABLE_KEPT);
        Ok(())
    }

    fn save(&self) -> Result<(), VerifyError> {
        let path = self.scratch.path().join(JOURNAL_NAME);
        let bytes = serde_json::to_vec(&self.kept)?;
        write_whole(&path, &bytes).map_err(|source| SpillError::Io { doing: "write", path, source }.into())
    }
}

/// The SHA-256 of how `values` are written for debugging, which tells all that they hold: two runs of one version of the tool write the same
/// of the same values. Never kept for longer than that.
pub(super) fn digest_of(values: &[&dyn Debug]) -> String {
    struct Hashing(Sha256);
    impl fmt::Write for Hashing {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut hashing = Hashing(Sha256::new());
    for value in values {
        // Hashing does not fail, and no Debug here does.
        writeln!(hashing, "{value:?}").unwrap_or_default();
    }
    hex(&hashing.0.finalize())
}
