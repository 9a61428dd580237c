//! Named moments at which a test may have the process die, to prove that nothing is lost when it does.
//!
//! Invariant: every moment is in a list ([`ALL`] of a backfill, [`PROGRESS`] of one inside a large unit, [`EXPORT`] of an export of objects, [`CONTENTS`] of one of dataset contents,
//! [`REPLAY`], [`SKIP`], [`VERIFY`]), so that a test can kill the program at each of them and none is left untried; `tests/it/failpoints.rs`
//! sees to that.
//!
//! Every room above may use this. Nothing here is reached unless a caller asked for it by name.

use std::sync::atomic::{AtomicU64, Ordering};

/// Every moment of a backfill, as `room:moment`, in the order in which a unit of work passes them.
pub const ALL: &[&str] = &[BEFORE_SEND, AFTER_ACK, AFTER_QUARANTINE, BEFORE_COMMIT, AFTER_COMMIT];

/// The moments at which it is remembered how far a large unit is, in their order.
pub const PROGRESS: &[&str] = &[PROGRESS_BEFORE_COMMIT, PROGRESS_KEPT];

/// The ledger has written how far a unit is inside a transaction that is still open.
pub const PROGRESS_BEFORE_COMMIT: &str = "ledger:before_progress_commit";
/// The ledger knows how far a unit is.
pub const PROGRESS_KEPT: &str = "ledger:after_progress_commit";

/// The moments at which a plan takes the place of another, and objects are taken back, in their order.
pub const REPLAY: &[&str] = &[REPLAY_BEFORE_LEDGER, BEFORE_COMMIT, AFTER_COMMIT, REPLAY_BEFORE_PLAN];

/// The moments at which an object is left out, in their order.
pub const SKIP: &[&str] = &[AFTER_QUARANTINE, BEFORE_COMMIT, AFTER_COMMIT];

/// The moments of a verification that leaves its report and its evidence, in their order.
pub const VERIFY: &[&str] = &[
    VERIFY_BEFORE_READING_KEPT,
    VERIFY_READING_KEPT,
    VERIFY_BEFORE_TABLE_KEPT,
    VERIFY_TABLE_KEPT,
    VERIFY_COMPARED,
    VERIFY_REPORTED,
    VERIFY_PROVED,
];

/// A portion of the source is read and its keys are durable, and nothing says how far they reach.
pub const VERIFY_BEFORE_READING_KEPT: &str = "verify:before_reading_kept";
/// It is durable how far the source was read.
pub const VERIFY_READING_KEPT: &str = "verify:after_reading_kept";
/// A table is compared and its differences are durable, and nothing says so.
pub const VERIFY_BEFORE_TABLE_KEPT: &str = "verify:before_table_kept";
/// It is durable what a table's comparison found.
pub const VERIFY_TABLE_KEPT: &str = "verify:after_table_kept";

/// Source and target are compared and the differences listed; nothing is said of it.
pub const VERIFY_COMPARED: &str = "verify:after_comparison_before_report";
/// The report is there, and no evidence.
pub const VERIFY_REPORTED: &str = "verify:after_report_before_evidence";
/// The evidence is durable, and nobody has been told yet.
pub const VERIFY_PROVED: &str = "evidence:after_save";

/// The next plan is durable beside the present one, and the ledger does not know.
pub const REPLAY_BEFORE_LEDGER: &str = "replay:before_ledger";
/// The ledger goes by the next plan, and it does not stand in its place yet.
pub const REPLAY_BEFORE_PLAN: &str = "replay:after_ledger_before_plan";

/// Every moment of an export of objects, in the order in which a staged file passes them.
pub const EXPORT: &[&str] =
    &[EXPORT_BEFORE_RENAME, EXPORT_AFTER_RENAME, EXPORT_AFTER_JOURNAL, EXPORT_BEFORE_MANIFEST, EXPORT_AFTER_MANIFEST];

/// Every moment of an export of dataset contents, in the order in which a content passes them.
pub const CONTENTS: &[&str] = &[CONTENTS_BEFORE_START, CONTENTS_WHILE_POLLING, CONTENTS_MID_DOWNLOAD, CONTENTS_BEFORE_CLEAN_UP];

