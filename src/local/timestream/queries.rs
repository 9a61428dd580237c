//! Query operations between the wire and the SQL engine: requests read, the store's shapes handed over, answers written.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::query::{Catalogue, ColumnShape, Engine, QueryFailure, QueryRequest, TableShape};
use super::store::Shapes;
use crate::local::failure::{ErrorKind, Failure};
use crate::time::Nanos;

/// The operations that the SQL engine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryOperation {
    Query,
    CancelQuery,
    PrepareQuery,
}

impl QueryOperation {
    /// The operation called `name` on the wire.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "Query" => Some(Self::Query),
            "CancelQuery" => Some(Self::CancelQuery),
            "PrepareQuery" => Some(Self::PrepareQuery),
            _ => None,
        }
    }
}

/// Answers one request on a connection that cannot write; all that is read is of one moment. Blocks.
pub(super) fn answer(
    engine: &Engine,
    operation: QueryOperation,
    request: &Value,
    connection: &Connection,
    now: Nanos,
) -> Result<Value, Failure> {
    let members = request.as_object().ok_or_else(|| malformed("the request is not an object"))?;
    let catalogue = Shapes::new(connection);
    match operation {
        QueryOperation::Query => {
            let request = QueryRequest {
                query_string: required(members, "QueryString")?,
                next_token: text(members, "NextToken")?,
                max_rows: members
                    .get("MaxRows")
                    .filter(|v| !v.is_null())
                    .map(|v| v.as_i64().ok_or_else(|| malformed("MaxRows is not a number")))
                    .transpose()?,
                client_token: text(members, "ClientToken")?,
            };
            Ok(engine.query(&request, &catalogue, connection, now)?.to_json())
        }
        QueryOperation::PrepareQuery => Ok(engine.prepare(&required(members, "QueryString")?, &catalogue, now)?.to_json()),
        QueryOperation::CancelQuery => {
            let message = engine.cancel(&required(members, "QueryId")?)?;
            Ok(message.map_or_else(|| json!({}), |message| json!({ "CancellationMessage": message })))
        }
    }
}

fn required(members: &Map<String, Value>, name: &str) -> Result<String, Failure> {
    text(members, name)?.ok_or_else(|| {
        let member =
            name.chars().next().map_or_else(String::new, |first| first.to_lowercase().to_string()) + name.get(1..).unwrap_or_default();
        Failure::new(
            ErrorKind::Constraint,
            format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"),
        )
    })
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Failure> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed(format!("{name} is not a string"))),
    }
}

fn malformed(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Serialization, message)
}

impl From<QueryFailure> for Failure {
    fn from(failure: QueryFailure) -> Self {
        let kind = match failure {
            QueryFailure::Validation(_) => ErrorKind::Validation,
            QueryFailure::Execution(_) => ErrorKind::QueryExecution,
            QueryFailure::Conflict(_) => ErrorKind::Conflict,
            QueryFailure::Internal(_) => ErrorKind::InternalServer,
        };
        Self::new(kind, failure.to_string())
    }
}

impl Catalogue for Shapes<'_> {
    fn shape(&self, database: &str, table: &str) -> Result<Option<TableShape>, QueryFailure> {
        let shape = Shapes::shape(self, database, table).map_err(|e| store_failed(&e))?;
        Ok(shape.map(|shape| TableShape {
            physical: shape.physical,
            columns: shape
                .columns
                .into_iter()
                .map(|column| ColumnShape { name: column.name, physical: column.physical, kind: column.kind.into() })
                .collect(),
        }))
    }

    fn databases(&self) -> Result<Vec<String>, QueryFailure> {
        Shapes::databases(self).map_err(|e| store_failed(&e))
    }

    fn tables(&self, database: &str) -> Result<Option<Vec<String>>, QueryFailure> {
        Shapes::tables(self, database).map_err(|e| store_failed(&e))
    }
}

fn store_failed(error: &rusqlite::Error) -> QueryFailure {
    QueryFailure::Internal(format!("the store failed: {error}"))
}
