//! The service itself runs activities on sample messages (RunPipelineActivity), and our engine the same beside it: the best evidence that
//! a translation is true, while somebody still answers.
//!
//! Every activity is given what the service made of the messages so far, so that one difference does not hide the next.
//! Left out, and said to be: lambda activities, because the service would call the customer's function, which may act on the world; enrich
//! activities, because the service would read today's registry with a role of the customer's; and what is not translated.

use aws_sdk_iotanalytics::Client;
use aws_sdk_iotanalytics::primitives::Blob;
use aws_sdk_iotanalytics::types::{
    AddAttributesActivity, FilterActivity, MathActivity, PipelineActivity, RemoveAttributesActivity, SelectAttributesActivity,
};
use serde::Serialize;

use super::caller::Caller;
use super::fault::Fault;
use super::operation::Operation;
use super::sample::Samples;
use crate::history::parse_json;
use crate::inventory::{Activity, ActivityKind, Inventory, Pipeline};
use crate::transform::{Engine, Enrichment, Outcome, Step, TransformSpec, TransformSwitches, translate};
use crate::value::{Object, Value, object_to_json};

/// The version of `report/activities.json`.
pub const TRIALS_VERSION: u32 = 1;
/// Facts: payloads of one RunPipelineActivity.
const PAYLOADS_MAX: usize = 10;
/// Levels that a message may nest.
const NESTING_MAX: usize = 100;
/// Differences of one activity that are shown.
const SHOWN_MAX: usize = 3;

/// What came of all pipelines: the content of `report/activities.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trials {
    /// [`TRIALS_VERSION`].
    pub version: u32,
    /// When, in ISO 8601.
    pub at: String,
    pub region: String,
    pub pipelines: Vec<PipelineTrial>,
}

/// One pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineTrial {
    pub pipeline: String,
    pub channel: String,
    /// Sample messages that are JSON objects: those that activities take.
    pub messages: usize,
    /// The others.
    pub no_objects: usize,
    /// In the order of the pipeline.
    pub activities: Vec<ActivityTrial>,
}

/// One activity between channel and datastore.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityTrial {
    pub activity: String,
    /// As the API names it: `filter`.
    pub kind: &'static str,
    #[serde(flatten)]
    pub result: TrialResult,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum TrialResult {
    /// Service and engine made the same of every message. `other_number_text` counts those in which a number is written otherwise (`10`, `10.0`).
    Agrees { messages: usize, dropped: usize, other_number_text: usize },
    /// They did not; `messages` were given, `differing` came out otherwise.
    Differs { messages: usize, differing: usize, examples: Vec<Difference> },
    /// Not asked, and why.
    Skipped { reason: String },
    /// Asked, and the service had no result.
    Failed { reason: String },
}

/// One message of which the two made something else. None is a message that was dropped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub given: serde_json::Value,
    pub engine: Option<serde_json::Value>,
    pub service: Option<serde_json::Value>,
}

/// How many activities ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TrialCounts {
    pub agree: usize,
    pub differ: usize,
    pub skipped: usize,
    pub failed: usize,
}

impl Trials {
    #[must_use]
    pub fn counts(&self) -> TrialCounts {
        let mut counts = TrialCounts::default();
        for trial in self.pipelines.iter().flat_map(|pipeline| &pipeline.activities) {
            match trial.result {
                TrialResult::Agrees { .. } => counts.agree += 1,
                TrialResult::Differs { .. } => counts.differ += 1,
                TrialResult::Skipped { .. } => counts.skipped += 1,
                TrialResult::Failed { .. } => counts.failed += 1,
            }
        }
        counts
    }

    /// The content of the file.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Cannot fail: every map is keyed by text and every value is of JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// A message on its way: as the service writes it, and as the engine reads it.
#[derive(Debug, Clone)]
struct Message {
    bytes: Vec<u8>,
    object: Object,
}

impl Message {
    fn read(bytes: &[u8]) -> Option<Self> {
        match parse_json(bytes, NESTING_MAX) {
            Ok(Value::Object(object)) => Some(Self { bytes: bytes.to_vec(), object }),
            _ => None,
        }
    }

