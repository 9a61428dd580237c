use proptest::prelude::*;

use crate::inventory::fixtures::{assert_errors, captured, pipeline};

const FILTER: &str = r#"{"filter":{"name":"f","filter":"a > 1","next":"m"}},"#;

/// Captures the pipeline of [`pipeline`] and asserts its errors.
#[track_caller]
fn assert_pipeline_errors(first: &str, between: &str, expected: &[&str]) {
    let captured = captured(&[("p.json", &pipeline(first, between))]);
    assert_errors(&captured, expected);
    assert_eq!(captured.inventory.pipelines.is_empty(), !expected.is_empty(), "a broken pipeline is left out");
}

#[test]
fn order_is_that_of_next_and_not_of_the_list() {
    let text = pipeline(
        "f",
        r#"{"math":{"name":"m","attribute":"x","math":"a","next":"end"}},{"filter":{"name":"f","filter":"a > 1","next":"m"}},"#,
    );
    let captured = captured(&[("p.json", &text)]);
    assert_errors(&captured, &[]);
    let names: Vec<&str> = captured.inventory.pipelines["p"].activities.iter().map(|activity| activity.name.as_str()).collect();
    assert_eq!(names, ["start", "f", "m", "end"]);
}

#[test]
fn a_cycle_is_told_once_with_its_members() {
    assert_pipeline_errors(
        "f",
        &(FILTER.to_owned() + r#"{"math":{"name":"m","attribute":"x","math":"a","next":"f"}},"#),
        &[
            "pipelineActivities[2].math.next: leads in a cycle: `f` → `m` → `f`",
            "pipelineActivities[2].math.next: `f` is already the next of pipelineActivities[0].channel",
            "pipelineActivities[3].datastore: is never reached",
        ],
    );
    assert_pipeline_errors(
        "end",
        r#"{"math":{"name":"m","attribute":"x","math":"a","next":"m"}},"#,
        &["pipelineActivities[1].math.next: leads in a cycle: `m` → `m`"],
    );
}

#[test]
fn a_next_that_leads_nowhere_names_what_there_is() {
    assert_pipeline_errors(
        "f",
        FILTER,
        &[
            "pipelineActivities[1].filter.next: no activity is named `m` (there are `end`, `f`, `start`)",
            "pipelineActivities[2].datastore: is never reached: no `next` names `end`",
        ],
    );
}

#[test]
fn two_channels_two_datastores_and_none_are_told() {
    assert_pipeline_errors(
        "end",
        r#"{"channel":{"name":"again","channelName":"c","next":"end2"}},{"datastore":{"name":"end2","datastoreName":"d"}},"#,
        &["pipelineActivities[1].channel: is a second channel activity", "pipelineActivities[3].datastore: is a second datastore activity"],
    );
    let captured = captured(&[("p.json", r#"{"pipelineName":"p","pipelineActivities":[{"filter":{"name":"f","filter":"a > 1"}}]}"#)]);
    assert_errors(
        &captured,
        &["has no channel activity", "has no datastore activity", "filter: has no `next`", "filter: is never reached"],
    );
}

#[test]
fn same_names_meeting_nexts_and_unreached_activities_are_told_together() {
    assert_pipeline_errors(
        "f",
        r#"{"filter":{"name":"f","filter":"a > 1","next":"end"}},
           {"filter":{"name":"f","filter":"a > 2","next":"end"}},
           {"math":{"name":"m","attribute":"x","math":"a","next":"end"}},"#,
        &[
            "pipelineActivities[2].filter: is named `f` like pipelineActivities[1].filter",
            "pipelineActivities[2].filter.next: `end` is already the next of pipelineActivities[1].filter",
            "pipelineActivities[3].math.next: `end` is already the next of pipelineActivities[1].filter",
            "pipelineActivities[2].filter: is never reached",
            "pipelineActivities[3].math: is never reached",
        ],
    );
}

#[test]
fn a_datastore_ends_the_chain() {
    let text = r#"{"pipelineName":"p","pipelineActivities":[{"channel":{"name":"a","channelName":"c","next":"b"}},
        {"datastore":{"name":"b","datastoreName":"d","next":"a"}}]}"#;
    assert_errors(&captured(&[("p.json", text)]), &["datastore.next: a datastore activity ends the pipeline, and this goes on to `a`"]);
}

#[test]
fn more_than_25_activities_are_too_many() {
    let between: String = (0..24)
        .map(|i| {
            format!(
                r#"{{"filter":{{"name":"f{i}","filter":"a > 1","next":"{}"}}}},"#,
                if i == 23 { "end".into() } else { format!("f{}", i + 1) }
            )
        })
        .collect();
    assert_pipeline_errors("f0", &between, &["pipelineActivities: has 26 activities; a pipeline has at most 25"]);
}

proptest! {
    /// Whatever order the list has, the chain is the one that was made.
    #[test]
    fn any_order_of_the_list_gives_the_chain(order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let mut activities: Vec<String> = (0..8).map(|i| {
            let next = if i == 7 { "end".to_owned() } else { format!("f{}", i + 1) };
            format!(r#"{{"filter":{{"name":"f{i}","filter":"a > {i}","next":"{next}"}}}},"#)
        }).collect();
        activities = order.into_iter().map(|i| activities[i].clone()).collect();
        let captured = captured(&[("p.json", &pipeline("f0", &activities.concat()))]);
        let names: Vec<&str> = captured.inventory.pipelines["p"].activities.iter().map(|a| a.name.as_str()).collect();
        prop_assert_eq!(names, ["start", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "end"]);
    }

    /// Any graph at all ends in an answer: a pipeline that is one chain of all activities, or an error.
    #[test]
    fn any_graph_is_one_chain_or_an_error(nexts in prop::collection::vec(0..7_usize, 5)) {
        let between: String = nexts.iter().enumerate().map(|(i, next)| {
            let next = if *next == 5 { "end".to_owned() } else { format!("f{next}") };
            format!(r#"{{"filter":{{"name":"f{i}","filter":"a > 1","next":"{next}"}}}},"#)
        }).collect();
        let captured = captured(&[("p.json", &pipeline("f0", &between))]);
        match captured.inventory.pipelines.get("p") {
            Some(pipeline) => prop_assert_eq!(pipeline.activities.len(), 7),
            None => prop_assert!(captured.has_errors()),
        }
    }
}
