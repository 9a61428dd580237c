//! Which files to read: those named, and in folders those that may hold definitions.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::problem::{CaptureError, Problem, Severity, printable};

/// Files that one capture reads.
const FILES_MAX: usize = 10_000;
/// Folders within folders.
const FOLDERS_DEEP_MAX: usize = 32;
/// Passed over files that are named one by one.
const PASSED_OVER_NAMED_MAX: usize = 20;
const EXTENSIONS: [&str; 5] = ["json", "yaml", "yml", "template", "py"];

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Input {
    /// As messages and the inventory name it: below the folder given, `/` between parts.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Named itself, not found in a folder.
    pub(crate) named: bool,
}

/// The files to read, each once, in the order of their names; and notes on those in folders that are passed over.
pub(crate) fn inputs(paths: &[PathBuf]) -> Result<(Vec<Input>, Vec<Problem>), CaptureError> {
    if paths.is_empty() {
        return Err(CaptureError::NothingGiven);
    }
    let mut walk = Walk { inputs: Vec::new(), passed_over: Vec::new() };
    for path in paths {
        let read_error = |source| CaptureError::Read { path: path.clone(), source };
        let is_folder = fs::metadata(path).map_err(read_error)?.is_dir();
        let own_name = path.canonicalize().map_err(read_error)?.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // With several paths the folders' own names tell their files apart.
        let prefix = if is_folder && paths.len() == 1 { String::new() } else { own_name };
        if is_folder {
            walk.folder(path, &prefix, 0)?;
        } else {
            walk.inputs.push(Input { name: printable(&prefix), path: path.clone(), named: true });
        }
    }
    let notes = walk.notes();
    Ok((once_each(walk.inputs)?, notes))
}

/// A file given twice, as itself and by its folder, is read once, under the name that sorts first.
fn once_each(mut inputs: Vec<Input>) -> Result<Vec<Input>, CaptureError> {
    inputs.sort();
    let mut by_place: BTreeMap<PathBuf, Input> = BTreeMap::new();
    for input in inputs {
        let place = input.path.canonicalize().map_err(|source| CaptureError::Read { path: input.path.clone(), source })?;
        let named = input.named;
        by_place.entry(place).or_insert(input).named |= named;
    }
    let mut inputs: Vec<Input> = by_place.into_values().collect();
    inputs.sort();
    Ok(inputs)
}

struct Walk {
    inputs: Vec<Input>,
    passed_over: Vec<(String, &'static str)>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), CaptureError> {
        let read_error = |source: io::Error| CaptureError::Read { path: folder.to_owned(), source };
        if depth > FOLDERS_DEEP_MAX {
            self.passed_over.push((name.to_owned(), "folders are nested too deep"));
            return Ok(());
        }
        for entry in fs::read_dir(folder).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            let own_name = entry.file_name().to_string_lossy().into_owned();
            if own_name.starts_with('.') {
                continue;
            }
            let below = printable(&own_name);
            let below = if name.is_empty() { below } else { format!("{name}/{below}") };
            let kind = entry.file_type().map_err(read_error)?;
            if kind.is_dir() && own_name == "node_modules" {
                self.passed_over.push((below, "a folder of packages"));
            } else if kind.is_dir() {
                self.folder(&entry.path(), &below, depth + 1)?;
            } else if kind.is_symlink() && entry.path().metadata().is_ok_and(|target| target.is_dir()) {
                // A link may lead in a circle.
                self.passed_over.push((below, "a link to a folder"));
            } else if !kind.is_file() && !kind.is_symlink() {
                // Opening a pipe would wait for ever.
                self.passed_over.push((below, "no ordinary file"));
            } else if EXTENSIONS.contains(&extension(&own_name).as_str()) {
                self.inputs.push(Input { name: below, path: entry.path(), named: false });
                if self.inputs.len() > FILES_MAX {
                    return Err(CaptureError::TooManyFiles { path: folder.to_owned(), limit: FILES_MAX });
                }
            } else {
                self.passed_over.push((below, "no .json, .yaml, .yml, .template or .py file"));
            }
        }
        Ok(())
    }

    fn notes(&mut self) -> Vec<Problem> {
        self.passed_over.sort();
        self.passed_over.dedup();
        let note = |file: String, reason: String| Problem { file, path: String::new(), line: None, severity: Severity::Note, reason };
        let named = self.passed_over.iter().take(PASSED_OVER_NAMED_MAX);
        let mut notes: Vec<Problem> = named.map(|(name, why)| note(name.clone(), format!("passed over: {why}"))).collect();
        if let Some(rest) = self.passed_over.len().checked_sub(PASSED_OVER_NAMED_MAX).filter(|rest| *rest > 0) {
            notes.push(note(
                "(folder)".to_owned(),
                format!("{rest} more files are passed over: they are no .json, .yaml, .yml, .template or .py files"),
            ));
        }
        notes
    }
}

/// The last extension in lower case; empty when there is none.
pub(crate) fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// A file's name without folder and last extension.
pub(crate) fn stem(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rsplit_once('.').map_or(base, |(stem, _)| stem)
}
