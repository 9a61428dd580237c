//! What was answered, as documents for `inventory` and as files for the day when nobody answers any more.
//!
//! ```text
//! captured/list-channels-1.json                 one answer each, to the letter
//! captured/describe-pipeline/<name>.json
//! captured/list-tags-for-resource/<kind>-<name>.json   with the ARN beside the answer, which names none
//! captured/list-dataset-contents/<name>-1.json         with the dataset's name beside it
//! captured/things/describe-thing-1.json         a list of up to 500 answers
//! captured/things/shadows-1.json                a list of up to 500 shadows, each beside the name of its thing
//! captured/unseen.json                          what could not be seen, and why
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::fault::Fault;
use super::operation::Operation;
use crate::inventory::{BlindSpot, Document, shown};

/// The folder's name, which is part of every document's.
const FOLDER: &str = "captured";
/// Characters of a resource's name that a file name holds.
const NAME_CHARS_MAX: usize = 128;
/// Names that one blind spot lists.
const NAMED_MAX: usize = 5;

/// Everything that was answered so far.
#[derive(Debug, Default)]
pub struct Answers {
    /// By name below the folder.
    documents: BTreeMap<String, Vec<u8>>,
    unseen: BTreeSet<BlindSpot>,
    /// Faults that are told once for many resources.
    many: BTreeMap<(Operation, String), Vec<String>>,
    rules_elsewhere: usize,
}

/// Why answers could not be kept as files.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

impl SaveError {
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("make room, or choose another directory with --dir; then run the same command again".to_owned())
    }
}

impl Answers {
    /// The answers, for [`crate::inventory::capture_with`]. Sorted by name.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        let mut documents: Vec<Document> =
            self.documents.iter().map(|(name, bytes)| Document { name: format!("{FOLDER}/{name}"), bytes: bytes.clone() }).collect();
        documents.push(Document { name: format!("{FOLDER}/unseen.json"), bytes: self.unseen_text().into_bytes() });
        documents.sort();
        documents
    }

    /// How many answers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Whether everything that was asked was answered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unseen.is_empty() && self.many.is_empty()
    }

    /// Topic rules that feed no channel; they are counted and not kept.
    #[must_use]
    pub fn rules_elsewhere(&self) -> usize {
        self.rules_elsewhere
    }

    /// Whether a topic rule that feeds a channel is among the answers.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.documents.keys().any(|name| name.starts_with("get-topic-rule/"))
    }

    pub(super) fn count_rule_elsewhere(&mut self) {
        self.rules_elsewhere += 1;
    }

    pub(super) fn keep(&mut self, name: String, bytes: Vec<u8>) {
        self.documents.insert(name, bytes);
    }

    pub(super) fn unseen(&mut self, subject: &str, unknown: &str) {
        self.unseen.insert(BlindSpot { subject: subject.to_owned(), unknown: unknown.to_owned() });
    }

    /// A question that has no answer, about one subject.
    pub(super) fn without(&mut self, subject: &str, operation: Operation, fault: &Fault) {
        self.unseen(subject, &format!("{} {}", operation.name(), told(operation, fault)));
    }

    /// The same about one of many subjects, of which a few are named in the end.
    pub(super) fn without_one(&mut self, name: &str, operation: Operation, fault: &Fault) {
        self.many.entry((operation, told(operation, fault))).or_default().push(name.to_owned());
    }

    fn unseen_text(&self) -> String {
        let mut spots = self.unseen.clone();
        for ((operation, told), names) in &self.many {
            let named: Vec<String> = names.iter().take(NAMED_MAX).map(|name| shown(name)).collect();
            let more = if names.len() > NAMED_MAX { format!(" and {} more", names.len() - NAMED_MAX) } else { String::new() };
            let unknown = format!("for {}{more} {} {told}", named.join(", "), operation.name());
            spots.insert(BlindSpot { subject: subject(*operation).to_owned(), unknown });
        }
        let list: Vec<serde_json::Value> =
            spots.iter().map(|spot| serde_json::json!({"subject": spot.subject, "unknown": spot.unknown})).collect();
        // Texts only: cannot fail.
        serde_json::to_string_pretty(&serde_json::json!({ "couldNotBeSeen": list })).unwrap_or_default() + "\n"
    }

    /// Writes all documents into a new folder `captured` below `directory`. One that is there already keeps its content under another
    /// name, which is returned: the next answer may be the poorer one, and nobody can ask for yesterday's again.
    ///
    /// # Errors
    /// When a file cannot be written; the folder that was there is then still there.
    pub fn save(&self, directory: &Path) -> Result<Option<PathBuf>, SaveError> {
        let folder = directory.join(FOLDER);
        let fresh = directory.join(format!(".{FOLDER}.{}", std::process::id()));
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| SaveError { path, source }
        };
        if fresh.is_dir() {
            fs::remove_dir_all(&fresh).map_err(at(&fresh))?;
        }
        self.write(&fresh)?;
        let put_aside = if folder.is_dir() {
            let older = free_name(directory);
            fs::rename(&folder, &older).map_err(at(&older))?;
            Some(older)
        } else {
            None
        };
        fs::rename(&fresh, &folder).map_err(at(&folder))?;
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(at(directory))?;
        Ok(put_aside)
    }

    /// Writes what there is into the folder `captured-incomplete`, in the place of what an earlier attempt left there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save_incomplete(&self, directory: &Path) -> Result<PathBuf, SaveError> {
        let folder = directory.join(format!("{FOLDER}-incomplete"));
        if folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(|source| SaveError { path: folder.clone(), source })?;
        }
        self.write(&folder)?;
        Ok(folder)
    }

    fn write(&self, folder: &Path) -> Result<(), SaveError> {
        fs::create_dir_all(folder).map_err(|source| SaveError { path: folder.to_owned(), source })?;
        for document in self.documents() {
            let below = document.name.strip_prefix(FOLDER).unwrap_or(&document.name).trim_start_matches('/');
            let path = folder.join(below);
            let write = || -> io::Result<()> {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                let mut file = File::create_new(&path)?;
                file.write_all(&document.bytes)?;
                file.sync_all()
            };
            write().map_err(|source| SaveError { path: path.clone(), source })?;
        }
        Ok(())
    }
}

