//! The server as its users meet it: real HTTP, the real SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_timestreamwrite::Client;
use aws_sdk_timestreamwrite::config::retry::RetryConfig;
use aws_sdk_timestreamwrite::config::timeout::TimeoutConfig;
use aws_sdk_timestreamwrite::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_timestreamwrite::error::ProvideErrorMetadata as _;
use aws_sdk_timestreamwrite::types::{
    Dimension, MagneticStoreWriteProperties, MeasureValue, MeasureValueType, Record, RetentionProperties,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ErrorKind, Fault, Faults, LocalError, LocalSettings, Rule, Running, ThrottledStore, When, start};
use crate::time::{DAY_NANOS, ManualClock, Nanos};

const NOW: i64 = 1_700_000_000_000_000_000;

struct Ground {
    dir: tempfile::TempDir,
    faults: Faults,
    running: Running,
    client: Client,
}

impl Ground {
    /// A server with database `db` and table `t`, which takes magnetic writes.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(&dir);
        Self::with(dir, settings).await
    }

    async fn with(dir: tempfile::TempDir, settings: LocalSettings) -> Self {
        let faults = settings.faults.clone();
        let running = start(settings).await.unwrap();
        let client = client(&running);
        client.create_database().database_name("db").send().await.unwrap();
        let magnetic = MagneticStoreWriteProperties::builder().enable_magnetic_store_writes(true).build().unwrap();
        let retention = RetentionProperties::builder()
            .memory_store_retention_period_in_hours(1)
            .magnetic_store_retention_period_in_days(100)
            .build()
            .unwrap();
        let create = client.create_table().database_name("db").table_name("t").retention_properties(retention);
        create.magnetic_store_write_properties(magnetic).send().await.unwrap();
        Self { dir, faults, running, client }
    }

    async fn write(&self, records: Vec<Record>) -> Result<(i32, i32, i32), (String, String)> {
        let sent = self.client.write_records().database_name("db").table_name("t").set_records(Some(records)).send().await;
        match sent {
            Ok(answer) => {
                let ingested = answer.records_ingested().unwrap();
                Ok((ingested.total(), ingested.memory_store(), ingested.magnetic_store()))
            }
            Err(error) => Err((error.code().unwrap_or("none").to_owned(), error.message().unwrap_or_default().to_owned())),
        }
    }
}

fn settings(dir: &tempfile::TempDir) -> LocalSettings {
    LocalSettings::new(dir.path(), Arc::new(ManualClock::at(Nanos(NOW))))
}

fn client(running: &Running) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(running.endpoint_url())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled());
    Client::from_conf(config.build())
}

/// A record `nanos` after `NOW`.
fn record(nanos: i64, value: &str) -> Record {
    let dimension = Dimension::builder().name("device").value("d1").build().unwrap();
    let measure = MeasureValue::builder().name("x").value(value).r#type(MeasureValueType::Double).build().unwrap();
    Record::builder()
        .dimensions(dimension)
        .measure_name("telemetry")
        .measure_value_type(MeasureValueType::Multi)
        .measure_values(measure)
        .time((NOW + nanos).to_string())
        .time_unit(aws_sdk_timestreamwrite::types::TimeUnit::Nanoseconds)
        .build()
}

