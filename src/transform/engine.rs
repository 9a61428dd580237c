//! Runs a pipeline on messages.

use std::sync::Arc;

use super::attributes;
use super::enrich::Documents;
use super::error::EngineError;
use super::lambda::LambdaFunction;
use super::model::{Action, Copy, Enrichment, LambdaMayDrop, SPEC_VERSION, Step, TransformSpec, TransformSwitches};
use crate::expression::{Expression, MathResult, Verdict, filter_passes, math_result};
use crate::path::ColumnPath;
use crate::value::Object;

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It reached the datastore. `not_enriched` counts the enrich activities that found no document for it.
    Kept { not_enriched: u32 },
    /// The activity of this step dropped it ([`Engine::activity`] has its name). What is left of the message is of no meaning.
    Dropped { step: usize },
}

/// A pipeline made ready. It keeps nothing between messages, so one engine serves many threads.
#[derive(Debug)]
pub struct Engine {
    steps: Vec<(String, Work)>,
    switches: TransformSwitches,
    documents: Documents,
    function: Option<Arc<dyn LambdaFunction>>,
}

/// What a step does, without what only people need.
#[derive(Debug)]
enum Work {
    Add(Vec<Copy>),
    Remove(Vec<ColumnPath>),
    Select(Vec<Copy>),
    Filter(Expression),
    Math { attribute: String, expression: Expression },
    Registry { attribute: String, thing_name: ColumnPath },
    Shadow { attribute: String, thing_name: ColumnPath },
    Lambda { function: String, batch_size: usize },
}

/// What a step made of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    Passed,
    NotEnriched,
    Dropped,
}

impl Engine {
    /// Makes `spec` ready. `function` is asked by lambda steps.
    ///
    /// # Errors
    /// When a step is not translated, a lambda step has nobody to ask, or the spec is not of this version.
    pub fn new(spec: &TransformSpec, enrichment: Enrichment, function: Option<Arc<dyn LambdaFunction>>) -> Result<Self, EngineError> {
        if spec.version != SPEC_VERSION {
            return Err(EngineError::Version { found: spec.version });
        }
        let steps = spec.steps.iter().map(|step| Ok((step.activity.clone(), work(step, function.is_some())?)));
        let steps = steps.collect::<Result<_, EngineError>>()?;
        Ok(Self { steps, switches: spec.switches.clone(), documents: Documents::new(enrichment), function })
    }

    /// The name of the activity of a step.
    #[must_use]
    pub fn activity(&self, step: usize) -> &str {
        self.steps.get(step).map(|(activity, _)| activity.as_str()).unwrap_or_default()
    }

