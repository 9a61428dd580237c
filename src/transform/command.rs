//! A command of this machine in the place of the customer's function: messages in on standard input, messages out on standard output.
//!
//! One process a batch. The command comes from the person who runs the migration, never from a definition; no shell reads it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::json;
use super::lambda::{LambdaError, LambdaFunction};
use crate::inventory::printable;
use crate::value::Object;

/// What a command may write in answer to one batch: more than a function could answer (6 MiB).
const OUTPUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How much of standard error a message quotes.
const SAID_CHARS_MAX: usize = 300;
/// How often it is asked whether the process has ended.
const POLL: Duration = Duration::from_millis(2);

/// How to run one command.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FunctionCommand {
    pub program: String,
    pub arguments: Vec<String>,
    /// For one batch; the service allowed 15 minutes.
    pub timeout: Duration,
}

/// The commands that stand in for functions, by function name.
#[derive(Debug, Clone, Default)]
pub struct LocalCommands {
    commands: BTreeMap<String, FunctionCommand>,
    output_bytes_max: Option<usize>,
}

impl LocalCommands {
    #[must_use]
    pub fn new(commands: BTreeMap<String, FunctionCommand>) -> Self {
        Self { commands, output_bytes_max: None }
    }

    /// With another bound on what a command may write for one batch.
    #[must_use]
    pub fn with_output_limit(self, bytes: usize) -> Self {
        Self { output_bytes_max: Some(bytes), ..self }
    }
}

impl LambdaFunction for LocalCommands {
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        let command = self.commands.get(function).ok_or_else(|| LambdaError::Unknown { function: function.to_owned() })?;
        let answer = run(command, json::list_text(messages), self.output_bytes_max.unwrap_or(OUTPUT_BYTES_MAX))?;
        json::read_list(&answer).map_err(|reason| LambdaError::Answer { reason })
    }
}

fn run(command: &FunctionCommand, input: String, limit: usize) -> Result<Vec<u8>, LambdaError> {
    let program = || command.program.clone();
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| LambdaError::Start { program: program(), source })?;
    let result = converse(&mut child, command, input, limit);
    if result.is_err() {
        // Ended already, or ended here; either way it must not stay behind.
        child.kill().unwrap_or_default();
        child.wait().map(drop).unwrap_or_default();
    }
    result
}

fn converse(child: &mut Child, command: &FunctionCommand, input: String, limit: usize) -> Result<Vec<u8>, LambdaError> {
    let program = || command.program.clone();
    let talk = |source| LambdaError::Talk { program: program(), source };
    let deadline = Instant::now().checked_add(command.timeout);
    if let Some(mut stdin) = child.stdin.take() {
        // A command may answer without reading all; then the pipe breaks, which is its business. Dropping the pipe ends the input.
        thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap_or_default());
    }
    let output = read_aside(child.stdout.take(), limit);
    let complaints = read_aside(child.stderr.take(), limit);
    let out = received(&output, deadline, command)?.map_err(talk)?;
    if out.len() > limit {
        return Err(LambdaError::TooMuch { program: program(), limit });
    }
    let status = ended(child, deadline, command)?;
    if status.success() {
        return Ok(out);
    }
    let said = received(&complaints, deadline, command)?.unwrap_or_default();
    Err(LambdaError::Failed { program: program(), status: status.to_string(), said: end_of(&said) })
}

/// Reads a pipe in a thread of its own, up to one byte past `limit`.
fn read_aside(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = channel();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(limit).read_to_end(&mut bytes));
        // Nobody listens any more when the time was over.
        sender.send(read.map(|_| bytes)).unwrap_or_default();
    });
    receiver
}

fn received(
    pipe: &Receiver<io::Result<Vec<u8>>>,
    deadline: Option<Instant>,
    command: &FunctionCommand,
) -> Result<io::Result<Vec<u8>>, LambdaError> {
    let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
    match pipe.recv_timeout(left) {
        Ok(read) => Ok(read),
        Err(RecvTimeoutError::Timeout) => Err(timed_out(command)),
        Err(RecvTimeoutError::Disconnected) => Ok(Err(io::Error::other("the thread that reads it is gone"))),
    }
}

