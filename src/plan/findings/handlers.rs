//! Findings about functions that somebody has written already to replace a pipeline: the mistakes that lose or falsify rows.

use std::collections::BTreeSet;

use super::{Findings, PlanInputs, some};
use crate::inventory::{ActivityKind, Handler};
use crate::mapping::TableMapping;
use crate::path::{ColumnPath, Segment};

const GENERATED: &str = "use the function that `iota2ts translate` generates";

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    for handler in inputs.inventory.handlers.values() {
        let subject = format!("function {}", handler.name);
        if handler.is_fed_by_kinesis && !handler.decodes_base64 {
            found.warn(
                "handler_forgets_base64",
                &*subject,
                "it reads Kinesis records and never decodes Base64, which is how their data arrives: every message fails to parse",
                format!("decode record['kinesis']['data'] with base64.b64decode, or {GENERATED}"),
            );
        }
        if handler.asks_the_clock {
            found.warn(
                "handler_time_is_now",
                &*subject,
                "it asks the clock for the present time: rows that arrive late or are sent again get another time than the backfill gives them",
                format!("write the event time of the message, or {GENERATED}"),
            );
        }
        if !handler.handles_rejected_records {
            found.warn(
                "handler_ignores_rejected_records",
                &*subject,
                "it does not handle RejectedRecordsException: one refused record makes the whole batch of messages fail and be sent again",
                format!("handle the exception record by record, or {GENERATED}"),
            );
        }
        columns(inputs, handler, &subject, found);
        filters(inputs, handler, &subject, found);
    }
}

/// Columns of the table that the function is nearest to, and that it never reads.
fn columns(inputs: &PlanInputs<'_>, handler: &Handler, subject: &str, found: &mut Findings) {
    let shared = |mapping: &&TableMapping| names(mapping).iter().filter(|name| handler.reads.contains(**name)).count();
    let Some(nearest) = inputs.settings.tables.iter().max_by_key(shared).filter(|mapping| shared(mapping) > 0) else { return };
    let lost: Vec<&str> = names(nearest).into_iter().filter(|name| !handler.reads.contains(*name)).collect();
    if lost.is_empty() {
        return;
    }
    found.warn(
        "handler_drops_columns",
        subject,
        format!(
            "it never reads {} of the store {}, so the live path would write less than the history holds",
            some(lost.iter().copied()),
            nearest.store
        ),
        format!("write these columns too, or {GENERATED}"),
    );
}

/// The innermost names of a table's columns, partition columns left out.
fn names(mapping: &TableMapping) -> BTreeSet<&str> {
    let columns = mapping.dimensions.iter().map(|rule| &rule.column).chain(mapping.measures.iter().map(|rule| &rule.column));
    columns.chain([&mapping.time.column]).filter_map(innermost).filter(|name| !name.starts_with("__")).collect()
}

fn innermost(column: &ColumnPath) -> Option<&str> {
    column.segments().iter().rev().find_map(|segment| match segment {
        Segment::Name(name) => Some(name.as_str()),
        Segment::Index(_) => None,
    })
}

/// A pipeline filters, and no line of the function decides anything by the same attributes.
fn filters(inputs: &PlanInputs<'_>, handler: &Handler, subject: &str, found: &mut Findings) {
    for pipeline in inputs.inventory.pipelines.values() {
        for activity in &pipeline.activities {
            let ActivityKind::Filter { filter } = &activity.kind else { continue };
            let attributes = words(filter);
            let is_about = attributes.iter().any(|name| handler.reads.contains(*name));
            if is_about && !attributes.iter().any(|name| handler.conditions.contains(*name)) {
                found.warn(
                    "handler_forgets_filter",
                    subject,
                    format!(
                        "the activity {} of the pipeline {} filters by `{filter}`, and it decides nothing by these attributes",
                        activity.name, pipeline.name
                    ),
                    format!("drop the messages that the filter drops, or {GENERATED}"),
                );
            }
        }
    }
}

/// The names in an expression; its keywords among them do no harm, as no message reads them.
fn words(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_')).collect()
}
