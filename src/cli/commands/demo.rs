//! `demo`: the recipe's system on embedded services, captured, exported, planned, translated, migrated with an interruption, and verified.

mod pumped;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use iota2ts::backfill::Outcome;
use iota2ts::demo::{self, Plant};
use iota2ts::local::{self, LocalSettings, PumpError, Running};
use iota2ts::progress::Progress;
use iota2ts::report;
use iota2ts::time::{Clock, HOUR_NANOS, ManualClock, Nanos};
use iota2ts::verify::Verification;
use serde::Serialize;
use tokio::sync::watch;

use crate::cli::args::{BackfillArgs, CaptureArgs, DemoArgs, PlanArgs, SampleArgs, TargetKind};
use crate::cli::directory::MigrationDir;
use crate::cli::{CommandError, Context, Ended, runtime};

use pumped::{Live, Sent};

use super::{backfill, capture, export, history, plan, target, translate, verify};

/// Marks a directory that a demo made, and that a demo may therefore make anew.
const MARKER: &str = ".iota2ts-demo";
const DEFAULT_DIR: &str = "demo-migration";

#[derive(Serialize)]
struct Played {
    messages: u64,
    interrupted: Outcome,
    resumed: Outcome,
    verification: Verification,
    /// The last messages of the history once more, through the stack; none where it could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<Sent>,
    /// Messages that follow the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Sent>,
}

pub(in crate::cli) fn demo(context: &Context, args: &DemoArgs) -> Result<Ended, CommandError> {
    let root = if context.dir_given { context.dir.root().to_owned() } else { PathBuf::from(DEFAULT_DIR) };
    fresh_directory(&root)?;
    // The services run on threads of their own, while the commands that ask them come and go.
    let services = runtime()?;
    let clock = Arc::new(ManualClock::at(Nanos(0)));
    let settings = LocalSettings::new(root.join("services"), Arc::clone(&clock) as Arc<dyn Clock>);
    let running = services.block_on(local::start(settings))?;
    let context = stage(context, &root, running.endpoint_url(), Arc::clone(&clock));
    let played = play(&context, &services, &running, &clock, args);
    let stopped = services.block_on(running.stop());
    let played = played?;
    stopped?;
    // The plant sends bad messages on purpose: the demo went well when each of them is accounted for.
    let well = played.verification.all_accounted_for();
    context.printer.result(&verdict(&played.verification, &root), &played)?;
    if well {
        Ok(Ended::Clean)
    } else {
        Err(CommandError::new("the demo did not end with every row accounted for").hinted("please report this, with the output above"))
    }
}

