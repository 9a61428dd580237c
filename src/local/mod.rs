//! The embedded services on one port, over their real wire protocols: Timestream write and query, S3, IoT Analytics, Kinesis Data
//! Streams, and IoT Core (topic rules, things, shadows). Persistent.
//!
//! Faithful first: limits, windows, versions, status codes and error bodies are those of the real service as far as they are
//! known; what is not known is a named switch ([`timestream::Switches`], docs/fidelity.md).
//!
//! Known differences: plain HTTP; only S3 checks signatures (elsewhere any `Authorization` header will do, none is refused); stored
//! rows do not expire when retention passes; there is no limit on calls per second and none on active magnetic partitions,
//! unless [`Faults`] plays one.
//!
//! Clients must be given the endpoint and must not discover it: SDKs turn a discovered address into `https://`.
//!
//! Only `cli`, `demo` and tests may know this room. It uses the vocabulary and shares no rule with `target`: the two check
//! each other.

mod constraints;
mod exception;
mod failure;
mod faults;
mod iot;
mod iotanalytics;
mod kinesis;
mod pump;
pub mod s3;
mod server;
mod store_file;
pub mod timestream;
mod turn;
mod wire;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use failure::{ErrorKind, Failure};
pub use faults::{Counters, Fault, Faults, Rule, ThrottledStore, When};
pub use pump::{DEAD_LETTERS, Pump, PumpError, PumpEvent, Stack};
pub use wire::SERVED;

use crate::time::Clock;
use crate::transform::LambdaFunction;

/// How the embedded services are to run.
#[derive(Clone)]
pub struct LocalSettings {
    /// Where everything is kept; made if it is not there. One server at a time may use it.
    pub data_dir: PathBuf,
    /// What the services take for the present.
    pub clock: Arc<dyn Clock>,
    pub faults: Faults,
    /// How long a row written to the magnetic store stays invisible to queries, in nanoseconds (really: up to 6 h).
    pub magnetic_visibility_delay_nanos: i64,
    /// What the documentation leaves open.
    pub switches: timestream::Switches,
    /// Who stands for the functions of lambda activities. Without it, messages of such a pipeline stay in their channel.
    pub functions: Option<Arc<dyn LambdaFunction>>,
    /// The region that resource names carry.
    pub region: String,
    /// How queries are answered.
    pub queries: timestream::query::EngineOptions,
}

impl LocalSettings {
    /// The usual settings: no faults, no delay, default switches, `us-east-1`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            data_dir: data_dir.into(),
            clock,
            faults: Faults::none(),
            magnetic_visibility_delay_nanos: 0,
            switches: timestream::Switches::default(),
            functions: None,
            region: "us-east-1".to_owned(),
            queries: timestream::query::EngineOptions::default(),
        }
    }
}

impl std::fmt::Debug for LocalSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalSettings").field("data_dir", &self.data_dir).field("region", &self.region).finish_non_exhaustive()
    }
}

/// Why the embedded services cannot run.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("cannot listen: {0}")]
    Listen(std::io::Error),
    #[error("cannot use data directory {path}: {cause}", path = .path.display())]
    DataDir { path: PathBuf, cause: std::io::Error },
    #[error("data directory {path} is in use by another server", path = .path.display())]
    InUse { path: PathBuf },
    #[error("cannot use store {path}: {cause}", path = .path.display())]
    Store { path: PathBuf, cause: rusqlite::Error },
    #[error("{path} is not a store of the embedded services", path = .path.display())]
    Foreign { path: PathBuf },
    #[error("store {path} has format {found}, this version reads format {known}", path = .path.display())]
    Format { path: PathBuf, found: i64, known: i64 },
    #[error(transparent)]
    Buckets(#[from] s3::BucketFailure),
    #[error("query results cannot be kept: {0}")]
    Queries(String),
    #[error("the server stopped unexpectedly")]
    Crashed,
}

impl LocalError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Listen(_) => "choose another address or port with `--listen`",
            Self::DataDir { .. } => "check that the directory can be written, or choose another with `--data-dir`",
            Self::InUse { .. } => "stop the other server, or choose another directory with `--data-dir`",
            Self::Foreign { .. } | Self::Format { .. } => "choose an empty directory with `--data-dir`",
            Self::Store { .. } | Self::Buckets(_) | Self::Queries(_) | Self::Crashed => return None,
        };
        Some(hint.to_owned())
    }
}

/// Serves on `listener` until `stop` becomes true (or its sender is gone); requests in flight are finished first.
///
/// # Errors
/// [`LocalError`] if the store cannot be opened or the listener fails.
pub async fn serve(listener: TcpListener, settings: LocalSettings, stop: watch::Receiver<bool>) -> Result<(), LocalError> {
    let services = open(settings).await?;
    server::run(listener, services, stop).await
}

