//! Findings about pipelines and datasets: what `translate` would say of them, before anybody deploys anything.
//!
//! A mistake in them keeps no processed row from being migrated, so it is a warning here; only a pipeline whose own messages are
//! migrated (`[[raw]]`) can make the plan an error.

use std::collections::BTreeSet;

use super::{Findings, PlanInputs};
use crate::dataset::{self, Grade as DatasetGrade};
use crate::inventory::{ActivityKind, Pipeline};
use crate::mapping::TableMapping;
use crate::path::ColumnPath;
use crate::plan::model::Grade;
use crate::transform::{self, FindingGrade, KnownColumns, Side};

pub(super) fn look(inputs: &PlanInputs<'_>, found: &mut Findings) {
    for pipeline in inputs.inventory.pipelines.values() {
        pipeline_findings(inputs, pipeline, found);
    }
    let mappings: Vec<&TableMapping> = inputs.settings.tables.iter().collect();
    for dataset in inputs.inventory.datasets.values() {
        for finding in dataset::translate(dataset, &mappings, &inputs.settings.target.database).findings {
            let grade = match finding.grade {
                DatasetGrade::Error | DatasetGrade::Warning => Grade::Warning,
                DatasetGrade::Note => Grade::Note,
            };
            found.add(grade, &finding.code, finding.subject, finding.cause, finding.remedy);
        }
    }
}

fn pipeline_findings(inputs: &PlanInputs<'_>, pipeline: &Pipeline, found: &mut Findings) {
    let known = known_columns(inputs, pipeline);
    // A pipeline of which only the name is known is a blind spot already.
    let Ok(translation) = transform::translate(pipeline, &inputs.settings.switches, known.as_ref()) else { return };
    let is_run_here = inputs.settings.raw.iter().any(|raw| raw.pipeline == pipeline.name);
    for finding in translation.findings {
        let grade = match finding.grade {
            FindingGrade::Error if is_run_here => Grade::Error,
            FindingGrade::Error | FindingGrade::Warning => Grade::Warning,
            FindingGrade::Note => Grade::Note,
        };
        let subject = match finding.activity.as_str() {
            "" => format!("pipeline {}", finding.pipeline),
            activity => format!("pipeline {}: activity {activity}", finding.pipeline),
        };
        found.add(grade, finding.code.as_str(), subject, finding.cause, finding.remedy);
    }
    switches(pipeline, &translation.spec, found);
}

/// The open points that the pipeline hangs on, each with the switch in force: once a pipeline.
fn switches(pipeline: &Pipeline, spec: &transform::TransformSpec, found: &mut Findings) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for step in &spec.steps {
        let transform::Fidelity::Equivalent { differences } = &step.fidelity else { continue };
        told.extend(differences.iter().map(String::as_str));
    }
    for difference in told {
        found.note(
            "open_point",
            format!("pipeline {}", pipeline.name),
            difference,
            "set the switch in [switches] of migration.toml, if there is one, to what the service did; the history shows it where both are there",
        );
    }
}

/// What the history of the pipeline's datastore holds; none where it was not surveyed.
fn known_columns(inputs: &PlanInputs<'_>, pipeline: &Pipeline) -> Option<KnownColumns> {
    let store = pipeline.activities.iter().find_map(|activity| match &activity.kind {
        ActivityKind::Datastore { datastore_name } => Some(datastore_name),
        _ => None,
    })?;
    let columns: Vec<&ColumnPath> = inputs.survey.stores.get(store)?.columns.iter().map(|column| &column.path).collect();
    (!columns.is_empty()).then(|| KnownColumns::new(columns, Side::Datastore))
}
