//! Roles and policies: each names the one resource it is for, or says why it cannot.

use super::model::Table;
use crate::stack::yaml::{Map, Node, Piece, attribute, choose, reference, sub};

/// A statement that allows `actions` on `resources`.
pub(super) fn allow(sid: &str, actions: &[&'static str], resources: Vec<Node>) -> Map {
    let actions: Vec<Node> = actions.iter().map(|action| Node::from(*action)).collect();
    Map::new().with("Sid", sid).with("Effect", "Allow").with("Action", actions).with("Resource", resources)
}

/// `statement`, only under a condition.
pub(super) fn when(statement: Map, operator: &str, key: &str, value: Node) -> Map {
    statement.with("Condition", Map::new().with(operator, Map::new().with(key, value)))
}

pub(super) fn document(statements: Vec<Node>) -> Map {
    Map::new().with("Version", "2012-10-17").with("Statement", Node::List(statements))
}

/// A role that `service` may take on for this account, and where `source` names it, for that resource only.
pub(super) fn role(service: &str, source: Option<Node>, policy_name: &str, statements: Vec<Node>) -> Map {
    let mut trust =
        Map::new().with("Effect", "Allow").with("Principal", Map::new().with("Service", service)).with("Action", "sts:AssumeRole");
    let account = Map::new().with("aws:SourceAccount", reference("AWS::AccountId"));
    match source {
        Some(source) => {
            let conditions = Map::new().with("StringEquals", account).with("ArnLike", Map::new().with("aws:SourceArn", source));
            trust.put("Condition", conditions);
        }
        // Lambda does not say for whom it takes a role on.
        None if service == "lambda.amazonaws.com" => {}
        None => trust.put("Condition", Map::new().with("StringEquals", account)),
    }
    let policy = Map::new().with("PolicyName", policy_name).with("PolicyDocument", document(statements));
    Map::new().with("AssumeRolePolicyDocument", document(vec![trust.into()])).with("Policies", [policy])
}

/// Endpoint discovery names no resource: the service knows none for it (facts: `DescribeEndpoints` needs `*`).
pub(super) fn discovery() -> Node {
    allow("DiscoverEndpoints", &["timestream:DescribeEndpoints"], vec!["*".into()]).into()
}

/// The ARN of a table. Asking the resource for it makes whoever names the table wait for it.
pub(super) fn table_arn(table: &Table) -> Node {
    choose(table.condition(), attribute(&table.resource(), "Arn"), there(&table.name))
}

/// The ARN of a table that is there already.
pub(super) fn there(table: &str) -> Node {
    sub(
        "arn:${AWS::Partition}:timestream:${AWS::Region}:${AWS::AccountId}:database/${DatabaseName}/table/${@table}",
        &[("table", Piece::Literal(table.to_owned()))],
    )
}

/// The database by name, waited for where the stack makes it.
pub(super) fn database() -> Node {
    choose("MakeDatabase", reference("Database"), reference("DatabaseName"))
}

/// The bucket of reports, made or given.
pub(super) fn rejected_bucket() -> Node {
    choose("MakeRejectedDataBucket", reference("RejectedDataBucket"), reference("RejectedDataBucketName"))
}

/// Reports below `prefix` of that bucket.
pub(super) fn reports_written_below(prefix: &str) -> Vec<Node> {
    let prefix = [("prefix", Piece::Literal(prefix.to_owned()))];
    let objects = choose(
        "MakeRejectedDataBucket",
        sub("${RejectedDataBucket.Arn}/${@prefix}*", &prefix),
        sub("arn:${AWS::Partition}:s3:::${RejectedDataBucketName}/${@prefix}*", &prefix),
    );
    let bucket = choose(
        "MakeRejectedDataBucket",
        attribute("RejectedDataBucket", "Arn"),
        sub("arn:${AWS::Partition}:s3:::${RejectedDataBucketName}", &[]),
    );
    vec![
        allow("WriteReports", &["s3:PutObject"], vec![objects]).into(),
        allow("ReadReportBucketAcl", &["s3:GetBucketAcl"], vec![bucket]).into(),
    ]
}

/// The topic of alarms, made or given.
pub(super) fn alarm_topic() -> Node {
    choose("MakeAlarmTopic", reference("AlarmTopic"), reference("AlarmTopicArn"))
}
