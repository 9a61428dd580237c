//! What the service had done, and documents that are no files.

use super::*;
use crate::inventory::fixtures::{assert_blind, assert_errors, captured, told};
use crate::inventory::{Logging, Retention};

const CONTENTS: &str = r#"{"datasetName":"q","datasetContentSummaries":[
  {"version":"v1","status":{"state":"SUCCEEDED"},"creationTime":1557863215.995,"scheduleTime":1557863215.995,"completionTime":1557863230.5},
  {"version":"v2","status":{"state":"FAILED","reason":"no such column"},"creationTime":"2019-05-15T00:00:00+00:00"}]}"#;

#[test]
fn contents_of_datasets_are_kept_with_their_times_the_newest_first() {
    let later = r#"{"datasetName":"q","datasetContentSummaries":[{"version":"v3","status":{"state":"CREATING"},"creationTime":1557900000},
        {"version":"v1","status":{"state":"CREATING","reason":""},"creationTime":1557863215.995}]}"#;
    let captured = captured(&[("a.json", CONTENTS), ("b.json", later)]);
    assert_errors(&captured, &[]);
    let contents = &captured.inventory.observed.contents["q"];
    let told: Vec<String> =
        contents.iter().map(|c| format!("{} {} {}", c.version, c.state, c.created_at.as_deref().unwrap_or("-"))).collect();
    assert_eq!(told, ["v3 CREATING 2019-05-15T06:00:00Z", "v2 FAILED 2019-05-15T00:00:00Z", "v1 SUCCEEDED 2019-05-14T19:46:55.995Z"]);
    assert_eq!(contents[1].reason.as_deref(), Some("no such column"));
    assert_eq!(contents[2].completed_at.as_deref(), Some("2019-05-14T19:47:10.5Z"));
}

#[test]
fn contents_that_do_not_say_of_which_dataset_are_warned_of() {
    let captured = captured(&[("list-dataset-contents.json", r#"{"datasetContentSummaries":[]}"#)]);
    assert!(told(&captured, Severity::Warning)[0].contains("does not say of which dataset"));
    let captured = super::super::fixtures::captured(&[(
        "c.json",
        r#"{"datasetName":"q","datasetContentSummaries":[{"version":"v","creationTime":"soon"}]}"#,
    )]);
    assert!(told(&captured, Severity::Warning)[0].contains("is no time"));
    assert_eq!(captured.inventory.observed.contents["q"][0].created_at, None);
}

#[test]
fn reprocessings_are_taken_from_described_and_listed_pipelines_once_each() {
    let run = r#"{"id":"r1","status":"SUCCEEDED","creationTime":1557863215}"#;
    let described = format!(
        r#"{{"pipeline":{{"name":"p","reprocessingSummaries":[{run}],"activities":[
            {{"channel":{{"name":"a","channelName":"c","next":"z"}}}},{{"datastore":{{"name":"z","datastoreName":"d"}}}}]}}}}"#
    );
    let listed =
        format!(r#"{{"pipelineSummaries":[{{"pipelineName":"p","reprocessingSummaries":[{run},{{"id":"r0","status":"RUNNING"}}]}}]}}"#);
    let captured = captured(&[("d.json", &described), ("l.json", &listed)]);
    assert_errors(&captured, &[]);
    let ids: Vec<&str> = captured.inventory.observed.reprocessings["p"].iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, ["r1", "r0"]);
}

#[test]
fn tags_and_logging_options_are_read_from_their_answers() {
    let captured = captured(&[
        ("c.json", r#"{"channel":{"name":"c","arn":"x"}}"#),
        ("t.json", r#"{"resourceArn":"arn:aws:iotanalytics:eu-west-1:123456789012:channel/c","tags":[{"key":"line","value":"7"}]}"#),
        ("p.json", r#"{"resourceArn":"arn:aws:iotanalytics:eu-west-1:123456789012:pipeline/p","tags":[{"key":"a","value":"b"}]}"#),
        ("s.json", r#"{"resourceArn":"arn:aws:s3:::bucket","tags":[]}"#),
        ("l.json", r#"{"loggingOptions":{"roleArn":"arn:aws:iam::123456789012:role/r","enabled":true,"level":"ERROR"}}"#),
    ]);
    assert_errors(&captured, &[]);
    assert_eq!(captured.inventory.channels["c"].tags["line"], "7");
    assert_eq!(captured.inventory.pipelines["p"].tags["a"], "b");
    assert_blind(&captured, "pipeline p", "listed and not described");
    let logging = Logging { role_arn: "arn:aws:iam::123456789012:role/r".into(), level: "ERROR".into(), enabled: true };
    assert_eq!(captured.inventory.observed.logging, Some(logging));
    assert!(!captured.inventory.sources.iter().any(|source| source.name == "s.json"));
}

#[test]
fn a_shadow_beside_its_things_name_is_that_things() {
    let captured = captured(&[("shadows.json", r#"[{"thingName":"pump-7","shadow":{"state":{"reported":{"n":1E5}},"version":3}}]"#)]);
    assert_errors(&captured, &[]);
    let shadow = captured.inventory.things["pump-7"].shadow.as_ref().unwrap();
    assert_eq!(shadow.as_object().unwrap().keys().collect::<Vec<_>>(), ["state", "version"], "the name is no part of the shadow");
}

#[test]
fn what_an_earlier_capture_could_not_see_stays_a_blind_spot() {
    let captured = captured(&[("unseen.json", r#"{"couldNotBeSeen":[{"subject":"tags","unknown":"refused"},{"subject":"x"}]}"#)]);
    assert_blind(&captured, "tags", "refused");
    assert_errors(&captured, &["has no `unknown`"]);
}

#[test]
fn documents_need_no_files_and_outweigh_them() {
    let live = Document {
        name: "captured/c.json".into(),
        bytes: br#"{"channel":{"name":"c","retentionPeriod":{"numberOfDays":7},"arn":"x"}}"#.to_vec(),
    };
    let alone = capture_with(&[], std::slice::from_ref(&live), &BTreeMap::new()).unwrap();
    assert_errors(&alone, &[]);
    assert_eq!(alone.inventory.channels["c"].origin.file, "captured/c.json");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.json"), r#"{"channel":{"name":"c","retentionPeriod":{"numberOfDays":9},"arn":"x"}}"#).unwrap();
    let both = capture_with(&[folder.path().to_owned()], &[live], &BTreeMap::new()).unwrap();
    assert_errors(&both, &[]);
    assert_eq!(both.inventory.channels["c"].retention, Retention::Days(7));
    assert!(told(&both, Severity::Warning)[0].contains("described differently in captured/c.json"), "{:?}", both.problems);
    assert!(matches!(capture_with(&[], &[], &BTreeMap::new()), Err(CaptureError::NothingGiven)));
}
