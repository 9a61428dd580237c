//! Whether a pipeline can be a topic rule and nothing else, with the `timestream` action.
//!
//! Only where its steps mean the same in rule SQL: filters become WHERE, copies, selections and math the SELECT list. What the
//! action itself does otherwise than the function is stated, always.

use std::collections::BTreeMap;

use crate::expression::{Binary, DivisionByZero, Expression, IntegerDivision, NullExistenceCheck, Operator, UndefinedMath, to_iot_sql};
use crate::inventory::{TopicRule, shown};
use crate::mapping::{MissingDimension, TableMapping};
use crate::path::{ColumnPath, Segment};
use crate::record::MeasureKind;
use crate::time::TimeFormat;
use crate::transform::{Action, Copy, TransformSpec};

use super::rule;

/// Facts: the action writes no more values of one message.
const VALUES_MAX: usize = 100;
/// `10.0` stays a number with a point here; in the later version it becomes `10`, a BIGINT (facts: the timestream action).
const KEEPS_POINT: &str = "2015-10-08";

/// A pipeline as a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleOnly {
    pub(crate) sql: String,
    pub(crate) sql_version: String,
    /// Name and template of each.
    pub(crate) dimensions: Vec<(String, String)>,
    pub(crate) time: String,
    pub(crate) time_unit: &'static str,
    /// Where it is not what the function does.
    pub(crate) differences: Vec<String>,
}

/// Makes it, or says why it cannot be.
pub(crate) fn make(spec: &TransformSpec, mappings: &[&TableMapping], rules: &[&TopicRule]) -> Result<RuleOnly, String> {
    let [mapping] = mappings else { return Err("its messages go to several tables by what they hold".to_owned()) };
    let old = match rules {
        [] => return Err("no rule feeds its channel".to_owned()),
        [old] => *old,
        _ => return Err("several rules feed its channel".to_owned()),
    };
    if mapping.route.is_some() {
        return Err("its messages go to several tables by what they hold".to_owned());
    }
    if old.channels.iter().any(|fed| fed.batch_mode) {
        return Err("the rule is in batch mode".to_owned());
    }
    let Some(topic) = rule::whole_topic(&old.sql) else {
        return Err("the old rule's SQL does more than `SELECT *`, and two queries are not merged".to_owned());
    };
    let mut message = Message { whole: true, values: BTreeMap::new(), conditions: Vec::new() };
    for step in &spec.steps {
        message.take(&step.action, spec).map_err(|why| format!("the activity {} {why}", shown(&step.activity)))?;
    }
    let (time, time_unit) = time(&message, mapping)?;
    let dimensions = dimensions(&message, mapping)?;
    let measures = measures(&message, mapping)?;
    let with_point = mapping.measures.iter().any(|measure| measure.kind == MeasureKind::Double);
    let sql_version = if with_point { KEEPS_POINT } else { old.sql_version.as_str() };
    let mut sql = format!("SELECT {} FROM '{topic}'", measures.join(", "));
    if !message.conditions.is_empty() {
        let all: Vec<Expression> = message.conditions.clone();
        let condition = all.into_iter().reduce(|left, right| Expression::Binary(Box::new(Binary { operator: Operator::And, left, right })));
        sql.push_str(&format!(" WHERE {}", condition.as_ref().map(to_iot_sql).unwrap_or_default()));
    }
    if with_point && sql.contains('.') && message.reaches_below(mapping) {
        return Err(
            "it reaches into nested objects, which needs SQL version 2016-03-23, and there a DOUBLE of `10.0` becomes the BIGINT `10`"
                .to_owned(),
        );
    }
    Ok(RuleOnly { sql, sql_version: sql_version.to_owned(), dimensions, time, time_unit, differences: differences(mapping, old) })
}

/// Where a value of the message comes from, after some steps.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Payload(ColumnPath),
    Computed(Expression),
    Gone,
}

/// What a message holds after some steps.
struct Message {
    /// Whether attributes that no step has touched are still there.
    whole: bool,
    values: BTreeMap<String, Origin>,
    conditions: Vec<Expression>,
}

