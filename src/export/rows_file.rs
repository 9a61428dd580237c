//! One file of rows while it is written.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::durable::{self, Hashed};
use super::error::ExportError;
use super::manifest::{Arrived, Origin, StagedFile, Times};
use super::schema::{Group, StagedRow, schema};
use super::stage::Sizes;
use crate::failpoint::{self, Failpoints};
use crate::history::SourceObject;
use crate::time::Nanos;

/// Where file number `number` (from 1) stands.
pub(super) fn name(number: usize) -> String {
    format!("rows-{number:06}.parquet")
}

pub(super) struct RowsFile {
    path: PathBuf,
    name: String,
    writer: ArrowWriter<Hashed<BufWriter<File>>>,
    group: Group,
    sizes: Sizes,
    text_bytes: usize,
    first_row: u64,
    rows: u64,
    bad_rows: u64,
    objects: u64,
    from: Option<Origin>,
    to: Option<Origin>,
    arrived: Option<Arrived>,
    times: Option<(Nanos, Nanos)>,
}

impl RowsFile {
    pub(super) fn create(folder: &Path, number: usize, first_row: u64, sizes: Sizes) -> Result<Self, ExportError> {
        let name = name(number);
        let path = folder.join(&name);
        let temporary = durable::unfinished(&path);
        let file = File::create(&temporary).map_err(ExportError::io("made", &temporary))?;
        // Nothing of the machine or the moment: equal rows are equal bytes.
        let properties = WriterProperties::builder()
            .set_created_by("iota2ts".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(sizes.group_rows.max(1)))
            .build();
        let writer = ArrowWriter::try_new(Hashed::new(BufWriter::new(file)), schema(), Some(properties)).map_err(parquet(&path))?;
        Ok(Self {
            path,
            name,
            writer,
            group: Group::default(),
            sizes,
            text_bytes: 0,
            first_row,
            rows: 0,
            bad_rows: 0,
            objects: 0,
            from: None,
            to: None,
            arrived: None,
            times: None,
        })
    }

    /// Takes a row in. True when the file has enough: its last group is complete and its size reached.
    pub(super) fn push(&mut self, object: &SourceObject, row: &StagedRow) -> Result<bool, ExportError> {
        let origin = || Origin { object: object.id.key.clone(), etag: object.id.etag.clone(), row: row.number() };
        match &mut self.to {
            Some(to) if to.object == object.id.key => to.row = row.number(),
            to => {
                *to = Some(origin());
                self.objects += 1;
                if let Some((_, day)) = object.partitions.iter().find(|(name, _)| name == "__dt") {
                    self.arrive(day);
                }
            }
        }
        self.from.get_or_insert_with(origin);
        if let Some(time) = row.time {
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
        self.rows += 1;
        self.bad_rows += u64::from(row.is_bad());
        self.text_bytes += row.text_bytes();
        self.group.push(&object.store, &object.id, row);
        if self.group.rows >= self.sizes.group_rows || self.group.text_bytes >= self.sizes.group_text_bytes {
            self.flush_group()?;
            return Ok(self.text_bytes >= self.sizes.file_text_bytes);
        }
        Ok(false)
    }

    fn arrive(&mut self, day: &str) {
        match &mut self.arrived {
            None => self.arrived = Some(Arrived { first: day.to_owned(), last: day.to_owned() }),
            Some(arrived) if day < arrived.first.as_str() => day.clone_into(&mut arrived.first),
            Some(arrived) if day > arrived.last.as_str() => day.clone_into(&mut arrived.last),
            Some(_) => {}
        }
    }

    fn flush_group(&mut self) -> Result<(), ExportError> {
        if self.group.rows == 0 {
            return Ok(());
        }
        let batch = self.group.take().map_err(|error| parquet(&self.path)(error.into()))?;
        self.writer.write(&batch).and_then(|()| self.writer.flush()).map_err(parquet(&self.path))
    }

    /// Makes the file durable under its own name.
    pub(super) fn close(mut self, failpoints: &Failpoints) -> Result<StagedFile, ExportError> {
        self.flush_group()?;
        let mut hashed = self.writer.into_inner().map_err(parquet(&self.path))?;
        let temporary = durable::unfinished(&self.path);
        let write = |hashed: &mut Hashed<BufWriter<File>>| hashed.flush().and_then(|()| hashed.inner.get_ref().sync_all());
        write(&mut hashed).map_err(ExportError::io("made durable", &temporary))?;
        failpoints.hit(failpoint::EXPORT_BEFORE_RENAME);
        durable::settle(&temporary, &self.path)?;
        failpoints.hit(failpoint::EXPORT_AFTER_RENAME);
        let (bytes, sha256) = hashed.ended();
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Err(ExportError::damaged(&self.path, "a file without rows was closed"));
        };
        Ok(StagedFile {
            name: self.name,
            rows: self.rows,
            bad_rows: self.bad_rows,
            bytes,
            sha256,
            first_row: self.first_row,
            from,
            to,
            objects: self.objects,
            arrived: self.arrived,
            times: self.times.map(|(first, last)| Times { first: first.to_iso8601(), last: last.to_iso8601() }),
        })
    }
}

fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> ExportError {
    let path = path.to_owned();
    move |error| ExportError::Parquet { path, reason: error.to_string() }
}
