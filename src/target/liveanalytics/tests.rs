//! The real SDK clients against canned answers on the loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_timestreamwrite::config::{Credentials, SharedCredentialsProvider};
use serde_json::{Value, json};

use super::*;
use crate::record::{Measure, MeasureKind, Record};
use crate::target::{Prepared, ReadFault, ReadShape, Reader as _, RejectionCause, TableSpec, WriteFault, Writer as _};
use crate::time::{DAY_NANOS, Nanos};

/// Serves `answers` in order, one a request, and tells what was asked: operation and body. Ends with the last answer.
fn serve(answers: Vec<(u16, Value)>) -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            let mut chunk = [0u8; 4096];
            let (head, length) = loop {
                let taken = stream.read(&mut chunk).unwrap();
                bytes.extend_from_slice(&chunk[..taken]);
                if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    let head = String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
                    let length =
                        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                    break (head, length);
                }
            };
            while bytes.len() < length {
                let taken = stream.read(&mut chunk).unwrap();
                bytes.extend_from_slice(&chunk[..taken]);
            }
            let target = head.lines().find_map(|line| Some(line.split_once(": Timestream_20181101.")?.1.trim().to_owned())).unwrap();
            told.send((target, serde_json::from_slice(&bytes).unwrap())).unwrap();
            let body = answer.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (url, asked)
}

fn sdk_config() -> aws_config::SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .build()
}

fn connection(url: String) -> Connection {
    Connection { sdk_config: sdk_config(), endpoint_url: Some(url), database: "plant".into() }
}

async fn writer(answers: Vec<(u16, Value)>) -> (LiveAnalyticsWriter, mpsc::Receiver<(String, Value)>) {
    let (url, asked) = serve(answers);
    (LiveAnalyticsWriter::connect(connection(url)).await.unwrap(), asked)
}

async fn reader(answers: Vec<(u16, Value)>) -> (LiveAnalyticsReader, mpsc::Receiver<(String, Value)>) {
    let (url, asked) = serve(answers);
    (LiveAnalyticsReader::connect(connection(url)).await.unwrap(), asked)
}

fn record(device: &str) -> Record {
    Record {
        dimensions: vec![("device".into(), device.into())],
        measure_name: "telemetry".into(),
        measures: vec![("temp".into(), Measure::Double(26.5))],
        time: Nanos(1_700_000_000_000_000_001),
    }
}

fn error(kind: &str, text: &str) -> Value {
    json!({"__type": format!("com.amazonaws.timestream.v20181101#{kind}"), "message": text})
}

#[tokio::test]
async fn a_batch_goes_out_with_its_common_attributes_and_to_the_named_endpoint_only() {
    let (writer, asked) = writer(vec![(200, json!({"RecordsIngested": {"Total": 1}}))]).await;
    assert_eq!(writer.write("factory", &[&record("d1")], 3).await, Ok(vec![]));
    let (operation, body) = asked.recv().unwrap();
    assert_eq!(operation, "WriteRecords");
    assert_eq!(
        body,
        json!({
            "DatabaseName": "plant", "TableName": "factory",
            "CommonAttributes": {"MeasureName": "telemetry", "MeasureValueType": "MULTI", "TimeUnit": "NANOSECONDS", "Version": 3},
            "Records": [{"Dimensions": [{"Name": "device", "Value": "d1"}],
                         "MeasureValues": [{"Name": "temp", "Value": "26.5", "Type": "DOUBLE"}],
                         "Time": "1700000000000000001"}]
        })
    );
}

#[tokio::test]
async fn an_endpoint_that_the_configuration_names_turns_discovery_off_too() {
    let (url, asked) = serve(vec![(200, json!({"RecordsIngested": {"Total": 1}}))]);
    let sdk_config = sdk_config().into_builder().endpoint_url(url).build();
    let connection = Connection { sdk_config, endpoint_url: None, database: "plant".into() };
    let writer = LiveAnalyticsWriter::connect(connection).await.unwrap();
    assert_eq!(writer.write("factory", &[&record("d1")], 1).await, Ok(vec![]));
    assert_eq!(asked.recv().unwrap().0, "WriteRecords");
}

