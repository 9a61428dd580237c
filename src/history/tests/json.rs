//! JSON in every shape in which it is found.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::value::Number;

fn rows_of(bytes: &[u8]) -> Vec<String> {
    let outcome = read(Format::Json, bytes);
    assert_eq!((outcome.reasons(), outcome.damage()), (vec![], ""), "{}", String::from_utf8_lossy(bytes));
    outcome.rows()
}

#[test]
fn every_shape_gives_the_same_rows() {
    for bytes in [
        "{\"a\":1}\n{\"a\":{\"b\":[{\"c\":2}]}}\n",
        "{\"a\":1}\r\n\r\n{\"a\":{\"b\":[{\"c\":2}]}}",
        "\u{feff}{\"a\":1}{\"a\":{\"b\":[{\"c\":2}]}}",
        "[{\"a\":1},{\"a\":{\"b\":[{\"c\":2}]}}]",
        "[{\"a\":1}]\n[{\"a\":{\"b\":[{\"c\":2}]}}]\n",
        "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": {\n      \"b\": [\n        {\n          \"c\": 2\n        }\n      ]\n    }\n  }\n]\n",
        "{\n\t\"a\": 1\n}\n{\n\t\"a\":\n\t{\n\t\t\"b\": [\n\t\t\t{ \"c\": 2 }\n\t\t]\n\t}\n}",
        "{\"a\":1}, \n {\"a\":{\"b\":[{\"c\":2}]}},\n",
        "  [ {\"a\":1} , {\"a\":\n{\"b\":\n[\n{\"c\":2}\n]}}\n]",
    ] {
        assert_eq!(rows_of(bytes.as_bytes()), [r#"{"a":1}"#, r#"{"a":{"b":[{"c":2}]}}"#], "{bytes}");
    }
    assert_eq!(rows_of(b"[]\n[ ]"), [""; 0]);
}

#[test]
fn numbers_keep_their_text() {
    let outcome = read(Format::Json, br#"{"a":9007199254740993,"b":1.50,"c":1E+400,"d":-0.0,"e":123456789012345678901234567890}"#);
    let texts: Vec<&str> = outcome.columns()[0]
        .values()
        .map(|value| match value {
            Value::Number(number) => number.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, ["9007199254740993", "1.50", "1E+400", "-0.0", "123456789012345678901234567890"]);
}

#[test]
fn a_wrong_line_is_one_bad_row_and_its_neighbours_are_fine() {
    for wrong in [
        r#"{"a": tru}"#,
        r#"{"a": 2"#,
        r#"{"a": "2}"#,
        r#"{"a": {"b": 2}"#,
        r#"{"a": [2}"#,
        r#"{"a": [2, {"#,
        r#"{"a":"#,
        "{",
        "[",
        r#"[{"a":"#,
        "}",
        "oops",
        r#""a string"#,
        "17",
        "null",
        r#"{"a":1,"a":2}"#,
        "{\"a\":\"\t\"}",
        r#"{"a":01}"#,
        r#"{"a":"\ud800"}"#,
        "{'a':1}",
    ] {
        let bytes = format!("{{\"a\":1}}\n{wrong}\n{{\"a\":3}}\n{{\"a\":4}}\n");
        for piece_bytes in [1, usize::MAX] {
            let outcome = read_with(Format::Json, bytes.as_bytes(), &ReadLimits::default(), piece_bytes);
            assert_eq!(outcome.rows(), [r#"{"a":1}"#, r#"{"a":3}"#, r#"{"a":4}"#], "{wrong}");
            // A lonely `[` is an array that nobody closed; everything else is a row.
            assert_eq!(outcome.bad.len(), usize::from(wrong != "["), "{wrong}");
        }
    }
}

#[test]
fn rows_that_are_no_objects_are_bad_rows_with_the_reason() {
    let outcome = read(Format::Json, b"[1,\"a,]\",null,true,[{\"a\":1}],{\"a\":2}]");
    assert_eq!(
        outcome.reasons(),
        [
            (1, "a row is an object, and this is a number"),
            (2, "a row is an object, and this is a string"),
            (3, "a row is an object, and this is null"),
            (4, "a row is an object, and this is a boolean"),
            (5, "a row is an object, and this is an array"),
        ]
    );
    assert_eq!(outcome.rows(), [r#"{"a":2}"#]);
}

#[test]
fn invalid_utf8_is_a_bad_row_with_its_place() {
    let outcome = read(Format::Json, b"{\"a\":1}\n{\"a\":\"\xff\"}\n{\"a\":3}\n");
    assert_eq!(outcome.rows(), [r#"{"a":1}"#, r#"{"a":3}"#]);
    let bad = &outcome.bad[0];
    assert_eq!((bad.provenance.row, bad.provenance.byte_offset), (2, Some(8)));
    assert_eq!(bad.raw, "{\"a\":\"\u{fffd}\"}");
    assert_eq!(outcome.good[1].provenance.byte_offset, Some(18));
}

#[test]
fn a_wrong_element_of_an_array_costs_no_other() {
    let outcome =
        read(Format::Json, b"[\n  {\"a\": 1},\n  {\"a\": tru},\n  {\"a\": {\"b\": 3},\n  {\"a\": 4},\n  {\"a\": \"x},\n  {\"a\": 6}\n]\n");
    assert_eq!(outcome.rows(), [r#"{"a":1}"#, r#"{"a":4}"#, r#"{"a":6}"#]);
    assert_eq!(outcome.bad.iter().map(|bad| bad.provenance.row).collect::<Vec<_>>(), [2, 3, 5]);
    assert_eq!(outcome.damage(), "");
}

#[test]
fn the_inside_of_a_broken_row_is_never_a_row() {
    let broken = "{\n  \"a\": \"open,\n  \"list\": [\n    {\n      \"fake\": 1\n    }\n  ]\n}\n{\n  \"a\": 2\n}\n";
    let outcome = read(Format::Json, broken.as_bytes());
    assert_eq!(outcome.rows(), [r#"{"a":2}"#]);
    assert_eq!(outcome.reasons(), [(1, "a string is not closed on its line")]);
}

#[test]
fn a_wrong_first_line_does_not_take_the_file_with_it() {
    let outcome = read(Format::Json, b"{\"a\": 1, \"b\n{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(outcome.rows(), [r#"{"a":2}"#, r#"{"a":3}"#]);
    let outcome = read(Format::Json, b"{\"a\": 1\n{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(outcome.rows(), [r#"{"a":2}"#, r#"{"a":3}"#]);
    assert_eq!(outcome.reasons(), [(1, "the next row begins before this one is closed")]);
}

#[test]
fn an_object_that_ends_too_early_says_so() {
    let outcome = read(Format::Json, b"{\"a\":1}\n{\"a\":");
    assert_eq!(outcome.reasons(), [(2, "the object ends in the middle of this row")]);
    let outcome = read(Format::Json, b"[{\"a\":1},\n");
    assert_eq!(outcome.damage(), "the array that begins at byte 0 is not closed (after row 1)");
    let outcome = read(Format::Json, b"[{\"a\":1},{\"a\"");
    assert_eq!((outcome.bad.len(), outcome.damage()), (1, ""));
}

#[test]
fn what_is_too_deep_is_a_bad_row_and_no_overflow() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let limits = ReadLimits { nesting_max: 5, ..ReadLimits::default() };
    let bytes = format!("{}\n{}\n{{\"b\":1}}\n", nested(5), nested(6));
    let outcome = read_with(Format::Json, bytes.as_bytes(), &limits, usize::MAX);
    assert_eq!(outcome.reasons(), [(2, "the row nests deeper than 5 levels")]);
    assert_eq!(outcome.good.len(), 2);

    let generous = ReadLimits { nesting_max: usize::MAX, ..ReadLimits::default() };
    for levels in [127, 128, 200_000] {
        let outcome = read_with(Format::Json, format!("{}\n{{\"b\":1}}", nested(levels)).as_bytes(), &generous, usize::MAX);
        assert_eq!(outcome.good.len(), if levels > 127 { 1 } else { 2 }, "{levels}");
    }
    let brackets = "[".repeat(1_000_000);
    assert_eq!(read(Format::Json, brackets.as_bytes()).reasons()[0].1, "the row nests deeper than 100 levels");
}

#[test]
fn one_giant_line_streams_or_is_one_bad_row() {
    let limits = ReadLimits { row_bytes_max: 64 * 1024, ..ReadLimits::default() };
    let element = format!("{{\"a\":\"{}\"}},", "x".repeat(1000));
    let array = format!("[{}{{\"a\":\"last\"}}]", element.repeat(20_000));
    let mut rows = 0;
    let source = InMemory { bytes: Arc::new(array.into_bytes()), piece_bytes: usize::MAX };
    let read = read_object(&source, &object(Format::Json), &limits, &mut |decoded| {
        rows += u64::from(matches!(decoded, Decoded::Row(_)));
        ControlFlow::Continue(())
    });
    assert_eq!((rows, read.unwrap().damage), (20_001, None));

    for giant in [
        format!("{{\"a\":\"{}\"}}", "x".repeat(20_000_000)),
        format!("{{\"a\":[{}0]}}", "0,".repeat(2_000_000)),
        format!("\"{}\"", "x".repeat(20_000_000)),
        "x".repeat(20_000_000),
    ] {
        let outcome = read_with(Format::Json, format!("{{\"a\":1}}\n{giant}\n{{\"a\":3}}\n").as_bytes(), &limits, usize::MAX);
        assert_eq!(outcome.rows(), [r#"{"a":1}"#, r#"{"a":3}"#]);
        assert_eq!(outcome.reasons(), [(2, "the row exceeds the limit of 65536 bytes")]);
        assert_eq!(outcome.bad[0].raw.len(), RAW_EXCERPT_BYTES_MAX);
    }
}

#[test]
fn serde_jsons_private_key_in_a_message_is_an_ordinary_name() {
    let token = "$serde_json::private::Number";
    for value in [r#""12""#, r#""\u0031""#, "12", "null", "true", "[1]", r#"{"x":1}"#, r#"{"$serde_json::private::Number":"7"}"#] {
        let outcome = read(Format::Json, format!(r#"{{"a":{{"{token}":{value},"b":1}}}}"#).as_bytes());
        let Value::Object(inner) = &outcome.columns()[0]["a"] else { panic!("{value}") };
        assert_eq!(inner.keys().collect::<Vec<_>>(), [token, "b"], "{value}");
        assert!(!matches!((&inner[token], value), (Value::Number(_), v) if v != "12"), "{value}");
    }
    let lone = read(Format::Json, format!(r#"{{"a":{{"{token}":"12"}}}}"#).as_bytes());
    assert!(matches!(&lone.columns()[0]["a"], Value::Object(inner) if inner[token] == text("12")));
}

#[test]
fn names_in_reasons_are_escaped_and_short() {
    let name = format!("\\u001b[31m{}", "x".repeat(500));
    let outcome = read(Format::Json, format!("{{\"{name}\":1,\"{name}\":2}}").as_bytes());
    let reason = outcome.reasons()[0].1;
    assert!(reason.starts_with(r"not JSON: `\u{1b}[31mxxx") && reason.len() < 200, "{reason}");
}

fn a_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|i| json!(i)),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| json!(f)),
        r#"[a-z"\\{}\[\],:\n\u{e9}\u{1F600} ]{0,12}"#.prop_map(|s| json!(s)),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| json!(items)),
            prop::collection::btree_map(r#"[a-z"{\[ ]{0,6}"#, inner, 0..5).prop_map(|map| json!(map)),
        ]
    })
}

fn messages() -> impl Strategy<Value = Vec<serde_json::Value>> {
    prop::collection::vec(prop::collection::btree_map(r#"[a-z"}\]_ ]{0,8}"#, a_value(), 0..5).prop_map(|map| json!(map)), 0..8)
}

/// Every way in which a program may write the messages.
fn spellings(messages: &[serde_json::Value]) -> Vec<String> {
    let lines: Vec<String> = messages.iter().map(ToString::to_string).collect();
    let pretty: Vec<String> = messages.iter().map(|message| serde_json::to_string_pretty(message).unwrap()).collect();
    vec![
        lines.join("\n"),
        lines.join("\r\n") + "\r\n",
        format!("\u{feff}\n{}\n\n", lines.join("\n\n")),
        lines.concat(),
        lines.join(" "),
        serde_json::to_string(messages).unwrap(),
        serde_json::to_string_pretty(messages).unwrap(),
        format!("[\n{}\n]\n", lines.join(",\n")),
        format!("[{}\n]", pretty.join(", ")),
        pretty.join("\n"),
        pretty.join("\r\n").replace('\n', "\r\n"),
        pretty.concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_read_back_however_they_are_written(messages in messages()) {
        let expected: Vec<Value> = messages.iter().cloned().map(Value::from).collect();
        for spelling in spellings(&messages) {
            for piece_bytes in [1, usize::MAX] {
                let outcome = read_with(Format::Json, spelling.as_bytes(), &ReadLimits::default(), piece_bytes);
                let found: Vec<Value> = outcome.good.iter().map(|row| Value::Object(row.columns.clone())).collect();
                prop_assert_eq!(&found, &expected, "{}", &spelling);
                prop_assert_eq!((outcome.bad.len(), outcome.damage()), (0, ""));
            }
        }
    }

    #[test]
    fn a_line_cut_anywhere_is_one_bad_row(messages in messages(), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        prop_assume!(messages.len() > 1);
        let mut lines: Vec<String> = messages.iter().map(ToString::to_string).collect();
        let at = 1 + at.index(lines.len() - 1);
        let cut = 1 + cut.index(lines[at].len() - 1);
        let bytes: Vec<u8> = lines.iter_mut().enumerate().flat_map(|(n, line)| {
            let whole = line.as_bytes();
            let kept = if n == at { &whole[..cut] } else { whole };
            [kept, b"\n"].concat()
        }).collect();
        let outcome = read(Format::Json, &bytes);
        prop_assert_eq!(outcome.bad.len(), 1);
        prop_assert_eq!(outcome.bad[0].provenance.row, at as u64 + 1);
        prop_assert_eq!(outcome.good.len(), messages.len() - 1);
    }

    #[test]
    fn no_bytes_are_too_strange_and_pieces_change_nothing(bytes in prop::collection::vec(prop_oneof![
        4 => prop::sample::select(b"{}[]\",:\n \\a1\r".to_vec()),
        1 => any::<u8>(),
    ], 0..200)) {
        let limits = ReadLimits { row_bytes_max: 40, nesting_max: 6, ..ReadLimits::default() };
        let whole = read_with(Format::Json, &bytes, &limits, usize::MAX);
        let in_pieces = read_with(Format::Json, &bytes, &limits, 1);
        prop_assert_eq!(whole.good, in_pieces.good);
        prop_assert_eq!(whole.bad, in_pieces.bad);
        prop_assert_eq!(whole.read, in_pieces.read);
    }

    #[test]
    fn numbers_of_any_spelling_keep_it(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?") {
        let outcome = read(Format::Json, format!("{{\"n\":{text}}}").as_bytes());
        prop_assert_eq!(&outcome.columns()[0]["n"], &Value::Number(Number::parse(&text).unwrap()));
    }
}
