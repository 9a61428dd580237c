//! The `iota2ts` program: maps what `cli` returns to an exit code, and nothing else.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
