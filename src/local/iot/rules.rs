//! Topic rules: kept and handed out.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::Turn;
use super::route::Query;
use super::store::Rule;
use crate::local::ACCOUNT;
use crate::local::constraints::Violations;
use crate::local::exception::Exception;
use crate::local::timestream::epoch_seconds;

/// Rules of a page, at most, and where a request does not say.
const PAGE_MAX: usize = 10_000;
const PAGE: usize = 100;
/// What a payload without a version is read as.
const SQL_VERSION: &str = "2015-10-08";

/// The actions of a rule, each with the members that it must have. One per action.
const ACTIONS: [(&str, &[&str]); 24] = [
    ("cloudwatchAlarm", &["roleArn", "alarmName", "stateReason", "stateValue"]),
    ("cloudwatchLogs", &["roleArn", "logGroupName"]),
    ("cloudwatchMetric", &["roleArn", "metricNamespace", "metricName", "metricValue", "metricUnit"]),
    ("dynamoDB", &["tableName", "roleArn", "hashKeyField", "hashKeyValue"]),
    ("dynamoDBv2", &["roleArn", "putItem"]),
    ("elasticsearch", &["roleArn", "endpoint", "index", "type", "id"]),
    ("firehose", &["roleArn", "deliveryStreamName"]),
    ("http", &["url"]),
    ("influxDB", &["destinationArn", "roleArn", "databaseName", "tableName"]),
    // The API asks for no roleArn here; without one the old service could not have delivered.
    ("iotAnalytics", &[]),
    ("iotEvents", &["inputName", "roleArn"]),
    ("iotSiteWise", &["putAssetPropertyValueEntries", "roleArn"]),
    ("kafka", &["destinationArn", "topic", "clientProperties"]),
    ("kinesis", &["roleArn", "streamName"]),
    ("lambda", &["functionArn"]),
    ("location", &["roleArn", "trackerName", "deviceId", "latitude", "longitude"]),
    ("openSearch", &["roleArn", "endpoint", "index", "type", "id"]),
    ("republish", &["roleArn", "topic"]),
    ("s3", &["roleArn", "bucketName", "key"]),
    ("salesforce", &["token", "url"]),
    ("sns", &["targetArn", "roleArn"]),
    ("sqs", &["roleArn", "queueUrl"]),
    ("stepFunctions", &["stateMachineName", "roleArn"]),
    ("timestream", &["roleArn", "databaseName", "tableName", "dimensions"]),
];
const ACTIONS_MAX: usize = 10;

impl Turn<'_> {
    pub(super) fn create_rule(&mut self, name: &str, body: &[u8]) -> Result<Value, Exception> {
        let payload = payload(name, body)?;
        if self.store.rule(name)?.is_some() {
            return Err(Exception::exists(format!("Rule already exists with name: {name}"), name, self.rule_arn(name)));
        }
        self.keep(name, payload, self.now)
    }

    pub(super) fn replace_rule(&mut self, name: &str, body: &[u8]) -> Result<Value, Exception> {
        let payload = payload(name, body)?;
        let rule = self.rule(name)?;
        self.keep(name, payload, rule.created)
    }

    fn keep(&self, name: &str, payload: Map<String, Value>, created: crate::time::Nanos) -> Result<Value, Exception> {
        let disabled = payload.get("ruleDisabled").and_then(Value::as_bool).unwrap_or(false);
        self.store.put_rule(&Rule { name: name.to_owned(), payload: Value::Object(payload), disabled, created })?;
        Ok(Value::Null)
    }

    pub(super) fn switch_rule(&mut self, name: &str, disabled: bool) -> Result<Value, Exception> {
        let rule = Rule { disabled, ..self.rule(name)? };
        self.store.put_rule(&rule)?;
        Ok(Value::Null)
    }

    pub(super) fn delete_rule(&mut self, name: &str) -> Result<Value, Exception> {
        if self.store.delete_rule(name)? { Ok(Value::Null) } else { Err(denied(name)) }
    }

    pub(super) fn get_rule(&mut self, name: &str) -> Result<Value, Exception> {
        let rule = self.rule(name)?;
        let mut shown = Map::new();
        shown.insert("ruleName".to_owned(), name.into());
        shown.extend(rule.payload.as_object().cloned().unwrap_or_default());
        shown.insert("createdAt".to_owned(), epoch_seconds(rule.created));
        shown.insert("ruleDisabled".to_owned(), rule.disabled.into());
        shown.entry("awsIotSqlVersion").or_insert_with(|| SQL_VERSION.into());
        Ok(json!({ "ruleArn": self.rule_arn(name), "rule": shown }))
    }

    pub(super) fn list_rules(&mut self, query: &Query) -> Result<Value, Exception> {
        let limit = page_size(query, "maxResults", PAGE_MAX)?.unwrap_or(PAGE);
        let (after, topic, disabled) = (query.text("nextToken"), query.text("topic"), query.text("ruleDisabled"));
        let asked_for = |rule: &Rule| {
            after.is_none_or(|after| rule.name.as_str() > after)
                && topic.is_none_or(|topic| matches(topic_pattern(&rule.payload), topic))
                && disabled.is_none_or(|disabled| rule.disabled == disabled.eq_ignore_ascii_case("true"))
        };
        let mut rules: Vec<Rule> = self.store.rules()?.into_iter().filter(asked_for).collect();
        let more = rules.len() > limit;
        rules.truncate(limit);
        let shown = |rule: &Rule| {
            json!({
                "ruleArn": self.rule_arn(&rule.name),
                "ruleName": rule.name,
                "topicPattern": topic_pattern(&rule.payload),
                "createdAt": epoch_seconds(rule.created),
                "ruleDisabled": rule.disabled,
            })
        };
        let mut answer = json!({ "rules": rules.iter().map(shown).collect::<Vec<Value>>() });
        if let (true, Some(last)) = (more, rules.last()) {
            answer["nextToken"] = last.name.as_str().into();
        }
        Ok(answer)
    }

    fn rule(&self, name: &str) -> Result<Rule, Exception> {
        self.store.rule(name)?.ok_or_else(|| denied(name))
    }

    fn rule_arn(&self, name: &str) -> String {
        format!("arn:aws:iot:{}:{ACCOUNT}:rule/{name}", self.region)
    }
}

