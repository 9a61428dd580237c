//! A history in a directory: a copy of the bucket, or of any part of it.
//!
//! No key leads outside the root: symbolic links are passed over when listing (the root itself may be one), and a key is opened
//! only if it leads to a place below the root.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::listing::{Found, Gathered};
use super::sniff::{self, HEAD_BYTES, Sniffer};
use super::source::{FileRanges, Ranges, Source};
use super::{HistoryError, Listing, SourceObject, key};

/// More objects than this in one root are refused: their listing alone would take more than a gigabyte.
const OBJECTS_MAX: usize = 10_000_000;

/// Why an object is passed over whose key says nothing.
pub(super) const NO_LAYOUT: &str = "its key follows none of the layouts `datastore/<name>/...`, `channel/<name>/...` and \
                                    `<datastore>/<time>/<version>.csv`";

/// A history in a directory.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The history below `root`, which may be the bucket, a prefix in it, its `datastore` folder or one store's folder.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn shown_root(&self) -> String {
        self.root.display().to_string()
    }

    /// The file of an object that is still the listed one.
    fn open_file(&self, object: &SourceObject) -> Result<File, HistoryError> {
        let key = &object.id.key;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => HistoryError::Vanished { key: key.clone() },
            _ => HistoryError::Read { key: key.clone(), source },
        };
        let relative = Path::new(&object.locator);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(HistoryError::Outside { key: key.clone() });
        }
        let root = self.root.canonicalize().map_err(failed)?;
        let path = root.join(relative).canonicalize().map_err(failed)?;
        if !path.starts_with(&root) {
            return Err(HistoryError::Outside { key: key.clone() });
        }
        let file = File::open(&path).map_err(failed)?;
        unchanged(&file, object).map_err(|error| read_error(error, key))?;
        Ok(file)
    }
}

/// The history's own error inside an I/O error, or the I/O error with the key.
pub(super) fn read_error(error: io::Error, key: &str) -> HistoryError {
    error.downcast::<HistoryError>().unwrap_or_else(|source| HistoryError::Read { key: key.to_owned(), source })
}

/// Refuses, inside an I/O error, a file whose etag is not the listed one.
fn unchanged(file: &File, object: &SourceObject) -> io::Result<()> {
    let found = etag(&file.metadata()?);
    if found == object.id.etag {
        return Ok(());
    }
    Err(io::Error::other(HistoryError::Changed { key: object.id.key.clone(), listed: object.id.etag.clone(), found }))
}

/// `<size>-<modification time in ns>`.
fn etag(metadata: &Metadata) -> String {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => format!("{}-{}", metadata.len(), after.as_nanos()),
        Err(before) => format!("{}--{}", metadata.len(), before.duration().as_nanos()),
    }
}

impl Source for Directory {
    fn list(&self) -> Result<Listing, HistoryError> {
        let root = self.shown_root();
        let metadata = fs::metadata(&self.root).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => HistoryError::RootMissing { root: root.clone() },
            _ => HistoryError::Unreadable { path: root.clone(), source },
        })?;
        if !metadata.is_dir() {
            return Err(HistoryError::RootNotDirectory { root });
        }
        let mut walk = Walk { root_folders: root_folders(&self.root), sniffer: Sniffer::new(), gathered: Gathered::default() };
        let mut folders = vec![(self.root.clone(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            folders.extend(walk.folder(&folder, &prefix)?);
            if walk.gathered.objects() > OBJECTS_MAX {
                return Err(HistoryError::TooManyObjects { root, max: OBJECTS_MAX });
            }
        }
        Ok(walk.gathered.listing(root))
    }

    fn open(&self, object: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        Ok(Box::new(Watched { file: self.open_file(object)?, object: object.clone() }))
    }

    fn open_ranges(&self, object: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        let ranges = FileRanges::new(self.open_file(object)?, object.size_bytes);
        Ok(Box::new(WatchedRanges { ranges, object: object.clone() }))
    }
}

