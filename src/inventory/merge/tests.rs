use crate::inventory::fixtures::{assert_errors, captured, pipeline, told};
use crate::inventory::{Retention, Severity, Storage};

const DESCRIBED: &str = r#"{"channel":{"name":"c","arn":"x","status":"ACTIVE","retentionPeriod":{"numberOfDays":90}}}"#;
const LISTED: &str = r#"{"channelSummaries":[{"channelName":"c"},{"channelName":"other"}]}"#;

#[test]
fn a_list_entry_gives_way_to_a_description() {
    let captured = captured(&[("a_list.json", LISTED), ("b.json", DESCRIBED)]);
    assert_errors(&captured, &[]);
    let channel = &captured.inventory.channels["c"];
    assert_eq!(
        (channel.retention, &channel.storage, channel.origin.file.as_str()),
        (Retention::Days(90), &Storage::ServiceManaged, "b.json")
    );
    assert_eq!(captured.inventory.channels["other"].storage, Storage::Unknown);
}

#[test]
fn the_same_told_twice_is_one() {
    let captured = captured(&[("a.json", DESCRIBED), ("b.json", DESCRIBED)]);
    assert_errors(&captured, &[]);
    assert_eq!(captured.inventory.channels["c"].origin.file, "a.json");
    assert_eq!(captured.inventory.sources.len(), 2);
}

#[test]
fn a_contradiction_names_both_files_and_what_differs() {
    let other = DESCRIBED.replace("90", "91");
    let captured = captured(&[("a.json", DESCRIBED), ("b.json", &other)]);
    assert_errors(
        &captured,
        &[r#"b.json: channel: the channel `c` is told differently in a.json (channel): retention.days: here `91`, there `90`"#],
    );
}

#[test]
fn what_the_service_answered_outweighs_what_was_asked_for_and_is_completed_by_it() {
    let asked = r#"{"channelName":"c","retentionPeriod":{"unlimited":true},"tags":[{"key":"k","value":"v"}]}"#;
    let captured = captured(&[("asked.json", asked), ("described.json", DESCRIBED)]);
    assert_errors(&captured, &[]);
    assert_eq!(captured.inventory.channels["c"].retention, Retention::Days(90));
    assert_eq!(captured.inventory.channels["c"].tags["k"], "v", "an answer holds no tags");
    let warnings = told(&captured, Severity::Warning);
    assert!(
        warnings[0].starts_with("asked.json: the channel `c` is described differently in described.json (channel), which is used"),
        "{warnings:?}"
    );
}

#[test]
fn a_thing_and_its_shadow_become_one() {
    let thing = r#"{"thingName":"pump-7","thingArn":"a","attributes":{},"version":1}"#;
    let shadow = r#"{"state":{"reported":{"on":true}},"metadata":{},"version":3,"timestamp":1}"#;
    let captured = captured(&[("pump-7.shadow.json", shadow), ("things/pump.json", thing)]);
    let thing = &captured.inventory.things["pump-7"];
    assert_eq!(thing.shadow.as_ref().unwrap()["state"]["reported"]["on"], true);
    assert_eq!(thing.registry.as_ref().unwrap()["thingArn"], "a");
    assert_eq!(captured.inventory.things.len(), 1);
}

#[test]
fn a_listed_rule_that_is_described_is_not_a_blind_spot() {
    let list = r#"{"rules":[{"ruleArn":"a","ruleName":"one"},{"ruleArn":"b","ruleName":"two"}]}"#;
    let rule = r#"{"ruleArn":"a","rule":{"ruleName":"one","sql":"SELECT * FROM 't'","actions":[{"lambda":{"functionArn":"f"}}]}}"#;
    let captured = captured(&[("list.json", list), ("one.json", rule)]);
    let subjects: Vec<&str> = captured.inventory.blind_spots.iter().map(|spot| spot.subject.as_str()).collect();
    assert_eq!(subjects, ["rule two"]);
    assert!(told(&captured, Severity::Note).iter().any(|note| note.contains("the rule `one` feeds no channel")));
}

#[test]
fn a_deep_difference_is_told_where_it_lies() {
    let one = pipeline("f", r#"{"filter":{"name":"f","filter":"a > 1","next":"end"}},"#);
    let captured = captured(&[("a.json", &one), ("b.json", &one.replace("a > 1", "a > 2"))]);
    assert_errors(
        &captured,
        &["the pipeline `p` is told differently in a.json: activities[1].filter: here `\"a > 2\"`, there `\"a > 1\"`"],
    );
}

#[test]
fn unnamed_resources_of_two_templates_are_not_quietly_one() {
    let template = |extra: &str| format!(r#"{{"Resources":{{"C":{{"Type":"AWS::IoTAnalytics::Channel","Properties":{{{extra}}}}}}}}}"#);
    let other = template(r#""RetentionPeriod":{"Unlimited":true}"#);
    let captured = captured(&[("a.template", &template("")), ("b.template", &other), ("c.template", &template(""))]);
    assert_errors(&captured, &["the channel `${C}` has a name that only its stack knows, and so has one in a.template"]);
    assert!(told(&captured, Severity::Warning)[1].contains("they are taken for the same"));
    assert_eq!(captured.inventory.channels["${C}"].retention, Retention::Unknown, "nothing of the other stack's");
}
