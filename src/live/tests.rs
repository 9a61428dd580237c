//! Capturing from a service that a test scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_iotanalytics::config::{Credentials, SharedCredentialsProvider};

use super::scripted::{Asked, Reply, Scripted};
use super::*;
use crate::inventory::{self, Inventory};
use crate::progress::Silent;

const ARN: &str = "arn:aws:iotanalytics:eu-west-1:123456789012";

fn config() -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "s", None, None, "test")))
}

pub(super) fn connection(url: &str) -> Connection {
    Connection { sdk_config: config().build(), endpoint_url: Some(url.to_owned()) }
}

/// No pauses to speak of, and small pages.
pub(super) fn pace() -> Pace {
    Pace {
        requests_per_second: 0,
        pause: Duration::from_millis(1),
        pause_max: Duration::from_millis(2),
        attempts_max: 4,
        connection_attempts_max: 2,
        page_size: 2,
    }
}

async fn captured(service: &Scripted) -> Captured {
    capture(&connection(&service.url()), pace(), Wanted::default(), Arc::new(Silent)).await.unwrap()
}

fn inventory_of(answers: &Answers) -> inventory::Captured {
    inventory::capture_with(&[], &answers.documents(), &BTreeMap::new()).unwrap()
}

/// The names that a list operation gives, two a page.
fn page(asked: &Asked, list: &str, entries: &[String]) -> Reply {
    let begin: usize = asked.parameter("nextToken").map_or(0, |token| token.trim_start_matches("at-").parse().unwrap());
    let some: Vec<String> = entries.iter().skip(begin).take(2).cloned().collect();
    let next = if begin + 2 < entries.len() { format!(r#","nextToken":"at-{}""#, begin + 2) } else { String::new() };
    Reply::Json(200, format!(r#"{{"{list}":[{}]{next}}}"#, some.join(",")))
}

fn named(key: &str, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!(r#"{{"{key}":"{name}"}}"#)).collect()
}

/// An account with two plants, as the service would tell of it.
fn account(asked: &Asked) -> Reply {
    let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["channels"]) => page(asked, "channelSummaries", &named("channelName", &["north", "south", "spare"])),
        ("GET", ["channels", name]) => Reply::Json(
            200,
            format!(
                r#"{{"channel":{{"name":"{name}","arn":"{ARN}:channel/{name}","status":"ACTIVE","retentionPeriod":{{"numberOfDays":30}},
                    "storage":{{"customerManagedS3":{{"bucket":"raw","keyPrefix":"iot/","roleArn":"arn:aws:iam::123456789012:role/r"}}}},
                    "creationTime":1557860351.001}},"statistics":{{"size":{{"estimatedSizeInBytes":402.0,"estimatedOn":1561504380.0}}}}}}"#
            ),
        ),
        ("GET", ["pipelines"]) => page(asked, "pipelineSummaries", &named("pipelineName", &["clean", "enrich"])),
        ("GET", ["pipelines", "clean"]) => Reply::Json(
            200,
            format!(
                r#"{{"pipeline":{{"name":"clean","arn":"{ARN}:pipeline/clean","reprocessingSummaries":[{{"id":"r1","status":"SUCCEEDED","creationTime":1557863215}}],
                "activities":[{{"channel":{{"name":"in","channelName":"north","next":"sane"}}}},
                {{"filter":{{"name":"sane","filter":"temp > 0 AND note <> 'é\n'","next":"out"}}}},{{"datastore":{{"name":"out","datastoreName":"plant"}}}}]}}}}"#
            ),
        ),
        ("GET", ["pipelines", "enrich"]) => Reply::Json(
            200,
            format!(
                r#"{{"pipeline":{{"name":"enrich","arn":"{ARN}:pipeline/enrich","activities":[{{"channel":{{"name":"in","channelName":"south","next":"registry"}}}},
                {{"deviceRegistryEnrich":{{"name":"registry","attribute":"meta","thingName":"id","roleArn":"r","next":"shadow"}}}},
                {{"deviceShadowEnrich":{{"name":"shadow","attribute":"shadow","thingName":"id","roleArn":"r","next":"out"}}}},
                {{"datastore":{{"name":"out","datastoreName":"plant"}}}}]}}}}"#
            ),
        ),
        ("GET", ["datastores"]) => page(asked, "datastoreSummaries", &named("datastoreName", &["plant"])),
        ("GET", ["datastores", name]) => Reply::Json(
            200,
            format!(
                r#"{{"datastore":{{"name":"{name}","arn":"{ARN}:datastore/{name}","retentionPeriod":{{"unlimited":true}},"status":"ACTIVE",
                "storage":{{"serviceManagedS3":{{}}}},"fileFormatConfiguration":{{"parquetConfiguration":{{"schemaDefinition":{{"columns":[{{"name":"temp","type":"double"}}]}}}}}}}}}}"#
            ),
        ),
        ("GET", ["datasets"]) => page(asked, "datasetSummaries", &named("datasetName", &["daily", "never"])),
        ("GET", ["datasets", name]) => Reply::Json(
            200,
            format!(
                r#"{{"dataset":{{"name":"{name}","arn":"{ARN}:dataset/{name}","actions":[{{"actionName":"q","queryAction":{{"sqlQuery":"SELECT * FROM plant"}}}}]}}}}"#
            ),
        ),
        ("GET", ["datasets", "daily", "contents"]) => {
            let versions: Vec<String> = (1..=3)
                .map(|n| format!(r#"{{"version":"v{n}","status":{{"state":"SUCCEEDED"}},"creationTime":155786321{n},"completionTime":155786322{n}}}"#))
                .collect();
            page(asked, "datasetContentSummaries", &versions)
        }
        ("GET", ["datasets", _, "contents"]) => page(asked, "datasetContentSummaries", &[]),
        ("GET", ["tags"]) => {
            let tags = if asked.query.contains("channel%2Fnorth") { r#"{"key":"line","value":"7"}"# } else { "" };
            Reply::Json(200, format!(r#"{{"tags":[{tags}]}}"#))
        }
        ("GET", ["logging"]) => Reply::Json(200, r#"{"loggingOptions":{"roleArn":"arn:aws:iam::123456789012:role/l","level":"ERROR","enabled":true}}"#.into()),
        ("GET", ["rules"]) => page(asked, "rules", &named("ruleName", &["feed", "other", "alarms"])),
        ("GET", ["rules", "feed"]) => Reply::Json(
            200,
            r#"{"ruleArn":"arn:aws:iot:eu-west-1:123456789012:rule/feed","rule":{"ruleName":"feed","sql":"SELECT * FROM 'plant/#'","ruleDisabled":false,
                "actions":[{"iotAnalytics":{"channelName":"north","roleArn":"arn:aws:iam::123456789012:role/r"}}]}}"#
                .into(),
        ),
        ("GET", ["rules", name]) => Reply::Json(
            200,
            format!(r#"{{"rule":{{"ruleName":"{name}","sql":"SELECT 1","actions":[{{"sns":{{"targetArn":"arn:t","roleArn":"arn:r"}}}}]}}}}"#),
        ),
        ("GET", ["things"]) => page(asked, "things", &named("thingName", &["pump-1", "pump-2", "pump-3"])),
        ("GET", ["things", "pump-3", "shadow"]) => Reply::Error(404, "ResourceNotFoundException", "No shadow exists"),
        ("GET", ["things", _, "shadow"]) => Reply::Json(200, r#"{"state":{"reported":{"rpm":1E3}},"version":4}"#.into()),
        ("GET", ["things", name]) => {
            Reply::Json(200, format!(r#"{{"thingName":"{name}","thingArn":"arn:{name}","thingId":"i","attributes":{{"floor":"2"}},"version":1}}"#))
        }
        _ => Reply::Error(404, "UnknownOperationException", "not scripted"),
    }
}

fn blind(inventory: &Inventory, subject: &str, text: &str) {
    let spots = &inventory.blind_spots;
    assert!(spots.iter().any(|spot| spot.subject == subject && spot.unknown.contains(text)), "{subject}: {text}: {spots:#?}");
}

#[tokio::test]
async fn all_that_is_defined_is_captured_and_every_list_is_read_to_its_end() {
    let service = Scripted::serve(account);
    let found = captured(&service).await;
    assert!(found.answers.is_whole() && found.closed.is_none(), "{found:?}");
    assert_eq!(found.requests, service.asked().len() as u64);
    let captured = inventory_of(&found.answers);
    assert!(!captured.has_errors(), "{:?}", captured.problems);
    let inventory = captured.inventory;
    assert_eq!(inventory.channels.keys().collect::<Vec<_>>(), ["north", "south", "spare"]);
    assert_eq!(inventory.channels["north"].tags["line"], "7");
    assert_eq!(inventory.pipelines.keys().collect::<Vec<_>>(), ["clean", "enrich"]);
    assert_eq!(inventory.datastores.keys().collect::<Vec<_>>(), ["plant"]);
    assert_eq!(inventory.datasets.keys().collect::<Vec<_>>(), ["daily", "never"]);
    let versions: Vec<&str> = inventory.observed.contents["daily"].iter().map(|content| content.version.as_str()).collect();
    assert_eq!(versions, ["v3", "v2", "v1"]);
    assert_eq!(inventory.observed.reprocessings["clean"][0].id, "r1");
    assert!(inventory.observed.logging.is_some());
    assert_eq!(inventory.rules.keys().collect::<Vec<_>>(), ["feed"]);
    assert_eq!(found.answers.rules_elsewhere(), 2);
    assert_eq!(inventory.things.keys().collect::<Vec<_>>(), ["pump-1", "pump-2", "pump-3"]);
    assert!(inventory.things["pump-1"].shadow.is_some() && inventory.things["pump-3"].shadow.is_none());
}

#[tokio::test]
async fn the_kept_answers_give_the_same_inventory_offline() {
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/datasets/never" => Reply::Error(403, "AccessDeniedException", "no"),
        _ => account(asked),
    });
    let found = captured(&service).await;
    let live = inventory_of(&found.answers).inventory;
    let directory = tempfile::tempdir().unwrap();
    found.answers.save(directory.path()).unwrap();
    let offline = inventory::capture(&[directory.path().join("captured")], &BTreeMap::new()).unwrap().inventory;
    // The folder's name is part of the live documents' names; all else is the same, blind spots and digests included.
    assert_eq!(live.to_json().replace("captured/", ""), offline.to_json());
    blind(&offline, "dataset never", "DescribeDataset was refused (AccessDeniedException: no); allow iotanalytics:DescribeDataset");
}

#[tokio::test]
async fn capturing_twice_gives_the_same_bytes() {
    let service = Scripted::serve(account);
    let (first, second) = (captured(&service).await, captured(&service).await);
    assert_eq!(inventory_of(&first.answers).inventory.to_json(), inventory_of(&second.answers).inventory.to_json());
}

#[tokio::test]
async fn what_is_refused_is_named_with_its_permission_and_stops_nothing_else() {
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/pipelines/clean" | "/tags" | "/logging" | "/rules/feed" | "/datastores" | "/things/pump-2" => {
            Reply::Error(403, "AccessDeniedException", "User is not authorized")
        }
        "/channels/spare" => Reply::Error(404, "ResourceNotFoundException", "gone"),
        _ => account(asked),
    });
    let found = captured(&service).await;
    assert!(!found.answers.is_whole());
    let inventory = inventory_of(&found.answers).inventory;
    blind(&inventory, "pipeline clean", "allow iotanalytics:DescribePipeline");
    blind(&inventory, "pipeline clean", "it is listed and not described");
    blind(&inventory, "tags", "ListTagsForResource was refused");
    blind(&inventory, "logging options", "allow iotanalytics:DescribeLoggingOptions");
    blind(&inventory, "rule feed", "allow iot:GetTopicRule");
    blind(&inventory, "datastores", "allow iotanalytics:ListDatastores");
    blind(&inventory, "things", "for `pump-2` DescribeThing was refused");
    blind(&inventory, "channel spare", "it was removed while the capture ran");
    assert!(
        inventory.pipelines.contains_key("enrich") && inventory.channels.contains_key("south") && inventory.datasets.contains_key("daily")
    );
}

#[tokio::test]
async fn throttling_and_broken_answers_pass_and_are_asked_again() {
    let seen: Mutex<BTreeSet<String>> = Mutex::default();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let service = Scripted::serve(move |asked| {
        if !seen.lock().unwrap().insert(format!("{}?{}", asked.path, asked.query)) {
            return account(asked);
        }
        match turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 4 {
            0 => Reply::Error(429, "ThrottlingException", "Rate exceeded"),
            1 => Reply::Error(500, "InternalFailureException", "oops"),
            2 => Reply::Dropped,
            _ => Reply::Error(410, "LimitExceededException", "too many"),
        }
    });
    let found = captured(&service).await;
    assert!(found.answers.is_whole(), "{:?}", found.answers);
    let plain = captured(&Scripted::serve(account)).await;
    assert_eq!(found.requests, 2 * plain.requests);
    assert_eq!(inventory_of(&found.answers), inventory_of(&plain.answers));
}

#[tokio::test]
async fn a_throttle_that_never_ends_is_a_blind_spot_in_the_end() {
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/datasets/daily" => Reply::Error(429, "ThrottlingException", "Rate exceeded"),
        _ => account(asked),
    });
    let found = captured(&service).await;
    assert_eq!(service.asked().iter().filter(|asked| asked.path == "/datasets/daily").count(), 4, "as often as the pace allows");
    blind(&inventory_of(&found.answers).inventory, "dataset daily", "throttled: ThrottlingException: Rate exceeded; capture again");
}

