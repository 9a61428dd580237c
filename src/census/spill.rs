//! Keys on disk, in partitions that are looked at one at a time.
//!
//! Layout: a spill is up to [`PARTITIONS`] files, by six bits of the key (the highest six at level 0, the next six at
//! level 1, …), so that partitions in order are keys in order. A file is entries of [`ENTRY_BYTES`] bytes, one after the
//! other in no order: key (16), unit (4), row (8), content (8), time (8), digest (8), slice (2), all little-endian. How many entries a
//! file holds and the sum of their checksums stay in memory; a file that reads back otherwise is refused.
//!
//! A partition of more than `entries_at_once` entries is split by the next six bits of the key before it is loaded. Memory is
//! therefore bounded by that number, or by the rows of one single key where these are more.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::scratch::{Scratch, SpillError, io_error};

const PARTITION_BITS: u32 = 6;
/// Files per spill.
pub(crate) const PARTITIONS: usize = 1 << PARTITION_BITS;
/// Bytes of one entry on disk.
pub(crate) const ENTRY_BYTES: usize = 54;
/// After this many levels nearly all bits of a key are used up.
const LEVEL_MAX: u32 = 20;
/// A writer hands on a partition's entries when it has gathered this many bytes of them.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// Entries in memory at once, of all sides together: 64 MiB.
pub(crate) const ENTRIES_AT_ONCE: u64 = 1 << 20;

/// One record, as much of it as finding it again needs. Ordered by key, then by the history's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// [`crate::record::RecordKey`].
    pub key: u128,
    /// The place of the object in the listing, from 0.
    pub unit: u32,
    /// The row in it, from 1.
    pub row: u64,
    /// [`crate::record::Record::content_digest`].
    pub content: u64,
    /// Nanoseconds since the epoch.
    pub time: i64,
    /// [`crate::digest::row_digest`], or 0 in a census without digests.
    pub digest: i64,
    /// [`crate::digest::dimension_slice`], or 0 in a census without digests.
    pub slice: u16,
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[0..16].copy_from_slice(&self.key.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.unit.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.row.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.content.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.time.to_le_bytes());
        bytes[44..52].copy_from_slice(&self.digest.to_le_bytes());
        bytes[52..54].copy_from_slice(&self.slice.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        fn part<const N: usize>(bytes: &[u8; ENTRY_BYTES], from: usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&bytes[from..from + N]);
            part
        }
        Self {
            key: u128::from_le_bytes(part(bytes, 0)),
            unit: u32::from_le_bytes(part(bytes, 16)),
            row: u64::from_le_bytes(part(bytes, 20)),
            content: u64::from_le_bytes(part(bytes, 28)),
            time: i64::from_le_bytes(part(bytes, 36)),
            digest: i64::from_le_bytes(part(bytes, 44)),
            slice: u16::from_le_bytes(part(bytes, 52)),
        }
    }

    fn partition(self, level: u32) -> usize {
        let shift = 128 - PARTITION_BITS * (level + 1);
        // Six bits fit every usize.
        usize::try_from((self.key >> shift) % (PARTITIONS as u128)).unwrap_or_default()
    }
}

/// One partition: its file, if it has any entry, and what the file must read back as.
#[derive(Debug, Default)]
struct Part {
    path: Option<PathBuf>,
    entries: u64,
    checksum: u64,
    /// The lowest and the highest key.
    keys: Option<(u128, u128)>,
}

/// How far a spill is written durably: enough to go on with it in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpillMark {
    /// Those that have a file.
    parts: Vec<PartMark>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PartMark {
    partition: usize,
    /// Its name in the scratch directory.
    file: String,
    entries: u64,
    checksum: u64,
    keys: Option<(u128, u128)>,
}

impl SpillMark {
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.file.as_str())
    }
}

/// A spill that is being written, by several threads through a [`SpillBuffer`] each.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    scratch: Arc<Scratch>,
    level: u32,
    entries_at_once: u64,
    parts: Vec<Mutex<(Part, Option<File>)>>,
}

impl SpillWriter {
    pub(crate) fn new(scratch: &Arc<Scratch>, entries_at_once: u64) -> Self {
        Self::at_level(scratch, 0, entries_at_once)
    }

    fn at_level(scratch: &Arc<Scratch>, level: u32, entries_at_once: u64) -> Self {
        let parts = (0..PARTITIONS).map(|_| Mutex::new((Part::default(), None))).collect();
        Self { scratch: Arc::clone(scratch), level, entries_at_once, parts }
    }

