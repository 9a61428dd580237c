//! What a person should know before the first row is written: one file per family, each reading the same inputs.

mod definitions;
mod handlers;
mod history;
mod mapping;
mod target;
#[cfg(test)]
mod tests;
mod translation;

use super::make::PlanInputs;
use super::model::{Finding, Grade};
use crate::mapping::TableMapping;

pub(super) fn findings(inputs: &PlanInputs<'_>) -> Vec<Finding> {
    let mut found = Findings::default();
    definitions::look(inputs, &mut found);
    handlers::look(inputs, &mut found);
    history::look(inputs, &mut found);
    mapping::look(inputs, &mut found);
    target::look(inputs, &mut found);
    translation::look(inputs, &mut found);
    let mut findings = found.0;
    findings.sort_by(|a, b| (a.grade, &a.code, &a.subject, &a.cause).cmp(&(b.grade, &b.code, &b.subject, &b.cause)));
    findings.dedup();
    findings
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(&mut self, code: &str, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Grade::Error, code, subject, cause, remedy);
    }

    fn warn(&mut self, code: &str, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Grade::Warning, code, subject, cause, remedy);
    }

    fn note(&mut self, code: &str, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.add(Grade::Note, code, subject, cause, remedy);
    }

    fn add(&mut self, grade: Grade, code: &str, subject: impl Into<String>, cause: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code: code.to_owned(), grade, subject: subject.into(), cause: cause.into(), remedy: remedy.into() });
    }
}

/// `table factory`, and the measure name where several mappings write to the table.
fn table_subject(inputs: &PlanInputs<'_>, mapping: &TableMapping) -> String {
    let shares = inputs.settings.tables.iter().filter(|other| other.table == mapping.table).count() > 1;
    if shares { format!("table {} ({})", mapping.table, mapping.measure_name) } else { format!("table {}", mapping.table) }
}

/// `1 row`, `2 rows`.
fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The first three, and how many more there are.
fn some<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    const NAMED_MAX: usize = 3;
    let mut names = names.into_iter();
    let shown: Vec<&str> = names.by_ref().take(NAMED_MAX).collect();
    match names.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}
