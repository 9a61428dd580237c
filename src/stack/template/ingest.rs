//! From the topic to the table: rules, streams and functions.

use super::model::{Deployment, Function, Rule};
use super::policy::{self, allow};
use super::{Parts, storage};
use crate::stack::yaml::{self, DynamicReference, Map, Node, Piece, attribute, choose, only_if, reference, sub};

/// Fourteen days, the longest that a queue keeps a message.
const QUEUE_SECONDS: i64 = 1_209_600;

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) -> Result<(), DynamicReference> {
    for channel in &deployment.channels {
        stream(parts, &channel.id, &channel.name);
    }
    if !deployment.rules.is_empty() {
        parts.resources.put("RuleErrors", storage::retained("AWS::SQS::Queue", None, queue()));
        parts.output("RuleErrorsUrl", "Messages that a rule could not put into its stream", reference("RuleErrors"));
    }
    for rule in &deployment.rules {
        topic_rule(parts, deployment, rule)?;
    }
    for function in &deployment.functions {
        lambda(parts, deployment, function)?;
    }
    Ok(())
}

/// The properties of an encrypted queue.
pub(super) fn queue() -> Map {
    Map::new().with("SqsManagedSseEnabled", true).with("MessageRetentionPeriod", QUEUE_SECONDS)
}

fn stream(parts: &mut Parts, id: &str, name: &str) {
    let properties = Map::new()
        .with("StreamModeDetails", Map::new().with("StreamMode", reference("StreamMode")))
        .with("ShardCount", only_if("ProvisionShards", reference("ShardCount")))
        .with("RetentionPeriodHours", reference("StreamRetentionHours"))
        .with("StreamEncryption", Map::new().with("EncryptionType", "KMS").with("KeyId", "alias/aws/kinesis"));
    let stream = storage::passing("AWS::Kinesis::Stream", None, properties);
    parts.resources.put_noted(&format!("channel {name}"), &format!("{id}Stream"), stream);
    parts.output(&format!("{id}StreamName"), "Where to put messages that went to the channel", reference(&format!("{id}Stream")));
}

fn topic_rule(parts: &mut Parts, deployment: &Deployment, rule: &Rule) -> Result<(), DynamicReference> {
    let role = format!("{}Role", rule.id);
    let stream = |channel: usize| deployment.channels.get(channel).map(|channel| format!("{}Stream", channel.id));
    let streams: Vec<String> = rule.outlets.iter().filter_map(|outlet| stream(outlet.channel)).collect();
    let mut actions = Vec::new();
    for (outlet, stream) in rule.outlets.iter().zip(&streams) {
        let kinesis = Map::new()
            .with("RoleArn", attribute(&role, "Arn"))
            .with("StreamName", reference(stream))
            .with("PartitionKey", yaml::foreign(&outlet.partition_key)?);
        actions.push(Map::new().with("Kinesis", kinesis));
    }
    let failed = Map::new().with("RoleArn", attribute(&role, "Arn")).with("QueueUrl", reference("RuleErrors")).with("UseBase64", false);
    let disabled: Node = if rule.enabled { choose("EnableRules", false, true) } else { true.into() };
    let payload = Map::new()
        .with("AwsIotSqlVersion", yaml::foreign(&rule.sql_version)?)
        .with("Sql", yaml::foreign(&rule.sql)?)
        .with("RuleDisabled", disabled)
        .with("Actions", actions)
        .with("ErrorAction", Map::new().with("Sqs", failed));
    let properties = Map::new().with("RuleName", rule.new_name.as_str()).with("TopicRulePayload", payload);
    let resource = Map::new().with("Type", "AWS::IoT::TopicRule").with("Properties", properties);
    parts.resources.put_noted(&format!("topic rule {}, its SQL as it was", rule.name), &format!("{}TopicRule", rule.id), resource);
    let arns: Vec<Node> = streams.iter().map(|stream| attribute(stream, "Arn")).collect();
    let statements = vec![
        allow("PutIntoStream", &["kinesis:PutRecord"], arns).into(),
        allow("KeepFailures", &["sqs:SendMessage"], vec![attribute("RuleErrors", "Arn")]).into(),
    ];
    parts.resource(&role, "AWS::IAM::Role", policy::role("iot.amazonaws.com", Some(rule_arn(&rule.new_name)), "rule", statements));
    Ok(())
}

pub(super) fn rule_arn(name: &str) -> Node {
    sub("arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:rule/${@rule}", &[("rule", Piece::Literal(name.to_owned()))])
}

