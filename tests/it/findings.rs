//! `docs/findings.md` explains every code that can be printed, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use iota2ts::transform::FindingCode;

/// Where codes other than those of pipelines are written, as the first text of a call.
const SOURCES: [&str; 3] = ["src/plan/findings", "src/dataset", "src/stack"];
const CALLS: [&str; 5] = [".error(", ".warn(", ".note(", ".add(", "Remark::new("];
/// Codes that reach their call through a variable: two stand in the table of limits (`src/plan/findings/mapping.rs`), two beside
/// their remedies (`src/dataset/syntax.rs`).
const THROUGH_A_VARIABLE: [&str; 4] = ["too_many_dimensions", "too_many_measures", "sql_symbolic", "sql_unreadable"];

#[test]
fn every_code_has_a_section_and_every_section_a_code() {
    let mut codes: BTreeSet<String> = FindingCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let mut sources = String::new();
    for folder in SOURCES {
        let found = codes.len();
        read(&root().join(folder), &mut codes, &mut sources);
        assert!(codes.len() > found, "{folder} holds no code: are they written another way now?");
    }
    for code in THROUGH_A_VARIABLE {
        assert!(sources.contains(&format!("\"{code}\"")), "{code} is in no source any more");
        assert!(codes.insert(code.to_owned()), "{code} is found by itself");
    }

    let page = std::fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    let sections: BTreeSet<String> = headings.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(headings.len(), sections.len(), "a code has two sections");
    let unexplained: Vec<&String> = codes.difference(&sections).collect();
    let unknown: Vec<&String> = sections.difference(&codes).collect();
    assert!(unexplained.is_empty() && unknown.is_empty(), "without a section: {unexplained:?}; without a code: {unknown:?}");
}

/// On the line of the call or on the next; texts that are no codes, and later arguments, are not taken.
#[test]
fn a_code_is_the_first_text_of_a_call() {
    let text = "found.warn(\"one_code\", x); found.note(\n    \"next_line\",\n x); Remark::new(RemarkGrade::Error, \"a_remark\", y);
        work.add(\"stack/template.yaml\".to_owned(), text); found.error(code, \"not_this\"); found.add(grade, \"nor this\")";
    let mut codes = BTreeSet::new();
    collect(text, &mut codes);
    assert_eq!(codes.iter().map(String::as_str).collect::<Vec<_>>(), ["a_remark", "next_line", "one_code"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Takes the codes of every source below `folder`, tests left out.
fn read(folder: &Path, codes: &mut BTreeSet<String>, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        if name.contains("tests") {
            continue;
        }
        if path.is_dir() {
            read(&path, codes, sources);
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            collect(&text, codes);
            sources.push_str(&text);
        }
    }
}

fn collect(text: &str, codes: &mut BTreeSet<String>) {
    for call in CALLS {
        codes.extend(text.split(call).skip(1).filter_map(first_text).filter(|text| is_code(text)).map(str::to_owned));
    }
}

/// The text that a call's arguments begin with; a remark's grade may stand before it.
fn first_text(arguments: &str) -> Option<&str> {
    let arguments = arguments.trim_start();
    let arguments = if arguments.starts_with("RemarkGrade::") { arguments.split_once(',')?.1.trim_start() } else { arguments };
    arguments.strip_prefix('"')?.split_once('"').map(|(text, _)| text)
}

fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
