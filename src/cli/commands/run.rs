//! `run`: capture, plan, backfill, verify; stopping at the first thing that a person must decide.

use std::sync::Arc;

use iota2ts::backfill::Outcome;
use iota2ts::inventory::Problem;
use iota2ts::plan::{Grade, Plan};
use iota2ts::report;
use iota2ts::verify::{Verdict, Verification};
use serde::Serialize;

use crate::cli::args::{BackfillArgs, CaptureArgs, Output, PlanArgs, RunArgs, SampleArgs};
use crate::cli::{CommandError, Context, Ended};

use super::{backfill, capture, plan, verify};

/// How far it came; what was not reached is absent.
#[derive(Serialize, Default)]
struct Steps {
    problems: Vec<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfill: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
}

pub(in crate::cli) fn run(context: &Context, args: &RunArgs) -> Result<Ended, CommandError> {
    let mut steps = Steps::default();
    let ended = all(context, args, &mut steps);
    if context.printer.output == Output::Json {
        context.printer.result("", &steps)?;
    }
    ended
}

fn all(context: &Context, args: &RunArgs, steps: &mut Steps) -> Result<Ended, CommandError> {
    let say =
        |text: &str| if context.printer.output == Output::Text { context.printer.data(&report::text::shown_lines(text)) } else { Ok(()) };
    let live = CaptureArgs { from: args.from.clone(), live: args.live, no_samples: false, parameter: args.parameter.clone() };
    let (captured, unseen) = if args.live {
        let (captured, asked) = capture::captured_live(context, &live)?;
        (captured, asked.has_findings())
    } else {
        let captured = capture::read(&args.from, &args.parameter)?;
        capture::save(context, &captured)?;
        (captured, false)
    };
    say(&report::capture_text(&captured))?;
    let mistakes = captured.has_errors();
    steps.problems = captured.problems;
    if mistakes {
        context.printer.note("stopped after the capture: mend the mistakes above in the files they name, then run again");
        return Ok(Ended::WithFindings);
    }
    if unseen && !args.accept_warnings {
        context
            .printer
            .note("stopped after the capture: the service left questions open, see above; mend that, or run again with --accept-warnings");
        return Ok(Ended::WithFindings);
    }

    let sample = SampleArgs { sample_objects: None, sample_rows: None };
    let made = plan::made(context, &PlanArgs { history: args.history.clone(), detailed_exitcode: true, sample })?;
    say(&report::plan_text(&made))?;
    let (errors, warnings) = (made.graded(Grade::Error), made.graded(Grade::Warning));
    steps.plan = Some(made);
    if errors > 0 || (warnings > 0 && !args.accept_warnings) {
        let again = if errors > 0 { "then run again" } else { "then run again with --accept-warnings" };
        context.printer.note(&format!(
            "stopped before the first write: read the findings above, edit {} where a choice is not yours, {again}",
            context.dir.settings().display()
        ));
        return Ok(Ended::WithFindings);
    }

    let write = BackfillArgs { target: args.target, strict: false, max_rejects: None };
    let outcome = backfill::written(context, &write, Arc::clone(&context.progress), None)?;
    say(&report::outcome_text(&outcome))?;
    let interrupted = outcome.interrupted;
    steps.backfill = Some(outcome);
    if interrupted {
        context.printer.note("interrupted; the same command goes on");
        return Ok(Ended::WithFindings);
    }

    let verification = verify::verified(context, args.target, verify::Asked::default())?;
    say(&report::verification_text(&verification))?;
    let complete = verification.verdict == Verdict::Complete;
    steps.verification = Some(verification);
    Ok(if complete { Ended::Clean } else { Ended::WithFindings })
}
