//! IoT Core topic rules: what they select and which channels they feed.

use super::super::fields::{Place, Reader, uncapitalised};
use super::super::model::{RuleChannel, TopicRule};
use super::super::problem::shown;

/// The SQL version of a rule that states none and was not made in the console.
const DEFAULT_SQL_VERSION: &str = "2015-10-08";

/// Reads a rule payload; a rule that feeds no channel has an empty `channels`.
pub(crate) fn rule(reader: &mut Reader<'_>, payload: &Place<'_>, name: String) -> Option<TopicRule> {
    let errors = reader.findings.errors();
    let sql = reader.required_text(payload, "sql");
    let list = reader.required(payload, "actions");
    let actions = list.and_then(|list| reader.list(&list)).unwrap_or_default();
    let mut channels = Vec::new();
    let mut other_actions = Vec::new();
    for action in &actions {
        let Some((kind, inner)) = reader.only_member(action, "action") else {
            continue;
        };
        if kind == reader.spelt("iotAnalytics") {
            channels.extend(channel_action(reader, &inner));
        } else {
            other_actions.push(uncapitalised(kind));
        }
    }
    if let Some((kind, _)) = reader.field(payload, "errorAction").and_then(|place| place.entries().into_iter().next()) {
        other_actions.push(format!("error:{}", uncapitalised(kind)));
    }
    let disabled = reader.field(payload, "ruleDisabled").filter(|place| !place.is_symbol()).and_then(|place| reader.boolean(&place));
    // Answers hold an empty description for none.
    let described = reader.field(payload, "description").filter(|place| place.node.as_text() != Some(""));
    let description = described.and_then(|place| reader.text(&place)).unwrap_or_default();
    let sql_version = reader.optional_text(payload, "awsIotSqlVersion").unwrap_or_else(|| DEFAULT_SQL_VERSION.to_owned());
    let rule = TopicRule {
        name,
        origin: reader.findings.origin(&payload.path),
        sql: sql.unwrap_or_default(),
        sql_version,
        enabled: !disabled.unwrap_or(false),
        description,
        channels,
        other_actions,
    };
    (reader.findings.errors() == errors).then_some(rule)
}

fn channel_action(reader: &mut Reader<'_>, at: &Place<'_>) -> Option<RuleChannel> {
    if !reader.is_object(at) {
        return None;
    }
    let batch = reader.field(at, "batchMode").filter(|place| !place.is_symbol()).and_then(|place| reader.boolean(&place));
    let batch_mode = batch.unwrap_or(false);
    let named = reader.field(at, "channelName").filter(|place| place.node.as_text() != Some(""));
    if let Some(place) = named {
        return Some(RuleChannel { channel: reader.text(&place)?, batch_mode });
    }
    // Deprecated in favour of the name, and the only one of the two in old rules.
    let Some(place) = reader.field(at, "channelArn") else {
        reader.findings.error(&at.path, at.line(), format!("has no {}, which is required", shown(&reader.spelt("channelName"))));
        return None;
    };
    let arn = reader.text(&place)?;
    match arn.rsplit_once(":channel/") {
        Some((_, name)) if !name.is_empty() => Some(RuleChannel { channel: name.to_owned(), batch_mode }),
        _ => {
            reader.findings.error(&place.path, place.line(), format!("{} is no ARN of a channel", shown(&arn)));
            None
        }
    }
}
