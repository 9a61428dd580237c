//! `plan`: survey, mapping, census, findings. It writes files of the migration directory and nothing else.

use std::path::Path;

use iota2ts::census::{self, CensusOptions, MappedSource};
use iota2ts::channel::{RawStore, Running};
use iota2ts::history::Listing;
use iota2ts::inventory::Inventory;
use iota2ts::ledger::LedgerView;
use iota2ts::mapping::{self, Reason};
use iota2ts::plan::{self, Binding, Plan, PlanInputs, RuleRemark};
use iota2ts::report;
use iota2ts::settings::{self, ProposalInputs, ProposedTable, Settings};
use iota2ts::survey::{self, SampleSize, Survey, SurveyOptions};
use iota2ts::transform::TransformSwitches;

use crate::cli::args::{PlanArgs, SampleArgs};
use crate::cli::{CommandError, Context, Ended, path_text};

use super::history::{self, History, Place};

pub(in crate::cli) fn plan(context: &Context, args: &PlanArgs) -> Result<Ended, CommandError> {
    let made = made(context, args)?;
    context.printer.result(&report::plan_text(&made), &made)?;
    let something = made.graded(plan::Grade::Error) + made.graded(plan::Grade::Warning) > 0;
    Ok(if args.detailed_exitcode && something { Ended::WithFindings } else { Ended::Clean })
}

/// Makes the plan and saves it with its report. A dry run must not take the ground from under a backfill that has begun: then its plan
/// stays what it is.
pub(super) fn made(context: &Context, args: &PlanArgs) -> Result<Plan, CommandError> {
    let made = make(context, args.history.as_deref(), args.sample)?;
    context.dir.tidy();
    match begun_with(context)? {
        None => made.save(&context.dir.plan())?,
        Some(begun) if begun.bound_to == made.bound_to => {
            context.printer.note("a backfill by this plan has begun: plan.json stays as it is");
            return Ok(begun);
        }
        Some(_) => context.printer.note(
            "a backfill by an earlier plan has begun here, so plan.json stays as it is, and this plan is only shown; carry it out in a directory of its own (--dir)",
        ),
    }
    write_report(context, "plan.txt", &report::plan_text(&made))?;
    Ok(made)
}

/// The plan that the ledger of this directory goes by.
pub(super) fn begun_with(context: &Context) -> Result<Option<Plan>, CommandError> {
    let (ledger, plan) = (context.dir.ledger(), context.dir.plan());
    let there = |path: &Path| path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())));
    if !there(&ledger)? || !there(&plan)? {
        return Ok(None);
    }
    let (digest, plan) = (LedgerView::open(&ledger)?.identity()?.plan_digest, Plan::load(&plan)?);
    Ok((plan.digest() == digest).then_some(plan))
}

pub(super) fn make(context: &Context, history: Option<&Path>, sample: SampleArgs) -> Result<Plan, CommandError> {
    let inventory = Inventory::load(&context.dir.inventory())?;
    let existing = existing_settings(context)?;
    let history = history_of(context, history, existing.as_ref())?;
    let place = Place::open(context, &history)?;
    let sample = sample_size(sample);
    let usual = TransformSwitches::default();
    let functions = existing.as_ref().map(|settings| history::functions(context, settings)).transpose()?.flatten();
    let running = match &existing {
        Some(settings) => history::running(&inventory, settings, functions.as_ref()),
        None => Running { inventory: &inventory, switches: &usual, functions: None },
    };
    // A first plan takes rows from a channel where there is nothing else; afterwards the settings say so.
    let raw = existing.as_ref().map_or_else(|| running.only_raw(&place.listing), |settings| settings.raw.clone());
    let History { listing, rows, digest } = place.seen(&raw, &running)?;
    let survey_options = SurveyOptions { extent: sample, ..SurveyOptions::default() };
    let surveyed = survey::survey_with(&listing, &survey_options, &*context.progress, |object, sink| rows.read(object, sink))?;
    let (settings, doubts) = match existing {
        Some(settings) => (settings, Vec::new()),
        None => propose(context, &inventory, &surveyed, &listing, &raw, &history)?,
    };
    let rule_problems = rule_problems(&settings);
    let census = if rule_problems.is_empty() {
        let mapped = MappedSource::new(rows, &settings.tables)?;
        let options = CensusOptions { sample, ..CensusOptions::full(context.dir.scratch(), settings.write.readers) };
        census::take_from(&mapped, &listing, &settings.tables, &options, &*context.progress)?.census
    } else {
        // Rules that contradict themselves map nothing; the plan then says which, and is refused.
        census::Census { full: false, tables: Vec::new() }
    };
    Ok(plan::make(&PlanInputs {
        inventory: &inventory,
        survey: &surveyed,
        census: &census,
        settings: &settings,
        listing: &listing,
        now: context.clock.now(),
        tool_version: env!("CARGO_PKG_VERSION"),
        bound_to: Binding { inventory: inventory.digest(), settings: settings.digest(), listing: digest },
        rule_problems: &rule_problems,
        doubts: &doubts,
    }))
}

