//! Objects that become far larger than they are: read under a limit of memory, each is damage or bad rows, named, and the good
//! rows beside them migrate.

use std::io::Write as _;
use std::sync::Arc;

use flate2::{Compression as Level, write::GzEncoder};
use parquet::basic::{Compression, GzipLevel};
use parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use crate::environment::{Environment, Ran};

/// Kibibytes of address space. Every Parquet file here asks for more.
const MEMORY_KIB_MAX: u64 = 2_000_000;
const MEBI: usize = 1024 * 1024;
const DAY: &str = "history/datastore/line/__dt=2025-10-09 00:00:00";

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Gzip of `before`, `mebibytes` of the byte `filling`, and `after`, in members.
fn gz_of(before: &str, filling: u8, mebibytes: usize, after: &str) -> Vec<u8> {
    [gz(before.as_bytes()), gz(&vec![filling; 16 * MEBI]).repeat(mebibytes / 16), gz(after.as_bytes())].concat()
}

/// Thrift's compact form of a structure with 32-bit fields of consecutive numbers from `first` on.
fn fields(first: u8, values: &[i32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, value) in values.iter().enumerate() {
        bytes.push(if at == 0 { first << 4 | 5 } else { 0x15 });
        varint(&mut bytes, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
    }
    bytes
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
}

/// The plain data page that says what is told here.
fn page(unpacked_bytes: i32, values: i32, body: &[u8]) -> Vec<u8> {
    [header(unpacked_bytes, values, 0, body.len(), &[]), body.to_vec()].concat()
}

/// A data page's header; `statistics` is its last field.
fn header(unpacked_bytes: i32, values: i32, encoding: i32, packed_bytes: usize, statistics: &[u8]) -> Vec<u8> {
    let mut bytes = fields(1, &[0, unpacked_bytes, i32::try_from(packed_bytes).unwrap()]);
    bytes.push(0x2c);
    bytes.extend(fields(1, &[values, encoding, 3, 3]));
    bytes.extend(statistics);
    bytes.extend([0, 0]);
    bytes
}

/// A page that says that it holds the lengths of 2^40 texts.
fn lengths(encoding: i32) -> Vec<u8> {
    let body = [0x80, 0x01, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    [header(10, 10, encoding, body.len(), &[]), body.to_vec()].concat()
}

/// A dictionary that says that it holds two thousand million numbers, before a page of one.
fn dictionary() -> Vec<u8> {
    let mut bytes = fields(1, &[2, 8, 8]);
    bytes.push(0x4c);
    bytes.extend(fields(1, &[i32::MAX, 0]));
    bytes.extend([0, 0]);
    bytes.extend([7; 8]);
    [bytes, header(2, 1, 8, 2, &[]), vec![1, 2]].concat()
}

/// A file of one column with one page.
fn parquet_of(schema: &str, codec: Compression, rows: i64, values: i64, page: &[u8]) -> Vec<u8> {
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(parse_message_type(schema).unwrap())));
    let length = i64::try_from(page.len()).unwrap();
    let column = ColumnChunkMetaData::builder(schema.column(0)).set_compression(codec).set_num_values(values);
    let column = column.set_total_compressed_size(length).set_total_uncompressed_size(length).set_data_page_offset(4).build().unwrap();
    let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(rows).set_total_byte_size(length);
    let group = group.add_column_metadata(column).build().unwrap();
    let metadata = ParquetMetaDataBuilder::new(FileMetaData::new(1, rows, None, None, schema, None)).add_row_group(group).build();
    let mut bytes = [b"PAR1", page].concat();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
    bytes
}

/// A list of two thousand million nulls.
fn elements() -> Vec<u8> {
    let values = i32::MAX;
    let run = |length: i32, value: u8| {
        let mut bytes = Vec::new();
        varint(&mut bytes, u64::from(length.cast_unsigned()) << 1);
        bytes.push(value);
        bytes
    };
    let levels = |runs: Vec<u8>| [&u32::try_from(runs.len()).unwrap().to_le_bytes()[..], &runs].concat();
    let body = [levels([run(1, 0), run(values - 1, 1)].concat()), levels(run(values, 2))].concat();
    let schema = "message m { optional group l (LIST) { repeated group list { optional int64 element; } } }";
    parquet_of(schema, Compression::UNCOMPRESSED, 1, values.into(), &page(i32::try_from(body.len()).unwrap(), values, &body))
}

