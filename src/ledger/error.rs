//! Why a ledger cannot be used, and what to do about it.

use std::path::PathBuf;

/// What went wrong with a ledger. The ledger is as it was before the call.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("another process is at work in {}", dir.display())]
    Busy { dir: PathBuf },
    #[error("{} belongs to another plan (its plan {found}, this plan {wanted})", path.display())]
    ForeignPlan { path: PathBuf, found: String, wanted: String },
    #[error("{} has layout {found}, and this version knows {known} at most", path.display())]
    NewerSchema { path: PathBuf, found: u32, known: u32 },
    #[error("{} has layout {found}, and this version reads layout {known}", path.display())]
    OlderSchema { path: PathBuf, found: u32, known: u32 },
    #[error("{} does not list the units of this plan: {detail}", path.display())]
    UnitsDiffer { path: PathBuf, detail: String },
    #[error("{} is damaged: {detail}", path.display())]
    Corrupt { path: PathBuf, detail: String },
    #[error("there is no ledger at {}", path.display())]
    Missing { path: PathBuf },
    #[error(
        "unit {unit} does not balance: {read} rows read, {acknowledged} acknowledged, {filtered} filtered, {quarantined} quarantined, {skipped} skipped"
    )]
    Unbalanced { unit: u32, read: u64, acknowledged: u64, filtered: u64, quarantined: u64, skipped: u64 },
    #[error("there is no unit {unit} in the ledger")]
    UnknownUnit { unit: u32 },
    #[error("unit {unit} is done already, with another result")]
    AlreadyDone { unit: u32 },
    #[error("the number {value} of {what} does not fit into the ledger")]
    TooLarge { what: &'static str, value: u64 },
    #[error("could not {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("could not {doing}: {source}")]
    Sqlite { doing: &'static str, source: rusqlite::Error },
    #[error("{}, line {line}: {detail}", path.display())]
    QuarantineLine { path: PathBuf, line: usize, detail: String },
}

impl LedgerError {
    /// What a person does next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Busy { .. } => "wait for the other process to end, or give this one a directory of its own (--dir)",
            Self::ForeignPlan { .. } | Self::UnitsDiffer { .. } => {
                "plan and ledger belong together: go on with the plan that the ledger was begun with, or use a new directory (--dir) for the new plan"
            }
            Self::NewerSchema { .. } => "use the newer version of this program that wrote the ledger",
            Self::OlderSchema { .. } => "run the backfill again: it brings the ledger up to date and repeats nothing that is done",
            Self::Corrupt { .. } => {
                "move the ledger and the quarantine directory away and run the backfill again: what was written before is written again, which changes nothing at the target"
            }
            Self::Missing { .. } => "run the backfill first",
            Self::QuarantineLine { .. } => "the file was edited or damaged: remove the line, or restore the file",
            Self::Io { .. } | Self::Sqlite { .. } => "check that the disk has room and that the directory may be written",
            Self::Unbalanced { .. } | Self::UnknownUnit { .. } | Self::AlreadyDone { .. } | Self::TooLarge { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// Adds what was being done to an SQLite error, and tells damage from everything else.
pub(super) fn sqlite(doing: &'static str, path: &std::path::Path) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            LedgerError::Corrupt { path, detail: source.to_string() }
        }
        _ => LedgerError::Sqlite { doing, source },
    }
}

/// The same where a value is read that this program wrote: one of another type or beyond its range is damage.
pub(super) fn damage(doing: &'static str, path: &std::path::Path) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| match source {
        rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::Utf8Error(..) => LedgerError::Corrupt { path, detail: source.to_string() },
        other => sqlite(doing, &path)(other),
    }
}
