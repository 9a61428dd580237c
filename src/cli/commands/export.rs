//! `export`: the history copied into staging, and the proof that the copy is whole.

mod contents;

use std::path::Path;
use std::sync::Arc;

use iota2ts::export::{self, Sizes, StageJob, Staged};
use iota2ts::history::{Listing, RowReader};
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::time::Nanos;
use iota2ts::value::Object;

use crate::cli::args::ExportArgs;
use crate::cli::{CommandError, Context, Ended, failpoints, path_text};

use super::history::{self, Place};
use super::plan::existing_settings;

/// Objects that are read at once where no settings say otherwise.
const READERS: usize = 4;

pub(in crate::cli) fn export(context: &Context, args: &ExportArgs) -> Result<Ended, CommandError> {
    if args.check {
        return check(context);
    }
    if args.clean_up {
        return contents::clean_up(context);
    }
    if args.dataset_contents {
        return contents::export(context, &args.contents);
    }
    let staged = staged(context, args.history.as_deref())?;
    context.printer.result(&report::export_text(&staged), &staged)?;
    Ok(if is_sound(&staged) { Ended::Clean } else { Ended::WithFindings })
}

/// Copies the history at `given`, or the one that the settings name.
pub(super) fn staged(context: &Context, given: Option<&Path>) -> Result<Staged, CommandError> {
    let settings = existing_settings(context)?;
    let path = match (given, &settings) {
        (Some(path), _) => path_text(path)?,
        (None, Some(settings)) => settings.history.clone(),
        (None, None) => {
            return Err(CommandError::new("no history is named").hinted("give the directory that holds it: iota2ts export --history PATH"));
        }
    };
    if history::staging_at(context, &path).is_some() {
        return Err(CommandError::new(format!("`{path}` is a staging already"))
            .hinted("name the source with --history PATH, or look at the staging with `iota2ts export --check`"));
    }
    context.dir.create()?;
    let place = Place::source(context, &path)?;
    stage(context, settings.as_ref(), &place.listing, Arc::clone(&place.rows))
}

/// Stages what is listed.
fn stage(context: &Context, settings: Option<&Settings>, listing: &Listing, rows: Arc<dyn RowReader>) -> Result<Staged, CommandError> {
    Ok(export::stage(&StageJob {
        listing,
        rows,
        staging: context.dir.staging(),
        times: &|store, columns| event_time(settings, store, columns),
        times_from: time_columns(settings),
        readers: settings.map_or(READERS, |settings| settings.write.readers),
        sizes: Sizes::default(),
        tool_version: env!("CARGO_PKG_VERSION"),
        progress: &*context.progress,
        failpoints: &failpoints()?,
    })?)
}

fn is_sound(staged: &Staged) -> bool {
    staged.manifest.bad_rows == 0 && staged.manifest.damaged_objects == 0
}

fn check(context: &Context) -> Result<Ended, CommandError> {
    let checked = export::check(&context.dir.staging(), &*context.progress)?;
    context.printer.result(&report::export_check_text(&checked), &checked)?;
    Ok(if checked.is_intact() { Ended::Clean } else { Ended::WithFindings })
}

/// The instant of a row by the first of its store's mappings that finds one.
fn event_time(settings: Option<&Settings>, store: &str, columns: &Object) -> Option<Nanos> {
    let mut tables = settings?.tables.iter().filter(|table| table.store == store);
    tables.find_map(|table| table.time.format.read(table.time.column.find(columns)?).ok())
}

fn time_columns(settings: Option<&Settings>) -> String {
    let of_table = |table: &iota2ts::mapping::TableMapping| format!("{}:{:?}", table.store, table.time);
    settings.map_or_else(String::new, |settings| settings.tables.iter().map(of_table).collect::<Vec<_>>().join(";"))
}
