//! What a scheduled query needs besides its text: a time column, dimensions, typed measures, a table to write to.

use std::collections::BTreeSet;

use super::finding::{Findings, some};
use super::kind::Kind;
use super::print;
use super::rewrite::{Output, Rewritten};
use super::schedule::Schedule;
use super::store::{Origin, TIME};
use super::tree::{Block, Body, Item, Node, Query, Source};
use crate::inventory::shown;
use crate::mapping::names;
use crate::record::MeasureKind;

/// A scheduled query, without what only the account knows: the topic that it notifies, the role that it runs under (it must
/// read `reads` and write the target's table), the bucket of its error reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledQuery {
    /// Legal for the service.
    pub name: String,
    pub query: String,
    /// `rate(…)` or `cron(…)`, as the dataset had it.
    pub schedule: String,
    pub target: ScheduledTarget,
    /// Tables that the query reads, in the target's database.
    pub reads: Vec<String>,
    /// Where error reports go inside their bucket.
    pub error_report_prefix: String,
}

/// Where the rows of a run go, and which of its columns is what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledTarget {
    pub database: String,
    pub table: String,
    /// The column of the result that is the time of a row.
    pub time_column: String,
    /// Columns of the result that become dimensions (VARCHAR). At least one.
    pub dimensions: Vec<String>,
    /// The one multi-measure name of the rows.
    pub measure_name: String,
    /// At least one.
    pub measures: Vec<MeasureAttribute>,
}

/// A column of the result that becomes a measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureAttribute {
    /// In the result.
    pub column: String,
    /// In the table.
    pub name: String,
    pub kind: MeasureKind,
}

/// `ScheduledQueryName` of the API model ends here.
const NAME_BYTES_MAX: usize = 64;
/// `QueryString` likewise.
const QUERY_CHARS_MAX: usize = 262_144;
const MEASURE_NAME: &str = "dataset";

/// The scheduled query that makes the content of `dataset`; none when its result has no form that can be written.
pub(super) fn make(
    dataset: &str,
    rewritten: &Rewritten,
    schedule: &Schedule,
    database: &str,
    found: &mut Findings,
) -> Option<ScheduledQuery> {
    let errors = found.errors();
    check_names(&rewritten.outputs, found);
    let plan = Plan::of(dataset, rewritten, found);
    if found.errors() > errors {
        return None;
    }
    let query = plan.query(rewritten);
    let text = print::query(&query);
    if text.chars().count() > QUERY_CHARS_MAX {
        let cause = format!("its query has more than {QUERY_CHARS_MAX} characters for Timestream");
        found.error("sql_too_large", cause, "name fewer columns");
        return None;
    }
    let target = ScheduledTarget {
        database: database.to_owned(),
        table: names::legalise_resource(&format!("dataset_{dataset}")),
        time_column: plan.time,
        dimensions: plan.dimensions,
        measure_name: MEASURE_NAME.to_owned(),
        measures: plan.measures,
    };
    let name = legal_name(dataset);
    Some(ScheduledQuery {
        error_report_prefix: format!("scheduled-queries/{name}/"),
        name,
        query: text,
        schedule: schedule.expression.clone(),
        target,
        reads: rewritten.tables.iter().cloned().collect(),
    })
}

/// Which column becomes what, and what the query must be wrapped in for that.
struct Plan {
    time: String,
    dimensions: Vec<String>,
    measures: Vec<MeasureAttribute>,
    /// Columns that the wrapping adds, in front.
    added: Vec<Item>,
    /// Columns that it converts.
    casts: Vec<(String, &'static str)>,
}

impl Plan {
    fn of(dataset: &str, rewritten: &Rewritten, found: &mut Findings) -> Self {
        let outputs = &rewritten.outputs;
        let mut plan = Self { time: String::new(), dimensions: Vec::new(), measures: Vec::new(), added: Vec::new(), casts: Vec::new() };
        let mut taken: BTreeSet<String> = outputs.iter().map(|output| output.name.to_lowercase()).collect();
        let time = time_of(outputs);
        match time {
            Some(at) => plan.time.clone_from(&outputs[at].name),
            None => plan.add_run_time(&mut taken, rewritten, found),
        }
        for (_, output) in outputs.iter().enumerate().filter(|(at, _)| Some(*at) != time) {
            if output.is_dimension() && names::dimension_name(&output.name).is_ok() {
                plan.dimensions.push(output.name.clone());
            } else {
                plan.add_measure(output, found);
            }
        }
        if plan.dimensions.is_empty() {
            let column = names::unique("dataset", names::DIMENSION_NAME_BYTES_MAX, &mut taken);
            plan.added.push(Item { node: Node::Text(dataset.to_owned()), alias: Some(column.clone()) });
            let cause = format!("its result has no column that can be a dimension, and a record needs one: {} was added", shown(&column));
            found.note("dimension_added", cause, "nothing to do");
            plan.dimensions.push(column);
        }
        if plan.measures.is_empty() {
            let cause = "its result has no column that can be a measure, and a record needs one";
            found.error("no_measure", cause, "select a figure as well, such as count(*)");
        }
        if outputs.iter().any(|output| output.key && !output.is_dimension() && !output.kind.is_instant()) {
            let cause = "it groups by a column that is no text, which cannot be a dimension, so rows of one run can overwrite each other";
            found.warn("rows_may_overwrite", cause, "cast that column to varchar in the query");
        }
        plan
    }

