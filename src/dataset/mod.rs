//! Datasets: the SQL that people ran on a datastore, restated for the Timestream table that took its place.
//!
//! Journey of a query: `syntax` (tokens, bounds, the parser's tree) → `rewrite` (every name looked up in the mapping, every
//! expression typed, into the tree of `tree`) → `print` (text). Around it: `schedule` (how often), `scheduled` (what a
//! scheduled query needs), `features` (what a dataset had besides its query), `plain` (the file for people).
//!
//! Invariants
//! - Text of a definition reaches SQL only through `print`, as a quoted identifier, a quoted string, a checked number or a
//!   comment line. The parser's own printing is never used: it takes quotes that stand behind a backslash for escaped.
//! - Nothing is guessed: a column, table or function that is not known is a finding, and then there is no SQL.
//! - What comes out otherwise than it was is a finding too.
//! - Pure: the same definition and mapping give the same text.
//!
//! May be used by `stack`, `plan`, `cli`. Uses `inventory`, `mapping` and the vocabulary.

mod features;
mod finding;
mod kind;
mod plain;
mod print;
mod rewrite;
mod schedule;
mod scheduled;
mod store;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;
mod view;

pub use finding::{DatasetFinding, Grade};
pub use scheduled::{MeasureAttribute, ScheduledQuery, ScheduledTarget};

use crate::inventory::{Dataset, DatasetAction, DeltaTime};
use crate::mapping::TableMapping;
use finding::Findings;
use rewrite::{Rewritten, rewrite};
use schedule::Schedule;
use view::StoreView;

/// What a dataset becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetTranslation {
    /// The query on the Timestream table, on one line; none when something in it cannot be translated.
    pub sql: Option<String>,
    /// What runs it on the dataset's schedule.
    pub scheduled: Option<ScheduledQuery>,
    /// The content of a `.sql` file for people: comments, the query, and what replaces each delivery.
    pub plain: Option<String>,
    /// Everything that a person should know; in the order in which it was met.
    pub findings: Vec<DatasetFinding>,
}

/// Enough for a query at every bound of `syntax` and `rewrite`; only what is used is taken.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Translates `dataset`, whose datastores went to the tables of `mappings` in `database`.
#[must_use]
pub fn translate(dataset: &Dataset, mappings: &[&TableMapping], database: &str) -> DatasetTranslation {
    // The parser descends, and a query that is deep but legal needs more stack than a thread of a runtime has.
    std::thread::scope(|scope| {
        let started =
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || translate_here(dataset, mappings, database));
        match started {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => {
                let mut found = Findings::of(&dataset.name);
                let cause = format!("it was not looked at, as no thread could be started: {error}");
                found.error("not_translated", cause, "try again when the machine is less busy");
                DatasetTranslation { sql: None, scheduled: None, plain: None, findings: found.into_list() }
            }
        }
    })
}

fn translate_here(dataset: &Dataset, mappings: &[&TableMapping], database: &str) -> DatasetTranslation {
    let mut found = Findings::of(&dataset.name);
    features::look(dataset, &mut found);
    let schedule = schedule::of(dataset, &mut found);
    let Some(DatasetAction::Query { sql, delta_time, .. }) = &dataset.action else {
        return DatasetTranslation { sql: None, scheduled: None, plain: None, findings: found.into_list() };
    };
    let query = syntax::parse(sql).map_err(|problem| problem.report(&mut found)).ok();
    let views = StoreView::all(mappings);
    let rewritten = query.as_ref().and_then(|query| rewrite(query, None, &views, database, &mut found));
    let scheduled = match (&query, &rewritten, &schedule) {
        (Some(query), Some(rewritten), Some(schedule)) => {
            let within = windowed(query, rewritten, delta_time.as_ref(), schedule, &views, database, &mut found);
            within.and_then(|within| scheduled::make(&dataset.name, &within, schedule, database, &mut found))
        }
        _ => None,
    };
    if schedule.is_none() && delta_time.is_some() {
        found.warn(
            "window_without_schedule",
            "its deltaTime window reached from one execution to the next, and it has no schedule that says how far that is",
            "add the time bounds that you need to the query when you run it",
        );
    }
    let plain = rewritten.as_ref().map(|rewritten| plain::file(dataset, sql, delta_time.as_ref(), rewritten));
    let sql = rewritten.as_ref().map(|rewritten| print::query(&rewritten.query));
    DatasetTranslation { sql, scheduled, plain, findings: found.into_list() }
}

/// The query with the window of `delta`, where there is one.
fn windowed(
    query: &sqlparser::ast::Query,
    without: &Rewritten,
    delta: Option<&DeltaTime>,
    schedule: &Schedule,
    views: &[StoreView],
    database: &str,
    found: &mut Findings,
) -> Option<Rewritten> {
    let Some(delta) = delta else { return Some(without.clone()) };
    let window = schedule::window(delta, schedule, found)?;
    rewrite(query, Some(&window), views, database, found)
}