    /// Goes on with a spill as it was at `mark`: what was written behind is cut off. None when its files do not reach as far.
    pub(super) fn resumed(scratch: &Arc<Scratch>, entries_at_once: u64, mark: &SpillMark) -> Result<Option<Self>, SpillError> {
        let writer = Self::new(scratch, entries_at_once);
        for PartMark { partition, file: name, entries, checksum, keys } in &mark.parts {
            let is_plain = name.bytes().all(|byte| byte.is_ascii_digit());
            let (Some(slot), true) = (writer.parts.get(*partition), is_plain) else { return Ok(None) };
            let path = scratch.path().join(name);
            let file = match OpenOptions::new().append(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(SpillError::Io { doing: "open", path, source }),
            };
            let bytes = entries.saturating_mul(ENTRY_BYTES as u64);
            if file.metadata().map_err(io_error("look at", &path))?.len() < bytes {
                return Ok(None);
            }
            file.set_len(bytes).map_err(io_error("shorten", &path))?;
            let part = Part { path: Some(path), entries: *entries, checksum: *checksum, keys: *keys };
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = (part, Some(file));
        }
        Ok(Some(writer))
    }

    /// Makes what was flushed durable, and says how far that is. No buffer may be in use.
    pub(super) fn mark(&self) -> Result<SpillMark, SpillError> {
        let mut parts = Vec::new();
        for (partition, slot) in self.parts.iter().enumerate() {
            let guard = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let (Part { path: Some(path), entries, checksum, keys }, Some(file)) = &*guard else { continue };
            file.sync_data().map_err(io_error("make durable", path))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            parts.push(PartMark { partition, file, entries: *entries, checksum: *checksum, keys: *keys });
        }
        Ok(SpillMark { parts })
    }

    pub(crate) fn buffer(&self) -> SpillBuffer<'_> {
        SpillBuffer { writer: self, buffers: vec![Vec::new(); PARTITIONS] }
    }

    fn append(&self, partition: usize, bytes: &[u8]) -> Result<(), SpillError> {
        let mut guard = self.parts[partition].lock().unwrap_or_else(PoisonError::into_inner);
        let (part, file) = &mut *guard;
        let path = part.path.get_or_insert_with(|| self.scratch.fresh_path());
        if file.is_none() {
            *file = Some(OpenOptions::new().append(true).create_new(true).open(&*path).map_err(io_error("create", path))?);
        }
        if let Some(file) = file {
            file.write_all(bytes).map_err(io_error("write to", path))?;
        }
        for entry in bytes.as_chunks::<ENTRY_BYTES>().0 {
            part.entries += 1;
            part.checksum = part.checksum.wrapping_add(xxh3_64(entry));
            let key = Entry::from_bytes(entry).key;
            part.keys = Some(part.keys.map_or((key, key), |(lowest, highest)| (lowest.min(key), highest.max(key))));
        }
        Ok(())
    }

    /// Closes the files. Every buffer must have been flushed.
    pub(crate) fn finish(self) -> Spill {
        let parts = self.parts.into_iter().map(|part| part.into_inner().unwrap_or_else(PoisonError::into_inner).0).collect();
        Spill { scratch: self.scratch, level: self.level, entries_at_once: self.entries_at_once, parts }
    }
}

/// One thread's way into a spill. What was not flushed is lost, and [`SpillBuffer::flush`] says so by being fallible.
#[derive(Debug)]
pub(crate) struct SpillBuffer<'a> {
    writer: &'a SpillWriter,
    buffers: Vec<Vec<u8>>,
}

impl SpillBuffer<'_> {
    pub(crate) fn push(&mut self, entry: Entry) -> Result<(), SpillError> {
        let partition = entry.partition(self.writer.level);
        let buffer = &mut self.buffers[partition];
        buffer.extend_from_slice(&entry.to_bytes());
        if buffer.len() + ENTRY_BYTES > BUFFER_BYTES_MAX {
            self.writer.append(partition, buffer)?;
            buffer.clear();
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), SpillError> {
        for (partition, buffer) in self.buffers.iter_mut().enumerate().filter(|(_, buffer)| !buffer.is_empty()) {
            self.writer.append(partition, buffer)?;
            buffer.clear();
        }
        Ok(())
    }
}

/// A spill that is complete and can be read.
#[derive(Debug)]
pub(crate) struct Spill {
    scratch: Arc<Scratch>,
    level: u32,
    entries_at_once: u64,
    parts: Vec<Part>,
}

impl Spill {
    pub(crate) fn scratch(&self) -> &Arc<Scratch> {
        &self.scratch
    }

    pub(crate) fn entries_at_once(&self) -> u64 {
        self.entries_at_once
    }

