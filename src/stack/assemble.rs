//! All files of a stack: from what was captured and decided to specs, functions, SQL, the template and the README.
//!
//! A part that cannot be generated is left out with its reason; it never keeps the others back.

mod channels;
mod datasets;
mod functions;
mod pipelines;
mod samples;
#[cfg(test)]
mod tests;
mod variants;

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::mapping::TableMapping;
use crate::record::MeasureKind;
use crate::settings::Settings;
use crate::transform::TransformSwitches;

use super::names::{self, Taken};
use super::readme;
use super::report::{Remark, RemarkGrade, TranslationReport};
use super::template::model::{Channel, Deployment, Table, Watched};
use super::template::{self, RESOURCES_MAX};
use super::yaml::DynamicReference;

/// What a stack is made from.
#[derive(Debug, Clone, Copy)]
pub struct StackInputs<'a> {
    pub inventory: &'a Inventory,
    pub settings: &'a Settings,
    pub switches: &'a TransformSwitches,
}

/// A file of the migration directory, by its path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    pub path: String,
    pub text: String,
}

/// All that a translation gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// In `spec/` and `stack/`; sorted by path.
    pub files: Vec<GeneratedFile>,
    pub report: TranslationReport,
}

/// Why there is no stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    #[error("no table is mapped, so there is nothing that a live path could write to")]
    NoTable,
    #[error("a name that the template needs cannot stand in it: {0}")]
    Template(#[from] DynamicReference),
}

impl StackError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoTable => "run `iota2ts plan --history PATH`, and keep at least one [[table]] in migration.toml".to_owned(),
            Self::Template(_) => "rename it in migration.toml".to_owned(),
        })
    }
}

/// Generates everything. The same inputs give the same files.
///
/// # Errors
/// When no table is mapped, or a name of the settings cannot stand in a template.
pub fn assemble(inputs: StackInputs<'_>) -> Result<Stack, StackError> {
    if inputs.settings.tables.is_empty() {
        return Err(StackError::NoTable);
    }
    let mut work = Work::new(inputs);
    let pipelines = pipelines::translate(&mut work);
    let (rules, channels) = channels::connect(&mut work, &pipelines);
    let pipelines = pipelines.into_iter().map(|pipeline| variants::offer(&mut work, pipeline)).collect();
    let datasets = datasets::translate(&mut work);
    let template = template::render(&work.deployment)?;
    if template.resources > RESOURCES_MAX {
        let cause = format!("the template declares {} resources, and CloudFormation takes {RESOURCES_MAX}", template.resources);
        let remedy = "translate in parts: capture some of the pipelines into another migration directory, and translate there";
        work.remarks.push(Remark::new(RemarkGrade::Error, "too_many_resources", cause, remedy));
    }
    work.add("stack/template.yaml".to_owned(), template.text);
    let mut report = TranslationReport { pipelines, rules, channels, datasets, remarks: work.remarks, files: Vec::new() };
    work.files.push(GeneratedFile { path: "stack/README.md".to_owned(), text: readme::render(&report, &work.deployment) });
    work.files.sort_by(|one, other| one.path.cmp(&other.path));
    report.files = work.files.iter().map(|file| file.path.clone()).collect();
    Ok(Stack { files: work.files, report })
}

/// A stack being put together.
struct Work<'a> {
    inputs: StackInputs<'a>,
    deployment: Deployment,
    files: Vec<GeneratedFile>,
    remarks: Vec<Remark>,
    /// Logical stems, over all kinds.
    ids: Taken,
    folders: Taken,
    /// Places of channels in the deployment, by name.
    channels: BTreeMap<String, usize>,
    archive_folders: Taken,
    variants: Taken,
}

impl<'a> Work<'a> {
    fn new(inputs: StackInputs<'a>) -> Self {
        let target = &inputs.settings.target;
        let deployment = Deployment {
            database: target.database.clone(),
            memory_hours: target.memory_hours,
            magnetic_days: target.magnetic_days,
            rejected_data_bucket: target.rejected_data_bucket.clone(),
            rejected_data_prefix: target.rejected_data_prefix.clone(),
            ..Deployment::default()
        };
        let mut work = Self {
            inputs,
            deployment,
            files: Vec::new(),
            remarks: Vec::new(),
            ids: Taken::default(),
            folders: Taken::default(),
            channels: BTreeMap::new(),
            archive_folders: Taken::default(),
            variants: Taken::default(),
        };
        for mapping in &inputs.settings.tables {
            work.add_table(mapping);
        }
        work.deployment.anomaly_table = work.free_table("anomalies");
        work
    }

    fn add(&mut self, path: String, text: String) {
        self.files.push(GeneratedFile { path, text });
    }

    /// A logical stem for `name` among things of `kind`.
    fn id(&mut self, kind: &str, name: &str) -> String {
        self.ids.take(&format!("{kind}{}", names::logical(name)), "N")
    }

    /// The mappings of one store, in the order of the settings.
    fn mappings_of(&self, store: &str) -> Vec<&'a TableMapping> {
        self.inputs.settings.tables.iter().filter(|mapping| mapping.store == store).collect()
    }

    /// The place of the table called `name` in the deployment.
    fn table(&self, name: &str) -> Option<usize> {
        self.deployment.tables.iter().position(|table| table.name == name)
    }

    /// The place of the channel called `name`, which gets a stream with this.
    fn channel(&mut self, name: &str) -> usize {
        if let Some(place) = self.channels.get(name) {
            return *place;
        }
        let id = self.id("Channel", name);
        let folder = self.archive_folders.take(&names::stem(name), "_");
        let place = self.deployment.channels.len();
        self.deployment.channels.push(Channel { id, name: name.to_owned(), folder });
        self.channels.insert(name.to_owned(), place);
        place
    }

    fn add_table(&mut self, mapping: &TableMapping) {
        let watched = Watched {
            measure_name: mapping.measure_name.to_string(),
            dimensions: mapping.dimensions.iter().map(|dimension| dimension.name.to_string()).collect(),
            numbers: mapping
                .measures
                .iter()
                .filter(|measure| matches!(measure.kind, MeasureKind::Double | MeasureKind::Bigint))
                .map(|measure| measure.name.to_string())
                .collect(),
        };
        let worth_watching = !watched.numbers.is_empty() && !watched.dimensions.is_empty();
        let watched = worth_watching.then_some(watched);
        match self.table(&mapping.table).and_then(|at| self.deployment.tables.get_mut(at)) {
            Some(table) => table.watched.extend(watched),
            None => {
                let id = self.id("Timestream", &mapping.table);
                let partition_dimension = self.inputs.settings.target.partition_dimension.clone();
                let watched = watched.into_iter().collect();
                self.deployment.tables.push(Table { id, name: mapping.table.clone(), results: false, partition_dimension, watched });
            }
        }
    }

    /// `wanted`, or a name like it that no table has.
    fn free_table(&self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        while self.table(&name).is_some() {
            name.push('_');
        }
        name
    }
}
