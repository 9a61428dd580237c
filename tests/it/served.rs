//! The embedded services in the test's own process, with trouble on demand and a clock of their own; the real executable is told to use them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use iota2ts::local::{self, Faults, LocalSettings, s3};
use iota2ts::time::{ManualClock, Nanos};

use crate::environment::{Environment, Ran};

/// [`crate::environment::NOW`].
pub(crate) const NOW_NANOS: i64 = 1_765_756_800_000_000_000;

/// A client of the embedded S3, with this access key.
pub(crate) fn s3_client(endpoint_url: &str, access_key: &str) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key, s3::SECRET_ACCESS_KEY, None, None, "test"))
        .endpoint_url(endpoint_url)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

pub(crate) struct Served {
    pub(crate) runtime: tokio::runtime::Runtime,
    running: Option<local::Running>,
    data: PathBuf,
    address: Option<SocketAddr>,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) endpoint_url: String,
}

impl Served {
    /// Serves from `data`, at the instant of all tests.
    pub(crate) fn new(data: &Path) -> Self {
        Self::at(data, NOW_NANOS)
    }

    pub(crate) fn at(data: &Path, now: i64) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let clock = Arc::new(ManualClock::at(Nanos(now)));
        let mut served = Self {
            runtime,
            running: None,
            data: data.to_owned(),
            address: None,
            faults: Faults::none(),
            clock,
            endpoint_url: String::new(),
        };
        served.start();
        served
    }

    /// Serves again where it served before.
    pub(crate) fn start(&mut self) {
        let mut settings = LocalSettings::new(&self.data, Arc::clone(&self.clock) as Arc<dyn iota2ts::time::Clock>);
        settings.faults = self.faults.clone();
        let address = self.address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let running = self.runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(address).await.unwrap();
            local::start_on(listener, settings).await.unwrap()
        });
        self.address = Some(running.addr);
        self.endpoint_url = running.endpoint_url();
        self.running = Some(running);
    }

    /// From now on, connections are refused.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop()).unwrap();
        }
    }

    pub(crate) fn command(&self, environment: &Environment, args: &[&str]) -> Command {
        let mut command = environment.command(&[&["--endpoint-url", &self.endpoint_url, "--region", "us-east-1"], args].concat());
        command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", s3::SECRET_ACCESS_KEY);
        command
    }

    pub(crate) fn run(&self, environment: &Environment, args: &[&str]) -> Ran {
        Ran::from(self.command(environment, args).output().unwrap(), environment)
    }

    pub(crate) fn asked(&self, operation: &str) -> u64 {
        self.faults.counters().requests.get(operation).copied().unwrap_or(0)
    }

    /// Waits until `operation` was asked for more than `before` times.
    pub(crate) fn wait_for(&self, operation: &str, before: u64) {
        let begun = std::time::Instant::now();
        while self.asked(operation) <= before {
            assert!(begun.elapsed().as_secs() < 60, "nobody asks for {operation}");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Every row of the target's one table, in the order of keys.
    pub(crate) fn stored(&self) -> Vec<StoredRow> {
        stored_in(&self.data)
    }
}

/// Every row of the one table of an embedded Timestream, in the order of keys.
pub(crate) fn stored_in(data: &Path) -> Vec<StoredRow> {
    let store = rusqlite::Connection::open(data.join("timestream.db")).unwrap();
    let Ok(mut statement) = store.prepare("SELECT key, content, time, version FROM t1 ORDER BY key") else { return Vec::new() };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Key, content, time and version.
pub(crate) type StoredRow = (Vec<u8>, Vec<u8>, i64, i64);

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            drop(self.runtime.block_on(running.stop()));
        }
    }
}
