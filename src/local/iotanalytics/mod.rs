//! AWS IoT Analytics, embedded: all operations of the service that closed on 15 December 2025, over its wire protocol (rest-json).
//!
//! - `route` knows which operation a request asks for, `model` what it may hold, checked by `shape`;
//! - `resources` answers for channels, datastores, pipelines and datasets; `tags` and `logging` for what their names say;
//! - `messages` takes messages in, `pipelines` takes them through our own engine, `objects` puts them where the definitions say: for
//!   customer-managed storage into the embedded S3, else into buckets that no client sees. `columns` writes Parquet;
//! - `contents` makes dataset contents, `rows` loads what a query asks about, `query` asks it;
//! - `store` is what is durable besides objects.
//!
//! Invariants
//! - A pipeline is run by the same engine that a migration runs: this room proves plumbing, never fidelity.
//! - One writer: every request has the store for itself while it changes something.
//! - Text of a definition reaches SQL only through `query`, which writes quoted identifiers and copies what it does not read.
//! - A message that was taken is in its channel, whatever becomes of it later.
//!
//! Only `local` may use this room.

mod columns;
mod contents;
mod logging;
mod messages;
mod model;
mod objects;
mod pipelines;
mod query;
mod resources;
mod route;
mod rows;
mod shape;
mod store;
mod tags;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use self::route::{Asked, Operation, route};
use self::shape::Shape;
use self::store::Store;
use super::exception::{Dialect, Exception};
use super::failure::ErrorKind;
use super::s3::Buckets;
use super::server::WholeAnswers;
use super::{LocalError, iot};
use crate::time::{Clock, Nanos};
use crate::transform::LambdaFunction;

/// The service.
pub(super) struct Service {
    store: Mutex<Store>,
    /// The buckets of the embedded S3, where customer-managed storage and the results of datasets lie.
    customer: Buckets,
    /// Service-managed storage.
    managed: Buckets,
    /// Who knows the things that enrich activities ask for.
    core: Arc<iot::Service>,
    /// Who stands for the functions of lambda activities.
    functions: Option<Arc<dyn LambdaFunction>>,
    clock: Arc<dyn Clock>,
    region: String,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("region", &self.region).finish_non_exhaustive()
    }
}

/// A request that is routed, and may be carried out.
#[derive(Debug)]
pub(super) struct Request {
    asked: Asked,
    query: Query,
}

impl Request {
    /// Reads method, path and query of a request.
    fn read(method: &Method, path: &str, query: &str) -> Result<Self, Exception> {
        let asked = route(method, path).ok_or_else(|| {
            let message = format!("{method} {} is no operation of AWS IoT Analytics.", path.escape_debug());
            Exception::not_served(message)
        })?;
        Ok(Self { asked, query: Query::read(query) })
    }
}

/// What stands behind the `?`.
#[derive(Debug, Default)]
struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    fn read(text: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(values)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A whole number within `shape`, if it is given.
    fn whole(&self, name: &str, shape: &'static Shape) -> Result<Option<usize>, Exception> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number: i64 = text.parse().map_err(|_| Exception::serialization(format!("{name} must be a whole number")))?;
        shape::check(shape, &json!(number), name)?;
        Ok(usize::try_from(number).ok())
    }

    /// A time in ISO 8601 or in seconds since 1970, if it is given.
    fn time(&self, name: &str) -> Result<Option<Nanos>, Exception> {
        use crate::time::TimeFormat;
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = crate::value::Value::String(text.to_owned());
        let read = TimeFormat::Iso8601.try_read(&value).or_else(|| TimeFormat::EpochSeconds.try_read(&value));
        read.map(Some).ok_or_else(|| Exception::serialization(format!("{name} must be a timestamp")))
    }
}

