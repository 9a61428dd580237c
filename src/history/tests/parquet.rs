//! Parquet: every type that a store can have, every codec, and files that lie.

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression as Codec;
use ::parquet::data_type::{Int96, Int96Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::*;

use super::*;
use crate::time::Nanos;

fn parquet(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn plain(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    parquet(columns, WriterProperties::builder().build())
}

/// The values of the only column.
fn column(array: ArrayRef) -> Vec<Value> {
    let outcome = read(Format::Parquet, &plain(vec![("c", array)]));
    assert_eq!((outcome.reasons(), outcome.damage()), (vec![], ""));
    outcome.good.into_iter().map(|row| row.columns["c"].clone()).collect()
}

fn number(text: &str) -> Value {
    Value::Number(crate::value::Number::parse(text).unwrap())
}

fn instant(nanos: i64) -> Value {
    Value::Timestamp(Nanos(nanos))
}

#[test]
fn numbers_keep_every_digit() {
    assert_eq!(column(Arc::new(Int8Array::from(vec![Some(-128), None]))), [number("-128"), Value::Null]);
    assert_eq!(column(Arc::new(Int16Array::from(vec![-32768]))), [number("-32768")]);
    assert_eq!(column(Arc::new(Int32Array::from(vec![i32::MIN]))), [number("-2147483648")]);
    assert_eq!(column(Arc::new(Int64Array::from(vec![9_007_199_254_740_993]))), [number("9007199254740993")]);
    assert_eq!(column(Arc::new(UInt8Array::from(vec![255]))), [number("255")]);
    assert_eq!(column(Arc::new(UInt16Array::from(vec![65535]))), [number("65535")]);
    assert_eq!(column(Arc::new(UInt32Array::from(vec![u32::MAX]))), [number("4294967295")]);
    assert_eq!(column(Arc::new(UInt64Array::from(vec![u64::MAX]))), [number("18446744073709551615")]);
    assert_eq!(
        column(Arc::new(Float32Array::from(vec![0.1, 1e-20, 16_777_216.0]))),
        [number("0.1"), number("1e-20"), number("16777216.0")]
    );
    assert_eq!(column(Arc::new(Float64Array::from(vec![0.1, 1e300]))), [number("0.1"), number("1e+300")]);
    let decimals = Decimal128Array::from(vec![150, -5]).with_precision_and_scale(38, 2).unwrap();
    assert_eq!(column(Arc::new(decimals)), [number("1.50"), number("-0.05")]);
    let decimals = Decimal256Array::from(vec![i256::from_string("12345678901234567890123456789012345678901234567890").unwrap()])
        .with_precision_and_scale(60, 10)
        .unwrap();
    assert_eq!(column(Arc::new(decimals)), [number("1234567890123456789012345678901234567890.1234567890")]);
}

#[test]
fn non_finite_numbers_are_seen_as_such() {
    let values = column(Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY])));
    assert!(matches!(values[..], [Value::NonFinite(nan), Value::NonFinite(f64::INFINITY)] if nan.is_nan()));
    let values = column(Arc::new(Float32Array::from(vec![f32::NEG_INFINITY])));
    assert_eq!(values, [Value::NonFinite(f64::NEG_INFINITY)]);
}

#[test]
fn times_of_every_unit_are_instants() {
    let second = 1_687_305_600;
    let expected = [instant(second * 1_000_000_000)];
    assert_eq!(column(Arc::new(TimestampSecondArray::from(vec![second]))), expected);
    assert_eq!(column(Arc::new(TimestampMillisecondArray::from(vec![second * 1000]).with_timezone("UTC"))), expected);
    assert_eq!(column(Arc::new(TimestampMicrosecondArray::from(vec![second * 1_000_000]))), expected);
    assert_eq!(column(Arc::new(TimestampNanosecondArray::from(vec![second * 1_000_000_000]).with_timezone("Europe/Berlin"))), expected);
    assert_eq!(column(Arc::new(Date32Array::from(vec![19_529]))), expected);
    assert_eq!(column(Arc::new(Date64Array::from(vec![second * 1000]))), expected);
    assert_eq!(column(Arc::new(Time32SecondArray::from(vec![25_500]))), [text("07:05:00")]);
    assert_eq!(column(Arc::new(Time64MicrosecondArray::from(vec![25_500_120_000]))), [text("07:05:00.12")]);
}

