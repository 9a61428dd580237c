//! `verify`: source and target read again and compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use iota2ts::census::MappedSource;
use iota2ts::failpoint;
use iota2ts::history::{Listing, RowReader};
use iota2ts::inventory::Inventory;
use iota2ts::ledger::{LedgerView, UnitState, quarantine};
use iota2ts::mapping::TableMapping;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::target::liveanalytics::{LiveAnalyticsReader, ReportsAt};
use iota2ts::verify::translation::{Side, TranslationJob};
use iota2ts::verify::{
    self, Kind, LedgerRecord, Lists, Rejections, SkippedObjects, Verdict, Verification, VerifyJob, VerifyOptions, Workplace,
};

use crate::cli::args::{ListArgs, TargetKind, VerifyArgs};
use crate::cli::{CommandError, Context, Ended, failpoints, runtime};

use super::backfill::fresh_plan;
use super::evidence;
use super::history::{self, Place};
use super::plan::write_report;
use super::target;

pub(in crate::cli) fn verify(context: &Context, args: VerifyArgs) -> Result<Ended, CommandError> {
    let Some(target) = args.target else { return transform_check(context) };
    let asked = Asked { fresh: args.fresh, wait: args.wait.unwrap_or_default(), rejected: args.rejected, lists: lists(args.lists) };
    let verification = verified(context, target, asked)?;
    context.printer.result(&report::verification_text(&verification), &verification)?;
    Ok(if verification.verdict == Verdict::Complete { Ended::Clean } else { Ended::WithFindings })
}

/// Holds the pipelines against what the service made of the same messages; needs neither a target nor a backfill.
fn transform_check(context: &Context) -> Result<Ended, CommandError> {
    let inventory = Inventory::load(&context.dir.inventory())?;
    let settings = Settings::load(&context.dir.settings())?;
    let functions = history::functions(context, &settings)?;
    let running = history::running(&inventory, &settings, functions.as_ref());
    let place = Place::open(context, &settings.history)?;
    let raw = running.both(&place.listing);
    let mappings: Vec<TableMapping> =
        settings.tables.iter().filter(|mapping| raw.iter().any(|raw| raw.store == mapping.store)).cloned().collect();
    if mappings.is_empty() {
        return Err(CommandError::new("no mapped store has raw messages and stored rows in the history")
            .hinted("copy both `channel/<channel>/…` and `datastore/<store>/…` below the history's directory, and capture the pipeline"));
    }
    let (channel, datastore) = (place.seen(&raw, &running)?, place.seen(&[], &running)?);
    let channel_rows = MappedSource::new(channel.rows, &mappings)?;
    let datastore_rows = MappedSource::new(datastore.rows, &mappings)?;
    let check = verify::translation::check_translation(
        &TranslationJob {
            mappings: &mappings,
            channel: Side { listing: &channel.listing, history: &channel_rows },
            datastore: Side { listing: &datastore.listing, history: &datastore_rows },
            enriched: running.enriched(&raw, &mappings),
            scratch: context.dir.scratch(),
            readers: settings.write.readers,
        },
        &*context.progress,
    )?;
    context.dir.tidy();
    let text = report::transform_check_text(&check);
    write_report(context, "transform.txt", &text)?;
    context.printer.result(&text, &check)?;
    Ok(if check.is_same() { Ended::Clean } else { Ended::WithFindings })
}

/// What may be asked of a verification besides.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Whether what an interrupted one left is to be thrown away.
    fresh: bool,
    wait: std::time::Duration,
    /// Where reports of rejected data lie.
    rejected: Option<String>,
    lists: Lists,
}

fn lists(args: ListArgs) -> Lists {
    let kinds = [(Kind::Missing, args.missing), (Kind::Changed, args.differ), (Kind::Extra, args.extra), (Kind::Pending, args.pending)];
    let of_kind = kinds.into_iter().filter_map(|(kind, path)| Some((kind, path?))).collect();
    Lists { combined: args.combined, matching: args.matching, of_kind }
}

