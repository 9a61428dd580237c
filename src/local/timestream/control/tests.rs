//! The control plane, operation by operation.

use serde_json::{Value, json};

use super::Control;
use crate::local::failure::{ErrorKind, Failure};
use crate::local::timestream::store::Store;
use crate::time::Nanos;

struct Plane {
    _dir: tempfile::TempDir,
    store: Store,
    now: Nanos,
}

impl Plane {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("timestream.db")).unwrap();
        Self { _dir: dir, store, now: Nanos(1_700_000_000_123_456_789) }
    }

    fn with_database() -> Self {
        let mut plane = Self::new();
        plane.does("CreateDatabase", json!({"DatabaseName": "db"}));
        plane
    }

    fn ask(&mut self, operation: &str, request: Value) -> Result<Value, Failure> {
        let mut control = Control { store: &mut self.store, now: self.now, region: "eu-west-1" };
        control.answer(operation, request.to_string().as_bytes())
    }

    fn does(&mut self, operation: &str, request: Value) -> Value {
        self.ask(operation, request).unwrap()
    }

    fn refuses(&mut self, operation: &str, request: Value) -> (ErrorKind, String) {
        let failure = self.ask(operation, request).unwrap_err();
        (failure.kind, failure.message)
    }
}

#[test]
fn a_database_is_made_described_updated_and_deleted() {
    let mut plane = Plane::new();
    let created = plane.does("CreateDatabase", json!({"DatabaseName": "db", "Tags": [{"Key": "k", "Value": "v"}]}));
    let arn = "arn:aws:timestream:eu-west-1:000000000000:database/db";
    let expected = json!({
        "Arn": arn, "DatabaseName": "db", "TableCount": 0,
        "KmsKeyId": "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000",
        "CreationTime": created["Database"]["CreationTime"], "LastUpdatedTime": created["Database"]["LastUpdatedTime"]
    });
    assert_eq!(created["Database"], expected);
    assert_eq!(created["Database"]["CreationTime"].to_string(), "1700000000.123");
    assert_eq!(plane.does("DescribeDatabase", json!({"DatabaseName": "db"})), created);
    assert_eq!(plane.refuses("CreateDatabase", json!({"DatabaseName": "db"})).0, ErrorKind::Conflict);
    plane.now = Nanos(1_700_000_001_000_000_000);
    let updated = plane.does("UpdateDatabase", json!({"DatabaseName": "db", "KmsKeyId": "mine"}));
    assert_eq!(
        (&updated["Database"]["KmsKeyId"], updated["Database"]["LastUpdatedTime"].to_string()),
        (&json!("mine"), "1700000001.000".into())
    );
    plane.does("CreateTable", json!({"DatabaseName": "db", "TableName": "t"}));
    assert_eq!(plane.does("DescribeDatabase", json!({"DatabaseName": "db"}))["Database"]["TableCount"], 1);
    let (kind, message) = plane.refuses("DeleteDatabase", json!({"DatabaseName": "db"}));
    assert!(kind == ErrorKind::Validation && message.contains("still has 1 tables"), "{message}");
    plane.does("DeleteTable", json!({"DatabaseName": "db", "TableName": "t"}));
    assert_eq!(plane.does("DeleteDatabase", json!({"DatabaseName": "db"})), json!({}));
    assert_eq!(plane.refuses("DescribeDatabase", json!({"DatabaseName": "db"})).0, ErrorKind::ResourceNotFound);
    // Its tags went with it.
    plane.does("CreateDatabase", json!({"DatabaseName": "db"}));
    assert_eq!(plane.does("ListTagsForResource", json!({"ResourceARN": arn})), json!({"Tags": []}));
}

