use super::super::fixtures::{add, filter, lambda, math, registry, remove, select, shadow, spec};
use super::*;

fn every_action() -> TransformSpec {
    spec(&[
        ("Add \"quoted\"\n", add(&[("device.id", "id"), ("a\\b.c[3]", "x")])),
        ("Select", select(&["device.coord[0]", "id"])),
        ("Filter", filter("NOT (temp > 40 AND hum < 20.50) OR name = 'it''s' OR x <> NULL OR flag = true")),
        ("Math", math("tempC", "trunc(((temp - 32) * 5.0) / 9.0, 2) + -3")),
        ("Registry", registry("meta", "device.thingName")),
        ("Shadow", shadow("shadow", "device.thingName")),
        ("Lambda", lambda("decode", 17)),
        ("Bad", filter("a LIKE 'b'")),
        ("Remove", remove(&["device"])),
    ])
}

#[test]
fn a_saved_spec_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.json");
    every_action().save(&path).unwrap();
    assert_eq!(TransformSpec::load(&path).unwrap(), every_action());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), every_action().to_json());
    assert!(!every_action().is_complete() && spec(&[]).is_complete());
}

#[test]
fn the_deepest_expressions_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.json");
    let sum = (0..127).fold(String::from("a"), |sum, _| sum + "+a");
    for text in [sum, "(".repeat(120) + "a" + &")".repeat(120), "abs(".repeat(60) + "a" + &")".repeat(60)] {
        let deep = spec(&[("M", math("x", &text))]);
        deep.save(&path).unwrap();
        assert_eq!(TransformSpec::load(&path).unwrap(), deep, "{text}");
    }
    for text in ["NOT ".repeat(60) + "a", "a OR ".repeat(50) + "a"] {
        let deep = spec(&[("F", filter(&text))]);
        deep.save(&path).unwrap();
        assert_eq!(TransformSpec::load(&path).unwrap(), deep, "{text}");
    }
}

#[test]
fn newer_and_broken_specs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("line.json");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        TransformSpec::load(&path)
    };
    assert!(matches!(load("{\"version\": 2, \"of\": \"any shape\"}"), Err(SpecError::Newer { found: 2, .. })));
    assert!(matches!(load("{\"version\": 0}"), Err(SpecError::UnknownVersion { .. })));
    assert!(matches!(load("{\"version\": 1}"), Err(SpecError::Parse { .. })));
    assert!(matches!(load("[]"), Err(SpecError::Parse { .. })));
    assert!(matches!(load(&("[".repeat(100_000))), Err(SpecError::Parse { .. })));
    let unknown_switch = every_action().to_json().replace("\"lambda_may_drop\"", "\"lambda_must_drop\"");
    assert!(matches!(load(&unknown_switch), Err(SpecError::Parse { .. })), "a switch that is not known is not passed over");
    let no_name = every_action().to_json().replace("\"temp\"", "\"te mp\"");
    assert!(matches!(load(&no_name), Err(SpecError::Expression { .. })), "a tree that no text says is refused");
    let missing = TransformSpec::load(&folder.path().join("gone.json")).unwrap_err();
    assert!(missing.hint().unwrap().contains("translate"));
}
