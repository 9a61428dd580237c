//! A function's Python process: warm, one batch at a time, killed when it takes too long.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stack::Function;
use super::{PumpError, PumpEvent, Surroundings};

/// Python, boto3 and the function itself have this long to be loaded.
const START: Duration = Duration::from_secs(60);
/// How often a wait looks whether everything is to stop.
const GLANCE: Duration = Duration::from_millis(50);
const DRIVER_PY: &str = include_str!("driver.py");

/// Why an invocation has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The function raised this.
    Raised(String),
    /// The process is gone, or had to be ended. The next invocation wants a new one.
    Gone(String),
    /// Everything stops.
    Stopped,
}

#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    requests: u64,
}

impl Worker {
    /// Starts Python and waits until the function is loaded.
    pub(super) fn start(function: &Function, around: &Surroundings) -> Result<Self, PumpError> {
        let mut child = command(function, around).spawn().map_err(|cause| PumpError::NoPython { python: around.python.clone(), cause })?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(PumpError::Service("a process has no pipes".to_owned()));
        };
        let (send, answers) = channel();
        std::thread::spawn(move || {
            // Ends when the process does, or when nobody listens any more.
            for line in BufReader::new(stdout).lines() {
                if line.is_ok_and(|line| send.send(line).is_err()) {
                    break;
                }
            }
        });
        let (name, report) = (function.name.clone(), std::sync::Arc::clone(&around.report));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                report(PumpEvent::Said { function: name.clone(), line: String::from_utf8_lossy(&line).trim_end().to_owned() });
            }
        });
        let mut worker = Self { child, stdin, answers, requests: 0 };
        let broken = |cause: String| PumpError::Broken { function: function.name.clone(), cause };
        let first = match worker.answer(START, around) {
            Ok(first) => first,
            Err(Failure::Raised(cause) | Failure::Gone(cause)) => return Err(broken(cause)),
            Err(Failure::Stopped) => return Err(PumpError::Service("everything stops".to_owned())),
        };
        if let Some(cause) = first.get("missing").and_then(Value::as_str) {
            return Err(PumpError::NoBoto3 { python: around.python.clone(), cause: cause.to_owned() });
        }
        match first.get("broken") {
            Some(error) => Err(broken(described(error))),
            None => Ok(worker),
        }
    }

    /// Gives the function an event, and waits for what it returns.
    pub(super) fn invoke(&mut self, function: &Function, event: &Value, around: &Surroundings) -> Result<Value, Failure> {
        self.requests += 1;
        let request = json!({
            "event": event,
            "function": function.name,
            "seconds": function.timeout_seconds,
            "request": format!("{}-{}", function.name, self.requests),
        });
        let sent = writeln!(self.stdin, "{request}").and_then(|()| self.stdin.flush());
        sent.map_err(|error| Failure::Gone(format!("its process ended: {error}")))?;
        let answer = self.answer(Duration::from_secs(function.timeout_seconds), around)?;
        match answer.get("error") {
            Some(error) => Err(Failure::Raised(described(error))),
            None => Ok(answer.get("returned").cloned().unwrap_or(Value::Null)),
        }
    }

    fn answer(&mut self, within: Duration, around: &Surroundings) -> Result<Value, Failure> {
        let end = Instant::now() + within;
        loop {
            if around.is_stopped() {
                return Err(Failure::Stopped);
            }
            match self.answers.recv_timeout(GLANCE) {
                Ok(line) => {
                    return serde_json::from_str(&line).map_err(|error| Failure::Gone(format!("its process answered no JSON: {error}")));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Gone("its process ended without an answer".to_owned())),
                Err(RecvTimeoutError::Timeout) if Instant::now() > end => {
                    return Err(Failure::Gone(format!("Task timed out after {}.00 seconds", within.as_secs())));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Nothing is lost with it: what it was given is handed out again.
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::debug!(%error, "a function's process could not be ended");
        }
    }
}

/// Python with the function's variables, the endpoint of the embedded services, and no way to settings or credentials of the caller's.
fn command(function: &Function, around: &Surroundings) -> Command {
    let mut command = Command::new(&around.python);
    // -I would hide packages of the caller's own; -B keeps byte code out of the stack.
    command.arg("-B").arg("-c").arg(DRIVER_PY).arg(&function.folder).arg(&function.handler).arg(&around.endpoint_url);
    command.envs(&function.environment);
    command
        .env("AWS_ENDPOINT_URL", &around.endpoint_url)
        .env("AWS_ACCESS_KEY_ID", "embedded")
        .env("AWS_SECRET_ACCESS_KEY", crate::local::s3::SECRET_ACCESS_KEY)
        .env("AWS_REGION", &around.region)
        .env("AWS_DEFAULT_REGION", &around.region)
        .env("AWS_CONFIG_FILE", Path::new("/dev/null"))
        .env("AWS_SHARED_CREDENTIALS_FILE", Path::new("/dev/null"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("DEAD_LETTER_BUCKET", super::DEAD_LETTERS)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("PYTHONUTF8", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_DEFAULT_PROFILE")
        .env_remove("AWS_SESSION_TOKEN");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn described(error: &Value) -> String {
    let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{}: {}", part("errorType"), part("errorMessage"))
}