#[test]
fn a_table_has_the_documented_defaults_and_echoes_what_it_is_given() {
    let mut plane = Plane::with_database();
    let table = plane.does("CreateTable", json!({"DatabaseName": "db", "TableName": "t"}))["Table"].clone();
    assert_eq!(table["Arn"], "arn:aws:timestream:eu-west-1:000000000000:database/db/table/t");
    assert_eq!(table["TableStatus"], "ACTIVE");
    let retention = json!({"MemoryStoreRetentionPeriodInHours": 6, "MagneticStoreRetentionPeriodInDays": 73000});
    assert_eq!(table["RetentionProperties"], retention);
    assert_eq!(table["MagneticStoreWriteProperties"], json!({"EnableMagneticStoreWrites": false}));
    assert_eq!(table["Schema"], json!({"CompositePartitionKey": [{"Type": "MEASURE"}]}));
    assert_eq!(plane.refuses("CreateTable", json!({"DatabaseName": "db", "TableName": "t"})).0, ErrorKind::Conflict);
    assert_eq!(plane.refuses("CreateTable", json!({"DatabaseName": "no", "TableName": "t"})).0, ErrorKind::ResourceNotFound);
    let given = json!({
        "RetentionProperties": {"MemoryStoreRetentionPeriodInHours": 8766, "MagneticStoreRetentionPeriodInDays": 1},
        "MagneticStoreWriteProperties": {"EnableMagneticStoreWrites": true, "MagneticStoreRejectedDataLocation": {"S3Configuration": {
            "BucketName": "my-bucket", "ObjectKeyPrefix": "a/b", "EncryptionOption": "SSE_KMS", "KmsKeyId": "k"}}},
        "Schema": {"CompositePartitionKey": [{"Type": "DIMENSION", "Name": "device", "EnforcementInRecord": "REQUIRED"}]}
    });
    let mut create = given.clone();
    create["DatabaseName"] = "db".into();
    create["TableName"] = "given".into();
    let echoed = plane.does("CreateTable", create)["Table"].clone();
    for (member, value) in given.as_object().unwrap() {
        assert_eq!(&echoed[member], value);
    }
    assert_eq!(plane.does("DescribeTable", json!({"DatabaseName": "db", "TableName": "given"}))["Table"], echoed);
}

#[test]
fn an_update_changes_what_it_names_and_the_partition_key_only_in_its_enforcement() {
    let mut plane = Plane::with_database();
    let key =
        |name: &str, level: &str| json!({"CompositePartitionKey": [{"Type": "DIMENSION", "Name": name, "EnforcementInRecord": level}]});
    plane.does("CreateTable", json!({"DatabaseName": "db", "TableName": "t", "Schema": key("device", "REQUIRED")}));
    let update = |member: &str, value: Value| json!({"DatabaseName": "db", "TableName": "t", member: value});
    let updated = plane.does("UpdateTable", update("Schema", key("device", "OPTIONAL")))["Table"].clone();
    assert_eq!(updated["Schema"], key("device", "OPTIONAL"));
    assert_eq!(updated["RetentionProperties"]["MemoryStoreRetentionPeriodInHours"], 6);
    assert_eq!(plane.refuses("UpdateTable", update("Schema", key("other", "OPTIONAL"))).0, ErrorKind::Validation);
    let magnetic = plane.does("UpdateTable", update("MagneticStoreWriteProperties", json!({"EnableMagneticStoreWrites": true})));
    assert_eq!(magnetic["Table"]["MagneticStoreWriteProperties"]["EnableMagneticStoreWrites"], true);
    assert_eq!(magnetic["Table"]["Schema"], key("device", "OPTIONAL"));
    assert_eq!(plane.refuses("UpdateTable", json!({"DatabaseName": "db", "TableName": "no"})).0, ErrorKind::ResourceNotFound);
}

