//! The service as a client meets it, without the socket.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Service;
use crate::local::exception::Exception;
use crate::time::{Clock, ManualClock, Nanos};

const NOW: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

struct Ground {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    service: Service,
}

impl Ground {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(Nanos(NOW))));
        let service = open(&dir, &clock);
        Self { dir, clock, service }
    }

    fn ask(&self, operation: &str, request: &Value) -> Result<Value, Exception> {
        self.service.carry_out(operation, request.to_string().as_bytes())
    }

    fn ok(&self, operation: &str, request: &Value) -> Value {
        self.ask(operation, request).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
    }

    fn refused(&self, operation: &str, request: &Value) -> (&'static str, String) {
        let error = self.ask(operation, request).unwrap_err();
        (error.code, error.message)
    }

    fn create(&self, name: &str, shards: u32) {
        self.ok("CreateStream", &json!({ "StreamName": name, "ShardCount": shards }));
    }

    fn put(&self, stream: &str, key: &str, data: &str) -> Value {
        self.ok("PutRecord", &json!({ "StreamName": stream, "PartitionKey": key, "Data": base64(data) }))
    }

    fn iterator(&self, stream: &str, how: &Value) -> Value {
        let mut request = json!({ "StreamName": stream, "ShardId": "shardId-000000000000" });
        request.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        self.ok("GetShardIterator", &request)["ShardIterator"].clone()
    }

    /// Data of the records from an iterator on.
    fn read(&self, iterator: &Value) -> Vec<String> {
        let answer = self.ok("GetRecords", &json!({ "ShardIterator": iterator }));
        answer["Records"].as_array().unwrap().iter().map(|record| text(record["Data"].as_str().unwrap())).collect()
    }
}

fn open(dir: &tempfile::TempDir, clock: &Arc<ManualClock>) -> Service {
    Service::open(&dir.path().join("kinesis.db"), Arc::clone(clock) as Arc<dyn Clock>, "us-east-1".into()).unwrap()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn text(base64: &str) -> String {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(base64).unwrap()).unwrap()
}

