//! `capture`: definitions from files and from the service into `inventory.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use iota2ts::inventory::{self, Captured, Inventory};
use iota2ts::live::{self, Connection, LiveError, Needs, Pace};
use iota2ts::report;
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
struct Asked {
    requests: u64,
    answers: usize,
    /// Whether every question was answered.
    whole: bool,
    /// Why AWS IoT Analytics said nothing.
    closed: Option<String>,
}

pub(in crate::cli) fn capture(context: &Context, args: &CaptureArgs) -> Result<Ended, CommandError> {
    let (captured, asked) = if args.live {
        let (captured, asked) = read_live(context, args)?;
        (captured, Some(asked))
    } else {
        (read(&args.from, &args.parameter)?, None)
    };
    let result = Result_ { inventory: &captured.inventory, problems: &captured.problems, live: asked.as_ref() };
    context.printer.result(&report::capture_text(&captured), &result)?;
    save(context, &captured)?;
    if captured.has_errors() {
        context.printer.note("what is wrong above was left out of the inventory; mend it and capture again, or plan without it");
        return Ok(Ended::WithFindings);
    }
    if asked.is_some_and(|asked| !asked.whole || asked.closed.is_some()) {
        context
            .printer
            .note(&format!("saved {}; not everything was answered: see what could not be seen", context.dir.inventory().display()));
        return Ok(Ended::WithFindings);
    }
    context.printer.note(&format!("saved {}; next: iota2ts plan --history PATH", context.dir.inventory().display()));
    Ok(Ended::Clean)
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
        Ok::<_, CommandError>(live::capture(&connection, Pace::default(), needs, Arc::clone(&context.progress)).await)
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
    let asked = Asked {
        requests: found.requests,
        answers: found.answers.len(),
        whole: found.answers.is_whole(),
        closed: found.closed.map(|closed| closed.to_string()),
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

pub(super) fn save(context: &Context, captured: &Captured) -> Result<(), CommandError> {
    context.dir.create()?;
    Ok(captured.inventory.save(&context.dir.inventory())?)
}
