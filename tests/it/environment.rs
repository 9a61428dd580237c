//! A directory and a cleared environment of its own for each test: no AWS settings, a fixed clock, loopback only.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The instant that every test takes for the present.
pub(crate) const NOW: &str = "2025-12-15T00:00:00Z";

pub(crate) struct Environment {
    root: tempfile::TempDir,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes a file, making its folders.
    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The executable, ready to run in this environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iota2ts"));
        command
            .args(args)
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.root())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", self.path("no-aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path("no-aws-credentials"))
            .env("IOTA2TS_NOW", NOW)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of [`Self::command`] to the end.
    #[must_use = "look at what it printed, or assert how it ended"]
    pub(crate) fn finish(&self, command: &mut Command) -> Ran {
        Ran::from(command.output().unwrap(), self)
    }

    /// Runs to the end.
    #[must_use = "look at what it printed, or assert how it ended"]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().unwrap(), self)
    }
}

/// What a run printed, with this test's directory written as `$ROOT`.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn from(output: Output, environment: &Environment) -> Self {
        let root = environment.root().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(root, "$ROOT");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts the exit status, showing all output when it is another.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not JSON ({e}):\n{}", self.stdout))
    }
}
