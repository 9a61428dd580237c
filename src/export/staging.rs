//! A staging as a history: the listing of its source, and the rows of each object.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::durable::{self, Hashed};
use super::error::ExportError;
use super::index::{Line, StagedObject};
use super::manifest::{Manifest, StagedFile};
use super::schema::StagedRows;
use crate::encoding::sha256_hex;
use crate::history::{HistoryError, Listing, ObjectList, ObjectRead, PassedOver, RowReader, RowSink, SourceObject};

/// A decoded row group: of which file, which one.
type KeptGroup = ((usize, usize), Arc<StagedRows>);

/// Row groups that are kept decoded. Readers go through the objects in order and share them; a group is a few megabytes.
const GROUPS_KEPT: usize = 16;

/// Where an object's rows stand, counted over all files.
#[derive(Debug, Clone)]
struct Stands {
    first_row: u64,
    rows: u64,
    damage: Option<Box<str>>,
}

/// A finished staging, opened for reading.
pub struct Staging {
    folder: PathBuf,
    manifest: Manifest,
    listing: Listing,
    /// By the listing's numbers.
    places: Vec<Stands>,
    files: Mutex<BTreeMap<usize, Arc<OpenFile>>>,
    groups: Mutex<VecDeque<KeptGroup>>,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staging").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What the index says, but for the objects.
pub(super) struct Index {
    pub(super) listing: Listing,
    pub(super) sha256: String,
}

/// Reads and hashes the index; `each` gets its objects in order.
pub(super) fn read_index(folder: &Path, manifest: &Manifest, each: &mut dyn FnMut(StagedObject)) -> Result<Index, ExportError> {
    let path = folder.join(&manifest.index.name);
    let file = File::open(&path).map_err(ExportError::io("read", &path))?;
    let mut hashed = Hashed::new(std::io::sink());
    let mut lines = BufReader::new(file);
    let mut listing = Listing { root: manifest.source.clone(), objects: ObjectList::default(), passed_over: Vec::new() };
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        if lines.read_until(b'\n', &mut bytes).map_err(ExportError::io("read", &path))? == 0 {
            break;
        }
        std::io::Write::write_all(&mut hashed, &bytes).map_err(ExportError::io("hashed", &path))?;
        match serde_json::from_slice(&bytes).map_err(|error| ExportError::damaged(&path, format!("line {number}: {error}")))? {
            Line::Object(object) => {
                listing.objects.push(&object.source_object());
                each(object);
            }
            Line::PassedOver { key, reason } => listing.passed_over.push(PassedOver { key, reason }),
        }
    }
    Ok(Index { listing, sha256: hashed.ended().1 })
}

impl Staging {
    /// Opens the staging at `folder`.
    ///
    /// # Errors
    /// When it is not finished, or manifest and index do not belong together.
    pub fn open(folder: &Path) -> Result<Self, ExportError> {
        let manifest = Manifest::load(folder)?;
        let mut places = Vec::new();
        let index = read_index(folder, &manifest, &mut |StagedObject { first_row, rows, damage, .. }| {
            places.push(Stands { first_row, rows, damage: damage.map(String::into_boxed_str) });
        })?;
        let damaged = |reason: &str| ExportError::damaged(&folder.join(&manifest.index.name), reason);
        if index.sha256 != manifest.index.sha256 {
            return Err(damaged("its SHA-256 is not the manifest's"));
        }
        if index.listing.digest() != manifest.listing {
            return Err(damaged("it is not the listing that the manifest was made of"));
        }
        Ok(Self { places, listing: index.listing, folder: folder.to_owned(), manifest, files: Mutex::default(), groups: Mutex::default() })
    }

    /// The listing of the source, object for object.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// The digest that a plan of this staging is bound to: over the manifest, and over the view of the listing that the plan takes.
    #[must_use]
    pub fn bound(&self, view: &Listing) -> String {
        sha256_hex(format!("staging\n{}\n{}", self.manifest.digest(), view.digest()).as_bytes())
    }

    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn failed(&self, file: &StagedFile, reason: impl ToString) -> HistoryError {
        HistoryError::Staging { file: self.folder.join(&file.name).display().to_string(), reason: reason.to_string() }
    }

    /// The number of the file that holds row `row`, and the file.
    fn file_of(&self, row: u64) -> Option<(usize, &StagedFile)> {
        let after = self.manifest.files.partition_point(|file| file.first_row <= row);
        let at = after.checked_sub(1)?;
        self.manifest.files.get(at).filter(|file| row < file.first_row + file.rows).map(|file| (at, file))
    }

    /// The file, proven to be the manifest's the first time it is asked for.
    fn opened(&self, at: usize, file: &StagedFile) -> Result<Arc<OpenFile>, HistoryError> {
        // Held while hashing: of several readers that come at once, one does the work.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = files.get(&at) {
            return Ok(Arc::clone(open));
        }
        let opened = Arc::new(OpenFile::prove(&self.folder, file).map_err(|reason| self.failed(file, reason))?);
        files.insert(at, Arc::clone(&opened));
        Ok(opened)
    }

    /// The rows of the group that holds row `row` of file `at`, and where in it that row is.
    fn group(&self, at: usize, file: &StagedFile, row: u64) -> Result<(Arc<StagedRows>, usize), HistoryError> {
        let opened = self.opened(at, file)?;
        let (group, within) = opened.place(row).ok_or_else(|| self.failed(file, format!("it has no row {row}")))?;
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = groups.iter().position(|(key, _)| *key == (at, group)) {
            let entry = groups.remove(found).map(|(key, rows)| {
                groups.push_back((key, Arc::clone(&rows)));
                rows
            });
            if let Some(rows) = entry {
                return Ok((rows, within));
            }
        }
        drop(groups);
        let rows = Arc::new(opened.read(group).map_err(|reason| self.failed(file, reason))?);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.push_back(((at, group), Arc::clone(&rows)));
        while groups.len() > GROUPS_KEPT {
            groups.pop_front();
        }
        Ok((rows, within))
    }
}