/// A temporary dataset was made, and its content is not started.
pub const CONTENTS_BEFORE_START: &str = "export:before_start";
/// A content was started, and the service was asked about it.
pub const CONTENTS_WHILE_POLLING: &str = "export:while_polling";
/// A part of a content is on disk.
pub const CONTENTS_MID_DOWNLOAD: &str = "export:mid_download";
/// A content is fetched, and its temporary dataset is still there.
pub const CONTENTS_BEFORE_CLEAN_UP: &str = "export:before_clean_up";

/// A staged file is whole on disk, under the name of an unfinished one.
pub const EXPORT_BEFORE_RENAME: &str = "export:before_rename";
/// A staged file stands under its own name, and the journal does not know.
pub const EXPORT_AFTER_RENAME: &str = "export:after_rename_before_journal";
/// The journal knows of a staged file.
pub const EXPORT_AFTER_JOURNAL: &str = "export:after_journal";
/// All files are durable, and there is no manifest.
pub const EXPORT_BEFORE_MANIFEST: &str = "export:before_manifest";
/// The manifest is durable, and the journal is still there.
pub const EXPORT_AFTER_MANIFEST: &str = "export:after_manifest";

/// A batch is about to be sent for the first time.
pub const BEFORE_SEND: &str = "backfill:before_send";
/// The target has taken a batch, and nobody has been told yet.
pub const AFTER_ACK: &str = "backfill:after_ack";
/// A group of units has its quarantine files on disk, and the ledger does not know yet.
pub const AFTER_QUARANTINE: &str = "backfill:after_quarantine_before_commit";
/// The ledger has written a group of units inside a transaction that is still open.
pub const BEFORE_COMMIT: &str = "ledger:before_commit";
/// The ledger has committed a group of units, and nobody has been told yet.
pub const AFTER_COMMIT: &str = "ledger:after_commit";

/// What is to happen at the named moments: nothing, or the end of the process at one of them.
#[derive(Debug, Default)]
pub struct Failpoints {
    abort: Option<Abort>,
}

#[derive(Debug)]
struct Abort {
    name: &'static str,
    hits_left: AtomicU64,
}

/// A name that is no failpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a failpoint; use one of {known}", known = known().copied().collect::<Vec<_>>().join(", "))]
pub struct UnknownFailpoint(pub String);

fn known() -> impl Iterator<Item = &'static &'static str> {
    ALL.iter().chain(PROGRESS).chain(EXPORT).chain(CONTENTS).chain(REPLAY).chain(VERIFY)
}

impl Failpoints {
    /// Nothing happens anywhere.
    #[must_use]
    pub const fn none() -> Self {
        Self { abort: None }
    }

    /// The process aborts, as under `kill -9`, the `nth` time (from 1) that it passes `name`.
    pub fn abort_at(name: &str, nth: u64) -> Result<Self, UnknownFailpoint> {
        let name = known().find(|known| **known == name).ok_or_else(|| UnknownFailpoint(name.to_owned()))?;
        Ok(Self { abort: Some(Abort { name, hits_left: AtomicU64::new(nth.max(1)) }) })
    }

    /// Says that the moment `name` has come.
    pub fn hit(&self, name: &str) {
        if let Some(abort) = &self.abort
            && abort.name == name
            && abort.hits_left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            // No destructor runs and no buffer is flushed: the nearest to a power cut that a process can do to itself.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_names_can_be_armed() {
        for name in known() {
            assert!(Failpoints::abort_at(name, 1).is_ok());
        }
        let error = Failpoints::abort_at("backfill:lunch", 1).unwrap_err();
        assert!(error.to_string().contains(AFTER_COMMIT), "{error}");
    }

    #[test]
    fn other_moments_and_earlier_hits_pass() {
        let armed = Failpoints::abort_at(AFTER_ACK, 3).unwrap();
        armed.hit(BEFORE_SEND);
        armed.hit(AFTER_ACK);
        armed.hit(AFTER_ACK);
        assert_eq!(armed.abort.unwrap().hits_left.load(Ordering::SeqCst), 1);
        Failpoints::none().hit(AFTER_ACK);
    }
}
