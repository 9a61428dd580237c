//! Datasets with a schedule, as scheduled queries.

use super::Parts;
use super::model::{DATABASE_PLACEHOLDER, Deployment, Query};
use super::policy::{self, allow};
use crate::record::MeasureKind;
use crate::stack::yaml::{self, DynamicReference, Map, Node, Piece, attribute, choose, reference};

const CONDITION: &str = "RunScheduledQueries";

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) -> Result<(), DynamicReference> {
    for query in &deployment.queries {
        let Some(target) = deployment.tables.get(query.writes) else { continue };
        let role = format!("{}Role", query.id);
        let scheduled = Scheduled {
            name: query.name.as_str().into(),
            sql: with_database(yaml::foreign(&query.sql)?),
            schedule: yaml::foreign(&query.schedule)?.into(),
            role: &role,
            topic: policy::alarm_topic(),
            prefix: yaml::foreign(&query.report_prefix)?,
            target: target_of(query, choose(target.condition(), attribute(&target.resource(), "Name"), target.name.as_str()))?,
        };
        let resource = Map::new()
            .with("Type", "AWS::Timestream::ScheduledQuery")
            .with("Condition", CONDITION)
            .with("Properties", scheduled.properties());
        parts.resources.put_noted(&format!("dataset {}", query.dataset), &format!("{}ScheduledQuery", query.id), resource);
        let sources = query.reads.iter().filter_map(|table| Some(policy::table_arn(deployment.tables.get(*table)?))).collect();
        let statements = statements(sources, policy::table_arn(target), policy::alarm_topic(), &query.report_prefix);
        parts.resource_if(CONDITION, &role, "AWS::IAM::Role", role_of(statements));
    }
    Ok(())
}

/// What every scheduled query is made of.
pub(super) struct Scheduled<'r> {
    pub(super) name: Node,
    pub(super) sql: Node,
    pub(super) schedule: Node,
    pub(super) role: &'r str,
    pub(super) topic: Node,
    /// Where reports of failed runs go, below the bucket of reports.
    pub(super) prefix: &'r str,
    pub(super) target: Map,
}

impl Scheduled<'_> {
    pub(super) fn properties(self) -> Map {
        let report = Map::new()
            .with("BucketName", policy::rejected_bucket())
            .with("ObjectKeyPrefix", self.prefix)
            .with("EncryptionOption", "SSE_S3");
        Map::new()
            .with("ScheduledQueryName", self.name)
            .with("QueryString", self.sql)
            .with("ScheduleConfiguration", Map::new().with("ScheduleExpression", self.schedule))
            .with("NotificationConfiguration", Map::new().with("SnsConfiguration", Map::new().with("TopicArn", self.topic)))
            .with("ScheduledQueryExecutionRoleArn", attribute(self.role, "Arn"))
            .with("ErrorReportConfiguration", Map::new().with("S3Configuration", report))
            .with("TargetConfiguration", Map::new().with("TimestreamConfiguration", self.target))
    }
}

/// A role that only scheduled queries of this account take on.
pub(super) fn role_of(statements: Vec<Node>) -> Map {
    let source = yaml::sub("arn:${AWS::Partition}:timestream:${AWS::Region}:${AWS::AccountId}:scheduled-query/*", &[]);
    policy::role("timestream.amazonaws.com", Some(source), "query", statements)
}

/// What a scheduled query may do: read its tables, write its own, say that it ran.
pub(super) fn statements(sources: Vec<Node>, target: Node, topic: Node, prefix: &str) -> Vec<Node> {
    let mut statements = vec![
        allow("ReadTables", &["timestream:Select"], sources).into(),
        // Neither knows a resource to be narrowed to.
        allow("ComputeAndDiscover", &["timestream:DescribeEndpoints", "timestream:SelectValues"], vec!["*".into()]).into(),
        allow("WriteResults", &["timestream:WriteRecords"], vec![target]).into(),
        allow("TellResults", &["sns:Publish"], vec![topic]).into(),
    ];
    statements.extend(policy::reports_written_below(prefix));
    statements
}

/// The SQL, with the database of the stack where the placeholder stands.
fn with_database(sql: &str) -> Node {
    let mut pieces = Vec::new();
    for (at, part) in sql.split(DATABASE_PLACEHOLDER).enumerate() {
        if at > 0 {
            pieces.push(Piece::Reference("DatabaseName".to_owned()));
        }
        if !part.is_empty() {
            pieces.push(Piece::Literal(part.to_owned()));
        }
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Reference(_))) { Node::Sub(pieces) } else { sql.into() }
}

fn target_of(query: &Query, table: Node) -> Result<Map, DynamicReference> {
    let mut dimensions = Vec::new();
    for dimension in &query.dimensions {
        dimensions.push(yaml::foreign(dimension)?);
    }
    let mut measures = Vec::new();
    for measure in &query.measures {
        measures.push((yaml::foreign(&measure.column)?, yaml::foreign(&measure.name)?, measure.kind));
    }
    Ok(target(table, yaml::foreign(&query.time_column)?, yaml::foreign(&query.measure_name)?, &dimensions, &measures))
}

/// Where results go, and which column becomes what.
pub(super) fn target(table: Node, time: &str, measure_name: &str, dimensions: &[&str], measures: &[(&str, &str, MeasureKind)]) -> Map {
    let dimensions: Vec<Map> = dimensions.iter().map(|name| Map::new().with("Name", *name).with("DimensionValueType", "VARCHAR")).collect();
    let measure = |(column, name, kind): &(&str, &str, MeasureKind)| {
        Map::new().with("SourceColumn", *column).with("TargetMultiMeasureAttributeName", *name).with("MeasureValueType", kind.name())
    };
    let measures: Vec<Map> = measures.iter().map(measure).collect();
    let mapping = Map::new().with("TargetMultiMeasureName", measure_name).with("MultiMeasureAttributeMappings", measures);
    Map::new()
        .with("DatabaseName", reference("DatabaseName"))
        .with("TableName", table)
        .with("TimeColumn", time)
        .with("DimensionMappings", dimensions)
        .with("MultiMeasureMappings", mapping)
}