    /// Frees the disk before the scratch directory goes.
    fn remove(self) -> Result<(), SpillError> {
        for path in self.parts.into_iter().filter_map(|part| part.path) {
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }
}

impl Part {
    /// Streams the entries in the order in which they were written.
    fn each(&self, each: &mut dyn FnMut(Entry) -> Result<(), SpillError>) -> Result<(), SpillError> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut file = io::BufReader::with_capacity(64 * 1024, File::open(path).map_err(io_error("open", path))?);
        let length = file.get_ref().metadata().map_err(io_error("look at", path))?.len();
        if length != self.entries * ENTRY_BYTES as u64 {
            let what = format!("{length} bytes instead of {} entries of {ENTRY_BYTES}", self.entries);
            return Err(SpillError::Torn { path: path.clone(), what });
        }
        let mut checksum: u64 = 0;
        let mut bytes = [0; ENTRY_BYTES];
        for _ in 0..self.entries {
            file.read_exact(&mut bytes).map_err(io_error("read", path))?;
            checksum = checksum.wrapping_add(xxh3_64(&bytes));
            each(Entry::from_bytes(&bytes))?;
        }
        if checksum != self.checksum {
            return Err(SpillError::Torn { path: path.clone(), what: "its checksum differs".to_owned() });
        }
        Ok(())
    }

