//! The service without its wire: requests as method, path and body.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::{Request, Service};
use crate::encoding::{base64, from_base64};
use crate::local::exception::{Dialect, Exception};
use crate::local::iot;
use crate::local::s3::Buckets;
use crate::local::server::WholeAnswers as _;
use crate::time::{ManualClock, Nanos};
use crate::transform::{LambdaError, LambdaFunction};
use crate::value::Object;

/// 2024-05-01T12:00:05Z
const NOW: Nanos = Nanos(1_714_564_805_000_000_000);

struct Fixture {
    service: Arc<Service>,
    buckets: Buckets,
    clock: Arc<ManualClock>,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let buckets = Buckets::open(&directory.path().join("s3"), clock.clone()).unwrap();
        buckets.create_bucket("plant-data").unwrap();
        let core = iot::Service::open(&directory.path().join("iot.db"), clock.clone(), "us-east-1".to_owned()).unwrap();
        let core = Arc::new(core);
        let service =
            Service::open(&directory.path().join("a"), buckets.clone(), core, None, clock.clone(), "us-east-1".to_owned()).unwrap();
        Self { service: Arc::new(service), buckets, clock, directory }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, Exception> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request::read(&method.parse::<Method>().unwrap(), path, query)?;
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.service.answer(&request, &bytes, "127.0.0.1:1")
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).unwrap_or_else(|exception| panic!("{path}: {exception:?}"))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, body).unwrap_or_else(|exception| panic!("{path}: {exception:?}"))
    }

    fn refused(&self, method: &str, path: &str, body: &Value) -> (&'static str, String) {
        let exception = self.ask(method, path, body).unwrap_err();
        (exception.code, exception.message)
    }

    /// A channel, a store and a pipeline between them that keeps what is warm.
    fn plant(&self, storage: &Value, store: &Value) {
        self.post("/channels", &json!({ "channelName": "readings", "channelStorage": storage }));
        let mut datastore = json!({ "datastoreName": "plant" });
        datastore.as_object_mut().unwrap().extend(store.as_object().unwrap().clone());
        self.post("/datastores", &datastore);
        self.post(
            "/pipelines",
            &json!({ "pipelineName": "clean", "pipelineActivities": [
                { "channel": { "name": "in", "channelName": "readings", "next": "warm" } },
                { "filter": { "name": "warm", "filter": "temperature > 10", "next": "f" } },
                { "math": { "name": "f", "attribute": "fahrenheit", "math": "temperature * 1.8 + 32", "next": "out" } },
                { "datastore": { "name": "out", "datastoreName": "plant" } },
            ] }),
        );
    }

    fn put(&self, messages: &[&str]) -> Value {
        let messages: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(at, text)| json!({ "messageId": at.to_string(), "payload": base64(text.as_bytes()) }))
            .collect();
        self.post("/messages/batch", &json!({ "channelName": "readings", "messages": messages }))
    }

    fn keys(&self) -> Vec<String> {
        self.buckets.list("plant-data", "", None, 100).unwrap().into_iter().map(|(key, _)| key).collect()
    }
}

fn customer_managed() -> Value {
    json!({ "customerManagedS3": { "bucket": "plant-data", "keyPrefix": "iot/", "roleArn": "arn:aws:iam::000000000000:role/r" } })
}

