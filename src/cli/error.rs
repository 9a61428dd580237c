//! Library errors turned into words: one line of cause, one `hint:`.

use std::fmt;

use iota2ts::history::HistoryError;
use iota2ts::survey::SurveyError;

/// Why a command failed, and what to do next.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) cause: String,
    pub(crate) hint: Option<String>,
}

impl CommandError {
    pub(crate) fn new(cause: impl fmt::Display) -> Self {
        Self { cause: cause.to_string(), hint: None }
    }

    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Each library error knows its own hint; this is the one place that puts the two together.
macro_rules! from_library {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self { hint: error.hint(), cause: error.to_string() }
            }
        })*
    };
}

from_library!(
    iota2ts::archive::ArchiveError,
    iota2ts::evidence::EvidenceError,
    HistoryError,
    iota2ts::backfill::BackfillError,
    iota2ts::census::CensusError,
    iota2ts::channel::EnginesError,
    iota2ts::channel::ViewError,
    iota2ts::export::ExportError,
    iota2ts::inventory::CaptureError,
    iota2ts::inventory::InventoryError,
    iota2ts::ledger::LedgerError,
    iota2ts::live::LiveError,
    iota2ts::live::contents::ContentsError,
    iota2ts::live::contents::Stopped,
    iota2ts::live::SaveError,
    iota2ts::mapping::MappingError,
    iota2ts::plan::PlanError,
    iota2ts::plan::StalePlan,
    iota2ts::settings::ProposalError,
    iota2ts::settings::SettingsError,
    iota2ts::stack::StackError,
    iota2ts::target::liveanalytics::ConnectError,
    iota2ts::target::liveanalytics::ReportsError,
    iota2ts::verify::VerifyError,
);

#[cfg(feature = "local")]
from_library!(iota2ts::local::LocalError, iota2ts::local::PumpError);

impl From<SurveyError<HistoryError>> for CommandError {
    fn from(error: SurveyError<HistoryError>) -> Self {
        let hint = match &error {
            SurveyError::Read(inner) => inner.hint(),
            SurveyError::Strict { .. } => error.hint(),
        };
        Self { hint, cause: error.to_string() }
    }
}