pub(super) fn existing_settings(context: &Context) -> Result<Option<Settings>, CommandError> {
    let path = context.dir.settings();
    let there = path.try_exists().map_err(|e| CommandError::new(format!("`{}` could not be looked at: {e}", path.display())))?;
    Ok(if there { Some(Settings::load(&path)?) } else { None })
}

/// The history named by the command or by `migration.toml`; the two must agree.
fn history_of(context: &Context, given: Option<&Path>, existing: Option<&Settings>) -> Result<String, CommandError> {
    match (given, existing) {
        (None, Some(settings)) => Ok(settings.history.clone()),
        (None, None) => {
            Err(CommandError::new("no history is named").hinted("give the directory that holds it: iota2ts plan --history PATH"))
        }
        (Some(given), existing) => {
            let given = path_text(given)?;
            match existing {
                Some(settings) if settings.history != given => Err(CommandError::new(format!(
                    "--history is `{given}`, and {} says `{}`",
                    context.dir.settings().display(),
                    settings.history
                ))
                .hinted("leave --history out, or change `history` in that file, or use another --dir")),
                _ => Ok(given),
            }
        }
    }
}

/// Proposes settings, writes them for a person to edit, and hands on what is in doubt.
fn propose(
    context: &Context,
    inventory: &Inventory,
    surveyed: &Survey,
    listing: &Listing,
    raw: &[RawStore],
    history: &str,
) -> Result<(Settings, Vec<RuleRemark>), CommandError> {
    let (mut tables, mut skipped, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for (store, survey) in &surveyed.stores {
        match mapping::propose(store, survey, inventory) {
            Ok(proposal) => {
                doubts.extend(proposal.doubts.iter().map(|doubt| remark(&proposal.mapping.table, doubt)));
                tables.push(ProposedTable { mapping: proposal.mapping, reasons: pairs(proposal.reasons), doubts: pairs(proposal.doubts) });
            }
            // One store that cannot be mapped by itself must not keep the others back; the file says why it is left out.
            Err(error) => skipped.push((store.clone(), error.to_string())),
        }
    }
    let now = context.clock.now();
    let proposed =
        settings::propose(&ProposalInputs { inventory, survey: surveyed, listing, raw, history, now, tables: &tables, skipped: &skipped })?;
    let text = settings::render(&proposed);
    context.dir.create()?;
    let path = context.dir.settings();
    std::fs::write(&path, &text).map_err(|e| CommandError::new(format!("`{}` could not be written: {e}", path.display())))?;
    context.printer.note(&format!("wrote the proposed settings to {}; edit it and plan again where a choice is not yours", path.display()));
    // What was written is what counts: the proposal is read back through the same door as a person's edits.
    Ok((Settings::load(&path)?, doubts))
}

fn pairs(reasons: Vec<Reason>) -> Vec<(String, String)> {
    reasons.into_iter().map(|reason| (reason.subject, reason.text)).collect()
}

fn remark(table: &str, doubt: &Reason) -> RuleRemark {
    RuleRemark {
        table: table.to_owned(),
        subject: doubt.subject.clone(),
        cause: doubt.text.clone(),
        remedy: "look at this choice in migration.toml before the first write".to_owned(),
    }
}

fn rule_problems(settings: &Settings) -> Vec<RuleRemark> {
    let of_table = |table: &mapping::TableMapping| -> Vec<RuleRemark> {
        mapping::check_rules(table)
            .into_iter()
            .map(|problem| RuleRemark {
                table: table.table.clone(),
                subject: problem.subject,
                cause: problem.cause,
                remedy: problem.remedy,
            })
            .collect()
    };
    settings.tables.iter().flat_map(of_table).collect()
}

fn sample_size(args: SampleArgs) -> Option<SampleSize> {
    (args.sample_objects.is_some() || args.sample_rows.is_some()).then(|| SampleSize {
        objects_per_store_max: args.sample_objects.unwrap_or(u64::MAX),
        rows_per_object_max: args.sample_rows.unwrap_or(u64::MAX),
    })
}

pub(super) fn write_report(context: &Context, name: &str, text: &str) -> Result<(), CommandError> {
    let path = context.dir.report(name)?;
    std::fs::write(&path, text).map_err(|e| CommandError::new(format!("`{}` could not be written: {e}", path.display())))
}