#[test]
fn every_iterator_type_begins_where_it_says() {
    let ground = Ground::new();
    ground.create("s", 1);
    let first = ground.put("s", "k", "one")["SequenceNumber"].clone();
    ground.clock.advance(SECOND);
    let second = ground.put("s", "k", "two")["SequenceNumber"].clone();
    assert!(second.as_str() > first.as_str());
    ground.clock.advance(SECOND);
    let latest = ground.iterator("s", &json!({ "ShardIteratorType": "LATEST" }));
    ground.put("s", "k", "three");
    let from = |how: Value| ground.read(&ground.iterator("s", &how));
    assert_eq!(from(json!({ "ShardIteratorType": "TRIM_HORIZON" })), ["one", "two", "three"]);
    assert_eq!(ground.read(&latest), ["three"]);
    assert_eq!(from(json!({ "ShardIteratorType": "LATEST" })), [""; 0]);
    assert_eq!(from(json!({ "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": second })), ["two", "three"]);
    assert_eq!(from(json!({ "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": second })), ["three"]);
    assert_eq!(from(json!({ "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_700_000_000.5 })), ["two", "three"]);
    assert_eq!(from(json!({ "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_700_000_002 })), ["three"]);
}

#[test]
fn reading_on_goes_where_the_last_answer_ended() {
    let ground = Ground::new();
    ground.create("s", 1);
    for data in ["a", "b", "c"] {
        ground.put("s", "k", data);
    }
    let iterator = ground.iterator("s", &json!({ "ShardIteratorType": "TRIM_HORIZON" }));
    let first = ground.ok("GetRecords", &json!({ "ShardIterator": iterator, "Limit": 2 }));
    assert_eq!(first["Records"].as_array().unwrap().len(), 2);
    assert!(first["MillisBehindLatest"].as_i64().unwrap() > 0);
    let second = ground.ok("GetRecords", &json!({ "ShardIterator": first["NextShardIterator"] }));
    assert_eq!((&second["Records"][0]["Data"], &second["MillisBehindLatest"]), (&json!(base64("c")), &json!(0)));
    assert_eq!(ground.read(&second["NextShardIterator"]), [""; 0]);
    ground.put("s", "k", "d");
    assert_eq!(ground.read(&second["NextShardIterator"]), ["d"]);
}

#[test]
fn keys_are_spread_over_the_shards_and_an_explicit_hash_key_decides() {
    let ground = Ground::new();
    ground.create("s", 4);
    let shards: std::collections::BTreeSet<String> =
        (0..40).map(|key| ground.put("s", &format!("device-{key}"), "x")["ShardId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(shards.len(), 4);
    let entry = |key: &str| json!({ "Data": base64("x"), "PartitionKey": "p", "ExplicitHashKey": key });
    let last = u128::MAX.to_string();
    let put = ground.ok("PutRecords", &json!({ "StreamName": "s", "Records": [entry("0"), entry(&last), entry("0")] }));
    let put = put["Records"].as_array().unwrap();
    assert_eq!((&put[0]["ShardId"], &put[1]["ShardId"]), (&json!("shardId-000000000000"), &json!("shardId-000000000003")));
    assert!(put[2]["SequenceNumber"].as_str() > put[0]["SequenceNumber"].as_str());
    let beyond = json!({ "StreamName": "s", "Records": [entry("0"), entry("340282366920938463463374607431768211456")] });
    assert!(ground.refused("PutRecords", &beyond).1.starts_with("Invalid ExplicitHashKey."));
}

#[test]
fn records_and_their_order_outlive_the_server_and_age_out_with_the_retention() {
    let ground = Ground::new();
    ground.create("s", 1);
    let before = ground.put("s", "k", "old")["SequenceNumber"].as_str().unwrap().to_owned();
    let Ground { dir, clock, service } = ground;
    drop(service);
    let again = Ground { service: open(&dir, &clock), dir, clock };
    again.clock.advance(24 * 3600 * SECOND);
    let after = again.put("s", "k", "new")["SequenceNumber"].as_str().unwrap().to_owned();
    assert!(after > before);
    let horizon = || again.iterator("s", &json!({ "ShardIteratorType": "TRIM_HORIZON" }));
    assert_eq!(again.read(&horizon()), ["old", "new"]);
    again.clock.advance(1);
    assert_eq!(again.read(&horizon()), ["new"]);
}

#[test]
fn refusals_have_the_names_and_words_of_the_service() {
    let ground = Ground::new();
    ground.create("s", 2);
    let code = |operation: &str, request: Value| ground.refused(operation, &request).0;
    assert_eq!(
        ground.refused("PutRecord", &json!({ "StreamName": "no", "PartitionKey": "k", "Data": "" })),
        ("ResourceNotFoundException", "Stream no under account 000000000000 not found.".to_owned())
    );
    assert_eq!(code("CreateStream", json!({ "StreamName": "s", "ShardCount": 1 })), "ResourceInUseException");
    assert_eq!(code("CreateStream", json!({ "StreamName": "t", "ShardCount": 30_000 })), "LimitExceededException");
    assert_eq!(code("CreateStream", json!({ "StreamName": "t" })), "InvalidArgumentException");
    assert_eq!(
        ground.refused("CreateStream", &json!({ "StreamName": "no blanks", "ShardCount": 0 })).1,
        "2 validation errors detected: Value 'no blanks' at 'streamName' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: [a-zA-Z0-9_.-]+; Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater \
         than or equal to 1"
    );
    assert_eq!(code("PutRecord", json!({ "StreamName": "s", "PartitionKey": "", "Data": "" })), "ValidationException");
    assert_eq!(code("PutRecord", json!({ "StreamName": "s", "PartitionKey": "k", "Data": "no base64" })), "SerializationException");
    assert_eq!(code("PutRecord", json!({ "StreamName": "s", "PartitionKey": "k" })), "ValidationException");
    let large = base64(&"x".repeat(1_048_577));
    assert_eq!(code("PutRecord", json!({ "StreamName": "s", "PartitionKey": "k", "Data": large })), "ValidationException");
    let million = json!({ "PartitionKey": "k", "Data": "A".repeat(1_398_100) });
    assert_eq!(
        ground.refused("PutRecords", &json!({ "StreamName": "s", "Records": vec![million; 6] })),
        ("InvalidArgumentException", "Records size exceeds 5 MB limit".to_owned())
    );
    assert_eq!(code("DescribeStream", json!({})), "InvalidArgumentException");
    assert_eq!(code("GetRecords", json!({ "ShardIterator": "AAAA" })), "InvalidArgumentException");
}

#[test]
fn iterators_are_refused_by_what_is_wrong_with_them() {
    let ground = Ground::new();
    ground.create("s", 2);
    let number = ground.ok("PutRecord", &json!({ "StreamName": "s", "PartitionKey": "k", "Data": "", "ExplicitHashKey": "0" }));
    let number = number["SequenceNumber"].clone();
    let of = |shard: &str, kind: &str, number: &Value| {
        let mut request = json!({ "StreamName": "s", "ShardId": shard, "ShardIteratorType": kind });
        if !number.is_null() {
            request["StartingSequenceNumber"] = number.clone();
        }
        ground.refused("GetShardIterator", &request)
    };
    assert_eq!(of("shardId-000000000002", "LATEST", &Value::Null).0, "ResourceNotFoundException");
    assert!(of("shardId-000000000001", "AT_SEQUENCE_NUMBER", &number).1.starts_with("Invalid StartingSequenceNumber. It encodes"));
    assert!(of("shardId-000000000000", "AT_SEQUENCE_NUMBER", &json!("17")).1.contains("is invalid"));
    assert!(of("shardId-000000000000", "LATEST", &number).1.ends_with("Request specified LATEST and also a StartingSequenceNumber."));
    assert!(of("shardId-000000000000", "AT_SEQUENCE_NUMBER", &Value::Null).1.ends_with("and no StartingSequenceNumber."));
    assert!(of("shardId-000000000000", "AT_TIMESTAMP", &Value::Null).1.starts_with("Must specify timestampInMillis"));
    let iterator = ground.iterator("s", &json!({ "ShardIteratorType": "TRIM_HORIZON" }));
    ground.clock.advance(301 * SECOND);
    assert_eq!(ground.refused("GetRecords", &json!({ "ShardIterator": iterator })).0, "ExpiredIteratorException");
}

#[test]
fn an_iterator_of_a_deleted_stream_reads_nothing_of_its_successor() {
    let ground = Ground::new();
    ground.create("s", 1);
    let iterator = ground.iterator("s", &json!({ "ShardIteratorType": "TRIM_HORIZON" }));
    ground.ok("DeleteStream", &json!({ "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/s" }));
    ground.create("s", 1);
    ground.put("s", "k", "x");
    assert_eq!(ground.refused("GetRecords", &json!({ "ShardIterator": iterator })).0, "ResourceNotFoundException");
}

#[test]
fn lists_go_on_page_by_page() {
    let ground = Ground::new();
    for name in ["a", "b", "c"] {
        ground.create(name, 3);
    }
    let first = ground.ok("ListStreams", &json!({ "Limit": 2 }));
    assert_eq!((&first["StreamNames"], &first["HasMoreStreams"]), (&json!(["a", "b"]), &json!(true)));
    let rest = ground.ok("ListStreams", &json!({ "NextToken": first["NextToken"] }));
    assert_eq!((&rest["StreamNames"], &rest["HasMoreStreams"]), (&json!(["c"]), &json!(false)));
    let first = ground.ok("ListShards", &json!({ "StreamName": "a", "MaxResults": 2 }));
    let rest = ground.ok("ListShards", &json!({ "NextToken": first["NextToken"] }));
    assert_eq!((first["Shards"].as_array().unwrap().len(), rest["Shards"].as_array().unwrap().len()), (2, 1));
    assert!(rest["NextToken"].is_null());
    let described = ground.ok("DescribeStream", &json!({ "StreamName": "a", "ExclusiveStartShardId": "shardId-000000000001" }));
    assert_eq!(described["StreamDescription"]["Shards"].as_array().unwrap().len(), 1);
    assert_eq!(ground.refused("ListShards", &json!({ "NextToken": "x" })).0, "InvalidArgumentException");
}

#[test]
fn tags_are_set_listed_and_removed() {
    let ground = Ground::new();
    ground.ok("CreateStream", &json!({ "StreamName": "s", "ShardCount": 1, "Tags": { "plant": "one" } }));
    ground.ok("AddTagsToStream", &json!({ "StreamName": "s", "Tags": { "line": "2", "plant": "two" } }));
    let page = ground.ok("ListTagsForStream", &json!({ "StreamName": "s", "Limit": 1 }));
    assert_eq!(page, json!({ "Tags": [{ "Key": "line", "Value": "2" }], "HasMoreTags": true }));
    ground.ok("RemoveTagsFromStream", &json!({ "StreamName": "s", "TagKeys": ["line"] }));
    let left = ground.ok("ListTagsForStream", &json!({ "StreamName": "s" }));
    assert_eq!(left, json!({ "Tags": [{ "Key": "plant", "Value": "two" }], "HasMoreTags": false }));
    let many: serde_json::Map<String, Value> = (0..50).map(|tag| (format!("t{tag}"), json!(""))).collect();
    assert_eq!(ground.refused("AddTagsToStream", &json!({ "StreamName": "s", "Tags": many })).0, "InvalidArgumentException");
}