    /// A result without a time gets that of its run.
    fn add_run_time(&mut self, taken: &mut BTreeSet<String>, rewritten: &Rewritten, found: &mut Findings) {
        self.time = names::unique(TIME, names::MEASURE_NAME_BYTES_MAX, taken);
        self.added.push(Item { node: Node::RunTime, alias: Some(self.time.clone()) });
        let cause = format!("its result has no time, and a record needs one: {} was added, the time of the run", shown(&self.time));
        found.note("time_of_run", cause, "nothing to do");
        if !rewritten.folds {
            found.warn(
                "rows_may_overwrite",
                "all rows of a run have one time, so rows with the same dimensions overwrite each other",
                "select the time column as well",
            );
        }
    }

    fn add_measure(&mut self, output: &Output, found: &mut Findings) {
        let Some(kind) = output.kind.measure() else {
            let cause = format!("the type of its column {} cannot be told or cannot be stored", shown(&output.name));
            found.error("column_type_unknown", cause, "write CAST(… AS double), bigint, boolean, timestamp or varchar around it");
            return;
        };
        match output.kind {
            Kind::Integer => self.casts.push((output.name.clone(), "BIGINT")),
            Kind::Date => self.casts.push((output.name.clone(), "TIMESTAMP")),
            _ => {}
        }
        let name = if names::measure_name(&output.name).is_ok() { output.name.clone() } else { names::legalise_measure(&output.name) };
        if name != output.name {
            let cause = format!(
                "its column {} is called {} in the table, as Timestream does not allow the name",
                shown(&output.name),
                shown(&name)
            );
            found.note("column_name_illegal", cause, "nothing to do");
        }
        self.measures.push(MeasureAttribute { column: output.name.clone(), name, kind });
    }

    /// The query, inside another one where columns are added or converted.
    fn query(&self, rewritten: &Rewritten) -> Query {
        if self.added.is_empty() && self.casts.is_empty() {
            return rewritten.query.clone();
        }
        let mut items = self.added.clone();
        for output in &rewritten.outputs {
            let column = Node::Column { relation: None, name: output.name.clone() };
            items.push(match self.casts.iter().find(|(name, _)| *name == output.name) {
                Some((name, target)) => Item { node: column.cast(target, false), alias: Some(name.clone()) },
                None => Item { node: column, alias: None },
            });
        }
        let from = Source::Query { query: Box::new(rewritten.query.clone()), alias: Some("content".to_owned()) };
        let block = Block { items, from: Some(from), ..Block::default() };
        Query { body: Body::Block(Box::new(block)), order: Vec::new(), limit: None }
    }
}

/// The column that is the time of a row: the store's own, one that rows are grouped by, any instant.
fn time_of(outputs: &[Output]) -> Option<usize> {
    let instants = || outputs.iter().enumerate().filter(|(_, output)| matches!(output.kind, Kind::Timestamp | Kind::Stamp(_)));
    let own = instants().find(|(_, output)| output.origin == Origin::Time);
    let key = || instants().find(|(_, output)| output.key);
    own.or_else(key).or_else(|| instants().next()).map(|(at, _)| at)
}

fn check_names(outputs: &[Output], found: &mut Findings) {
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).filter(|name| !seen.insert(name.to_lowercase())).collect();
    if !twice.is_empty() {
        let cause = format!("its result has columns of one name: {}", some(twice));
        found.error("column_names_clash", cause, "give each column of the query a name of its own with AS");
    }
}

/// A name like `dataset` that the service takes.
fn legal_name(dataset: &str) -> String {
    let tame = dataset.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' });
    let mut name: String = tame.take(NAME_BYTES_MAX).collect();
    while name.len() < 2 {
        name.push('_');
    }
    name
}