#[tokio::test]
async fn no_region_is_said_before_anything_is_sent() {
    let connection = Connection { sdk_config: SdkConfig::builder().build(), endpoint_url: None, database: "plant".into() };
    assert_eq!(LiveAnalyticsWriter::connect(connection).await.unwrap_err(), ConnectError::NoRegion);
}

#[tokio::test]
async fn rejected_records_come_back_one_by_one_and_every_fault_after_one_attempt() {
    let rejected = json!({
        "__type": "com.amazonaws.timestream.v20181101#RejectedRecordsException",
        "Message": "One or more records have been rejected. See RejectedRecords for details.",
        "RejectedRecords": [{"RecordIndex": 1, "Reason": "The record version 1 is lower than the existing version 200.", "ExistingVersion": 200}]
    });
    let (writer, asked) = writer(vec![
        (419, rejected),
        (419, json!({"__type": "com.amazonaws.timestream.v20181101#RejectedRecordsException", "RejectedRecords": []})),
        (429, error("ThrottlingException", "see ActiveMagneticStorePartitions")),
        (500, error("InternalServerException", "oops")),
        (421, error("InvalidEndpointException", "expired")),
        (400, json!({"__type": "com.amazon.coral.validate#ValidationException", "message": "bad"})),
        (403, error("AccessDeniedException", "no")),
        (404, error("ResourceNotFoundException", "no table")),
    ])
    .await;
    let (one, two) = (record("d1"), record("d2"));
    let batch = [&one, &two];
    let write = || writer.write("factory", &batch, 1);
    let rejections = write().await.unwrap();
    assert_eq!((rejections.len(), rejections[0].index), (1, 1));
    assert_eq!(rejections[0].cause, RejectionCause::OlderVersion { existing: Some(200) });
    assert!(matches!(write().await, Err(WriteFault::Unanswered { .. })));
    assert!(matches!(write().await, Err(WriteFault::Throttled { magnetic: true, .. })));
    assert!(matches!(write().await, Err(WriteFault::Unanswered { .. })));
    assert!(matches!(write().await, Err(WriteFault::EndpointExpired { .. })));
    assert!(matches!(write().await, Err(WriteFault::Invalid { .. })));
    assert!(matches!(write().await, Err(WriteFault::Denied { .. })));
    assert!(matches!(write().await, Err(WriteFault::NotFound { .. })));
    // Nobody listens any more.
    drop(asked.iter().take(8).collect::<Vec<_>>());
    assert!(matches!(write().await, Err(WriteFault::Unanswered { .. })));
}

fn spec() -> TableSpec {
    TableSpec {
        database: "plant".into(),
        table: "factory".into(),
        memory_hours: 24,
        magnetic_days: 400,
        rejected_data: Some(("reports".into(), "rejected/".into())),
        partition_dimension: None,
    }
}

fn described(magnetic_days: i64) -> Value {
    json!({"Table": {
        "TableName": "factory", "DatabaseName": "plant", "TableStatus": "ACTIVE",
        "RetentionProperties": {"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": magnetic_days},
        "MagneticStoreWriteProperties": {"EnableMagneticStoreWrites": true,
            "MagneticStoreRejectedDataLocation": {"S3Configuration": {"BucketName": "reports"}}}
    }})
}

#[tokio::test]
async fn what_is_not_there_is_created_with_everything_that_cannot_be_changed_later() {
    let missing = || (404, error("ResourceNotFoundException", "not there"));
    let (writer, asked) = writer(vec![missing(), missing(), (200, json!({"Database": {}})), (200, json!({"Table": {}}))]).await;
    assert_eq!(writer.prepare(&spec()).await, Ok(Prepared::Created));
    let asked: Vec<_> = asked.iter().take(4).collect();
    let operations: Vec<&str> = asked.iter().map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(operations, ["DescribeTable", "DescribeDatabase", "CreateDatabase", "CreateTable"]);
    let created = &asked[3].1;
    assert_eq!(created["RetentionProperties"], json!({"MemoryStoreRetentionPeriodInHours": 24, "MagneticStoreRetentionPeriodInDays": 400}));
    assert_eq!(created["MagneticStoreWriteProperties"]["EnableMagneticStoreWrites"], json!(true));
    let location = &created["MagneticStoreWriteProperties"]["MagneticStoreRejectedDataLocation"]["S3Configuration"];
    assert_eq!(location, &json!({"BucketName": "reports", "ObjectKeyPrefix": "rejected/", "EncryptionOption": "SSE_S3"}));
}

