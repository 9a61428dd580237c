//! A reader of rows and the mappers of its tables, joined: the history as a census, a verification and a backfill see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::source::{MappedHistory, MappedRow, ReadFailure, RefusedRow};
use crate::history::{ObjectRead, Row, RowReader, RowSink, SourceObject};
use crate::mapping::{Mapper, MappingError, Refusal, Router, TableMapping, routers};

/// Objects read as rows, rows mapped by the rules of their table.
pub struct MappedSource {
    rows: Arc<dyn RowReader>,
    mappers: Vec<Mapper>,
    /// By the number of the first mapping of their store.
    routers: BTreeMap<usize, Router>,
}

impl std::fmt::Debug for MappedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MappedSource").field("tables", &self.mappers.len()).finish_non_exhaustive()
    }
}

impl MappedSource {
    /// Joins `rows` and the rules of its tables, numbered as they stand.
    ///
    /// # Errors
    /// When the rules of a table contradict themselves, each other or Timestream's limits.
    pub fn new<'a>(rows: Arc<dyn RowReader>, tables: impl IntoIterator<Item = &'a TableMapping>) -> Result<Self, MappingError> {
        let tables: Vec<&TableMapping> = tables.into_iter().collect();
        let routers = routers(tables.iter().copied())?.into_values().map(|router| (router.home(), router)).collect();
        let mappers = tables.into_iter().map(Mapper::new).collect::<Result<_, _>>()?;
        Ok(Self { rows, mappers, routers })
    }
}

impl MappedHistory for MappedSource {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, ReadFailure> {
        self.rows.read(object, sink).map_err(|e| ReadFailure { message: e.to_string(), hint: e.hint() })
    }

    fn route(&self, home: usize, row: &Row) -> Result<usize, RefusedRow> {
        let Some(router) = self.routers.get(&home) else {
            // A caller's defect; see `map`.
            return Err(RefusedRow { code: "unmapped_table", detail: format!("no store begins with the table numbered {home}") });
        };
        router.route(&row.columns).map_err(|refusal| refused(&refusal))
    }

    fn map(&self, table: usize, row: &Row) -> Result<MappedRow, RefusedRow> {
        let Some(mapper) = self.mappers.get(table) else {
            // A caller's defect; a refusal keeps the row where a panic would lose it.
            return Err(RefusedRow { code: "unmapped_table", detail: format!("there is no table numbered {table}") });
        };
        match mapper.map(row) {
            Ok(mapped) => Ok(MappedRow {
                record: mapped.record,
                omitted: mapped.omitted.into_iter().map(|omission| (omission.measure, omission.why)).collect(),
            }),
            Err(refusal) => Err(refused(&refusal)),
        }
    }
}

fn refused(refusal: &Refusal) -> RefusedRow {
    RefusedRow { code: refusal.code.code(), detail: refusal.to_string() }
}
