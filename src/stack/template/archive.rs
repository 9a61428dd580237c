//! The raw archive: every message of a stream in a bucket, as lines of JSON.

use super::model::{Channel, Deployment};
use super::policy::{self, allow};
use super::{Parts, storage};
use crate::stack::yaml::{Map, Node, Piece, attribute, reference, sub};

const CONDITION: &str = "ArchiveRaw";

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) {
    if deployment.channels.is_empty() {
        return;
    }
    storage::bucket(parts, "RawArchiveBucket", CONDITION, reference("RawArchiveDays"));
    parts.output_if(CONDITION, "RawArchiveBucketName", "Where raw messages are kept", reference("RawArchiveBucket"));
    for channel in &deployment.channels {
        delivery(parts, channel);
    }
}

fn delivery(parts: &mut Parts, channel: &Channel) {
    let id = |ending: &str| format!("{}{ending}", channel.id);
    let logs = Map::new()
        .with(
            "LogGroupName",
            sub("/aws/kinesisfirehose/${AWS::StackName}-${@folder}", &[("folder", Piece::Literal(channel.folder.clone()))]),
        )
        .with("RetentionInDays", 30_i64);
    parts.resources.put(&id("ArchiveLogs"), storage::passing("AWS::Logs::LogGroup", Some(CONDITION), logs));
    let stream = Map::new().with("LogGroupName", reference(&id("ArchiveLogs"))).with("LogStreamName", "delivery");
    parts.resources.put(&id("ArchiveDelivery"), storage::passing("AWS::Logs::LogStream", Some(CONDITION), stream));
    let role = policy::role("firehose.amazonaws.com", None, "archive", statements(channel));
    parts.resource_if(CONDITION, &id("ArchiveRole"), "AWS::IAM::Role", role);
    let source = Map::new().with("KinesisStreamARN", attribute(&id("Stream"), "Arn")).with("RoleARN", attribute(&id("ArchiveRole"), "Arn"));
    let logging = Map::new()
        .with("Enabled", true)
        .with("LogGroupName", reference(&id("ArchiveLogs")))
        .with("LogStreamName", reference(&id("ArchiveDelivery")));
    let lines = Map::new()
        .with("Type", "AppendDelimiterToRecord")
        .with("Parameters", [Map::new().with("ParameterName", "Delimiter").with("ParameterValue", "\\n")]);
    let destination = Map::new()
        .with("BucketARN", attribute("RawArchiveBucket", "Arn"))
        .with("RoleARN", attribute(&id("ArchiveRole"), "Arn"))
        .with("Prefix", format!("channel/{}/__dt=!{{timestamp:yyyy-MM-dd}}/", channel.folder))
        .with("ErrorOutputPrefix", format!("failed/{}/!{{firehose:error-output-type}}/", channel.folder))
        .with("BufferingHints", Map::new().with("IntervalInSeconds", 300_i64).with("SizeInMBs", 64_i64))
        .with("CompressionFormat", "GZIP")
        .with("CloudWatchLoggingOptions", logging)
        .with("ProcessingConfiguration", Map::new().with("Enabled", true).with("Processors", [lines]));
    let properties = Map::new()
        .with("DeliveryStreamType", "KinesisStreamAsSource")
        .with("KinesisStreamSourceConfiguration", source)
        .with("ExtendedS3DestinationConfiguration", destination);
    parts.resource_if(CONDITION, &id("Archive"), "AWS::KinesisFirehose::DeliveryStream", properties);
}

fn statements(channel: &Channel) -> Vec<Node> {
    let folder = [("folder", Piece::Literal(channel.folder.clone()))];
    let objects =
        vec![sub("${RawArchiveBucket.Arn}/channel/${@folder}/*", &folder), sub("${RawArchiveBucket.Arn}/failed/${@folder}/*", &folder)];
    let reading = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"];
    vec![
        allow("ReadStream", &reading, vec![attribute(&format!("{}Stream", channel.id), "Arn")]).into(),
        allow("WriteObjects", &["s3:AbortMultipartUpload", "s3:PutObject"], objects).into(),
        allow(
            "KnowBucket",
            &["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            vec![attribute("RawArchiveBucket", "Arn")],
        )
        .into(),
        allow("WriteLogs", &["logs:PutLogEvents"], vec![attribute(&format!("{}ArchiveLogs", channel.id), "Arn")]).into(),
    ]
}
