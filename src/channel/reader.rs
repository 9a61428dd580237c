//! Objects as rows, a channel's messages by way of their pipeline.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::unwrap;
use crate::history::{Decoded, FilteredRow, HistoryError, ObjectRead, Row, RowReader, RowSink, SourceObject};
use crate::provenance::Provenance;
use crate::transform::{Engine, EngineError, Outcome};
use crate::value::Object;

/// Messages that go through an engine together when a customer's function is asked: as many as the largest batch of a lambda
/// activity (facts: batchSize 1-1000). Without one they go one by one.
const MESSAGES_AT_ONCE: usize = 1_000;

/// Reads objects that hold rows as they are, and runs those of channels through the engine of their pipeline.
pub struct PipelinedObjects {
    objects: Box<dyn RowReader>,
    engines: BTreeMap<String, Pipeline>,
}

impl std::fmt::Debug for PipelinedObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipelinedObjects").field("engines", &self.engines).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Pipeline {
    engine: Engine,
    /// By step: what the ledger counts dropped messages under.
    activities: Vec<Arc<str>>,
}

impl PipelinedObjects {
    /// `objects` gives messages as they stand in their objects; `engines` by the name of their pipeline.
    #[must_use]
    pub fn new(objects: impl RowReader + 'static, engines: BTreeMap<String, Engine>) -> Self {
        let pipeline = |engine: Engine| Pipeline { activities: engine.activities().map(Arc::from).collect(), engine };
        Self { objects: Box::new(objects), engines: engines.into_iter().map(|(name, engine)| (name, pipeline(engine))).collect() }
    }
}

impl RowReader for PipelinedObjects {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        let Some(name) = object.pipeline.as_deref() else { return self.objects.read(object, sink) };
        let failed = |reason: String, hint: Option<String>| HistoryError::Pipeline {
            key: object.id.key.clone(),
            pipeline: name.to_owned(),
            reason,
            hint,
        };
        let pipeline = self.engines.get(name).ok_or_else(|| failed("nobody translated it".to_owned(), None))?;
        let mut through = Through { pipeline, waiting: Vec::new(), handed_on: 0, enough: false, failure: None, sink };
        let read = self.objects.read(object, &mut |decoded| through.take(decoded))?;
        if !through.enough && through.failure.is_none() && through.flush().is_break() {
            through.enough = true;
        }
        match through.failure {
            Some(error) => Err(failed(error.to_string(), error.hint())),
            None => Ok(ObjectRead { rows: through.handed_on, damage: read.damage.filter(|_| !through.enough) }),
        }
    }
}

/// Messages on their way through an engine, in order.
struct Through<'a, 'sink> {
    pipeline: &'a Pipeline,
    /// Messages that wait for company.
    waiting: Vec<(Provenance, Object)>,
    handed_on: u64,
    /// The sink wants no more.
    enough: bool,
    failure: Option<EngineError>,
    sink: &'a mut RowSink<'sink>,
}

impl Through<'_, '_> {
    fn take(&mut self, decoded: Decoded) -> ControlFlow<()> {
        let Decoded::Row(row) = decoded else {
            // It is no message. The service dropped such unseen (facts: invalid JSON); here it is kept and named.
            self.flush()?;
            return self.hand_on(decoded);
        };
        self.waiting.push((row.provenance, unwrap::message(row.columns)));
        let at_once = if self.pipeline.engine.asks_a_function() { MESSAGES_AT_ONCE } else { 1 };
        if self.waiting.len() < at_once { ControlFlow::Continue(()) } else { self.flush() }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let (places, messages): (Vec<Provenance>, Vec<Object>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        if messages.is_empty() {
            return ControlFlow::Continue(());
        }
        let outcomes = match self.pipeline.engine.run(messages) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
        };
        for (provenance, (outcome, columns)) in places.into_iter().zip(outcomes) {
            let decoded = match outcome {
                Outcome::Kept { .. } => Decoded::Row(Row { provenance, columns }),
                Outcome::Dropped { step } => {
                    let activity = self.pipeline.activities.get(step).cloned().unwrap_or_default();
                    Decoded::Filtered(FilteredRow { provenance, activity })
                }
            };
            self.hand_on(decoded)?;
        }
        ControlFlow::Continue(())
    }

    fn hand_on(&mut self, decoded: Decoded) -> ControlFlow<()> {
        self.handed_on += 1;
        let flow = (self.sink)(decoded);
        self.enough |= flow.is_break();
        flow
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
