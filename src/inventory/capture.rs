//! The journey from files to an inventory: find, read, recognise, merge, and say what is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::document;
use super::fields::Place;
use super::find::{self, Input};
use super::found::{self, Definitions, Standing};
use super::merge;
use super::model::{BlindSpot, INVENTORY_VERSION, Inventory, SourceFile};
use super::problem::{CaptureError, Findings, Problem, Severity, shown};
use super::read::handler;
use super::recognise::{self, Context};
use super::unseen;
use crate::encoding::sha256_hex;

/// A definition file is read up to this size; a CloudFormation template has at most 1 MB.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A document that is no file of the customer's: an answer of the service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    /// As messages and the inventory name it, `/` between parts, with its extension.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What a capture found.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    pub inventory: Inventory,
    /// Everything wrong or passed over, sorted by file and path.
    pub problems: Vec<Problem>,
}

impl Captured {
    /// Whether some definition is wrong, so that the inventory lacks it or is not certain of it.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// Reads the definitions in `paths`, files or folders (`*.json`, `*.yaml`, `*.yml`, `*.template`, `*.py`, at any depth, nothing hidden).
///
/// `parameters` are values for template parameters and pseudo parameters (`AWS::Region`). Mistakes in definitions do not stop
/// the capture: all of them are in [`Captured::problems`]. The result depends on the files' names and bytes alone, not on
/// the order of `paths`.
///
/// # Errors
/// When a path of `paths` cannot be read, or a folder holds more files than one capture reads.
pub fn capture(paths: &[PathBuf], parameters: &BTreeMap<String, String>) -> Result<Captured, CaptureError> {
    capture_with(paths, &[], parameters)
}

/// As [`capture`], with documents beside the files; where there are documents, there need be no files. What a document describes outweighs
/// what a file describes.
///
/// # Errors
/// As [`capture`].
pub fn capture_with(paths: &[PathBuf], documents: &[Document], parameters: &BTreeMap<String, String>) -> Result<Captured, CaptureError> {
    let (inputs, mut problems) = if paths.is_empty() && !documents.is_empty() { Default::default() } else { find::inputs(paths)? };
    let mut definitions = Definitions::default();
    let mut used = BTreeSet::new();
    let mut sources = Vec::new();
    let mut blind_spots: BTreeSet<BlindSpot> = BTreeSet::new();
    let inputs = inputs.iter().map(Given::File).chain(documents.iter().map(Given::Document));
    let count = inputs.clone().count();
    for given in inputs {
        let mut findings = Findings::new(given.name());
        let read = match given {
            Given::File(input) => one_file(input, parameters, &mut used, &mut findings),
            Given::Document(document) => {
                definitions_of(&document.bytes, &document.name, Standing::Live, parameters, &mut used, &mut findings)
            }
        };
        sources.extend(read.source);
        definitions.append(read.definitions);
        let (mut found, unseen) = findings.into_parts();
        problems.append(&mut found);
        blind_spots.extend(unseen);
    }
    note_unused(parameters, &used, &mut problems);
    if sources.is_empty() {
        let reason = format!("no definition of IoT Analytics was found (files read: {count})");
        problems.push(Problem { file: "(all)".to_owned(), path: String::new(), line: None, severity: Severity::Error, reason });
    }
    let merged = merge::merge(definitions, &mut problems);
    sources.sort_by(|a: &SourceFile, b| (&a.name, &a.sha256).cmp(&(&b.name, &b.sha256)));
    sources.dedup();
    let mut inventory = Inventory {
        version: INVENTORY_VERSION,
        sources,
        channels: merged.channels,
        pipelines: merged.pipelines,
        datastores: merged.datastores,
        datasets: merged.datasets,
        rules: merged.rules,
        things: merged.things,
        handlers: merged.handlers,
        observed: merged.observed,
        blind_spots: Vec::new(),
    };
    blind_spots.extend(unseen::blind_spots(&inventory, &merged.listed_rules));
    inventory.blind_spots = blind_spots.into_iter().collect();
    problems.sort();
    problems.dedup();
    Ok(Captured { inventory, problems })
}

/// What is read: a file, or a document that is in memory.
#[derive(Clone, Copy)]
enum Given<'a> {
    File(&'a Input),
    Document(&'a Document),
}

impl<'a> Given<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::File(input) => &input.name,
            Self::Document(document) => &document.name,
        }
    }
}

/// What one file gave. `source` is set when it held a definition, sound or not.
struct FileRead {
    source: Option<SourceFile>,
    definitions: Definitions,
}

fn one_file(input: &Input, parameters: &BTreeMap<String, String>, used: &mut BTreeSet<String>, findings: &mut Findings) -> FileRead {
    let read = FileRead { source: None, definitions: Definitions::default() };
    let bytes = match read_bounded(&input.path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let reason = format!("is larger than {FILE_BYTES_MAX} bytes, which no definition is; not read");
            // In a folder it is most likely telemetry; a file that was named was meant.
            if input.named {
                findings.error("", None, reason);
            } else {
                findings.warn("", None, reason);
            }
            return read;
        }
        Err(error) => {
            findings.error("", None, format!("cannot be read: {error}"));
            return read;
        }
    };
    definitions_of(&bytes, &input.name, Standing::Described, parameters, used, findings)
}

fn definitions_of(
    bytes: &[u8],
    name: &str,
    described: Standing,
    parameters: &BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
    findings: &mut Findings,
) -> FileRead {
    let mut read = FileRead { source: None, definitions: Definitions::default() };
    let extension = find::extension(name);
    if extension == "py" {
        let source = String::from_utf8_lossy(bytes);
        let found = handler::handler(find::stem(name).to_owned(), findings.origin(""), &source);
        match found {
            Some(_) => read.source = Some(SourceFile { name: name.to_owned(), sha256: sha256_hex(bytes) }),
            None => findings.note("", "writes nothing to Timestream; passed over"),
        }
        found::keep(&mut read.definitions.handlers, Standing::Intended, found);
        return read;
    }
    let errors = findings.errors();
    let documents = document::read(bytes, &extension, findings);
    let unreadable = findings.errors() > errors && documents.is_empty();
    let mut any = false;
    for (index, node) in documents.iter().enumerate() {
        let path = if documents.len() > 1 { format!("document {}", index + 1) } else { String::new() };
        let mut context = Context {
            stem: find::stem(name),
            described,
            given: parameters,
            used: &mut *used,
            findings: &mut *findings,
            out: &mut read.definitions,
        };
        any |= recognise::document(&mut context, &Place { node, path });
    }
    if any {
        read.source = Some(SourceFile { name: name.to_owned(), sha256: sha256_hex(bytes) });
    } else if !unreadable && !documents.is_empty() {
        findings.note("", "holds no definition of a kind that is known here; passed over");
    }
    read
}

/// The bytes of a file, or none when there are too many.
fn read_bounded(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX);
    Ok(fits.then_some(bytes))
}

fn note_unused(parameters: &BTreeMap<String, String>, used: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    for name in parameters.keys().filter(|name| !used.contains(*name)) {
        let reason = format!("no template uses the parameter {}", shown(name));
        problems.push(Problem { file: "(parameters)".to_owned(), path: String::new(), line: None, severity: Severity::Warning, reason });
    }
}

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
