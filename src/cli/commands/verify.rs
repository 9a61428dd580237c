//! `verify`: source and target read again and compared.

use std::sync::Arc;

use iota2ts::census::MappedSource;
use iota2ts::failpoint;
use iota2ts::history::{Listing, RowReader};
use iota2ts::inventory::Inventory;
use iota2ts::ledger::{LedgerView, Unit, UnitState, quarantine};
use iota2ts::mapping::TableMapping;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::target::liveanalytics::LiveAnalyticsReader;
use iota2ts::verify::translation::{Side, TranslationJob};
use iota2ts::verify::{self, LedgerRecord, SkippedObjects, Verdict, Verification, VerifyJob, VerifyOptions};

use crate::cli::args::{TargetKind, VerifyArgs};
use crate::cli::{CommandError, Context, Ended, failpoints, runtime};

use super::backfill::fresh_plan;
use super::evidence;
use super::history::{self, Place};
use super::plan::write_report;
use super::target;

pub(in crate::cli) fn verify(context: &Context, args: VerifyArgs) -> Result<Ended, CommandError> {
    let Some(target) = args.target else { return transform_check(context) };
    let verification = verified(context, target)?;
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

/// Verifies and leaves the report in the migration directory.
pub(super) fn verified(context: &Context, kind: TargetKind) -> Result<Verification, CommandError> {
    let fresh = fresh_plan(context)?;
    let (ledger, rows) = match ledger_record(context, &fresh.plan.digest(), &fresh.listing)? {
        Some((record, skipped)) => (Some(record), Arc::new(SkippedObjects::new(fresh.rows, &skipped)) as Arc<dyn RowReader>),
        None => (None, fresh.rows),
    };
    let differences = context.dir.report("differences.jsonl")?;
    let source = MappedSource::new(rows, fresh.plan.tables.iter().map(|table| &table.mapping))?;
    let options = VerifyOptions { readers: fresh.plan.write.readers, ..VerifyOptions::default() };
    let verification = runtime()?.block_on(async {
        let opened = target::open(context, kind, &fresh.plan.target.database).await?;
        let reader = LiveAnalyticsReader::connect(opened.connection.clone()).await?;
        let verification = verify::verify(VerifyJob {
            plan: Arc::new(fresh.plan),
            listing: Arc::new(fresh.listing),
            source: Arc::new(source),
            reader,
            ledger: ledger.map(Arc::new),
            clock: Arc::clone(&context.clock),
            progress: Arc::clone(&context.progress),
            scratch: context.dir.scratch(),
            differences,
            options,
        })
        .await;
        let closed = opened.close().await;
        let verification = verification?;
        closed?;
        Ok::<Verification, CommandError>(verification)
    })?;
    context.dir.tidy();
    let failpoints = failpoints()?;
    failpoints.hit(failpoint::VERIFY_COMPARED);
    write_report(context, "verification.txt", &report::verification_text(&verification))?;
    let json = serde_json::to_string_pretty(&verification)
        .map_err(|e| CommandError::new(format!("the verification could not be written as JSON: {e}")))?;
    write_report(context, "verification.json", &json)?;
    failpoints.hit(failpoint::VERIFY_REPORTED);
    let seal = evidence::leave(context, &verification)?;
    failpoints.hit(failpoint::VERIFY_PROVED);
    context.printer.note(&format!("evidence.json is sealed by {seal}"));
    Ok(verification)
}

/// The units of a ledger with what became of them.
type States = Vec<(Unit, UnitState)>;

/// What the ledger knows, to say why; none when there is no ledger of this plan.
fn ledger_record(context: &Context, plan_digest: &str, listing: &Listing) -> Result<Option<(LedgerRecord, States)>, CommandError> {
    let path = context.dir.ledger();
    if !path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))? {
        return Ok(None);
    }
    let view = LedgerView::open(&path)?;
    if view.identity()?.plan_digest != plan_digest {
        context.printer.note("the ledger belongs to another plan; differences are reported without its reasons");
        return Ok(None);
    }
    let states = view.states()?;
    let mut record = LedgerRecord::new(listing, &states);
    for row in quarantine::read(&context.dir.quarantine())? {
        record.add_quarantined(&row?);
    }
    Ok(Some((record, states)))
}