fn lambda(parts: &mut Parts, deployment: &Deployment, function: &Function) -> Result<(), DynamicReference> {
    let id = |ending: &str| format!("{}{ending}", function.id);
    let Some(channel) = deployment.channels.get(function.channel) else { return Ok(()) };
    let stream = format!("{}Stream", channel.id);
    let variables = Map::new()
        .with("DATABASE_NAME", reference("DatabaseName"))
        .with("DEAD_LETTER_QUEUE_URL", reference(&id("DeadLetters")))
        .with("METRICS_NAMESPACE", reference("MetricsNamespace"));
    let properties = Map::new()
        .with("Description", yaml::foreign(&described(&function.pipeline))?)
        .with("CodeUri", format!("functions/{}/", function.folder))
        .with("Handler", "handler.lambda_handler")
        .with("Runtime", "python3.13")
        .with("Architectures", ["arm64"])
        .with("MemorySize", reference("FunctionMemoryMb"))
        .with("Timeout", reference("FunctionTimeoutSeconds"))
        .with("Role", attribute(&id("Role"), "Arn"))
        .with("LoggingConfig", Map::new().with("LogGroup", reference(&id("Logs"))))
        .with("Environment", Map::new().with("Variables", variables));
    let resource = Map::new().with("Type", "AWS::Serverless::Function").with("Properties", properties);
    parts.resources.put_noted(&format!("pipeline {}", function.pipeline), &id("Function"), resource);
    let mapping = Map::new()
        .with("EventSourceArn", attribute(&stream, "Arn"))
        .with("FunctionName", reference(&id("Function")))
        // LATEST would lose what arrives before the mapping is ready.
        .with("StartingPosition", "TRIM_HORIZON")
        .with("BatchSize", reference("BatchSize"))
        .with("MaximumBatchingWindowInSeconds", reference("BatchWindowSeconds"))
        .with("ParallelizationFactor", reference("ParallelBatches"))
        .with("BisectBatchOnFunctionError", true)
        .with("FunctionResponseTypes", ["ReportBatchItemFailures"])
        .with("MaximumRetryAttempts", reference("RetriesMax"))
        .with("MaximumRecordAgeInSeconds", reference("RecordAgeMaxSeconds"))
        .with("DestinationConfig", Map::new().with("OnFailure", Map::new().with("Destination", attribute(&id("DeadLetters"), "Arn"))));
    let mapping = Map::new().with("Type", "AWS::Lambda::EventSourceMapping").with("Properties", mapping);
    parts.resources.put(&id("Mapping"), mapping);
    let logs = Map::new()
        .with("LogGroupName", sub("/aws/lambda/${AWS::StackName}-${@folder}", &[("folder", Piece::Literal(function.folder.clone()))]))
        .with("RetentionInDays", reference("LogRetentionDays"));
    parts.resources.put(&id("Logs"), storage::passing("AWS::Logs::LogGroup", None, logs));
    parts.resources.put(&id("DeadLetters"), storage::retained("AWS::SQS::Queue", None, queue()));
    parts.output(&id("DeadLettersUrl"), "Messages and batches that never became records", reference(&id("DeadLetters")));
    let statements = statements(deployment, function, &stream);
    parts.resource(&id("Role"), "AWS::IAM::Role", policy::role("lambda.amazonaws.com", None, "function", statements));
    Ok(())
}

/// What a function may do: read its stream, write its tables, keep what failed, and what its pipeline's steps ask for.
fn statements(deployment: &Deployment, function: &Function, stream: &str) -> Vec<Node> {
    let arn = |ending: &str| attribute(&format!("{}{ending}", function.id), "Arn");
    let tables = function.tables.iter().filter_map(|table| Some(policy::table_arn(deployment.tables.get(*table)?))).collect();
    let reading =
        ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"];
    let mut statements = vec![
        allow("ReadStream", &reading, vec![attribute(stream, "Arn")]).into(),
        allow("WriteTables", &["timestream:WriteRecords"], tables).into(),
        policy::discovery(),
        allow("KeepDeadLetters", &["sqs:SendMessage"], vec![arn("DeadLetters")]).into(),
        allow("WriteLogs", &["logs:CreateLogStream", "logs:PutLogEvents"], vec![arn("Logs")]).into(),
    ];
    statements.extend(policy::reports_written_below(&deployment.rejected_data_prefix));
    let things = || vec![sub("arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:thing/${ThingNamePattern}", &[])];
    if function.reads_registry {
        statements.push(allow("ReadRegistry", &["iot:DescribeThing"], things()).into());
    }
    if function.reads_shadows {
        statements.push(allow("ReadShadows", &["iot:GetThingShadow"], things()).into());
    }
    if !function.calls.is_empty() {
        let called = |name: &String| {
            sub(
                "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${@name}",
                &[("name", Piece::Literal(name.clone()))],
            )
        };
        let functions = function.calls.iter().map(called).collect();
        statements.push(allow("CallLambdaActivities", &["lambda:InvokeFunction"], functions).into());
    }
    statements
}

/// A function's description: at most 256 characters, none of them a control character.
fn described(pipeline: &str) -> String {
    let name: String = pipeline.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    format!("pipeline {name}, from stream to Timestream")
}
