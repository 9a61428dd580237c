//! The CloudFormation template (with the SAM transform) of the live path: one for all pipelines of a migration.
//!
//! Invariants
//! - It is a pure function of a [`Deployment`]; the same deployment gives the same text.
//! - A logical ID is made from an identifier and a fixed ending, and no ending is the end of another, so IDs cannot meet.
//! - A text that is not ours passes [`yaml::foreign`] before it stands in a template.
//! - Data outlives the stack: tables and buckets are retained, whatever happens to it.
//!
//! May be used by `stack` only.

mod alarms;
mod anomalies;
mod archive;
mod ingest;
pub(crate) mod model;
mod parameters;
mod policy;
mod queries;
pub(crate) mod rule_only;
mod storage;
#[cfg(test)]
mod tests;

use super::yaml::{self, DynamicReference, Map};
use model::Deployment;

/// CloudFormation takes no more resources in one template.
pub(crate) const RESOURCES_MAX: usize = 500;

/// A template being put together.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) parameters: Map,
    pub(super) conditions: Map,
    pub(super) resources: Map,
    pub(super) outputs: Map,
}

/// A finished template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) text: String,
    /// How many resources it declares; see [`RESOURCES_MAX`].
    pub(crate) resources: usize,
}

/// The template of `deployment`.
///
/// # Errors
/// When a text of a definition would be read by CloudFormation as something else than itself.
pub(crate) fn render(deployment: &Deployment) -> Result<Template, DynamicReference> {
    let mut parts = Parts::default();
    parameters::declare(&mut parts, deployment);
    storage::declare(&mut parts, deployment);
    ingest::declare(&mut parts, deployment)?;
    queries::declare(&mut parts, deployment)?;
    anomalies::declare(&mut parts, deployment)?;
    archive::declare(&mut parts, deployment);
    alarms::declare(&mut parts, deployment)?;
    let resources = parts.resources.len();
    let description = "The live path that replaces AWS IoT Analytics: topic rules, streams, functions and Timestream";
    Ok(Template { text: parts.text(description, Some("AWS::Serverless-2016-10-31")), resources })
}

impl Parts {
    /// The whole template.
    pub(super) fn text(self, description: &str, transform: Option<&str>) -> String {
        let mut template =
            Map::new().with("AWSTemplateFormatVersion", "2010-09-09").with_some("Transform", transform).with("Description", description);
        // Timestream for LiveAnalytics takes no new customers, which cfn-lint warns of; who deploys this is one already.
        let lint = Map::new().with("config", Map::new().with("ignore_checks", ["W3697"]));
        template.put("Metadata", Map::new().with("cfn-lint", lint));
        for (section, entries) in
            [("Parameters", self.parameters), ("Conditions", self.conditions), ("Resources", self.resources), ("Outputs", self.outputs)]
        {
            if !entries.is_empty() {
                template.put(section, entries);
            }
        }
        yaml::render(&template)
    }

    /// A resource of `kind` without anything but properties.
    pub(super) fn resource(&mut self, id: &str, kind: &str, properties: Map) {
        self.resources.put(id, Map::new().with("Type", kind).with("Properties", properties));
    }

    /// A resource that is made only where `condition` holds.
    pub(super) fn resource_if(&mut self, condition: &str, id: &str, kind: &str, properties: Map) {
        self.resources.put(id, Map::new().with("Type", kind).with("Condition", condition).with("Properties", properties));
    }

    pub(super) fn output(&mut self, id: &str, description: &str, value: yaml::Node) {
        self.outputs.put(id, Map::new().with("Description", description).with("Value", value));
    }

    pub(super) fn output_if(&mut self, condition: &str, id: &str, description: &str, value: yaml::Node) {
        self.outputs.put(id, Map::new().with("Condition", condition).with("Description", description).with("Value", value));
    }
}
