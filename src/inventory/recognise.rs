//! Tells what a document is, and hands each definition in it to its reader.
//!
//! What is no definition is left alone: folders hold policies, package files and telemetry too.

use std::collections::{BTreeMap, BTreeSet};

use super::document;
use super::fields::{Form, Place, Reader};
use super::found::{Definitions, Standing, keep};
use super::problem::{Findings, shown};
use super::read::{dataset, observed, pipeline, rule, storage, storage::Extent, thing};
use super::template;
use super::tree::Node;

/// What the recognisers of one file share.
pub(crate) struct Context<'c> {
    /// The file's name without folder and extension, for documents that do not name what they define.
    pub(crate) stem: &'c str,
    /// How far the answers of describe operations are to be believed.
    pub(crate) described: Standing,
    pub(crate) given: &'c BTreeMap<String, String>,
    pub(crate) used: &'c mut BTreeSet<String>,
    pub(crate) findings: &'c mut Findings,
    pub(crate) out: &'c mut Definitions,
}

/// Reads one document of a file; false when it is no definition.
pub(crate) fn document(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    if let Some(items) = at.node.as_list() {
        return list(context, at, items);
    }
    if template::is_template(at.node) {
        return template::read(at, context.given, context.used, context.findings, context.out);
    }
    template_body(context, at)
        || summaries(context, at)
        || described(context, at)
        || state(context, at)
        || topic_rule(context, at)
        || things(context, at)
        || bare(context, at)
}

/// A list of documents, or the activities of a pipeline as the command line takes them from a file.
fn list(context: &mut Context<'_>, at: &Place<'_>, items: &[Node]) -> bool {
    let is_activity = |node: &Node| {
        let map = node.as_map();
        map.is_some_and(|map| !map.is_empty() && map.iter().all(|(key, inner)| pipeline::is_activity(key) && inner.get("name").is_some()))
    };
    if !items.is_empty() && items.iter().all(is_activity) {
        let name = context.stem.to_owned();
        context.findings.warn(&at.path, at.line(), format!("activities without a pipeline: it is named {} after the file", shown(&name)));
        let reader = &mut Reader { form: Form::Api, findings: context.findings };
        reader.check_name(&name, at);
        let found = pipeline::pipeline(reader, at, Some(at), name);
        keep(&mut context.out.pipelines, Standing::Intended, found);
        return true;
    }
    let mut any = false;
    for item in at.items() {
        // Lists in lists hold no definitions, and their depth is anybody's.
        any |= item.node.as_map().is_some() && document(context, &item);
    }
    any
}

/// The answer of `cloudformation get-template`: the template is an object (JSON) or a text (YAML).
fn template_body(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    let Some(body) = at.child("TemplateBody") else {
        return false;
    };
    let Some(text) = body.node.as_text() else {
        return body.node.as_map().is_some() && template::is_template(body.node) && document(context, &body);
    };
    let roots = document::read_text(text, "template", &body.path, context.findings);
    let mut any = false;
    for root in roots.iter().filter(|root| template::is_template(root)) {
        let place = Place { node: root, path: body.path.clone() };
        any |= template::read(&place, context.given, context.used, context.findings, context.out);
    }
    any
}

/// `list-channels`, `list-pipelines`, `list-datastores`, `list-datasets`.
fn summaries(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    let mut any = false;
    for (list_key, name_key) in [
        ("channelSummaries", "channelName"),
        ("pipelineSummaries", "pipelineName"),
        ("datastoreSummaries", "datastoreName"),
        ("datasetSummaries", "datasetName"),
    ] {
        let Some(list) = at.child(list_key) else {
            continue;
        };
        any = true;
        let reader = &mut Reader { form: Form::Api, findings: context.findings };
        for item in reader.list(&list).unwrap_or_default() {
            let Some(name) = reader.required_text(&item, name_key) else {
                continue;
            };
            let (standing, out) = (Standing::Listed, &mut *context.out);
            match name_key {
                "channelName" => keep(&mut out.channels, standing, storage::channel(reader, &item, name, "channelStorage", Extent::Part)),
                "datastoreName" => {
                    keep(&mut out.datastores, standing, storage::datastore(reader, &item, name, "datastoreStorage", Extent::Part));
                }
                "datasetName" => keep(&mut out.datasets, standing, Some(dataset::named(reader, &item, name))),
                _ => {
                    let runs = observed::reprocessings(reader, &item);
                    out.reprocessings.entry(name.clone()).or_default().extend(runs);
                    keep(&mut out.pipelines, standing, Some(named_pipeline(reader, &item, name)));
                }
            }
        }
    }
    any
}

fn named_pipeline(reader: &mut Reader<'_>, at: &Place<'_>, name: String) -> super::model::Pipeline {
    super::model::Pipeline { name, origin: reader.findings.origin(&at.path), activities: Vec::new(), tags: reader.tags(at) }
}

