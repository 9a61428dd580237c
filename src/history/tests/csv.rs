//! CSV as Athena writes it, and as others spoil it.

use proptest::prelude::*;

use super::*;

fn values(bytes: &[u8]) -> Vec<Vec<Value>> {
    let outcome = read(Format::Csv, bytes);
    assert_eq!((outcome.reasons(), outcome.damage()), (vec![], ""), "{}", String::from_utf8_lossy(bytes));
    outcome.good.iter().map(|row| row.columns.values().cloned().collect()).collect()
}

#[test]
fn null_and_empty_string_are_different() {
    let bytes = b"\"what\",\"who\",\"dt\"\n\"overflow\",,\"2019-09-16 09:04:00.000\"\n\"\",\"sensor \"\"01\"\"\",\n,,\n";
    assert_eq!(
        values(bytes),
        [
            [text("overflow"), Value::Null, text("2019-09-16 09:04:00.000")],
            [text(""), text("sensor \"01\""), Value::Null],
            [Value::Null, Value::Null, Value::Null],
        ]
    );
    assert_eq!(values(b"a\n\n\"\"\n1\n"), [[Value::Null], [text("")], [text("1")]]);
}

#[test]
fn quotes_hold_commas_and_line_ends() {
    let outcome = read(Format::Csv, b"\xef\xbb\xbf\"a\",\"b\"\r\n\"1,2\",\"x\r\ny\n\"\r\n\r\nbare \"quote\",b\r\n");
    let rows: Vec<Vec<Value>> = outcome.good.iter().map(|row| row.columns.values().cloned().collect()).collect();
    assert_eq!(rows, [[text("1,2"), text("x\r\ny\n")], [text("bare \"quote\""), text("b")]]);
    assert_eq!(outcome.good[0].columns.keys().collect::<Vec<_>>(), ["a", "b"]);
    let offsets: Vec<_> = outcome.good.iter().map(|row| row.provenance.byte_offset).collect();
    assert_eq!(offsets, [Some(12), Some(29)]);
}

#[test]
fn a_header_without_rows_is_an_empty_object() {
    assert_eq!(read(Format::Csv, b"\"__dt\"\n").read, ObjectRead::default());
    assert_eq!(read(Format::Csv, b"a,b").read, ObjectRead::default());
    assert_eq!(read(Format::Csv, b"\xef\xbb\xbf\r\n\n").read, ObjectRead::default());
}

#[test]
fn wrong_rows_are_bad_rows_and_their_neighbours_are_fine() {
    let outcome = read(Format::Csv, b"a,b\n1,2\n3\n4,5,6\n\"7\"x,8\n\xff,9\n10,11\n");
    assert_eq!(outcome.rows(), [r#"{"a":"1","b":"2"}"#, r#"{"a":"10","b":"11"}"#]);
    assert_eq!(
        outcome.reasons(),
        [
            (2, "the row has 1 fields, and the header has 2"),
            (3, "the row has 3 fields, and the header has 2"),
            (4, "something follows a closing quote"),
            (5, "not UTF-8 from byte 0 of the row on"),
        ]
    );
}

#[test]
fn a_quote_that_never_closes_says_what_it_took() {
    let outcome = read(Format::Csv, b"a,b\n1,2\n\"3,4\n5,6\n7,8\n");
    assert_eq!(outcome.good.len(), 1);
    assert_eq!(outcome.reasons(), [(2, "a quote is never closed: the last 13 bytes of the object, 4 lines, are this one row")]);
    assert_eq!(outcome.bad[0].raw, "\"3,4\n5,6\n7,8\n");
}

#[test]
fn a_header_that_names_nothing_or_one_thing_twice_is_damage() {
    assert_eq!(read(Format::Csv, b"a,b,a\n1,2,3\n").damage(), "two columns of the header are called `a` (after row 0)");
    assert_eq!(read(Format::Csv, b"a,,b\n1,2,3\n").damage(), "column 2 of the header has no name (after row 0)");
    assert!(read(Format::Csv, b"a,\xff\n1,2\n").damage().starts_with("the header cannot be read: not UTF-8"));
}

#[test]
fn a_byte_order_mark_hides_no_quote() {
    for piece_bytes in [1, 2, usize::MAX] {
        let outcome = read_with(Format::Csv, b"\xef\xbb\xbf\"a,\n1\",b\n1,2\n", &ReadLimits::default(), piece_bytes);
        assert_eq!(outcome.rows(), [r#"{"a,\n1":"1","b":"2"}"#]);
        let damaged = read_with(Format::Csv, b"\xef\xbb\xbf\"a\"x,b\n1,2\n", &ReadLimits::default(), piece_bytes);
        assert_eq!(damaged.damage(), "the header cannot be read: something follows a closing quote (after row 0)");
    }
}

#[test]
fn a_row_beyond_the_limit_is_one_bad_row() {
    let limits = ReadLimits { row_bytes_max: 10_000, ..ReadLimits::default() };
    let bytes = format!("a,b\n1,2\n\"{}\",4\n5,6\n", "x,\n\"\"".repeat(1_000_000));
    for piece_bytes in [100, usize::MAX] {
        let outcome = read_with(Format::Csv, bytes.as_bytes(), &limits, piece_bytes);
        assert_eq!(outcome.rows(), [r#"{"a":"1","b":"2"}"#, r#"{"a":"5","b":"6"}"#]);
        assert_eq!(outcome.reasons(), [(2, "the row exceeds the limit of 10000 bytes")]);
    }
}

fn field() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z\",\n\r\u{e9} ]{0,8}")
}

proptest! {
    #[test]
    fn rows_written_as_athena_does_read_back(rows in prop::collection::vec(prop::collection::vec(field(), 3), 0..8)) {
        let mut bytes = "\"a\",\"b\",\"c\"\n".to_owned();
        for row in &rows {
            let quoted = |field: &Option<String>| field.as_ref().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).unwrap_or_default();
            let fields: Vec<String> = row.iter().map(quoted).collect();
            bytes.push_str(&(fields.join(",") + "\n"));
        }
        let expected: Vec<Vec<Value>> =
            rows.into_iter().map(|row| row.into_iter().map(|field| field.map_or(Value::Null, Value::String)).collect()).collect();
        for piece_bytes in [1, usize::MAX] {
            let outcome = read_with(Format::Csv, bytes.as_bytes(), &ReadLimits::default(), piece_bytes);
            let found: Vec<Vec<Value>> = outcome.good.iter().map(|row| row.columns.values().cloned().collect()).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(outcome.bad.len(), 0);
        }
    }

    #[test]
    fn no_bytes_are_too_strange_and_pieces_change_nothing(bytes in prop::collection::vec(prop_oneof![
        4 => prop::sample::select(b"\",\n\ra".to_vec()),
        1 => any::<u8>(),
    ], 0..120)) {
        let limits = ReadLimits { row_bytes_max: 30, nesting_max: 6, ..ReadLimits::default() };
        let bytes = [b"a,b\n", &bytes[..]].concat();
        let whole = read_with(Format::Csv, &bytes, &limits, usize::MAX);
        let in_pieces = read_with(Format::Csv, &bytes, &limits, 1);
        prop_assert_eq!(whole.good, in_pieces.good);
        prop_assert_eq!(whole.bad, in_pieces.bad);
        prop_assert_eq!(whole.read, in_pieces.read);
    }
}
