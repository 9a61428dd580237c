//! `translate`: pipelines, rules and datasets into specs and a stack that can be deployed. It asks no service for anything.

use iota2ts::inventory::Inventory;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::stack::report::TranslationReport;
use iota2ts::stack::{self, StackInputs};

use crate::cli::{CommandError, Context, Ended, generated};

use super::plan::write_report;

pub(in crate::cli) fn translate(context: &Context) -> Result<Ended, CommandError> {
    let report = translated(context)?;
    context.printer.result(&report::translation_text(&report), &report)?;
    context.printer.note(&format!("next: read {}", context.dir.root().join("stack/README.md").display()));
    Ok(if report.is_complete() { Ended::Clean } else { Ended::WithFindings })
}

/// Translates, and leaves specs, stack and report in the migration directory.
pub(super) fn translated(context: &Context) -> Result<TranslationReport, CommandError> {
    let inventory = Inventory::load(&context.dir.inventory())?;
    let settings = Settings::load(&context.dir.settings())?;
    let stack = stack::assemble(StackInputs { inventory: &inventory, settings: &settings, switches: &settings.switches })?;
    for kept in generated::write(context.dir.root(), &stack.files)? {
        context.printer.note(&format!("{} was edited: it is kept, and a new one stands beside it", kept.display()));
    }
    write_report(context, "translation.txt", &report::translation_text(&stack.report))?;
    Ok(stack.report)
}