/// `describe-channel`, `describe-pipeline`, `describe-datastore`, `describe-dataset`.
fn described(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    let standing = context.described;
    let signs = ["arn", "status", "creationTime", "retentionPeriod", "storage", "actions"];
    for key in ["channel", "datastore", "dataset", "pipeline"] {
        let Some(inner) = at.child(key).filter(|inner| inner.node.as_map().is_some()) else {
            continue;
        };
        let is_answer = match key {
            // One activity on its own looks almost the same.
            "channel" => inner.child("channelName").is_none() && signs.iter().any(|sign| inner.child(sign).is_some()),
            "datastore" => inner.child("datastoreName").is_none() && signs.iter().any(|sign| inner.child(sign).is_some()),
            "dataset" => signs.iter().any(|sign| inner.child(sign).is_some()),
            _ => inner.child("activities").is_some(),
        };
        if !is_answer {
            continue;
        }
        let reader = &mut Reader { form: Form::Api, findings: context.findings };
        let Some(place) = reader.required(&inner, "name") else {
            return true;
        };
        let Some(name) = reader.text(&place) else {
            return true;
        };
        reader.check_name(&name, &place);
        match key {
            "channel" => keep(&mut context.out.channels, standing, storage::channel(reader, &inner, name, "storage", Extent::Whole)),
            "datastore" => keep(&mut context.out.datastores, standing, storage::datastore(reader, &inner, name, "storage", Extent::Whole)),
            "dataset" => keep(&mut context.out.datasets, standing, dataset::dataset(reader, &inner, name)),
            _ => {
                let runs = observed::reprocessings(reader, &inner);
                context.out.reprocessings.entry(name.clone()).or_default().extend(runs);
                let list = reader.required(&inner, "activities");
                keep(&mut context.out.pipelines, standing, pipeline::pipeline(reader, &inner, list.as_ref(), name));
            }
        }
        return true;
    }
    false
}

/// `list-tags-for-resource` and `list-dataset-contents` with the name of what they are about beside the answer, which holds none;
/// `describe-logging-options`; and what a capture could not see.
fn state(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    let reader = &mut Reader { form: Form::Api, findings: context.findings };
    if let (Some(arn), Some(_)) = (at.child("resourceArn"), at.child("tags")) {
        return tagged(reader, at, &arn, context.out);
    }
    if let Some(list) = at.child("datasetContentSummaries") {
        let Some(name) = at.child("datasetName") else {
            let reason = "does not say of which dataset; add \"datasetName\" beside \"datasetContentSummaries\"";
            reader.findings.warn(&at.path, at.line(), reason);
            return true;
        };
        if let Some(name) = reader.text(&name) {
            let contents = observed::contents(reader, &list);
            context.out.contents.entry(name).or_default().extend(contents);
        }
        return true;
    }
    if let Some(options) = at.child("loggingOptions").filter(|options| options.child("roleArn").is_some()) {
        context.out.logging.extend(observed::logging(reader, &options).map(|logging| (context.described, logging)));
        return true;
    }
    let Some(unseen) = at.child("couldNotBeSeen") else {
        return false;
    };
    for item in reader.list(&unseen).unwrap_or_default() {
        let (subject, unknown) = (reader.required_text(&item, "subject"), reader.required_text(&item, "unknown"));
        if let (Some(subject), Some(unknown)) = (subject, unknown) {
            reader.findings.blind(subject, unknown);
        }
    }
    true
}

/// Tags of the resource that an ARN names.
fn tagged(reader: &mut Reader<'_>, at: &Place<'_>, arn: &Place<'_>, out: &mut Definitions) -> bool {
    let kind_and_name =
        arn.node.as_text().filter(|arn| arn.contains(":iotanalytics:")).and_then(|arn| arn.rsplit(':').next()?.split_once('/'));
    let Some((kind, name)) = kind_and_name else {
        return false;
    };
    let (name, standing) = (name.to_owned(), Standing::Listed);
    match kind {
        "channel" => keep(&mut out.channels, standing, storage::channel(reader, at, name, "channelStorage", Extent::Part)),
        "datastore" => keep(&mut out.datastores, standing, storage::datastore(reader, at, name, "datastoreStorage", Extent::Part)),
        "dataset" => keep(&mut out.datasets, standing, Some(dataset::named(reader, at, name))),
        "pipeline" => keep(&mut out.pipelines, standing, Some(named_pipeline(reader, at, name))),
        _ => return false,
    }
    true
}

/// `get-topic-rule`, the input of `create-topic-rule`, a payload on its own, `list-topic-rules`.
fn topic_rule(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    if let Some(rules) = at.child("rules").filter(|rules| rules.items().iter().any(|rule| rule.child("ruleArn").is_some())) {
        for item in rules.items() {
            let name = item.child("ruleName").and_then(|name| name.node.as_text().map(str::to_owned));
            context.out.listed_rules.extend(name.map(|name| (name, context.findings.origin(&item.path))));
        }
        return true;
    }
    let is_payload = |place: &Place<'_>| place.child("sql").is_some() && place.child("actions").is_some();
    let (form, payload, named_at, standing) = if let Some(payload) = at.child("rule").filter(is_payload) {
        (Form::Api, payload.clone(), Some(payload), context.described)
    } else if let Some(payload) = at.child("topicRulePayload") {
        (Form::Api, payload, Some(at.clone()), Standing::Intended)
    } else if let Some(payload) = at.child("TopicRulePayload") {
        (Form::Template, payload, Some(at.clone()), Standing::Intended)
    } else if is_payload(at) {
        (Form::Api, at.clone(), Some(at.clone()), Standing::Intended)
    } else {
        return false;
    };
    let reader = &mut Reader { form, findings: context.findings };
    let stated = named_at.and_then(|place| reader.optional_text(&place, "ruleName"));
    let name = stated.unwrap_or_else(|| {
        let reason = format!("the rule has no name here: it is named {} after the file", shown(context.stem));
        reader.findings.note(&payload.path, reason);
        context.stem.to_owned()
    });
    keep(&mut context.out.rules, standing, rule::rule(reader, &payload, name));
    true
}