/// Sends raw bytes and reads the whole answer.
async fn raw(running: &Running, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(running.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn request(target: &str, headers: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: ts.example:1234\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {target}\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=test\r\n";

#[tokio::test]
async fn records_are_counted_by_the_store_that_took_them() {
    let ground = Ground::new().await;
    let ingested = ground.write(vec![record(0, "1"), record(1, "2"), record(-DAY_NANOS, "3")]).await;
    assert_eq!(ingested, Ok((3, 2, 1)));
    assert_eq!(ground.faults.counters().records_accepted, 3);
    let described = ground.client.describe_table().database_name("db").table_name("t").send().await.unwrap();
    assert_eq!(described.table().unwrap().creation_time().unwrap().secs(), NOW / 1_000_000_000);
    ground.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_partial_rejection_reaches_the_sdk_as_a_typed_error_and_the_rest_is_stored() {
    let ground = Ground::new().await;
    ground.write(vec![record(0, "1")]).await.unwrap();
    let sent = ground.client.write_records().database_name("db").table_name("t");
    let sent = sent.records(record(1, "1")).records(record(0, "2")).records(record(-200 * DAY_NANOS, "3")).send().await;
    let error = sent.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 419);
    let error = error.into_service_error();
    assert_eq!(error.message(), Some("One or more records have been rejected. See RejectedRecords for details."));
    let aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError::RejectedRecordsException(rejected) = error else {
        panic!("{error:?}")
    };
    let indexes: Vec<i32> = rejected.rejected_records().iter().map(aws_sdk_timestreamwrite::types::RejectedRecord::record_index).collect();
    assert_eq!(indexes, [1, 2]);
    // The first one was stored: writing it again is a no-op, another value for it a conflict.
    assert_eq!(ground.write(vec![record(1, "1")]).await, Ok((1, 1, 0)));
    assert_eq!(ground.write(vec![record(1, "9")]).await.unwrap_err().0, "RejectedRecordsException");
    let counters = ground.faults.counters();
    assert_eq!((counters.records_accepted, counters.records_rejected), (3, 3));
}

#[tokio::test]
async fn a_request_that_fails_as_a_whole_stores_nothing() {
    let ground = Ground::new().await;
    let records = (0..101).map(|i| record(i, "1")).collect();
    let (code, message) = ground.write(records).await.unwrap_err();
    assert_eq!(code, "ValidationException");
    assert!(message.ends_with("at 'records' failed to satisfy constraint: Member must have length less than or equal to 100"), "{message}");
    let (code, message) = ground.write(vec![record(0, "1"), record(1, "NaN")]).await.unwrap_err();
    assert_eq!((code.as_str(), message.as_str()), ("ValidationException", "Invalid value NaN for double measure value type."));
    assert_eq!(ground.faults.counters().records_accepted, 0);
    assert_eq!(ground.write(vec![record(0, "2")]).await, Ok((1, 1, 0)));
}

#[tokio::test]
async fn faults_come_and_go_while_the_server_runs() {
    let ground = Ground::new().await;
    let write = |fault| ground.faults.add(Rule::new(fault, When::Next(1)).only("WriteRecords"));
    write(Fault::Throttle(ThrottledStore::Magnetic));
    write(Fault::Throttle(ThrottledStore::Memory));
    write(Fault::Answer(ErrorKind::InternalServer));
    write(Fault::Answer(ErrorKind::ServiceUnavailable));
    write(Fault::Answer(ErrorKind::InvalidEndpoint));
    write(Fault::Reset);
    write(Fault::LostReply);
    let mut codes = Vec::new();
    for value in ["1", "2", "3", "4", "5", "6", "7"] {
        codes.push(ground.write(vec![record(0, value)]).await.unwrap_err());
    }
    let (throttled, magnetic) = &codes[0];
    assert!(throttled == "ThrottlingException" && magnetic.contains("ActiveMagneticStorePartitions"), "{magnetic}");
    assert!(codes[1].0 == "ThrottlingException" && !codes[1].1.contains("agnetic"), "{codes:?}");
    assert_eq!(codes[2].0, "InternalServerException");
    assert_eq!(codes[3].0, "ServiceUnavailableException");
    assert_eq!(codes[4].0, "InvalidEndpointException");
    assert_eq!((codes[5].0.as_str(), codes[6].0.as_str()), ("none", "none"));
    // Only the lost reply had been stored.
    assert_eq!(ground.write(vec![record(0, "7")]).await, Ok((1, 1, 0)));
    assert_eq!(ground.write(vec![record(0, "6")]).await.unwrap_err().0, "RejectedRecordsException");
    let counters = ground.faults.counters();
    assert_eq!((counters.throttles, counters.dropped_connections, counters.requests["WriteRecords"]), (2, 2, 9));
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_ends_what_stalls() {
    let ground = Ground::new().await;
    ground.faults.add(Rule::new(Fault::Stall(Duration::from_secs(3600)), When::Next(1)).only("ListTables"));
    ground.faults.add(Rule::new(Fault::Latency(Duration::from_millis(50)), When::Next(1)).only("WriteRecords"));
    let (listing, writing) = (ground.client.clone(), ground.client.clone());
    let listed = tokio::spawn(async move { listing.list_tables().send().await.is_err() });
    let written =
        tokio::spawn(
            async move { writing.write_records().database_name("db").table_name("t").records(record(0, "1")).send().await.is_ok() },
        );
    while ground.faults.counters().requests.len() < 4 {
        tokio::task::yield_now().await;
    }
    ground.running.stop().await.unwrap();
    assert!(written.await.unwrap());
    assert!(listed.await.unwrap());
    assert!(ground.client.list_databases().send().await.is_err());
}

#[tokio::test]
async fn a_data_directory_serves_one_server_at_a_time_and_outlives_it() {
    let ground = Ground::new().await;
    ground.write(vec![record(0, "1")]).await.unwrap();
    assert!(matches!(start(settings(&ground.dir)).await.unwrap_err(), LocalError::InUse { .. }));
    let Ground { dir, running, client: old, .. } = ground;
    running.stop().await.unwrap();
    drop(old);
    let again = start(settings(&dir)).await.unwrap();
    let sent = client(&again).write_records().database_name("db").table_name("t").records(record(0, "2")).send().await;
    assert_eq!(sent.unwrap_err().code(), Some("RejectedRecordsException"));
}

#[tokio::test]
async fn the_wire_is_held_to_by_name() {
    let ground = Ground::new().await;
    let target = |operation: &str| format!("Timestream_20181101.{operation}");
    let cases = [
        (
            request(&target("DescribeEndpoints"), SIGNED, "{}"),
            "200 OK",
            r#"{"Endpoints":[{"Address":"ts.example:1234","CachePeriodInMinutes":1440}]}"#,
        ),
        (
            request(&target("DescribeEndpoints"), "", "{}"),
            "403 Forbidden",
            r#""__type":"com.amazon.coral.service#MissingAuthenticationTokenException""#,
        ),
        (
            request(&target("CreateBatchLoadTask"), SIGNED, "{}"),
            "404 Not Found",
            r#""__type":"com.amazon.coral.service#UnknownOperationException","message":"The operation CreateBatchLoadTask is not served"#,
        ),
        (request("Other_1.WriteRecords", SIGNED, "{}"), "404 Not Found", "UnknownOperationException"),
        (request(&target("WriteRecords"), SIGNED, "{"), "400 Bad Request", r#""__type":"com.amazon.coral.service#SerializationException""#),
        (request(&target("WriteRecords"), SIGNED, "{}"), "400 Bad Request", "3 validation errors detected: Value null at 'databaseName'"),
        (
            request(&target("DescribeTable"), SIGNED, r#"{"DatabaseName":"db","TableName":"no"}"#),
            "404 Not Found",
            r#""__type":"com.amazonaws.timestream.v20181101#ResourceNotFoundException","Message":"The table no does not exist.""#,
        ),
        (request(&target("Query"), SIGNED, r#"{"QueryString":"SELECT nothing FROM db.t"}"#), "400 Bad Request", "ValidationException"),
        (
            request(&target("DescribeEndpoints"), SIGNED, "{}").replace("x-amz-json-1.0", "json"),
            "404 Not Found",
            "UnknownOperationException",
        ),
        (request(&target("DescribeEndpoints"), SIGNED, "{}").replace("POST", "GET"), "404 Not Found", "UnknownOperationException"),
    ];
    for (request, status, body) in cases {
        let answer = raw(&ground.running, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}\n{answer}");
        assert!(answer.contains(body), "{request}\n{answer}");
        let id = answer.split("x-amzn-requestid: ").nth(1).and_then(|rest| rest.split('\r').next()).unwrap();
        assert!(id.len() == 26 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
        assert!(answer.contains("content-type: application/x-amz-json-1.0\r\n"));
    }
    let rejected = raw(&ground.running, &request(&target("WriteRecords"), SIGNED, &format!(
        r#"{{"DatabaseName":"db","TableName":"t","Records":[{{"Dimensions":[{{"Name":"d","Value":"v"}}],"MeasureName":"m","MeasureValue":"1","Time":"{}"}}]}}"#, 1
    ))).await;
    assert!(rejected.starts_with("HTTP/1.1 419 "), "{rejected}");
    assert!(
        rejected.contains(r#""RejectedRecords":[{"RecordIndex":0,"Reason":"The record timestamp is outside the time range ["#),
        "{rejected}"
    );
    let huge = raw(&ground.running, &request(&target("WriteRecords"), SIGNED, &" ".repeat(4 * 1024 * 1024 + 1))).await;
    assert!(huge.starts_with("HTTP/1.1 413 "), "{}", &huge[..200]);
}

#[tokio::test]
async fn queries_see_the_columns_and_only_the_rows_that_are_visible_by_now() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Nanos(NOW)));
    let mut settings = settings(&dir);
    settings.clock = Arc::clone(&clock) as Arc<dyn crate::time::Clock>;
    settings.magnetic_visibility_delay_nanos = 1000;
    let ground = Ground::with(dir, settings).await;
    ground.write(vec![record(0, "1"), record(1, "2"), record(-DAY_NANOS, "3")]).await.unwrap();
    let query = request("Timestream_20181101.Query", SIGNED, r#"{"QueryString":"SELECT count(*) AS n, sum(x) AS x FROM db.t"}"#);
    for (rows, sum) in [("2", "3.0"), ("2", "3.0"), ("3", "6.0")] {
        let answer = raw(&ground.running, &query).await;
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(body["Rows"], json!([{"Data": [{"ScalarValue": rows}, {"ScalarValue": sum}]}]), "{body}");
        assert_eq!(body["ColumnInfo"][1], json!({"Name": "x", "Type": {"ScalarType": "DOUBLE"}}));
        clock.advance(500);
    }
}
