//! The migration directory: where each file of a migration lies.

use std::path::{Path, PathBuf};

use super::error::CommandError;

/// One migration's directory.
#[derive(Debug, Clone)]
pub(crate) struct MigrationDir {
    root: PathBuf,
}

impl MigrationDir {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes the directory if it is not there.
    pub(crate) fn create(&self) -> Result<(), CommandError> {
        create_dir(&self.root)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The only file that a person edits.
    pub(crate) fn settings(&self) -> PathBuf {
        self.root.join("migration.toml")
    }

    pub(crate) fn inventory(&self) -> PathBuf {
        self.root.join("inventory.json")
    }

    pub(crate) fn plan(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    /// The plan that is about to take the place of `plan.json`.
    pub(crate) fn next_plan(&self) -> PathBuf {
        self.root.join("plan.next.json")
    }

    /// The plan that was the `number`th, from 1, and no longer is.
    pub(crate) fn earlier_plan(&self, number: usize) -> PathBuf {
        self.root.join(format!("plan-{number}.json"))
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.root.join("evidence.json")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("ledger.db")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// The staged copy of the history.
    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Contents of datasets on their way into the staging, and the state of their export.
    pub(crate) fn dataset_contents(&self) -> PathBuf {
        self.root.join("dataset-contents")
    }

    /// What a survey or a verification puts aside while it works; removed when it ends.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Exists to be locked, by one verification at a time.
    pub(crate) fn verify_lock(&self) -> PathBuf {
        self.root.join("verify.lock")
    }

    /// Takes the scratch folder away when nothing is left in it; another process may still be using it.
    pub(crate) fn tidy(&self) {
        std::fs::remove_dir(self.scratch()).unwrap_or_default();
    }

    /// The embedded Timestream of rehearsals.
    #[cfg(feature = "local")]
    pub(crate) fn embedded(&self) -> PathBuf {
        self.root.join("embedded")
    }

    /// A report for people or programs, by file name.
    pub(crate) fn report(&self, name: &str) -> Result<PathBuf, CommandError> {
        let reports = self.root.join("report");
        create_dir(&reports)?;
        Ok(reports.join(name))
    }
}

fn create_dir(path: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(path).map_err(|e| {
        CommandError::new(format!("the directory `{}` could not be made: {e}", path.display()))
            .hinted("choose another directory with --dir")
    })
}
