//! The history as the settings want it read: its objects, those of channels by way of their pipelines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iota2ts::channel::{self, PipelinedObjects, RawStore, Running};
use iota2ts::export::{Manifest, Staging};
use iota2ts::history::{Bucket, BucketAccess, Directory, Listing, Objects, ReadLimits, RowReader, Source};
use iota2ts::inventory::Inventory;
use iota2ts::settings::Settings;
use iota2ts::transform::{CustomerFunctions, Insistence, InvokedFunctions, LambdaFunction, LocalCommands};

use crate::cli::{CommandError, Context, runtime};

use super::target;

/// How the migration directory's own staging is named where a history is; a directory of that name is `./staging`.
pub(super) const STAGING: &str = "staging";

/// The objects, and who reads rows of them.
pub(super) struct History {
    pub(super) listing: Listing,
    pub(super) rows: Arc<dyn RowReader>,
    /// What a plan of it is bound to.
    pub(super) digest: String,
}

/// The place of a history, listed.
pub(super) struct Place {
    /// Rows as they lie there, before any pipeline.
    pub(super) rows: Arc<dyn RowReader>,
    /// As it lies there.
    pub(super) listing: Listing,
    staging: Option<Arc<Staging>>,
}

impl Place {
    /// Lists the history at `path`, a staging, a directory or `s3://bucket/prefix`; none at all is an error, not an empty success.
    pub(super) fn open(context: &Context, path: &str) -> Result<Self, CommandError> {
        match staging_at(context, path) {
            Some(folder) => Self::staging(context, &folder),
            None => Self::source(context, path),
        }
    }

    fn staging(context: &Context, folder: &Path) -> Result<Self, CommandError> {
        context.progress.begin("listing", None, "objects");
        let staging = Arc::new(Staging::open(folder)?);
        context.progress.end();
        let rows: Arc<dyn RowReader> = Arc::clone(&staging) as _;
        Ok(Self { rows, listing: staging.listing().clone(), staging: Some(staging) })
    }

    /// The directory or bucket at `path`.
    pub(super) fn source(context: &Context, path: &str) -> Result<Self, CommandError> {
        let source: Arc<dyn Source> = if path.starts_with("s3://") {
            let sdk_config = runtime()?.block_on(target::aws_config(context))?;
            let access = BucketAccess { sdk_config, endpoint_url: context.global.endpoint_url.clone() };
            Arc::new(Bucket::new(path, &access, Arc::clone(&context.progress))?)
        } else {
            Arc::new(Directory::new(Path::new(path)))
        };
        context.progress.begin("listing", None, "objects");
        let listing = source.list()?;
        context.progress.end();
        if listing.objects.is_empty() {
            let passed = listing
                .passed_over
                .first()
                .map_or_else(String::new, |passed| format!(" (for example `{}`: {})", passed.key, passed.reason));
            return Err(CommandError::new(format!("no history was found below `{}`{passed}", listing.root)).hinted(
                "lay it out as the bucket is: [prefix]datastore/<name>/__dt=…/<object>, or <prefix><datastore>/<scheduleTime>/<versionId>.csv",
            ));
        }
        Ok(Self { rows: Arc::new(Objects::new(source, ReadLimits::default())), listing, staging: None })
    }

    /// The history with the stores of `raw` made of their channels.
    pub(super) fn seen(&self, raw: &[RawStore], running: &Running<'_>) -> Result<History, CommandError> {
        let listing = channel::view(&self.listing, raw, running.inventory)?;
        let digest = self.staging.as_ref().map_or_else(|| listing.digest(), |staging| staging.bound(&listing));
        let rows = PipelinedObjects::new(Arc::clone(&self.rows), running.engines(raw)?);
        Ok(History { listing, rows: Arc::new(rows), digest })
    }
}

/// The folder of the staging that `path` names, if it names one.
pub(super) fn staging_at(context: &Context, path: &str) -> Option<PathBuf> {
    if path == STAGING {
        return Some(context.dir.staging());
    }
    let folder = Path::new(path);
    Manifest::stands_in(folder).then(|| folder.to_owned())
}

/// Who stands in for the functions of lambda activities; nobody where the settings name none.
pub(super) fn functions(context: &Context, settings: &Settings) -> Result<Option<Arc<dyn LambdaFunction>>, CommandError> {
    if settings.functions.is_empty() && settings.invoked_functions.is_empty() {
        return Ok(None);
    }
    let invoked = if settings.invoked_functions.is_empty() { None } else { Some(invoked(context, settings)?) };
    Ok(Some(Arc::new(CustomerFunctions { commands: LocalCommands::new(settings.functions.clone()), invoked })))
}

fn invoked(context: &Context, settings: &Settings) -> Result<InvokedFunctions, CommandError> {
    let sdk_config = runtime()?.block_on(target::aws_config(context))?;
    InvokedFunctions::start(sdk_config, context.global.endpoint_url.clone(), settings.invoked_functions.clone(), Insistence::default())
        .map_err(|e| CommandError::new(format!("the machine refused the thread that calls functions: {e}")))
}

/// How the settings want pipelines to be run.
pub(super) fn running<'a>(inventory: &'a Inventory, settings: &'a Settings, functions: Option<&'a Arc<dyn LambdaFunction>>) -> Running<'a> {
    Running { inventory, switches: &settings.switches, functions }
}
