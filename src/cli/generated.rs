//! Generated files in the migration directory: written whole, cleared away when they are no longer generated, and never at the
//! cost of what a person wrote.
//!
//! `stack/generated.json` remembers what was generated. A file that reads otherwise than it was generated has been edited: it
//! is kept beside the new one as `….edited`. Files that were never generated (`samconfig.toml`) are left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use iota2ts::encoding::sha256_hex;
use iota2ts::stack::GeneratedFile;
use serde::{Deserialize, Serialize};

use super::error::CommandError;

const MANIFEST: &str = "stack/generated.json";
const MANIFEST_VERSION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// Path below the migration directory → SHA-256 of the content.
    files: BTreeMap<String, String>,
}

/// Writes `files` below `root`, and gives the paths of edited files that were put aside.
pub(crate) fn write(root: &Path, files: &[GeneratedFile]) -> Result<Vec<PathBuf>, CommandError> {
    let before = manifest(root)?;
    let mut aside = Vec::new();
    for file in files {
        let path = root.join(&file.path);
        if let Some(there) = read(&path)?
            && before.files.get(&file.path) != Some(&sha256_hex(&there))
            && there != file.text.as_bytes()
        {
            aside.push(put_aside(&path)?);
        }
        write_whole(&path, file.text.as_bytes())?;
    }
    // The new list first: a file that is then still there is at worst left over.
    let now = Manifest {
        version: MANIFEST_VERSION,
        files: files.iter().map(|file| (file.path.clone(), sha256_hex(file.text.as_bytes()))).collect(),
    };
    let json = serde_json::to_string_pretty(&now).map_err(|e| CommandError::new(format!("{MANIFEST} could not be written: {e}")))?;
    write_whole(&root.join(MANIFEST), (json + "\n").as_bytes())?;
    for (path, digest) in before.files.iter().filter(|(path, _)| !now.files.contains_key(*path)) {
        remove_unedited(root, path, digest, &mut aside)?;
    }
    Ok(aside)
}

fn manifest(root: &Path) -> Result<Manifest, CommandError> {
    let path = root.join(MANIFEST);
    let Some(bytes) = read(&path)? else { return Ok(Manifest::default()) };
    let broken = |cause: String| {
        CommandError::new(format!("{} {cause}", path.display())).hinted("move the folders spec and stack away, and translate again")
    };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|e| broken(format!("is not a list of generated files: {e}")))?;
    if manifest.version > MANIFEST_VERSION {
        return Err(broken(format!("has version {}, and this program reads up to {MANIFEST_VERSION}", manifest.version)));
    }
    Ok(manifest)
}

/// A file that is generated no longer: gone if nobody edited it, put aside otherwise. Only paths that we could have made.
fn remove_unedited(root: &Path, path: &str, digest: &str, aside: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let ours = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    let below = Path::new(path);
    if !below.components().all(ours) || !(below.starts_with("spec") || below.starts_with("stack")) {
        return Ok(());
    }
    let full = root.join(below);
    match read(&full)? {
        None => Ok(()),
        Some(there) if sha256_hex(&there) == digest => {
            std::fs::remove_file(&full).map_err(|e| failed(&full, "removed", &e))?;
            // Folders that are empty now go too; one that is not stays.
            for folder in below.ancestors().skip(1).filter(|folder| folder.components().count() > 1) {
                if std::fs::remove_dir(root.join(folder)).is_err() {
                    break;
                }
            }
            Ok(())
        }
        Some(_) => {
            aside.push(put_aside(&full)?);
            Ok(())
        }
    }
}

fn put_aside(path: &Path) -> Result<PathBuf, CommandError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".edited");
    let kept = PathBuf::from(name);
    std::fs::rename(path, &kept).map_err(|e| failed(path, "put aside", &e))?;
    Ok(kept)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, CommandError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "read", &error)),
    }
}

/// Under another name first, so that nobody ever reads half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(folder, "made", &e))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    std::fs::write(&new, bytes).map_err(|e| failed(&new, "written", &e))?;
    std::fs::rename(&new, path).map_err(|e| failed(path, "written", &e))
}

fn failed(path: &Path, what: &str, error: &std::io::Error) -> CommandError {
    CommandError::new(format!("`{}` could not be {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> GeneratedFile {
        GeneratedFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_no_longer_generated_goes_and_what_a_person_wrote_stays() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, &[file("stack/functions/a/x.py", "1"), file("stack/b", "1"), file("stack/c", "1")]).unwrap();
        std::fs::write(root.join("stack/samconfig.toml"), "mine").unwrap();
        std::fs::write(root.join("stack/b"), "mine").unwrap();
        std::fs::write(root.join("stack/c"), "mine").unwrap();
        let aside = write(root, &[file("stack/b", "2")]).unwrap();
        assert_eq!(aside, [root.join("stack/b.edited"), root.join("stack/c.edited")]);
        for (path, text) in [("b", "2"), ("b.edited", "mine"), ("c.edited", "mine"), ("samconfig.toml", "mine")] {
            assert_eq!(std::fs::read_to_string(root.join("stack").join(path)).unwrap(), text);
        }
        assert!(!root.join("stack/functions").try_exists().unwrap() && !root.join("stack/c").try_exists().unwrap());
    }

    #[test]
    fn a_list_of_files_that_lies_removes_nothing_outside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("migration");
        write(&root, &[file("stack/a", "1")]).unwrap();
        let outside = dir.path().join("precious");
        std::fs::write(&outside, "x").unwrap();
        let lie =
            format!("{{\"version\":1,\"files\":{{\"../precious\":\"{}\",\"migration.toml\":\"{}\"}}}}", sha256_hex(b"x"), sha256_hex(b"y"));
        std::fs::write(root.join(MANIFEST), lie).unwrap();
        std::fs::write(root.join("migration.toml"), "y").unwrap();
        write(&root, &[file("stack/a", "1")]).unwrap();
        assert!(outside.try_exists().unwrap() && root.join("migration.toml").try_exists().unwrap());
    }
}
