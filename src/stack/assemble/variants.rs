//! Pipelines that can be a topic rule and nothing else.

use crate::inventory::TopicRule;
use crate::stack::names;
use crate::stack::report::{PipelineReport, RuleOnlyReport};
use crate::stack::{rule, rule_only, template};

use super::Work;
use super::pipelines::Translated;

/// The pipeline's report, with what there is to say about a rule in its place; the template added where there is one.
pub(super) fn offer(work: &mut Work<'_>, pipeline: Translated<'_>) -> PipelineReport {
    let Translated { mut report, spec, mappings } = pipeline;
    let Some(spec) = spec.filter(|_| report.function.is_some()) else { return report };
    let feeds = |rule: &&TopicRule| rule.channels.iter().any(|fed| fed.channel == spec.channel);
    let rules: Vec<&TopicRule> = work.inputs.inventory.rules.values().filter(feeds).collect();
    report.rule_only = match rule_only::make(&spec, &mappings, &rules) {
        Err(reason) => RuleOnlyReport::Refused { reason },
        Ok(variant) => {
            let rule = rules.first().map_or_else(String::new, |old| rule::new_name(&old.name, rule::ALONE));
            let table = mappings.first().map_or_else(String::new, |mapping| single(&mapping.table));
            match template::rule_only::render(&variant, &work.deployment, &rule, &table) {
                Err(error) => RuleOnlyReport::Refused { reason: format!("its SQL cannot stand in a template: {error}") },
                Ok(text) => {
                    let file = format!("stack/rule-only/{}.yaml", work.variants.take(&names::stem(&report.pipeline), "_"));
                    work.add(file.clone(), text);
                    RuleOnlyReport::Offered { file, differences: variant.differences }
                }
            }
        }
    };
    report
}

/// A table for single-measure records, beside `table`. A table's name ends at 256 characters, all of them ASCII.
fn single(table: &str) -> String {
    format!("{}_single", table.get(..240).unwrap_or(table))
}
