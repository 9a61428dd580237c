//! The terminal's side: arguments to settings, settings to library calls, outcomes to words and exit codes.
//!
//! Invariant: this is the only room that prints, reads the environment or ends the process.

mod args;
mod commands;
mod directory;
mod error;
mod generated;
mod printer;
mod progress;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use iota2ts::failpoint::Failpoints;
use iota2ts::progress::Progress;
use iota2ts::time::{Clock, ManualClock, Nanos, SystemClock, TimeFormat};
use iota2ts::value::Value;

use args::{Cli, Command, Global};
use directory::MigrationDir;
use error::CommandError;
use printer::Printer;

/// The clock of rehearsals and tests: an ISO 8601 instant that stands in for the present.
const NOW_VARIABLE: &str = "IOTA2TS_NOW";
/// Where the process is to die, for the tests that prove that nothing is lost when it does.
const FAILPOINT_VARIABLE: &str = "IOTA2TS_FAILPOINT";

/// How a command ended, when it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Clean,
    /// Finished, and there is something to look at: differences, findings, rejected rows.
    WithFindings,
}

/// What every command is given.
struct Context {
    dir: MigrationDir,
    /// Whether `--dir` was typed.
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "only the demo has a directory of its own"))]
    dir_given: bool,
    /// Whether the endpoint is that of embedded services of this process, whose one secret every command then signs with.
    #[cfg_attr(not(feature = "local"), expect(dead_code, reason = "without embedded services nobody asks them"))]
    asks_embedded: bool,
    global: Global,
    printer: Printer,
    progress: Arc<dyn Progress>,
    clock: Arc<dyn Clock>,
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer { output: cli.global.output, quiet: cli.global.quiet };
    match context(cli.global, printer).and_then(|context| dispatch(&context, cli.command)) {
        Ok(Ended::Clean) => ExitCode::SUCCESS,
        Ok(Ended::WithFindings) => ExitCode::from(2),
        Err(error) => {
            printer.error(&error);
            ExitCode::from(1)
        }
    }
}

fn context(global: Global, printer: Printer) -> Result<Context, CommandError> {
    let dir = MigrationDir::new(global.dir.as_deref().unwrap_or(Path::new("migration")));
    Ok(Context {
        dir,
        dir_given: global.dir.is_some(),
        asks_embedded: false,
        global,
        printer,
        progress: progress::for_stderr(printer),
        clock: clock()?,
    })
}

fn dispatch(context: &Context, command: Command) -> Result<Ended, CommandError> {
    match command {
        Command::Capture(args) => commands::capture::capture(context, &args),
        Command::Plan(args) => commands::plan::plan(context, &args),
        Command::Translate => commands::translate::translate(context),
        Command::Export(args) => commands::export::export(context, &args),
        Command::Backfill(args) => commands::backfill::backfill(context, &args),
        Command::Verify(args) => commands::verify::verify(context, args),
        Command::Run(args) => commands::run::run(context, &args),
        Command::Units(args) => commands::units::units(context, &args.action),
        Command::Evidence(args) => commands::evidence::evidence(context, &args.action),
        Command::Archive(args) => commands::archive::archive(context, &args),
        Command::Teardown => commands::evidence::teardown(context),
        Command::Status => commands::status::status(context),
        Command::Quarantine(args) => commands::quarantine::quarantine(context, &args.action),
        #[cfg(feature = "local")]
        Command::Demo(args) => commands::demo::demo(context, &args),
        #[cfg(feature = "local")]
        Command::Local(args) => commands::local::local(context, &args),
        Command::Reference => commands::reference::reference(context),
    }
}

fn clock() -> Result<Arc<dyn Clock>, CommandError> {
    match variable(NOW_VARIABLE) {
        None => Ok(Arc::new(SystemClock)),
        Some(text) => {
            let now: Nanos = TimeFormat::Iso8601.read(&Value::String(text.clone())).map_err(|e| {
                CommandError::new(format!("{NOW_VARIABLE} is `{text}`, which is no instant: {e}"))
                    .hinted("write it as 2025-12-15T00:00:00Z, or unset it")
            })?;
            Ok(Arc::new(ManualClock::at(now)))
        }
    }
}

/// An environment variable, where it is set and text.
#[allow(clippy::disallowed_methods, reason = "the environment is read here and nowhere else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// A runtime for the commands that talk to a service.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CommandError::new(format!("the machine refused the threads to work with: {e}")))
}

/// A path as the user named it, for messages and for `migration.toml`.
fn path_text(path: &Path) -> Result<String, CommandError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::new(format!("the path `{}` is not UTF-8, and could not be kept in migration.toml", path.display()))
            .hinted("rename it, or link to it under another name")
    })
}

/// The failpoint that a test asks for, as `room:moment:nth`.
fn failpoints() -> Result<Failpoints, CommandError> {
    let Some(text) = variable(FAILPOINT_VARIABLE) else { return Ok(Failpoints::none()) };
    let parsed = text.rsplit_once(':').and_then(|(name, nth)| Some((name, nth.parse::<u64>().ok()?)));
    let (name, nth) = parsed.ok_or_else(|| CommandError::new(format!("{FAILPOINT_VARIABLE} is `{text}`; write it as room:moment:1")))?;
    Failpoints::abort_at(name, nth).map_err(CommandError::new)
}