impl Message {
    fn take(&mut self, action: &Action, spec: &TransformSpec) -> Result<(), String> {
        match action {
            Action::AddAttributes { copies } => self.add(copies),
            Action::SelectAttributes { selections } => self.select(selections),
            Action::RemoveAttributes { paths } => self.remove(paths),
            Action::Filter { expression, .. } => {
                if !is_condition(expression) {
                    return Err("filters by a value that is not a comparison".to_owned());
                }
                let condition = self.rewritten(expression, spec)?;
                self.conditions.push(condition);
                Ok(())
            }
            Action::Math { attribute, expression, .. } => self.compute(attribute, expression, spec),
            Action::DeviceRegistryEnrich { .. } | Action::DeviceShadowEnrich { .. } => {
                Err("asks for a thing: rules can, under another role and at the cost of an action, and that is not the same".to_owned())
            }
            Action::Lambda { .. } => Err("calls a function in batches, which a rule does not".to_owned()),
            Action::Unsupported { .. } => Err("is not translated".to_owned()),
        }
    }

    fn add(&mut self, copies: &[Copy]) -> Result<(), String> {
        let mut added = Vec::new();
        for copy in copies {
            if self.values.contains_key(&copy.to) || added.iter().any(|(to, _)| *to == copy.to) {
                return Err("copies to a name that is taken".to_owned());
            }
            added.push((copy.to.clone(), self.origin(&copy.from)?));
        }
        self.values.extend(added);
        Ok(())
    }

    fn select(&mut self, selections: &[Copy]) -> Result<(), String> {
        let mut values = BTreeMap::new();
        for selection in selections {
            if values.insert(selection.to.clone(), self.origin(&selection.from)?).is_some() {
                return Err("selects two values under one name".to_owned());
            }
        }
        self.values = values;
        self.whole = false;
        Ok(())
    }

    fn remove(&mut self, paths: &[ColumnPath]) -> Result<(), String> {
        for path in paths {
            match path.segments() {
                [Segment::Name(name)] => self.values.insert(name.clone(), Origin::Gone),
                _ => return Err("removes below the root, which rule SQL cannot say".to_owned()),
            };
        }
        Ok(())
    }

    fn compute(&mut self, attribute: &str, expression: &Expression, spec: &TransformSpec) -> Result<(), String> {
        if spec.switches.expressions.undefined_math == UndefinedMath::DropMessage {
            return Err("drops a message when its expression has no value, which rule SQL cannot say".to_owned());
        }
        let mut reads = Vec::new();
        attributes(expression, &mut reads);
        if self.values.contains_key(attribute) || reads.iter().any(|names| names.first().is_some_and(|root| root == attribute)) {
            return Err(
                "writes an attribute that is there already: where it has no value, the old one stays, and a rule would leave it out"
                    .to_owned(),
            );
        }
        let computed = self.rewritten(expression, spec)?;
        self.values.insert(attribute.to_owned(), Origin::Computed(computed));
        Ok(())
    }

    /// Where `path` comes from now.
    fn origin(&self, path: &ColumnPath) -> Result<Origin, String> {
        let Some(Segment::Name(root)) = path.segments().first() else { return Err("reads a path without a name".to_owned()) };
        match self.values.get(root) {
            None if self.whole => Ok(Origin::Payload(path.clone())),
            None => Ok(Origin::Gone),
            Some(Origin::Payload(from)) => {
                let below = path.segments().iter().skip(1).try_fold(from.clone(), |from, segment| match segment {
                    Segment::Name(name) => Ok(from.child(name)),
                    Segment::Index(_) => Err("reads an element of an array".to_owned()),
                });
                Ok(Origin::Payload(below?))
            }
            Some(Origin::Computed(_)) if path.segments().len() > 1 => Ok(Origin::Gone),
            Some(origin) => Ok(origin.clone()),
        }
    }