#[test]
fn an_instant_out_of_range_is_a_bad_row_and_not_another_instant() {
    let array = TimestampMicrosecondArray::from(vec![Some(1), Some(i64::MAX), None]);
    let outcome = read(Format::Parquet, &plain(vec![("t", Arc::new(array)), ("a", Arc::new(Int32Array::from(vec![1, 2, 3])))]));
    assert_eq!(outcome.reasons(), [(2, "column `t`: 9223372036854775807 us from 1970 is outside of the years 1677 to 2262")]);
    assert_eq!(outcome.bad[0].raw, r#"{"a":2}"#);
    assert_eq!(outcome.good.len(), 2);
}

/// Days since the Julian epoch and nanoseconds of the day.
fn int96(day: u32, nanos: u64) -> Int96 {
    let mut value = Int96::new();
    value.set_data((nanos & 0xffff_ffff) as u32, (nanos >> 32) as u32, day);
    value
}

fn int96_file(values: &[Int96]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message m { required int96 t; }").unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn int96_is_exact_within_the_range_and_a_bad_row_outside() {
    let epoch = 2_440_588;
    let bytes = int96_file(&[int96(epoch, 1), int96(epoch + 19_529, 123_456_789), int96(1_721_426, 0), int96(epoch - 1, 0)]);
    let outcome = read(Format::Parquet, &bytes);
    let values: Vec<Value> = outcome.good.iter().map(|row| row.columns["t"].clone()).collect();
    assert_eq!(values, [instant(1), instant(1_687_305_600_123_456_789), instant(-86_400_000_000_000)]);
    assert_eq!(outcome.bad.len(), 1);
    assert!(outcome.bad[0].reason.contains("outside of the years 1677 to 2262"), "{}", outcome.bad[0].reason);
    assert_eq!(outcome.bad[0].provenance.row, 3);
}

#[test]
fn texts_and_bytes() {
    assert_eq!(column(Arc::new(StringArray::from(vec![Some("é"), None, Some("")]))), [text("é"), Value::Null, text("")]);
    assert_eq!(column(Arc::new(LargeStringArray::from(vec!["a"]))), [text("a")]);
    assert_eq!(column(Arc::new(StringViewArray::from(vec!["a longer text than fits a view"]))), [text("a longer text than fits a view")]);
    assert_eq!(column(Arc::new(BinaryArray::from(vec![&b"text"[..], b"\xff\x0a"]))), [text("text"), text("0xff0a")]);
    assert_eq!(column(Arc::new(FixedSizeBinaryArray::try_from_iter([b"\x00\xff"].into_iter()).unwrap())), [text("0x00ff")]);
    let dictionary: DictionaryArray<Int8Type> = vec![Some("on"), None, Some("off"), Some("on")].into_iter().collect();
    assert_eq!(column(Arc::new(dictionary)), [text("on"), Value::Null, text("off"), text("on")]);
    assert_eq!(column(Arc::new(BooleanArray::from(vec![true, false]))), [Value::Bool(true), Value::Bool(false)]);
    assert_eq!(column(Arc::new(NullArray::new(2))), [Value::Null, Value::Null]);
}

#[test]
fn nested_types_are_arrays_and_objects() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append_value([]);
    let readings = StructArray::new(
        vec![Field::new("name", DataType::Utf8, true), Field::new("value", DataType::Float32, true)].into(),
        vec![Arc::new(StringArray::from(vec![Some("t"), None])) as ArrayRef, Arc::new(Float32Array::from(vec![0.1, 2.5]))],
        Some(NullBuffer::from(vec![true, true])),
    );
    let item = Arc::new(Field::new_list_field(readings.data_type().clone(), true));
    let structs = ListArray::new(item, OffsetBuffer::new(vec![0, 2, 2, 2].into()), Arc::new(readings), None);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(7);
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    let mut numbered = MapBuilder::new(None, Int32Builder::new(), Int64Builder::new());
    for _ in 0..3 {
        numbered.keys().append_value(1);
        numbered.values().append_null();
        numbered.append(true).unwrap();
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("lists", Arc::new(lists.finish())),
        ("structs", Arc::new(structs)),
        ("maps", Arc::new(maps.finish())),
        ("numbered", Arc::new(numbered.finish())),
    ];
    let bytes = plain(columns);
    let outcome = read(Format::Parquet, &bytes);
    assert_eq!(
        outcome.rows(),
        [
            r#"{"lists":[1,null],"structs":[{"name":"t","value":0.1},{"name":null,"value":2.5}],"maps":{"k":7},"numbered":[{"key":1,"value":null}]}"#,
            r#"{"lists":null,"structs":[],"maps":null,"numbered":[{"key":1,"value":null}]}"#,
            r#"{"lists":[],"structs":[],"maps":{},"numbered":[{"key":1,"value":null}]}"#,
        ]
    );
    let shallow = read_with(Format::Parquet, &bytes, &ReadLimits { nesting_max: 2, ..ReadLimits::default() }, usize::MAX);
    assert_eq!(shallow.reasons(), [(1, "column `structs`: the row nests deeper than 2 levels"), (2, "")][..1]);
    let short = read_with(Format::Parquet, &bytes, &ReadLimits { row_bytes_max: 60, ..ReadLimits::default() }, usize::MAX);
    assert!(short.reasons()[0].1.ends_with("the row exceeds the limit of 60 bytes"), "{:?}", short.reasons());
}

