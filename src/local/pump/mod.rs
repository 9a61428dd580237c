//! A translated stack at work on this machine: what is put into its streams goes through its functions, as AWS Lambda would hand it over.
//!
//! - `stack` reads the template: tables, streams, functions, and who feeds whom;
//! - `feeding` takes batches off a stream, and settles, repeats or gives up; `event` is a batch in Lambda's form;
//! - `worker` is the Python process that runs a function (`driver.py`).
//!
//! Invariants
//! - A record is settled when its function says so, or when it lies in the bucket of dead letters; until then it is handed out again.
//! - Within a shard, records are handed out in their order.
//! - A function gets the embedded services for its endpoint, their credentials, and nothing of the caller's.
//!
//! Differences from Lambda are in docs/fidelity.md. Only `cli` and tests start this; it reaches services through their own rooms.

mod event;
mod feeding;
mod stack;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use hyper::body::Bytes;
use serde_json::json;

use self::feeding::Feeding;
pub use self::stack::Stack;
use super::failure::ErrorKind;
use super::{Services, kinesis, s3};

/// The bucket of the embedded S3 for messages and batches that were given up.
pub const DEAD_LETTERS: &str = "dead-letters";

/// Something that happened to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PumpEvent {
    /// It took a batch; `open` records of it come again.
    Invoked { function: String, records: usize, open: usize, retried: bool },
    /// It failed; the batch comes again.
    Failed { function: String, records: usize, why: String },
    /// A batch is not tried any more, and kept there.
    GivenUp { function: String, records: usize, letter: String },
    /// A line of its log.
    Said { function: String, line: String },
}

/// Why a stack cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    #[error("the stack's template {path} cannot be read: {cause}", path = .path.display())]
    Template { path: PathBuf, cause: String },
    #[error("no stream feeds a function in {path}", path = .path.display())]
    NothingToRun { path: PathBuf },
    #[error("the code of function {function} is not in {folder}", folder = .folder.display())]
    NoCode { function: String, folder: PathBuf },
    #[error("{python} cannot be started: {cause}", python = .python.display())]
    NoPython { python: PathBuf, cause: std::io::Error },
    #[error("{python} has no boto3, which the functions use: {cause}", python = .python.display())]
    NoBoto3 { python: PathBuf, cause: String },
    #[error("function {function} cannot be loaded: {cause}")]
    Broken { function: String, cause: String },
    #[error("the stack's resources cannot be made here: {0}")]
    Service(String),
}

impl PumpError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Template { .. } | Self::NothingToRun { .. } | Self::NoCode { .. } => {
                "give --with-stack the folder that `iota2ts translate` wrote, such as migration/stack"
            }
            Self::NoPython { .. } => "install Python 3.11 or newer, or name one with --python",
            Self::NoBoto3 { .. } => "install it (python3 -m pip install boto3), or name a Python that has it with --python",
            Self::Broken { .. } => "run its tests: python3 -m unittest in the function's folder",
            Self::Service(_) => return None,
        };
        Some(hint.to_owned())
    }
}

type Report = dyn Fn(PumpEvent) + Send + Sync;

/// What every function has around it.
struct Surroundings {
    kinesis: Arc<kinesis::Service>,
    buckets: s3::Buckets,
    endpoint_url: String,
    region: String,
    python: PathBuf,
    report: Arc<Report>,
    stop: AtomicBool,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

impl Surroundings {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A stack that runs. It stops when this is dropped.
#[derive(Debug)]
pub struct Pump {
    around: Arc<Surroundings>,
    threads: Vec<JoinHandle<()>>,
}

impl Pump {
    /// Makes what the template names, and starts a process for each function; each is loaded when this returns.
    pub(super) async fn start(
        services: &Services,
        endpoint_url: String,
        stack: Stack,
        python: PathBuf,
        report: Arc<Report>,
    ) -> Result<Self, PumpError> {
        make_tables(services, &stack, &endpoint_url).await?;
        let around = Arc::new(Surroundings {
            kinesis: Arc::clone(&services.kinesis),
            buckets: services.buckets.clone(),
            endpoint_url,
            region: services.kinesis.region().to_owned(),
            python,
            report,
            stop: AtomicBool::new(false),
        });
        let started = tokio::task::spawn_blocking(move || {
            let failed = |cause: &dyn std::fmt::Display| PumpError::Service(cause.to_string());
            around.buckets.create_bucket(DEAD_LETTERS).map_err(|error| failed(&error))?;
            for stream in stack.streams {
                let made = around.kinesis.ensure_stream(&stream.name, &stream.mode, stream.shards, stream.retention_hours);
                made.map_err(|exception| failed(&exception.message))?;
            }
            let mut feedings = Vec::new();
            for mapping in stack.mappings {
                let mut feeding = Feeding { mapping, around: Arc::clone(&around), worker: None };
                feeding.warm()?;
                feedings.push(feeding);
            }
            let threads = feedings.into_iter().map(|feeding| std::thread::spawn(move || feeding.run())).collect();
            Ok(Self { around, threads })
        });
        started.await.unwrap_or_else(|error| Err(PumpError::Service(error.to_string())))
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.around.stop.store(true, Ordering::Relaxed);
        self.around.kinesis.wake();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a function's thread had failed");
            }
        }
    }
}

/// Makes the databases and tables that are not there yet.
async fn make_tables(services: &Services, stack: &Stack, endpoint_url: &str) -> Result<(), PumpError> {
    let databases = stack.databases.iter().map(|name| ("CreateDatabase", json!({ "DatabaseName": name })));
    let tables = stack.tables.iter().map(|request| ("CreateTable", request.clone()));
    for (operation, request) in databases.chain(tables) {
        match services.timestream.answer(operation, Bytes::from(request.to_string()), endpoint_url).await {
            Ok(_) => {}
            Err(failure) if failure.kind == ErrorKind::Conflict => {}
            Err(failure) => return Err(PumpError::Service(format!("{operation}: {}", failure.message))),
        }
    }
    Ok(())
}