    /// `expression` in terms of the payload.
    fn rewritten(&self, expression: &Expression, spec: &TransformSpec) -> Result<Expression, String> {
        let switches = &spec.switches.expressions;
        Ok(match expression {
            Expression::Attribute(names) => {
                let mut names = names.iter();
                let Some(root) = names.next() else { return Err("reads a path without a name".to_owned()) };
                let path = names.fold(ColumnPath::top(root), |path, name| path.child(name));
                match self.origin(&path)? {
                    Origin::Payload(path) => Expression::Attribute(plain_names(&path)?),
                    Origin::Computed(computed) => computed,
                    Origin::Gone => return Err(format!("reads {}, which is not there any more", shown(&path.to_string()))),
                }
            }
            Expression::Not(inner) => Expression::Not(Box::new(self.rewritten(inner, spec)?)),
            Expression::Binary(binary) => {
                if binary.operator == Operator::Divide && switches.integer_division != IntegerDivision::default() {
                    return Err("divides whole numbers as decimals, by the switch integer_division".to_owned());
                }
                let left = self.rewritten(&binary.left, spec)?;
                let right = self.rewritten(&binary.right, spec)?;
                Expression::Binary(Box::new(Binary { operator: binary.operator, left, right }))
            }
            Expression::Call { function, arguments } => {
                let arguments = arguments.iter().map(|argument| self.rewritten(argument, spec)).collect::<Result<_, _>>()?;
                Expression::Call { function: *function, arguments }
            }
            Expression::Null if switches.null_existence_check != NullExistenceCheck::default() => {
                return Err("checks for existence, by the switch null_existence_check".to_owned());
            }
            _ if switches.division_by_zero != DivisionByZero::default() => {
                return Err("drops a message that divides by zero, by the switch division_by_zero".to_owned());
            }
            constant => constant.clone(),
        })
    }

    /// Whether anything that the rule needs stands below the root of the payload.
    fn reaches_below(&self, mapping: &TableMapping) -> bool {
        let deep = |origin: &Origin| match origin {
            Origin::Payload(path) => path.segments().len() > 1,
            Origin::Computed(expression) => reads_below(expression),
            Origin::Gone => false,
        };
        let measured = mapping.measures.iter().filter_map(|measure| self.origin(&measure.column).ok());
        measured.into_iter().any(|origin| deep(&origin)) || self.conditions.iter().any(reads_below)
    }
}

fn reads_below(expression: &Expression) -> bool {
    let mut reads = Vec::new();
    attributes(expression, &mut reads);
    reads.iter().any(|names| names.len() > 1)
}

fn attributes<'e>(expression: &'e Expression, found: &mut Vec<&'e Vec<String>>) {
    match expression {
        Expression::Attribute(names) => found.push(names),
        Expression::Not(inner) => attributes(inner, found),
        Expression::Binary(binary) => {
            attributes(&binary.left, found);
            attributes(&binary.right, found);
        }
        Expression::Call { arguments, .. } => arguments.iter().for_each(|argument| attributes(argument, found)),
        Expression::Number(_) | Expression::Text(_) | Expression::Boolean(_) | Expression::Null => {}
    }
}

/// A comparison, or comparisons joined: what is true or false and never a text that reads so.
fn is_condition(expression: &Expression) -> bool {
    match expression {
        Expression::Not(inner) => is_condition(inner),
        Expression::Binary(binary) => match binary.operator {
            Operator::And | Operator::Or => is_condition(&binary.left) && is_condition(&binary.right),
            operator => operator.is_comparison(),
        },
        _ => false,
    }
}

fn plain_names(path: &ColumnPath) -> Result<Vec<String>, String> {
    match rule::attribute(path) {
        Some(attribute) => Ok(attribute.split('.').map(str::to_owned).collect()),
        None => Err(format!("reads {}, which rule SQL cannot name", shown(&path.to_string()))),
    }
}

/// The template of a value that stands in the payload.
fn template(message: &Message, column: &ColumnPath, what: &str) -> Result<String, String> {
    match message.origin(column)? {
        Origin::Payload(path) => match rule::attribute(&path) {
            Some(attribute) => Ok(format!("${{{attribute}}}")),
            None => Err(format!("{what} {} has a name that rule SQL cannot write", shown(&path.to_string()))),
        },
        Origin::Computed(_) => Err(format!("{what} is computed, and templates see only the payload")),
        Origin::Gone => Err(format!("{what} is not in the message that the pipeline ends with")),
    }
}