fn many(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    let texts: StringArray = (0..rows).map(|row| Some(format!("device-{row}"))).collect();
    vec![("n", Arc::new(Int64Array::from_iter_values(0..rows))), ("device", Arc::new(texts))]
}

fn numbers(outcome: &Outcome) -> Vec<i64> {
    let number = |row: &Row| match &row.columns["n"] {
        Value::Number(number) => number.to_i64().unwrap(),
        other => panic!("{other:?}"),
    };
    outcome.good.iter().map(number).collect()
}

#[test]
fn every_codec_reads_back() {
    use ::parquet::basic::{BrotliLevel, GzipLevel, ZstdLevel};
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(GzipLevel::default()),
        Codec::ZSTD(ZstdLevel::default()),
        Codec::LZ4_RAW,
        Codec::BROTLI(BrotliLevel::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(1500)).build();
        let outcome = read(Format::Json, &parquet(many(4000), properties));
        assert_eq!(numbers(&outcome), (0..4000).collect::<Vec<_>>(), "{codec}");
        assert_eq!((outcome.bad.len(), outcome.damage()), (0, ""));
        assert_eq!(outcome.good[3999].provenance.byte_offset, None);
    }
}

#[test]
fn a_file_too_large_to_be_read_whole_is_read_in_ranges() {
    let noise: StringArray = (0..60_000_u64).map(|row| Some(format!("{:0100}", row.wrapping_mul(0x9e37_79b9_7f4a_7c15)))).collect();
    let bytes = parquet(
        vec![("n", Arc::new(Int64Array::from_iter_values(0..60_000))), ("noise", Arc::new(noise))],
        WriterProperties::builder().set_dictionary_enabled(false).build(),
    );
    assert!(bytes.len() > 5_000_000);
    let outcome = read(Format::Parquet, &bytes);
    assert_eq!(numbers(&outcome), (0..60_000).collect::<Vec<_>>());
    assert_eq!(outcome.damage(), "");
}

#[test]
fn parquet_inside_gzip_is_read() {
    let outcome = read(Format::Parquet, &gz(&plain(many(10))));
    assert_eq!(numbers(&outcome), (0..10).collect::<Vec<_>>());
    let packed = gz(&plain(many(10)));
    assert!(read(Format::Parquet, &packed[..packed.len() / 2]).damage().starts_with("the gzip data is cut off"));
}