impl Service {
    /// Opens or makes what lies in `directory`. Blocks.
    pub(super) fn open(
        directory: &Path,
        customer: Buckets,
        core: Arc<iot::Service>,
        functions: Option<Arc<dyn LambdaFunction>>,
        clock: Arc<dyn Clock>,
        region: String,
    ) -> Result<Self, LocalError> {
        std::fs::create_dir_all(directory).map_err(|cause| LocalError::DataDir { path: directory.to_owned(), cause })?;
        let store = Store::open(&directory.join("definitions.db"))?;
        let managed = Buckets::open(&directory.join("managed"), Arc::clone(&clock))?;
        managed.create_bucket(objects::MANAGED_BUCKET)?;
        Ok(Self { store: Mutex::new(store), customer, managed, core, functions, clock, region })
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A request that panicked left no half change: what it wrote was one statement, or a transaction.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WholeAnswers for Service {
    type Asked = Request;
    const DIALECT: Dialect = Dialect::RestJson;
    /// 100 messages of 128 KiB in Base64, and room for the rest.
    const BODY_BYTES_MAX: usize = 20 * 1024 * 1024;

    fn read(&self, head: &Parts) -> Result<Request, Exception> {
        Request::read(&head.method, head.uri.path(), head.uri.query().unwrap_or_default())
    }

    fn operation(request: &Request) -> &'static str {
        request.asked.operation.name()
    }

    fn status(request: &Request) -> StatusCode {
        request.asked.operation.status()
    }

    fn played(kind: ErrorKind) -> Exception {
        match kind {
            ErrorKind::Constraint | ErrorKind::Validation | ErrorKind::QueryExecution | ErrorKind::RejectedRecords => {
                Exception::invalid_request("The request is not valid.")
            }
            ErrorKind::ServiceQuotaExceeded => limit_exceeded("The maximum number of resources has been reached."),
            ErrorKind::Conflict => Exception::new(StatusCode::CONFLICT, "ResourceAlreadyExistsException", "The resource exists already."),
            ErrorKind::InvalidEndpoint => Exception::not_served("Unknown operation"),
            ErrorKind::InternalServer => {
                let message = "An internal failure occurred. Retry your request.";
                Exception::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", message)
            }
            other => Exception::played(other, "ThrottlingException"),
        }
    }

    fn answer(self: &Arc<Self>, request: &Request, body: &[u8], address: &str) -> Result<Value, Exception> {
        let Request { asked, query } = request;
        let name = asked.name.as_str();
        match asked.operation {
            Operation::Create(kind) => self.create(kind, object(body)?),
            Operation::Describe(kind) => self.describe(kind, name, query.is_true("includeStatistics")),
            Operation::List(kind) => self.list(kind, query),
            Operation::Update(kind) => self.update(kind, name, object(body)?),
            Operation::Delete(kind) => self.delete(kind, name),
            Operation::BatchPutMessage => self.put_messages(&object(body)?),
            Operation::SampleChannelData => self.sample(name, query),
            Operation::RunPipelineActivity => self.run_activity(&object(body)?),
            Operation::StartPipelineReprocessing => self.start_reprocessing(name, &object(body)?),
            Operation::CancelPipelineReprocessing => self.cancel_reprocessing(name, &asked.id),
            Operation::CreateDatasetContent => self.create_content(name, &object(body)?),
            Operation::GetDatasetContent => self.get_content(name, query.text("versionId"), address),
            Operation::DeleteDatasetContent => self.delete_content(name, query.text("versionId")),
            Operation::ListDatasetContents => self.list_contents(name, query),
            Operation::DescribeLoggingOptions => self.logging(),
            Operation::PutLoggingOptions => self.set_logging(&object(body)?),
            Operation::ListTagsForResource => self.tags_of(query),
            Operation::TagResource => self.tag(query, &object(body)?),
            Operation::UntagResource => self.untag(query),
        }
    }
}

/// 410, as odd as it is (facts: API wire details).
fn limit_exceeded(message: impl Into<String>) -> Exception {
    Exception::new(StatusCode::GONE, "LimitExceededException", message)
}

/// The members of a body. An empty one has none.
fn object(body: &[u8]) -> Result<Map<String, Value>, Exception> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Exception::serialization("the request must be an object")),
        Err(error) => Err(Exception::serialization(format!("the request is not JSON: {error}"))),
    }
}

/// A time as the API writes it in bodies: seconds since 1970, with three decimals.
fn seconds(time: Nanos) -> Value {
    let millis = time.0.div_euclid(1_000_000);
    let text = format!("{}{}.{:03}", if millis < 0 { "-" } else { "" }, millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// An id of the form that the service gives: 16 bytes as a UUID, drawn from what it is for.
fn uuid(of: &str, serial: i64, now: Nanos) -> String {
    let bytes = xxhash_rust::xxh3::xxh3_128(format!("{of} {serial} {}", now.0).as_bytes());
    // Version 4, variant 1: what clients check the form of.
    let bits = (bytes & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
