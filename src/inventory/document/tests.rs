use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::inventory::problem::Problem;
use crate::inventory::tree::Data;

fn read_both(text: &str, extension: &str) -> (Vec<Node>, Vec<Problem>) {
    let mut findings = Findings::new("f");
    let documents = read(text.as_bytes(), extension, &mut findings);
    (documents, findings.into_parts().0)
}

fn only(text: &str, extension: &str) -> Node {
    let (mut documents, problems) = read_both(text, extension);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

#[test]
fn json_keeps_lines_and_the_text_of_numbers() {
    let root = only("{\n \"a\": [1.10,\n {\"b\\u0041\": \"x\\n\"}]}", "json");
    let list = root.get("a").unwrap().as_list().unwrap();
    assert_eq!(list[0].data, Data::Number("1.10".to_owned()));
    assert_eq!((list[1].line, list[1].get("bA").unwrap().as_text()), (3, Some("x\n")));
}

#[test]
fn short_forms_become_long_forms() {
    let root = only("a: !Ref X\nb: !Sub\n  - 'x-${Y}'\n  - {Y: !GetAtt R.Arn}\nc: !If [C, 1, '1']\n", "yaml");
    assert_eq!(
        root.to_json().to_string(),
        r#"{"a":{"Ref":"X"},"b":{"Fn::Sub":["x-${Y}",{"Y":{"Fn::GetAtt":"R.Arn"}}]},"c":{"Fn::If":["C",1,"1"]}}"#
    );
    assert_eq!(root.get("c").unwrap().line, 5);
}

#[test]
fn yaml_scalars_are_of_the_core_schema() {
    let root = only("- yes\n- true\n-\n- 0123\n- 12\n- 1.50\n- 2010-09-09\n- '12'\n- !!str 12\n- |\n  x\n", "template").to_json();
    assert_eq!(root.to_string(), r#"["yes",true,null,"0123",12,1.50,"2010-09-09","12","12","x\n"]"#);
}

#[test]
fn several_documents_in_one_file_are_all_read() {
    assert_eq!(read_both("{\"a\":1}\n{\"b\":2}[3]", "json").0.len(), 3);
    assert_eq!(read_both("a: 1\n---\nb: 2\n---\n", "yml").0.len(), 2);
}

#[test]
fn json_with_tabs_in_a_yaml_file_and_flow_yaml_with_a_brace_are_read() {
    assert_eq!(only("{\n\t\"a\":\t1}", "yaml").to_json().to_string(), r#"{"a":1}"#);
    assert_eq!(only("{a: !Ref B}", "yaml").to_json().to_string(), r#"{"a":{"Ref":"B"}}"#);
}

#[test]
fn what_is_not_valid_is_told_with_line_and_column() {
    for (text, extension, expected) in [
        ("{\n \"a\": 1,\n}", "json", "f:3: is not valid JSON: key must be a string (line 3 column 1)"),
        ("a: 1", "json", "f:1: is not valid JSON: expected value (line 1 column 1)"),
        ("{\"a\": \"\\ud800\"}", "json", "f:1: is not valid JSON: unexpected end of hex escape (line 1)"),
        ("a:\n  - b\n c: d\n", "yaml", "f:3: is not valid YAML"),
        ("? [a]\n: b", "yaml", "a key is a list or an object"),
        ("a: *b", "yaml", "f:1: is not valid YAML"),
        (" \n", "json", "f: is empty"),
    ] {
        let (documents, problems) = read_both(text, extension);
        assert!(documents.is_empty());
        assert!(problems[0].to_string().contains(expected), "{}", problems[0]);
    }
    let mut findings = Findings::new("f");
    assert!(read(&[b'{', 0xff], "json", &mut findings).is_empty());
    assert!(findings.into_parts().0[0].reason.contains("byte 1 is not UTF-8"));
}

#[test]
fn keys_that_stand_twice_are_all_told() {
    for (text, extension) in [("{\"a\": {\"b\": 1,\n\"b\": 2},\n\"a\": 3}", "json"), ("a:\n  b: 1\n  b: 2\na: 3\n", "yaml")] {
        let (documents, problems) = read_both(text, extension);
        assert_eq!(documents.len(), 1);
        let told: Vec<&str> = problems.iter().map(|p| p.path.as_str()).collect();
        assert_eq!(told, ["a.b", "a"], "{problems:?}");
        assert!(problems[0].reason.contains("stands twice"));
    }
    assert!(read_both("a: &x {b: 1}\nc:\n  <<: *x\n", "yaml").1[0].reason.contains("merge key"));
}

#[test]
fn windows_encodings_are_read() {
    let expected = r#"{"a":"é"}"#;
    let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(expected.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(expected.encode_utf16().flat_map(u16::to_be_bytes)).collect();
    let marked: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(expected.bytes()).collect();
    for bytes in [little, big, marked] {
        let mut findings = Findings::new("f");
        assert_eq!(read(&bytes, "json", &mut findings)[0].to_json().to_string(), expected);
    }
}

#[test]
fn bombs_are_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        writeln!(laughs, "a{i}: &a{i} [{}]", [before.as_str(); 10].join(", ")).unwrap();
    }
    let mut steps = "x: &x0 {a: b}\n".to_owned();
    for i in 1..200 {
        writeln!(steps, "y{i}: &x{i} {{k: *x{}}}", i - 1).unwrap();
    }
    for (text, extension, expected) in [
        (laughs, "yaml", "more than 400000 values"),
        (steps, "yaml", "more than 96 levels deep"),
        ("- ".repeat(100_000), "yaml", "more than 96 levels deep"),
        ("[".repeat(100_000) + &"]".repeat(100_000), "json", "more than 96 levels deep"),
        ("[1,".repeat(100_000), "json", "EOF while parsing"),
        ("{}".repeat(20_000), "json", "more than 10000 values in one file"),
        (format!("[{}1]", "1,".repeat(500_000)), "json", "more than 400000 values"),
    ] {
        let (documents, problems) = read_both(&text, extension);
        assert!(documents.is_empty());
        assert!(problems[0].reason.contains(expected), "{}", problems[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No text makes a reader panic, and what it accepts is within the limits.
    #[test]
    fn any_text_is_read_or_refused(text in r#"([-?:,\[\]{}#&*!|>'"%@ \n\ta01\\~.=<]|Ref|key: |- |"a":|\\u00e9|!Sub ){0,60}"#, json in any::<bool>()) {
        let (documents, problems) = read_both(&text, if json { "json" } else { "yaml" });
        for document in &documents {
            prop_assert!(document.measure(&mut NODES_MAX.clone()).is_some_and(|depth| depth <= DEPTH_MAX));
        }
        prop_assert!(!documents.is_empty() || !problems.is_empty() || text.chars().any(|c| !c.is_whitespace()));
    }
}
