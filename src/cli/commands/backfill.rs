//! `backfill`: the plan carried out, or gone on with.

use std::sync::Arc;

use iota2ts::backfill::{self, HistoryUnits, Job, Outcome, ReadFailure, Refused, Tuning};
use iota2ts::history::{HistoryError, Listing, RowReader};
use iota2ts::inventory::Inventory;
use iota2ts::ledger::{Identity, Ledger};
use iota2ts::mapping::Mapper;
use iota2ts::plan::Plan;
use iota2ts::progress::Progress;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::target::liveanalytics::LiveAnalyticsWriter;
use tokio::sync::watch;

use crate::cli::args::BackfillArgs;
use crate::cli::{CommandError, Context, Ended, failpoints, runtime};

use super::history::{self, History, Place};
use super::target;

pub(in crate::cli) fn backfill(context: &Context, args: &BackfillArgs) -> Result<Ended, CommandError> {
    let outcome = written(context, args, Arc::clone(&context.progress), None)?;
    context.printer.result(&report::outcome_text(&outcome), &outcome)?;
    if outcome.interrupted {
        context.printer.note("go on with the same command");
        return Ok(Ended::WithFindings);
    }
    Ok(if outcome.is_clean() { Ended::Clean } else { Ended::WithFindings })
}

/// A plan that still fits what it was made from.
pub(super) struct Fresh {
    pub(super) plan: Plan,
    pub(super) listing: Listing,
    pub(super) rows: Arc<dyn RowReader>,
}

/// Loads the plan and refuses a stale one.
pub(super) fn fresh_plan(context: &Context) -> Result<Fresh, CommandError> {
    super::replay::finish(context)?;
    let plan = Plan::load(&context.dir.plan())?;
    let inventory = Inventory::load(&context.dir.inventory())?;
    let settings = Settings::load(&context.dir.settings())?;
    let place = Place::open(context, &plan.history)?;
    let functions = history::functions(context, &settings)?;
    let History { listing, rows, digest } = place.seen(&settings.raw, &history::running(&inventory, &settings, functions.as_ref()))?;
    if let Err(stale) = plan.check_fresh(&inventory.digest(), &settings.digest(), &digest) {
        let stale = CommandError::from(stale);
        // Planning again would not help: the plan of a backfill that has begun stays.
        return Err(if super::plan::begun_with(context)?.is_some() {
            stale.hinted(
                "a backfill by this plan has begun: undo the change, or plan in a directory of its own (--dir) and begin there; where a changed \
                 mapping is to bring in rows from quarantine, `quarantine replay` does it",
            )
        } else {
            stale
        });
    }
    Ok(Fresh { plan, listing, rows })
}

/// Writes until all is done, or until Ctrl-C or `stop` says otherwise.
pub(super) fn written(
    context: &Context,
    args: &BackfillArgs,
    progress: Arc<dyn Progress>,
    stop: Option<watch::Receiver<bool>>,
) -> Result<Outcome, CommandError> {
    let fresh = fresh_plan(context)?;
    runtime()?.block_on(async {
        let plan = Arc::new(fresh.plan);
        let plan_digest = plan.digest();
        let ledger = Ledger::open(
            &context.dir.ledger(),
            &Identity { plan_digest: plan_digest.clone(), tool_version: env!("CARGO_PKG_VERSION").to_owned() },
            backfill::units(&plan, &fresh.listing),
            &*context.clock,
        )?;
        let opened = target::open(context, args.target, &plan.target.database).await?;
        let writer = LiveAnalyticsWriter::connect(opened.connection.clone()).await?;
        let listing = Arc::new(fresh.listing);
        let job = Job {
            reader: Arc::new(units_of(&plan, &listing, fresh.rows)?),
            plan,
            plan_digest,
            listing,
            writer: Arc::new(writer),
            ledger,
            quarantine_dir: context.dir.quarantine(),
            strict: args.strict,
            max_rejects: args.max_rejects,
            clock: Arc::clone(&context.clock),
            progress,
            stop: stop.unwrap_or_else(stop_on_ctrl_c),
            failpoints: Arc::new(failpoints()?),
            tuning: Tuning::default(),
        };
        let outcome = backfill::backfill(job).await;
        let closed = opened.close().await;
        let outcome = outcome?;
        closed?;
        Ok(outcome)
    })
}

/// The plan's units, read from the history and mapped by the plan's own rules.
pub(super) fn units_of(
    plan: &Plan,
    listing: &Arc<Listing>,
    rows: Arc<dyn RowReader>,
) -> Result<impl backfill::UnitReader + 'static, CommandError> {
    let mappers = plan.tables.iter().map(|table| Mapper::new(&table.mapping)).collect::<Result<Vec<_>, _>>()?;
    let units = HistoryUnits::new(
        plan,
        Arc::clone(listing),
        move |object, sink| rows.read(object, sink).map_err(|error| read_failure(&error)),
        move |table, row| {
            let Some(mapper) = mappers.get(table) else {
                return Err(Refused { code: "unmapped_table", reason: format!("the plan has no table numbered {table}") });
            };
            let mapped = mapper.map(row).map_err(|refusal| Refused { code: refusal.code.code(), reason: refusal.to_string() })?;
            Ok(mapped.record)
        },
    )?;
    Ok(units)
}

fn read_failure(error: &HistoryError) -> ReadFailure {
    let is_changed = matches!(error, HistoryError::Changed { .. } | HistoryError::Vanished { .. });
    ReadFailure { is_changed, message: error.to_string(), hint: error.hint() }
}

/// The first Ctrl-C finishes what is in flight; the second ends the process, which is safe too and only repeats more work.
fn stop_on_ctrl_c() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
            if tokio::signal::ctrl_c().await.is_ok() {
                #[allow(clippy::exit, reason = "a person asked twice; the ledger is made for it")]
                std::process::exit(130);
            }
        }
        // Keeps the channel open: a closed one must not look like a wish to stop.
        std::future::pending::<()>().await;
    });
    stopped
}
