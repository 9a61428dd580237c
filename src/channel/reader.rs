//! Objects as rows, a channel's messages by way of their pipeline.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::unwrap;
use crate::history::{
    Decoded, FilteredRow, HistoryError, ObjectRead, Objects, Row, RowReader, RowSink, SourceObject,
};
use crate::provenance::Provenance;
use crate::transform::{Engine, Outcome};
use crate::value::Object;

/// Reads objects that hold rows as they are, and runs those of channels through the engine of their pipeline.
#[derive(Debug)]
pub struct PipelinedObjects {
    objects: Objects,
    engines: BTreeMap<String, Arc<Engine>>,
}

impl PipelinedObjects {
    /// `engines` by the name of their pipeline.
    #[must_use]
    pub fn new(objects: Objects, engines: BTreeMap<String, Arc<Engine>>) -> Self {
        Self { objects, engines }
    }
}

impl RowReader for PipelinedObjects {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        let Some(pipeline) = object.pipeline.as_deref() else { return self.objects.read(object, sink) };
        let failed = |reason: String, hint: Option<String>| HistoryError::Pipeline {
            key: object.id.key.clone(),
            pipeline: pipeline.to_owned(),
            reason,
            hint,
        };
        let engine = self.engines.get(pipeline).ok_or_else(|| failed("it is not translated".to_owned(), None))?;
        let mut through = Through { engine, batch: Vec::new(), handed_on: 0, failure: None, sink };
        let read = self.objects.read(object, &mut |decoded| through.take(decoded));
        // What waits for its batch to fill goes through too, unless somebody has had enough.
        let flushed = if through.failure.is_none() && read.is_ok() { through.flush() } else { ControlFlow::Continue(()) };
        if let Some((reason, hint)) = through.failure {
            return Err(failed(reason, hint));
        }
        let _: ControlFlow<()> = flushed;
        Ok(ObjectRead { rows: through.handed_on, ..read? })
    }
}

/// Messages on their way through an engine, in order; gathered to batches where a lambda activity wants them.
struct Through<'a, 'sink> {
    engine: &'a Engine,
    batch: Vec<(Provenance, Object)>,
    handed_on: u64,
    failure: Option<(String, Option<String>)>,
    sink: &'a mut RowSink<'sink>,
}

impl Through<'_, '_> {
    fn take(&mut self, decoded: Decoded) -> ControlFlow<()> {
        match decoded {
            Decoded::Row(row) => {
                self.batch.push((row.provenance, unwrap::message(row.columns)));
                if self.batch.len() < self.engine.batch_size() { ControlFlow::Continue(()) } else { self.flush() }
            }
            // It is no message; the pipeline would have dropped it unseen (facts: invalid JSON), here it is kept and named.
            other => {
                self.flush()?;
                self.hand_on(other)
            }
        }
    }

    fn flush(&mut self) -> ControlFlow<()> {
        let (places, messages): (Vec<Provenance>, Vec<Object>) = std::mem::take(&mut self.batch).into_iter().unzip();
        if messages.is_empty() {
            return ControlFlow::Continue(());
        }
        let outcomes = match self.engine.run(messages) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.failure = Some((error.to_string(), error.hint()));
                return ControlFlow::Break(());
            }
        };
        for (provenance, outcome) in places.into_iter().zip(outcomes) {
            self.hand_on(match outcome {
                Outcome::Kept(columns) => Decoded::Row(Row { provenance, columns }),
                Outcome::Dropped(activity) => Decoded::Filtered(FilteredRow { provenance, activity }),
            })?;
        }
        ControlFlow::Continue(())
    }

    fn hand_on(&mut self, decoded: Decoded) -> ControlFlow<()> {
        self.handed_on += 1;
        (self.sink)(decoded)
    }
}
