//! Activities held against a service that a test scripts.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::scripted::{Asked, Reply, Scripted};
use super::super::tests::{connection, pace};
use super::super::try_activities;
use super::*;
use crate::inventory::{Document, capture_with};
use crate::progress::Silent;
use crate::time::Nanos;

fn inventory(activities: &str) -> Inventory {
    let pipeline = format!(
        r#"{{"pipelineName":"p","pipelineActivities":[{{"channel":{{"name":"in","channelName":"c","next":"a"}}}},{activities},{{"datastore":{{"name":"out","datastoreName":"d"}}}}]}}"#
    );
    let captured = capture_with(&[], &[Document { name: "p.json".into(), bytes: pipeline.into_bytes() }], &BTreeMap::new()).unwrap();
    assert!(!captured.has_errors(), "{:?}", captured.problems);
    captured.inventory
}

/// The messages that RunPipelineActivity was given, and the kind of the activity.
fn given(asked: &Asked) -> (String, Vec<String>) {
    let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    let kind = body["pipelineActivity"].as_object().unwrap().keys().next().unwrap().clone();
    let payloads = body["payloads"].as_array().unwrap().iter();
    let payloads = payloads.map(|payload| String::from_utf8(STANDARD.decode(payload.as_str().unwrap()).unwrap()).unwrap());
    (kind, payloads.collect())
}

fn made(payloads: &[String], log: &str) -> Reply {
    let payloads: Vec<String> = payloads.iter().map(|payload| STANDARD.encode(payload)).collect();
    Reply::Json(200, serde_json::json!({"payloads": payloads, "logResult": log}).to_string())
}

async fn tried(service: &Scripted, activities: &str, messages: &[&str]) -> Vec<ActivityTrial> {
    let samples = Samples { by_channel: BTreeMap::from([("c".to_owned(), messages.iter().map(|m| m.as_bytes().to_vec()).collect())]) };
    let switches = TransformSwitches::default();
    let progress = Arc::new(Silent);
    let trials = try_activities(&connection(&service.url()), pace(), &inventory(activities), &switches, &samples, progress, Nanos(0)).await;
    assert_eq!(trials.pipelines.len(), 1);
    trials.pipelines.into_iter().next().unwrap().activities
}

const CELSIUS: &str = r#"{"math":{"name":"a","attribute":"tempC","math":"((temp - 32) * 5.0) / 9.0","next":"out"}}"#;

