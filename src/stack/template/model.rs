//! What a template is made from: names that are settled, texts that may stand in one, and who writes where.

use crate::record::MeasureKind;

/// Everything that one stack holds. Identifiers (`id`) are unique, letters and digits only; tables and channels are named
/// elsewhere by their position in their list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deployment {
    pub(crate) database: String,
    pub(crate) memory_hours: u64,
    pub(crate) magnetic_days: u64,
    /// A bucket that is there; none means that the stack makes one.
    pub(crate) rejected_data_bucket: Option<String>,
    pub(crate) rejected_data_prefix: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) functions: Vec<Function>,
    pub(crate) queries: Vec<Query>,
    /// The table that anomalies are written to, where any table has numbers to watch.
    pub(crate) anomaly_table: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) name: String,
    /// It holds what scheduled queries find; the backfill never makes such a table.
    pub(crate) results: bool,
    /// The dimension that the table is partitioned by; none means the service's own rule.
    pub(crate) partition_dimension: Option<String>,
    /// What an anomaly query looks at, one for each measure name; nothing for tables of scheduled queries.
    pub(crate) watched: Vec<Watched>,
}

impl Table {
    /// The logical ID of the table itself.
    pub(crate) fn resource(&self) -> String {
        format!("{}Table", self.id)
    }

    /// The condition under which the stack makes it.
    pub(crate) fn condition(&self) -> &'static str {
        if self.results { "MakeResultTables" } else { "MakeTables" }
    }
}

/// The numbers of the records of one measure name.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) measure_name: String,
    pub(crate) dimensions: Vec<String>,
    pub(crate) numbers: Vec<String>,
}

/// A channel of the old service, as a stream.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its folder in the raw archive.
    pub(crate) folder: String,
}

/// A topic rule, issued anew.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// The old rule.
    pub(crate) name: String,
    /// The new one: the old rule may be needed beside it, and two cannot share a name.
    pub(crate) new_name: String,
    /// As it was, to the letter.
    pub(crate) sql: String,
    pub(crate) sql_version: String,
    pub(crate) enabled: bool,
    /// Streams that it feeds, each with the expression of its partition key.
    pub(crate) outlets: Vec<Outlet>,
}

#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    pub(crate) channel: usize,
    pub(crate) partition_key: String,
}

/// The function that stands in for one pipeline.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) id: String,
    pub(crate) pipeline: String,
    /// Below `functions/`.
    pub(crate) folder: String,
    pub(crate) channel: usize,
    pub(crate) tables: Vec<usize>,
    pub(crate) reads_registry: bool,
    pub(crate) reads_shadows: bool,
    /// The customer's functions that it calls, by name.
    pub(crate) calls: Vec<String>,
}

/// A dataset that runs on a schedule.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) id: String,
    pub(crate) dataset: String,
    pub(crate) name: String,
    /// With [`DATABASE_PLACEHOLDER`] where the database is named.
    pub(crate) sql: String,
    pub(crate) schedule: String,
    pub(crate) reads: Vec<usize>,
    pub(crate) writes: usize,
    pub(crate) time_column: String,
    pub(crate) measure_name: String,
    pub(crate) dimensions: Vec<String>,
    pub(crate) measures: Vec<QueryMeasure>,
    /// Where reports of failed runs go, below the bucket of reports.
    pub(crate) report_prefix: String,
}

/// A column of a query's result, and the measure that it becomes.
#[derive(Debug, Clone)]
pub(crate) struct QueryMeasure {
    pub(crate) column: String,
    pub(crate) name: String,
    pub(crate) kind: MeasureKind,
}

/// What stands for the database in the SQL of a query, until the template puts its parameter there.
pub(crate) const DATABASE_PLACEHOLDER: &str = "iota2ts-database-of-this-stack";