/// `captured-1`, or the first number behind it that is free.
fn free_name(directory: &Path) -> PathBuf {
    let mut number = 1_u64;
    loop {
        let path = directory.join(format!("{FOLDER}-{number}"));
        // What cannot be looked at is not free.
        if matches!(path.try_exists(), Ok(false)) || number == u64::MAX {
            return path;
        }
        number += 1;
    }
}

/// What one blind spot for many resources is about.
fn subject(operation: Operation) -> &'static str {
    match operation {
        Operation::ListTagsForResource => "tags",
        Operation::DescribeThing => "things",
        Operation::GetThingShadow => "shadows",
        Operation::SampleChannelData => "sample messages",
        operation => operation.name(),
    }
}

fn told(operation: Operation, fault: &Fault) -> String {
    match fault {
        Fault::Denied { message } => format!("was refused ({message}); allow {} and capture again", operation.action()),
        Fault::NotFound { .. } => "found nothing: it was removed while the capture ran".to_owned(),
        Fault::Foreign { message } => format!("is not served there ({message})"),
        fault => format!("failed: {fault}; capture again"),
    }
}

/// A resource's name as a file name holds it. The service's rules leave nothing to replace; an answer may still hold anything.
pub(super) fn file_name(name: &str) -> String {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(sound) && name.len() <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let cut: String = name.chars().take(NAME_CHARS_MAX).map(|c| if sound(c) { c } else { '_' }).collect();
    format!("{cut}~{:016x}", xxhash_rust::xxh3::xxh3_64(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_stay_below_their_folder() {
        assert_eq!(file_name("factory_pipeline"), "factory_pipeline");
        for hostile in ["", "..", "../../etc/passwd", "a/b", ".hidden", "a b", "ä", "CON:", &"x".repeat(300)] {
            let name = file_name(hostile);
            assert!(!name.contains(['/', '.', ':', ' ']) && name.len() < 200 && !name.is_empty(), "{name}");
        }
        assert_ne!(file_name("a/b"), file_name("a.b"));
    }

    #[test]
    fn saving_again_keeps_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut answers = Answers::default();
        answers.keep("describe-channel/c.json".to_owned(), b"1".to_vec());
        assert_eq!(answers.save(directory.path()).unwrap(), None);
        answers.keep("describe-channel/c.json".to_owned(), b"2".to_vec());
        let older = answers.save(directory.path()).unwrap().unwrap();
        assert_eq!(older, directory.path().join("captured-1"));
        assert_eq!(fs::read(older.join("describe-channel/c.json")).unwrap(), b"1");
        assert_eq!(fs::read(directory.path().join("captured/describe-channel/c.json")).unwrap(), b"2");
        assert_eq!(answers.save(directory.path()).unwrap().unwrap(), directory.path().join("captured-2"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "no half-written folder stays");
    }

    #[test]
    fn one_refusal_of_many_is_one_blind_spot() {
        let mut answers = Answers::default();
        let denied = Fault::Denied { message: "AccessDeniedException: no".to_owned() };
        for name in ["a", "b", "c", "d", "e", "f"] {
            answers.without_one(name, Operation::ListTagsForResource, &denied);
        }
        assert!(!answers.is_whole());
        let text = answers.unseen_text();
        let expected = "for `a`, `b`, `c`, `d`, `e` and 1 more ListTagsForResource was refused (AccessDeniedException: no); \
                        allow iotanalytics:ListTagsForResource and capture again";
        assert!(text.contains(expected), "{text}");
        assert_eq!(text.matches("subject").count(), 1);
    }
}
