//! Files that are there whole or not at all, and how they are hashed.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::ExportError;
use crate::encoding::hex;

/// What stands at the end of a name that is not yet a file's own.
pub(super) const UNFINISHED: &str = ".tmp";

/// Puts `bytes` at `path`: another name beside it, synced, renamed, and the directory synced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ExportError> {
    let temporary = unfinished(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(ExportError::io("written", &temporary))?;
    settle(&temporary, path)
}

/// Gives a synced file its own name, durably.
pub(super) fn settle(temporary: &Path, path: &Path) -> Result<(), ExportError> {
    fs::rename(temporary, path).map_err(ExportError::io("renamed", temporary))?;
    sync_folder_of(path)
}

pub(super) fn sync_folder_of(path: &Path) -> Result<(), ExportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ExportError::io("made durable", folder))
}

/// The name under which a file is written before it is whole.
pub(super) fn unfinished(path: &Path) -> std::path::PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(UNFINISHED);
    path.with_file_name(name)
}

/// Removes the file; that it is not there is what was wanted.
pub(super) fn remove(path: &Path) -> Result<(), ExportError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ExportError::io("removed", path)(error)),
        _ => Ok(()),
    }
}

/// Length and SHA-256 of a file.
pub(crate) fn hash_file(file: &mut File) -> io::Result<(u64, String)> {
    let mut hashed = Hashed::new(io::sink());
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hashed.ended());
        }
        hashed.write_all(buffer.get(..read).unwrap_or_default())?;
    }
}

/// Counts and hashes what is written through it.
pub(crate) struct Hashed<W> {
    pub(crate) inner: W,
    bytes: u64,
    hasher: Sha256,
}

impl<W> Hashed<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hasher: Sha256::new() }
    }

    /// Bytes so far and their SHA-256.
    pub(crate) fn ended(&self) -> (u64, String) {
        (self.bytes, hex(&self.hasher.clone().finalize()))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(buffer.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
