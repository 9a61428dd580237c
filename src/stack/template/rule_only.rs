//! A pipeline as a topic rule with the `timestream` action, as a template of its own.

use super::model::Deployment;
use super::policy::{self, allow};
use super::{Parts, ingest, storage};
use crate::stack::rule_only::RuleOnly;
use crate::stack::yaml::{self, DynamicReference, Map, Node, attribute, choose, equals, reference, sub};

/// The template. `rule` is the new rule's name, `table` the table that it writes to.
pub(crate) fn render(variant: &RuleOnly, deployment: &Deployment, rule: &str, table: &str) -> Result<String, DynamicReference> {
    let mut parts = Parts::default();
    parameters(&mut parts, deployment, table);
    let retention = Map::new()
        .with("MemoryStoreRetentionPeriodInHours", reference("MemoryStoreHours"))
        .with("MagneticStoreRetentionPeriodInDays", reference("MagneticStoreDays"));
    let properties = Map::new()
        .with("DatabaseName", reference("DatabaseName"))
        .with("TableName", reference("TableName"))
        .with("RetentionProperties", retention)
        .with("MagneticStoreWriteProperties", Map::new().with("EnableMagneticStoreWrites", true));
    parts.resources.put("Table", storage::retained("AWS::Timestream::Table", Some("MakeTable"), properties));
    parts.resources.put("RuleErrors", storage::retained("AWS::SQS::Queue", None, ingest::queue()));
    let mut dimensions = Vec::new();
    for (name, value) in &variant.dimensions {
        dimensions.push(Map::new().with("Name", yaml::foreign(name)?).with("Value", yaml::foreign(value)?));
    }
    let time = Map::new().with("Value", yaml::foreign(&variant.time)?).with("Unit", variant.time_unit);
    let action = Map::new()
        .with("RoleArn", attribute("Role", "Arn"))
        .with("DatabaseName", reference("DatabaseName"))
        .with("TableName", choose("MakeTable", attribute("Table", "Name"), reference("TableName")))
        .with("Dimensions", dimensions)
        .with("Timestamp", time);
    let failed = Map::new().with("RoleArn", attribute("Role", "Arn")).with("QueueUrl", reference("RuleErrors")).with("UseBase64", false);
    let payload = Map::new()
        .with("AwsIotSqlVersion", yaml::foreign(&variant.sql_version)?)
        .with("Sql", yaml::foreign(&variant.sql)?)
        .with("RuleDisabled", choose("EnableRule", false, true))
        .with("Actions", [Map::new().with("Timestream", action)])
        .with("ErrorAction", Map::new().with("Sqs", failed));
    parts.resource("TopicRule", "AWS::IoT::TopicRule", Map::new().with("RuleName", rule).with("TopicRulePayload", payload));
    let there = sub("arn:${AWS::Partition}:timestream:${AWS::Region}:${AWS::AccountId}:database/${DatabaseName}/table/${TableName}", &[]);
    let statements: Vec<Node> = vec![
        allow("WriteTable", &["timestream:WriteRecords"], vec![choose("MakeTable", attribute("Table", "Arn"), there)]).into(),
        policy::discovery(),
        allow("KeepFailures", &["sqs:SendMessage"], vec![attribute("RuleErrors", "Arn")]).into(),
    ];
    parts.resource("Role", "AWS::IAM::Role", policy::role("iot.amazonaws.com", Some(ingest::rule_arn(rule)), "rule", statements));
    parts.output("RuleErrorsUrl", "Messages that Timestream did not take", reference("RuleErrors"));
    Ok(parts.text("A pipeline of AWS IoT Analytics as a topic rule that writes to Timestream; its differences stand in README.md", None))
}

fn parameters(parts: &mut Parts, deployment: &Deployment, table: &str) {
    let text = |default: &str, description: &str| {
        Map::new()
            .with("Type", "String")
            .with("Default", default)
            .with("Description", description)
            .with("AllowedPattern", "[a-zA-Z0-9_.-]{3,256}")
    };
    let switch = |description: &str| {
        Map::new().with("Type", "String").with("Default", "true").with("Description", description).with("AllowedValues", ["true", "false"])
    };
    let whole = |default: u64, most: i64, description: &str| {
        let default = i64::try_from(default).unwrap_or(most).clamp(1, most);
        Map::new()
            .with("Type", "Number")
            .with("Default", default)
            .with("MinValue", 1_i64)
            .with("MaxValue", most)
            .with("Description", description)
    };
    let parameters = &mut parts.parameters;
    parameters.put("DatabaseName", text(&deployment.database, "The Timestream database, which must be there"));
    parameters.put("TableName", text(table, "A table for single-measure records; not the one that the backfill writes to"));
    parameters.put("CreateTable", switch("false when the table is there already"));
    parameters.put("MemoryStoreHours", whole(deployment.memory_hours, 8_766, "Hours in the memory store"));
    parameters.put("MagneticStoreDays", whole(deployment.magnetic_days, 73_000, "Days in the magnetic store"));
    parameters.put("RuleEnabled", switch("false keeps the rule disabled"));
    parts.conditions.put("MakeTable", equals("CreateTable", "true"));
    parts.conditions.put("EnableRule", equals("RuleEnabled", "true"));
}
