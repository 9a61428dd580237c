//! Messages through pipelines: definitions read by `inventory`, run by the engine of `transform`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{ACTIVITY, RUN_PIPELINE_ACTIVITY, START_REPROCESSING};
use super::route::Resource;
use super::store::{Kept, Reprocessing};
use super::{Service, seconds, shape, uuid};
use crate::encoding::{base64, from_base64};
use crate::history::{ReadLimits, parse_json};
use crate::inventory::{ActivityKind, Document, Pipeline, Severity, capture_with};
use crate::local::exception::Exception;
use crate::time::{HOUR_NANOS, Nanos};
use crate::transform::{Action, Engine, Enrichment, Outcome, Step, TransformSpec, TransformSwitches, translate};
use crate::value::{Object, Value as Cell, object_to_json};

/// Activities that a pipeline run for one activity alone needs around it.
const ALONE: &str = "alone";

/// The pipeline of a definition.
///
/// # Errors
/// What is wrong with its activities, all of it.
fn read(name: &str, activities: &Value) -> Result<Pipeline, Exception> {
    let document = json!({ "pipeline": { "name": name, "activities": activities } });
    let document = Document { name: format!("describe-pipeline-{name}.json"), bytes: document.to_string().into_bytes() };
    let mut captured = capture_with(&[], &[document], &BTreeMap::new()).map_err(Exception::internal)?;
    if let Some(pipeline) = captured.inventory.pipelines.remove(name) {
        return Ok(pipeline);
    }
    let errors: Vec<String> = captured
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| format!("{}: {}", problem.path, problem.reason))
        .collect();
    Err(Exception::invalid_request(format!("The pipeline is not valid. {}", errors.join("; "))))
}

/// Channel and datastore of a pipeline that is to be made.
pub(super) fn ends(name: &str, activities: &Value) -> Result<(String, String), Exception> {
    let pipeline = read(name, activities)?;
    let mut ends = (None, None);
    for activity in pipeline.activities {
        match activity.kind {
            ActivityKind::Channel { channel_name } => ends.0 = Some(channel_name),
            ActivityKind::Datastore { datastore_name } => ends.1 = Some(datastore_name),
            _ => {}
        }
    }
    match ends {
        (Some(channel), Some(datastore)) => Ok((channel, datastore)),
        _ => Err(Exception::invalid_request("A pipeline must begin with a channel activity and end with a datastore activity.")),
    }
}

/// What one pipeline made of messages.
pub(super) struct Passed {
    pub(super) datastore: String,
    pub(super) kept: Vec<Object>,
}

impl Service {
    /// Takes messages through every pipeline that begins with `channel`.
    pub(super) fn through_pipelines(&self, channel: &str, messages: &[Vec<u8>]) -> Result<(), Exception> {
        let pipelines = self.store().list(Resource::Pipeline, "", usize::MAX)?;
        for pipeline in pipelines {
            if let Some(passed) = self.pass(&pipeline, channel, messages)? {
                self.store_rows(&passed.datastore, &passed.kept)?;
            }
        }
        Ok(())
    }

    /// `None` when the pipeline begins elsewhere, or cannot be run.
    fn pass(&self, pipeline: &Kept, channel: &str, messages: &[Vec<u8>]) -> Result<Option<Passed>, Exception> {
        let read = read(&pipeline.name, pipeline.definition.get("pipelineActivities").unwrap_or(&Value::Null))?;
        let translation = translate(&read, &TransformSwitches::default(), None).map_err(Exception::internal)?;
        if translation.spec.channel != channel {
            return Ok(None);
        }
        // The real service says such things in its log only.
        let failed = |error: crate::transform::EngineError| {
            tracing::warn!(pipeline = %pipeline.name, %error, "a pipeline could not process messages; they stay in their channel");
            None
        };
        let engine = match Engine::new(&translation.spec, self.enrichment(&translation.spec)?, self.functions.clone()) {
            Ok(engine) => engine,
            Err(error) => return Ok(failed(error)),
        };
        // Facts: what is no JSON object is dropped by every activity but lambda.
        let objects = messages.iter().filter_map(|message| message_of(message)).collect();
        let outcomes = match engine.run(objects) {
            Ok(outcomes) => outcomes,
            Err(error) => return Ok(failed(error)),
        };
        let kept = outcomes.into_iter().filter(|(outcome, _)| matches!(outcome, Outcome::Kept { .. })).map(|(_, message)| message);
        Ok(Some(Passed { datastore: translation.spec.datastore, kept: kept.collect() }))
    }

    /// What the embedded IoT Core knows, where an activity asks for it.
    fn enrichment(&self, spec: &TransformSpec) -> Result<Enrichment, Exception> {
        let asks = |step: &Step| matches!(step.action, Action::DeviceRegistryEnrich { .. } | Action::DeviceShadowEnrich { .. });
        if !spec.steps.iter().any(asks) {
            return Ok(Enrichment::default());
        }
        self.core.enrichment()
    }