impl RowReader for Staging {
    fn read(&self, object: &SourceObject, sink: &mut RowSink<'_>) -> Result<ObjectRead, HistoryError> {
        let key = &object.id.key;
        let number = self.listing.objects.find(key).and_then(|number| usize::try_from(number).ok());
        let staged = number.and_then(|number| self.listing.objects.get(number).zip(self.places.get(number)));
        let (staged, stands) = staged.ok_or_else(|| HistoryError::Vanished { key: key.clone() })?;
        if staged.id.etag != object.id.etag {
            return Err(HistoryError::Changed { key: key.clone(), listed: object.id.etag.clone(), found: staged.id.etag.clone() });
        }
        let mut done = 0;
        while done < stands.rows {
            let row = stands.first_row + done;
            let missing = || HistoryError::Staging {
                file: self.folder.display().to_string(),
                reason: format!("no file holds row {row}, which is one of `{key}`"),
            };
            let (at, file) = self.file_of(row).ok_or_else(missing)?;
            let (rows, within) = self.group(at, file, row - file.first_row)?;
            let end = rows.len().min(within.saturating_add(usize::try_from(stands.rows - done).unwrap_or(usize::MAX)));
            for place in within..end {
                let decoded = rows.decoded(place, &object.id).map_err(|reason| self.failed(file, reason))?;
                done += 1;
                if let ControlFlow::Break(()) = sink(decoded) {
                    return Ok(ObjectRead { rows: done, damage: None });
                }
            }
        }
        Ok(ObjectRead { rows: done, damage: stands.damage.as_deref().map(str::to_owned) })
    }
}

/// A staged file that was found to be the manifest's.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The first row of each group, and the end.
    starts: Vec<u64>,
    /// Length and time of the last change while it was proven.
    state: (u64, Option<std::time::SystemTime>),
}

impl OpenFile {
    /// # Errors
    /// What differs from the manifest.
    pub(super) fn prove(folder: &Path, staged: &StagedFile) -> Result<Self, String> {
        if staged.name.contains(['/', '\\']) {
            return Err("a staged file's name is no path".to_owned());
        }
        let path = folder.join(&staged.name);
        let mut file = File::open(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "it is gone".to_owned(),
            _ => format!("it cannot be read: {error}"),
        })?;
        let (bytes, sha256) = durable::hash_file(&mut file).map_err(|error| format!("it cannot be read: {error}"))?;
        if bytes != staged.bytes {
            return Err(format!("it has {bytes} bytes, and the manifest says {}", staged.bytes));
        }
        if sha256 != staged.sha256 {
            return Err(format!("its SHA-256 is {sha256}, and the manifest says {}", staged.sha256));
        }
        let state = state(&file)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| format!("it is no Parquet: {error}"))?;
        let mut starts = vec![0_u64];
        for group in metadata.metadata().row_groups() {
            let last = starts.last().copied().unwrap_or(0);
            starts.push(last + u64::try_from(group.num_rows()).map_err(|_| "a row group of less than no rows".to_owned())?);
        }
        let rows = starts.last().copied().unwrap_or(0);
        if rows != staged.rows {
            return Err(format!("it has {rows} rows, and the manifest says {}", staged.rows));
        }
        Ok(Self { path, metadata, starts, state })
    }

    pub(super) fn groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// The group of a row and its place in it.
    fn place(&self, row: u64) -> Option<(usize, usize)> {
        let group = self.starts.partition_point(|start| *start <= row).checked_sub(1).filter(|group| *group < self.groups())?;
        let within = usize::try_from(row - self.starts.get(group)?).ok()?;
        Some((group, within))
    }

    /// The rows of a group.
    pub(super) fn read(&self, group: usize) -> Result<StagedRows, String> {
        // Opened again: clones of one handle would share one position between readers.
        let file = File::open(&self.path).map_err(|error| format!("it cannot be read: {error}"))?;
        if state(&file)? != self.state {
            return Err("it changed while it was read".to_owned());
        }
        let rows = self.starts.get(group + 1).zip(self.starts.get(group)).map_or(0, |(end, start)| end - start);
        let batches: Result<Vec<RecordBatch>, _> = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_batch_size(usize::try_from(rows).unwrap_or(usize::MAX))
            .build()
            .map_err(|error| format!("it cannot be decoded: {error}"))?
            .collect();
        let batches = batches.map_err(|error| format!("it cannot be decoded: {error}"))?;
        match batches.as_slice() {
            [batch] => StagedRows::new(batch),
            _ => Err(format!("row group {} cannot be decoded whole", group + 1)),
        }
    }
}

fn state(file: &File) -> Result<(u64, Option<std::time::SystemTime>), String> {
    let metadata = file.metadata().map_err(|error| format!("it cannot be looked at: {error}"))?;
    Ok((metadata.len(), metadata.modified().ok()))
}
