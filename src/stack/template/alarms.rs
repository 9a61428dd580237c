//! What wakes a person: failures, delay, refusals, and anomalies. Every alarm goes to one topic.

use super::Parts;
use super::model::{Deployment, Function, Table};
use super::policy;
use crate::stack::yaml::{self, DynamicReference, Map, Node, attribute, reference};

/// One alarm: a sum of metrics that must not rise above a threshold.
struct Alarm<'a> {
    id: String,
    says: String,
    namespace: Node,
    /// More than one are added up.
    metrics: &'a [&'static str],
    dimensions: Vec<(&'static str, Node)>,
    statistic: &'static str,
    threshold: i64,
    /// Periods of five minutes, all of them above.
    periods: i64,
    condition: Option<&'static str>,
}

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) -> Result<(), DynamicReference> {
    parts.resource_if("MakeAlarmTopic", "AlarmTopic", "AWS::SNS::Topic", Map::new().with("DisplayName", "live path alarms"));
    let email = Map::new().with("TopicArn", reference("AlarmTopic")).with("Protocol", "email").with("Endpoint", reference("AlarmEmail"));
    parts.resource_if("TellByEmail", "AlarmEmailSubscription", "AWS::SNS::Subscription", email);
    parts.output("AlarmTopicArn", "Where alarms go", policy::alarm_topic());
    for function in &deployment.functions {
        of_function(function)?.into_iter().for_each(|alarm| alarm.declare(parts));
    }
    for channel in &deployment.channels {
        of_channel(&channel.id).into_iter().for_each(|alarm| alarm.declare(parts));
    }
    for table in &deployment.tables {
        of_table(table).declare(parts);
    }
    if !deployment.rules.is_empty() {
        depth("RuleErrors", "RuleErrorsAlarm", "a topic rule could not put messages into its stream").declare(parts);
    }
    if deployment.tables.iter().any(|table| !table.watched.is_empty()) {
        let says = "an anomaly query found readings far off the day before";
        let found = depth("Anomalies", "AnomaliesAlarm", says);
        Alarm { metrics: &["NumberOfMessagesSent"], statistic: "Sum", condition: Some("WatchAnomalies"), ..found }.declare(parts);
    }
    Ok(())
}

fn of_function(function: &Function) -> Result<Vec<Alarm<'static>>, DynamicReference> {
    let (id, name) = (&function.id, yaml::foreign(&function.pipeline)?);
    let alarm = |ending: &str, says: &str, metrics, statistic, threshold, periods| Alarm {
        id: format!("{id}{ending}"),
        says: format!("{}: {says}", function.folder),
        namespace: "AWS/Lambda".into(),
        metrics,
        dimensions: vec![("FunctionName", reference(&format!("{id}Function")))],
        statistic,
        threshold,
        periods,
        condition: None,
    };
    // What the function counts itself.
    let counted = |ending: &str, says: &str, metrics| Alarm {
        namespace: reference("MetricsNamespace"),
        dimensions: vec![("Pipeline", name.into())],
        ..alarm(ending, says, metrics, "Sum", 0, 1)
    };
    Ok(vec![
        alarm("ErrorsAlarm", "the function fails", &["Errors"], "Sum", 0, 1),
        alarm("ThrottlesAlarm", "the function is throttled", &["Throttles"], "Sum", 0, 3),
        alarm("DelayAlarm", "messages wait more than 15 minutes", &["IteratorAge"], "Maximum", 900_000, 2),
        counted("RefusedAlarm", "messages could not become records", &["Undecodable", "Refused", "Collisions"]),
        counted("RejectedAlarm", "Timestream rejected records", &["Rejected"]),
        counted("LateAlarm", "records were older than the tables take", &["Late"]),
        counted("PressureAlarm", "Timestream throttles the writes", &["Throttles"]),
        depth(
            &format!("{id}DeadLetters"),
            &format!("{id}DeadLettersAlarm"),
            &format!("{}: dead letters wait for a person", function.folder),
        ),
    ])
}

