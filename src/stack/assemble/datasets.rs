//! Datasets → SQL files and scheduled queries.

use crate::dataset::{self, ScheduledQuery};
use crate::inventory::Dataset;
use crate::mapping::TableMapping;
use crate::stack::names::{self, Taken};
use crate::stack::report::{DatasetReport, Remark, ScheduledReport};
use crate::stack::template::model::{DATABASE_PLACEHOLDER, Query, QueryMeasure, Table};
use crate::stack::yaml;

use super::{Work, pipelines};

pub(super) fn translate(work: &mut Work<'_>) -> Vec<DatasetReport> {
    let mappings: Vec<&TableMapping> = work.inputs.settings.tables.iter().collect();
    let (mut files, mut query_names) = (Taken::default(), Taken::default());
    let datasets = work.inputs.inventory.datasets.values();
    datasets.map(|dataset| one(work, dataset, &mappings, &mut files, &mut query_names)).collect()
}

fn one(work: &mut Work<'_>, dataset: &Dataset, mappings: &[&TableMapping], files: &mut Taken, query_names: &mut Taken) -> DatasetReport {
    let translation = dataset::translate(dataset, mappings, &work.inputs.settings.target.database);
    let mut report = DatasetReport {
        dataset: dataset.name.clone(),
        file: None,
        scheduled: None,
        remarks: translation.findings.into_iter().map(Remark::from).collect(),
    };
    if let Some(plain) = translation.plain {
        let path = format!("stack/datasets/{}.sql", files.take(&names::stem(&dataset.name), "_"));
        work.add(path.clone(), plain);
        report.file = Some(path);
    }
    if translation.scheduled.is_none() {
        return report;
    }
    // Once more, with a database that the template can put its parameter in for.
    let scheduled = dataset::translate(dataset, mappings, DATABASE_PLACEHOLDER).scheduled;
    let Some(scheduled) = scheduled else { return report };
    match texts(&scheduled).into_iter().try_for_each(|text| yaml::foreign(text).map(|_| ())) {
        Ok(()) => report.scheduled = Some(schedule(work, dataset, scheduled, query_names)),
        Err(error) => report.remarks.push(pipelines::unfit("its scheduled query", error)),
    }
    report
}

/// Everything of a scheduled query that came from a definition.
fn texts(scheduled: &ScheduledQuery) -> Vec<&str> {
    let target = &scheduled.target;
    let own = [&scheduled.query, &scheduled.schedule, &scheduled.error_report_prefix, &target.time_column, &target.measure_name];
    let measures = target.measures.iter().flat_map(|measure| [&measure.column, &measure.name]);
    own.into_iter().chain(&target.dimensions).chain(measures).map(String::as_str).collect()
}

fn schedule(work: &mut Work<'_>, dataset: &Dataset, scheduled: ScheduledQuery, query_names: &mut Taken) -> ScheduledReport {
    let id = work.id("Timestream", &scheduled.target.table);
    let table = work.free_table(&scheduled.target.table);
    work.deployment.tables.push(Table { id, name: table.clone(), results: true, partition_dimension: None, watched: Vec::new() });
    let writes = work.deployment.tables.len() - 1;
    let reads = scheduled.reads.iter().filter_map(|table| work.table(table)).collect();
    let measures = scheduled.target.measures.into_iter();
    let query = Query {
        id: work.id("Dataset", &dataset.name),
        dataset: dataset.name.clone(),
        // Room for a number behind it: a name ends at 64 characters.
        name: query_names.take(&scheduled.name.chars().take(60).collect::<String>(), "_"),
        sql: scheduled.query,
        schedule: scheduled.schedule,
        reads,
        writes,
        time_column: scheduled.target.time_column,
        measure_name: scheduled.target.measure_name,
        dimensions: scheduled.target.dimensions,
        measures: measures.map(|measure| QueryMeasure { column: measure.column, name: measure.name, kind: measure.kind }).collect(),
        report_prefix: scheduled.error_report_prefix,
    };
    let report = ScheduledReport { query: query.name.clone(), table, schedule: query.schedule.clone() };
    work.deployment.queries.push(query);
    report
}
