//! What whoever deploys the stack may choose, and the conditions that follow.

use super::Parts;
use super::model::Deployment;
use crate::stack::yaml::{Map, Node, and, condition, equals, not};

/// Days that CloudWatch Logs can keep a group for.
const LOG_DAYS: [i64; 22] = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) {
    tables(parts, deployment);
    if !deployment.channels.is_empty() {
        streams(parts);
    }
    if !deployment.rules.is_empty() {
        parts.parameters.put("RulesEnabled", switch("true", "false keeps the new topic rules disabled, to deploy before the cut-over"));
        parts.conditions.put("EnableRules", equals("RulesEnabled", "true"));
    }
    if !deployment.functions.is_empty() {
        functions(parts, deployment);
    }
    let watching = deployment.tables.iter().any(|table| !table.watched.is_empty());
    if watching || !deployment.queries.is_empty() {
        let why = "false when the tables of query results are there already, kept from an earlier time";
        parts.parameters.put("CreateResultTables", switch("true", why));
    }
    if !deployment.queries.is_empty() {
        let why = "true creates the scheduled queries; they need tables that hold data, so leave it false until the first rows are in";
        parts.parameters.put("CreateScheduledQueries", switch("false", why));
        parts.conditions.put("RunScheduledQueries", equals("CreateScheduledQueries", "true"));
        made_with(parts, "MakeResultTables", "RunScheduledQueries");
    }
    if watching {
        anomalies(parts);
    }
    alarms(parts);
}

fn tables(parts: &mut Parts, deployment: &Deployment) {
    let parameters = &mut parts.parameters;
    parameters.put(
        "DatabaseName",
        text(&deployment.database, "The Timestream database; the same as in migration.toml, where the backfill writes")
            .with("AllowedPattern", "[a-zA-Z0-9_.-]{3,256}"),
    );
    parameters.put("CreateDatabase", switch("true", "false when the database is there already"));
    parameters.put("CreateTables", switch("true", "false when the tables are there already, because the backfill made them"));
    parameters.put("MemoryStoreHours", whole(deployment.memory_hours, 1, 8_766, "Hours in the memory store, as planned for the backfill"));
    parameters.put(
        "MagneticStoreDays",
        whole(deployment.magnetic_days, 1, 73_000, "Days in the magnetic store; must reach back to the oldest row"),
    );
    let bucket = deployment.rejected_data_bucket.as_deref().unwrap_or_default();
    parameters.put("RejectedDataBucketName", text(bucket, "A bucket for reports of refused rows; empty makes one"));
    let conditions = &mut parts.conditions;
    conditions.put("MakeDatabase", equals("CreateDatabase", "true"));
    conditions.put("MakeTables", equals("CreateTables", "true"));
    conditions.put("MakeRejectedDataBucket", equals("RejectedDataBucketName", ""));
}

fn streams(parts: &mut Parts) {
    let parameters = &mut parts.parameters;
    parameters.put(
        "StreamMode",
        text("ON_DEMAND", "ON_DEMAND follows the load; PROVISIONED has a fixed number of shards")
            .with("AllowedValues", ["ON_DEMAND", "PROVISIONED"]),
    );
    parameters.put("ShardCount", whole(1, 1, 10_000, "Shards of each stream, when PROVISIONED"));
    parameters
        .put("StreamRetentionHours", whole(168, 24, 8_760, "How long a stream keeps messages: the longest outage that loses nothing"));
    parameters.put("EnableRawArchive", switch("false", "true keeps every raw message in a bucket, through Firehose"));
    parameters.put("RawArchiveDays", whole(365, 1, 36_500, "Days that raw messages are kept in the archive"));
    parts.conditions.put("ProvisionShards", equals("StreamMode", "PROVISIONED"));
    parts.conditions.put("ArchiveRaw", equals("EnableRawArchive", "true"));
}