    fn of(object: Object) -> Self {
        Self { bytes: object_to_json(&object).to_string().into_bytes(), object }
    }
}

/// Tries out the activities of every pipeline whose channel gave messages.
pub(super) async fn all(
    client: &Client,
    caller: &Caller,
    inventory: &Inventory,
    switches: &TransformSwitches,
    samples: &Samples,
) -> Vec<PipelineTrial> {
    let mut trials = Vec::new();
    // Set by the first answer after which no other fares better.
    let mut over: Option<String> = None;
    for pipeline in inventory.pipelines.values() {
        let Ok(translation) = translate(pipeline, switches, None) else { continue };
        let spec = translation.spec;
        let Some(sample) = samples.by_channel.get(&spec.channel) else { continue };
        let messages: Vec<Message> = sample.iter().filter_map(|bytes| Message::read(bytes)).take(PAYLOADS_MAX).collect();
        let mut trial = PipelineTrial {
            pipeline: pipeline.name.clone(),
            channel: spec.channel.clone(),
            messages: messages.len(),
            no_objects: sample.len() - messages.len(),
            activities: Vec::new(),
        };
        let one = One { client, caller, inventory, pipeline, spec: &spec };
        one.run(messages, &mut over, &mut trial.activities).await;
        trials.push(trial);
    }
    trials
}

/// One pipeline being tried out.
struct One<'a> {
    client: &'a Client,
    caller: &'a Caller,
    inventory: &'a Inventory,
    pipeline: &'a Pipeline,
    spec: &'a TransformSpec,
}

impl One<'_> {
    async fn run(&self, mut messages: Vec<Message>, over: &mut Option<String>, trials: &mut Vec<ActivityTrial>) {
        for step in &self.spec.steps {
            let Some(activity) = self.pipeline.activities.iter().find(|activity| activity.name == step.activity) else { continue };
            let result = match self.reason_to_skip(activity, step, &messages, over.as_deref()) {
                Some(reason) => {
                    // Enrichment at least is done with what was captured; a function and what is not translated are passed by.
                    if let Some(made) = self.engine_alone(step, &messages) {
                        messages = made.into_iter().flatten().map(Message::of).collect();
                    }
                    TrialResult::Skipped { reason }
                }
                None => match self.held_against(activity, step, &messages).await {
                    Ok((result, made)) => {
                        messages = made;
                        result
                    }
                    Err(fault) => {
                        if fault.is_final() || matches!(fault, Fault::Denied { .. } | Fault::Foreign { .. } | Fault::Unreachable { .. }) {
                            *over = Some(reason_after(&fault));
                        }
                        let made = self.engine_alone(step, &messages).unwrap_or_default();
                        messages = made.into_iter().flatten().map(Message::of).collect();
                        TrialResult::Failed { reason: fault.to_string() }
                    }
                },
            };
            trials.push(ActivityTrial { activity: step.activity.clone(), kind: kind(&activity.kind), result });
        }
    }

    fn reason_to_skip(&self, activity: &Activity, step: &Step, messages: &[Message], over: Option<&str>) -> Option<String> {
        let reason = match &activity.kind {
            ActivityKind::Lambda { .. } => {
                "the service would call the customer's function; the activities behind it see the messages without what it does"
            }
            ActivityKind::DeviceRegistryEnrich { .. } | ActivityKind::DeviceShadowEnrich { .. } => {
                "the service would read today's registry or shadow with a role of the customer's; the activities behind it see what was captured"
            }
            _ if self.engine(step).is_none() => "it is not translated",
            _ if messages.is_empty() => "no sample message comes this far",
            _ => return over.map(str::to_owned),
        };
        Some(reason.to_owned())
    }

    fn engine(&self, step: &Step) -> Option<Engine> {
        let spec = TransformSpec { steps: vec![step.clone()], ..self.spec.clone() };
        Engine::new(&spec, Enrichment::captured(self.inventory), None).ok()
    }

    /// What the engine makes of each message with this step; none where it cannot run it.
    fn engine_alone(&self, step: &Step, messages: &[Message]) -> Option<Vec<Option<Object>>> {
        let engine = self.engine(step)?;
        let run = |message: &Message| {
            let mut object = message.object.clone();
            match engine.apply(&mut object) {
                Ok(Outcome::Kept { .. }) => Some(object),
                Ok(Outcome::Dropped { .. }) | Err(_) => None,
            }
        };
        Some(messages.iter().map(run).collect())
    }

    /// Both sides on the same messages, all at once; one by one where they differ, to know which. Returns what the service made of them.
    async fn held_against(&self, activity: &Activity, step: &Step, messages: &[Message]) -> Result<(TrialResult, Vec<Message>), Fault> {
        let engine = self.engine_alone(step, messages).unwrap_or_default();
        let (made, log) = self.service(activity, messages).await?;
        let kept: Vec<&Object> = engine.iter().flatten().collect();
        let same = made.len() == kept.len() && made.iter().zip(&kept).all(|(service, engine)| same_object(&service.object, engine));
        if same {
            let other_number_text = made.iter().zip(&kept).filter(|(service, engine)| service.object != ***engine).count();
            let result = TrialResult::Agrees { messages: messages.len(), dropped: messages.len() - kept.len(), other_number_text };
            return Ok((result, made));
        }
        if made.is_empty() && !log.is_empty() {
            return Ok((TrialResult::Failed { reason: log }, kept.into_iter().cloned().map(Message::of).collect()));
        }
        let (mut differing, mut examples, mut one_by_one) = (0, Vec::new(), Vec::new());
        for (message, engine) in messages.iter().zip(&engine) {
            let (alone, _) = self.service(activity, std::slice::from_ref(message)).await?;
            let service = alone.into_iter().next();
            let same = match (&service, engine) {
                (Some(service), Some(engine)) => same_object(&service.object, engine),
                (service, engine) => service.is_none() && engine.is_none(),
            };
            if !same {
                differing += 1;
                if examples.len() < SHOWN_MAX {
                    let json = |object: &Object| object_to_json(object);
                    let (engine, service) = (engine.as_ref().map(json), service.as_ref().map(|message| json(&message.object)));
                    examples.push(Difference { given: json(&message.object), engine, service });
                }
            }
            one_by_one.extend(service);
        }
        // Equal one by one and not together: the service mixes messages up, or drops some of a batch. That is a difference too.
        Ok((TrialResult::Differs { messages: messages.len(), differing, examples }, one_by_one))
    }

    /// What the service makes of messages, and what it logs. An empty payload stands for no message.
    async fn service(&self, activity: &Activity, messages: &[Message]) -> Result<(Vec<Message>, String), Fault> {
        let definition = definition(activity)?;
        let payloads: Vec<Blob> = messages.iter().map(|message| Blob::new(message.bytes.clone())).collect();
        let request = || self.client.run_pipeline_activity().pipeline_activity(definition.clone()).set_payloads(Some(payloads.clone()));
        let answer = self.caller.ask(|keep| request().customize().interceptor(keep).send()).await?;
        let log = answer.output.log_result().unwrap_or_default().to_owned();
        let mut made = Vec::new();
        for payload in answer.output.payloads().iter().filter(|payload| !payload.as_ref().is_empty()) {
            let unreadable = || Fault::Unanswered { message: "a payload of the answer is no JSON object".to_owned() };
            made.push(Message::read(payload.as_ref()).ok_or_else(unreadable)?);
        }
        Ok((made, log))
    }
}

