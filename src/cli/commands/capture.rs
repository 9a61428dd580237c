//! `capture`: definitions from files and from the service into `inventory.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use iota2ts::inventory::{self, Captured, Inventory};
use iota2ts::live::{self, Connection, LiveError, Needs, Pace, Samples, TrialCounts, Trials, Wanted};
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::transform::TransformSwitches;
use serde::Serialize;

use super::target::aws_config;
use crate::cli::args::CaptureArgs;
use crate::cli::{CommandError, Context, Ended};

#[derive(Serialize)]
struct Result_<'a> {
    inventory: &'a Inventory,
    problems: &'a [inventory::Problem],
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Asked>,
}

/// What came of asking the service.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    requests: u64,
    answers: usize,
    /// Whether every question was answered.
    whole: bool,
    /// Why AWS IoT Analytics said nothing.
    closed: Option<String>,
    /// Messages of channels that were taken.
    sample_messages: usize,
    /// How the activities did that the service ran beside our engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    activities: Option<TrialCounts>,
    #[serde(skip)]
    samples: Samples,
}

impl Asked {
    pub(super) fn has_findings(&self) -> bool {
        !self.whole || self.closed.is_some() || self.activities.is_some_and(|counts| counts.differ + counts.failed > 0)
    }
}

pub(in crate::cli) fn capture(context: &Context, args: &CaptureArgs) -> Result<Ended, CommandError> {
    let (captured, asked) = if args.live {
        let (captured, asked) = captured_live(context, args)?;
        (captured, Some(asked))
    } else {
        let captured = read(&args.from, &args.parameter)?;
        save(context, &captured)?;
        (captured, None)
    };
    let result = Result_ { inventory: &captured.inventory, problems: &captured.problems, live: asked.as_ref() };
    context.printer.result(&report::capture_text(&captured), &result)?;
    if captured.has_errors() {
        context.printer.note("what is wrong above was left out of the inventory; mend it and capture again, or plan without it");
        return Ok(Ended::WithFindings);
    }
    if asked.is_some_and(|asked| asked.has_findings()) {
        context.printer.note(&format!("saved {}; not all is as it should be: see above", context.dir.inventory().display()));
        return Ok(Ended::WithFindings);
    }
    context.printer.note(&format!("saved {}; next: iota2ts plan --history PATH", context.dir.inventory().display()));
    Ok(Ended::Clean)
}

/// Asks the service, saves what is defined, and holds the activities against it where channels gave messages.
pub(super) fn captured_live(context: &Context, args: &CaptureArgs) -> Result<(Captured, Asked), CommandError> {
    let (captured, mut asked) = read_live(context, args)?;
    // Before anything is tried out: what was captured must not hang on that.
    save(context, &captured)?;
    if asked.sample_messages > 0 {
        asked.activities = try_activities(context, &captured.inventory, &asked.samples)?;
    }
    Ok((captured, asked))
}

/// Reads the definitions; at least one resource must be among them.
pub(super) fn read(from: &[PathBuf], parameters: &[(String, String)]) -> Result<Captured, CommandError> {
    Ok(inventory::capture(from, &by_key(parameters))?)
}

fn by_key(parameters: &[(String, String)]) -> BTreeMap<String, String> {
    parameters.iter().cloned().collect()
}

/// Asks the service, keeps its answers as files, and reads them with the files that were named.
fn read_live(context: &Context, args: &CaptureArgs) -> Result<(Captured, Asked), CommandError> {
    let needs = if args.from.is_empty() { Needs::default() } else { Needs::of(&read(&args.from, &args.parameter)?.inventory) };
    context.dir.create()?;
    let asking = async {
        let connection = Connection { sdk_config: aws_config(context).await?, endpoint_url: context.global.endpoint_url.clone() };
        let wanted = Wanted { needs, samples: !args.no_samples };
        Ok::<_, CommandError>(live::capture(&connection, Pace::default(), wanted, Arc::clone(&context.progress)).await)
    };
    let found = match crate::cli::runtime()?.block_on(asking)? {
        Ok(found) => found,
        Err(error) => {
            if let Some(so_far) = error.so_far().filter(|so_far| !so_far.is_empty()) {
                let folder = so_far.save_incomplete(context.dir.root())?;
                context.printer.note(&format!("the {} answers until then are kept in {}", so_far.len(), folder.display()));
            }
            return Err(error.into());
        }
    };
    if let Some(closed) = found.closed.clone().filter(|_| args.from.is_empty()) {
        // What IoT Core alone knows must not take the place of a fuller inventory.
        if found.answers.has_rules() {
            let folder = found.answers.save_incomplete(context.dir.root())?;
            context.printer.note(&format!(
                "IoT Core answered: the topic rules that feed channels are kept in {}; name it beside your files after --from",
                folder.display()
            ));
        }
        return Err(LiveError::Closed(closed).into());
    }
    if let Some(closed) = &found.closed {
        context.printer.note(&format!("{closed}; what follows comes from the files and from IoT Core"));
    }
    if let Some(older) = found.answers.save(context.dir.root())? {
        context.printer.note(&format!("the answers of the capture before are kept in {}", older.display()));
    }
    let captured = inventory::capture_with(&args.from, &found.answers.documents(), &by_key(&args.parameter))?;
    if found.samples.messages() > 0 {
        let folder = found.samples.save(context.dir.root())?;
        context.printer.note(&format!("{} sample messages are kept in {}", found.samples.messages(), folder.display()));
    }
    let asked = Asked {
        requests: found.requests,
        answers: found.answers.len(),
        whole: found.answers.is_whole(),
        closed: found.closed.map(|closed| closed.to_string()),
        sample_messages: found.samples.messages(),
        activities: None,
        samples: found.samples,
    };
    let others = match found.answers.rules_elsewhere() {
        0 => String::new(),
        others => format!("; {others} topic rules feed no channel and were left alone"),
    };
    context.printer.note(&format!(
        "{} requests; {} answers are kept in {}{others}",
        asked.requests,
        asked.answers,
        context.dir.root().join("captured").display()
    ));
    Ok((captured, asked))
}

/// Holds the activities against the service and keeps the evidence. None where no pipeline has messages.
fn try_activities(context: &Context, inventory: &Inventory, samples: &Samples) -> Result<Option<TrialCounts>, CommandError> {
    // The switches as they were decided, where there are settings and they can be read; a capture must not fail by them.
    let switches = Settings::load(&context.dir.settings()).map_or_else(|_| TransformSwitches::default(), |settings| settings.switches);
    let trials: Trials = crate::cli::runtime()?.block_on(async {
        let connection = Connection { sdk_config: aws_config(context).await?, endpoint_url: context.global.endpoint_url.clone() };
        let (progress, now) = (Arc::clone(&context.progress), context.clock.now());
        Ok::<_, CommandError>(live::try_activities(&connection, Pace::default(), inventory, &switches, samples, progress, now).await)
    })?;
    if trials.pipelines.is_empty() {
        return Ok(None);
    }
    let path = context.dir.report("activities.json")?;
    std::fs::write(&path, trials.to_json())
        .map_err(|e| CommandError::new(format!("the report {} could not be written: {e}", path.display())))?;
    context.printer.note(&format!("{} evidence in {}", report::trials_text(&trials), path.display()));
    Ok(Some(trials.counts()))
}

pub(super) fn save(context: &Context, captured: &Captured) -> Result<(), CommandError> {
    context.dir.create()?;
    Ok(captured.inventory.save(&context.dir.inventory())?)
}
