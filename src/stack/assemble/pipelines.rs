//! Pipelines → specs and functions.

use std::collections::BTreeSet;

use crate::inventory::Pipeline;
use crate::mapping::TableMapping;
use crate::stack::names;
use crate::stack::report::{ActivityReport, LeftOut, PipelineReport, Remark, RemarkGrade, RuleOnlyReport};
use crate::stack::template::model::Function;
use crate::stack::yaml;
use crate::transform::{self, Action, KnownColumns, Step, TransformSpec};

use super::{Work, functions};

/// A pipeline as far as it could be translated.
pub(super) struct Translated<'a> {
    pub(super) report: PipelineReport,
    /// None when only its name is known.
    pub(super) spec: Option<TransformSpec>,
    pub(super) mappings: Vec<&'a TableMapping>,
}

pub(super) fn translate<'a>(work: &mut Work<'a>) -> Vec<Translated<'a>> {
    work.inputs.inventory.pipelines.values().map(|pipeline| one(work, pipeline)).collect()
}

fn one<'a>(work: &mut Work<'a>, pipeline: &Pipeline) -> Translated<'a> {
    let mut report = PipelineReport {
        pipeline: pipeline.name.clone(),
        channel: String::new(),
        datastore: String::new(),
        tables: Vec::new(),
        spec: None,
        function: None,
        left_out: None,
        activities: Vec::new(),
        rule_only: RuleOnlyReport::Refused { reason: "the pipeline is not translated".to_owned() },
        remarks: Vec::new(),
    };
    let translation = match transform::translate(pipeline, work.inputs.switches, None::<&KnownColumns>) {
        Ok(translation) => translation,
        Err(error) => {
            report.left_out = Some(LeftOut { cause: error.to_string(), remedy: error.hint().unwrap_or_default() });
            return Translated { report, spec: None, mappings: Vec::new() };
        }
    };
    let spec = translation.spec;
    let folder = work.folders.take(&names::stem(&pipeline.name), "_");
    report.channel.clone_from(&spec.channel);
    report.datastore.clone_from(&spec.datastore);
    report.activities = spec.steps.iter().map(activity).collect();
    report.remarks = translation.findings.into_iter().map(Remark::from).collect();
    let spec_path = format!("spec/{folder}.json");
    work.add(spec_path.clone(), spec.to_json());
    report.spec = Some(spec_path);
    let mappings = work.mappings_of(&spec.datastore);
    match function(work, &spec, &mappings, &folder) {
        Ok(function) => {
            report.function = Some(format!("stack/functions/{folder}"));
            report.tables = function.tables.iter().filter_map(|at| Some(work.deployment.tables.get(*at)?.name.clone())).collect();
            work.deployment.functions.push(function);
        }
        Err(left_out) => report.left_out = Some(left_out),
    }
    Translated { report, spec: Some(spec), mappings }
}

/// The function of a pipeline, its files and its channel added.
fn function(work: &mut Work<'_>, spec: &TransformSpec, mappings: &[&TableMapping], folder: &str) -> Result<Function, LeftOut> {
    if mappings.is_empty() {
        let skipped = work.inputs.settings.skipped_stores.contains(&spec.datastore);
        let why = if skipped { "is skipped in migration.toml" } else { "has no table in migration.toml" };
        return Err(LeftOut {
            cause: format!("its datastore {} {why}", crate::inventory::shown(&spec.datastore)),
            remedy: "add a [[table]] for it, and translate again".to_owned(),
        });
    }
    for text in [&spec.pipeline, &spec.channel] {
        yaml::foreign(text).map_err(|error| LeftOut {
            cause: format!("the name {} cannot stand in a template: {error}", crate::inventory::shown(text)),
            remedy: "rename it in the definition".to_owned(),
        })?;
    }
    let files = functions::files(spec, mappings, work.inputs.settings.write.record_version)?;
    for (name, text) in files {
        work.add(format!("stack/functions/{folder}/{name}"), text);
    }
    let tables: BTreeSet<usize> = mappings.iter().filter_map(|mapping| work.table(&mapping.table)).collect();
    let calls: BTreeSet<String> = spec
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Lambda { function, .. } => Some(function.clone()),
            _ => None,
        })
        .collect();
    let has = |wanted: fn(&Action) -> bool| spec.steps.iter().any(|step| wanted(&step.action));
    Ok(Function {
        id: work.id("Pipeline", &spec.pipeline),
        pipeline: spec.pipeline.clone(),
        folder: folder.to_owned(),
        channel: work.channel(&spec.channel),
        tables: tables.into_iter().collect(),
        reads_registry: has(|action| matches!(action, Action::DeviceRegistryEnrich { .. })),
        reads_shadows: has(|action| matches!(action, Action::DeviceShadowEnrich { .. })),
        calls: calls.into_iter().collect(),
    })
}

fn activity(step: &Step) -> ActivityReport {
    let kind = match &step.action {
        Action::AddAttributes { .. } => "addAttributes",
        Action::RemoveAttributes { .. } => "removeAttributes",
        Action::SelectAttributes { .. } => "selectAttributes",
        Action::Filter { .. } => "filter",
        Action::Math { .. } => "math",
        Action::DeviceRegistryEnrich { .. } => "deviceRegistryEnrich",
        Action::DeviceShadowEnrich { .. } => "deviceShadowEnrich",
        Action::Lambda { .. } => "lambda",
        Action::Unsupported { .. } => "not translated",
    };
    ActivityReport { activity: step.activity.clone(), kind, fidelity: step.fidelity.clone() }
}

/// A remark about a text that the template cannot hold.
pub(super) fn unfit(what: &str, error: yaml::DynamicReference) -> Remark {
    let remedy = "change it in the definition, or write this part of the template by hand";
    Remark::new(RemarkGrade::Error, "dynamic_reference", format!("{what} cannot stand in a template: {error}"), remedy)
}
