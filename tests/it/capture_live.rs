//! `capture --live` as a person runs it.

use std::process::Command;

use crate::environment::{Environment, Ran};
use crate::scripted::{Asked, Reply, Scripted};

const STORE: &str = r#"{"datastore":{"name":"plant","retentionPeriod":{"unlimited":true},"arn":"arn:aws:iotanalytics:eu-west-1:123456789012:datastore/plant"}}"#;

/// A channel, its pipeline, a store and the rule that feeds the channel.
fn account(asked: &Asked) -> Reply {
    let json = |text: &str| Reply::Json(200, text.to_owned());
    match asked.path.as_str() {
        "/channels" => json(r#"{"channelSummaries":[{"channelName":"readings"}]}"#),
        "/channels/readings" => json(
            r#"{"channel":{"name":"readings","retentionPeriod":{"unlimited":true},"arn":"arn:aws:iotanalytics:eu-west-1:123456789012:channel/readings"}}"#,
        ),
        "/pipelines" => json(r#"{"pipelineSummaries":[{"pipelineName":"clean"}]}"#),
        "/pipelines/clean" => json(
            r#"{"pipeline":{"name":"clean","activities":[{"channel":{"name":"in","channelName":"readings","next":"warm"}},
                {"filter":{"name":"warm","filter":"temperature > 10","next":"out"}},
                {"datastore":{"name":"out","datastoreName":"plant"}}]}}"#,
        ),
        "/datastores" => json(r#"{"datastoreSummaries":[{"datastoreName":"plant"}]}"#),
        "/datastores/plant" => json(STORE),
        "/datasets" => json(r#"{"datasetSummaries":[]}"#),
        "/tags" => json(r#"{"tags":[]}"#),
        // { "temperature": 20 } and {"foo": "bar"}
        "/channels/readings/sample" => json(r#"{"payloads":["eyAidGVtcGVyYXR1cmUiOiAyMCB9","eyAiZm9vIjogImJhciIgfQ=="]}"#),
        // The first of the two: the service's filter takes the second for false.
        "/pipelineactivities/run" => json(r#"{"payloads":["eyAidGVtcGVyYXR1cmUiOiAyMCB9"],"logResult":""}"#),
        "/logging" => Reply::Error(404, "ResourceNotFoundException", "none"),
        "/rules" => json(r#"{"rules":[{"ruleName":"feed"}]}"#),
        "/rules/feed" => json(
            r#"{"rule":{"ruleName":"feed","sql":"SELECT * FROM 'plant/#'","actions":[{"iotAnalytics":{"channelName":"readings","roleArn":"arn:r"}}]}}"#,
        ),
        _ => Reply::Error(404, "UnknownOperationException", "not scripted"),
    }
}

trait Keys {
    /// With credentials and a region of nobody's.
    fn keys(&mut self) -> &mut Self;
}

impl Keys for Command {
    fn keys(&mut self) -> &mut Self {
        self.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example").env("AWS_REGION", "eu-west-1")
    }
}

fn live(environment: &Environment, service: &Scripted, more: &[&str]) -> Ran {
    let url = service.url();
    let args = [&["capture", "--live", "--endpoint-url", &url], more].concat();
    environment.finish(environment.command(&args).keys())
}

#[test]
fn a_live_capture_keeps_the_answers_and_they_capture_to_the_same() {
    let (environment, service) = (Environment::new(), Scripted::serve(account));
    let ran = live(&environment, &service, &["--output", "json"]).ended(0);
    assert!(ran.stderr.contains("kept in migration/captured"), "{}", ran.stderr);
    let result = ran.json();
    assert_eq!(result["live"]["whole"], true);
    let listing = service.asked().iter().filter(|asked| asked.path != "/pipelineactivities/run").count();
    assert_eq!(result["live"]["requests"], listing);
    assert!(service.asked().iter().all(|asked| asked.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256"))));
    let first = std::fs::read_to_string(environment.path("migration/inventory.json")).unwrap();
    environment.run(&["--dir", "again", "capture", "--from", "migration/captured"]).ended(0);
    let again = std::fs::read_to_string(environment.path("again/inventory.json")).unwrap();
    assert_eq!(first.replace("captured/", ""), again);
    // A second capture puts the first one's answers aside.
    let ran = live(&environment, &service, &[]).ended(0);
    assert!(ran.stderr.contains("kept in migration/captured-1"), "{}", ran.stderr);
    assert!(environment.path("migration/captured-1/describe-pipeline/clean.json").is_file());
}

#[test]
fn sample_messages_are_kept_and_activities_held_against_the_service_unless_they_are_not_wanted() {
    let (environment, service) = (Environment::new(), Scripted::serve(account));
    let ran = live(&environment, &service, &["--output", "json"]).ended(0);
    assert_eq!(ran.json()["live"]["sample_messages"], 2);
    assert_eq!(ran.json()["live"]["activities"], serde_json::json!({"agree": 1, "differ": 0, "skipped": 0, "failed": 0}));
    assert!(ran.stderr.contains("activities held against the service: 1 agree, 0 differ"), "{}", ran.stderr);
    let samples = std::fs::read_to_string(environment.path("migration/samples/readings.json")).unwrap();
    assert!(samples.contains(r#"{ \"temperature\": 20 }"#), "{samples}");
    let evidence: serde_json::Value =
        serde_json::from_slice(&std::fs::read(environment.path("migration/report/activities.json")).unwrap()).unwrap();
    assert_eq!((&evidence["at"], &evidence["pipelines"][0]["activities"][0]["result"]), (&"2025-12-15T00:00:00Z".into(), &"agrees".into()));

    let (environment, service) = (Environment::new(), Scripted::serve(account));
    let ran = live(&environment, &service, &["--no-samples", "--output", "json"]).ended(0);
    assert_eq!(ran.json()["live"]["sample_messages"], 0);
    assert!(!environment.path("migration/samples").is_dir() && !environment.path("migration/report").is_dir());
    assert!(!service.asked().iter().any(|asked| asked.path.contains("sample") || asked.path.contains("run")));
}

#[test]
fn an_activity_that_the_service_runs_otherwise_is_a_finding() {
    let environment = Environment::new();
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/pipelineactivities/run" => Reply::Json(200, r#"{"payloads":[],"logResult":""}"#.to_owned()),
        _ => account(asked),
    });
    let ran = live(&environment, &service, &[]).ended(2);
    assert!(ran.stderr.contains("pipeline clean, activity warm differs for 1 of 2 messages"), "{}", ran.stderr);
    let evidence = std::fs::read_to_string(environment.path("migration/report/activities.json")).unwrap();
    assert!(evidence.contains(r#""service": null"#), "{evidence}");
}

#[test]
fn files_and_service_are_merged_and_the_service_outweighs_a_file() {
    let (environment, service) = (Environment::new(), Scripted::serve(account));
    environment.write("definitions/store.json", STORE.replace(r#""unlimited":true"#, r#""numberOfDays":5"#));
    environment.write("definitions/old.json", r#"{"channel":{"name":"old","arn":"x"}}"#);
    let ran = live(&environment, &service, &["--from", "definitions", "--output", "json"]).ended(0);
    let inventory = &ran.json()["inventory"];
    assert_eq!(inventory["datastores"]["plant"]["retention"], "unlimited");
    assert!(inventory["channels"]["old"].is_object() && inventory["channels"]["readings"].is_object());
}

#[test]
fn a_refused_action_ends_with_findings_that_name_the_permission() {
    let environment = Environment::new();
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/datastores/plant" => {
            Reply::Error(403, "AccessDeniedException", "User is not authorized to perform iotanalytics:DescribeDatastore")
        }
        _ => account(asked),
    });
    let ran = live(&environment, &service, &[]).ended(2);
    assert!(ran.stdout.contains("datastore plant: DescribeDatastore was refused"), "{}", ran.stdout);
    assert!(ran.stdout.contains("allow iotanalytics:DescribeDatastore and capture again"), "{}", ran.stdout);
    assert!(environment.path("migration/inventory.json").is_file());
}

#[test]
fn credentials_that_expire_on_the_way_leave_the_inventory_as_it_was() {
    let environment = Environment::new();
    live(&environment, &Scripted::serve(account), &[]).ended(0);
    let before = std::fs::read(environment.path("migration/inventory.json")).unwrap();
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/datastores/plant" => Reply::Error(403, "ExpiredTokenException", "The security token included in the request is expired"),
        _ => account(asked),
    });
    let ran = live(&environment, &service, &[]).ended(1);
    assert!(ran.stderr.contains("error: the credentials have expired"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: get fresh credentials"), "{}", ran.stderr);
    assert!(environment.path("migration/captured-incomplete/describe-channel/readings.json").is_file());
    assert_eq!(std::fs::read(environment.path("migration/inventory.json")).unwrap(), before);
    assert!(environment.path("migration/captured/describe-datastore/plant.json").is_file(), "the earlier answers stay");
}

#[test]
fn missing_credentials_and_a_missing_region_are_said_plainly() {
    let (environment, service) = (Environment::new(), Scripted::serve(account));
    let args = ["capture", "--live", "--endpoint-url", &service.url(), "--region", "eu-west-1"];
    let ran = environment.run(&args).ended(1);
    assert!(ran.stderr.contains("error: no AWS credentials were found"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: name a profile with --profile"), "{}", ran.stderr);
    let ran = environment.run(&["capture", "--live", "--endpoint-url", &service.url()]).ended(1);
    assert!(ran.stderr.contains("error: no AWS region is set"), "{}", ran.stderr);
    assert!(service.asked().is_empty());
}

#[test]
fn a_closed_service_says_what_happened_and_what_to_capture_instead() {
    let environment = Environment::new();
    let service = Scripted::serve(|asked| if asked.path == "/channels" { Reply::Dropped } else { account(asked) });
    let ran = live(&environment, &service, &[]).ended(1);
    for text in [
        "error: AWS IoT Analytics does not answer at",
        "AWS closed it on 15 December 2025",
        "iota2ts capture --from DIR",
        "aws cloudformation get-template",
        "IoT Core answered: the topic rules that feed channels are kept in migration/captured-incomplete",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    assert!(!environment.path("migration/inventory.json").is_file(), "a poor inventory takes no place");

    environment.write("definitions/store.json", STORE);
    let ran = live(&environment, &service, &["--from", "definitions", "--output", "json"]).ended(2);
    assert!(ran.stderr.contains("what follows comes from the files and from IoT Core"), "{}", ran.stderr);
    let inventory = &ran.json()["inventory"];
    assert!(inventory["datastores"]["plant"].is_object() && inventory["rules"]["feed"].is_object());
}

#[test]
fn the_endpoint_of_one_service_comes_from_the_environment() {
    let environment = Environment::new();
    let (analytics, nothing) = (Scripted::serve(account), Scripted::serve(|_| Reply::Error(404, "UnknownOperationException", "no")));
    let mut command = environment.command(&["capture", "--live", "--output", "json"]);
    command.keys().env("AWS_ENDPOINT_URL", nothing.url()).env("AWS_ENDPOINT_URL_IOTANALYTICS", analytics.url());
    let ran = environment.finish(&mut command).ended(2);
    let inventory = &ran.json()["inventory"];
    assert!(inventory["channels"]["readings"].is_object() && inventory["rules"].as_object().unwrap().is_empty());
    assert!(ran.stdout.contains("ListTopicRules is not served there"), "{}", ran.stdout);
}
