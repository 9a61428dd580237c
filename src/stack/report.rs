//! What became of every definition, as data: printed by `report`, put into the stack's README, and read by scripts.

use serde::Serialize;

use crate::dataset::{self, DatasetFinding};
use crate::transform::{Fidelity, FindingGrade, TransformFinding};

/// The result of a translation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TranslationReport {
    /// In order of their names, as the rest.
    pub pipelines: Vec<PipelineReport>,
    pub rules: Vec<RuleReport>,
    pub channels: Vec<ChannelReport>,
    pub datasets: Vec<DatasetReport>,
    /// What is said about the stack as a whole.
    pub remarks: Vec<Remark>,
    /// Everything that was generated, by its path below the migration directory.
    pub files: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineReport {
    pub pipeline: String,
    pub channel: String,
    pub datastore: String,
    /// The tables that its records go to.
    pub tables: Vec<String>,
    /// `spec/<name>.json`, where the definition is known.
    pub spec: Option<String>,
    /// `stack/functions/<name>`; none when no function could be made, and then `left_out` says why.
    pub function: Option<String>,
    pub left_out: Option<LeftOut>,
    pub activities: Vec<ActivityReport>,
    pub rule_only: RuleOnlyReport,
    pub remarks: Vec<Remark>,
}

/// Why something has no place in the stack, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub cause: String,
    pub remedy: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityReport {
    pub activity: String,
    /// As `filter`, `addAttributes`.
    pub kind: &'static str,
    pub fidelity: Fidelity,
}

/// Whether the pipeline can be a topic rule and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RuleOnlyReport {
    /// It can, in the stated file and with the stated differences.
    Offered {
        file: String,
        differences: Vec<String>,
    },
    Refused {
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleReport {
    pub rule: String,
    /// The rule of the stack; none when there is none, and then `remarks` say why.
    pub new_rule: Option<String>,
    pub channels: Vec<String>,
    pub remarks: Vec<Remark>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelReport {
    pub channel: String,
    /// The output of the stack that names its stream.
    pub output: String,
    /// Rules of the stack that feed it; none means that somebody called BatchPutMessage.
    pub rules: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetReport {
    pub dataset: String,
    /// `stack/datasets/<name>.sql`
    pub file: Option<String>,
    /// The scheduled query, and the table that it fills.
    pub scheduled: Option<ScheduledReport>,
    pub remarks: Vec<Remark>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduledReport {
    pub query: String,
    pub table: String,
    pub schedule: String,
}

/// One thing that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Stable.
    pub code: String,
    pub grade: RemarkGrade,
    /// What it is about; empty when its place says it.
    pub about: String,
    pub cause: String,
    pub remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemarkGrade {
    /// This part is not in the stack.
    Error,
    Warning,
    Note,
}

impl RemarkGrade {
    /// `error`, `warning`, `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Remark {
    pub(crate) fn new(grade: RemarkGrade, code: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: code.to_owned(), grade, about: String::new(), cause: cause.into(), remedy: remedy.into() }
    }
}

impl From<TransformFinding> for Remark {
    fn from(finding: TransformFinding) -> Self {
        let grade = match finding.grade {
            FindingGrade::Error => RemarkGrade::Error,
            FindingGrade::Warning => RemarkGrade::Warning,
            FindingGrade::Note => RemarkGrade::Note,
        };
        Self { code: finding.code.as_str().to_owned(), grade, about: finding.activity, cause: finding.cause, remedy: finding.remedy }
    }
}

impl From<DatasetFinding> for Remark {
    fn from(finding: DatasetFinding) -> Self {
        let grade = match finding.grade {
            dataset::Grade::Error => RemarkGrade::Error,
            dataset::Grade::Warning => RemarkGrade::Warning,
            dataset::Grade::Note => RemarkGrade::Note,
        };
        Self { code: finding.code, grade, about: String::new(), cause: finding.cause, remedy: finding.remedy }
    }
}

impl TranslationReport {
    /// Whether everything is in the stack: nothing left out, no manual step, no error.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let manual = |activity: &ActivityReport| matches!(activity.fidelity, Fidelity::Manual { .. });
        self.pipelines.iter().all(|pipeline| pipeline.left_out.is_none() && !pipeline.activities.iter().any(manual))
            && self.remarks().all(|remark| remark.grade != RemarkGrade::Error)
    }

    /// Every remark, wherever it stands.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        let pipelines = self.pipelines.iter().flat_map(|pipeline| &pipeline.remarks);
        let rules = self.rules.iter().flat_map(|rule| &rule.remarks);
        let datasets = self.datasets.iter().flat_map(|dataset| &dataset.remarks);
        pipelines.chain(rules).chain(datasets).chain(&self.remarks)
    }
}
