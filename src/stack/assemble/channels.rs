//! Channels → streams, and the topic rules that feed them.

use crate::inventory::{TopicRule, shown};
use crate::stack::names::Taken;
use crate::stack::report::{ChannelReport, Remark, RemarkGrade, RuleReport};
use crate::stack::template::model::{Outlet, Rule};
use crate::stack::{rule, yaml};

use super::Work;
use super::pipelines::{self, Translated};

/// Makes a rule for each rule that feeds a channel of the stack.
pub(super) fn connect(work: &mut Work<'_>, pipelines: &[Translated<'_>]) -> (Vec<RuleReport>, Vec<ChannelReport>) {
    let mut new_names = Taken::default();
    let rules: Vec<RuleReport> = work.inputs.inventory.rules.values().map(|old| one(work, pipelines, &mut new_names, old)).collect();
    let feeds = |channel: &str| {
        rules
            .iter()
            .filter(|rule| rule.channels.iter().any(|fed| fed == channel))
            .filter_map(|rule| rule.new_rule.clone())
            .collect::<Vec<_>>()
    };
    let channels = work
        .deployment
        .channels
        .iter()
        .map(|channel| ChannelReport {
            channel: channel.name.clone(),
            output: format!("{}StreamName", channel.id),
            rules: feeds(&channel.name),
        })
        .collect();
    (rules, channels)
}

fn one(work: &mut Work<'_>, pipelines: &[Translated<'_>], new_names: &mut Taken, old: &TopicRule) -> RuleReport {
    let channels = old.channels.iter().map(|fed| fed.channel.clone()).collect();
    let mut report = RuleReport { rule: old.name.clone(), new_rule: None, channels, remarks: Vec::new() };
    let outlets = outlets(work, pipelines, old, &mut report.remarks);
    if outlets.is_empty() {
        let cause = "none of its channels feeds a pipeline of the stack, so it has no part in it";
        report.remarks.push(Remark::new(RemarkGrade::Warning, "rule_without_pipeline", cause, "see what its pipelines say above"));
        return report;
    }
    if let Err(error) = [&old.sql, &old.sql_version].into_iter().try_for_each(|text| yaml::foreign(text).map(|_| ())) {
        report.remarks.push(pipelines::unfit("its SQL", error));
        return report;
    }
    remark(old, &mut report.remarks);
    let new_name = new_names.take(&rule::new_name(&old.name, rule::TO_STREAM), "_");
    report.new_rule = Some(new_name.clone());
    let id = work.id("Rule", &old.name);
    work.deployment.rules.push(Rule {
        id,
        name: old.name.clone(),
        new_name,
        sql: old.sql.clone(),
        sql_version: old.sql_version.clone(),
        enabled: old.enabled,
        outlets,
    });
    report
}

fn outlets(work: &Work<'_>, pipelines: &[Translated<'_>], old: &TopicRule, remarks: &mut Vec<Remark>) -> Vec<Outlet> {
    let mut outlets: Vec<Outlet> = Vec::new();
    for fed in &old.channels {
        let Some(channel) = work.channels.get(&fed.channel).copied() else {
            let cause = format!("it feeds the channel {}, which no function of the stack reads", shown(&fed.channel));
            remarks.push(Remark::new(RemarkGrade::Warning, "channel_without_function", cause, "see what its pipelines say above"));
            continue;
        };
        if outlets.iter().any(|outlet| outlet.channel == channel) {
            continue;
        }
        let preferred = work.inputs.settings.target.partition_dimension.as_deref();
        let keys = pipelines.iter().filter_map(|pipeline| {
            let spec = pipeline.spec.as_ref().filter(|spec| spec.channel == fed.channel && pipeline.report.function.is_some())?;
            let mapping = pipeline.mappings.first()?;
            Some(rule::partition_key(&old.sql, &old.sql_version, &spec.steps, mapping, preferred))
        });
        let key = keys.into_iter().find(|key| key != rule::ANY_SHARD).unwrap_or_else(|| rule::ANY_SHARD.to_owned());
        outlets.push(Outlet { channel, partition_key: key });
    }
    outlets
}

/// What a person should know about an old rule before it is switched off.
fn remark(old: &TopicRule, remarks: &mut Vec<Remark>) {
    if !old.enabled {
        let cause = "the old rule is disabled, and so is the new one, whatever RulesEnabled says";
        remarks.push(Remark::new(RemarkGrade::Note, "rule_disabled", cause, "enable it in the template if messages should flow"));
    }
    if !old.other_actions.is_empty() {
        let kinds: Vec<String> = old.other_actions.iter().map(|kind| shown(kind)).collect();
        let cause = format!("the old rule has other actions ({}), which the new one does not", kinds.join(", "));
        let remedy = "keep the old rule and take only its IoT Analytics action out of it";
        remarks.push(Remark::new(RemarkGrade::Warning, "rule_has_other_actions", cause, remedy));
    }
    if old.channels.iter().any(|fed| fed.batch_mode) {
        let cause = "it is in batch mode: an array goes into the stream as one record, and the function takes it apart";
        let remedy = "keep arrays below the record size of a stream, 1 MiB";
        remarks.push(Remark::new(RemarkGrade::Note, "rule_in_batch_mode", cause, remedy));
    }
    if old.sql.contains("${") {
        let cause = "its SQL holds `${`: where that is a part of a template that was never filled in, the rule cannot work";
        remarks.push(Remark::new(
            RemarkGrade::Warning,
            "rule_sql_symbolic",
            cause,
            "capture the deployed rule: a saved get-topic-rule answer",
        ));
    }
}
