//! The customer's function of a lambda activity, whoever runs it.

use std::io;
use std::time::Duration;

use super::command::LocalCommands;
use super::invoke::InvokedFunctions;
use crate::value::Object;

/// Runs a customer's function on a batch of messages. A call may block; it is made off the async threads.
pub trait LambdaFunction: std::fmt::Debug + Send + Sync {
    /// What `function` makes of `messages`: an object each, in their order; or fewer, where it leaves messages out.
    ///
    /// # Errors
    /// When the function cannot be asked, fails, or answers anything but a list of objects.
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError>;
}

/// Commands of this machine and functions of AWS, whichever stands for a function.
#[derive(Debug)]
pub struct CustomerFunctions {
    pub commands: LocalCommands,
    pub invoked: Option<InvokedFunctions>,
}

impl LambdaFunction for CustomerFunctions {
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        match &self.invoked {
            Some(invoked) if invoked.knows(function) => invoked.call(function, messages),
            _ => self.commands.call(function, messages),
        }
    }
}

/// Why a function gave no messages.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    #[error("nothing stands in for the function {}", crate::inventory::shown(function))]
    Unknown { function: String },
    #[error("the command {} could not be started: {source}", crate::inventory::shown(program))]
    Start { program: String, source: io::Error },
    #[error("talking to the command {} failed: {source}", crate::inventory::shown(program))]
    Talk { program: String, source: io::Error },
    #[error("the command {} gave no answer within {} s and was ended", crate::inventory::shown(program), limit.as_secs_f64())]
    TimedOut { program: String, limit: Duration },
    #[error("the command {} wrote more than {limit} bytes and was ended", crate::inventory::shown(program))]
    TooMuch { program: String, limit: usize },
    /// `status` as `exit status: 1`; `said` is the end of what it wrote to standard error, escaped.
    #[error("the command {} failed ({status}){}", crate::inventory::shown(program), said_behind_colon(said))]
    Failed { program: String, status: String, said: String },
    #[error("the answer is no list of messages: {reason}")]
    Answer { reason: String },
    /// For functions that are not a command here.
    #[error("the function {} failed: {reason}", crate::inventory::shown(function))]
    Function { function: String, reason: String },
    /// AWS did not let it be called.
    #[error("the function {} may not be called: {reason}", crate::inventory::shown(function))]
    Refused { function: String, reason: String },
}

fn said_behind_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl LambdaError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { .. } => {
                "name a command that does what the function did, or the function of AWS itself: [[function]] in migration.toml".to_owned()
            }
            Self::Start { .. } => "check that the command exists and may be run".to_owned(),
            Self::TimedOut { .. } => "allow the command more time, or find out what it waits for".to_owned(),
            Self::Talk { .. } | Self::TooMuch { .. } | Self::Failed { .. } | Self::Answer { .. } => {
                "run the command by hand: a JSON array of messages on standard input, a JSON array of messages on standard output"
                    .to_owned()
            }
            Self::Function { .. } => "look at the function's log; then run the same command again: it goes on where it stopped".to_owned(),
            Self::Refused { .. } => {
                "allow lambda:InvokeFunction on the function, and check its name, account and region, and the credentials".to_owned()
            }
        })
    }
}
