//! The real executable, timed, with the most memory that it ever held.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The present of every run.
const NOW: &str = "2025-12-15T00:00:00Z";

pub(crate) struct Stage {
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
}

impl Stage {
    pub(crate) fn rows_per_s(&self, rows: u64) -> f64 {
        count(rows) / self.seconds
    }
}

/// A count as a number to divide by.
#[allow(clippy::cast_precision_loss, reason = "rates are shown with a few digits")]
pub(crate) fn count(rows: u64) -> f64 {
    rows as f64
}

/// The embedded services in a process of their own.
pub(crate) struct Served {
    child: Child,
    pub(crate) endpoint_url: String,
}

impl Served {
    pub(crate) fn start(data: &Path) -> Self {
        let mut command = executable(data.parent().unwrap());
        command.args(["--quiet", "--output", "json", "local", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The answer may be spread over lines; it ends where it is whole.
        let (mut text, mut lines) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
        let endpoint_url = loop {
            assert!(lines.read_line(&mut text).unwrap() > 0, "the embedded services ended: {text}");
            if let Ok(said) = serde_json::from_str::<serde_json::Value>(&text) {
                break said["endpoint_url"].as_str().unwrap().to_owned();
            }
        };
        Self { child, endpoint_url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs one command of a migration to its end; differences and findings are no failure here.
pub(crate) fn run(root: &Path, served: &Served, args: &[&str]) -> Stage {
    let log = std::fs::File::create(root.join(format!("{}.log", args[0]))).unwrap();
    let mut command = executable(root);
    command.args(["--quiet", "--endpoint-url", &served.endpoint_url, "--region", "us-east-1"]).args(args);
    let began = Instant::now();
    let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let mut peak_bytes = 0;
    let status = loop {
        peak_bytes = peak_bytes.max(resident_peak(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = began.elapsed().as_secs_f64();
    let said = || std::fs::read_to_string(root.join(format!("{}.log", args[0]))).unwrap();
    assert!(matches!(status.code(), Some(0 | 2)), "{args:?} ended with {status}:\n{}", said());
    Stage { seconds, peak_bytes }
}

fn executable(root: &Path) -> Command {
    std::fs::create_dir_all(root).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_iota2ts"));
    command.current_dir(root).env_clear().env("IOTA2TS_NOW", NOW).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "embedded").env("AWS_SECRET_ACCESS_KEY", "embedded");
    command
}

/// The most memory that the process ever held, in bytes, as Linux counts it. None elsewhere, and when the process is gone.
fn resident_peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
