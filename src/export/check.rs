//! The proof that a staging is intact: every byte hashed again, every row counted, every claim of the manifest held against the rest.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::error::ExportError;
use super::index::StagedObject;
use super::journal::JOURNAL_NAME;
use super::manifest::{MANIFEST_NAME, Manifest, StagedFile};
use super::stage::LOCK_NAME;
use super::staging::{OpenFile, read_index};
use crate::progress::Progress;
use crate::provenance::ObjectId;

/// More differences than this are counted and not listed: one lost file brings one for each of its objects.
const DIFFERENCES_MAX: usize = 1000;

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// The manifest's digest, which a plan of this staging is bound to.
    pub digest: String,
    pub files: u64,
    pub objects: u64,
    /// Rows that were found, decoded and counted.
    pub rows: u64,
    pub bytes: u64,
    pub differences: Vec<Difference>,
    /// Differences beyond those listed.
    pub more_differences: u64,
}

impl Checked {
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.differences.is_empty()
    }

    fn differs(&mut self, file: &str, what: impl Into<String>) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { file: file.to_owned(), what: what.into() });
        } else {
            self.more_differences += 1;
        }
    }
}

/// One claim that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub file: String,
    pub what: String,
}

/// Checks the staging at `folder`.
///
/// # Errors
/// Only when there is nothing to check: no manifest, or one that cannot be read.
pub fn check(folder: &Path, progress: &dyn Progress) -> Result<Checked, ExportError> {
    let manifest = Manifest::load(folder)?;
    let mut checked =
        Checked { digest: manifest.digest(), files: 0, objects: 0, rows: 0, bytes: 0, differences: Vec::new(), more_differences: 0 };
    strangers(folder, &manifest, &mut checked);
    let mut objects = Vec::new();
    match read_index(folder, &manifest, &mut |object| objects.push(object)) {
        Ok(index) => {
            if index.sha256 != manifest.index.sha256 {
                checked.differs(&manifest.index.name, "its SHA-256 is not the manifest's");
            }
            if index.listing.digest() != manifest.listing {
                checked.differs(&manifest.index.name, "it is not the listing that the manifest was made of");
            }
        }
        Err(error) => {
            checked.differs(&manifest.index.name, error.to_string());
            objects.clear();
        }
    }
    checked.objects = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    sums(&manifest, &objects, &mut checked);
    progress.begin("checking", Some(manifest.rows), "rows");
    let mut walk = Walk { objects: &objects, at: 0, row: 0 };
    for file in &manifest.files {
        file_is_as_claimed(folder, file, &mut walk, &mut checked, progress);
    }
    progress.end();
    Ok(checked)
}

/// Files that the manifest does not know.
fn strangers(folder: &Path, manifest: &Manifest, checked: &mut Checked) {
    let mut known: BTreeSet<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    known.extend([MANIFEST_NAME, LOCK_NAME, JOURNAL_NAME, manifest.index.name.as_str()]);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return checked.differs(".", format!("the folder cannot be read: {error}")),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !known.contains(&*name) {
            checked.differs(&name, "the manifest does not know it");
        }
    }
}

/// What can be added up without reading a row.
fn sums(manifest: &Manifest, objects: &[StagedObject], checked: &mut Checked) {
    let mut claim = |holds: bool, file: &str, what: String| {
        if !holds {
            checked.differs(file, what);
        }
    };
    let mut next = 0;
    for file in &manifest.files {
        claim(file.first_row == next, MANIFEST_NAME, format!("`{}` begins with row {} and should with {next}", file.name, file.first_row));
        next = file.first_row + file.rows;
    }
    claim(next == manifest.rows, MANIFEST_NAME, format!("the files hold {next} rows, and it says {}", manifest.rows));
    let mut next = 0;
    for object in objects {
        let holds = object.first_row == next;
        claim(holds, &manifest.index.name, format!("`{}` begins with row {} and should with {next}", object.key, object.first_row));
        next = object.first_row + object.rows;
    }
    claim(next == manifest.rows, &manifest.index.name, format!("its objects have {next} rows, and the manifest says {}", manifest.rows));
    let bad = |counts: &mut dyn Iterator<Item = u64>| counts.sum::<u64>();
    let of_files = bad(&mut manifest.files.iter().map(|file| file.bad_rows));
    let of_objects = bad(&mut objects.iter().map(|object| object.bad_rows));
    claim(of_files == manifest.bad_rows, MANIFEST_NAME, format!("its files have {of_files} bad rows, and it says {}", manifest.bad_rows));
    claim(
        of_objects == manifest.bad_rows,
        &manifest.index.name,
        format!("its objects have {of_objects} bad rows, and the manifest says {}", manifest.bad_rows),
    );
    let damaged = u64::try_from(objects.iter().filter(|object| object.damage.is_some()).count()).unwrap_or(u64::MAX);
    claim(
        damaged == manifest.damaged_objects,
        &manifest.index.name,
        format!("{damaged} of its objects are damaged, and the manifest says {}", manifest.damaged_objects),
    );
    let many = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    claim(many == manifest.objects, &manifest.index.name, format!("it has {many} objects, and the manifest says {}", manifest.objects));
}

/// The object that the next row must be of.
struct Walk<'a> {
    objects: &'a [StagedObject],
    at: usize,
    /// The number of the next row over all files.
    row: u64,
}

impl<'a> Walk<'a> {
    /// The object that row `row` belongs to.
    fn object(&mut self) -> Option<&'a StagedObject> {
        while let Some(object) = self.objects.get(self.at) {
            if self.row < object.first_row + object.rows {
                return Some(object);
            }
            self.at += 1;
        }
        None
    }
}

fn file_is_as_claimed(folder: &Path, file: &StagedFile, walk: &mut Walk<'_>, checked: &mut Checked, progress: &dyn Progress) {
    checked.files += 1;
    walk.row = file.first_row;
    let opened = match OpenFile::prove(folder, file) {
        Ok(opened) => opened,
        Err(what) => return checked.differs(&file.name, what),
    };
    checked.bytes += file.bytes;
    let mut bad_rows = 0;
    let mut id: Option<Arc<ObjectId>> = None;
    for group in 0..opened.groups() {
        let rows = match opened.read(group) {
            Ok(rows) => rows,
            Err(what) => return checked.differs(&file.name, what),
        };
        for at in 0..rows.len() {
            let Some(object) = walk.object() else { break };
            if id.as_ref().is_none_or(|id| id.key != object.key) {
                id = Some(object.source_object().id);
            }
            let Some(id) = &id else { break };
            let numbered = rows.decoded(at, id).and_then(|decoded| {
                let (found, expected) = (decoded.provenance().row, walk.row - object.first_row + 1);
                if found == expected { Ok(()) } else { Err(format!("row {found} of `{}` stands where row {expected} should", id.key)) }
            });
            if let Err(what) = numbered {
                return checked.differs(&file.name, what);
            }
            bad_rows += u64::from(rows.is_bad(at));
            walk.row += 1;
        }
        let counted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        checked.rows += counted;
        progress.advance(counted);
    }
    if bad_rows != file.bad_rows {
        checked.differs(&file.name, format!("it has {bad_rows} bad rows, and the manifest says {}", file.bad_rows));
    }
}
