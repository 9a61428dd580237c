//! The live half of the demo: messages through the generated stack, where they meet the history and where they follow it.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use iota2ts::local::{Pump, PumpError, PumpEvent, Running, Stack};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::cli::CommandError;
use crate::cli::commands::target;

/// So long may the functions take for what was sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// What messages did to the table.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sent {
    pub(super) messages: u64,
    pub(super) rows_before: u64,
    pub(super) rows_after: u64,
}

/// The stack at work, and the table that its sensors' function writes to.
pub(super) struct Live<'d> {
    services: &'d Runtime,
    running: &'d Running,
    stream: String,
    events: Receiver<PumpEvent>,
    query: aws_sdk_timestreamquery::Client,
    count: String,
    _pump: Pump,
}

impl<'d> Live<'d> {
    /// Starts the stack in `folder`; the message says why it cannot run here.
    pub(super) fn start(
        services: &'d Runtime,
        running: &'d Running,
        folder: &Path,
        python: &Path,
        (database, table): (&str, &str),
    ) -> Result<Self, PumpError> {
        let stack = Stack::read(folder)?;
        let stream = stack.feeds().into_iter().find(|(_, function)| function.contains("sensor")).map(|(stream, _)| stream);
        let stream = stream.ok_or_else(|| PumpError::NothingToRun { path: folder.to_owned() })?;
        let (send, events) = channel();
        let send = Mutex::new(send);
        let report = move |event| {
            if let Ok(send) = send.lock() {
                // Nobody listens any more when the demo is over.
                drop(send.send(event));
            }
        };
        let pump = services.block_on(running.pump(stack, python.to_owned(), report))?;
        let config = aws_sdk_timestreamquery::config::Builder::from(&target::embedded_config()).endpoint_url(running.endpoint_url());
        let query = aws_sdk_timestreamquery::Client::from_conf(config.build());
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let count = format!("SELECT count(*) FROM {}.{}", quoted(database), quoted(table));
        Ok(Self { services, running, stream, events, query, count, _pump: pump })
    }

    /// Puts messages into the stream, and waits until the functions are through with them.
    pub(super) fn send(&self, messages: &[String]) -> Result<Sent, CommandError> {
        let rows_before = self.rows()?;
        for message in messages {
            self.running.put_record(&self.stream, "demo", message.as_bytes())?;
        }
        let mut open = messages.len();
        while open > 0 {
            let event =
                self.events.recv_timeout(PATIENCE).map_err(|_| CommandError::new("the generated functions are not through in time"))?;
            match event {
                PumpEvent::Invoked { records, open: again, .. } => open = open.saturating_sub(records - again.min(records)),
                PumpEvent::GivenUp { function, letter, .. } => {
                    return Err(CommandError::new(format!("{function} gave messages up, see {letter}")));
                }
                PumpEvent::Failed { .. } | PumpEvent::Said { .. } => {}
            }
        }
        Ok(Sent { messages: messages.len() as u64, rows_before, rows_after: self.rows()? })
    }

    fn rows(&self) -> Result<u64, CommandError> {
        let failed = |cause: &dyn std::fmt::Display| CommandError::new(format!("the rows of the table could not be counted: {cause}"));
        let answer = self.services.block_on(self.query.query().query_string(&self.count).send());
        let answer = answer.map_err(|error| failed(&aws_sdk_timestreamquery::error::DisplayErrorContext(&error)))?;
        let cell = answer.rows().first().and_then(|row| row.data().first()).and_then(|datum| datum.scalar_value());
        cell.and_then(|text| text.parse().ok()).ok_or_else(|| failed(&"no number came back"))
    }
}
