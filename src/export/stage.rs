//! The export itself: objects in order, rows into files, each file journalled before the next.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::TimeOfRow;
use super::durable;
use super::error::ExportError;
use super::index::{INDEX_NAME, Line, StagedObject};
use super::journal::{JOURNAL_NAME, Journal, Work};
use super::manifest::{IndexFile, KIND, MANIFEST_VERSION, Manifest};
use super::prefetch::{self, Step};
use super::rows_file::RowsFile;
use super::schema::StagedRow;
use crate::failpoint::{self, Failpoints};
use crate::history::{Listing, ObjectRead, RowReader, SourceObject};
use crate::progress::Progress;

/// Held while an export is at work, so that two do not write the same files.
pub(super) const LOCK_NAME: &str = ".lock";

/// When a row group and a file are full. Measured in text, not in what compression makes of it.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub group_rows: usize,
    pub group_text_bytes: usize,
    pub file_text_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        // A group is what a reader holds in memory at once; a file is what an interrupted export repeats at most.
        Self { group_rows: 16 * 1024, group_text_bytes: 4 * 1024 * 1024, file_text_bytes: 256 * 1024 * 1024 }
    }
}

/// What is to be staged, and where.
pub struct StageJob<'a> {
    /// The source as it lies there: channels as channels.
    pub listing: &'a Listing,
    pub rows: Arc<dyn RowReader>,
    /// The staging's folder.
    pub staging: PathBuf,
    pub times: &'a TimeOfRow<'a>,
    /// Says which columns `times` looks at; other ones make other files.
    pub times_from: String,
    pub readers: usize,
    pub sizes: Sizes,
    pub tool_version: &'a str,
    pub progress: &'a dyn Progress,
    pub failpoints: &'a Failpoints,
}

impl std::fmt::Debug for StageJob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StageJob").field("staging", &self.staging).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}

/// A finished staging.
#[derive(Debug, Clone, Serialize)]
pub struct Staged {
    /// SHA-256 of the manifest: what a plan made of this staging is bound to.
    pub digest: String,
    /// It was finished before, and nothing was written.
    pub already: bool,
    /// An earlier export was gone on with.
    pub resumed: bool,
    pub manifest: Manifest,
}

/// Stages the history, from the beginning or from where an earlier run was interrupted.
///
/// # Errors
/// When the source or the staging's disk fails, or the source changes meanwhile. What was journalled stays, and the same call goes on.
pub fn stage(job: &StageJob<'_>) -> Result<Staged, ExportError> {
    let folder = job.staging.as_path();
    fs::create_dir_all(folder).map_err(ExportError::io("made", folder))?;
    let _locked = lock(folder)?;
    let work = work(job);
    match Manifest::load(folder) {
        Ok(manifest) if manifest.listing == work.listing => {
            // It may have been stopped between the manifest and the journal's end.
            durable::remove(&folder.join(JOURNAL_NAME))?;
            return Ok(Staged { digest: manifest.digest(), already: true, resumed: false, manifest });
        }
        Ok(_) => return Err(ExportError::OtherHistory { path: folder.to_owned() }),
        Err(ExportError::NotStaged { .. }) => {}
        Err(error) => return Err(error),
    }
    let journal = Journal::load(folder, &work);
    let resumed = journal.is_some();
    let journal = journal.unwrap_or_else(|| Journal::new(work));
    tidy(folder, &journal)?;
    let mut run = Run::open(job, journal)?;
    job.progress.begin("exporting", u64::try_from(job.listing.objects.len()).ok(), "objects");
    job.progress.advance(u64::try_from(run.journal.objects_done).unwrap_or(0));
    let left = job.listing.objects.iter().skip(run.journal.objects_done);
    let result = prefetch::in_order(left, &*job.rows, job.times, job.readers, |object, step| match step {
        Step::Rows(rows) => rows.iter().try_for_each(|row| run.row(object, row)),
        Step::Ended(read) => run.ended(object, read),
    });
    job.progress.end();
    result?;
    let manifest = run.finish()?;
    Ok(Staged { digest: manifest.digest(), already: false, resumed, manifest })
}

fn lock(folder: &Path) -> Result<File, ExportError> {
    let path = folder.join(LOCK_NAME);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(ExportError::io("made", &path))?;
    file.try_lock().map_err(|error| ExportError::io("locked: another export is at work there", &path)(error.into()))?;
    Ok(file)
}

fn work(job: &StageJob<'_>) -> Work {
    Work {
        version: MANIFEST_VERSION,
        tool_version: job.tool_version.to_owned(),
        source: job.listing.root.clone(),
        listing: job.listing.digest(),
        times: job.times_from.clone(),
        group_rows: job.sizes.group_rows,
        group_text_bytes: job.sizes.group_text_bytes,
        file_text_bytes: job.sizes.file_text_bytes,
    }
}

