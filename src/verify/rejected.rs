//! What the target says that it dropped after it had acknowledged it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::target::{LateRejection, RejectionCause};

/// The reports of rejected data, arranged by record. Held in memory: about 60 bytes a record, and each text once.
#[derive(Debug, Clone, Default)]
pub struct Rejections {
    by_key: BTreeMap<u128, Rejected>,
    texts: BTreeMap<String, Arc<str>>,
    summary: RejectedReports,
}

/// Why one record was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) cause: RejectionKind,
    pub(super) reason: Arc<str>,
    pub(super) report: Arc<str>,
}

/// [`RejectionCause`] without its figures, which the reason has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectionKind {
    OutsideWindow,
    OlderVersion,
    Conflict,
    Other,
}

impl RejectionKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::OutsideWindow => "outside the window",
            Self::OlderVersion => "older version",
            Self::Conflict => "same version, other value",
            Self::Other => "another reason",
        }
    }

    /// Whether the target holds another row of the key, which may yet appear.
    pub(super) fn is_of_version(self) -> bool {
        matches!(self, Self::OlderVersion | Self::Conflict)
    }
}

/// Which reports were read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RejectedReports {
    /// Where they lay, as the user named it.
    pub place: String,
    pub reports: u64,
    /// Records that they name, once each.
    pub records: u64,
    /// Reports that could not be read, with the reason: what they hold is not known.
    pub unread: Vec<(String, String)>,
}

impl Rejections {
    /// No report yet; they lie at `place`.
    #[must_use]
    pub fn of(place: &str) -> Self {
        Self { summary: RejectedReports { place: place.to_owned(), ..RejectedReports::default() }, ..Self::default() }
    }

    /// Takes one report: its records, or why it could not be read. Of two reports about one record the first counts.
    pub fn add(&mut self, report: &str, rejections: Result<Vec<LateRejection>, String>) {
        let rejections = match rejections {
            Ok(rejections) => rejections,
            Err(reason) => return self.summary.unread.push((report.to_owned(), reason)),
        };
        self.summary.reports += 1;
        let report: Arc<str> = report.into();
        for LateRejection { key, cause, reason } in rejections {
            let reason = Arc::clone(self.texts.entry(reason).or_insert_with_key(|text| text.as_str().into()));
            let cause = match cause {
                RejectionCause::OutsideWindow { .. } => RejectionKind::OutsideWindow,
                RejectionCause::OlderVersion { .. } => RejectionKind::OlderVersion,
                RejectionCause::Conflict => RejectionKind::Conflict,
                RejectionCause::Other => RejectionKind::Other,
            };
            self.by_key.entry(key.0).or_insert_with(|| Rejected { cause, reason, report: Arc::clone(&report) });
        }
        self.summary.records = self.by_key.len() as u64;
    }

    /// What was read.
    #[must_use]
    pub fn summary(&self) -> &RejectedReports {
        &self.summary
    }

    pub(super) fn get(&self, key: u128) -> Option<&Rejected> {
        self.by_key.get(&key)
    }
}