    pub(super) fn run_activity(&self, request: &Map<String, Value>) -> Result<Value, Exception> {
        shape::check(&RUN_PIPELINE_ACTIVITY, &Value::Object(request.clone()), "")?;
        let activity = request.get("pipelineActivity").unwrap_or(&Value::Null);
        shape::check(&ACTIVITY, activity, "")?;
        let (activities, given) = alone(activity)?;
        let spec = translate(&read(ALONE, &activities)?, &TransformSwitches::default(), None).map_err(Exception::internal)?.spec;
        let failure = |error: &dyn std::fmt::Display| json!({ "payloads": given, "logResult": error.to_string() });
        let engine = match Engine::new(&spec, self.enrichment(&spec)?, self.functions.clone()) {
            Ok(engine) => engine,
            Err(error) => return Ok(failure(&error)),
        };
        let mut payloads = Vec::new();
        let texts = request.get("payloads").and_then(Value::as_array).into_iter().flatten();
        for payload in texts.filter_map(Value::as_str).filter_map(from_base64) {
            let Some(mut message) = message_of(&payload) else {
                return Ok(failure(&"The payload is not a JSON object."));
            };
            match engine.apply(&mut message) {
                // Whether a dropped message is absent or empty in the answer is not known (facts: RunPipelineActivity).
                Ok(Outcome::Dropped { .. }) => {}
                Ok(Outcome::Kept { .. }) => payloads.push(base64(object_to_json(&message).to_string().as_bytes())),
                Err(error) => return Ok(failure(&error)),
            }
        }
        Ok(json!({ "payloads": payloads, "logResult": "" }))
    }

    pub(super) fn start_reprocessing(&self, name: &str, request: &Map<String, Value>) -> Result<Value, Exception> {
        let pipeline = self.known(Resource::Pipeline, name)?;
        shape::check(&START_REPROCESSING, &Value::Object(request.clone()), "")?;
        let (channel, _) = ends(name, pipeline.definition.get("pipelineActivities").unwrap_or(&Value::Null))?;
        let channel = self.known(Resource::Channel, &channel)?;
        let paths: Option<Vec<String>> = request
            .get("channelMessages")
            .and_then(|messages| messages.get("s3Paths"))
            .and_then(Value::as_array)
            .map(|paths| paths.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        let bound = |member: &str| request.get(member).and_then(Value::as_f64);
        let (from, to) = (bound("startTime"), bound("endTime"));
        if paths.is_some() && (from.is_some() || to.is_some()) {
            return Err(Exception::invalid_request("Either channelMessages or startTime and endTime can be given."));
        }
        let messages = match paths {
            Some(paths) => self.messages_at(&channel, &paths)?,
            None => self.messages_between(&channel, from.map(to_hour), to.map(to_hour))?,
        };
        let passed = self.pass(&pipeline, &channel.name, &messages)?;
        let status = if passed.is_some() { "SUCCEEDED" } else { "FAILED" };
        if let Some(passed) = passed {
            self.store_rows(&passed.datastore, &passed.kept)?;
        }
        let (store, now) = (self.store(), self.clock.now());
        let serial = store.next_serial()?;
        let reprocessing = Reprocessing { id: uuid(name, serial, now), created: now, status: status.to_owned() };
        store.add_reprocessing(name, serial, &reprocessing)?;
        Ok(json!({ "reprocessingId": reprocessing.id }))
    }

    pub(super) fn cancel_reprocessing(&self, name: &str, id: &str) -> Result<Value, Exception> {
        self.known(Resource::Pipeline, name)?;
        if self.store().reprocessings(name)?.iter().any(|reprocessing| reprocessing.id == id) {
            // It has ended: the embedded service reprocesses before it answers.
            return Ok(json!({}));
        }
        Err(Exception::not_found(format!("The reprocessing {id} was not found.")))
    }

    pub(super) fn reprocessing_summaries(&self, name: &str) -> Result<Value, Exception> {
        let summary = |one: Reprocessing| json!({ "id": one.id, "status": one.status, "creationTime": seconds(one.created) });
        Ok(self.store().reprocessings(name)?.into_iter().map(summary).collect())
    }
}

/// The message of a payload, if it is one that activities take.
fn message_of(payload: &[u8]) -> Option<Object> {
    match parse_json(payload, ReadLimits::default().nesting_max) {
        Ok(Cell::Object(message)) => Some(message),
        _ => None,
    }
}

/// The activity between ends of its own, and the payloads that come back when it fails (none).
fn alone(activity: &Value) -> Result<(Value, Value), Exception> {
    let refused = || Exception::invalid_request("One activity other than channel and datastore must be given.");
    let (kind, members) = match activity.as_object() {
        Some(kinds) if kinds.len() == 1 => kinds.iter().next().ok_or_else(refused)?,
        _ => return Err(refused()),
    };
    if kind == "channel" || kind == "datastore" {
        return Err(refused());
    }
    let mut members = members.clone();
    members["name"] = "activity".into();
    members["next"] = "out".into();
    let activities = json!([
        { "channel": { "name": "in", "channelName": ALONE, "next": "activity" } },
        { kind.as_str(): members },
        { "datastore": { "name": "out", "datastoreName": ALONE } },
    ]);
    Ok((activities, json!([])))
}

/// Facts: the bounds of a reprocessing are rounded to the nearest hour.
fn to_hour(seconds: f64) -> Nanos {
    #[expect(clippy::cast_possible_truncation, reason = "hours of any time that an i64 of nanoseconds can hold are exact in a double")]
    let hours = (seconds / 3600.0).round() as i64;
    Nanos(hours.saturating_mul(HOUR_NANOS))
}
