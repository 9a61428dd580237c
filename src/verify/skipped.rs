//! A source that need not be readable where a person left an object out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::history::{HistoryError, ObjectRead, RowReader, RowSink, SourceObject};

/// Reads as `rows` does; a skipped object that cannot be read is damaged, with the reason, and ends nothing.
pub struct SkippedObjects {
    rows: Arc<dyn RowReader>,
    /// Why, by key.
    reasons: BTreeMap<String, String>,
}

impl std::fmt::Debug for SkippedObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SkippedObjects").field("reasons", &self.reasons).finish_non_exhaustive()
    }
}

impl SkippedObjects {
    /// With the reasons why objects were left out, by their keys.
    #[must_use]
    pub fn new(rows: Arc<dyn RowReader>, reasons: BTreeMap<String, String>) -> Self {
        Self { rows, reasons }
    }
}

impl RowReader for SkippedObjects {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        let mut rows = 0;
        let read = self.rows.read(object, &mut |decoded| {
            rows += 1;
            sink(decoded)
        });
        match (read, self.reasons.get(&object.id.key)) {
            (Err(error), Some(reason)) => {
                Ok(ObjectRead { rows, damage: Some(format!("it could not be read, and a person left it out ({reason}): {error}")) })
            }
            (read, _) => read,
        }
    }
}
