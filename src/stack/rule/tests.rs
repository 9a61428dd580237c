use super::*;
use crate::mapping::{DimensionRule, Policies, TimeRule};
use crate::time::TimeFormat;
use crate::transform::Fidelity;

fn step(action: Action) -> Step {
    Step { activity: "a".into(), fidelity: Fidelity::Exact, action }
}

fn path(text: &str) -> ColumnPath {
    text.parse().unwrap()
}

fn copy(from: &str, to: &str) -> Copy {
    Copy { from: path(from), to: to.to_owned() }
}

fn mapping(dimensions: &[&str]) -> TableMapping {
    TableMapping {
        store: "s".into(),
        route: None,
        table: "t".into(),
        time: TimeRule { column: path("ts"), format: TimeFormat::EpochMillis },
        measure_name: "m".into(),
        dimensions: dimensions.iter().map(|name| DimensionRule { column: path(name), name: (*name).into() }).collect(),
        measures: vec![],
        ignored: vec![],
        policies: Policies::default(),
    }
}

const V2: &str = "2016-03-23";

#[test]
fn the_device_is_the_key_where_the_payload_names_it() {
    let steps = [step(Action::AddAttributes { copies: vec![copy("device.id", "device_id")] })];
    let key = partition_key("SELECT * FROM 'a/#'", V2, &steps, &mapping(&["area", "device_id"]), None);
    assert_eq!(key, "${CASE isUndefined(device.id) OR isNull(device.id) WHEN true THEN newuuid() ELSE device.id END}");
    let preferred = partition_key("SELECT *, topic(2) AS x FROM 'a/#'", V2, &steps, &mapping(&["area", "device_id"]), Some("area"));
    assert!(preferred.contains("isNull(area)"), "{preferred}");
}

#[test]
fn any_shard_is_taken_where_the_device_cannot_be_told() {
    let looked_up = [step(Action::DeviceRegistryEnrich { attribute: "device_id".into(), thing_name: path("n") })];
    let hostile = mapping(&["device_id} ${topic()"]);
    for key in [
        partition_key("SELECT temp FROM 'a/#'", V2, &[], &mapping(&["device_id"]), None),
        partition_key("SELECT * FROM 'a/#'", "2015-10-08", &[], &mapping(&["device_id"]), None),
        partition_key("SELECT * FROM 'a/#'", V2, &looked_up, &mapping(&["device_id"]), None),
        partition_key("SELECT * FROM 'a/#'", V2, &[], &mapping(&["area"]), None),
        partition_key("SELECT * FROM 'a/#'", V2, &[], &hostile, None),
    ] {
        assert_eq!(key, ANY_SHARD);
    }
}

#[test]
fn a_value_is_followed_back_through_the_pipeline() {
    let steps = [
        step(Action::AddAttributes { copies: vec![copy("a.b", "x")] }),
        step(Action::SelectAttributes { selections: vec![copy("x.c", "c"), copy("y", "y")] }),
    ];
    assert_eq!(in_payload(&path("c"), &steps), Some(path("a.b.c")));
    assert_eq!(in_payload(&path("y"), &steps), Some(path("y")));
    assert_eq!(in_payload(&path("gone"), &steps), None);
}

#[test]
fn only_a_plain_rule_has_a_whole_topic() {
    for (sql, topic) in [
        ("SELECT * FROM 'plant/+/telemetry'", Some("plant/+/telemetry")),
        ("select*from\"a\"", Some("a")),
        ("SELECT * FROM 'a' WHERE x > 1", None),
        ("SELECT *, 1 AS one FROM 'a'", None),
        ("SELECT * FROM 'a' FROM 'b'", None),
        ("SELECTED * FROM 'a'", None),
        ("", None),
    ] {
        assert_eq!(whole_topic(sql), topic, "{sql}");
    }
}

#[test]
fn new_rule_names_are_legal() {
    for (old, new) in
        [("all", "all_to_timestream"), ("${AWS::StackName}Rule", "AWS__StackName_Rule_to_timestream"), ("", "rule_to_timestream")]
    {
        assert_eq!(new_name(old, TO_STREAM), new);
    }
    assert!(new_name(&"x".repeat(300), TO_STREAM).len() <= RULE_NAME_CHARS_MAX);
}