fn play(
    context: &Context,
    services: &tokio::runtime::Runtime,
    running: &Running,
    clock: &ManualClock,
    args: &DemoArgs,
) -> Result<Played, CommandError> {
    let seed = args.seed;
    let say = |text: &str| context.printer.note(text);
    let url = context.global.endpoint_url.clone().unwrap_or_default();
    say(&format!("1. a plant on embedded services at {url} (seed {seed}): the recipe's system, with its mistakes mended"));
    demo::MENDED.iter().for_each(|mended| say(&format!("   - {mended}")));
    let plant = Plant::new(&target::embedded_config(), &url);
    let sending = async {
        plant.set_up().await?;
        plant.send_history(seed, clock, &context.progress).await
    };
    let messages = services.block_on(sending).map_err(CommandError::new)?;
    say(&format!("   {messages} messages of a month went through its pipelines into s3://{}", demo::BUCKET));

    say("2. capture --live: its definitions, asked of the services");
    let live = CaptureArgs { from: Vec::new(), live: true, no_samples: false, parameter: Vec::new() };
    let (captured, _) = capture::captured_live(context, &live)?;
    say(&report::capture_text(&captured));

    say("3. export: the history copied from the bucket into staging");
    let bucket = PathBuf::from(format!("s3://{}", demo::BUCKET));
    say(&report::export_text(&export::staged(context, Some(&bucket))?));

    say("4. plan: survey, mapping, findings; nothing is written to a service");
    let no_sample = SampleArgs { sample_objects: None, sample_rows: None };
    let staging = Some(PathBuf::from(history::STAGING));
    let made = plan::made(context, &PlanArgs { history: staging, detailed_exitcode: false, sample: no_sample })?;
    say(&report::plan_text(&made));

    say("5. translate: pipelines and rule into a stack to deploy");
    say(&report::translation_text(&translate::translated(context)?));

    let write = BackfillArgs { target: TargetKind::Aws, strict: false, max_rejects: None };
    say("6. backfill into the embedded Timestream, stopped in the middle");
    let rows: u64 = made.tables.iter().map(|table| table.rows).sum();
    let (stop, stopped) = watch::channel(false);
    let halfway = Arc::new(StopsAt { rows: rows / 2, seen: AtomicU64::new(0), stop, inner: Arc::clone(&context.progress) });
    let interrupted = backfill::written(context, &write, halfway, Some(stopped))?;
    say(&report::outcome_text(&interrupted));
    say("7. the same command again: it resumes");
    let resumed = backfill::written(context, &write, Arc::clone(&context.progress), None)?;
    say(&report::outcome_text(&resumed));

    let table = made.tables.iter().find(|table| table.mapping.store == demo::SENSOR_STORE).map(|table| table.mapping.table.clone());
    let place = (made.target.database.as_str(), table.as_deref().unwrap_or_default());
    let stack = match Live::start(services, running, &context.dir.root().join("stack"), &args.python, place) {
        Ok(live) => Some(live),
        Err(error @ (PumpError::NoPython { .. } | PumpError::NoBoto3 { .. })) => {
            let hint = error.hint().unwrap_or_default();
            say(&format!("8. the stack's functions are left out, as they cannot run here: {error}; {hint}"));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let overlap = stack.as_ref().map(|stack| stack.send(&demo::last_messages(seed))).transpose()?;
    if let Some(Sent { messages, rows_before, rows_after }) = overlap {
        say(&format!(
            "8. the overlap: {messages} messages that are in the history come through the generated stack as well; {rows_before} rows before, {rows_after} after"
        ));
        if rows_before != rows_after {
            return Err(
                CommandError::new("the overlap of history and stack wrote rows anew").hinted("please report this, with the output above")
            );
        }
    }

    say("9. verify: source and target read again and compared");
    let verification = verify::verified(context, TargetKind::Aws, verify::Asked::default())?;

    // The present moves on to when these are sent.
    clock.advance(HOUR_NANOS);
    let live = stack.as_ref().map(|stack| stack.send(&demo::live_messages(seed))).transpose()?;
    if let Some(Sent { messages, rows_before, rows_after }) = live {
        say(&format!(
            "10. the plant goes on: {messages} new messages through the stack, of which its filter kept {}",
            rows_after.saturating_sub(rows_before)
        ));
    }
    Ok(Played { messages, interrupted, resumed, verification, overlap, live })
}

/// The same for a seed, however far the first run came: that stands in its own outcome.
fn verdict(verification: &Verification, root: &Path) -> String {
    let verdict = if verification.all_accounted_for() { "every row is accounted for" } else { "rows are unaccounted for" };
    format!(
        "{}\ninterrupted once on the way, and resumed: {verdict}.\nLook around in {}: migration.toml, stack/, report/, quarantine/ (iota2ts --dir {} quarantine list)\n",
        report::verification_text(verification),
        root.display(),
        root.display(),
    )
}

/// The demo's own context: its directory, its services, and their clock, so that it ends the same every day.
fn stage(context: &Context, root: &Path, endpoint_url: String, clock: Arc<ManualClock>) -> Context {
    let mut global = context.global.clone();
    global.endpoint_url = Some(endpoint_url);
    Context {
        dir: MigrationDir::new(root),
        dir_given: true,
        asks_embedded: true,
        global,
        printer: context.printer,
        progress: Arc::clone(&context.progress),
        clock,
    }
}

/// Makes the directory, or makes it anew when an earlier demo left it. Anything else is not touched.
fn fresh_directory(root: &Path) -> Result<(), CommandError> {
    let failed = |e: std::io::Error| CommandError::new(format!("`{}` could not be made ready: {e}", root.display()));
    let marker = root.join(MARKER);
    if root.try_exists().map_err(failed)? {
        let ours = marker.try_exists().map_err(failed)?;
        let empty = root.read_dir().map_err(failed)?.next().is_none();
        if !ours && !empty {
            return Err(CommandError::new(format!("`{}` holds something that no demo made", root.display()))
                .hinted("give the demo a directory of its own: iota2ts --dir DIR demo"));
        }
        if ours {
            std::fs::remove_dir_all(root).map_err(failed)?;
        }
    }
    std::fs::create_dir_all(root).map_err(failed)?;
    std::fs::write(marker, "made by iota2ts demo, and removed by the next one\n").map_err(failed)
}

/// Passes progress on, and asks for a stop once enough rows went by.
struct StopsAt {
    rows: u64,
    seen: AtomicU64,
    stop: watch::Sender<bool>,
    inner: Arc<dyn Progress>,
}

impl Progress for StopsAt {
    fn begin(&self, phase: &str, total: Option<u64>, unit: &'static str) {
        self.inner.begin(phase, total, unit);
    }

    fn advance(&self, count: u64) {
        self.inner.advance(count);
        if self.seen.fetch_add(count, Ordering::SeqCst) + count >= self.rows {
            self.stop.send_replace(true);
        }
    }

    fn note(&self, text: &str) {
        self.inner.note(text);
    }

    fn end(&self) {
        self.inner.end();
    }
}
