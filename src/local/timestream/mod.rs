//! Timestream for LiveAnalytics, embedded: which operation is asked for, and who answers it.
//!
//! - `constraints` holds what the API model forbids, `names` what the service forbids in names;
//! - `control` answers for databases, tables and tags; `write` for WriteRecords; `query` for SQL;
//! - `store` is what is durable.
//!
//! Invariants
//! - One writer: every change goes through one connection, one transaction per request. Queries read on connections of their
//!   own, which cannot write.
//! - A request that fails as a whole has changed nothing.

mod constraints;
mod control;
mod names;
mod queries;
pub mod query;
mod store;
mod switches;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::Mutex as AsyncMutex;

pub use store::{Column, ColumnRole, Shape, Shapes};
pub use switches::{LimitHandling, NonFiniteHandling, PartialUpsert, PreEpochTimes, RecordSize, Switches};

use self::control::Control;
use self::queries::QueryOperation;
use self::query::Engine;
use self::store::Store;
use super::ACCOUNT;
use super::failure::{ErrorKind, Failure};
use super::faults::Faults;
use super::{LocalError, LocalSettings};
use crate::time::Nanos;

const CONTROL: [&str; 13] = [
    "CreateDatabase",
    "DescribeDatabase",
    "ListDatabases",
    "UpdateDatabase",
    "DeleteDatabase",
    "CreateTable",
    "DescribeTable",
    "ListTables",
    "UpdateTable",
    "DeleteTable",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
];

/// The service: settings, the store, and the connections that queries read on.
#[derive(Debug)]
pub(crate) struct Service {
    settings: LocalSettings,
    /// In turn, one request at a time; held across the blocking work of a request.
    store: Arc<AsyncMutex<Store>>,
    engine: Engine,
    readers: Mutex<Vec<rusqlite::Connection>>,
    database_file: PathBuf,
    /// Held for as long as the data directory is in use.
    _lock: std::fs::File,
}

/// Connections for queries that are kept when idle.
const IDLE_READERS_MAX: usize = 8;

impl Service {
    /// Opens or makes the store. Blocks.
    pub(crate) fn open(settings: LocalSettings) -> Result<Self, LocalError> {
        let lock = lock(&settings.data_dir)?;
        let database_file = settings.data_dir.join("timestream.db");
        let store = Store::open(&database_file)?;
        let store = Arc::new(AsyncMutex::new(store));
        let engine = Engine::new(settings.queries.clone()).map_err(|e| LocalError::Queries(e.to_string()))?;
        Ok(Self { settings, store, engine, readers: Mutex::new(Vec::new()), database_file, _lock: lock })
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.settings.faults
    }

    pub(crate) fn now(&self) -> Nanos {
        self.settings.clock.now()
    }

    /// Whether `operation` is one of the embedded service's. Batch load and scheduled queries are not.
    pub(crate) fn serves(operation: &str) -> bool {
        let special = ["DescribeEndpoints", "DescribeAccountSettings", "WriteRecords"];
        special.contains(&operation) || CONTROL.contains(&operation) || QueryOperation::named(operation).is_some()
    }

    /// The answer to one request; `address` is where the client sent it.
    pub(crate) async fn answer(self: &Arc<Self>, operation: &str, body: Bytes, address: &str) -> Result<Value, Failure> {
        if let Some(query) = QueryOperation::named(operation) {
            let service = Arc::clone(self);
            return blocking(move || service.query(query, &body)).await;
        }
        match operation {
            "DescribeEndpoints" => Ok(json!({ "Endpoints": [{ "Address": address, "CachePeriodInMinutes": 1440 }] })),
            // A new account's settings: compute units, with the default ceiling (facts §3, cost model).
            "DescribeAccountSettings" => Ok(json!({ "MaxQueryTCU": 200, "QueryPricingModel": "COMPUTE_UNITS" })),
            "WriteRecords" => self.write(body).await,
            _ => self.control(operation.to_owned(), body).await,
        }
    }

    async fn write(&self, body: Bytes) -> Result<Value, Failure> {
        let switches = self.settings.switches;
        let request = blocking(move || write::read(&body, &switches)).await?;
        let mut store = Arc::clone(&self.store).lock_owned().await;
        let settings = self.settings.clone();
        let outcome = blocking(move || write::apply(&mut store, &request, &settings)).await?;
        let counted = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.faults().count_records(counted(outcome.accepted()), counted(outcome.rejected.len()), counted(outcome.dropped));
        outcome.into_answer()
    }

    async fn control(&self, operation: String, body: Bytes) -> Result<Value, Failure> {
        let mut store = Arc::clone(&self.store).lock_owned().await;
        let (now, region) = (self.now(), self.settings.region.clone());
        blocking(move || Control { store: &mut store, now, region: &region }.answer(&operation, &body)).await
    }

    fn query(&self, operation: QueryOperation, body: &[u8]) -> Result<Value, Failure> {
        let request = constraints::parse::<Value>(body)?;
        let connection = self.reader()?;
        // One snapshot, so that the columns that are looked up are those of the rows that are read.
        let snapshot = connection.unchecked_transaction()?;
        let answered = queries::answer(&self.engine, operation, &request, &snapshot, self.now());
        drop(snapshot);
        let mut idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS_MAX {
            idle.push(connection);
        }
        answered
    }

    /// A connection that can only read, prepared by the engine once.
    fn reader(&self) -> Result<rusqlite::Connection, Failure> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = store::open_reader(&self.database_file)?;
        query::register(&connection)?;
        Ok(connection)
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Failure::internal(&error)),
    }
}

/// Takes the data directory for this process alone: two writers would each trust their own memory of the columns.
fn lock(data_dir: &Path) -> Result<std::fs::File, LocalError> {
    let failed = |cause| LocalError::DataDir { path: data_dir.to_owned(), cause };
    std::fs::create_dir_all(data_dir).map_err(failed)?;
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(LocalError::InUse { path: data_dir.to_owned() }),
        Err(std::fs::TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Seconds since the epoch, as the wire has timestamps.
pub(in crate::local) fn epoch_seconds(instant: Nanos) -> Value {
    let millis = instant.0.div_euclid(1_000_000);
    let text = format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000));
    // Instants here are those of a clock, after 1970, so the text is the number itself.
    text.parse::<serde_json::Number>().map_or(Value::Null, Value::Number)
}

fn unknown_operation(operation: &str) -> Failure {
    Failure::new(ErrorKind::UnknownOperation, format!("The operation {operation} is not served by the embedded service."))
}