/// `describe-thing`, `list-things`, `get-thing-shadow`, alone or beside the name of its thing.
fn things(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    let described = context.described;
    let reader = &mut Reader { form: Form::Api, findings: context.findings };
    let out = &mut context.out.things;
    let is_described =
        at.child("thingName").is_some() && ["thingArn", "thingId", "defaultClientId"].iter().any(|key| at.child(key).is_some());
    if is_described {
        keep(out, described, thing::described(reader, at));
        return true;
    }
    if let (Some(name), Some(shadow)) = (at.child("thingName"), at.child("shadow")) {
        let name = reader.text(&name);
        keep(out, described, name.map(|name| thing::shadow_of(reader, &shadow, name)));
        return true;
    }
    if let Some(list) = at.child("things").filter(|list| list.items().iter().any(|item| item.child("thingName").is_some())) {
        for item in list.items() {
            keep(out, Standing::Listed, thing::named(reader, &item));
        }
        return true;
    }
    let state = at
        .child("state")
        .filter(|state| ["desired", "reported"].iter().any(|key| state.child(key).is_some_and(|s| s.node.as_map().is_some())));
    let is_shadow = state.is_some() && (at.child("metadata").is_some() || at.child("version").is_some());
    if is_shadow {
        keep(out, described, thing::shadow(reader, at, context.stem));
    }
    is_shadow
}

/// Fields that a bare definition may have besides its name, by what it defines.
const BARE: [(&str, &[&str]); 4] = [
    ("channelName", &["channelArn", "channelStorage", "retentionPeriod", "tags"]),
    ("pipelineName", &["pipelineArn", "pipelineActivities", "tags"]),
    ("datastoreName", &["datastoreArn", "datastoreStorage", "retentionPeriod", "tags", "fileFormatConfiguration", "datastorePartitions"]),
    (
        "datasetName",
        &[
            "datasetArn",
            "actions",
            "triggers",
            "contentDeliveryRules",
            "retentionPeriod",
            "versioningConfiguration",
            "lateDataRules",
            "tags",
        ],
    ),
];

/// The input or the answer of a create or update call, or a resource's bare properties in the template's spelling.
fn bare(context: &mut Context<'_>, at: &Place<'_>) -> bool {
    for form in [Form::Api, Form::Template] {
        let reader = &mut Reader { form, findings: context.findings };
        for (name_key, fields) in BARE {
            let Some(name_place) = reader.field(at, name_key) else {
                continue;
            };
            let is_field = |key: &str| fields.iter().any(|field| reader.spelt(field) == key);
            let others = at.entries().iter().filter(|(key, _)| *key != reader.spelt(name_key) && *key != "Id").count();
            let own = at.entries().iter().filter(|(key, _)| is_field(key)).count();
            // `{"channelName": …, "messages": …}` is the input of another call, or a message of somebody's own.
            if others > 0 && own == 0 {
                continue;
            }
            let Some(name) = reader.text(&name_place) else {
                return true;
            };
            reader.check_name(&name, &name_place);
            bare_resource(reader, at, name_key, name, context.out);
            return true;
        }
    }
    false
}

fn bare_resource(reader: &mut Reader<'_>, at: &Place<'_>, name_key: &str, name: String, out: &mut Definitions) {
    let arn_key = name_key.replace("Name", "Arn");
    let is_answer = reader.field(at, &arn_key).is_some();
    let (standing, extent) = if is_answer { (Standing::Created, Extent::Part) } else { (Standing::Intended, Extent::Whole) };
    match name_key {
        "channelName" => keep(&mut out.channels, standing, storage::channel(reader, at, name, "channelStorage", extent)),
        "datastoreName" => keep(&mut out.datastores, standing, storage::datastore(reader, at, name, "datastoreStorage", extent)),
        "datasetName" if is_answer => keep(&mut out.datasets, standing, Some(dataset::named(reader, at, name))),
        "datasetName" => keep(&mut out.datasets, standing, dataset::dataset(reader, at, name)),
        _ if is_answer => keep(&mut out.pipelines, standing, Some(named_pipeline(reader, at, name))),
        _ => {
            let list = reader.required(at, "pipelineActivities");
            keep(&mut out.pipelines, standing, pipeline::pipeline(reader, at, list.as_ref(), name));
        }
    }
}