/// Runs the executable with a limit of memory.
fn limited(environment: &Environment, args: &[&str]) -> Ran {
    let inner = environment.command(args);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit -v {MEMORY_KIB_MAX} && exec \"$0\" \"$@\"")]).arg(inner.get_program()).args(inner.get_args());
    shell.current_dir(environment.root()).env_clear().stdin(std::process::Stdio::null());
    shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    environment.finish(&mut shell)
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_packed_to_burst_is_named_and_holds_nothing_up() {
    let environment = Environment::new();
    let put = |name: &str, bytes: Vec<u8>| environment.write(&format!("{DAY}/{name}"), bytes);
    let good = |minute: usize| format!("{{\"time\":\"2025-10-09T08:{minute:02}:00Z\",\"device\":\"press\",\"bar\":{minute}.5}}\n");
    put("0.json", (0..50).map(good).collect::<String>().into_bytes());
    put("elements.parquet", elements());
    let column = "message m { required int64 a; }";
    let packed = gz(&vec![0; 16 * MEBI]).repeat(256);
    put("lies.parquet", parquet_of(column, Compression::GZIP(GzipLevel::default()), 1000, 1000, &page(8000, 1000, &packed)));
    let texts = "message m { required binary a; }";
    put("lengths.parquet", parquet_of(texts, Compression::UNCOMPRESSED, 10, 10, &lengths(6)));
    put("prefixes.parquet", parquet_of(texts, Compression::UNCOMPRESSED, 10, 10, &lengths(7)));
    put("dictionary.parquet", parquet_of(column, Compression::UNCOMPRESSED, 1, 1, &dictionary()));
    // The least value, of 2^40 bytes.
    let statistics = [0x1c, 0x28, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    put("statistics.parquet", parquet_of(column, Compression::UNCOMPRESSED, 1, 1, &[header(8, 1, 0, 8, &statistics), vec![7; 8]].concat()));
    put("claims.parquet", parquet_of(column, Compression::SNAPPY, 1000, 1000, &page(i32::MAX, 1000, b"\xff\xff\xff\xff\x07")));
    put("text.json.gz", gz_of("{\"device\":\"", b'a', 32, "\"}\n"));
    put("field.csv.gz", gz_of("\"time\",\"device\"\n\"1\",\"", b'a', 32, "\"\n"));
    put("nested.json.gz", gz_of("", b'[', 32, ""));

    let store = r#"{"datastoreName":"line","retentionPeriod":{"unlimited":true}}"#;
    environment.write("definitions/line.json", store);
    assert_eq!(environment.run(&["capture", "--from", "definitions"]).code, Some(0));
    let told = limited(&environment, &["plan", "--history", "history"]).ended(0).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("53 rows in 11 objects") && told.contains("0 refused by the mapping, 3 undecodable"), "{told}");

    drop(limited(&environment, &["backfill", "--target", "embedded"]).ended(2));
    let units = limited(&environment, &["--output", "json", "units", "list"]).ended(0).json();
    let too_much = "its pages take more than 536870912 bytes of memory at one time (after row 0)";
    let expected = [
        ("0.json", 50, 0, None),
        ("claims.parquet", 0, 0, Some(too_much)),
        ("dictionary.parquet", 0, 0, Some(too_much)),
        ("elements.parquet", 0, 0, Some(too_much)),
        ("field.csv.gz", 0, 1, None),
        ("lengths.parquet", 0, 0, Some("the lengths of a page's values make no sense (after row 0)")),
        ("lies.parquet", 0, 0, Some("a page becomes larger than the 8000 bytes that it says (after row 0)")),
        ("nested.json.gz", 0, 1, None),
        ("prefixes.parquet", 0, 0, Some("the lengths of a page's values make no sense (after row 0)")),
        ("statistics.parquet", 0, 0, Some("a page header makes no sense (after row 0)")),
        ("text.json.gz", 0, 1, None),
    ];
    assert_eq!(units.as_array().unwrap().len(), expected.len());
    for (unit, (name, acknowledged, quarantined, damage)) in units.as_array().unwrap().iter().zip(expected) {
        assert!(unit["object"].as_str().unwrap().ends_with(name), "{unit}");
        assert_eq!((unit["acknowledged"].as_u64(), unit["quarantined"].as_u64()), (Some(acknowledged), Some(quarantined)), "{unit}");
        assert_eq!(unit["damage"].as_str(), damage, "{unit}");
    }
    let verified = limited(&environment, &["--output", "json", "verify", "--target", "embedded"]).ended(2).json();
    assert_eq!(verified["verdict"], "complete_with_quarantine");
    assert_eq!((&verified["tables"][0]["present"], verified["tables"][0]["damaged"].as_array().unwrap().len()), (&50.into(), 7));
}
