//! What wakes a person: failures, delay, refusals, and anomalies. Every alarm goes to one topic.

use super::Parts;
use super::model::Deployment;
use super::policy;
use crate::stack::yaml::{Map, Node, attribute, reference};

/// The namespace in which the functions count.
pub(crate) const NAMESPACE: &str = "iota2ts";

/// One alarm: a metric that must not rise above a threshold.
struct Alarm<'a> {
    id: String,
    says: String,
    namespace: &'static str,
    metric: &'static str,
    dimensions: Vec<(&'static str, Node)>,
    statistic: &'static str,
    threshold: i64,
    /// Periods of five minutes, all of them above.
    periods: i64,
    condition: Option<&'a str>,
}

pub(super) fn declare(parts: &mut Parts, deployment: &Deployment) {
    parts.resource_if("MakeAlarmTopic", "AlarmTopic", "AWS::SNS::Topic", Map::new().with("DisplayName", "live path alarms"));
    let email = Map::new().with("TopicArn", reference("AlarmTopic")).with("Protocol", "email").with("Endpoint", reference("AlarmEmail"));
    parts.resource_if("TellByEmail", "AlarmEmailSubscription", "AWS::SNS::Subscription", email);
    parts.output("AlarmTopicArn", "Where alarms go", policy::alarm_topic());
    for function in &deployment.functions {
        for alarm in of_function(&function.id, &function.folder) {
            alarm.declare(parts);
        }
    }
    for channel in &deployment.channels {
        of_channel(&channel.id).into_iter().for_each(|alarm| alarm.declare(parts));
    }
    for table in &deployment.tables {
        of_table(&table.id, &table.name).declare(parts);
    }
    if !deployment.rules.is_empty() {
        queue("RuleErrors", "RuleErrorsAlarm", "a topic rule could not put messages into its stream", "ApproximateNumberOfMessagesVisible", None)
            .declare(parts);
    }
    if deployment.tables.iter().any(|table| table.watched.is_some()) {
        let says = "an anomaly query found readings far off the day before";
        queue("Anomalies", "AnomaliesAlarm", says, "NumberOfMessagesSent", Some("WatchAnomalies")).declare(parts);
    }
}

fn of_function<'a>(id: &str, folder: &str) -> Vec<Alarm<'a>> {
    let function = || vec![("FunctionName", reference(&format!("{id}Function")))];
    let counted = || vec![("pipeline", Node::from(folder))];
    let alarm = |ending: &str, says: &str, metric, statistic, threshold, periods| Alarm {
        id: format!("{id}{ending}"),
        says: format!("{folder}: {says}"),
        namespace: "AWS/Lambda",
        metric,
        dimensions: function(),
        statistic,
        threshold,
        periods,
        condition: None,
    };
    let data = |ending: &str, says: &str, metric| Alarm {
        namespace: NAMESPACE,
        dimensions: counted(),
        ..alarm(ending, says, metric, "Sum", 0, 1)
    };
    vec![
        alarm("ErrorsAlarm", "the function fails", "Errors", "Sum", 0, 1),
        alarm("ThrottlesAlarm", "the function is throttled", "Throttles", "Sum", 0, 3),
        alarm("DelayAlarm", "messages wait more than 15 minutes", "IteratorAge", "Maximum", 900_000, 2),
        data("RefusedAlarm", "messages could not become records", "RecordsRefused"),
        data("RejectedAlarm", "Timestream rejected records", "RecordsRejected"),
        Alarm {
            id: format!("{id}DeadLettersAlarm"),
            says: format!("{folder}: dead letters wait for a person"),
            ..queue(&format!("{id}DeadLetters"), "", "", "ApproximateNumberOfMessagesVisible", None)
        },
    ]
}

fn of_channel<'a>(id: &str) -> Vec<Alarm<'a>> {
    let stream = Alarm {
        id: format!("{id}StreamAlarm"),
        says: "the stream takes no more messages: raise its shards".to_owned(),
        namespace: "AWS/Kinesis",
        metric: "WriteProvisionedThroughputExceeded",
        dimensions: vec![("StreamName", reference(&format!("{id}Stream")))],
        statistic: "Sum",
        threshold: 0,
        periods: 1,
        condition: None,
    };
    let archive = Alarm {
        id: format!("{id}ArchiveAlarm"),
        says: "the raw archive is more than an hour behind".to_owned(),
        namespace: "AWS/Firehose",
        metric: "DeliveryToS3.DataFreshness",
        dimensions: vec![("DeliveryStreamName", reference(&format!("{id}Archive")))],
        statistic: "Maximum",
        threshold: 3_600,
        periods: 1,
        condition: Some("ArchiveRaw"),
    };
    vec![stream, archive]
}

fn of_table<'a>(id: &str, table: &str) -> Alarm<'a> {
    Alarm {
        id: format!("{id}LateAlarm"),
        says: format!("table {table}: rows were refused after the fact; the reports in the bucket say which"),
        namespace: "AWS/Timestream",
        metric: "MagneticStoreRejectedRecordCount",
        dimensions: vec![("DatabaseName", reference("DatabaseName")), ("TableName", table.into())],
        statistic: "Sum",
        threshold: 0,
        periods: 1,
        condition: None,
    }
}

fn queue<'a>(queue: &str, id: &str, says: &str, metric: &'static str, condition: Option<&'a str>) -> Alarm<'a> {
    Alarm {
        id: id.to_owned(),
        says: says.to_owned(),
        namespace: "AWS/SQS",
        metric,
        dimensions: vec![("QueueName", attribute(queue, "QueueName"))],
        statistic: "Maximum",
        threshold: 0,
        periods: 1,
        condition,
    }
}

impl Alarm<'_> {
    fn declare(self, parts: &mut Parts) {
        let dimensions: Vec<Map> =
            self.dimensions.into_iter().map(|(name, value)| Map::new().with("Name", name).with("Value", value)).collect();
        let properties = Map::new()
            .with("AlarmDescription", self.says)
            .with("Namespace", self.namespace)
            .with("MetricName", self.metric)
            .with("Dimensions", dimensions)
            .with("Statistic", self.statistic)
            .with("Period", 300_i64)
            .with("EvaluationPeriods", self.periods)
            .with("Threshold", self.threshold)
            .with("ComparisonOperator", "GreaterThanThreshold")
            .with("TreatMissingData", "notBreaching")
            .with("AlarmActions", [policy::alarm_topic()]);
        match self.condition {
            Some(condition) => parts.resource_if(condition, &self.id, "AWS::CloudWatch::Alarm", properties),
            None => parts.resource(&self.id, "AWS::CloudWatch::Alarm", properties),
        }
    }
}