/// A server that runs on the runtime that started it.
#[derive(Debug)]
pub struct Running {
    pub addr: SocketAddr,
    services: Arc<Services>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), LocalError>>,
}

impl Running {
    /// What a client is given as its endpoint, for writing and for queries.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Puts a record into a stream of the embedded Kinesis, as a topic rule does.
    ///
    /// # Errors
    /// When there is no such stream, or it takes no such record.
    pub fn put_record(&self, stream: &str, partition_key: &str, data: &[u8]) -> Result<(), PumpError> {
        let failed = |cause: String| PumpError::Service(format!("PutRecord: {cause}"));
        let data = crate::encoding::base64(data);
        let body = serde_json::json!({ "StreamName": stream, "PartitionKey": partition_key, "Data": data }).to_string();
        server::WholeAnswers::answer(&self.services.kinesis, &"PutRecord", body.as_bytes(), "")
            .map(drop)
            .map_err(|exception| failed(exception.message))
    }

    /// Makes what a stack's template names, and runs its functions with `python` on what is put into its streams, until the answer is
    /// dropped. Each function is loaded when this returns; `report` is told what happens to them.
    ///
    /// # Errors
    /// [`PumpError`] if Python, boto3 or the code of a function is not there, or a resource cannot be made.
    pub async fn pump(&self, stack: Stack, python: PathBuf, report: impl Fn(PumpEvent) + Send + Sync + 'static) -> Result<Pump, PumpError> {
        Pump::start(&self.services, self.endpoint_url(), stack, python, Arc::new(report)).await
    }

    /// Finishes what is in flight and stops.
    ///
    /// # Errors
    /// What the server failed with, if it had.
    pub async fn stop(self) -> Result<(), LocalError> {
        self.stop.send_replace(true);
        self.task.await.unwrap_or(Err(LocalError::Crashed))
    }
}

/// Starts a server on a free port of 127.0.0.1. It is ready when this returns, and stops when the answer is dropped.
///
/// # Errors
/// [`LocalError`] if no port can be had or the store cannot be opened.
pub async fn start(settings: LocalSettings) -> Result<Running, LocalError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(LocalError::Listen)?;
    start_on(listener, settings).await
}

/// Starts a server on `listener`. It is ready when this returns, and stops when the answer is dropped.
///
/// # Errors
/// [`LocalError`] if the store cannot be opened.
pub async fn start_on(listener: TcpListener, settings: LocalSettings) -> Result<Running, LocalError> {
    let addr = listener.local_addr().map_err(LocalError::Listen)?;
    let services = open(settings).await?;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(server::run(listener, Arc::clone(&services), stopped));
    Ok(Running { addr, services, stop, task })
}

/// The account that resource names carry.
const ACCOUNT: &str = "000000000000";

/// All that answers on the port.
struct Services {
    timestream: Arc<timestream::Service>,
    s3: s3s::service::S3Service,
    iotanalytics: Arc<iotanalytics::Service>,
    /// The same as behind `s3`.
    buckets: s3::Buckets,
    kinesis: Arc<kinesis::Service>,
    iot: Arc<iot::Service>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

async fn open(settings: LocalSettings) -> Result<Arc<Services>, LocalError> {
    let opened = tokio::task::spawn_blocking(move || {
        let (data_dir, clock, faults, region) =
            (settings.data_dir.clone(), Arc::clone(&settings.clock), settings.faults.clone(), settings.region.clone());
        let functions = settings.functions.clone();
        // First: it locks the data directory.
        let timestream = Arc::new(timestream::Service::open(settings)?);
        let buckets = s3::Buckets::open(&data_dir.join("s3"), Arc::clone(&clock))?;
        let kinesis = Arc::new(kinesis::Service::open(&data_dir.join("kinesis.db"), Arc::clone(&clock), region.clone())?);
        let iot = Arc::new(iot::Service::open(&data_dir.join("iot.db"), Arc::clone(&clock), region.clone())?);
        let home = data_dir.join("iotanalytics");
        let iotanalytics = iotanalytics::Service::open(&home, buckets.clone(), Arc::clone(&iot), functions, clock, region)?;
        Ok(Arc::new(Services {
            timestream,
            s3: s3::service(buckets.clone(), faults),
            buckets,
            iotanalytics: Arc::new(iotanalytics),
            kinesis,
            iot,
        }))
    });
    opened.await.unwrap_or(Err(LocalError::Crashed))
}
