//! What a translation gave, for people.

use crate::stack::report::{DatasetReport, PipelineReport, Remark, RemarkGrade, RuleOnlyReport, TranslationReport};
use crate::transform::Fidelity;

use super::text::{Align, Table, counted, shown, wrapped};

/// Per pipeline and activity the grade with what to know; per rule and dataset what became of it.
#[must_use]
pub fn translation_text(report: &TranslationReport) -> String {
    let mut text = String::new();
    for pipeline in &report.pipelines {
        text.push_str(&of_pipeline(pipeline));
    }
    if !report.rules.is_empty() {
        text.push_str("Topic rules\n");
        for rule in &report.rules {
            let became = rule.new_rule.as_deref().map_or_else(|| "no rule".to_owned(), |new| format!("rule {}", shown(new)));
            text.push_str(&wrapped("  ", "    ", &format!("{} → {became}", rule.rule)));
            text.push_str(&remarks(&rule.remarks));
        }
        text.push('\n');
    }
    let pushed: Vec<&str> =
        report.channels.iter().filter(|channel| channel.rules.is_empty()).map(|channel| channel.channel.as_str()).collect();
    if !pushed.is_empty() {
        let line = format!("No rule feeds {}: programs that called BatchPutMessage put into the stream now (README).", pushed.join(", "));
        text.push_str(&wrapped("", "", &line));
        text.push('\n');
    }
    if !report.datasets.is_empty() {
        text.push_str("Datasets\n");
        report.datasets.iter().for_each(|dataset| text.push_str(&of_dataset(dataset)));
        text.push('\n');
    }
    text.push_str(&remarks(&report.remarks));
    text.push_str(&ending(report));
    text
}

fn of_pipeline(pipeline: &PipelineReport) -> String {
    let mut text = format!("Pipeline {}\n", shown(&pipeline.pipeline));
    match &pipeline.left_out {
        Some(left_out) => text.push_str(&wrapped("  not in the stack: ", "    ", &format!("{}; {}", left_out.cause, left_out.remedy))),
        None => {
            let tables: Vec<String> = pipeline.tables.iter().map(|table| shown(table)).collect();
            let way = format!("channel {} → tables {}", pipeline.channel, tables.join(", "));
            text.push_str(&wrapped("  ", "    ", &way));
        }
    }
    let mut table = Table::new(&[("activity", Align::Left), ("kind", Align::Left), ("grade", Align::Left)]);
    for activity in &pipeline.activities {
        table.row([shown(&activity.activity), activity.kind.to_owned(), grade(&activity.fidelity).to_owned()]);
    }
    if !pipeline.activities.is_empty() {
        text.push_str(&table.render("  "));
    }
    for activity in &pipeline.activities {
        let (lead, notes): (_, &[String]) = match &activity.fidelity {
            Fidelity::Exact => ("", &[]),
            Fidelity::Equivalent { differences } => ("differs", differences),
            Fidelity::Manual { to_do } => ("to do", to_do),
        };
        for note in notes {
            text.push_str(&wrapped("  ", "    ", &format!("{} {lead}: {note}", activity.activity)));
        }
    }
    text.push_str(&remarks(&pipeline.remarks));
    let alone = match &pipeline.rule_only {
        RuleOnlyReport::Offered { file, .. } => format!("{file}, with differences (README)"),
        RuleOnlyReport::Refused { reason } => format!("no, {reason}"),
    };
    text.push_str(&wrapped("  as a rule alone: ", "    ", &alone));
    text.push('\n');
    text
}

fn grade(fidelity: &Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Exact => "exact",
        Fidelity::Equivalent { .. } => "equivalent",
        Fidelity::Manual { .. } => "manual",
    }
}

fn of_dataset(dataset: &DatasetReport) -> String {
    let sql = dataset.file.as_deref().unwrap_or("not translated");
    let scheduled = dataset.scheduled.as_ref().map_or_else(String::new, |scheduled| {
        format!(", scheduled query {} into table {} ({})", scheduled.query, scheduled.table, scheduled.schedule)
    });
    wrapped("  ", "    ", &format!("{} → {sql}{scheduled}", dataset.dataset)) + &remarks(&dataset.remarks)
}

fn remarks(remarks: &[Remark]) -> String {
    let line = |remark: &Remark| {
        let about = if remark.about.is_empty() { String::new() } else { format!("{}: ", remark.about) };
        let text = format!("{}: {about}{}; {} [{}]", remark.grade.word(), remark.cause, remark.remedy, remark.code);
        wrapped("  ", "    ", &text)
    };
    remarks.iter().map(line).collect()
}

fn ending(report: &TranslationReport) -> String {
    let functions = report.pipelines.iter().filter(|pipeline| pipeline.function.is_some()).count();
    let errors = report.remarks().filter(|remark| remark.grade == RemarkGrade::Error).count();
    let warnings = report.remarks().filter(|remark| remark.grade == RemarkGrade::Warning).count();
    format!(
        "{} of {} in the stack; {}, {}; {} generated.\n",
        functions,
        counted(report.pipelines.len() as u64, "pipeline", "pipelines"),
        counted(errors as u64, "error", "errors"),
        counted(warnings as u64, "warning", "warnings"),
        counted(report.files.len() as u64, "file", "files"),
    )
}
