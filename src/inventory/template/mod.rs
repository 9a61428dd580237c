//! CloudFormation and SAM templates, and what CDK synthesises: the resources that matter, with their intrinsic functions resolved.
//!
//! What only the stack knows stays in the text as `${…}` and is named as a blind spot.

mod condition;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use super::fields::{Form, Place, Reader};
use super::found::{Definitions, Standing, keep};
use super::problem::{Findings, shown};
use super::read::{dataset, handler, pipeline, rule, storage, storage::Extent, thing};
use super::tree::{Data, Node, join};
use resolve::Resolver;

/// Whether a document is a template: it says so, or it has resources with types.
pub(crate) fn is_template(root: &Node) -> bool {
    let typed = |resource: &Node| resource.get("Type").and_then(Node::as_text).is_some_and(|t| t.contains("::"));
    let has_resources = root.get("Resources").and_then(Node::as_map).is_some_and(|map| map.values().any(typed));
    has_resources || root.get("AWSTemplateFormatVersion").is_some()
}

/// A resource of a template, as a stack of it would have it.
#[derive(Debug, Clone, PartialEq)]
pub struct StackResource {
    pub logical: String,
    pub kind: String,
    /// Functions are resolved; what only a stack knows reads `${Id}` or `${Id.Attribute}`.
    pub properties: serde_json::Value,
}

/// The resources of a template whose parameters have their default values; without those that a false condition leaves out.
///
/// # Errors
/// What keeps the text from being read as a template, in one line.
pub fn stack_resources(text: &str) -> Result<Vec<StackResource>, String> {
    let mut findings = Findings::new("template");
    let documents = super::document::read_text(text, "yaml", "", &mut findings);
    let Some(root) = documents.first().filter(|root| is_template(root)) else {
        let problem = findings.into_parts().0.into_iter().next().map(|problem| problem.reason);
        return Err(problem.unwrap_or_else(|| "it is no CloudFormation template".to_owned()));
    };
    let given = BTreeMap::new();
    let mut resolver = Resolver::new(root, &given);
    let mut found = Vec::new();
    for (logical, resource) in root.get("Resources").and_then(Node::as_map).into_iter().flatten() {
        let Some(kind) = resource.get("Type").and_then(Node::as_text) else { continue };
        let condition = resource.get("Condition").and_then(Node::as_text);
        if condition.is_some_and(|name| resolver.condition(name) == Ok(false)) {
            continue;
        }
        let properties = resource.get("Properties").and_then(|properties| resolver.value(properties, logical));
        let properties = properties.map_or(serde_json::Value::Null, |properties| properties.to_json());
        found.push(StackResource { logical: logical.clone(), kind: kind.to_owned(), properties });
    }
    Ok(found)
}

/// Reads a template's definitions; false when it has none. `given` are parameter values by name; those it used go to `used`.
pub(crate) fn read(
    root: &Place<'_>,
    given: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
    findings: &mut Findings,
    out: &mut Definitions,
) -> bool {
    let mut resolver = Resolver::new(root.node, given);
    note_transforms(root, findings);
    let resources = root.child("Resources");
    let mut relevant = false;
    for (logical, resource) in resources.iter().flat_map(Place::entries) {
        if logical.starts_with("Fn::") {
            let unknown = format!("resources made by {} are not expanded; capture the processed template", shown(logical));
            findings.blind(subject(findings.file(), &resource.path), unknown);
            relevant = true;
            continue;
        }
        let Some(kind) = resource.child("Type").and_then(|t| t.node.as_text().map(str::to_owned)) else {
            findings.warn(&resource.path, resource.line(), "a resource without a Type is passed over");
            continue;
        };
        if matches!(kind.as_str(), "AWS::CloudFormation::Stack" | "AWS::Serverless::Application") {
            findings.blind(subject(findings.file(), &resource.path), "what the nested stack defines is not seen; capture its template too");
            relevant = true;
        }
        relevant |= one_resource(&mut resolver, &resource, logical, &kind, findings, out);
    }
    used.extend(resolver.take_used());
    for spot in resolver.take_unknowns() {
        findings.blind(subject(findings.file(), &spot.path), spot.unknown);
    }
    relevant
}

fn subject(file: &str, path: &str) -> String {
    format!("template {file}: {path}")
}

