//! `demo`: a generated factory migrated on this machine, interrupted once in the middle, resumed and verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use iota2ts::backfill::Outcome;
use iota2ts::demo;
use iota2ts::progress::Progress;
use iota2ts::report;
use iota2ts::time::ManualClock;
use iota2ts::verify::Verification;
use serde::Serialize;
use tokio::sync::watch;

use crate::cli::args::{BackfillArgs, PlanArgs, SampleArgs, TargetKind};
use crate::cli::directory::MigrationDir;
use crate::cli::{CommandError, Context, Ended};

use super::{backfill, capture, plan, verify};

/// Marks a directory that a demo made, and that a demo may therefore make anew.
const MARKER: &str = ".iota2ts-demo";
const DEFAULT_DIR: &str = "demo-migration";

#[derive(Serialize)]
struct Played {
    interrupted: Outcome,
    resumed: Outcome,
    verification: Verification,
}

pub(in crate::cli) fn demo(context: &Context, seed: u64) -> Result<Ended, CommandError> {
    let root = if context.dir_given { context.dir.root().to_owned() } else { PathBuf::from(DEFAULT_DIR) };
    fresh_directory(&root)?;
    let say = |text: &str| context.printer.note(text);
    say(&format!("1. a factory is generated in {} (seed {seed})", root.display()));
    let generated = demo::generate(&root, seed).map_err(CommandError::new)?;
    let context = stage(context, &root);

    say("2. capture: its definitions");
    let captured = capture::read(&[generated.definitions], &[])?;
    captured.inventory.save(&context.dir.inventory())?;
    say("3. plan: survey, mapping, findings; nothing is written to a service");
    let no_sample = SampleArgs { sample_objects: None, sample_rows: None };
    let made = plan::made(&context, &PlanArgs { history: Some(generated.history), detailed_exitcode: false, sample: no_sample })?;
    say(&report::plan_text(&made));

    let write = BackfillArgs { target: TargetKind::Embedded, strict: false, max_rejects: None };
    say("4. backfill into the embedded Timestream, stopped in the middle");
    let rows: u64 = made.tables.iter().map(|table| table.rows).sum();
    let (stop, stopped) = watch::channel(false);
    let halfway = Arc::new(StopsAt { rows: rows / 2, seen: AtomicU64::new(0), stop, inner: Arc::clone(&context.progress) });
    let interrupted = backfill::written(&context, &write, halfway, Some(stopped))?;
    say(&report::outcome_text(&interrupted));
    say("5. the same command again: it resumes");
    let resumed = backfill::written(&context, &write, Arc::clone(&context.progress), None)?;
    say(&report::outcome_text(&resumed));
    say("6. verify: source and target read again and compared");
    let verification = verify::verified(&context, TargetKind::Embedded)?;
    let text = verdict(&verification, &root);
    // The factory has bad rows on purpose: the demo went well when each of them is accounted for.
    let well = verification.all_accounted_for();
    context.printer.result(&text, &Played { interrupted, resumed, verification })?;
    if well {
        Ok(Ended::Clean)
    } else {
        Err(CommandError::new("the demo did not end with every row accounted for").hinted("please report this, with the output above"))
    }
}

/// The same for a seed, however far the first run came: that stands in its own outcome.
fn verdict(verification: &Verification, root: &Path) -> String {
    let verdict = if verification.all_accounted_for() { "every row is accounted for" } else { "rows are unaccounted for" };
    format!(
        "{}\ninterrupted once on the way, and resumed: {verdict}.\nLook around in {}: migration.toml, report/, quarantine/ (iota2ts --dir {} quarantine list)\n",
        report::verification_text(verification),
        root.display(),
        root.display(),
    )
}

/// The demo's own context: its directory, and the day the factory stopped as the present, so that it ends the same every day.
fn stage(context: &Context, root: &Path) -> Context {
    Context {
        dir: MigrationDir::new(root),
        dir_given: true,
        global: context.global.clone(),
        printer: context.printer,
        progress: Arc::clone(&context.progress),
        clock: Arc::new(ManualClock::at(demo::HISTORY_END)),
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
