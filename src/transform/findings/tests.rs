use super::super::fixtures::{add, filter, lambda, math, pipeline, registry, remove, select, shadow, translated};
use super::super::{FindingCode as Code, FindingGrade as Grade, TransformSwitches, translate};
use super::*;
use crate::inventory::ActivityKind;

#[track_caller]
fn found(activities: &[(&str, ActivityKind)]) -> Vec<(Code, Grade, String)> {
    codes(translated(activities).findings)
}

fn codes(findings: Vec<TransformFinding>) -> Vec<(Code, Grade, String)> {
    for finding in &findings {
        assert!(!finding.cause.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
        assert!(!finding.cause.contains('\n') && !finding.remedy.contains('\n'), "{finding:?}");
    }
    findings.into_iter().map(|finding| (finding.code, finding.grade, finding.activity)).collect()
}

fn known(activities: &[(&str, ActivityKind)], columns: &[&str], side: Side) -> Vec<(Code, Grade, String)> {
    let columns: Vec<ColumnPath> = columns.iter().map(|column| column.parse().unwrap()).collect();
    let known = KnownColumns::new(&columns, side);
    codes(translate(&pipeline(activities), &TransformSwitches::default(), Some(&known)).unwrap().findings)
}

#[track_caller]
fn expect(found: &[(Code, Grade, String)], code: Code, grade: Grade, activity: &str) {
    assert!(found.contains(&(code, grade, activity.to_owned())), "no {code:?} {grade:?} at {activity}: {found:?}");
}

/// The mistakes of a published recipe: constants in addAttributes, and math that computes nothing.
fn recipe() -> Vec<(&'static str, ActivityKind)> {
    vec![
        ("Range", filter("temperature > 0 AND temperature < 100")),
        ("Convert", math("temperature_celsius", "temperature_celsius")),
        ("Place", add(&[("location", "factory_floor_1"), ("device_type", "temperature_sensor")])),
    ]
}

#[test]
fn constants_and_math_without_effect_are_found() {
    let blind = found(&recipe());
    expect(&blind, Code::MathWithoutEffect, Grade::Warning, "Convert");
    expect(&blind, Code::ConstantInAddAttributes, Grade::Note, "Place");
    let raw = known(&recipe(), &["temperature", "humidity", "deviceId"], Side::Channel);
    expect(&raw, Code::ConstantInAddAttributes, Grade::Warning, "Place");
    expect(&raw, Code::ReadsMissingAttribute, Grade::Warning, "Convert");
    expect(&known(&recipe(), &["temperature"], Side::Datastore), Code::ConstantInAddAttributes, Grade::Warning, "Place");
}

#[test]
fn a_documented_pipeline_has_nothing_to_find() {
    let quiet = [
        ("A", add(&[("device.id", "id"), ("device.coord[0]", "lat")])),
        ("F", filter("lat > 40 AND hum < 20")),
        ("R", remove(&["device"])),
        ("M", math("tempc", "((temp - 32) * 5.0) / 9.0")),
        ("S", select(&["id", "lat", "tempc"])),
    ];
    assert_eq!(found(&quiet), []);
    // A rename at the root that the history bears out.
    let renamed = [("A", add(&[("temperature", "temp")]))];
    assert_eq!(known(&renamed, &["temperature", "temp"], Side::Datastore), []);
    assert_eq!(known(&renamed, &["Temperature"], Side::Channel), []);
}

#[test]
fn a_filter_on_what_was_taken_out_drops_everything() {
    let after_remove = [("R", remove(&["device"])), ("F", filter("device.temp > 3"))];
    expect(&found(&after_remove), Code::FilterDropsEverything, Grade::Error, "F");
    let after_select = [("S", select(&["a"])), ("F", filter("b > 3"))];
    expect(&found(&after_select), Code::FilterDropsEverything, Grade::Error, "F");
    // A function may bring anything back, and so may a later activity.
    for between in [lambda("f", 1), math("b", "a * 2"), add(&[("a", "b")])] {
        let found = found(&[("S", select(&["a"])), ("X", between), ("F", filter("b > 3"))]);
        assert!(!found.iter().any(|(code, ..)| *code == Code::FilterDropsEverything), "{found:?}");
    }
}

#[test]
fn reading_what_was_taken_out_is_found_in_every_activity() {
    for reader in [math("x", "gone + 1"), add(&[("gone.a", "x")]), select(&["gone"]), registry("m", "gone"), shadow("m", "gone.x")] {
        expect(&found(&[("R", remove(&["gone"])), ("X", reader)]), Code::ReadsMissingAttribute, Grade::Warning, "X");
    }
    expect(&found(&[("R", remove(&["a"])), ("Q", remove(&["a"]))]), Code::RemovesNothing, Grade::Note, "Q");
}

#[test]
fn what_comes_from_nothing_is_nothing() {
    let chain = [
        ("S", select(&["k"])),
        ("A", add(&[("a.x", "b")])),
        ("M", math("c", "a * 2.5")),
        ("E", registry("d", "a")),
        ("F", filter("b > 1")),
        ("T", select(&["b", "c", "d"])),
    ];
    let found = found(&chain);
    expect(&found, Code::FilterDropsEverything, Grade::Error, "F");
    expect(&found, Code::NothingSelected, Grade::Error, "T");
    // A message may bring its own.
    let open = codes(translated(&chain[1..]).findings);
    assert!(!open.iter().any(|(code, ..)| matches!(code, Code::FilterDropsEverything | Code::NothingSelected)), "{open:?}");
}

#[test]
fn what_is_set_for_nothing_is_found() {
    expect(&found(&[("M", math("x", "a * 2.5")), ("R", remove(&["x"]))]), Code::SetAndDiscarded, Grade::Note, "R");
    expect(&found(&[("M", math("x", "a * 2.5")), ("S", select(&["a"]))]), Code::SetAndDiscarded, Grade::Note, "S");
    expect(&found(&[("M", math("x", "a * 2.5")), ("N", math("x", "a * 3.5"))]), Code::SetAndDiscarded, Grade::Note, "N");
    let read = found(&[("M", math("x", "a * 2.5")), ("F", filter("x > 3")), ("R", remove(&["x"]))]);
    assert_eq!(read, []);
}

#[test]
fn what_the_documents_leave_open_is_found() {
    for (kind, code, grade) in [
        (math("x", "a * 9 / 5 + 32"), Code::IntegerDivision, Grade::Warning),
        (math("x", "a / b"), Code::DivisionByZero, Grade::Note),
        (filter("co <> NULL OR lpg <> NULL"), Code::NullCheck, Grade::Warning),
        (filter("co <> NULL"), Code::NullCheck, Grade::Note),
        (filter("1 < 2"), Code::FilterAlwaysTheSame, Grade::Warning),
        (select(&["a.x", "b.x"]), Code::SelectedNameClash, Grade::Warning),
        (select(&["a[0]"]), Code::SelectedElement, Grade::Warning),
        (remove(&["a.b"]), Code::NestedRemoval, Grade::Note),
        (add(&[("a.x", "n"), ("b.x", "n")]), Code::AddedNameTaken, Grade::Warning),
        (add(&[("processed_at", "${timestamp()}")]), Code::TemplateInAddAttributes, Grade::Warning),
        (add(&[("place", "factory floor 1")]), Code::ConstantInAddAttributes, Grade::Warning),
        (math("wind-speed", "a * 1.5"), Code::FieldNameRefused, Grade::Warning),
        (math("tempC", "a * 1.5"), Code::FieldNameUpperCase, Grade::Note),
        (registry("m", "t"), Code::EnrichedWithToday, Grade::Note),
        (lambda("f", 3), Code::FunctionNotSeen, Grade::Warning),
        (filter("a LIKE 'b'"), Code::ExpressionNotTranslated, Grade::Error),
        (remove(&["a[x]"]), Code::PathNotTranslated, Grade::Error),
    ] {
        expect(&found(&[("X", kind)]), code, grade, "X");
    }
    expect(&found(&[("M", math("temp", "Temp * 1.5"))]), Code::NamesDifferInCase, Grade::Warning, "");
}

#[test]
fn hostile_names_are_escaped_in_causes() {
    let hostile = "a\u{1b}[2J\n\u{202e}b";
    let all =
        [(hostile, add(&[(hostile, hostile), ("x", "y")])), ("F", filter(hostile)), ("R", remove(&[hostile])), ("S", select(&[hostile]))];
    for finding in translated(&all).findings {
        assert!(!finding.cause.contains(['\u{1b}', '\n', '\u{202e}']), "{:?}", finding.cause);
        assert!(!finding.remedy.contains(['\u{1b}', '\n', '\u{202e}']), "{:?}", finding.remedy);
    }
}