#[tokio::test]
async fn credentials_that_expire_on_the_way_stop_the_capture_and_lose_nothing() {
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        path if path.starts_with("/datasets") => {
            Reply::Error(403, "ExpiredTokenException", "The security token included in the request is expired")
        }
        _ => account(asked),
    });
    let error = capture(&connection(&service.url()), pace(), Wanted::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(error.to_string().starts_with("the credentials have expired: ExpiredTokenException"), "{error}");
    assert!(error.hint().unwrap().contains("run the same command again"));
    let so_far = error.so_far().unwrap();
    assert_eq!(inventory_of(so_far).inventory.channels.len(), 3);
    assert_eq!(service.asked().iter().filter(|asked| asked.path.starts_with("/datasets")).count(), 1, "nothing is asked behind it");
}

#[tokio::test]
async fn credentials_that_are_missing_or_wrong_stop_the_capture_at_once() {
    let service = Scripted::serve(|_| Reply::Error(403, "UnrecognizedClientException", "The security token is invalid"));
    let error = capture(&connection(&service.url()), pace(), Wanted::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(error.to_string().starts_with("AWS does not accept the credentials"), "{error}");
    assert_eq!(service.asked().len(), 1);

    let bare = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-west-1")).build();
    let none = Connection { sdk_config: bare, endpoint_url: Some(service.url()) };
    let error = capture(&none, pace(), Wanted::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(error.to_string().starts_with("no AWS credentials were found"), "{error}");
    let nowhere = Connection { sdk_config: SdkConfig::builder().build(), endpoint_url: None };
    let error = capture(&nowhere, pace(), Wanted::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(matches!(error, LiveError::NoRegion) && error.hint().is_some());
}

#[tokio::test]
async fn a_closed_service_is_told_from_one_that_refuses_and_iot_core_is_still_asked() {
    type Answer = fn() -> Reply;
    let ways: [(&str, Answer); 4] = [
        ("a page of somebody's", || Reply::With(403, vec![], b"<html>Forbidden</html>".to_vec())),
        ("an endpoint that knows nothing", || Reply::Error(404, "UnknownOperationException", "no")),
        ("a service that fails", || Reply::Json(503, String::new())),
        ("a connection that breaks", || Reply::Dropped),
    ];
    for (way, answer) in ways {
        let service = Scripted::serve(move |asked| if asked.path.starts_with("/channels") { answer() } else { account(asked) });
        let found = captured(&service).await;
        let closed = found.closed.unwrap_or_else(|| panic!("{way}"));
        assert!(closed.to_string().contains("AWS closed it on 15 December 2025"), "{way}: {closed}");
        assert!(closed.hint().contains("iota2ts capture --from DIR") && closed.hint().contains("iota2ts local"), "{way}");
        assert!(!service.asked().iter().any(|asked| asked.path.starts_with("/pipelines")), "{way}");
        let inventory = inventory_of(&found.answers).inventory;
        assert_eq!(inventory.rules.keys().collect::<Vec<_>>(), ["feed"], "{way}");
        blind(&inventory, "AWS IoT Analytics", "does not answer");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_closed_service() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = format!("http://127.0.0.1:{port}");
    let found = capture(&connection(&gone), pace(), Wanted::default(), Arc::new(Silent)).await.unwrap();
    let closed = found.closed.unwrap();
    assert!(closed.to_string().contains(&gone), "{closed}");
    assert!(!found.answers.has_rules());
    blind(&inventory_of(&found.answers).inventory, "topic rules", "no connection");
}

#[tokio::test]
async fn an_account_that_may_see_nothing_is_not_a_closed_service() {
    let service = Scripted::serve(|_| Reply::Error(403, "AccessDeniedException", "no"));
    let found = captured(&service).await;
    assert!(found.closed.is_none() && found.answers.is_empty());
    blind(&inventory_of(&found.answers).inventory, "AWS IoT Analytics", "AWS no longer lets this account in");
}

#[test]
fn the_endpoint_of_aws_is_named_and_a_region_that_never_had_it_is_said() {
    let fault = Fault::Unreachable { message: "dns error".to_owned() };
    let at = |region: &'static str| {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new(region)).build();
        Closed::new(&Connection { sdk_config: config, endpoint_url: None }, &fault)
    };
    let ireland = at("eu-west-1");
    assert!(ireland.to_string().starts_with(
        "AWS IoT Analytics does not answer at `https://iotanalytics.eu-west-1.amazonaws.com` (no connection: dns error): AWS closed it"
    ));
    assert!(ireland.hint().starts_with("capture what you still have"));
    assert!(at("eu-west-3").to_string().contains("it was never offered in `eu-west-3`"));
}

#[tokio::test]
async fn things_are_asked_for_only_where_messages_are_enriched() {
    let plain = |asked: &Asked| match asked.path.as_str() {
        "/pipelines" => Reply::Json(200, r#"{"pipelineSummaries":[{"pipelineName":"clean"}]}"#.into()),
        _ => account(asked),
    };
    let service = Scripted::serve(plain);
    captured(&service).await;
    assert!(!service.asked().iter().any(|asked| asked.path.starts_with("/things")));
    let service = Scripted::serve(plain);
    let wanted = Wanted { needs: Needs { registry: false, shadows: true }, samples: false };
    let found = capture(&connection(&service.url()), pace(), wanted, Arc::new(Silent)).await.unwrap();
    let inventory = inventory_of(&found.answers).inventory;
    assert!(inventory.things["pump-1"].registry.is_none() && inventory.things["pump-1"].shadow.is_some());
}

#[tokio::test]
async fn a_list_that_comes_to_no_end_is_left() {
    let service = Scripted::serve(|asked| match asked.path.as_str() {
        "/datasets" => Reply::Json(200, r#"{"datasetSummaries":[{"datasetName":"daily"}],"nextToken":"again"}"#.into()),
        _ => account(asked),
    });
    let inventory = inventory_of(&captured(&service).await.answers).inventory;
    blind(&inventory, "datasets", "the list comes to no end");
    assert!(inventory.datasets.contains_key("daily"));
}

#[test]
fn every_operation_names_its_permission_once() {
    let actions: BTreeSet<String> = Operation::ALL.iter().map(|operation| operation.action()).collect();
    assert_eq!(actions.len(), Operation::ALL.len());
    assert!(actions.iter().all(|action| action.starts_with("iot:") || action.starts_with("iotanalytics:")));
}