fn ended(child: &mut Child, deadline: Option<Instant>, command: &FunctionCommand) -> Result<ExitStatus, LambdaError> {
    loop {
        let status = child.try_wait().map_err(|source| LambdaError::Talk { program: command.program.clone(), source })?;
        match status {
            Some(status) => return Ok(status),
            None if deadline.is_some_and(|deadline| Instant::now() >= deadline) => return Err(timed_out(command)),
            None => thread::sleep(POLL),
        }
    }
}

fn timed_out(command: &FunctionCommand) -> LambdaError {
    LambdaError::TimedOut { program: command.program.clone(), limit: command.timeout }
}

/// The last that a command said, on one line.
fn end_of(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(SAID_CHARS_MAX);
    let end: String = text.chars().skip(skipped).collect();
    printable(&if skipped > 0 { format!("…{end}") } else { end })
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::json::{parsed, text};
    use super::*;

    fn shell(script: &str, timeout: Duration) -> LocalCommands {
        let command = FunctionCommand { program: "sh".to_owned(), arguments: vec!["-c".to_owned(), script.to_owned()], timeout };
        LocalCommands::new(BTreeMap::from([("f".to_owned(), command)]))
    }

    fn call(script: &str) -> Result<Vec<Object>, LambdaError> {
        shell(script, Duration::from_secs(20)).call("f", &[parsed(r#"{"a":1E5}"#), parsed(r#"{"b":2.0}"#)])
    }

    #[test]
    fn messages_go_through_a_command_untouched() {
        let answer = call("cat").unwrap();
        assert_eq!(answer.iter().map(text).collect::<Vec<_>>(), [r#"{"a":1E5}"#, r#"{"b":2.0}"#]);
    }

    #[test]
    fn a_command_need_not_read_its_input() {
        assert!(call("echo '[]'").unwrap().is_empty());
    }

    #[test]
    fn more_than_a_pipe_holds_goes_both_ways() {
        let messages: Vec<Object> = (0..20_000).map(|i| parsed(&format!(r#"{{"n":{i},"text":"0123456789"}}"#))).collect();
        assert_eq!(shell("cat", Duration::from_secs(60)).call("f", &messages).unwrap(), messages);
    }

    #[test]
    fn a_failing_command_is_quoted_on_one_line() {
        let error = call("echo one >&2; printf 'two\\033[31m\\n' >&2; exit 3").unwrap_err();
        assert_eq!(error.to_string(), r"the command `sh` failed (exit status: 3): one\ntwo\u{1b}[31m");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let begun = Instant::now();
        let error = shell("sleep 60", Duration::from_millis(200)).call("f", &[]).unwrap_err();
        assert!(matches!(error, LambdaError::TimedOut { .. }), "{error}");
        // Output closed, process still there.
        let error = shell("exec >&- 2>&-; sleep 60", Duration::from_millis(200)).call("f", &[]).unwrap_err();
        assert!(matches!(error, LambdaError::TimedOut { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_command_that_writes_without_end_is_ended() {
        let error = shell("yes", Duration::from_secs(60)).with_output_limit(10_000).call("f", &[]).unwrap_err();
        assert!(matches!(error, LambdaError::TooMuch { limit: 10_000, .. }), "{error}");
    }

    #[test]
    fn answers_that_are_no_messages_are_refused() {
        for script in ["true", "echo '{}'", "echo '[1]'", "echo '[{]'", "printf '[\\377]'"] {
            assert!(matches!(call(script), Err(LambdaError::Answer { .. })), "{script}");
        }
    }

    #[test]
    fn a_function_without_a_command_is_named() {
        let error = LocalCommands::default().call("g\n", &[]).unwrap_err();
        assert_eq!(error.to_string(), r"nothing stands in for the function `g\n`");
        let missing = FunctionCommand { program: "no-such-program-here".to_owned(), arguments: vec![], timeout: Duration::from_secs(1) };
        let commands = LocalCommands::new(BTreeMap::from([("f".to_owned(), missing)]));
        assert!(matches!(commands.call("f", &[]), Err(LambdaError::Start { .. })));
    }
}