/// The answers are those of the user guide's page on RunPipelineActivity.
#[tokio::test]
async fn the_documented_answer_agrees_with_the_engine() {
    let service = Scripted::serve(|asked| {
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/pipelineactivities/run"));
        let (kind, payloads) = given(asked);
        assert_eq!((kind.as_str(), payloads[0].as_str()), ("math", r#"{"humidity": 52, "temp": 68 }"#), "sent to the letter");
        made(&[r#"{"humidity":52,"temp":68,"tempC":20}"#.into(), r#"{"humidity":52,"temp":32,"tempC":0}"#.into()], "")
    });
    let trials = tried(&service, CELSIUS, &[r#"{"humidity": 52, "temp": 68 }"#, r#"{"humidity": 52, "temp": 32 }"#, "no message"]).await;
    assert_eq!(trials[0].result, TrialResult::Agrees { messages: 2, dropped: 0, other_number_text: 0 });
    assert_eq!((trials[0].activity.as_str(), trials[0].kind), ("a", "math"));
}

#[tokio::test]
async fn a_number_that_is_only_written_otherwise_agrees_and_is_counted() {
    let service = Scripted::serve(|_| made(&[r#"{"temp":68,"tempC":2.0E+1}"#.into()], ""));
    let trials = tried(&service, CELSIUS, &[r#"{"temp":68}"#]).await;
    assert_eq!(trials[0].result, TrialResult::Agrees { messages: 1, dropped: 0, other_number_text: 1 });
}

#[tokio::test]
async fn a_difference_names_the_message_and_what_each_made_of_it() {
    // This service takes an absent attribute for zero.
    let service = Scripted::serve(|asked| {
        let (_, payloads) = given(asked);
        made(&payloads.into_iter().filter(|payload| !payload.contains("hot")).collect::<Vec<_>>(), "")
    });
    let filter =
        r#"{"filter":{"name":"a","filter":"temp < 100","next":"b"}},{"removeAttributes":{"name":"b","attributes":["x"],"next":"out"}}"#;
    let trials = tried(&service, filter, &[r#"{"temp":1}"#, r#"{"note":"no temp"}"#, r#"{"temp":200,"note":"hot"}"#]).await;
    let TrialResult::Differs { messages, differing, examples } = &trials[0].result else { panic!("{trials:?}") };
    assert_eq!((*messages, *differing), (3, 1));
    assert_eq!(examples[0].given, serde_json::json!({"note":"no temp"}));
    assert_eq!((&examples[0].engine, &examples[0].service), (&None, &Some(serde_json::json!({"note":"no temp"}))));
    // The next activity is given what the service kept.
    assert_eq!(trials[1].result, TrialResult::Agrees { messages: 2, dropped: 0, other_number_text: 0 });
}

#[tokio::test]
async fn functions_and_enrichment_are_left_out_with_the_reason_and_the_rest_goes_on() {
    let service = Scripted::serve(|asked| made(&given(asked).1, ""));
    let activities = r#"{"lambda":{"name":"a","lambdaName":"f","batchSize":1,"next":"b"}},
        {"deviceRegistryEnrich":{"name":"b","attribute":"meta","thingName":"id","roleArn":"r","next":"c"}},
        {"math":{"name":"c","attribute":"x","math":"no expression (","next":"d"}},
        {"removeAttributes":{"name":"d","attributes":["y"],"next":"out"}}"#;
    let trials = tried(&service, activities, &[r#"{"id":"pump-1"}"#]).await;
    let reasons: Vec<&str> = trials
        .iter()
        .filter_map(|trial| match &trial.result {
            TrialResult::Skipped { reason } => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    assert!(reasons[0].contains("customer's function") && reasons[1].contains("today's registry") && reasons[2] == "it is not translated");
    assert_eq!(trials[3].result, TrialResult::Agrees { messages: 1, dropped: 0, other_number_text: 0 });
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_met_once_and_names_the_permission() {
    let service = Scripted::serve(|_| Reply::Error(403, "AccessDeniedException", "no"));
    let two =
        r#"{"math":{"name":"a","attribute":"x","math":"temp + 1","next":"b"}},{"filter":{"name":"b","filter":"temp > 0","next":"out"}}"#;
    let trials = tried(&service, two, &[r#"{"temp":1}"#]).await;
    assert!(matches!(&trials[0].result, TrialResult::Failed { reason } if reason.contains("access was refused")), "{trials:?}");
    assert!(
        matches!(&trials[1].result, TrialResult::Skipped { reason } if reason.contains("allow iotanalytics:RunPipelineActivity")),
        "{trials:?}"
    );
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn what_the_service_logs_instead_of_a_result_is_kept() {
    let service = Scripted::serve(|_| made(&[], "expression is invalid"));
    let trials = tried(&service, CELSIUS, &[r#"{"temp":68}"#]).await;
    assert_eq!(trials[0].result, TrialResult::Failed { reason: "expression is invalid".to_owned() });
}

#[tokio::test]
async fn every_kind_of_activity_is_sent_as_the_api_takes_it() {
    let service = Scripted::serve(|asked| made(&given(asked).1, ""));
    let all = r#"{"addAttributes":{"name":"a","attributes":{"device.id":"id"},"next":"b"}},
        {"selectAttributes":{"name":"b","attributes":["id","device"],"next":"c"}},
        {"removeAttributes":{"name":"c","attributes":["device.x"],"next":"out"}}"#;
    tried(&service, all, &[r#"{"device":{"id":"i"}}"#]).await;
    let sent: Vec<serde_json::Value> = service
        .asked()
        .iter()
        .map(|asked| serde_json::from_slice::<serde_json::Value>(&asked.body).unwrap()["pipelineActivity"].clone())
        .collect();
    assert!(sent.contains(&serde_json::json!({"addAttributes":{"name":"a","attributes":{"device.id":"id"}}})), "{sent:?}");
    assert!(sent.contains(&serde_json::json!({"selectAttributes":{"name":"b","attributes":["id","device"]}})), "{sent:?}");
    assert!(sent.contains(&serde_json::json!({"removeAttributes":{"name":"c","attributes":["device.x"]}})), "{sent:?}");
}

#[test]
fn numbers_are_compared_by_what_they_are_worth() {
    for (a, b, same) in [
        ("10", "10.0", true),
        ("1e1", "10", true),
        ("-0", "0.00", true),
        ("0.1", "1E-1", true),
        ("9007199254740993", "9007199254740992", false),
        ("1", "-1", false),
        ("100", "10", false),
        ("1.05", "1.5", false),
    ] {
        assert_eq!(worth(a) == worth(b), same, "{a} {b}");
    }
}
