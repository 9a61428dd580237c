//! What is wrong, or not as it looks, in a pipeline's definition: found from the spec alone, and from what the history is known to hold.

mod checks;
mod flow;
mod known;
mod names;
#[cfg(test)]
mod tests;

pub use known::{KnownColumns, Side};

use super::finding::{FindingCode, FindingGrade, TransformFinding};
use super::model::TransformSpec;
use crate::path::{ColumnPath, Segment};

/// Everything there is to say about `spec`, in the order of its steps; what concerns the pipeline as a whole comes last.
pub(super) fn of(spec: &TransformSpec, known: Option<&KnownColumns>) -> Vec<TransformFinding> {
    let mut report = Report { pipeline: spec.pipeline.clone(), findings: Vec::new() };
    checks::check(spec, known, &mut report);
    names::check(spec, &mut report);
    let position = |activity: &str| spec.steps.iter().position(|step| step.activity == activity).unwrap_or(usize::MAX);
    report.findings.sort_by_key(|finding| (position(&finding.activity), finding.grade));
    report.findings
}

/// The name that a path begins with.
pub(super) fn root(path: &ColumnPath) -> &str {
    match path.segments().first() {
        Some(Segment::Name(name)) => name,
        _ => "",
    }
}

/// Collects findings.
#[derive(Debug)]
struct Report {
    pipeline: String,
    findings: Vec<TransformFinding>,
}

impl Report {
    fn add(&mut self, code: FindingCode, grade: FindingGrade, activity: &str, cause: String, remedy: String) {
        let finding = TransformFinding { code, grade, pipeline: self.pipeline.clone(), activity: activity.to_owned(), cause, remedy };
        self.findings.push(finding);
    }
}