/// Removes what an interrupted export left behind and the journal does not know of.
fn tidy(folder: &Path, journal: &Journal) -> Result<(), ExportError> {
    let known = |name: &str| journal.files.iter().any(|file| file.name == name);
    for entry in fs::read_dir(folder).map_err(ExportError::io("read", folder))? {
        let entry = entry.map_err(ExportError::io("read", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with("rows-") && name.ends_with(".parquet") && !known(&name);
        if ours || (name.starts_with('.') && name.ends_with(durable::UNFINISHED)) {
            durable::remove(&entry.path())?;
        }
    }
    Ok(())
}

struct Run<'a> {
    job: &'a StageJob<'a>,
    journal: Journal,
    index: BufWriter<File>,
    index_bytes: u64,
    file: Option<RowsFile>,
    /// Rows staged so far, over all files.
    rows: u64,
    /// Of the object at hand: rows still to be passed over because they stand in a file already, rows, and bad ones.
    skip: u64,
    object_rows: u64,
    object_bad_rows: u64,
}

impl<'a> Run<'a> {
    fn open(job: &'a StageJob<'a>, journal: Journal) -> Result<Self, ExportError> {
        let path = job.staging.join(INDEX_NAME);
        let open = || {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.set_len(journal.index_bytes)?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0))?;
            Ok(file)
        };
        let index = BufWriter::new(open().map_err(ExportError::io("opened", &path))?);
        Ok(Self {
            job,
            index,
            index_bytes: journal.index_bytes,
            file: None,
            rows: journal.files.iter().map(|file| file.rows).sum(),
            skip: journal.rows_of_next,
            object_rows: journal.rows_of_next,
            object_bad_rows: journal.bad_rows_of_next,
            journal,
        })
    }

    fn row(&mut self, object: &SourceObject, row: &StagedRow) -> Result<(), ExportError> {
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => RowsFile::create(&self.job.staging, self.journal.files.len() + 1, self.rows, self.job.sizes)?,
        };
        let full = file.push(object, row)?;
        self.file = Some(file);
        self.rows += 1;
        self.object_rows += 1;
        self.object_bad_rows += u64::from(row.is_bad());
        if full { self.close_file() } else { Ok(()) }
    }

    fn ended(&mut self, object: &SourceObject, read: ObjectRead) -> Result<(), ExportError> {
        self.journal.damaged_objects += u64::from(read.damage.is_some());
        let line = Line::Object(StagedObject {
            key: object.id.key.clone(),
            etag: object.id.etag.clone(),
            locator: object.locator.clone(),
            store: object.store.clone(),
            layout: object.layout,
            format: object.format,
            gzip: object.gzip,
            size_bytes: object.size_bytes,
            partitions: object.partitions.to_vec(),
            first_row: self.rows - self.object_rows,
            rows: self.object_rows,
            bad_rows: self.object_bad_rows,
            damage: read.damage,
        });
        self.line(&line)?;
        self.journal.objects_done += 1;
        (self.skip, self.object_rows, self.object_bad_rows) = (0, 0, 0);
        self.job.progress.advance(1);
        Ok(())
    }

    fn line(&mut self, line: &Line) -> Result<(), ExportError> {
        let path = self.index_path();
        let mut bytes = serde_json::to_vec(line).map_err(|error| ExportError::damaged(&path, error))?;
        bytes.push(b'\n');
        self.index.write_all(&bytes).map_err(ExportError::io("written", &path))?;
        self.index_bytes += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    fn index_path(&self) -> PathBuf {
        self.job.staging.join(INDEX_NAME)
    }

    /// Makes the file at hand durable, and with it all that was done up to here.
    fn close_file(&mut self) -> Result<(), ExportError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        self.journal.files.push(file.close(self.job.failpoints)?);
        self.sync_index()?;
        self.journal.rows_of_next = self.object_rows;
        self.journal.bad_rows_of_next = self.object_bad_rows;
        self.journal.index_bytes = self.index_bytes;
        self.journal.save(&self.job.staging)?;
        self.job.failpoints.hit(failpoint::EXPORT_AFTER_JOURNAL);
        Ok(())
    }

    fn sync_index(&mut self) -> Result<(), ExportError> {
        let path = self.index_path();
        self.index.flush().and_then(|()| self.index.get_ref().sync_all()).map_err(ExportError::io("made durable", &path))
    }

    fn finish(mut self) -> Result<Manifest, ExportError> {
        self.close_file()?;
        for passed in &self.job.listing.passed_over {
            self.line(&Line::passed_over(passed))?;
        }
        self.sync_index()?;
        let folder = &self.job.staging;
        let path = self.index_path();
        let mut index = File::open(&path).map_err(ExportError::io("read", &path))?;
        let (bytes, sha256) = durable::hash_file(&mut index).map_err(ExportError::io("read", &path))?;
        let count = |many: usize| u64::try_from(many).unwrap_or(u64::MAX);
        let listing = self.job.listing;
        let manifest = Manifest {
            kind: KIND.to_owned(),
            version: MANIFEST_VERSION,
            tool_version: self.job.tool_version.to_owned(),
            source: listing.root.clone(),
            listing: self.journal.work.listing.clone(),
            objects: count(listing.objects.len()),
            damaged_objects: self.journal.damaged_objects,
            rows: self.rows,
            bad_rows: self.journal.files.iter().map(|file| file.bad_rows).sum(),
            index: IndexFile {
                name: INDEX_NAME.to_owned(),
                lines: count(listing.objects.len() + listing.passed_over.len()),
                bytes,
                sha256,
            },
            files: self.journal.files,
        };
        self.job.failpoints.hit(failpoint::EXPORT_BEFORE_MANIFEST);
        manifest.save(folder)?;
        self.job.failpoints.hit(failpoint::EXPORT_AFTER_MANIFEST);
        durable::remove(&folder.join(JOURNAL_NAME))?;
        Ok(manifest)
    }
}