/// The names of the folders that lead to the root, outermost first: as the user wrote the path if that says something, with
/// symbolic links resolved otherwise.
fn root_folders(root: &Path) -> Vec<Vec<String>> {
    // `a/../b` says nothing about `a`, and only the resolved path knows what it is.
    let climbs = root.components().any(|part| part == Component::ParentDir);
    let typed = std::path::absolute(root).ok().filter(|_| !climbs);
    let real = root.canonicalize().ok();
    let names = |path: PathBuf| {
        path.components()
            .filter_map(|part| match part {
                Component::Normal(name) => Some(key::decoded(&name.to_string_lossy())),
                _ => None,
            })
            .collect()
    };
    [typed, real].into_iter().flatten().map(names).collect()
}

struct Walk {
    root_folders: Vec<Vec<String>>,
    sniffer: Sniffer,
    gathered: Gathered,
}

impl Walk {
    /// Takes in the files of one folder and returns its folders.
    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<Vec<(PathBuf, String)>, HistoryError> {
        let unreadable = |path: &Path| {
            let path = path.display().to_string();
            move |source| HistoryError::Unreadable { path, source }
        };
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let entry = entry.map_err(unreadable(folder))?;
            let path = entry.path();
            let file_type = entry.file_type().map_err(unreadable(&path))?;
            let os_name = entry.file_name();
            let Some(name) = os_name.to_str() else {
                self.pass_over(format!("{prefix}{}", os_name.to_string_lossy()), "its name is not UTF-8");
                continue;
            };
            let raw_key = format!("{prefix}{name}");
            if file_type.is_symlink() {
                self.pass_over(raw_key, "a symbolic link");
            } else if file_type.is_dir() {
                match folder_passed_over(name) {
                    Some(reason) => self.pass_over(raw_key + "/", reason),
                    None => folders.push((path, raw_key + "/")),
                }
            } else if file_type.is_file() {
                self.file(&path, name, raw_key).map_err(unreadable(&path))?;
            } else {
                self.pass_over(raw_key, "neither a file nor a directory");
            }
        }
        Ok(folders)
    }

    fn file(&mut self, path: &Path, name: &str, raw_key: String) -> io::Result<()> {
        if let Some(reason) = sniff::passed_over(name) {
            self.pass_over(raw_key, reason);
            return Ok(());
        }
        let Some(place) = self.root_folders.iter().find_map(|root| key::place(root, &raw_key)) else {
            self.pass_over(raw_key, NO_LAYOUT);
            return Ok(());
        };
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        let head = head(&mut file)?;
        match self.sniffer.kind(name, head) {
            Ok(kind) => self.gathered.found(Found { raw_key, etag: etag(&metadata), size_bytes: metadata.len(), kind, place }),
            Err(reason) => self.pass_over(raw_key, &reason),
        }
        Ok(())
    }

    fn pass_over(&mut self, key: String, reason: &str) {
        self.gathered.pass_over(key, reason);
    }
}

pub(super) fn folder_passed_over(name: &str) -> Option<&'static str> {
    if name.starts_with('.') {
        Some("a hidden directory")
    } else if matches!(name, "_temporary" | "_delta_log" | "_spark_metadata") {
        Some("a writer's own directory")
    } else {
        None
    }
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok(head)
}

/// A file that must still be the listed one when its end is reached.
struct Watched {
    file: File,
    object: SourceObject,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            unchanged(&self.file, &self.object)?;
        }
        Ok(read)
    }
}

struct WatchedRanges {
    ranges: FileRanges,
    object: SourceObject,
}

impl Ranges for WatchedRanges {
    fn size_bytes(&self) -> u64 {
        self.ranges.size_bytes()
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let read = self.ranges.read_range(offset, length);
        // First: a file that became shorter is a changed file, not a failing disk.
        unchanged(&self.ranges.file(), &self.object)?;
        read
    }
}
