//! The database, its tables, and the bucket that reports of refused rows go to.

use super::Parts;
use super::model::{Deployment, Table};
use super::policy;
use crate::stack::yaml::{Map, Node, attribute, reference, sub};

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) {
    let database = retained("AWS::Timestream::Database", Some("MakeDatabase"), Map::new().with("DatabaseName", reference("DatabaseName")));
    parts.resources.put("Database", database);
    bucket(parts, "RejectedDataBucket", "MakeRejectedDataBucket", 90.into());
    for table in &deployment.tables {
        let resource = retained("AWS::Timestream::Table", Some(table.condition()), properties(deployment, table));
        parts.resources.put_noted(&format!("table {}", table.name), &table.resource(), resource);
    }
    parts.output("DatabaseName", "The database that the functions write to", reference("DatabaseName"));
    parts.output("RejectedDataBucketName", "Where Timestream reports rows that it refuses after the fact", policy::rejected_bucket());
}

/// A resource that holds data: it stays when the stack goes, unless it never came to be.
pub(super) fn retained(kind: &str, condition: Option<&str>, properties: Map) -> Map {
    Map::new()
        .with("Type", kind)
        .with_some("Condition", condition)
        .with("DeletionPolicy", "RetainExceptOnCreate")
        .with("UpdateReplacePolicy", "Retain")
        .with("Properties", properties)
}

/// A resource that goes with the stack, and says so.
pub(super) fn passing(kind: &str, condition: Option<&str>, properties: Map) -> Map {
    Map::new()
        .with("Type", kind)
        .with_some("Condition", condition)
        .with("DeletionPolicy", "Delete")
        .with("UpdateReplacePolicy", "Delete")
        .with("Properties", properties)
}

fn properties(deployment: &Deployment, table: &Table) -> Map {
    let retention = Map::new()
        .with("MemoryStoreRetentionPeriodInHours", reference("MemoryStoreHours"))
        .with("MagneticStoreRetentionPeriodInDays", reference("MagneticStoreDays"));
    let mut location = Map::new().with("BucketName", policy::rejected_bucket()).with("EncryptionOption", "SSE_S3");
    if !deployment.rejected_data_prefix.is_empty() {
        location.put("ObjectKeyPrefix", deployment.rejected_data_prefix.as_str());
    }
    let writes = Map::new()
        .with("EnableMagneticStoreWrites", true)
        .with("MagneticStoreRejectedDataLocation", Map::new().with("S3Configuration", location));
    let key = table.partition_dimension.as_ref().map(|dimension| {
        let key = Map::new().with("Type", "DIMENSION").with("Name", dimension.as_str()).with("EnforcementInRecord", "OPTIONAL");
        Map::new().with("CompositePartitionKey", [key])
    });
    Map::new()
        .with("DatabaseName", policy::database())
        .with("TableName", table.name.as_str())
        .with("RetentionProperties", retention)
        .with("MagneticStoreWriteProperties", writes)
        .with_some("Schema", key)
}

/// An encrypted, private bucket that is retained, and forgets objects after `days`.
pub(super) fn bucket(parts: &mut Parts, id: &str, condition: &str, days: Node) {
    let encryption = Map::new().with("ServerSideEncryptionByDefault", Map::new().with("SSEAlgorithm", "AES256"));
    let private = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
        .into_iter()
        .fold(Map::new(), |map, key| map.with(key, true));
    let expiry = Map::new()
        .with("Id", "forget")
        .with("Status", "Enabled")
        .with("ExpirationInDays", days)
        .with("AbortIncompleteMultipartUpload", Map::new().with("DaysAfterInitiation", 7_i64));
    let properties = Map::new()
        .with("BucketEncryption", Map::new().with("ServerSideEncryptionConfiguration", [encryption]))
        .with("PublicAccessBlockConfiguration", private)
        .with("OwnershipControls", Map::new().with("Rules", [Map::new().with("ObjectOwnership", "BucketOwnerEnforced")]))
        .with("LifecycleConfiguration", Map::new().with("Rules", [expiry]));
    parts.resources.put(id, retained("AWS::S3::Bucket", Some(condition), properties));
    let arn = match id {
        "RawArchiveBucket" => sub("${RawArchiveBucket.Arn}/*", &[]),
        _ => sub("${RejectedDataBucket.Arn}/*", &[]),
    };
    let deny = Map::new()
        .with("Sid", "OnlyEncryptedConnections")
        .with("Effect", "Deny")
        .with("Principal", Map::new().with("AWS", "*"))
        .with("Action", ["s3:*"])
        .with("Resource", [attribute(id, "Arn"), arn])
        .with("Condition", Map::new().with("Bool", Map::new().with("aws:SecureTransport", "false")));
    let policy = Map::new().with("Bucket", reference(id)).with("PolicyDocument", policy::document(vec![deny.into()]));
    parts.resource_if(condition, &format!("{id}Policy"), "AWS::S3::BucketPolicy", policy);
}