#[test]
fn messages_go_through_the_pipeline_into_objects_of_the_customers_bucket() {
    let fixture = Fixture::new();
    fixture.plant(&customer_managed(), &json!({ "datastoreStorage": customer_managed() }));
    let answer = fixture.put(&[r#"{"device": "a", "temperature": 20}"#, r#"{"device":"b","temperature":5}"#, "no JSON"]);
    assert_eq!(answer, json!({ "batchPutMessageErrorEntries": [] }));
    assert_eq!(
        fixture.keys(),
        [
            "iot/channel/readings/__dt=2024-05-01 00:00:00/1714564800000_1714564830000_000000000000_readings_0_1.0.json.gz",
            "iot/datastore/plant/__dt=2024-05-01 00:00:00/1714564800000_1714564830000_000000000000_plant_0_2.0.json.gz",
        ]
    );
    assert_eq!(
        fixture.service.ask("SELECT * FROM plant", None).unwrap(),
        "\"device\",\"temperature\",\"fahrenheit\",\"__dt\"\n\"a\",\"20\",\"68\",\"2024-05-01 00:00:00.000\"\n"
    );
    let sample = fixture.get("/channels/readings/sample?maxMessages=3");
    let texts: Vec<String> = sample["payloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|payload| String::from_utf8(from_base64(payload.as_str().unwrap()).unwrap()).unwrap())
        .collect();
    assert_eq!(texts, ["no JSON", r#"{"device":"b","temperature":5}"#, r#"{"device": "a", "temperature": 20}"#]);
}

/// Adds what the customer's function would, and leaves out what it would.
#[derive(Debug)]
struct Tidy;

impl LambdaFunction for Tidy {
    fn call(&self, function: &str, messages: &[Object]) -> Result<Vec<Object>, LambdaError> {
        if function != "tidy" {
            return Err(LambdaError::Unknown { function: function.to_owned() });
        }
        let tidied = messages.iter().filter(|message| message.get("bad").is_none()).cloned().map(|mut message| {
            message.insert("tidied".into(), crate::value::Value::Bool(true));
            message
        });
        Ok(tidied.collect())
    }
}

#[test]
fn a_lambda_activity_asks_whoever_stands_for_the_function() {
    for stands in [true, false] {
        let mut fixture = Fixture::new();
        let service = Arc::get_mut(&mut fixture.service).unwrap();
        service.functions = stands.then(|| Arc::new(Tidy) as Arc<dyn LambdaFunction>);
        fixture.post("/channels", &json!({ "channelName": "readings", "channelStorage": { "serviceManagedS3": {} } }));
        fixture.post("/datastores", &json!({ "datastoreName": "plant" }));
        let activities = json!([
            { "channel": { "name": "in", "channelName": "readings", "next": "l" } },
            { "lambda": { "name": "l", "lambdaName": "tidy", "batchSize": 10, "next": "out" } },
            { "datastore": { "name": "out", "datastoreName": "plant" } },
        ]);
        fixture.post("/pipelines", &json!({ "pipelineName": "p", "pipelineActivities": activities }));
        fixture.put(&[r#"{"device":"a"}"#, r#"{"device":"b","bad":1}"#]);
        let rows = if stands { "\"a\",\"true\",\"2024-05-01 00:00:00.000\"\n" } else { "" };
        let columns = if stands { "\"device\",\"tidied\",\"__dt\"\n" } else { "\"__dt\"\n" };
        assert_eq!(fixture.service.ask("SELECT * FROM plant", None).unwrap(), format!("{columns}{rows}"));
        let run = json!({
            "pipelineActivity": { "lambda": { "name": "l", "lambdaName": "tidy", "batchSize": 10 } },
            "payloads": [base64(br#"{"device":"a"}"#)],
        });
        let answer = fixture.post("/pipelineactivities/run", &run);
        let expected = if stands { json!([base64(br#"{"device":"a","tidied":true}"#)]) } else { json!([]) };
        assert_eq!(answer["payloads"], expected, "{answer}");
        assert_eq!(answer["logResult"].as_str().unwrap().is_empty(), stands, "{answer}");
    }
}

#[test]
fn service_managed_storage_is_in_no_bucket_and_goes_with_its_resource() {
    let fixture = Fixture::new();
    fixture.plant(&json!({ "serviceManagedS3": {} }), &json!({}));
    fixture.put(&[r#"{"temperature":20}"#]);
    assert_eq!(fixture.keys(), [""; 0]);
    let described = fixture.get("/datastores/plant?includeStatistics=true");
    assert!(described["statistics"]["size"]["estimatedSizeInBytes"].as_u64().unwrap() > 0);
    assert_eq!(described["datastore"]["lastMessageArrivalTime"].to_string(), "1714564805.000");
    fixture.ask("DELETE", "/datastores/plant", &Value::Null).unwrap();
    fixture.post("/datastores", &json!({ "datastoreName": "plant" }));
    assert_eq!(fixture.service.ask("SELECT count(*) AS n FROM plant", None).unwrap(), "\"n\"\n\"0\"\n");
}

#[test]
fn a_parquet_store_is_read_back_with_its_types_and_partitions() {
    let fixture = Fixture::new();
    let columns = json!([
        { "name": "Device", "type": "string" }, { "name": "temperature", "type": "double" }, { "name": "at", "type": "timestamp" },
        { "name": "tags", "type": "array<string>" }, { "name": "place", "type": "struct<floor:int,line:string>" }, { "name": "limits", "type": "map<string,double>" },
    ]);
    fixture.plant(
        &json!({ "serviceManagedS3": {} }),
        &json!({
            "datastoreStorage": customer_managed(),
            "fileFormatConfiguration": { "parquetConfiguration": { "schemaDefinition": { "columns": columns } } },
            "datastorePartitions": { "partitions": [
                { "attributePartition": { "attributeName": "device" } },
                { "timestampPartition": { "attributeName": "at", "timestampFormat": "yyyy-MM-dd HH:mm:ss" } },
            ] },
        }),
    );
    fixture.put(&[
        r#"{"device":"a/b","temperature":20,"at":"2024-04-30 07:00:00","tags":["x","y"],"place":{"floor":1,"line":"l"},"limits":{"max":9.5},"extra":1}"#,
        r#"{"device":"c","temperature":21.5,"at":"no time"}"#,
    ]);
    let keys = fixture.keys();
    assert!(keys[0].contains("/plant/__partition_device=a%2Fb/__year=2024/__month=4/__day=30/__hour=7/"), "{keys:?}");
    assert!(keys[1].contains("__partition_device=c/__year=__HIVE_DEFAULT_PARTITION__/") && keys[1].ends_with(".parquet"), "{keys:?}");
    let csv =
        fixture.service.ask("SELECT device, temperature, \"at\", tags, place, limits, __year FROM plant ORDER BY device", None).unwrap();
    assert_eq!(
        csv,
        "\"device\",\"temperature\",\"at\",\"tags\",\"place\",\"limits\",\"__year\"\n\
         \"a/b\",\"20.0\",\"2024-04-30 07:00:00.000\",\"[x, y]\",\"{floor=1, line=l}\",\"{max=9.5}\",\"2024\"\n\
         \"c\",\"21.5\",,,,,\"__HIVE_DEFAULT_PARTITION__\"\n"
    );
}

#[test]
fn errors_have_the_kinds_of_the_service() {
    let fixture = Fixture::new();
    let (kind, message) = fixture.refused("POST", "/channels", &json!({ "channelName": "a-b" }));
    assert_eq!(kind, "InvalidRequestException");
    assert!(message.contains("Value 'a-b' at 'channelName' failed to satisfy constraint"), "{message}");
    assert_eq!(fixture.refused("GET", "/channels/none", &Value::Null).0, "ResourceNotFoundException");
    fixture.post("/channels", &json!({ "channelName": "one" }));
    let exception = fixture.ask("POST", "/channels", &json!({ "channelName": "one" })).unwrap_err();
    assert_eq!(exception.body(Dialect::RestJson)["resourceArn"], "arn:aws:iotanalytics:us-east-1:000000000000:channel/one");
    assert_eq!(exception.status.as_u16(), 409);
    for number in 1..50 {
        fixture.post("/channels", &json!({ "channelName": format!("c{number}") }));
    }
    let exception = fixture.ask("POST", "/channels", &json!({ "channelName": "more" })).unwrap_err();
    assert_eq!((exception.code, exception.status.as_u16()), ("LimitExceededException", 410));
    assert_eq!(fixture.refused("PATCH", "/channels", &Value::Null).0, "UnknownOperationException");
    assert_eq!(fixture.refused("GET", "/logging", &Value::Null).0, "ResourceNotFoundException");
    let broken =
        json!({ "pipelineName": "p", "pipelineActivities": [{ "channel": { "name": "in", "channelName": "one", "next": "gone" } }] });
    let (kind, message) = fixture.refused("POST", "/pipelines", &broken);
    assert!(kind == "InvalidRequestException" && message.contains("gone"), "{message}");
    let bucket = json!({ "datastoreName": "d", "datastoreStorage": { "customerManagedS3": { "bucket": "nowhere", "roleArn": "arn:aws:iam::000000000000:role/r" } } });
    assert!(fixture.refused("POST", "/datastores", &bucket).1.contains("nowhere"));
}

#[test]
fn lists_come_in_pages_and_updates_keep_what_they_do_not_name() {
    let fixture = Fixture::new();
    for name in ["a", "b", "c"] {
        fixture.post("/channels", &json!({ "channelName": name }));
    }
    let first = fixture.get("/channels?maxResults=2");
    let names =
        |page: &Value| page["channelSummaries"].as_array().unwrap().iter().map(|one| one["channelName"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&first), ["a", "b"]);
    let second = fixture.get(&format!("/channels?maxResults=2&nextToken={}", first["nextToken"].as_str().unwrap().replace('=', "%3D")));
    assert_eq!((names(&second), second.get("nextToken")), (vec!["c".into()], None));
    assert_eq!(fixture.refused("GET", "/channels?maxResults=251", &Value::Null).0, "InvalidRequestException");

    fixture.clock.advance(1_000_000_000);
    fixture.ask("PUT", "/channels/a", &json!({ "retentionPeriod": { "numberOfDays": 3 } })).unwrap();
    let described = fixture.get("/channels/a");
    assert_eq!(described["channel"]["retentionPeriod"], json!({ "numberOfDays": 3 }));
    assert_eq!(described["channel"]["storage"], json!({ "serviceManagedS3": {} }));
    assert_eq!(described["channel"]["lastUpdateTime"].to_string(), "1714564806.000");
    assert_eq!(fixture.refused("PUT", "/channels/a", &json!({ "channelStorage": customer_managed() })).0, "InvalidRequestException");
}

#[test]
fn tags_are_of_resources_that_are_there() {
    let fixture = Fixture::new();
    let made = fixture.post("/channels", &json!({ "channelName": "one", "tags": [{ "key": "line", "value": "7" }] }));
    let arn = made["channelArn"].as_str().unwrap();
    fixture.post(&format!("/tags?resourceArn={arn}"), &json!({ "tags": [{ "key": "a", "value": "b" }, { "key": "c", "value": "d" }] }));
    fixture.ask("DELETE", &format!("/tags?resourceArn={arn}&tagKeys=a&tagKeys=line"), &Value::Null).unwrap();
    assert_eq!(fixture.get(&format!("/tags?resourceArn={arn}")), json!({ "tags": [{ "key": "c", "value": "d" }] }));
    assert_eq!(fixture.refused("GET", &format!("/tags?resourceArn={arn}x"), &Value::Null).0, "ResourceNotFoundException");
}

#[test]
fn one_activity_can_be_run_alone() {
    let fixture = Fixture::new();
    let run = |activity: Value, payload: &str| {
        fixture.post("/pipelineactivities/run", &json!({ "pipelineActivity": activity, "payloads": [base64(payload.as_bytes())] }))
    };
    let filter = json!({ "filter": { "name": "f", "filter": "t > 1", "next": "elsewhere" } });
    let answer = run(filter.clone(), r#"{ "t": 2 }"#);
    assert_eq!(answer, json!({ "payloads": [base64(br#"{"t":2}"#)], "logResult": "" }));
    assert_eq!(run(filter, r#"{"t":1}"#), json!({ "payloads": [], "logResult": "" }));
    let odd = run(json!({ "math": { "name": "m", "attribute": "a", "math": "1 +" } }), "{}");
    assert!(!odd["logResult"].as_str().unwrap().is_empty(), "{odd}");
    let channel = json!({ "pipelineActivity": { "channel": { "name": "c", "channelName": "c" } }, "payloads": [""] });
    assert_eq!(fixture.refused("POST", "/pipelineactivities/run", &channel).0, "InvalidRequestException");
}

#[test]
fn enrich_activities_are_told_what_the_embedded_iot_core_knows() {
    let fixture = Fixture::new();
    let core = |path: &str, body: &Value| {
        let (head, ()) = hyper::Request::post(path).body(()).unwrap().into_parts();
        let asked = fixture.service.core.read(&head).unwrap();
        fixture.service.core.answer(&asked, body.to_string().as_bytes(), "").unwrap();
    };
    core("/things/press-1", &json!({ "attributePayload": { "attributes": { "hall": "north" } } }));
    core("/things/press-1/shadow", &json!({ "state": { "reported": { "mode": "fast" } } }));
    let run = |kind: &str| {
        let activity =
            json!({ kind: { "name": "e", "attribute": "extra", "thingName": "device", "roleArn": "arn:aws:iam::000000000000:role/r" } });
        let payload = base64(br#"{"device":"press-1"}"#);
        let answer = fixture.post("/pipelineactivities/run", &json!({ "pipelineActivity": activity, "payloads": [payload] }));
        let bytes = from_base64(answer["payloads"][0].as_str().unwrap()).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["extra"].clone()
    };
    assert_eq!(run("deviceRegistryEnrich")["attributes"], json!({ "hall": "north" }));
    assert_eq!(run("deviceShadowEnrich")["state"]["reported"], json!({ "mode": "fast" }));
}

#[test]
fn reprocessing_puts_the_messages_through_once_more() {
    let fixture = Fixture::new();
    fixture.plant(&customer_managed(), &json!({}));
    fixture.put(&[r#"{"temperature":20}"#]);
    let count = || fixture.service.ask("SELECT count(*) AS n FROM plant", None).unwrap();
    let id = fixture.post("/pipelines/clean/reprocessing", &json!({}))["reprocessingId"].clone();
    assert_eq!(count(), "\"n\"\n\"2\"\n");
    let path = &fixture.keys()[0];
    fixture.post("/pipelines/clean/reprocessing", &json!({ "channelMessages": { "s3Paths": [path] } }));
    fixture.post("/pipelines/clean/reprocessing", &json!({ "startTime": 1_714_568_400, "endTime": 1_714_572_000 }));
    assert_eq!(count(), "\"n\"\n\"3\"\n");
    let summaries = fixture.get("/pipelines/clean")["pipeline"]["reprocessingSummaries"].clone();
    assert_eq!((summaries.as_array().unwrap().len(), &summaries[2]["id"], &summaries[2]["status"]), (3, &id, &json!("SUCCEEDED")));
    let elsewhere = json!({ "channelMessages": { "s3Paths": ["iot/other"] } });
    assert_eq!(fixture.refused("POST", "/pipelines/clean/reprocessing", &elsewhere).0, "InvalidRequestException");
}

/// Waits until no content is being made, which takes as long as its query.
async fn made(fixture: &Fixture, dataset: &str) -> Vec<Value> {
    for _ in 0..2_000 {
        let summaries = fixture.get(&format!("/datasets/{dataset}/contents"))["datasetContentSummaries"].as_array().unwrap().clone();
        if summaries.iter().all(|summary| summary["status"]["state"] != "CREATING") {
            return summaries;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the content is never made");
}

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_made_handed_out_delivered_and_pruned() {
    let fixture = Fixture::new();
    fixture.plant(&json!({ "serviceManagedS3": {} }), &json!({}));
    fixture.put(&[r#"{"temperature":20,"name":"a \"b\", c"}"#, r#"{"temperature":30,"name":null}"#]);
    let delivery = json!({ "bucket": "plant-data", "key": "out/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv", "roleArn": "arn:aws:iam::000000000000:role/r" });
    let dataset = |sql: &str| {
        json!({ "datasetName": "hot", "actions": [{ "actionName": "q", "queryAction": { "sqlQuery": sql } }],
            "contentDeliveryRules": [{ "entryName": "rows", "destination": { "s3DestinationConfiguration": delivery } }] })
    };
    fixture.post("/datasets", &dataset("SELECT temperature, name FROM plant ORDER BY temperature"));
    assert_eq!(fixture.refused("GET", "/datasets/hot/content", &Value::Null).0, "ResourceNotFoundException");
    let version = fixture.post("/datasets/hot/content", &Value::Null)["versionId"].as_str().unwrap().to_owned();
    assert_eq!(version.len(), 36);
    made(&fixture, "hot").await;
    let content = fixture.get("/datasets/hot/content");
    assert_eq!((&content["status"], &content["entries"][0]["entryName"]), (&json!({ "state": "SUCCEEDED" }), &json!("rows")));
    let address = content["entries"][0]["dataURI"].as_str().unwrap();
    assert!(address.starts_with("http://127.0.0.1:1/aws-iot-analytics-datasets-") && address.contains("X-Amz-Expires=7200"), "{address}");
    let delivered = fixture.buckets.get("plant-data", &format!("out/2024-05-01T12:00:05Z/{version}.csv")).unwrap().unwrap();
    assert_eq!(String::from_utf8(delivered).unwrap(), "\"temperature\",\"name\"\n\"20\",\"a \"\"b\"\", c\"\n\"30\",\n");

    // Only the latest and the latest that succeeded are kept.
    fixture.ask("PUT", "/datasets/hot", &dataset("SELECT nothing FROM plant")).unwrap();
    fixture.post("/datasets/hot/content", &Value::Null);
    made(&fixture, "hot").await;
    fixture.post("/datasets/hot/content", &Value::Null);
    let left = made(&fixture, "hot").await;
    let states: Vec<&str> = left.iter().map(|summary| summary["status"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["FAILED", "SUCCEEDED"]);
    assert!(left[0]["status"]["reason"].as_str().unwrap().contains("nothing"), "{left:?}");
    assert_eq!(fixture.get("/datasets/hot/content?versionId=$LATEST")["status"]["state"], "FAILED");
    assert_eq!(fixture.get("/datasets/hot/content")["status"]["state"], "SUCCEEDED");
    fixture.ask("DELETE", &format!("/datasets/hot/content?versionId={version}"), &Value::Null).unwrap();
    assert_eq!(fixture.refused("GET", "/datasets/hot/content", &Value::Null).0, "ResourceNotFoundException");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_time_window_reaches_from_one_content_to_the_next() {
    let fixture = Fixture::new();
    fixture.plant(&json!({ "serviceManagedS3": {} }), &json!({}));
    let message = |at: i64| format!(r#"{{"temperature":20,"ts":{at}}}"#);
    let now = NOW.0 / 1_000_000_000;
    fixture.put(&[&message(now - 100), &message(now - 5)]);
    let filter = json!([{ "deltaTime": { "offsetSeconds": -10, "timeExpression": "from_unixtime(ts)" } }]);
    let sql = "SELECT count(*) AS n FROM plant";
    fixture.post("/datasets", &json!({ "datasetName": "window", "versioningConfiguration": { "unlimited": true }, "actions": [{ "queryAction": { "sqlQuery": sql, "filters": filter } }],
        "contentDeliveryRules": [{ "destination": { "s3DestinationConfiguration": { "bucket": "plant-data", "key": "!{iotanalytics:versionId}", "roleArn": "arn:aws:iam::000000000000:role/r" } } }] }));
    for version in ["first-version", "second-version"] {
        fixture.post("/datasets/window/content", &json!({ "versionId": version }));
        made(&fixture, "window").await;
        fixture.clock.advance(20_000_000_000);
    }
    let csv = |version: &str| String::from_utf8(fixture.buckets.get("plant-data", version).unwrap().unwrap()).unwrap();
    assert_eq!((csv("first-version").as_str(), csv("second-version").as_str()), ("\"n\"\n\"1\"\n", "\"n\"\n\"1\"\n"));
}

#[test]
fn definitions_survive_the_process_and_a_content_that_was_being_made_has_failed() {
    let fixture = Fixture::new();
    fixture.post("/channels", &json!({ "channelName": "one" }));
    fixture
        .ask(
            "PUT",
            "/logging",
            &json!({ "loggingOptions": { "roleArn": "arn:aws:iam::000000000000:role/r", "level": "ERROR", "enabled": true } }),
        )
        .unwrap();
    let Fixture { service, buckets, clock, directory } = fixture;
    drop(service);
    let connection = rusqlite::Connection::open(directory.path().join("a/definitions.db")).unwrap();
    connection.execute_batch("INSERT INTO contents VALUES ('d', 1, 'v', 0, NULL, 'CREATING', NULL, NULL, NULL)").unwrap();
    drop(connection);
    let core = Arc::new(iot::Service::open(&directory.path().join("iot.db"), clock.clone(), "us-east-1".to_owned()).unwrap());
    let service = Service::open(&directory.path().join("a"), buckets.clone(), core, None, clock.clone(), "us-east-1".to_owned()).unwrap();
    let fixture = Fixture { service: Arc::new(service), buckets, clock, directory };
    assert_eq!(fixture.get("/channels/one")["channel"]["name"], "one");
    assert_eq!(fixture.get("/logging")["loggingOptions"]["level"], "ERROR");
    assert_eq!(fixture.service.store().contents("d").unwrap()[0].state, "FAILED");
}