#[tokio::test]
async fn a_table_that_somebody_made_in_between_is_judged_as_one_that_is_there() {
    let missing = || (404, error("ResourceNotFoundException", "not there"));
    let conflict = || (409, error("ConflictException", "exists"));
    let (first, _asked) = writer(vec![missing(), missing(), conflict(), conflict(), (200, described(400))]).await;
    assert_eq!(first.prepare(&spec()).await, Ok(Prepared::Existing { remarks: vec![] }));
    let (second, _asked) = writer(vec![missing(), (200, json!({"Database": {}})), conflict(), (200, described(7))]).await;
    let refused = second.prepare(&spec()).await;
    assert!(matches!(&refused, Err(WriteFault::Refused { message }) if message.contains("7 days")), "{refused:?}");
}

fn shape() -> ReadShape {
    ReadShape {
        table: "factory".into(),
        measure_name: "telemetry".into(),
        reads: crate::target::Reads::All,
        dimensions: vec!["device".into()],
        measures: vec![("temp".into(), MeasureKind::Double), ("never".into(), MeasureKind::Bigint)],
    }
}

fn page(rows: &[&[&str]], token: Option<&str>) -> (u16, Value) {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| json!({"Data": row.iter().map(|text| if *text == "NULL" { json!({"NullValue": true}) } else { json!({"ScalarValue": text}) }).collect::<Vec<_>>()}))
        .collect();
    (200, json!({"QueryId": "Q", "NextToken": token, "Rows": rows, "ColumnInfo": []}))
}

fn described_columns() -> (u16, Value) {
    page(
        &[
            &["device", "varchar", "DIMENSION"],
            &["measure_name", "varchar", "MEASURE_NAME"],
            &["time", "timestamp", "TIMESTAMP"],
            &["temp", "double", "MULTI"],
        ],
        None,
    )
}

#[tokio::test]
async fn rows_come_from_all_pages_the_empty_first_one_included() {
    let (reader, asked) = reader(vec![
        described_columns(),
        page(&[], Some("one")),
        page(&[&["2023-11-14 22:13:20.000000001", "telemetry", "d1", "26.5"]], Some("two")),
        page(&[&["2023-11-14 22:13:20.000000001", "telemetry", "d2", "26.5"]], None),
    ])
    .await;
    let mut rows = Vec::new();
    let all = crate::target::Part { from: Nanos(0), to: Nanos(i64::MAX), slices: None };
    reader.rows(&shape(), &all, &mut |row| rows.push(row)).await.unwrap();
    assert_eq!(rows, [record("d1"), record("d2")]);
    let bodies: Vec<Value> = asked.iter().take(4).map(|(_, body)| body).collect();
    assert_eq!(bodies[0]["QueryString"], json!("DESCRIBE \"plant\".\"factory\""));
    assert_eq!(bodies[1].get("NextToken"), None);
    assert_eq!((&bodies[2]["NextToken"], &bodies[3]["NextToken"]), (&json!("one"), &json!("two")));
    assert_eq!(bodies[1]["QueryString"], bodies[3]["QueryString"]);
    assert!(!bodies[1]["QueryString"].as_str().unwrap().contains("never"));
}

#[tokio::test]
async fn buckets_are_read_and_a_refused_query_is_told_from_a_missing_table() {
    let (first, _asked) = reader(vec![described_columns(), page(&[&["2023-11-14 00:00:00.000000000", "2", "-5"]], None)]).await;
    let buckets = first.buckets(&shape(), DAY_NANOS, true).await.unwrap();
    assert_eq!((buckets[0].rows, buckets[0].digest), (2, -5));

    let (second, _asked) = reader(vec![page(&[], None)]).await;
    assert_eq!(second.buckets(&shape(), DAY_NANOS, true).await, Ok(vec![]));

    let missing = error("ValidationException", "line 1:15: Table 'plant.factory' does not exist");
    let (third, _asked) = reader(vec![(400, missing), (429, error("ThrottlingException", "slow down"))]).await;
    assert!(matches!(third.buckets(&shape(), DAY_NANOS, true).await, Err(ReadFault::NotFound { .. })));
    assert!(matches!(third.buckets(&shape(), DAY_NANOS, true).await, Err(ReadFault::Throttled { .. })));
}
