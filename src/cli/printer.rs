//! The only place that writes to the terminal: data to stdout, the rest to stderr.

use std::io::{self, Write as _};

use iota2ts::report::text;
use serde::Serialize;

use super::args::Output;
use super::error::CommandError;

/// Where a command's results and remarks go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) output: Output,
    pub(crate) quiet: bool,
}

impl Printer {
    /// The command's result: `report` for people, `data` for programs, whichever was asked for. Neither steers a terminal, whatever names
    /// stand in it.
    pub(crate) fn result(&self, report: &str, data: &impl Serialize) -> Result<(), CommandError> {
        match self.output {
            Output::Text => self.data(&text::shown_lines(report)),
            Output::Json => {
                let json = serde_json::to_string_pretty(data)
                    .map_err(|e| CommandError::new(format!("a result could not be written as JSON: {e}")))?;
                self.data(&text::shown_json(&json))
            }
        }
    }

    /// Text on stdout, closed by a line break. A reader that went away is not an error.
    pub(crate) fn data(&self, text: &str) -> Result<(), CommandError> {
        let mut out = io::stdout().lock();
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") })
            .and_then(|()| out.flush());
        match written {
            // `iota2ts … | head` is not a failure (ripgrep's convention).
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(CommandError::new(format!("stdout could not be written: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// A remark on stderr, unless `--quiet`.
    pub(crate) fn note(&self, remark: &str) {
        if !self.quiet {
            self.stderr(&text::shown_lines(remark));
        }
    }

    /// An error on stderr, always.
    pub(crate) fn error(&self, error: &CommandError) {
        self.stderr(&format!("error: {}", text::shown(&error.cause)));
        if let Some(hint) = &error.hint {
            self.stderr(&format!("\nhint: {}", text::shown(hint)));
        }
    }

    fn stderr(&self, text: &str) {
        // Nobody is left to tell when stderr itself is gone.
        writeln!(io::stderr().lock(), "{text}").unwrap_or_default();
    }
}