/// Verifies and leaves the report in the migration directory.
pub(super) fn verified(context: &Context, kind: TargetKind, asked: Asked) -> Result<Verification, CommandError> {
    let fresh = fresh_plan(context)?;
    let (ledger, rows) = match ledger_record(context, &fresh.plan.digest(), &fresh.listing)? {
        Some((record, skipped)) => (Some(record), Arc::new(SkippedObjects::new(fresh.rows, skipped)) as Arc<dyn RowReader>),
        None => (None, fresh.rows),
    };
    let differences = context.dir.report("differences.jsonl")?;
    let source = MappedSource::new(rows, fresh.plan.tables.iter().map(|table| &table.mapping))?;
    let options = VerifyOptions { readers: fresh.plan.write.readers, wait: asked.wait, ..VerifyOptions::default() };
    let failpoints = Arc::new(failpoints()?);
    let (scratch, lock) = (context.dir.scratch(), context.dir.verify_lock());
    let workplace = Arc::new(Workplace::open(&scratch.join("verification"), &lock, asked.fresh, Arc::clone(&failpoints))?);
    let verification = runtime()?.block_on(async {
        let rejections = rejections(context, kind, asked.rejected).await?;
        let opened = target::open(context, kind, &fresh.plan.target.database).await?;
        let reader = LiveAnalyticsReader::connect(opened.connection.clone()).await?;
        let verification = verify::verify(VerifyJob {
            plan: Arc::new(fresh.plan),
            listing: Arc::new(fresh.listing),
            source: Arc::new(source),
            reader,
            ledger: ledger.map(Arc::new),
            rejections: rejections.map(Arc::new),
            clock: Arc::clone(&context.clock),
            progress: Arc::clone(&context.progress),
            workplace: Arc::clone(&workplace),
            target_name: target::name(context, kind, &opened.connection),
            differences,
            lists: asked.lists,
            options,
        })
        .await;
        let closed = opened.close().await;
        let verification = verification?;
        closed?;
        Ok::<Verification, CommandError>(verification)
    })?;
    failpoints.hit(failpoint::VERIFY_COMPARED);
    write_report(context, "verification.txt", &report::verification_text(&verification))?;
    let json = serde_json::to_string_pretty(&verification)
        .map_err(|e| CommandError::new(format!("the verification could not be written as JSON: {e}")))?;
    write_report(context, "verification.json", &json)?;
    failpoints.hit(failpoint::VERIFY_REPORTED);
    let seal = evidence::leave(context, &verification)?;
    failpoints.hit(failpoint::VERIFY_PROVED);
    workplace.clear();
    drop(workplace);
    context.dir.tidy();
    context.printer.note(&format!("evidence.json is sealed by {seal}"));
    Ok(verification)
}

/// What the reports of rejected data say; none when none are named and the embedded Timestream left none.
async fn rejections(context: &Context, kind: TargetKind, named: Option<String>) -> Result<Option<Rejections>, CommandError> {
    let (place, at) = match named {
        None => match left_by_embedded(context, kind)? {
            None => return Ok(None),
            Some(path) => (path.display().to_string(), ReportsAt::Directory(path)),
        },
        Some(place) => match place.strip_prefix("s3://") {
            None => (place.clone(), ReportsAt::Directory(place.into())),
            Some(address) => {
                let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
                if bucket.is_empty() {
                    return Err(CommandError::new(format!("`{place}` names no bucket")).hinted("write it as s3://bucket/prefix"));
                }
                let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
                let sdk_config = Box::new(target::aws_config(context).await?);
                (place.clone(), ReportsAt::Bucket { bucket, prefix, sdk_config, endpoint_url: context.global.endpoint_url.clone() })
            }
        },
    };
    let mut rejections = Rejections::of(&place);
    at.read(&mut |report| rejections.add(&report.name, report.rejections)).await?;
    Ok(Some(rejections))
}

#[cfg(feature = "local")]
fn left_by_embedded(context: &Context, kind: TargetKind) -> Result<Option<std::path::PathBuf>, CommandError> {
    let path = context.dir.embedded().join("rejected");
    if kind != TargetKind::Embedded {
        return Ok(None);
    }
    let there = path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))?;
    Ok(there.then_some(path))
}

#[cfg(not(feature = "local"))]
fn left_by_embedded(_context: &Context, _kind: TargetKind) -> Result<Option<std::path::PathBuf>, CommandError> {
    Ok(None)
}

/// Why objects were left out, by key.
type Skipped = BTreeMap<String, String>;

/// What the ledger knows, to say why; none when there is no ledger of this plan.
fn ledger_record(context: &Context, plan_digest: &str, listing: &Listing) -> Result<Option<(LedgerRecord, Skipped)>, CommandError> {
    let path = context.dir.ledger();
    if !path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))? {
        return Ok(None);
    }
    let view = LedgerView::open(&path)?;
    if view.identity()?.plan_digest != plan_digest {
        context.printer.note("the ledger belongs to another plan; differences are reported without its reasons");
        return Ok(None);
    }
    let (mut record, mut skipped) = (LedgerRecord::new(listing), Skipped::new());
    view.each_state(&mut |unit, state| {
        record.add_unit(&unit, &state);
        if let UnitState::Done { skipped: Some(reason), .. } = state {
            skipped.insert(unit.key, reason);
        }
    })?;
    for row in quarantine::read(&context.dir.quarantine())? {
        record.add_quarantined(&row?);
    }
    Ok(Some((record, skipped)))
}