fn time(message: &Message, mapping: &TableMapping) -> Result<(String, &'static str), String> {
    let unit = match mapping.time.format {
        TimeFormat::EpochSeconds => "SECONDS",
        TimeFormat::EpochMillis => "MILLISECONDS",
        TimeFormat::EpochMicros => "MICROSECONDS",
        TimeFormat::EpochNanos => "NANOSECONDS",
        TimeFormat::Iso8601 | TimeFormat::Athena | TimeFormat::Java(_) => {
            return Err("its time is a text, and the action takes a number".to_owned());
        }
    };
    Ok((template(message, &mapping.time.column, "the time")?, unit))
}

fn dimensions(message: &Message, mapping: &TableMapping) -> Result<Vec<(String, String)>, String> {
    let of =
        |dimension: &crate::mapping::DimensionRule| Ok((dimension.name.to_string(), template(message, &dimension.column, "a dimension")?));
    mapping.dimensions.iter().map(of).collect()
}

/// The SELECT list: the measures and nothing else, as everything in it becomes a measure.
fn measures(message: &Message, mapping: &TableMapping) -> Result<Vec<String>, String> {
    if mapping.measures.len() > VALUES_MAX {
        return Err(format!("it has {} measures, and the action writes {VALUES_MAX} values of a message", mapping.measures.len()));
    }
    let with_point = mapping.measures.iter().any(|measure| measure.kind == MeasureKind::Double);
    let mut list = Vec::new();
    for measure in &mapping.measures {
        let name = shown(&measure.name);
        if rule::attribute(&ColumnPath::top(&measure.name)).is_none() {
            return Err(format!("the measure {name} has a name that rule SQL cannot write"));
        }
        if measure.kind == MeasureKind::Timestamp {
            return Err(format!("the measure {name} is a TIMESTAMP, which exists in multi-measure records only"));
        }
        let value = match message.origin(&measure.column)? {
            Origin::Payload(path) => plain_names(&path).map_err(|why| format!("the measure {name} {why}"))?.join("."),
            Origin::Computed(_) if measure.kind == MeasureKind::Bigint && with_point => {
                return Err(format!("the measure {name} is a computed BIGINT beside DOUBLEs, and no SQL version writes both"));
            }
            Origin::Computed(expression) => to_iot_sql(&expression),
            Origin::Gone => return Err(format!("the measure {name} is not in the message that the pipeline ends with")),
        };
        list.push(format!("{value} AS {}", measure.name));
    }
    if list.is_empty() { Err("no measure is mapped".to_owned()) } else { Ok(list) }
}

fn differences(mapping: &TableMapping, old: &TopicRule) -> Vec<String> {
    let mut differences = vec![
        "every measure becomes a record of its own: not the records of the backfill, so they go to a table of their own and cost more"
            .to_owned(),
        "records carry no version, so a value that came twice for one time is refused, not replaced".to_owned(),
        "nothing is checked first and nothing is counted by cause: what Timestream refuses goes to the error queue as a whole message"
            .to_owned(),
        format!("a message may have {VALUES_MAX} values at the most; objects and arrays become JSON text"),
        "the time must be a whole number; a fraction or a text fails".to_owned(),
    ];
    if mapping.measures.iter().any(|measure| measure.kind == MeasureKind::Double) {
        differences.push(
            "a number is a DOUBLE only when it is written with a point: a device that sends 10 for 10.0 has that value refused".to_owned(),
        );
        if old.sql_version != KEEPS_POINT {
            differences.push(format!(
                "the rule runs under SQL version {KEEPS_POINT}, not {}: the later one turns 10.0 into the BIGINT 10, whatever is cast",
                shown(&old.sql_version)
            ));
        }
    }
    if mapping.policies.missing_dimension != MissingDimension::Quarantine {
        differences.push("a message that lacks a dimension fails as a whole".to_owned());
    }
    differences
}

#[cfg(test)]
mod tests;
