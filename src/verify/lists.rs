//! Plain lists of what was found, as `rclone check` leaves them: one line each, and its first character says what.
//!
//! | symbol | stands for |
//! |---|---|
//! | `=` | a source object none of whose rows differs |
//! | `-` | a row that is missing in the target |
//! | `+` | a row of the target that the source does not call for |
//! | `*` | a row with other values |
//! | `?` | a row that was acknowledged and may yet appear |
//! | `!` | a source object that could not be read to its end |
//!
//! After the symbol and a space: the object's key, or, parted by tabs, table, time, dimensions, place in the source, columns that
//! differ, cause. Control characters in names are escaped. `-` and `+` are those of a diff from source to target, so they stand the
//! other way round than with `rclone check`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::error::VerifyError;
use super::model::{Difference, Kind};

/// Which list goes where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// All lines.
    pub combined: Option<PathBuf>,
    /// The lines `=`.
    pub matching: Option<PathBuf>,
    pub of_kind: BTreeMap<Kind, PathBuf>,
}

impl Lists {
    fn is_empty(&self) -> bool {
        self.combined.is_none() && self.matching.is_none() && self.of_kind.is_empty()
    }
}

/// One list that is being written.
struct List {
    path: PathBuf,
    file: BufWriter<File>,
}

impl List {
    fn create(path: &Path) -> Result<Self, VerifyError> {
        let file = File::create(path).map_err(failed("create", path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn line(&mut self, line: &str) -> Result<(), VerifyError> {
        self.file.write_all(line.as_bytes()).map_err(failed("write to", &self.path))
    }

    fn finish(mut self) -> Result<(), VerifyError> {
        self.file.flush().map_err(failed("write to", &self.path))
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VerifyError {
    move |source| VerifyError::Differences { doing, path: path.to_owned(), source }
}

/// Writes `lists` from the file of differences. `objects` are those that were compared, `damaged` those not read to their end.
pub(super) fn write(
    lists: &Lists,
    differences: &Path,
    objects: impl Iterator<Item = String>,
    damaged: &BTreeSet<&str>,
) -> Result<(), VerifyError> {
    if lists.is_empty() {
        return Ok(());
    }
    let open = |path: &Option<PathBuf>| path.as_deref().map(List::create).transpose();
    let (mut combined, mut matching) = (open(&lists.combined)?, open(&lists.matching)?);
    let mut of_kind = BTreeMap::new();
    for (kind, path) in &lists.of_kind {
        of_kind.insert(*kind, List::create(path)?);
    }
    let mut differing: BTreeSet<String> = BTreeSet::new();
    let file = File::open(differences).map_err(failed("open", differences))?;
    for line in BufReader::new(file).lines() {
        let difference: Difference = serde_json::from_str(&line.map_err(failed("read", differences))?)?;
        let line = row_line(&difference);
        for list in combined.iter_mut().chain(of_kind.get_mut(&difference.kind)) {
            list.line(&line)?;
        }
        if let Some(place) = difference.source.filter(|place| !differing.contains(&place.object)) {
            differing.insert(place.object);
        }
    }
    for object in objects.filter(|object| !differing.contains(object)) {
        let is_whole = !damaged.contains(object.as_str());
        let line = format!("{} {}\n", if is_whole { '=' } else { '!' }, harmless(&object));
        for list in combined.iter_mut().chain(matching.as_mut().filter(|_| is_whole)) {
            list.line(&line)?;
        }
    }
    combined.into_iter().chain(matching).chain(of_kind.into_values()).try_for_each(List::finish)
}

fn row_line(difference: &Difference) -> String {
    let dimensions: Vec<String> = difference.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let named = if dimensions.is_empty() { format!("key {}", difference.key) } else { dimensions.join(", ") };
    let place = difference.source.as_ref().map_or_else(|| "-".to_owned(), |place| format!("{} row {}", place.object, place.row));
    let columns: Vec<&str> = difference.columns.iter().map(|column| column.column.as_str()).collect();
    let columns = if columns.is_empty() { "-".to_owned() } else { columns.join(", ") };
    let parts = [&difference.table, &difference.time, &named, &place, &columns, &difference.cause].map(|part| harmless(part));
    format!("{} {}\n", difference.symbol, parts.join("\t"))
}

/// Text from outside, on one line and without tabs.
fn harmless(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        safe
    })
}
