//! The rows of a CSV put in the order of their bytes, in bounded memory: sorted runs on disk, then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::export::Hashed;

/// Text of rows that is sorted in memory at once.
pub(super) const RUN_BYTES: usize = 64 * 1024 * 1024;

/// A file in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ordered {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Rows behind the header.
    pub(super) rows: u64,
}

/// Counts and hashes the rows of `path` as they are.
pub(super) fn measure(path: &Path) -> io::Result<Ordered> {
    let mut input = BufReader::new(File::open(path)?);
    let mut hashed = Hashed::new(io::sink());
    let (mut record, mut records) = (Vec::new(), 0_u64);
    while next(&mut input, &mut record)? {
        hashed.write_all(&record)?;
        records += 1;
    }
    let (bytes, sha256) = hashed.ended();
    Ok(Ordered { bytes, sha256, rows: records.saturating_sub(1) })
}

/// Writes the rows of `from` to `to` in order, behind the header.
pub(super) fn ordered(from: &Path, to: &Path, run_bytes: usize) -> io::Result<Ordered> {
    let mut input = BufReader::new(File::open(from)?);
    let mut header = Vec::new();
    next(&mut input, &mut header)?;
    let mut runs: Vec<PathBuf> = Vec::new();
    let result = (|| {
        // What fits into one run needs no file.
        let rest = loop {
            let records = run(&mut input, run_bytes)?;
            if records.is_empty() || (runs.is_empty() && at_end(&mut input)?) {
                break records;
            }
            let path = to.with_extension(format!("run-{}", runs.len()));
            runs.push(path.clone());
            let mut file = BufWriter::new(File::create(&path)?);
            records.iter().try_for_each(|record| file.write_all(record))?;
            file.flush()?;
        };
        let file = File::create(to)?;
        let mut out = Hashed::new(BufWriter::new(file));
        out.write_all(&header)?;
        let mut rows = 0;
        for record in &rest {
            out.write_all(record)?;
            rows += 1;
        }
        rows += merge(&runs, &mut out)?;
        out.flush()?;
        let (bytes, sha256) = out.ended();
        out.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(Ordered { bytes, sha256, rows })
    })();
    for path in runs {
        std::fs::remove_file(path).unwrap_or_default();
    }
    result
}

/// The next rows, sorted.
fn run(input: &mut impl BufRead, run_bytes: usize) -> io::Result<Vec<Vec<u8>>> {
    let (mut records, mut held, mut record) = (Vec::new(), 0, Vec::new());
    while held < run_bytes && next(input, &mut record)? {
        held += record.len() + std::mem::size_of::<Vec<u8>>();
        records.push(std::mem::take(&mut record));
    }
    records.sort_unstable();
    Ok(records)
}

fn merge(runs: &[PathBuf], out: &mut impl io::Write) -> io::Result<u64> {
    let mut inputs: Vec<BufReader<File>> = runs.iter().map(|path| File::open(path).map(BufReader::new)).collect::<io::Result<_>>()?;
    let mut heap = BinaryHeap::new();
    for (at, input) in inputs.iter_mut().enumerate() {
        let mut record = Vec::new();
        if next(input, &mut record)? {
            heap.push(Reverse((record, at)));
        }
    }
    let mut rows = 0;
    while let Some(Reverse((mut record, at))) = heap.pop() {
        out.write_all(&record)?;
        rows += 1;
        if let Some(input) = inputs.get_mut(at)
            && next(input, &mut record)?
        {
            heap.push(Reverse((record, at)));
        }
    }
    Ok(rows)
}

fn at_end(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.is_empty())
}

/// One record with its line end, which the last one may have lacked. A line end inside quotes ends nothing.
fn next(input: &mut impl BufRead, record: &mut Vec<u8>) -> io::Result<bool> {
    record.clear();
    let mut quotes = 0_usize;
    loop {
        let begin = record.len();
        if input.read_until(b'\n', record)? == 0 {
            break;
        }
        quotes += record.iter().skip(begin).filter(|byte| **byte == b'"').count();
        if quotes.is_multiple_of(2) {
            break;
        }
    }
    if record.is_empty() {
        return Ok(false);
    }
    if record.last() != Some(&b'\n') {
        record.push(b'\n');
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(text: &str, run_bytes: usize) -> (String, Ordered) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("in"), folder.path().join("out.csv"));
        std::fs::write(&from, text).unwrap();
        let ordered = ordered(&from, &to, run_bytes).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no run is left");
        assert_eq!(measure(&to).unwrap(), ordered, "what is said of the file is true of it");
        (std::fs::read_to_string(to).unwrap(), ordered)
    }

    #[test]
    fn rows_are_ordered_behind_the_header_and_keep_their_line_ends() {
        let text = "\"z\",\"a\"\n\"2\",\"x\ny\"\n\"10\",\"q\"\"\n\"\n\"1\",";
        for run_bytes in [1, 60, RUN_BYTES] {
            let (sorted, ordered) = sorted(text, run_bytes);
            assert_eq!(sorted, "\"z\",\"a\"\n\"1\",\n\"10\",\"q\"\"\n\"\n\"2\",\"x\ny\"\n");
            assert_eq!(ordered.rows, 3);
        }
    }

    #[test]
    fn nothing_and_a_header_alone_have_no_rows() {
        assert_eq!(sorted("", 1), (String::new(), Ordered { bytes: 0, sha256: sorted("", 1).1.sha256, rows: 0 }));
        assert_eq!(sorted("\"__dt\"\n", 1).1.rows, 0);
    }

    proptest! {
        #[test]
        fn any_order_and_any_run_length_give_the_same_file(
            rows in prop::collection::vec("[a-c\n]{0,3}", 0..30), run_bytes in 1_usize..400, seed in any::<u64>()
        ) {
            let lines: Vec<String> = rows.iter().map(|row| format!("\"{row}\"\n")).collect();
            let mut other = lines.clone();
            other.sort_by_key(|line| xxhash_rust::xxh3::xxh3_64_with_seed(line.as_bytes(), seed));
            let one = sorted(&format!("\"h\"\n{}", lines.concat()), RUN_BYTES);
            prop_assert_eq!(&one, &sorted(&format!("\"h\"\n{}", other.concat()), run_bytes));
            prop_assert_eq!(usize::try_from(one.1.rows).unwrap(), rows.len());
        }
    }
}