fn functions(parts: &mut Parts, deployment: &Deployment) {
    let parameters = &mut parts.parameters;
    parameters.put("BatchSize", whole(100, 1, 10_000, "Messages that a function is given at once, at the most"));
    parameters.put("BatchWindowSeconds", whole(5, 0, 300, "How long a batch may be gathered"));
    parameters.put("ParallelBatches", whole(1, 1, 10, "Batches of one shard worked on at once"));
    parameters.put("RetriesMax", whole(1_000, 0, 10_000, "How often a batch is tried again before it goes to the dead letters"));
    parameters.put("RecordAgeMaxSeconds", whole(86_400, 60, 604_800, "How old a message may become before it goes to the dead letters"));
    parameters.put("FunctionMemoryMb", whole(512, 128, 10_240, "Memory of each function"));
    parameters.put("FunctionTimeoutSeconds", whole(120, 10, 900, "Longest run of a function"));
    parameters.put(
        "MetricsNamespace",
        text("iota2ts", "The CloudWatch namespace in which the functions count").with("AllowedPattern", "[a-zA-Z0-9._/#-]{1,255}"),
    );
    parameters.put("LogRetentionDays", whole_of(30, &LOG_DAYS, "Days that logs are kept"));
    if deployment.functions.iter().any(|function| function.reads_registry || function.reads_shadows) {
        let why = "Things that the functions may look up, as in thing/<pattern>; narrow it when their names share a beginning";
        parameters.put("ThingNamePattern", text("*", why).with("AllowedPattern", "[a-zA-Z0-9:_*?-]+"));
    }
}

fn anomalies(parts: &mut Parts) {
    let why = "true looks for readings far off the day before; it needs tables that hold data, so leave it false until then";
    parts.parameters.put("EnableAnomalyQuery", switch("false", why));
    parts.parameters.put("AnomalySchedule", text("rate(1 hour)", "How often, as rate(…) or cron(…)"));
    parts.parameters.put("AnomalyDeviations", whole(4, 1, 100, "How many standard deviations off the mean is an anomaly"));
    parts.conditions.put("WatchAnomalies", equals("EnableAnomalyQuery", "true"));
    made_with(parts, "MakeAnomalyTable", "WatchAnomalies");
}

/// Tables of results are made with the queries that fill them.
fn made_with(parts: &mut Parts, condition_name: &str, queries: &str) {
    parts.conditions.put(condition_name, and([condition(queries), equals("CreateResultTables", "true")]));
}

fn alarms(parts: &mut Parts) {
    let parameters = &mut parts.parameters;
    parameters.put("AlarmTopicArn", text("", "An SNS topic for alarms and query results; empty makes one"));
    parameters.put("AlarmEmail", text("", "An address that is told of alarms, where the stack makes the topic; empty tells nobody"));
    let conditions = &mut parts.conditions;
    conditions.put("MakeAlarmTopic", equals("AlarmTopicArn", ""));
    conditions.put("TellByEmail", and([condition("MakeAlarmTopic"), not(equals("AlarmEmail", ""))]));
}

fn text(default: &str, description: &str) -> Map {
    Map::new().with("Type", "String").with("Default", default).with("Description", description)
}

fn switch(default: &str, description: &str) -> Map {
    text(default, description).with("AllowedValues", ["true", "false"])
}

fn whole(default: u64, least: i64, most: i64, description: &str) -> Map {
    let default = i64::try_from(default).unwrap_or(most).clamp(least, most);
    Map::new()
        .with("Type", "Number")
        .with("Default", default)
        .with("MinValue", least)
        .with("MaxValue", most)
        .with("Description", description)
}

fn whole_of(default: i64, allowed: &[i64], description: &str) -> Map {
    let allowed: Vec<Node> = allowed.iter().map(|value| Node::Integer(*value)).collect();
    Map::new().with("Type", "Number").with("Default", default).with("AllowedValues", allowed).with("Description", description)
}
