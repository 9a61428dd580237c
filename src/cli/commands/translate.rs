//! `translate`: pipelines, rules and datasets into specs and a stack that can be deployed. It asks no service for anything.

use iota2ts::inventory::Inventory;
use iota2ts::report;
use iota2ts::settings::Settings;
use iota2ts::stack::{self, StackInputs};

use crate::cli::{CommandError, Context, Ended, generated};

use super::plan::write_report;

pub(in crate::cli) fn translate(context: &Context) -> Result<Ended, CommandError> {
    let inventory = Inventory::load(&context.dir.inventory())?;
    let settings = Settings::load(&context.dir.settings())?;
    let stack = stack::assemble(StackInputs { inventory: &inventory, settings: &settings, switches: &settings.switches })?;
    for kept in generated::write(context.dir.root(), &stack.files)? {
        context.printer.note(&format!("{} was edited: it is kept, and a new one stands beside it", kept.display()));
    }
    let text = report::translation_text(&stack.report);
    write_report(context, "translation.txt", &text)?;
    context.printer.result(&text, &stack.report)?;
    context.printer.note(&format!("next: read {}", context.dir.root().join("stack/README.md").display()));
    Ok(if stack.report.is_complete() { Ended::Clean } else { Ended::WithFindings })
}
