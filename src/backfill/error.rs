//! Why a backfill stopped, and what a person does about it. Whatever the reason, what was done stays done.

use crate::ledger::LedgerError;
use crate::target::WriteFault;

/// Why a backfill did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error("the plan has {count} errors, the first: {subject}: {cause}")]
    PlanHasErrors { count: usize, subject: String, cause: String },
    #[error("the ledger does not fit the plan: {0}")]
    ForeignLedger(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An object is not the one that was planned with.
    #[error("the history changed since the plan was made: {0}")]
    SourceChanged(String),
    /// Of a unit whose beginning was sent by an earlier run. Its progress is forgotten.
    #[error("{object} gives other rows than an earlier run read of it")]
    OtherRows { object: String },
    /// The machine could not read an object. (Bad data is no error.)
    #[error("{message}")]
    SourceUnreadable { message: String, hint: Option<String> },
    #[error("{place}: {reason}")]
    Strict { place: String, reason: String },
    #[error("{rejected} of {rows} rows went to quarantine, more than {max}")]
    TooManyRejects { rejected: u64, rows: u64, max: String },
    #[error("table {table}: {fault}")]
    Target { table: String, fault: WriteFault },
    #[error("table {table}: nothing was accepted for {seconds} s; the last answer: {fault}")]
    GaveUp { table: String, seconds: u64, fault: WriteFault },
    #[error("table {table}: the first {records} records were all refused as invalid: {message}")]
    EverythingInvalid { table: String, records: u64, message: String },
    #[error(
        "{what}: {read} rows read are not {acknowledged} acknowledged + {filtered} filtered + {quarantined} quarantined (the reader counted {counted})"
    )]
    Identity { what: String, read: u64, acknowledged: u64, filtered: u64, quarantined: u64, counted: u64 },
    #[error("{units} objects of {bytes} bytes were read and held no row")]
    NothingRead { units: u64, bytes: u64 },
    #[error("{rows} rows were read and none was written")]
    NothingWritten { rows: u64 },
    #[error("table {table}: the plan counted {planned} rows, and {read} were read")]
    CountDiffers { table: String, planned: u64, read: u64 },
    #[error("{0} ended without a word")]
    Lost(&'static str),
}

impl BackfillError {
    /// What a person does next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::PlanHasErrors { .. } => "mend what the plan's findings name, then plan again",
            Self::ForeignLedger(_) => "go on with the plan that the ledger was begun with, or use a new directory (--dir)",
            Self::Ledger(error) => return error.hint(),
            Self::SourceChanged(_) => "let the history stand still, plan again, and backfill into a new directory (--dir)",
            Self::OtherRows { .. } => {
                "run the same command again: all rows of the object are then sent. A lambda activity that gives another answer each time does this"
            }
            Self::SourceUnreadable { hint, .. } => return hint.clone(),
            Self::Strict { .. } => "mend the object, or run without --strict: bad rows then go to quarantine/",
            Self::TooManyRejects { .. } => {
                "see why with `quarantine list`; the same command with a higher --max-rejects, or without it, goes on from here"
            }
            Self::Target { fault, .. } | Self::GaveUp { fault, .. } => return fault.hint(),
            Self::EverythingInvalid { .. } => {
                "something concerns every record, as a measure whose type at the target is another: compare migration.toml with the table"
            }
            Self::NothingRead { .. } => "check that the history is what it should be: the objects are there and hold nothing",
            Self::NothingWritten { .. } => "see why in quarantine/ (quarantine list), mend the mapping or the target, and plan again",
            Self::CountDiffers { .. } => "plan again; if the history did not change in between, please report this",
            Self::Identity { .. } | Self::Lost(_) => "please report this; running the same command again is safe",
        };
        Some(text.to_owned())
    }
}