#[test]
fn files_that_are_no_parquet_are_damage() {
    let good = plain(many(100));
    let length = good.len();
    for (bytes, damage) in [
        (good[..length / 2].to_vec(), "the file does not end as Parquet does: it is cut off (after row 0)"),
        (good[..length - 1].to_vec(), "the file does not end as Parquet does: it is cut off (after row 0)"),
        (b"PAR1PAR1".to_vec(), "8 bytes are too few for Parquet (after row 0)"),
        (b"PAR1\0\0\0\0PAR1".to_vec(), "the Parquet footer makes no sense (after row 0)"),
        (b"PAR1\xff\xff\xff\xffPAR1".to_vec(), "a footer of 4294967295 bytes does not fit a file of 12 (after row 0)"),
        (vec![0; 5000], "the file does not begin as Parquet does (after row 0)"),
        ([&good[..length - 4], b"PARE"].concat(), "the file is encrypted (after row 0)"),
    ] {
        assert_eq!(read(Format::Parquet, &bytes).damage(), damage);
    }
    let mut wrong_length = good;
    wrong_length[length - 8] ^= 0x0f;
    assert!(read(Format::Parquet, &wrong_length).read.damage.is_some());
}

#[test]
fn the_rows_before_the_damage_are_handed_on() {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).set_dictionary_enabled(false).build();
    let mut bytes = parquet(many(3000), properties);
    // Zeros over the text column of the second row group: its page headers are gone.
    let at = bytes.windows(11).position(|window| window == b"device-1500").unwrap();
    let begin = bytes.windows(11).position(|window| window == b"device-1000").unwrap();
    bytes[begin - 60..at].fill(0);
    let outcome = read(Format::Parquet, &bytes);
    assert_eq!(numbers(&outcome), (0..1000).collect::<Vec<_>>());
    assert!(outcome.damage().ends_with("(after row 1000)"), "{}", outcome.damage());
}

#[test]
fn one_row_of_invalid_utf8_does_not_hide_the_rows_before_it() {
    let mut bytes = parquet(many(100), WriterProperties::builder().set_dictionary_enabled(false).build());
    let at = bytes.windows(9).position(|window| window == b"device-42").unwrap();
    bytes[at] = 0xff;
    let outcome = read(Format::Parquet, &bytes);
    assert_eq!(numbers(&outcome), (0..42).collect::<Vec<_>>());
    assert!(outcome.damage().contains("after row 42"), "{}", outcome.damage());
}

#[test]
fn two_columns_of_one_name_are_damage() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, true), Field::new("a", DataType::Int32, true)]));
    let one = || Arc::new(Int32Array::from(vec![1])) as ArrayRef;
    let batch = RecordBatch::try_new(schema.clone(), vec![one(), one()]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(read(Format::Parquet, &bytes).damage(), "two columns are called `a` (after row 0)");
}

#[test]
fn a_schema_deeper_than_the_stack_is_damage() {
    // FileMetaData { 2: schema = a chain of groups, each with one child }, in Thrift's compact protocol.
    let depth = 200_000_u32;
    let mut footer = vec![0x29, 0xfc];
    let mut size = depth;
    while size >= 0x80 {
        footer.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    footer.push(u8::try_from(size).unwrap());
    for _ in 0..depth {
        footer.extend([0x48, 1, b'g', 0x15, 2, 0]);
    }
    footer.push(0);
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    let bytes = [b"PAR1", &footer[..], &length, b"PAR1"].concat();
    assert_eq!(read(Format::Parquet, &bytes).damage(), "the schema is no tree, or nests deeper than 100 levels (after row 0)");
}

#[test]
fn no_byte_of_a_file_can_be_spoilt_into_a_crash() {
    let good = plain(many(50));
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let outcome = read(Format::Parquet, &bytes);
        assert!(outcome.good.len() <= 50 || outcome.read.damage.is_some(), "{at}");
    }
}

/// `rows` rows with one text of `length` bytes.
fn one_text(rows: usize, length: usize, properties: WriterProperties) -> Vec<u8> {
    let long = "a".repeat(length);
    let texts: StringArray = (0..rows).map(|_| Some(long.as_str())).collect();
    parquet(vec![("c", Arc::new(texts))], properties)
}

