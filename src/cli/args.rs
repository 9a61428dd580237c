//! What a person types, as typed. Nothing below `cli` sees these types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use iota2ts::backfill::MaxRejects;
use iota2ts::live::contents::ResourceName;
#[cfg(feature = "local")]
use iota2ts::transform::FunctionCommand;

/// Moves telemetry off AWS IoT Analytics and onto Amazon Timestream.
#[derive(Debug, Parser)]
#[command(name = "iota2ts", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Exit status: 0 done and clean, 1 error, 2 finished with differences, findings or rejected rows.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The migration directory: settings, plan, ledger, quarantine and reports of one migration.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How results are written to stdout. Everything else goes to stderr.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// No progress, no notes: only results and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// The AWS profile to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region to use.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The endpoint to use instead of the region's, for every service that the command talks to; endpoint discovery is then off.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read definitions from files or the service into inventory.json, and say what could not be seen.
    Capture(CaptureArgs),
    /// Survey the history, propose the mapping, and report what a backfill would do. Writes to no service.
    Plan(PlanArgs),
    /// Turn pipelines, rules and datasets into specs and a stack to deploy: functions, template, SQL. Asks no service.
    Translate,
    /// Copy the history into staged Parquet with a manifest of digests, or prove such a copy intact. Running it again resumes it.
    Export(ExportArgs),
    /// Write the history to Timestream. Running it again resumes it.
    Backfill(BackfillArgs),
    /// Compare source and target, and name every difference with its cause.
    Verify(VerifyArgs),
    /// Capture, plan, backfill and verify in order, stopping at the first thing a person must decide.
    Run(RunArgs),
    /// Say how far the migration is, from the ledger.
    Status,
    /// Look at the rows that were not written, or have them taken up again.
    Quarantine(QuarantineArgs),
    /// Look at the objects of the backfill, have some of them read and sent again, or leave one out.
    Units(UnitsArgs),
    /// Compute again what the evidence of a verification claims.
    Evidence(EvidenceArgs),
    /// Put what the migration leaves behind into a bucket: staging, definitions, plan, reports, quarantine, evidence; or prove it is there.
    Archive(ArchiveArgs),
    /// Print a script that removes the old resources. Refused without evidence that every row is accounted for.
    Teardown,
    /// Migrate a plant on embedded services of this machine, from AWS IoT Analytics to a verified Timestream.
    #[cfg(feature = "local")]
    Demo(DemoArgs),
    /// Serve the embedded services (Timestream, S3, IoT Analytics, Kinesis, IoT Core) for any AWS client.
    #[cfg(feature = "local")]
    Local(LocalArgs),
    /// Print the reference of all commands as Markdown (docs/cli.md).
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Args)]
pub(crate) struct CaptureArgs {
    /// Files or folders with definitions: describe, list and create JSON, topic rules, CloudFormation templates.
    #[arg(long, required_unless_present = "live", num_args = 1.., value_name = "PATH")]
    pub(crate) from: Vec<PathBuf>,
    /// Ask AWS IoT Analytics and IoT Core for everything that is defined in the region. With --from, both are merged.
    #[arg(long)]
    pub(crate) live: bool,
    /// Take no sample messages, which may be private, and so hold no activity against the service.
    #[arg(long, requires = "live")]
    pub(crate) no_samples: bool,
    /// The value of a template parameter that has no default, or another one.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) parameter: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The directory that holds the history, laid out as the buckets are, or `staging` for what `export` made of it. Kept in migration.toml
    /// after the first time.
    #[arg(long, value_name = "PATH")]
    pub(crate) history: Option<PathBuf>,
    /// Exit with 2 when there are findings graded warning or error.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    #[command(flatten)]
    pub(crate) sample: SampleArgs,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SampleArgs {
    /// Survey at most this many objects of each store instead of all. Types and key collisions are then only those of the sample.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample_objects: Option<u64>,
    /// Survey at most this many rows of each object instead of all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample_rows: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetKind {
    /// The embedded Timestream inside the migration directory: a rehearsal that costs nothing.
    Embedded,
    /// Amazon Timestream for LiveAnalytics, or whatever answers at --endpoint-url.
    Aws,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The history: a directory laid out as the buckets are, or s3://bucket/prefix. Without it, the one of migration.toml.
    #[arg(long, value_name = "PATH")]
    pub(crate) history: Option<PathBuf>,
    /// Hash, count and read the staging again, and name all that differs from its manifest. Writes nothing.
    #[arg(long, conflicts_with_all = ["history", "dataset_contents", "clean_up"])]
    pub(crate) check: bool,
    /// Take the history from AWS IoT Analytics itself, as contents of datasets: those of --dataset, and all rows of --datastore.
    #[arg(long, conflicts_with_all = ["history", "clean_up"])]
    pub(crate) dataset_contents: bool,
    /// Remove the temporary datasets that an interrupted export of contents left behind, and do nothing else.
    #[arg(long, conflicts_with = "history")]
    pub(crate) clean_up: bool,
    #[command(flatten)]
    pub(crate) contents: ContentsArgs,
}

/// Which contents to export.
#[derive(Debug, Args)]
pub(crate) struct ContentsArgs {
    /// A dataset whose content to take as it is. Its rows count as those of the datastore that it selects all of, or of DATASTORE.
    #[arg(long, requires = "dataset_contents", value_name = "NAME[=DATASTORE]", value_parser = dataset)]
    pub(crate) dataset: Vec<(ResourceName, Option<ResourceName>)>,
    /// The version of the content, `$LATEST` or `$LATEST_SUCCEEDED`.
    #[arg(long, requires = "dataset", value_name = "VERSION", default_value = "$LATEST_SUCCEEDED")]
    pub(crate) content_version: String,
    /// A datastore to take all rows of, by temporary datasets over windows of arrival (`__dt`), which are removed again.
    #[arg(long, requires = "dataset_contents", value_name = "NAME")]
    pub(crate) datastore: Vec<ResourceName>,
    /// Rows of one window at most, as a first temporary dataset counts them by day. A day is not divided.
    #[arg(long, requires = "datastore", value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) window_rows: u64,
    /// Days of one window, instead of --window-rows.
    #[arg(long, requires = "datastore", value_name = "N", conflicts_with = "window_rows", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) window_days: Option<u32>,
    /// Halve a window of several days whose content is longer than this.
    #[arg(long, requires = "datastore", value_name = "MB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) window_mb: u64,
}

fn dataset(text: &str) -> Result<(ResourceName, Option<ResourceName>), String> {
    let (name, store) = text.split_once('=').map_or((text, None), |(name, store)| (name, Some(store)));
    let read = |text: &str| ResourceName::new(text).map_err(|error| error.to_string());
    Ok((read(name)?, store.map(read).transpose()?))
}

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// Where to write.
    #[arg(long, value_enum)]
    pub(crate) target: TargetKind,
    /// Stop at the first row or object that cannot be read, instead of setting it aside.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Stop early when more rows than this went to quarantine: a number of them, or a share of all as 0.5%.
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<MaxRejects>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Where to read back from.
    #[arg(long, value_enum, required_unless_present = "transform")]
    pub(crate) target: Option<TargetKind>,
    /// Compare the pipelines with the service instead: what they make of the channels' raw messages, and what the datastores hold.
    #[arg(long, conflicts_with = "target")]
    pub(crate) transform: bool,
    /// Begin anew, where an interrupted verification would be gone on with.
    #[arg(long, conflicts_with = "transform")]
    pub(crate) fresh: bool,
    /// Wait up to this long for rows that were acknowledged and are not visible yet, as 90s, 30m or 6h.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "transform")]
    pub(crate) wait: Option<std::time::Duration>,
    /// Reports of rejected data to take causes from: a directory, or s3://bucket/prefix, the tables' rejected-data location. Without it,
    /// those that the embedded Timestream left are read.
    #[arg(long, value_name = "DIR|s3://…", conflicts_with = "transform")]
    pub(crate) rejected: Option<String>,
    #[command(flatten)]
    pub(crate) lists: ListArgs,
}