#[test]
fn a_partition_key_is_one_and_of_one_kind() {
    let mut plane = Plane::with_database();
    let cases = [
        (json!([{"Type": "DIMENSION", "Name": "a"}, {"Type": "DIMENSION", "Name": "b"}]), "You have specified too many partition keys."),
        (json!([{"Type": "MEASURE", "Name": "a"}]), "cannot have a name"),
        (json!([{"Type": "MEASURE", "EnforcementInRecord": "REQUIRED"}]), "cannot have a name"),
        (json!([{"Type": "DIMENSION"}]), "must have a name"),
        (json!([{"Type": "DIMENSION", "Name": "time"}]), "reserved"),
        (json!([]), "length greater than or equal to 1"),
        (json!([{"Name": "a"}]), "'schema.compositePartitionKey.1.member.type' failed to satisfy constraint: Member must not be null"),
        (json!([{"Type": "X"}]), "enum value set: [DIMENSION, MEASURE]"),
    ];
    for (keys, expected) in cases {
        let request = json!({"DatabaseName": "db", "TableName": "t", "Schema": {"CompositePartitionKey": keys}});
        let (_, message) = plane.refuses("CreateTable", request);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn the_model_is_kept_to() {
    let mut plane = Plane::with_database();
    let retention = |hours: i64, days: i64| {
        json!({"DatabaseName": "db", "TableName": "t", "RetentionProperties": {
            "MemoryStoreRetentionPeriodInHours": hours, "MagneticStoreRetentionPeriodInDays": days}})
    };
    let location = |s3: Value| {
        json!({"DatabaseName": "db", "TableName": "t", "MagneticStoreWriteProperties": {
            "EnableMagneticStoreWrites": true, "MagneticStoreRejectedDataLocation": {"S3Configuration": s3}}})
    };
    let cases = [
        ("CreateDatabase", json!({}), "Value null at 'databaseName'"),
        ("CreateDatabase", json!({"DatabaseName": "a/b"}), "regular expression pattern: [a-zA-Z0-9_.-]+"),
        ("CreateDatabase", json!({"DatabaseName": ""}), "regular expression pattern"),
        ("CreateDatabase", json!({"DatabaseName": "n".repeat(257)}), "length less than or equal to 256"),
        ("CreateDatabase", json!({"DatabaseName": "x", "Tags": [{"Key": "", "Value": "v"}]}), "'tags.1.member.key'"),
        ("CreateTable", retention(0, 1), "value greater than or equal to 1"),
        ("CreateTable", retention(8767, 1), "value less than or equal to 8766"),
        ("CreateTable", retention(1, 73_001), "value less than or equal to 73000"),
        ("CreateTable", location(json!({"BucketName": "../etc"})), "bucketName"),
        ("CreateTable", location(json!({"BucketName": "bucket", "ObjectKeyPrefix": "a b"})), "objectKeyPrefix"),
        ("CreateTable", location(json!({"BucketName": "bucket", "EncryptionOption": "X"})), "[SSE_S3, SSE_KMS]"),
        ("UpdateDatabase", json!({"DatabaseName": "db"}), "Value null at 'kmsKeyId'"),
        ("DescribeTable", json!({"DatabaseName": "db"}), "Value null at 'tableName'"),
        ("ListTables", json!({"MaxResults": 21}), "value less than or equal to 20"),
        ("TagResource", json!({"ResourceARN": "a"}), "Value null at 'tags'"),
    ];
    for (operation, request, expected) in cases {
        let (kind, message) = plane.refuses(operation, request);
        assert_eq!(kind, ErrorKind::Constraint);
        assert!(message.contains(expected), "{operation}: {message}");
    }
}

#[test]
fn lists_come_in_pages() {
    let mut plane = Plane::new();
    for i in 0..45 {
        plane.does("CreateDatabase", json!({"DatabaseName": format!("db{i:02}")}));
    }
    for (database, table) in [("db01", "b"), ("db01", "a"), ("db00", "z")] {
        plane.does("CreateTable", json!({"DatabaseName": database, "TableName": table}));
    }
    let mut pages = Vec::new();
    let mut token = Value::Null;
    loop {
        let page = plane.does("ListDatabases", json!({"NextToken": token}));
        pages.push(
            page["Databases"].as_array().unwrap().iter().map(|db| db["DatabaseName"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        );
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    assert!(pages.concat().is_sorted());
    let names = |answer: &Value| {
        answer["Tables"].as_array().unwrap().iter().map(|t| format!("{}/{}", t["DatabaseName"], t["TableName"])).collect::<Vec<_>>()
    };
    let first = plane.does("ListTables", json!({"MaxResults": 2}));
    let rest = plane.does("ListTables", json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    assert_eq!(names(&first), [r#""db00"/"z""#, r#""db01"/"a""#]);
    assert_eq!(names(&rest), [r#""db01"/"b""#]);
    assert_eq!(names(&plane.does("ListTables", json!({"DatabaseName": "db01"}))).len(), 2);
    assert_eq!(plane.refuses("ListTables", json!({"DatabaseName": "no"})).0, ErrorKind::ResourceNotFound);
}

#[test]
fn tags_are_set_replaced_and_taken_away() {
    let mut plane = Plane::with_database();
    let arn = "arn:aws:timestream:eu-west-1:000000000000:database/db/table/t";
    plane.does("CreateTable", json!({"DatabaseName": "db", "TableName": "t", "Tags": [{"Key": "a", "Value": "1"}]}));
    plane.does("TagResource", json!({"ResourceARN": arn, "Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}]}));
    let tags = json!({"Tags": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]});
    assert_eq!(plane.does("ListTagsForResource", json!({"ResourceARN": arn})), tags);
    plane.does("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["a", "never"]}));
    assert_eq!(plane.does("ListTagsForResource", json!({"ResourceARN": arn})), json!({"Tags": [{"Key": "b", "Value": "2"}]}));
    assert_eq!(plane.refuses("ListTagsForResource", json!({"ResourceARN": format!("{arn}x")})).0, ErrorKind::ResourceNotFound);
    assert_eq!(plane.refuses("ListTagsForResource", json!({"ResourceARN": "arn:aws:s3:::b"})).0, ErrorKind::Validation);
}