#[test]
fn a_text_that_stands_for_many_rows_is_in_memory_once() {
    let bytes = one_text(1000, 100_000, WriterProperties::builder().build());
    let file = super::super::parquet::OpenFile::new(&super::super::parquet::Chunks::Whole(bytes.into()), &ReadLimits::default()).unwrap();
    let (batch, _) = file.readers(1024, 0).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 1000);
    assert!(batch.get_array_memory_size() < 1_000_000, "{}", batch.get_array_memory_size());
}

/// A value that repeats the one before it takes a byte or two.
#[test]
fn rows_that_are_too_much_at_once_are_read_one_by_one() {
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(::parquet::basic::Encoding::DELTA_BYTE_ARRAY);
    let bytes = one_text(1000, 100_000, properties.set_data_page_size_limit(1 << 30).build());
    assert!(bytes.len() < 110_000);
    let limits = ReadLimits { pages_bytes_max: 10_000_000, ..ReadLimits::default() };
    let outcome = read_with(Format::Parquet, &bytes, &limits, usize::MAX);
    assert_eq!((outcome.good.len(), outcome.damage()), (1000, ""));
    let limits = ReadLimits { pages_bytes_max: 100_000, ..limits };
    let outcome = read_with(Format::Parquet, &bytes, &limits, usize::MAX);
    assert_eq!((outcome.good.len(), outcome.damage()), (0, "its pages take more than 100000 bytes of memory at one time (after row 0)"));
}

/// The second and third batches of rows hold on to pages of the first.
#[test]
fn pages_count_as_long_as_they_are_held() {
    let texts = |length: usize| -> ArrayRef { Arc::new((0..4000).map(|row| Some(format!("{row:0length$}"))).collect::<StringArray>()) };
    let properties = |rows| WriterProperties::builder().set_dictionary_enabled(false).set_data_page_row_count_limit(rows).build();
    let read = |bytes: &[u8], pages_bytes_max| {
        let outcome = read_with(Format::Parquet, bytes, &ReadLimits { pages_bytes_max, ..ReadLimits::default() }, usize::MAX);
        (outcome.good.len(), outcome.damage().to_owned())
    };
    // 4000 rows of 104 bytes in one page, or in pages of some 100 rows, of which a batch of 1024 holds twelve at the most.
    let (one, many) = (parquet(vec![("c", texts(100))], properties(4000)), parquet(vec![("c", texts(100))], properties(100)));
    assert_eq!(read(&one, 300_000), (0, "its pages take more than 300000 bytes of memory at one time (after row 0)".to_owned()));
    assert_eq!(read(&many, 300_000), (4000, String::new()));
    assert_eq!(read(&one, 500_000), (4000, String::new()));
}

#[test]
fn rows_before_the_damage_are_read_in_files_with_lists_too() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..3000 {
        (0..row % 3 + 1).for_each(|item| lists.values().append_value(format!("row {row:05} item {item}")));
        lists.append(true);
    }
    let plain: ArrayRef = Arc::new(StringArray::from_iter_values((0..3000).map(|row| format!("plain {row:05}"))));
    let properties = WriterProperties::builder().set_dictionary_enabled(false).set_max_row_group_row_count(Some(2000));
    let properties = properties.set_data_page_row_count_limit(300).set_write_batch_size(100).build();
    for (columns, text) in [
        (vec![("l", Arc::new(lists.finish()) as ArrayRef), ("p", Arc::clone(&plain))], "row 02345 item 1"),
        (vec![("p", plain)], "plain 02345"),
    ] {
        let mut bytes = parquet(columns, properties.clone());
        let at = bytes.windows(text.len()).rposition(|window| window == text.as_bytes()).unwrap();
        bytes[at - 4..at].fill(0xff);
        let outcome = read(Format::Parquet, &bytes);
        assert_eq!(outcome.good.len(), 2345, "{}", outcome.damage());
        assert!(outcome.damage().ends_with("(after row 2345)"), "{}", outcome.damage());
    }
}
