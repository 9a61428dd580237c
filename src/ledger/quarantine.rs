//! Rows that were not written, kept so that a person can mend and replay them.
//!
//! Layout: one file `unit-<8 digits>.jsonl` per unit that has such rows, one [`QuarantinedRow`] a line, in the order of
//! their row numbers.
//!
//! Invariants
//! - A file is there whole or not at all: it is written under a name of its own, made durable, then renamed.
//! - It is on disk before the ledger calls its unit done; a unit that is done again replaces it, or removes it when no row
//!   is left to keep.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::lock::sync_directory;
use super::{LedgerError, QuarantinedRow};

/// A longer line is damage, not a row: a row's content is bounded by the reader's limits well below this.
const LINE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Keeps `rows` as the quarantine of `unit`, in place of what was there; durable when it returns. No rows: no file.
pub fn write_unit(dir: &Path, unit: u32, rows: &[QuarantinedRow]) -> Result<(), LedgerError> {
    let changed = put_unit(dir, unit, rows)?;
    if changed { settle(dir) } else { Ok(()) }
}

/// As [`write_unit`], but durable only after [`settle`]. True when the directory changed.
pub fn put_unit(dir: &Path, unit: u32, rows: &[QuarantinedRow]) -> Result<bool, LedgerError> {
    let path = dir.join(file_name(unit));
    if rows.is_empty() {
        return match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(source) => Err(LedgerError::Io { doing: "remove", path, source }),
        };
    }
    fs::create_dir_all(dir).map_err(|source| LedgerError::Io { doing: "create", path: dir.to_owned(), source })?;
    // The name ends in what no reader takes for a quarantine file, and in the process that writes it.
    let draft = dir.join(format!("{}.{}.new", file_name(unit), std::process::id()));
    write_lines(&draft, rows).map_err(|source| LedgerError::Io { doing: "write", path: draft.clone(), source })?;
    fs::rename(&draft, &path).map_err(|source| LedgerError::Io { doing: "put in place", path, source })?;
    Ok(true)
}

/// Makes every [`put_unit`] before it durable.
pub fn settle(dir: &Path) -> Result<(), LedgerError> {
    sync_directory(dir)
}

fn write_lines(draft: &Path, rows: &[QuarantinedRow]) -> std::io::Result<()> {
    let mut lines = BufWriter::new(File::create(draft)?);
    for row in rows {
        serde_json::to_writer(&mut lines, row)?;
        lines.write_all(b"\n")?;
    }
    lines.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

fn file_name(unit: u32) -> String {
    format!("unit-{unit:08}.jsonl")
}

/// Every quarantined row, in order of unit and row. No directory: no rows. A line that cannot be read is an error in its
/// place, and the lines behind it still come.
pub fn read(dir: &Path) -> Result<Rows, LedgerError> {
    let mut files = Vec::new();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Rows { files: files.into_iter(), open: None }),
        Err(source) => return Err(LedgerError::Io { doing: "list", path: dir.to_owned(), source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| LedgerError::Io { doing: "list", path: dir.to_owned(), source })?;
        let name = entry.file_name();
        let unit = name.to_str().and_then(|name| name.strip_prefix("unit-")?.strip_suffix(".jsonl")?.parse::<u32>().ok());
        if let Some(unit) = unit {
            files.push((unit, entry.path()));
        }
    }
    files.sort();
    Ok(Rows { files: files.into_iter(), open: None })
}

/// Iterates over quarantined rows; see [`read`].
#[derive(Debug)]
pub struct Rows {
    files: std::vec::IntoIter<(u32, PathBuf)>,
    open: Option<OpenFile>,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    lines: BufReader<File>,
    line: usize,
}

impl Iterator for Rows {
    type Item = Result<QuarantinedRow, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(open) = &mut self.open else {
                let (_, path) = self.files.next()?;
                match File::open(&path) {
                    Ok(file) => self.open = Some(OpenFile { path, lines: BufReader::new(file), line: 0 }),
                    Err(source) => return Some(Err(LedgerError::Io { doing: "open", path, source })),
                }
                continue;
            };
            match open.next_line() {
                Ok(Some(row)) => return Some(row),
                Ok(None) => self.open = None,
                Err(source) => {
                    let path = open.path.clone();
                    self.open = None;
                    return Some(Err(LedgerError::Io { doing: "read", path, source }));
                }
            }
        }
    }
}

impl OpenFile {
    /// `None` at the end of the file.
    fn next_line(&mut self) -> std::io::Result<Option<Result<QuarantinedRow, LedgerError>>> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let taken = self.lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if taken == 0 {
            return Ok(None);
        }
        self.line += 1;
        let bad = |detail: String| LedgerError::QuarantineLine { path: self.path.clone(), line: self.line, detail };
        if bytes.pop() != Some(b'\n') {
            return Ok(Some(Err(bad("the line has no end".to_owned()))));
        }
        Ok(Some(serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(unit: u32, row: u64) -> QuarantinedRow {
        QuarantinedRow {
            unit,
            object: "datastore/plant/__dt=2023-06-21/a.json.gz".into(),
            etag: "e".into(),
            row,
            byte_offset: Some(17),
            table: "plant".into(),
            code: "undecodable".into(),
            reason: "expected `,` at column 7\nsecond line".into(),
            content: json!({"t": 9_007_199_254_740_993_i64, "s": "é\n"}),
        }
    }

    fn all(dir: &Path) -> Vec<QuarantinedRow> {
        read(dir).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn rows_read_back_in_order_of_unit_and_stale_drafts_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        write_unit(dir.path(), 100_000_000, &[row(100_000_000, 1)]).unwrap();
        write_unit(dir.path(), 2, &[row(2, 1), row(2, 5)]).unwrap();
        fs::write(dir.path().join("unit-00000001.jsonl.77.new"), b"half a li").unwrap();
        fs::write(dir.path().join("notes.txt"), b"x").unwrap();
        assert_eq!(all(dir.path()), [row(2, 1), row(2, 5), row(100_000_000, 1)]);
    }

    #[test]
    fn a_unit_done_again_replaces_its_file_or_removes_it() {
        let dir = tempfile::tempdir().unwrap();
        write_unit(dir.path(), 3, &[row(3, 1), row(3, 2)]).unwrap();
        write_unit(dir.path(), 3, &[row(3, 2)]).unwrap();
        assert_eq!(all(dir.path()), [row(3, 2)]);
        write_unit(dir.path(), 3, &[]).unwrap();
        assert_eq!(all(dir.path()), []);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        write_unit(dir.path(), 3, &[]).unwrap();
    }

    #[test]
    fn a_damaged_line_is_named_and_the_others_still_come() {
        let dir = tempfile::tempdir().unwrap();
        write_unit(dir.path(), 1, &[row(1, 1)]).unwrap();
        let path = dir.path().join("unit-00000001.jsonl");
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{{}}\n{good}{}", good.trim_end())).unwrap();
        let read: Vec<_> = read(dir.path()).unwrap().collect();
        assert_eq!(read.len(), 3);
        assert!(matches!(&read[0], Err(LedgerError::QuarantineLine { line: 1, .. })));
        assert_eq!(read[1].as_ref().unwrap(), &row(1, 1));
        assert!(matches!(&read[2], Err(LedgerError::QuarantineLine { line: 3, .. })));
    }

    #[test]
    fn no_directory_holds_no_rows() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(all(&dir.path().join("nothing")), []);
        write_unit(&dir.path().join("nothing"), 1, &[]).unwrap();
    }
}
