//! `export --dataset-contents` and `export --clean-up`: the history from the service itself, by contents of datasets.

use std::sync::Arc;

use iota2ts::export::{Manifest, Staged};
use iota2ts::history::{Objects, ReadLimits};
use iota2ts::live::contents::{self, ContentsJob, Patience, Sizing, Wanted};
use iota2ts::live::{Connection, Pace};
use iota2ts::report;
use serde::Serialize;

use super::{is_sound, stage};
use crate::cli::args::ContentsArgs;
use crate::cli::commands::plan::existing_settings;
use crate::cli::commands::target::aws_config;
use crate::cli::{CommandError, Context, Ended, failpoints, runtime};

#[derive(Serialize)]
struct Exported<'a> {
    #[serde(flatten)]
    staged: &'a Staged,
    /// Windows that gave another number of rows than the survey counted.
    differences: &'a [String],
    /// Temporary datasets that could not be removed.
    left: &'a [String],
    requests: u64,
}

#[derive(Serialize)]
struct CleanedUp {
    removed: Vec<String>,
    left: Vec<String>,
}

pub(super) fn export(context: &Context, args: &ContentsArgs) -> Result<Ended, CommandError> {
    let wanted = wanted(args)?;
    let settings = existing_settings(context)?;
    context.dir.create()?;
    let failpoints = failpoints()?;
    let runtime = runtime()?;
    let connection = runtime.block_on(connection(context))?;
    let job = ContentsJob {
        connection: &connection,
        pace: Pace::default(),
        patience: Patience::default(),
        folder: context.dir.dataset_contents(),
        wanted,
        sizing: args.window_days.map_or(Sizing::Rows(args.window_rows), Sizing::Days),
        content_bytes_max: args.window_mb.saturating_mul(1_000_000),
        staged: Manifest::load(&context.dir.staging()).ok().map(|manifest| manifest.listing),
        now: context.clock.now(),
        progress: Arc::clone(&context.progress),
        failpoints: &failpoints,
    };
    let fetched = runtime.block_on(contents::fetch(&job)).inspect_err(|stopped| say_left(context, &stopped.left))?;
    say_left(context, &fetched.left);
    for difference in &fetched.differences {
        context.printer.note(difference);
    }
    let listing = fetched.contents.listing().clone();
    if listing.objects.is_empty() {
        return Err(CommandError::new("the contents hold no rows: nothing was staged")
            .hinted("the survey found the datastore empty; is it the right one, and the right region?"));
    }
    let rows = Arc::new(Objects::new(Arc::new(fetched.contents), ReadLimits::default()));
    let staged = stage(context, settings.as_ref(), &listing, rows)?;
    let exported = Exported { staged: &staged, differences: &fetched.differences, left: &fetched.left, requests: fetched.requests };
    context.printer.result(&report::export_text(&staged), &exported)?;
    context.printer.note(&format!(
        "dataset, version and SQL of each content are kept in {}",
        context.dir.dataset_contents().join("state.json").display()
    ));
    let clean = is_sound(&staged) && fetched.differences.is_empty() && fetched.left.is_empty();
    Ok(if clean { Ended::Clean } else { Ended::WithFindings })
}

pub(super) fn clean_up(context: &Context) -> Result<Ended, CommandError> {
    let folder = context.dir.dataset_contents();
    let runtime = runtime()?;
    let (removed, left) = runtime.block_on(async {
        let connection = connection(context).await?;
        Ok::<_, CommandError>(contents::clean_up(&connection, Pace::default(), &folder).await?)
    })?;
    say_left(context, &left);
    let text = match removed.len() {
        0 => "no temporary dataset was removed\n".to_owned(),
        1 => "1 temporary dataset was removed\n".to_owned(),
        many => format!("{many} temporary datasets were removed\n"),
    };
    let clean = left.is_empty();
    context.printer.result(&text, &CleanedUp { removed, left })?;
    Ok(if clean { Ended::Clean } else { Ended::WithFindings })
}

fn wanted(args: &ContentsArgs) -> Result<Vec<Wanted>, CommandError> {
    let dataset = |(name, store): &(_, _)| Wanted::Dataset {
        name: Clone::clone(name),
        version: args.content_version.clone(),
        store: Clone::clone(store),
    };
    let datastore = |name: &_| Wanted::Datastore { name: Clone::clone(name) };
    let wanted: Vec<Wanted> = args.dataset.iter().map(dataset).chain(args.datastore.iter().map(datastore)).collect();
    if wanted.is_empty() {
        return Err(CommandError::new("no content is named").hinted(
            "name a datastore to take all rows of (--datastore NAME), or a dataset whose content to take (--dataset NAME); `iota2ts capture \
             --live` lists both",
        ));
    }
    for (at, one) in wanted.iter().enumerate() {
        if wanted.iter().take(at).any(|other| other == one) {
            return Err(CommandError::new("one dataset or datastore is named twice: its rows would be counted twice"));
        }
    }
    Ok(wanted)
}

async fn connection(context: &Context) -> Result<Connection, CommandError> {
    Ok(Connection { sdk_config: aws_config(context).await?, endpoint_url: context.global.endpoint_url.clone() })
}

fn say_left(context: &Context, left: &[String]) {
    if left.is_empty() {
        return;
    }
    let noun = if left.len() == 1 { "temporary dataset is" } else { "temporary datasets are" };
    context.printer.note(&format!(
        "{} {noun} still there: {}; `iota2ts export --clean-up` removes what is left, once it may (iotanalytics:DeleteDataset)",
        left.len(),
        left.join(", ")
    ));
}