fn of_channel(id: &str) -> [Alarm<'static>; 2] {
    let stream = Alarm {
        id: format!("{id}StreamAlarm"),
        says: "the stream takes no more messages: raise its shards".to_owned(),
        namespace: "AWS/Kinesis".into(),
        metrics: &["WriteProvisionedThroughputExceeded"],
        dimensions: vec![("StreamName", reference(&format!("{id}Stream")))],
        statistic: "Sum",
        threshold: 0,
        periods: 1,
        condition: None,
    };
    let archive = Alarm {
        id: format!("{id}ArchiveAlarm"),
        says: "the raw archive is more than an hour behind".to_owned(),
        namespace: "AWS/Firehose".into(),
        metrics: &["DeliveryToS3.DataFreshness"],
        dimensions: vec![("DeliveryStreamName", reference(&format!("{id}Archive")))],
        statistic: "Maximum",
        threshold: 3_600,
        periods: 1,
        condition: Some("ArchiveRaw"),
    };
    [stream, archive]
}

fn of_table(table: &Table) -> Alarm<'static> {
    Alarm {
        id: format!("{}RefusedAlarm", table.id),
        says: format!("table {}: rows were refused after the fact; the reports in the bucket say which", table.name),
        namespace: "AWS/Timestream".into(),
        metrics: &["MagneticStoreRejectedRecordCount"],
        dimensions: vec![("DatabaseName", reference("DatabaseName")), ("TableName", table.name.as_str().into())],
        statistic: "Sum",
        threshold: 0,
        periods: 1,
        condition: table.results.then_some("RunScheduledQueries"),
    }
}

/// Messages lie in a queue that ought to be empty.
fn depth(queue: &str, id: &str, says: &str) -> Alarm<'static> {
    Alarm {
        id: id.to_owned(),
        says: says.to_owned(),
        namespace: "AWS/SQS".into(),
        metrics: &["ApproximateNumberOfMessagesVisible"],
        dimensions: vec![("QueueName", attribute(queue, "QueueName"))],
        statistic: "Maximum",
        threshold: 0,
        periods: 1,
        condition: None,
    }
}

impl Alarm<'_> {
    fn declare(self, parts: &mut Parts) {
        let dimensions: Vec<Map> =
            self.dimensions.into_iter().map(|(name, value)| Map::new().with("Name", name).with("Value", value)).collect();
        let metric = |name: &str| {
            Map::new().with("Namespace", self.namespace.clone()).with("MetricName", name).with("Dimensions", dimensions.clone())
        };
        let mut properties = match self.metrics {
            [one] => metric(one).with("Statistic", self.statistic).with("Period", 300_i64),
            several => Map::new().with("Metrics", added(several, metric, self.statistic)),
        };
        properties.put("AlarmDescription", self.says);
        properties.put("EvaluationPeriods", self.periods);
        properties.put("Threshold", self.threshold);
        properties.put("ComparisonOperator", "GreaterThanThreshold");
        properties.put("TreatMissingData", "notBreaching");
        properties.put("AlarmActions", [policy::alarm_topic()]);
        match self.condition {
            Some(condition) => parts.resource_if(condition, &self.id, "AWS::CloudWatch::Alarm", properties),
            None => parts.resource(&self.id, "AWS::CloudWatch::Alarm", properties),
        }
    }
}

/// The metrics of one alarm, and their sum, which it looks at.
fn added(names: &[&str], metric: impl Fn(&str) -> Map, statistic: &str) -> Vec<Map> {
    let mut metrics = Vec::new();
    let mut ids = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let id = format!("m{}", at + 1);
        let statistic = Map::new().with("Metric", metric(name)).with("Period", 300_i64).with("Stat", statistic);
        metrics.push(Map::new().with("Id", id.as_str()).with("MetricStat", statistic).with("ReturnData", false));
        ids.push(format!("FILL({id},0)"));
    }
    metrics.push(Map::new().with("Id", "total").with("Expression", ids.join("+")).with("ReturnData", true));
    metrics
}
