//! The optional watch: readings far off the day before, found by a scheduled query, told by SNS, and alarmed on.

use super::model::{Deployment, Table, Watched};
use super::policy::{self, when};
use super::queries::{self, Scheduled};
use super::{Parts, ingest, storage};
use crate::record::MeasureKind;
use crate::stack::yaml::{self, DynamicReference, Map, Node, Piece, attribute, choose, reference, sub};

const CONDITION: &str = "WatchAnomalies";
const MADE: &str = "MakeAnomalyTable";
/// A query that looks at more columns than this of one table costs more than it finds.
pub(crate) const NUMBERS_MAX: usize = 20;

const MEASURES: [(&str, &str, MeasureKind); 3] =
    [("latest", "latest", MeasureKind::Double), ("usual", "usual", MeasureKind::Double), ("spread", "spread", MeasureKind::Double)];

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) -> Result<(), DynamicReference> {
    let watched: Vec<(&Table, usize, &Watched)> = deployment
        .tables
        .iter()
        .flat_map(|table| table.watched.iter().enumerate().map(move |(at, watched)| (table, at + 1, watched)))
        .collect();
    if watched.is_empty() {
        return Ok(());
    }
    results(parts, &deployment.anomaly_table);
    let made = choose(MADE, attribute("AnomalyTable", "Arn"), policy::there(&deployment.anomaly_table));
    for (table, number, watched) in watched {
        // A number for each measure name; the ending stays the same.
        let id = format!("{}N{number}", table.id);
        let role = format!("{id}AnomalyRole");
        let mut dimensions = vec!["source_table", "source_measure"];
        for dimension in &watched.dimensions {
            dimensions.push(yaml::foreign(dimension)?);
        }
        let scheduled = Scheduled {
            name: sub("${AWS::StackName}-${@id}", &[("id", Piece::Literal(format!("{}-{number}", short(&table.id))))]),
            sql: sql(table, watched)?,
            schedule: reference("AnomalySchedule"),
            role: &role,
            topic: reference("AnomalyTopic"),
            prefix: "anomalies/",
            target: queries::target(
                choose(MADE, attribute("AnomalyTable", "Name"), deployment.anomaly_table.as_str()),
                "found_at",
                "anomaly",
                &dimensions,
                &MEASURES,
            ),
        };
        let resource = Map::new()
            .with("Type", "AWS::Timestream::ScheduledQuery")
            .with("Condition", CONDITION)
            .with("Properties", scheduled.properties());
        parts.resources.put(&format!("{id}AnomalyQuery"), resource);
        let statements = queries::statements(vec![policy::table_arn(table)], made.clone(), reference("AnomalyTopic"), "anomalies/");
        parts.resource_if(CONDITION, &role, "AWS::IAM::Role", queries::role_of(statements));
    }
    Ok(())
}

/// A scheduled query's name ends at 64 characters, and the stack's name stands in front.
fn short(id: &str) -> String {
    id.chars().take(20).collect()
}

/// The table of anomalies; a topic that hears of every run; a queue that gets those runs that found something.
fn results(parts: &mut Parts, table: &str) {
    let retention = Map::new()
        .with("MemoryStoreRetentionPeriodInHours", 24_i64)
        .with("MagneticStoreRetentionPeriodInDays", reference("MagneticStoreDays"));
    let properties = Map::new().with("DatabaseName", policy::database()).with("TableName", table).with("RetentionProperties", retention);
    let resource = storage::retained("AWS::Timestream::Table", Some(MADE), properties);
    parts.resources.put_noted("readings far off the day before", "AnomalyTable", resource);
    parts.resource_if(CONDITION, "AnomalyTopic", "AWS::SNS::Topic", Map::new().with("DisplayName", "anomaly queries"));
    parts.resources.put("Anomalies", storage::retained("AWS::SQS::Queue", Some(CONDITION), ingest::queue()));
    let send = Map::new()
        .with("Sid", "FromTopic")
        .with("Effect", "Allow")
        .with("Principal", Map::new().with("Service", "sns.amazonaws.com"))
        .with("Action", ["sqs:SendMessage"])
        .with("Resource", [attribute("Anomalies", "Arn")]);
    let send = when(send, "ArnEquals", "aws:SourceArn", reference("AnomalyTopic"));
    let policy = Map::new().with("Queues", [reference("Anomalies")]).with("PolicyDocument", policy::document(vec![send.into()]));
    parts.resource_if(CONDITION, "AnomaliesPolicy", "AWS::SQS::QueuePolicy", policy);
    // Of all the runs, only those that wrote an anomaly.
    let some = Node::List(vec![Map::new().with("numeric", Node::List(vec![">".into(), 0_i64.into()])).into()]);
    let filter = Map::new().with("scheduledQueryRunSummary", Map::new().with("executionStats", Map::new().with("recordsIngested", some)));
    let subscription = Map::new()
        .with("TopicArn", reference("AnomalyTopic"))
        .with("Protocol", "sqs")
        .with("Endpoint", attribute("Anomalies", "Arn"))
        .with("FilterPolicyScope", "MessageBody")
        .with("FilterPolicy", filter);
    parts.resource_if(CONDITION, "AnomalySubscription", "AWS::SNS::Subscription", subscription);
    parts.output_if(CONDITION, "AnomalyTopicArn", "Hears of every run of the anomaly queries", reference("AnomalyTopic"));
}

/// The latest reading of each device, where it is far off the day before it; one SELECT a number.
fn sql(table: &Table, watched: &Watched) -> Result<Node, DynamicReference> {
    let mut dimensions = String::new();
    for dimension in &watched.dimensions {
        dimensions.push_str(&format!(", {}", identifier(yaml::foreign(dimension)?)));
    }
    let group = dimensions.trim_start_matches(", ").to_owned();
    let mut pieces = Vec::new();
    for (at, number) in watched.numbers.iter().take(NUMBERS_MAX).enumerate() {
        let column = format!("CAST({} AS double)", identifier(yaml::foreign(number)?));
        let union = if at == 0 { "" } else { "\nUNION ALL\n" };
        pieces.push(Piece::Literal(format!(
            "{union}SELECT max(time) AS found_at, {source} AS source_table, {measure} AS source_measure{dimensions},\n    \
             max_by({column}, time) AS latest, avg({column}) AS usual, stddev({column}) AS spread\n\
             FROM \"",
            source = literal(&table.name),
            measure = literal(number),
        )));
        pieces.push(Piece::Reference("DatabaseName".to_owned()));
        pieces.push(Piece::Literal(format!(
            "\".{table}\nWHERE measure_name = {measure_name} AND {number} IS NOT NULL\n    \
             AND time > @scheduled_runtime - 24h AND time <= @scheduled_runtime\n\
             GROUP BY {group}\n\
             HAVING stddev({column}) > 0 AND abs(max_by({column}, time) - avg({column})) > ",
            table = identifier(&table.name),
            measure_name = literal(yaml::foreign(&watched.measure_name)?),
            number = identifier(number),
        )));
        pieces.push(Piece::Reference("AnomalyDeviations".to_owned()));
        pieces.push(Piece::Literal(format!(" * stddev({column})")));
    }
    Ok(Node::Sub(pieces))
}

/// A name in SQL.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