/// Plain lists beside `report/differences.jsonl`: one line each, its first character says what.
#[derive(Debug, Default, Args)]
pub(crate) struct ListArgs {
    /// Write all lines of the following lists to this file, and `!` for objects that could not be read to their end.
    #[arg(long, value_name = "FILE", conflicts_with = "transform")]
    pub(crate) combined: Option<PathBuf>,
    /// Write source objects none of whose rows differs to this file (`=`).
    #[arg(long = "match", value_name = "FILE", conflicts_with = "transform")]
    pub(crate) matching: Option<PathBuf>,
    /// Write rows that are missing in the target to this file (`-`).
    #[arg(long, value_name = "FILE", conflicts_with = "transform")]
    pub(crate) missing: Option<PathBuf>,
    /// Write rows of the target that the source does not call for to this file (`+`).
    #[arg(long, value_name = "FILE", conflicts_with = "transform")]
    pub(crate) extra: Option<PathBuf>,
    /// Write rows with other values to this file (`*`).
    #[arg(long, value_name = "FILE", conflicts_with = "transform")]
    pub(crate) differ: Option<PathBuf>,
    /// Write rows that may yet appear to this file (`?`).
    #[arg(long, value_name = "FILE", conflicts_with = "transform")]
    pub(crate) pending: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct UnitsArgs {
    #[command(subcommand)]
    pub(crate) action: UnitsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UnitsAction {
    /// List objects with what became of their rows.
    List {
        /// Only those.
        #[arg(long, value_enum)]
        only: Option<UnitFilter>,
        /// At most this many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Take objects back to pending: the next backfill reads and sends them again, as after a change at the target.
    Retry {
        /// All of those.
        #[arg(long, value_enum)]
        only: Option<UnitFilter>,
        /// This object, by its key.
        #[arg(long, value_name = "KEY")]
        object: Vec<String>,
    },
    /// Leave a pending object out, with a reason that the ledger, every report and the evidence keep. Its rows are counted, and not sent.
    Skip {
        /// The object, by its number or its key.
        unit: String,
        /// Why. Somebody will ask in five years.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnitFilter {
    Pending,
    Done,
    /// Not read to their end.
    Damaged,
    /// With rows in quarantine.
    Quarantined,
    /// Left out by a person.
    Skipped,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub(crate) action: EvidenceAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceAction {
    /// Check the chain, the figures, and the files beside it. Exit status 2 when something does not hold or rows are not accounted for.
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Files or folders with definitions.
    #[arg(long, required_unless_present = "live", num_args = 1.., value_name = "PATH")]
    pub(crate) from: Vec<PathBuf>,
    /// Ask AWS IoT Analytics and IoT Core for everything that is defined in the region. With --from, both are merged.
    #[arg(long)]
    pub(crate) live: bool,
    /// The value of a template parameter.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) parameter: Vec<(String, String)>,
    /// The directory that holds the history.
    #[arg(long, value_name = "PATH")]
    pub(crate) history: Option<PathBuf>,
    /// Where to write.
    #[arg(long, value_enum)]
    pub(crate) target: TargetKind,
    /// Go on after a plan with warnings. Without it, `run` stops there so that a person can read them.
    #[arg(long)]
    pub(crate) accept_warnings: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// Where to: `s3://bucket` or `s3://bucket/prefix`.
    #[arg(value_name = "ADDRESS")]
    pub(crate) to: String,
    /// Leave out the staged history.
    #[arg(long)]
    pub(crate) no_staging: bool,
    /// Send nothing: read what was archived there, and hold it against its index.
    #[arg(long, conflicts_with = "no_staging")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    pub(crate) action: QuarantineAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineAction {
    /// Count the quarantined rows by reason, with an example each.
    List,
    /// Print quarantined rows in full, as one JSON object a line.
    Show {
        /// Only rows with this reason code.
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
        /// Only rows of this object (its key).
        #[arg(long, value_name = "KEY")]
        object: Option<String>,
        /// At most this many rows.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Take the rows up again after a fix, from their objects: through the mapping of migration.toml as it is now, or, where that is the
    /// plan's, once more. The next backfill sends them. Refused where the fix would change a row that may be at the target.
    Replay,
}

#[cfg(feature = "local")]
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The seed of the generated telemetry; the same seed gives the same messages and the same result.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// The Python (3.11 or newer, with boto3) that runs the generated functions; without boto3 they are left out.
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub(crate) python: PathBuf,
}

#[cfg(feature = "local")]
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// The address to serve on; a loopback address.
    #[arg(long, default_value = "127.0.0.1:8125", value_name = "ADDRESS:PORT")]
    pub(crate) listen: std::net::SocketAddr,
    /// Where the served databases are kept.
    #[arg(long, default_value = "./iota2ts-local", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// A folder that `translate` wrote: makes its tables and streams, and runs its functions on what is put into the streams.
    #[arg(long, value_name = "DIR")]
    pub(crate) with_stack: Option<PathBuf>,
    /// The Python (3.11 or newer, with boto3) that runs the functions of --with-stack.
    #[arg(long, value_name = "PATH", default_value = "python3", requires = "with_stack")]
    pub(crate) python: PathBuf,
    /// What stands for the function of a lambda activity of the embedded IoT Analytics: a program and its arguments, split at spaces, that
    /// takes a JSON array of messages on standard input and writes one on standard output.
    #[arg(long, value_name = "NAME=COMMAND", value_parser = function)]
    pub(crate) function: Vec<(String, FunctionCommand)>,
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
}

/// The service allowed a function so long.
#[cfg(feature = "local")]
const FUNCTION_SECONDS_MAX: u64 = 15 * 60;

#[cfg(feature = "local")]
fn function(text: &str) -> Result<(String, FunctionCommand), String> {
    let (name, command) = key_value(text)?;
    let mut words = command.split_whitespace().map(str::to_owned);
    let program = words.next().ok_or("the command is empty; write it as NAME=COMMAND")?;
    let timeout = std::time::Duration::from_secs(FUNCTION_SECONDS_MAX);
    Ok((name, FunctionCommand { program, arguments: words.collect(), timeout }))
}

/// Behaviour that a rehearsal may want to see.
#[cfg(feature = "local")]
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FaultArgs {
    /// Every answer waits this long.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// Rows written to the magnetic store become visible to queries only after this long.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) magnetic_delay_s: u64,
    /// Every Nth WriteRecords is throttled as the memory store does it.
    #[arg(long, value_name = "N")]
    pub(crate) throttle_memory_every: Option<u64>,
    /// Every Nth WriteRecords is throttled as the magnetic store does it.
    #[arg(long, value_name = "N")]
    pub(crate) throttle_magnetic_every: Option<u64>,
    /// Every Nth WriteRecords is stored and its answer lost.
    #[arg(long, value_name = "N")]
    pub(crate) lose_reply_every: Option<u64>,
}

/// A whole number and a unit.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let unwritten = || "write it as a whole number and s, m, h or d, as 90s or 6h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(unwritten)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(unwritten()),
    };
    let number: u64 = number.parse().map_err(|_| unwritten())?;
    number.checked_mul(seconds).filter(|all| *all <= 30 * 86_400).map(std::time::Duration::from_secs).ok_or("30d is the most".to_owned())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}