/// Why nothing more is asked after such a fault.
fn reason_after(fault: &Fault) -> String {
    match fault {
        Fault::Denied { .. } => format!("RunPipelineActivity was refused; allow {}", Operation::RunPipelineActivity.action()),
        fault => format!("not asked any more: {fault}"),
    }
}

fn kind(kind: &ActivityKind) -> &'static str {
    match kind {
        ActivityKind::Channel { .. } => "channel",
        ActivityKind::Lambda { .. } => "lambda",
        ActivityKind::Datastore { .. } => "datastore",
        ActivityKind::AddAttributes { .. } => "addAttributes",
        ActivityKind::RemoveAttributes { .. } => "removeAttributes",
        ActivityKind::SelectAttributes { .. } => "selectAttributes",
        ActivityKind::Filter { .. } => "filter",
        ActivityKind::Math { .. } => "math",
        ActivityKind::DeviceRegistryEnrich { .. } => "deviceRegistryEnrich",
        ActivityKind::DeviceShadowEnrich { .. } => "deviceShadowEnrich",
    }
}

/// The activity as the API takes it, on its own.
fn definition(activity: &Activity) -> Result<PipelineActivity, Fault> {
    let (name, whole) = (activity.name.as_str(), PipelineActivity::builder());
    let built = match &activity.kind {
        ActivityKind::AddAttributes { attributes } => {
            let copies = attributes.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
            AddAttributesActivity::builder().name(name).set_attributes(Some(copies)).build().map(|one| whole.add_attributes(one))
        }
        ActivityKind::RemoveAttributes { attributes } => {
            let built = RemoveAttributesActivity::builder().name(name).set_attributes(Some(attributes.clone())).build();
            built.map(|one| whole.remove_attributes(one))
        }
        ActivityKind::SelectAttributes { attributes } => {
            let built = SelectAttributesActivity::builder().name(name).set_attributes(Some(attributes.clone())).build();
            built.map(|one| whole.select_attributes(one))
        }
        ActivityKind::Filter { filter } => FilterActivity::builder().name(name).filter(filter).build().map(|one| whole.filter(one)),
        ActivityKind::Math { attribute, math } => {
            MathActivity::builder().name(name).attribute(attribute).math(math).build().map(|one| whole.math(one))
        }
        // The others are never asked for.
        _ => Ok(whole),
    };
    built.map(|whole| whole.build()).map_err(|error| Fault::Invalid { message: error.to_string() })
}

fn same_object(a: &Object, b: &Object) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same_value(value, other)))
}

/// Equal, with numbers by what they are worth and not by how they are written.
fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || worth(a.as_str()) == worth(b.as_str()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Value::Object(a), Value::Object(b)) => same_object(a, b),
        (a, b) => a == b,
    }
}

/// Sign, digits without zeros around them, and the power of ten of the last digit.
fn worth(number: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let negative = whole.starts_with('-');
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let power = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(i64::MAX);
    (negative, significant.to_owned(), exponent.saturating_sub(power(fraction.len())).saturating_add(power(trailing)))
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