/// Macros rewrite a template before it is deployed, and this reads it before they do.
fn note_transforms(root: &Place<'_>, findings: &mut Findings) {
    let Some(place) = root.child("Transform") else {
        return;
    };
    let names: Vec<&str> = match &place.node.data {
        Data::Text(name) => vec![name],
        Data::List(items) => items.iter().filter_map(Node::as_text).collect(),
        _ => Vec::new(),
    };
    for name in names.into_iter().filter(|name| !matches!(*name, "AWS::Serverless-2016-10-31" | "AWS::LanguageExtensions")) {
        let unknown = format!("what the macro {} makes of the template is not seen; capture the processed template", shown(name));
        findings.blind(subject(findings.file(), &place.path), unknown);
    }
}

/// Reads one resource; false when its type is of no interest here.
fn one_resource(
    resolver: &mut Resolver<'_>,
    resource: &Place<'_>,
    logical: &str,
    kind: &str,
    findings: &mut Findings,
    out: &mut Definitions,
) -> bool {
    if matches!(kind, "AWS::Lambda::Function" | "AWS::Serverless::Function") {
        return function(resource, logical, findings, out);
    }
    let relevant = matches!(
        kind,
        "AWS::IoTAnalytics::Channel"
            | "AWS::IoTAnalytics::Pipeline"
            | "AWS::IoTAnalytics::Datastore"
            | "AWS::IoTAnalytics::Dataset"
            | "AWS::IoT::TopicRule"
            | "AWS::IoT::Thing"
    );
    if !relevant || !is_created(resolver, resource, findings) {
        return relevant;
    }
    let path = join(&resource.path, "Properties");
    let empty = Node::new(resource.node.line, Data::Map(IndexMap::new()));
    let properties = resource.node.get("Properties").unwrap_or(&empty);
    let resolved = resolver.value(properties, &path).unwrap_or(empty);
    let at = Place { node: &resolved, path };
    let name = resolver.name_of(logical);
    let reader = &mut Reader { form: Form::Template, findings };
    if !reader.is_object(&at) {
        return true;
    }
    let standing = Standing::Intended;
    if kind != "AWS::IoT::Thing" {
        reader.check_name(&name, &at);
    }
    match kind {
        "AWS::IoTAnalytics::Channel" => {
            keep(&mut out.channels, standing, storage::channel(reader, &at, name, "channelStorage", Extent::Whole));
        }
        "AWS::IoTAnalytics::Datastore" => {
            keep(&mut out.datastores, standing, storage::datastore(reader, &at, name, "datastoreStorage", Extent::Whole));
        }
        "AWS::IoTAnalytics::Pipeline" => {
            let list = reader.required(&at, "pipelineActivities");
            keep(&mut out.pipelines, standing, pipeline::pipeline(reader, &at, list.as_ref(), name));
        }
        "AWS::IoTAnalytics::Dataset" => keep(&mut out.datasets, standing, dataset::dataset(reader, &at, name)),
        "AWS::IoT::TopicRule" => {
            if let Some(payload) = reader.required(&at, "topicRulePayload") {
                keep(&mut out.rules, standing, rule::rule(reader, &payload, name));
            }
        }
        _ => keep(&mut out.things, standing, thing::templated(reader, &at, name)),
    }
    true
}

/// A function whose code is written out in the template; false when it is not, or does not write to Timestream. Nothing else of
/// it is resolved: most functions of a template have nothing to do with a migration.
fn function(resource: &Place<'_>, logical: &str, findings: &Findings, out: &mut Definitions) -> bool {
    let Some(properties) = resource.child("Properties") else { return false };
    let code = properties.child("Code").and_then(|code| code.child("ZipFile")).or_else(|| properties.child("InlineCode"));
    let Some(source) = code.as_ref().and_then(|code| code.node.as_text()) else { return false };
    let found = handler::handler(logical.to_owned(), findings.origin(&properties.path), source);
    let is_handler = found.is_some();
    keep(&mut out.handlers, Standing::Intended, found);
    is_handler
}

/// Whether the stack creates the resource, by its condition.
fn is_created(resolver: &mut Resolver<'_>, resource: &Place<'_>, findings: &mut Findings) -> bool {
    let Some(place) = resource.child("Condition") else {
        return true;
    };
    let Some(name) = place.node.as_text() else {
        findings.error(&place.path, place.line(), "must name a condition");
        return true;
    };
    match resolver.condition(name) {
        Ok(true) => true,
        Ok(false) => {
            findings.note(
                &resource.path,
                format!("the condition {} is false, so the stack does not have this resource; passed over", shown(name)),
            );
            false
        }
        Err(why) => {
            let unknown = format!("whether the stack has it depends on the condition {}: {why}", shown(name));
            findings.blind(subject(findings.file(), &resource.path), unknown);
            true
        }
    }
}

#[cfg(test)]
mod tests;
