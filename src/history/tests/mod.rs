//! What the room promises, from outside: bytes in, rows out.

mod csv;
mod directory;
mod gzip;
mod hostile;
mod json;
mod parquet;

use std::io::{self, Read, Write as _};
use std::ops::ControlFlow;
use std::sync::Arc;

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::value::{Object, Value, object_to_json};

/// One object in memory, read in pieces of a chosen size.
struct InMemory {
    bytes: Arc<Vec<u8>>,
    piece_bytes: usize,
}

impl Source for InMemory {
    fn list(&self) -> Result<Listing, HistoryError> {
        Ok(Listing { root: "memory".to_owned(), objects: [object(Format::Json)].into_iter().collect(), passed_over: Vec::new() })
    }

    fn open(&self, _: &SourceObject) -> Result<Box<dyn Read + Send>, HistoryError> {
        Ok(Box::new(InPieces { bytes: Arc::clone(&self.bytes), at: 0, piece_bytes: self.piece_bytes }))
    }

    fn open_ranges(&self, _: &SourceObject) -> Result<Box<dyn Ranges>, HistoryError> {
        Ok(Box::new(Whole(Arc::clone(&self.bytes))))
    }
}

struct Whole(Arc<Vec<u8>>);

impl Ranges for Whole {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_range(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let offset = usize::try_from(offset).unwrap();
        Ok(self.0[offset..offset + length].to_vec())
    }
}

struct InPieces {
    bytes: Arc<Vec<u8>>,
    at: usize,
    piece_bytes: usize,
}

impl Read for InPieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.piece_bytes.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

fn object(format: Format) -> SourceObject {
    SourceObject {
        id: Arc::new(ObjectId { key: "datastore/s/part".to_owned(), etag: "1-1".to_owned() }),
        locator: "datastore/s/part".to_owned(),
        store: "s".to_owned(),
        layout: Layout::Datastore,
        format,
        gzip: false,
        size_bytes: 0,
        partitions: Arc::new([]),
        pipeline: None,
    }
}

/// What reading came to.
struct Outcome {
    good: Vec<Row>,
    bad: Vec<BadRow>,
    read: ObjectRead,
}

impl Outcome {
    /// The good rows as compact JSON.
    fn rows(&self) -> Vec<String> {
        self.good.iter().map(|row| object_to_json(&row.columns).to_string()).collect()
    }

    fn columns(&self) -> Vec<&Object> {
        self.good.iter().map(|row| &row.columns).collect()
    }

    /// The reasons of the bad rows, each with its number.
    fn reasons(&self) -> Vec<(u64, &str)> {
        self.bad.iter().map(|bad| (bad.provenance.row, bad.reason.as_str())).collect()
    }

    fn damage(&self) -> &str {
        self.read.damage.as_deref().unwrap_or_default()
    }
}

fn read_with(format: Format, bytes: &[u8], limits: &ReadLimits, piece_bytes: usize) -> Outcome {
    let source = InMemory { bytes: Arc::new(bytes.to_vec()), piece_bytes };
    collect(&source, &object(format), limits).unwrap()
}

fn read(format: Format, bytes: &[u8]) -> Outcome {
    read_with(format, bytes, &ReadLimits::default(), usize::MAX)
}

fn collect(source: &dyn Source, object: &SourceObject, limits: &ReadLimits) -> Result<Outcome, HistoryError> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut numbers = 0;
    let read = read_object(source, object, limits, &mut |decoded| {
        numbers += 1;
        match decoded {
            Decoded::Row(row) => {
                assert_eq!(row.provenance.row, numbers);
                good.push(row);
            }
            Decoded::Bad(row) => {
                assert_eq!(row.provenance.row, numbers);
                assert!(row.raw.len() <= RAW_EXCERPT_BYTES_MAX);
                bad.push(row);
            }
            Decoded::Filtered(filtered) => panic!("nothing is filtered without a pipeline: {filtered:?}"),
        }
        ControlFlow::Continue(())
    })?;
    assert_eq!(read.rows, numbers);
    Ok(Outcome { good, bad, read })
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

#[test]
fn the_sink_stops_the_reading() {
    let source = InMemory { bytes: Arc::new(b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n".to_vec()), piece_bytes: 100 };
    let mut seen = 0;
    let read = read_object(&source, &object(Format::Json), &ReadLimits::default(), &mut |_| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((read.unwrap(), seen), (ObjectRead { rows: 2, damage: None }, 2));
}

#[test]
fn partitions_of_the_key_are_columns_unless_the_row_has_its_own() {
    let source = InMemory { bytes: Arc::new(b"{\"a\":1}{\"__dt\":\"mine\"}".to_vec()), piece_bytes: 100 };
    let object = SourceObject { partitions: Arc::new([("__dt".to_owned(), "2023-06-21 00:00:00".to_owned())]), ..object(Format::Json) };
    let outcome = collect(&source, &object, &ReadLimits::default()).unwrap();
    assert_eq!(outcome.rows(), [r#"{"a":1,"__dt":"2023-06-21 00:00:00"}"#, r#"{"__dt":"mine"}"#]);
}

#[test]
fn an_empty_object_has_no_row_and_only_for_parquet_is_that_damage() {
    for format in [Format::Json, Format::Csv] {
        assert_eq!(read(format, b"").read, ObjectRead::default());
        assert_eq!(read(format, &gz(b"")).read, ObjectRead::default());
        assert_eq!(read(format, b"\xef\xbb\xbf\r\n").read.rows, 0);
    }
    assert_eq!(read(Format::Parquet, b"").damage(), "the file is empty, and Parquet never is (after row 0)");
}
