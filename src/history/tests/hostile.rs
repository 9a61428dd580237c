//! Good objects that were spoilt: whatever the bytes, reading ends, says what is wrong, and says the same the next time.

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression as Codec, Encoding, GzipLevel, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow::array::*;
use proptest::prelude::*;

use super::*;
use crate::spoilt::{changes, spoilt};

fn parquet(codec: Codec, dictionary: bool) -> Vec<u8> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..40_i32 {
        (0..row % 4).for_each(|item| lists.values().append_value(format!("item {item}")));
        lists.append(row % 5 > 0);
        maps.keys().append_value("k");
        maps.values().append_value(row.into());
        maps.append(row % 3 > 0).unwrap();
    }
    let texts: StringArray = (0..40).map(|row| (row % 7 > 0).then(|| format!("device-{}", row % 3))).collect();
    let bytes: FixedSizeBinaryArray = FixedSizeBinaryArray::try_from_iter((0..40_u8).map(|row| [row, 7])).unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("n", Arc::new(Int64Array::from_iter_values(0..40))),
        ("t", Arc::new(TimestampMillisecondArray::from_iter_values(0..40))),
        ("device", Arc::new(texts)),
        ("tags", Arc::new(lists.finish())),
        ("more", Arc::new(maps.finish())),
        ("raw", Arc::new(bytes)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut properties = WriterProperties::builder().set_compression(codec).set_dictionary_enabled(dictionary);
    if !dictionary {
        properties = properties.set_column_encoding("device".into(), Encoding::DELTA_BYTE_ARRAY);
        properties = properties.set_writer_version(::parquet::file::properties::WriterVersion::PARQUET_2_0);
    }
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, batch.schema(), Some(properties.set_max_row_group_row_count(Some(25)).build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out
}

fn good() -> Vec<(Format, Vec<u8>)> {
    let lines = "{\"time\":\"2023-06-21T07:05:00Z\",\"v\":1.50E2,\"d\":{\"a\":[1,null,true,\"\\u00e9\"]}}\n".repeat(20);
    let csv = "\"time\",\"v\",\"d\"\n\"2023-06-21 07:05:00.000\",\"1.5\",\"{a=[1, 2]}\"\n\"\",,\"a\"\"b\nc\"\n".repeat(3);
    vec![
        (Format::Json, lines.clone().into_bytes()),
        (Format::Json, format!("[\n{}]", lines.trim_end().replace('\n', ",\n")).into_bytes()),
        (Format::Json, gz(lines.as_bytes())),
        (Format::Csv, csv.clone().into_bytes()),
        (Format::Csv, gz(csv.as_bytes())),
        (Format::Parquet, parquet(Codec::UNCOMPRESSED, true)),
        (Format::Parquet, parquet(Codec::UNCOMPRESSED, false)),
        (Format::Parquet, parquet(Codec::SNAPPY, true)),
        (Format::Parquet, parquet(Codec::GZIP(GzipLevel::default()), false)),
        (Format::Parquet, parquet(Codec::ZSTD(ZstdLevel::default()), true)),
        (Format::Parquet, gz(&parquet(Codec::LZ4_RAW, false))),
    ]
}

/// What was read, up to more rows than any of the objects above can hold.
fn some(format: Format, bytes: &[u8], piece_bytes: usize) -> (Vec<Decoded>, ObjectRead) {
    const ROWS_MAX: usize = 2_000;
    let limits = ReadLimits { row_bytes_max: 4096, nesting_max: 20, pages_bytes_max: 1024 * 1024 };
    let source = InMemory { bytes: Arc::new(bytes.to_vec()), piece_bytes };
    let mut rows = Vec::new();
    let read = read_object(&source, &object(format), &limits, &mut |decoded| {
        rows.push(decoded);
        if rows.len() < ROWS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    (rows, read.unwrap())
}

#[test]
fn unspoilt_they_are_read_without_a_complaint() {
    for (format, bytes) in good() {
        let (rows, read) = some(format, &bytes, usize::MAX);
        assert_eq!(read.damage, None);
        assert!(rows.len() >= 6 && rows.iter().filter(|row| !matches!(row, Decoded::Row(_))).count() <= 4, "{format:?}");
    }
}

proptest! {
    #[test]
    fn spoilt_objects_are_read_to_the_same_end_each_time(which in 0_usize..11, changes in changes(), piece_bytes in 1_usize..400) {
        thread_local! { static GOOD: Vec<(Format, Vec<u8>)> = good(); }
        let (format, bytes) = GOOD.with(|good| good[which].clone());
        let bytes = spoilt(&bytes, &changes);
        let (rows, read) = some(format, &bytes, usize::MAX);
        prop_assert_eq!(some(format, &bytes, piece_bytes), (rows.clone(), read.clone()));
        prop_assert_eq!(read.rows, rows.len() as u64);
        for text in read.damage.iter().chain(rows.iter().filter_map(|row| match row { Decoded::Bad(bad) => Some(&bad.reason), _ => None })) {
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            prop_assert!(text.chars().count() < 1000, "{text}");
        }
    }
}
