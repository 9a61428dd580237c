//! The file of differences: one JSON object a line, complete or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::error::VerifyError;
use super::model::Difference;

/// So many writers that were killed may have left their files behind.
const TEMPORARY_MAX: u32 = 10_000;

/// A list of differences that is being written. Nothing stands under its name before [`DifferencesFile::finish`].
#[derive(Debug)]
pub(super) struct DifferencesFile {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    lines: u64,
    finished: bool,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VerifyError {
    move |source| VerifyError::Differences { doing, path: path.to_owned(), source }
}

impl DifferencesFile {
    pub(super) fn create(path: &Path) -> Result<Self, VerifyError> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed("create the directory of", path))?;
        }
        for number in 0..TEMPORARY_MAX {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{number}.tmp"));
            let temporary = path.with_file_name(name);
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => return Ok(Self { path: path.to_owned(), temporary, file: BufWriter::new(file), lines: 0, finished: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed("create", &temporary)(source)),
            }
        }
        Err(failed("create", path)(io::Error::other("too many temporary files of earlier runs beside it")))
    }

    pub(super) fn write(&mut self, difference: &Difference) -> Result<(), VerifyError> {
        let mut line = serde_json::to_vec(difference)?;
        line.push(b'\n');
        self.lines += 1;
        self.file.write_all(&line).map_err(failed("write to", &self.temporary))
    }

    /// Appends the lines of `part`, which was written by [`DifferencesFile::write`] elsewhere and goes.
    pub(super) fn append(&mut self, mut part: Self) -> Result<(), VerifyError> {
        part.file.flush().map_err(failed("write to", &part.temporary))?;
        self.append_file(&part.temporary, part.lines)
    }

    /// Appends the `lines` lines of the file at `path`, which was made by [`DifferencesFile::finish`] and stays.
    pub(super) fn append_file(&mut self, path: &Path, lines: u64) -> Result<(), VerifyError> {
        let mut part = File::open(path).map_err(failed("open", path))?;
        io::copy(&mut part, &mut self.file).map_err(failed("write to", &self.temporary))?;
        self.lines += lines;
        Ok(())
    }

    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// Makes it durable under its name, in place of an earlier one, and returns how many lines it has.
    pub(super) fn finish(mut self) -> Result<u64, VerifyError> {
        self.file.flush().map_err(failed("write to", &self.temporary))?;
        self.file.get_ref().sync_all().map_err(failed("make durable", &self.temporary))?;
        fs::rename(&self.temporary, &self.path).map_err(failed("rename to", &self.path))?;
        self.finished = true;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(parent).and_then(|directory| directory.sync_all()).map_err(failed("make durable", parent))?;
        Ok(self.lines)
    }
}

impl Drop for DifferencesFile {
    fn drop(&mut self) {
        if !self.finished {
            // An unfinished list has no name anybody looks for; failing to remove it does no harm.
            fs::remove_file(&self.temporary).unwrap_or_default();
        }
    }
}