    fn load_sorted(&self) -> Result<Vec<Entry>, SpillError> {
        let mut entries = Vec::with_capacity(usize::try_from(self.entries).unwrap_or_default());
        self.each(&mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        entries.sort_unstable();
        Ok(entries)
    }

    fn split(&self, scratch: &Arc<Scratch>, level: u32, entries_at_once: u64) -> Result<Spill, SpillError> {
        let writer = SpillWriter::at_level(scratch, level, entries_at_once);
        let mut buffer = writer.buffer();
        self.each(&mut |entry| buffer.push(entry))?;
        buffer.flush()?;
        drop(buffer);
        Ok(writer.finish())
    }
}

/// Receives, per partition, the sorted entries of every side.
pub(crate) type PartitionSink<'a, E> = dyn FnMut(&[Vec<Entry>]) -> Result<(), E> + 'a;

/// Walks through several spills side by side, in the order of keys: each call gets all entries of a range of keys, one list
/// per side.
pub(crate) fn walk<E: From<SpillError>>(sides: &[&Spill], each: &mut PartitionSink<'_, E>) -> Result<(), E> {
    let Some(first) = sides.first() else { return Ok(()) };
    for at in 0..PARTITIONS {
        let parts: Vec<&Part> = sides.iter().map(|side| &side.parts[at]).collect();
        walk_parts(&parts, first, each)?;
    }
    Ok(())
}

fn walk_parts<E: From<SpillError>>(parts: &[&Part], of: &Spill, each: &mut PartitionSink<'_, E>) -> Result<(), E> {
    let total: u64 = parts.iter().map(|part| part.entries).sum();
    if total == 0 {
        return Ok(());
    }
    let lowest = parts.iter().filter_map(|part| part.keys).map(|keys| keys.0).min();
    let highest = parts.iter().filter_map(|part| part.keys).map(|keys| keys.1).max();
    // The rows of one key cannot be told apart by it, however many they are.
    if total <= of.entries_at_once || lowest == highest || of.level >= LEVEL_MAX {
        let loaded = parts.iter().map(|part| part.load_sorted()).collect::<Result<Vec<_>, _>>()?;
        return each(&loaded);
    }
    let spills = parts.iter().map(|part| part.split(&of.scratch, of.level + 1, of.entries_at_once)).collect::<Result<Vec<Spill>, _>>()?;
    for at in 0..PARTITIONS {
        let sub_parts: Vec<&Part> = spills.iter().map(|spill| &spill.parts[at]).collect();
        if let Some(first) = spills.first() {
            walk_parts(&sub_parts, first, each)?;
        }
    }
    spills.into_iter().try_for_each(Spill::remove).map_err(E::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spill(scratch: &Arc<Scratch>, entries_at_once: u64, entries: &[Entry]) -> Spill {
        let writer = SpillWriter::new(scratch, entries_at_once);
        let mut buffer = writer.buffer();
        entries.iter().try_for_each(|entry| buffer.push(*entry)).unwrap();
        buffer.flush().unwrap();
        drop(buffer);
        writer.finish()
    }

    fn entry(key: u128, row: u64) -> Entry {
        Entry { key, unit: 3, row, content: u64::MAX - row, time: -7, digest: i64::MIN, slice: 7 }
    }

    fn read_back(sides: &[&Spill]) -> Result<Vec<Vec<Entry>>, SpillError> {
        let mut all = vec![Vec::new(); sides.len()];
        walk(sides, &mut |lists: &[Vec<Entry>]| {
            all.iter_mut().zip(lists).for_each(|(all, list)| all.extend_from_slice(list));
            Ok::<(), SpillError>(())
        })?;
        Ok(all)
    }

    #[test]
    fn a_spill_that_lost_its_tail_or_changed_a_byte_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(directory.path()).unwrap();
        for damage in ["tail", "byte", "whole entry"] {
            let spilled = spill(&scratch, 10, &[entry(1, 1), entry(2, 2)]);
            let path = spilled.parts[0].path.clone().unwrap();
            let mut bytes = fs::read(&path).unwrap();
            match damage {
                "tail" => bytes.truncate(ENTRY_BYTES + 1),
                "byte" => bytes[30] ^= 1,
                _ => bytes.truncate(ENTRY_BYTES),
            }
            fs::write(&path, bytes).unwrap();
            assert!(matches!(read_back(&[&spilled]), Err(SpillError::Torn { .. })), "{damage}");
        }
    }

    #[test]
    fn a_spill_is_gone_on_with_from_its_mark_whatever_was_written_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let (path, lock) = (directory.path().join("kept"), directory.path().join("lock"));
        let write = |writer: &SpillWriter, rows: &[u64]| {
            let mut buffer = writer.buffer();
            rows.iter().try_for_each(|row| buffer.push(entry(u128::from(*row) << 122, *row))).unwrap();
            buffer.flush().unwrap();
        };
        let mark = {
            let writer = SpillWriter::new(&Scratch::kept(&path, &lock).unwrap(), 10);
            write(&writer, &[1, 2]);
            let mark = writer.mark().unwrap();
            // Of the process that dies: the end of a file that the mark knows, and a file that it does not.
            write(&writer, &[2, 3]);
            mark
        };
        let scratch = Scratch::kept(&path, &lock).unwrap();
        scratch.retain(&mark.files().collect()).unwrap();
        let writer = SpillWriter::resumed(&scratch, 10, &mark).unwrap().unwrap();
        write(&writer, &[3, 4]);
        let rows: Vec<u64> = read_back(&[&writer.finish()]).unwrap()[0].iter().map(|entry| entry.row).collect();
        assert_eq!(rows, [1, 2, 3, 4]);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 4, "what the mark does not know is gone");
        fs::write(path.join(mark.files().next().unwrap()), "short").unwrap();
        assert!(SpillWriter::resumed(&scratch, 10, &mark).unwrap().is_none());
    }

    #[test]
    fn a_scratch_directory_is_its_own_and_goes_with_its_last_holder() {
        let directory = tempfile::tempdir().unwrap();
        let one = Scratch::below(directory.path()).unwrap();
        let two = Scratch::below(directory.path()).unwrap();
        assert_ne!(one.path(), two.path());
        let spilled = spill(&one, 10, &[entry(1, 1)]);
        drop(one);
        assert_eq!(read_back(&[&spilled]).unwrap()[0].len(), 1);
        drop(spilled);
        drop(two);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn partitions_split_until_they_fit_and_one_large_key_does_not_split_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(directory.path()).unwrap();
        let mut entries: Vec<Entry> = (0..500).map(|row| entry(u128::MAX, row)).collect();
        entries.extend((0..500).map(|row| entry(u128::from(row) << 100, row)));
        let spilled = spill(&scratch, 16, &entries);
        let mut largest_of_others = 0;
        walk(&[&spilled], &mut |lists: &[Vec<Entry>]| {
            if lists[0].iter().all(|e| e.key != u128::MAX) {
                largest_of_others = largest_of_others.max(lists[0].len());
            }
            Ok::<(), SpillError>(())
        })
        .unwrap();
        assert!((1..=16).contains(&largest_of_others), "{largest_of_others}");
        entries.sort_unstable();
        assert_eq!(read_back(&[&spilled]).unwrap()[0], entries);
    }

    proptest! {
        #[test]
        fn whatever_was_spilled_comes_back_in_order_on_every_side(
            left in prop::collection::vec((any::<u128>(), 0u64..9), 0..80),
            right in prop::collection::vec((0u128..4, 0u64..9), 0..40),
            entries_at_once in 1u64..200,
        ) {
            let directory = tempfile::tempdir().unwrap();
            let scratch = Scratch::below(directory.path()).unwrap();
            let sides: Vec<Vec<Entry>> = [left, right].into_iter().map(|side| side.into_iter().map(|(k, r)| entry(k, r)).collect()).collect();
            let spills: Vec<Spill> = sides.iter().map(|side| spill(&scratch, entries_at_once, side)).collect();
            let back = read_back(&[&spills[0], &spills[1]]).unwrap();
            for (mut side, back) in sides.into_iter().zip(back) {
                side.sort_unstable();
                prop_assert_eq!(side, back);
            }
        }
    }
}