    /// The names of all activities between channel and datastore, in order.
    pub fn activities(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|(activity, _)| activity.as_str())
    }

    /// True when a step asks the customer's function: then [`Self::run`] is the better way, with many messages at once.
    #[must_use]
    pub fn asks_a_function(&self) -> bool {
        self.steps.iter().any(|(_, work)| matches!(work, Work::Lambda { .. }))
    }

    /// Takes one message through the pipeline. A lambda step is given a batch of one.
    ///
    /// # Errors
    /// When the customer's function gives no messages, or another number than it may.
    pub fn apply(&self, message: &mut Object) -> Result<Outcome, EngineError> {
        let mut not_enriched = 0;
        for (step, (_, work)) in self.steps.iter().enumerate() {
            let passage = match work {
                Work::Lambda { .. } => {
                    let mut batch = [Slot { message: std::mem::take(message), outcome: Outcome::Kept { not_enriched } }];
                    self.ask_in_batches(step, &mut batch)?;
                    let [Slot { message: answered, outcome }] = batch;
                    *message = answered;
                    if matches!(outcome, Outcome::Dropped { .. }) { Passage::Dropped } else { Passage::Passed }
                }
                work => self.pass(work, message),
            };
            match passage {
                Passage::Passed => {}
                Passage::NotEnriched => not_enriched += 1,
                Passage::Dropped => return Ok(Outcome::Dropped { step }),
            }
        }
        Ok(Outcome::Kept { not_enriched })
    }

    /// Takes messages through the pipeline, step by step, so that a lambda step gets batches as large as they may be. One outcome
    /// for each message, in their order.
    ///
    /// A function that leaves messages out does not say which. The messages of its answer then take the first places of the batch,
    /// and the last places count as dropped: a place never comes after the message it stands for.
    ///
    /// # Errors
    /// When the customer's function gives no messages, or another number than it may.
    pub fn run(&self, messages: Vec<Object>) -> Result<Vec<(Outcome, Object)>, EngineError> {
        let slot = |message| Slot { message, outcome: Outcome::Kept { not_enriched: 0 } };
        let mut slots: Vec<Slot> = messages.into_iter().map(slot).collect();
        for (step, (_, work)) in self.steps.iter().enumerate() {
            if matches!(work, Work::Lambda { .. }) {
                self.ask_in_batches(step, &mut slots)?;
                continue;
            }
            for slot in &mut slots {
                let Outcome::Kept { not_enriched } = slot.outcome else { continue };
                slot.outcome = match self.pass(work, &mut slot.message) {
                    Passage::Passed => slot.outcome,
                    Passage::NotEnriched => Outcome::Kept { not_enriched: not_enriched + 1 },
                    Passage::Dropped => Outcome::Dropped { step },
                };
            }
        }
        Ok(slots.into_iter().map(|slot| (slot.outcome, slot.message)).collect())
    }

    /// One message through one step that needs nobody else.
    fn pass(&self, work: &Work, message: &mut Object) -> Passage {
        match work {
            Work::Add(copies) => attributes::add(message, copies),
            Work::Remove(paths) => {
                attributes::remove(message, paths);
                return left(message);
            }
            Work::Select(selections) => {
                attributes::select(message, selections, self.switches.selected_name_clash);
                return left(message);
            }
            Work::Filter(expression) => {
                return match filter_passes(expression, message, &self.switches.expressions) {
                    Verdict::Passes => Passage::Passed,
                    Verdict::Drops => Passage::Dropped,
                };
            }
            Work::Math { attribute, expression } => match math_result(expression, message, &self.switches.expressions) {
                MathResult::Write(value) => drop(message.insert(attribute.clone(), value)),
                MathResult::LeaveUnset => {}
                MathResult::DropMessage => return Passage::Dropped,
            },
            Work::Registry { attribute, thing_name } => {
                let Some(document) = self.documents.registry_of(message, thing_name) else { return Passage::NotEnriched };
                message.insert(attribute.clone(), document.clone());
            }
            Work::Shadow { attribute, thing_name } => {
                let Some(document) = self.documents.shadow_of(message, thing_name) else { return Passage::NotEnriched };
                message.insert(attribute.clone(), document.clone());
            }
            // Steps that ask somebody go through `ask_in_batches`.
            Work::Lambda { .. } => {}
        }
        Passage::Passed
    }

    fn ask_in_batches(&self, step: usize, slots: &mut [Slot]) -> Result<(), EngineError> {
        let Some((_, Work::Lambda { function, batch_size })) = self.steps.get(step) else { return Ok(()) };
        let mut kept: Vec<&mut Slot> = slots.iter_mut().filter(|slot| matches!(slot.outcome, Outcome::Kept { .. })).collect();
        for batch in kept.chunks_mut(*batch_size) {
            self.ask(step, function, batch)?;
        }
        Ok(())
    }

    fn ask(&self, step: usize, function: &str, batch: &mut [&mut Slot]) -> Result<(), EngineError> {
        let activity = || self.activity(step).to_owned();
        let Some(asked) = &self.function else {
            return Err(EngineError::NoFunction { activity: activity(), function: function.to_owned() });
        };
        let messages: Vec<Object> = batch.iter_mut().map(|slot| std::mem::take(&mut slot.message)).collect();
        let answer = asked.call(function, &messages).map_err(|source| EngineError::Lambda { activity: activity(), source })?;
        let (given, returned) = (batch.len(), answer.len());
        if returned > given || (returned < given && self.switches.lambda_may_drop == LambdaMayDrop::No) {
            return Err(EngineError::LambdaCount { activity: activity(), given, returned });
        }
        let mut answer = answer.into_iter();
        for slot in batch {
            match answer.next() {
                Some(message) => slot.message = message,
                None => slot.outcome = Outcome::Dropped { step },
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Slot {
    message: Object,
    outcome: Outcome,
}

/// A message with nothing left in it is not stored (facts: message model).
fn left(message: &Object) -> Passage {
    if message.is_empty() { Passage::Dropped } else { Passage::Passed }
}

fn work(step: &Step, has_function: bool) -> Result<Work, EngineError> {
    let activity = || step.activity.clone();
    Ok(match &step.action {
        Action::AddAttributes { copies } => Work::Add(copies.clone()),
        Action::RemoveAttributes { paths } => Work::Remove(attributes::removal_order(paths)),
        Action::SelectAttributes { selections } => Work::Select(selections.clone()),
        Action::Filter { expression, .. } => Work::Filter(expression.clone()),
        Action::Math { attribute, expression, .. } => Work::Math { attribute: attribute.clone(), expression: expression.clone() },
        Action::DeviceRegistryEnrich { attribute, thing_name } => {
            Work::Registry { attribute: attribute.clone(), thing_name: thing_name.clone() }
        }
        Action::DeviceShadowEnrich { attribute, thing_name } => {
            Work::Shadow { attribute: attribute.clone(), thing_name: thing_name.clone() }
        }
        Action::Lambda { function, batch_size } if has_function => {
            Work::Lambda { function: function.clone(), batch_size: usize::try_from(*batch_size).unwrap_or(usize::MAX).max(1) }
        }
        Action::Lambda { function, .. } => {
            return Err(EngineError::NoFunction { activity: activity(), function: function.clone() });
        }
        Action::Unsupported { reason, .. } => return Err(EngineError::Manual { activity: activity(), reason: reason.clone() }),
    })
}

#[cfg(test)]
mod tests;
