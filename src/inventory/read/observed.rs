//! What the service had done: contents of datasets, reprocessings of pipelines, logging options.

use super::super::fields::{Place, Reader};
use super::super::model::{DatasetContent, Logging, Reprocessing};
use super::super::problem::shown;
use super::super::tree::Data;
use crate::time::TimeFormat;
use crate::value::{Number, Value};

/// `datasetContentSummaries` of a ListDatasetContents answer.
pub(crate) fn contents(reader: &mut Reader<'_>, list: &Place<'_>) -> Vec<DatasetContent> {
    let items = reader.list(list).unwrap_or_default();
    let contents = items.iter().filter_map(|item| {
        let version = reader.required_text(item, "version")?;
        let status = reader.field(item, "status");
        let state = status.as_ref().and_then(|status| reader.optional_text(status, "state"));
        let reason = status.and_then(|status| present_text(reader, &status, "reason"));
        Some(DatasetContent {
            created_at: instant(reader, item, "creationTime"),
            version,
            state: state.unwrap_or_default(),
            reason,
            scheduled_at: instant(reader, item, "scheduleTime"),
            completed_at: instant(reader, item, "completionTime"),
        })
    });
    contents.collect()
}

/// `reprocessingSummaries` of a described or listed pipeline.
pub(crate) fn reprocessings(reader: &mut Reader<'_>, pipeline: &Place<'_>) -> Vec<Reprocessing> {
    let Some(list) = reader.field(pipeline, "reprocessingSummaries") else {
        return Vec::new();
    };
    let items = reader.list(&list).unwrap_or_default();
    let summaries = items.iter().filter_map(|item| {
        let id = reader.required_text(item, "id")?;
        let status = reader.optional_text(item, "status").unwrap_or_default();
        Some(Reprocessing { created_at: instant(reader, item, "creationTime"), id, status })
    });
    summaries.collect()
}

/// `loggingOptions` of a DescribeLoggingOptions answer.
pub(crate) fn logging(reader: &mut Reader<'_>, options: &Place<'_>) -> Option<Logging> {
    let role_arn = reader.required_text(options, "roleArn");
    let level = reader.required_text(options, "level");
    let enabled = reader.required(options, "enabled").and_then(|place| reader.boolean(&place));
    Some(Logging { role_arn: role_arn?, level: level?, enabled: enabled? })
}

/// Text that answers hold empty for none.
fn present_text(reader: &mut Reader<'_>, at: &Place<'_>, key: &str) -> Option<String> {
    let place = reader.field(at, key).filter(|place| place.node.as_text() != Some(""))?;
    reader.text(&place)
}

/// A time as the wire has it (seconds since the epoch) or as the command line prints it (ISO 8601), in ISO 8601. What is no time is
/// warned of: it decides nothing.
fn instant(reader: &mut Reader<'_>, at: &Place<'_>, key: &str) -> Option<String> {
    let place = reader.field(at, key)?;
    let read = match &place.node.data {
        Data::Number(text) => Number::parse(text).map(|number| TimeFormat::EpochSeconds.read(&Value::Number(number))),
        Data::Text(text) => Some(TimeFormat::Iso8601.read(&Value::String(text.clone()))),
        _ => None,
    };
    match read {
        Some(Ok(at)) => Some(at.to_iso8601()),
        _ => {
            reader.findings.warn(&place.path, place.line(), format!("{} is no time and is passed over", shown(key)));
            None
        }
    }
}