/// What the service says of a rule that is not there: it does not tell it from one that the caller may not see.
fn denied(name: &str) -> Exception {
    Exception::new(StatusCode::UNAUTHORIZED, "UnauthorizedException", format!("Access to topic rule '{name}' was denied"))
}

/// The payload of a request, held against the model.
fn payload(name: &str, body: &[u8]) -> Result<Map<String, Value>, Exception> {
    let payload: Map<String, Value> = serde_json::from_slice(body).map_err(Exception::unreadable)?;
    let mut violations = Violations::default();
    let fits = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    violations.pattern("ruleName", Some(name), "^[a-zA-Z0-9_]+$", fits);
    violations.length("ruleName", Some(name), 1, 128);
    let sql = payload.get("sql").filter(|sql| sql.is_string());
    violations.required("topicRulePayload.sql", sql);
    let actions = payload.get("actions").and_then(Value::as_array);
    violations.required("topicRulePayload.actions", actions);
    violations.items("topicRulePayload.actions", actions, 0, ACTIONS_MAX);
    for (at, action) in actions.into_iter().flatten().enumerate() {
        check_action(&mut violations, &format!("topicRulePayload.actions.{}.member", at + 1), action)?;
    }
    if let Some(action) = payload.get("errorAction").filter(|action| !action.is_null()) {
        check_action(&mut violations, "topicRulePayload.errorAction", action)?;
    }
    if let Some(message) = violations.message() {
        return Err(Exception::invalid_request(message));
    }
    let sql = sql.and_then(Value::as_str).unwrap_or_default().trim_start();
    let begins = sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    if !begins || !sql[6..].starts_with(|c: char| c.is_whitespace() || c == '*') || sql[6..].trim().is_empty() {
        return Err(Exception::refused("SqlParseException", "Expected SELECT and what is selected at the beginning of the SQL statement."));
    }
    Ok(payload)
}

fn check_action(violations: &mut Violations, path: &str, action: &Value) -> Result<(), Exception> {
    let given: Vec<(&String, &Value)> = action.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).collect();
    let [(kind, members)] = given.as_slice() else {
        return Err(Exception::invalid_request(format!("Exactly one action must be given at '{path}', found {}.", given.len())));
    };
    let Some((_, required)) = ACTIONS.iter().find(|(name, _)| name == kind) else {
        return Err(Exception::invalid_request(format!("'{}' at '{path}' is no action of a topic rule.", kind.escape_debug())));
    };
    for name in *required {
        violations.required(format_args!("{path}.{kind}.{name}"), members.get(name).filter(|value| !value.is_null()));
    }
    Ok(())
}

/// The topic filter behind FROM, or nothing. The guide writes it in single quotes; double ones are taken as well.
fn topic_pattern(payload: &Value) -> &str {
    let sql = payload.get("sql").and_then(Value::as_str).unwrap_or_default();
    let upper = sql.to_ascii_uppercase();
    let found = upper.match_indices("FROM").find_map(|(at, _)| {
        let rest = sql.get(at + 4..)?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        rest.get(1..)?.split(quote).next()
    });
    found.unwrap_or_default()
}

/// Whether a topic filter takes a topic, or is it.
fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for part in filter.split('/') {
        match (part, levels.next()) {
            ("#", Some(_)) => return true,
            ("+", Some(_)) => {}
            (part, Some(level)) if part == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// A number of items in a query.
pub(super) fn page_size(query: &Query, name: &str, most: usize) -> Result<Option<usize>, Exception> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let number = text.parse::<i64>().map_err(|_| Exception::invalid_request(format!("{name} must be a whole number")))?;
    let mut violations = Violations::default();
    violations.range(name, Some(number), 1, i64::try_from(most).unwrap_or(i64::MAX));
    violations.message().map_or(Ok(usize::try_from(number).ok()), |message| Err(Exception::invalid_request(message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_filter_stands_behind_from_in_quotes() {
        let pattern = |sql: &str| topic_pattern(&json!({ "sql": sql })).to_owned();
        assert_eq!(pattern("SELECT * FROM 'plant/+/machines' WHERE x = 'FROM'"), "plant/+/machines");
        assert_eq!(pattern("select temp as fromage from \"topic/sensor/data\""), "topic/sensor/data");
        assert_eq!(pattern("SELECT 1"), "");
    }

    #[test]
    fn filters_take_topics_as_mqtt_does() {
        for (filter, topic, taken) in [
            ("a/+", "a/b", true),
            ("a/+", "a/b/c", false),
            ("a/#", "a/b/c", true),
            ("a", "a", true),
            ("a", "b", false),
            ("a/b", "a", false),
        ] {
            assert_eq!(matches(filter, topic), taken, "{filter} {topic}");
        }
    }
}
